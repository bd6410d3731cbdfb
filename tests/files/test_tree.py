"""JSON, NDJSON, XML and GeoJSON: any rows read back, exactly; what is damaged gives nothing; memory is bounded."""

import json
import tracemalloc
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import Misconfigured, Unreadable
from connectors.files import formats, json_text
from connectors.files.settings import TableSettings
from connectors.registry import FAULT
from tests.files.engine import cells


def read(path: Path, **said: Any) -> pa.RecordBatchReader:
    scan = formats.read(path, path.name, TableSettings(file=path.name, **said), "town")
    assert isinstance(scan, pa.RecordBatchReader)
    return scan


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _refuse(name: str) -> None:
    raise ValueError(name)


# --- JSON ------------------------------------------------------------------------------------------------------------

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab.é"', max_size=2), inner, max_size=3), max_leaves=6)  # fmt: skip
OBJECTS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b", "É", "x y"]), VALUES, min_size=1, max_size=4), min_size=1, max_size=5
)


def told(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    objects=OBJECTS,
    chunk=st.sampled_from([1, 3, 1_000_000]),
    how=st.sampled_from(["json", "path", "ndjson"]),
    bare=st.booleans(),
)
def test_any_objects_read_back(tmp_path: Path, objects: list[dict[str, Any]], chunk: int, how: str, bare: bool) -> None:
    kept, json_text.CHUNK = json_text.CHUNK, chunk
    try:
        said = {"rows": 'data."my rows"'} if how == "path" else {}
        whole = (
            {"x": [{"data": 1}], "data": {"total": 1, "my rows": objects, "next": None}, "y": {}} if said else objects
        )
        text = json.dumps(whole, ensure_ascii=bare, indent=None if bare else 1)
        if how == "ndjson":
            text = "\r\n".join(json.dumps(each, ensure_ascii=bare) for each in objects)
        scan = read(put(tmp_path, "x.ndjson" if how == "ndjson" else "x.json", text), **said)
        columns = [name for name in scan.schema.names if name != FAULT]
        assert columns == list(dict.fromkeys(key for each in objects for key in each))
        assert cells(scan) == [[*(told(each.get(name)) for name in columns), None] for each in objects]
    finally:
        json_text.CHUNK = kept


@given(text=st.text(st.sampled_from(list('[]{},:"ab1-.e \\nutf')), max_size=15))
@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
def test_what_python_refuses_is_refused(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, "x.json", f"[{text}]")
    try:
        value = json.loads(f"[{text}]", parse_constant=_refuse)
    except ValueError:
        with pytest.raises(Unreadable):
            cells(read(path))
    else:
        assert len(cells(read(path))) == len(value)


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_a_file_that_is_cut_off_gives_nothing(tmp_path: Path, cut: int) -> None:
    whole = '{"meta": {"n": 2}, "rows": [{"a": "é", "b": [1, 2]}, {"a": 1}], "end": 1}'
    with pytest.raises((Unreadable, Misconfigured)):
        read(put(tmp_path, "x.json", whole.encode()[:-cut]), rows="rows")


@pytest.mark.parametrize(
    ("content", "rows", "said"),
    [
        ('{"a": {"b": []}}', "a.c", r"no list of rows at a.c: there are: b"),
        (
            '{"0612345678": [], "Durand": {}, "meta": 1, "page_2": 1}',
            "data",
            r"at data: there are: meta, page_2, 2 keys of other forms; say",
        ),
        ('{"data": {"0612345678": [], "rows": []}}', "data", r"there are lists at: rows, 1 key of other forms; say"),
        ('{"a": 5}', "a.c", r"no list of rows at a.c: no object stands on the way"),
        ('{"a": 5}', "a", r"no list of rows at a: it is no list"),
        ('{"a": [], "a": []}', "a", r"has the key of its rows twice"),
        ('{"a": [{}]', "a", r"ends before its JSON does"),
        ('{"a": [{}],}', "a", r"is no JSON"),
        ("{a: []}", "a", r"is no JSON"),
        ('{"a": []}', "a[0]", r"rows: a\[0\]: expected keys joined by dots"),
        ("", "a", r"is empty"),
    ],
)
def test_where_the_rows_are_not(tmp_path: Path, content: str, rows: str, said: str) -> None:
    with pytest.raises((Misconfigured, Unreadable), match=said):
        read(put(tmp_path, "x.json", content), rows=rows)


def test_a_row_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "MAX_VALUE", 3_000_000)
    path = put(tmp_path, "x.json", '[{"a": "' + "x" * 9_000_000 + '"}]')
    tracemalloc.start()
    with pytest.raises(Unreadable, match=r"a row or value of more than 3,000,000 characters"):
        read(path)
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    with pytest.raises(Unreadable, match=r"x.ndjson, line 1: too long to be a row"):
        read(put(tmp_path, "x.ndjson", '{"a": "' + "x" * 9_000_000 + '"}'))


def test_what_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreadable):
        read(put(tmp_path, "x.json", "[" * 100_000))


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("w") as file:
        file.write("[")
        for number in range(40_000):
            file.write(f'{"," if number else ""}{{"n": {number}, "text": "{"x" * 100}"}}')
        file.write("]")
    tracemalloc.start()
    assert sum(batch.num_rows for batch in read(path)) == 40_000
    assert tracemalloc.get_traced_memory()[1] < 12_000_000
    tracemalloc.stop()


def test_not_in_utf8(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"is not in UTF-8"):
        read(put(tmp_path, "x.json", b'[{"a": "\xe9"}]'))
    with pytest.raises(Unreadable, match=r"is not in UTF-8, about line 1"):
        read(put(tmp_path, "x.ndjson", b'{"a": "\xe9"}'))
    assert cells(read(put(tmp_path, "y.json", '[{"a": "é"}]'.encode("utf-16")))) == [["é", None]]


