"""What of a link lasts from version to version, and what a run does where it is lost: it stops, and says so.

Ids rest on who was in which cluster and on the highest id that was given, people's decisions on the names of sources and
on what identifies a record there. A run that went on without them would give everybody another id, or one id twice, and
nobody would know.
"""

import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from connectors.errors import RunFailed, Unavailable
from pipelines.declarations import Dataset, linked
from pipelines.judge import Judged
from pipelines.linking import files, gathered
from pipelines.linking.clustering import stable
from pipelines.linking.deciding import decisions
from pipelines.linking.deciding.decisions import Decision
from pipelines.linking.telling import quality
from pipelines.report import Report
from pipelines.runs import Job
from pipelines.workspace import Workspace


def members(job: Job, column: str, spoilt: Collection[str], *, accept: bool) -> str | None:
    """Return SQL for who was in which cluster, or linked to whom; None where nobody was, or another kind of link was.

    The files that are `spoilt` are not read. Raises Unavailable where it is lost, unless that is to be `accept`ed.
    """
    if job.last is None:
        return None
    value = "cluster" if job.dataset.link[column].to is None else "theirs"
    try:
        return files.members(job.last.folder, column, value, spoilt)
    except FileNotFoundError:
        if accept or not files.linked(job.last.folder, column):
            return None
    name, number = job.dataset.name, job.last.number
    end = files.of(job.last.folder, column, "members.parquet").name
    if value == "theirs":
        raise Unavailable(
            f"what «{column}» of version {number} of {name} was linked to is lost, and no change could be told: put {end} back"
            f" into .beffroi/versions/{name}/{number}, or take it once with `beffroi link {name} --accept`"
        )
    raise Unavailable(
        f"who was in which cluster of «{column}» in version {number} of {name} is lost, and all ids would be others: put {end}"
        f" back into .beffroi/versions/{name}/{number}, or take it once with `beffroi link {name} --accept`"
    )


def known(dataset: Dataset, column: str) -> dict[str, Any]:
    """Return what a version keeps of a link to tell later that its records are known by something else."""
    return {"identity": list(linked.identity(dataset, column))}


def hold(job: Job, column: str, before: str, judged: Judged, records: str) -> None:
    """Hold that the `records`, of the `judged` rows, are known as those `before` were: SQL for who was in which cluster.

    Raises RunFailed where all records of a source are gone and another source came, and where records have another
    identity since `identity:` is another: ids would be others, and decisions would be of no record, or of another.
    """
    _hold_sources(job, column, before)
    _hold_identity(job, column, before, judged, records)


def _hold_sources(job: Job, column: str, before: str) -> None:
    found = job.connection.execute(f"SELECT DISTINCT json_extract_string(identity, '$[0]') FROM {before}").fetchall()
    was, now = {name for (name,) in found}, {source.name for source in job.dataset.inputs}
    gone, came = sorted(was - now), sorted(now - was)
    if gone and came:
        name = job.dataset.name
        raise RunFailed(
            f"{name}: {column}: all records of the source «{'», «'.join(gone)}» are gone, and the source"
            f" «{'», «'.join(came)}» came. Ids and people's decisions are of a record of a source with its name: if it is the"
            f" same one, give it its old name with `name: {gone[0]}`; if it is another, take it once with `beffroi run"
            f" {name} --accept`"
        )


