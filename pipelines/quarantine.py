"""The rows that runs refused, each with its place in the source, its reasons and its raw values; and their mending."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.errors import InvalidRequest, NotFound, Unavailable
from connectors.registry import FAULT
from pipelines import corrections, evidence, runs, versions
from pipelines.corrections import Correction
from pipelines.declarations import Dataset, Source
from pipelines.declarations.sentences import among
from pipelines.evidence import Input, RawRow
from pipelines.judge import PLACE, raw_json
from pipelines.sql import quote
from pipelines.workspace import Workspace

FILE = "quarantine.parquet"

ALIKE = "CASE WHEN f.rule = 'row' THEN regexp_replace(f.reason, '^[a-z]+ [0-9]+: ', '') ELSE f.reason END"
"""SQL: what reasons have in common that are one: that of a row's own fault begins with its place."""


@dataclass(frozen=True)
class Refused:
    """One refused row. `version` is the one whose run refused it, None for a run that failed.

    `failures` are {column, rule, reason, reason_fr}; of a row that was corrected and refused again those of the
    corrected one, while `raw` stays what the source has.
    """

    dataset: str
    version: int | None
    source: str
    place: int
    failures: list[dict[str, str]]
    raw: dict[str, Any]
    raw_sha256: str


@dataclass(frozen=True)
class Broken:
    """How many rows of a source broke a rule, and where the first of them stands."""

    dataset: str
    version: int | None
    column: str
    rule: str
    reason: str
    reason_fr: str
    rows: int
    source: str
    place: int


def last(workspace: Workspace, name: str) -> tuple[int | None, Path] | None:
    """Return the folder of the latest run of a dataset, with the version that it made or left, if it did not fail.

    Raises NotFound where there is no such dataset.
    """
    workspace.dataset(name)
    failed, version = runs.failed_folder(workspace, name), versions.newest(workspace, name)
    if (failed / "report.json").is_file() and (version is None or _started(failed) >= _started(version.folder)):
        return None, failed
    return (version.number, version.folder) if version is not None else None


def _started(folder: Path) -> str:
    """Return when the run whose report stands in `folder` began: one killed right after its commit leaves both."""
    try:
        return str(json.loads((folder / "report.json").read_text(encoding="utf-8"))["started"])
    except FileNotFoundError:
        return ""


def _gone(name: str) -> Unavailable:
    return Unavailable(f"what the last run of {name} refused was removed: `beffroi run {name}` makes it anew")


def listed(workspace: Workspace, name: str) -> Iterator[Refused]:
    """Yield the rows that the latest run of a dataset refused, in the order of the source.

    Raises Unavailable where they were removed.
    """
    found = last(workspace, name)
    if found is not None:
        yield from of(name, *found)


def of(name: str, number: int | None, folder: Path) -> Iterator[Refused]:
    """Yield the rows that the run of one folder refused. Raises Unavailable where they were removed."""
    try:
        with pq.ParquetFile(folder / FILE) as parquet:
            for batch in parquet.iter_batches():
                for row in batch.to_pylist():
                    raw, digest = json.loads(row["raw"]), corrections.digest(row["raw"])
                    yield Refused(name, number, row["source"], row["place"], row["failures"], raw, digest)
    except FileNotFoundError:
        raise _gone(name) from None


def by_rule(workspace: Workspace, name: str) -> list[Broken]:
    """Return how many rows of each source broke each rule in the latest run, the most first. Raises Unavailable.

    Of rows that did not come whole the reasons that differ in their place alone are one, told as that of the first row.
    """
    found = last(workspace, name)
    if found is None:
        return []
    number, folder = found
    if not (folder / FILE).is_file():
        raise _gone(name)
    with evidence.engine() as connection:
        each = f"SELECT source, place, unnest(failures) AS f FROM read_parquet({quote(str(folder / FILE))})"
        rows = connection.execute(
            'SELECT f."column", f.rule, arg_min(f.reason, place), arg_min(f.reason_fr, place), count(*), source,'
            f' min(place) FROM ({each}) GROUP BY f."column", f.rule, {ALIKE}, source ORDER BY count(*) DESC, 1, 2, 6, 7'
        ).fetchall()
    return [Broken(name, number, *row) for row in rows]


def find(workspace: Workspace, name: str, place: int, source: str | None = None) -> Refused:
    """Return the refused row that stands at `place` of a source, the only one if none is named.

    Raises NotFound where the latest run refused none there, InvalidRequest where it could be of several sources.
    """
    found = last(workspace, name)
    if found is None:
        raise NotFound(f"{name} was never run: `beffroi run {name}`")
    chosen = input_of(workspace, name, found[1], source)
    for row in of(name, *found):
        if (row.source, row.place) == (chosen.name, place):
            return row
    raise NotFound(f"the last run of {name} refused no row {place} of {chosen.name}: see `beffroi quarantine list`")


