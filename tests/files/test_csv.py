"""CSV: whatever is written reads back, by the engine and by our own reader alike, in bounded memory."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.errors import Misconfigured, Unreadable
from connectors.files import csv_files, encodings, numbers
from connectors.files.headers import joined
from connectors.files.settings import CsvSettings, TableSettings
from connectors.registry import FAULT, CsvFile
from tests.effort import some
from tests.files.engine import by_engine, cells

Rows = Sequence[Sequence[str | None]]


def read(path: Path, **said: Any) -> CsvFile | pa.RecordBatchReader:
    return csv_files.read(path, path.name, TableSettings(file=path.name, csv=CsvSettings(**said)), "town")


def careful(scan: CsvFile | pa.RecordBatchReader) -> pa.RecordBatchReader:
    return scan.rows() if isinstance(scan, CsvFile) else scan


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# --- whatever is written reads back ----------------------------------------------------------------------------------

ENCODINGS = {
    "utf-8": "utf-8", "utf-8-sig": "utf-8", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be", "cp1252": "windows-1252",
    "iso-8859-15": "iso-8859-15", "mac-roman": "mac-roman", "cp850": "cp850",
}  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A table as a CSV file."""

    names: list[list[str]]
    rows: list[list[str]]
    content: bytes
    said: dict[str, Any]


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


@st.composite
def tables(draw: st.DrawFn) -> Written:
    codec = draw(st.sampled_from(sorted(ENCODINGS)))
    separator, quote = draw(st.sampled_from(";,\t|")), draw(st.sampled_from("\"'"))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    cell = st.text(st.characters(codec=codec.removesuffix("-sig"), exclude_characters="\0\ufeff"), max_size=8)
    common = st.text(st.sampled_from(list("aé1 ;,\t|\"'\n\r")), max_size=6)
    width = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(cell | common, min_size=width, max_size=width), max_size=8))
    header = draw(st.integers(1, 3))
    word = st.text(st.sampled_from("abcdeé x\n"), min_size=1, max_size=5).filter(str.strip)
    names = [draw(st.lists(word, min_size=width, max_size=width)) for _ in range(header)]
    always = draw(st.booleans())

    def put(text: str) -> str:
        bare = not always and not any(each in text for each in f"{separator}{quote}\r\n")
        return text if bare else quote + text.replace(quote, quote * 2) + quote

    text = "".join(separator.join(map(put, row)) + end for row in [*names, *rows])
    if draw(st.booleans()):
        text = text.removesuffix(end)
    said = {"encoding": ENCODINGS[codec], "separator": separator, "quote": quote, "header": header, "skip": 0}
    try:
        content = text.encode(codec)
    except UnicodeEncodeError:
        content = b""
    assume(content and all(row != line for row in rows for line in names))
    assume(not any(mark for mark in encodings.MARKS if content.startswith(mark)) or codec == "utf-8-sig")
    assume(codec.startswith("utf") or content.isascii() or not _is_utf8(content))
    return Written(names, rows, content, said)


@pytest.mark.soak
@settings(some(60), suppress_health_check=list(HealthCheck))
@given(table=tables())
def test_any_table_reads_back_by_both_readers(tmp_path: Path, table: Written) -> None:
    scan = read(written(tmp_path, table.content), **table.said)
    # a row of nothing is none, unless it is quoted
    expected = [[cell or None for cell in row] for row in table.rows]
    filled = [row for row in expected if any(row)]
    found = cells(careful(scan))
    assert [row[-1] for row in found] == [None] * len(found)
    assert [row[:-1] for row in found if any(row[:-1])] == filled
    if isinstance(scan, CsvFile):
        engine = by_engine(scan)
        assert engine is None or engine == [row[:-1] for row in found]


PARTS = [*'a;;""\n\n xé\0', "\r\n", '""', '";"', "4;5;6\n", "4;5;\n", "4;5;\r"]
PARTS += [";;\n", ";;", "h1;h2;h3", '"h1" ;h2; "h3"\n', '"a" "b";2;3\n']


