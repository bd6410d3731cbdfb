"""JSON in one form: whatever the quicker encoder is given, the bytes are those of RFC 8785."""

import struct

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical_json import written
from tests.effort import some

BITS = st.binary(min_size=8, max_size=8).map(lambda raw: float(struct.unpack("d", raw)[0]))
WRITTEN = st.builds(lambda digits, places: digits / 10**places, st.integers(-(10**17), 10**17), st.integers(0, 9))
NUMBERS = st.integers(-(2**54), 2**54) | st.floats() | BITS | WRITTEN
TEXTS = (
    st.text()
    | st.text(st.characters(min_codepoint=0, max_codepoint=0x9F))
    | st.sampled_from(["\ud800", "\U0001f600", "é"])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS, VALUES))
@some(60)
def test_it_is_as_the_plain_implementation_writes_it(data: dict[str, object]) -> None:
    try:
        expected = rfc8785.dumps(data)  # type: ignore[arg-type]  # it raises for what it does not take
    except ValueError:
        with pytest.raises(ValueError, match=r".*"):
            written(data)
    else:
        assert written(data) == expected


def test_names_are_in_the_order_of_their_utf_16() -> None:
    assert written({"\U0001f600": 1, "\ufb33": 2}) == '{"\U0001f600":1,"\ufb33":2}'.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (-0.0, "0"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1e21, "1e+21"),
        (2.0**53, "9007199254740992"),
        (1234.5, "1234.5"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    """As ECMAScript writes them (RFC 8785, appendix B)."""
    assert written({"": value}) == f'{{"":{text}}}'.encode()
