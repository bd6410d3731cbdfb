"""Addresses: the parts that tell two of them apart, out of one line or of several fields, as four countries write them.

Columns, all texts: house (number; the first of a range), house_part (bis is b, ter t, or a letter), street (words without
type, articles and blanks), street_type, place, commune and former (see `places`), area (department or province), postal, box,
somewhere (place or postal code), town (place, or - where none is told: a town's own register names none), whereabouts (all
of them); street_key (street and place) and address_key (house, street and place) are hashes.

Numbers stand before the street in French and English, behind it in Spanish and Basque; what stands before or behind both
(a residence, a staircase, a floor) is not compared: it is written by some and left out by others.
"""

import functools
from collections.abc import Iterable
from typing import Any

import duckdb

from pipelines.declarations import strict_yaml
from pipelines.linking.preparing import places
from pipelines.linking.preparing.text import halves, hashed, plain_columns
from pipelines.linking.recipe import FOLDER
from pipelines.sql import quote

FIELDS = ("address", "street_number", "street", "postal_code", "city", "commune_code", "country")

MONTHS = (
    "janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre|enero|febrero|marzo|abril|mayo"
    "|junio|julio|agosto|septiembre|octubre|noviembre|diciembre"
)
BOX = r"\b(?:b ?p|c ?s|tsa|boite postale|apartado(?: de correos)?|apdo) ?([0-9]+)\b"
NUMBER = r"([0-9]{1,5}) ?(bis|ter|quater|[a-z])?"
HOUSE = "(?:residence|res|immeuble|imm|tour|chez|c o|domaine|villa|edificio|edif)"
END = "(?:[, ].*)?$"


@functools.cache
def table() -> dict[str, Any]:
    """Return what `streets.yaml` says: texts with commas as lists."""

    def parted(data: Any) -> Any:
        return {key: parted(each) for key, each in data.items()} if isinstance(data, dict) else data.split(", ")

    found: dict[str, Any] = parted(strict_yaml.load(FOLDER / "tables" / "streets.yaml").data)
    return found


def any_of(words: Iterable[str]) -> str:
    """Return a pattern for any of these words, the longest first."""
    return "(?:" + "|".join(sorted(words, key=lambda word: (-len(word), word))) + ")"


def as_map(groups: dict[str, list[str]]) -> str:
    """Return SQL for a map from every spelling to what it stands for."""
    pairs = {spelling: name for name, several in groups.items() for spelling in several}
    return f"MAP {{{', '.join(f'{quote(spelling)}: {quote(name)}' for spelling, name in pairs.items())}}}"


