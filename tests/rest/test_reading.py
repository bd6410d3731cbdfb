"""JSON of a page read fast: never otherwise than the strict way would, whatever it holds."""

import json
import sys
from typing import Any, NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import Unreadable
from connectors.rest import reading


def expected(body: bytes) -> str | None:
    """Return what a page says, types included, by the library's decoder alone; None where it is to be refused."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError
        return dict(pairs)

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    def number(text: str) -> int | bytes:
        exact = text != "-0" and len(text) <= sys.int_info.default_max_str_digits
        return int(text) if exact else text.encode()

    try:
        text = body.decode(json.detect_encoding(body))
        hooks: dict[str, Any] = {"parse_constant": refuse, "parse_float": str.encode, "parse_int": number}
        return repr(json.loads(text, object_pairs_hook=once, **hooks))
    except ValueError:
        return None


def found(body: bytes) -> str | None:
    try:
        return repr(reading.json_page(body, "town"))
    except Unreadable:
        return None


def escaped(text: str) -> str:
    """Return a text of JSON with all of it escaped, as UTF-16."""
    units = text.encode("utf-16-be", "surrogatepass")
    return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'


BLANK = st.sampled_from(["", "", "", " ", "\n\t", "\r "])
NUMBER = st.sampled_from(["-0", "0", "-0.0", "-0e1", "1e400", "1.50", "18446744073709551616", "NaN", "-Infinity", "01"])
NUMBER |= st.from_regex(r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
TEXT = st.sampled_from(
    ['":', ':"', '": {"', "a:b", "A-0", "-0", "2026-01-05", "\\", '"', "\\u003a", "\ud800", "\udc00x", "😀:"]
)
TEXT |= st.text(max_size=5)
WRITTEN = [json.dumps, lambda text: json.dumps(text, ensure_ascii=False), escaped, lambda text: escaped(text).upper().replace("U", "u")]  # fmt: skip
STRING = st.builds(lambda text, write: write(text), TEXT, st.sampled_from(WRITTEN))
NAME = st.builds(lambda text, write: write(text), st.sampled_from(["a", "b", "c", ":", '":', "é", ""]), st.sampled_from(WRITTEN))  # fmt: skip


def _list(parts: list[str], blank: str) -> str:
    return f"[{blank}{f'{blank},'.join(parts)}{blank}]"


def _object(pairs: list[tuple[str, str]], blank: str) -> str:
    return f"{{{blank}{f',{blank}'.join(f'{name}{blank}:{blank}{value}' for name, value in pairs)}{blank}}}"


DOCUMENT = st.recursive(
    NUMBER | STRING | st.sampled_from(["true", "false", "null"]),
    lambda below: (
        st.builds(_list, st.lists(below, max_size=4), BLANK)
        | st.builds(_object, st.lists(st.tuples(NAME, below), max_size=4), BLANK)
    ),
    max_leaves=12,
)


@settings(max_examples=800, deadline=None)
@given(DOCUMENT)
def test_any_document_is_read_as_the_strict_way_reads_it(text: str) -> None:
    body = text.encode("utf-8", "surrogatepass")
    assert found(body) == expected(body)


@settings(max_examples=800, deadline=None)
@given(DOCUMENT, st.data())
def test_any_damage_is_found_as_the_strict_way_finds_it(text: str, data: st.DataObject) -> None:
    body = bytearray(text.encode("utf-8", "surrogatepass"))
    at = data.draw(st.integers(0, len(body)))
    body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from([b"", b'"', b":", b",", b"}", b"\xff", b"\\", b"0", b"-"]))  # fmt: skip
    assert found(bytes(body)) == expected(bytes(body))


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'[{"b": [{"a": 1, "a": 1}]}]',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a": 1, "a": 2, "b": "\\u003a"}',  # the colon that is lost comes again, of the escape
        b'{"a": 1, "a": 2, "\\u003A": 1}',
        b'{"a": {"x": ":"}, "a": {"y": 1}}',
        b'{"a": 1, "a"\n\t: 2, "b": "\\":"}',
        b"[NaN]",
        b"[1, 2",
        b'["\xff"]',
    ],
)  # fmt: skip
def test_what_says_two_things_is_refused(body: bytes) -> None:
    assert expected(body) is None
    with pytest.raises(Unreadable):
        reading.json_page(body, "town")


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"[-0, -0.0, 0]", [b"-0", b"-0.0", 0]),
        (b"[1.50, 1e400, 1E5]", [b"1.50", b"1e400", b"1E5"]),
        (b"[18446744073709551616, -9223372036854775809]", [18446744073709551616, -9223372036854775809]),
        (b"[" + b"9" * 5_000 + b"]", [b"9" * 5_000]),
        (b'\xef\xbb\xbf["\\ud800"]', ["\ud800"]),
        ('["é"]'.encode("utf-16"), ["é"]),
        (b'{"\\u003a": ":"}', {":": ":"}),
    ],
)
def test_values_are_those_that_came(body: bytes, value: Any) -> None:
    assert repr(reading.json_page(body, "town")) == repr(value)


def test_an_ordinary_page_is_read_the_fast_way() -> None:
    body = '[{"id" : "12:30", "é": {"on": "2026-01-05", "x": -1.50}, "n": [1, -7, null, true], "t": "\\u00e9 \\""}]'
    assert reading._sure(body.encode()) == json.loads(body, parse_float=str.encode)
