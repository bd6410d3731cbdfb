"""Tables of a declared registry in each format: cells exactly as they came, bad rows with their reason, bounded memory."""

import gzip
import itertools
import json
import logging
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import BeffroiError, Late, Misconfigured, Unreadable
from connectors.registry import FAULT
from connectors.rest import Rest
from tests.rest.conftest import Declare
from tests.rest.peer import Peer, Told, told


def scan(registry: Rest) -> pa.Table:
    assert not list(registry.problems())
    found = registry.scan("rows")
    assert isinstance(found, pa.RecordBatchReader)
    return found.read_all()


def table(**said: Any) -> dict[str, Any]:
    return {"rows": {"path": "rows", "seconds": 30} | said}


def refused(registry: Rest, kind: type[BeffroiError] = Unreadable) -> str:
    with pytest.raises(BeffroiError) as error:
        scan(registry)
    assert type(error.value) is kind, error.value
    return str(error.value)


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_cells_are_the_texts_that_came(peer: Peer, declare: Declare) -> None:
    peer.send(
        b'[{"n": 1.10, "big": 123456789012345678901234567890.1e400, "b": true, "t": "0012", "u": null, "o": {"x": 1.0},'
        b' "l": ["a", 2.50, null, "\\u00e9\\n"]}, {"n": -0, "b": false, "l": []}]',
        "application/vnd.api+json",
    )
    assert scan(declare(tables=table())).to_pylist() == [
        {
            "n": "1.10", "big": "123456789012345678901234567890.1e400", "b": "true", "t": "0012", "u": None,
            "o": '{"x": 1.0}', "l": '["a", 2.50, null, "é\\n"]', FAULT: None,
        },
        {"n": "-0", "big": None, "b": "false", "t": None, "u": None, "o": None, "l": "[]", FAULT: None},
    ]  # fmt: skip


def test_columns_stand_where_they_are_declared(peer: Peer, declare: Declare, caplog: pytest.LogCaptureFixture) -> None:
    peer.say({"data": {"rows": [
        {"id": 1, "legal": {"name": "A"}, "tags": ["x", "y"], "a-b": "q", "more": "value", "list": [{"n": "p"}, {"n": "q"}]},
        {"id": 2, "legal": None, "tags": None, "list": None},
        {"id": 3, "legal": [], "tags": [], "later": "value"},
    ]}})  # fmt: skip
    columns = {
        "identifier": "id", "name": "legal.name", "tags": {"from": "tags", "type": "array"}, "ab": '"a-b"',
        "first": "list[0].n", "all": "join('+', list[].n || `[]`)",
    }  # fmt: skip
    registry = declare(tables=table(rows="data.rows", columns=columns))
    assert registry.columns("rows") == {
        name: frozenset({"array"}) if name == "tags" else registry.columns("rows")["name"]  # type: ignore[index]
        for name in columns
    }
    with caplog.at_level(logging.WARNING):
        rows = scan(registry).to_pylist()
    assert [(each["identifier"], each["name"], each["tags"], each["ab"], each["first"]) for each in rows] == [
        ("1", "A", ["x", "y"], "q", "p"), ("2", None, None, None, None), ("3", None, [], None, None),
    ]  # fmt: skip
    assert rows[0]["all"] == "p+q"
    assert registry.extras == {"rows: more", "rows: later"}
    assert "value" not in caplog.text


def test_columns_of_numbers_are_texts(peer: Peer, declare: Declare) -> None:
    ids, kinds = [1, None, -9223372036854775808], [1, True, None]
    huge, mixed = [1, None, 10**30], [1, "x", 2.5]
    peer.say([dict(zip("abcd", row, strict=True)) for row in zip(ids, kinds, huge, mixed, strict=True)])
    found = scan(declare(tables=table(columns={name: name for name in "abcd"})))
    assert [found[name].to_pylist() for name in "abcd"] == [
        ["1", None, "-9223372036854775808"], ["1", "true", None], ["1", None, f"{10**30}"], ["1", "x", "2.5"],
    ]  # fmt: skip