def _hold_identity(job: Job, column: str, before: str, judged: Judged, records: str) -> None:
    """Hold that a record is known by the same columns as before, or that these say the same of all records."""
    was, now = _known(job, column), linked.identity(job.dataset, column)
    if was is None or was == now:
        return
    name, others_now = job.dataset.name, gathered.others(job.dataset, judged, was, now)
    # that a text is there still says little: by another column it may be another record's
    gone = f"(FROM {before} {'ANTI' if others_now is None else 'SEMI'} JOIN {others_now or records} beffroi_now USING (identity))"
    others, count = job.connection.execute(f"SELECT (SELECT count(*) FROM {gone}), count(*) FROM {before}").fetchall()[
        0
    ]
    if not others:
        return  # a column has another name, and all records are as they were
    said = decisions.load(job.workspace, name, column)
    ends = {"ends": list({identity for each in said for identity in each.pair})}
    found = job.connection.execute(f"SELECT identity FROM {gone} WHERE identity IN (SELECT unnest($ends))", ends)
    lost = {identity for (identity,) in found.fetchall()}
    decided = sum(not lost.isdisjoint(each.pair) for each in said)
    if job.dataset.link[column].to is not None:
        raise RunFailed(
            f"{name}: {column}: records were known by `identity: [{', '.join(was)}]`, and are now by [{', '.join(now)}]:"
            f" {others:,} of {count:,} would be others, and lose what rests on that: decisions of people ({decided:,}). Put"
            f" back what it was; if it is to change, take it once with `beffroi run {name} --accept`"
        )
    raise RunFailed(
        f"{name}: {column}: records were known by `identity: [{', '.join(was)}]`, and are now by [{', '.join(now)}]:"
        f" {others:,} of {count:,} would be others, and lose what rests on that: the ids of clusters, and decisions of people"
        f" ({decided:,}). Put back what it was; if it is to change, take it once with `beffroi run {name} --accept`"
    )


def _known(job: Job, column: str) -> tuple[str, ...] | None:
    """Return by which columns records were known to the last version; None where that is not told."""
    if job.last is None:
        return None
    try:
        return tuple(json.loads(files.quality(job.last.folder, column).read_text(encoding="utf-8"))["identity"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def given(workspace: Workspace, dataset: str, column: str, *, accept: bool = False) -> int:
    """Return the highest id that kept versions have, where the file that tells the highest ever given is lost; else 0.

    Raises Unavailable where there is one, unless that is to be `accept`ed: an id could be given twice.
    """
    path = stable.file(workspace, dataset, column)
    if path.exists():
        return 0
    highest = 0
    for folder in (workspace.state / "versions" / dataset).glob("*"):
        with suppress(OSError, duckdb.Error), duckdb.connect() as connection:
            highest = max(highest, _highest(connection, folder, column))
    if highest and not accept:
        raise Unavailable(
            f".beffroi/decisions/{path.name} is gone, which tells the highest id that was given, and an id could be given"
            f" twice: put it back; where there is no copy, `beffroi link {dataset} --accept` goes on after {highest}, the"
            " highest that a kept version has"
        )
    return highest


def _highest(connection: duckdb.DuckDBPyConnection, folder: Path, column: str) -> int:
    found = files.members(folder, column, "cluster")
    return int(connection.execute(f"SELECT coalesce(max(cluster), 0) FROM {found}").fetchall()[0][0]) if found else 0


def decided(connection: duckdb.DuckDBPyConnection, records: str, said: Sequence[Decision]) -> dict[str, int]:
    """Return how many decisions there are, and how many are on a record that is not among `records`."""
    ends = [list(each.pair) for each in said]
    there = connection.execute(
        f"SELECT count(*) FROM (SELECT unnest($ends::VARCHAR[][]) AS ends)"
        f" WHERE ends[1] IN (SELECT identity FROM {records}) AND ends[2] IN (SELECT identity FROM {records})",
        {"ends": ends},
    ).fetchall()[0][0]
    return {"decided": len(said), "decisions_gone": len(said) - int(there)}


def kept(job: Job, report: Report, folder: Path) -> Report:
    """Put the events of a run that changes no row to those of the version in `folder`; return the report that tells all.

    What became of the clusters of the version before stays told, whatever is run again.
    """
    links: dict[str, dict[str, Any]] = {}
    for column, told in report.links.items():
        events = files.keep_events(job.connection, job.links, folder, column, job.clock.started)
        counted = job.connection.execute(f"SELECT event, count(*) FROM {events} GROUP BY ALL ORDER BY 1").fetchall()
        links[column] = told | {"events": dict(counted), "happened": quality.happened(job.connection, events)}
    return replace(report, links=links)
