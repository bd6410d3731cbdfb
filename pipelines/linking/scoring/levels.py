"""Levels: how near the two records of each pair are in every comparison, and how rare what they have in common is."""

import re
from collections.abc import Iterator

import duckdb

from pipelines import engine
from pipelines.linking.recipe import Comparison

SLICE, EACH = 200_000, 500_000_000
"""Records of which the engine holds twice all that is compared, at once: so many for EACH bytes that it may hold."""

READS = 2
"""So often all pairs, which may be on disk, are read for a part of the lesser records; else the pairs of the part are put aside."""


def frequencies(connection: duckdb.DuckDBPyConnection, used: list[Comparison], prepared: str) -> dict[str, float]:
    """Make beffroi_rare_COLUMN (value, a hash, and how many records have `held` it) for every column whose rarity counts.

    Return for each column how many records hold the value of a record, on average of those that have one.
    """
    found = {}
    for column in rares(used):
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE beffroi_rare_{column} AS
            SELECT hash({column}) AS value, count(*) AS held FROM {prepared} WHERE {column} IS NOT NULL GROUP BY ALL"""
        )
        # of whole numbers: a sum of shares would be another in its last digits from run to run
        row = connection.execute(f"SELECT sum(held), sum(held * held) FROM beffroi_rare_{column}").fetchone()
        found[column] = row[1] / row[0] if row and row[0] else 1.0
    return found


def rares(used: list[Comparison]) -> list[str]:
    """Return the columns whose rarity counts."""
    return sorted({level.rare for each in used for level in each.levels if level.rare})


def _two(used: list[Comparison], rare: dict[str, float]) -> dict[str, float]:
    """Return those of the rare columns that may have two values where they count: of the others one record's will do."""
    counting = [level for each in used for level in each.levels if level.rare]
    return {
        column: often for column, often in rare.items()
        if any(level.rare == column and not level.is_equal_in(column) for level in counting)
    }  # fmt: skip


def levels(
    connection: duckdb.DuckDBPyConnection, used: list[Comparison], prepared: str, candidates: str, into: str
) -> None:
    """Make the temp table `into`: l, r, rules and level_NAME of each comparison."""
    start = f"CREATE OR REPLACE TEMP TABLE {into} AS"
    for query in compared(connection, used, {}, prepared, candidates):
        connection.execute(f"{start} {query}")
        start = f"INSERT INTO {into}"


