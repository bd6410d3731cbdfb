"""Drafts: what is believed of a file, and that a dataset runs by what was drafted, as it stands but for the owner."""

import datetime as dt
import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter
from odf import opendocument, table, text  # type: ignore[import-untyped]

from connectors.drafting import FILL_IN, Draft
from connectors.errors import InvalidRequest, Misconfigured
from connectors.files import Files, FilesSettings
from connectors.files.draft import draft
from connectors.files.sniffing import sniff
from connectors.registry import FAULT
from pipelines.run import run
from pipelines.versions import latest
from pipelines.workspace import Workspace
from tests.peers.canned import Canned

SIRENS = ["552100554", "732829320", "443061841"]
ROWS = [
    ("Club de judo", SIRENS[0], "01400", "1 234,50", "01/02/2024", "Oui", "judo@example.org"),
    ("Les Amis", SIRENS[1], "80000", "12,00", "29/02/2024", "Non", "amis@example.org"),
    ("Théâtre", SIRENS[2], "2A004", "0,5", "31/12/2023", "Oui", "theatre@example.org"),
]
HEADER = ("Nom association", "SIREN", "Code postal", "Montant (€)", "Date de vote", "Payé", "Courriel")


def run_of(root: Path, made: Draft) -> list[dict[str, Any]]:
    """Write a draft into a workspace, run its one dataset, and return the rows of its version."""
    (root / "registries").mkdir(exist_ok=True)
    (root / "datasets").mkdir(exist_ok=True)
    (root / "beffroi.yaml").write_text("title: Test\norganisations:\n  ville: {title: Ville}\n")
    (root / "registries/fichiers.yaml").write_text(made.declaration)
    for name, declared in made.datasets.items():
        assert "expect: {rows: {min: 1}, refused: {max: 0.05}}" in declared
        (root / f"datasets/{name}.yaml").write_text(declared.replace(f"owner: {FILL_IN}", "owner: ville"))
    [name] = made.datasets
    report = run(Workspace(root), name)
    assert report.quarantined == 0
    version = latest(Workspace(root), name)
    assert version is not None
    found: list[dict[str, Any]] = pq.read_table(version.parquet).to_pylist()
    return found


def expected(first: dict[str, Any]) -> None:
    assert first["siren"] == SIRENS[0]
    assert first["code_postal"] == "01400"
    assert first["montant"] == 1234.5
    assert first["date_de_vote"] == dt.date(2024, 2, 1)


def test_csv(tmp_path: Path) -> None:
    (tmp_path / "imports").mkdir()
    lines = [";".join(f'"{cell}"' if ";" in cell else cell for cell in row) for row in (HEADER, *ROWS)]
    (tmp_path / "imports/Subventions 2024.csv").write_bytes("\r\n".join(lines).encode("windows-1252"))
    made = draft("imports/Subventions 2024.csv", "fichiers", tmp_path)
    assert "path: imports" in made.declaration
    assert "windows-1252" in made.declaration
    [(name, declared)] = made.datasets.items()
    assert name == "subventions_2024"
    assert "primaryKey: siren" in declared or "primaryKey: nom_association" in declared
    assert "personal: true" in declared
    assert "e-mail addresses" in declared
    found = run_of(tmp_path, made)
    expected(next(row for row in found if row["siren"] == SIRENS[0]))
    assert {row["paye"] for row in found} == {True, False}


def test_xlsx(tmp_path: Path) -> None:
    file = tmp_path / "Suivi.xlsx"
    with xlsxwriter.Workbook(file) as book:
        sheet, day = book.add_worksheet("2024"), book.add_format({"num_format": "dd/mm/yyyy"})
        code = book.add_format({"num_format": "00000"})
        sheet.write(0, 0, "Ville")
        sheet.write(1, 0, "Subventions")
        sheet.write_row(2, 0, HEADER)
        for at, (name, siren, postal, amount, voted, paid, mail) in enumerate(ROWS, 3):
            sheet.write_row(at, 0, [name, siren])
            if postal.isdecimal():
                sheet.write_number(at, 2, int(postal), code)
            else:
                sheet.write(at, 2, postal)
            sheet.write(at, 3, float(amount.replace(" ", "").replace(",", ".")))
            sheet.write_datetime(at, 4, dt.datetime.strptime(voted, "%d/%m/%Y"), day)  # noqa: DTZ007 (a day)
            sheet.write_row(at, 5, [paid, mail])
        sheet.write_row(6, 0, ["TOTAL", None, None, 1247])
    made = draft(str(file), "fichiers", tmp_path)
    assert 'sheet: {name: "2024", range: "A3", header: 1, total: ["total*"]}' in made.declaration
    assert any("titles" in each for each in made.seen[0].evidence)
    expected(next(row for row in run_of(tmp_path, made) if row["siren"] == SIRENS[0]))


