"""What the columns of a table are believed to be, by every one of their values: types, cleaning steps, keys, persons.

Nothing of a value is told: evidence counts values, and names the pattern that they fit.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from stdnum.fr import nir, siren, siret

from connectors.columns import ColumnType
from connectors.files.draft_signs import CODE, COMMUNE, PATTERNS, PERSONAL, POSTAL, THING, is_day, words_of
from connectors.registry import FAULT

MOST_KEYS = 2_000_000
"""Values of a column of which it is told whether each stands there once."""

MOST_CHECKED = 100_000
"""Different values of a column that are held against check digits."""

_UNLIKE_NAMES = ("zeros", "day", "moment", "siren", "siret", "rna", "nir", "e-mail", "telephone")

_CHECKS: dict[str, Callable[[str], bool]] = {"siret": siret.is_valid, "siren": siren.is_valid, "nir": nir.is_valid}


@dataclass
class Column:
    """A column: what it is believed to be, how it is cleaned, and by what evidence."""

    name: str
    type: ColumnType = "string"
    steps: list[Any] = field(default_factory=list)
    personal: str = ""
    evidence: str = ""
    rows: int = 0
    filled: int = 0
    unique: bool = False

    @property
    def is_key(self) -> bool:
        """Whether each row has a value of its own."""
        return self.unique and self.filled == self.rows > 0 and self.type not in ("number", "array")


class _Seen:
    """What was counted of a column so far."""

    def __init__(self, field: pa.Field) -> None:
        self.field, self.rows, self.filled = field, 0, 0
        self.counts = dict.fromkeys(PATTERNS, 0)
        self.parts: list[pa.Array] | None = []

    def add(self, values: pa.Array) -> None:
        """Count more values."""
        self.rows += len(values)
        self.filled += len(values) - values.null_count
        if self.parts is not None:
            self.parts.append(pc.unique(values))
            if sum(map(len, self.parts)) > MOST_KEYS:
                self.parts = None
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            trimmed = pc.utf8_trim_whitespace(values)
            for name, pattern in PATTERNS.items():
                self.counts[name] += pc.sum(pc.match_substring_regex(trimmed, pattern)).as_py() or 0

    def holds(self, name: str) -> bool:
        """Tell whether all values fit a pattern, and there are some."""
        return 0 < self.filled - self.counts["blank"] == self.counts[name]

    def is_called_like_its_values(self) -> bool:
        """Tell whether its name has a form of all its values that no name has: the file may have no header."""
        name = _Seen(self.field)
        name.add(pa.array([self.field.name]))
        return any(self.holds(each) and name.holds(each) for each in _UNLIKE_NAMES)

    def different(self) -> list[Any]:
        """Return the different values, as far as they were kept."""
        if self.parts is None:
            return []
        found = pc.unique(pa.concat_arrays(self.parts)) if self.parts else pa.array([])
        return [value for value in found.to_pylist() if value is not None]


def columns_of(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, rewritten: Collection[str] | None = None
) -> tuple[list[Column], int, int]:
    """Return the columns of a table read to its end, how many rows it has, and how many of them with a fault.

    `rewritten` are the columns whose numbers were written with a comma; None where the format itself tells what a number
    is.
    """
    seen = [_Seen(each) for each in schema if each.name != FAULT]
    rows = faults = 0
    for batch in batches:
        good = batch
        if FAULT in batch.schema.names:
            mask = pc.is_null(batch.column(FAULT))
            good = batch.filter(mask)
        rows, faults = rows + batch.num_rows, faults + batch.num_rows - good.num_rows
        for each in seen:
            each.add(good.column(each.field.name))
    doubtful = set[str]() if rewritten is None else _doubtful(seen, rewritten)
    return [_believed(each, doubtful=each.field.name in doubtful) for each in seen], rows, faults


def _doubtful(every: Sequence[_Seen], rewritten: Collection[str]) -> set[str]:
    """Return the columns of numbers with three digits after each comma or point: thousands, or decimals.

    Another column of numbers with that sign tells, if other than three follow there: then these are decimals too.
    """
    numbers = [each for each in every if each.holds("number") and each.counts["comma"] + each.counts["point"]]
    comma = {each.field.name for each in numbers if each.field.name in rewritten or each.counts["comma"]}
    told = {each.field.name in comma for each in numbers if not each.holds("threes")}
    names = {each.field.name for each in numbers if each.holds("threes")}
    return {name for name in names if (name in comma) not in told}


def _believed(seen: _Seen, *, doubtful: bool) -> Column:
    different = [] if pa.types.is_nested(seen.field.type) else seen.different()
    found = Column(seen.field.name, rows=seen.rows, filled=seen.filled)
    found.unique = seen.parts is not None and len(different) == seen.filled
    if not (pa.types.is_string(seen.field.type) or pa.types.is_large_string(seen.field.type)):
        found.type = _of_arrow(seen.field.type)
        found.evidence = f"the source holds it as {seen.field.type}"
    elif seen.filled - seen.counts["blank"] == 0:
        found.evidence = "no row has a value in it"
    else:
        _by_values(found, seen, [text for each in different if (text := str(each).strip())], doubtful=doubtful)
    if seen.is_called_like_its_values():
        found.evidence += (
            "; its name looks like one of them: if the first line is no header, say header: 0 and columns:"
        )
    words = words_of(seen.field.name)
    if found.type != "string" or seen.holds("number"):
        words = words.replace("nombre", "")  # a name in Spanish, and a number in French
    if not found.personal and PERSONAL.search(THING.sub("", words)):
        found.personal = "its name says so"
    return found


def _of_arrow(kind: pa.DataType) -> ColumnType:
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind):
        return "integer"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_timestamp(kind):
        return "datetime"
    return "array" if pa.types.is_list(kind) and pa.types.is_string(kind.value_type) else "string"


_NUMBERS: tuple[tuple[str, str, str], ...] = (
    ("rna", "", "numbers of associations (RNA)"),
    ("e-mail", "all are e-mail addresses", "e-mail addresses"),
    ("telephone", "all are telephone numbers", "telephone numbers"),
)
_YES = {"map": {"O": True, "OUI": True, "N": False, "NON": False}}
_TYPES: tuple[tuple[str, ColumnType, tuple[Any, ...], str], ...] = (
    ("truth", "boolean", (), "true or false"),
    ("integer", "integer", ("integer",), "whole numbers"),
    ("number", "number", ("decimal",), "numbers"),
    ("day", "date", ("date",), "dates"),
    ("moment", "datetime", (), "dates with a time"),
    ("yes", "boolean", ("upper", _YES), "yes or no"),
    ("percentages", "number", ({"percent": "points"},), "percentages, 12,5 % as 12.5: {percent: share} makes it 0.125"),
    ("euros", "number", ("money",), "amounts in euros"),
)

_LOOKS: Mapping[str, str] = {
    "money": "looks like money, in other than euros or perhaps with marks between thousands: the step money reads euros",
    "percent": "looks like percent, not all with the sign or perhaps with marks between thousands: the step percent reads it",
    "day and hour": "looks like dates with a time, which are read as 2024-02-29T13:14 only",
    "month first": "looks like dates, some with the month first, which no cleaning step reads",
}
"""What is kept as text though it looks like more."""


def _by_values(found: Column, seen: _Seen, different: list[str], *, doubtful: bool) -> None:
    """Set type, steps and evidence of a column of texts: what all of its values fit."""
    values = seen.filled - seen.counts["blank"]
    whole = {name for name, count in seen.counts.items() if count == values}
    found.steps = ["trim"]
    if _is_code(found, seen, whole, different):
        return
    if seen.counts["zeros"]:
        found.evidence = f"{seen.counts['zeros']:,} of {values:,} values begin with a zero: a code, and no number"
        return
    if "integer" in whole and CODE.search(words_of(found.name)):
        found.evidence = f"digits, which its name says are a code: kept as text ({_all(values)})"
        return
    if doubtful:
        found.evidence = f"three digits after each comma or point, thousands or decimals: kept as text ({_all(values)})"
        return
    if "number" in whole and seen.counts["comma"] and seen.counts["point"]:
        found.evidence = "numbers, some with a comma and some with a point, which may be thousands: kept as text"
        return
    for name, kind, steps, what in _TYPES:
        if name in whole:
            found.type, found.evidence = kind, f"{what} ({_all(values)}{_no_days(name, different)})"
            found.steps += steps
            return
    looks = {**{name: f"{what}, but not all" for name, _, _, what in _TYPES[1:5]}, **_LOOKS}
    near = max(looks, key=lambda each: seen.counts[each])
    if seen.counts[near] > 0.9 * values:
        told = _all(values) if near in whole else f"{seen.counts[near]:,} of {values:,} values"
        found.evidence = f"{looks[near]}: kept as text ({told})"
    else:
        found.evidence = f"texts, {len(different):,} different" if different else "texts"


def _is_code(found: Column, seen: _Seen, whole: set[str], different: list[str]) -> bool:
    """Tell whether most values are codes or addresses of a known kind, and set what follows.

    Of numbers, one in ten has the check digits of a SIREN by chance: most have them by nothing else. One that is wrong
    makes no sum of the others.
    """
    values = seen.filled - seen.counts["blank"]
    for name, valid in _CHECKS.items():
        checked = different[:MOST_CHECKED] if 2 * seen.counts[name] > values else []
        good = sum(map(valid, checked))
        if 2 * good > len(checked):
            number = name.upper()
            every = name in whole and good == len(checked)
            most = "all" if every else "most"
            found.personal = f"{most} are social security numbers (NIR)" if name == "nir" else ""
            if every:
                found.steps += [name] if name != "nir" else []
                found.evidence = f"check digits of a {number} ({_all(values)})"
            else:
                among = f"{len(checked):,}{'' if len(checked) == values else ' different'}"
                found.evidence = f"{good:,} of {among} values have the check digits of a {number}: kept as text"
            return True
    for name, personal, what in _NUMBERS:
        if name in whole:
            found.steps += ["rna"] if name == "rna" else []
            found.personal, found.evidence = personal, f"{what} ({_all(values)})"
            return True
        if 2 * seen.counts[name] > values:
            found.personal = personal.replace("all are", "most are")
            found.evidence = f"{seen.counts[name]:,} of {values:,} values are {what}: kept as text"
            return True
    words = words_of(found.name)
    if "commune" in whole and (COMMUNE.search(words) or POSTAL.search(words)):
        what = "postal codes" if POSTAL.search(words) else "INSEE codes of communes"
        found.evidence = f"five places, and a name that says {what} ({_all(values)})"
        return True
    return False


def _all(values: int) -> str:
    return "its only value" if values == 1 else f"all {values:,} values"


def _no_days(name: str, different: list[str]) -> str:
    """Return in words how many different dates no calendar has; nothing where all are days."""
    if name not in ("day", "moment"):
        return ""
    wrong = sum(not is_day(each[:10] if name == "moment" else each) for each in different[:MOST_CHECKED])
    return f"; of the {len(different):,} different ones, {wrong:,} no calendar has" if wrong else ""
