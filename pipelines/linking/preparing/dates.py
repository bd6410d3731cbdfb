"""Dates of birth: eight digits, whatever the way they were written, and keys that bear a swapped day and month.

Columns: birth (YYYYMMDD, also where there is no such day: a mistake still compares); numbers: birth_key (the year,
then day and month in their order of size), birth_year.
"""

import duckdb

DAY_FIRST = r"^\D*(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})"
YEAR_FIRST = r"^\D*(\d{4})[-/. ]?(\d{1,2})[-/. ]?(\d{1,2})"


def prepare(connection: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the temp table `into` of the fields birth_date and birth_year."""
    parts = [f"lpad(regexp_extract(birth_date, '{YEAR_FIRST}', {at}), 2, '0')" for at in (1, 2, 3)]
    others = [f"lpad(regexp_extract(birth_date, '{DAY_FIRST}', {at}), 2, '0')" for at in (3, 2, 1)]
    year_first, day_first = (
        f"lpad(regexp_extract(birth_date, '{YEAR_FIRST}', 1), 4, '0') || {parts[1]} || {parts[2]}",
        f"regexp_extract(birth_date, '{DAY_FIRST}', 3) || {others[1]} || {others[2]}",
    )
    birth = f"""CASE WHEN regexp_matches(birth_date, '{DAY_FIRST}') THEN {day_first}
        WHEN regexp_matches(birth_date, '{YEAR_FIRST}') THEN {year_first} END"""
    key = "left(birth, 4) || least(birth[5:6], birth[7:8]) || greatest(birth[5:6], birth[7:8])"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS
        SELECT n, birth, ({key})::UINTEGER AS birth_key, coalesce(left(birth, 4), year)::USMALLINT AS birth_year
        FROM (SELECT n, {birth} AS birth, nullif(regexp_extract(birth_year, '\\d{{4}}'), '') AS year FROM {records})"""
    )
