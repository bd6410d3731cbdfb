"""Texts that can be compared: any script in Latin letters, and Python over the distinct values of a column."""

from collections.abc import Callable, Iterable
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
) -> None:
    """Make the temp table `into`: the distinct values of an SQL expression, as `value`, with what a function makes of each.

    Only values for which `where` holds are in it. The function gives the same keys for every text.
    """
    empty = function("")
    lists = {key: isinstance(made, list) for key, made in empty.items()}
    schema = pa.schema(
        [("value", pa.string())]
        + [(key, pa.list_(pa.string()) if many else pa.string()) for key, many in lists.items()]
    )
    types = ", ".join(f"{key} VARCHAR{'[]' if many else ''}" for key, many in lists.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {into} (value VARCHAR, {types})")
    distinct = connection.sql(
        f"SELECT DISTINCT value FROM (SELECT {value} AS value FROM {records}) WHERE value IS NOT NULL AND ({where})"
    ).to_arrow_table()
    for batch in distinct.to_batches(BATCH):
        texts = batch.column(0).to_pylist()
        rows = [{"value": text, **function(text)} for text in texts]
        made = pa.Table.from_pylist(rows, schema=schema)
        connection.register("beffroi_made", made)
        connection.execute(f"INSERT INTO {into} FROM beffroi_made")
        connection.unregister("beffroi_made")
