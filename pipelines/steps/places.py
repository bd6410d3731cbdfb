"""Steps for places: postal codes, codes of communes through their mergers, communes by name."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

from pipelines.sql import quote, unaccented
from pipelines.steps.clean import Cleaning, Failure, Reason, Value
from pipelines.steps.step import REFUSED, Argument, Step, convert, one_of, without_blanks

COMMUNES = Path(__file__).parent / "reference" / "communes_by_date.parquet"

FOLLOWED = ("1943-01-01", "2026-12-31")
"""The first and the last day of which the file tells what a code meant."""

POSTAL = {"FR": r"(0[1-9]|[1-8]\d|9[0-8])\d{3}", "ES": r"(0[1-9]|[1-4]\d|5[0-2])\d{3}"}
"""Departments go from 01 to 98, overseas included; provinces from 01 to 52."""


def _postal_code(cleaning: Cleaning, value: Value, country: str) -> None:
    reason = Reason(f"is not a postal code of {country}", f"n'est pas un code postal ({country})")

    def padded(sql: str) -> str:
        return f"CASE WHEN strlen({sql}) = 4 THEN '0' || {sql} ELSE {sql} END"

    def formed(sql: str) -> str:
        return f"CASE WHEN regexp_full_match({sql}, '{POSTAL[country]}') THEN {sql} END"

    convert(cleaning, value, "postal_code", reason, without_blanks, padded, formed)


def _follow(cleaning: Cleaning, value: Value, argument: str | dict[str, Any]) -> None:
    if isinstance(argument, dict):
        _follow_since(cleaning, value, argument["as_of"])
        return
    name, parquet = cleaning.name("part"), quote(cleaning.parquet_of(argument))
    parts = f"(SELECT code, min(commune_code) AS commune_code FROM read_parquet({parquet}) GROUP BY code)"
    join = f"LEFT JOIN {parts} {name} ON {name}.code = {value.sql}"
    cleaning.make(value, f"coalesce({name}.commune_code, {value.sql})", join)


def _follow_since(cleaning: Cleaning, value: Value, as_of: Any) -> None:
    """Join the code to what it meant at a date, one for the whole column or another column's; a code of today is itself."""
    name = cleaning.name("commune")
    if is_date(as_of):
        date = f"DATE {quote(str(as_of))}"
    else:
        column = cleaning.done[as_of]
        value.depth, date = max(value.depth, column.depth), f"TRY_CAST({column.sql} AS DATE)"
    first, last = (f"DATE {quote(day)}" for day in FOLLOWED)
    join = (
        f"LEFT JOIN (FROM read_parquet({quote(str(COMMUNES))})) {name} ON {name}.code = {value.sql}"
        f" AND {name}.since <= {date} AND {name}.until > {date} AND {date} BETWEEN {first} AND {last}"
    )
    unknown = Reason(
        f"is of a date that is not from {FOLLOWED[0]} to {FOLLOWED[1]}: of others it is not known what a code meant",
        f"est d'une date qui n'est pas du {FOLLOWED[0]} au {FOLLOWED[1]} : pour les autres, le sens d'un code est inconnu",
    )
    value.failures.append(
        Failure(f"{value.sql} IS NOT NULL AND {date} NOT BETWEEN {first} AND {last}", "follow", unknown)
    )
    reason = Reason(
        "is no code of a commune, or one that was divided since that date, or there is no date",
        "n'est pas un code de commune, ou celle-ci a été divisée depuis cette date, ou il n'y a pas de date",
    )
    cleaning.convert(value, f"{name}.commune_code", "follow", reason, join)


