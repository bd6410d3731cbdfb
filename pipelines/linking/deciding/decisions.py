"""Decisions: what people say of a pair of records, kept apart from every version; no run ever overrules one.

`.beffroi/decisions/DATASET.COLUMN.jsonl` is only ever added to, but by `beffroi decide forget`. A pair is told by the identities of
its two records, in either order. The last word on a pair holds; `withdrawn` takes the one before it back.
"""

import datetime as dt
import hashlib
import json
import os
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock

from connectors.errors import Unavailable
from pipelines.whole import on_disk, whole_file
from pipelines.workspace import Workspace

Verdict = Literal["same", "different", "unsure", "withdrawn"]

VERDICTS: tuple[str, ...] = get_args(Verdict)[:3]
"""What a person can say of a pair: a run links the first, keeps the second apart, and leaves the third to people."""


def now() -> str:
    """Return this moment as decisions have it: in UTC, so that moments compare as texts."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class Decision:
    """What was said of a pair, why, by whom and when. `a` comes before `b`: `said_of` puts them so.

    `digest_a` and `digest_b` are of the values that were compared then, in `fields`; None where they were not known.
    """

    a: str
    b: str
    verdict: Verdict
    note: str = ""
    author: str | None = None
    when: str = field(default_factory=now)
    fields: tuple[str, ...] = ()
    digest_a: str | None = None
    digest_b: str | None = None

    @property
    def pair(self) -> tuple[str, str]:
        """Return the identities of the two records."""
        return self.a, self.b


Values = Mapping[str, str | None]


def said_of(
    one: str, other: str, verdict: Verdict, note: str = "", author: str | None = None, when: str | None = None,
    values: tuple[Values, Values] | None = None,
) -> Decision:  # fmt: skip
    """Return a decision on two records, told in either order; `values` are what was compared of each, by field.

    What neither record had was not compared: it is no change when that comes. Raises ValueError where both are the same record.
    """
    if one == other:
        raise ValueError("a record is always the same as itself")
    told = {one: values[0], other: values[1]} if values else {}
    a, b = sorted((one, other))
    names = tuple(sorted({name for each in told.values() for name, value in each.items() if value}))
    digests = [digest(told[each], names) if told else None for each in (a, b)]
    return Decision(a, b, verdict, note, author, when or now(), names, *digests)


def is_of_link(one: str, other: str, to: str | None) -> bool:
    """Tell whether a link can be of two records: where it leads `to` another dataset, one of them alone is of that."""
    return to is None or (json.loads(one)[0] == to) != (json.loads(other)[0] == to)


def digest(values: Values, names: Collection[str]) -> str:
    """Return the digest of what a record has in these fields. Case, accents and signs are no difference.

    It is of what the source has, not of what a recipe makes of it: a better recipe brings no decision back.
    """
    plain = {name: folded(values.get(name)) for name in sorted(names)}
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def folded(value: str | None) -> str:
    """Return a text without case, accents and signs: two that are alike so are no different values."""
    letters = unicodedata.normalize("NFKD", value or "").casefold()
    return "".join(letter for letter in letters if letter.isalnum())


def changed(decision: Decision, values: Mapping[str, Values]) -> list[str]:
    """Return which of the two records are materially other ones than when the decision was made, as far as they are there.

    `values` are what the records have now, by identity.
    """
    told = ((decision.a, decision.digest_a), (decision.b, decision.digest_b))
    return [
        each for each, before in told
        if before is not None and each in values and digest(values[each], decision.fields) != before
    ]  # fmt: skip


# --- the file --------------------------------------------------------------------------------------------------------


def file(workspace: Workspace, dataset: str, column: str) -> Path:
    """Return where the decisions on a column that linking fills in stand; there is none before the first."""
    return workspace.state / "decisions" / f"{dataset}.{column}.jsonl"


def columns(workspace: Workspace, dataset: str) -> list[str]:
    """Return the columns of a dataset on which people decided, also such as are linked no longer."""
    found = (workspace.state / "decisions").glob(f"{dataset}.*.jsonl")
    return sorted(each.name.removeprefix(f"{dataset}.").removesuffix(".jsonl") for each in found)


def load(workspace: Workspace, dataset: str, column: str) -> list[Decision]:
    """Return the decisions that hold, the oldest word first. Raises what `last` raises."""
    return [each for each in last(workspace, dataset, column) if each.verdict != "withdrawn"]


def last(workspace: Workspace, dataset: str, column: str) -> list[Decision]:
    """Return the last word on each pair, also where that took the one before back; the oldest word first.

    Raises Unavailable where the file is damaged: a run without them would undo what people decided.
    """
    path = file(workspace, dataset, column)
    try:
        lines = _lines(path.read_bytes())
    except FileNotFoundError:
        return []
    found: dict[tuple[str, str], Decision] = {}
    for number, line in enumerate(lines, 1):
        try:
            said = _read(json.loads(line))
        except (ValueError, TypeError, RecursionError):
            raise Unavailable(
                f".beffroi/decisions/{path.name}, line {number}: it is no decision; put the file back from a backup, or take"
                " that line out: what it decided is lost, an earlier word on its pair holds again, all other lines hold"
            ) from None
        found.pop(said.pair, None)
        found[said.pair] = said
    return list(found.values())


def _lines(content: bytes) -> list[bytes]:
    """Return the lines of a file, without what a process that was killed left of its last one.

    A whole decision counts without a line's end too: an editor may have taken that off.
    """
    *lines, rest = content.split(b"\n")
    with suppress(ValueError, TypeError, RecursionError):
        _read(json.loads(rest))
        lines.append(rest)
    return lines


_NAMES = {each.name for each in fields(Decision)}


def _read(line: Any) -> Decision:
    """Return the decision of a line. Raises ValueError, TypeError where it is none."""
    if not isinstance(line, dict) or line.keys() != _NAMES:
        raise ValueError("other names")
    said = Decision(**line | {"fields": tuple(line["fields"])})
    if not (isinstance(said.a, str) and isinstance(said.b, str) and said.a < said.b):
        raise ValueError("no pair")
    if said.verdict not in get_args(Verdict):
        raise ValueError("no verdict")
    others = (said.author or "", said.digest_a or "", said.digest_b or "", *said.fields)
    "".join((said.a, said.b, said.note, said.when, *others)).encode()  # each is a text, and one that can be written
    return said


def add(workspace: Workspace, dataset: str, column: str, said: Sequence[Decision]) -> None:
    """Add decisions, all or none; they are on disk when this returns. Raises OSError."""
    path = file(workspace, dataset, column)
    lines = b"".join(json.dumps(asdict(each), ensure_ascii=False).encode(errors="replace") + b"\n" for each in said)
    with _locked(workspace, path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # identities may be those of persons
        with os.fdopen(descriptor, "r+b") as opened:
            content = opened.read()
            there = b"".join(line + b"\n" for line in _lines(content))
            whole = min(len(there), len(content))  # what a process that was killed left of a line is cut off
            opened.truncate(whole)
            opened.seek(whole)
            try:
                opened.write(there[whole:] + lines)
                opened.flush()
                os.fsync(opened.fileno())
            except OSError:  # a full disk: no half of what was to come together
                os.ftruncate(opened.fileno(), whole)
                raise
        on_disk(path.parent)


def forget(workspace: Workspace, dataset: str, column: str, gone: Collection[str]) -> int:
    """Erase every decision, also such as hold no longer, on a pair with one of these records; return how many there were.

    What a person has a right to have erased is not kept for the sake of a decision. Raises OSError, Unavailable where the
    file is damaged.
    """
    path = file(workspace, dataset, column)
    load(workspace, dataset, column)
    with _locked(workspace, path):
        if not path.is_file():
            return 0
        lines = _lines(path.read_bytes())
        kept = [line for line in lines if not set(_read(json.loads(line)).pair) & set(gone)]
        if len(kept) < len(lines):
            with whole_file(path) as part:
                part.touch(0o600)
                part.write_bytes(b"".join(line + b"\n" for line in kept))
                on_disk(part)
            on_disk(path.parent)
    return len(lines) - len(kept)


def _locked(workspace: Workspace, path: Path) -> FileLock:
    locks = workspace.state / "locks"
    for folder in (path.parent, locks):
        folder.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"{path.stem}.decisions.lock")


def in_order(said: Sequence[Decision]) -> list[Decision]:
    """Return decisions with the oldest first; those of one moment stay in the order in which they were said."""
    return sorted(said, key=lambda each: each.when)


def state_digest(workspace: Workspace, dataset: str, column: str) -> str:
    """Return a digest of what the decisions make of a run: with the same one it makes the same. Raises Unavailable."""
    said = in_order(load(workspace, dataset, column))
    told = [(each.a, each.b, each.verdict, each.when) for each in said]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