def test_to_expressions_every_number_is_what_came(peer: Peer, declare: Declare) -> None:
    peer.send(b'[{"l": [1, 2, 3], "i": 1, "j": 2, "f": 1.50}]', "application/json")
    columns = {"count": "length(l)", "less": "i < j", "alike": "i == j", "i": "i", "f": "f", "read": "to_number(f)"}
    assert scan(declare(tables=table(columns=columns))).to_pylist() == [
        {"count": "3", "less": None, "alike": "false", "i": "1", "f": "1.50", "read": "1.5", FAULT: None}
    ]


FAULTS = [
    (3, "the row is no object"),
    (None, "the row is no object"),
    (["a"], "the row is no object"),
    ({"id": "1", "legal": "Ville"}, "name: «legal.name» leads through something that is no object"),
    ({"id": "1", "tags": "a"}, "tags is no list of texts"),
    ({"id": "1", "tags": ["a", 1]}, "tags is no list of texts"),
    ({"id": "1", "tags": ["a", None]}, "tags is no list of texts"),
    ({"id": "\ud800"}, "id is a text that is not Unicode (half a character)"),
    ({"tags": ["\ud800"]}, "tags is a text that is not Unicode (half a character)"),
]


@pytest.mark.parametrize(("row", "reason"), FAULTS)
def test_a_row_that_cannot_be_taken_has_its_reason(peer: Peer, declare: Declare, row: Any, reason: str) -> None:
    good = {"id": "7", "legal": {"name": "A"}, "tags": ["t"]}
    peer.say([good, row, good, row])
    columns = {"id": "id", "name": "legal.name", "tags": {"from": "tags", "type": "array"}}
    rows = scan(declare(tables=table(columns=columns))).to_pylist()
    taken, empty = {"id": "7", "name": "A", "tags": ["t"], FAULT: None}, dict.fromkeys(columns)
    assert rows == [taken, empty | {FAULT: reason}, taken, empty | {FAULT: reason}]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
            max_leaves=8,
        ),
        max_size=5,
    )
)
def test_any_value_reads_back_equal(peer: Peer, declare: Declare, values: list[Any]) -> None:
    peer.say([{"value": each} for each in values])
    found = scan(declare(tables=table(columns={"value": "value"})))
    assert found[FAULT].null_count == len(values)
    for text, value in zip(found["value"].to_pylist(), values, strict=True):
        if text is None or isinstance(value, str):
            assert text == value
        else:
            assert json.loads(text) == value


BAD: dict[str, tuple[bytes, str, str]] = {
    "HTML": (b"<html></html>", "text/html", "a web page"),
    "another type": (b"[]", "text/plain", "its content type is not that of JSON"),
    "truncated": (b'[{"a": 1}, {"a"', "application/json", "no well-formed JSON"),
    "a name twice": (b'[{"a": 1, "a": 1}]', "application/json", "a name twice"),
    "NaN": (b'[{"a": NaN}]', "application/json", "NaN is no JSON"),
    "an object": (b'{"a": []}', "application/json", "it is no list of rows"),
    "too deep": (b"[" * 100_000 + b"]" * 100_000, "application/json", "no well-formed JSON"),
    "no rows, no columns": (b"[]", "application/json", "sent no row of rows that would tell its columns"),
    "half a name": (b'[{"\\ud800": 1}]', "application/json", "a name that is no text"),
}


@pytest.mark.parametrize(("body", "kind", "says"), BAD.values(), ids=BAD)
def test_what_is_no_table_is_unreadable(peer: Peer, declare: Declare, body: bytes, kind: str, says: str) -> None:
    peer.send(body, kind)
    assert says in refused(declare(tables=table()))


def test_a_name_of_ours_is_refused(peer: Peer, declare: Declare) -> None:
    peer.say([{FAULT: "x"}])
    assert f"has a column {FAULT} of its own" in refused(declare(tables=table()), Misconfigured)


def test_an_error_in_a_page_means_what_is_declared(peer: Peer, declare: Declare) -> None:
    peer.say({"error": {"code": 5}})
    rules = [{"path": "error.code", "equals": 5, "is": "misconfigured"}]
    refused(declare(tables=table(rows="data"), answers=rules), Misconfigured)


