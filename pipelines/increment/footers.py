"""The footer of a Parquet file, read and written field by field, so that column chunks can stand in another file as they are.

A struct is `{number of the field: (its type, its value)}`: what is not known here is written as it was read. No writer of
Parquet files takes over chunks that are encoded; to encode a whole table anew for a few rows is most of what a run costs.
Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift, in the compact protocol,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from typing import Any

Struct = dict[int, tuple[int, Any]]

MAGIC = b"PAR1"

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
"""Types of the compact protocol."""

LONG_LIST = 15
"""The length in a list's first byte that says that its length follows."""


class _Reader:
    """Values one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def taken(self, size: int) -> bytes:
        self.at += size
        if self.at > len(self.data):
            raise ValueError("a Parquet footer ends too soon")
        return self.data[self.at - size : self.at]

    def varint(self) -> int:
        value, shift = 0, 0
        while (byte := self.byte()) & 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def number(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def value(self, kind: int) -> Any:
        """Return a value of a type; of an unknown one nothing can be said, not even where it ends. Raises ValueError."""
        if kind in (I16, I32, I64):
            return self.number()
        if kind == BINARY:
            return self.taken(self.varint())
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, SET):
            return self.listed()
        if kind in (TRUE, FALSE, BYTE):
            return self.byte()
        if kind == DOUBLE:
            return self.taken(8)
        raise ValueError(f"a Parquet footer has a value of type {kind}")

    def listed(self) -> tuple[int, list[Any]]:
        """Return the type of a list's elements, and these."""
        head = self.byte()
        size = self.varint() if head >> 4 == LONG_LIST else head >> 4
        return head & 15, [self.value(head & 15) for _ in range(size)]

    def struct(self) -> Struct:
        found: Struct = {}
        field = 0
        while head := self.byte():
            kind = head & 15
            field = field + (head >> 4) if head >> 4 else self.number()
            found[field] = (kind, None if kind in (TRUE, FALSE) else self.value(kind))
        return found


def read(data: bytes) -> Struct:
    """Return the struct that `data` begins with. Raises ValueError, IndexError for what is none."""
    return _Reader(data).struct()


def written(struct: Struct) -> bytes:
    """Return a struct's bytes."""
    out = bytearray()
    _struct(out, struct)
    return bytes(out)


def _struct(out: bytearray, struct: Struct) -> None:
    before = 0
    for field, (kind, value) in sorted(struct.items()):
        if 0 < field - before < LONG_LIST + 1:
            out.append(field - before << 4 | kind)
        else:
            out.append(kind)
            _number(out, field)
        if kind not in (TRUE, FALSE):  # a field's type says which it is
            _value(out, kind, value)
        before = field
    out.append(0)


def _value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (I16, I32, I64):
        _number(out, value)
    elif kind == BINARY:
        _varint(out, len(value))
        out += value
    elif kind == STRUCT:
        _struct(out, value)
    elif kind in (LIST, SET):
        inner, values = value
        out.append(min(len(values), LONG_LIST) << 4 | inner)
        if len(values) >= LONG_LIST:
            _varint(out, len(values))
        for each in values:
            _value(out, inner, each)
    elif kind == DOUBLE:
        out += value
    else:
        out.append(value)


def _number(out: bytearray, value: int) -> None:
    _varint(out, value << 1 ^ value >> 63)


def _varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
