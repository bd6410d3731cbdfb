"""Bringing a WSDL and all that it imports into a folder, once, so that nothing is fetched when the registry is asked.

Source: OASIS XML Catalogs 1.1, https://www.oasis-open.org/committees/download.php/14810/xml-catalogs.pdf
"""

import re
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urldefrag, urlsplit

from lxml import etree

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, InvalidRequest, Misconfigured
from connectors.soap.documents import (
    CATALOGUE,
    OASIS,
    Reference,
    one_line,
    parse,
    references,
    refusal,
    resolve,
    standard_schemas,
)
from connectors.soap.names import WSDL, XSD, local

SECONDS = 30.0
MAX_DOCUMENTS = 500
MAX_BYTES = 64 * 1024 * 1024
_PORTS = {"http": 80, "https": 443}


def add(source: str, folder: Path, *, allow: Collection[str] = (), folders: Collection[Path] = ()) -> Path:
    """Store a WSDL, a file or an address, with every import in `folder`, and return the WSDL's path there.

    Documents are stored byte for byte beside a `catalog.xml`; schemas that come with Beffroi are not fetched. Nothing
    is written before all is there, and an earlier catalogue in `folder` is replaced whole. Only the origin of the
    source is asked, and the hosts in `allow`: HOST, or HOST:PORT for a port that is not the usual one. Files are read
    below the folder of the source only, and below `folders`. Raises InvalidRequest (not a WSDL 1.1, a host or a folder
    not allowed, a document that is missing or no XML, too much, a folder that holds something else) and what
    `http.request` raises.
    """
    _check_replaceable(folder)
    brought = _Brought(source, {host.lower() for host in allow}, folders)
    brought.all()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as aside:
        new, old = Path(aside, "new"), Path(aside, "old")
        new.mkdir()
        for name, content in brought.contents.items():
            (new / name).write_bytes(content)
        (new / CATALOGUE).write_bytes(brought.catalogue())
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    return folder / next(iter(brought.contents))


