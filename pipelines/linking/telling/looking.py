"""What a version's files of a link say of a pair, a record or a cluster: what is explained, shown and sampled.

Records are named by their identities. Values of records are read by `fields` and `often` alone.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipelines.linking import files
from pipelines.linking.gathered import FIELD
from pipelines.linking.recipe import Recipe, Thresholds, recipe
from pipelines.linking.scoring import pairs
from pipelines.linking.scoring.model import Model
from pipelines.linking.telling.explained import Values
from pipelines.linking.telling.quality import band
from pipelines.sql import identifier, quote

Connection = duckdb.DuckDBPyConnection
Pair = dict[str, Any]
"""A row of `pairs.parquet`: l and r are identities."""

LINKS = 20_000
"""Links of one cluster that are looked at."""

FIRST = "probability DESC, weight DESC, l, r"
"""Pairs in this order are the best first."""


def called(connection: Connection, folder: Path, column: str, text: str) -> list[str]:
    """Return the identities of the records that a text names: the one whose identity it is, or all that have it as key.

    Parts of a key have a comma between them.
    """
    key = "array_to_string(from_json(identity, '[\"VARCHAR\"]')[2:], ',')"
    found = connection.execute(
        f"SELECT identity, identity = $text FROM {_table(files.records(folder, column))}"
        f" WHERE identity = $text OR {key} = $text ORDER BY identity",
        {"text": text},
    ).fetchall()
    return [name for name, whole in found if whole] or [name for name, _ in found]


def numbered(connection: Connection, folder: Path, column: str, text: str) -> list[str]:
    """Return the identities of the records that are in the cluster whose number a text says."""
    found = connection.execute(
        f"SELECT identity FROM {_table(files.records(folder, column))} WHERE CAST(cluster AS VARCHAR) = $text ORDER BY n",
        {"text": text},
    ).fetchall()
    return [name for (name,) in found]


def pair(connection: Connection, folder: Path, column: str, one: str, other: str) -> Pair | None:
    """Return the pair of two records, told in either order; None where the run did not keep it."""
    found = _pairs(connection, folder, column, "(l, r) IN (($a, $b), ($b, $a))", a=one, b=other)
    return found[0] if found else None


def of_record(connection: Connection, folder: Path, column: str, identity: str, most: int) -> list[Pair]:
    """Return the pairs that a record is in, the best first."""
    return _pairs(connection, folder, column, "$a IN (l, r)", most, a=identity)


def doubtful(connection: Connection, folder: Path, column: str, most: int = 0) -> list[Pair]:
    """Return the pairs that wait for a person, the best first; all of them for 0."""
    return _pairs(connection, folder, column, "band = 'doubtful'", most)


def recipe_of(folder: Path, column: str, record: str) -> Recipe:
    """Return the recipe that a version was linked by: as it was then, or, where that was not kept, as it is now."""
    before = files.before(folder, column)
    if before is not None and "recipe" in before.said:
        return Recipe.model_validate(before.said["recipe"])
    return recipe(record)


def thresholds_of(folder: Path, column: str) -> Thresholds | None:
    """Return the thresholds that a version was linked by; None where its figures cannot be read."""
    with suppress(OSError, ValueError, KeyError):
        return Thresholds(**json.loads(files.quality(folder, column).read_text(encoding="utf-8"))["thresholds"])
    return None


def linked_by(folder: Path, column: str, record: str) -> tuple[Recipe, Thresholds]:
    """Return the recipe and the thresholds that a version was linked by; the recipe's own where they cannot be read."""
    by = recipe_of(folder, column, record)
    return by, thresholds_of(folder, column) or by.thresholds


def scored(
    connection: Connection, folder: Path, column: str, by: Recipe, thresholds: Thresholds, one: str, other: str
) -> Pair | None:
    """Score a pair that the run did not keep, by its model; None where a record or what that takes is not there."""
    before = files.before(folder, column)
    if before is None:
        return None
    known = connection.execute(
        f"SELECT identity, n FROM {before.table('records')} WHERE identity IN ($a, $b) ORDER BY n",
        {"a": one, "b": other},
    ).fetchall()
    if len(known) != 2:
        return None
    (left, l_n), (right, r_n) = known
    connection.execute(f"CREATE OR REPLACE TEMP VIEW looked_prepared AS FROM {before.table('prepared')}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE looked_pair AS SELECT $l::BIGINT AS l, $r::BIGINT AS r, 0::UBIGINT AS rules",
        {"l": l_n, "r": r_n},
    )
    model = Model.of_json(before.said["model"])
    pairs.score(connection, by, model, "looked_prepared", "looked_pair", "looked_scored", 0.0)
    found = _rows(connection, "FROM looked_scored", {})[0]
    return found | {"l": left, "r": right, "band": band(found["probability"], thresholds), "why": None}


def fields(connection: Connection, folder: Path, column: str, identities: Collection[str]) -> dict[str, Values]:
    """Return what records have in the recipe's fields, as their sources have it, by identity."""
    found = _rows(
        connection,
        f"SELECT identity, COLUMNS('^{FIELD}') FROM {_table(files.records(folder, column))}"
        " WHERE identity IN (SELECT unnest($identities))",
        {"identities": list(identities)},
    )
    return {row.pop("identity"): {name.removeprefix(FIELD): value for name, value in row.items()} for row in found}


