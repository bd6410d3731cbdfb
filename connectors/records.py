"""The records: what a lookup answers, as typed models. The one place where their fields are written.

JSON answers, OpenAPI, the columns of a dataset that mirrors a record, and data dictionaries are all derived from
these models. A record says which identifiers name it (python-stdnum does the checking where it knows the number)
and which of its fields are personal data.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from stdnum.fr import nir as stdnum_nir

from connectors.errors import MalformedIdentifier

PERSONAL: dict[str, Any] = {"personal": True}
"""Marks a field as personal data (GDPR, article 4 (1)): a dataset with such a column is never published."""


class Record(BaseModel):
    """One answer of a registry. `key` is the field that names it, `identifiers` maps each scheme to its check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: ClassVar[str]
    identifiers: ClassVar[Mapping[str, Callable[[str], str]]]

    @classmethod
    def is_personal(cls) -> bool:
        """Tell whether any field is personal data."""
        return any(
            isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("personal"))
            for field in cls.model_fields.values()
        )


def check_insee(value: str) -> str:
    """Return the canonical INSEE commune code (Code officiel géographique: 5 characters), or raise ValueError.

    Only the form is checked: an old code is well-formed, and the registry knows what became of it.
    """
    code = value.strip().upper()
    if not re.fullmatch(r"(0[1-9]|[13-8]\d|2[1-9AB]|9[0-5])\d{3}|9[78]\d{3}", code, re.ASCII):
        raise ValueError(
            "an INSEE commune code is five characters, département first: 01001, 2A004, 97411"
            " (a postal code is another number)"
        )
    return code


def check_nir(value: str) -> str:
    """Return the canonical NIR (13 digits and the two check digits), or raise ValueError. See stdnum.fr.nir."""
    try:
        nir = str(stdnum_nir.validate(value))
    except ValueError as error:
        raise ValueError("a NIR is 15 digits, the last two being its check digits") from error
    if nir[0] not in "123478":
        raise ValueError("a NIR begins with 1 or 2, or with 3, 4, 7 or 8 where it is provisional")
    return nir


class Commune(Record):
    """A French commune of the Code officiel géographique."""

    key = "code"
    identifiers = {"insee": check_insee}

    code: Annotated[str, Field(title="INSEE code", description="Code officiel géographique, 5 characters")]
    name: Annotated[str, Field(title="Name", description="Official name, with its accents")]
    siren: Annotated[str | None, Field(title="SIREN", description="Number of the municipality as a legal unit")] = None
    postal_codes: Annotated[list[str], Field(title="Postal codes", description="Postal codes of its territory")]
    population: Annotated[int | None, Field(title="Population", description="Municipal population", ge=0)] = None
    department_code: Annotated[str, Field(title="Département", description="INSEE code of the département")]
    region_code: Annotated[str, Field(title="Région", description="INSEE code of the région")]
    epci_code: Annotated[
        str | None, Field(title="EPCI", description="SIREN of the inter-municipal body (EPCI) it belongs to")
    ] = None


class Person(Record):
    """A person of a civil register."""

    key = "nir"
    identifiers = {"nir": check_nir}

    nir: Annotated[str, Field(title="NIR", description="National identification number", json_schema_extra=PERSONAL)]
    birth_name: Annotated[str, Field(title="Birth name", json_schema_extra=PERSONAL)]
    usual_name: Annotated[str | None, Field(title="Usual name", json_schema_extra=PERSONAL)] = None
    given_names: Annotated[list[str], Field(title="Given names", json_schema_extra=PERSONAL)]
    sex: Annotated[Literal["F", "M"], Field(title="Sex", json_schema_extra=PERSONAL)]
    birth_date: Annotated[dt.date, Field(title="Date of birth", json_schema_extra=PERSONAL)]
    birth_commune_code: Annotated[
        str, Field(title="Commune of birth", description="INSEE code", json_schema_extra=PERSONAL)
    ]
    death_date: Annotated[dt.date | None, Field(title="Date of death", json_schema_extra=PERSONAL)] = None
    address_line: Annotated[str, Field(title="Address", json_schema_extra=PERSONAL)]
    postal_code: Annotated[str, Field(title="Postal code", json_schema_extra=PERSONAL)]
    commune_code: Annotated[
        str, Field(title="Commune of residence", description="INSEE code", json_schema_extra=PERSONAL)
    ]


RECORDS: Mapping[str, type[Record]] = {model.__name__: model for model in (Commune, Person)}


def canonical(record: type[Record], identifier: str) -> tuple[str, str]:
    """Check `identifier` (`scheme:value`, or the value alone where the record has one scheme only).

    Returns (scheme, canonical value). Raises MalformedIdentifier, whose message never repeats the value.
    """
    scheme, colon, value = identifier.partition(":")
    if not colon:
        if len(record.identifiers) > 1:
            raise MalformedIdentifier(f"say which number it is: {', '.join(f'{s}:…' for s in record.identifiers)}")
        scheme, value = next(iter(record.identifiers)), identifier
    check = record.identifiers.get(scheme.strip().lower())
    if check is None:
        raise MalformedIdentifier(
            f"a {record.__name__} is not asked for by that scheme; allowed: {', '.join(record.identifiers)}"
        )
    try:
        return scheme.strip().lower(), check(value)
    except ValueError as error:
        raise MalformedIdentifier(f"not a valid {scheme.strip().lower()}: {error}") from None
