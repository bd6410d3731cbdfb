"""Tables read as they arrive: the same values as in an answer read whole, the same errors, constant memory."""

import datetime as dt
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from socket import SHUT_RDWR, socket
from typing import Any

import pyarrow as pa
import pytest
import trustme

from connectors.deadline import Deadline
from connectors.errors import Down, Late, Misconfigured, Unreadable
from connectors.soap.bulk import BATCH, BATCH_BYTES, scan, scanned
from connectors.soap.client import SoapClient, Who
from connectors.soap.faults import SoapFault
from connectors.soap.security import Signature
from connectors.soap.values import Lexical, json_of
from tests.peers.canned import Canned, Raw
from tests.peers.soap_server.peer import BULK_WSDL, BulkServer
from tests.soap.small_wsdl import SOAP_11, A, B, element, envelope, sequence, write

ROOT = Path(__file__).parents[2]
XML = "text/xml; charset=utf-8"


@pytest.fixture(scope="module")
def bulk() -> Iterator[BulkServer]:
    with BulkServer() as server:
        yield server


@pytest.fixture(scope="module")
def items() -> SoapClient:
    return SoapClient(BULK_WSDL, "r")


def list_items(client: SoapClient, url: str, count: int) -> pa.RecordBatchReader:
    what = scanned(client, "ListItems", "items/item")
    return scan(client, what, {"count": count}, address=url, deadline=Deadline.after(60))


def rows_of(row: str, more: str = "", *, many: str = 'minOccurs="0" maxOccurs="unbounded"') -> dict[str, str]:
    """Return a WSDL's parts: an answer with a head, `rows` that hold any number of `row`, of the type given, and a foot."""
    held = (
        f'<xsd:element name="rows">{sequence(f"""<xsd:element name="row" {many}>{row}</xsd:element>""")}</xsd:element>'
    )
    return {"answer": sequence(element("head") + held + element("foot")), "more": more}


def answer(rows: str, *, head: str = "<head>h</head>", foot: str = "<foot>f</foot>", beside: str = "") -> bytes:
    return envelope(f'<Answer xmlns="urn:t" xmlns:p="urn:t">{head}<rows>{rows}</rows>{beside}{foot}</Answer>')


def ask(client: SoapClient, url: str, *, texts: tuple[str, ...] = (), seconds: float = 20) -> pa.RecordBatchReader:
    what = scanned(client, "Ask", "rows/row", texts)
    return scan(client, what, {"number": 1}, address=url, deadline=Deadline.after(seconds))


def read(client: SoapClient, canned: Canned, body: bytes, **asked: Any) -> pa.Table:
    canned.say(body, XML)
    return ask(client, canned.url, **asked).read_all()


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "gzip"])
@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 2 * BATCH, 2 * BATCH + 1])
def test_every_row_of_a_table(bulk: BulkServer, items: SoapClient, path: str, count: int) -> None:
    batches = list(list_items(items, bulk.url + path, count))
    assert [batch.num_rows for batch in batches] == [BATCH] * (count // BATCH) + (
        [count % BATCH] if count % BATCH else []
    )
    found = [row for batch in batches for row in batch.to_pylist()]
    expected = [BulkServer.item(n) for n in range(count)]
    assert found == [row | {"at": f"{row['at']:%Y-%m-%dT%H:%M:%SZ}", "note": row.get("note")} for row in expected]


def test_the_types_of_columns(items: SoapClient) -> None:
    assert {field.name: str(field.type) for field in scanned(items, "ListItems", "items/item").rows.schema} == {
        "code": "string",
        "number": "int64",
        "amount": "decimal128(14, 2)",
        "day": "date32[day]",
        "at": "string",
        "active": "bool",
        "label": "string",
        "note": "string",
    }


def cell(value: Any, kind: pa.DataType, *, as_json: bool) -> Any:
    """Return what a cell of a table holds for a value of an answer that was read whole."""
    if value is None or (as_json and kind == pa.string()):
        return value if value is None else json.dumps(json_of(value), ensure_ascii=False)
    if isinstance(value, list):
        return [cell(each, kind.value_type, as_json=False) for each in value]
    if isinstance(value, Lexical) and kind == pa.date32():
        return cell(dt.date.fromisoformat(value[:10]), kind, as_json=False)
    if kind == pa.string():
        return value if isinstance(value, str) else str(json_of(value))
    return value


def same(client: SoapClient, canned: Canned, body: bytes) -> pa.Table:
    """Read a table, and compare it with the same answer read whole."""
    found = read(client, canned, body)
    asked = {"address": canned.url, "deadline": Deadline.after(10)}
    whole = client.call("Ask", {"number": 1}, **asked).value["rows"]["row"]  # type: ignore[arg-type]
    columns = scanned(client, "Ask", "rows/row").rows.columns
    for number, row in enumerate(whole):
        for column in columns:
            value = row
            for key in column.path:
                value = value.get(key) if isinstance(value, dict) else None
            expected = cell(value, column.type, as_json=column.json)
            given = found[column.name][number].as_py()
            assert given == expected or repr(given) == repr(expected), (number, column.name)  # NaN is not equal
    assert found.num_rows == len(whole)
    return found