def input_of(workspace: Workspace, name: str, folder: Path, source: str | None) -> Input:
    """Return the input of that name, or the only one. Raises InvalidRequest, Unavailable."""
    there = evidence.inputs(workspace, name, folder)
    names = [each.name for each in there]
    if source is None and len(there) > 1:
        raise InvalidRequest(f"{name} is made from several sources: say which with --source{among('', names)}")
    if source is not None and source not in names:
        raise InvalidRequest(f"{name} has no source «{source}»{among(source, names)}")
    return there[0] if source is None else there[names.index(source)]


def declared(dataset: Dataset, source: str) -> Source:
    """Return a source of a dataset by its name. Raises InvalidRequest where it is none any longer."""
    for each in dataset.inputs:
        if each.name == source:
            return each
    raise InvalidRequest(f"{source} is no source of {dataset.name} any longer: `beffroi run {dataset.name}`")


# --- mending one row -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """A row that is to be corrected: where it stands, as it came, and the correction that holds of it, if any."""

    dataset: str
    given: Input
    place: int
    row: RawRow
    holds: Correction | None

    @property
    def raw_sha256(self) -> str:
        """Return what a correction of the row is bound to."""
        return corrections.digest(self.row.text)


def target(workspace: Workspace, name: str, place: int, source: str | None = None) -> Target:
    """Return the row at `place` of a source as the latest run of a dataset read it.

    Raises NotFound where there is none, InvalidRequest where it was not refused, Unavailable where the raw input is gone.
    """
    found = last(workspace, name)
    if found is None:
        raise NotFound(f"{name} was never run: `beffroi run {name}`")
    given = input_of(workspace, name, found[1], source)
    with evidence.engine() as connection:
        row = evidence.row(connection, evidence.kept(given), place)
    holds = corrections.of(workspace, name, given.name, corrections.digest(row.text))
    if holds is None:
        find(workspace, name, place, given.name)
    return Target(name, given, place, row, holds)


def wanted(found: Target, values: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the values that a row is to have, with those of the correction before.

    Raises InvalidRequest for a column that the source does not have, for a value that is none of its type, and for a
    row of which nothing came.
    """
    types = found.row.types
    for name in values:
        if name not in types:
            raise InvalidRequest(f"{found.given.name} has no column «{name}»{among(name, types)}")
    if found.row.fault is not None and not any(each is not None for each in json.loads(found.row.text).values()):
        raise InvalidRequest(f"nothing of row {found.place} could be read: it must be mended where it comes from")
    with evidence.engine() as connection:
        for name, value in values.items():
            fits = connection.execute(f"SELECT ? IS NULL OR TRY_CAST(? AS {types[name]}) IS NOT NULL", [value, value])
            if fits.fetchall() != [(True,)]:
                raise InvalidRequest(f"{name} is {types[name]} in the source, and that value is none")
    return {**(found.holds.values if found.holds else {}), **values}


def keep(workspace: Workspace, found: Target, values: dict[str, str | None], by: str | None, why: str) -> Correction:
    """Keep the correction of a row, or take the one that holds back where there are no values. Raises OSError."""
    correction = Correction(found.raw_sha256, found.given.name, values, by, why)
    corrections.add(workspace, found.dataset, correction)
    return correction


def held(workspace: Workspace, name: str) -> list[tuple[Correction, list[int] | None]]:
    """Return the corrections that hold, each with the places of its row in the last raw input (None: not kept)."""
    known, found = corrections.load(workspace, name), last(workspace, name)
    there = {each.name: each for each in evidence.inputs(workspace, name, found[1])} if known and found else {}
    places: dict[tuple[str, str], list[int]] = {}
    for given in there.values():
        wanted_here = [each.raw_sha256 for each in known if each.source == given.name]
        if wanted_here and given.raw is not None:
            places |= {(given.name, digest): at for digest, at in _places(given, wanted_here).items()}
    return [
        (each, None if _unknown(there.get(each.source)) else places.get((each.source, each.raw_sha256), []))
        for each in known
    ]


def _unknown(given: Input | None) -> bool:
    return given is not None and given.raw is None


def _places(given: Input, digests: list[str]) -> dict[str, list[int]]:
    """Return where the rows of those digests stand."""
    raw = evidence.kept(given)
    with evidence.engine() as connection:
        types = {name: kind for name, kind in evidence.types_of(connection, raw).items() if name != FAULT}
        text = f"sha256({raw_json(types, 'layer')})"
        rows = connection.execute(
            f"SELECT digest, list({PLACE} ORDER BY {PLACE}) FROM"
            f" (SELECT {text} AS digest, {PLACE} FROM {raw.relation(PLACE)} layer)"
            f" WHERE digest IN ({', '.join(map(quote, digests))}) GROUP BY ALL"
        ).fetchall()
    return dict(rows)
