"""Links that a person is asked of first, whatever they weigh: what a weight of two records does not tell.

A short form of a given name, or one of the same sound, is mostly a slip of one record. Where both Natia and Nato stand in
two records each that are the same in all the rest, they are one person with two names or twins: a weight looks at two
records at a time. And a child may be known by the number of a parent, with name and address in common, too.
"""

import duckdb
import numpy as np

from pipelines.linking.clustering import bands, components
from pipelines.linking.recipe import Recipe
from pipelines.linking.scoring.model import Model


def hold(connection: duckdb.DuckDBPyConnection, recipe: Recipe, model: Model, pairs: str, into: str) -> None:
    """Add to the table `into` (l, r, why, rival_l, rival_r) the links that are held: `forms`, and the recipe's `asked`."""
    for each in recipe.asked:
        connection.execute(
            f"""INSERT INTO {into} BY NAME SELECT l, r, '{each.why}' AS why FROM {pairs}
            WHERE probability >= {recipe.thresholds.link!r} AND ({each.sql})"""
        )
    _forms(connection, recipe, model, pairs, into)


def _forms(connection: duckdb.DuckDBPyConnection, recipe: Recipe, model: Model, pairs: str, into: str) -> None:
    """Add the links between two forms of a value that each stand in several records.

    Records that links at a comparison's first level join are one side. All links of the model are meant that are between
    two sides of two records or more which a link at a level that is a `form` joins.
    """
    for each in recipe.comparisons:
        levels = [at for at, level in enumerate(each.levels, 1) if level.form]
        if not levels or each.name not in model.levels:
            continue
        every = f"probability >= {recipe.thresholds.link!r}"
        link = f"{every} AND how <> 'identifier'"
        formed = f"SELECT l, r FROM {pairs} WHERE {link} AND level_{each.name} IN ({', '.join(map(str, levels))})"
        _sides(connection, f"FROM {pairs} WHERE {every} AND level_{each.name} = 1", formed)
        connection.execute(
            f"""INSERT INTO {into} BY NAME
            WITH between AS (SELECT x.side AS one, y.side AS other FROM ({formed}) p
                JOIN beffroi_sides x ON x.n = p.l JOIN beffroi_sides y ON y.n = p.r)
            SELECT p.l, p.r, 'forms' AS why FROM {pairs} p JOIN beffroi_sides x ON x.n = p.l JOIN beffroi_sides y ON y.n = p.r
            WHERE {link} AND ((x.side, y.side) IN (SELECT (one, other) FROM between)
            OR (y.side, x.side) IN (SELECT (one, other) FROM between));
            DROP TABLE beffroi_sides"""
        )


def _sides(connection: duckdb.DuckDBPyConnection, same: str, formed: str) -> None:
    """Make the table beffroi_sides (n, side): the records which links that are the `same` in the value join at those of `formed`."""
    found = connection.execute(
        f"WITH ends AS (SELECT unnest([l, r]) AS n FROM ({formed})) SELECT l, r FROM ({same}) WHERE l IN (FROM ends) OR r IN (FROM ends)"
    ).fetchnumpy()
    numbers, places = np.unique(np.concatenate([found["l"], found["r"]]).astype(np.int64), return_inverse=True)
    left, right = np.split(places.astype(np.int64), 2)
    sides = components.components(len(numbers), left, right)
    bands.table(connection, "beffroi_sides", {"n": numbers, "side": sides})
