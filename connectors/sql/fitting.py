"""A cell of a row as a field of a record wants it: never rounded, never guessed; what does not fit stays as it came.

Databases write some values as texts (an exact number, a moment, a list), and JSON, in which a record is read, has its own
forms of them.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.columns import ColumnType

_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}(?::?\d{2})?)?")
_BOOLEANS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}


def fitted(cell: Any, kind: ColumnType) -> Any:
    """Return a cell as a value of `kind` in the forms of JSON; itself where it is none, which its record refuses."""
    if isinstance(cell, str) and kind in _OF_TEXTS:
        return _OF_TEXTS[kind](cell)
    if kind == "boolean" and cell in (0, 1):
        return bool(cell)
    if kind == "string" and cell is not None:
        return _written(cell)
    return cell


def is_same(cell: Any, asked: Any, declared: str) -> bool:
    """Tell whether a key's cell is the value asked for; `declared` is the type of its column.

    Servers find more: 12 for `12abc`, `é` for `e`, the date of today for `today`. Zeros before a whole number, blanks
    after a text (which `char(9)` has) and the case of a UUID make no other value.
    """
    if isinstance(cell, int) and not isinstance(cell, bool):
        return re.fullmatch(r"-?\d+", str(asked), re.ASCII) is not None and int(asked) == cell
    if declared.lower() in ("uuid", "uniqueidentifier"):
        return _written(cell).lower() == str(asked).lower()
    return _written(cell).rstrip(" ") == str(asked)


def _written(cell: Any) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _number(text: str) -> Any:
    """Return the number that a text is, if JSON holds it exactly: 12.0 is the integer 12."""
    if re.fullmatch(r"-?\d+", text, re.ASCII):
        return int(text)
    try:
        exact = Decimal(text)
    except InvalidOperation:
        return text
    if not exact.is_finite():
        return text
    if exact == exact.to_integral_value() and exact.adjusted() < 20:
        return int(exact)
    return float(text) if Decimal(repr(float(text))) == exact else text


def _moment(text: str) -> str:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return text
    zone = found[3] or "Z"  # a moment without a zone is taken as UTC, as a dataset's is
    if zone != "Z":
        zone = f"{zone[:3]}:{zone[3:].lstrip(':') or '00'}"
    return f"{found[1]}T{found[2]}{zone}"


def _list(text: str) -> Any:
    try:
        found = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        return text
    return found if isinstance(found, list) else text


_OF_TEXTS: Mapping[ColumnType, Callable[[str], Any]] = {
    "integer": _number,
    "number": _number,
    "boolean": lambda text: _BOOLEANS.get(text.lower(), text),
    "datetime": _moment,
    "array": _list,
}
