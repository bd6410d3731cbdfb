"""Rivals: of one record two links to two others that do not fit each other, of which one at least is wrong.

A record without a date of birth fits a father and his son of one name alike; each link is likely, and both together would
make the two one. Only a link that is better than its rival by as much as links need is made without asking.
"""

import math

import duckdb
import numpy as np

from pipelines.linking.clustering import bands, components
from pipelines.linking.recipe import Comparison, Recipe
from pipelines.linking.scoring import pairs as scoring
from pipelines.linking.scoring.levels import columns, levels
from pipelines.linking.scoring.model import Model

AGAINST = 3.0
"""Bits that speak against two, where they do not fit: eight times as likely of any two as of one."""

SURE = 1000
"""What an identifier's link weighs here."""

RIVALS = f"x.a = y.a AND x.b <> y.b AND x.links AND x.sure < y.sure + {{margin}} AND x.sure < {SURE}"
"""SQL: that y, of the same record, is a rival of x, which is a link: x is not better by the margin."""


def rivals(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, model: Model, prepared: str, pairs: str, into: str
) -> int:
    """Make the temp table `into` (l, r, why, rival_l, rival_r): links that have a rival, why `tie`; return how many rows.

    Of a link and its rival one at most is right. So what makes a link of a pair, that it is so many times as likely as not,
    has to hold against the rival too, which need be no link itself.
    The two others do not fit where something speaks against them that the record itself lacks, so that it can tell neither
    link from the other. It is seen by comparing them: that no rule brought them together does not tell it.
    Of many that are all alike, which are compared with the first alone, none is a rival; an identifier's link has none.
    """
    review = recipe.thresholds.review
    _meet(connection, pairs, recipe.thresholds.link, review)
    used = [each for each in recipe.comparisons if each.name in model.levels]
    _compare(connection, used, prepared)
    between = scoring.weighed("FROM beffroi_levels", recipe, model, used, rarity=False)
    against = " OR ".join(
        f"(z.w_{each.name} < {-AGAINST} AND p.level_{each.name} + q.level_{each.name} = 0)" for each in used
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS SELECT m.l, m.r, 'tie' AS why, rival_l, rival_r FROM beffroi_met m
        JOIN (FROM ({between}) WHERE p < {review!r}) z ON z.l = one AND z.r = other
        JOIN {pairs} p ON p.l = m.l AND p.r = m.r JOIN {pairs} q ON q.l = rival_l AND q.r = rival_r
        WHERE {against or "false"}"""
    )
    for table in ("open", "ends", "met", "between", "levels"):
        connection.execute(f"DROP TABLE beffroi_{table}")
    return int(connection.execute(f"SELECT count(*) FROM {into}").fetchall()[0][0])


def _meet(connection: duckdb.DuckDBPyConnection, pairs: str, link: float, review: float) -> None:
    """Make beffroi_met (l, r, rival_l, rival_r, one, other): pairs that may be rivals; beffroi_between: the two others."""
    of_one = RIVALS.format(margin=max(AGAINST, math.log2(link / (1 - link))) if link < 1 else SURE)
    likely = f"probability >= {min(link, 0.5)!r} AND (rules <> 0 OR how = 'identifier')"
    _open(connection, pairs, likely, f"probability >= {review!r}")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_ends AS WITH
        likely AS (SELECT l, r, probability >= {link!r} AS links, CASE WHEN how = 'identifier' THEN {SURE} ELSE weight END
            AS sure FROM {pairs} WHERE {likely} AND l IN (FROM beffroi_open)),
        ends AS (SELECT l AS a, r AS b, * FROM likely UNION ALL SELECT r, l, * FROM likely)
        FROM ends SEMI JOIN (SELECT a FROM ends GROUP BY a HAVING count(*) > 1) USING (a);
        CREATE OR REPLACE TEMP TABLE beffroi_met AS
        SELECT x.l, x.r, y.l AS rival_l, y.r AS rival_r, least(x.b, y.b) AS one, greatest(x.b, y.b) AS other
        FROM beffroi_ends x JOIN beffroi_ends y ON {of_one}
        ANTI JOIN (FROM {pairs} WHERE probability >= {review!r} AND l IN (FROM beffroi_open)) fit
            ON fit.l = least(x.b, y.b) AND fit.r = greatest(x.b, y.b);
        CREATE OR REPLACE TEMP TABLE beffroi_between AS SELECT DISTINCT one AS l, other AS r, 0::UBIGINT AS rules FROM beffroi_met"""
    )


def _open(connection: duckdb.DuckDBPyConnection, pairs: str, likely: str, fits: str) -> None:
    """Make the table beffroi_open (n) of the records of groups in which not all fit each other: no others have rivals.

    Nearly all groups of records that hang together by `likely` pairs are such that each two of them are one that `fits`.
    """
    found = connection.execute(f"SELECT l, r, {fits} AS fits FROM {pairs} WHERE {likely}").fetchnumpy()
    left, right = (found[name].astype(np.int64, copy=False) for name in "lr")
    groups = components.components(int(right.max(initial=-1)) + 1, left, right)
    sizes = np.bincount(groups)
    fitting = np.bincount(groups[left[found["fits"]]], minlength=len(sizes))
    bands.table(connection, "beffroi_open", {"n": np.flatnonzero((fitting < sizes * (sizes - 1) // 2)[groups])})


def _compare(connection: duckdb.DuckDBPyConnection, used: list[Comparison], prepared: str) -> None:
    """Make the table beffroi_levels of the pairs of beffroi_between; what is prepared of their few records is read once."""
    read = ", ".join(["n", *columns(connection, used, prepared)])
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_few AS SELECT {read} FROM {prepared}
        WHERE n IN (SELECT l FROM beffroi_between UNION SELECT r FROM beffroi_between)"""
    )
    levels(connection, used, "beffroi_few", "beffroi_between", "beffroi_levels")
    connection.execute("DROP TABLE beffroi_few")
