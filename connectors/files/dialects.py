"""The dialect of a CSV file: what is declared, and what is found out and certain.

Nothing is guessed in silence: where two readings are possible, the error says what to declare, and what was seen.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from connectors.drafting import counted
from connectors.errors import Misconfigured, Unreadable
from connectors.files.csv_rows import opened, records
from connectors.files.encodings import Detected, detect
from connectors.files.headers import Belief, Unsure, columns_of, must_be_header, notes_before, trimmed
from connectors.files.settings import CsvSettings

SAMPLE = 400_000
"""Characters at the beginning of a file by which separators and headers are judged."""

SEPARATORS = {";": "semicolon", ",": "comma", "\t": "tab", "|": "bar"}
SHOWN = {"\t": "a tab", " ": "a blank"}


@dataclass(frozen=True)
class Dialect:
    """How a file is read. `names` are the cells of its columns, `width` how many cells of a row these are.

    `first` is how many records and blank lines stand before the first row, None where an engine would count them
    in another way. `headers` are the records of the header, which may come again.
    """

    detected: Detected
    separator: str
    quote: str
    skip: int
    header: int
    columns: tuple[str, ...]
    width: int
    headers: tuple[tuple[str, ...], ...]
    first: int | None
    beliefs: tuple[Belief, ...]


def found(path: Path, name: str, declared: CsvSettings, registry: str) -> Dialect:
    """Return the dialect of a file. Raises Unreadable, and Misconfigured where it is not certain."""
    detected = detect(path, name, registry, declared.encoding)
    try:
        with opened(path, detected.codec) as file:
            text = file.read(SAMPLE)
    except UnicodeError as error:
        raise Unreadable(f"{registry}: {name} is not in {detected.encoding}", registry=registry) from error
    if not text.strip():
        raise Unreadable(f"{registry}: {name} has no line that is not blank", registry=registry)
    try:
        return _found(path, text, name, declared, detected, registry)
    except Unsure as unsure:
        raise Misconfigured(f"{registry}: {name}: {unsure}", registry=registry) from unsure


def _found(path: Path, text: str, name: str, declared: CsvSettings, detected: Detected, registry: str) -> Dialect:
    beliefs = [Belief("encoding", detected.encoding, detected.evidence)]
    if declared.separator is None and declared.skip is None and (said := re.match(r"sep=(.)\r?\n", text)):
        declared = declared.model_copy(update={"separator": said[1], "skip": 1})
        beliefs += [Belief("separator", said[1], "its first line says so: sep="), Belief("skip", 1, "the line of sep=")]
    separator, quote = _separator(text, declared, beliefs)
    with opened(path, detected.codec) as file:
        for _ in range(declared.skip or 0):
            file.readline(1_000_000)
        every = records(file, separator, quote, name, registry)
        head = [each for each, _ in zip(every, range(60), strict=False)]
    lines = declared.skip or 0
    at = 0 if declared.skip is not None or declared.header == 0 else notes_before(head, separator, beliefs)
    size = 1 if declared.header is None else declared.header
    heads = head[at : at + size]
    if len(heads) < size or not head:
        raise Unsure(f"its header is declared as {size} lines, but there are {len(heads)}", "header")
    if any(each.fault for each in heads):
        raise Unsure(f"line {heads[0].line}, its header, cannot be read: {heads[0].fault}; say skip: or quote:", "skip")
    skip = lines + (heads[0].line - 1 if at else 0) if heads else lines
    if declared.header is None:
        must_be_header(heads[0], head[at + 1 :], lines)
        beliefs.append(Belief("header", 1, f"line {lines + heads[0].line} holds names, not values"))
    columns, width = columns_of(heads, declared, beliefs)
    straight = size <= 1 and not any("\n" in cell or "\r" in cell for each in heads for cell in each.cells)
    first = skip + size if straight and not _quotednotes_before(text, skip, quote) else None
    if heads and not at and heads[0].line > 1:  # blank lines before the header
        first = None if first is None else first + heads[0].line - 1
    return Dialect(
        detected, separator, quote, skip, size, columns, width, tuple(tuple(each.cells) for each in heads), first,
        tuple(beliefs),
    )  # fmt: skip


def _quotednotes_before(text: str, skip: int, quote: str) -> bool:
    return bool(skip and quote) and any(quote in line for line in io.StringIO(text, newline="").readlines()[:skip])


# --- separator and quote ---------------------------------------------------------------------------------------------


def _separator(text: str, declared: CsvSettings, beliefs: list[Belief]) -> tuple[str, str]:
    """Return the separator and the quote: as declared, else the one with which rows have as many cells as the header."""
    whole = text if len(text) < SAMPLE else text[: text.rfind("\n") + 1] or text
    quotes = [declared.quote] if declared.quote is not None else ['"', "'"]
    candidates = [declared.separator] if declared.separator is not None else list(SEPARATORS)
    shapes = {separator: _Shape.tried(whole, separator, quotes) for separator in candidates}
    tried = {(separator, quote): shapes[separator][quote] for quote in quotes for separator in candidates}
    best: dict[str, tuple[str, _Shape]] = {}
    for (separator, quote), shape in tried.items():
        held = best.get(separator)
        if held is None or (shape.wrapped and (shape.fits, shape.share) > (held[1].fits, held[1].share)):
            best[separator] = (quote, shape)
    if declared.separator is not None:
        quote, shape = best[declared.separator]
        _tell_quote(quote, shape, declared, beliefs)
        return declared.separator, quote
    chosen = _chosen({each: shape for each, (_, shape) in best.items()})
    if chosen is not None:
        separator = chosen
        quote, shape = best[separator]
        said = f"{shape.share:.0%} of the first {shape.records} lines have {shape.width} cells as the header has"
        beliefs.append(Belief("separator", separator, said))
        other = tried.get((separator, "'"))
        if quote == '"' and not shape.wrapped and other is not None and other.wrapped >= other.records:
            told = f"{other.wrapped} cells of its first lines stand between '; say quote: \"'\", or '\"' if not"
            raise Unsure(told, "quote")
        _tell_quote(quote, shape, declared, beliefs)
        return separator, quote
    if not any(shape.fits for _, shape in best.values()) and all(
        shape.width <= 1 or shape.share < 0.3 for _, shape in best.values()
    ):
        if declared.header is None and declared.columns is None and (parting := _parts_all(whole, best[";"][0])):
            raise Unsure(f"{parting}; say separator: under csv:, or header: 1 if it is one column", "separator")
        beliefs.append(Belief("separator", ";", "one column: no separator parts its lines", certain=True))
        return ";", best[";"][0]
    seen = ", ".join(
        f"{SEPARATORS[each]}: {shape.share:.0%} of lines with {shape.width} cells" for each, (_, shape) in best.items()
    )
    raise Unsure(f"the separator is not certain ({seen}); say separator: under csv:", "separator")


def _chosen(shapes: Mapping[str, "_Shape"]) -> str | None:
    """Return the one separator that explains what every other plausible one finds, None where there is none."""
    fitting = [separator for separator, shape in shapes.items() if shape.fits]
    certain = [
        each for each in fitting
        if shapes[each].share >= 0.9 and all(shapes[each].explains(other) for other in shapes.values())
    ]  # fmt: skip
    if len(certain) == 1:
        return certain[0]
    alone = fitting[:1] if len(fitting) == 1 else []
    found = [each for each in alone if not any(shapes[each].rivals(other) for other in shapes.values())]
    heading = [each for each in fitting if all(shapes[each].heads(other) for other in shapes.values())]
    return next(iter(found or (heading if len(heading) == 1 else [])), None)


def _parts_all(text: str, quote: str) -> str | None:
    """Return what else may part the lines of one column, None if nothing: a sign that stands alike in nearly all.

    Lines may be wrapped in quotes as a whole, as Excel saves a file that it took for one column.
    """
    lines = [_unwrapped(line.strip(), quote or '"') for line in text.splitlines() if line.strip()]
    for sign, what in {**SEPARATORS, "#": "number sign", ":": "colon", " ": "blank"}.items():
        times = lines[0].count(sign) if len(lines) > 1 else 0
        alike = sum(line.count(sign) == times for line in lines)
        if times and alike >= 0.9 * len(lines):
            return f"{alike} of its first {len(lines)} lines have {counted(times, what)} each, which may part columns"
    return None


def _unwrapped(line: str, quote: str) -> str:
    """Return a line without the quotes that it is wrapped in, and without what stands between quotes within."""
    if len(line) > 1 and line[0] == line[-1] == quote:
        line = line[1:-1].replace(quote * 2, quote)
    return re.sub(f"{re.escape(quote)}[^{re.escape(quote)}]*{re.escape(quote)}", "", line)


def _tell_quote(quote: str, shape: "_Shape", declared: CsvSettings, beliefs: list[Belief]) -> None:
    if declared.quote is None and shape.wrapped:
        beliefs.append(Belief("quote", quote, f"{shape.wrapped} cells of the first lines stand between them"))


@dataclass(frozen=True)
class _Shape:
    """How a text looks when it is read with a separator and a quote."""

    separator: str
    width: int  # the most frequent number of cells
    share: float  # of lines that have it
    records: int
    before: int  # lines before the first that has it
    fits: bool  # whether it has several cells, and the header has as many
    wrapped: int  # cells that stand between quotes
    times: int = 0  # lines that have it
    widths: tuple[int, ...] = ()  # cells of each line that is not blank

    def rivals(self, other: "_Shape") -> bool:
        """Tell whether another separator is plausible beside this: it parts half as many lines alike, or more."""
        return other is not self and other.width > 1 and other.share > 0.5 and other.times * 2 > self.times

    def explains(self, other: "_Shape") -> bool:
        """Tell whether another is no rival, or begins in a row of the table that this finds, with decimals or texts.

        A comma is in texts everywhere; another sign is believed to be so only where it makes fewer cells.
        """
        if not self.rivals(other):
            return True
        if self.before == other.before:
            return other.separator == "," and other.width < self.width
        within = self.before < other.before < len(self.widths) and self.widths[other.before] >= self.width
        return within and (other.separator == "," or other.width < self.width)

    def heads(self, other: "_Shape") -> bool:
        """Tell whether another is no rival, or parts rows of this table and not its header, which has this one's cells."""
        return not self.rivals(other) or (
            self.before < other.before < len(self.widths)
            and other.widths[self.before] == 1
            and self.widths[other.before] >= self.width
        )

    @staticmethod
    def tried(text: str, separator: str, quotes: Sequence[str]) -> dict[str, "_Shape"]:
        """Return it by quote. Quotes between which no cell stands have the same one."""
        wrapped = {quote: len(re.findall(_wrapped(separator, quote), text)) if quote else 0 for quote in quotes}
        if separator not in text:  # to read it all would tell no more
            lines = sum(1 for line in text.splitlines() if line.strip())
            return {each: _Shape(separator, 1, 1.0, lines, 0, fits=False, wrapped=n) for each, n in wrapped.items()}
        bare = _Shape.of(text, separator, "", 0) if 0 in wrapped.values() else None
        return {quote: bare if bare and not n else _Shape.of(text, separator, quote, n) for quote, n in wrapped.items()}

    @staticmethod
    def of(text: str, separator: str, quote: str, wrapped: int) -> "_Shape":
        """Return it. What is amiss in quotes is passed over: it is told when rows are read."""
        lines = io.StringIO(text, newline="")
        if wrapped:
            reader = csv.reader(lines, delimiter=separator, quotechar=quote)
        else:
            reader = csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)
        rows = [(len(cells), trimmed(cells)) for cells in reader]
        rows = [(width, last) for width, last in rows if last]
        widths = [width for width, _ in rows]
        counted = Counter(each for each in widths if each > 1)
        if not counted:
            return _Shape(separator, 1, 1.0, len(widths), 0, fits=False, wrapped=wrapped)
        width, times = max(counted.items(), key=lambda item: (item[1], item[0]))
        before = widths.index(width)
        share = times / max(len(widths) - before, 1)
        first = widths[0]
        if before and first > 1:  # rows may end with separators that the header has not
            matching = sum(last <= first <= each for each, last in rows)
            if matching * 2 > len(rows):
                width, before, share, times = first, 0, matching / len(rows), matching
        fits = share > 0.5 and all(each == 1 for each in widths[:before])
        return _Shape(separator, width, share, len(widths), before, fits, wrapped, times, tuple(widths))


def _wrapped(separator: str, quote: str) -> str:
    """Return what finds cells that stand between quotes: from a quote on, which is found sooner than what is before."""
    apart, mark = re.escape(separator), re.escape(quote)
    opening = "|".join(f"(?<={before}{mark})" for before in ("^", "^ ", apart, f"{apart} "))
    return rf"(?m){mark}(?:{opening})(?:[^{mark}]|{mark}{mark})*{mark} *(?={apart}|\r|\n|$)"