FACETS = {"totalDigits": 5, "fractionDigits": 2}
AMOUNT = "".join(f'<xsd:{name} value="{value}"/>' for name, value in FACETS.items())
AMOUNT = (
    f'<xsd:simpleType name="Amount"><xsd:restriction base="xsd:decimal">{AMOUNT}</xsd:restriction></xsd:simpleType>'
)
KINDS: dict[str, list[str]] = {
    "xsd:string": ["a", "", " a  b ", "&lt;é&#10;", "<![CDATA[<x>]]>y"],
    "xsd:token": ["a", "", " a  b ", "a\tb", "a&#160;"],
    "xsd:normalizedString": [" a  b ", "a\nb"],
    "xsd:anyURI": ["http://x/", " http://x/ "],
    "xsd:int": ["7", "+7", "-0", " 7 ", "007"],
    "xsd:unsignedLong": ["18446744073709551615", "-0"],
    "xsd:integer": ["7", "+7", "-0", "007", "9" * 5000, "-1"],
    "xsd:decimal": ["1.50", "+1.5", ".5", "5.", "-0.0", "00.1", "1" * 60],
    "t:Amount": ["1.5", "+1.50", "123.45", "12345", "-.5"],
    "xsd:double": ["1.5", "1e3", "INF", "-INF", "NaN", "+1.", " 1 "],
    "xsd:float": ["1.5", "1e-300"],
    "xsd:boolean": ["true", "1", "false", "0", " true "],
    "xsd:date": ["2024-02-29", "2024-02-29Z", "2024-02-29-05:00", "0001-01-01"],
    "xsd:dateTime": [
        "2024-02-29T08:00:00",
        "2024-02-29T08:00:00Z",
        "2024-02-29T08:00:00+00:00",
        "2024-02-29T08:00:00.5+02:00",
        "2024-02-29T08:00:00.123456Z",
        "2024-02-29T08:00:00.123456789",
        "2024-02-29T08:00:00.000000",
        "2024-02-29T24:00:00",
        "12024-02-29T08:00:00Z",
    ],
    "xsd:time": ["08:00:00", "08:00:00.000000", "08:00:00.25Z", "08:00:00.123456789", "24:00:00"],
    "xsd:duration": ["P1Y2M", "-PT0.10S"],
    "xsd:gYearMonth": ["2024-02", "2024-02Z"],
    "xsd:hexBinary": ["0aFF", ""],
    "xsd:base64Binary": ["YQ==", " Y Q = = ", ""],
    "xsd:QName": ["p:x", "xsi:y", "z"],
    "xsd:NMTOKENS": ["a b", " a "],
    "t:Days": ["2024-02-29 2024-03-01Z", ""],
    "t:Either": ["7", "007", "x", "2024-02-29"],
}
TYPES = (
    AMOUNT
    + '<xsd:simpleType name="Days"><xsd:list itemType="xsd:date"/></xsd:simpleType>'
    + '<xsd:simpleType name="Either"><xsd:union memberTypes="xsd:int xsd:date xsd:string"/></xsd:simpleType>'
)


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_as_in_an_answer_read_whole(tmp_path: Path, canned: Canned, kind: str) -> None:
    inner = sequence(element("once", kind, 'minOccurs="0"') + element("deep", kind, 'nillable="true"'))
    row = sequence(
        element("once", kind, 'minOccurs="0" nillable="true"')
        + element("many", kind, 'minOccurs="0" maxOccurs="unbounded" nillable="true"')
        + f'<xsd:element name="in" minOccurs="0">{inner}</xsd:element>',
        f'<xsd:attribute name="given" type="{kind}"/>',
    )
    client = write(tmp_path, **rows_of(row, TYPES))
    alone = [f"<row><once>{text}</once></row>" for text in KINDS[kind]]
    quoted = [text.replace("\n", "&#10;") for text in KINDS[kind] if "<" not in text]
    whole = "<row/>" + "".join(
        f'<row given="{text}"><once xsi:nil="true"/><many>{text}</many><many xsi:nil="1"/><in><deep>{text}</deep></in></row>'
        for text in quoted
    )
    for rows in [*alone, whole, "".join(alone), whole + '<row><in><once/><deep xsi:nil="true"/></in></row>']:
        if "<once/>" in rows and "" not in KINDS[kind]:
            continue
        same(client, canned, answer(rows))


def test_defaults(tmp_path: Path, canned: Canned) -> None:
    row = sequence(
        element("a", "xsd:int", 'minOccurs="0" default="7" nillable="true"')
        + element("b", "xsd:string", 'default="x"'),
        '<xsd:attribute name="c" type="xsd:int" default="3"/>',
    )
    client = write(tmp_path, **rows_of(row))
    rows = '<row><a/><b/></row><row c="4"><b>y</b></row><row><a xsi:nil="true"/><b> </b></row>'
    assert same(client, canned, answer(rows)).to_pylist() == [
        {"c": 3, "a": 7, "b": "x"},
        {"c": 4, "a": None, "b": "y"},
        {"c": 3, "a": None, "b": " "},
    ]


