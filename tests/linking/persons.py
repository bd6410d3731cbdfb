"""A small dataset of persons that is linked, a register it is linked to, and what tests ask of them."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.linking import gathered
from pipelines.linking.deciding import decisions
from pipelines.report import Report
from tests.pipelines.bench import Bench

PERSONS = """\
title: Persons
owner: ville
audience: owner
source: {registry: source, table: persons}
schema:
  fields:
    - {name: id}
    - {name: nom, personal: direct}
    - {name: prenom, personal: direct}
    - {name: ne_le, type: date, personal: indirect}
    - {name: person, type: integer, personal: indirect, constraints: {required: true}}
  primaryKey: id
clean: {ne_le: {steps: [trim, date]}}
link:
  person: {record: person, fields: {family_name: nom, given_name: prenom, birth_date: ne_le}}
expect: {drift: {keys: 1}}
"""
COMPANIES = """\
title: Register
owner: ville
audience: owner
source: {registry: source, table: register}
schema:
  fields:
    - {name: number}
    - {name: last_name, personal: direct}
    - {name: given_name, personal: direct}
    - {name: birth_date, type: date, personal: indirect}
  primaryKey: number
clean: {birth_date: {steps: [date]}}
"""
BOTH = PERSONS.replace(
    "  primaryKey: id", "    - {name: number, personal: indirect}\n  primaryKey: id\n  foreignKeys:\n    - fields: number\n"
    "      reference: {resource: register, fields: number}",
).replace(
    "expect:",
    "  number:\n    record: person\n    fields: {family_name: nom, given_name: prenom, birth_date: ne_le}\n"
    "    to: register\n    to_fields: {family_name: last_name}\nexpect:",
)  # fmt: skip
NAMES = ("id", "nom", "prenom", "ne_le")
Row = tuple[str | None, ...]
FIRST: tuple[Row, ...] = (
    ("1", "Dupont", "Jean", "1980-02-03"),
    ("2", "DUPONT", "Jean", "1980-02-03"),
    ("3", "Durand", "Marie", "1990-05-06"),
    ("4", "Etxeberria", "Ane", "1970-01-02"),
)


def opened(root: Path) -> Bench:
    """Return the bench of a workspace that is there already."""
    bench = object.__new__(Bench)
    bench.root = root
    return bench


def copied(bench: Bench, root: Path) -> Bench:
    """Copy a workspace, with all that its runs left."""
    shutil.copytree(bench.root, root)
    return opened(root)


def put(bench: Bench, *rows: Row, table: str = "persons", names: Sequence[str] = NAMES) -> None:
    bench.source(table, [dict(zip(names, row, strict=True)) for row in rows])


def linked(bench: Bench, column: str = "person", dataset: str = "persons") -> tuple[Report, dict[str, Any]]:
    """Run; return the report, and what it says of the link."""
    report = bench.run(dataset)
    return report, report.links[column]


def numbers(bench: Bench, column: str = "person", dataset: str = "persons", key: str = "id") -> dict[Any, Any]:
    return {row[key]: row[column] for row in bench.rows(dataset)}


def decide(bench: Bench, *said: decisions.Decision) -> None:
    decisions.add(bench.workspace, "persons", "person", said)


def of(number: str) -> str:
    return gathered.identity("source/persons", number)
