"""Blocking: which records are looked at together at all.

It stays bounded: keys are counted before anything is joined, a key that too many records have is made narrower or
left out, and of many records that are all alike each is compared with the first alone. The same records give the same
pairs, in whatever order they came.
"""

from dataclasses import dataclass

import duckdb
import numpy as np

from connectors.errors import RunFailed
from pipelines.declarations import linked
from pipelines.linking.clustering import bands
from pipelines.linking.prepare import OWN
from pipelines.linking.recipe import Block, Recipe
from pipelines.sql import identifier

ALIKE = 10
"""So many records with the same values are compared with each other; of more, each with the first alone."""

LIKELY = 20
"""With so many of the other dataset each of many alike records is compared: those that most rules found for the first."""

EXPLODES = 100
"""Pairs per record that a declared block may make; a million are always let through."""


@dataclass(frozen=True)
class Blocked:
    """How many pairs there are, how many each rule found, and how many keys of each were left out as too frequent."""

    pairs: int
    by_rule: dict[str, int]
    left_out: dict[str, int]


def candidates(
    connection: duckdb.DuckDBPyConnection,
    recipe: Recipe,
    prepared: str,
    into: str,
    *,
    new: str | None = None,
    across: str | None = None,
    blocks: list[list[str]] | None = None,
) -> Blocked:
    """Make the temp table `into` of the pairs to compare: l BIGINT < r BIGINT, rules UBIGINT (bit k: the k-th rule found it).

    `across` is the column in which both records must differ: origin, side, or None. `new` is a table of n: then only
    pairs that touch one of them are made. `blocks` are instead of the recipe's blocks, each by fields of it or prepared columns.
    Raises RunFailed where one of those would make too many pairs, with their count.
    """
    rules = _declared(recipe, blocks) if blocks else recipe.blocks
    types = dict(connection.execute(f"SELECT column_name, column_type FROM (DESCRIBE {prepared})").fetchall())
    _alike(connection, recipe, prepared, list(types), across)
    connection.execute("CREATE OR REPLACE TEMP TABLE beffroi_found (l UINTEGER, r UINTEGER, rule UBIGINT)")
    by_rule, left_out, looked = {}, {}, _looked(connection, prepared, rules, new) if new else None
    stars = {each.missing[0] for each in recipe.identifiers if each.is_equality}
    for at, rule in enumerate(rules):
        name = " + ".join(rule.on)
        left_out[name] = _keys(connection, prepared, rule, types, looked, across, star=name in stars)
        if blocks:
            _refuse_explosive(connection, ", ".join(blocks[at]), prepared, across)
        by_rule[name] = _join(connection, 1 << at, looked, across)
    _of_alike(connection, across)
    if new:
        connection.execute(
            f"DELETE FROM beffroi_found WHERE l NOT IN (FROM {new}) AND r NOT IN (FROM {new}); DROP TABLE {looked}; DROP TABLE beffroi_ours"
        )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS
        SELECT l::BIGINT AS l, r::BIGINT AS r, bit_or(rule) AS rules FROM beffroi_found GROUP BY ALL"""
    )
    pairs = _count(connection, f"FROM {into}")
    connection.execute("DROP TABLE beffroi_found; DROP TABLE beffroi_alike; DROP TABLE beffroi_keys")
    return Blocked(pairs, by_rule, left_out)


def _declared(recipe: Recipe, blocks: list[list[str]]) -> list[Block]:
    """Return the blocks that a declaration names; no key of theirs is too frequent."""
    return [Block(on=[linked.prepared(recipe, name) or name for name in on], most=2**31) for on in blocks]


def _looked(connection: duckdb.DuckDBPyConnection, prepared: str, rules: list[Block], new: str) -> str:
    """Make the table of the records whose keys are looked at: of new ones that are like another it is the first.

    beffroi_ours has what their keys are made of.
    """
    of_new = f"SELECT first FROM beffroi_alike WHERE n IN (FROM {new}) AND first NOT NULL"
    read = ", ".join(sorted({identifier(column) for rule in rules for column in rule.on}))
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_looked AS FROM {new} UNION {of_new};
        CREATE OR REPLACE TEMP TABLE beffroi_ours AS SELECT n, {read} FROM {prepared} SEMI JOIN beffroi_looked USING (n)"""
    )
    return "beffroi_looked"