class _Brought:
    """The documents brought so far: `contents` by local name, the WSDL first, and `names` by address."""

    def __init__(self, source: str, allow: set[str], folders: Collection[Path]) -> None:
        self.contents: dict[str, bytes] = {}
        self.names: dict[str, str] = {}
        self._allow = allow
        self._size = 0
        self._origin: tuple[str, str, int | None] | None = None
        if "://" in source:
            self._first = urldefrag(source.strip())[0]
            self._origin = _origin(self._first)
        else:
            self._first, self._beside = Path(source).name, Path(source).parent
            self._folders = [folder.resolve() for folder in (self._beside, *folders)]

    def all(self) -> None:
        """Bring the source and everything that it leads to; a circle ends where it began."""
        queue = [(self._first, "")]
        seen = {self._first}
        while queue:
            address, importer = queue.pop(0)
            root = self._bring(address, importer)
            for reference in references(root):
                there = self._wanted(address, reference)
                if there is not None and there not in seen:
                    seen.add(there)
                    queue.append((there, f", which {address}, line {reference.line}, asks for by {reference.kind}"))

    def catalogue(self) -> bytes:
        """Return the catalogue of what was brought, as XML."""
        root = etree.Element(f"{{{OASIS}}}catalog", nsmap={None: OASIS})
        source = self._first.replace("--", "-%2D")  # no comment may hold two hyphens
        root.append(etree.Comment(f" Brought from {source} on {datetime.now(UTC):%Y-%m-%d}. "))
        for address, name in self.names.items():
            etree.SubElement(root, f"{{{OASIS}}}uri", name=address, uri=name)
        etree.indent(root)
        return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"

    def _wanted(self, base: str, reference: Reference) -> str | None:
        """Return the address to bring for a reference, None where a standard schema, or no location, stands there."""
        if reference.location is None:
            if reference.kind == "xsd:import":
                return None
            raise InvalidRequest(f"{base}, line {reference.line}: {reference.kind} gives no location")
        if reference.kind == "xsd:import" and reference.namespace in standard_schemas():
            return None
        return resolve(base, reference.location)

    def _bring(self, address: str, importer: str) -> etree._Element:
        if len(self.contents) == MAX_DOCUMENTS:
            raise InvalidRequest(f"{self._first} leads to more than {MAX_DOCUMENTS} documents, and none was kept")
        content = self._fetch(address, importer) if ":" in address else self._read(address, importer)
        self._size += len(content)
        if self._size > MAX_BYTES:
            raise InvalidRequest(f"{self._first} leads to more than {MAX_BYTES // 2**20} MiB, and none was kept")
        try:
            root = parse(content, address)
        except Misconfigured as error:
            raise InvalidRequest(error.detail + importer) from error
        if not importer and (wrong := refusal(root)):
            raise InvalidRequest(f"{address} {wrong}")
        if root.tag not in (f"{{{WSDL}}}definitions", f"{{{XSD}}}schema"):
            raise InvalidRequest(f"{address} is neither a WSDL 1.1 nor a schema, but {local(root.tag)}{importer}")
        self._store(address, content, ".xsd" if root.tag == f"{{{XSD}}}schema" else ".wsdl")
        return root

    def _store(self, address: str, content: bytes, suffix: str) -> None:
        number, stem = len(self.contents), _stem(address)
        name = f"{number}-{stem}{suffix}" if number else f"{stem}{suffix}"
        while name.lower() in {taken.lower() for taken in self.contents}:  # the WSDL itself may be called 1-a.wsdl
            number += MAX_DOCUMENTS
            name = f"{number}-{stem}{suffix}"
        self.names[address], self.contents[name] = name, content

    def _read(self, address: str, importer: str) -> bytes:
        """Return a file's content, which will lie in the workspace: only of one that is plainly the WSDL's."""
        try:
            path = (self._beside / address).resolve()
            if importer and not any(path.is_relative_to(folder) for folder in self._folders):
                raise InvalidRequest(
                    f"the file {address} lies outside the WSDL's folder{importer}: where it is the WSDL's, repeat with"
                    " --allow-folder DIR, the folder that it lies in"
                )
            if path.exists() and not path.is_file():
                raise InvalidRequest(f"{address} is no regular file{importer}")
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            missing = isinstance(error, FileNotFoundError)
            why = "does not exist" if missing else f"cannot be read ({type(error).__name__})"
            raise InvalidRequest(f"the file {address} {why}{importer}") from error

    def _fetch(self, address: str, importer: str) -> bytes:
        host = self._check_allowed(address, importer)
        try:
            response = http.request("GET", address, base=address, registry=host, deadline=Deadline.after(SECONDS))
        except BeffroiError as error:
            raise type(error)(f"{address} was not had{importer}: {error.detail}") from error
        if 300 <= response.status < 400:
            elsewhere = one_line(response.headers.get("Location", "nowhere"))[:200]
            raise InvalidRequest(
                f"{address} redirects to {elsewhere}, which is not followed{importer}: give that address"
            )
        if response.status != 200:
            raise InvalidRequest(f"{address} was answered with HTTP {response.status}{importer}")
        return response.body

    def _check_allowed(self, address: str, importer: str) -> str:
        """Return the host of an address. Raises InvalidRequest where it may not be asked."""
        scheme, host, _ = origin = _origin(address)
        if "@" in urlsplit(address).netloc:
            raise InvalidRequest(f"an address on {host} holds a user name or a password{importer}: give it without")
        if scheme not in ("http", "https") or not host:
            raise InvalidRequest(f"{address} is neither a file beside the WSDL nor an http address{importer}")
        if origin != self._origin and _place(origin) not in self._allow:
            place = _place(origin)
            raise InvalidRequest(
                f"{address} is on the host {place}{importer}: where you trust it, repeat with --allow-host {place}"
            )
        return host


def _origin(address: str) -> tuple[str, str, int | None]:
    try:
        url = urlsplit(address)
        return url.scheme, url.hostname or "", url.port or _PORTS.get(url.scheme)
    except ValueError as error:
        raise InvalidRequest("an address is not one: its host or its port cannot be read") from error


def _place(origin: tuple[str, str, int | None]) -> str:
    """Return host and port of an origin, without the port where it is the scheme's usual one."""
    scheme, host, port = origin
    host = f"[{host}]" if ":" in host else host
    return host if port == _PORTS.get(scheme) else f"{host}:{port}"


def _stem(address: str) -> str:
    """Return a readable file name for an address, without suffix: never a folder, never hidden."""
    url = urlsplit(address)
    last = PurePosixPath(unquote(url.path)).name
    if url.query and url.query.lower() not in ("wsdl", "singlewsdl"):
        last = f"{last}-{unquote(url.query)}"
    stem = re.sub(r"\.(wsdl|xsd|xml)$", "", last, flags=re.IGNORECASE)
    return re.sub(r"(?:[^A-Za-z0-9_.-]|\.{2,})+", "-", stem).strip("-.")[:60] or "document"


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and ((folder / CATALOGUE).is_file() or not any(folder.iterdir()))):
        raise InvalidRequest(f"{folder.name} is there already and holds no {CATALOGUE}: give a folder that is new")
