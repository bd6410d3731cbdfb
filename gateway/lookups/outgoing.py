"""Outcomes of many questions as they leave, in JSON, NDJSON or CSV: one for each row, in the order of the rows.

An outcome is `{"row", "outcome": "found", "data", "meta"}`, or the code of an error in `outcome` and in `problem` what
was wrong, whose fault it is and what to do. `came` has the columns of a row that came as CSV.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from connectors.errors import BeffroiError
from gateway.languages import retold, translated
from gateway.lookups.incoming import IDENTIFIER, MEDIA, Form, Row
from gateway.preferences import preferences

Told = dict[str, Any]

PROBLEM = ("detail", "todo", "fault")
META = ("source", "as_of", "merged_from", "receipt")
"""Of an outcome, what CSV has columns for: `problem.…`, and `meta.…`."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a formula begins with, as spreadsheets read CSV (OWASP, CSV Injection)."""

START: Mapping[Form, str] = {"json": '{"data": [', "ndjson": "", "csv": ""}
END: Mapping[Form, str] = {"json": "\n]}\n", "ndjson": "", "csv": ""}


def failed(error: BeffroiError) -> Told:
    """Return the outcome that an error is."""
    told: Told = {"detail": error.detail, "todo": error.todo, "fault": error.fault}
    if error.registry is not None:
        told["registry"] = error.registry
    if error.retry_in is not None:
        told["retry_in"] = error.retry_in
    if error.tried:
        told["tried"] = [attempt.told() for attempt in error.tried]
    if error.receipt is not None:
        told["receipt"] = error.receipt
    return {"outcome": error.code, "problem": told}


def wanted(accept: str, came: Form) -> Form:
    """Return the form that `Accept` asks for (RFC 9110, 12.5.1); that in which the questions came, where it leaves it open."""
    best: tuple[float, Form] = (0.0, came)
    for media, quality in preferences(accept):
        for form in get_args(Form):
            if media == MEDIA[form] and quality > best[0]:
                best = quality, form
        if media == "*/*" and quality > best[0]:
            best = quality, came
    return best[1]


@dataclass(frozen=True)
class Writer:
    """How outcomes are written: the form, the columns that came with the rows, and the fields that an answer may have.

    `escaped` is whether a cell of CSV that a spreadsheet would take for a formula is kept from being one; `separator` is
    what parts the cells, the one of the CSV that came: whatever made that file opens the answer too.
    """

    form: Form
    columns: Sequence[str]
    fields: Sequence[str]
    escaped: bool = False
    separator: str = ","

    def begin(self) -> str:
        """Return what stands before the first outcome."""
        return START[self.form] + (self._line(self._head()) if self.form == "csv" else "")

    def end(self) -> str:
        """Return what stands after the last."""
        return END[self.form]

    def some(self, rows: Iterable[tuple[Row, Told]]) -> str:
        """Return some outcomes, one after the other."""
        write = self._csv if self.form == "csv" else self._json
        return "".join(write(row, read_by(told)) for row, told in rows)

    def _json(self, row: Row, told: Told) -> str:
        came = {"came": dict(zip(self.columns, row.came, strict=True))} if row.came else {}
        text = json.dumps({"row": row.number, **came, **told}, ensure_ascii=False)
        if self.form == "ndjson":
            return f"{text}\n"
        return f"\n{text}" if row.number == 1 else f",\n{text}"

    def _head(self) -> list[str]:
        ours = ["outcome", *(f"data.{name}" for name in self.fields), "verified", *(f"meta.{name}" for name in META)]
        ours += [f"problem.{name}" for name in PROBLEM]
        return [*self._theirs(), *ours]

    def _theirs(self) -> list[str]:
        """Return the columns that come back: all but the outcomes of an earlier time."""
        return [name for name in self.columns or (IDENTIFIER,) if not _our(name)]

    def _csv(self, row: Row, told: Told) -> str:
        if self.columns:
            came = dict(zip(self.columns, row.came, strict=False))
            cells: list[Any] = [came.get(name, "") for name in self._theirs()]
        else:
            cells = [row.question.asked]
        data, meta, problem = (told.get(part, {}) for part in ("data", "meta", "problem"))
        cells += [told["outcome"], *(_cell(data.get(name)) for name in self.fields), _cell(told.get("verified"))]
        cells += [_cell(meta.get(name) or problem.get(name)) for name in META] + [
            _cell(problem.get(name)) for name in PROBLEM
        ]
        return self._line(cells)

    def _line(self, cells: Sequence[Any]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator, lineterminator="\n")
        writer.writerow(map(no_formula, cells) if self.escaped else cells)
        return text.getvalue()


def no_formula(cell: Any) -> Any:
    """Return a cell; a text that a spreadsheet would take for a formula begins with an apostrophe then."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def read_by(told: Told) -> Told:
    """Return an outcome, or an answer, as its reader has it: its problem, or what was tried, in the language she prefers."""
    if "problem" in told:
        return {**told, "problem": translated(told["outcome"], told["problem"])[0]}
    if not told["meta"]["tried"]:
        return told
    return {**told, "meta": {**told["meta"], "tried": retold(told["meta"]["tried"])}}


def _our(name: str) -> bool:
    return name in ("outcome", "verified") or name.partition(".")[0] in ("data", "meta", "problem")


def _cell(value: Any) -> Any:
    """Return a value as a cell: the elements of a list joined by a bar, as in all our CSV."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "|".join(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
