"""The rules that rows are judged by: each is one bit, so that what is wrong with a row is a number or a few.

What a refused row is told is read off its bits when the quarantine is written: of the rows that are good nothing is
ever put into words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from connectors.columns import Column
from pipelines import faults
from pipelines.declarations import Dataset, ForeignKey, forms, linked
from pipelines.sql import DUCKDB, quote
from pipelines.steps.clean import Failure, Reason

WIDTH = 62
"""Bits of a mask (BIGINT, without its sign and the one for MERGED)."""

MERGED = 1 << WIDTH
"""The first mask of a row that was merged into another of its key; it has no other bit."""

FAULT_BIT = 0
"""The bit of a row that could not be taken as it came."""


def mask(number: int) -> str:
    """Return the name of the mask with that number."""
    return f"beffroi_mask_{number}"


@dataclass(frozen=True)
class Rule:
    """What a bit says: this column, by this rule, for this reason. A row's own fault is of no column."""

    column: str
    rule: str
    reason: Reason


@dataclass
class Rules:
    """Every rule of a run, by its bit."""

    listed: list[Rule] = field(default_factory=lambda: [Rule("", "row", Reason("", ""))])

    def bit(self, column: str, rule: str, reason: Reason) -> int:
        """Return the bit of a rule; the same rule has the same one."""
        wanted = Rule(column, rule, reason)
        if wanted not in self.listed:
            self.listed.append(wanted)
        return self.listed.index(wanted)

    @property
    def masks(self) -> int:
        """Return how many masks hold all bits."""
        return (len(self.listed) + WIDTH - 1) // WIDTH

    @property
    def good(self) -> str:
        """Return SQL: the row is one of the version's."""
        return " AND ".join(f"{mask(number)} = 0" for number in range(self.masks))

    @property
    def refused(self) -> str:
        """Return SQL: the row is refused."""
        others = [f"{mask(number)} <> 0" for number in range(1, self.masks)]
        return " OR ".join([f"{mask(0)} NOT IN (0, {MERGED})", *others])

    @property
    def told(self) -> str:
        """Return SQL for what is wrong with a row, as a list of structs."""
        kind = 'STRUCT("column" VARCHAR, rule VARCHAR, reason VARCHAR, reason_fr VARCHAR)[]'
        items = ", ".join(
            f"CASE WHEN {has(bit)} THEN {_struct(rule)} END" for bit, rule in enumerate(self.listed) if bit != FAULT_BIT
        )
        in_french = faults.french("beffroi_fault")
        fault = f"[{{'column': '', 'rule': 'row', 'reason': beffroi_fault, 'reason_fr': {in_french}}}]"
        several = f"list_filter([{items}], lambda beffroi_f: beffroi_f IS NOT NULL)" if items else "[]"
        return f"CAST(CASE WHEN beffroi_fault IS NULL THEN {several} ELSE {fault} END AS {kind})"


def has(bit: int) -> str:
    """Return SQL: the row has this bit."""
    return f"{mask(bit // WIDTH)} & {1 << bit % WIDTH} <> 0"


def _struct(rule: Rule) -> str:
    reason = f"'reason': {quote(rule.reason.en)}, 'reason_fr': {quote(rule.reason.fr)}"
    return f"{{'column': {quote(rule.column)}, 'rule': {quote(rule.rule)}, {reason}}}"


# --- what a column must meet -----------------------------------------------------------------------------------------


def missing(column: Column, dataset: Dataset) -> Reason | None:
    """Return what is said of a row without a value of `column`, or None where it may be without.

    What linking fills in is missing in every row when it is judged.
    """
    if column.name in dataset.link:
        return None
    if column.name in dataset.key:
        return Reason("is missing, and it is part of the key", "manque, et fait partie de la clé")
    if column.name in linked.identities(dataset):
        return Reason("is missing, and a record is known by it", "manque, et un enregistrement est reconnu par lui")
    return Reason("is missing", "manque") if column.constraints.required else None


_SIGNS = re.compile(r"(\[(?:[0-9A-Za-z](?:-[0-9A-Za-z])?)+\]|[0-9A-Za-z _/:-]|\\[.-])(?:\{(\d{1,2})\})?")
"""In a pattern a sign of ASCII, or one of several, and how many of it."""


def matches(value: str, pattern: str) -> str:
    """Return SQL that tells whether a value is, whole, as a pattern says that RE2 reads.

    Where that says of one sign after the other which it may be, as of codes, the engine's GLOB tells it in less time.
    """
    signs = list(_SIGNS.finditer(pattern))
    if "".join(each[0] for each in signs) != pattern:
        return f"regexp_full_match({value}, {quote(forms.re2(pattern))})"
    said = "".join(each[1].removeprefix("\\") * int(each[2] or 1) for each in signs)
    return f"({value} GLOB {quote(said)})"


def constraints(column: Column, value: str) -> Iterator[Failure]:
    """Turn Table Schema's constraints of one value, for which `value` is the SQL, into failures."""
    wanted = column.constraints
    if wanted.pattern is not None and not forms.by_library(wanted.pattern):
        reason = Reason(f"does not look like {wanted.pattern}", f"n'a pas la forme {wanted.pattern}")
        yield Failure(f"NOT {matches(value, wanted.pattern)}", "pattern", reason)
    if wanted.enum is not None:
        values = ", ".join(f"CAST({quote(str(each))} AS {DUCKDB[column.type]})" for each in wanted.enum)
        said = ", ".join(map(str, wanted.enum))
        yield Failure(f"{value} NOT IN ({values})", "enum", Reason(f"is none of {said}", f"n'est aucun de : {said}"))
    what, quoi = ("entries", "éléments") if column.type == "array" else ("characters", "caractères")
    for rule, sign, length, than, que in (
        ("minLength", "<", wanted.min_length, "fewer", "moins"), ("maxLength", ">", wanted.max_length, "more", "plus")
    ):  # fmt: skip
        if length is not None:
            reason = Reason(f"has {than} than {length} {what}", f"a {que} de {length} {quoi}")
            yield Failure(f"len({value}) {sign} {length}", rule, reason)
    for rule, sign, bound, beyond, french in (
        ("minimum", "<", wanted.minimum, "below", "est inférieur au"),
        ("maximum", ">", wanted.maximum, "above", "dépasse le"),
    ):
        if bound is not None:
            limit = f"CAST({quote(str(bound))} AS {DUCKDB[column.type]})"
            reason = Reason(f"is {beyond} the {rule} of {bound}", f"{french} {rule} de {bound}")
            yield Failure(f"{value} {sign} {limit}", rule, reason)


UNIQUE = Reason("stands in several rows", "figure dans plusieurs lignes")
"""What is said of a value that only one row may have."""


def unknown(key: ForeignKey) -> Reason:
    """Return what is said of a value that no row of the other dataset has."""
    other, target = key.reference.resource, key.target
    return Reason(
        f"no row of {other} has it as {target}: it no longer exists, or never did",
        f"aucune ligne de {other} ne l'a comme {target} : cela n'existe plus, ou n'a jamais existé",
    )


def several_rows(dataset: Dataset) -> Iterator[tuple[str, str, Reason]]:
    """Yield column, rule and reason of what cannot be told of a row by itself."""
    for column in dataset.columns:
        if column.constraints.unique and dataset.key != (column.name,):  # rows of one key are one row: they are merged
            yield column.name, "unique", UNIQUE
    for key in dataset.foreign_keys:
        yield key.column, "foreignKey", unknown(key)
