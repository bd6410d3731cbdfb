"""Many questions as they come, in JSON, NDJSON or CSV: one row each, those that are none too.

A broken line is a row that says what is wrong with it, and the lines after it are read as if it had been whole.
Sources: RFC 8259 (JSON), RFC 4180 (CSV); NDJSON is one JSON text a line.
"""

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO, Literal

from pydantic_core import from_json, to_json

from connectors.errors import InvalidRequest
from connectors.identities import SCHEME
from connectors.json_names import doubled, once
from gateway.lookups.question import Question

Form = Literal["json", "ndjson", "csv"]

MEDIA: dict[Form, str] = {"json": "application/json", "ndjson": "application/x-ndjson", "csv": "text/csv"}

MOST_ROWS = 200_000
"""Rows that come at once, at most."""

MOST_LISTS, MOST_COMMAS = 4 * MOST_ROWS + 2, 16 * MOST_ROWS
"""Lists and objects, and commas, of JSON that comes at once, at most: more take a hundred times the memory of the text."""

MOST_LINES = 20
"""Lines that one row of CSV takes at most: a quotation mark that is never closed does not swallow the file."""

IDENTIFIER, FIELD = "identifier", "identity."
"""The column of CSV that has identifiers; or the beginning of the names of those that make an identity."""

LIKE = (
    'many questions in JSON are {"identifiers": ["…", "…"]}, or a list of questions such as {"identifier": "…"} or'
    ' {"identity": {…}}: the body must be JSON like that'
)


@dataclass(frozen=True)
class Row:
    """One row: its number from 1, its question, or why it is none, and its columns as they came in CSV."""

    number: int
    question: Question
    refusal: InvalidRequest | None = None
    came: tuple[str, ...] = ()


@dataclass(frozen=True)
class Many:
    """What came: its form, the fields asked for of all rows, the columns and what parts them in CSV, and the rows, read once."""

    form: Form
    fields: tuple[str, ...] | None
    columns: tuple[str, ...]
    rows: Iterator[Row]
    separator: str = ","


def form_of(content_type: str, body: bytes) -> Form | None:
    """Tell the form of many questions, or None where the body is one question, or nothing that we know."""
    media = content_type.partition(";")[0].strip().lower()
    for form in ("ndjson", "csv"):
        if media == MEDIA[form]:
            return form
    start = body[:100].lstrip()[:1]
    return "json" if start == b"[" or (start == b"{" and b'"identifiers"' in body) else None


def read(form: Form, file: BinaryIO, fields: list[str] | None = None) -> Many:
    """Read many questions; `fields` are those of all rows that do not name their own.

    Raises InvalidRequest where nothing of it can be read as a row.
    """
    if form == "json":
        return _json(file.read(), fields)
    asked = tuple(fields) if fields is not None else None
    lines = iter(file)
    at, first = next(((at, line) for at, line in enumerate(lines, 1) if line.strip()), (0, b""))
    if not first:
        raise InvalidRequest("there is no row: nothing came but blank lines")
    if form == "csv":
        return _csv(first, at, lines, asked)
    shared = {} if fields is None else {"fields": fields}
    texts = (line for line in chain([first], lines) if line.strip())
    return Many(form, asked, (), _rows((_shared(text, shared), ()) for text in texts))


def _json(body: bytes, fields: list[str] | None) -> Many:
    if body.count(b"{") + body.count(b"[") > MOST_LISTS or body.count(b",") > MOST_COMMAS:
        raise _too_many()  # before it is parsed
    once(body)
    try:
        told = from_json(body)
    except ValueError:  # too deep, not UTF-8, or no JSON
        raise InvalidRequest(LIKE) from None
    shared: dict[str, Any] = {} if fields is None else {"fields": fields}
    if isinstance(told, dict):
        shared |= {name: each for name, each in told.items() if name != "identifiers"}
        items = told.get("identifiers")
        asked = Question.read(to_json(shared | {IDENTIFIER: "…"})).fields  # what is wrong there is wrong in every row
    else:
        asked, items = fields, told
    if not items or not isinstance(items, list):
        raise InvalidRequest(LIKE)
    if len(items) > MOST_ROWS:
        raise _too_many()
    if isinstance(told, dict):
        texts = (to_json(shared | {IDENTIFIER: each}) for each in items)
    else:
        texts = (to_json(shared | each if isinstance(each, dict) else each) for each in items)
    return Many("json", tuple(asked) if asked is not None else None, (), _rows((text, ()) for text in texts))


def _shared(line: bytes, shared: dict[str, Any]) -> bytes:
    """Return a line of NDJSON with what all rows share, unless it says that itself."""
    if not shared or doubled(line):  # which is refused for itself
        return line
    try:
        told = from_json(line)
    except ValueError:
        return line
    return to_json(shared | told) if isinstance(told, dict) else line


def _rows(texts: Iterable[tuple[bytes | InvalidRequest, tuple[str, ...]]]) -> Iterator[Row]:
    """Yield a row for each text of a question in JSON."""
    for number, (text, came) in enumerate(texts, 1):
        if number > MOST_ROWS:
            raise _too_many()
        yield row(number, text, came)


