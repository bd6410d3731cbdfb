"""Rows of MariaDB and MySQL as Arrow, taken from the bytes of the protocol without a Python object per cell.

PyMySQL connects, proves who we are and asks; the rows that follow are cut here, a column at a time. What it raises of
its own is OSError (a time-out among them), a `pymysql.err.Error` that the server sent, and Broken.
Source: https://mariadb.com/kb/en/result-set-packets/ and https://mariadb.com/kb/en/protocol-data-types/
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.constants import COMMAND
from pymysql.err import raise_mysql_exception
from pymysql.protocol import FieldDescriptorPacket

from connectors.deadline import Deadline

FIRST, PIECE = 16_000, 4_000_000
"""Bytes of rows that are read before they are cut: first, when there may be one row only, and later."""
PADDING = 16  # so that the longest header of a cell may be looked at anywhere
LARGEST = 0xFFFFFF
"""A packet of that length goes on in the next one."""
MOST = 1 << 30
"""Bytes of a row: no server sends more (max_allowed_packet)."""

FEW = 100
"""Rows of which each cell is looked at by itself."""

_SIZES = {0xFC: 2, 0xFD: 3, 0xFE: 8}
_HEADER = struct.Struct("<I").unpack_from
_INT = pa.int32()


class Broken(Exception):
    """What came is no result of the protocol."""


class Lost(Exception):
    """The connection ended before the rows did."""


@dataclass(frozen=True)
class Field:
    """What the server says of a column of a result: `code`, `charset` and `flags` are the protocol's numbers."""

    name: str
    code: int
    charset: int
    length: int
    scale: int
    flags: int


def ask(connection: Any, sql: str) -> list[Field]:
    """Send a statement and return the columns of its result, whose rows `pieces` reads. Raises as PyMySQL does."""
    connection._execute_command(COMMAND.COM_QUERY, sql)  # noqa: SLF001 (its cursors make an object per cell)
    first = connection._read_packet()  # noqa: SLF001
    if first.is_ok_packet() or first.is_load_local_packet():
        raise Broken("no rows")
    count = first.read_length_encoded_integer()
    said = [connection._read_packet(FieldDescriptorPacket) for _ in range(count)]  # noqa: SLF001
    if not connection._read_packet().is_eof_packet():  # noqa: SLF001
        raise Broken("no end of columns")
    return [Field(each.name, each.type_code, each.charsetnr, each.length, each.scale, each.flags) for each in said]


def pieces(connection: Any, columns: int, deadline: Deadline) -> Iterator[list[pa.Array]]:
    """Yield the rows of what was asked, each column as binary cells (null is NULL), to their end."""
    first = True

    def receive(room: memoryview) -> int:
        nonlocal first
        connection._sock.settimeout(max(deadline.remaining(), 0.001))  # noqa: SLF001
        if not first:
            return int(connection._sock.recv_into(room))  # noqa: SLF001
        first = False  # what PyMySQL has read already; readinto1 would wait for more than that
        ready = connection._rfile.read1(len(room))  # noqa: SLF001
        room[: len(ready)] = ready
        return len(ready)

    for data, starts, end in _packets(receive):
        yield _cells(data, starts, end, columns)


def _packets(receive: Callable[[memoryview], int]) -> Iterator[tuple[bytearray, list[int], int]]:
    """Yield buffers with the places where rows begin in them and the place where the last one ends."""
    buffer, filled, at = bytearray(FIRST + PADDING), 0, 0
    starts = list[int]()
    while True:
        at, over, large = _whole(buffer, filled, at, starts)
        if over:
            if starts:
                yield buffer, starts, at
            return
        room = len(buffer) - PADDING - filled
        if large is not None or not room:
            if starts:
                yield buffer, starts, at
            if large is not None:
                at, row = large
                yield bytearray(row + bytes(PADDING)), [0], len(row)
            rest = memoryview(buffer)[at:filled]
            if len(rest) > MOST:
                raise Broken("a row without end")
            fresh = bytearray(max(PIECE, 2 * len(rest)) + PADDING)
            fresh[: len(rest)] = rest
            buffer, filled, at, starts = fresh, len(rest), 0, []
            continue
        got = receive(memoryview(buffer)[filled : filled + room])
        if not got:
            raise Lost
        filled += got


def _whole(buffer: bytearray, filled: int, at: int, starts: list[int]) -> tuple[int, bool, tuple[int, bytes] | None]:
    """Note the rows that are whole from `at` on; return where they end, whether all rows have, and a row in parts."""
    while at + 5 <= filled:
        length = _HEADER(buffer, at)[0] & LARGEST
        end = at + 4 + length
        if end > filled:
            break
        if length == LARGEST:
            return at, False, _in_parts(buffer, filled, at)
        if buffer[at + 4] > 0xFD:
            if buffer[at + 4] == 0xFE and length == 5:
                return at, True, None
            if buffer[at + 4] == 0xFF and length > 3:
                raise_mysql_exception(bytes(buffer[at + 4 : end]))
            raise Broken("no row")
        starts.append(at + 4)
        at = end
    return at, False, None