OBJECT = sequence(A + element("d", "xsd:date", 'minOccurs="0"'), '<xsd:attribute name="k"/>')
COMPLEX = {
    "objects": (
        sequence(f'<xsd:element name="o" minOccurs="0" maxOccurs="9">{OBJECT}</xsd:element>{B}'),
        ['<o k="1"><a>x</a><d>2024-02-29Z</d></o><o><a/></o><b/>', "<b>y</b>"],
        {"o": ['[{"k": "1", "a": "x", "d": "2024-02-29Z"}, {"a": ""}]', "[]"], "b": ["", "y"]},
    ),
    "an object": (
        sequence(f'<xsd:element name="o" minOccurs="0">{OBJECT}</xsd:element>'),
        ['<o k="1"><a>x</a></o>', ""],
        {"o.k": ["1", None], "o.a": ["x", None], "o.d": [None, None]},
    ),
    "a nillable object with attributes": (
        sequence(f'<xsd:element name="o" nillable="true">{OBJECT}</xsd:element>'),
        ['<o k="1" xsi:nil="true"/>', "<o><a>x</a></o>"],
        {"o": ['{"_nil": true, "k": "1"}', '{"a": "x"}']},
    ),
    "groups that repeat": (
        f'<xsd:complexType><xsd:choice minOccurs="0" maxOccurs="9">{A}{B}</xsd:choice></xsd:complexType>',
        ["<a>1</a><b>2</b><a>3</a>", ""],
        {"_group": ['[{"a": "1"}, {"b": "2"}, {"a": "3"}]', "[]"]},
    ),
    "any": (
        sequence(f'{A}<xsd:any processContents="skip" minOccurs="0" maxOccurs="9"/>', "<xsd:anyAttribute/>"),
        ["<a>1</a><b xmlns=''>2</b>", "<a/>"],
        {"a": ["1", ""], "_any": ['[{"name": "b", "xml": "<b>2</b>"}]', "[]"], "_attributes": ["{}", "{}"]},
    ),
    "mixed": (
        '<xsd:complexType mixed="true"><xsd:sequence minOccurs="0">' + A + "</xsd:sequence></xsd:complexType>",
        ["x <a xmlns=''/>"[:2], ""],
        {"_xml": ["x ", ""], "_text": ["x ", ""]},
    ),
    "a text with attributes": (
        """<xsd:complexType><xsd:simpleContent><xsd:extension base="xsd:int"><xsd:attribute name="k" type="xsd:QName"/>
        </xsd:extension></xsd:simpleContent></xsd:complexType>""",
        [" 7 ", "8"],
        {"k": [None, None], "_value": [7, 8]},
    ),
    "the same element twice": (
        sequence(A + B + A),
        ["<a>1</a><b/><a>2</a>"],
        {"a": [["1", "2"]], "b": [""]},
    ),
    "anything": (
        sequence('<xsd:element name="x" minOccurs="0"/>'),
        ["<x>1</x>", ""],
        {"x": ['{"_xml": "1"}', None]},
    ),
    "an object with qualified names": (
        sequence(
            f"""<xsd:element name="o">{sequence(A, '<xsd:attribute name="q" type="xsd:QName"/>')}</xsd:element>"""
        ),
        ['<o q="p:x"><a>1</a></o>'],
        {"o": ['{"q": "{urn:t}x", "a": "1"}']},
    ),
    "attributes only": (
        '<xsd:complexType><xsd:attribute name="k"/></xsd:complexType>',
        [""],
        {"k": [None]},
    ),
    "names that clash": (
        sequence(element("x.a") + f'<xsd:element name="x">{sequence(A)}</xsd:element>'),
        ["<x.a>1</x.a><x><a>2</a></x>"],
        {"x.a": ["1"], "x.a_2": ["2"]},
    ),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_rows_of_any_shape(tmp_path: Path, canned: Canned, name: str) -> None:
    row, contents, expected = COMPLEX[name]
    client = write(tmp_path, **rows_of(row))
    rows = "".join(f"<row>{content}</row>" for content in contents)
    assert same(client, canned, answer(rows)).to_pydict() == expected


def test_rows_that_are_texts_and_rows_that_may_be_nil(tmp_path: Path, canned: Canned) -> None:
    held = sequence(element("row", "xsd:date", 'nillable="true" maxOccurs="9"'))
    client = write(tmp_path, answer=sequence(f'<xsd:element name="rows">{held}</xsd:element>'))
    rows = '<row>2024-02-29</row><row xsi:nil="true"/>'
    found = read(client, canned, answer(rows, head="", foot=""))
    assert [str(each) for each in found["value"]] == ["2024-02-29", "None"]
    more = f'<xsd:element name="row" nillable="true" maxOccurs="9">{OBJECT}</xsd:element>'
    client = write(tmp_path, answer=sequence(f'<xsd:element name="rows">{sequence(more)}</xsd:element>'))
    found = read(client, canned, answer('<row k="1" xsi:nil="true"/><row><a>x</a></row>', head="", foot=""))
    assert found.select(["k", "a", "_nil"]).to_pydict() == {"k": ["1", None], "a": [None, "x"], "_nil": [True, None]}


def test_types_derived_from_the_rows_type(tmp_path: Path, canned: Canned) -> None:
    more = f"""<xsd:complexType name="Base"><xsd:sequence>{A}</xsd:sequence></xsd:complexType>
        <xsd:complexType name="More"><xsd:complexContent><xsd:extension base="t:Base"><xsd:sequence>
        {element("n", "xsd:int")}</xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>"""
    held = sequence(element("row", "t:Base", 'maxOccurs="unbounded"'))
    client = write(tmp_path, answer=sequence(f'<xsd:element name="rows">{held}</xsd:element>'), more=more)
    body = answer('<row><a>x</a></row><row xsi:type="p:More"><a>y</a><n>1</n></row>', head="", foot="")
    assert same(client, canned, body).to_pydict() == {
        "_type": ["{urn:t}Base", "{urn:t}More"],
        "a": ["x", "y"],
        "n": [None, 1],
    }


def test_derived_types_that_share_little(tmp_path: Path, canned: Canned) -> None:
    derived = """<xsd:complexType name="{}"><xsd:complexContent><xsd:extension base="t:Base"><xsd:sequence>{}
        </xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>"""
    more = '<xsd:complexType name="Base" abstract="true"/>' + derived.format("One", element("x", "xsd:int"))
    more += derived.format("Two", element("x", "xsd:date"))
    held = sequence(element("row", "t:Base", 'maxOccurs="unbounded" nillable="true"'))
    client = write(tmp_path, answer=sequence(f'<xsd:element name="rows">{held}</xsd:element>'), more=more)
    rows = '<row xsi:type="p:One"><x>1</x></row><row xsi:type="p:Two"><x>2024-02-29</x></row>'
    rows += '<row xsi:nil="true" xsi:type="p:One"/>'
    assert same(client, canned, answer(rows, head="", foot="")).to_pydict() == {
        "_type": ["{urn:t}One", "{urn:t}Two", None],
        "x": ["1", '"2024-02-29"', None],
    }


@pytest.mark.parametrize("kind", ["xsd:QName", "xsd:anyType", "t:Text"])
def test_rows_that_are_no_objects(tmp_path: Path, canned: Canned, kind: str) -> None:
    more = """<xsd:complexType name="Text"><xsd:simpleContent><xsd:extension base="xsd:string"/></xsd:simpleContent>
        </xsd:complexType><xsd:complexType name="More"><xsd:simpleContent><xsd:extension base="t:Text">
        <xsd:attribute name="k"/></xsd:extension></xsd:simpleContent></xsd:complexType>"""
    held = sequence(element("row", kind, 'maxOccurs="unbounded"'))
    client = write(tmp_path, answer=sequence(f'<xsd:element name="rows">{held}</xsd:element>'), more=more)
    found = same(client, canned, answer("<row>p:x</row><row> p:y </row>", head="", foot=""))
    assert found.column_names == (["_type", "_value", "k"] if kind == "t:Text" else ["value"])


@pytest.mark.parametrize("many", ["1", "9"])
def test_what_cannot_be_decoded_names_its_row(tmp_path: Path, canned: Canned, many: str) -> None:
    inner = sequence(element("b", "xsd:double"), '<xsd:attribute name="k"/>')
    row = sequence(f'<xsd:element name="o" minOccurs="0" nillable="true" maxOccurs="{many}">{inner}</xsd:element>')
    client = write(tmp_path, **rows_of(row))
    good, bad = "<row><o><b>1</b></o></row>", "<row><o><b>1e</b></o></row>"  # libxml2 lets that pass
    with pytest.raises(Unreadable, match=f"row {BATCH + 3}: b, line 1: a double that cannot be read"):
        read(client, canned, answer(good * BATCH + "<row/>" + good + bad))


def test_columns_declared_as_text_keep_what_came(tmp_path: Path, canned: Canned) -> None:
    row = sequence(
        element("n", "xsd:int")
        + element("d", "xsd:date", 'minOccurs="0"')
        + element("m", "xsd:boolean", 'maxOccurs="9" minOccurs="0"')
        + element("l", "xsd:NMTOKENS", 'minOccurs="0"')
    )
    client = write(tmp_path, **rows_of(row))
    body = answer("<row><n> 007 </n><d>12024-02-29Z</d><m>1</m><m>true</m><l> a  b </l></row><row><n>+1</n></row>")
    assert read(client, canned, body, texts=("n", "d", "m", "l")).to_pydict() == {
        "n": ["007", "+1"],
        "d": ["12024-02-29Z", None],
        "m": [["1", "true"], []],
        "l": ["a b", None],
    }
    assert not client.extras
    with pytest.raises(Unreadable, match=r"row 1: d has a value that a column of type date32\[day\] cannot hold"):
        read(client, canned, body)
    with pytest.raises(Misconfigured, match="no column x, but n, d, m, l"):
        ask(client, canned.url, texts=("x",))


def test_what_a_column_cannot_hold(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, **rows_of(sequence(element("x", "xsd:double"))))
    rows = "<row><x>1</x></row>" * BATCH + "<row><x>2</x></row><row><x>1e400</x></row>"
    with pytest.raises(Unreadable, match=f"row {BATCH + 2}: x has a value that a column of type double cannot hold"):
        read(client, canned, answer(rows))


def test_time_zones_of_dates_are_set_aside(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, **rows_of(sequence(element("d", "xsd:date"))))
    found = read(client, canned, answer("<row><d>2024-02-29Z</d></row><row><d>2024-02-28+02:00</d></row>"))
    assert [str(each) for each in found["d"]] == ["2024-02-29", "2024-02-28"]
    assert client.extras == {"Ask: the time zone of dates in d"}


# --- which rows ------------------------------------------------------------------------------------------------------

ROW = sequence(A + element("n", "xsd:int"), '<xsd:attribute name="k"/>')
GOOD = "<row><a>x</a><n>1</n></row>"


def test_rows_nested_in_rows_and_elsewhere_are_no_rows(tmp_path: Path, canned: Canned) -> None:
    more = '<xsd:complexType name="Row"><xsd:sequence>' + A + element("row", "t:Row", 'minOccurs="0" maxOccurs="9"')
    more += "</xsd:sequence></xsd:complexType>"
    row = element("row", "t:Row", 'minOccurs="0" maxOccurs="unbounded"')
    others = f'<xsd:element name="others" minOccurs="0">{sequence(row)}</xsd:element>'
    rows = f'<xsd:element name="rows">{sequence(row)}</xsd:element>'
    client = write(tmp_path, answer=sequence(others + rows + others), more=more)
    nested = "<row><a>1</a><row><a>2</a><row><a>3</a></row></row></row>"
    other = f"<others>{nested}</others>"
    for body in (
        answer(nested * 3, head=other, foot=""),
        answer(nested * 3, head="", foot=other),
        answer(nested * 3, head=other, foot=other),
    ):
        found = same(client, canned, body)
        assert found["a"].to_pylist() == ["1"] * 3
        assert json.loads(found["row"][0].as_py()) == [{"a": "2", "row": [{"a": "3", "row": []}]}]
    assert read(client, canned, answer("", head=other, foot="")).num_rows == 0


def test_a_second_place_of_rows_is_an_error(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, **rows_of(ROW))
    with pytest.raises(Unreadable, match="rows comes more than once"):
        read(client, canned, answer(GOOD, beside=f"<rows>{GOOD}</rows>"))


@pytest.mark.parametrize(("count", "right"), [(0, False), (1, False), (2, True), (3, True), (4, False)])
def test_how_many_rows(tmp_path: Path, canned: Canned, count: int, right: bool) -> None:
    parts = rows_of(ROW, many='minOccurs="2" maxOccurs="3"')
    client = write(tmp_path, **parts)
    if right:
        assert same(client, canned, answer(GOOD * count)).num_rows == count
    else:
        with pytest.raises(Unreadable, match=r"more than 3 rows|not expected here"):
            read(client, canned, answer(GOOD * count))


def test_rows_of_a_group_that_repeats(tmp_path: Path, canned: Canned) -> None:
    row = f'<xsd:element name="row" minOccurs="2" maxOccurs="2">{ROW}</xsd:element>'
    held = f'<xsd:complexType><xsd:sequence minOccurs="0" maxOccurs="2">{row}</xsd:sequence></xsd:complexType>'
    client = write(tmp_path, answer=sequence(f'<xsd:element name="rows">{held}</xsd:element>'))
    for count in (0, 2, 4):
        assert same(client, canned, answer(GOOD * count, head="", foot="")).num_rows == count
    with pytest.raises(Unreadable, match="more than 4 rows"):
        read(client, canned, answer(GOOD * 5, head="", foot=""))


def test_rpc(tmp_path: Path, canned: Canned) -> None:
    row = f'<xsd:element name="row" minOccurs="0" maxOccurs="unbounded">{ROW}</xsd:element>'
    more = f'<xsd:complexType name="Rows"><xsd:sequence>{row}</xsd:sequence></xsd:complexType>'
    client = write(tmp_path, answer=sequence(A), more=more, style="rpc")
    wsdl = (tmp_path / "t.wsdl").read_text()
    wsdl = wsdl.replace('<wsdl:part name="parameters" element="t:Answer"/>', '<wsdl:part name="rows" type="t:Rows"/>')
    wsdl = wsdl.replace('<wsdl:part name="parameters" element="t:Ask"/>', '<wsdl:part name="number" type="xsd:int"/>')
    (tmp_path / "t.wsdl").write_text(wsdl)
    rows = GOOD.replace("<row>", '<row xmlns="urn:t">') * (BATCH + 1)
    canned.say(envelope(f"<any><rows>{rows}</rows></any>"), XML)
    found = ask(client, canned.url).read_all()
    assert found.to_pylist() == [{"k": None, "a": "x", "n": 1}] * (BATCH + 1)


@pytest.mark.parametrize(
    ("parts", "path", "why"),
    [
        ({}, "nothing", "Answer has no nothing, but head, rows, foot"),
        ({}, "rows", "rows comes once at most"),
        ({}, "rows/row/a", "row comes more than once"),
        ({"answer": sequence(A)}, "a/b", "a has no b, but nothing"),
        ({"answer": sequence(A + B + element("a", rest='maxOccurs="9"'))}, "a", "a stands in several places of Answer"),
        ({"answer": '<xsd:complexType mixed="true"><xsd:sequence>' + element("a", rest='maxOccurs="9"')
          + "</xsd:sequence></xsd:complexType>"}, "a", "Answer has text between its elements"),
        ({"answer": f'<xsd:complexType><xsd:choice maxOccurs="9">{A}{B}</xsd:choice></xsd:complexType>'}, "a", "Answer has no a"),
    ],
)  # fmt: skip
def test_no_table(tmp_path: Path, parts: dict[str, str], path: str, why: str) -> None:
    client = write(tmp_path, **{**rows_of(ROW), **parts})
    with pytest.raises(Misconfigured, match=f"the answer of r to Ask cannot be read as a table of «{path}»: {why}"):
        scanned(client, "Ask", path)


def test_no_table_of_several_parts_or_of_what_must_be_verified_whole(tmp_path: Path) -> None:
    client = SoapClient(ROOT / "tests/soap/corpus/several-parts/service.wsdl", "r")
    with pytest.raises(Misconfigured, match="it is not one literal element"):
        scanned(client, "Ask", "a")
    authority = trustme.CA()
    cert = authority.issue_cert("registry.example")
    texts = (cert.cert_chain_pems[0].bytes(), cert.private_key_pem.bytes(), authority.cert_pem.bytes())
    client = SoapClient(BULK_WSDL, "r", who=Who(security=Signature(*texts)))
    with pytest.raises(Misconfigured, match="its signature can only be verified on the whole of it"):
        scanned(client, "ListItems", "items/item")


# --- what is wrong, and what is extra --------------------------------------------------------------------------------


def test_what_is_extra_is_set_aside_and_told_once(
    tmp_path: Path, canned: Canned, caplog: pytest.LogCaptureFixture
) -> None:
    client = write(tmp_path, **rows_of(ROW))
    extra = '<row new="1"><a>x</a><more>S3CRET</more><n>1</n></row>'
    body = answer(GOOD * BATCH + extra * BATCH, head="<head>h</head><also/>")
    for _ in range(2):
        assert same(client, canned, body).num_rows == 2 * BATCH
    expected = {"Ask: Answer/also", "Ask: Answer/rows/row/@new", "Ask: Answer/rows/row/more"}
    assert client.extras == expected
    assert len(caplog.records) == 3
    assert "S3CRET" not in caplog.text


def test_what_is_extra_between_rows(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, **rows_of(ROW))
    assert same(client, canned, answer(f"<x/>{GOOD}<x/>{GOOD}<x/>" * BATCH)).num_rows == 2 * BATCH
    assert client.extras == {"Ask: Answer/rows/x"}


BAD = {
    "ill-typed": ("<row><a>x</a><n>S3CRET</n></row>", "n{line}: a value that is not a valid xs:int"),
    "wrong order": ("<row><n>1</n><a>S3CRET</a></row>", r"n{line}: not expected here.*expected: a"),
    "missing": ("<row><a>S3CRET</a></row>", r"row{line}: not expected here.*missing within: n"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("far", [False, True])
def test_a_bad_row_is_named(tmp_path: Path, canned: Canned, name: str, far: bool) -> None:
    client = write(tmp_path, **rows_of(ROW))
    bad, why = BAD[name]
    rows = (GOOD + "\n\n\n" * far) * 30_000 + bad + GOOD
    line = "" if far else ", line 1"  # libxml2 does not count so far
    canned.say(answer(rows), XML)
    reader = ask(client, canned.url)
    assert [next(reader).num_rows for _ in range(15)] == [BATCH] * 15
    with pytest.raises(Unreadable, match="what its WSDL says: row 30001: " + why.format(line=line)) as raised:
        next(reader)
    assert "S3CRET" not in str(raised.value)


@pytest.mark.parametrize("count", [0, 1, 3 * BATCH])
@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"foot": ""}, "Answer, line 1: not expected here, or an element within is missing .*foot"),
        ({"foot": "<foot>f</foot><foot>f</foot>"}, "foot, line 1: not expected here"),
        ({"head": ""}, "rows, line 1: not expected here.*head"),
        ({"beside": "text"}, "Answer, line 1: a text where the schema wants elements|not valid|wants"),
    ],
)
def test_what_is_around_rows_is_validated(
    tmp_path: Path, canned: Canned, count: int, parts: dict[str, str], why: str
) -> None:
    client = write(tmp_path, **rows_of(ROW))
    with pytest.raises(Unreadable, match=why):
        read(client, canned, answer(GOOD * count, **parts))


