"""Verification instead of collection: whether what the caller believes is so, and no data.

Names are compared as people write them, dates and numbers as they are. Who tries many values for one identifier
collects by guessing, so a day has only so many tries (`guesses`).
"""

import datetime as dt
import re
import types
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, Field
from rapidfuzz.distance import OSA

from connectors.errors import InvalidRequest
from connectors.records import Record

Guess: TypeAlias = str | bool | int | Decimal | dt.date | dt.datetime | tuple[str, ...]
"""What a caller believes, in the type of the field."""

LONGEST = 300
"""Characters of a text that is verified."""

NEAR = 0.8
"""From which likeness on a text is near: one slip of the keyboard in five letters."""

MOVED = 0.95
"""The likeness of names that have the same words in another order."""

SWAPPED = 0.9
"""The likeness of dates whose day and month are swapped."""

PARTICLES = frozenset(
    ("d", "da", "das", "de", "del", "della", "den", "der", "des", "di", "do", "dos", "du", "e", "el", "l", "la", "las",
     "le", "les", "lo", "los", "ten", "ter", "van", "vom", "von", "y", "zu", "zum", "zur")
)  # fmt: skip
"""Small words of a name that registers write before it, after it, or apart."""

_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
"""Letters that Unicode does not take apart."""


class Verified(BaseModel):
    """How one field compares with what was given; `unknown` where the provider does not have it."""

    match: Literal["yes", "near", "no", "unknown"]
    score: float | None = Field(default=None, ge=0, le=1, description="How near, where it is near")


def read(model: type[Record], given: Mapping[str, Any]) -> dict[str, Guess]:
    """Return what is to be verified, in the types of the record's fields.

    Raises InvalidRequest, which repeats no value, for one that the field cannot have.
    """
    return {name: _read(name, model.model_fields[name].annotation, value) for name, value in given.items()}


def verifiable(model: type[Record]) -> list[str]:
    """Return the fields that can be verified: texts, lists of texts, numbers, dates and moments, yes or no."""
    return [name for name, info in model.model_fields.items() if _kind(info.annotation) in _WANTED]


def _read(name: str, annotation: Any, value: Any) -> Guess:
    kind = _kind(annotation)
    try:
        if kind is dt.date and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            return dt.date.fromisoformat(value)
        if kind is dt.datetime:
            moment = dt.datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (TypeError, ValueError):
        pass
    if kind is bool and isinstance(value, bool):
        return value
    if kind in (int, float, Decimal) and isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) and kind is list else ()
    if kind in (str, list) and all(isinstance(each, str) for each in texts):
        text = " ".join(texts)
        if len(text) <= LONGEST and words(text):
            return text if kind is str else texts
    raise InvalidRequest(f"{name} is verified against {_WANTED.get(kind, 'nothing: it is no text, number or date')}")


_WANTED: Mapping[Any, str] = {
    dt.date: "a date, written YYYY-MM-DD",
    dt.datetime: "a moment, written YYYY-MM-DDThh:mm:ss and its offset, such as +00:00",
    bool: "true or false",
    int: "a number",
    float: "a number",
    Decimal: "a number",
    str: f"a text with a letter or a digit in it, of at most {LONGEST} characters",
    list: f"a text or a list of texts, with a letter or a digit in it, of at most {LONGEST} characters",
}


def _kind(annotation: Any) -> Any:
    """Return the plain type of a field that may be null: str for a Literal of texts, list for a list of texts."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return next((_kind(each) for each in get_args(annotation) if each is not types.NoneType), None)
    if origin is Literal:
        return str
    return list if annotation == list[str] else annotation


def plain(guess: Guess) -> str:
    """Return the text of a guess in which two spellings of the same are one."""
    if isinstance(guess, str | tuple):
        return " ".join(words(guess if isinstance(guess, str) else " ".join(guess)))
    return str(guess)


def compared(record: Record, guesses: Mapping[str, Guess]) -> dict[str, dict[str, Any]]:
    """Return how each guess compares with the record's field: a `Verified` as JSON has it."""
    found = {name: _compared(getattr(record, name), guess) for name, guess in guesses.items()}
    return {name: each.model_dump(exclude_none=True) for name, each in found.items()}


def _compared(value: Any, guess: Guess) -> Verified:
    if value is None or value in ("", []):
        return Verified(match="unknown")
    if isinstance(guess, str):
        return _of_score(likeness(words(str(value)), words(guess)))
    if isinstance(guess, tuple):
        return _of_score(_of_list(words(" ".join(value)), words(" ".join(guess))))
    if isinstance(guess, Decimal):
        return _of_score(float(Decimal(str(value)) == guess))
    if isinstance(guess, dt.date) and not isinstance(guess, dt.datetime):
        swapped = (value.year, value.month, value.day) == (guess.year, guess.day, guess.month)
        return _of_score(1.0 if value == guess else SWAPPED * swapped)
    return _of_score(float(value == guess))


def _of_score(score: float) -> Verified:
    if score == 1.0:
        return Verified(match="yes")
    return Verified(match="near", score=round(score, 2)) if score else Verified(match="no")


def words(text: str) -> list[str]:
    """Return the words of a text without case, accents, hyphens and other marks."""
    plain = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return re.findall(r"[^\W_]+", "".join(letter for letter in plain if not unicodedata.combining(letter)))


def likeness(ours: list[str], theirs: list[str]) -> float:
    """Return how like two texts are: 1 for the same name, 0 for none that is near.

    Particles may stand anywhere, and words may be written as one. What has digits in it is the same or not: a number
    that is off by one is another number.
    """
    if "".join(ours) == "".join(theirs) or _apart(ours) == _apart(theirs):
        return 1.0
    if [word for word in sorted(ours) if _numeric(word)] != [word for word in sorted(theirs) if _numeric(word)]:
        return 0.0
    if sorted(ours) == sorted(theirs):
        return MOVED
    shared = _shared(ours, theirs)
    score = OSA.normalized_similarity("".join(ours), "".join(theirs))
    return max(shared if shared >= 0.5 else 0.0, min(score, 0.99) if score >= NEAR else 0.0)


def _of_list(ours: list[str], theirs: list[str]) -> float:
    """Return how like two lists of names are; the first of them alone is near, as few people write all."""
    first = _shared(ours, theirs) if theirs == ours[: len(theirs)] else 0.0
    return max(likeness(ours, theirs), first)


def _shared(ours: list[str], theirs: list[str]) -> float:
    """Return which part of the longer name the shorter one is, if all its words are in it."""
    shorter, longer = sorted((ours, theirs), key=len)
    if not set(shorter) <= set(longer) or set(shorter) <= PARTICLES:
        return 0.0
    return min(len("".join(shorter)) / len("".join(longer)), 0.99)


def _apart(name: list[str]) -> tuple[list[str], list[str]]:
    """Return the particles of a name in alphabetical order, and its other words in theirs."""
    return sorted(word for word in name if word in PARTICLES), [word for word in name if word not in PARTICLES]


def _numeric(word: str) -> bool:
    return any(letter.isdigit() for letter in word)
