"""The texts that the cells of an XLSX workbook share: a list of hundreds of thousands, read as the rows of a sheet are.

Plain ones are read many at once (`spreadsheets_quick.py`); any others are the XML parser's.
Source: ECMA-376 part 1, 18.4.8 (si), 18.4.12 (t), 18.4.6 (rPh).
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.reading import MAX_CELL
from connectors.files.spreadsheets_cells import Shared, unescaped
from connectors.files.spreadsheets_parts import MAX_HELD, Broken, Parser, bounded
from connectors.files.spreadsheets_quick import items

_ESCAPED = "_x[0-9A-Fa-f]{4}_"


def shared(pieces: Iterator[bytes]) -> Shared:
    """Return the texts in their order, without phonetic guides. Raises Broken."""
    held, slow, left = Shared(), _Slow(), b""
    found, count = list[pa.LargeStringArray](), 0
    for piece in pieces:
        whole, end, left = (left + piece).rpartition(b"</si>")
        if not end and len(left) < MAX_CELL:
            continue
        chunk, left = (whole + end, left) if end else (left, b"")
        if not count and not slow.between:  # what comes before the first text
            start = max(chunk.find(b"<si>"), 0)
            slow.feed(chunk[:start])
            chunk = chunk[start:]
        texts = items(chunk) if slow.between and end else None
        if texts is None:
            slow.feed(chunk)
            found.append(held.told(slow.taken(), count))
        else:
            slow.hold(pc.sum(pc.utf8_length(texts)).as_py() + 50 * len(texts))
            found.append(_plain(texts, held, count))
        count += len(found[-1])
    slow.feed(left, last=True)
    held.join([*found, held.told(slow.taken(), count)])
    return held


def _plain(texts: pa.LargeStringArray, held: Shared, count: int) -> pa.LargeStringArray:
    """Return texts without what escapes characters in them, None for empty ones."""
    if pc.any(pc.match_substring_regex(texts, _ESCAPED)).as_py():
        return held.told([unescaped(text) or None for text in texts.to_pylist()], count)
    empty = pc.equal(texts, "")
    return pc.if_else(empty, None, texts) if pc.any(empty).as_py() else texts


class _Slow:
    """The XML parser's way: any XML that is such a list."""

    def __init__(self) -> None:
        self._found: list[str | None] = []
        self._parser = Parser()
        self._parser.expat.StartElementHandler = self._start
        self._parser.expat.EndElementHandler = self._end
        self._parser.expat.CharacterDataHandler = self._text
        self._parser.expat.XmlDeclHandler = self._declared
        self._parts: list[str] = []
        self._depth = self._size = 0
        self._within = self._guide = self._strange = False

    @property
    def between(self) -> bool:
        """Whether the parser stands between two items of a document written in UTF-8 without comments."""
        return self._depth == 1 and not self._strange

    def feed(self, data: bytes, *, last: bool = False) -> None:
        """Read more."""
        self._strange = self._strange or b"<!" in data or data.count(b"<?") > data.startswith(b"<?")
        self._parser.feed(data, last=last)

    def taken(self) -> list[str | None]:
        """Return the texts that were found since."""
        found, self._found = self._found, []
        return found

    def hold(self, size: int) -> None:
        """Count what is held. Raises Broken where it is too much."""
        self._size += size
        if self._size > MAX_HELD:
            raise Broken(f"has texts of more than {MAX_HELD // 2**20} MiB that cells share")

    def _declared(self, _: str, encoding: str | None, __: int) -> None:
        self._strange = self._strange or (encoding or "utf-8").lower() != "utf-8"

    def _start(self, name: str, _: dict[str, str]) -> None:
        self._depth += 1
        element = self._parser.local(name)
        if element == "si":
            self._parts = []
        elif element == "rPh":
            self._guide = True
        self._within = element == "t" and not self._guide

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._within = False
        element = self._parser.local(name)
        if element == "rPh":
            self._guide = False
        elif element == "si":
            whole = bounded(unescaped("".join(self._parts)))
            self._found.append(whole or None)
            self.hold(50)

    def _text(self, data: str) -> None:
        if self._within:
            self._parts.append(data)
            self.hold(len(data))
