"""How entries are linked: each one's hash covers the hash before it, its own class and day, and its content's hash.

Since the link covers the *hash* of the content, the content can be erased and the link still be proven. Entries of the
first format (`content` is empty) are linked by their text itself: they are proven as they were, and never erased.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

GENESIS = "0" * 64
"""What stands in the place of a previous hash at the first entry."""


class Content(NamedTuple):
    """What is to be written: the entry's text, its class, and its day in UTC (`2026-11-22`)."""

    text: str
    kind: str
    day: str


class Row(NamedTuple):
    """An entry as it is stored. `entry` is empty once erased; `content` is the hash of what it was."""

    number: int
    entry: str
    previous: str
    hash: str
    kind: str
    day: str
    content: str


COLUMNS = ", ".join(Row._fields)


class Damaged(Exception):
    """What holds the journal can no longer be read, for a reason that lies in it."""


def digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def link(row: Row) -> str:
    """Return the hash that an entry must have: by its content's hash, or by its text in the first format."""
    if not row.content:
        return digest(f"{row.previous}\n{row.entry}")
    return _link(row.previous, row.kind, row.day, row.content)


def _link(previous: str, kind: str, day: str, content: str) -> str:
    return digest(f"beffroi-journal-2\n{previous}\n{kind}\n{day}\n{content}")


def chained(contents: Sequence[Content], number: int, head: str) -> list[Row]:
    """Return the rows of new entries after entry `number`, whose hash is `head`."""
    rows = []
    for position, (text, kind, day) in enumerate(contents, number + 1):
        content = digest(text)
        previous, head = head, _link(head, kind, day, content)
        rows.append(Row(position, text, previous, head, kind, day, content))
    return rows