def often(connection: Connection, folder: Path, column: str, ours: Values, theirs: Values) -> dict[str, float]:
    """Return, of each field in which two records have the same, the share of records that have it, of those that have any."""
    same = {
        field: value
        for field, value in ours.items()
        if value and value.casefold() == (theirs.get(field) or "").casefold()
    }
    if not same:
        return {}
    shares = ", ".join(
        f"count(*) FILTER (lower({identifier(FIELD + field)}) = lower($v{at})) / nullif(count({identifier(FIELD + field)}), 0)"
        for at, field in enumerate(same)
    )
    row = connection.execute(
        f"SELECT {shares} FROM {_table(files.records(folder, column))}",
        {f"v{at}": value for at, value in enumerate(same.values())},
    ).fetchall()[0]
    return {field: share for field, share in zip(same, row, strict=True) if share}


# --- clusters --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cluster:
    """A cluster: how many members it has, and of its links the strongest that suffice to hold it together."""

    number: int
    members: int
    links: list[Pair]

    @property
    def weakest(self) -> Pair | None:
        """Return the link whose loss would cost least to break the cluster; None where it has one member."""
        return self.links[-1] if self.links else None

    def strongest(self, identity: str) -> Pair | None:
        """Return the strongest link of a member."""
        return next((each for each in self.links if identity in (each["l"], each["r"])), None)

    def way(self, one: str, other: str) -> list[Pair]:
        """Return the links that lead from one member to another, each as strong as any way has them; none without one."""
        beside: dict[str, list[Pair]] = {}
        for each in self.links:
            for end in (each["l"], each["r"]):
                beside.setdefault(end, []).append(each)
        came: dict[str, Pair | None] = {one: None}
        waiting = [one]
        while waiting and other not in came:
            here = waiting.pop()
            for each in beside.get(here, []):
                there = each["r"] if each["l"] == here else each["l"]
                if there not in came:
                    came[there] = each
                    waiting.append(there)
        way, here = list[Pair](), other
        while (last := came.get(here)) is not None:
            way.append(last)
            here = last["r"] if last["l"] == here else last["l"]
        return way[::-1]


def number_of(connection: Connection, folder: Path, column: str, identity: str) -> int | None:
    """Return the cluster of a record; None where it is not there, or links lead to another dataset."""
    table = _table(files.records(folder, column))
    if not any(name == "cluster" for name, *_ in connection.execute(f"DESCRIBE FROM {table}").fetchall()):
        return None
    found = connection.execute(f"SELECT cluster FROM {table} WHERE identity = $a", {"a": identity}).fetchall()
    return found[0][0] if found else None


def cluster(connection: Connection, folder: Path, column: str, number: int) -> Cluster:
    """Return a cluster; of one with very many links the strongest LINKS are looked at."""
    table = _table(files.records(folder, column))
    of_it = f"FROM {table} WHERE cluster = $number"
    members = connection.execute(f"SELECT count(*) {of_it}", {"number": number}).fetchall()[0][0]
    inside = f"band = 'linked' AND l IN (SELECT identity {of_it}) AND r IN (SELECT identity {of_it})"
    return Cluster(number, members, spanning(_pairs(connection, folder, column, inside, LINKS, number=number)))


def spanning(links: Iterable[Pair]) -> list[Pair]:
    """Return those of the links, which come strongest first, that bring together what those before did not (Kruskal)."""
    heads: dict[str, str] = {}

    def head(name: str) -> str:
        while (above := heads.get(name, name)) != name:
            heads[name] = name = heads.get(above, above)  # each time it is nearer: halves the way (Tarjan 1984)
        return name

    found = []
    for each in links:
        left, right = head(each["l"]), head(each["r"])
        if left != right:
            heads[right] = left
            found.append(each)
    return found


def placed(connection: Connection, folder: Path, column: str, links: Iterable[Pair]) -> list[Pair]:
    """Return links with where their records stand: `l_place`, `r_place` are places, `l_source`, `r_source` sources' numbers."""
    found = list(links)
    places = connection.execute(
        f"SELECT identity, origin, place FROM {_table(files.records(folder, column))}"
        " WHERE identity IN (SELECT unnest($identities))",
        {"identities": [each[side] for each in found for side in "lr"]},
    ).fetchall()
    where = {identity: {"source": origin, "place": place} for identity, origin, place in places}
    return [
        each | {f"{side}_{name}": value for side in "lr" for name, value in where[each[side]].items()} for each in found
    ]


# --- reading ---------------------------------------------------------------------------------------------------------


def _table(file: Path) -> str:
    return f"read_parquet({quote(str(file))})"


def _pairs(connection: Connection, folder: Path, column: str, where: str, most: int = 0, **named: Any) -> list[Pair]:
    limit = f"LIMIT {most:d}" if most else ""
    query = f"FROM {_table(files.pairs(folder, column))} WHERE {where} ORDER BY {FIRST} {limit}"
    return _rows(connection, query, named)


def _rows(connection: Connection, query: str, named: Mapping[str, Any]) -> list[Pair]:
    found = connection.execute(query, dict(named))
    names = [each[0] for each in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