@pytest.mark.parametrize("place", ["before", "between", "after"])
def test_text_between_rows(tmp_path: Path, canned: Canned, place: str) -> None:
    client = write(tmp_path, **rows_of(ROW))
    rows = {"before": f"S3CRET{GOOD * 3}", "between": GOOD * BATCH + "S3CRET" + GOOD, "after": GOOD * 3 + "S3CRET"}
    with pytest.raises(Unreadable, match=r"text between rows, after row|rows, line 1") as raised:
        read(client, canned, answer(rows[place]))
    assert "S3CRET" not in str(raised.value)


FAULT = "<s:Fault><faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault>"
DOCTYPE = b'<!DOCTYPE x [<!ENTITY e "S3CRET">]>'


@pytest.mark.parametrize(
    ("body", "kind", "status", "error", "why"),
    [
        (envelope(FAULT), XML, 200, SoapFault, "Server"),
        (envelope(FAULT), XML, 500, SoapFault, "Server"),
        (b"<html>S3CRET</html>", "text/html", 200, Unreadable, "it is a web page"),
        (b"<html>S3CRET</html>", "text/html", 500, Down, "HTTP 500"),
        (answer(GOOD), XML, 500, Down, "HTTP 500"),
        (answer(GOOD), XML, 404, Unreadable, "HTTP status 404 .*it holds no fault"),
        (b"", XML, 200, Unreadable, "no well-formed XML after row 0|it is empty"),
        (b"<x/>", XML, 200, Unreadable, "no SOAP envelope of this version: its element is x"),
        (envelope(""), XML, 200, Unreadable, "0 elements in its body instead of 1"),
        (DOCTYPE + answer(GOOD), XML, 200, Unreadable, "document type declaration"),
        (DOCTYPE + answer("<row><a>&e;</a><n>1</n></row>"), XML, 200, Unreadable, "document type declaration"),
        (DOCTYPE + answer(""), XML, 200, Unreadable, "document type declaration"),
        (answer(GOOD) + b"<more/>", XML, 200, Unreadable, "no well-formed XML after row"),
        (answer(GOOD).replace(SOAP_11.encode(), b"urn:x"), XML, 200, Unreadable, "no SOAP envelope of this version"),
        (answer(GOOD).replace(b"<head>", b"<head a='&bad;'>"), XML, 200, Unreadable, "no well-formed XML after row 0"),
        (answer(GOOD * 9000)[:-40_000], XML, 200, Unreadable, "no well-formed XML after row"),
    ],
)
def test_what_is_no_table(
    tmp_path: Path, canned: Canned, body: bytes, kind: str, status: int, error: type[Exception], why: str
) -> None:
    client = write(tmp_path, **rows_of(ROW))
    canned.say(body, kind, status)
    with pytest.raises(error, match=why) as raised:
        ask(client, canned.url).read_all()
    assert "S3CRET" not in str(raised.value)