def is_date(given: Any) -> bool:
    """Tell whether a declared value is a date, as YAML reads it or as text."""
    if isinstance(given, dt.date) and not isinstance(given, dt.datetime):
        return True
    if not (isinstance(given, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", given)):
        return False
    try:
        dt.date.fromisoformat(given)
    except ValueError:
        return False
    return True


def _find_commune(cleaning: Cleaning, value: Value, argument: dict[str, str]) -> None:
    """Join the town's name and postal code to the communes; two communes that fit equally are none."""
    postal = cleaning.done[argument["postal_code"]]
    value.depth = max(value.depth, postal.depth)
    name = cleaning.name("commune")
    join = f"""LEFT JOIN (SELECT postal, town, min(code) AS code FROM (
        SELECT code, unnest(postal_codes) AS postal, {_town("name")} AS town
        FROM read_parquet({quote(cleaning.parquet_of(argument["among"]))})) GROUP BY ALL HAVING count(*) = 1) {name}
        ON {name}.town = {_town(value.sql)} AND {name}.postal = {postal.sql}"""
    reason = Reason(
        "is no commune with that postal code, or there are two of that name",
        "n'est aucune commune de ce code postal, ou il y en a deux de ce nom",
    )
    cleaning.convert(value, f"{name}.code", "find_commune", reason, join)


def _town(sql: str) -> str:
    """Return SQL for a town's name as it can be compared: no accents, case, hyphens, article marks or CEDEX."""
    plain = f"regexp_replace(upper({unaccented(sql)}), '[^A-Z0-9]+', ' ', 'g')"
    plain = f"regexp_replace(trim({plain}), ' CEDEX( [0-9]+)?$', '')"
    plain = f"regexp_replace(' ' || {plain} || ' ', ' ST ', ' SAINT ', 'g')"
    plain = f"regexp_replace({plain}, ' STE ', ' SAINTE ', 'g')"
    return f"trim({plain})"


def _is_followed(given: Any) -> bool:
    if isinstance(given, dict):
        as_of = given.get("as_of")
        if is_date(as_of):
            return set(given) == {"as_of"} and FOLLOWED[0] <= str(as_of) <= FOLLOWED[1]
        return set(given) == {"as_of"} and isinstance(as_of, str) and bool(as_of)
    return isinstance(given, str)


def _are_two_names(given: Any) -> bool:
    two = isinstance(given, dict) and set(given) == {"postal_code", "among"}
    return two and all(isinstance(name, str) for name in given.values())


PLACES = {
    "postal_code": Step(
        "Checks a postal code of France or Spain: blanks out, a lost leading zero put back.",
        _postal_code,
        (("FR", "1400", "01400"), ("FR", "80 000", "80000"), ("FR", "99123", REFUSED), ("FR", "800", REFUSED),
         ("ES", "48001", "48001"), ("ES", "53001", REFUSED)),
        one_of("FR", "ES"),
    ),
    "follow": Step(
        "Replaces the INSEE code of a commune by that of the commune of today in which it lies. With `as_of`, a date or a"
        " column above it of dates, the code is read as it was at that date (from 1943 to 2026, any other is refused); one"
        " whose commune was divided since is refused. With the name of a dataset (columns code and commune_code), as that tells, any other"
        " code staying as it is.",
        _follow,
        (
            ({"as_of": "2015-06-30"}, "01340", "01015"), ({"as_of": "2020-01-01"}, "49069", "49126"),
            ({"as_of": "2020-01-01"}, "80021", "80021"), ({"as_of": "2020-01-01"}, "85084", REFUSED),
            ({"as_of": "2010-01-01"}, "85084", "85084"), ({"as_of": "2020-01-01"}, "99999", REFUSED),
        ),
        Argument("the name of a dataset, or {as_of: DATE} (from 1943 to 2026) or {as_of: COLUMN}", _is_followed),
    ),
    "find_commune": Step(
        "Finds the INSEE code from a town's name and a cleaned column above it with its postal code, among a dataset"
        " that mirrors Commune: {postal_code: COLUMN, among: DATASET}.",
        _find_commune, (), Argument("two names {postal_code: COLUMN, among: DATASET}", _are_two_names),
    ),
}  # fmt: skip
