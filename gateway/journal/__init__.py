"""The journal: every access to anything not public, refusals too, on disk before the answer leaves.

`writing` takes entries and commits them by groups; `chain` says how they are linked, `verification` walks the links,
`anchors` notes their head outside. `keys` hashes identifiers, so that the journal itself names nobody and `reading`
still tells who read a person's data. `sqlite` and `postgresql` keep the rows.
"""

from gateway.journal.entries import Entry
from gateway.journal.verification import Result, verify
from gateway.journal.writing import Journal

__all__ = ["Entry", "Journal", "Result", "verify"]