@pytest.mark.soak
@settings(some(150), suppress_health_check=list(HealthCheck))
@given(
    body=st.lists(st.sampled_from(PARTS), max_size=12).map("".join),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_text_reads_alike_where_the_engine_reads_it(tmp_path: Path, body: str, end: str) -> None:
    text = f"h1;h2;h3\n1;2;3\n{body}".replace("\n", end)
    scan = read(written(tmp_path, text), separator=";", quote='"', header=1, skip=0)
    found = cells(careful(scan))
    if isinstance(scan, CsvFile) and (engine := by_engine(scan)) is not None:
        assert [[*row, None] for row in engine] == found


ODD_ROWS = ["h1;h2;h3", '"h1";h2;"h3"', ' "h1" ; "h2";h3', ";;", '"a" "b";2;3']


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("odd", ODD_ROWS)
def test_what_needs_care_is_seen_wherever_it_stands(
    tmp_path: Path, odd: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encodings, "CHUNK", 20_000)
    monkeypatch.setattr(csv_files, "CHUNK", 20_000)
    head = f"h1;h2;h3{end}"
    assert isinstance(read(written(tmp_path, head + f"1;2;3{end}" * 9000)), CsvFile)
    for place in range(20_000 - len(end + odd + end) - 2, 20_002):  # of the odd row, about the end of a piece
        filler = f"1;2;{'x' * (place - len(head) - 4 - len(end))}{end}"
        for after in (f"{end}1;2;3{end}" * 4000, ""):
            scan = read(written(tmp_path, head + filler + odd + after), separator=";", quote='"')
            assert not isinstance(scan, CsvFile), (place, after[:9])


def test_a_row_after_a_lone_carriage_return_is_seen(tmp_path: Path) -> None:
    for odd in (";;", "h1;h2;h3"):
        scan = read(written(tmp_path, f"h1;h2;h3\n4;5;\r{odd}\n7;8;9\n"), separator=";", quote='"')
        assert [row[0] for row in cells(careful(scan))] == ["4", "7"]
        assert not isinstance(scan, CsvFile)


def test_clean_files_are_the_engine_s_whatever_their_encoding(tmp_path: Path) -> None:
    for codec in ENCODINGS:
        text = "Nom;Été\n" + "École;Théâtre d'été déjà prévu\n" * 50
        scan = read(written(tmp_path, (("\ufeff" if codec.startswith("utf-16") else "") + text).encode(codec)))
        assert isinstance(scan, CsvFile), codec
        assert by_engine(scan) == [["École", "Théâtre d'été déjà prévu"]] * 50
        assert scan.columns == ("Nom", "Été")


def test_what_was_written_anew_for_the_engine_goes_with_the_scan(tmp_path: Path) -> None:
    path = written(tmp_path, "Nom;Été\nÉcole;Noël\n".encode("cp1252"))
    scan = read(path)
    assert isinstance(scan, CsvFile)
    made = scan.path
    assert made != path
    assert made.is_file()
    assert made.parent.stat().st_mode & 0o077 == 0
    del scan
    assert not made.parent.exists()


def test_the_engine_takes_no_name_for_a_glob(tmp_path: Path) -> None:
    for name in ("a[1]*.csv", "b.csv.gz"):
        path = tmp_path / name
        path.write_text("a;b\n1;2\n")
        scan = read(path)
        assert isinstance(scan, CsvFile)
        assert by_engine(scan) == [["1", "2"]]


# --- what is amiss ---------------------------------------------------------------------------------------------------


def test_a_row_amiss_says_where_and_loses_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, 'a;b\n1;2\n3\n4;5;6;7\n"x"y;8\n9;"open\n10;11\n')
    assert cells(careful(read(path))) == [
        ["1", "2", None],
        ["3", None, "line 3: 1 cell, the header has 2"],
        ["4", "5;6;7", "line 4: 4 cells, the header has 2"],
        ['"x"y', "8", "line 5: a quote stands amiss in cell 1"],
        ["9", '"open', "line 6: the quote of cell 2 is never closed"],
        ["10", "11", None],
    ]


