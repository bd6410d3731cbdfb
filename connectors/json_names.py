"""JSON that callers send: an object that has one name twice is refused.

Source: RFC 8259, section 4, which leaves open which of the two counts: whoever reads the text before us, a proxy that
checks or a log, may have read the other one.
"""

import json
from typing import Any

import msgspec

from connectors.errors import InvalidRequest

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class _Doubled(Exception):
    """What ends the reading; it never leaves here."""


def once(text: bytes | str) -> None:
    """Raise InvalidRequest, which repeats nothing of it, where an object in a JSON text has one name twice."""
    if doubled(text):
        raise InvalidRequest("an object in that JSON has one name twice, so that each reader may take another value")


def doubled(text: bytes | str) -> bool:
    """Tell whether an object in a JSON text has one name twice; what is no JSON has none.

    A fast decoder keeps the last of two silently. That shows when what it made is written again: every name has a colon,
    and those in texts come again too, unless one came as an escape.
    """
    body = text.encode("utf-8", "replace") if isinstance(text, str) else text
    if b"\\" not in body:
        try:
            if _encode(_decode(body)).count(b":") == body.count(b":"):
                return False
        except (ValueError, RecursionError):  # which the slow one may take, as numbers without an end
            pass
    try:
        json.loads(text, object_pairs_hook=_object, parse_int=str, parse_float=str)
    except _Doubled:
        return True
    except (ValueError, RecursionError):
        return False
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise _Doubled
    return found
