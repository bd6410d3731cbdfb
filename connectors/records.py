"""The records: what a lookup answers, as typed models. The one place where their fields are written.

JSON answers, OpenAPI, the columns of a dataset that mirrors a record, and data dictionaries are all derived from
these models. A record says which identifiers name it (python-stdnum does the checking where it knows the number)
and which of its fields are personal data.
"""

import datetime as dt
import functools
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from stdnum import iban as stdnum_iban
from stdnum import lei as stdnum_lei
from stdnum.eu import vat as stdnum_vat
from stdnum.fr import nir as stdnum_nir
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret

from connectors.errors import MalformedIdentifier
from connectors.identities import SCHEME as IDENTITY

PERSONAL: dict[str, Any] = {"personal": True}
"""Marks a field as personal data (GDPR, article 4 (1)): a dataset with such a column is never published."""


class Record(BaseModel):
    """One answer of a registry. `key` is the field that names it, `identifiers` maps each scheme to its check."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: ClassVar[str]
    identifiers: ClassVar[Mapping[str, Callable[[str], str]]]

    @classmethod
    @functools.cache
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


def check_siren(value: str) -> str:
    """Return the canonical SIREN (9 digits, the last a check digit), or raise ValueError. See stdnum.fr.siren."""
    try:
        return str(stdnum_siren.validate(value))
    except ValueError as error:
        raise ValueError(
            "a SIREN is nine digits, the last of which checks the others (of a SIRET, take the first nine)"
        ) from error


def check_lei(value: str) -> str:
    """Return the canonical LEI (ISO 17442: 18 letters and digits, and two check digits), or raise ValueError."""
    try:
        lei = str(stdnum_lei.validate(value))
    except ValueError as error:
        raise ValueError("an LEI is 20 letters and digits, the last two being its check digits") from error
    if not re.fullmatch(r"[0-9A-Z]{18}\d{2}", lei, re.ASCII):
        raise ValueError("an LEI is 20 letters and digits, the last two being its check digits")
    return lei


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


class Company(Record):
    """A legal person, as a company register or the LEI system knows it.

    Sole traders are none: what is told of them is personal data, since their company's name and address are their own.
    """

    key = "identifier"
    identifiers = {"siren": check_siren, "lei": check_lei}

    identifier: Annotated[
        str,
        Field(title="Identifier", description="As its register knows it: a SIREN (9 digits) or an LEI (20 characters)"),
    ]
    siren: Annotated[str | None, Field(title="SIREN", description="Number of the French register of companies")] = None
    lei: Annotated[str | None, Field(title="LEI", description="Legal Entity Identifier, ISO 17442")] = None
    siret: Annotated[str | None, Field(title="SIRET", description="Number of the head office, in France")] = None
    register_number: Annotated[
        str | None, Field(title="National number", description="As the national register told by its LEI has it")
    ] = None
    name: Annotated[str, Field(title="Name", description="The legal name")]
    other_names: Annotated[
        list[str], Field(title="Other names", description="Trading names, acronym, names in other languages")
    ]
    category: Annotated[
        str | None, Field(title="Kind of entity", description="As the LEI system has it: GENERAL, FUND, BRANCH…")
    ] = None
    legal_category: Annotated[
        str | None, Field(title="Legal category", description="INSEE, catégories juridiques: 5499 is an ordinary SARL")
    ] = None
    legal_form: Annotated[
        str | None, Field(title="Legal form", description="ISO 20275 (ELF code), where the LEI system tells it")
    ] = None
    activity: Annotated[str | None, Field(title="Main activity", description="NAF rév. 2, as 62.01Z")] = None
    active: Annotated[
        bool | None,
        Field(title="Active", description="False where it has ended; absent where its register does not say"),
    ] = None
    created: Annotated[dt.date | None, Field(title="Created on")] = None
    address: Annotated[
        str | None, Field(title="Address", description="Of the head office or of the legal seat, without the town")
    ] = None
    postal_code: Annotated[str | None, Field(title="Postal code")] = None
    city: Annotated[str | None, Field(title="Town")] = None
    commune_code: Annotated[str | None, Field(title="Commune", description="INSEE code, in France")] = None
    country_code: Annotated[str | None, Field(title="Country", description="ISO 3166-1, two letters")] = None


RECORDS: Mapping[str, type[Record]] = {model.__name__: model for model in (Commune, Person, VatNumber, Company)}


def canonical(record: type[Record], identifier: str) -> tuple[str, str]:
    """Check `identifier` (`scheme:value`, or the value alone where the record has one scheme only, or one and `identity`).

    Returns (scheme, canonical value). Raises MalformedIdentifier, whose message never repeats the value.
    """
    scheme, colon, value = identifier.partition(":")
    if not colon:
        schemes = [each for each in record.identifiers if each != IDENTITY] or [IDENTITY]
        if len(schemes) > 1:
            said = f"say which number it is: {', '.join(f'{s}:…' for s in schemes)}"
            raise MalformedIdentifier(said + _also("", identifier))
        scheme, value = schemes[0], identifier
    check = record.identifiers.get(scheme.strip().lower())
    if check is None:
        raise MalformedIdentifier(
            f"a {record.__name__} is not asked for by that scheme; allowed: {', '.join(record.identifiers)}"
            + _also("", value)
        )
    try:
        return scheme.strip().lower(), check(value)
    except ValueError as error:
        said = f"not a valid {scheme.strip().lower()}: {error}"
        raise MalformedIdentifier(said + _also(scheme.strip().lower(), value)) from None


_NUMBERS: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "siren": ("a SIREN", stdnum_siren.validate),
    "siret": ("a SIRET", stdnum_siret.validate),
    "nir": ("a NIR", stdnum_nir.validate),
    "lei": ("an LEI", check_lei),
    "iban": ("an IBAN", stdnum_iban.validate),
    "vat": ("a VAT number", stdnum_vat.validate),
}
"""Numbers that are mistaken for each other, by scheme: what each is called, and its check."""


def _also(wanted: str, text: str) -> str:
    """Return what else a text that is no `wanted` reads as, check digits included; nothing where that is no number."""
    read = []
    for scheme, (called, check) in _NUMBERS.items():
        if scheme != wanted and len(text) <= 50:
            with suppress(ValueError):
                check(text)
                read.append(called)
    return f"; what came reads as {' or '.join(read)}" if read else ""