def test_an_answer_with_attachments_is_no_table(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, **rows_of(ROW))
    part = b"--b\r\nContent-Type: text/xml\r\nContent-ID: <x>\r\n\r\n" + answer(GOOD) + b"\r\n--b--\r\n"
    canned.say(part, 'multipart/related; boundary="b"; type="text/xml"; start="<x>"')
    with pytest.raises(Unreadable, match="a table is read from a plain envelope, not from multipart/related"):
        ask(client, canned.url)


def test_what_must_be_unique(tmp_path: Path, canned: Canned) -> None:
    row = '<xsd:complexType><xsd:attribute name="id" type="xsd:ID"/></xsd:complexType>'
    client = write(tmp_path, **rows_of(row))
    with pytest.raises(Unreadable, match="rows 1 to 3: row/@id"):
        read(client, canned, answer('<row id="a"/><row id="b"/><row id="a"/>'))


def test_a_type_of_the_rows_place_that_is_not_read(tmp_path: Path, canned: Canned) -> None:
    row = element("row", "xsd:int", 'minOccurs="0" maxOccurs="unbounded"')
    more = f"""<xsd:complexType name="Rows"><xsd:sequence>{row}</xsd:sequence></xsd:complexType>
        <xsd:complexType name="Other"><xsd:complexContent><xsd:extension base="t:Rows"><xsd:sequence>{element("z")}
        </xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>"""
    client = write(tmp_path, answer=sequence(element("rows", "t:Rows")), more=more)
    written = answer("<row>1</row>", head="", foot="").replace(b"<rows>", b'<rows xsi:type="p:%b">')
    assert read(client, canned, written % b"Rows").num_rows == 1
    for other in (b"Other", b"none:Rows"):
        with pytest.raises(Unreadable, match="rows says to be of a type whose rows are not read"):
            read(client, canned, written.replace(b"p:%b", b"%b" if b":" in other else b"p:%b") % other)