def _in_parts(buffer: bytearray, filled: int, at: int) -> tuple[int, bytes] | None:
    """Return where a row in several packets ends, and its bytes; None where it is not all there."""
    parts, length = list[bytes](), LARGEST
    while length == LARGEST:
        if at + 4 > filled:
            return None
        length = _HEADER(buffer, at)[0] & LARGEST
        if at + 4 + length > filled:
            return None
        parts.append(bytes(buffer[at + 4 : at + 4 + length]))
        at += 4 + length
    return at, b"".join(parts)


def _cells(data: bytearray, starts: list[int], end: int, columns: int) -> list[pa.Array]:
    """Return the columns of rows that begin at `starts`, the last of which ends at `end`. Raises Broken."""
    rows, buffer = len(starts), pa.py_buffer(data)
    if rows <= FEW:
        return _few_cells(data, starts, end, columns)
    raw = pa.Array.from_buffers(pa.uint8(), len(data), [None, buffer])
    at, places = pa.array(starts, _INT), list[tuple[Any, Any, Any]]()
    ends = pa.array([*(start - 4 for start in starts[1:]), end], _INT)
    try:
        for _ in range(columns):
            places.append(_place(raw, at))
            at = places[-1][1]
    except (IndexError, pa.ArrowException) as error:
        raise Broken("a cell beyond its row") from error
    if not at.equals(ends):
        raise Broken("cells that are not their row")
    even = pa.array(list(range(0, 2 * rows, 2)), _INT)
    found = []
    for start, stop, null in places:
        # the texts of this column and what is between them are one array over the same bytes; every other is taken
        both = pc.bit_wise_or(start.cast(pa.int64()), pc.shift_left(stop.cast(pa.int64()), 32))
        spread = pa.Array.from_buffers(pa.binary(), 2 * rows - 1, [None, both.buffers()[1], buffer])
        found.append(spread.take(even if null is None else pc.if_else(null, pa.scalar(None, _INT), even)))
    return found


def _few_cells(data: bytearray, starts: list[int], end: int, columns: int) -> list[pa.Array]:
    """Return the same of so few rows that looking at each cell is faster."""
    found: list[list[bytes | None]] = [[] for _ in range(columns)]
    for at, stop in zip(starts, [*(start - 4 for start in starts[1:]), end], strict=True):
        for cells in found:
            first, size = data[at], _SIZES.get(data[at], 0)
            begin = at + 1 + size
            length = int.from_bytes(data[at + 1 : begin], "little") if size else first
            at = begin if first == 0xFB else begin + length  # noqa: PLW2901 (where the next cell begins)
            if at > stop or first == 0xFF:
                raise Broken("a cell beyond its row")
            cells.append(None if first == 0xFB else bytes(data[begin:at]))
        if at != stop:
            raise Broken("cells that are not their row")
    return [pa.array(cells, pa.binary()) for cells in found]


def _place(raw: pa.Array, at: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array | None]:
    """Return where the cells at `at` begin and end, and which are NULL (None if none is)."""
    first = raw.take(at)
    most = pc.max(first).as_py()
    if most > 0xFB:
        return _long_place(raw, at, first)
    begin, length = pc.add(at, pa.scalar(1, _INT)), first.cast(_INT)
    if most < 0xFB:
        return begin, pc.add(begin, length), None
    null = pc.equal(first, pa.scalar(0xFB, pa.uint8()))
    return begin, pc.add(begin, pc.if_else(null, pa.scalar(0, _INT), length)), null


def _long_place(raw: pa.Array, at: pa.Array, first: pa.Array) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return the same where some cells have 251 bytes or more; their length stands in 2, 3 or 8 bytes."""

    def byte(number: int) -> pa.Array:
        return raw.take(pc.add(at, pa.scalar(number, _INT))).cast(pa.int64())

    null = pc.equal(first, pa.scalar(0xFB, pa.uint8()))
    size, length = pa.scalar(1, pa.int64()), pc.if_else(null, pa.scalar(0, pa.int64()), first.cast(pa.int64()))
    for mark, count in _SIZES.items():
        kind, told = pc.equal(first, pa.scalar(mark, pa.uint8())), byte(1)
        for number in range(2, count + 1):
            told = pc.bit_wise_or(told, pc.shift_left(byte(number), 8 * (number - 1)))
        size, length = pc.if_else(kind, pa.scalar(count + 1, pa.int64()), size), pc.if_else(kind, told, length)
    start = pc.add(at.cast(pa.int64()), size)
    return start.cast(_INT), pc.add_checked(start, length).cast(_INT), null
