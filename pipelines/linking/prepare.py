"""Prepared columns: what of a record is compared and blocked, made of its fields by functions of `preparing/`.

A prepared column is a function of its own record alone, so records can be prepared when they come and kept.
"""

from collections.abc import Collection

import duckdb

from pipelines.linking.preparing import FUNCTIONS
from pipelines.linking.preparing.text import LONGEST
from pipelines.linking.recipe import Recipe
from pipelines.sql import identifier

OWN = ("n", "side", "origin")


def prepare(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, records: str, into: str, known: str | None = None
) -> None:
    """Make the temp table `into` of `records`: n, side, origin and all prepared columns that the recipe reads.

    `records` has n, side, origin and the recipe's fields as texts, null where a record has none. `known` is a table
    that an earlier call made (with other n): then `into` is a view of both, and `known` has to stay as long.
    """
    if known:
        view, into = into, f"{into}_made"
    cut = f"{into}_cut"
    texts = ", ".join(f"left({identifier(field)}, {LONGEST}) AS {identifier(field)}" for field in recipe.fields)
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW {cut} AS SELECT n, side, origin, {texts} FROM {records};
        CREATE OR REPLACE TEMP TABLE {into} AS SELECT n, side, origin FROM {records}"""
    )
    joins = []
    for name in recipe.preparing:
        made = f"{into}_{name}"
        FUNCTIONS[name](connection, cut, made)
        wanted = [column for column in _columns(connection, made) if recipe.reads(column)]
        joins.append((made, f"JOIN (SELECT {', '.join(['n', *wanted])} FROM {made}) USING (n)"))
        if not known:  # one after the other: a join of all at once would hold all of them in memory
            _join(connection, into, joins)
    _join(connection, into, joins)
    connection.execute(f"DROP VIEW {cut}")
    if known:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS FROM {into} UNION ALL BY NAME FROM {known}")


def _join(connection: duckdb.DuckDBPyConnection, into: str, joins: list[tuple[str, str]]) -> None:
    """Join tables to `into`, each by its SQL, and drop them; the list is empty afterwards."""
    if joins:
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {into} AS FROM {into} {' '.join(sql for _, sql in joins)}")
    while joins:
        connection.execute(f"DROP TABLE {joins.pop()[0]}")


def filled(
    connection: duckdb.DuckDBPyConnection, prepared: str, among: Collection[str] | None = None
) -> tuple[set[str], set[str]]:
    """Return the prepared columns, `among` some, that have a value at all, and those that have two different ones."""
    columns = [column for column in _columns(connection, prepared) if among is None or column in among]
    asked = ", ".join(f"min({column}) IS NOT NULL, min({column}) IS DISTINCT FROM max({column})" for column in columns)
    row = connection.execute(f"SELECT {asked} FROM {prepared}").fetchone() or ()
    present = {column for column, has in zip(columns, row[::2], strict=True) if has}
    return present, {column for column, differs in zip(columns, row[1::2], strict=True) if differs}


def _columns(connection: duckdb.DuckDBPyConnection, prepared: str) -> list[str]:
    """Return the prepared columns of a table."""
    return [row[0] for row in connection.execute(f"DESCRIBE {prepared}").fetchall() if row[0] not in OWN]
