"""What a receipt costs: `python -m benchmarks.receipts [--quick]`.

First its parts, alone. Then a whole lookup of a local register (decision, row by key, granted fields, journal entry on
disk), 64 asked at once, without a receipt and with one, in turns: CPU of the whole process, an answer. Every answer's
receipt is verified afterwards. Prints Markdown tables.
"""

import argparse
import asyncio
import json
import resource
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq

from gateway import receipts
from gateway.callers.access import Caller
from gateway.journal import Entry
from gateway.journal.chain import Row
from gateway.lookups.answering import answer
from gateway.lookups.question import Question
from gateway.receipt_keys import public
from gateway.receipt_signing import SIGNED, Proven
from gateway.service import Service
from pipelines.run import run
from pipelines.workspace import Workspace

TURNS, AT_ONCE = 7, 64
REFERENCE = Path(__file__).parents[1] / "datasets" / "reference"

WORKSPACE = """
title: Ville
registries: {folder: {kind: files, path: source}}
purposes: {inscription: {title: Inscription, procedure: Inscription, legal_basis: L131-5, requires: []}}
lookups: {resident: {record: Person, providers: [{dataset: residents}]}}
organisations:
  ville:
    title: Ville
    applications:
      mairie: {title: Mairie, grants: [{lookup: resident, fields: '*', purposes: [inscription]}]}
"""
RESIDENTS = (
    "title: Habitants\nowner: ville\naudience: owner\nrecord: Person\nsource: {registry: folder, table: persons}\n"
)


def cpu() -> float:
    """Return the CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def made(root: Path) -> Workspace:
    """Make a workspace whose register is a dataset of its own."""
    (root / "datasets").mkdir(parents=True)
    (root / "source").mkdir()
    (root / "beffroi.yaml").write_text(WORKSPACE, encoding="utf-8")
    (root / "datasets" / "residents.yaml").write_text(RESIDENTS, encoding="utf-8")
    pq.write_table(pq.read_table(REFERENCE / "persons.parquet"), root / "source" / "persons.parquet")
    run(Workspace(root), "residents")
    return Workspace(root)


async def asked(service: Service, caller: Caller, identifiers: list[str], count: int) -> list[str]:
    """Ask `count` questions, 64 at once; return the receipts."""
    left, found = iter(range(count)), []

    async def asker() -> None:
        for number in left:
            question = Question.model_construct(identifier=identifiers[number % len(identifiers)], fields=None)
            told = await answer(service, "resident", caller, question)
            if caller.receipt:
                found.append(told["meta"]["receipt"])

    await asyncio.gather(*(asker() for _ in range(AT_ONCE)))
    return found


def parts(service: Service, count: int) -> None:
    """Print what each part costs."""
    data = {
        "nir": "100015948200015",
        "birth_name": "Allain",
        "given_names": ["Anne", "Marie"],
        "birth_date": "2000-01-20",
    }
    entry = Entry("lookup", "lookup:resident", "api", "ville", "mairie", None, "inscription", fields=list(data))
    entry.written = Row(123456, "", "0" * 64, "0" * 64, "lookup", "2026-11-22", "0" * 64)
    _, key = service.receipts.keys.current()
    proven = Proven(entry, "nir:100015948200015", None, "2026-11-22T00:00:00+00:00", data)
    [receipt] = service.receipts.together([proven])
    known = public(json.dumps(service.receipts.keys.jwks()).encode())
    print("\n| part | CPU µs |\n|---|---|")
    steps: list[tuple[str, Callable[[], object]]] = [
        ("Ed25519 of 700 bytes", lambda: key.sign(b"x" * 700)),
        ("HMAC of the data, RFC 8785", lambda: receipts.keyed_data(b"s" * 16, data)),
        ("a receipt by itself", lambda: service.receipts.together([proven])),
        (f"{SIGNED} of them together", lambda: service.receipts.together([proven] * SIGNED)),
        ("verifying one", lambda: receipts.read(receipt, known)),
    ]
    for name, step in steps:
        print(f"| {name} | {min(each(step, count) for _ in range(TURNS)) * 1e6:.0f} |")
    longest = max(map(len, service.receipts.together([proven] * SIGNED)))
    print(f"\nA receipt has {len(receipt)} characters, one of {SIGNED} that were signed for together {longest}.")


def each(step: Callable[[], object], count: int) -> float:
    """Return the CPU seconds of one call."""
    before = cpu()
    for _ in range(count):
        step()
    return (cpu() - before) / count


async def lookups(service: Service, count: int) -> None:
    """Print what an answer costs with a receipt, and without."""
    nirs = pq.read_table(REFERENCE / "persons.parquet", columns=["nir"])["nir"].to_pylist()
    plain = Caller("api", "mairie", "ville", "inscription")
    wanting = replace(plain, receipt=True)
    used: dict[bool, list[float]] = {False: [], True: []}
    told: list[str] = []
    for turn in range(TURNS * 2):
        caller = wanting if turn % 2 else plain
        before = cpu()
        told += await asked(service, caller, nirs, count)
        used[caller.receipt].append((cpu() - before) / count * 1e6)
    known = public(json.dumps(service.receipts.keys.jwks()).encode())
    numbers = {receipts.read(receipt, known)[0].journal.number for receipt in told}
    print("\n| an answer, 64 at once | CPU µs, median | least |\n|---|---|---|")
    for wanted, name in ((False, "without a receipt"), (True, "with one")):
        print(f"| {name} | {statistics.median(used[wanted]):.0f} | {min(used[wanted]):.0f} |")
    print(f"\n{len(told)} receipts verified, of {len(numbers)} entries of the journal.")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer of everything")
    count = 500 if parser.parse_args().quick else 5000
    with tempfile.TemporaryDirectory() as place, Service(made(Path(place) / "workspace")) as service:
        parts(service, count)
        asyncio.run(lookups(service, count))


if __name__ == "__main__":
    main()
