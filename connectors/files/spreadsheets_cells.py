"""A cell of XLSX as text: by its type, its style and the value that the file holds."""

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from connectors.files.spreadsheets_formats import Format, NoValue, formatted, number_text

_KNOWN = 50_000
_REF = re.compile(r"_x([0-9A-Fa-f]{4})_")


class Shared:
    """The texts that cells of a workbook share; None is an empty one."""

    def __init__(self, texts: Sequence[str | None] = ()) -> None:
        """Hold these."""
        self.texts: pa.LargeStringArray = pa.array([], pa.large_string())
        self.lengths = pa.array([], pa.int64())
        self.odd: dict[int, str] = {}  # what is no Unicode, by its place: Arrow cannot hold it
        if texts:
            self.join([self.told(texts, 0)])

    def told(self, texts: Sequence[str | None], first: int) -> pa.LargeStringArray:
        """Return texts for `join`, the first of which stands at the place `first`."""
        try:
            return pa.array(texts, pa.large_string())
        except UnicodeEncodeError:
            pass
        plain = list(texts)
        for at, text in enumerate(texts):
            if text is not None and any("\ud800" <= each <= "\udfff" for each in text):
                self.odd[first + at], plain[at] = text, None
        return pa.array(plain, pa.large_string())

    def join(self, arrays: list[pa.LargeStringArray]) -> None:
        """Hold these arrays, one after the other."""
        self.texts = pa.concat_arrays([self.texts, *arrays])
        self.lengths = pc.binary_length(self.texts)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.texts)

    def __getitem__(self, place: int) -> str | None:
        """Return one. Raises IndexError."""
        found: str | None = self.texts[place].as_py()
        return found if found is not None or not self.odd else self.odd.get(place)


class Cells:
    """What makes texts of the cells of one workbook: its shared texts, what its styles mean, its first day."""

    def __init__(self, shared: Shared, styles: Sequence[Format | None], from_1904: bool) -> None:
        """`styles` are what the format of each style makes of a number."""
        self.shared, self.styles, self.from_1904 = shared, styles, from_1904
        self._known: dict[tuple[str, str], str] = {}  # what numbers of a style are: dates come again and again

    def text(self, kind: str, style: str, value: str | None) -> str | None:
        """Return a cell as text, None where it is empty. Raises NoValue, which says why it cannot be told.

        `kind` is its type (`t`), `style` the number of its style or empty, `value` what stands in `v` or `is`.
        """
        if not value and kind != "e":
            return None
        value = value or ""
        if kind == "s":
            if not value.strip().isdecimal() or int(value) >= len(self.shared):
                raise NoValue("a text that the file does not hold")
            return self.shared[int(value)]
        if kind in ("", "n"):
            return self._number(value.strip(), style)
        if kind == "b":
            if value.strip() not in ("0", "1", "true", "false"):
                raise NoValue("a truth value that is none")
            return "true" if value.strip() in ("1", "true") else "false"
        if kind not in ("e", "str", "inlineStr", "d"):
            raise NoValue("a type that no cell has")
        return unescaped(value)

    def format(self, style: str) -> Format | None:
        """Return what a style makes of a number, None for plain. Raises NoValue."""
        if not style:
            return None
        if not style.isdecimal() or int(style) >= len(self.styles):
            raise NoValue("a style that the file does not hold")
        return self.styles[int(style)]

    def _number(self, value: str, style: str) -> str | None:
        if not value:
            return None
        by = self.format(style)
        if by is None:
            return number_text(value)
        text = self._known.get((style, value))
        if text is None:
            text = formatted(value, by, from_1904=self.from_1904)
            if len(self._known) < _KNOWN:
                self._known[style, value] = text
        return text


def unescaped(text: str) -> str:
    """Return a text with the characters that XML does not have: `_x000D_` is a carriage return (22.9.2.19)."""
    return _REF.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
