"""What a table of MariaDB costs, side by side with its own client and with what a user would take instead, in one run.

`python -m benchmarks.mariadb` stands a server up, fills a table of 1,000,000 rows of 12 columns (`--rows N` for another
number), and prints a Markdown table: wall time, and what the process that reads needs of memory (its peak, VmHWM), the
least of three turns. Ours writes Parquet; `mariadb --quick` writes to nowhere; SQLAlchemy and pandas, where they are
installed, read in pieces of 50,000 rows and write Parquet too.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.peers.mariadb.peer import SECRET, MariaDbServer

ROOT = Path(__file__).parents[1]
TABLE = """CREATE TABLE big (id INT PRIMARY KEY, code CHAR(8), name VARCHAR(60), city VARCHAR(40), amount DECIMAL(12,2),
 ratio DOUBLE, born DATE, at DATETIME, n BIGINT, small SMALLINT, note VARCHAR(100), active TINYINT(1)) CHARSET utf8mb4"""
ROWS = """INSERT INTO big SELECT seq, CONCAT('C', LPAD(seq % 99999, 7, '0')), CONCAT('Association n° ', seq, ' de Rennes'),
 ELT(1 + seq % 5, 'Rennes', 'Málaga', 'Évry', 'A Coruña', 'Lyon'), seq * 1.37, seq / 7,
 DATE_ADD('1970-01-01', INTERVAL seq % 20000 DAY), DATE_ADD('2000-01-01', INTERVAL seq SECOND), seq * 1000003, seq % 30000,
 IF(seq % 3 = 0, NULL, CONCAT('note, "quoted" ', seq)), seq % 2 FROM seq_1_to_{rows}"""


def ours(port: int, folder: Path) -> None:
    """Read the table by our own scan, into Parquet."""

    from connectors.sql import Sql
    from connectors.sql.settings import SqlSettings
    from pipelines.taking import write_batches

    said = {"url": f"mariadb://reader@127.0.0.1:{port}/town", "password": "${TOWN_PASSWORD}"}
    write_batches(Sql("town", SqlSettings.model_validate(said), folder).scan("big"), folder / "ours.parquet")


def pandas(port: int, folder: Path) -> None:
    """Read the table as a user of SQLAlchemy and pandas does, into Parquet."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    import sqlalchemy

    address = f"mysql+pymysql://reader:{SECRET.replace(' ', '%20')}@127.0.0.1:{port}/town?charset=utf8mb4"
    writer = None
    with sqlalchemy.create_engine(address).connect().execution_options(stream_results=True) as connection:
        for piece in pd.read_sql(sqlalchemy.text("SELECT * FROM big"), connection, chunksize=50_000):
            table = pa.Table.from_pandas(piece)
            writer = writer or pq.ParquetWriter(folder / "pandas.parquet", table.schema)
            writer.write_table(table.cast(writer.schema))
    if writer is not None:
        writer.close()


WAYS = {"ours": ours, "pandas": pandas}


def main() -> None:
    """Run the comparison and print the table, or one way in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--way", nargs=2, metavar=("WAY", "PORT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.way:
        with tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder:
            began = time.perf_counter()
            WAYS[asked.way[0]](int(asked.way[1]), Path(folder))
            print(time.perf_counter() - began, peak())
        return
    with MariaDbServer("--innodb-buffer-pool-size=512M") as server:
        server.run([TABLE, ROWS.format(rows=asked.rows)])
        client = min(quick(server.port) for _ in range(3))
        print("| rows of MariaDB | wall | × `mariadb --quick` | memory at most | wanted |\n|---|---|---|---|---|")
        print(f"| {asked.rows:,}, `mariadb --quick` to nowhere | {client:.2f} s | 1 | | |", flush=True)
        for way, wanted in (("ours", "≤ 3 ×, flat"), ("pandas", "")):
            if (found := least(way, server.port)) is not None:
                wall, memory = found
                name = {"ours": "ours, to Parquet", "pandas": "SQLAlchemy and pandas, to Parquet"}[way]
                print(
                    f"| {asked.rows:,}, {name} | {wall:.2f} s | {wall / client:.2f} | {memory:.0f} MB | {wanted} |",
                    flush=True,
                )


def quick(port: int) -> float:
    """Return the seconds that MariaDB's own client takes."""
    command = ["mariadb", "--no-defaults", "-ureader", f"-p{SECRET}", "-h127.0.0.1", f"-P{port}", "--quick", "town"]
    began = time.perf_counter()
    subprocess.run([*command, "-e", "SELECT * FROM big"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def least(way: str, port: int) -> tuple[float, float] | None:
    """Return the least seconds and MB of three turns, each in a process of its own; None where a library is missing."""
    found = list[tuple[float, float]]()
    for _ in range(3):
        command = [sys.executable, "-m", "benchmarks.mariadb", "--way", way, str(port)]
        environment = os.environ | {"TOWN_PASSWORD": SECRET}
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
        if done.returncode:
            print(f"{way}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return None
        wall, memory = map(float, done.stdout.split())
        found.append((wall, memory))
    return min(wall for wall, _ in found), min(memory for _, memory in found)


def peak() -> float:
    """Return this process's peak of memory in MB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000


if __name__ == "__main__":
    main()