def peak(work: Any) -> float:
    """Return the MiB that Python took at most in the meantime."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def test_a_gigabyte_of_json_is_refused_in_bounded_time_and_memory(peer: Peer, declare: Declare) -> None:
    part = b" " * 2**20
    peer.tell = lambda _: Told(itertools.chain([b"["], itertools.repeat(part, 1024), [b"]"]))
    began = time.monotonic()
    assert peak(lambda: refused(declare(tables=table(columns={"a": "a"})))) < 200
    assert time.monotonic() - began < 20


def test_a_gigabyte_in_a_few_kilobytes_is_refused(peer: Peer, declare: Declare) -> None:
    zeros = gzip.compress(b" " * 2**28, 1)
    peer.tell = lambda _: Told(zeros, headers={"Content-Encoding": "gzip"})
    assert "larger than 64 MiB" in refused(declare(tables=table()))


@pytest.mark.parametrize("part", [b"{},", b"[],", b'{"":{}},'])
def test_an_answer_of_nothing_but_brackets_is_refused(peer: Peer, declare: Declare, part: bytes) -> None:
    body = b"[" + part * (2**25 // len(part)) + b"1]"
    peer.tell = lambda _: Told(gzip.compress(body, 1), headers={"Content-Encoding": "gzip"})
    assert peak(lambda: refused(declare(tables=table(columns={"a": "a"})))) < 150
    assert "more than 4,000,000 values: ask for less" in refused(declare(tables=table()))


# --- NDJSON, CSV -----------------------------------------------------------------------------------------------------


def test_lines_of_json(peer: Peer, declare: Declare) -> None:
    peer.send(
        b'\xef\xbb\xbf{"a": 1.0, "b": {"c": "x"}}\r\n\n{"a": "\xe9"}\n{"a": 1, "a": 2}\n[1]\nno\n{"a": 2}',
        "application/x-ndjson",
    )
    rows = scan(declare(tables=table(format="ndjson", columns={"a": "a", "c": "b.c"}))).to_pylist()
    assert [(each["a"], each["c"], each[FAULT]) for each in rows] == [
        ("1.0", "x", None),
        (None, None, "line 3 of the answer is no well-formed JSON"),
        (None, None, "line 4 of the answer is no well-formed JSON"),
        (None, None, "the row is no object"),
        (None, None, "line 6 of the answer is no well-formed JSON"),
        ("2", None, None),
    ]
    assert peer.asked[0].headers["Accept"] == "application/x-ndjson"


@pytest.mark.parametrize(
    ("body", "says"), [(b'{"a": 1}\n{"a": ', "it ends amidst line 2"), (b"a" * (17 * 2**20), "line 1 has no end")]
)
def test_lines_without_an_end_are_refused(peer: Peer, declare: Declare, body: bytes, says: str) -> None:
    peer.send(body, "application/x-ndjson")
    assert says in refused(declare(tables=table(format="ndjson", columns={"a": "a"})))


def test_csv(peer: Peer, declare: Declare) -> None:
    peer.send(
        'code;"nom ""long""";x\n001;"a\r\nb;c";\n002;é\n\n003;d;1;2\n004;"";e\n'.encode("cp1252"),
        "text/csv; charset=windows-1252",
    )
    rows = scan(declare(tables=table(format="csv", separator=";"))).to_pylist()
    assert [tuple(each.values()) for each in rows] == [
        ("001", "a\r\nb;c", None, None),
        (None, None, None, "line 4 of the answer has 2 cells instead of 3"),
        (None, None, None, "line 6 of the answer has 4 cells instead of 3"),
        ("004", None, "e", None),
    ]
    named = scan(declare(tables=table(format="csv", separator=";", columns={"name": 'nom "long"'})))
    assert named.column_names == ["name", FAULT]


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"", "text/csv", "does not name each column"),
        (b"a,a\n1,2\n", "text/csv", "names one twice"),
        (b"a,\n1,2\n", "text/csv", "does not name each column"),
        (b'a,b\n1,"2', "text/csv", "has a quote amiss, or has no end"),
        (b'a,b\n1,"2"3\n', "text/csv", "has a quote amiss"),
        (b"a,b\n1," + b"2" * 10_100_000, "text/csv", "line 2 has a cell that is too long"),
        (b"a,b\n1," + b"2" * 17_000_000, "text/csv", "no row ends within 16,777,216 characters at line 2"),
        (b'a,b\n1,"' + b'2\n","' * 3_400_000, "text/csv", "no row ends within 16,777,216 characters"),
        (b"a,b\n1,2\n", "text/csv; charset=undefined", "it is not in undefined"),
        (b"a,b\n1,2\n", "text/csv; charset=utf-16", "it is not in utf-16"),
        (b"a,b\n1,\xff\n", "text/csv; charset=punycode", "it is not in punycode"),
        (b"a,b\n1,\xe9\n", "text/csv", "it is not in utf-8"),
        (b"a,b\n", "text/csv; charset=klingon", "an encoding that nobody knows"),
        (b"a,b\n", "text/csv; charset=base64", "an encoding that nobody knows"),
        (b"<html>", "text/html", "a web page"),
        (b"{}", "application/json", "its content type is not that of CSV"),
    ],
)
def test_what_is_no_csv_is_unreadable(peer: Peer, declare: Declare, body: bytes, kind: str, says: str) -> None:
    peer.send(body, kind)
    assert says in refused(declare(tables=table(format="csv", columns={"a": "a"})))