# --- on the wire -----------------------------------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n"


def received(connection: socket) -> None:
    """Read the request, whose end is the end of the envelope."""
    data = b""
    while b"Envelope>" not in data:
        data += connection.recv(65536)


def serving(body: Iterator[bytes], ended: threading.Event | None = None) -> Callable[[socket], None]:
    def talk(connection: socket) -> None:
        received(connection)
        connection.sendall(HEAD + b"\r\n")
        try:
            for piece in body:
                connection.sendall(piece)
        except OSError:
            if ended is not None:
                ended.set()

    return talk


@pytest.mark.parametrize("size", [1, 7, 4093])
def test_odd_pieces(tmp_path: Path, size: int) -> None:
    client = write(tmp_path, **rows_of(ROW))
    count = 300 if size < 1000 else 3 * BATCH
    body = answer("".join(f"<row>\n <a>é{n}</a><n>{n}</n></row>\n<!-- - -->" for n in range(count)))
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    with Raw(serving(pieces)) as server:
        found = ask(client, server.url).read_all()
    assert found.to_pylist() == [{"k": None, "a": f"é{n}", "n": n} for n in range(count)]


def endless() -> Iterator[bytes]:
    yield answer("").partition(b"</rows>")[0]
    while True:
        yield GOOD.encode() * 100


