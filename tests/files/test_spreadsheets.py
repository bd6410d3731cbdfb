"""Workbooks: cells as a person means them, tables where they stand, and files that are none."""

import datetime as dt
import io
import os
import random
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from odf import opendocument, table, text  # type: ignore[import-untyped]
from xlsxwriter.utility import xl_cell_to_rowcol

from connectors.errors import Misconfigured, Unreadable
from connectors.files import spreadsheets, spreadsheets_shared, spreadsheets_sheet
from connectors.files.settings import SheetSettings, TableSettings
from connectors.files.spreadsheets_cells import Cells, Shared
from connectors.files.spreadsheets_formats import Format, format_of, formatted
from connectors.files.spreadsheets_parts import Broken, Row
from connectors.files.spreadsheets_quick import items, lot
from connectors.registry import FAULT
from tests.effort import some

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

EXAMPLES = max(1_500, 100 * int(os.environ.get("BEFFROI_SOAK", "0")))


def read(file: Path, **sheet: Any) -> pa.Table:
    said = TableSettings(file=file.name, sheet=SheetSettings(**sheet))
    return spreadsheets.read(file, file.name, said, "mairie").read_all()


def rows(found: pa.Table) -> list[list[Any]]:
    return [list(row.values()) for row in found.to_pylist()]


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path]:
    def make(write: Callable[[Any, Any], None], **options: Any) -> Path:
        file = tmp_path / "w.xlsx"
        with xlsxwriter.Workbook(file, options) as book:
            write(book, book.add_worksheet("Feuil1"))
        return file

    return make


def raw(tmp_path: Path, cells: str, *, styles: str = "", before: str = "", after: str = "") -> Path:
    """Write a workbook whose one sheet is this XML."""
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    kinds = "http://schemas.openxmlformats.org/package/2006/relationships"
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{kinds}"><Relationship Id="a" Type="{office}/officeDocument" Target="/xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{kinds}"><Relationship Id="r1" Type="{office}/worksheet" Target="worksheets/s.xml"/><Relationship Id="r2" Type="{office}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{styles}</styleSheet>',
        "xl/worksheets/s.xml": f'{before}<worksheet xmlns="{MAIN}"><sheetData>{cells}</sheetData>{after}</worksheet>',
    }
    file = tmp_path / "raw.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file


@pytest.mark.parametrize(
    ("code", "value", "shown"),
    [
        (None, "1", "1"),
        (None, "4954.3500000000004", "4954.35"),
        (None, "1E+20", "100000000000000000000"),
        (None, "1E-7", "0.0000001"),
        (None, "-0", "0"),
        ("00000", "1400", "01400"),
        ("00000", "123456", "123456"),
        ("0# ## ## ## ##", "123456789", "01 23 45 67 89"),
        ('0#" "##" "##', "12345", "01 23 45"),
        ("0 000", "1234567", "1234567"),
        ("0 000 000", "12", "12"),
        ('0" "000', "1234", "1234"),
        ("# ##0", "1234567", "1234567"),
        ("00 00 00 00 00", "123456789", "01 23 45 67 89"),
        ("000 000 000", "5880596", "005 880 596"),
        ("0 00 00", "12345", "1 23 45"),
        ('0" jours"', "3", "3"),
        ("0%", "0.25", "0.25"),
        ('#,##0.00 "€"', "12.5", "12.5"),
        ("[Red]0;[Blue]-0", "3", "3"),
        ("dd/mm/yyyy", "45351", "2024-02-29"),
        ("[$-40C]d mmmm yyyy;@", "45351", "2024-02-29"),
        ("mmmm", "45351", "2024-02-29"),
        ("dd/mm/yyyy", "45351.5", "2024-02-29T12:00:00"),
        ("dd/mm/yyyy hh:mm", "45351", "2024-02-29T00:00:00"),
        ("hh:mm", "0.354166666666667", "08:30:00"),
        ("hh:mm:ss.000", "0.5000014236", "12:00:00.123"),
        ("[h]:mm", "1.5", "36:00:00"),
        ("[h]:mm", "-1.5", "-36:00:00"),
        ("dd/mm/yyyy", "1", "1900-01-01"),
        ("dd/mm/yyyy", "59", "1900-02-28"),
        ("dd/mm/yyyy", "61", "1900-03-01"),
        ("dd/mm/yyyy", "60", None),
        ("dd/mm/yyyy", "0", None),
        ("dd/mm/yyyy", "-1", None),
        ("dd/mm/yyyy", "3000000", None),
        (None, "nan", None),
        (None, "1e999", None),
    ],
)
def test_numbers_are_what_their_format_means(tmp_path: Path, code: str | None, value: str, shown: str | None) -> None:
    escaped = (code or "General").replace("&", "&amp;").replace('"', "&quot;")
    styles = f'<numFmts><numFmt numFmtId="170" formatCode="{escaped}"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="170"/></cellXfs>'
    head = '<row r="1"><c r="A1" t="str"><v>n</v></c></row>'
    for cell in (f'<c r="A2" s="1"><v>{value}</v></c>', f'<c s="1" r="A2" ><v>{value}</v></c>'):  # quickly, and slowly
        found = read(raw(tmp_path, f'{head}<row r="2">{cell}</row>', styles=styles)).to_pylist()
        if shown is None:
            assert found[0][FAULT].startswith("its cell A has a")
        else:
            assert found == [{"n": shown, FAULT: None}]


