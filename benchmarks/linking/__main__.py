"""`python -m benchmarks.linking [CASE …] [--data FOLDER] [--rldata FILE] [--pseudopeople PYTHON] [--rows N] [--seed N …] [--turns N]`.

How well and how fast records are linked, beside bare Splink with the settings of its documentation, in one run:

- persons of published data sets (`febrl1` … `febrl4`, `rldata10000`, `pseudopeople: census2020 × w2_2020` and other pairs),
- synthetic registers with truth (`fr-100000`, `es-100000`, `eu-100000`, `ka-100000`, `mixed-100000`, or any other number
  of rows), whose damage is frozen,
- `companies`, `associations` of them: written by towns, against a register; the demo's `suppliers`, against its companies,
- `speed`: a million records, and 10,000 new ones joined to a million (`--rows` for another number).

Without a case all are measured but those of a million rows. Wants the dependency group `linking`; pseudopeople, which
wants other releases, makes its records in an environment of its own. Prints tables in Markdown.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.linking import cases, entities, measures, ours, plain, registers, speed

SHOWN = (
    "F1, linked or asked",
    "F1, linked",
    "precision",
    "recall",
    "clusters' F1",
    "false in 10,000",
    "questions",
    "rows in them",
)


def row(*cells: object) -> None:
    """Print a line of a table."""
    print("| " + " | ".join(_text(each) for each in cells) + " |", flush=True)


def head(*cells: str) -> None:
    """Print the head of a table."""
    print()
    row(*cells)
    row("---", *["---:"] * (len(cells) - 1))


def _text(cell: object) -> str:
    return f"{cell:,.4f}" if isinstance(cell, float) else f"{cell:,}" if isinstance(cell, int) else str(cell)


def accuracy(names: list[str], data: cases.Data, seeds: list[int]) -> None:
    """Print the table of accuracy, bare Splink beside Beffroi: of synthetic registers the means of several seeds."""
    thresholds = [f"Splink at {each}" for each in measures.FIXED]
    head("persons", "rows", "true pairs", "Splink's best F1", *thresholds, *(f"**{each}**" for each in SHOWN))
    apart = list[str]()
    for name in names:
        made = name.rpartition("-")[0] in cases.SYNTHETIC
        try:
            found = [_side_by_side(name, replace(data, seed=seed)) for seed in (seeds if made else seeds[:1])]
        except FileNotFoundError as error:
            print(f"| {name} | not measured: {error} |")
            continue
        told = {key: statistics.mean(each[key] for each in found) for key in found[0]}
        false = told["false"] / told["links"] * 10_000 if told["links"] else 0.0
        row(
            name, round(told["rows"]), round(told["truth"]), told["best"], *(told[f"f1@{each}"] for each in measures.FIXED),
            told["asked"], told["f1"], told["precision"], told["recall"], told["clusters"], f"{false:.1f}",
            f"{told['questions_in_rows']:.2%}", f"{told['queued_rows']:.2%}",
        )  # fmt: skip
        if len(found) > 1:
            each_of = (f"{each['false']} of {each['links']:,}, {each['questions_in_rows']:.2%}" for each in found)
            apart.append(f"  {name}, of each seed, false links and questions: {'; '.join(each_of)}")
    print("\n".join(["", *apart]))


def _side_by_side(name: str, data: cases.Data) -> dict[str, float]:
    """Return the figures of a case: Splink's are `best` and `f1@…`."""
    case = cases.case(name, data)
    beside, mine = _plain(case), _mine(case)
    fixed = mine["fixed"]
    return {key: beside[key] for key in ("best", *(f"f1@{each}" for each in measures.FIXED))} | {
        "rows": mine["rows"], "truth": mine["truth"], "asked": mine["asked"]["f1"], "clusters": mine["clusters"]["f1"],
        "questions_in_rows": mine["questions_in_rows"], "queued_rows": mine["queued_rows"],
    } | {key: fixed[key] for key in ("f1", "precision", "recall", "links", "false")}  # fmt: skip


def _plain(case: cases.Case) -> dict[str, Any]:
    with duckdb.connect() as connection:
        plain.link(connection, case.records, case.plain, "found", across=case.across)
        truth = cases.true_pairs(connection, "plain_truth", across=case.across)
        return measures.judged(connection, "found", truth)