def test_a_stray_quote_swallows_no_rows(tmp_path: Path) -> None:
    rows = "".join(f"{n};x;y\n" for n in range(2000))
    path = written(tmp_path, f'a;b;c\n{rows}5;"stray;z\n{rows}6;other" quote;z\n{rows}')
    found = cells(careful(read(path)))
    assert len(found) == 6002
    assert [(number, row[-1]) for number, row in enumerate(found) if row[-1]] == [
        (2000, "line 2002: a quote stands amiss in cell 2")
    ]


def test_line_numbers_count_notes_and_lines_within_quotes(tmp_path: Path) -> None:
    path = written(tmp_path, 'Note;;\n\na;b;c\n1;"x\ny";3\n1;2\n')
    assert cells(careful(read(path)))[1][-1] == "line 6: 2 cells, the header has 3"


def test_ten_thousand_columns(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(10_000)]
    line = ";".join(names)
    path = written(tmp_path, f"{line}\n" + f"{line.replace('c', 'v')}\n" * 300)
    scan = careful(read(path))
    batches = list(scan)
    assert sum(batch.num_rows for batch in batches) == 300
    assert max(batch.nbytes for batch in batches) < 50_000_000
    assert len(scan.schema) == 10_001


@pytest.mark.parametrize("opening", ["", '"'], ids=["bare", "quoted"])
def test_a_cell_of_100_megabytes_is_refused(tmp_path: Path, opening: str) -> None:
    path = tmp_path / "x.csv"
    with path.open("w") as file:
        file.write(f"a;b\n1;2\n3;{opening}")
        for _ in range(100):
            file.write("x" * 1_000_000)
        file.write("\n4;5\n")
    with pytest.raises(Unreadable, match=r"x.csv has a line or cell too long to be one, from line 3 on"):
        careful(read(path)).read_all()


def test_a_quoted_cell_of_many_lines_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    with path.open("w") as file:
        file.write('a;b\n1;"')
        for _ in range(120_000):
            file.write("y" * 99 + "\n")
    found = careful(read(path))
    table = found.read_all()
    assert table[FAULT][0].as_py() == "line 2: the quote of cell 2 is never closed"
    assert table.num_rows == 120_000


def test_a_file_that_cannot_be_decoded_says_where(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"is not in utf-16-le"):
        read(written(tmp_path, b"\xff\xfe" + "a;b\n1;2\n".encode("utf-16-le") + b"\x00\xd8"))
    late = b"a;b\n" + b"1;x\n" * 100_000 + b"\x81;y\n"
    with pytest.raises(Unreadable, match=r"x.csv is not in its encoding, from about line"):
        careful(read(written(tmp_path, late), encoding="windows-1252")).read_all()


def test_a_mark_and_a_declaration_must_agree(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"declared as windows-1252, but begins with the byte order mark of utf-8"):
        read(written(tmp_path, b"\xef\xbb\xbfa;b\n1;2\n"), encoding="windows-1252")


@pytest.mark.parametrize("encoding", ["windows-1252", "iso-8859-1", "iso-8859-15", "mac-roman", "cp850", "cp437"])
def test_utf_8_that_is_declared_as_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    text = "nom;ville\nBoulangerie Été n°3;Corbie\n" + "a;b\n" * 10
    with pytest.raises(Unreadable, match=rf"x.csv is declared as {encoding}, but is UTF-8 throughout") as told:
        read(written(tmp_path, text), encoding=encoding)
    assert told.value.fault == "registry"
    assert by_engine(read(written(tmp_path, "nom;ville\nCafe;Corbie\n"), encoding=encoding)) == [["Cafe", "Corbie"]]
    rest = text.encode().replace(b"Corbie", b"Sal\x82on")
    assert "UTF-8" not in str(read(written(tmp_path, rest), encoding=encoding)), (
        "one letter is not: what is declared holds"
    )