def test_dates_in_the_system_of_1904(made: Callable[..., Path]) -> None:
    def write(book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["a", "b"])
        for at, day in enumerate((dt.date(1904, 1, 1), dt.date(2024, 2, 29)), 1):
            sheet.write_row(at, 0, ["x"])
            sheet.write_datetime(at, 1, dt.datetime.combine(day, dt.time()), book.add_format({"num_format": "d/m/yy"}))

    assert rows(read(made(write, date_1904=True))) == [["x", "1904-01-01", None], ["x", "2024-02-29", None]]


def test_errors_and_formulas_without_a_value_are_faults(made: Callable[..., Path]) -> None:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["a", "b"])
        for at, (formula, value) in enumerate([("=1/0", "#DIV/0!"), ("=1+1", ""), ("=1+1", 2), ('="x"', "x")], 1):
            sheet.write(at, 0, f"r{at}")
            sheet.write_formula(at, 1, formula, None, value)
        sheet.write_row(5, 0, ["r5", "#N/A"])  # words, and no error
        sheet.write(6, 0, "r6")
        sheet.write_boolean(6, 1, True)

    found = read(made(write)).to_pylist()
    assert [row["b"] for row in found] == ["#DIV/0!", None, "2", "x", "#N/A", "true"]
    assert [row[FAULT] for row in found] == [
        "its cell B has an error instead of a value",
        "its cell B has a formula whose value the file does not hold",
        None, None, None, None,
    ]  # fmt: skip


def test_titles_headers_merged_cells_totals_and_notes(made: Callable[..., Path]) -> None:
    def write(book: Any, sheet: Any) -> None:
        sheet.write(0, 0, "Subventions 2024")
        sheet.merge_range("A3:A4", "Nom", book.add_format())
        sheet.merge_range("B3:C3", "Montant", book.add_format())
        sheet.write_row(3, 1, ["2023", "2024"])
        sheet.write_row(4, 0, ["Judo", 10, 20])
        sheet.write_row(6, 0, ["Rugby", 1, 2.5])
        sheet.write_row(7, 0, ["TOTAL général", 11, 22.5])
        sheet.write(8, 6, " ")
        sheet.write(9, 0, "Source : mairie")

    found = read(made(write), range="A3", header=2, total=["total*", "source*"])
    assert found.column_names == ["Nom", "Montant 2023", "Montant 2024", FAULT]
    assert rows(found)[:2] == [["Judo", "10", "20", None], ["Rugby", "1", "2.5", None]]
    assert rows(found)[2:] == [[None, None, None, "it has a cell to the right of the last column, C"]]
    assert rows(read(made(write), range="A3:C7", header=2)) == rows(found)[:2]
    assert read(made(write), total="*").column_names[0] == "Nom"  # the title is narrower than a header


def test_several_tables_and_sheets_want_to_be_chosen(made: Callable[..., Path]) -> None:
    def write(book: Any, sheet: Any) -> None:
        for top in (0, 10):
            sheet.write_row(top, 0, ["a", "b"])
            sheet.write_row(top + 1, 0, ["x", top])

    file = made(write)
    with pytest.raises(Misconfigured, match=r"several tables on its sheet «Feuil1».*A1:B2, A11:B12"):
        read(file)
    assert rows(read(file, range="A11:B12")) == [["x", "10", None]]

    def two(book: Any, sheet: Any) -> None:
        write(book, sheet)
        hidden = book.add_worksheet("Caché")
        hidden.write_row(0, 0, ["c", "d"])
        hidden.write_row(1, 0, ["1", 2])
        hidden.hide()

    with pytest.raises(Misconfigured, match=r"several sheets.*Feuil1, Caché \(hidden\)"):
        read(made(two))
    assert rows(read(made(two), name="caché")) == [["1", "2", None]]
    with pytest.raises(Misconfigured, match="no sheet «Autre»; it has: Feuil1, Caché"):
        read(made(two), name="Autre")


