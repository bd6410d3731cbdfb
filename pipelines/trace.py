"""Lineage: from a published row to the raw rows that it was made from, and from a raw row to what became of it.

What is told rests on what the run left beside its version: `lineage.parquet` and `duplicates.parquet` are kept as long
as the version, the others as long as its ready-made files. Raw values are read only where they are asked for.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import duckdb

from connectors.drafting import counted
from connectors.errors import NotFound, Unavailable
from pipelines import corrections, evidence, lineage, quarantine, versions
from pipelines import report as reports
from pipelines.evidence import Input
from pipelines.index import key_sql
from pipelines.quarantine import input_of
from pipelines.sql import quote
from pipelines.versions import Version
from pipelines.workspace import Workspace

Row = dict[str, Any]

LINEAGE, DUPLICATES, CONFLICTS, CORRECTED = (
    f"{name}.parquet" for name in ("lineage", "duplicates", "conflicts", "corrected")
)


@dataclass(frozen=True)
class Origin:
    """One raw row behind a published one: `kept` is the one that stayed, `merged` one that was merged into it.

    `raw` is the SHA-256 of the raw file, or None where the source is a dataset, at `version`; `there` tells whether
    that is still kept; where the raw input is of several files, `file` and `row` are the one that it stands in, and where
    in it. `values` is the row as the source has it, where that is asked for and it is still kept.
    """

    role: Literal["kept", "merged"]
    source: str
    registry: str | None
    dataset: str | None
    table: str | None
    place: int
    raw: str | None
    version: int | None
    first_seen: str | None
    there: bool
    corrected: Row | None = None
    values: Row | None = None
    behind: "Trace | None" = None
    file: str | None = None
    row: int | None = None


@dataclass(frozen=True)
class Trace:
    """Where a row of a version is from. `row` is its position there, from 1; conflicts are of its key.

    `links` tell why its raw rows are one, where linking found it: {source, place, other_source, other_place, probability,
    reason, reason_fr}, as many as hold them together, the strongest first.

    `run` is the run that made the version, "" where its report is of an early Beffroi that does not tell. `key` and the values of conflicts and corrections are there only where values are asked for.
    """

    dataset: str
    version: int
    committed: str
    run: str
    row: int
    key: str | None
    origins: list[Origin]
    conflicts: list[Row]
    rolled_back_from: int | None = None
    missing: list[str] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Fate:
    """What became of a raw row: it was `published`, `merged` into the row at another place, or `refused`.

    `row` is the position of the row that has its values, `key` its key where values are asked for.
    """

    dataset: str
    version: int
    source: str
    place: int
    outcome: Literal["published", "merged", "refused"]
    row: int | None = None
    key: str | None = None
    into: Row | None = None
    failures: list[dict[str, str]] | None = None
    values: Row | None = None


def of_key(workspace: Workspace, name: str, key: str, number: int | None = None, *, values: bool = False) -> Trace:
    """Trace the row of a version (by default the newest) whose key text is `key`.

    Raises NotFound for a version that is not kept or has no such row, Unavailable where what the run left is gone.
    """
    version = _version(workspace, name, number)
    with evidence.engine() as connection:
        found = connection.execute(
            f"SELECT file_row_number FROM {evidence.rows_of(version.parquet)} WHERE {_text(version)} = ?", [key]
        ).fetchall()
        if not found:
            raise NotFound(f"version {version.number} of {name} has no row of that key")
        return _Tracer(workspace, connection, values=values).trace(version, found[0][0])


def of_place(
    workspace: Workspace, name: str, source: str | None, place: int, number: int | None = None, *, values: bool = False
) -> Fate:
    """Tell what a version (by default the newest) made of the row at `place` of a source, the only one if not named.

    Raises NotFound, InvalidRequest where the source is none of the dataset's, Unavailable where what the run left is gone.
    """
    version = _version(workspace, name, number)
    given = input_of(workspace, name, version.folder, source)
    chained = given.raw is not None and bool(given.raw.changes)  # a row's number counts those that it was put over too
    if place < 1 or (place > given.rows and not chained):
        raise NotFound(
            f"{given.name} had {counted(given.rows, 'row')} for version {version.number} of {name}: no row {place}"
        )
    with evidence.engine() as connection:
        if given.raw is not None and given.raw.changes:  # a row that another was put over is one no more
            evidence.row(connection, given.raw, place)
        return _Tracer(workspace, connection, values=values).fate(version, given, place)


def _version(workspace: Workspace, name: str, number: int | None) -> Version:
    workspace.dataset(name)
    found = versions.newest(workspace, name) if number is None else versions.kept(workspace, name, number)
    if found is None:
        which = "no version yet" if number is None else f"no version {number}, or it is no longer kept"
        raise NotFound(f"{name} has {which}: see `beffroi versions {name}`")
    return found


def _text(version: Version) -> str:
    """Return SQL for the text of a row's key, as the index of the version has it."""
    moments = {name for name, kind, _ in json.loads(version.declared)["columns"] if kind == "datetime"}
    return key_sql(version.key, "", moments)


