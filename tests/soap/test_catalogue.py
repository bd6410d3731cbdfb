"""Bringing WSDLs from files and from real local servers, and reading them afterwards with the servers gone."""

import gzip
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest
from lxml import etree

from connectors.errors import Down, InvalidRequest
from connectors.soap import catalogue
from connectors.soap.catalogue import add
from connectors.soap.documents import CATALOGUE, OASIS, Documents
from connectors.soap.wsdl import read
from tests.peers.canned import Canned
from tests.soap.test_wsdl import NS, SCHEMA, binding, bound, declared, port_type, wsdl, xsd


class Site:
    """Context manager: a web server of the pages given, by path and query."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes | str] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                page = site.pages.get(self.path)
                body = page.encode() if isinstance(page, str) else page or b"no such page"
                if "gzip" in self.path:
                    body = gzip.compress(body)
                self.send_response(404 if page is None else 302 if self.path == "/moved" else 200)
                self.send_header("Content-Length", str(len(body)))
                if "gzip" in self.path:
                    self.send_header("Content-Encoding", "gzip")
                if self.path == "/moved":
                    self.send_header("Location", "https://elsewhere.invalid/a.wsdl")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as made:
        yield made


def with_schema(inside: str, *more: str) -> str:
    schema = SCHEMA.replace('"urn:t">', f'"urn:t">{inside}')
    return wsdl(*more, port_type(declared()), binding(bound()), schema=schema)


def entries(folder: Path) -> dict[str, str]:
    root = etree.parse(folder / CATALOGUE).getroot()
    return {entry.attrib["name"]: entry.attrib["uri"] for entry in root.iter(f"{{{OASIS}}}uri")}


def put(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_from_an_address_with_every_import_and_then_without_any_network(site: Site, tmp_path: Path) -> None:
    imports = (
        '<x:include schemaLocation="svc?xsd=types.xsd"/><x:import namespace="urn:o" schemaLocation="/gzip/other.xsd#top"/>'
        '<x:import namespace="http://x-road.eu/xsd/xroad.xsd" schemaLocation="http://x-road.invalid/xroad.xsd"/>'
        '<x:import namespace="http://www.w3.org/XML/1998/namespace"/>'
    )
    head = f'<?xml version="1.0" encoding="ISO-8859-1"?><w:definitions {NS} targetNamespace="urn:t">'
    bindings = (
        f"{head}<!-- \xe9 -->"
        + binding(bound())
        + '<w:import namespace="urn:t" location="./svc?wsdl"/></w:definitions>'
    )
    main = with_schema(imports, '<w:import namespace="urn:t" location="binding.wsdl"/>').replace(binding(bound()), "")
    site.pages = {
        "/a%20b/svc?wsdl": main,
        "/a%20b/svc?xsd=types.xsd": xsd('<x:include schemaLocation="?xsd=more.xsd"/>', "urn:t"),
        "/a%20b/svc?xsd=more.xsd": xsd('<x:include schemaLocation="svc?xsd=types.xsd"/>'),
        "/a%20b/binding.wsdl": bindings.encode("latin-1"),
        "/gzip/other.xsd": xsd('<x:redefine schemaLocation="../a%20b/../gzip/old.xsd"/>', "urn:o"),
        "/gzip/old.xsd": xsd("", "urn:o"),
    }
    address = f"{site.url}/a%20b/svc?wsdl"
    path = add(address, tmp_path / "deep" / "vendored")
    assert path == tmp_path / "deep" / "vendored" / "svc.wsdl"
    assert sorted(site.asked) == sorted(site.pages), "each once, and the standard ones not at all"
    folder = path.parent
    assert entries(folder) == {
        address: "svc.wsdl",
        f"{site.url}/a%20b/svc?xsd=types.xsd": "1-svc-xsd-types.xsd",
        f"{site.url}/gzip/other.xsd": "2-other.xsd",
        f"{site.url}/a%20b/binding.wsdl": "3-binding.wsdl",
        f"{site.url}/a%20b/svc?xsd=more.xsd": "4-svc-xsd-more.xsd",
        f"{site.url}/gzip/old.xsd": "5-old.xsd",
    }
    assert (folder / "3-binding.wsdl").read_bytes() == bindings.encode("latin-1"), "byte for byte"
    assert {path.name for path in folder.iterdir()} == {CATALOGUE, *entries(folder).values()}
    assert [path.name for path in folder.parent.iterdir()] == ["vendored"], "nothing is left aside"
    comment = etree.parse(folder / CATALOGUE).getroot()[0]
    assert comment.text is not None
    assert comment.text.startswith(f" Brought from {address} on 20")
    before = list(site.asked)
    site.server.shutdown()
    site.server.server_close()  # a port that refuses
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", site.server.server_port))
    found = read(Documents(path))
    assert (found.broken, list(found.ports[0].operations)) == ((), ["Do"])
    assert (len(found.schemas), site.asked) == (8, before)


def test_from_files_with_locations_that_leave_the_folder(tmp_path: Path) -> None:
    put(
        tmp_path / "from",
        {
            "main/my service.wsdl": with_schema('<x:include schemaLocation="types\\a.xsd"/>'),
            "main/types/a.xsd": xsd('<x:import namespace="urn:o" schemaLocation="../../common/a.xsd"/>', "urn:t"),
            "common/a.xsd": xsd('<x:include schemaLocation="b%20b.xsd"/>', "urn:o"),
            "common/b b.xsd": xsd('<x:import namespace="urn:t" schemaLocation="../main/types/a.xsd"/>'),
        },
    )
    with pytest.raises(
        InvalidRequest, match=r"\.\./common/a\.xsd lies outside the WSDL's folder, which types/a\.xsd, line 1"
    ):
        add(str(tmp_path / "from/main/my service.wsdl"), tmp_path / "to")
    path = add(str(tmp_path / "from/main/my service.wsdl"), tmp_path / "to", folders=[tmp_path / "from"])
    assert entries(path.parent) == {
        "my service.wsdl": "my-service.wsdl",
        "types/a.xsd": "1-a.xsd",
        "../common/a.xsd": "2-a.xsd",
        "../common/b b.xsd": "3-b-b.xsd",
        "../main/types/a.xsd": "4-a.xsd",
    }
    found = read(Documents(path))
    assert found.broken == ()
    assert str(tmp_path) not in (path.parent / CATALOGUE).read_text(), "a workspace says nothing of a machine"


def test_a_file_may_import_from_hosts_that_are_allowed(site: Site, tmp_path: Path) -> None:
    host = site.url.removeprefix("http://")
    site.pages["/o.xsd"] = xsd("", "urn:o")
    text = with_schema(f'<x:import namespace="urn:o" schemaLocation="{site.url}/o.xsd"/>')
    put(tmp_path, {"a.wsdl": text})
    with pytest.raises(
        InvalidRequest, match=rf"o\.xsd is on the host {host}, which a\.wsdl, line 1, .*--allow-host {host}$"
    ):
        add(str(tmp_path / "a.wsdl"), tmp_path / "to", allow=["127.0.0.1", "127.0.0.1:1"])
    assert site.asked == [], "a host is not each of its ports"
    path = add(str(tmp_path / "a.wsdl"), tmp_path / "to", allow=[host])
    assert read(Documents(path)).broken == ()


def test_another_origin_is_asked_only_where_it_is_allowed(site: Site, tmp_path: Path) -> None:
    with Site() as other:
        other.pages["/o.xsd"] = xsd("", "urn:o")
        site.pages["/a.wsdl"] = with_schema(f'<x:import namespace="urn:o" schemaLocation="{other.url}/o.xsd"/>')
        with pytest.raises(InvalidRequest, match="--allow-host"):
            add(f"{site.url}/a.wsdl", tmp_path / "to")
        assert other.asked == []
        assert not (tmp_path / "to").exists()
        add(f"{site.url}/a.wsdl", tmp_path / "to", allow={other.url.removeprefix("http://")})
        assert other.asked == ["/o.xsd"]


REFUSED = {
    "gone": ('<x:include schemaLocation="gone.xsd"/>', "gone.xsd was answered with HTTP 404, which {}/a.wsdl, line 1, asks for by xsd:include"),
    "moved": ('<x:include schemaLocation="moved"/>', "redirects to https://elsewhere.invalid/a.wsdl, which is not followed, which {}/a.wsdl"),
    "html": ('<x:include schemaLocation="html"/>', "html is an HTML page, not XML, which {}/a.wsdl, line 1"),
    "broken": ('<x:include schemaLocation="broken"/>', "broken, line 1: not well-formed XML"),
    "dtd": ('<x:include schemaLocation="dtd"/>', "dtd has a document type declaration (<!DOCTYPE …>)"),
    "other": ('<x:include schemaLocation="other"/>', "other is neither a WSDL 1.1 nor a schema, but thing, which {}/a.wsdl, line 1"),
    "empty": ('<x:include schemaLocation="empty"/>', "empty is empty, which {}/a.wsdl, line 1"),
    "none": ("<x:include/>", "a.wsdl, line 1: xsd:include gives no location"),
    "file": ('<x:include schemaLocation="file:///etc/hostname"/>', "file:///etc/hostname is neither a file beside the WSDL nor an http address"),
    "urn": ('<x:import namespace="urn:o" schemaLocation="urn:o"/>', "urn:o is neither a file beside the WSDL"),
    "password": ('<x:include schemaLocation="http://u:secret@h.invalid/"/>', "an address on h.invalid holds a user name or a password"),
    "port": ('<x:include schemaLocation="http://h:99999/"/>', "an address is not one"),
}  # fmt: skip


@pytest.mark.parametrize(("inside", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_had_is_named_with_who_asks_for_it_and_nothing_changes(
    site: Site, tmp_path: Path, inside: str, why: str
) -> None:
    site.pages = {
        "/good.wsdl": with_schema(""),
        "/a.wsdl": with_schema(inside),
        "/moved": "",
        "/html": "<!doctype html><p>log in",
        "/broken": "<x:schema",
        "/dtd": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
        "/other": "<thing/>",
        "/empty": "",
    }
    add(f"{site.url}/good.wsdl", tmp_path / "to")
    before = state(tmp_path)
    with pytest.raises(InvalidRequest) as caught:
        add(f"{site.url}/a.wsdl", tmp_path / "to")
    assert why.format(site.url) in caught.value.detail
    assert "secret" not in caught.value.detail
    assert state(tmp_path) == before


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('<description xmlns="http://www.w3.org/ns/wsdl"/>', "is a WSDL 2.0 description; only WSDL 1.1 is read"),
        (xsd(""), "is an XML Schema, which says no operations"),
        ("<a/>", "is not a WSDL: its root is a, not wsdl:definitions"),
        ("no", "not well-formed XML"),
    ],
)
def test_a_source_that_is_no_wsdl(tmp_path: Path, content: str, why: str) -> None:
    put(tmp_path, {"a.wsdl": content})
    with pytest.raises(InvalidRequest) as caught:
        add(str(tmp_path / "a.wsdl"), tmp_path / "to")
    assert caught.value.detail.startswith("a.wsdl")
    assert why in caught.value.detail


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("gone.wsdl", "the file gone.wsdl does not exist"),
        ("ftp://h.invalid/a.wsdl", "is neither a file beside the WSDL nor an http address"),
        ("http://u:secret@h.invalid/a.wsdl", "an address on h.invalid holds a user name or a password"),
        ("http://[h/", "an address is not one"),
        ("\0", "cannot be read (ValueError)"),
    ],
)
def test_a_source_that_is_none(tmp_path: Path, source: str, why: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        add(source, tmp_path / "to")
    assert why in caught.value.detail
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["fifo", "link", "folder"])
def test_only_plain_files_of_the_folder_are_read(tmp_path: Path, kind: str) -> None:
    put(tmp_path, {"in/a.wsdl": with_schema('<x:include schemaLocation="b.xsd"/>'), "secret.xsd": xsd("")})
    there = tmp_path / "in" / "b.xsd"
    if kind == "fifo":
        os.mkfifo(there)  # to open it would wait for a writer
    elif kind == "link":
        there.symlink_to(tmp_path / "secret.xsd")
    else:
        there.mkdir()
    why = "lies outside the WSDL's folder" if kind == "link" else "is no regular file"
    with pytest.raises(InvalidRequest, match=rf"b\.xsd {why}, which a\.wsdl, line 1, asks for by xsd:include"):
        add(str(tmp_path / "in" / "a.wsdl"), tmp_path / "to")
    if kind == "fifo":
        with pytest.raises(InvalidRequest, match=r"b\.xsd is no regular file$"):
            add(str(there), tmp_path / "to")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://H.invalid/a", "h.invalid"), ("http://h.invalid:80/a", "h.invalid"), ("http://h.invalid:443/", "h.invalid:443"),
        ("http://[::1]:8080/", "[::1]:8080"), ("https://[::1]/", "[::1]"),
    ],
)  # fmt: skip
def test_a_host_is_allowed_with_its_port(tmp_path: Path, address: str, place: str) -> None:
    put(tmp_path, {"a.wsdl": with_schema(f'<x:include schemaLocation="{address}"/>')})
    with pytest.raises(InvalidRequest) as caught:
        add(str(tmp_path / "a.wsdl"), tmp_path / "to")
    assert caught.value.detail.endswith(f"--allow-host {place}")


def test_an_import_that_is_missing_among_files(tmp_path: Path) -> None:
    put(tmp_path, {"a.wsdl": with_schema('<x:include schemaLocation="b/gone.xsd"/>')})
    with pytest.raises(
        InvalidRequest, match=r"the file b/gone\.xsd does not exist, which a\.wsdl, line 1, asks for by xsd:include"
    ):
        add(str(tmp_path / "a.wsdl"), tmp_path / "to")


def test_a_server_that_is_down_keeps_its_own_error(tmp_path: Path) -> None:
    with Canned() as canned:
        url = canned.url
    with pytest.raises(Down, match=r"/a\.wsdl was not had: 127\.0\.0\.1 could not be asked"):
        add(f"{url}/a.wsdl", tmp_path / "to")


def test_bounds(site: Site, tmp_path: Path) -> None:
    site.pages = {f"/{n}.xsd": xsd(f'<x:include schemaLocation="{n + 1}.xsd"/>', "urn:t") for n in range(1000)}
    site.pages["/a.wsdl"] = with_schema('<x:include schemaLocation="0.xsd"/>')
    with pytest.raises(InvalidRequest, match=r"leads to more than 500 documents, and none was kept"):
        add(f"{site.url}/a.wsdl", tmp_path / "to")
    assert len(site.asked) == catalogue.MAX_DOCUMENTS
    filler = f"<x:annotation><x:documentation>{'x' * 9_000_000}</x:documentation></x:annotation>"
    site.pages = {f"/{n}.xsd": xsd(f'<x:include schemaLocation="{n + 1}.xsd"/>{filler}', "urn:t") for n in range(9)}
    site.pages["/a.wsdl"] = with_schema('<x:include schemaLocation="0.xsd"/>')
    with pytest.raises(InvalidRequest, match=r"leads to more than 64 MiB, and none was kept"):
        add(f"{site.url}/a.wsdl", tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_a_folder_is_replaced_whole_and_never_one_that_holds_something_else(tmp_path: Path) -> None:
    put(
        tmp_path,
        {
            "a.wsdl": with_schema('<x:include schemaLocation="b.xsd"/>'),
            "b.xsd": xsd("", "urn:t"),
            "c.wsdl": with_schema(""),
        },
    )
    (tmp_path / "to").mkdir()
    add(str(tmp_path / "a.wsdl"), tmp_path / "to")
    assert sorted(state(tmp_path / "to")) == ["1-b.xsd", "a.wsdl", CATALOGUE]
    add(str(tmp_path / "c.wsdl"), tmp_path / "to")
    assert sorted(state(tmp_path / "to")) == ["c.wsdl", CATALOGUE]
    put(tmp_path, {"mine/notes.txt": "keep"})
    for folder in ("mine", "a.wsdl"):
        with pytest.raises(InvalidRequest, match=f"{folder} is there already and holds no catalog.xml"):
            add(str(tmp_path / "a.wsdl"), tmp_path / folder)
    assert state(tmp_path / "mine") == {"notes.txt": b"keep"}


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("a.wsdl", "a.wsdl"),
        ("h/..%2F..%2Fetc.xsd", "etc.wsdl"),
        ("h/..%2F", "document.wsdl"),
        ("?wsdl", "document.wsdl"),
        ("x/.hidden.XML?singleWsdl", "hidden.wsdl"),
        ("catalog.xml", "catalog.wsdl"),
        ("a?id=../../b&c=d", "a-id-b-c-d.wsdl"),
        ("h/" + "n" * 300, "n" * 60 + ".wsdl"),
    ],
)
def test_local_names_are_readable_and_stay_inside(site: Site, tmp_path: Path, address: str, name: str) -> None:
    site.pages[f"/{address}"] = with_schema("")
    path = add(f"{site.url}/{address}", tmp_path / "to")
    assert path == tmp_path / "to" / name
    assert read(Documents(path)).ports


def test_names_never_clash(tmp_path: Path) -> None:
    put(tmp_path, {"1-A.wsdl": wsdl('<w:import location="a.wsdl"/>', port_type(declared()), binding(bound()))})
    put(tmp_path, {"a.wsdl": f"<w:definitions {NS}/>"})
    path = add(str(tmp_path / "1-A.wsdl"), tmp_path / "to")
    assert sorted(state(path.parent)) == ["1-A.wsdl", "501-a.wsdl", CATALOGUE]


def test_a_comment_holds_any_address(site: Site, tmp_path: Path) -> None:
    site.pages["/a--b.wsdl?c--"] = with_schema("")
    path = add(f"{site.url}/a--b.wsdl?c--", tmp_path / "to")
    assert list(entries(path.parent)) == [f"{site.url}/a--b.wsdl?c--"]
