"""Links that a person is asked of first, whatever they weigh: what a weight of two records does not tell.

A short form of a given name, or one of the same sound, is mostly a slip of one record. Where both Natia and Nato stand in
two records each that are the same in all the rest, they are one person with two names or twins: a weight looks at two
records at a time. And a child may be known by the number of a parent, with name and address in common, too.
"""

import math

import duckdb
import numpy as np

from pipelines.linking.clustering import bands, components
from pipelines.linking.recipe import Recipe
from pipelines.linking.scoring.model import Model
from pipelines.linking.scoring.rivals import AGAINST


def hold(connection: duckdb.DuckDBPyConnection, recipe: Recipe, model: Model, pairs: str, into: str) -> None:
    """Add to the table `into` (l, r, why, rival_l, rival_r) the links that are held: `forms`, the recipe's `asked`, their `tie`s."""
    for each in recipe.asked:
        connection.execute(
            f"""INSERT INTO {into} BY NAME SELECT l, r, '{each.why}' AS why FROM {pairs}
            WHERE probability >= {recipe.thresholds.link!r} AND ({each.sql})"""
        )
    _forms(connection, recipe, model, pairs, into)
    _ties(connection, recipe, pairs, into)


def _forms(connection: duckdb.DuckDBPyConnection, recipe: Recipe, model: Model, pairs: str, into: str) -> None:
    """Add the links between two forms of a value that each stand in several records.

    Records that links at a comparison's first level join are one side, or at one that says the same (`as_first`). All links
    of the model are meant that are between two sides of two records or more which a link at a level that is a `form` joins.
    """
    for each in recipe.comparisons:
        levels = [at for at, level in enumerate(each.levels, 1) if level.form]
        if not levels or each.name not in model.levels:
            continue
        one = [at for at, level in enumerate(each.levels, 1) if at == 1 or level.as_first]
        every = f"probability >= {recipe.thresholds.link!r}"
        link = f"{every} AND how <> 'identifier'"
        formed = f"SELECT l, r FROM {pairs} WHERE {link} AND level_{each.name} IN ({', '.join(map(str, levels))})"
        _sides(connection, f"FROM {pairs} WHERE {every} AND level_{each.name} IN ({', '.join(map(str, one))})", formed)
        connection.execute(
            f"""INSERT INTO {into} BY NAME
            WITH between AS (SELECT x.side AS one, y.side AS other FROM ({formed}) p
                JOIN beffroi_sides x ON x.n = p.l JOIN beffroi_sides y ON y.n = p.r WHERE x.side <> y.side)
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


def _ties(connection: duckdb.DuckDBPyConnection, recipe: Recipe, pairs: str, into: str) -> None:
    """Add the links of one record to both of two that are asked, which would make them one without that: they are rivals.

    Asked are links that are held, and doubtful pairs that as links would be. Such a record has mostly no given
    name, or an initial: it is at one level to either. One that has the name of the one and the date of the other tells that both are slips. A link that is
    better by the margin of rivals is made. One of an identifier is a rival of such alone: who has the number of another one is
    that one.
    """
    link, review = recipe.thresholds.link, recipe.thresholds.review
    doubtful = " OR ".join(["false", *(f"({each.sql})" for each in recipe.asked)])
    margin = max(AGAINST, math.log2(link / (1 - link))) if link < 1 else math.inf
    names = [f"level_{each.name}" for each in recipe.comparisons if any(level.form for level in each.levels)]
    connection.execute(
        f"""INSERT INTO {into} BY NAME
        WITH asked AS (SELECT l, r FROM {into} WHERE why <> 'tie'
            UNION SELECT l, r FROM {pairs} WHERE probability >= {review!r} AND ({doubtful})),
        two AS (FROM asked UNION ALL SELECT r, l FROM asked),
        links AS (SELECT {", ".join(["l", "r", "how", "weight", *names])} FROM {pairs} ANTI JOIN asked USING (l, r)
            WHERE probability >= {link!r} AND (l IN (SELECT l FROM two) OR r IN (SELECT l FROM two))),
        ends AS (SELECT l AS a, r AS b, * FROM links UNION ALL SELECT r, l, * FROM links)
        SELECT x.l, x.r, 'tie' AS why, y.l AS rival_l, y.r AS rival_r FROM two
        JOIN ends x ON x.b = two.l JOIN ends y ON y.b = two.r AND y.a = x.a
        AND {" AND ".join(f"x.{name} = y.{name}" for name in ("how", *names))} AND (x.how = 'identifier' OR x.weight < y.weight + {margin!r})"""
    )