def row(number: int, text: bytes | InvalidRequest, came: tuple[str, ...] = ()) -> Row:
    """Return the row of a question in JSON, or of what is known to be wrong with it."""
    try:
        if isinstance(text, InvalidRequest):
            raise text
        return Row(number, Question.read(text), None, came)
    except InvalidRequest as error:
        refusal = InvalidRequest(error.detail.replace("the body", "a row", 1))
        return Row(number, Question.model_construct(identifier="", fields=None), refusal, came)


def _too_many() -> InvalidRequest:
    return InvalidRequest(
        f"there are more than {MOST_ROWS:,} rows, or what takes the room of more: send them in several parts"
    )


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv(first: bytes, at: int, lines: Iterator[bytes], fields: tuple[str, ...] | None) -> Many:
    """Read CSV whose first line names the columns, with a comma or a semicolon between them; `at` is its number."""
    head = _text(first).removeprefix("\ufeff")
    if _broken(head):
        raise InvalidRequest("the first line of the CSV is not in UTF-8: save the file as «CSV UTF-8»")
    separator = ";" if head.count(";") > head.count(",") else ","
    columns = _cells(head, separator)
    names = [name.strip() for name in columns or ()]
    wanted = [name.casefold() for name in names]
    of_identity = [n for n, name in enumerate(wanted) if name.startswith(FIELD)]
    if wanted.count(IDENTIFIER) != 1 - bool(of_identity):
        raise InvalidRequest(
            f"the first line of CSV names the columns, and exactly one of them «{IDENTIFIER}», or in its place the fields"
            f" of an identity, such as «{FIELD}birth_date»"
        )
    if len(set(names)) != len(names) or len({wanted[n] for n in of_identity}) != len(of_identity):
        raise InvalidRequest("two columns of the CSV have the same name")
    shared = {} if fields is None else {"fields": list(fields)}

    def asked(cells: list[str]) -> dict[str, Any]:
        if not of_identity:
            return {IDENTIFIER: cells[wanted.index(IDENTIFIER)].strip()}
        return {SCHEME: {wanted[n].removeprefix(FIELD): cells[n].strip() for n in of_identity}}

    def texts() -> Iterator[tuple[bytes | InvalidRequest, tuple[str, ...]]]:
        for cells in _records(lines, at + 1, separator, len(names)):
            if isinstance(cells, InvalidRequest):
                yield cells, ()
            else:
                yield to_json(shared | asked(cells)), tuple(cells)

    return Many("csv", fields, tuple(names), _rows(texts()), separator)


def _records(lines: Iterator[bytes], at: int, separator: str, width: int) -> Iterator[list[str] | InvalidRequest]:
    """Yield the cells of each row; where a line is none, nor the beginning of one, what is wrong with it.

    `at` is the number of the first of the lines: by its own, whoever wrote the file finds the one that is broken.
    """
    ahead: list[str] = []
    while ahead or (ahead := [_text(line) for line in islice(lines, 1)]):
        if not ahead[0].strip():
            ahead.pop(0)
            at += 1
            continue
        whole = _whole(ahead, lines)
        cells = _cells("".join(ahead[:whole]), separator) if whole else None
        if whole > 1 and (cells is None or len(cells) != width):
            cells, whole = None, 1  # what looked like one row in several lines: the first of them is broken
        del ahead[: whole or 1]
        if cells is None:
            yield InvalidRequest(f"a quotation mark of line {at} is out of place, or is never closed")
        elif len(cells) != width:
            yield InvalidRequest(
                f"line {at} has another number of columns ({len(cells)}) than the first line ({width})"
            )
        elif _broken("".join(cells)):
            yield InvalidRequest(f"line {at} is not in UTF-8")
        else:
            yield cells
        at += whole or 1


def _whole(ahead: list[str], lines: Iterator[bytes]) -> int:
    """Tell how many lines the next row takes, reading on as needed; 0 where its quotation is not closed."""
    marks = 0
    for count in range(1, MOST_LINES + 1):
        if count > len(ahead):
            ahead += [_text(line) for line in islice(lines, 1)]
        if count > len(ahead):
            return 0
        marks += ahead[count - 1].count('"')
        if marks % 2 == 0:
            return count
    return 0


def _cells(text: str, separator: str) -> list[str] | None:
    """Return the cells of one row, or None where its quotation marks are wrong."""
    try:
        return next(csv.reader([text.removesuffix("\n").removesuffix("\r")], delimiter=separator, strict=True), None)
    except csv.Error:
        return None


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _broken(text: str) -> bool:
    """Tell whether what `_text` made a text of was not UTF-8."""
    return any("\udc80" <= letter <= "\udcff" for letter in text)


# --- rows that are kept ----------------------------------------------------------------------------------------------


def kept(row: Row) -> bytes:
    """Return a row as bytes, for `unkept`."""
    wrong = None if row.refusal is None else row.refusal.detail
    told = None if wrong is not None else row.question.model_dump(mode="json", exclude_unset=True)
    return json.dumps([told, wrong, row.came]).encode()


def unkept(number: int, text: bytes) -> Row:
    """Return the row that `kept` made bytes of."""
    told, wrong, came = json.loads(text)
    if wrong is not None:
        return row(number, InvalidRequest(wrong), tuple(came))
    return Row(number, Question.model_validate_json(json.dumps(told)), None, tuple(came))
