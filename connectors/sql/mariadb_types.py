"""What the columns of MariaDB and MySQL are in Arrow, and their cells read from the texts that the protocol carries.

A number is typed; what a type of Arrow cannot hold whole is text as the server writes it: dates, which may be
`0000-00-00` or `2024-02-00`, times beyond a day, numbers of more than 38 digits, numbers shown with leading zeros. Bytes
come as hexadecimal digits, shapes as WKT. Texts come in the character set of their column and are read here, strictly:
the server would write ? for what it cannot convert.
"""

import codecs
from collections.abc import Mapping
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from connectors.sql.engine import Column
from connectors.sql.mariadb_wire import Field

UNSIGNED, ZEROFILL, ENUM, SET = 32, 64, 256, 2048
BYTES = 63
"""The character set of what is no text."""

_INTEGERS = {1: ("tinyint", 8), 2: ("smallint", 16), 9: ("mediumint", 32), 3: ("int", 32), 8: ("bigint", 64)}
_TEXTS = {
    7: "timestamp", 10: "date", 11: "time", 12: "datetime", 14: "date", 17: "timestamp", 18: "datetime", 19: "time",
    6: "null", 15: "varchar", 245: "json", 247: "enum", 248: "set", 253: "varchar", 254: "char",
    249: "text", 250: "text", 251: "text", 252: "text",
}  # fmt: skip
_OF_BYTES = {15: "varbinary", 253: "varbinary", 254: "binary", 249: "blob", 250: "blob", 251: "blob", 252: "blob"}
_OTHERS: Mapping[int, tuple[str, pa.DataType, str]] = {
    13: ("year", pa.int16(), "{0}"),
    4: ("float", pa.float64(), "{0} * 1e0"),  # of a float the protocol writes six digits, of a double all that it needs
    5: ("double", pa.float64(), "{0}"),
    16: ("bit", pa.uint64(), "CAST({0} AS UNSIGNED)"),
    255: ("geometry", pa.string(), "COALESCE(ST_AsText({0}), HEX({0}))"),
}
_SIGNED = (pa.int8(), pa.int16(), pa.int32(), pa.int64())
_NATURAL = (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())

CODECS: Mapping[str, str] = {
    "utf8": "utf-8", "utf8mb3": "utf-8", "utf8mb4": "utf-8", "ascii": "ascii",
    "latin2": "iso8859-2", "latin5": "iso8859-9", "latin7": "iso8859-13",
    "cp1250": "cp1250", "cp1251": "cp1251", "cp1256": "cp1256", "cp1257": "cp1257",
    "cp850": "cp850", "cp852": "cp852", "koi8r": "koi8_r", "macroman": "mac_roman",
    "ucs2": "utf-16-be", "utf16": "utf-16-be", "utf16le": "utf-16-le", "utf32": "utf-32-be",
}  # fmt: skip
"""The character sets that are read, as Python calls them; `latin1` is one more."""


def column(field: Field, quoted: str) -> Column:
    """Return what a column of a result is, and the SQL of its cells; `quoted` is its name as an identifier."""
    unsigned = bool(field.flags & UNSIGNED)
    if field.code in _INTEGERS:
        name, bits = _INTEGERS[field.code]
        if field.flags & ZEROFILL:
            return Column(field.name, f"{name} zerofill", pa.string(), quoted)
        kind = (_NATURAL if unsigned else _SIGNED)[bits.bit_length() - 4]
        return Column(field.name, f"{name}{' unsigned' * unsigned}", kind, quoted)
    if field.code in (0, 246):
        return _decimal(field, quoted, unsigned=unsigned)
    declared, arrow, cell = _OTHERS.get(field.code, (_text(field), pa.string(), "{0}"))
    return Column(field.name, declared, arrow, cell.format(quoted))


def _decimal(field: Field, quoted: str, *, unsigned: bool) -> Column:
    digits = field.length - (field.scale > 0) - (not unsigned)
    whole = 0 < digits <= 38 and field.scale <= digits and not field.flags & ZEROFILL
    kind = pa.decimal128(digits, field.scale) if whole else pa.string()
    return Column(field.name, f"decimal({digits},{field.scale})", kind, quoted)


def _text(field: Field) -> str:
    if field.flags & ENUM:
        return "enum"
    if field.flags & SET:
        return "set"
    if _is_bytes(field):
        return _OF_BYTES[field.code]
    return _TEXTS.get(field.code, "text")


