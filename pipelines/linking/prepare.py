"""Prepared columns: what of a record is compared and blocked, made of its fields by functions of `preparing/`.

A prepared column is a function of its own record alone, so records can be prepared when they come and kept.
"""

import duckdb

from pipelines.linking.preparing import FUNCTIONS
from pipelines.linking.recipe import Recipe

OWN = ("n", "side", "origin")


def prepare(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, records: str, into: str, known: str | None = None
) -> None:
    """Make the temp table `into` of `records`: n, side, origin and all prepared columns of the recipe.

    `records` has n, side, origin and the recipe's fields as texts, null where a record has none. `known` is a table
    that an earlier call made: its rows are taken over as they are (with other n).
    """
    parts = [f"{into}_{name}" for name in recipe.preparing]
    for name, part in zip(recipe.preparing, parts, strict=True):
        FUNCTIONS[name](connection, records, part)
    joins = "".join(f" JOIN {part} USING (n)" for part in parts)
    kept = f" UNION ALL BY NAME FROM {known}" if known else ""
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT * FROM (SELECT n, side, origin FROM {records}){joins}{kept}"
    )
    for part in parts:
        connection.execute(f"DROP TABLE {part}")


def filled(connection: duckdb.DuckDBPyConnection, prepared: str) -> set[str]:
    """Return the prepared columns that tell records apart: those with at least two different values."""
    columns = [row[0] for row in connection.execute(f"DESCRIBE {prepared}").fetchall() if row[0] not in OWN]
    differ = ", ".join(f"min({column}) IS DISTINCT FROM max({column})" for column in columns)
    row = connection.execute(f"SELECT {differ} FROM {prepared}").fetchone()
    assert row is not None
    return {column for column, differs in zip(columns, row, strict=True) if differs}
