"""What a declared registry is asked by: an identifier of a scheme, its form, and the number that it is; or an identity."""

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from connectors import identities
from connectors.declared import Declared
from connectors.patterns import LONGEST_IDENTIFIER, takes_long
from connectors.records import Record, check_lei, check_nir, check_siren

OURS: Mapping[str, Callable[[str], str]] = {"fr.nir": check_nir, "fr.siren": check_siren, "lei": check_lei}
"""Our own checks of numbers that a declaration names by their module in python-stdnum: they say more of a wrong one."""

Entry = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]


class Identifier(Declared):
    """What a record is asked by. Each named group of `pattern` is a parameter, unless a declared one holds it.

    Of an identity, each of its `fields` is; it has no pattern, and its scheme is `identity`.
    """

    scheme: Entry
    pattern: str = ""
    check: str | None = None
    example: str | None = None
    fields: identities.Fields | None = None

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.fields is None) == (not self.pattern):
            raise ValueError("say either pattern:, the form of one identifier, or fields:, those of an identity")
        if self.fields is not None and self.check is not None:
            raise ValueError("check: is for the number that one identifier is, not for the fields of an identity")
        if (self.fields is not None) != (self.scheme == identities.SCHEME):
            raise ValueError(f"the scheme of fields: is {identities.SCHEME}, and no other identifier is called that")
        if self.example is not None:
            if self.fields is not None:
                raise ValueError("example: is of one identifier; that of an identity is made of its fields")
            try:
                Check(self)(self.example)
            except ValueError as error:
                raise ValueError(f"example: is no such identifier: {error}") from None
        return self

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"not a regular expression of Python: {error}") from None
        if takes_long(pattern):
            raise ValueError("one identifier can be read in too many ways: bound what repeats, such as {1,20}, and repeat"
                             " no group that itself has |, ?, * or +")  # fmt: skip
        return pattern

    @field_validator("check")
    @classmethod
    def _is_number(cls, check: str | None) -> str | None:
        if check is not None:
            try:
                known = re.fullmatch(r"[a-z_0-9]+(\.[a-z_0-9]+)*", check) and importlib.import_module(f"stdnum.{check}")
            except ImportError:
                known = None
            if not hasattr(known, "validate"):
                raise ValueError(f"python-stdnum knows no number «{check}»: name its module, such as fr.siren or luhn")
        return check

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters that it has: the named groups of the pattern, or the fields."""
        return tuple(re.compile(self.pattern).groupindex if self.fields is None else self.fields)

    def groups(self, value: str) -> dict[str, str]:
        """Return the parameters that are in a canonical value; none where its form is not ours."""
        if self.fields is not None:
            return identities.parts(value)
        match = re.fullmatch(self.pattern, value, re.ASCII)
        return {} if match is None else {name: text for name, text in match.groupdict().items() if text is not None}


@dataclass(frozen=True)
class Check:
    """Checks what a record is asked by, as it is declared. Two of the same declaration are equal."""

    identifier: Identifier

    def __call__(self, value: str) -> str:
        """Return the canonical form. Raises ValueError, which does not hold the value."""
        text, said = value.strip(), self.identifier
        if said.fields is not None:
            return identities.read(said.fields, text)
        if len(text) > LONGEST_IDENTIFIER:
            raise ValueError(f"it has more than {LONGEST_IDENTIFIER} characters")
        if said.check is not None:
            try:
                text = str(importlib.import_module(f"stdnum.{said.check}").validate(text))
            except ValueError:
                if (ours := OURS.get(said.check)) is not None:
                    ours(text)  # raises, in better words
                raise ValueError(f"its form or its check digits are not those of {said.check}") from None
        if not re.fullmatch(said.pattern, text, re.ASCII):
            shown = re.sub(r"\?P<\w+>", "", said.pattern)
            raise ValueError(f"its form is {shown}")
        return text


def asked_by(record: type[Record], fields: identities.Fields) -> type[Record]:
    """Return a record that is asked for by an identity of these fields too."""
    check = Check(Identifier(scheme=identities.SCHEME, fields=fields))
    known = getattr(record, "identifiers", {})  # none of a record whose declaration is broken
    asked = {"identifiers": {**known, identities.SCHEME: check}, "__doc__": record.__doc__}
    made: type[Record] = type(record.__name__, (record,), asked)
    return made
