"""The texts that the cells of an XLSX workbook share: a list of hundreds of thousands, read as the rows of a sheet are.

Plain ones are found by a regular expression that accounts for every character; any others are the XML parser's.
Source: ECMA-376 part 1, 18.4.8 (si), 18.4.12 (t), 18.4.6 (rPh).
"""

import re
from collections.abc import Iterator

from connectors.files.reading import MAX_CELL
from connectors.files.spreadsheets_cells import unescaped
from connectors.files.spreadsheets_parts import MAX_HELD, Broken, Parser, bounded

_ITEM = re.compile(
    r'(<si><t(?: xml:space="preserve")?>'
    r"((?:[^<&\r\x00-\x08\x0b\x0c\x0e-\x1f]|&(?:amp|lt|gt|quot|apos);)*)</t></si>)"
)
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))


def shared(pieces: Iterator[bytes]) -> list[str | None]:
    """Return the texts in their order, without phonetic guides. Raises Broken."""
    slow, left = _Slow(), b""
    for piece in pieces:
        whole, end, left = (left + piece).rpartition(b"</si>")
        if not end and len(left) < MAX_CELL:
            continue
        chunk, left = (whole + end, left) if end else (left, b"")
        found = _quick(chunk) if slow.between and end else None
        if found is None:
            slow.feed(chunk)
        else:
            slow.take(found)
    slow.feed(left, last=True)
    return slow.found


def _quick(chunk: bytes) -> list[str] | None:
    """Return the texts of a chunk that is whole plain items; None for any other."""
    if len(chunk) > MAX_CELL:
        return None
    try:
        text = chunk.decode()
    except UnicodeDecodeError:
        return None
    items = _ITEM.findall(text)
    return [_plain(item[1]) for item in items] if "".join([item[0] for item in items]) == text else None


def _plain(text: str) -> str:
    if "&" in text:
        for entity, character in _ENTITIES:
            text = text.replace(entity, character)
    return unescaped(text)


class _Slow:
    """The XML parser's way: any XML that is such a list."""

    def __init__(self) -> None:
        self.found: list[str | None] = []
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

    def take(self, texts: list[str]) -> None:
        """Take texts that were found otherwise."""
        self.found += [text or None for text in texts]
        self._hold(sum(map(len, texts)) + 50 * len(texts))

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
            self.found.append(whole or None)
            self._hold(50)

    def _text(self, data: str) -> None:
        if self._within:
            self._parts.append(data)
            self._hold(len(data))

    def _hold(self, size: int) -> None:
        self._size += size
        if self._size > MAX_HELD:
            raise Broken(f"has texts of more than {MAX_HELD // 2**20} MiB that cells share")
