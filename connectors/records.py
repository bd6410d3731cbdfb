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
from stdnum.eu import vat as stdnum_vat
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


def check_vat(value: str) -> str:
    """Return the canonical VAT number as VIES has it (Greece is EL, Northern Ireland XI), or raise ValueError.

    The digits are checked by the country's own rule, see stdnum.eu.vat. Numbers of the one-stop shop are refused:
    VIES does not have them.
    """
    text = value.strip().upper()
    if text.startswith("GR"):
        text = f"EL{text[2:]}"
    try:
        vat = str(stdnum_vat.validate(text))
    except ValueError as error:
        raise ValueError(_vat_hint(text)) from error
    if not re.fullmatch(r"(?!EU|IM)[A-Z]{2}[0-9A-Z+*.]{2,12}", vat, re.ASCII):
        raise ValueError(_vat_hint(text))
    return vat


def _vat_hint(text: str) -> str:
    """Return what is wrong with a VAT number, by what it looks like; never the number itself."""
    if re.fullmatch(r"FR.*|[\d .]{9,20}", text, re.ASCII):
        return "a French VAT number is FR, two check digits and the SIREN; a SIREN or a SIRET alone is another number"
    if text.startswith("GB"):
        return "Great Britain has left VIES; a number of Northern Ireland begins with XI"
    if text.startswith(("EU", "IM")):
        return "a number of the one-stop shop (EU…, IM…) is not in VIES"
    return (
        "a VAT number begins with the two letters of a country of the Union (Greece is EL, Northern Ireland XI) and goes"
        " on as that country writes it, check digits included"
    )


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


class VatNumber(Record):
    """A VAT number that is valid for trade within the European Union.

    It is personal data: a sole trader has one too, under the own name and home address, and in several countries it
    is made of the national number of the person.
    """

    key = "vat"
    identifiers = {"vat": check_vat}

    vat: Annotated[
        str, Field(title="VAT number", description="With the letters of its country", json_schema_extra=PERSONAL)
    ]
    country_code: Annotated[
        str, Field(title="Country", description="As VIES writes it: EL is Greece, XI Northern Ireland")
    ]
    number: Annotated[
        str,
        Field(title="National number", description="Without the letters of its country", json_schema_extra=PERSONAL),
    ]
    name: Annotated[
        str | None,
        Field(title="Name", description="Where the member state tells it", json_schema_extra=PERSONAL),
    ] = None
    address: Annotated[
        str | None,
        Field(title="Address", description="Where the member state tells it", json_schema_extra=PERSONAL),
    ] = None
    request_date: Annotated[dt.date, Field(title="Confirmed on", description="The day on which it was valid")]
    proof: Annotated[
        str | None,
        Field(
            title="Consultation number",
            description="Proves to a tax authority that it was asked; given to a requester that names itself",
            json_schema_extra=PERSONAL,
        ),
    ] = None


RECORDS: Mapping[str, type[Record]] = {model.__name__: model for model in (Commune, Person, VatNumber)}


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
