"""`python -m benchmarks.pipelines [--quick]`: what a run costs, beside DuckDB's plain COPY and `frictionless validate`.

Each line is a process of its own, on the same made-up file; CPU seconds, and the most memory that the process had. The
faces of a version (CSV, key index) are told apart from the run proper: sources read, raw kept, cleaned, expectations
held, duplicates merged, quarantine written, version committed with its Parquet. Prints tables in Markdown.
"""

import argparse
import itertools
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

from pipelines.run import run
from pipelines.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]

CONFIGURATION = """\
title: Benchmark
registries:
  files: {kind: files, path: source, tables: {companies: {file: companies.csv}}}
  base:
    kind: sql
    personal: false
    url: sqlite:companies.sqlite
    tables: {companies: {table: companies, incremental: {column: changed, key: [id]}}}
organisations:
  ville: {title: Ville}
"""

SCHEMA = r"""
title: Companies
owner: ville
audience: owner
schema:
  fields:
    - {name: id, title: Number, constraints: {required: true, pattern: 'E[0-9]{8}'}}
    - {name: siren, title: SIREN, constraints: {required: true}}
    - {name: name, title: Name, constraints: {required: true, maxLength: 100}}
    - {name: postal_code, title: Postal code, constraints: {pattern: '[0-9]{5}'}}
    - {name: town, title: Town}
    - {name: opened, title: Opened, type: date, constraints: {minimum: '1900-01-01'}}
    - {name: active, title: Active, type: boolean}
    - {name: workers, title: Workers, type: integer, constraints: {minimum: 0, maximum: 1000000}}
    - {name: turnover, title: Turnover, type: number, constraints: {minimum: 0}}
    - {name: mail, title: E-mail}
    - {name: phone, title: Telephone}
    - {name: naf, title: NAF, constraints: {pattern: '[0-9]{2}\.[0-9]{2}[A-Z]'}}
  primaryKey: id
clean:
  siren: {steps: [siren]}
  name: {steps: [squeeze]}
  postal_code: {steps: [{pad: 5}]}
  opened: {steps: [date]}
  active: {steps: [{map: {O: true, N: false}}]}
  turnover: {steps: [decimal]}
expect: {rows: {min: 1}, refused: {max: 0.1}}
"""
"""Six columns are cleaned; with the bounds of the whole version there are twelve expectations, and the types."""

LUHN = " + ".join(
    f"(s // {10**k} % 10)" if k % 2 else f"(2 * (s // {10**k} % 10) - 9 * (s // {10**k} % 10 > 4)::INT)"
    for k in range(8)
)

ROWS = f"""
WITH numbers AS (SELECT i, (hash(i) % 90000000 + 10000000)::BIGINT AS s FROM
  (SELECT CASE WHEN i % 100 = 7 THEN i - 1 ELSE i END AS i FROM range({{first}}, {{last}}) t(i)))
SELECT printf('E%08d', i) AS id,
  (s * 10 + (10 - ({LUHN}) % 10) % 10)::VARCHAR AS siren,
  CASE WHEN i % 10 = 3 THEN '  Société  ' ELSE 'Société ' END || hash(i + 5) % 50000 || '{{mark}}' AS name,
  (hash(i + 1) % 95000 + 1000)::VARCHAR AS postal_code, 'Ville ' || hash(i + 2) % 36000 AS town,
  strftime(DATE '1990-01-01' + (hash(i + 3) % 12000)::INT, '%d/%m/%Y') AS opened,
  CASE hash(i + 4) % 2 WHEN 0 THEN 'O' ELSE 'N' END AS active, (hash(i + 6) % 1000)::VARCHAR AS workers,
  replace(((hash(i + 7) % 100000000) / 100)::DECIMAL(12, 2)::VARCHAR, '.', ',') AS turnover,
  'contact' || i || '@exemple.fr' AS mail, '0' || (100000000 + hash(i + 8) % 800000000)::VARCHAR AS phone,
  CASE WHEN i % 97 = 0 THEN 'xx' ELSE printf('%02d.%02dZ', (hash(i + 9) % 100)::INT, (hash(i + 10) % 100)::INT) END AS naf
FROM numbers"""
"""One row in a hundred stands there twice, one in 97 is refused, one in ten has blanks to squeeze."""


VALIDATED = 100_000
"""Rows that frictionless is given: what it takes grows as they do, and it would be minutes of a million."""