def test_several_tables_of_a_workbook(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as book:
        for name in ("Un", "Deux"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["a", "b"])
            sheet.write_row(1, 0, ["x", 1])
        sheet.write_row(4, 1, ["c", "d"])
        sheet.write_row(5, 1, ["x", 1])
    made = draft("b.xlsx", "fichiers", tmp_path)
    assert list(made.datasets) == ["b_un", "b_deux_1", "b_deux_2"]
    assert 'range: "A1:B2"' in made.declaration
    assert 'range: "B5"' in made.declaration
    assert "path: ." in made.declaration or 'path: "."' in made.declaration


def test_a_line_of_merged_cells_above_the_header_is_the_header_s(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "b.xlsx") as book:
        sheet = book.add_worksheet("Un")
        sheet.write(0, 0, "Inscriptions")
        sheet.merge_range(1, 0, 1, 1, "Demandeur")
        sheet.merge_range(1, 2, 1, 3, "Logement")
        for at, row in enumerate((["code", "ville", "code", "ville"], ["a", "b", "c", "d"], ["e", "f", "g", "h"]), 2):
            sheet.write_row(at, 0, row)
    made = draft("b.xlsx", "fichiers", tmp_path)
    assert 'range: "A2", header: 2}' in made.declaration
    assert "row 1 above is narrower: a title" in made.declaration
    assert [*run_of(tmp_path, made)[0]] == ["demandeur_code", "demandeur_ville", "logement_code", "logement_ville"]


def test_ods(tmp_path: Path) -> None:
    made_file = opendocument.OpenDocumentSpreadsheet()
    sheet = table.Table(name="Feuille1")
    for row in (HEADER, *ROWS):
        line = table.TableRow()
        for cell in row:
            made_cell = table.TableCell(valuetype="string")
            made_cell.addElement(text.P(text=cell))
            line.addElement(made_cell)
        sheet.addElement(line)
    made_file.spreadsheet.addElement(sheet)
    made_file.save(str(tmp_path / "a.ods"))
    expected(next(row for row in run_of(tmp_path, draft("a.ods", "fichiers", tmp_path)) if row["siren"] == SIRENS[0]))


def test_json_with_its_rows_within(tmp_path: Path) -> None:
    rows = [{"id": at, "siren": SIRENS[at], "at": f"2024-01-0{at + 1}T12:00:00Z", "ok": at == 1} for at in range(3)]
    (tmp_path / "a.json").write_text(json.dumps({"meta": {"n": 3}, "data": {"items": rows}}))
    made = draft("a.json", "fichiers", tmp_path)
    assert 'rows: "data.items"' in made.declaration
    found = run_of(tmp_path, made)
    assert [(row["id"], row["ok"]) for row in sorted(found, key=lambda row: row["id"])] == [
        (0, False),
        (1, True),
        (2, False),
    ]
    assert isinstance(found[0]["at"], dt.datetime)


def test_a_folder_of_years_in_gzip_and_parquet(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for year in (2023, 2024):
        (folder / f"votes-{year}.csv.gz").write_bytes(gzip.compress(f"id;v\n{year};1\n{year}1;2\n".encode()))
    pq.write_table(pa.table({"k": [1, 2], "x": [1.5, None]}), folder / "p.parquet")
    (folder / "notes.docx").write_bytes(b"not read")
    made = draft("in", "fichiers", tmp_path)
    assert set(made.datasets) == {"votes", "p"}
    assert 'file: "votes-*.csv.gz"' in made.declaration
    assert "primaryKey: k" in made.datasets["p"]
    assert "primaryKey: id" in made.datasets["votes"]
    assert "each of the 4 rows has a id of its own" in made.datasets["votes"]
    assert "file_column: file" in made.declaration
    assert any("notes.docx" in note for note in made.notes)


def test_a_folder_tells_what_it_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "in/sous").mkdir(parents=True)
    (tmp_path / "in/vieux.xls").write_bytes(b"x")
    (tmp_path / "in/sous/b.csv").write_text("a;b\n1;2\n")
    (tmp_path / "in/a.csv").write_text("a;b\n1;2\n")
    notes = " ".join(draft("in", "fichiers", tmp_path).notes)
    assert "vieux.xls" in notes
    assert "add file in/sous" in notes


def test_rows_of_several_files_are_found_again(tmp_path: Path) -> None:
    (tmp_path / "v-2023.csv").write_text("id;v\nA;1\nB;2\n")
    (tmp_path / "v-2024.csv").write_text("id;v\nA;3;4\nC;2\n")
    made = draft(str(tmp_path), "fichiers", tmp_path)
    registry = Files(
        "fichiers",
        FilesSettings.model_validate({"path": ".", "tables": {"v": {"file": "v-*.csv", "file_column": "file"}}}),
        tmp_path,
    )
    reader = registry.scan("v")
    assert isinstance(reader, pa.RecordBatchReader)
    found = reader.read_all()
    assert found.column_names == ["id", "v", "file", FAULT]
    assert found.column("file").to_pylist() == [f"v-{year}.csv, row {row}" for year in (2023, 2024) for row in (1, 2)]
    assert found.column(FAULT).to_pylist() == [None, None, "v-2024.csv, line 2: 3 cells, the header has 2", None]
    assert "primaryKey: id" in made.datasets["v"], "the row with a fault is no row"
    again = FilesSettings.model_validate({"path": ".", "tables": {"v": {"file": "v-*.csv", "file_column": "id"}}})
    with pytest.raises(Misconfigured, match="the files have a column id"):
        Files("fichiers", again, tmp_path).scan("v")


def test_a_dialect_that_is_not_certain_asks_for_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("id;n\n1;É\n2;Â\n".encode("cp1252"))
    made = draft("a.csv", "fichiers", tmp_path)
    assert f'csv: {{encoding: "{FILL_IN}"}}' in made.declaration
    assert made.notes[0].count("a.csv") == 1
    (tmp_path / "a.csv").write_text("Ventes ; état\n\na;b;c\n" + "1;2,5;3,5\n" * 9)
    assert f'csv: {{separator: "{FILL_IN}"}}' in draft("a.csv", "fichiers", tmp_path).declaration


def test_a_comma_that_may_be_a_decimal_is_no_thousand(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id;lat\n" + "".join(f"{at};46,{100 + at}\n" for at in range(20)) + "x;46.5\n")
    made = draft("a.csv", "fichiers", tmp_path)
    assert "thousands" not in made.declaration
    assert "some with a comma and some with a point" in made.datasets["a"]


def test_codes_are_text_and_dates_are_days(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "siret;departement;le;nb\n12345678900011;69;05/01/2024;1\n12345678900029;75;12/25/2024;2\n"
    )
    [text] = draft("a.csv", "fichiers", tmp_path).datasets.values()
    for name in ("siret", "departement", "le"):
        assert f"{{name: {name}, type: string" in text
    assert "{name: nb, type: integer" in text


def test_members_of_an_archive_have_their_own_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("lisezmoi.txt", "À lire")
        archive.writestr("a.csv", "x;y\n1;2\n")
        archive.writestr("b.csv", "z;t\n1;2\n")
    assert set(draft("archive.zip", "fichiers", tmp_path).datasets) == {"a", "b"}


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"<html>")
    made = draft("a.xlsx", "fichiers", tmp_path)
    assert not made.datasets
    assert "a web page" in made.notes[0]
    (tmp_path / "registries").mkdir()
    (tmp_path / "beffroi.yaml").write_text("title: Test\n")
    (tmp_path / "registries/fichiers.yaml").write_text(made.declaration)
    with pytest.raises(Misconfigured, match=FILL_IN):
        Workspace(tmp_path)


def test_an_address(tmp_path: Path, canned: Canned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", "s3same")
    canned.say(b"id;name\n1;a\n2;b\n", "text/csv")
    made = draft(f"{canned.url}/d/t.csv", "fichiers", tmp_path, username="u", password="${TOWN_PASSWORD}")
    assert f'url: "{canned.url}/d/"' in made.declaration
    assert "${TOWN_PASSWORD}" in made.declaration
    assert "s3same" not in made.declaration
    assert len(run_of(tmp_path, made)) == 2


def test_what_cannot_be_drafted_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source, options, said in (
        ("absent.csv", {}, "there is no file or folder"),
        ("empty", {}, "no file of a format"),
        ("https://example.org/", {}, "name the file"),
        ("sftp://u:p@example.org/x", {}, "a password stands in the address"),
        ("x.csv", {"password": "secret"}, "is not written into a declaration"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            draft(source, "fichiers", tmp_path, **options)


@pytest.mark.parametrize("sign", [".", ","])
def test_three_digits_after_each_sign_may_be_thousands(tmp_path: Path, sign: str) -> None:
    lines = [f"A;12{sign}345", f"B;1{sign}204", "C;9"]
    (tmp_path / "a.csv").write_text("\n".join(["k;pop", *lines]))
    [text] = draft("a.csv", "fichiers", tmp_path).datasets.values()
    assert "{name: pop, type: string" in text
    assert "thousands or decimals: kept as text (all 3 values)" in text
    for line in (f"D;1{sign}5", f"D;0{sign}125", "D;1204"):  # decimals after all, or no thousands apart
        (tmp_path / "a.csv").write_text("\n".join(["k;pop", *lines, line]))
        [text] = draft("a.csv", "fichiers", tmp_path).datasets.values()
        assert "{name: pop, type: number" in text, line


def test_another_column_tells_what_the_sign_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("k;lat;prix\nA;46,123;1,50\nB;45,456;2,25\n")
    made = draft("a.csv", "fichiers", tmp_path)
    assert [row["lat"] for row in run_of(tmp_path, made)] == [46.123, 45.456]
    (tmp_path / "b.csv").write_text("k;pop;prix\nA;46.123;1,50\nB;45.456;2,25\n")
    [text] = draft("b.csv", "fichiers", tmp_path).datasets.values()
    assert "{name: pop, type: string" in text, "a comma tells nothing of a point"


def test_what_looks_like_more_than_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "m;e;p;t;h;us\n1 234,50 $;€12.500;12,5 %;1,250 %;01/02/2024 10:00;12/25/2024\n"
        "2;3 EUR;3;2 %;29/02/2024 à 9h30;01/02/2024\n"
    )
    [text] = draft("a.csv", "fichiers", tmp_path).datasets.values()
    for name, said in (
        ("m", "looks like money"),
        ("e", "looks like money"),
        ("p", "looks like percent"),
        ("t", "looks like percent"),
        ("h", "looks like dates with a time"),
        ("us", "looks like dates, some with the month first"),
    ):
        before, _, after = text.partition(f"    - {{name: {name}, ")
        assert after.startswith("type: string"), name
        assert said in before.splitlines()[-1], name
        assert "kept as text (all 2 values)" in before.splitlines()[-1]


def test_percentages_and_euros_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("k;taux;prix\nA;12,5 %;1 234,50 €\nB;3%;€12.5\nC;100 %;3 EUR\n")
    made = draft("a.csv", "fichiers", tmp_path)
    assert "12,5 % as 12.5: {percent: share} makes it 0.125 (all 3 values)" in made.datasets["a"]
    found = run_of(tmp_path, made)
    assert [row["taux"] for row in found] == [12.5, 3, 100]
    assert [row["prix"] for row in found] == [1234.5, 12.5, 3]


def told_of(root: Path, name: str, values: list[str]) -> tuple[str, str]:
    """Return what is drafted of a column with these values, and the evidence for it."""
    lines = [f"{place};{value}\n" for place, value in enumerate(values)]
    (root / "a.csv").write_text(f"k;{name}\n" + "".join(lines))
    [text] = draft("a.csv", "fichiers", root).datasets.values()
    before, _, after = text.partition(f"    - {{name: {name}, ")
    return after.splitlines()[0], before.splitlines()[-1]


@pytest.mark.parametrize(
    ("values", "declared", "told"),
    [
        (SIRENS, "type: string", "check digits of a SIREN (all 3 values)"),
        ([*SIRENS, "552100555"], "type: string", "3 of 4 values have the check digits of a SIREN: kept as text"),
        ([*SIRENS * 5, "?"], "type: string", "3 of 4 different values have the check digits of a SIREN"),
        ([SIRENS[0], "552100555", "552100556"], "type: integer", "whole numbers"),
        (["55210055400013", "55210055400014", "35600000049837"], "type: string", "2 of 3 values have the check digits of a"),
        (["2 55 08 14 168 025 38", "255081416802539", "184067512345641"], "personal: true", "2 of 3 values have the check"),
        (["0612345678", "0712345678", "12"], "personal: true", "2 of 3 values are telephone numbers: kept as text"),
    ],
)  # fmt: skip
def test_one_wrong_code_makes_no_number_of_the_others(
    tmp_path: Path, values: list[str], declared: str, told: str
) -> None:
    said, evidence = told_of(tmp_path, "beneficiaire", values)
    assert declared in said
    assert told in evidence


def test_a_day_that_no_calendar_has_is_told(tmp_path: Path) -> None:
    days = ["01/02/2026", "2026-02-28", "29/02/2024", "1er août 2024", "31 décembre 2024", " ", ""]
    said, evidence = told_of(tmp_path, "maj", days)
    assert said.startswith("type: date")
    assert evidence.endswith("dates (all 5 values)")
    _, evidence = told_of(tmp_path, "maj", [*days, "31/02/2026", "31/02/2026", "30 février 2024", "29/02/2100"])
    assert "dates (all 9 values; of the 8 different ones, 3 no calendar has)" in evidence
    _, evidence = told_of(tmp_path, "maj", ["2026-02-28T10:00", "2026-02-29T10:00"])
    assert "dates with a time (all 2 values; of the 2 different ones, 1 no calendar has)" in evidence


@pytest.mark.parametrize(("values", "personal"), [(["12", "9"], False), (["1 200,5", "9"], False), (["Alma"], True)])
def test_a_number_is_no_name(tmp_path: Path, values: list[str], personal: bool) -> None:
    said, _ = told_of(tmp_path, "nombre", values)
    assert ("personal: true" in said) is personal


def test_dates_in_words_are_dates(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("k;le\nA;1er mars 1998\nB;12 Août 2001\nC;03/04/2005\n")
    made = draft("a.csv", "fichiers", tmp_path)
    found = run_of(tmp_path, made)
    assert [row["le"] for row in found] == [dt.date(1998, 3, 1), dt.date(2001, 8, 12), dt.date(2005, 4, 3)]


def test_a_moment_that_no_clock_has_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("k;le\nA;2024-01-01T10:00\nB;2024-13-01T10:00\n")
    [text] = draft("a.csv", "fichiers", tmp_path).datasets.values()
    assert "{name: le, type: string" in text
    (tmp_path / "a.csv").write_text("k;le\nA;2024-01-01T10:00\n")
    [text] = draft("a.csv", "fichiers", tmp_path).datasets.values()
    assert "dates with a time (its only value)" in text


def test_a_file_without_a_header_is_doubted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("0612345678;Durand;2023\n0712345671;Martin;12\n")
    made = draft("a.csv", "fichiers", tmp_path)
    assert not made.datasets
    assert "csv: {header: " in made.declaration
    assert "Durand" not in str(made)
    (tmp_path / "a.csv").write_text("W751234567;Durand;2023\nW751234568;Martin;12\n")
    [text] = draft("a.csv", "fichiers", tmp_path).datasets.values()
    assert text.count("if the first line is no header, say header: 0 and columns:") == 1, "a year may be a name"
    (tmp_path / "a.csv").write_text("")
    assert draft("a.csv", "fichiers", tmp_path).notes == ("a.csv is empty",)


@pytest.mark.parametrize(
    ("cells", "other", "written", "kept"),
    [
        (["12,345", "1,204", "9,871"], "x", [], "three digits after each comma or point"),
        (["12,345", "1,204", "9,871"], "1,5", ["pop", "other"], "numbers (all 3 values)"),
        (["12,345", "1,204", "9,871"], "1.5", [], "three digits after each comma or point"),
        (["0,345", "1,204", "9,871"], "x", ["pop"], "numbers (all 3 values)"),
        (["12,34", "1,204", "9,871"], "x", ["pop"], "numbers (all 3 values)"),
        (["1 234,500", "1,204", "9,871"], "x", ["pop"], "numbers (all 3 values)"),
    ],
)
def test_thousands_are_not_taken_for_decimals(
    tmp_path: Path, cells: list[str], other: str, written: list[str], kept: str
) -> None:
    rows = "".join(f"{place};{cell};{other}\n" for place, cell in enumerate(cells))
    (tmp_path / "a.csv").write_text(f"k;pop;other\n{rows}")
    assert sniff(tmp_path / "a.csv", "a.csv").settings().get("numbers", []) == written
    [seen] = draft("a.csv", "fichiers", tmp_path).seen
    assert any(each.startswith("pop:") and kept in each for each in seen.evidence), seen.evidence


@pytest.mark.parametrize(
    ("rows", "totals"),
    [
        ("A;1\nB;3\nTotal général;4\n", ["total*"]),
        ("A;1\nB;3\nTOTAL;4\nSource : ville;\n", ["source*", "total*"]),
        ("A;1\nB;3\nTotal;4\nArrêté au 31 décembre\n", ["total*"]),
        ("A;1\nTotal Énergies;3\nVeolia;4\n", None),
        ("A;1\nB;2\nTotalEnergies;3\n", None),
        ("Total des ventes;1\nTotal des achats;3\nTotal des stocks;4\n", None),
        (f"{'A;1' + chr(10)}" * 30_000 + "Total;4\n", ["total*"]),
    ],
)
def test_the_last_line_may_be_a_total_without_a_gap(tmp_path: Path, rows: str, totals: list[str] | None) -> None:
    (tmp_path / "a.csv").write_text(f"nom;montant\n{rows}")
    assert sniff(tmp_path / "a.csv", "a.csv").settings().get("total") == totals
