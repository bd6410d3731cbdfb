"""What of a link's last version still stands: records whose fields are as they were, and pairs of two such records.

All tables of a run's link begin with its `name`, which every function is given; `before` is what the last version has.
"""

import duckdb

from pipelines.linking.files import Before
from pipelines.linking.scoring.rates import Frame

NOTHING = "(SELECT 0 AS n, 0 AS side, '' AS identity, 0 AS beffroi_hash LIMIT 0)"
"""The records of no version."""


def compare(connection: duckdb.DuckDBPyConnection, name: str, before: Before | None) -> dict[str, int]:
    """Make `_same` (n, and what it `was`), `_changed` (n) and `_new` (n, changed ones too); return how many came and went."""
    run, was = connection.execute, before.table("records") if before is not None else NOTHING
    run(
        f"CREATE TEMP TABLE {name}_both AS SELECT r.n, b.n AS was, r.beffroi_hash = b.beffroi_hash AS same"
        f" FROM {name}_records r JOIN {was} b ON r.identity = b.identity AND r.side = b.side"
    )
    run(f"CREATE TEMP VIEW {name}_same AS SELECT n, was FROM {name}_both WHERE same")
    run(f"CREATE TEMP VIEW {name}_changed AS SELECT n FROM {name}_both WHERE NOT same")
    run(f"CREATE TEMP TABLE {name}_new AS SELECT n FROM {name}_records ANTI JOIN {name}_same USING (n)")
    both, same = run(f"SELECT count(*), count(*) FILTER (same) FROM {name}_both").fetchall()[0]
    counts = [run(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in (f"{name}_records", was)]
    return {"records_new": counts[0] - both, "records_changed": both - same, "records_gone": counts[1] - both}


def members(name: str, before: Before | None, known: str) -> str:
    """Return SQL for who was in which cluster, or linked to whom: `known` (identity, cluster or theirs), with the n of today.

    Of records that are gone it is null. `_both` tells it of a version of which all is read; else identities have to be looked for.
    """
    if before is None:
        return f"(SELECT b.*, r.n FROM {known} b LEFT JOIN (FROM {name}_records WHERE side = 0) r USING (identity))"
    return f"(SELECT b.* EXCLUDE (n), s.n FROM {before.table('members')} b LEFT JOIN {name}_both s ON s.was = b.n)"


def prepared(connection: duckdb.DuckDBPyConnection, name: str, before: Before) -> str:
    """Make the table of what was prepared of the records that are the same, under today's n; return its name."""
    connection.execute(
        f"CREATE TEMP TABLE {name}_kept AS SELECT r.n, r.side, r.origin, p.* EXCLUDE (n, side, origin)"
        f" FROM {before.table('prepared')} p JOIN {name}_same s ON p.n = s.was JOIN {name}_records r ON r.n = s.n"
    )
    return f"{name}_kept"


def again(connection: duckdb.DuckDBPyConnection, name: str, before: Before) -> str:
    """Make the table of the records that are to be compared (n): the new ones, and who has lost the one for many.

    Of many records that are all alike, or have one identifier, each was compared with the first alone: where that one
    is gone or another now, the others are to be compared anew. Returns the table's name.
    """
    lost = (
        f"SELECT p.{ours} AS was FROM {before.table('pairs')} p ANTI JOIN {name}_same s ON p.{theirs} = s.was"
        " WHERE p.rules = 0 OR p.how = 'identifier'"
        for ours, theirs in (("l_n", "r_n"), ("r_n", "l_n"))
    )
    connection.execute(
        f"CREATE TEMP TABLE {name}_again AS SELECT n FROM {name}_new UNION"
        f" SELECT n FROM {name}_same SEMI JOIN ({' UNION ALL '.join(lost)}) beffroi_lost USING (was)"
    )
    return f"{name}_again"


def pairs(connection: duckdb.DuckDBPyConnection, name: str, before: Before) -> tuple[str, int]:
    """Make the table of the pairs of before where neither record is compared again, with their levels; and count them."""
    stands = f"(FROM {name}_same ANTI JOIN {name}_again USING (n))"
    connection.execute(
        f"CREATE TEMP TABLE {name}_stand AS SELECT least(a.n, b.n) AS l, greatest(a.n, b.n) AS r, rules, COLUMNS('^level_')"
        f" FROM {before.table('pairs')} p JOIN {stands} a ON p.l_n = a.was JOIN {stands} b ON p.r_n = b.was"
    )
    return f"{name}_stand", int(connection.execute(f"SELECT count(*) FROM {name}_stand").fetchall()[0][0])


def share(connection: duckdb.DuckDBPyConnection, name: str, before: Before, across: str | None) -> float:
    """Return which share of all pairs that there were before are of two records that are not compared again.

    Of pairs that were only counted as many are taken to stand: which they are is not known.
    """
    stand = (
        f"(FROM {name}_records SEMI JOIN (FROM {name}_same ANTI JOIN {name}_again USING (n)) beffroi_stand USING (n))"
    )
    all_pairs = Frame.of(connection, before.table("records"), across).pairs
    return Frame.of(connection, stand, across).pairs / all_pairs if all_pairs else 0.0
