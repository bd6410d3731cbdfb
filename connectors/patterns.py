r"""Regular expressions of XML Schema: a short text that matches one, and the same expression for Python.

What is rare in registries is not read: character classes that are subtracted, and Unicode blocks (`\p{IsGreek}`).
Source: XML Schema 1.0 part 2, appendix F
"""

import re
import warnings

_ESCAPED = {"d": "1", "w": "a", "s": " ", "i": "a", "c": "a", "D": "a", "W": " ", "S": "a", "n": "\n", "t": "\t"}
_CATEGORIES = {"L": "a", "Lu": "A", "Ll": "a", "N": "1", "Nd": "1"}
_QUANTIFIER = re.compile(r"[?*+]|\{(\d{1,9})(,\d{0,9})?\}")
_CANDIDATES = "A1a0B2b -_.,:/@xXzZ9éÉ"
LONGEST = 1_000
LONGEST_IDENTIFIER = 200
"""Characters of an identifier that a pattern is tried on."""
MOST_WAYS = 10_000_000
"""Ways of reading one text that a pattern may have: Python tries each of them on a text that does not match, in a second at most."""


class NotRead(ValueError):
    """An expression with something in it that is not read here."""


def matching(pattern: str) -> str:
    """Return a short text that a pattern takes. Raises NotRead."""
    reader = _Reader(pattern)
    try:
        text = reader.branches()
    except RecursionError:
        raise NotRead(pattern) from None
    if reader.at != len(pattern):
        raise NotRead(pattern)
    return text


def in_python(pattern: str) -> str:
    """Return the pattern as Python reads it, where the two agree on it. Raises NotRead."""
    matching(pattern)  # it is read whole
    anchors = re.search(r"(?<!\\)(?<!\[)[\^$]", pattern)
    if anchors or re.search(r"\\[^dDsSnrt\W_]", pattern) or takes_long(pattern):
        raise NotRead(pattern)
    try:
        with warnings.catch_warnings(action="error"):  # what may become an operator on classes: [a&&b]
            re.compile(pattern)
    except (re.error, FutureWarning) as error:
        raise NotRead(pattern) from error
    return pattern


_TOKEN = re.compile(
    r"(?P<skipped>\\.|\[\^?\]?(?:\\.|[^\]\\])*\])|(?P<open>\()|(?P<close>\))|(?P<or>\|)"
    r"|(?P<repeat>(?:[*+?]|\{(?=[\d,])(?P<least>\d{0,9})(?P<comma>,?)(?P<most>\d{0,9})\})[?+]?)|.",
    re.DOTALL,
)
_HEAD = re.compile(r"\?(?:P<\w+>|P=\w+|[aimsux-]*:|<?[=!]|>|)")


def takes_long(pattern: str) -> bool:
    """Tell whether a pattern, of a schema or of Python, can read one text in very many ways: `(a|a)*`, `([a-z]+)*`."""
    levels = [[0, 1, 1]]  # of each open group: ways of the branches before, of this one, of its last atom
    at = 0
    while found := _TOKEN.match(pattern, at):
        at, level = found.end(), levels[-1]
        if found["repeat"]:
            level[2] = _repeated(level[2], found)
            continue
        before, branch, atom = level
        level[1:] = [min(branch * atom, MOST_WAYS + 1), 1]
        if found["open"]:
            levels.append([0, 1, 1])
            at = head.end() if (head := _HEAD.match(pattern, at)) else at
        elif found["or"]:
            level[:2] = [before + level[1], 1]
        elif found["close"] and len(levels) > 1:
            levels.pop()
            levels[-1][2] = before + level[1]
    before, branch, atom = levels[0]
    return len(levels) > 1 or before + branch * atom > MOST_WAYS


def _repeated(ways: int, found: re.Match[str]) -> int:
    """Return in how many ways an atom that has so many can be repeated, as often as a quantifier says."""
    sign = found["repeat"][0]
    least = int(found["least"] or 0) if sign == "{" else int(sign == "+")
    most = least if sign == "{" and not found["comma"] else int(found["most"] or LONGEST_IDENTIFIER)
    most = min(1 if sign == "?" else most, LONGEST_IDENTIFIER)
    each: int = ways**most
    return min((most - min(least, most) + 1) * each, MOST_WAYS + 1)


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
