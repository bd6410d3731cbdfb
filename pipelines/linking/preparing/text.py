"""Texts that can be compared: any script in Latin letters, and Python over the distinct values of a column."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import anyascii
import duckdb
import pyarrow as pa

BATCH = 100_000

LONGEST = 500
"""Characters of a text that are compared: to count those that differ in two takes room and time by the product of their
lengths, and nothing is called so."""


FEW = 0x10000
"""Signs of which it is kept what they are in ASCII: all that are in use, and no more than fill some megabytes."""


class _Ascii(dict[int, str]):
    """What signs are in ASCII, each asked for once: so a text is told at once, and not sign by sign."""

    def __missing__(self, sign: int) -> str:
        made = str(anyascii.anyascii(chr(sign)))
        if sign < FEW:
            self[sign] = made
        return made


_ASCII = _Ascii()


def halves(table: str) -> str:
    """Return SQL for the rows of a table of records, by n, for two threads: of few rows, one group, one thread would read all."""
    return f"(FROM {table} WHERE n % 2 = 0 UNION ALL FROM {table} WHERE n % 2 = 1)"


def hashed(sql: str) -> str:
    """Return SQL for what stands for a text of which it is only asked whether it is the same: its hash, null of a null.

    Of a hundred million different texts two have one hash once in three thousand times.
    """
    return f"CASE WHEN {sql} IS NOT NULL THEN hash({sql}) END"


def plain(text: str) -> str:
    """Return a text in small ASCII letters, whatever its script: Ñ is n, ß ss, შ sh, Ж zh; no more than LONGEST."""
    return (text if text.isascii() else text.translate(_ASCII)).lower()[:LONGEST]


def plain_columns(connection: duckdb.DuckDBPyConnection, records: str, columns: Iterable[str], into: str) -> None:
    """Make the temp table `into`: n and the columns of `records`, each in small ASCII letters (null stays null)."""
    names, joins, made = [], [], []
    for at, column in enumerate(columns):
        table = f"{into}_{at}"
        over_distinct(connection, records, column, "strlen(value) > length(value)", _plain, table)
        names.append(f"coalesce({table}.plain, lower({column})) AS {column}")
        joins.append(f"LEFT JOIN {table} ON {table}.value = {column}")
        made.append(table)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT n, {', '.join(names)} FROM {records} {' '.join(joins)}"
    )
    for table in made:
        connection.execute(f"DROP TABLE {table}")


def _plain(text: str) -> dict[str, Any]:
    return {"plain": plain(text)}


def over_distinct(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    value: str,
    where: str,
    function: Callable[[str], dict[str, Any]],
    into: str,
    keys: Collection[str] = (),
) -> None:
    """Make the temp table `into`: the distinct values of an SQL expression, as `value`, with what a function makes of each.

    Only values for which `where` holds are in it. The function gives the same names for every text: to each a text or a
    list of texts, of `keys` their hashes.
    """
    lists = {name: isinstance(made, list) for name, made in function("").items()}
    schema = pa.schema(
        [("value", pa.string())]
        + [(name, pa.list_(pa.string()) if many else pa.string()) for name, many in lists.items()]
    )
    columns = ", ".join(_made(name, many=many, is_key=name in keys) for name, many in lists.items())
    distinct = connection.sql(
        f"SELECT DISTINCT value FROM (SELECT {value} AS value FROM {records}) WHERE value IS NOT NULL AND ({where})"
    ).to_arrow_table()
    start = f"CREATE OR REPLACE TEMP TABLE {into} AS"
    for first in range(0, max(1, len(distinct)), BATCH):  # of no values the table is made as well
        texts = distinct["value"].slice(first, BATCH).to_pylist()
        made = pa.Table.from_pylist([{"value": text, **function(text)} for text in texts], schema=schema)
        connection.register("beffroi_made", made)
        connection.execute(f"{start} SELECT value, {columns} FROM beffroi_made")
        connection.unregister("beffroi_made")
        start = f"INSERT INTO {into}"


def _made(name: str, *, many: bool, is_key: bool) -> str:
    """Return SQL for what a function made, under its name."""
    if not is_key:
        return name
    return f"list_transform({name}, lambda each: hash(each)) AS {name}" if many else f"{hashed(name)} AS {name}"
