"""JSON in the one form that RFC 8785 gives it, so that the same data have the same bytes.

Source: RFC 8785, JSON Canonicalization Scheme, https://www.rfc-editor.org/rfc/rfc8785
"""

from typing import Any

import msgspec
import rfc8785

EXACT = 2**53
"""Below it every whole number is one of JSON's (RFC 8785, 3.2.2.3)."""

_SAME = frozenset({str, bool, type(None)})
"""Types whose values all encoders write in one way."""

_SORTED = msgspec.json.Encoder(order="sorted")


def written(data: dict[str, Any]) -> bytes:
    """Return data as RFC 8785 writes them, by the quicker encoder where the two write the same.

    Raises ValueError for what it cannot write: a whole number from 2**53 on, what is no number, half a character.
    """
    try:
        return _SORTED.encode(_plain(data))
    except ValueError:
        return rfc8785.dumps(data)


def _plain(value: Any) -> Any:
    """Return a value that both encoders write in the same way. Raises ValueError where there is none."""
    if type(value) in _SAME:
        return value
    if isinstance(value, dict):
        if not all(map(str.isascii, value)):  # they are ordered otherwise
            raise ValueError
        others = {key: _plain(each) for key, each in value.items() if type(each) not in _SAME}
        return value | others if others else value
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        if value.is_integer() and abs(value) < EXACT:
            return int(value)
        if not 1e-5 <= abs(value) < EXACT:  # what is written with an exponent, and what is no number
            raise ValueError
    elif isinstance(value, int) and abs(value) >= EXACT:
        raise ValueError
    return value
