"""Corrections: what a person says that a row of a source should have held, kept apart from source and lake.

`.beffroi/corrections/NAME.jsonl` is only ever added to. A correction is bound to the row as the source has it, by the
SHA-256 of its canonical JSON: it holds in every later run while that row comes as it came, and no more when the source
mends it. The last word on a row holds; one without values takes the correction back.
"""

import datetime as dt
import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from filelock import FileLock

from connectors.errors import Unavailable
from pipelines.whole import on_disk
from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Correction:
    """What columns of one raw row should hold (None: nothing), who says so, when and why."""

    raw_sha256: str
    source: str
    values: dict[str, str | None]
    by: str | None
    why: str
    when: str = field(default_factory=lambda: dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))


def file(workspace: Workspace, name: str) -> Path:
    """Return where the corrections of a dataset stand; there is none before the first."""
    return workspace.state / "corrections" / f"{name}.jsonl"


def digest(raw: str) -> str:
    """Return what a correction is bound to, from the canonical JSON of a row (`quarantine.parquet` has it as `raw`)."""
    return hashlib.sha256(raw.encode()).hexdigest()


def load(workspace: Workspace, name: str) -> list[Correction]:
    """Return the corrections of a dataset that hold, the oldest first.

    Raises Unavailable where the file is damaged: a run without them would undo what people decided.
    """
    path = file(workspace, name)
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    found: dict[tuple[str, str], Correction] = {}
    for number, line in enumerate(lines[:-1], 1):  # what follows the last line's end was never promised to anybody
        try:
            said = Correction(**json.loads(line))
        except (ValueError, TypeError):
            raise Unavailable(
                f".beffroi/corrections/{path.name}, line {number}: it is no correction; put the file back as it was"
            ) from None
        found.pop((said.source, said.raw_sha256), None)
        if said.values:
            found[said.source, said.raw_sha256] = said
    return list(found.values())


def of(workspace: Workspace, name: str, source: str, raw_sha256: str) -> Correction | None:
    """Return the correction of a row, if one holds. Raises Unavailable."""
    found = (c for c in load(workspace, name) if (c.source, c.raw_sha256) == (source, raw_sha256))
    return next(found, None)


def add(workspace: Workspace, name: str, correction: Correction) -> None:
    """Add a correction; it is on disk when this returns. Raises OSError."""
    path, locks = file(workspace, name), workspace.state / "locks"
    for folder in (path.parent, locks):
        folder.mkdir(parents=True, exist_ok=True)
    line = json.dumps(asdict(correction), ensure_ascii=False).encode() + b"\n"
    with FileLock(locks / f"{name}.corrections.lock"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # it holds raw values
        with os.fdopen(descriptor, "r+b") as opened:
            whole = opened.read().rfind(b"\n") + 1  # a process that was killed may have left a part of a line
            opened.truncate(whole)
            opened.seek(whole)
            opened.write(line)
            opened.flush()
            os.fsync(opened.fileno())
        on_disk(path.parent)
