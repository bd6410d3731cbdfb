"""What an entry of the journal costs: `python -m benchmarks.journal [--quick]`.

Entries per second and CPU of this process per entry, on disk when counted: as one asker waits for each, as a hundred
wait at once (group commit), and in batches. SQLite with fsync, and PostgreSQL with synchronous_commit, in turns. Then what
verification, erasing and who-read take of what was written. Prints a Markdown table.
"""

import argparse
import os
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from gateway.journal import Entry, Journal
from gateway.journal.keys import Keys
from gateway.journal.postgresql import PostgresqlStore
from gateway.journal.sqlite import SqliteStore
from gateway.journal.stores import Store
from gateway.journal.verification import verify_rows
from tests.peers.postgresql.peer import PASSWORD, PostgreSqlServer

TURNS = 3
Made = Callable[[], Store]


def cpu() -> float:
    """Return the CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def entry(journal: Journal, number: int) -> Entry:
    """Return an entry as a lookup of a person makes it."""
    made = Entry("lookup", "lookup:person", "api", "ville", "mairie", "a.martin", "inscription-scolaire")
    made.identifier, made.fields, made.source = journal.keyed(f"nir:{number}"), ["birth_name", "birth_date"], "civil"
    return made


def one_by_one(journal: Journal, count: int) -> None:
    """Wait for each entry before the next."""
    for number in range(count):
        journal.append(entry(journal, number)).result()


def at_once(journal: Journal, count: int, askers: int = 100) -> None:
    """Have a hundred threads wait for entries of their own."""

    def ask(first: int) -> None:
        for number in range(first, count, askers):
            journal.append(entry(journal, number)).result()

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(askers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def all_together(journal: Journal, count: int) -> None:
    """Hand all over, then wait for the last."""
    for future in [journal.append(entry(journal, number)) for number in range(count)]:
        future.result()


WAYS: dict[str, tuple[Callable[[Journal, int], None], int]] = {
    "one after another": (one_by_one, 1), "100 askers at once": (at_once, 4), "handed over together": (all_together, 10),
}  # fmt: skip
"""How entries come, and how many times more of them."""


def writing(stores: dict[str, Made], folder: Path, count: int) -> None:
    """Print what writing costs, the stores in turns."""
    print("\n| entries come | store | entries/s | CPU µs an entry |\n|---|---|---:|---:|")
    for way, (write, more) in WAYS.items():
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in stores}
        for _ in range(TURNS):
            for name, made in stores.items():
                with closing(Journal(folder, made())) as journal:
                    began, used = time.perf_counter(), cpu()
                    write(journal, count * more)
                    took[name].append((time.perf_counter() - began, cpu() - used))
        for name, turns in took.items():
            wall, used = (statistics.median(column) for column in zip(*turns, strict=True))
            print(f"| {way} | {name} | {count * more / wall:,.0f} | {used / count / more * 1e6:.0f} |", flush=True)


def reading(stores: dict[str, Made], folder: Path) -> None:
    """Print what reading all that was written costs."""
    print("\n| reading | store | entries | CPU µs an entry | wall s |\n|---|---|---:|---:|---:|")
    keys = Keys(folder)
    for name, made in stores.items():
        ways: dict[str, Callable[[Store], object]] = {
            "verify": lambda store: verify_rows(store.rows()),
            "who-read, its search": lambda store: list(store.rows(keys.every("nir:1"))),
        }
        entries = verify_rows(made().rows()).entries
        for way, work in ways.items():
            began, used = time.perf_counter(), cpu()
            work(made())
            each = (cpu() - used) / entries * 1e6
            print(f"| {way} | {name} | {entries:,} | {each:.2f} | {time.perf_counter() - began:.2f} |", flush=True)


def main() -> None:
    """Measure writing, then reading."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few entries")
    count = 200 if parser.parse_args().quick else 2000
    os.environ["JOURNAL_PASSWORD"] = PASSWORD
    with tempfile.TemporaryDirectory() as place, PostgreSqlServer() as server:
        folder, url = Path(place), f"postgresql://postgres:${{JOURNAL_PASSWORD}}@127.0.0.1:{server.port}/postgres"
        stores: dict[str, Made] = {
            "SQLite, fsync": lambda: SqliteStore(folder / "journal.db"),
            "PostgreSQL, synchronous_commit": lambda: PostgresqlStore(url),
        }
        writing(stores, folder, count)
        reading(stores, folder)


if __name__ == "__main__":
    main()
