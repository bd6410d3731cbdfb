"""How many different values an application has tried today for one person, counted across all processes.

The file names nobody: identifiers and values stand there as keyed hashes, and a day's are gone with the day.
"""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import lmdb

from connectors.errors import CallerError, LimitReached, Unavailable
from gateway.store import open_environment

MOST = 5
"""Different values that one application may try in a day for one field of one identifier."""

Missed = Sequence[tuple[str, str, str]]
"""What an identity guesses (`identity.tried`): each time the others of its fields, a field, and the value of that one."""

SIZE = 2**28
"""Bytes of the file at most: some two million identifiers a day."""

SWEPT = 1000
"""Entries of earlier days that are taken out with each new one, at most."""

MARK = 16
"""Bytes of a value's hash that are kept."""


class Guesses:
    """The count of one workspace, in `.beffroi/guesses/`; nothing is opened before something is counted."""

    def __init__(self, state: Path, keyed: Callable[[str], str]) -> None:
        """`keyed` hashes a text with the key of the journal, as `NAME:HEX`."""
        self._folder = state / "guesses"
        self._keyed = keyed
        self._environment: lmdb.Environment | None = None

    def close(self) -> None:
        """Close the file."""
        if self._environment is not None:
            self._environment.close()
            self._environment = None

    def hold(self, application: str | None, identifier: str, guesses: Mapping[str, str]) -> None:
        """Count what `application` tries for the fields of an identifier; a value that it tried today counts once.

        Raises LimitReached, and counts none, where a field has one too many; Unavailable where they cannot be counted:
        what is not counted is not answered.
        """
        self._hold(application, [(identifier, field, value) for field, value in guesses.items()], counted=True)

    @contextlib.contextmanager
    def missing(self, application: str | None, tried: Missed) -> Iterator[None]:
        """Count what an identity tries where nobody is found by it inside: whoever is found was known already.

        Raises LimitReached in the place of any outcome, where a field has had MOST others today that found nobody; so
        of many questions at once no more is told. Raises Unavailable as `hold` does.
        """
        self._hold(application, tried, counted=False)
        try:
            yield
        except CallerError:
            self._hold(application, tried, counted=True)
            raise
        self._hold(application, tried, counted=False)

    def _hold(self, application: str | None, tries: Missed, *, counted: bool) -> None:
        if not tries or application is None:  # the operator, who holds the files anyway, may guess
            return
        today = dt.datetime.now(dt.UTC).date().isoformat()
        try:
            with self._open().begin(write=counted) as transaction:
                if counted:
                    _sweep(transaction, today.encode())
                for identifier, field, value in tries:
                    key = today.encode() + self._digest(f"{today} {application} {identifier} {field}")
                    tried, mark = transaction.get(key, b""), self._digest(f"{today} {value}")
                    if mark in [tried[at : at + MARK] for at in range(0, len(tried), MARK)]:
                        continue
                    if len(tried) >= MOST * MARK:
                        raise _too_many(application, field)
                    if counted:
                        transaction.put(key, tried + mark)
        except (lmdb.Error, OSError) as error:
            raise Unavailable(
                f"what is verified cannot be counted in .beffroi/guesses/ ({type(error).__name__}), so nothing is"
                " verified"
            ) from error

    def _digest(self, text: str) -> bytes:
        return bytes.fromhex(self._keyed(f"guess:{text}").rpartition(":")[2])[:MARK]

    def _open(self) -> lmdb.Environment:
        if self._environment is None:
            self._environment = open_environment(self._folder, SIZE)
        return self._environment


def _too_many(application: str, field: str) -> LimitReached:
    now = dt.datetime.now(dt.UTC)
    midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), dt.UTC)
    return LimitReached(
        f"{application} has tried {MOST} different values of {field} for this identifier today, and guessing is"
        " collecting: ask the person concerned. Another value can be tried tomorrow (UTC)",
        retry_in=(midnight - now).total_seconds(),
    )


def _sweep(transaction: lmdb.Transaction, today: bytes) -> None:
    """Take out some entries of earlier days."""
    with transaction.cursor() as cursor:
        there, left = cursor.first(), SWEPT
        while there and left and bytes(cursor.key()) < today:
            there, left = cursor.delete(), left - 1
