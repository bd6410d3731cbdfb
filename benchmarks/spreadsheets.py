"""What reading a workbook costs, side by side with what a user would take instead, in one run.

`python -m benchmarks.spreadsheets` prints a Markdown table: 100,000 rows of 12 columns (texts shared as Excel writes
them, whole and broken numbers, dates, truth values), from XLSX to Arrow. The least CPU and wall time of several turns of
ours, of one of the others, which takes ten times as long; memory is what a process of its own needs at most, beyond
what it needed for ten rows.
"""

import argparse
import datetime as dt
import importlib.util
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import openpyxl  # type: ignore[import-untyped]
import pyarrow as pa
import xlsxwriter  # type: ignore[import-untyped]

from benchmarks.soap import _peak, least, line
from connectors.files import spreadsheets
from connectors.files.settings import TableSettings

ROOT = Path(__file__).parents[1]
ROWS = 100_000
_FIRST = dt.datetime(2020, 1, 1)  # noqa: DTZ001 (a workbook knows no zone)
HEADER = ["id", "siret", "nom", "ville", "cp", "date", "montant", "taux", "nombre", "actif", "note", "maj"]


def main() -> None:
    """Run the comparisons and print the table, or one measurement in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--memory", nargs=3, metavar=("WHO", "SMALL", "LARGE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory:
        who, small, large = asked.memory
        WAYS[who](Path(small))
        before = _peak()
        WAYS[who](Path(large))
        print((_peak() - before) / 1000)
        return
    print("| job | ours: CPU, wall | instead: CPU, wall | CPU ratio | wall ratio | wanted |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder:
        small, large = Path(folder, "small.xlsx"), Path(folder, "large.xlsx")
        write(small, 10)
        write(large, ROWS)
        ours = least({"ours": _reading("ours", large)}, 3)["ours"]
        others = [("openpyxl", "openpyxl, read_only")]
        if importlib.util.find_spec("pandas") is not None:
            others.append(("pandas", "pandas.read_excel"))
        for who, name in others:
            found = least({"ours": _reading("ours", large), who: _reading(who, large)}, 1)
            best = min((ours, found["ours"]), key=lambda cost: cost.cpu)
            line(f"XLSX of {ROWS:,} rows × {len(HEADER)} columns", best, name, found[who], "≤ 0.2")
        grown = {who: _grown(who, small, large) for who in ("ours", *(who for who, _ in others))}
        told = ", ".join(f"{who} {size:.0f} MB" for who, size in grown.items() if who != "ours")
        print(f"| memory for it | {grown['ours']:.0f} MB | {told} | | | flat but for shared texts |", flush=True)


def write(file: Path, rows: int) -> None:
    """Write a workbook as Excel does: texts shared, dates as numbers with a format."""
    chance = random.Random(1)
    with xlsxwriter.Workbook(file) as book:
        sheet, day = book.add_worksheet("Feuil1"), book.add_format({"num_format": "dd/mm/yyyy"})
        moment = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        sheet.write_row(0, 0, HEADER)
        for at in range(1, rows + 1):
            sheet.write_number(at, 0, at)
            sheet.write_string(at, 1, f"{chance.randrange(10**14):014d}")
            sheet.write_string(at, 2, f"Association des amis n° {at}")
            sheet.write_string(at, 3, chance.choice(["Lyon", "Amiens", "Saint-Étienne"]))
            sheet.write_string(at, 4, f"{chance.randrange(1000, 99_999):05d}")
            sheet.write_datetime(at, 5, _FIRST + dt.timedelta(days=chance.randrange(2000)), day)
            sheet.write_number(at, 6, round(chance.random() * 10_000, 2))
            sheet.write_number(at, 7, chance.random())
            sheet.write_number(at, 8, chance.randrange(1000))
            sheet.write_boolean(at, 9, chance.random() < 0.5)
            sheet.write_string(at, 10, "x" * chance.randrange(30))
            sheet.write_datetime(at, 11, _FIRST + dt.timedelta(minutes=chance.randrange(10**5)), moment)


def with_ours(file: Path) -> int:
    """Return how many rows our own reader gives, batch by batch."""
    found = spreadsheets.read(file, file.name, TableSettings(file=file.name), "bench")
    return sum(batch.num_rows for batch in found)


def with_openpyxl(file: Path) -> int:
    """Return how many rows openpyxl's quickest way gives as Arrow, of text where a column is mixed."""
    rows = openpyxl.load_workbook(file, read_only=True, data_only=True).worksheets[0].iter_rows(values_only=True)
    header = next(rows)
    columns = zip(*rows, strict=True)
    found = {str(name): pa.array(column) for name, column in zip(header, columns, strict=True)}
    return len(pa.table(found))


def with_pandas(file: Path) -> int:
    """Return how many rows pandas gives as Arrow."""
    import pandas as pd  # type: ignore[import-untyped]  # Beffroi needs none: installed by who wants the comparison

    return len(pa.Table.from_pandas(pd.read_excel(file, dtype={"siret": str, "cp": str})))


WAYS: dict[str, Callable[[Path], int]] = {"ours": with_ours, "openpyxl": with_openpyxl, "pandas": with_pandas}


def _reading(who: str, file: Path) -> Callable[[], None]:
    def work() -> None:
        assert WAYS[who](file) == ROWS

    return work


def _grown(who: str, small: Path, large: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.spreadsheets", "--memory", who, str(small), str(large)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


if __name__ == "__main__":
    main()
