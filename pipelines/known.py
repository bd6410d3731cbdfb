"""What was judged before: the same raw inputs by the same rules are not judged again."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib import metadata
from pathlib import Path

from pipelines import corrections, lineage
from pipelines import raw as raws
from pipelines import report as reports
from pipelines.declarations import Dataset
from pipelines.linking import files as links
from pipelines.linking.deciding import decisions
from pipelines.needed import Needed
from pipelines.raw import Raw
from pipelines.report import Report
from pipelines.runs import Job
from pipelines.stage import raw_folder
from pipelines.steps.vocabulary import file_of
from pipelines.versions import declared

LINKS = ("anyascii", "python-stdnum", "splink")
"""The libraries besides the engine that tell what records are one."""

JUDGES = tuple(sorted({"email-validator", "phonenumbers", "pyproj", "python-stdnum", "shapely", *LINKS}))
"""The libraries besides the engine that tell what a value is: another version may tell otherwise."""

FILES = ("lineage.parquet", "duplicates.parquet", "conflicts.parquet", "corrected.parquet", "quarantine.parquet")
"""What a version has beside its rows, and a run that was killed may have left of other inputs than the rest."""

TOLD = {"title", "description", "keywords", "schedule", "deadline", "publication", "retention", "index"}
"""What a declaration says that no row is judged by."""


def digest(job: Job, inputs: Sequence[Raw], needed: Needed) -> str:
    """Return what a run's outcome rests on, as one text: two runs of the same find the same."""
    dataset = job.dataset
    said = [
        [version_of(each) for each in ("beffroi", "duckdb", *JUDGES)],
        code(),
        {name: repr(value) for name, value in dataset if name not in TOLD},
        declared(dataset),
        repr(dataset.columns),
        [[source.name, raw.identity] for source, raw in zip(dataset.inputs, inputs, strict=True)],
        {other: needed.version(other).number for other in sorted(dataset.depends_on)},
        list(_files(job)),
        [decisions.state_digest(job.workspace, dataset.name, column) for column in dataset.link],
    ]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


@cache
def version_of(library: str) -> str:
    """Return the version of a library, as it was when this process first asked: the code that it runs is of that one."""
    return metadata.version(library)


@cache
def code(below: str = "") -> list[list[str]]:
    """Return the digest of every file that judges: a changed step is another judgement, whatever the version's number."""
    folder = Path(__file__).parent
    files = sorted(file for file in (folder / below).rglob("*") if file.suffix in (".py", ".parquet", ".yaml"))
    return [[file.relative_to(folder).as_posix(), raws.digest_of(file)] for file in files]


def _files(job: Job) -> Iterator[str | None]:
    """Yield the digest of every file that the cleaning reads, or None where there is none."""
    steps = (step for clean in _cleans(job.dataset) for step in clean)
    named = sorted({name for step in steps if (name := file_of(step)) is not None})
    for file in [*(job.workspace.root / name for name in named), corrections.file(job.workspace, job.dataset.name)]:
        yield raws.digest_of(file) if file.is_file() else None


def _cleans(dataset: Dataset) -> Iterator[list[str | dict[str, object]]]:
    for source in dataset.inputs:
        yield from (clean.steps for clean in dataset.cleaning(source).values())


def unchanged(job: Job, judged: str) -> Report | None:
    """Return the report of a run that has nothing to do: what it would judge made the last version, or left it so.

    None where it must judge: something is new, a file of the version is missing, or time alone may change the outcome.
    """
    last = job.last
    if last is None or not last.whole or not last.parquet.is_file() or job.dataset.expect.freshness is not None:
        return None
    readings = raws.readings(raw_folder(job.workspace, job.dataset.name))
    found = [each.inputs for each in readings if each.judged == judged and each.version == last.number]
    if not found:
        return None
    try:
        before = reports.of(last.report)
        same = all(lineage.is_of(last.folder / file, before.sources) for file in FILES)
        same = same and links.whole(job.dataset, last.folder)
        told = [(source["raw"], source["version"]) for source in before.sources]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    same = same and told in [[(raw.sha256, raw.version) for raw in inputs] for inputs in found]  # not of a run between
    if before.version != last.number or not same:
        return None
    return replace(
        before, new=False, added=0, changed=0, removed=0, started=job.clock.started, run=job.clock.started,
        schema_change=None, schema_changes=[], replayed=False, made=reports.maker(last.report),
    )  # fmt: skip