def _mine(case: cases.Case) -> dict[str, Any]:
    with duckdb.connect() as connection:
        return ours.whole(connection, case.records, across=case.across)


def companies(names: list[str]) -> None:
    """Print the table of what is linked to a register of another kind."""
    head("linked to a register", "rows", "in the register", "precision", "recall", "**F1**", "wrong in 10,000", "asked")
    for name in names:
        with duckdb.connect() as connection:
            told = entities.CASES[name](connection)
        row(
            name, told["rows"], told["there"], told["precision"], told["recall"], told["f1"],
            f"{told['false_in_10000']:.1f}", f"{told['asked']:.2%}",
        )  # fmt: skip


def growth(data: cases.Data, rows: int) -> None:
    """Print how accuracy holds from 100,000 records to more."""
    head(f"from 100,000 to {rows:,} records, linked", "F1", "F1 then", "loss", "false in 10,000", "questions")
    for name in registers.ALL:
        files = [registers.make(name, many, data.folder / "registers", data.seed) for many in (100_000, rows)]
        few, many = (speed.child("ours", file)["judged"] for file in files)
        found = [each["fixed"]["f1"] for each in (few, many)]
        false, asked = many["fixed"]["false_in_10000"], many["questions_in_rows"]
        row(name, *found, found[0] - found[1], f"{false:.1f}", f"{asked:.2%}")


def fast(data: cases.Data, rows: int, turns: int) -> None:
    """Print what a million records cost, by turns in alternation; of each the median is told."""
    file = registers.make("fr", rows, data.folder / "registers", data.seed)
    head(f"{rows:,} records", "wall s", "CPU s", "peak MB", "pairs", "× Splink's wall", "× its memory")
    told: dict[str, list[dict[str, Any]]] = {"plain": [], "ours": [], "join": []}
    for _ in range(turns):
        for what, found in told.items():
            found.append(speed.child(what, file))
    median = {
        what: {key: statistics.median(each[key] for each in found) for key in ("wall", "cpu", "mb", "pairs")}
        for what, found in told.items()
    }
    beside = median["plain"]
    titles = {"plain": "bare Splink", "ours": "Beffroi", "join": f"Beffroi, {speed.NEW:,} of them joined to the others"}
    for what, title in titles.items():
        took = median[what]
        times = (f"{took['wall'] / beside['wall']:.2f}", f"{took['mb'] / beside['mb']:.2f}")
        row(title, f"{took['wall']:.1f}", f"{took['cpu']:.1f}", f"{took['mb']:,.0f}", int(took["pairs"]), *times)
    for what in ("ours", "join"):
        last = told[what][-1]["steps"]
        print(f"  {titles[what]}, wall s: {', '.join(f'{step} {took:.1f}' for step, took in last.items())}")
    print(
        f"  joining took {median['join']['cpu'] / median['ours']['cpu']:.1%} of the whole's CPU, {median['join']['wall'] / median['ours']['wall']:.1%} of its time"
    )


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.linking", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", nargs="*")
    parser.add_argument("--data", type=Path, default=Path(".beffroi/benchmarks/linking"))
    parser.add_argument("--rldata", type=Path, help="RLdata10000.rda of the R package RecordLinkage")
    parser.add_argument("--pseudopeople", type=Path, metavar="PYTHON", help="of an environment that has pseudopeople")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, nargs="+", default=[registers.SEED], help="of the synthetic registers")
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    clock = time.monotonic()
    data = cases.Data(asked.data, asked.rldata, asked.pseudopeople, asked.seed[0])
    other = [*entities.CASES, "growth", "speed"]
    names = asked.case or [*cases.NAMES, *entities.CASES]
    if persons := [name for name in names if name not in other]:
        accuracy(persons, data, asked.seed)
    if several := [name for name in names if name in entities.CASES]:
        companies(several)
    if "growth" in names:
        growth(data, asked.rows)
    if "speed" in names:
        fast(data, asked.rows, asked.turns)
    print(f"\n{time.monotonic() - clock:.0f} s in all; data in {asked.data}")


if __name__ == "__main__":
    main()
