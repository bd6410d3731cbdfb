"""Verification: the chain walked from its first entry, and held against anchors that stand outside.

From inside one sees what was changed, moved, or removed from the middle. That the end was cut off, that yesterday's
backup was put in the place of today's journal, or that the whole chain was written anew, only an anchor tells.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.journal.chain import GENESIS, Damaged, Row, digest, link
from gateway.journal.keys import Keys
from gateway.journal.sqlite import SqliteStore

ERASURE = re.compile(
    r'"action":"erase".*"fields":\["(\w+)"\].*"source":"before (\d{4}-\d\d-\d\d), up to entry (\d+): (\d+), sealed ([\w:]+)"'
)
"""What an entry of action `erase` says: the class, the first day kept, the last entry that it is about, how many they
are, and the seal of that."""


@dataclass(frozen=True, order=True)
class Anchor:
    """The head as it was: after `number` entries the chain had `hash`. `time` is when we noted it, in UTC."""

    number: int
    hash: str
    time: str
    seal: str = ""
    timestamp: str = ""

    @property
    def message(self) -> bytes:
        """Return what is sealed and time-stamped."""
        return f"beffroi-journal-anchor-1\n{self.number}\n{self.hash}\n{self.time}".encode()

    def line(self) -> str:
        """Return it as one line of JSON."""
        told = {"number": self.number, "hash": self.hash, "time": self.time, "seal": self.seal}
        return json.dumps(told | ({"timestamp": self.timestamp} if self.timestamp else {}))


@dataclass(frozen=True)
class Result:
    """What a verification found: the number of entries, the hash of the last, and a sentence per break.

    `erased` entries have no content any more, as the journal itself says of their class and day: `erasures` has the
    latest such day of each class. `anchored` is the last entry that an anchor holds, 0 without one.
    """

    entries: int
    head: str
    problems: tuple[str, ...]
    erased: int = 0
    erasures: tuple[str, ...] = ()
    anchored: int = 0

    @property
    def whole(self) -> bool:
        """Tell whether the chain is unbroken."""
        return not self.problems


def verify(path: Path) -> Result:
    """Walk the chain of the SQLite journal at `path`, without anchors. Raises what `verify_rows` raises."""
    return verify_rows(SqliteStore(path).rows())


def erasure(kind: str, before: str, upto: int, count: int) -> str:
    """Return what the key of the journal seals of an erasure, so that nobody without it can empty entries unseen."""
    return f"beffroi-journal-erasure-1 {kind} {before} {upto} {count}"


def verify_rows(rows: Iterable[Row], anchors: Sequence[Anchor] = (), keys: Keys | None = None) -> Result:
    """Walk a chain and tell every entry that was changed, removed, moved or emptied without a word of it.

    An erasure is believed where `keys` sealed it; without them, of none is it known that it was not made up. Raises NotFound where there is no journal, Unavailable where it cannot be read.
    """
    walk = _Walk({anchor.number for anchor in anchors}, keys)
    try:
        for row in rows:
            walk.step(row)
    except Damaged as error:
        walk.problems.append(f"nothing can be read after entry {walk.number}: {error}")
    problems = [*walk.problems, *walk.emptied(), *_against(walk, anchors)]
    held = [anchor.number for anchor in anchors if walk.hashes.get(anchor.number) == anchor.hash]
    return Result(walk.entries, walk.head, tuple(problems), walk.erased, walk.erasures(), max(held, default=0))


class _Walk:
    """Where a verification stands, and what it found. `wanted` are the numbers whose hashes anchors hold."""

    def __init__(self, wanted: set[int], keys: Keys | None) -> None:
        self.entries, self.number, self.head, self.erased = 0, 0, GENESIS, 0
        self.problems: list[str] = []
        self.hashes: dict[int, str] = {}
        self._wanted = wanted
        self._empty: dict[tuple[str, str], list[int]] = {}  # by class and day: the first, the last, how many
        self._acts: list[tuple[str, str, int]] = []
        self._keys = keys

    def step(self, row: Row) -> None:
        """Look at the next entry."""
        self.problems += self._wrong(row)
        self.entries, self.number, self.head = self.entries + 1, row.number, str(row.hash)
        if row.number in self._wanted:
            self.hashes[row.number] = self.head
        if row.kind == "change" and (act := ERASURE.search(row.entry)):
            kind, before, upto = act[1], act[2], int(act[3])
            sealed = self._keys is None or act[5] in self._keys.every(erasure(kind, before, upto, int(act[4])))
            if sealed and kind != "change" and before <= row.day:  # changes are kept, and so is what is of that day
                self._acts.append((kind, before, upto))

    def _wrong(self, row: Row) -> Iterator[str]:
        if row.number != self.number + 1:
            gap = f"{self.number + 1}" if row.number == self.number + 2 else f"{self.number + 1} to {row.number - 1}"
            yield f"entry {gap} was removed"
        elif row.previous != self.head:
            yield f"entry {row.number} does not follow the one before it: an entry was removed here, or moved"
        if link(row) != row.hash:
            yield f"entry {row.number} was changed"
        elif row.content and not row.entry:
            seen = self._empty.setdefault((row.kind, row.day), [row.number, row.number, 0])
            seen[1:] = [row.number, seen[2] + 1]
            self.erased += 1
        elif row.content and digest(str(row.entry)) != row.content:
            yield f"entry {row.number} was changed"

    def erasures(self) -> tuple[str, ...]:
        """Return, by class, from before which day the journal says that entries were erased."""
        latest: dict[str, str] = {}
        for kind, before, _upto in self._acts:
            latest[kind] = max(before, latest.get(kind, ""))
        return tuple(f"{kind} before {before}" for kind, before in sorted(latest.items()))

    def emptied(self) -> Iterator[str]:
        """Yield what was emptied though no entry after it says that entries of its class and day are erased."""
        for (kind, day), (first, last, count) in self._empty.items():
            if not any(kind == of and day < before and last <= upto for of, before, upto in self._acts):
                where = f"entry {first}" if count == 1 else f"{count} entries from {first} to {last}"
                yield f"{where} of {day} ({kind}) lost the content, and no erasure on the journal says so"


def _against(walk: _Walk, anchors: Sequence[Anchor]) -> Iterator[str]:
    """Yield what anchors know better: that entries are gone from the end, and between which others were written anew."""
    ahead = [anchor for anchor in anchors if anchor.number > walk.number]
    if ahead:
        last = max(ahead)
        gone = (
            f"entry {last.number}" if last.number == walk.number + 1 else f"entries {walk.number + 1} to {last.number}"
        )
        yield (
            f"{gone} were removed from the end: an anchor of {last.time} has entry {last.number}, and the journal ends"
            f" with {walk.number}. An older copy was put in its place, or it was cut"
        )
    known = sorted(anchor for anchor in anchors if anchor.number <= walk.number)
    good = 0
    for anchor in known:
        if walk.hashes.get(anchor.number) == anchor.hash:
            good = anchor.number
        else:
            yield (
                f"entries {good + 1} to {anchor.number} are not those that an anchor of {anchor.time} was made of: they"
                " were written anew, with whatever changes"
            )
            return
