"""A name twice in one object of JSON is found wherever it stands, and however it is written."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import InvalidRequest
from connectors.json_names import doubled, once
from tests.effort import some

TEXTS = st.text(st.sampled_from('ab:,"\\{}é\n'), max_size=4)
VALUES = st.recursive(
    TEXTS | st.integers() | st.floats() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(TEXTS, inner), max_size=3).map(tuple),
    max_leaves=12,
)
"""Values of JSON, an object as a tuple of its pairs."""


def written(value: Any, *, ascii_only: bool) -> str:
    if isinstance(value, tuple):
        pairs = (
            f"{json.dumps(name, ensure_ascii=ascii_only)}: {written(each, ascii_only=ascii_only)}"
            for name, each in value
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(each, ascii_only=ascii_only) for each in value) + "]"
    return json.dumps(value, ensure_ascii=ascii_only)


def has_twice(value: Any) -> bool:
    if isinstance(value, tuple):
        return len({name for name, _ in value}) < len(value) or any(has_twice(each) for _, each in value)
    return isinstance(value, list) and any(map(has_twice, value))


@given(VALUES, st.booleans())
@some(200)
def test_it_is_found_and_nothing_else_is(value: Any, ascii_only: bool) -> None:
    text = written(value, ascii_only=ascii_only)
    assert doubled(text) is doubled(text.encode()) is has_twice(value)


@pytest.mark.parametrize(
    "text", [r'{"a": ":", "\u0061": 1}', r'{"a": 1, "a": "\u003a"}', '{"a": 1, "a": ' + "1" * 5000 + "}", '{"a": NaN, "a": 1}'],
)  # fmt: skip
def test_no_way_of_writing_hides_it(text: str) -> None:
    with pytest.raises(InvalidRequest, match="has one name twice"):
        once(text.encode())


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": "\\ud800"}'])
def test_what_is_no_json_is_the_affair_of_others(text: bytes) -> None:
    assert not doubled(text)
