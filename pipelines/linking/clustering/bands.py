"""The band that each pair of a run is in, once people's decisions and the clusters are known: what a person is asked of."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.linking.deciding.decisions import VERDICTS

Ints = npt.NDArray[np.int64]

LINKED = "p.probability >= {link!r}"
"""SQL: that a pair is linked, as far as nothing else is known of it."""

BY_WHY = {"same": "linked", "different": "apart", "unsure": "doubtful", "together": "linked", "other": "apart"}
"""The band of a pair that something is known of besides its weight; that of a link which was cut is doubtful."""

Special = list[tuple[Ints, Ints, list[str]]]
"""Pairs by the numbers of their records, each with what is known of it besides its weight."""


def table(connection: duckdb.DuckDBPyConnection, name: str, columns: Any) -> None:
    """Make a temp table of whole columns, arrays or lists by their names, or of an Arrow table."""
    connection.register("beffroi_columns", pa.table(columns) if isinstance(columns, dict) else columns)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM beffroi_columns")
    connection.unregister("beffroi_columns")


def bands(
    connection: duckdb.DuckDBPyConnection, pairs: str, into: str, special: Special, *, link: float, review: float,
    together: bool = True,
) -> dict[str, int]:  # fmt: skip
    """Make the view `into`_bands (l, r, band, why) of the pairs, and return how many there are in each band.

    The pairs of `special` come the most telling first. With `together` a doubtful pair whose records are in one cluster
    (`into`) by other links is no question any longer. One of equal identifiers that all the rest speaks against is
    doubtful, whatever the thresholds.
    """
    left, right = (np.concatenate([each[at] for each in special]) for at in (0, 1))
    whys = pa.array([why for each in special for why in each[2]], pa.string())
    table(connection, f"{into}_special", {"l": left, "r": right, "why": whys, "rank": np.arange(len(left))})
    if together:
        connection.execute(
            f"INSERT INTO {into}_special SELECT p.l, p.r, 'together', {len(left)} FROM {pairs} p"
            f" JOIN {into} a ON a.n = p.l JOIN {into} b ON b.n = p.r"
            f" WHERE a.cluster = b.cluster AND p.probability >= {review!r} AND NOT ({LINKED.format(link=link)})"
        )
    connection.execute(
        f"INSERT INTO {into}_special SELECT l, r, 'against', {len(left) + 1} FROM {pairs} p"
        f" WHERE how = 'identifier' AND NOT ({LINKED.format(link=link)})"
    )
    both = f"SELECT l, r, why, rank FROM {into}_special UNION ALL SELECT r, l, why, rank FROM {into}_special"
    known = "".join(f" WHEN '{why}' THEN '{band}'" for why, band in BY_WHY.items())
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {into}_whys AS SELECT l, r, arg_min(why, rank) AS why FROM ({both}) GROUP BY l, r"
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {into}_bands AS SELECT p.l, p.r, CASE"
        f" WHEN w.why IS NOT NULL THEN CASE w.why{known} ELSE 'doubtful' END"
        f" WHEN {LINKED.format(link=link)} THEN 'linked' WHEN p.probability >= {review!r} THEN 'doubtful' ELSE 'apart'"
        f" END AS band, w.why FROM {pairs} p LEFT JOIN {into}_whys w ON w.l = p.l AND w.r = p.r"
    )
    counted = connection.execute(f"SELECT band, count(*) FROM {into}_bands GROUP BY band").fetchall()
    return {"linked": 0, "doubtful": 0, "apart": 0} | dict(counted)


def decided(n: Ints, told: Mapping[tuple[int, int], str]) -> Special:
    """Return the pairs that people decided on, of records that are there, by their places in `n`."""
    found = [(one, other, verdict) for (one, other), verdict in told.items() if max(one, other) < len(n)]
    assert all(verdict in VERDICTS for *_, verdict in found)  # noqa: S101  # the words of decisions are those of bands
    ends = np.array([each[:2] for each in found], np.int64).reshape(-1, 2)
    return [(n[ends[:, 0]], n[ends[:, 1]], [verdict for *_, verdict in found])]
