"""Declared SQL, split at its parameters: `:name` is bound by the driver, and never written into the text."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_DOLLARS = r"(?P<dollars>\$(?:[A-Za-z_]\w*)?\$).*?(?P=dollars)"
_QUOTED = rf"""`(?:[^`]|``)*`|/\*.*?\*/|{_DOLLARS}"""
_PLAIN = rf"""[eE]'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|{_QUOTED}"""
_ESCAPED = r"""'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*"|(?:\#|--(?=\s|$))[^\n]*|`(?:[^`]|``)*`|/\*.*?\*/"""
_NAME = r"(?<![:\w\]]):(?P<name>[A-Za-z_]\w*)"


@dataclass(frozen=True)
class Statement:
    """SQL as texts and the names of the parameters between them: one text more than names."""

    texts: tuple[str, ...]
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str, *, backslashes: bool = False) -> "Statement":
        """Return declared SQL, split. A `:name` within a text, a quoted name or a comment is none, nor is `::type`."""
        texts, names, at = list[str](), list[str](), 0
        for match in re.finditer(f"{_ESCAPED if backslashes else _PLAIN}|{_NAME}", text, re.DOTALL):
            if match["name"] is not None:
                texts.append(text[at : match.start()])
                names.append(match["name"])
                at = match.end()
        return cls((*texts, text[at:]), tuple(names))

    def within(self, before: str, after: str = "") -> "Statement":
        """Return this with texts around it that have no parameters."""
        texts = (before + self.texts[0], *self.texts[1:])
        return Statement((*texts[:-1], texts[-1] + after), self.names)

    def then(self, other: "Statement") -> "Statement":
        """Return this and `other` after it."""
        joined = (*self.texts[:-1], self.texts[-1] + other.texts[0], *other.texts[1:])
        return Statement(joined, self.names + other.names)

    def written(self, mark: Callable[[str], str]) -> str:
        """Return the SQL with `mark(name)` in the place of each parameter (`$1`, `%(name)s`, `?`)."""
        return self.texts[0] + "".join(mark(name) + text for name, text in zip(self.names, self.texts[1:], strict=True))
