"""Where values stand: keys joined by dots, or JMESPath, in JSON; element paths in XML.

JMESPath is read by its own library, which costs microseconds for each value; keys alone are walked here.
Source: JMESPath, https://jmespath.org/specification.html
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError


class NotEvaluated(ValueError):
    """An expression cannot be evaluated on a value (a function of another type); the message holds no value."""


@dataclass(frozen=True)
class Place:
    """A place in JSON. `keys` lead to it where keys alone do, otherwise `expression` is asked.

    `read` are the names in an object that it reads, at its first level.
    """

    text: str
    keys: tuple[str, ...]
    read: frozenset[str]
    expression: Any = None

    def of(self, value: Any) -> Any:
        """Return what stands there, None where nothing does. Raises NotEvaluated."""
        return self.column([value])[0]

    def column(self, values: Sequence[Any]) -> list[Any]:
        """Return what stands there in each of `values`. Raises NotEvaluated."""
        if self.expression is not None:
            try:
                return [self.expression.search(value) for value in values]
            except (JMESPathError, RecursionError) as error:
                raise NotEvaluated(f"«{self.text}» does not fit what was answered") from error
        found: Iterable[Any] = values
        for get in self._getters:
            found = map(get, found)
        try:
            return list(found)  # nearly always: each key is there, all the way
        except (KeyError, TypeError):
            return self._walked(values)

    @cached_property
    def _getters(self) -> tuple[Callable[[Any], Any], ...]:
        return tuple(map(itemgetter, self.keys))

    def _walked(self, values: Iterable[Any]) -> list[Any]:
        found = list(values)
        for key in self.keys:
            found = [value.get(key) if type(value) is dict else self._through(value, key) for value in found]
        return found

    def _through(self, value: Any, key: str) -> Any:
        """Return what stands under a key of what is no plain object; `[]` is PHP's word for an empty one."""
        if isinstance(value, dict):
            return value.get(key)
        if value is None or value == []:
            return None
        raise NotEvaluated(f"«{self.text}» leads through something that is no object")


def checked(text: str) -> str:
    """Return an expression of JMESPath as it is. Raises ValueError where it is none."""
    place(text)
    return text


@lru_cache(maxsize=4096)
def place(text: str) -> Place:
    """Return the place that an expression of JMESPath names. Raises ValueError."""
    try:
        compiled = jmespath.compile(text)
    except (JMESPathError, RecursionError) as error:
        raise ValueError(f"«{text}» is no JMESPath: write keys joined by dots, such as data.name") from error
    keys = _keys(compiled.parsed)
    if keys is not None:
        return Place(text, keys, frozenset(keys[:1]))
    return Place(text, (), frozenset(_first(compiled.parsed)), compiled)


def numbers_in(text: str) -> bool:
    """Tell whether an expression compares or computes with a number: in tables, numbers are the texts that came."""
    return any(
        node["type"] == "literal" and isinstance(node["value"], int | float) and not isinstance(node["value"], bool)
        for node in _nodes(jmespath.compile(text).parsed)
    )


def element_path(text: str) -> tuple[str, ...]:
    """Return the names of an element path `a/b/row`, the last of which may be `@name`. Raises ValueError."""
    names = tuple(text.split("/"))
    if not all(re.fullmatch(r"[^\W\d][\w.-]*", name) for name in names[:-1]) or not re.fullmatch(
        r"@?[^\W\d][\w.-]*", names[-1]
    ):
        raise ValueError(f"«{text}» is no path of elements: write their names joined by /, such as list/item")
    return names


def element_place(text: str) -> Place:
    """Return the place of an element path in a row that was made of an element. Raises ValueError."""
    names = element_path(text)
    return Place(text, names, frozenset(names[:1]))


def _keys(node: Any) -> tuple[str, ...] | None:
    """Return the keys that an expression is made of, None where there is more in it than keys."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] == "subexpression":
        parts = [_keys(child) for child in node["children"]]
        return None if None in parts else tuple(key for part in parts if part is not None for key in part)
    return None


def _first(node: Any) -> set[str]:
    """Return the fields that an expression may read in the object that it is asked of."""
    if node["type"] == "field":
        return {node["value"]}
    children = [each for each in node["children"] if isinstance(each, dict)]
    if node["type"] in (
        "subexpression",
        "index_expression",
        "projection",
        "value_projection",
        "filter_projection",
        "pipe",
        "flatten",
    ):
        return _first(children[0]) if children else set()
    return set().union(*(_first(each) for each in children))


def _nodes(node: Any) -> list[Any]:
    below = [each for child in node.get("children", ()) if isinstance(child, dict) for each in _nodes(child)]
    return [node, *below]