def test_letters_cut_by_the_pieces_of_a_file_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "CHUNK", 7)
    monkeypatch.setattr(csv_files, "CHUNK", 7)
    text = "nom;€\n" + "é;€\n𝄞;ààà\n" * 9
    path = written(tmp_path, text)
    assert encodings.detect(path, "x", "town").evidence == "valid UTF-8 throughout"
    assert by_engine(read(path)) == [["é", "€"], ["𝄞", "ààà"]] * 9
    for cut in (1, 2, 3):
        path.write_bytes("ab𝄞".encode()[:-cut])
        with pytest.raises((Misconfigured, Unreadable)):
            encodings.detect(path, "x", "town")


@pytest.mark.soak
@settings(some(150), suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_python_decodes_as_utf_8_is_utf_8_however_the_file_is_cut(
    tmp_path: Path, data: st.DataObject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encodings, "CHUNK", data.draw(st.integers(4, 20)))
    letters = st.sampled_from(["a;", "é", "€", "𝄞", "\n"]).map(str.encode)
    stray = st.sampled_from([b"\x80", b"\xbf", b"\xc3", b"\xe2", b"\xf0", b"\xff", b"\xed\xa0\x80"])
    content = b"".join(data.draw(st.lists(letters | letters | letters | stray, min_size=1)))
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        with pytest.raises(Unreadable, match=rf"is declared as UTF-8, but line {line} is not"):
            encodings.detect(written(tmp_path, content), "x", "town", "utf-8")
    else:
        assert encodings.detect(written(tmp_path, content), "x", "town", "utf-8").encoding == "utf-8"


# --- what is certain, and what is not ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp1250", "Dvořák;Plzeň"),
        ("cp1250", "Jiří Novák;Brno\nTomáš Čapek;Ústí nad Labem\nVěra Malá;Děčín"),
        ("iso-8859-2", "Erdős;Győr"),
        ("iso-8859-2", "Szűcs László;Hódmezővásárhely\nPetőfi;Kőszeg\nKovács;Békés megyei jegyző"),
        ("cp1250", "Wałęsa;Gdańsk\nŁódź;Kraków"),
        ("iso-8859-2", "Sălaj;Vâlcea"),
        ("cp1251", "Имя;Город\nИван;Москва"),
        ("cp1253", "Αθήνα;Πάτρα\nΘεσσαλονίκη;Λάρισα"),
        ("cp1254", "Beşiktaş;İstanbul"),
        ("cp1255", "עיר;שם"),
    ],
)
def test_letters_of_other_languages_are_not_taken_for_ours(tmp_path: Path, codec: str, text: str) -> None:
    with pytest.raises(
        Misconfigured, match=r"the encoding of x.csv is not certain.* say encoding: under csv:, or save"
    ):
        read(written(tmp_path, f"a;b\n{text}\n".encode(codec)))


@pytest.mark.parametrize("codec", ["cp1252", "iso-8859-15"])
@pytest.mark.parametrize(
    "text",
    [
        "École;Île-de-France", "Île-de-France;x", "ÉCOLE;ÎLE D'OLÉRON", "créée;réélection du théâtre", "Hôtel;Noël, maïs et foin",
        "2 à 3;été à la mer", "N°12;250 m² bâtis", "L'Haÿ-les-Roses;Évry;Orléans", "Muñón;Albaráñez\nCáñar;Sangüesa",
        "Straße;größte Übung\nKöln;Fußgänger", "Conceição;ações\nSão João;AÇÃO", "Vilanova i la Geltrú;Història\nPlaça;això",
    ],
)  # fmt: skip
def test_the_usual_words_stay_certain(tmp_path: Path, codec: str, text: str) -> None:
    path = written(tmp_path, f"a;b\n{text}\n".encode(codec))
    found = encodings.detect(path, "x", "town")
    assert path.read_bytes().decode(found.codec) == f"a;b\n{text}\n"


