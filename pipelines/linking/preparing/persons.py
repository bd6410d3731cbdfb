"""What else is known of a person: sex, place of birth, phone, e-mail, national numbers whose check digits are right.

Columns: sex (m, f), birth_place, born_here (whether that is the town of the address), phone (the last nine digits), email, nir (13 digits), dni,
personal_number (letters and digits, whatever they mean).
"""

from typing import Any

import duckdb
from stdnum.es import dni as es_dni
from stdnum.es import nie as es_nie
from stdnum.fr import nir as fr_nir

from pipelines.linking.preparing.places import town
from pipelines.linking.preparing.text import over_distinct, plain

FEMALE = ("f", "female", "femme", "feminin", "femenino", "mujer", "emakumea", "w", "2", "mdedrobiti")
MALE = ("m", "male", "homme", "masculin", "masculino", "hombre", "h", "gizona", "1", "mamrobiti")


def _nir(text: str) -> dict[str, Any]:
    return {"nir": fr_nir.compact(text)[:13] if fr_nir.is_valid(text) else None}


def _dni(text: str) -> dict[str, Any]:
    for module in (es_dni, es_nie):
        if module.is_valid(text):
            return {"dni": module.compact(text)}
    return {"dni": None}


def _sex(text: str) -> dict[str, Any]:
    said = plain(text).strip()
    return {"sex": "f" if said in FEMALE else "m" if said in MALE else None}


def _birth_place(text: str) -> dict[str, Any]:
    return {"birth_place": " ".join("".join(c if c.isalnum() else " " for c in plain(text)).split()) or None}


def _town(text: str) -> dict[str, Any]:
    return {"town": plain(text)}


MADE = {"nir": _nir, "dni": _dni, "sex": _sex, "birth_place": _birth_place}


def prepare(connection: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the temp table `into` of the fields that are named like its columns."""
    digits = "regexp_replace(phone, '[^0-9]', '', 'g')"
    joins, columns = "", ""
    for field, function in MADE.items():
        over_distinct(connection, records, field, "true", function, f"{into}_{field}")
        joins += f" LEFT JOIN {into}_{field} ON {into}_{field}.value = r.{field}"
        columns += f", {into}_{field}.{field}"
    over_distinct(connection, records, "city", "true", _town, f"{into}_town")
    # of each text once, not of every record
    towns = (("born", "birth_place", "birth_place"), ("lives", "town", "city"))
    for name, made, field in towns:
        joins += (
            f" LEFT JOIN (SELECT value, {town(made)} AS town FROM {into}_{made}) {name} ON {name}.value = r.{field}"
        )
    connection.execute(  # born and lives: one of them may be told in two languages
        f"""CREATE OR REPLACE TEMP TABLE {into} AS SELECT n{columns}, contains(born.town, lives.town)
        OR contains(lives.town, born.town) AS born_here, nullif(lower(trim(email)), '') AS email,
        nullif(regexp_replace(upper(personal_number), '[^A-Z0-9]', '', 'g'), '') AS personal_number,
        CASE WHEN length({digits}) >= 6 THEN right({digits}, 9) END AS phone FROM {records} r {joins}"""
    )
    for field in (*MADE, "town"):
        connection.execute(f"DROP TABLE {into}_{field}")
