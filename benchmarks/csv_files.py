"""What a CSV file costs on its way to Parquet, side by side with DuckDB's own reader, in one run.

`python -m benchmarks.csv_files` prints a Markdown table for 1 GB; `--quick` for 100 MB. Each row has the least CPU and
wall time of several turns of ours and of the other, and their ratios: ours is the whole of it, from a path of which
nothing is known to the Parquet file, as a run stages it. Memory is the peak of a process of its own (Linux: VmHWM).
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks.soap import least, line
from connectors.files import csv_files
from connectors.files.settings import CsvSettings, TableSettings
from connectors.registry import CsvFile
from pipelines.taking import write_batches

ROOT = Path(__file__).parents[1]
NAMES = ("siret", "nom", "adresse", "commune", "objet", "montant", "date", "décision")


def main() -> None:
    """Run every comparison and print the table, or one measurement in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="100 MB instead of 1 GB")
    parser.add_argument("--memory", nargs=2, metavar=("WHO", "PATH"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory:
        WAYS[asked.memory[0]](Path(asked.memory[1]))
        print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000)
        return
    size = 100_000_000 if asked.quick else 1_000_000_000
    print("| job | ours: CPU, wall | instead: CPU, wall | CPU ratio | wall ratio | wanted |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder:
        compare(Path(folder), size, turns=3 if asked.quick else 2)


def made(path: Path, size: int, encoding: str) -> Path:
    """Write a table of associations of about `size` bytes, the same each time."""
    chance = random.Random(4)
    towns = ["Lyon", "Nîmes", "Saint-Étienne", "Bourg-en-Bresse", "L'Haÿ-les-Roses"]
    aims = ["Fête de l'été", "Aide aux élèves; cantine", "Réparation de la « salle »", "Stage d'hiver", ""]
    lines = []
    for number in range(20_000):
        aim = chance.choice(aims)
        aim = f'"{aim}"' if ";" in aim else aim
        town, street = chance.choice(towns), chance.randint(1, 99)
        lines.append(
            f"{number:014d};Association des amis n° {number};{street} rue de l'Église;{town};{aim};"
            f"{chance.randint(0, 99_999)},{chance.randint(0, 99):02d};{chance.randint(1, 28):02d}/03/2024;D-{number}"
        )
    body = ("\r\n".join(lines) + "\r\n").encode(encoding)
    with path.open("wb") as file:
        file.write((";".join(NAMES) + "\r\n").encode(encoding))
        while file.tell() < size:
            file.write(body)
    return path


def ours(path: Path, **said: str) -> None:
    """Read a file as a run does, and write Parquet."""
    scan = csv_files.read(path, path.name, TableSettings(file=path.name, csv=CsvSettings(**said)), "bench")  # type: ignore[arg-type]
    target = path.with_suffix(".parquet")
    if isinstance(scan, CsvFile):
        with duckdb.connect() as connection:
            connection.execute(
                f"COPY (FROM read_csv(?, auto_detect = false, header = false, skip = ?, columns = ?, delim = ?, quote = ?,"
                f" escape = ?, strict_mode = true, nullstr = '', compression = 'none')) TO '{target}' (FORMAT parquet, COMPRESSION zstd)",
                [
                    str(scan.path),
                    scan.skip,
                    dict.fromkeys(scan.columns, "VARCHAR"),
                    scan.delimiter,
                    scan.quote,
                    scan.quote,
                ],
            )
        return
    write_batches(scan, target)


def carefully(path: Path) -> None:
    """Read it row by row, with its numbers made plain."""
    ours(path, decimal=",")


def engine(path: Path) -> None:
    """Let DuckDB read it, told everything."""
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in NAMES)
    _copy(
        path, f"auto_detect = false, header = true, delim = ';', quote = '\"', escape = '\"', columns = {{{columns}}}"
    )


def guessing(path: Path) -> None:
    """Let DuckDB read it, told nothing but that all is text."""
    _copy(path, "all_varchar = true")


def _copy(path: Path, options: str) -> None:
    target = path.with_suffix(".parquet")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (FROM read_csv('{path}', {options})) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"
        )


WAYS: dict[str, Callable[[Path], None]] = {
    "ours": ours, "carefully": carefully, "DuckDB, told everything": engine, "DuckDB, guessing": guessing,
}  # fmt: skip


def compare(folder: Path, size: int, turns: int) -> None:
    """Compare the readers in time and in memory."""
    clean = made(folder / "clean.csv", size, "utf-8")
    told = f"{size / 1e9:g} GB"
    found = least({who: _reading(WAYS[who], clean) for who in WAYS if who != "carefully"}, turns)
    for who, wanted in (("DuckDB, told everything", "≤ 1.3"), ("DuckDB, guessing", "")):
        line(f"CSV of {told} in clean UTF-8 → Parquet", found["ours"], who, found[who], wanted)
    latin = made(folder / "latin.csv", size, "cp1252")
    cost = least({"ours": _reading(ours, latin)}, 1)["ours"]
    line(f"the same in windows-1252, found out ({told})", cost, "DuckDB, UTF-8", found["DuckDB, told everything"], "")
    cost = least({"ours": _reading(carefully, clean)}, 1)["ours"]
    line(f"the same, row by row, numbers made plain ({told})", cost, "DuckDB", found["DuckDB, told everything"], "")
    peaks = {who: _peak(who, clean) for who in WAYS}
    others = ", ".join(f"{who} {peak:.0f} MB" for who, peak in peaks.items() if who != "ours")
    print(f"| memory for {told} | {peaks['ours']:.0f} MB | {others} | | | bounded |", flush=True)


def _reading(read: Callable[[Path], None], path: Path) -> Callable[[], None]:
    return lambda: read(path)


def _peak(who: str, path: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.csv_files", "--memory", who, str(path)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


if __name__ == "__main__":
    main()
