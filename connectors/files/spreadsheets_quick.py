"""The quick way through the XML of XLSX: whole rows, written plainly, all cells at once by Arrow's functions.

It accounts for every character of what it takes, and takes nothing of a chunk of which anything is not plain: that is
the XML parser's. Both say the same of the same rows.
"""

import datetime as dt
import re
import struct
from collections.abc import Iterator
from functools import lru_cache

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.reading import MAX_CELL
from connectors.files.spreadsheets_cells import Cells, Shared
from connectors.files.spreadsheets_formats import DAY, Format, NoValue, number_text
from connectors.files.spreadsheets_parts import COLUMNS, Lot, letters

_ENTITIES = {"&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&amp;": "&"}  # the last one last
_TEXT = r"[^<\r\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]*"  # `&` is looked at later: it costs most texts dear here
_PRESERVE = r'(?: xml:space="preserve")?'
_ITEM = rf"^<si><t{_PRESERVE}>(?P<text>{_TEXT})</t>$"
_ROW = (
    r'^[ \t\n]*<row r="(?P<number>[0-9]{1,7})"'
    r'(?P<rest>(?: [A-Za-z_][A-Za-z0-9_:.-]*="[^"<&\r\x00-\x1f\x{fffe}\x{ffff}]*")*)>$'
)
_TYPE = r't="(?:s(?:tr)?|n|b|inlineStr)"'
_FORMULA = (
    r'f(?: (?:aca="false"|t="(?:shared|array)"(?: (?:ref="[A-Z0-9:]+"(?: si="[0-9]+")?|si="[0-9]+"))?))?'
    r"(?:/>|>[^<&\r\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]*</f>)"
)
_CELL = (  # no two ways at any character, and four groups at most: RE2 is quickest then
    r'^(?P<column>[A-Z]{1,3})[0-9]{1,7}"'
    rf'(?P<kind>(?: (?:s="[0-9]{{1,6}}"(?: {_TYPE})?|{_TYPE}))?)'
    rf"(?:/>|><(?:v>(?P<value>{_TEXT})</v>|is><t{_PRESERVE}>(?P<within>{_TEXT})</t></is>)</c>)$"
)
_COMPUTED = _CELL.replace("<(?:v>", f"<(?:(?:{_FORMULA}<)?v>")
_KIND = re.compile(r'(?: s="([0-9]+)")?(?: t="([A-Za-z]+)")?')
_ATTRIBUTE = re.compile(r' ([\w:.-]+)="')
_COLUMNS = {letters(column): column for column in range(COLUMNS)}
_NUMBER = r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?$"
_SHORTEST = r"^(?:0|-?(?:[1-9][0-9]{0,14}|(?:0|[1-9][0-9]{0,13})\.[0-9]{0,13}[1-9]))$"
_DIGITS = 16
"""Characters up to which a number as `_SHORTEST` is the shortest that is it: fifteen digits, the point or a sign."""

_WIDE, _FEW = 256, 8
"""Columns from which on, and rows under which, columns are not worth to be made."""

_MOST = 1 << 25
"""Bytes of texts that the cells of one chunk share, at most: one long text may stand in many cells."""


class _NotPlain(Exception):
    """Something is written in another way, or is amiss: the XML parser's way tells what."""


def items(chunk: bytes) -> pa.LargeStringArray | None:
    """Return the texts of whole items (`si`) of shared texts, empty ones as they are; None where not all is plain."""
    try:
        found = pc.split_pattern(_array(chunk), "</si>").values
        texts = pc.extract_regex(found[:-1], _ITEM)
        if texts.null_count or found[-1].as_py():
            return None
        text = _unquoted(texts.field(0), chunk)
    except (_NotPlain, pa.ArrowInvalid):
        return None
    return text.cast(pa.large_string())


def lot(chunk: bytes, cells: Cells) -> Lot | None:
    """Return the rows of a chunk that is whole rows (`row`); None where not all is plain, or a cell has no value."""
    empty_formulas = b"<f" in chunk and b"<v></v>" in chunk
    if not chunk.endswith(b"</row>") or b"_x" in chunk or empty_formulas:
        return None
    try:
        lines = pc.split_pattern(_array(chunk), "</row>").values[:-1]
        parts = pc.split_pattern(lines, '<c r="')
        pieces = parts.values
        numbers = _numbers(pieces.take(parts.offsets[:-1]))
        told = pc.extract_regex(pieces, _COMPUTED if b"<f" in chunk else _CELL)
        if told.null_count != len(lines):  # each row begins with what is no cell, and is null from here on
            return None
        column, kind, value, within = told.flatten()
        rows = pc.list_parent_indices(parts)
        if b"<is>" in chunk:
            value = pc.binary_join_element_wise(value, within, "")
        return Lot(numbers, _placed(rows, column, kind, _unquoted(value, chunk), cells, len(lines)))
    except (_NotPlain, NoValue, pa.ArrowInvalid, LookupError):
        return None


