"""Texts of a declaration in which `{group}` is a group of the identifier, and `${NAME}` a variable of the environment.

`{identifier}` is the whole identifier. A parameter whose group is optional and not in this identifier is left out; one of
which the value is `{group[]}` is there once for each word of the group, as given names are asked.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from connectors.carried import NOTHING, Carried
from connectors.errors import MalformedIdentifier
from connectors.rest.client import segment
from connectors.rest.sent import text_of
from connectors.variables import NAMED

WHOLE = "identifier"
"""The name by which the whole identifier is had."""

_BLANK = re.compile(NAMED + r"|\{([A-Za-z_][A-Za-z0-9_]*)(?:\[\])?\}")
_WORDS = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\[\]\}")


def groups_in(value: Any) -> set[str]:
    """Return the groups that a declared text, list or mapping names."""
    text = value if isinstance(value, str) else json.dumps(value)
    return {group for _, group in _BLANK.findall(text) if group}


def texts_of(value: str | int | list[str]) -> list[str]:
    """Return the texts of a declared parameter."""
    return value if isinstance(value, list) else [str(value)]


def words_of(text: str) -> str | None:
    """Return the group of which a parameter's value is each word, None for any other value."""
    match = _WORDS.fullmatch(text)
    return match and match[1]


def part_of_words(value: Any) -> str | None:
    """Return a `{group[]}` that stands in a declared text, list or mapping, None where there is none."""
    match = _WORDS.search(value if isinstance(value, str) else json.dumps(value))
    return match and match[0]


class Blanks:
    """Fills the blanks of one registry's declaration, for one identifier or (a table's) for none."""

    def __init__(
        self, registry: str, identifier: str | None = None, groups: Mapping[str, str] | None = None,
        carried: Carried = NOTHING,
    ) -> None:  # fmt: skip
        """`groups` are those of the pattern that are in the identifier. Raises MalformedIdentifier for what is no text."""
        if identifier is not None and identifier != identifier.encode(errors="replace").decode():
            raise MalformedIdentifier("it holds half a character", registry=registry)
        self._registry, self._carried = registry, carried
        self._groups = dict(groups or {}) | ({} if identifier is None else {WHOLE: identifier})

    def path(self, text: str) -> str:
        """Return a path, what is filled in percent-encoded; an optional group that is not there is empty.

        Raises MalformedIdentifier for a group that would lead elsewhere, and Misconfigured.
        """
        try:
            return self._filled(text, lambda value: segment(value) if value else "")
        except ValueError as error:
            raise MalformedIdentifier("it has a part that is only dots", registry=self._registry) from error

    def query(self, parameters: Mapping[str, str | int | list[str]]) -> list[tuple[str, str]]:
        """Return the parameters of a query, the name of a list and of words repeated. Raises Misconfigured."""
        return [
            (name, text)
            for name, value in parameters.items()
            for each in texts_of(value)
            if groups_in(each) <= self._groups.keys()
            for text in self._several(each)
        ]

    def _several(self, text: str) -> list[str]:
        group = words_of(text)
        return [self._filled(text)] if group is None else self._groups[group].split()

    def body(self, value: Any) -> Any:
        """Return a body, its texts filled. Raises Misconfigured."""
        if isinstance(value, Mapping):
            return {key: self.body(each) for key, each in self._kept(value)}
        if isinstance(value, list):
            return [self.body(each) for each in value]
        return self._filled(value) if isinstance(value, str) else value

    def _kept(self, value: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for key, each in value.items():
            if not (isinstance(each, str) and groups_in(each) - self._groups.keys()):
                yield key, each

    def _filled(self, text: str, encode: Callable[[str], str] = str) -> str:
        def fill(blank: re.Match[str]) -> str:
            if blank[1] is not None:
                return encode(text_of(blank[0], self._registry, "a declared text of", self._carried))
            return encode(self._groups.get(blank[2], ""))

        return _BLANK.sub(fill, text)