VALIDATED_BY = [
    {"name": "id", "constraints": {"required": True, "pattern": "E[0-9]{8}"}},
    {"name": "siren", "constraints": {"required": True, "pattern": "[0-9]{9}"}},
    {"name": "name", "constraints": {"required": True, "maxLength": 100}},
    {"name": "postal_code", "constraints": {"pattern": "[0-9]{4,5}"}},
    {"name": "town"},
    {"name": "opened", "type": "date", "format": "%d/%m/%Y", "constraints": {"minimum": "01/01/1900"}},
    {"name": "active", "type": "boolean", "trueValues": ["O"], "falseValues": ["N"]},
    {"name": "workers", "type": "integer", "constraints": {"minimum": 0, "maximum": 1000000}},
    {"name": "turnover", "type": "number", "decimalChar": ",", "constraints": {"minimum": "0"}},
    {"name": "mail"},
    {"name": "phone"},
    {"name": "naf", "constraints": {"pattern": r"[0-9]{2}\.[0-9]{2}[A-Z]"}},
]
"""What SCHEMA asks of a row, of the file as it is: it is not cleaned, and no check digit is looked at."""


def make(file: Path, rows: int, *, changed: bool = False) -> None:
    """Write a CSV file of so many rows; `changed` writes one in a hundred otherwise."""
    mark = "' || CASE WHEN i % 100 = 55 THEN ' (new)' ELSE '' END || '" if changed else ""
    with duckdb.connect() as connection:
        query = ROWS.format(first=0, last=rows, mark=mark)
        connection.execute(f"COPY ({query}) TO '{file}' (FORMAT csv, HEADER, DELIMITER ';')")


def workspace(folder: Path, source: str = "source: {registry: files, table: companies}") -> Path:
    """Make a workspace in a folder, with the one dataset."""
    (folder / "datasets").mkdir(parents=True)
    (folder / "source").mkdir()
    (folder / "beffroi.yaml").write_text(CONFIGURATION)
    (folder / "datasets" / "companies.yaml").write_text(f"{source}{SCHEMA}")
    return folder


# --- what is measured, each in a process of its own ------------------------------------------------------------------


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _run(folder: Path, name: str) -> dict[str, Any]:
    """Run a dataset; tell what the run proper took, and its faces."""
    began: list[tuple[str, float]] = []
    clock = time.monotonic()
    report = run(Workspace(folder), name, lambda stage: began.append((stage.split()[0], _cpu())))
    began.append(("end", _cpu()))
    cpu = dict[str, float]()
    for (stage, start), (_, end) in itertools.pairwise(began):
        cpu[stage] = cpu.get(stage, 0.0) + end - start
    faces = cpu.pop("faces", 0.0)
    said: dict[str, Any] = {
        "read": report.read,
        "outcome": report.outcome,
        "in": report.rows_in,
        "out": report.rows_out,
        "refused": report.quarantined,
    }
    said |= {"merged": report.merged, "added": report.added, "changed": report.changed, "removed": report.removed}
    return {"cpu": sum(cpu.values()), "faces": faces, "wall": time.monotonic() - clock, "stages": cpu} | said


def _copy(file: Path, _: str) -> dict[str, Any]:
    """Copy a CSV file to Parquet as DuckDB does by itself."""
    start, clock = _cpu(), time.monotonic()
    with duckdb.connect() as connection:
        connection.execute(f"COPY (FROM '{file}') TO '{file.with_suffix('.parquet')}' (FORMAT parquet)")
    return {"cpu": _cpu() - start, "wall": time.monotonic() - clock}


CHILDREN: dict[str, Callable[[Path, str], dict[str, Any]]] = {"run": _run, "copy": _copy}


def child(what: str, path: Path, name: str = "companies") -> dict[str, Any]:
    """Measure something in a process of its own; tell its memory too."""
    command = [sys.executable, "-m", "benchmarks.pipelines", "--child", what, str(path), name]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


# --- the tables ------------------------------------------------------------------------------------------------------


def row(*cells: object) -> None:
    """Print a line of a table."""
    print(
        "| " + " | ".join(f"{each:,.2f}" if isinstance(each, float) else str(each) for each in cells) + " |", flush=True
    )


def head(*cells: str) -> None:
    """Print the head of a table."""
    print()
    row(*cells)
    row("---", *["---:"] * (len(cells) - 1))


