"""Decisions as a file that others read and write: CSV or JSON Lines, a line each.

A file is taken whole or not at all, and twice is once: what says no more than what holds is passed over, and so is what
is older. Only both records and the verdict must be there; a sample that `beffroi link --sample` drew is read as it is.
"""

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast, get_args

from connectors.errors import InvalidRequest
from pipelines.linking.deciding.decisions import VERDICTS, Decision, Values, Verdict, is_of_link, now, said_of

Format = Literal["csv", "jsonl"]

FORMATS: tuple[str, ...] = get_args(Format)

NAMES = ("identity_a", "identity_b", "verdict", "note", "author", "when", "fields", "digest_a", "digest_b")
"""The columns of a file, in this order; the first three have to be there. `fields` are separated by blanks."""

MOST_TOLD = 20
"""Problems of a file that are told; as a rule all of its lines have the same."""

FRENCH = {
    "même": "same", "meme": "same", "différent": "different", "différente": "different", "incertain": "unsure",
    "incertaine": "unsure",
}  # fmt: skip
"""Verdicts as a person may write them in French."""

WORDS = (*VERDICTS, "même", "différent", "incertain")
"""What is told that a verdict may be, where it is none; other forms of these are understood too."""

DIGEST = re.compile(r"[0-9a-f]{64}")