class _Tracer:
    """Looks up what runs left, for one question."""

    def __init__(self, workspace: Workspace, connection: duckdb.DuckDBPyConnection, *, values: bool) -> None:
        self._workspace, self._connection, self._values = workspace, connection, values

    def trace(self, version: Version, position: int) -> Trace:
        """Return where the row at `position` (from 0) of a version is from."""
        given = evidence.inputs(self._workspace, version.dataset, version.folder)
        ((source, place),) = self._ask(version, LINEAGE, "source, place", f"file_row_number = {position}")
        merged = self._ask(version, DUPLICATES, "source, place", f"kept_source = {source} AND kept_place = {place}")
        places = [("kept", source, place), *(("merged", *each) for each in merged)]
        key = self._key(version, position)
        missing = [file for file in (CONFLICTS, CORRECTED) if not (version.folder / file).is_file()]
        return Trace(
            version.dataset, version.number, version.committed.isoformat(timespec="seconds"),
            reports.maker(version.report), position + 1, key if self._values else None,
            [self._origin(version, given[number], number, at, role) for role, number, at in places],
            list(self._conflicts(version, key)), version.rolled_back_from, missing,
            list(self._links(version, key, [each.name for each in given])) if merged else [],
        )  # fmt: skip

    def _origin(self, version: Version, given: Input, number: int, place: int, role: Any) -> Origin:
        values = None
        if self._values and given.raw is not None:
            values = json.loads(evidence.row(self._connection, given.raw, place).text)
        behind = None
        if given.dataset is not None and (made := versions.kept(self._workspace, given.dataset, given.version or 0)):
            with suppress(Unavailable):  # what its run left is no longer kept
                behind = self.trace(made, place - 1)
        file, row = given.raw.file_of(place) if given.raw is not None and given.raw.changes else (None, None)
        return Origin(
            role, given.name, given.registry, given.dataset, given.table, place, given.sha256, given.version,
            given.first_seen, given.raw is not None, self._corrected(version, given, number, place), values, behind,
            file, row,
        )  # fmt: skip

    def _corrected(self, version: Version, given: Input, number: int, place: int) -> Row | None:
        """Return what is known of the correction that a row was judged with, if it was."""
        if not (version.folder / CORRECTED).is_file():
            return None
        found = self._ask(version, CORRECTED, "raw_sha256", f"source = {number} AND place = {place}")
        if not found:
            return None
        said = corrections.of(self._workspace, version.dataset, given.name, found[0][0])
        if said is None:  # it was taken back since
            return {"raw_sha256": found[0][0]}
        told: Row = {"raw_sha256": said.raw_sha256, "columns": list(said.values)}
        told |= {"by": said.by, "when": said.when, "why": said.why}
        return told | ({"values": said.values} if self._values else {})

    def _conflicts(self, version: Version, key: str) -> Iterator[Row]:
        """Yield the values of a key that were not kept, and what was."""
        if not (version.folder / CONFLICTS).is_file():
            return
        names = ["column", "rule", "kept_source", "other_source", "other_place", "kept", "other"]
        columns = ", ".join(f'"{name}"' for name in (names if self._values else names[:-2]))
        found = self._ask(version, CONFLICTS, columns, f"key = {quote(key)}")
        for row in found:
            yield dict(zip(names, row, strict=False))

    def _links(self, version: Version, key: str, sources: list[str]) -> Iterator[Row]:
        """Yield why the raw rows of a key are one, where linking filled in the key; nothing where that is not kept."""
        from pipelines.linking import files
        from pipelines.linking.deciding import standing
        from pipelines.linking.telling import explained, looking

        workspace, declared = self._workspace, self._workspace.dataset(version.dataset)
        if len(version.key) != 1 or version.key[0] not in declared.link:
            return
        column = version.key[0]
        together: list[Row] = []  # what is being written is not kept yet
        with suppress(Unavailable), files.held(version.folder, column) as folder:
            by = looking.linked_by(folder, column, declared.link[column].record)
            said = standing.standing(standing.load(workspace, declared.name, column), folder, column)
            together = standing.together(self._connection, folder, column, by, key, said)
        for pair in together:
            english, french = (explained.sentence(by[0], pair, by[1], language) for language in ("en", "fr"))
            yield {
                "source": sources[pair["l_source"]], "place": pair["l_place"], "other_source": sources[pair["r_source"]],
                "other_place": pair["r_place"], "probability": pair["probability"], "reason": english, "reason_fr": french,
            }  # fmt: skip

    def _key(self, version: Version, position: int) -> str:
        found = self._connection.execute(
            f"SELECT {_text(version)} FROM {evidence.rows_of(version.parquet)} WHERE file_row_number = {position}"
        ).fetchall()
        return str(found[0][0])

    def _ask(self, version: Version, file: str, columns: str, where: str) -> list[Any]:
        """Ask one of the files that the run left. Raises Unavailable where it is gone."""
        path: Path = version.folder / file
        if not path.is_file():
            raise Unavailable(f"where the rows of version {version.number} of {version.dataset} are from is not kept")
        _hold(version, path)
        query = f"SELECT {columns} FROM {evidence.rows_of(path)} WHERE {where} ORDER BY ALL"
        return self._connection.execute(query).fetchall()

    def fate(self, version: Version, given: Input, place: int) -> Fate:
        """Return what a version made of a raw row."""
        names = [each.name for each in evidence.inputs(self._workspace, version.dataset, version.folder)]
        number, values = names.index(given.name), None
        if self._values and given.raw is not None:
            values = json.loads(evidence.row(self._connection, given.raw, place).text)
        here = (version.dataset, version.number, given.name, place)
        position = self._position(version, number, place)
        if position is not None:
            return Fate(*here, "published", position + 1, self._told(version, position), values=values)
        into = self._ask(version, DUPLICATES, "kept_source, kept_place", f"source = {number} AND place = {place}")
        if not into:
            return Fate(*here, "refused", failures=_failures(version, given.name, place), values=values)
        position = self._position(version, *into[0])
        told = self._told(version, position) if position is not None else None
        row = None if position is None else position + 1
        return Fate(*here, "merged", row, told, {"source": names[into[0][0]], "place": into[0][1]}, values=values)

    def _position(self, version: Version, source: int, place: int) -> int | None:
        found = self._ask(version, LINEAGE, "file_row_number", f"source = {source} AND place = {place}")
        return int(found[0][0]) if found else None

    def _told(self, version: Version, position: int) -> str | None:
        return self._key(version, position) if self._values else None


def _hold(version: Version, path: Path) -> None:
    """Hold that a file which a run left is of the inputs that the report names. Raises Unavailable."""
    if not lineage.is_of(path, version.report["sources"]):
        name = version.dataset
        raise Unavailable(
            f"where the rows of {name} are from is being written anew, or the run that did so was killed: ask again when"
            f" no run of it is under way, or after `beffroi run {name}`"
        )


def _failures(version: Version, source: str, place: int) -> list[dict[str, str]] | None:
    """Return why a row was refused; None where that is no longer kept."""
    if not (version.folder / quarantine.FILE).is_file():
        return None
    _hold(version, version.folder / quarantine.FILE)
    refused = quarantine.of(version.dataset, version.number, version.folder)
    return next((row.failures for row in refused if (row.source, row.place) == (source, place)), None)


def datasets(trace: Trace) -> Iterator[Trace]:
    """Yield a trace, and those of the datasets behind it, each of which is somebody's data of its own."""
    yield trace
    for origin in trace.origins:
        if origin.behind is not None:
            yield from datasets(origin.behind)