def test_a_deadline_in_the_middle(tmp_path: Path) -> None:
    client = write(tmp_path, **rows_of(ROW))

    def dripping() -> Iterator[bytes]:
        rows = endless()
        for _ in range(50):
            yield next(rows)
        while True:
            time.sleep(0.05)
            yield b" "

    with Raw(serving(dripping())) as server:
        begun = time.monotonic()
        reader = ask(client, server.url, seconds=1)
        assert next(reader).num_rows == BATCH
        with pytest.raises(Late):
            reader.read_all()
        assert time.monotonic() - begun < 20, "it would have dripped for ever"


def test_a_connection_that_breaks_in_the_middle(tmp_path: Path) -> None:
    client = write(tmp_path, **rows_of(ROW))

    def talk(connection: socket) -> None:
        received(connection)
        body = answer(GOOD * 9000)
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body[:-50_000])
        connection.shutdown(SHUT_RDWR)

    with Raw(talk) as server, pytest.raises(Unreadable, match="cut"):
        ask(client, server.url).read_all()


def test_a_reader_let_go_closes_its_connection(tmp_path: Path) -> None:
    client = write(tmp_path, **rows_of(ROW))
    ended = threading.Event()
    with Raw(serving(endless(), ended)) as server:
        reader = ask(client, server.url)
        assert next(reader).num_rows == BATCH
        assert not ended.is_set()
        del reader
        assert ended.wait(5)


