"""Answers that a hostile server, or chance, may send: unreadable, or read right where they are harmless.

Each is sent over a socket to a process of its own whose memory is limited, to a single call and to a scan of a table,
and both must come to an end in bounded time and memory. Nothing that an answer names is ever loaded.
"""

import codecs
import gzip
import itertools
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from connectors.soap.names import SOAP_11, SOAP_12, XSI
from tests.peers.canned import Canned
from tests.soap.asker import Asker, Outcome, Way

MOST_SECONDS, MOST_MEGABYTES = 10, 600
"""What one answer may take, of whatever kind: an answer of 64 MiB is read whole, and once more as a tree."""
ADDRESS_SPACE = 4096
"""Megabytes, of which libraries alone take some hundreds."""

Body = bytes | Callable[[], Iterable[bytes]]


class Streaming:
    """Context manager: an HTTP server that sends what the test tells it to, a chunk at a time, held in no memory."""

    def __init__(self) -> None:
        self.chunks: Callable[[], Iterable[bytes]] = list
        self.headers: dict[str, str] = {}
        streaming = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                for name, value in streaming.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                try:
                    for chunk in streaming.chunks():
                        self.wfile.write(chunk)
                except OSError:  # the client had enough
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def say(self, body: Body, content_type: str = "text/xml; charset=utf-8", **headers: str) -> None:
        """Answer this from now on; `headers` with underscores for hyphens."""
        self.chunks = (lambda: [body]) if isinstance(body, bytes) else body
        self.headers = {"Content-Type": content_type, **{name.replace("_", "-"): v for name, v in headers.items()}}

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    with Asker(ADDRESS_SPACE) as made:
        yield made


@pytest.fixture(scope="module")
def server() -> Iterator[Streaming]:
    with Streaming() as made:
        yield made


@pytest.fixture(scope="module")
def witness() -> Iterator[Canned]:
    """A server that answers may name, and that nobody must ask."""
    with Canned() as made:
        made.say(b"<x/>", "text/xml")
        yield made
        assert made.connections == 0, "something that an answer named was loaded"


# --- the registry ----------------------------------------------------------------------------------------------------

WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:t="urn:t" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:ref="http://ws-i.org/profiles/basic/1.1/xsd"
    xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" xmlns:w="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:t">
  <types>
    <xsd:schema targetNamespace="urn:t" elementFormDefault="qualified">
      <xsd:import namespace="http://ws-i.org/profiles/basic/1.1/xsd"/>
      <xsd:import namespace="http://schemas.xmlsoap.org/soap/encoding/"/>
      <xsd:complexType name="Thing" abstract="true"><xsd:sequence><xsd:element name="a" type="xsd:string"/></xsd:sequence>
      </xsd:complexType>
      <xsd:complexType name="Known"><xsd:complexContent><xsd:extension base="t:Thing"/></xsd:complexContent></xsd:complexType>
      <xsd:simpleType name="Code"><xsd:restriction base="xsd:string"><xsd:pattern value="(a|aa)+"/></xsd:restriction>
      </xsd:simpleType>
      <xsd:complexType name="Row"><xsd:sequence>
        <xsd:element name="label" type="xsd:string"/>
        <xsd:element name="number" type="xsd:int" minOccurs="0"/>
        <xsd:element name="thing" type="t:Thing" minOccurs="0"/>
        <xsd:element name="within" type="t:Row" minOccurs="0"/>
        <xsd:element name="code" type="t:Code" minOccurs="0"/>
      </xsd:sequence></xsd:complexType>
      <xsd:element name="Ask"><xsd:complexType/></xsd:element>
      <xsd:element name="Answer"><xsd:complexType><xsd:sequence>
        <xsd:element name="title" type="xsd:string" minOccurs="0"/>
        <xsd:element name="scan" type="xsd:base64Binary" minOccurs="0" maxOccurs="unbounded"/>
        <xsd:element name="file" type="ref:swaRef" minOccurs="0"/>
        <xsd:element name="row" type="t:Row" minOccurs="0" maxOccurs="unbounded"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:complexType name="Node"><xsd:sequence>
        <xsd:element name="name" type="xsd:string" form="unqualified"/><xsd:element name="all" type="t:Nodes" minOccurs="0" form="unqualified"/>
        <xsd:element name="kind" type="xsd:QName" minOccurs="0" form="unqualified"/>
      </xsd:sequence></xsd:complexType>
      <xsd:complexType name="Nodes"><xsd:complexContent><xsd:restriction base="e:Array">
        <xsd:attribute ref="e:arrayType" w:arrayType="t:Node[]"/></xsd:restriction></xsd:complexContent></xsd:complexType>
    </xsd:schema>
  </types>
  <message name="in"><part name="parameters" element="t:Ask"/></message>
  <message name="out"><part name="parameters" element="t:Answer"/></message>
  <message name="nothing"/>
  <message name="nodes"><part name="node" type="t:Node"/></message>
  <portType name="port"><operation name="Ask"><input message="t:in"/><output message="t:out"/></operation></portType>
  <portType name="encoded"><operation name="Nodes"><input message="t:nothing"/><output message="t:nodes"/></operation>
  </portType>
  <binding name="binding" type="t:port"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Ask"><soap:operation soapAction=""/>
      <input><soap:body use="literal"/></input><output><soap:body use="literal"/></output></operation></binding>
  <binding name="encoded" type="t:encoded"><soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="Nodes"><soap:operation soapAction=""/>
      <input><soap:body use="encoded" namespace="urn:t" encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"/></input>
      <output><soap:body use="encoded" namespace="urn:t" encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"/></output>
    </operation></binding>
  <service name="service">
    <port name="port" binding="t:binding"><soap:address location="http://register.invalid/"/></port>
    <port name="encoded" binding="t:encoded"><soap:address location="http://register.invalid/"/></port>
  </service>