def _is_bytes(field: Field) -> bool:
    return field.charset == BYTES and field.code in _OF_BYTES


def read(field: Field, kind: pa.DataType, cells: pa.Array, charset: str) -> tuple[pa.Array, pa.Array | None]:
    """Return the cells of a column as `kind`, and which of them are none (None where all are).

    `cells` are the bytes that came, `charset` the server's name of their character set. In place of bytes that are no
    text stand their hexadecimal digits, in place of a number that does not fit its type null.
    """
    if _is_bytes(field):
        return _hexadecimal(cells), None
    if field.charset == BYTES:
        charset = "utf8mb4"  # a number, a date; JSON of MySQL
    try:
        texts = _decoded(cells, charset)
        return (texts if pa.types.is_string(kind) else texts.cast(kind)), None
    except (pa.ArrowInvalid, UnicodeError, LookupError):
        return _one_by_one(cells, kind, charset)


def _one_by_one(cells: pa.Array, kind: pa.DataType, charset: str) -> tuple[pa.Array, pa.Array]:
    good, bad = list[object](), list[bool]()
    for cell in cells.to_pylist():
        wrong = False
        try:
            value = None if cell is None else str(cell, _codec(charset)) if charset != "latin1" else _latin1(cell)
            if value is not None and not pa.types.is_string(kind):
                value = pa.scalar(value).cast(kind).as_py()
        except (pa.ArrowInvalid, UnicodeError, LookupError):
            value, wrong = cell.hex().upper() if pa.types.is_string(kind) else None, True
        good.append(value)
        bad.append(wrong)
    return pa.array(good, kind), pa.array(bad)


def _codec(charset: str) -> str:
    return CODECS[charset]


def _decoded(cells: pa.Array, charset: str) -> pa.Array:
    """Return texts. Raises UnicodeError, pa.ArrowInvalid or LookupError where one of them is none that we can read."""
    if charset.startswith("utf8"):
        return cells.cast(pa.string())
    if charset in ("ucs2", "utf16", "utf16le", "utf32") or charset not in {*CODECS, "latin1"}:
        raise LookupError(charset)
    _, places, data = _parts(cells)
    if data.isascii():
        return cells.cast(pa.string())
    text = _latin1(data) if charset == "latin1" else data.decode(_codec(charset))
    lengths = _lengths(charset).take(pa.Array.from_buffers(pa.uint8(), len(data), [None, pa.py_buffer(data)]))
    after = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    return _strings(cells, after.take(places), text.encode())


def _hexadecimal(cells: pa.Array) -> pa.Array:
    _, places, data = _parts(cells)
    return _strings(cells, pc.multiply_checked(places, pa.scalar(2, pa.int32())), data.hex().upper().encode())


def _parts(cells: pa.Array) -> tuple[pa.Buffer | None, pa.Array, bytes]:
    """Return validity, the places where cells begin (and the last ends), and the bytes of all of them."""
    if cells.offset:
        cells = pa.concat_arrays([cells])
    validity, offsets, data = cells.buffers()
    places = pa.Array.from_buffers(pa.int32(), len(cells) + 1, [None, offsets])
    return validity, places, b"" if data is None else data.to_pybytes()[: places[len(cells)].as_py()]


def _strings(cells: pa.Array, places: pa.Array, data: bytes) -> pa.Array:
    validity = cells.buffers()[0]
    return pa.Array.from_buffers(pa.string(), len(cells), [validity, places.buffers()[1], pa.py_buffer(data)])


@cache
def _lengths(charset: str) -> pa.Array:
    """Return how many bytes each byte of a character set is in UTF-8; 0 for one that is no character."""
    lengths = []
    for number in range(256):
        try:
            one = bytes([number])
            lengths.append(len((_latin1(one) if charset == "latin1" else one.decode(_codec(charset))).encode()))
        except UnicodeError:
            lengths.append(0)
    return pa.array(lengths, pa.int32())


_LATIN1 = "".join(bytes([number]).decode("cp1252", "ignore") or chr(number) for number in range(256))


def _latin1(data: bytes) -> str:
    """Return a text of `latin1`, which is cp1252 with the bytes that it leaves out as control characters."""
    return codecs.charmap_decode(data, "strict", _LATIN1)[0]
