"""Numbers as people write them, `1 234,50`, made plain, `1234.50`: in columns that hold nothing but numbers."""

import re
from collections.abc import Callable, Iterator
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


def numeric(batches: Iterator[pa.RecordBatch], count: int, form: Form) -> list[bool]:
    """Return which of the first `count` columns hold numbers throughout, and at least one. Rows with a fault count not."""
    fitting, seen = [True] * count, [False] * count
    for batch in batches:
        good = batch.filter(pc.is_null(batch.column(count)))
        for place in range(count):
            if fitting[place]:
                column = good.column(place).drop_null()
                seen[place] = seen[place] or len(column) > 0
                fitting[place] = pc.all(pc.match_substring_regex(column, form.pattern), min_count=0).as_py()
    return [each and some for each, some in zip(fitting, seen, strict=True)]


def rewritten(read: Callable[[], Iterator[pa.RecordBatch]], schema: pa.Schema, form: Form) -> Iterator[pa.RecordBatch]:
    """Yield the batches of texts that `read` gives, twice, with numbers made plain. The last column holds faults."""
    count = len(schema) - 1
    chosen = numeric(read(), count, form)
    for batch in read():
        columns = [
            _plain(batch.column(at), form) if at < count and chosen[at] else batch.column(at) for at in range(count + 1)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _plain(column: pa.Array, form: Form) -> pa.Array:
    fits = pc.match_substring_regex(column, form.pattern)
    bare = pc.replace_substring_regex(column, rf"[{re.escape(form.apart + BLANKS)}]", "")
    plain = bare if form.decimal == "." else pc.replace_substring(bare, form.decimal, ".")
    return pc.if_else(fits, plain, column)