def test_a_long_cell_is_taken(peer: Peer, declare: Declare) -> None:
    peer.send(b"a,shape\n1," + b"2" * 2_000_000, "text/csv")
    assert len(scan(declare(tables=table(format="csv")))["shape"][0].as_py()) == 2_000_000


# --- XML -------------------------------------------------------------------------------------------------------------

XML = b"""<?xml version="1.0" encoding="iso-8859-1"?><!-- a comment -->
<l:list xmlns:l="urn:l" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><l:count>4</l:count><l:junk><l:item>no</l:item></l:junk>
<l:items><l:item id="1"><l:name lang="fr">Caf\xe9 &amp; <![CDATA[<b>]]></l:name><l:tag>a</l:tag><l:tag>b</l:tag><l:geo><l:x>1.50</l:x></l:geo></l:item>
<l:other/><l:item id="2"><l:name/><l:tag>c</l:tag><l:geo xsi:nil="true"/></l:item><l:item>bare</l:item><l:item/></l:items>
<l:items><l:item id="3"><l:geo><l:x><l:y/></l:x></l:geo></l:item></l:items></l:list>"""


def test_xml(peer: Peer, declare: Declare) -> None:
    peer.send(XML, "application/xml; charset=iso-8859-1")
    columns = {
        "id": "@id", "name": "name", "lang": "name/@lang", "tags": {"from": "tag", "type": "array"}, "x": "geo/x",
        "geo": "geo",
    }  # fmt: skip
    rows = scan(declare(tables=table(format="xml", rows="list/items/item", columns=columns))).to_pylist()
    assert [tuple(each.values()) for each in rows] == [
        ("1", "Café & <b>", "fr", ["a", "b"], "1.50", '{"x": "1.50"}', None),
        (None, None, None, None, None, None, "lang: «name/@lang» leads through something that is no object"),
        (None, None, None, None, None, None, None),
        (None, None, None, None, None, None, None),
        ("3", None, None, None, '{"y": ""}', '{"x": {"y": ""}}', None),
    ]
    own = scan(declare(tables=table(format="xml", rows="list/items/item")))
    assert own.column_names == ["@id", "name", "tag", "geo", "#text", FAULT]
    assert own["name"].to_pylist()[:2] == ["Café & <b>", ""]
    assert own["tag"].to_pylist()[:2] == ['["a", "b"]', "c"]
    assert own["#text"].to_pylist() == [None, None, "bare", "", None]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (XML[:-20], "not well-formed, line"),
        (b"<list><items><item></items></list>", "not well-formed"),
        (b"", "not well-formed"),
        (b"{}", "not well-formed"),
        (b"<other><items/></other>", "its outermost element is not list"),
        (b'<!DOCTYPE list [<!ENTITY e SYSTEM "file:///etc/passwd">]><list><items><item>&e;</item></items></list>', "a document type"),
        (b"<list><items><item>" + b"<a>b</a>" * 3_000_000, "no row has an end within 16 MiB"),
        (b"<list><items><item>" + b"<a>" * 1_000, "not well-formed"),
    ],
)  # fmt: skip
def test_what_is_no_xml_is_unreadable(peer: Peer, declare: Declare, body: bytes, says: str) -> None:
    peer.send(body, "text/xml")
    assert says in refused(declare(tables=table(format="xml", rows="list/items/item", columns={"a": "a"})))


# --- constant memory -------------------------------------------------------------------------------------------------


