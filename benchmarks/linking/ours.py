"""The same records linked by Beffroi, by the functions that its runs call."""

from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.linking import measures
from benchmarks.linking.cases import OURS, true_pairs
from pipelines.linking.clustering.clusters import cluster
from pipelines.linking.deciding.questions import Settled
from pipelines.linking.prepare import prepare
from pipelines.linking.recipe import Recipe, recipe
from pipelines.linking.scoring.held import hold
from pipelines.linking.scoring.model import Model, train
from pipelines.linking.scoring.pairs import candidates, score
from pipelines.linking.scoring.rivals import rivals
from pipelines.linking.step import FLOOR

LEAST = 1 / (1 + 2.0**-FLOOR)
"""The probability under which pairs are only counted, as in a run."""


def records(connection: duckdb.DuckDBPyConnection, table: pa.Table, of: Recipe, into: str = "records") -> list[str]:
    """Make the tables `into`, as a run has them, and `truth` of an Arrow table; return the fields that it has."""
    connection.register("given", table)
    names = {field: next((each for each in names if each in table.column_names), None) for field, names in OURS.items()}
    held = {field: name for field, name in names.items() if name is not None and field in of.fields}
    fields = ", ".join(f"{held.get(field, 'NULL')}::VARCHAR AS {field}" for field in of.fields)
    number = "n" if "n" in table.column_names else "row_number() OVER () - 1 AS n"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT {number}, 0::UTINYINT AS side, origin::USMALLINT AS origin, {fields}"
        " FROM given"
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE truth AS SELECT {number}, entity, origin FROM given")
    connection.unregister("given")
    return list(held)


def link(
    connection: duckdb.DuckDBPyConnection,
    of: Recipe,
    *,
    across: bool,
    model: Model | None = None,
    new: str | None = None,
) -> dict[str, Any]:
    """Link the table `records` into `prepared`, `candidates`, `pairs` and `clusters`; return what was done."""
    among = "origin" if across else None
    if new is None:
        prepare(connection, of, "records", "prepared", None)
    model = model or train(connection, of, "prepared", across=among)
    blocked = candidates(connection, of, "prepared", "candidates", new=new, across=among)
    score(connection, of, model, "prepared", "candidates", "pairs", LEAST)
    rivals(connection, of, model, "prepared", "pairs", "held")
    hold(connection, of, model, "pairs", "held")
    return {"model": model, "blocked": blocked.pairs, "rules": blocked.by_rule}


def together(
    connection: duckdb.DuckDBPyConnection, of: Recipe, *, end: str = "", before: str | None = None
) -> dict[str, int]:
    """Cluster the table `pairs` into `clusters`, as the first run of a dataset does, or one after `before`; return the figures.

    The names of all tables but that have the `end`.
    """
    exclusive = "".join(f", p.{column}" for column in of.exclusive)
    connection.execute(
        "CREATE OR REPLACE TEMP VIEW identities AS SELECT n, '[\"' || n || '\"]' AS identity, p.side, p.origin"
        f"{exclusive} FROM prepared{end} p"
    )
    made = cluster(
        connection, pairs=f"pairs{end}", records="identities", into=f"clusters{end}", link=of.thresholds.link,
        review=of.thresholds.review, take=_first, exclusive=of.exclusive, held=f"held{end}", before=before,
    )  # fmt: skip
    return {"clusters": made.clusters, "largest": made.largest, "linked": made.linked, "doubtful": made.doubtful}


def _first(_: int, above: int) -> int:
    """Return the first of so many new ids: here nothing keeps them."""
    return above + 1


def judged(connection: duckdb.DuckDBPyConnection, of: Recipe, *, across: bool) -> dict[str, Any]:
    """Return how well the tables `pairs` and `clusters` are found, by the truth."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE found AS SELECT p.l, p.r, weight, probability, a.entity = b.entity AS same FROM pairs p"
        " JOIN truth a ON a.n = p.l JOIN truth b ON b.n = p.r"
    )
    truth = true_pairs(connection, "truth", across=across)
    rows = int(connection.execute("SELECT count(*) FROM truth").fetchall()[0][0])
    brought = connection.execute(
        "SELECT count(*) FROM candidates p JOIN truth a ON a.n = p.l JOIN truth b ON b.n = p.r WHERE a.entity = b.entity"
    ).fetchall()[0][0]
    told = measures.judged(connection, "found", truth) | {"blocked": brought / truth, "rows": rows, "truth": truth}
    told["asked"] = measures.at(connection, "found", truth, of.thresholds.review)
    together(connection, of)
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE grouped AS SELECT c.cluster, t.entity, t.origin FROM clusters c JOIN truth t USING (n)"
    )
    linked, right = connection.execute(
        "SELECT count(*), count(*) FILTER (same) FROM found SEMI JOIN clusters_bands b ON b.l = found.l AND b.r = found.r"
        f" AND b.band = 'linked' WHERE probability >= {of.thresholds.link}"
    ).fetchall()[0]  # of pairs that a run links by themselves: ties are asked of a person
    told["fixed"] = measures.scores(right, linked, truth)
    told["clusters"] = measures.clustered(connection, "grouped", truth, across=across)
    return told | _asked(connection, rows)


def _asked(connection: duckdb.DuckDBPyConnection, rows: int) -> dict[str, Any]:
    """Return what a person is asked who answers by the truth, the likeliest first, as `beffroi decide` asks.

    Of all doubtful pairs of two clusters one is asked, and none that earlier answers answer. `questions_in_rows` is how
    many questions there are to each row: each is of one row, whether it is another's. `queued_rows` counts the rows of
    both sides of the questions.
    """
    doubtful = connection.execute(
        """SELECT b.l, b.r, x.cluster::VARCHAR, y.cluster::VARCHAR, s.entity = t.entity FROM clusters_bands b
        JOIN pairs p ON p.l = b.l AND p.r = b.r JOIN clusters x ON x.n = b.l JOIN clusters y ON y.n = b.r
        JOIN truth s ON s.n = b.l JOIN truth t ON t.n = b.r
        WHERE band = 'doubtful' ORDER BY p.probability DESC, b.l, b.r"""
    ).fetchall()
    settled, queued, said = Settled(), set[int](), list[bool]()
    for l, r, one, other, same in doubtful:  # noqa: E741  # as the columns of pairs are called
        if not settled.knows(one, other):
            settled.say(one, other, "same" if same else "different")
            queued |= {l, r}
            said.append(same)
    return {
        "questions": len(said), "questions_same": sum(said), "questions_in_rows": len(said) / rows,
        "queued_rows": len(queued) / rows,
    }  # fmt: skip


def whole(connection: duckdb.DuckDBPyConnection, table: pa.Table, *, across: bool) -> dict[str, Any]:
    """Link a table of persons by Beffroi's recipe, and judge it by its truth."""
    of = recipe("person")
    records(connection, table, of)
    done = link(connection, of, across=across)
    return judged(connection, of, across=across) | {"compared": done["blocked"], "rules": done["rules"]}
