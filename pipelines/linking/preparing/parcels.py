"""Parcels of land: references of the cadastres of France and Spain, section and number, surface.

Columns: parcel_fr (14 characters: commune of today, prefix, section, number), parcel_es (14 characters of a Spanish
reference whose check characters are right), unit_es (which part of that), parcel_local (any other reference, as the
cadastres of Bizkaia, Gipuzkoa, Araba and Navarre give them), section, plot (number), surface (square metres).

A French reference is written with or without blanks and leading zeros. Where a commune has become part of another, its
parcels stand in that one under a prefix, the last three digits of its own code (PCI, « préfixe de section »), and so do
those that older files still hold under the old code.
"""

import functools
import re
from typing import Any

import duckdb
import pyarrow.parquet as pq
from stdnum.es import referenciacatastral

from pipelines.linking.preparing.places import BY_DATE
from pipelines.linking.preparing.text import over_distinct, plain

FRENCH = re.compile(r"([0-9]{2}|2[AB])([0-9]{3})([0-9]{3})?([A-Z]|[0-9]?[A-Z]|[A-Z]{2})0*([0-9]{1,4})")
SECTION = re.compile(r"(?:([0-9]{3}) ?)?(?:SECTION )?([A-Z]{1,2}) ?(?:N|NO|NDEG|NUMERO|PARCELLE)? ?0*([0-9]{1,4})")
HECTARES = re.compile(r"(?:([0-9]{1,9}) ?ha)? ?(?:([0-9]{1,9}) ?a)? ?(?:([0-9]{1,9}) ?ca)?")
METRES = re.compile(r"([0-9]{1,12}(?:\.[0-9]+)?) ?(m2|m|ha|a|ca)?")
SQUARE = {"ha": 10_000, "a": 100, "ca": 1, "m2": 1, "m": 1, None: 1}


@functools.cache
def _today() -> dict[str, str]:
    """Return the commune of today of every code that is now part of another."""
    rows = sorted(pq.read_table(BY_DATE).to_pylist(), key=lambda row: row["since"])
    return {row["code"]: row["commune_code"] for row in rows}


def french(commune: str, prefix: str | None, section: str, number: str) -> str:
    """Return the reference of 14 characters, under the commune of today."""
    today = _today().get(commune, commune)
    own = prefix if prefix and prefix != "000" else commune[2:] if today != commune else "000"
    return f"{today}{own}{section[-2:].rjust(2, '0')}{int(number):04}"


def read(text: str) -> dict[str, Any]:
    """Return what a reference says; a Spanish one only where its check characters are right."""
    made: dict[str, Any] = dict.fromkeys(("parcel_fr", "parcel_es", "unit_es", "parcel_local", "section", "plot"))
    compact = re.sub("[^A-Z0-9]", "", plain(text).upper())
    if re.fullmatch("[A-Z0-9]{20}", compact) and referenciacatastral.is_valid(compact):
        return made | {"parcel_es": compact[:14], "unit_es": compact[14:18] if compact[14:18] != "0001" else None}
    if whole := FRENCH.fullmatch(compact):
        department, commune, prefix, section, number = whole.groups()
        section = section.lstrip("0")
        reference = french(department + commune, prefix, section, number)
        return made | {"parcel_fr": reference, "section": reference[5:10], "plot": reference[10:]}
    if part := SECTION.fullmatch(" ".join(re.sub("[^A-Z0-9]+", " ", plain(text).upper()).split())):
        prefix, section, number = part.groups()
        return made | {"section": f"{prefix or '000'}{section.rjust(2, '0')}", "plot": f"{int(number):04}"}
    return made | {"parcel_local": compact if len(compact) > 4 and re.search("[0-9]", compact) else None}


def _surface(text: str) -> dict[str, Any]:
    """Read 1 234,5 m², 0,12 ha and 1 ha 20 a 5 ca."""
    said = plain(text).replace(",", ".").strip()
    said = re.sub(r"(?<=[0-9])[ '](?=[0-9]{3})", "", said)
    if one := METRES.fullmatch(said):
        return {"surface": str(round(float(one[1]) * SQUARE[one[2]]))}
    if said and (several := HECTARES.fullmatch(said)):
        return {
            "surface": str(
                sum(int(part or 0) * by for part, by in zip(several.groups(), (10_000, 100, 1), strict=True))
            )
        }
    return {"surface": None}


def prepare(connection: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the temp table `into` of n and the columns of a parcel, from parcel, section, plot, commune_code and area.

    Where no whole reference is given, one is made of commune, section and number; of the commune's code five digits.
    """
    given = "CASE WHEN r.section IS NOT NULL AND r.plot IS NOT NULL THEN concat_ws(' ', prefix, r.section, r.plot) END"
    whole = f"CASE WHEN regexp_full_match(commune_code, '[0-9][0-9AB][0-9]{{3}}') THEN concat_ws(' ', commune_code, {given}) END"
    reference = f"coalesce(parcel, CASE WHEN {given} IS NOT NULL THEN {whole} END, {given})"
    over_distinct(connection, f"{records} r", reference, "true", read, f"{into}_said")
    over_distinct(connection, records, "area", "true", _surface, f"{into}_surface")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS SELECT n, parcel_fr, parcel_es, unit_es, parcel_local, s.section, s.plot,
        surface FROM {records} r LEFT JOIN {into}_said s ON s.value = ({reference})
        LEFT JOIN {into}_surface a ON a.value = r.area"""
    )
    connection.execute(f"DROP TABLE {into}_said; DROP TABLE {into}_surface")