def test_large_rows_are_given_on_by_their_size(peer: Peer, declare: Declare) -> None:
    line = b'{"a": "' + b"x" * 2**20 + b'"}\n'

    def read() -> None:
        count = 0
        for batch in declare(tables=table(format="ndjson")).scan("rows"):
            assert batch.nbytes < 20 * 2**20
            count += len(batch)
        assert count == 60

    peer.tell = lambda _: Told(itertools.repeat(line, 60), kind="application/x-ndjson")
    assert peak(read) < 80


def test_what_only_later_rows_have_is_not_lost_silently(peer: Peer, declare: Declare) -> None:
    paging = {"by": "page", "parameter": "page"}
    sent = {"1": [{"id": 1}], "2": [{"id": 2, "name": "x"}]}
    peer.tell = lambda asked: told(sent.get(asked.query["page"], []))
    assert "declare columns:" in refused(declare(tables=table(paging=paging)), Misconfigured)
    found = scan(declare(tables=table(paging=paging, columns={"id": "id", "name": "name"})))
    assert found["name"].to_pylist() == [None, "x"]


ROW = {
    "ndjson": (b"", b'{"a": "%d", "b": "some text of a row"}\n', b"", "application/x-ndjson"),
    "csv": (b"a,b\n", b"%d,some text of a row\n", b"", "text/csv"),
    "xml": (b"<l>", b"<r><a>%d</a><b>some text of a row</b></r>\n", b"</l>", "text/xml"),
}


def rows_of(kind: str, count: int) -> Iterator[bytes]:
    head, row, tail, _ = ROW[kind]
    yield head or b"\n"
    for start in range(0, count, 1_000):
        yield b"".join(row % number for number in range(start, start + 1_000))
    yield tail or b"\n"


@pytest.mark.parametrize("kind", ROW)
def test_an_answer_read_as_it_arrives_takes_constant_memory(peer: Peer, declare: Declare, kind: str) -> None:
    seen = dict[int, float]()
    registry = declare(tables=table(format=kind, columns={"a": "a", "b": "b"}, rows="l/r" if kind == "xml" else None))

    def read(count: int) -> None:
        peer.tell = lambda _: Told(rows_of(kind, count), kind=ROW[kind][3])
        total = 0
        for batch in registry.scan("rows"):
            assert len(batch) <= 10_000
            assert batch["a"][0].as_py() == str(total)
            total += len(batch)
        assert total == count

    read(1_000)
    for count in (15_000, 60_000):
        seen[count] = peak(lambda count=count: read(count))
    assert seen[60_000] < seen[15_000] * 1.3 + 2, seen


@pytest.mark.parametrize("kind", ROW)
def test_a_scan_that_is_left_closes_its_connection(peer: Peer, declare: Declare, kind: str) -> None:
    sent = itertools.count()

    def endless() -> Iterator[bytes]:
        yield ROW[kind][0] or b"\n"
        while True:
            yield ROW[kind][1] % next(sent) * 100

    peer.tell = lambda _: Told(endless(), kind=ROW[kind][3])
    said = table(format=kind, columns={"a": "a", "b": "b"}, rows="l/r" if kind == "xml" else None)
    reader = declare(tables=said).scan("rows")
    reader.read_next_batch()
    del reader
    time.sleep(0.3)
    before = next(sent)
    time.sleep(0.3)
    assert next(sent) <= before + 2


def test_an_answer_that_drips_ends_with_its_seconds(peer: Peer, declare: Declare) -> None:
    def dripping() -> Iterator[bytes]:
        while True:
            yield b'{"a": 1}\n'
            time.sleep(0.1)

    peer.tell = lambda _: Told(dripping(), kind="application/x-ndjson")
    began = time.monotonic()
    refused(declare(tables=table(format="ndjson", columns={"a": "a"}, seconds=1)), Late)
    assert time.monotonic() - began < 3


def test_an_answer_of_another_status_is_judged(peer: Peer, declare: Declare) -> None:
    peer.tell = lambda _: told({"code": "closed"}, 400)
    rules = [{"status": 400, "path": "code", "equals": "closed", "is": "misconfigured"}]
    refused(declare(tables=table(format="csv"), answers=rules), Misconfigured)
    assert "HTTP 400, which no rule" in refused(declare(tables=table(format="csv")))