def compared(
    connection: duckdb.DuckDBPyConnection,
    used: list[Comparison],
    rare: dict[str, float],
    prepared: str,
    candidates: str,
) -> Iterator[str]:
    """Yield queries, of some pairs each: l, r, rules, level_NAME of each comparison, rare_COLUMN.

    That is how many bits the rarity of the commoner value is worth. A query holds until the next one is asked for.
    """
    read, few, two = columns(connection, used, prepared), _few(connection, prepared, candidates), _two(used, rare)
    levels = "".join(f", ({each.level})::UTINYINT AS level_{each.name}" for each in used)
    kept, others = (", ".join(sorted({*read, *more})) for more in (rare, two))
    held = f" SEMI JOIN (SELECT r AS n FROM {candidates}) beffroi_greater USING (n)" if few else ""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_some AS SELECT n, {kept} FROM {prepared}{held};
        CREATE OR REPLACE TEMP TABLE beffroi_sides AS SELECT {", ".join(["n", *read])}{_bits(rare)} FROM beffroi_some{_joins(rare)};
        DROP TABLE beffroi_some"""
    )
    for pairs, (first, last), (other, end) in _slices(connection, candidates, few=few):
        if few:
            some = f"(SELECT p.l AS p_l, p.r AS p_r, rules, {others} FROM {pairs} p JOIN {prepared} l ON l.n = p.l)"
            lesser = f"(SELECT p_l, p_r, rules{_side(read, 'l')}{_bits(two, '_l')} FROM {some}{_joins(two)})"
        else:
            lesser = f"""(SELECT p.l AS p_l, p.r AS p_r, rules{_side([*read, *_named(two)], "l")} FROM {pairs} p
                JOIN (FROM beffroi_sides WHERE n BETWEEN {first} AND {last}) l ON l.n = p.l)"""
        yield f"""SELECT p_l AS l, p_r AS r, rules{levels}{_commoner(rare, two)} FROM (
            SELECT p.*{_side([*read, *_named(rare)], "r")} FROM {lesser} p
            JOIN (FROM beffroi_sides WHERE n BETWEEN {other} AND {end}) r ON r.n = p.p_r)"""
    connection.execute("DROP TABLE beffroi_sides")


def again(
    connection: duckdb.DuckDBPyConnection, used: list[Comparison], rare: dict[str, float], prepared: str, known: str
) -> Iterator[str]:
    """Yield a query as `compared` does, of pairs of which `known` has the levels: how rare values are is of today."""
    two = _two(used, rare)
    touched = f"SEMI JOIN (SELECT l AS n FROM {known} UNION ALL SELECT r FROM {known}) beffroi_touched USING (n)"
    levels = "".join(f", level_{each.name}" for each in used)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE beffroi_shares AS SELECT n{_bits(rare)} FROM (FROM {prepared} {touched}){_joins(rare)}"
    )
    both = "".join(f", {side}.bits_{column} AS bits_{column}_{side}" for side in "lr" for column in rare)
    yield f"""SELECT p_l AS l, p_r AS r, rules{levels}{_commoner(rare, two)} FROM (
        SELECT p.l AS p_l, p.r AS p_r, rules{levels}{both} FROM {known} p
        JOIN beffroi_shares l ON l.n = p.l JOIN beffroi_shares r ON r.n = p.r)"""
    connection.execute("DROP TABLE beffroi_shares")


def _joins(rare: dict[str, float]) -> str:
    return "".join(
        f" LEFT JOIN beffroi_rare_{column} ON beffroi_rare_{column}.value = hash({column})" for column in rare
    )


def _bits(rare: dict[str, float], end: str = "") -> str:
    """Return SQL for bits_COLUMN of a record: by how much its value is rarer than two values that are equal are, mostly."""
    return "".join(
        f", log2({often!r} / beffroi_rare_{column}.held) AS bits_{column}{end}" for column, often in rare.items()
    )


def _named(rare: dict[str, float]) -> list[str]:
    return [f"bits_{column}" for column in rare]


def _side(columns: list[str], side: str) -> str:
    return "".join(f", {column} AS {column}_{side}" for column in columns)


def _commoner(rare: dict[str, float], two: dict[str, float]) -> str:
    bits = {
        column: f"least(bits_{column}_l, bits_{column}_r)" if column in two else f"bits_{column}_r" for column in rare
    }
    return "".join(f", {sql} AS rare_{column}" for column, sql in bits.items())


def _few(connection: duckdb.DuckDBPyConnection, prepared: str, candidates: str) -> bool:
    """Tell whether pairs are fewer than records: then the lesser ones are read as they stand, and only the others held."""
    query = f"SELECT (SELECT count(*) FROM {candidates}) < (SELECT count(*) FROM {prepared})"
    return bool(connection.execute(query).fetchall()[0][0])


Part = tuple[int, int]
"""The first and the last n of some records."""


def _slices(connection: duckdb.DuckDBPyConnection, candidates: str, *, few: bool) -> Iterator[tuple[str, Part, Part]]:
    """Yield SQL for some of the pairs, and of which n their lesser and their greater records are: together all pairs, each once."""
    most = SLICE * max(1, engine.held(connection) // EACH)
    ends = [
        end for (end,) in connection.execute(
            f"SELECT max(n) FROM (SELECT n, (row_number() OVER (ORDER BY n) - 1) // {most} AS part"
            " FROM beffroi_sides) GROUP BY part ORDER BY part"
        ).fetchall()
    ] or [0]  # fmt: skip
    parts = list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))
    for at, part in enumerate(parts):
        if few:
            yield f"(FROM {candidates} WHERE r BETWEEN {part[0]} AND {part[1]})", (0, part[1]), part
            continue
        of_part = f"(FROM {candidates} WHERE l BETWEEN {part[0]} AND {part[1]})"
        if len(parts) - at > READS:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE beffroi_part AS {of_part}")
            of_part = "beffroi_part"
        for other in parts[at:]:
            yield f"(FROM {of_part} WHERE r BETWEEN {other[0]} AND {other[1]})", part, other
    connection.execute("DROP TABLE IF EXISTS beffroi_part")


def columns(connection: duckdb.DuckDBPyConnection, used: list[Comparison], prepared: str) -> list[str]:
    """Return the columns of the table `prepared` that some of the comparisons read."""
    there = [row[0] for row in connection.execute(f"DESCRIBE {prepared}").fetchall()]
    text = " ".join(" ".join([each.is_missing, *(level.sql or "" for level in each.levels)]) for each in used)
    return [column for column in there if re.search(rf"\b{column}_l\b", text)]