def _array(chunk: bytes) -> pa.StringArray:
    """Return a chunk as one text."""
    if len(chunk) > MAX_CELL or b"]]>" in chunk:
        raise _NotPlain
    text = pa.StringArray.from_buffers(1, pa.py_buffer(struct.pack("=2i", 0, len(chunk))), pa.py_buffer(chunk))
    text.validate(full=True)
    return text


def _unquoted(texts: pa.Array, chunk: bytes) -> pa.Array:
    """Return texts of a chunk with the characters that their entities are."""
    if b"&" not in chunk:
        return texts
    entities = pc.count_substring_regex(texts, "&(?:amp|lt|gt|quot|apos);")
    _all(pc.equal(pc.count_substring(texts, "&"), entities))
    for entity, character in _ENTITIES.items():
        texts = pc.replace_substring(texts, entity, character)
    return texts


def _numbers(heads: pa.StringArray) -> pa.Array:
    """Return the numbers of rows, which rise, by what stands before their cells."""
    told = pc.extract_regex(heads, _ROW)
    if told.null_count:
        raise _NotPlain
    numbers, rest = told.flatten()
    for attributes in rest.unique().to_pylist():
        names = ["r", *_ATTRIBUTE.findall(attributes)]
        if len(set(names)) < len(names):
            raise _NotPlain
    numbers = numbers.cast(pa.int64())
    _rising(numbers)
    return numbers


def _rising(numbers: pa.Array) -> None:
    _all(pc.greater(pc.pairwise_diff(numbers), 0))


def _placed(
    rows: pa.Array, column: pa.StringArray, kind: pa.StringArray, value: pa.StringArray, cells: Cells, count: int
) -> dict[int, pa.StringArray]:
    """Return the columns that cells make, each told by its row, its column, what it is and its value."""
    named, kinds = column.dictionary_encode(), kind.dictionary_encode()
    used = [_COLUMNS[name] for name in named.dictionary.to_pylist()]
    order = sorted(used)
    width = len(order)
    if width * count > 8 * len(rows) + 10_000 or (width > _WIDE and count < _FEW):  # columns of almost nothing
        raise _NotPlain
    rank = {each: at for at, each in enumerate(order)}
    ranks = pa.array([rank[each] for each in used], pa.int64())
    places = pc.add(pc.multiply(rows, width), ranks.take(named.indices))
    _rising(places)
    texts, where = list[pa.Array](), list[pa.Array]()
    for style, told, these in _alike(kinds, cells):
        texts.append(_texts(value.filter(these), style, told, cells))
        where.append(places.filter(these))
    if not texts:
        return {}
    grid = pc.scatter(pa.concat_arrays(texts), pa.concat_arrays(where), max_index=width * count - 1)
    lines = pa.FixedSizeListArray.from_arrays(grid, width)
    return {each: pc.list_element(lines, at) for at, each in enumerate(order)}


def _alike(kinds: pa.DictionaryArray, cells: Cells) -> Iterator[tuple[str, str, pa.BooleanArray]]:
    """Yield a style and a type for all cells whose values mean the same, and which they are: styles differ in colours."""
    alike, groups = dict[tuple[str, Format | None], tuple[int, str, str]](), list[int]()
    for attributes in kinds.dictionary.to_pylist():
        style, kind = _told(attributes)
        meaning = (kind, cells.format(style) if kind in ("", "n") else None)
        groups.append(alike.setdefault(meaning, (len(alike), style, kind))[0])
    of = pa.array(groups, pa.int32()).take(kinds.indices)
    for group, style, kind in alike.values():
        yield style, kind, pc.equal(of, group)


@lru_cache(1024)
def _told(attributes: str) -> tuple[str, str]:
    """Return the style and the type that attributes of a cell tell."""
    match = _KIND.fullmatch(attributes)
    if match is None:
        raise _NotPlain
    return match[1] or "", match[2] or ""


