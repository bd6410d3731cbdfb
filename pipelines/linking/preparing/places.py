"""Places: the commune of an address, by code, or by name and postal code, through mergers and slips of the pen.

`tables/towns.parquet` has the names of communes of France (those that have become part of another, too) and of Spain (in
both languages), each with the code of the commune of today; `tools/make_linking_tables.py` makes it. Postal codes of
Spain are in no free table, so a name is looked for in its province there.
"""

from pathlib import Path

import duckdb

from pipelines.linking.recipe import FOLDER
from pipelines.sql import quote

TOWNS = FOLDER / "tables" / "towns.parquet"
BY_DATE = Path(__file__).parents[2] / "steps" / "reference" / "communes_by_date.parquet"

SPAIN = ("es", "esp", "espana", "spain", "espagne", "espainia")
FRANCE = ("fr", "fra", "france", "francia", "frantzia")

WHOLE = ("75056", "13055", "69123")
"""Communes of which parts that have codes, their arrondissements, were never communes: no two streets have one name."""

NEAR = {"postal": 0.85, "area": 0.94}
"""How alike (Jaro and Winkler) a misspelt name must be to one under the same postal code, or in the same province."""


def town(sql: str) -> str:
    """Return SQL for a town's name in small ASCII letters as it is compared: no CEDEX, number, article, Georgian ქ. or blank."""
    text = f"regexp_replace(regexp_replace({sql}, '[^a-z0-9]+', ' ', 'g'), '^ ?(?:k|kalaki) ', '')"
    text = f"' ' || regexp_replace({text}, ' cedex.*| (?:[0-9]+(?:er|e|eme|o|a)?)\\b.*', '') || ' '"
    for short, long in (("st", "saint"), ("ste", "sainte"), ("s", "sur"), ("ss", "sous")):
        text = f"replace({text}, ' {short} ', ' {long} ')"
    return f"nullif(replace(regexp_replace({text}, ' (?:(?:le|la|les|l|el|los|las|els|d|de|du|des|del) )+', '  ', 'g'), ' ', ''), '')"


