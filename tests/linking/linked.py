"""What tests of linking share: rows as tables, weights, and figures of linking written rows to a register."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from pipelines.linking import prepare
from pipelines.linking.recipe import Recipe
from pipelines.linking.scoring import model, pairs

Row = Mapping[str, str | None]


class Figures(NamedTuple):
    """How well written rows were linked, at the recipe's threshold: the best of each, if it is that by two bits."""

    links: int
    right: int
    truth: int
    doubtful: int

    @property
    def precision(self) -> float:
        """Return the share of links that are right."""
        return self.right / max(1, self.links)

    @property
    def f1(self) -> float:
        """Return F1 over the written rows."""
        return 2 * self.right / max(1, self.links + self.truth)


def records(rows: Sequence[Row], fields: Iterable[str], sides: Sequence[int] | None = None) -> pa.Table:
    """Return rows as a recipe is given them: n, side, origin, and the fields as texts."""
    columns = {field: pa.array([row.get(field) for row in rows], pa.string()) for field in fields}
    given = list(sides or [0] * len(rows))
    own = {"n": pa.array(range(len(rows)), pa.int64()), "side": pa.array(given, pa.uint8())}
    return pa.table({**own, "origin": pa.array(given, pa.uint16()), **columns})


def figures(recipe: Recipe, register: Sequence[Row], written: Sequence[Row]) -> Figures:
    """Link written rows to the register; `entity` in both is the truth."""
    rows = [*written, *register]
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.register("given", records(rows, recipe.fields, [0] * len(written) + [1] * len(register)))
        connection.execute("CREATE TEMP TABLE records AS FROM given")
        prepare.prepare(connection, recipe, "records", "prepared")
        trained = model.train(connection, recipe, "prepared", across="side")
        pairs.candidates(connection, recipe, "prepared", "candidates", across="side")
        pairs.score(connection, recipe, trained, "prepared", "candidates", "scored", floor=-8)
        best = connection.execute(
            "SELECT l, arg_max(r, weight), max(probability), max(weight, 2) FROM scored GROUP BY l"
        ).fetchall()
    sure = [(ours, theirs, p, len(two) < 2 or two[0] - two[1] >= 2) for ours, theirs, p, two in best]
    links = [(ours, theirs) for ours, theirs, p, clear in sure if p >= recipe.thresholds.link and clear]
    doubtful = sum(p >= recipe.thresholds.review for _, _, p, _ in sure) - len(links)
    right = sum(rows[ours]["entity"] == rows[theirs]["entity"] for ours, theirs in links)
    return Figures(len(links), right, sum(row["entity"] is not None for row in written), doubtful)


def trained(connection: duckdb.DuckDBPyConnection, of: Recipe, rows: Sequence[Row]) -> model.Model:
    """Prepare rows as the table `prepared`; return the model that is trained on them."""
    connection.register("given", records(rows, of.fields))
    connection.execute("CREATE TEMP TABLE records AS FROM given")
    prepare.prepare(connection, of, "records", "prepared")
    return model.train(connection, of, "prepared")


def duplicates(of: Recipe, rows: Sequence[Row]) -> tuple[list[tuple[int, int]], int]:
    """Link rows among themselves; return the pairs that are linked, and how many are asked."""
    with duckdb.connect() as connection:
        by = trained(connection, of, rows)
        pairs.candidates(connection, of, "prepared", "candidates")
        pairs.score(connection, of, by, "prepared", "candidates", "scored", floor=of.thresholds.review)
        found = connection.execute("SELECT l, r, probability FROM scored").fetchall()
    linked = [(one, other) for one, other, probability in found if probability >= of.thresholds.link]
    return linked, len(found) - len(linked)


def fill(connection: duckdb.DuckDBPyConnection, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    """Make a table of a few rows, quickly."""
    names = [column.split()[0] for column in columns.split(", ")]
    given = json.dumps([dict(zip(names, row, strict=True)) for row in rows])
    connection.execute(
        f"CREATE OR REPLACE TABLE {table} AS SELECT unnest(from_json(?::JSON, ?), max_depth := 2)",
        [given, json.dumps([dict(column.split() for column in columns.split(", "))])],
    )


def weight(probability: float) -> float:
    """Return the weight of a probability, in bits."""
    return math.log2(probability / (1 - probability))
