"""Answers read strictly: of the kind that was asked for, and JSON that says one thing.

Source: JSON, RFC 8259; what it leaves open (a name twice, NaN, infinities) is an error here.
"""

import gc
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import msgspec

from connectors.errors import Unreadable

TYPES: Mapping[str, tuple[str, ...]] = {
    "json": ("application/json", "text/json"),
    "ndjson": (
        *("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"),
        *("application/jsonlines", "application/json-lines", "application/x-jsonl", "text/x-ndjson"),
    ),
    "csv": ("text/csv", "application/csv", "text/tab-separated-values"),
    "xml": ("application/xml", "text/xml"),
}
"""The media types of each format. Those that end in +json or +xml are JSON or XML too."""

MOST_VALUES = 4_000_000
"""Values in one answer of JSON, which take some hundred MiB as objects of Python; a MiB of `[{},{},…]` has 350,000."""

PAGES = ("text/html", "application/xhtml+xml")


Number = bytes
"""A number of JSON of a table that an int does not tell as it came: the bytes that came, so that nothing of it is lost,
and that are no text. Unlike objects of a class of ours they cost no more than the text, and nothing in garbage collection;
Arrow takes them as they are."""


def is_of(media_type: str, kind: str, declared: str | None = None) -> bool:
    """Tell whether a media type is of a format; where one is `declared`, whether it is that."""
    if declared is not None:
        return media_type == declared
    if media_type in PAGES:
        return False
    return media_type in TYPES[kind] or media_type.endswith(f"+{kind}")


def check_type(media_type: str, kind: str, registry: str, declared: str | None = None) -> None:
    """Raise Unreadable where an answer is not of the format that was asked for; a web page is told by its name."""
    if not is_of(media_type, kind, declared):
        page = media_type in PAGES
        said = "a web page" if page else f"its content type is not {declared or f'that of {kind.upper()}'}"
        raise unreadable(registry, kind, said)


def json_value(body: bytes, registry: str) -> Any:
    """Return the JSON of an answer, numbers as int and float. Raises Unreadable, which says where, never what."""
    return _read(body, registry, _WITH_NUMBERS)


def json_page(body: bytes, registry: str) -> Any:
    """Return the JSON of an answer, nothing of a number lost: an int where Python writes it as it came, else `Number`.

    Raises as `json_value` does.
    """
    _check_values(body, registry)
    found = _sure(body)
    return _read(body, registry, _WITH_WHOLES) if found is _UNSURE else found


def json_texts(body: bytes, registry: str) -> Any:
    """Return the JSON of an answer, each number as the bytes that came (`Number`). Raises as `json_value` does."""
    return _read(body, registry, _WITH_TEXTS)


def json_line(line: str) -> Any:
    """Return the JSON of one line, as `json_texts` does. Raises ValueError and RecursionError."""
    return _WITH_TEXTS(line)


def written(value: Any) -> str:
    """Return a value of `json_page` or `json_texts` as JSON, its numbers as they came. Raises RecursionError."""
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    if isinstance(value, Number):
        return value.decode()
    if isinstance(value, int | float):  # a float is what an expression made of numbers
        return repr(value)
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_quoted(key)}: {written(each)}' for key, each in value.items())}}}"
    return f"[{', '.join(map(written, value))}]"


def unreadable(registry: str, kind: str, why: str) -> Unreadable:
    """Return the error of an answer that is not in its format."""
    return Unreadable(f"the answer of {registry} is not its {kind.upper()}: {why}", registry=registry)


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many objects, none of which is garbage yet, without Python looking through all of them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:  # else another thread is about the same, and lets it go on
            gc.enable()


def _check_values(body: bytes, registry: str) -> None:
    """Refuse what would be made into far more memory than it has bytes: every value has a comma or a bracket."""
    if len(body) > MOST_VALUES and sum(map(body.count, (b",", b"{", b"["))) > MOST_VALUES:
        raise unreadable(registry, "json", f"it has more than {MOST_VALUES:,} values: ask for less at a time")


def _sure(body: bytes) -> Any:
    """Return the JSON of an answer where a fast decoder surely reads all that the strict one would, else _UNSURE.

    It keeps but the last of what has one name. Such a loss shows when what it made is written again: every name has a
    colon, and those in texts come again too, unless one came as an escape, which is doubtful. So is -0, which it makes 0.
    What it refuses the strict one may take (half a character), or refuses with a reason.
    """
    if _DOUBTFUL_NUMBER.search(body) or _DOUBTFUL_COLON.search(body):
        return _UNSURE
    try:
        with uncollected():
            found = _DECODER.decode(body)
        return found if _ENCODER.encode(found).count(b":") == body.count(b":") else _UNSURE
    except (ValueError, RecursionError):
        return _UNSURE


def _read(body: bytes, registry: str, loads: Callable[[str], Any]) -> Any:
    _check_values(body, registry)
    try:
        with uncollected():
            return loads(body.decode(json.detect_encoding(body)))
    except UnicodeDecodeError as error:
        raise unreadable(registry, "json", "it is not in UTF-8") from error
    except (ValueError, RecursionError) as error:  # its message quotes nothing, but may hold a name: not repeated
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        said = f" ({error})" if isinstance(error, _Refused) else ""
        raise unreadable(registry, "json", f"no well-formed JSON{where}{said}") from error


class _Refused(ValueError):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise _Refused("a name twice in one object")
    return made


def _no_constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Refused("a number beyond what a float holds")
    return value


def _whole(text: str) -> int | Number:
    try:
        return text.encode() if text == "-0" else int(text)
    except ValueError:  # more digits than Python makes a number of
        return text.encode()


_WITH_NUMBERS = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite).decode
_WITH_TEXTS = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_constant, parse_float=str.encode, parse_int=str.encode
).decode
_WITH_WHOLES = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_constant, parse_float=str.encode, parse_int=_whole
).decode
_DECODER: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=str.encode)
_ENCODER = msgspec.json.Encoder()
_DOUBTFUL_NUMBER = re.compile(rb"-0(?![.eE0-9])")
_DOUBTFUL_COLON = re.compile(rb"\\u003[aA]")
_UNSURE = object()
_WORDS = {None: "null", True: "true", False: "false"}
_quoted = json.encoder.encode_basestring