@pytest.mark.parametrize(
    "text",
    [
        "a#b\n1#2\n3#4\n", "a:b\n1:2\n", "a b\n1 2\n3 4\n", '"a;b"\n"1;2"\n"3;4"\n', '"a,b"\r\n"1,2"\r\n',
        '"Nom;Note"\n"1;""x;y"""\n"1;2"\n', '"a\tb"\n"1\t2"\n',
    ],
)  # fmt: skip
def test_one_column_that_may_be_several_is_asked_for(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(
        Misconfigured, match=r"each, which may part columns; say separator: under csv:, or header: 1 if"
    ):
        read(path)
    assert len(careful(read(path, header=1)).schema.names) == 2, "its column, and the faults"


@pytest.mark.parametrize(
    "text",
    ["Adresse\n1 rue A\n2 bis rue des Lilas\n", "commune\nParis\nSaint Denis\n", "Code\n01400\n", "Nom complet\n"],
)
def test_one_column_that_nothing_parts_is_certain(tmp_path: Path, text: str) -> None:
    assert careful(read(written(tmp_path, text))).schema.names == [text.split("\n", maxsplit=1)[0], FAULT]


@pytest.mark.parametrize("title", ["Subventions 2024", "Subventions, ville, 2024"])
def test_the_header_tells_the_separator_where_a_row_is_ragged(tmp_path: Path, title: str) -> None:
    rows = "A;b;12,50;x\nB;c;1,50;y\nC;d;3,50;z;w\nD;e;4,50;z\n"
    found = careful(read(written(tmp_path, f"{title}\n\nNom;Objet;Montant;Date\n{rows}"))).read_all()
    assert found.column_names == ["Nom", "Objet", "Montant", "Date", FAULT]
    assert found[FAULT].to_pylist() == [None, None, "line 6: 5 cells, the header has 4", None]
    assert found["Montant"].to_pylist() == ["12,50", "1,50", "3,50", "4,50"]
    with pytest.raises(Misconfigured, match="the separator is not certain"):
        read(written(tmp_path, "Nom;Objet,Date\nA;b,x\nB;c,y\nC;d;3,z\n"))


@pytest.mark.parametrize("begin", ["<!DOCTYPE html>", " \r\n<HTML>", "\ufeff<head>", "<table>", "<meta charset=x>"])
@pytest.mark.parametrize("said", [{}, {"header": 0, "columns": ["a"], "encoding": "utf-8"}], ids=["found", "declared"])
def test_a_web_page_is_no_csv(tmp_path: Path, begin: str, said: dict[str, Any]) -> None:
    path = written(tmp_path, f"{begin}<p>Jean Durand 0612345678\n</p>\n")
    with pytest.raises(Unreadable, match=r"x.csv is a web page \(HTML\) and no CSV, whatever its name says") as caught:
        read(path, **said)
    assert "Durand" not in caught.value.detail


@pytest.mark.parametrize(
    "line",
    [
        "0612345678;Durand;Jean",
        "Durand;06 12 34 56 78;x",
        "Jean;jean@ville.example;x",
        "Jean;31/12/1970;x",
        "75056;b;c",
    ],
)
def test_one_value_that_is_no_name_makes_a_header_doubtful(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, f"{line}\na;b;c\n")
    with pytest.raises(
        Misconfigured, match=r"line 1 holds 1 value of the form of .* say header: 0 and columns:"
    ) as caught:
        read(path)
    assert not any(cell in caught.value.detail for cell in line.split(";") if len(cell) > 1)
    assert careful(read(path, header=1)).schema.names[0] == line.split(";", maxsplit=1)[0]


@pytest.mark.parametrize("line", ["Nom;2023;2024", "Nom;2022-2023;2023-2024", "Nom;1990 1999;T1", "N°;1.1;a@b"])
def test_names_with_digits_stay_names(tmp_path: Path, line: str) -> None:
    assert careful(read(written(tmp_path, f"{line}\na;b;c\n"))).schema.names[:3] == line.split(";")


# --- headers and numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([["a", "b"]], ["a", "b"]),
        ([[" a \n b ", ""]], ["a b", ""]),
        ([["S", "", "T"], ["x", "y", ""]], ["S x", "S y", "T"]),
        ([["S", "", ""], ["x", "y", ""]], ["S x", "S y", ""]),
        ([["", "S", ""], ["n", "x", "y"]], ["n", "S x", "S y"]),
        ([["A", ""], ["B", ""], ["c", "d"]], ["A B c", "A B d"]),
        ([["x"], ["x"]], ["x"]),
        ([], []),
    ],
)
def test_lines_of_a_header_are_joined(lines: list[list[str]], names: list[str]) -> None:
    assert joined(lines) == names