</definitions>"""


@pytest.fixture(scope="module")
def wsdl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "service.wsdl"
    path.write_text(WSDL)
    return path


NAMES = f'xmlns:s="{SOAP_11}" xmlns="urn:t" xmlns:t="urn:t" xmlns:xsi="{XSI}"'
HEAD = f"<s:Envelope {NAMES}><s:Body><Answer>"
TAIL = "</Answer></s:Body></s:Envelope>"
ROW = "<row><label>a</label><number>1</number></row>"


def whole(content: str) -> bytes:
    return f"{HEAD}{content}{TAIL}".encode()


def told(asker: Asker, way: Way, wsdl: Path, address: str) -> Outcome:
    """Ask, and see that the answer took no more than it may."""
    outcome = asker.ask(way, wsdl, "Ask", address, rows="row" if way == "scan" else "")
    assert outcome.seconds < MOST_SECONDS
    assert outcome.megabytes < MOST_MEGABYTES
    return outcome


def unreadable(outcome: Outcome) -> None:
    assert (outcome.error, outcome.value) == ("Unreadable", None), outcome.detail
    assert "S3CRET" not in outcome.detail
    assert "root:" not in outcome.detail


WAYS = pytest.mark.parametrize("way", ["call", "scan"])

# --- what must not be read --------------------------------------------------------------------------------------------

LEAF = '<!ENTITY a "aaaaaaaaaa">'
LAUGHS = LEAF + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefghi", "bcdefghij", strict=True))
PERCENT = "".join(f"<!ENTITY % {b} '{f'&#37;{a};' * 10}'>" for a, b in zip("abcdefghi", "bcdefghij", strict=True))


def with_dtd(subset: str, title: str, external: str = "") -> bytes:
    return f"<!DOCTYPE s:Envelope {external}[{subset}]>{HEAD}<title>{title}</title>{ROW}{TAIL}".encode()


WITNESS = "http://witness/"
"""Stands in an answer for the address of the server that must not be asked."""

DTDS = {
    "xxe file": with_dtd('<!ENTITY e SYSTEM "file:///etc/passwd">', "&e;"),
    "xxe http": with_dtd(f'<!ENTITY e SYSTEM "{WITNESS}e">', "&e;"),
    "parameter entity": with_dtd(f'<!ENTITY % e SYSTEM "{WITNESS}e.dtd"> %e;', "a"),
    "parameter entity that tells a file": with_dtd(
        f'<!ENTITY % f SYSTEM "file:///etc/passwd"><!ENTITY % e SYSTEM "{WITNESS}e.dtd"> %e; %f;', "a"
    ),
    "parameter laughs": with_dtd(f"<!ENTITY % a 'aaaaaaaaaa'>{PERCENT} %j;", "a"),
    "laughs": with_dtd(LAUGHS, "&j;"),
    "laughs in an attribute": with_dtd(LAUGHS, "a").replace(b"<Answer>", b'<Answer x="&j;">'),
    "laughs in a default": with_dtd(LAUGHS + '<!ATTLIST Answer x CDATA "&j;">', "a"),
    "quadratic": with_dtd(f'<!ENTITY e "{"a" * 500_000}">', "&e;" * 20_000),
    "an entity in itself": with_dtd('<!ENTITY e "&f;"><!ENTITY f "&e;">', "&e;"),
    "external dtd": with_dtd("", "a", f'SYSTEM "{WITNESS}e.dtd" '),
    "external dtd, public": with_dtd("", "a", f'PUBLIC "-//X//Y" "{WITNESS}e.dtd" '),
    "external dtd of a file": with_dtd("", "a", 'SYSTEM "file:///etc/passwd" '),
    "harmless dtd": with_dtd("", "a"),
    "a value by default": with_dtd('<!ATTLIST Answer x CDATA "S3CRET">', "a"),
    "unknown entity": whole("<title>&nbsp;</title>"),
    "dtd in UTF-16": with_dtd("", "a").decode().encode("utf-16"),
}


def endless(before: str, piece: str, size: int = 2**30) -> Callable[[], Iterator[bytes]]:
    """Return what streams `piece` until it is `size` bytes, in chunks of about 1 MB."""
    block = piece.encode() * (2**20 // len(piece.encode()))

    def chunks() -> Iterator[bytes]:
        yield before.encode()
        yield from itertools.repeat(block, size // len(block))

    return chunks


def tree(width: int, content: str) -> bytes:
    """Return an answer whose rows hold `content`."""
    return whole(f"<row><label>a</label>{content}</row>" * width)


def deep(levels: int) -> str:
    """Return a row's row's row."""
    return "<within><label>b</label>" * levels + "</within>" * levels


def numbered(template: str, count: int) -> str:
    return "".join(template.replace("#", str(number)) for number in range(count))


def endless_numbers(before: str, template: str) -> Callable[[], Iterator[bytes]]:
    """Return what streams a gigabyte of `template`, its # another number each time."""

    def chunks() -> Iterator[bytes]:
        yield before.encode()
        for number in range(2**30 // 10_000 // len(template)):
            yield "".join([template.replace("#", f"{number}.{each}") for each in range(10_000)]).encode()

    return chunks


ATTRIBUTE, PREFIX = 'a#="" ', 'xmlns:a#="urn:#" '
ENDLESS = {
    "text": endless(f"{HEAD}<title>", "a"),
    "text in a row": endless(f"{HEAD}<row><label>", "a"),
    "text of references": endless(f"{HEAD}<title>", "&#x1F600;"),
    "text of CDATA": endless(f"{HEAD}<title>", "<![CDATA[aaaaaaaaaaaaaaaa]]>"),
    "blanks": endless(HEAD, " "),
    "blanks after the first row": endless(HEAD + ROW, " "),
    "before the envelope": endless("", "\n"),
    "comment": endless(f"{HEAD}<!--", "a"),
    "comments": endless(HEAD, "<!-- a -->"),
    "instruction": endless(f"{HEAD}<?p ", "a"),
    "instructions": endless(HEAD, "<?p q?>"),
    "name": endless(f"{HEAD}<", "a"),
    "attribute": endless(f'{HEAD}<row x="', "a"),
    "attributes": endless_numbers(f"{HEAD}<row ", ATTRIBUTE),
    "prefixes": endless_numbers(f"{HEAD}<row ", PREFIX),
    "depth": endless(HEAD, "<x>"),
    "depth of known names": endless(HEAD, "<row>"),
    "extra elements": endless(HEAD, "<x/>"),
    "extra elements after the first row": endless(HEAD + ROW, "<x/>"),
    "extra elements in a row": endless(f"{HEAD}<row><label>a</label>", "<x/>"),
    "headers": endless(f"<s:Envelope {NAMES}><s:Header>", "<x/>"),
    "bodies": endless(f"<s:Envelope {NAMES}>", "<s:Body/>"),
    "declarations": endless("<!DOCTYPE x [", '<!ENTITY a "b">'),
}
"""Answers of a gigabyte that never end well."""

FULL = 60 * 2**20


def full(piece: str) -> Callable[[], Iterator[bytes]]:
    """Return what streams a whole answer that is just not too large: elements take many times their bytes in a memory."""
    return lambda: itertools.chain(endless(HEAD + ROW, piece, FULL)(), [TAIL.encode()])


FULL_OF = {"extra elements": full("<x/>"), "rows": full("<row><label/></row>"), "values": full("<scan/>")}

DEEP = 100_000
UNREADABLE: dict[str, bytes] = {
    "depth": whole("<x>" * DEEP + "</x>" * DEEP),
    "depth in a row": tree(1, "<x>" * DEEP + "</x>" * DEEP),
    "depth in a header": f"<s:Envelope {NAMES}><s:Header>{'<x>' * DEEP}{'</x>' * DEEP}</s:Header>"
    f"<s:Body><Answer/></s:Body></s:Envelope>".encode(),
    **{f"{levels} known elements deep": tree(1, deep(levels)) for levels in (60, 100, 170, 240)},
    "a pattern that takes ages": tree(1, f"<code>{'a' * 60}!</code>"),
    "text of 11 MB": whole(f"<title>{'a' * 11_000_000}</title>"),
    "NUL": whole("<title>S3CRET\0</title>"),
    "NUL by reference": whole("<title>&#0;</title>"),
    "NUL in a tag": whole("<ti\0tle>a</title>"),
    "NUL after the end": whole(ROW) + b"\0",
    "a control character": whole("<title>\x01</title>"),
    "half a surrogate": whole("<title>@</title>").replace(b"@", b"\xed\xa0\x80"),
    "half a surrogate by reference": whole("<title>&#xD800;</title>"),
    "a second document": whole(ROW) * 2,
    "text after the end": whole(ROW) + b"S3CRET",
    "cut": whole(ROW)[:-1],
    "attribute twice": whole('<row x="1" x="2"><label>a</label></row>'),
    "attribute twice by prefixes": whole('<row xmlns:a="u" xmlns:b="u" a:x="1" b:x="2"><label>a</label></row>'),
    "a prefix that nobody declares": whole("<q:row><label>a</label></q:row>"),
    "the prefix xml elsewhere": whole('<row xmlns:xml="urn:x"><label>a</label></row>'),
    "rows in no namespace": whole('<row xmlns=""><label>a</label></row>'),
    "rows in another namespace": whole('<row xmlns="urn:u"><label>a</label></row>'),
    "values in another namespace": whole('<row><label xmlns="urn:u">a</label></row>'),
    "an answer in another namespace": whole(ROW).replace(b"<Answer>", b'<Answer xmlns="urn:u">'),
    "an answer in no namespace": whole(ROW).replace(b"<Answer>", b'<Answer xmlns="">'),
    "a body of another version": whole(ROW)
    .replace(b"<s:Body>", f'<v:Body xmlns:v="{SOAP_12}">'.encode())
    .replace(b"</s:Body>", b"</v:Body>"),
    "an envelope of another version": whole(ROW).replace(SOAP_11.encode(), SOAP_12.encode()),
    "two bodies": whole(ROW).replace(b"</s:Body>", b"</s:Body><s:Body/>"),
    "two answers": whole(ROW).replace(b"</s:Body>", b"<Answer/></s:Body>"),
    "500,000 answers": whole(ROW).replace(b"<Answer>", b"<x/>" * 500_000 + b"<Answer>"),
    "no body": f'<s:Envelope xmlns:s="{SOAP_11}"/>'.encode(),
    "rows in the header": whole("")
    .replace(b"<s:Body>", f"<s:Header><Answer>{ROW}</Answer></s:Header><s:Body>".encode())
    .replace(b"<Answer></Answer>", b""),
    "an xsi:type that nobody knows": tree(1, '<thing xsi:type="t:S3CRET"><a>b</a></thing>'),
    "an xsi:type in no namespace": tree(1, '<thing xmlns:n="urn:n" xsi:type="n:Known"><a>b</a></thing>'),
    "an xsi:type without a declared prefix": tree(1, '<thing xsi:type="q:Known"><a>b</a></thing>'),
    "an xsi:type that is abstract": tree(1, '<thing xsi:type="t:Thing"><a>b</a></thing>'),
    "no xsi:type where the type is abstract": tree(1, "<thing><a>b</a></thing>"),
    "an xsi:type of another kind": tree(1, '<thing xsi:type="t:Row"><label>b</label></thing>'),
    "an xsi:type on a value": whole('<row xsi:type="t:Known"><a>b</a></row>'),
    "an xsi:type that is no name": tree(1, '<thing xsi:type="a b:c"><a>b</a></thing>'),
    "XInclude for a value": whole(
        '<row><label><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
        "</label></row>"
    ),
    "a comment that ends wrong": whole("<!-- a -- b -->"),
    "CDATA that ends nothing": whole("<title>]]></title>"),
    "a value split by an element": whole("<row><label>a<x>S3CRET</x>b</label></row>"),
    "swaRef to a file": whole("<file>file:///etc/passwd</file>"),
    "swaRef to a server": whole(f"<file>{WITNESS}</file>"),
    "swaRef to nothing": whole("<file>cid:nothing</file>"),
    "MTOM without parts": whole(
        '<scan><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:a"/></scan>'
    ),
    "UTF-8 that is latin-1": whole("<title>Plouézec</title>").decode().encode("latin-1"),
    "an encoding that nobody knows": b'<?xml version="1.0" encoding="S3CRET"?>' + whole(ROW),
    "UTF-16 that is UTF-8": b'<?xml version="1.0" encoding="UTF-16"?>'
    + whole("<title>é</title>").decode().encode("latin-1"),
    "UTF-16 cut in a character": ('\ufeff<?xml version="1.0"?>' + whole(ROW).decode()).encode("utf-16-le")[:-1],
    "nothing": b"",
    "a mark of order only": codecs.BOM_UTF8,
}


@WAYS
@pytest.mark.parametrize("name", DTDS)
def test_no_document_type(asker: Asker, server: Streaming, witness: Canned, wsdl: Path, way: Way, name: str) -> None:
    server.say(DTDS[name].replace(WITNESS.encode(), f"{witness.url}/".encode()))
    unreadable(told(asker, way, wsdl, server.url))
    assert witness.connections == 0


@WAYS
@pytest.mark.parametrize("name", ENDLESS)
def test_a_gigabyte(asker: Asker, server: Streaming, wsdl: Path, way: Way, name: str) -> None:
    server.say(ENDLESS[name])
    unreadable(told(asker, way, wsdl, server.url))


@pytest.mark.parametrize(
    ("way", "name"), [("call", "extra elements"), ("call", "rows"), ("call", "values"), ("scan", "extra elements")]
)
def test_full_of_elements(asker: Asker, server: Streaming, wsdl: Path, way: Way, name: str) -> None:
    server.say(FULL_OF[name])
    outcome = told(asker, way, wsdl, server.url)
    assert outcome.error in ("", "Unreadable")


@WAYS
@pytest.mark.parametrize("name", UNREADABLE)
def test_unreadable(asker: Asker, server: Streaming, witness: Canned, wsdl: Path, way: Way, name: str) -> None:
    server.say(UNREADABLE[name].replace(WITNESS.encode(), f"{witness.url}/".encode()))
    unreadable(told(asker, way, wsdl, server.url))
    assert witness.connections == 0


# --- compressed ------------------------------------------------------------------------------------------------------


def bomb(piece: bytes, times: int, layers: int = 1) -> Callable[[], Iterator[bytes]]:
    """Return what streams a gzip file of `piece` that often: blocks that stand for themselves repeat as bytes."""

    def packed(first: bytes, block: bytes, count: int) -> Iterator[bytes]:
        press = zlib.compressobj(9, zlib.DEFLATED, 31)
        yield press.compress(first) + press.flush(zlib.Z_FULL_FLUSH)
        again = press.compress(block) + press.flush(zlib.Z_FULL_FLUSH)
        yield from itertools.repeat(again, count)

    def chunks() -> Iterator[bytes]:
        inner = packed(f"{HEAD}<title>".encode(), piece, times)
        if layers == 1:
            return inner
        head, block = next(inner), next(inner)
        per = 2**20 // len(block)
        return packed(head, block * per, times // per)

    return chunks


@WAYS
@pytest.mark.parametrize(
    ("encoding", "chunks"),
    [
        ("gzip", bomb(b"a" * 2**20, 1024)),
        ("gzip", bomb(b" " * 2**20, 1024)),
        ("gzip", bomb(b"</title><title>" * 2**16, 1024)),
        ("gzip, gzip", bomb(b"a" * 2**20, 100_000, layers=2)),
        ("gzip", lambda: [gzip.compress(whole(ROW))[:-20]]),
        ("gzip", lambda: [gzip.compress(whole(ROW))[:-8] + b"\0" * 8]),
        ("gzip", lambda: [whole(ROW)]),
        ("S3CRET", lambda: [whole(ROW)]),
    ],
    ids=["text", "blanks", "elements", "twice", "cut", "wrong sum", "none", "unknown"],
)
def test_gzip(asker: Asker, server: Streaming, wsdl: Path, way: Way, encoding: str, chunks: Any) -> None:
    server.say(chunks, Content_Encoding=encoding)
    outcome = told(asker, way, wsdl, server.url)
    if encoding == "S3CRET":  # what is said of the encoding is wrong, the answer is right
        assert outcome.error in ("", "Unreadable")
    else:
        unreadable(outcome)


# --- attachments -----------------------------------------------------------------------------------------------------

RELATED = 'multipart/related; boundary=b; type="application/xop+xml"; start="<root>"; start-info="text/xml"'
INCLUDE = '<scan><xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="{}"/></scan>'


def package(content: str, part: bytes, times: int = 1) -> Callable[[], Iterator[bytes]]:
    """Return an MTOM message whose part `big` is `part` that often."""

    def chunks() -> Iterator[bytes]:
        yield b'--b\r\nContent-Type: application/xop+xml; type="text/xml"\r\nContent-ID: <root>\r\n\r\n' + whole(
            content
        )
        yield b"\r\n--b\r\nContent-Type: image/tiff\r\nContent-ID: <big>\r\n\r\n"
        yield from itertools.repeat(part, times)
        yield b"\r\n--b--\r\n"

    return chunks


MEGABYTE = b"\x01" * 2**20
ATTACHED: dict[str, Callable[[], Iterable[bytes]]] = {
    "one part a thousand times": package(INCLUDE.format("cid:big") * 1000, MEGABYTE, 50),
    "a reference to it too": package("<file>cid:big</file>" + ROW * 1000, MEGABYTE, 60),
    "a gigabyte": package(INCLUDE.format("cid:big"), MEGABYTE, 1024),
    "a file": package(INCLUDE.format("file:///etc/passwd"), b""),
    "a server": package(INCLUDE.format(WITNESS), b""),
    "swaRef to a file": package("<file>file:///etc/passwd</file>", b""),
    "swaRef to a server": package(f"<file>{WITNESS}</file>", b""),
    "nothing of that name": package(INCLUDE.format("cid:small"), b"S3CRET"),
    "the envelope itself": package(INCLUDE.format("cid:root"), b""),
    "a document type": lambda: [each.replace(b"<s:Env", b"<!DOCTYPE x []><s:Env") for each in package(ROW, b"")()],
    "a thousand parts more": lambda: [
        *package(ROW, b"")(),
        b"".join(b"--b\r\nContent-ID: <%d>\r\n\r\n\r\n" % number for number in range(100_000)),
    ],
    "many parts": lambda: [b"--b\r\nContent-ID: <%d>\r\n\r\n\r\n" % number for number in range(100_000)],
}


@WAYS
@pytest.mark.parametrize("name", ATTACHED)
def test_attachments(asker: Asker, server: Streaming, witness: Canned, wsdl: Path, way: Way, name: str) -> None:
    chunks = ATTACHED[name]
    server.say(lambda: (each.replace(WITNESS.encode(), witness.url.encode()) for each in chunks()), RELATED)
    outcome = told(asker, way, wsdl, server.url)
    if name not in ("a reference to it too", "a thousand parts more"):
        unreadable(outcome)
    assert witness.connections == 0


# --- references of rpc/encoded ---------------------------------------------------------------------------------------

ENCODED = f'<s:Envelope {NAMES} xmlns:e="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'


def encoded(node: str, targets: str = "") -> bytes:
    response = f'<t:NodesResponse><node xmlns="">{node}</node></t:NodesResponse>'
    targets = targets.replace("<m ", '<m xmlns="" ')
    return f"{ENCODED}{response}{targets}</s:Body></s:Envelope>".encode()


def level(number: int) -> str:
    items = f'<item href="#n{number + 1}"/>' * 10
    return f'<m id="n{number}" ><name>a</name><all e:arrayType="t:Node[10]">{items}</all></m>'


LEVELS = "".join(map(level, range(9))) + '<m id="n9" ><name>a</name></m>'
MANY = '<item href="#big"/>' * 2000
REFERENCES = {
    "laughs": encoded("<name>a</name><all><item href='#n0'/></all>", LEVELS),
    "a large text in many places": encoded(
        f"<name>a</name><all>{MANY}</all>", f'<m id="big" ><name>{"a" * 2_000_000}</name></m>'
    ),
    "a large attribute in many places": encoded(
        f"<name>a</name><all>{MANY}</all>", f'<m id="big" x="{"a" * 2_000_000}" ><name>a</name></m>'
    ),
    "a circle": encoded("<name>a</name><all href='#c'/>", '<m id="c" ><item><name>a</name><all href="#c"/></item></m>'),
    "itself": encoded("<name id='n' href='#n'/>"),
    "its own parent": encoded("<name>a</name><all id='p'><item><name>a</name><all href='#p'/></item></all>"),
    "nowhere": encoded("<name href='#S3CRET'/>"),
    "a file": encoded("<name href='file:///etc/passwd'/>"),
    "a server": encoded(f"<name href='{WITNESS}'/>"),
    "two of one name": encoded("<name href='#n'/>", '<m id="n" >a</m><m id="n" >b</m>'),
    "a name of ours": encoded("<name>a</name><kind>ns0:a</kind>"),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_references(asker: Asker, server: Streaming, witness: Canned, wsdl: Path, name: str) -> None:
    server.say(REFERENCES[name].replace(WITNESS.encode(), witness.url.encode()))
    outcome = asker.ask("call", wsdl, "Nodes", server.url)
    unreadable(outcome)
    assert outcome.seconds < MOST_SECONDS
    assert outcome.megabytes < MOST_MEGABYTES
    assert witness.connections == 0


@pytest.mark.parametrize("each", [1, 50])
@pytest.mark.parametrize("times", [2, 150])
def test_references_that_go_deep(asker: Asker, server: Streaming, wsdl: Path, each: int, times: int) -> None:
    """A target of no great depth, in a target of no great depth, and so on."""

    def nested(inner: str) -> str:
        return "<name>a</name><all><item>" * each + inner + "</item></all>" * each

    chain = "".join(f'<m id="n{n}" >{nested(f"""<name>a</name><all href="#a{n}"/>""")}</m>'
                    f'<m id="a{n}" ><item href="#n{n + 1}"/></m>' for n in range(times))  # fmt: skip
    server.say(encoded("<name>a</name><all><item href='#n0'/></all>", f'{chain}<m id="n{times}" ><name>a</name></m>'))
    outcome = asker.ask("call", wsdl, "Nodes", server.url)
    if each * times > 2:
        unreadable(outcome)
    else:
        assert (outcome.error, outcome.detail) == ("", "")


def test_a_long_chain_of_references(asker: Asker, server: Streaming, wsdl: Path) -> None:
    chain = "".join(f'<m id="n{n}" ><name>a</name><all><item href="#n{n + 1}"/></all></m>' for n in range(20_000))
    server.say(encoded("<name>a</name><all><item href='#n0'/></all>", chain + '<m id="n20000" ><name>a</name></m>'))
    unreadable(asker.ask("call", wsdl, "Nodes", server.url))


# --- what is harmless ------------------------------------------------------------------------------------------------

LATIN = '<?xml version="1.0" encoding="{}"?>'
TITLED = whole("<title>Plouézec</title>" + ROW).decode()


def written_in(encoding: str, *, declared: bool = True, mark: bytes = b"") -> bytes:
    return mark + ((LATIN.format(encoding) if declared else "") + TITLED).encode(encoding)


HARMLESS: dict[str, bytes] = {
    "schemaLocation": whole(ROW)
    .replace(b"<Answer>", f'<Answer xsi:schemaLocation="urn:t {WITNESS}t.xsd">'.encode())
    .replace(b"<s:Envelope ", f'<s:Envelope xsi:schemaLocation="{SOAP_11} {WITNESS}s.xsd" '.encode()),
    "schemaLocation in a row": whole(ROW.replace("<row>", f'<row xsi:schemaLocation="urn:t {WITNESS}t.xsd">')),
    "noNamespaceSchemaLocation": whole(ROW).replace(
        b"<Answer>", f'<Answer xsi:noNamespaceSchemaLocation="{WITNESS}n.xsd">'.encode()
    ),
    "a stylesheet": f'<?xml version="1.0"?><?xml-stylesheet href="{WITNESS}s.xsl" type="text/xsl"?>'.encode()
    + whole(ROW),
    "xml:base": whole(ROW).replace(b"<Answer>", f'<Answer xml:base="{WITNESS}">'.encode()),
    "instructions everywhere": whole(ROW.replace(">", "><?p q?>")).replace(b"<s:Body>", b"<?p q?><s:Body><?p?>"),
    "comments everywhere": whole(ROW.replace(">", "><!-- b -->")).replace(b"<s:Body>", b"<!-- b --><s:Body><!---->"),
    "a comment in each value": whole("<row><label><!-- b -->a<!-- c --></label><number><!-- 2 -->1</number></row>"),
    "an instruction in each value": whole("<row><label><?p q?>a</label><number>1<?p q?></number></row>"),
    "CDATA": whole("<row><label><![CDATA[a]]></label><number><![CDATA[1]]></number></row>"),
    "an envelope in the answer": whole(ROW + whole(ROW).decode()),
    "prefixes of its own": whole(
        '<q:row xmlns:q="urn:t"><label>a</label><q:number xmlns:q="urn:t">1</q:number></q:row>'
    ),
    "XInclude beside": whole(
        ROW.replace("</row>", f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{WITNESS}"/></row>')
    ),
    "10,000 extra elements": whole(ROW.replace("</row>", numbered("<x#>S3CRET</x#>", 10_000) + "</row>")),
    "10,000 extra elements outside": whole(numbered("<x#>S3CRET</x#>", 10_000) + ROW),
    "10,000 extra headers": whole(ROW).replace(
        b"<s:Body>", f"<s:Header>{numbered('<x#>S3CRET</x#>', 10_000)}</s:Header><s:Body>".encode()
    ),
    "200,000 extra elements": whole(ROW.replace("</row>", "<x/>" * 200_000 + "</row>")),
    "10,000 namespaces": whole(ROW.replace("<row>", f"<row {numbered(PREFIX, 10_000)}>")),
    "UTF-16": written_in("utf-16"),
    "UTF-16 without a declaration": written_in("utf-16", declared=False),
    "UTF-16 without a mark": (LATIN.format("UTF-16") + TITLED).encode("utf-16-le"),
    "UTF-16 the other way": (LATIN.format("UTF-16") + TITLED).encode("utf-16-be"),
    "UTF-8 with a mark": written_in("utf-8", mark=codecs.BOM_UTF8),
    "latin-1": written_in("iso-8859-1"),
    "windows-1252": written_in("windows-1252"),
}
MAYBE = {
    "a hundred thousand attributes in a row": whole(ROW.replace("<row>", f"<row {numbered(ATTRIBUTE, 100_000)}>")),
    "a million attributes": whole(ROW).replace(b"<Answer>", f"<Answer {numbered(ATTRIBUTE, 1_000_000)}>".encode()),
    "a hundred thousand attributes": whole(ROW).replace(
        b"<Answer>", f"<Answer {numbered(ATTRIBUTE, 100_000)}>".encode()
    ),
    "EBCDIC": (LATIN.format("IBM037") + TITLED).encode("cp037"),
    "UTF-7": (LATIN.format("UTF-7") + TITLED.replace("é", "+AOk-")).encode(),
    "UTF-32": written_in("utf-32"),
}
"""What may be read, and right, or be refused: by its size, or where libxml2 was built without the encoding."""


@WAYS
@pytest.mark.parametrize("name", [*HARMLESS, *MAYBE])
def test_harmless(asker: Asker, server: Streaming, witness: Canned, wsdl: Path, way: Way, name: str) -> None:
    body = {**HARMLESS, **MAYBE}[name]
    server.say(body.replace(WITNESS.encode(), f"{witness.url}/".encode()), "text/xml")
    outcome = told(asker, way, wsdl, server.url)
    assert witness.connections == 0
    assert len(outcome.extras) <= 100
    if outcome.error and name in MAYBE:
        unreadable(outcome)
        return
    assert (outcome.error, outcome.detail) == ("", "")
    if way == "scan":
        assert outcome.value == [1, {"label": "a", "number": 1, "thing": None, "within": None, "code": None}]
    else:
        assert outcome.value["row"] == [{"label": "a", "number": 1}]
        assert outcome.value.get("title", "Plouézec") == "Plouézec"


@WAYS
@pytest.mark.parametrize("spoken", ["utf-8", "iso-8859-1"])
@pytest.mark.parametrize("declared", ["", "utf-8", "iso-8859-1"])
@pytest.mark.parametrize("header", ["utf-8", "ISO-8859-1", '"utf-8"'])
def test_charsets_that_contradict(
    asker: Asker, server: Streaming, wsdl: Path, way: Way, spoken: str, declared: str, header: str
) -> None:
    """Where HTTP and the document agree, that is what counts (RFC 7303, 3.2); where they do not, no value is wrong."""
    declaration = LATIN.format(declared) if declared else ""
    row = "<row><label>Plouézec</label></row>"
    server.say((declaration + whole(row).decode()).encode(spoken), f"text/xml; charset={header}")
    outcome = told(asker, way, wsdl, server.url)
    said = {header.strip('"').lower(), declared or header.strip('"').lower()}
    if outcome.error:
        unreadable(outcome)
        assert said != {spoken}, "nothing contradicts here"
        return
    label = outcome.value["row"][0]["label"] if way == "call" else outcome.value[1]["label"]
    undetectable = {"PlouÃ©zec"} if said == {"iso-8859-1"} else set()
    assert label in {"Plouézec"} | undetectable


@WAYS
@pytest.mark.parametrize("charset", ["utf-8-sig", "mac-roman", "unicode_escape", "rot13", "idna", "base64", "S3CRET"])
def test_charsets_that_are_none(asker: Asker, server: Streaming, wsdl: Path, way: Way, charset: str) -> None:
    """What libxml2 does not read, though Python may have a codec of that name."""
    server.say(whole(ROW), f"text/xml; charset={charset}")
    unreadable(told(asker, way, wsdl, server.url))


@WAYS
def test_depth_that_some_register_may_have(asker: Asker, server: Streaming, wsdl: Path, way: Way) -> None:
    server.say(tree(1, deep(40)))
    outcome = told(asker, way, wsdl, server.url)
    assert (outcome.error, outcome.detail) == ("", "")
