"""Levels: how near the two records of each pair are in every comparison, and how rare what they have in common is."""

from collections.abc import Iterator

import duckdb

from pipelines.linking.recipe import Comparison

SLICE = 200_000
"""Records of which the engine holds twice all that is compared, at once."""


def frequencies(connection: duckdb.DuckDBPyConnection, used: list[Comparison], prepared: str) -> dict[str, float]:
    """Make beffroi_rare_COLUMN (value, share) for every column whose rarity counts; return how often two are equal."""
    columns = sorted({level.rare for each in used for level in each.levels if level.rare})
    found = {}
    for column in columns:
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE beffroi_rare_{column} AS
            SELECT {column} AS value, (count(*) / sum(count(*)) OVER ())::DOUBLE AS share
            FROM {prepared} WHERE {column} IS NOT NULL GROUP BY ALL"""
        )
        row = connection.execute(f"SELECT sum(share ** 2) FROM beffroi_rare_{column}").fetchone()
        found[column] = float(row[0] or 1) if row else 1.0
    return found


def levels(
    connection: duckdb.DuckDBPyConnection,
    used: list[Comparison],
    rare: dict[str, float],
    prepared: str,
    candidates: str,
) -> None:
    """Make beffroi_levels: l, r, rules, level_NAME of each comparison and rare_COLUMN, the share of the commoner value."""
    read = columns(connection, used, prepared)
    sides = ", ".join(f"{side}.{column} AS {column}_{side}" for side in "lr" for column in read)
    shares = "".join(f", beffroi_rare_{column}.share AS share_{column}" for column in rare)
    joins = "".join(f" LEFT JOIN beffroi_rare_{column} ON beffroi_rare_{column}.value = {column}" for column in rare)
    both = "".join(f", l.share_{column} AS share_{column}_l, r.share_{column} AS share_{column}_r" for column in rare)
    levels = ", ".join(f"({each.level})::UTINYINT AS level_{each.name}" for each in used)
    greatest = "".join(f", greatest(share_{column}_l, share_{column}_r)::FLOAT AS rare_{column}" for column in rare)
    kept = ", ".join(["n", *sorted({*read, *rare})])
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_some AS SELECT {kept} FROM {prepared}{_touched(connection, prepared, candidates)};
        CREATE OR REPLACE TEMP TABLE beffroi_sides AS SELECT n, {", ".join(read)}{shares} FROM beffroi_some{joins};
        DROP TABLE beffroi_some"""
    )
    query = f"""SELECT p_l AS l, p_r AS r, rules, {levels}{greatest} FROM (
        SELECT p.l AS p_l, p.r AS p_r, rules, {sides}{both}
        FROM (FROM {candidates} WHERE l BETWEEN $l AND $l_end AND r BETWEEN $r AND $r_end) p
        JOIN (FROM beffroi_sides WHERE n BETWEEN $l AND $l_end) l ON l.n = p.l
        JOIN (FROM beffroi_sides WHERE n BETWEEN $r AND $r_end) r ON r.n = p.r)"""
    into = "CREATE OR REPLACE TEMP TABLE beffroi_levels AS"
    for bounds in _slices(connection):
        connection.execute(f"{into} {query}", bounds)
        into = "INSERT INTO beffroi_levels"
    connection.execute("DROP TABLE beffroi_sides")


def again(
    connection: duckdb.DuckDBPyConnection, used: list[Comparison], rare: dict[str, float], prepared: str, known: str
) -> None:
    """Add to beffroi_levels pairs of which `known` has the levels (l, r, rules, level_NAME): how rare values are is of today."""
    shares = "".join(f", beffroi_rare_{column}.share AS share_{column}" for column in rare)
    joins = "".join(f" LEFT JOIN beffroi_rare_{column} ON beffroi_rare_{column}.value = {column}" for column in rare)
    touched = f"SEMI JOIN (SELECT l AS n FROM {known} UNION ALL SELECT r FROM {known}) beffroi_touched USING (n)"
    levels = "".join(f", level_{each.name}" for each in used)
    greatest = "".join(f", greatest(l.share_{column}, r.share_{column})::FLOAT AS rare_{column}" for column in rare)
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_shares AS SELECT n{shares} FROM (FROM {prepared} {touched}){joins};
        INSERT INTO beffroi_levels BY NAME SELECT p.l AS l, p.r AS r, rules{levels}{greatest} FROM {known} p
        JOIN beffroi_shares l ON l.n = p.l JOIN beffroi_shares r ON r.n = p.r;
        DROP TABLE beffroi_shares"""
    )


def _touched(connection: duckdb.DuckDBPyConnection, prepared: str, candidates: str) -> str:
    """Return the join that leaves the records of pairs; where pairs are many, none: it would leave nearly all."""
    row = connection.execute(
        f"SELECT (SELECT count(*) FROM {candidates}) < (SELECT count(*) FROM {prepared})"
    ).fetchone()
    touched = f"(SELECT l AS n FROM {candidates} UNION ALL SELECT r FROM {candidates})"
    return f" SEMI JOIN {touched} beffroi_touched USING (n)" if row and row[0] else ""


def _slices(connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, int]]:
    """Yield bounds of n for the lesser and the greater record of pairs: together all pairs, each once."""
    ends = [
        end for (end,) in connection.execute(
            f"SELECT max(n) FROM (SELECT n, (row_number() OVER (ORDER BY n) - 1) // {SLICE} AS part FROM beffroi_sides)"
            " GROUP BY part ORDER BY part"
        ).fetchall()
    ] or [0]  # fmt: skip
    parts = list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))
    for at, (first, last) in enumerate(parts):
        for other, end in parts[at:]:
            yield {"l": first, "l_end": last, "r": other, "r_end": end}


def columns(connection: duckdb.DuckDBPyConnection, used: list[Comparison], prepared: str) -> list[str]:
    """Return the columns of the table `prepared` that some of the comparisons read."""
    there = [row[0] for row in connection.execute(f"DESCRIBE {prepared}").fetchall()]
    text = " ".join(" ".join([each.is_missing, *(level.sql or "" for level in each.levels)]) for each in used)
    return [column for column in there if f"{column}_l" in text]
