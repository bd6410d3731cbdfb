"""Numbers as people write them, `1 234,50`, made plain, `1234.50`: cell by cell, in the columns that hold numbers.

One cell that is none (`n.c.`) changes nothing for the others: `1.234` that was left as it is would be a thousandth.
"""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

BLANKS = " \u00a0\u202f\u2009"
"""What a blank between thousands may be: plain, no-break, narrow no-break, thin."""


@dataclass(frozen=True)
class Form:
    """How numbers are written: what parts the decimals, and what parts the thousands (nothing, if empty)."""

    decimal: str
    thousands: str

    @property
    def apart(self) -> str:
        """Characters that may part the thousands."""
        return BLANKS if self.thousands == " " else "'’" if self.thousands in ("'", "’") else self.thousands

    @property
    def pattern(self) -> str:
        """A regular expression of a number, with blanks around it."""
        whole = r"\d+"
        if self.thousands:
            whole = rf"(?:\d+|\d{{1,3}}(?:[{re.escape(self.apart)}]\d{{3}})+)"
        return rf"^[{BLANKS}]*[+-]?{whole}(?:{re.escape(self.decimal)}\d+)?[{BLANKS}]*$"

    @property
    def marks(self) -> str:
        """A regular expression of what is not plain in such a number."""
        return f"[{re.escape(self.decimal + self.apart + BLANKS)}]"


def held(batches: Iterator[pa.RecordBatch], count: int, form: Form) -> list[bool]:
    """Return which of the first `count` columns hold a number of that form with something in it that is not plain."""
    found = [False] * count
    for batch in batches:
        good = batch.filter(pc.is_null(batch.column(count)))
        for place in range(count):
            if not found[place]:
                marked = good.column(place).filter(pc.match_substring_regex(good.column(place), form.marks))
                found[place] = pc.any(pc.match_substring_regex(marked, form.pattern), min_count=0).as_py()
    return found


def rewritten(
    read: Callable[[], Iterator[pa.RecordBatch]], schema: pa.Schema, form: Form, columns: Collection[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the batches of texts that `read` gives, with numbers made plain. The last column of `schema` holds faults.

    What is read has one column more: the line of each row, with which a fault begins.

    `columns` hold the numbers; where none are named, those in which there is one that is not plain: then it is read twice.
    A number there of another form (`1.5` beside `1,5`), which could be taken for a plain one, is the fault of its row.
    """
    count = len(schema) - 1
    names = schema.names[:count]
    chosen = held(read(), count, form) if columns is None else [name in columns for name in names]
    for batch in read():
        *arrays, lines = batch.columns
        for at, name in enumerate(names):
            if chosen[at]:
                arrays[at], other = _plain(arrays[at], form)
                amiss = f": {name} is a number, but not written as decimal: and thousands: say"
                said = pc.binary_join_element_wise("line ", lines.cast(pa.string()), amiss, "")
                arrays[count] = pc.coalesce(arrays[count], pc.if_else(other, said, pa.scalar(None, pa.string())))
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _plain(column: pa.Array, form: Form) -> tuple[pa.Array, pa.Array]:
    """Return cells with numbers of the form made plain, and which are numbers of another form."""
    fits = pc.match_substring_regex(column, form.pattern)
    bare = pc.replace_substring_regex(column, rf"[{re.escape(form.apart + BLANKS)}]", "")
    plain = bare if form.decimal == "." else pc.replace_substring(bare, form.decimal, ".")
    other = pc.and_(pc.invert(fits), pc.match_substring_regex(column, _OTHER))
    return pc.if_else(fits, plain, column), other


_OTHER = rf"^[{BLANKS}]*[+-]?(?:\d[\d'’{BLANKS}]*)?[.,][\d.,]*(?:[eE][+-]?\d+)?[{BLANKS}]*$"
