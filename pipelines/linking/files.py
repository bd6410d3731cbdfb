"""What linking leaves beside a version, for each column that it fills in: flat files, each whole or not there.

`link.COLUMN.records.parquet` has every record, `prepared` what was compared of it, `pairs` what was found of two, `events`
what became of clusters, `members` who is in which, `model.json` how it was weighed, `quality.json` what the figures are, and
`contradictions.json` which of people's decisions the run read, and which links they set aside. All files of a column say of which run they are: what one run made is never taken with what another made.
"""

import json
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.errors import Unavailable
from pipelines.declarations import Dataset
from pipelines.lineage import PARQUET
from pipelines.sql import quote
from pipelines.whole import whole_file

START = "link."

TABLES = ("records", "prepared", "pairs", "events", "members")
"""What is kept as Parquet for each column."""

ENDS = (*(f"{name}.parquet" for name in TABLES), "model.json", "quality.json", "contradictions.json")
"""How the names of all files of a column end."""

LONG = ("members.parquet", "events.parquet", "quality.json")
"""How the files end that are kept as long as the lake has the version: with them ids stay after a rollback to it."""

TRIES, PAUSE = 20, 0.05
"""How often, and after how many seconds each, files are opened anew that a run is just putting in the place of others."""

DICTIONARY = 5_000
"""Distinct values of a row group up to which a column has a dictionary: most columns of records have many more."""

NEXT = "links.next"
"""The folder, in a version's, of files that are taking the place of others: one rename puts them all in force."""

RUN = "beffroi_run"
"""Under this key each file tells of which run it is."""


def of(folder: Path, column: str, end: str) -> Path:
    """Return a file of a version, or of whatever folder links are written to: its `end` is as `records.parquet`."""
    name = f"{START}{column}.{end}"
    coming = folder / NEXT / name
    return coming if coming.is_file() else folder / name


def records(folder: Path, column: str) -> Path:
    """Return the file of the records: n, identity, side, origin, cluster or theirs, and each field's text as `field_…`."""
    return of(folder, column, "records.parquet")


def pairs(folder: Path, column: str) -> Path:
    """Return the file of the pairs: l and r (identities), how, weight, probability, level_…, weight_…, band and why."""
    return of(folder, column, "pairs.parquet")


def events(folder: Path, column: str) -> Path:
    """Return the file of what became of clusters or links since the version before, each with its reason."""
    return of(folder, column, "events.parquet")


def quality(folder: Path, column: str) -> Path:
    """Return the file of the figures of linking."""
    return of(folder, column, "quality.json")


def model(folder: Path, column: str) -> Path:
    """Return the file of the model, with what it may be taken for again."""
    return of(folder, column, "model.json")


def contradictions(folder: Path, column: str) -> Path:
    """Return the file of the decisions that a run read, and of the links that they set aside: they name records."""
    return of(folder, column, "contradictions.json")


def is_link(name: str) -> bool:
    """Tell whether a file of a version's folder is one of these."""
    return name.startswith(START)


def is_kept(name: str) -> bool:
    """Tell whether a file of a version's folder is one of those that are kept as long as the lake has the version."""
    return is_link(name) and name.endswith(LONG)


def in_folder(folder: Path) -> list[Path]:
    """Return all of these files that a folder has."""
    found = {file.name: file for each in (folder, folder / NEXT) for file in each.glob(f"{START}*")}
    return [found[name] for name in sorted(found)]


# --- writing ---------------------------------------------------------------------------------------------------------


def write(connection: duckdb.DuckDBPyConnection, query: str, file: Path, run: str) -> None:
    """Write what a query gives, whole or not at all."""
    options = f"{PARQUET}, DICTIONARY_SIZE_LIMIT {DICTIONARY}, KV_METADATA {{{RUN}: {quote(run)}}}"
    with whole_file(file) as part:
        connection.execute(f"COPY ({query}) TO {quote(str(part))} ({options})")
        part.chmod(0o600)  # it has what records say as their sources have it: a copied workspace guards it too


def write_json(said: Mapping[str, Any], file: Path, run: str) -> None:
    """Write what a mapping says, whole or not at all."""
    with whole_file(file) as part:
        part.touch(0o600)  # contradictions name records
        part.write_text(json.dumps({RUN: run, **said}), encoding="utf-8")


def move(aside: Path, folder: Path) -> None:
    """Put the files that a run has written `aside` into the folder of its version, and take others of links from there.

    All of them are in force at once: a version that has been committed may be read, or the run be killed, meanwhile.
    """
    settle(folder)
    made = {each.name for each in in_folder(aside)}
    if made:
        aside.rename(folder / NEXT)
        settle(folder)
    for old in in_folder(folder):
        if old.name not in made:
            old.unlink()


def settle(folder: Path) -> None:
    """Put the files that are in force where they belong: a run may have been killed before it had."""
    coming = folder / NEXT
    if coming.is_dir():
        for file in coming.iterdir():
            file.replace(folder / file.name)
        coming.rmdir()