def _written(*lines: list[Any], merged: str = "") -> Callable[[Any, Any], None]:
    """Return what writes these lines, and merges cells of a text that is there."""

    def write(book: Any, sheet: Any) -> None:
        for at, line in enumerate(lines):
            sheet.write_row(at, 0, line)
        for span in merged.split():
            row, column = xl_cell_to_rowcol(span.partition(":")[0])
            sheet.merge_range(span, lines[row][column], book.add_format())

    return write


NAMES = ["nom", "prénom", "rue", "cp"]
PEOPLE = [["a", "b", "c", "01000"], ["d", "e", "f", "02000"]]


def test_lines_of_a_header_begin_with_merged_cells(made: Callable[..., Path]) -> None:
    groups = ["Identité", None, "Adresse"]
    joined = ["Identité nom", "Identité prénom", "Adresse rue", "Adresse cp", FAULT]
    taken = [[*row, None] for row in PEOPLE]
    found = read(made(_written(groups, NAMES, *PEOPLE, merged="A1:B1 C1:D1")), header=2)
    assert (found.column_names, rows(found)) == (joined, taken)
    found = read(made(_written(["Titre"], groups, NAMES, *PEOPLE, merged="A1:D1 A2:B2 C2:D2")), header=2)
    assert (found.column_names, rows(found)) == (joined, taken)
    found = read(made(_written([None, None, "Adresse"], NAMES, *PEOPLE, merged="C1:D1")), header=2)
    assert (found.column_names[:3], rows(found)) == (["nom", "prénom", "Adresse rue"], taken)
    for title in ("", "A1:D1"):
        file = made(_written(["Titre"], NAMES, *PEOPLE, merged=title))
        with pytest.raises(Misconfigured, match=r"2 lines of the header.*row 2, or above.*range: A2.*range: A1"):
            read(file, header=2)
        assert rows(read(file, header=2, range="A1")) == taken
        assert rows(read(file)) == taken


@pytest.mark.parametrize(
    ("lines", "there"),
    [
        ([["a", "b", None, "c", "d"], [1, 2, None, 3, 4], [5, 6, None, 7, 8]], "A1:B3, D1:E3; .* range: A1"),
        ([["a", "b", None, "c"], [1, 2, None, 3]], "A1:B2, D1:D2"),
        ([["a", None, "b", "c"], [1, None, 2, 3]], "A1:A2, C1:D2"),
        ([["T"], ["a", "b"], [1, 2, None, "c", "d"], [1, 2, None, 3, 4], [5, 6]], "A2:B5, D3:E4"),
        ([["code", "n"], ["a1", 1], ["b", 2], [], ["2023", "2024"], ["c", 3]], "A1:B3, A5:B6"),
        ([["x", "y"], [1, 2], [3, 4], [], [2023, 2024], [5, 6]], "A1:B3, A5:B6"),
        ([["nom", "n"], ["a", 1], ["b", 2], [], ["nom", "Montant 2023"], ["c", 3]], "A1:B3, A5:B6"),
        ([["nom", "n"], ["a", 1], ["b", 2], [], ["nom", "2024-01-31"], ["c", 3]], "A1:B3, A5:B6"),
        ([["nom", "n"], *[["a", 7]] * 1200, [], ["autre", "prix"], ["x", 9]], "A1:B1201, A1203"),
        ([["nom", "n"], *[["a", 7]] * 1200, [], ["Prix"], ["nom", 2023], ["x", 9]], "A1:B1201, A1203"),
        ([["nom"], ["a"], ["b"], [], ["ville"], ["c"]], "A1:A3, A5:A6"),
        ([["nom", "n"], [], ["a", 1], ["b", 2]], "A1:B1, A3:B4; .* range: A1"),
    ],
)
def test_where_several_tables_may_be_it_is_told(made: Callable[..., Path], lines: list[list[Any]], there: str) -> None:
    file = made(_written(*lines))
    with pytest.raises(Misconfigured, match=f"may have several tables on its sheet «Feuil1».*: {there}"):
        read(file)
    assert read(file, range="A1").num_rows > 0


