r"""Regular expressions of XML Schema: a short text that matches one, and the same expression for Python.

What is rare in registries is not read: character classes that are subtracted, and Unicode blocks (`\p{IsGreek}`).
Source: XML Schema 1.0 part 2, appendix F
"""

import re

_ESCAPED = {"d": "1", "w": "a", "s": " ", "i": "a", "c": "a", "D": "a", "W": " ", "S": "a", "n": "\n", "t": "\t"}
_CATEGORIES = {"L": "a", "Lu": "A", "Ll": "a", "N": "1", "Nd": "1"}
_QUANTIFIER = re.compile(r"[?*+]|\{(\d+)(,\d*)?\}")
_CANDIDATES = "A1a0B2b -_.,:/@xXzZ9éÉ"
LONGEST = 1_000


class NotRead(ValueError):
    """An expression with something in it that is not read here."""


def matching(pattern: str) -> str:
    """Return a short text that a pattern takes. Raises NotRead."""
    reader = _Reader(pattern)
    text = reader.branches()
    if reader.at != len(pattern):
        raise NotRead(pattern)
    return text


def in_python(pattern: str) -> str:
    """Return the pattern as Python reads it, where the two agree on it. Raises NotRead."""
    matching(pattern)  # it is read whole
    anchors = re.search(r"(?<!\\)(?<!\[)[\^$]", pattern)
    if anchors or re.search(r"\\[icICpP]", pattern):
        raise NotRead(pattern)
    try:
        re.compile(pattern)
    except re.error as error:
        raise NotRead(pattern) from error
    return pattern


class _Reader:
    """Reads a pattern from left to right and makes a text on the way: of each choice the first, as few as may be."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def peek(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def take(self) -> str:
        if not self.peek():
            raise NotRead(self.pattern)
        self.at += 1
        return self.pattern[self.at - 1]

    def branches(self) -> str:
        found = [self.branch()]
        while self.peek() == "|":
            self.take()
            found.append(self.branch())
        return next(filter(None, found), "")

    def branch(self) -> str:
        text = ""
        while self.peek() not in ("", "|", ")"):
            atom = self.atom()
            text += atom * self.times()
            if len(text) > LONGEST:
                raise NotRead(self.pattern)
        return text

    def times(self) -> int:
        """Return how often an atom is written: as often as it must be, once where it need not and may."""
        found = _QUANTIFIER.match(self.pattern, self.at)
        if found is None:
            return 1
        self.at = found.end()
        if found[1] is None:
            return 0 if found[0] == "?" else 1
        least = min(int(found[1]), LONGEST + 1)
        return 1 if least == 0 and found[2] and found[2] != ",0" else least

    def atom(self) -> str:
        sign = self.take()
        if sign == "(":
            if self.peek() == "?":
                raise NotRead(self.pattern)
            text = self.branches()
            if self.take() != ")":
                raise NotRead(self.pattern)
            return text
        if sign == "[":
            return self.group()
        if sign == "\\":
            return self.escape()
        if sign in "?*+{}":
            raise NotRead(self.pattern)
        return "a" if sign == "." else sign

    def escape(self) -> str:
        sign = self.take()
        if sign == "p":
            found = re.compile(r"\{(\w+)\}").match(self.pattern, self.at)
            if found is None or found[1] not in _CATEGORIES:
                raise NotRead(self.pattern)
            self.at = found.end()
            return _CATEGORIES[found[1]]
        if sign in ("P", "I", "C"):
            raise NotRead(self.pattern)
        return _ESCAPED.get(sign, sign)

    def group(self) -> str:
        """Read a character class and return a sign of it."""
        start = self.at
        negated = self.peek() == "^"
        if negated:
            self.take()
        first = ""
        while self.peek() != "]" or not first:
            sign = self.take()
            if sign == "-" and self.peek() == "[":
                raise NotRead(self.pattern)
            sign = self.escape() if sign == "\\" else sign
            first = first or sign
        self.take()
        if not negated:
            return first
        return self.outside(self.pattern[start : self.at - 1])

    def outside(self, inside: str) -> str:
        """Return a sign that a negated class takes, by Python's own reading of it."""
        try:
            taken = re.compile(f"[{inside}]")
        except re.error as error:
            raise NotRead(self.pattern) from error
        for sign in _CANDIDATES:
            if taken.fullmatch(sign):
                return sign
        raise NotRead(self.pattern)