def keep_events(connection: duckdb.DuckDBPyConnection, aside: Path, folder: Path, column: str, run: str) -> str:
    """Put the events that a version has before those that a run adds to it `aside`; return SQL for all of them.

    For a run that changes no row: the version stays, and what became of the clusters of the one before with it.
    """
    was, now = events(folder, column), events(aside, column)
    if _run(was) is not None and not _spoilt(was):
        both = f"SELECT * FROM {_table(was)} UNION ALL BY NAME SELECT * FROM {_table(now)}"
        write(connection, both, now, run)
    return _table(now)


# --- what was left before --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Before:
    """What a version has of one link, all of one run."""

    folder: Path
    column: str
    said: dict[str, Any]

    def table(self, name: str) -> str:
        """Return SQL for the rows of one of its files."""
        return _table(of(self.folder, self.column, f"{name}.parquet"))


def before(folder: Path, column: str) -> Before | None:
    """Return what a version's folder has of a link; None where any of it is missing, damaged or of another run."""
    with suppress(OSError, ValueError, KeyError):
        said: dict[str, Any] = json.loads(model(folder, column).read_text(encoding="utf-8"))
        if {_run(of(folder, column, end)) for end in ENDS} == {said[RUN]}:
            return Before(folder, column, said)
    return None


@contextmanager
def held(folder: Path, column: str) -> Iterator[Path]:
    """Give a folder that has the files of a link as they are now, all of one run, as long as it is held.

    A run may put others in their place, or take them away, meanwhile: here they are open, and an open file stays what it
    is. Raises Unavailable where they are not of one run, for a run is just writing them, or one is damaged.
    """
    for _ in range(TRIES):
        with ExitStack() as stack:
            aside = Path(stack.enter_context(TemporaryDirectory(prefix="beffroi-links-")))
            for end in ENDS:
                with suppress(FileNotFoundError):
                    opened = stack.enter_context(of(folder, column, end).open("rb"))
                    of(aside, column, end).symlink_to(f"/dev/fd/{opened.fileno()}")
            found = in_folder(aside)
            moved = len(found) != sum(of(folder, column, end).is_file() for end in ENDS)
            if not moved and len({_run(file) for file in found}) <= 1:
                yield aside
                return
        time.sleep(PAUSE)
    raise Unavailable(
        f"the links of {column} are being written just now, or are damaged: try again; if it lasts, `beffroi doctor` tells"
    )


def whole(dataset: Dataset, folder: Path) -> bool:
    """Tell whether a version's folder has all files of the dataset's links, each column's of one run."""
    return all(before(folder, column) is not None for column in dataset.link)


def damaged(dataset: Dataset, folder: Path) -> bool:
    """Tell whether any file of a link there is missing, of another run, or cannot be read to its end.

    A version that was rolled back to may have no more than those that are kept long.
    """
    for column in dataset.link:
        there = {file.name.removeprefix(f"{START}{column}.") for file in in_folder(folder) if _is_of(file, column)}
        if not there and not linked(folder, column):
            continue
        if (there != set(LONG) and before(folder, column) is None) or spoilt(folder, column):
            return True
    return False


def _is_of(file: Path, column: str) -> bool:
    return file.name.startswith(f"{START}{column}.")


def linked(folder: Path, column: str) -> bool:
    """Tell whether a version was made with this link, by its report, or by any file of the link."""
    with suppress(OSError, ValueError, KeyError, AttributeError):
        if column in json.loads((folder / "report.json").read_text(encoding="utf-8")).get("links", {}):
            return True
    return any(_is_of(file, column) for file in in_folder(folder))


def spoilt(folder: Path, column: str) -> frozenset[str]:
    """Return which tables of a link are there and cannot be read to their end: a footer alone tells little."""
    there = ((name, of(folder, column, f"{name}.parquet")) for name in TABLES)
    return frozenset(name for name, file in there if file.is_file() and _spoilt(file))


def _spoilt(file: Path) -> bool:
    try:
        with duckdb.connect() as connection:
            connection.execute(f"SELECT bit_xor(hash(t)) FROM {_table(file)} t").fetchall()
    except duckdb.Error:
        return True
    return False


def _table(file: Path) -> str:
    return f"read_parquet({quote(str(file))})"


def members(folder: Path, column: str, value: str, lost: Collection[str] = ()) -> str | None:
    """Return SQL for who was in which cluster, or linked to whom, by the column `value` that tells it.

    It is in two files, for ids rest on it; those that are `lost` are not read. None where it was another kind of link.
    Raises FileNotFoundError where neither can be read.
    """
    for name, where in (("members", ""), ("records", " WHERE side = 0")):
        file = of(folder, column, f"{name}.parquet")
        if name not in lost and _run(file) is not None:
            named = pq.read_schema(file).names
            return f"(SELECT identity, {value} FROM {_table(file)}{where})" if value in named else None
    raise FileNotFoundError(of(folder, column, "members.parquet"))


def _run(file: Path) -> str | None:
    """Return of which run a file is; None where it cannot be read."""
    with suppress(OSError, ValueError, KeyError, pa.ArrowException):
        if file.suffix == ".json":
            return str(json.loads(file.read_text(encoding="utf-8"))[RUN])
        return str((pq.read_metadata(file).metadata or {})[RUN.encode()], "utf-8")
    return None
