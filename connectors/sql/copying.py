"""COPY TO STDOUT, read from the connection's own socket: libpq makes an object of each row, with a message to each.

Only where the line is not encrypted, and for a connection that serves nothing else afterwards: libpq does not see what
is read here.
Source: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

import os
import struct
from collections.abc import Callable, Generator
from dataclasses import dataclass

CHUNK = 1 << 20
_LENGTH = struct.Struct("!I")
_ROW, _ERROR, _READY = b"d"[0], b"E"[0], b"Z"[0]
_EXPECTED = frozenset(b"HcCNSAZ")
"""What comes besides rows: how the copy is made, that it ends, a notice, a setting, a notification, that all is done."""
LONGEST = 1 << 30
"""Bytes of a message: no row of PostgreSQL is longer."""


@dataclass(frozen=True)
class Refused(Exception):
    """What the server said instead of going on: its SQLSTATE and its own words."""

    state: str
    words: str


class Broken(Exception):
    """The connection ended, or what came is not the protocol."""


def rows(line: int, wait: Callable[[], None], size: int, most: int) -> Generator[bytes, None, None]:
    """Yield the rows that a COPY gives, joined in pieces of about `size` bytes, and `most` rows at the most.

    `line` is the file descriptor of a socket that does not block, and `wait` returns when there is something to read, or
    raises. The last piece comes when the server has told that it was all. Raises Refused, Broken, and as `wait` does.
    """
    data, found, length = b"", list[bytes](), 0
    while True:
        data += _read(line, wait)
        at, ended = _cut(data, found)
        length += at
        while len(found) > most:  # what is read at once may be many rows
            yield b"".join(found[:most])
            del found[:most]
        if found and (ended or length >= size or len(found) == most):
            yield b"".join(found)
            found, length = [], 0
        if ended:
            return
        data = data[at:]
        if len(data) >= 5 and _LENGTH.unpack_from(data, 1)[0] > LONGEST:
            raise Broken


def _cut(data: bytes, found: list[bytes]) -> tuple[int, bool]:
    """Put the rows of whole messages into `found`; return how many bytes they were, and whether all is done."""
    at, end, unpack, append = 0, len(data) - 5, _LENGTH.unpack_from, found.append
    while at <= end:
        stop = at + 1 + unpack(data, at + 1)[0]
        if stop > end + 5:
            break
        if data[at] == _ROW:
            append(data[at + 5 : stop])
        elif _is_end(data[at], data[at + 5 : stop]):
            return stop, True
        at = stop
    return at, False


def _is_end(kind: int, body: bytes) -> bool:
    """Tell whether a message says that all is done. Raises Refused for an error, Broken for what has no place here."""
    if kind == _ERROR:
        fields = {field[:1]: field[1:] for field in body.split(b"\0") if field}
        raise Refused(
            fields.get(b"C", b"").decode("ascii", "replace"), fields.get(b"M", b"").decode("utf-8", "replace")
        )
    if kind not in _EXPECTED:
        raise Broken
    return kind == _READY


def _read(line: int, wait: Callable[[], None]) -> bytes:
    while True:
        try:
            came = os.read(line, CHUNK)
        except (BlockingIOError, InterruptedError):
            wait()
        except OSError as error:
            raise Broken from error
        else:
            if not came:
                raise Broken
            return came