def format_of(file: Path, said: str | None = None) -> Format:
    """Return the format of a file, by what is said of it or by how its name ends. Raises InvalidRequest."""
    found = said or {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(file.suffix.lower())
    if found not in FORMATS:
        raise InvalidRequest(
            f"say the format with --format ({', '.join(FORMATS)}): the name does not end in .csv or .jsonl"
        )
    return cast(Format, found)


def written(said: Sequence[Decision], form: Format) -> str:
    """Return decisions as the text of a file. No cell begins as a formula does: a spreadsheet would run it."""
    rows = [dict(zip(NAMES, _cells(each), strict=True)) for each in said]
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(NAMES)
    lines.writerows([_plain(cell) for cell in row.values()] for row in rows)
    return text.getvalue()


def _cells(said: Decision) -> tuple[str, ...]:
    last = (" ".join(said.fields), said.digest_a or "", said.digest_b or "")
    return (said.a, said.b, said.verdict, said.note, said.author or "", said.when, *last)


def _plain(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _meant(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and _plain(cell[1:]) == cell else cell


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Taken:
    """What came of a file: decisions that are new, those that said nothing new, those older than what holds.

    `empty` are lines without a verdict; `strange` decisions on a record that the version does not have.
    """

    new: list[Decision]
    known: int
    older: int
    empty: int
    strange: int


def read(
    content: bytes, form: Format, holding: Sequence[Decision], values: Mapping[str, Values], author: str | None,
    to: str | None = None,
) -> Taken:  # fmt: skip
    """Return what the text of a file says beyond `holding`, the last word on each pair; `values` are what records have now.

    A word that was withdrawn comes back by a newer one alone.
    A line without an author has this one, one without a moment this moment. `to` is the dataset that the link leads to.
    Raises InvalidRequest with the line of whatever is wrong in it.
    """
    rows = list(_rows(_text(content), form))
    problems, said, empty = list[str](), dict[tuple[str, str], tuple[int, Decision]](), 0
    for number, row in rows:
        if not (row.get("verdict") or "").strip():
            empty += 1
            continue
        try:
            each = _decision(row, values, author, to)
        except ValueError as error:
            problems.append(f"line {number}: {error}")
            continue
        first = said.setdefault(each.pair, (number, each))
        if first[1].verdict != each.verdict:
            problems.append(f"line {number}: line {first[0]} says something else of the same pair")
    if problems:
        more = len(problems) - MOST_TOLD
        told = [*problems[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
        raise InvalidRequest("nothing was taken over: " + "; ".join(told))
    return _sorted([each for _, each in said.values()], {each.pair: each for each in holding}, values, empty)


def _sorted(
    said: Sequence[Decision], holding: Mapping[tuple[str, str], Decision], values: Mapping[str, Values], empty: int
) -> Taken:
    """Tell what is new in what a file says."""
    new, known, older = list[Decision](), 0, 0
    for each in said:
        there = holding.get(each.pair)
        if there is None or (each.when > there.when and (each.verdict, each.note) != (there.verdict, there.note)):
            new.append(each)
        elif (each.verdict, each.note) == (there.verdict, there.note):
            known += 1
        else:
            older += 1
    return Taken(new, known, older, empty, sum(each.a not in values or each.b not in values for each in new))


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest("the file is not in UTF-8: save it as «CSV UTF-8»") from None


def table(text: str) -> "csv.DictReader[str]":
    """Read CSV as whatever spreadsheet wrote it: with commas, semicolons or tabs between cells, as most are in its head."""
    separator = max(",;\t", key=text.partition("\n")[0].count)
    return csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, restval="")


def _rows(text: str, form: Format) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the lines of a file with their numbers. Raises InvalidRequest."""
    if form == "jsonl":
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield number, _object(number, line)
        return
    lines = table(text)
    if missing := set(NAMES[:3]) - set(lines.fieldnames or ()):
        raise InvalidRequest(f"line 1: there is no column {', '.join(sorted(missing))}")
    for row in lines:
        yield lines.line_num, {name: _meant(row[name]) for name in NAMES if name in row}


def _object(number: int, line: str) -> dict[str, str]:
    try:
        said = json.loads(line)
        json.dumps(said, ensure_ascii=False).encode()  # half of a character (\ud800) cannot be written
    except (ValueError, RecursionError):
        said = None
    texts: dict[str, str] = {}
    if isinstance(said, dict):
        texts = {name: said[name] or "" for name in NAMES if name in said}
    if not isinstance(said, dict) or not all(isinstance(each, str) for each in texts.values()):
        raise InvalidRequest(f"line {number}: it is no JSON object of texts")
    return texts


def verdict_of(text: str) -> str:
    """Return what a cell says, in English: a verdict, empty, or what is none."""
    plain = text.strip().lower()
    return FRENCH.get(plain, plain)


def _decision(row: Mapping[str, str], values: Mapping[str, Values], author: str | None, to: str | None) -> Decision:
    """Return what a line says. Raises ValueError with what is wrong, without a value."""
    a, b = (_identity(row.get(name) or "", name) for name in NAMES[:2])
    if not is_of_link(a, b, to):
        raise ValueError("both records are of one dataset, and the link leads to another")
    verdict = verdict_of(row["verdict"])
    if verdict not in VERDICTS:
        raise ValueError(f"the verdict is none of {', '.join(WORDS)}")
    both = (values[a], values[b]) if a in values and b in values else None
    said = said_of(
        a, b, cast(Verdict, verdict), row.get("note") or "", row.get("author") or author, _moment(row.get("when")), both
    )
    digests = [row.get(name) or None for name in NAMES[7:]]
    if not any(digests):
        return said
    if any(each is not None and not DIGEST.fullmatch(each) for each in digests):
        raise ValueError("a digest is 64 hexadecimal digits")
    if not (row.get("fields") or "").strip():
        raise ValueError("a digest is of fields: there are none")
    ours, theirs = digests if a < b else digests[::-1]
    return replace(said, fields=tuple((row.get("fields") or "").split()), digest_a=ours, digest_b=theirs)


def _identity(text: str, name: str) -> str:
    """Return the identity of a record as they are written."""
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError):
        parts = None
    if not (isinstance(parts, list) and len(parts) > 1 and all(isinstance(each, str) for each in parts)):
        raise ValueError(f'{name} is no identity of a record, as ["source","key"]')
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _moment(text: str | None) -> str:
    """Return a moment in UTC; this one where nothing is said."""
    if not text:
        return now()
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError("when is no moment with its zone, as 2026-11-22T19:40:00+00:00")
    if found > dt.datetime.now(dt.UTC) + dt.timedelta(days=1):  # the other machine's clock may be wrong a little
        raise ValueError("when is in the future")
    return found.astimezone(dt.UTC).isoformat(timespec="seconds")
