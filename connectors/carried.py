"""What a call carries to a registry that wants to be told: why it is asked, by whom, for which case.

A declaration names a word as `${purpose}`, among its parameters or headers; a variable of the environment has another
name. A registry is told the words that it names, and no others.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

Carried: TypeAlias = Mapping[str, str]
"""Words with what stands for them in one call."""

NOTHING: Carried = MappingProxyType({})

WORDS = ("purpose", "purpose.procedure", "purpose.legal_basis", "purpose.agreement", "agent", "case", "traceparent")
"""The purpose by its name, by what it declares; the agent; the case; where the call stands in a trace (W3C's header)."""

_WORD = re.compile(r"\$\{(agent|case|traceparent|purpose(?:\.\w+)?)\}")


def words_in(declared: Any) -> frozenset[str]:
    """Return the words that a declared text names, or the texts in a list or a mapping: those that there are not, too."""
    return frozenset(word for text in _texts(declared) for word in _WORD.findall(text))


def amiss(words: frozenset[str]) -> str | None:
    """Return what is wrong with words that a declaration names, None where all are `WORDS`."""
    wrong = sorted(words.difference(WORDS))
    there = ", ".join(f"${{{word}}}" for word in WORDS)
    return f"nothing stands for ${{{wrong[0]}}}; of a call there are: {there}" if wrong else None


def of_nobody(declared: Any) -> str | None:
    """Return what is wrong with words where nobody asks, in what reads a table; None where there are none."""
    words = words_in(declared)
    return f"a table is read for nobody in particular: nothing stands for ${{{min(words)}}}" if words else None


def _texts(declared: Any) -> Iterator[str]:
    if isinstance(declared, str):
        yield declared
    elif isinstance(declared, Mapping | list):
        for each in declared.values() if isinstance(declared, Mapping) else declared:
            yield from _texts(each)
