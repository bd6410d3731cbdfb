"""XLSX workbooks, read row by row in memory that does not grow with a sheet: its cells as a person means them.

Source: ECMA-376 part 1, 18.2 (workbook), 18.3 (worksheets), 18.4 (shared strings), 18.8 (styles).
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator

from connectors.files.spreadsheets_cells import Cells, Shared
from connectors.files.spreadsheets_formats import Format, format_of
from connectors.files.spreadsheets_parts import Broken, Lot, Row, Sheet, Span, elements, part, place
from connectors.files.spreadsheets_shared import shared
from connectors.files.spreadsheets_sheet import lots

_SMALL = 64 * 1024**2
_MERGED = re.compile(rb"""mergeCell\s+ref\s*=\s*["']([A-Z]{1,3}[0-9]{1,7}):([A-Z]{1,3}[0-9]{1,7})["']""")


class Xlsx:
    """An open XLSX workbook."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        """Read what all sheets share. Raises Broken."""
        self._archive = archive
        self.sheets: list[Sheet] = []
        self._from_1904 = False
        main = self._main()
        if main.endswith(".bin"):
            raise Broken("is a binary workbook (.xlsb): save it as .xlsx")
        targets = self._targets(main)
        ids = list[tuple[str, bool, str]]()

        def start(name: str, attributes: dict[str, str]) -> None:
            if name == "workbookPr":
                self._from_1904 = attributes.get("date1904") in ("1", "true")
            elif name == "sheet":
                relation = next((value for key, value in attributes.items() if key.endswith(" id")), "")
                ids.append((attributes.get("name", ""), attributes.get("state", "visible") != "visible", relation))

        elements(part(archive, main, _SMALL), start)
        for name, hidden, relation in ids:
            kind, target = targets.get(relation, ("", ""))
            if kind == "worksheet":
                self.sheets.append(Sheet(name, hidden, target))
        by_kind = dict(targets.values())
        self._styles = self._read_styles(by_kind.get("styles"))
        texts = by_kind.get("sharedStrings")
        self._shared = shared(part(archive, texts)) if texts else Shared()

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """Yield the rows of a sheet that hold anything, in order. Raises Broken."""
        for lot in self.lots(sheet):
            yield from lot.rows() if isinstance(lot, Lot) else lot

    def lots(self, sheet: Sheet) -> Iterator[Lot | list[Row]]:
        """Yield the same rows, many at once. Raises Broken."""
        return lots(part(self._archive, sheet.part), Cells(self._shared, self._styles, self._from_1904))

    def merged(self, sheet: Sheet) -> list[Span]:
        """Return the merged ranges of a sheet, which its file tells after its rows."""
        found, rest = list[Span](), b""
        for piece in part(self._archive, sheet.part):
            rest += piece
            for match in _MERGED.finditer(rest):
                (top, left), (bottom, right) = place(match[1].decode()), place(match[2].decode())
                found.append((top, left, bottom, right))
            rest = rest[-100:] if b"mergeCell" not in rest[-100:] else rest[rest.rfind(b"mergeCell") :][-100:]
        return list(dict.fromkeys(found))

    def _main(self) -> str:
        """Return the part that is the workbook."""
        for kind, target in self._targets("").values():
            if kind == "officeDocument":
                return target
        raise Broken("is not a workbook")

    def _targets(self, of: str) -> dict[str, tuple[str, str]]:
        """Return the parts that a part is related to, each with its kind, by the identifiers of the relations."""
        folder, name = posixpath.split(of)
        found = dict[str, tuple[str, str]]()

        def start(element: str, attributes: dict[str, str]) -> None:
            if element == "Relationship" and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", ""))).lstrip("/")
                found[attributes.get("Id", "")] = (attributes.get("Type", "").rpartition("/")[2], target)

        elements(part(self._archive, posixpath.join(folder, "_rels", f"{name}.rels"), _SMALL), start)
        return found

    def _read_styles(self, name: str | None) -> list[Format | None]:
        """Return what the format of each style makes of a number."""
        if name is None:
            return [None]
        codes, used, within = dict[int, str](), list[int](), [""]

        def start(element: str, attributes: dict[str, str]) -> None:
            if element == "numFmt" and within[0] != "dxfs":
                codes[int(attributes.get("numFmtId", 0))] = attributes.get("formatCode", "")
            elif element == "xf" and within[0] == "cellXfs":
                used.append(int(attributes.get("numFmtId", 0)))
            elif element in ("cellXfs", "cellStyleXfs", "dxfs"):
                within[0] = element

        try:
            elements(part(self._archive, name, _SMALL), start)
        except ValueError:
            raise Broken("is not a whole workbook: its styles are damaged") from None
        return [format_of(number, codes.get(number)) for number in used] or [None]
