"""What the access decision gives: which fields, and of which rows each.

Every grant that applies is a share, some fields of some rows; what several give adds up, each field by itself. A row that
no share covers is told of in the same words as one that is not there: whoever may not see it must not learn which it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from connectors.errors import NotGranted

Rows: TypeAlias = Mapping[str, frozenset[str]]
"""The rows that have, in each of these columns, one of its values; all rows where there is no column."""


@dataclass(frozen=True)
class Share:
    """What one grant gives: `fields` of `rows`."""

    fields: frozenset[str]
    rows: Rows

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Tell whether a row is one of its rows. One that has no value where the grant names some is not."""
        found = {column: row.get(column) for column in self.rows}
        return all(isinstance(text, str) and text in self.rows[column] for column, text in found.items())


@dataclass(frozen=True)
class Decision:
    """What one caller gets of one resource.

    `fields` are those asked for by name (`named`), or all that any share gives, in the resource's order. `who` and
    `resource` are what refusals name.
    """

    fields: tuple[str, ...]
    shares: tuple[Share, ...]
    named: bool
    who: str
    resource: str

    @property
    def hides(self) -> bool:
        """Tell whether no share is of every row: the caller may then not even know which rows there are."""
        return all(share.rows for share in self.shares)

    @property
    def in_part(self) -> bool:
        """Tell whether some of `fields` are given of some rows only."""
        return bool(self.conditions(self.fields))

    def of(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        """Return those of `fields` that are given of one row. Raises NotGranted where none is, or not all that are named."""
        if self.fields and not any(share.rows for share in self.shares):
            return self.fields
        given = {name for share in self.shares if share.holds(row) for name in share.fields}
        found = tuple(name for name in self.fields if name in given)
        if not found or (self.named and found != self.fields):
            raise self.outside()
        return found

    def conditions(self, fields: Iterable[str]) -> list[tuple[Rows, ...]]:
        """Return what a row must meet for all of some granted `fields` to be given of it: one alternative of each item."""
        alternatives = (tuple(share.rows for share in self.shares if name in share.fields) for name in fields)
        found = [each for each in alternatives if all(each)]  # a share of every row leaves nothing to be met
        return [each for place, each in enumerate(found) if each not in found[:place]]

    def outside(self) -> NotGranted:
        """Return the refusal of what is not there or not granted, which does not tell the two apart."""
        return NotGranted(
            f"{self.resource} has nothing under that identifier of which {self.who} may see what was asked: it is not"
            " there, or no grant covers it"
        )