def test_as_many_names_as_columns_are_one_table(made: Callable[..., Path]) -> None:
    file = made(_written(["a", None, "b", "c"], [1, None, 2, 3]))
    assert rows(read(file, columns=["a", "x", "b", "c"])) == [["1", None, "2", "3", None]]


@pytest.mark.parametrize("count", [2, 1200])
def test_a_table_goes_on_after_an_empty_row(made: Callable[..., Path], count: int) -> None:
    before: list[list[Any]] = [["nom", "n", "m"], *[["a", 7, 1.5]] * count]
    found = read(made(_written(*before, [], ["b", 8], ["c", 9, 2], [], ["TOTAL", 3, 4], ["Source : x"])), total="t*")
    assert [row[0] for row in rows(found)[count:]] == ["b", "c", "Source : x"]
    found = read(made(_written(*before, [], ["Source : x"], ["Note"], [None, None, None, "à côté"])))
    assert [row[-1] is None for row in rows(found)[count:]] == [True, True, False]


def test_columns_can_be_named_anew(made: Callable[..., Path]) -> None:
    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ["1", "2"])
        sheet.write_row(1, 0, ["3", "4"])

    assert rows(read(made(write), header=0, columns=["x", "y"])) == [["1", "2", None], ["3", "4", None]]
    assert read(made(write), columns=["x", "y"]).column_names == ["x", "y", FAULT]
    with pytest.raises(Misconfigured, match="has 2 columns on its sheet «Feuil1», columns: names 1"):
        read(made(write), columns=["x"])


def test_a_million_rows_of_emptiness(made: Callable[..., Path], tmp_path: Path) -> None:
    head = '<row r="1"><c r="A1" t="str"><v>a</v></c><c r="B1" t="str"><v>b</v></c></row>'
    empty = "".join(f'<row r="{at}" s="1" customFormat="1"/>' for at in range(2, 200_000))
    last = '<row r="1048576"><c r="A1048576"><v>1</v></c><c r="XFD1048576" s="0"/></row>'
    assert rows(read(raw(tmp_path, head + empty + last))) == [["1", None, None]]


def test_the_quick_and_the_slow_way_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = "".join(
        f'<row r="{at}" spans="1:4"><c r="A{at}"><v>{at}</v></c><c r="B{at}" t="inlineStr"><is><t>é{at} a&gt;</t></is></c>'
        f'<c r="D{at}" s="0" t="b"><v>{at % 2}</v></c><c r="E{at}"/></row>'.replace(
            "a&gt;", "a&gt;" if at % 7 == 0 else "a>"
        )
        for at in range(1, 9000)
    )
    file = raw(tmp_path, cells)
    quick = rows(read(file, header=0, columns=["a", "b", "c", "d"]))
    monkeypatch.setattr(spreadsheets_sheet, "lot", lambda *_: None)
    assert quick == rows(read(file, header=0, columns=["a", "b", "c", "d"]))
    assert quick[6] == ["7", "é7 a>", None, "true", None]
    assert len(quick) == 8999


def test_rows_within_a_comment_are_none(tmp_path: Path) -> None:
    row = '<row r="{0}"><c r="A{0}"><v>{0}</v></c></row>'
    many = "".join(row.format(at) for at in range(2, 20_000))
    assert rows(read(raw(tmp_path, f"{row.format(1)}<!-- {many} -->"), header=0, columns=["a"])) == [["1", None]]


