"""Make `docs/samples/`, the folder of spreadsheets of docs/files.md: `python -m tools.make_samples`.

Synthetic grants to synthetic associations, as a town's department keeps them: a title above the table, a header of two
lines, a total and a note below, an amount that is no number; and a CSV file as a spreadsheet program saves one.
"""

import datetime as dt
from pathlib import Path
from typing import Any

import xlsxwriter

SAMPLES = Path(__file__).parents[1] / "docs" / "samples"

GRANTS: dict[int, list[tuple[Any, ...]]] = {
    2023: [
        ("S23-01", "Les Amis du beffroi", dt.date(2023, 3, 14), 1500, 1500),
        ("S23-02", "Harmonie municipale", dt.date(2023, 3, 14), 4200.5, 4000),
        ("S23-03", "Club d'échecs", dt.date(2023, 6, 20), 800, 0),
    ],
    2024: [
        ("S24-01", "Les Amis du beffroi", dt.date(2024, 3, 19), 1650, 1500),
        ("S24-02", "Harmonie municipale", dt.date(2024, 3, 19), 4300, "à revoir"),
        ("S24-03", "Jardins partagés", dt.date(2024, 6, 25), 650.75, 650.75),
        ("S24-04", "Cyclo-club", dt.date(2024, 6, 25), 2000, 1200),
    ],
}
ROOMS = """\
Salles municipales, état au 31/12/2024

Code;Nom de la salle;Surface (m²);Tarif journée
001;Salle des fêtes;412,50;1 250,00
002;Maison des associations;96,00;180,00
003;Salle du Château d'eau;58,25;90,00;à rénover
004;Préau de l'école;130,00;
005;Foyer rural;145,00;210,00
006;Salle Émile Zola;72,40;110,00
007;Gymnase Sud;1 100,00;640,00
008;Club-house du stade;64,00;95,00
009;Auditorium;238,75;480,00
010;Salle polyvalente;310,00;720,00
011;Atelier de la gare;88,60;120,00
012;Kiosque du parc;45,00;60,00
TOTAL;;2 760,50;3 955,00
"""


def main() -> None:
    """Write the files anew."""
    SAMPLES.mkdir(exist_ok=True)
    for year, rows in GRANTS.items():
        _workbook(SAMPLES / f"Subventions {year}.xlsx", year, rows)
    (SAMPLES / "salles.csv").write_bytes(ROOMS.replace("\n", "\r\n").encode("windows-1252"))


def _workbook(path: Path, year: int, rows: list[tuple[Any, ...]]) -> None:
    with xlsxwriter.Workbook(str(path)) as book:
        book.set_properties({"created": dt.datetime(2024, 1, 1)})  # noqa: DTZ001  # a workbook knows no zone
        sheet, day = book.add_worksheet("Subventions"), book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write(0, 0, f"Subventions aux associations, {year}")
        sheet.write_row(2, 0, ["Dossier", "Association", "Vote", "Montant"])
        sheet.merge_range(2, 3, 2, 4, "Montant")
        sheet.write_row(3, 3, ["demandé", "accordé"])
        for number, row in enumerate(rows, 4):
            for column, cell in enumerate(row):
                if isinstance(cell, dt.date):
                    sheet.write_datetime(number, column, dt.datetime.combine(cell, dt.time()), day)
                else:
                    sheet.write(number, column, cell)
        end = len(rows) + 4
        sheet.write_row(end, 0, ["TOTAL", None, None, sum(row[3] for row in rows)])
        sheet.write(end + 2, 0, "Source : service de la vie associative")


if __name__ == "__main__":
    main()
