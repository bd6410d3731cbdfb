"""Words for people about what a schema has: its types, what their values must meet, which names look personal."""

import itertools
import re
from collections.abc import Iterator, Mapping

from connectors.soap.documents import one_line
from connectors.soap.shapes import Shape, Simple
from connectors.soap.values import BUILTINS

LONGEST = 600
"""Characters of one foreign text that are told."""

_WORDS: Mapping[str, str] = {
    "boolean": "true or false",
    "integer": "whole number",
    "decimal": "decimal, as text",
    "float": "number",
    "double": "number",
    "date": "date",
    "dateTime": "date and time",
    "time": "time",
    "duration": "duration, as text",
    "hexBinary": "bytes, as base64",
    "base64Binary": "bytes, as base64",
}
"""What a builtin type is called; one that is not here is called as the nearest that it restricts, or text."""


def plain(text: str) -> str:
    """Return a foreign text as one line without control characters, of bounded length."""
    line = one_line(text)
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


def type_in_words(shape: Shape) -> str:
    """Return what a type is called: text, whole number, date, object."""
    if shape.anything:
        return "anything"
    if not shape.is_text or shape.simple is None:
        return "list" if shape.array else "object"
    return _simple(shape.simple)


def _simple(simple: Simple) -> str:
    if simple.base == "list":
        return f"list of {_simple(simple.item)}" if simple.item is not None else "list"
    if simple.base == "union":
        return " or ".join(dict.fromkeys(_simple(member) for member in simple.members))
    base: str | None = simple.base
    while base is not None and base not in _WORDS:
        base = BUILTINS[base].base
    return _WORDS[base] if base is not None else "text"


def rules_of(simple: Simple, meanings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield what values of a simple type must meet; `meanings` are the words that its enumerated values have."""
    facets = simple.facets
    if values := facets.get("enumeration"):
        told = [f"{plain(v)} ({(meanings or {})[v]})" if v in (meanings or {}) else plain(v) for v in values[:20]]
        yield f"one of: {', '.join(told)}{'' if len(values) <= 20 else f', … ({len(values)} in all)'}"
    for pattern in [" | ".join(facets["pattern"])] if "pattern" in facets else []:
        yield f"pattern {plain(pattern)}"
    low, high = facets.get("minInclusive"), facets.get("maxInclusive")
    if low is not None and high is not None:
        yield f"{plain(low)} to {plain(high)}"
    for name, words in _BOUNDS.items():
        both = name in ("minInclusive", "maxInclusive") and low is not None and high is not None
        if name in facets and not both:
            yield words.format(plain(facets[name]))


_BOUNDS = {
    "minInclusive": "{} or more",
    "maxInclusive": "{} or less",
    "minExclusive": "more than {}",
    "maxExclusive": "less than {}",
    "length": "length {}",
    "minLength": "length {} or more",
    "maxLength": "length {} or less",
    "totalDigits": "at most {} digits",
    "fractionDigits": "at most {} of them after the point",
}


# --- personal data ---------------------------------------------------------------------------------------------------

_PERSONAL = re.compile(
    "nir|insee|ssn|nin|niss|person|personal|personne|citizen|individual|surname|forename|firstname|lastname|birthname"
    "|nom|prenom|naissance|birth|born|dob|death|deces|sex|sexe|gender|civilite|nationality|nationalite|passport"
    "|passeport|email|mail|courriel|phone|telephone|tel|mobile|iban|bic|address|adresse|street|rue|residence|domicile"
    "|spouse|conjoint|child|children|enfant|father|mother|pere|mere|photo|taxpayer|beneficiary|beneficiaire|holder"
    "|titulaire|owner|proprietaire|trader|driver|patient"
)
_PERSONAL_NAME = re.compile("(given|first|last|family|birth|usual|full|maiden)names?")
_SAID = re.compile(r"\b(personal|person's|birth|citizen|nir)\b", re.IGNORECASE)


def looks_personal(key: str, documentation: str = "") -> bool:
    """Tell whether a name, or what is said of it, looks like personal data: a hint to a person, and no proof."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", key)]
    singular = [word.removesuffix("s") for word in words]
    if any(_PERSONAL.fullmatch(word) for word in [*words, *singular]):
        return True
    pairs = ("".join(pair) for pair in itertools.pairwise(words))
    return any(_PERSONAL_NAME.fullmatch(name) for name in [*words, *pairs]) or bool(_SAID.search(documentation))