def test_too_many_columns(tmp_path: Path) -> None:
    objects = [{f"k{number}": 1} for number in range(10_001)]
    with pytest.raises(Unreadable, match=r"rows of more than 10,000 different keys"):
        read(put(tmp_path, "x.json", json.dumps(objects)))


# --- XML -------------------------------------------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(codec="utf-8", min_codepoint=33, exclude_characters="\x7f"), min_size=1, max_size=6
).filter(lambda text: all(each.isprintable() for each in text))


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "@i", "c.d", "c.@e"]), TEXTS, min_size=1), min_size=1, max_size=4
    )
)
def test_any_rows_of_xml_read_back(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    written = ""
    for row in rows:
        inner = "".join(f"<{key}>{escape(row[key])}</{key}>" for key in "ab" if key in row)
        if "c.d" in row or "c.@e" in row:
            attribute = f" e={quoteattr(row['c.@e'])}" if "c.@e" in row else ""
            inner += f"<c{attribute}>" + (f"<d>{escape(row['c.d'])}</d>" if "c.d" in row else "") + "</c>"
        own = f" i={quoteattr(row['@i'])}" if "@i" in row else ""
        written += f"\n  <row{own}>{inner}</row>"
    scan = read(put(tmp_path, "x.xml", f"<all><other><row/></other>{written}</all>"), rows="all/row")
    names = [name for name in scan.schema.names if name != FAULT]
    assert sorted(names) == sorted({key for row in rows for key in row})
    assert cells(scan) == [[*(row.get(name) for name in names), None] for row in rows]


def test_a_child_that_comes_again_is_a_list_in_all_rows(tmp_path: Path) -> None:
    path = put(tmp_path, "x.xml", "<r><w><t><x>1</x></t></w><w><t><x>2</x></t><t/></w><w/></r>")
    assert cells(read(path, rows="r/w")) == [
        ['[{"x": "1"}]', None],
        ['[{"x": "2"}, null]', None],
        [None, None],
    ]


def test_an_xml_row_too_large_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "x.xml", "<r><w>" + "<a>1</a>" * 100_001 + "</w></r>")
    with pytest.raises(Unreadable, match=r"a row of more than 100,000 elements"):
        read(path, rows="r/w")


def test_xml_in_constant_memory(tmp_path: Path) -> None:
    path = put(tmp_path, "x.xml", "<r>" + f"<w><a>{'x' * 100}</a></w><o><p/></o>" * 20_000 + "</r>")
    tracemalloc.start()
    assert sum(batch.num_rows for batch in read(path, rows="r/w")) == 20_000
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_what_is_no_xml_says_nothing_of_its_content(tmp_path: Path) -> None:
    path = put(tmp_path, "x.xml", "<r><w><SECRET></w></r>")
    with pytest.raises(Unreadable) as caught:
        read(path, rows="r/w")
    assert "SECRET" not in caught.value.detail
    bomb = '<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><r><w>&b;</w></r>'
    with pytest.raises(Unreadable, match=r"has a DTD, which is not read"):
        read(put(tmp_path, "y.xml", bomb), rows="r/w")


def test_no_such_element(tmp_path: Path) -> None:
    path = put(tmp_path, "x.xml", "<r><w><a>1</a></w><w><a>2</a></w></r>")
    with pytest.raises(Misconfigured, match=r"has no element with anything in it at r/v; .*: r/w, r/w/a"):
        read(path, rows="r/v")


# --- GeoJSON ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("geometry", "fault"),
    [
        ("null", None),
        ('{"type": "Point", "coordinates": [1, 2, 3]}', None),
        ('{"type": "Point", "coordinates": [1]}', "a position that is not two numbers"),
        ('{"type": "Point", "coordinates": [1e999, 2]}', "coordinates that are no longitude and latitude"),
        ('{"type": "Point", "coordinates": [181, 2]}', "coordinates that are no longitude and latitude"),
        ('{"type": "Point", "coordinates": null}', "coordinates that are no list"),
        ('{"type": "Point"}', "coordinates that are no list"),
        ('{"type": "MultiPoint", "coordinates": [[1, 2], [true, 1]]}', "a position that is not two numbers"),
        ('{"type": "Polygon", "coordinates": [[[0,0],[1,0],[1,1],[0,0]]]}', None),
        ('{"type": "Polygon", "coordinates": [[[0,0],[1,0],[0,0]]]}', "a ring that does not close"),
        ('{"type": "MultiPolygon", "coordinates": [[[[0,0],[1,0],[1,1],[0,2]]]]}', "a ring that does not close"),
        ('{"type": "GeometryCollection", "geometries": []}', None),
        ('{"type": "GeometryCollection"}', "a collection without geometries"),
        ('{"type": "GeometryCollection", "geometries": [null]}', "no geometry"),
        ("5", "a geometry of no known type"),
    ],
)
def test_geometries(tmp_path: Path, geometry: str, fault: str | None) -> None:
    feature = f'{{"type": "Feature", "properties": {{"n": 1}}, "geometry": {geometry}}}'
    [row] = cells(read(put(tmp_path, "x.geojson", f'{{"features": [{feature}]}}')))
    assert row[0] == "1"
    assert row[-1] == (None if fault is None else f"row 1: {fault}")


def test_properties_that_are_none(tmp_path: Path) -> None:
    feature = '{"type": "Feature", "properties": [1], "geometry": null}'
    [row] = cells(read(put(tmp_path, "x.geojson", f'{{"features": [{feature}]}}')))
    assert row == [None, "row 1: properties that are no object"]