def _zip(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty$"),
        (b"a;b\n1;2\n", "is a text, such as CSV.*say format: csv"),
        (b"<html><table><tr><td>1", "is a web page"),
        (b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>', "is an XML file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, r"before 2007 \(.xls\): save it as .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "protected by a password"),
        (b"PK\x03\x04 and then nothing", "is damaged, or was cut"),
        (b"\x00\x01\x02", "is no workbook"),
        (_zip(x=b"1"), "is a zip archive and no workbook"),
    ],
)
def test_what_is_no_workbook_is_told(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "f.xlsx"
    file.write_bytes(content)
    with pytest.raises(Unreadable, match=f"^mairie: f.xlsx .*{said}"):
        read(file)


def test_a_workbook_cut_anywhere_is_unreadable(made: Callable[..., Path]) -> None:
    def write(_: Any, sheet: Any) -> None:
        for at in range(200):
            sheet.write_row(at, 0, [f"a{at}", at])

    file = made(write)
    whole = file.read_bytes()
    for size in range(1, len(whole), 397):
        file.write_bytes(whole[:size])
        with pytest.raises(Unreadable):
            read(file)


def test_bombs_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entities = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    with pytest.raises(Unreadable, match="document type"):
        read(raw(tmp_path, "", before=entities))
    with pytest.raises(Unreadable, match="a cell of more than 10,000,000 characters"):
        read(raw(tmp_path, f'<row r="1"><c r="A1" t="str"><v>{"x" * 10_000_001}</v></c></row>'))
    monkeypatch.setattr("connectors.files.spreadsheets_parts.part.__defaults__", (100,))
    with pytest.raises(Unreadable, match="holds more than 0 MiB in one part"):
        read(raw(tmp_path, ""))


# --- ODS -------------------------------------------------------------------------------------------------------------


def ods(tmp_path: Path, content: str) -> Path:
    """Write a workbook whose tables are this XML."""
    names = "".join(
        f' xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (("office", "office"), ("table", "table"), ("text", "text"), ("style", "style"))
    )
    calc = ' xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    file = tmp_path / "w.ods"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        body = f"<office:body><office:spreadsheet>{content}</office:spreadsheet></office:body>"
        archive.writestr("content.xml", f"<office:document-content{names}{calc}>{body}</office:document-content>")
    return file


def cell(attributes: str, shown: str = "") -> str:
    given = re.sub(r"(?<![\w:-])([a-z-]+)=", r"office:\1=", attributes)
    return f"<table:table-cell {given}>{f'<text:p>{shown}</text:p>' if shown else ''}</table:table-cell>"


def test_cells_of_ods(tmp_path: Path) -> None:
    told = [
        ('value-type="float" value="1400"', "01400", "01400"),
        ('value-type="float" value="12"', "0 012", "12"),
        ('value-type="float" value="5880596"', "005 880 596", "005 880 596"),
        ('value-type="float" value="12.5"', "12,50", "12.5"),
        ('value-type="currency" value="1234.5"', "1 234,50 €", "1234.5"),
        ('value-type="percentage" value="0.25"', "25 %", "0.25"),
        ('value-type="date" date-value="2024-02-29"', "29/02/24", "2024-02-29"),
        ('value-type="date" date-value="2024-02-29T13:14:15"', "x", "2024-02-29T13:14:15"),
        ('value-type="time" time-value="PT08H30M00S"', "08:30", "08:30:00"),
        ('value-type="time" time-value="-PT36H00M00S"', "-36:00", "-36:00:00"),
        ('value-type="boolean" boolean-value="true"', "VRAI", "true"),
        ('value-type="string"', "a<text:s text:c='2'/>b<text:line-break/>c", "a  b\nc"),
        ('value-type="string"', "un</text:p><text:p>deux", "un\ndeux"),
        ('value-type="string"', "01400", "01400"),
    ]
    lines = "".join(
        f"<table:table-row>{cell('value-type=' + chr(34) + 'string' + chr(34), 'x')}{cell(a, b)}</table:table-row>"
        for a, b, _ in told
    )
    head = f"<table:table-row>{cell('value-type=' + chr(34) + 'string' + chr(34), 'k') * 2}</table:table-row>"
    found = read(ods(tmp_path, f'<table:table table:name="F">{head}{lines}</table:table>'))
    assert [row["k_2"] for row in found.to_pylist()] == [expected for _, _, expected in told]
    assert found[FAULT].null_count == len(told)


def test_faults_and_repetitions_of_ods(tmp_path: Path) -> None:
    head = f"<table:table-row>{cell('value-type=' + chr(34) + 'string' + chr(34), 'k') * 2}</table:table-row>"
    lines = [
        '<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="2" office:value-type="float" office:value="7"/><table:table-cell table:number-columns-repeated="16382"/></table:table-row>',
        '<table:table-row><table:table-cell table:formula="of:=1/0" office:value-type="string" office:string-value="" calcext:value-type="error"><text:p>#DIV/0!</text:p></table:table-cell></table:table-row>',
        '<table:table-row><table:table-cell table:formula="of:=1+1"/></table:table-row>',
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>',
        '<table:table-row><table:table-cell office:value-type="string"><office:annotation><text:p>note</text:p></office:annotation><text:p>last</text:p></table:table-cell></table:table-row>',
    ]
    found = read(ods(tmp_path, f'<table:table table:name="F">{head}{"".join(lines)}</table:table>'), range="A1")
    assert rows(found) == [
        *[["7", "7", None]] * 3,
        ["#DIV/0!", None, "its cell A has an error instead of a value"],
        [None, None, "its cell A has a formula whose value the file does not hold"],
        ["last", None, None],
    ]
    bomb = '<table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="7"/></table:table-row>'
    with pytest.raises(Unreadable, match="more than 200,000,000 cells"):
        read(ods(tmp_path, f'<table:table table:name="F">{bomb}</table:table>'))


# --- any table -------------------------------------------------------------------------------------------------------

TEXTS = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\r", min_codepoint=32, max_codepoint=0xFFFD),
    max_size=20,
).filter(lambda value: value.strip() == value and "\ufffe" not in value)
VALUES = st.one_of(
    TEXTS,
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.decimals(-(10**6), 10**6, places=3).map(float),
    st.booleans(),
    st.dates(dt.date(1900, 3, 1), dt.date(9999, 12, 31)),
)
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=8)
)