def prepare(connection: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the temp table `into` of n and the columns of an address, from the fields in FIELDS."""
    plain, cut, placed = (f"{into}_{name}" for name in ("plain", "cut", "placed"))
    plain_columns(connection, records, FIELDS, plain)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {cut} AS {_cut(halves(plain))}")
    places.prepare(connection, cut, placed)
    kept = _words("street_text")
    connection.execute(f"""CREATE OR REPLACE TEMP TABLE {into} AS
        WITH named AS (SELECT *, {kept} AS street, ltrim(house, '0') AS number FROM {cut} JOIN {placed} USING (n)),
        keyed AS (SELECT *, street || '|' || place AS key FROM named)
        SELECT n, nullif(number, '') AS house, nullif(left(house_part, 1), '') AS house_part, street, street_type,
        place, commune, area, postal, former, box,
        coalesce(place, postal) AS somewhere, coalesce(place, '-') AS town,
        nullif(concat_ws('|', nullif(house, ''), street, place, postal), '') AS whereabouts, {hashed("key")} AS street_key,
        {hashed("nullif(number, '') || '|' || key")} AS address_key FROM keyed""")
    for made in (plain, cut, placed):
        connection.execute(f"DROP TABLE {made}")


def _cut(plain: str) -> str:
    """Return SQL for n, the line cut into house, house_part, street_type, street_text and box, and the fields of a place."""
    given = "concat_ws(' ', street_number, street)"
    line = f"coalesce(nullif(trim(address), ''), nullif(trim({given}), ''))"
    types, (every, _) = table()["types"], _types()
    behind = any_of(table()["behind"])
    typed = f"regexp_extract(street, '^({every}) (.+)$', ['type', 'name'])"
    ended = f"regexp_extract(street, '^(.+) ({behind})$', ['name', 'type'])"
    return f"""
        WITH lines AS (SELECT n, postal_code, city, commune_code, country, {line} AS line FROM {plain}),
        towns AS (SELECT * REPLACE (coalesce(nullif(town.head, ''), line) AS line,
            coalesce(postal_code, nullif(town.postal, '')) AS postal_code, coalesce(city, nullif(town.city, '')) AS city)
            FROM (SELECT *, regexp_extract(line, '^(.*?)[, -]+([0-9]{{5}}) +([a-z][^0-9]*)$',
                ['head', 'postal', 'city']) AS town FROM lines)),
        boxed AS (SELECT * REPLACE ({_squeezed("line")} AS line) FROM towns),
        free AS (SELECT * REPLACE (trim(regexp_replace(line, {quote(BOX)}, '', 'g'), ' ,') AS line),
            nullif(regexp_extract(line, {quote(BOX)}, 1), '') AS box FROM boxed),
        read AS (SELECT *, {_read("line")} AS parts FROM free),
        streets AS (SELECT * EXCLUDE (parts), parts.house, parts.part AS house_part,
            trim(replace(parts.street, ',', ' ')) AS street FROM read),
        typed AS (SELECT *, {typed} AS typed, {ended} AS ended FROM streets),
        named AS (SELECT *, coalesce(nullif(typed.name, ''), nullif(ended.name, ''), street) AS name FROM typed)
        SELECT n, house, house_part, box, postal_code, city, commune_code, country,
        map_extract_value({as_map(types | {"street": [*types["street"], "st", "kale"]})},
            coalesce(nullif(typed.type, ''), nullif(ended.type, ''), regexp_extract(name, '^(kale) .', 1))) AS street_type,
        regexp_replace(name, '^kale (.)', '\\1') AS street_text
        FROM named"""


def _squeezed(line: str) -> str:
    """Return SQL for a line of small letters, digits, single blanks and commas, whose numbers are those of houses only."""
    inside, (_, sure) = any_of(table()["inside"]), _types()
    steps = (
        (r"\b(?:(?:n[o.]? ?)?s ?/ ?n|z ?/ ?g)\b", ", "),  # no number
        (r"[ºª°]", " "),
        (r"\b([dljcmsn]|qu)'", r"\1 "),
        ("'", ""),  # of Georgian letters
        (r"([0-9]) *[-/] *[0-9]+ ?(bis|ter)?\b", r"\1 "),  # 12-14, 12/14
        (r"[^a-z0-9,]+", " "),
        (rf"\b([0-9]{{1,2}}|1er) (?:de )?({MONTHS})\b(?: (?:de )?[0-9]{{4}}\b)?", r"\1\2"),  # rue du 8 mai 1945
        (r"\b(rn|rd|cd|nationale|departementale) ([0-9]+)\b", r"\1\2"),
        (r"\b(?:n|no|num|numero) ?([0-9]+)", r",\1"),
        (rf"\b{inside} (?:[0-9]+|[a-z])\b,?", " "),
        (r" *, *", ", "),
        (" +", " "),
        (rf"\b({sure}), ", r"\1 "),  # rue, du moulin
    )
    for pattern, instead in steps:
        line = f"regexp_replace({line}, {quote(pattern)}, {quote(instead)}, 'g')"
    return f"trim({line}, ' ,')"


def _read(line: str) -> str:
    """Return SQL for {house, part, street} of a line: the first of six forms that fits it."""
    every, sure = _types()
    forms = (
        (rf"^(?:.*?\b)?{NUMBER},? +({every} [^,]*)", ("house", "part", "street")),  # 12 bis rue X
        (rf"^(?:(?:.*?\b)?({sure} [^,0-9]*?[^,0-9 ])|({every} [^,0-9]*?[^,0-9 ]))[, ]+{NUMBER}{END}",
         ("street", "other", "house", "part")),  # calle X, 12, 3 izda
        (rf"^{NUMBER},? +([a-z][^,]*)", ("house", "part", "street")),  # 12 X
        (rf"^{HOUSE}\b[^0-9]*{NUMBER},? +([a-z][^,]*)", ("house", "part", "street")),  # residence Y, 12, X
        (rf"^([^0-9,]*[^0-9, ])[, ]+{NUMBER}{END}", ("street", "house", "part")),  # X kalea 12
        (rf"^(?:.*?[ ,])?({sure} [^,]*)", ("street",)),  # residence, rue X
    )  # fmt: skip
    cases = ""
    for pattern, names in forms:
        found = f"regexp_extract({line}, {quote(pattern)}, [{', '.join(map(quote, names))}])"
        street = "f.street" if "other" not in names else "f.street || f.other"
        house, part = (f"f.{name}" if "house" in names else "''" for name in ("house", "part"))
        once = f"list_transform([{found}], lambda f: {{'house': {house}, 'part': {part}, 'street': {street}}})[1]"
        cases += f" WHEN regexp_matches({line}, {quote(pattern)}) THEN {once}"  # without groups it is much faster
    return f"CASE{cases} ELSE {{'house': '', 'part': '', 'street': {line}}} END"


@functools.cache
def _types() -> tuple[str, str]:
    """Return patterns for all spellings of types, and for those that are words of no name."""
    types = {word for several in table()["types"].values() for word in several}
    return any_of(types), any_of(types - set(table()["unsure"]))


def _words(text: str) -> str:
    """Return SQL for the words of a street's name in one, articles out and short forms as what they stand for."""
    long = as_map(table()["words"])
    left = "[" + ", ".join(map(quote, table()["without"])) + "]"
    words = f"list_filter(string_split({text}, ' '), lambda word: NOT list_contains({left}, word))"
    words = f"list_transform({words}, lambda word: coalesce(map_extract_value({long}, word), word))"
    return f"nullif(array_to_string({words}, ''), '')"
