"""Who is asked for by several fields instead of one number: a civil identity, checked, and written in one way.

The fields are declared; France's «identité pivot» is family name, given names, date and place of birth, and sex. Two
spellings of one identity are one text: Unicode NFC (UAX #15), capitals, single blanks, one kind of apostrophe and of
hyphen. That text is asked, kept, hashed and looked for, and no sentence here ever holds a value.
"""

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from connectors.declared import Declared
from connectors.json_names import doubled

SCHEME = "identity"
"""What an identity is called where an identifier has a scheme: `identity:{…}`, its fields in JSON."""

LONGEST = 200
"""Characters of a field."""

Kind = Literal["name", "names", "date", "partial-date", "place", "sex", "text"]

EXACT: tuple[Kind, ...] = ("date", "partial-date", "place", "sex")
"""Kinds that are written in one way everywhere."""

_KEPT = frozenset(("identifier", SCHEME))
"""Names of fields that mean the whole of what is asked, in templates and queries."""

_ALIKE = str.maketrans(dict.fromkeys("’‘ʼ´`′", "'") | dict.fromkeys("‐‑‒–—−", "-"))
"""Signs that keyboards and programs write for an apostrophe and for a hyphen."""

_IN_NAMES = frozenset(" -'.·")


class IdentityField(Declared):
    """One field of an identity: what it is, and whether it may be left out."""

    type: Kind
    required: bool = True
    title: str = ""


def _spelled(fields: Any) -> Any:
    if not isinstance(fields, Mapping):
        return fields
    return {name: {"type": said} if isinstance(said, str) else said for name, said in fields.items()}


def _fit(fields: dict[str, IdentityField]) -> dict[str, IdentityField]:
    if kept := _KEPT & fields.keys():
        raise ValueError(f"no field can be called {min(kept)}: that is the whole of what is asked")
    if not any(each.required for each in fields.values()):
        raise ValueError("one field at least is required: else nobody in particular is asked for")
    return fields


Fields = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], IdentityField],
    BeforeValidator(_spelled),
    AfterValidator(_fit),
    Field(max_length=20),
]
"""The fields of an identity as a declaration writes them: `birth_date: date`, or `sex: {type: sex, required: false}`."""


def read(fields: Mapping[str, IdentityField], text: str) -> str:
    """Return an identity in JSON as it is asked: checked field by field, and `written`.

    Raises ValueError, which says of each field what is wrong and what is wanted, never what came.
    """
    given = _object(text)
    if doubled(text):
        raise ValueError("a field stands in it twice")
    if given is None:
        raise ValueError(f"it is written as a JSON object with the fields {', '.join(fields)}")
    wrong = [f"{name} {said}" for name, field in fields.items() if (said := _wrong(field, given.get(name)))]
    if more := len(given.keys() - fields.keys()):
        said = "there is a field" if more == 1 else f"there are {more} fields"
        wrong.append(f"{said} that this lookup does not ask for: it takes {', '.join(fields)}")
    if wrong:
        raise ValueError("; ".join(wrong))
    return written(given)


def written(given: Mapping[str, Any]) -> str:
    """Return the one text of an identity: JSON with its fields in order, without those that are null or empty.

    It needs no declaration, so that a receipt can be verified where there is none.
    """
    told = {name: plain(value) for name, value in sorted(given.items()) if value is not None}
    return json.dumps({name: text for name, text in told.items() if text}, ensure_ascii=False, separators=(",", ":"))


def parts(text: str) -> dict[str, str]:
    """Return the fields of what `written` returned; none of any other text."""
    return _object(text) or {}


def _object(text: str) -> dict[str, Any] | None:
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        return found if isinstance(found, dict) else None
    return None


def typed(text: str) -> str:
    """Return what was typed as an identifier with its scheme, where the fields of an identity stand alone: `{…}`."""
    return f"{SCHEME}:{text}" if text.lstrip().startswith("{") else text


def plain(value: Any) -> str:
    """Return a text, a list of texts or a date in which two spellings of the same are one."""
    text, again = "", " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    while text != again:  # capitals of a letter may be signs that are alike, and may come in another order
        text = again
        again = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).upper().translate(_ALIKE))
        again = " ".join("".join(each for each in again if unicodedata.category(each) != "Cf").split())
    return text


def differing(fields: Mapping[str, IdentityField], text: str, record: Mapping[str, Any]) -> list[str]:
    """Return the fields of an identity as it is asked that a record has too, and has otherwise.

    Names are not compared here: registers write them in many ways, and the one that was asked has compared them.
    """
    exact = {name for name, field in fields.items() if field.type in EXACT}
    asked = {name: said for name, said in parts(text).items() if name in exact and record.get(name) is not None}
    return [name for name, said in asked.items() if plain(record[name]) != said]


def told(fields: Mapping[str, IdentityField]) -> Iterator[dict[str, Any]]:
    """Yield what is told of each field to those who are to write it."""
    for name, field in fields.items():
        yield {"name": name, "title": field.title or name.replace("_", " "), "type": field.type,
               "required": field.required, "wanted": WANTED[field.type]}  # fmt: skip


WANTED: Mapping[Kind, str] = {
    "name": "a name of letters, blanks, hyphens, apostrophes and points",
    "names": "names of letters, blanks, hyphens, apostrophes and points: a text, or a list of texts",
    "date": "a date that exists, written YYYY-MM-DD",
    "partial-date": "a date that exists, written YYYY-MM-DD, with 00 for a day or a month and day that nobody knows",
    "place": (
        "the INSEE code of a commune (75056, 2A004) or of a country (99109), five characters (a postal code is another"
        " number)"
    ),
    "sex": "F or M",
    "text": "a text without control characters",
}
"""What each kind of field is, after «must be»."""


def _wrong(field: IdentityField, value: Any) -> str | None:
    """Return what is wrong with the value of a field, after its name; None where nothing is."""
    if value is None or value in ("", []):
        return f"is missing: it is {WANTED[field.type]}" if field.required else None
    texts = value if field.type == "names" and isinstance(value, list) else [value]
    if not all(isinstance(each, str) for each in texts):
        return f"must be {WANTED[field.type]}"
    if sum(map(len, texts)) > LONGEST:
        return f"has more than {LONGEST} characters"
    return None if _FORMS[field.type](plain(texts)) else f"must be {WANTED[field.type]}"


def _is_name(text: str) -> bool:
    letters = [each for each in text if each not in _IN_NAMES]
    return bool(letters) and all(unicodedata.category(each)[0] in "LM" for each in letters)


def _is_date(text: str) -> bool:
    with suppress(ValueError):
        return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) is not None and bool(dt.date.fromisoformat(text))
    return False


def _is_partial_date(text: str) -> bool:
    # One spelling alone, since `written` knows no kinds: that of «présumés nés» in France's identité pivot.
    return re.fullmatch(r"(?!0000)\d{4}-(0\d|1[0-2])-00", text, re.ASCII) is not None or _is_date(text)


def _is_place(text: str) -> bool:
    return re.fullmatch(r"(?!00)\d{5}|2[AB]\d{3}", text, re.ASCII) is not None


def _is_text(text: str) -> bool:
    return bool(text) and all(unicodedata.category(each) not in ("Cc", "Cs") for each in text)


_FORMS: Mapping[Kind, Callable[[str], bool]] = {
    "name": _is_name,
    "names": _is_name,
    "date": _is_date,
    "partial-date": _is_partial_date,
    "place": _is_place,
    "sex": lambda text: text in ("F", "M"),
    "text": _is_text,
}