def _meant(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value + 0.0).removesuffix(".0").replace("-0", "0") if value == 0 else repr(value).removesuffix(".0")
    return str(value) or None


def _expected(written: list[list[Any]]) -> list[list[str | None]]:
    found = [[_meant(value) for value in row] for row in written]
    return [row for row in found if any(row)]


@pytest.mark.soak
@some(60)
@given(TABLES)
def test_any_table_in_xlsx_reads_back_equal(written: list[list[Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "w.xlsx"
        with xlsxwriter.Workbook(file) as book:
            sheet, day = book.add_worksheet(), book.add_format({"num_format": "dd/mm/yyyy"})
            sheet.write_row(0, 0, [f"c{at}" for at in range(len(written[0]))])
            for at, row in enumerate(written, 1):
                for column, value in enumerate(row):
                    if isinstance(value, str):
                        sheet.write_string(at, column, value)
                    elif isinstance(value, dt.date):
                        sheet.write_datetime(at, column, value, day)
                    else:
                        sheet.write(at, column, value)
        found = read(file, range="A1")
    assert found[FAULT].null_count == found.num_rows
    assert [row[:-1] for row in rows(found)] == _expected(written)


@pytest.mark.soak
@some(50)
@given(TABLES)
def test_any_table_in_ods_reads_back_equal(written: list[list[Any]]) -> None:
    made = opendocument.OpenDocumentSpreadsheet()
    sheet = table.Table(name="F")
    for row in [[f"c{at}" for at in range(len(written[0]))], *written]:
        line = table.TableRow()
        for value in row:
            kind = {bool: "boolean", int: "float", float: "float", dt.date: "date"}.get(type(value), "string")
            key = {"boolean": "booleanvalue", "float": "value", "date": "datevalue"}.get(kind)
            made_cell = table.TableCell(valuetype=kind, **({key: _meant(value)} if key else {}))
            if kind == "string" and value:
                paragraph = text.P()
                for at, part in enumerate(value.split(" ")):
                    if at:
                        paragraph.addElement(text.S())
                    paragraph.addText(part)
                made_cell.addElement(paragraph)
            line.addElement(made_cell)
        sheet.addElement(line)
    made.spreadsheet.addElement(sheet)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "w.ods"
        made.save(str(file))
        found = read(file, range="A1")
    assert found[FAULT].null_count == found.num_rows
    assert [row[:-1] for row in rows(found)] == _expected(written)


def test_a_built_in_format() -> None:
    by = format_of(14, None)
    assert by is not None
    assert formatted("45351", by, from_1904=False) == "2024-02-29"
    assert format_of(9, None) is None


def test_a_column_without_a_name_is_not_lost(made: Callable[..., Path]) -> None:
    def write(_: Any, sheet: Any) -> None:
        sheet.write(0, 0, "Titre")
        sheet.write_row(1, 2, ["2023", "2024"])
        for at in range(1100):
            sheet.write_row(at + 2, 1, [f"club {at}", at, at])
        sheet.write_row(1102, 0, ["à gauche", "club", 1, 2])
        sheet.write_row(1103, 1, [None, 1, 2])

    found = read(made(write), range="B2")
    assert found.column_names == ["column_1", "2023", "2024", FAULT]
    assert rows(found)[1100:] == [["club", "1", "2", None], [None, "1", "2", None]]
    sought = read(made(write))
    assert rows(sought)[0] == ["club 0", "0", "0", None]
    assert rows(sought)[1100] == ["club", "1", "2", "it has a cell to the left of the first column, B"]


def test_workbooks_of_another_program(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["nom", "jour", "n"],
        ["é", dt.date(2024, 2, 29), 1.5],
        ["é\n ", dt.datetime(2024, 1, 1, 8), "=1+1"],  # noqa: DTZ001 (a workbook knows no zone)
    ):
        sheet.append(row)
    book.save(tmp_path / "o.xlsx")
    assert rows(read(tmp_path / "o.xlsx")) == [
        ["é", "2024-02-29", "1.5", None],
        ["é\n ", "2024-01-01T08:00:00", None, "its cell C has a formula whose value the file does not hold"],
    ]


def test_a_file_that_changes_while_it_is_read(made: Callable[..., Path]) -> None:
    file = made(lambda _, sheet: [sheet.write_row(at, 0, ["a", at]) for at in range(30_000)])
    said = TableSettings(file=file.name, sheet=SheetSettings(header=0, columns=["a", "b"]))
    reader = spreadsheets.read(file, file.name, said, "mairie")
    reader.read_next_batch()
    with file.open("ab") as grown:
        grown.write(b"more")
    with pytest.raises(Unreadable, match="changed while it was read"):
        reader.read_all()


def test_ods_with_a_password_and_binary_xlsx(tmp_path: Path) -> None:
    file = ods(tmp_path, "")
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("META-INF/manifest.xml", "<manifest:encryption-data/>")
    with pytest.raises(Unreadable, match="protected by a password"):
        read(file)
    with zipfile.ZipFile(tmp_path / "b.xlsx", "w") as archive:
        kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
        archive.writestr(
            "_rels/.rels",
            f'<Relationships><Relationship Id="a" Type="{kind}" Target="xl/workbook.bin"/></Relationships>',
        )
    with pytest.raises(Unreadable, match=r"a binary workbook \(\.xlsb\)"):
        read(tmp_path / "b.xlsx")


PLAIN = (
    '<row r="1" spans="1:3"><c r="A1" t="s"><v>0</v></c><c r="B1"><v>12.5</v></c><c r="C1" s="1"><v>45000</v></c></row>'
    '<row r="2"><c r="A2" t="inlineStr"><is><t>é</t></is></c><c r="C2" s="2"><v>14</v></c><c r="D2"/></row>'
    '<row r="3"><c r="A3" t="b"><v>1</v></c><c r="B3" t="str"><v>a b</v></c><c r="C3" s="3"><v>0.75</v></c></row>'
    '<row r="14"><c r="A14"><f>1+1</f><v>2</v></c><c r="B14" s="4"><v>36526.999999</v></c><c r="AB14" s="5"/></row>'
)
PIECES = (
    '<|>|/>|<c |</c>|<v>|</v>|<is>|</is>|<t>|</t>|"| s="1"| s="2"| t="s"| t="b"|-1|_|\r|&amp;|&lt;|&|</row>|9|.|0|E+5| '
    '|<f/>|<f>x</f>|<v></v>|Ã|A|<x/>|<!--|-->|]]>|<row r="7">|\ufffe|1'
)


@pytest.mark.soak
@pytest.mark.parametrize("from_1904", [False, True])
def test_the_quick_way_takes_nothing_that_the_parser_refuses(from_1904: bool) -> None:
    formats = [None, Format("date"), Format("code", "00000"), Format("time"), Format("moment"), Format("duration")]
    cells = Cells(Shared(["x", "y", None, "\ud800"]), formats, from_1904=from_1904)
    plain, pieces = PLAIN.encode(), [b"\xc3", *(piece.encode() for piece in PIECES.split("|"))]
    chance, taken = random.Random(1), 0
    for _ in range(EXAMPLES):
        changed = bytearray(plain)
        for _ in range(chance.randint(0, 4)):
            at = chance.randrange(len(changed))
            changed[at : at + chance.choice((0, 1, 1, 3))] = chance.choice((b"", *pieces))
        chunk = bytes(changed)[: changed.rfind(b"</row>") + 6]
        quick = lot(chunk, cells)
        if quick is not None:
            taken += 1
            assert list(quick.rows()) == _slowly(chunk, cells)
    assert taken > EXAMPLES // 10


def _slowly(chunk: bytes, cells: Cells) -> list[Row]:
    """Return the rows of a chunk that hold anything, by the XML parser."""
    slow = spreadsheets_sheet._Slow(cells)
    slow.rows(f'<worksheet xmlns="{MAIN}"><sheetData>'.encode())
    return [row for row in slow.rows(chunk) if row.cells or row.faults]


NUMBERS = st.one_of(
    st.floats(),
    st.integers(-(10**20), 10**20),
    st.decimals(-(10**6), 10**6, places=4),
    st.floats(0, 3_000_000).map(lambda value: round(value * 1440) / 1440),
    st.from_regex(r"\A[-+ ]?[0-9]{0,17}(\.[0-9]{0,17})?([eE][-+]?[0-9]{1,3})?\Z"),
).map(str)


@settings(max_examples=400, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=6), st.sampled_from(["", *"0123456"]), st.booleans())
def test_any_number_is_the_same_quickly_and_slowly(values: list[str], style: str, from_1904: bool) -> None:
    formats = [None, Format("date"), Format("code", "00000"), Format("time"), Format("moment"), Format("duration")]
    cells = Cells(Shared(), formats, from_1904=from_1904)
    said = f' s="{style}"' if style else ""
    for chosen in (values, *([value] for value in values)):
        chunk = "".join(
            f'<row r="{at}"><c r="B{at}"{said}><v>{each}</v></c></row>' for at, each in enumerate(chosen, 1)
        )
        quick = lot(chunk.encode(), cells)
        if quick is not None:
            assert list(quick.rows()) == _slowly(chunk.encode(), cells)


def test_texts_that_cells_share_are_the_same_quickly_and_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ["<t>a&amp;lt;&apos;</t>", "<t/>", "<t></t>", '<t xml:space="preserve"> é\n</t>', "<t>_x000D__x41_</t>"]
    others = ["<t>_xD83D_</t>", "<r><t>a</t></r><r><t>b</t></r>", "<t>&#10;</t>", "<t>a</t><rPh><t>b</t></rPh>", ""]
    chance = random.Random(2)
    for weight in (0, 0.001, 0.5):
        texts = [chance.choice(others if chance.random() < weight else kinds) for _ in range(3000)]
        whole = (
            f'<?xml version="1.0"?><sst xmlns="{MAIN}">{"".join(f"<si>{each}</si>" for each in texts)}</sst>'.encode()
        )
        pieces = [whole[at : at + 5000] for at in range(0, len(whole), 5000)]
        quick = spreadsheets_shared.shared(iter(pieces))
        with monkeypatch.context() as patched:
            patched.setattr(spreadsheets_shared, "items", lambda _: None)
            slow = spreadsheets_shared.shared(iter(pieces))
        assert [quick[at] for at in range(len(quick))] == [slow[at] for at in range(len(slow))]
        assert len(quick) == 3000
        assert quick.odd == slow.odd
        assert bool(quick.odd) == bool(weight)
    assert items(b"<si><t>a</t></si><si><t>b</t></si> ") is None
    monkeypatch.setattr(spreadsheets_shared, "MAX_HELD", 2000)
    with pytest.raises(Broken, match="has texts of more than"):
        spreadsheets_shared.shared(iter(pieces))


def test_one_odd_row_leaves_the_others_quick() -> None:
    cells = Cells(Shared(), [None], from_1904=False)
    lines = [f'<row r="{at}"><c r="A{at}"><v>{at}</v></c></row>' for at in range(1, 1001)]
    lines[499] = '<row><c t="e"><v>#N/A</v></c></row>'
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'.encode()
    found = list(spreadsheets_sheet.lots(iter([sheet]), cells))
    slow = [each for each in found if isinstance(each, list)]
    assert sum(map(len, slow)) < 100
    assert [row.number for each in found for row in (each if isinstance(each, list) else each.rows())] == [
        *range(1, 1001)
    ]
    assert next(row for each in slow for row in each if row.faults).number == 500


def test_a_long_text_in_many_cells_is_not_multiplied() -> None:
    cells = Cells(Shared(["x" * 1_000_000]), [None], from_1904=False)
    line = '<row r="{0}"><c r="A{0}" t="s"><v>0</v></c></row>'
    few, many = ("".join(line.format(at) for at in range(1, count)).encode() for count in (10, 100))
    assert lot(few, cells) is not None
    assert lot(many, cells) is None


def test_rows_out_of_order_are_told(tmp_path: Path) -> None:
    row = '<row r="{0}"><c r="A{0}"><v>{0}</v></c></row>'
    for numbers in ([2, 1], [1, 2, 2], [5, *range(1, 30_000)]):
        with pytest.raises(Unreadable, match="rows that are out of order"):
            read(raw(tmp_path, "".join(map(row.format, numbers))), header=0, range="A1", columns=["a"])