def measured(what: str, told: dict[str, Any], plain: float) -> None:
    """Print what one process took, and how many times a plain COPY that is."""
    row(what, told["cpu"], f"{told['cpu'] / plain:.2f}", told.get("faces", 0.0), told["wall"], f"{told['mb']:,.0f}")


TURNS = 5
"""Runs and COPYs that are measured in alternation: of each the median is told."""


def _anew(root: Path) -> dict[str, Any]:
    """Run a dataset for the first time."""
    shutil.rmtree(root / ".beffroi", ignore_errors=True)
    return child("run", root)


def side_by_side(folder: Path, rows: int, *, with_frictionless: bool) -> None:
    """A first run, one that finds the same, and one that finds one row in a hundred changed."""
    head(f"{rows:,} rows × 12 columns", "CPU s", "× COPY", "faces CPU s", "wall s", "peak MB")
    root = workspace(folder / "main")
    file = root / "source" / "companies.csv"
    make(file, rows)
    turns = [(child("copy", file), _anew(root)) for _ in range(TURNS)]
    plain = sorted(copy["cpu"] for copy, _ in turns)[TURNS // 2]
    first = sorted((run for _, run in turns), key=lambda run: float(run["cpu"]))[TURNS // 2]
    measured("DuckDB, plain COPY to Parquet", next(copy for copy, _ in turns if copy["cpu"] == plain), plain)
    measured("a first run", first, plain)
    every = ", ".join(f"{run['cpu']:.2f} and {copy['cpu']:.2f}" for copy, run in turns)
    print(f"  the median of {TURNS} turns in alternation, CPU s of run and COPY: {every}")
    print(f"  stages, CPU s: {', '.join(f'{stage} {seconds:.2f}' for stage, seconds in first['stages'].items())}")
    assert first["in"] == first["out"] + first["refused"] + first["merged"], first
    measured("the same input again", child("run", root), plain)
    make(file, rows, changed=True)
    snapshot = child("run", root)
    measured(f"a full snapshot, {snapshot['changed'] / rows:.1%} changed", snapshot, plain)
    whole = [told["cpu"] + told["faces"] for told in (snapshot, first)]
    print(f"  of a first run with its faces: {whole[0] / whole[1]:.0%}; without: {snapshot['cpu'] / first['cpu']:.0%}")
    if with_frictionless:
        told = frictionless(folder, VALIDATED)
        measured(f"`frictionless validate` of {VALIDATED:,} rows, types and constraints alone", told, plain)
        each = told["cpu"] / VALIDATED * rows
        print(
            f"  per row: {each / first['cpu']:.1f} times the CPU of the run, {each / plain:.0f} times that of the COPY"
        )


def frictionless(folder: Path, rows: int) -> dict[str, Any]:
    """Have frictionless validate such a file of so many rows, in an environment of its own."""
    home, file = folder / "venv", folder / "validated.csv"
    make(file, rows)
    venv.create(home, with_pip=True)
    subprocess.run([home / "bin/pip", "install", "-q", "frictionless"], check=True)
    schema = {"fields": [{"type": "string"} | field for field in VALIDATED_BY], "primaryKey": ["id"]}
    resource_json = {"name": "companies", "path": file.name, "dialect": {"csv": {"delimiter": ";"}}, "schema": schema}
    described = file.parent / "companies.resource.json"
    described.write_text(json.dumps(resource_json))
    before, clock = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [home / "bin/frictionless", "validate", described.name, "--limit-errors", str(rows)],
        cwd=file.parent, check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": time.monotonic() - clock, "mb": after.ru_maxrss / 1024}


def watermark(folder: Path, rows: int) -> None:
    """A table of which a run asks what changed only: a first run, and one with a row in a hundred changed."""
    head(
        f"a database's table of {rows:,} rows, by its watermark", "CPU s", "× the first", "faces CPU s", "wall s", "MB"
    )
    root = workspace(folder / "base", "source: {registry: base, table: companies}")
    file = folder / "base.csv"
    make(file, rows)
    with duckdb.connect() as connection, closing(sqlite3.connect(root / "companies.sqlite")) as database, database:
        rows_of = f"read_csv('{file}', all_varchar = true)"  # of a key the first row alone: a table has it once
        found = connection.execute(f"FROM {rows_of} QUALIFY row_number() OVER (PARTITION BY id) = 1 ORDER BY id")
        names = [each[0] for each in found.description or ()]
        database.execute(f"CREATE TABLE companies ({', '.join(f'{name} TEXT' for name in names)}, changed TEXT)")
        while batch := found.fetchmany(50_000):
            values = ", ".join("?" * len(names))
            database.executemany(f"INSERT INTO companies VALUES ({values}, NULL)", batch)
        moment = "strftime('%Y-%m-%d %H:%M:%S', '2025-01-01', '+' || (rowid * 30) || ' seconds')"
        database.execute(f"UPDATE companies SET changed = {moment}")
        database.execute("CREATE INDEX by_change ON companies (changed)")
    first = child("run", root)
    measured("a first run", first, first["cpu"])
    with closing(sqlite3.connect(root / "companies.sqlite")) as database, database:
        database.execute(
            "UPDATE companies SET changed = '2026-01-02 10:00:00', town = 'Ailleurs' WHERE rowid % 100 = 55"
        )
    told = child("run", root)
    measured("one row in a hundred changed", told, first["cpu"])
    whole = [each["cpu"] + each["faces"] for each in (told, first)]
    print(
        f"  judged: {told['read']}; of a first run, faces included: {whole[0] / whole[1]:.0%} of its CPU, {told['wall'] / first['wall']:.0%} of its time"
    )


def many(folder: Path, sources: int, rows: int) -> None:
    """Files of many municipalities in one dataset."""
    head(
        f"{sources * rows:,} rows from {sources} sources in one run",
        "CPU s",
        "× COPY",
        "faces CPU s",
        "wall s",
        "peak MB",
    )
    named = "".join(f"\n  - {{name: s{n}, registry: files, table: s{n}}}" for n in range(sources))
    root = workspace(folder / "many", f"sources:{named}")
    tables = ", ".join(f"s{n}: {{file: s{n}.csv}}" for n in range(sources))
    (root / "beffroi.yaml").write_text(CONFIGURATION.replace("companies: {file: companies.csv}", tables))
    with duckdb.connect() as connection:
        for n in range(sources):
            query = ROWS.format(first=n * rows, last=(n + 1) * rows, mark="")
            connection.execute(f"COPY ({query}) TO '{root}/source/s{n}.csv' (FORMAT csv, HEADER, DELIMITER ';')")
    told = child("run", root)
    measured("one run", told, told["cpu"])


def growth(folder: Path, sizes: list[int]) -> None:
    """Runs of growing files: a bar is CPU per row, which stays the same where cost grows as the rows do."""
    head("rows", "CPU s", "µs a row", "faces CPU s", "wall s", "peak MB", "")
    for rows in sizes:
        root = workspace(folder / f"growth{rows}")
        make(root / "source" / "companies.csv", rows)
        told = child("run", root)
        each = told["cpu"] / rows * 1e6
        row(
            f"{rows:,}", told["cpu"], each, told["faces"], told["wall"], f"{told['mb']:,.0f}", "█" * max(1, round(each))
        )
        shutil.rmtree(root)


def communes(folder: Path) -> None:
    """The communes of France, from the repository's reference data to every face of a version."""
    root = folder / "communes"
    (root / "datasets").mkdir(parents=True)
    shutil.copytree(ROOT / "datasets" / "reference", root / "source")
    configuration = CONFIGURATION.replace(", tables: {companies: {file: companies.csv}}", "")
    (root / "beffroi.yaml").write_text(configuration)
    written = (ROOT / "datasets" / "communes.yaml").read_text()
    (root / "datasets" / "communes.yaml").write_text(
        written.replace("registry: communes", "registry: files\n  table: communes")
    )
    head("34,969 communes, end to end", "CPU s", "", "faces CPU s", "wall s", "peak MB")
    told = child("run", root, "communes")
    measured(f"{told['out']:,} rows", told, told["cpu"])


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small files, without frictionless")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        told = CHILDREN[asked.child[0]](Path(asked.child[1]), asked.child[2])
        print(json.dumps(told | {"mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    rows = 50_000 if asked.quick else 1_000_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        side_by_side(folder, rows, with_frictionless=not asked.quick)
        watermark(folder, rows)
        communes(folder)
        many(folder, 12 if asked.quick else 122, 1_000 if asked.quick else 22_951)
        growth(folder, [10**4, 10**5] if asked.quick else [10**4, 10**5, 10**6, 10**7, 2 * 10**7])


if __name__ == "__main__":
    main()
