"""A cell of XLSX as text: by its type, its style and the value that the file holds."""

import re
from collections.abc import Sequence

from connectors.files.spreadsheets_formats import Format, NoValue, formatted, number_text

_KNOWN = 50_000
_REF = re.compile(r"_x([0-9A-Fa-f]{4})_")


class Cells:
    """What makes texts of the cells of one workbook: its shared texts, what its styles mean, its first day."""

    def __init__(self, shared: Sequence[str | None], styles: Sequence[Format | None], from_1904: bool) -> None:
        """`styles` are what the format of each style makes of a number."""
        self.shared: Sequence[str | None] = shared
        self.styles, self._from_1904 = styles, from_1904
        self.known: dict[tuple[str, str], str] = {}  # what numbers of a style are: dates come again and again
        self.plain = {str(place) for place, each in enumerate(styles) if each is None} | {""}

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

    def _number(self, value: str, style: str) -> str | None:
        if not value:
            return None
        if style in self.plain:
            return number_text(value)
        if not style.isdecimal() or int(style) >= len(self.styles):
            raise NoValue("a style that the file does not hold")
        by = self.styles[int(style)]
        text = number_text(value) if by is None else formatted(value, by, from_1904=self._from_1904)
        if len(self.known) < _KNOWN:
            self.known[style, value] = text
        return text


def unescaped(text: str) -> str:
    """Return a text with the characters that XML does not have: `_x000D_` is a carriage return (22.9.2.19)."""
    return _REF.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