@pytest.mark.parametrize(
    ("decimal", "thousands", "cell", "plain"),
    [
        (",", " ", "1 234,50", "1234.50"),
        (",", " ", "-1\u202f234\u00a0567", "-1234567"),
        (",", " ", " 12,5 ", "12.5"),
        (",", " ", "12 34,5", None),
        (",", " ", "1,2,3", None),
        (",", " ", "1.5", None),
        (",", "", "1 234", None),
        (",", "", "007,50", "007.50"),
        (".", ",", "1,234.50", "1234.50"),
        (",", ".", "1.234,50", "1234.50"),
        (",", "’", "1'234,50", "1234.50"),
        (".", "", "1e5", None),
    ],
)
def test_numbers_are_made_plain(decimal: str, thousands: str, cell: str, plain: str | None) -> None:
    schema = pa.schema([("n", pa.string()), (FAULT, pa.string())])
    columns = [pa.array([cell, None]), pa.nulls(2, pa.string()), pa.array([2, 3])]
    batch = pa.record_batch(columns, schema=schema.append(pa.field("", pa.int64())))
    form = numbers.Form(decimal, thousands)
    [found] = numbers.rewritten(lambda: iter([batch]), schema, form)
    assert found.column(0).to_pylist() == [plain or cell, None]


def test_a_word_among_numbers_changes_no_other_cell(tmp_path: Path) -> None:
    rows = "".join(f"{n},5;{n},5;{n}\n" for n in range(30_000))
    path = written(tmp_path, f"a;b;c\n{rows}1,5;n.c.;2\n")
    table = careful(read(path, decimal=",", separator=";")).read_all()
    assert table["a"][-1].as_py() == "1.5"
    assert table["b"][0].as_py() == "0.5"
    assert table["b"][-1].as_py() == "n.c."
    assert table[FAULT].null_count == len(table)


def test_a_number_of_another_form_is_the_fault_of_its_row(tmp_path: Path) -> None:
    path = written(tmp_path, "a;b;c\n1.234;1.5;x\n2.500,5;2.5;n.c.\n1.5;3.5;1,5\n12,5;4.5;-\n")
    said = {"separator": ";", "thousands": "."}
    found = careful(read(path, **said)).read_all()
    assert found["a"].to_pylist() == ["1234", "2500.5", "1.5", "12.5"]
    faults = found[FAULT].to_pylist()
    assert faults == [None, None, "line 4: a is a number, but not written as decimal: and thousands: say", None]
    assert found["b"].to_pylist() == ["1.5", "2.5", "3.5", "4.5"], "nothing there is so written"
    named = careful(read(path, **said, numbers=["c"])).read_all()
    assert named["a"].to_pylist() == ["1.234", "2.500,5", "1.5", "12,5"]
    assert named["c"].to_pylist() == ["x", "n.c.", "1.5", "-"]
    with pytest.raises(Misconfigured, match="no column d, which numbers: names; it has: a, b, c"):
        read(path, **said, numbers=["d"])


def test_a_column_that_is_missing_since_the_separator_changed_is_told_so(tmp_path: Path) -> None:
    path = written(tmp_path, "NUM,CP,SURFACE\n1,80000,12.5\n2,80800,9\n")
    with pytest.raises(Unreadable, match=r"x.csv is one column, since «;» parts nothing in it: .*NUM,CP,SURFACE"):
        read(path, separator=";", decimal=",", numbers=["SURFACE"])


# --- declarations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"separator": ";;"}, "at most 1"),
        ({"separator": '"'}, "one character of its own"),
        ({"header": 0}, "needs its columns"),
        ({"columns": ["a", "A"]}, "a name of its own"),
        ({"decimal": ",", "thousands": ","}, "two characters"),
        ({"encoding": "klingon"}, "utf-16-le"),
        ({"numbers": ["a"]}, "goes with decimal:"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_declared(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(why)):
        CsvSettings(**said)