def prepare(connection: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the temp table `into`: n, place, commune, area, postal and former, of records with postal_code, city, commune_code, country.

    A commune is the code of one of today (ES and five digits in Spain); a place is that, or the town's name where none is
    found; a postal code that is a CEDEX one is none. What is told by the name or code of a commune that has become part of another
    has that code as `former`: there each may have a street of one name. All texts are small ASCII letters.
    """
    asked = f"{into}_asked"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {asked} AS {_asked(records)}")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {asked}_every AS FROM read_parquet({quote(str(TOWNS))});
        CREATE OR REPLACE TEMP TABLE {asked}_towns AS FROM {asked}_every WHERE town IN (SELECT town FROM {asked});
        CREATE OR REPLACE TEMP TABLE {asked}_found AS {_found(asked)}"""
    )
    _mend(connection, f"{asked}_found", f"{asked}_every")
    same = " AND ".join(
        f"r.{name} IS NOT DISTINCT FROM f.raw_{name}" for name in ("postal_code", "city", "commune_code", "country")
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS SELECT r.n, coalesce(f.code, f.town) AS place, f.code AS commune, f.area,
        CASE WHEN NOT f.cedex THEN f.postal END AS postal,
        coalesce(CASE WHEN today <> said_code AND today NOT IN {WHOLE} THEN said_code END, p.part) AS former
        FROM {records} r LEFT JOIN {asked}_found f ON {same}
        LEFT JOIN (SELECT DISTINCT code, town, part FROM {asked}_towns WHERE part IS NOT NULL) p ON (p.code, p.town) = (f.code, f.town)"""
    )
    for end in ("", "_every", "_towns", "_found"):
        connection.execute(f"DROP TABLE {asked}{end}")


def _asked(records: str) -> str:
    """Return SQL for the different places as they were written, with what is read in them."""
    digits = "regexp_replace(upper(postal_code), '[^A-Z0-9]', '', 'g')"
    postal = f"nullif(CASE WHEN regexp_full_match({digits}, '[0-9]{{4}}') THEN '0' || {digits} ELSE {digits} END, '')"
    said = "regexp_replace(country, '[^a-z]', '', 'g')"
    codes = (
        f"(SELECT code, arg_max(commune_code, since) AS today FROM read_parquet({quote(str(BY_DATE))}) GROUP BY code)"
    )
    return f"""
        WITH raw AS (SELECT DISTINCT postal_code, city, commune_code, country FROM {records}),
        said AS (SELECT postal_code AS raw_postal_code, city AS raw_city, commune_code AS raw_commune_code,
            country AS raw_country, {postal} AS postal, {town("city")} AS town,
            contains(coalesce(city, ''), 'cedex') AS cedex, regexp_replace(upper(commune_code), '[^A-Z0-9]', '', 'g') AS said_code,
            CASE WHEN {said} IN {SPAIN} THEN 'ES' WHEN {said} IN {FRANCE} THEN 'FR' WHEN {said} <> '' THEN '?' END AS country
            FROM raw)
        SELECT said.*, coalesce({_area("postal")}, {_area("said_code")}) AS area, today FROM said
        LEFT JOIN {codes} codes ON codes.code = said_code"""


def _area(sql: str) -> str:
    """Return SQL for the department or province of a postal code or a commune's code; Corsica is one, as in postal codes."""
    return (
        f"CASE WHEN regexp_full_match({sql}, '9[78].*') THEN {sql}[:3]"
        f" WHEN regexp_full_match({sql}, '2[AB].*') THEN '20' WHEN regexp_full_match({sql}, '[0-9]{{5}}') THEN {sql}[:2] END"
    )


def _found(asked: str) -> str:
    """Return SQL for what was asked, with the code that it is by its own words; ASKED_towns are the towns of these names."""
    towns = f"{asked}_towns"
    by_postal = f"(SELECT postal, town, any_value(code) AS code FROM {towns} WHERE postal IS NOT NULL GROUP BY ALL HAVING count(DISTINCT code) = 1)"
    by_area = f"(SELECT country, area, town, any_value(code) AS code FROM {towns} GROUP BY ALL HAVING count(DISTINCT code) = 1)"
    by_name = f"(SELECT town, any_value(code) AS code FROM {towns} GROUP BY ALL HAVING count(DISTINCT code) = 1)"
    spanish = "CASE WHEN said_code ~ '[0-9]{5}' THEN 'ES' || said_code END"
    return f"""
        SELECT a.*, CASE
            WHEN a.country = '?' THEN NULL
            WHEN a.country = 'ES' THEN coalesce(es.code, {spanish}, alone.code)
            WHEN a.country = 'FR' THEN coalesce(a.today, p.code, fr.code, alone.code)
            WHEN p.code IS NOT NULL THEN p.code
            WHEN es.code IS NOT NULL AND fr.code IS NULL THEN es.code
            ELSE coalesce(fr.code, es.code, CASE WHEN a.town IS NULL THEN a.today END, alone.code) END AS code
        FROM {asked} a
        LEFT JOIN {by_postal} p ON p.postal = a.postal AND p.town = a.town
        LEFT JOIN {by_area} fr ON fr.country = 'FR' AND fr.area = a.area AND fr.town = a.town
        LEFT JOIN {by_area} es ON es.country = 'ES' AND es.area = a.area AND es.town = a.town
        LEFT JOIN {by_name} alone ON a.area IS NULL AND alone.town = a.town AND coalesce(starts_with(alone.code, 'ES') = (a.country = 'ES'), true)"""


def _mend(connection: duckdb.DuckDBPyConnection, found: str, towns: str) -> None:
    """Put in the codes of misspelt names: the likest of those under the postal code, else in the province; no second as like.

    A postal code without a name is a place where one commune alone has it.
    """
    connection.execute(
        f"""UPDATE {found} SET code = one.code FROM (SELECT postal, any_value(code) AS code FROM {towns}
        WHERE postal IS NOT NULL GROUP BY postal HAVING count(DISTINCT code) = 1) one
        WHERE {found}.code IS NULL AND {found}.town IS NULL AND {found}.country IS DISTINCT FROM 'ES'
        AND {found}.country IS DISTINCT FROM '?' AND NOT cedex AND one.postal = {found}.postal"""
    )
    for by, least in NEAR.items():
        connection.execute(
            f"""UPDATE {found} SET code = best.code FROM (
                SELECT {by} AS by, asked, arg_max(code, near) AS code FROM (
                    SELECT f.{by}, f.town AS asked, t.code, max(jaro_winkler_similarity(f.town, t.town)) AS near
                    FROM (SELECT DISTINCT {by}, town, country FROM {found} WHERE code IS NULL) f JOIN {towns} t
                    ON t.{by} = f.{by} AND coalesce(f.country, t.country) = t.country GROUP BY ALL HAVING near >= {least})
                GROUP BY ALL HAVING count(*) = 1 OR max(near, 2)[1] > max(near, 2)[2] + 0.02) best
            WHERE {found}.code IS NULL AND best.by = {found}.{by} AND best.asked = {found}.town"""
        )