def _alike(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, prepared: str, columns: list[str], across: str | None
) -> None:
    """Make beffroi_alike: records of which there are more than ALIKE with all the same values, and the first of them.

    Of the other dataset two of them stay, so that it is seen that there is no best one; of the rest there is no first.
    Only records of which as many are alike in what the recipe trains on are looked at in all: they are few.
    """
    values = [identifier(column) for column in columns if column not in OWN] + ([across] if across else [])
    some = ", ".join(sorted({column for each in recipe.training for column in each.on} & set(columns))) or "1"
    # counted roughly, by some bits of the hash: to count each of a million hashes takes much longer
    bits = (1 << (2 * _count(connection, f"FROM {prepared}")).bit_length()) - 1
    told = connection.execute(f"SELECT n, (hash({some}) & {bits})::UINTEGER AS crowd FROM {prepared}").fetchnumpy()
    bands.table(connection, "beffroi_crowded", {"n": told["n"][np.bincount(told["crowd"])[told["crowd"]] > ALIKE]})
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_alike AS
        WITH hashed AS (SELECT n, hash({", ".join(values)}) AS same, {"side" if across == "side" else 0} AS theirs
            FROM {prepared} SEMI JOIN beffroi_crowded USING (n)),
        often AS (FROM hashed SEMI JOIN (SELECT same FROM hashed GROUP BY same HAVING count(*) > {ALIKE}) USING (same)),
        placed AS (SELECT *, min(n) OVER alike AS first, row_number() OVER alike AS place FROM often
            WINDOW alike AS (PARTITION BY same ORDER BY n))
        SELECT n, CASE WHEN theirs = 0 THEN first END AS first FROM placed WHERE place > 1 + theirs;
        DROP TABLE beffroi_crowded"""
    )


def _of_alike(connection: duckdb.DuckDBPyConnection, across: str | None) -> None:
    """Add the pairs of beffroi_alike: each with the first, or, where ours are linked to theirs, with what the first is compared with.

    Of one source without duplicates the first is enough.
    """
    if across is None:
        connection.execute("INSERT INTO beffroi_found SELECT least(n, first), greatest(n, first), 0 FROM beffroi_alike")
    elif across == "side":
        connection.execute(
            f"""INSERT INTO beffroi_found WITH pairs AS (SELECT l, r, bit_or(rule) AS rules FROM beffroi_found GROUP BY ALL),
            ends AS (SELECT l AS first, r AS other, rules FROM pairs UNION ALL SELECT r, l, rules FROM pairs),
            best AS (FROM ends SEMI JOIN beffroi_alike USING (first) QUALIFY row_number() OVER (
                PARTITION BY first ORDER BY bit_count(rules) DESC, other) <= {LIKELY})
            SELECT least(n, other), greatest(n, other), rules FROM beffroi_alike JOIN best USING (first)"""
        )


def _keys(
    connection: duckdb.DuckDBPyConnection,
    prepared: str,
    rule: Block,
    types: dict[str, str],
    new: str | None,
    across: str | None,
    *,
    star: bool,
) -> int:
    """Make beffroi_keys of the records' keys under one rule (n, k, of); return how many keys are left out as too frequent.

    With `star` none is: records of such a key are each compared with the first.
    """
    then = "".join(f", {_then(column, types)} AS then_{at}" for at, column in enumerate(rule.then))
    keyed = _keyed(rule.on, types, f"{prepared} ANTI JOIN beffroi_alike USING (n)", f", {across or 0} AS of{then}")
    asked = f"SEMI JOIN ({_keyed(rule.on, types, 'beffroi_ours')}) beffroi_asked USING (k)"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE beffroi_keys (n UINTEGER, k UBIGINT, of UINTEGER);
        CREATE OR REPLACE TEMP TABLE beffroi_wide AS FROM ({keyed}) beffroi_keyed {asked if new else ""}"""
    )
    held = f"(SELECT k, count(*) AS held FROM beffroi_wide GROUP BY k, of) GROUP BY k HAVING {_pairs('held', across)} >"
    many = (
        f"{held} {rule.most * (rule.most - 1) // 2}"
        if across
        else f"beffroi_wide GROUP BY k HAVING count(*) > {rule.most}"
    )
    for at in range(len(rule.then) + 1):
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE beffroi_big AS SELECT k FROM {many};
            INSERT INTO beffroi_keys SELECT n, k, of FROM beffroi_wide ANTI JOIN beffroi_big USING (k)"""
        )
        if at == len(rule.then) or not _count(connection, "FROM beffroi_big"):
            break
        _narrow(connection, rule, at, types, new)
    left_out = 0 if star else _count(connection, "FROM beffroi_big")
    if star:
        _star(connection, across)
    connection.execute("DROP TABLE beffroi_wide; DROP TABLE beffroi_big")
    return left_out


def _narrow(
    connection: duckdb.DuckDBPyConnection, rule: Block, at: int, types: dict[str, str], new: str | None
) -> None:
    """Make the keys of beffroi_wide that are in beffroi_big narrower by a column; only those that `new` records have stay."""
    then = f"hash(unnest(then_{at}))" if types[rule.then[at]].endswith("[]") else f"then_{at}"
    rest = "".join(f", then_{later}" for later in range(at + 1, len(rule.then)))

    def narrower(rows: str) -> str:
        keys = f"SELECT n, k AS before, {then} AS k, of{rest} FROM {rows}"
        return f"SELECT n, hash(before, k) AS k, of{rest} FROM ({keys}) WHERE k IS NOT NULL"

    rows, asked = "beffroi_wide SEMI JOIN beffroi_big USING (k)", ""
    if new:  # a key that one of these has was in beffroi_big: of all others that need not be asked
        ours = narrower(f"({rows}) SEMI JOIN {new} USING (n)")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE beffroi_asked AS SELECT k FROM ({ours})")
        rows, asked = "beffroi_wide", "SEMI JOIN beffroi_asked USING (k)"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE beffroi_wide AS FROM ({narrower(rows)}) beffroi_narrower {asked}")


def _star(connection: duckdb.DuckDBPyConnection, across: str | None) -> None:
    """Add the pairs of each key of beffroi_big, of beffroi_wide, with its first record: that is enough to link them all.

    Of the other dataset it is the first two, so that it is seen that there is no best one.
    """
    only, many = ("WHERE of = 1", 2) if across == "side" else ("", 1)
    connection.execute(
        f"""INSERT INTO beffroi_found WITH held AS (FROM beffroi_wide SEMI JOIN beffroi_big USING (k)),
        firsts AS (FROM held {only} QUALIFY row_number() OVER (PARTITION BY k ORDER BY n) <= {many})
        SELECT least(a.n, b.n), greatest(a.n, b.n), 0 FROM firsts a JOIN held b
        ON a.k = b.k AND a.n <> b.n {"AND a.of <> b.of" if across else ""}"""
    )


def _keyed(columns: list[str], types: dict[str, str], rows: str, more: str = "") -> str:
    """Return a query of rows: n and k, a hash of all columns, and `more`; none where one is null, of a list each element."""
    items = [f"unnest({column})" if types[column].endswith("[]") else identifier(column) for column in columns]
    there = [f"{identifier(column)} IS NOT NULL" for column in columns if not types[column].endswith("[]")]
    return f"SELECT n::UINTEGER AS n, hash({', '.join(items)}) AS k{more} FROM {rows} WHERE {' AND '.join(there) or 'true'}"


def _then(column: str, types: dict[str, str]) -> str:
    """Return SQL for what makes a key narrower later: the hash of a value, or a list as it is."""
    name = identifier(column)
    return name if types[column].endswith("[]") else f"CASE WHEN {name} IS NOT NULL THEN hash({name}) END"


def _pairs(held: str, across: str | None) -> str:
    """Return SQL for the pairs of a key, from how many records each side has of it."""
    return f"(sum({held}) ** 2 - sum({held} ** 2)) / 2" if across else f"sum({held} * ({held} - 1)) / 2"


def _refuse_explosive(connection: duckdb.DuckDBPyConnection, said: str, prepared: str, across: str | None) -> None:
    sizes = "(SELECT k, count(*) AS held FROM beffroi_keys GROUP BY k, of)"
    of_keys = f"FROM (SELECT {_pairs('held', across)} AS pairs FROM {sizes} GROUP BY k)"
    pairs, records = _count(connection, of_keys, "sum(pairs)"), _count(connection, f"FROM {prepared}")
    if pairs > max(1_000_000, EXPLODES * records):
        raise RunFailed(
            f"the block [{said}] would compare {pairs:,} pairs of {records:,} records: add another field to it, that"
            " tells these records apart, or take blocks: out and let the recipe choose"
        )


def _join(connection: duckdb.DuckDBPyConnection, bit: int, new: str | None, across: str | None) -> int:
    """Add the pairs of beffroi_keys to beffroi_found; return how many they are."""
    apart = "AND a.of <> b.of" if across else ""
    if new:
        ours = f"(FROM beffroi_keys WHERE n IN (FROM {new}))"
        order = f"a.n <> b.n AND (a.n < b.n OR b.n NOT IN (FROM {new}))"
    else:
        ours, order = "beffroi_keys", "a.n < b.n"
    row = connection.execute(
        f"""INSERT INTO beffroi_found SELECT least(a.n, b.n), greatest(a.n, b.n), {bit}
        FROM {ours} a JOIN beffroi_keys b ON a.k = b.k AND {order} {apart}"""
    ).fetchone()
    return int(row[0]) if row else 0


def _count(connection: duckdb.DuckDBPyConnection, of: str, what: str = "count(*)") -> int:
    row = connection.execute(f"SELECT {what} {of}").fetchone()
    return int(row[0] or 0) if row else 0