def _texts(values: pa.StringArray, style: str, kind: str, cells: Cells) -> pa.StringArray:
    """Return values of cells of one style and type as texts, as `Cells.text` does."""
    if pc.min(pc.binary_length(values)).as_py() == 0:
        filled = pc.not_equal(values, "")
        return pc.replace_with_mask(
            pa.nulls(len(values), pa.string()), filled, _texts(values.filter(filled), style, kind, cells)
        )
    if kind in ("str", "inlineStr") or not len(values):
        return values
    if kind == "s":
        return _shared(values, cells.shared)
    if kind == "b":
        _all(pc.is_in(values, pa.array(["0", "1"])))
        return pc.if_else(pc.equal(values, "1"), "true", "false")
    return _formatted(values, style, cells)


def _all(fits: pa.BooleanArray) -> None:
    if pc.all(fits).as_py() is False:  # None is all of none
        raise _NotPlain


def _shared(values: pa.StringArray, shared: Shared) -> pa.StringArray:
    """Return the shared texts that values are the places of."""
    _all(pc.ascii_is_decimal(values))
    places = values.cast(pa.int64())
    if shared.odd and pc.any(pc.is_in(places, pa.array(list(shared.odd)))).as_py():
        raise _NotPlain
    if (pc.sum(shared.lengths.take(places)).as_py() or 0) > _MOST:
        raise _NotPlain
    return shared.texts.take(places).cast(pa.string())


def _formatted(values: pa.StringArray, style: str, cells: Cells) -> pa.StringArray:
    """Return numbers in the words of their format."""
    by = cells.format(style)
    if by is None:
        return _shortest(values)
    if by.kind in ("date", "moment"):
        return _moments(values, by, from_1904=cells.from_1904)
    if by.kind == "code" and set(by.mask) == {"0"}:
        found = _shortest(values)
        _all(pc.ascii_is_decimal(found))
        return pc.ascii_lpad(found, len(by.mask), "0")
    different = values.dictionary_encode()
    texts = [cells.text("", style, value) for value in different.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(different.indices)


def _shortest(values: pa.StringArray) -> pa.StringArray:
    """Return numbers in the fewest digits that are each, as `number_text` does."""
    plain = pc.and_(pc.match_substring_regex(values, _SHORTEST), pc.less_equal(pc.binary_length(values), _DIGITS))
    if pc.all(plain).as_py():
        return values
    others = pc.invert(plain)
    left = values.filter(others)
    _all(pc.match_substring_regex(left, _NUMBER))
    found = left.cast(pa.float64()).cast(pa.string())
    if pc.any(pc.match_substring_regex(found, "[a-z]")).as_py():  # an exponent, or none that is finite
        found = pa.array([number_text(each) for each in left.to_pylist()], pa.string())
    found = pc.if_else(pc.equal(found, "-0"), "0", found)
    return pc.replace_with_mask(values, others, found)


def _moments(values: pa.StringArray, by: Format, *, from_1904: bool) -> pa.StringArray:
    """Return dates, or dates with a time, that numbers of days are, as `formatted` does."""
    _all(pc.match_substring_regex(values, _NUMBER))
    told = pc.round(pc.multiply(values.cast(pa.float64()), float(DAY)), round_mode="half_to_even")
    first = dt.date(1904, 1, 1) if from_1904 else dt.date(1899, 12, 30)
    low, high = (0 if from_1904 else 61), (dt.date.max - first).days  # 60 is a day that never was
    _all(pc.and_(pc.greater_equal(told, float(low * DAY)), pc.less(told, float((high + 1) * DAY))))
    milliseconds = told.cast(pa.int64())
    days = pc.divide(milliseconds, DAY)
    clock = pc.subtract(milliseconds, pc.multiply(days, DAY))
    dates = _said(pc.add(days, (first - dt.date(1970, 1, 1)).days).cast(pa.int32()).cast(pa.date32()))
    whole = pc.equal(clock, 0)
    if by.kind == "date" and pc.all(whole).as_py():
        return dates
    times = pc.replace_substring(_said(clock.cast(pa.int32()).cast(pa.time32("ms"))), ".000", "")
    moments = pc.binary_join_element_wise(dates, times, "T")
    return pc.if_else(whole, dates, moments) if by.kind == "date" else moments


def _said(times: pa.Array) -> pa.StringArray:
    """Return dates or times as texts: each is made once, since they come again and again."""
    different = times.dictionary_encode()
    return different.dictionary.cast(pa.string()).take(different.indices)