def test_an_endless_table_has_a_bound(tmp_path: Path) -> None:
    client = write(tmp_path, **rows_of(ROW, many='minOccurs="0" maxOccurs="30000"'))
    ended = threading.Event()
    with Raw(serving(endless(), ended)) as server, pytest.raises(Unreadable, match="more than 30000 rows"):
        ask(client, server.url).read_all()
    assert ended.wait(5)


@pytest.mark.parametrize("between", [b"", GOOD.encode()])
def test_an_endless_answer_without_rows_is_refused(tmp_path: Path, between: bytes) -> None:
    client = write(tmp_path, **rows_of(ROW))

    def junk() -> Iterator[bytes]:
        yield answer("").partition(b"</rows>")[0]
        while True:
            yield b"<z>" + b"<y>0123456789012345678901234567890123456789</y>" * 200_000 + b"</z>" + between

    with (
        Raw(serving(junk())) as server,
        pytest.raises(Unreadable, match="more than 64 MiB or 2,000,000 tags of it are no whole row"),
    ):
        ask(client, server.url).read_all()


def test_large_rows_come_in_smaller_batches(tmp_path: Path, canned: Canned) -> None:
    client = write(tmp_path, **rows_of(ROW))
    row = f"<row><a>{'x' * 300_000}</a><n>1</n></row>"
    canned.say(answer(row * 100), XML)
    sizes = [batch.num_rows for batch in ask(client, canned.url)]
    assert sum(sizes) == 100
    assert max(sizes) <= BATCH_BYTES // 300_000 + 2


def test_a_table_read_in_other_threads(bulk: BulkServer, items: SoapClient) -> None:
    reader = list_items(items, bulk.url, 3 * BATCH)
    found: list[pa.RecordBatch] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: found.append(next(reader)))
        thread.start()
        thread.join()
    assert [batch["code"][-1].as_py() for batch in found] == [f"P{n * BATCH - 1:07d}" for n in (1, 2, 3)]
    assert list(reader) == []


def test_several_tables_at_once(bulk: BulkServer, items: SoapClient) -> None:
    found: list[Decimal] = []

    def total() -> None:
        found.append(sum(each for batch in list_items(items, bulk.url, 5_000) for each in batch["amount"].to_pylist()))

    threads = [threading.Thread(target=total) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [sum(BulkServer.item(n)["amount"] for n in range(5_000))] * 6


def test_memory_does_not_grow_with_the_table(bulk: BulkServer) -> None:
    command = [sys.executable, "-m", "benchmarks.soap", "--memory", "ours", "100000", bulk.url]
    grown = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    assert float(grown) < 30


def test_a_type_by_a_prefix_of_the_row_itself(tmp_path: Path, canned: Canned) -> None:
    more = f'<xsd:complexType name="Base"><xsd:sequence>{element("x")}</xsd:sequence></xsd:complexType>'
    more += '<xsd:complexType name="More"><xsd:complexContent><xsd:extension base="t:Base"/></xsd:complexContent></xsd:complexType>'
    held = sequence(element("row", "t:Base", 'maxOccurs="unbounded"'))
    client = write(tmp_path, answer=sequence(f'<xsd:element name="rows">{held}</xsd:element>'), more=more)
    rows = '<row xmlns:q="urn:t" xsi:type="q:More"><x>1</x></row><row><x>2</x></row>'
    assert same(client, canned, answer(rows, head="", foot="")).to_pydict() == {
        "_type": ["{urn:t}More", "{urn:t}Base"],
        "x": ["1", "2"],
    }
