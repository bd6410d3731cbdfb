"""How well pairs and clusters are found, by the truth."""

from typing import Any

import duckdb

FIXED = (0.9, 0.95, 0.99)


def judged(connection: duckdb.DuckDBPyConnection, pairs: str, truth: int) -> dict[str, Any]:
    """Return what `pairs` (weight, probability, same) are worth: F1 at the fixed thresholds, and at the best of all.

    `truth` is how many pairs there are to be found; what no blocking rule brought together counts as missed.
    """
    rows = connection.execute(
        f"SELECT round(weight, 1) AS edge, count(*), count(*) FILTER (same) FROM {pairs} GROUP BY 1 ORDER BY 1 DESC"
    ).fetchall()
    found = right = 0
    best = (0.0, 0.0)
    for edge, many, true in rows:
        found, right = found + many, right + true
        best = max(best, (f1(right, found, truth), edge))
    told: dict[str, Any] = {"pairs": found, "blocked": right / truth if truth else None}
    told |= {"best": best[0], "best_at": best[1]}
    for threshold in FIXED:
        told[f"f1@{threshold}"] = at(connection, pairs, truth, threshold)["f1"]
    return told


def at(connection: duckdb.DuckDBPyConnection, pairs: str, truth: int, threshold: float) -> dict[str, Any]:
    """Return precision, recall, F1 and false links per 10,000 of the pairs from a probability on."""
    found, right = connection.execute(
        f"SELECT count(*), count(*) FILTER (same) FROM {pairs} WHERE probability >= {threshold}"
    ).fetchall()[0]
    return scores(right, found, truth)


def scores(right: int, found: int, truth: int) -> dict[str, Any]:
    """Return precision, recall, F1 and false links per 10,000."""
    return {
        "links": found, "false": found - right, "precision": right / found if found else None,
        "recall": right / truth if truth else None, "f1": f1(right, found, truth),
        "false_in_10000": (found - right) / found * 10_000 if found else 0.0,
    }  # fmt: skip


def f1(right: int, found: int, truth: int) -> float:
    """Return the harmonic mean of precision and recall."""
    return 2 * right / (found + truth) if found + truth else 0.0


def clustered(connection: duckdb.DuckDBPyConnection, clusters: str, truth: int, *, across: bool) -> dict[str, Any]:
    """Return the scores of all pairs that a table (cluster, entity, origin) puts together."""

    def within(*columns: str) -> int:
        query = f"SELECT coalesce(sum(n * (n - 1) // 2), 0) FROM (SELECT count(*) AS n FROM {clusters} GROUP BY ALL)"
        query = query.replace("SELECT count(*) AS n", f"SELECT {', '.join(columns)}, count(*) AS n")
        return int(connection.execute(query).fetchall()[0][0])

    found, right = within("cluster"), within("cluster", "entity")
    if across:
        found, right = found - within("cluster", "origin"), right - within("cluster", "entity", "origin")
    return scores(right, found, truth)
