"""National numbers of companies and associations, each null unless its check digits are right.

Columns: siren (of a SIRET or of a French VAT number, too), siret, rna, lei, nif (Spain, of a VAT number too), vat (of other
countries). The field `number` is any of them, as accounts have it.
"""

import re
from collections.abc import Callable
from typing import Any

import duckdb
from stdnum import lei as stdnum_lei
from stdnum.es import nif as es_nif
from stdnum.eu import vat as eu_vat
from stdnum.fr import siren as fr_siren
from stdnum.fr import siret as fr_siret

from pipelines.linking.preparing.text import over_distinct

COLUMNS = ("siren", "siret", "rna", "lei", "nif", "vat")
FIELDS = ("siret", "siren", "vat", "lei", "rna", "nif", "number")

Made = dict[str, Any]


DOUBLED = str.maketrans("0123456789", "0246813579")
"""What a digit that counts twice adds (Luhn, ISO/IEC 7812-1, annex B): the sum of the digits of its double."""

LETTERS = {ord("A") + at: str(at + 10) for at in range(26)}
"""What letters stand for in the remainder by 97 (ISO/IEC 7064)."""

FILLER = re.compile("[^1-9]*|0{9}[0-9]{5}")
"""What stands in many accounts for a number that is not known, and has right check digits: zeros, or a SIRET of such a SIREN."""


def _checked(module: Any, text: str) -> str | None:
    try:
        return str(module.validate(text))
    except ValueError:
        return None


def _siren(text: str) -> Made:
    if re.fullmatch("[0-9]{9}", text):  # as registers write it: stdnum, which reads all others, takes ten times as long
        twice = sum(map(int, text[1::2].translate(DOUBLED)))
        return {"siren": None if (sum(map(int, text[::2])) + twice) % 10 else text}
    return {"siren": _checked(fr_siren, text)}


def _siret(text: str) -> Made:
    """A SIREN in the place of a SIRET is what it is; nine digits are one of a SIRET whose last five are missing, too."""
    siret = _checked(fr_siret, text)
    return {"siret": siret, "siren": siret[:9]} if siret else _siren(text)


def _nif(text: str) -> Made:
    return {"nif": _checked(es_nif, text)}


def _rna(text: str) -> Made:
    compact = re.sub(r"[\s.-]", "", text).upper()
    return {"rna": compact if re.fullmatch(r"W[0-9A-Z][0-9]{8}", compact) else None}


def _lei(text: str) -> Made:
    if re.fullmatch("[0-9A-Z]{18}[0-9]{2}", text):  # as registers write it
        return {"lei": text if int(text.translate(LETTERS)) % 97 == 1 else None}
    lei = _checked(stdnum_lei, text)
    return {"lei": lei if lei and re.fullmatch("[0-9A-Z]{18}[0-9]{2}", lei) else None}


def _vat(text: str) -> Made:
    vat = _checked(eu_vat, text)
    if vat and vat[:2] == "FR":
        return {"siren": _checked(fr_siren, vat[4:])}
    return {"nif": vat[2:]} if vat and vat[:2] == "ES" else {"vat": vat}


def _number(text: str) -> Made:
    """Any of them: the first that it is by its check digits; a NIF before a VAT number, which has two letters more."""
    for read in (_siret, _lei, _rna, _nif, _vat):
        made = read(text)
        if any(made.values()):
            return made
    return {}


READ: dict[str, Callable[[str], Made]] = {
    "siret": _siret, "siren": _siren, "vat": _vat, "lei": _lei, "rna": _rna, "nif": _nif, "number": _number,
}  # fmt: skip


def prepare(connection: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the temp table `into` of n and COLUMNS from FIELDS; a field of its own goes before the general number."""
    joins = ""
    for field in FIELDS:

        def made(text: str, read: Callable[[str], Made] = READ[field]) -> Made:
            known = {column: number for column, number in read(text).items() if number and not FILLER.fullmatch(number)}
            return dict.fromkeys(COLUMNS) | known

        over_distinct(connection, records, field, "true", made, f"{into}_{field}")
        joins += f" LEFT JOIN {into}_{field} ON {into}_{field}.value = r.{field}"
    columns = ", ".join(
        f"coalesce({', '.join(f'{into}_{field}.{column}' for field in (column, *FIELDS))}) AS {column}"
        for column in COLUMNS
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT n, {columns} FROM {records} r{joins}")
    for field in FIELDS:
        connection.execute(f"DROP TABLE {into}_{field}")
