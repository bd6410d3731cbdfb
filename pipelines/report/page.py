"""The report of a run for people: in sections, as text on a terminal and as one page that needs nothing beside it.

The page is for everybody who can read it (WCAG 2.2 AA): landmarks, headings, tables with their headers, contrast of at
least 4.5 : 1, no script, no colour that says alone what it says. No value of a refused row ever stands in a report.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from html import escape
from typing import Any
from urllib.parse import quote as percent

from pipelines import pages, report
from pipelines.declarations import Dataset
from pipelines.report import Report, differing, links
from pipelines.report import style as report_style
from pipelines.report import words as report_words
from pipelines.report.section import Section
from pipelines.report.words import Words, count, decimal, several, share, size

LANGUAGES = tuple(report_words.LANGUAGES)

MANY = 3
"""Columns of a table that has no room on a telephone."""

SHARES = ("refused", "drift_rows", "drift_keys", "drift_sources", "drift_empty", "drift_values")
"""Expectations that are measured as shares, 0 to 1."""

FREQUENT = 3
"""Frequent values shown of a column."""


def sections(
    found: Report, dataset: Dataset, language: str, zone: dt.tzinfo = dt.UTC, *,
    columns: Collection[str] | None = None, whole: bool = True,
) -> Iterator[Section]:  # fmt: skip
    """Yield the parts of a report that have something to say, its times on the clocks of `zone`.

    Of the columns of the dataset only `columns` are told of (None: of all). Without `whole` nothing is told that only
    its operator needs to know: why rows were refused, what a source looks like, and what was expected of a version.
    """
    said = report_words.LANGUAGES[language]
    chosen = [each.name for each in dataset.columns if columns is None or each.name in columns]
    yield _sum(found, said)
    if found.sources:
        yield _sources(found, said, zone, whole=whole)
    if found.outcome != "failed":
        yield _changes(found, said, whole=whole)
    yield from links.sections(found, language, whole=whole)
    if whole:
        yield from _for_operators(found, said)
    if found.needed:
        rows = [(name, str(version)) for name, version in sorted(found.needed.items())]
        yield Section("needed", said["needed"], (), said["needed_heads"].split("|"), rows, (1,))
    if profile := [_column(each, found, dataset, said) for each in chosen if each in found.profile]:
        yield Section("columns", said["columns"], (), said["columns_heads"].split("|"), profile, (1, 2))
    yield _took(found, said)


def _sum(found: Report, said: Words) -> Section:
    parts = {"out": found.rows_out, "quarantined": found.quarantined, "merged": found.merged}
    told = {name: count(getattr(found, name), said) for name in ("rows_in", "rows_out")}
    told |= {name: several(f"some_{name}", parts[name], said) for name in ("quarantined", "merged")}
    if not found.sources and not found.rows_in:
        return Section("sum", said["sum"], (said["sum_none"],))
    line = said["sum_holds" if sum(parts.values()) == found.rows_in else "sum_open"].format(**told)
    rows = [(said[name], count(value, said), share(value, found.rows_in, said)) for name, value in parts.items()]
    rows.append((said["in"], told["rows_in"], share(found.rows_in, found.rows_in, said)))
    return Section("rows", said["sum"], (line,), said["rows_heads"].split("|"), rows, (1, 2), total=True)


def _sources(found: Report, said: Words, zone: dt.tzinfo, *, whole: bool) -> Section:
    heads, rows = said["sources_heads"].split("|"), []
    for each in found.sources:
        other = each.get("dataset")
        if other:
            origin = said["version_of"].format(version=each.get("version"), dataset=other)
        else:
            origin = "/".join(filter(None, (each.get("registry"), each.get("table"))))
        less = [count(each[name], said) if name in each else "" for name in ("quarantined", "merged")]
        from_there = origin if origin != each["name"] else ""  # a source without a name of its own is called so
        raw = (each.get("raw") or "")[:12]
        told = (each["name"], from_there, count(each["rows"], said), *less, size(each["bytes"], said), raw)
        rows.append(told if whole else (each["name"], told[2]))
    away = [each for each in found.sources if each.get("missing")]
    lines = [line for each in away for line in _not_read(each, found, said, zone, whole=whole)]
    if not whole:
        return Section("sources", said["sources"], lines, (heads[0], heads[2]), rows, (1,))
    if found.why_whole:
        reason = found.why_whole["reason_fr" if said["language"] == "fr" else "reason"]
        lines.append(said["why_whole"].format(reason=reason))
    return Section("sources", said["sources"], lines, heads, rows, (2, 3, 4, 5))


def _not_read(source: dict[str, Any], found: Report, said: Words, zone: dt.tzinfo, *, whole: bool) -> list[str]:
    """Tell of a source that the run did not read why, and how old what was taken of it is; as a line of its own what it said."""
    read = dt.datetime.fromisoformat(source["read"])
    hours = max(0, int((report.began(found) - read) / dt.timedelta(hours=1)))
    age = several("some_hours", hours, said) if hours < 48 else several("some_days", hours // 24, said)
    told = {"source": source["name"], "reason": said[f"not_read_{source['missing']}"], "age": age}
    line = said["not_read"].format(**told, moment=report_words.moment(read, zone))
    return [line, source["why"]] if whole else [line]


def _changes(found: Report, said: Words, *, whole: bool) -> Section:
    names = ["added", "changed", "removed", *(["corrected", "conflicts"] if whole else [])]
    rows = [(said[name], count(getattr(found, name), said)) for name in names]
    lines = []
    if found.schema_version:
        told = f"schema_{found.schema_change}" if found.schema_change else "schema"
        lines = [said[told].format(version=found.schema_version)]
    if whole:
        lines += found.schema_changes
    return Section("changes", said["changes"], lines, said["changes_heads"].split("|"), rows, (1,))


def _for_operators(found: Report, said: Words) -> Iterator[Section]:
    reason = "reason_fr" if said["language"] == "fr" else "reason"
    if found.rules:
        rows = [
            (
                each["column"] or said["whole_row"], each["rule"],
                each.get(reason) or (said["row_reason"] if each["rule"] == "row" else ""),
                count(each["rows"], said), share(each["rows"], found.rows_in, said),
            )
            for each in found.rules
        ]  # fmt: skip
        lines = (said["refused_several"],)
        yield Section("refused", said["refused"], lines, said["refused_heads"].split("|"), rows, (3, 4))
    yield from differing.sections(found, said)
    if found.measured:
        told = [_expectation(each, said) for each in found.measured]
        heads = said["expectations_heads"].split("|")
        lines = tuple(filter(None, (each.get(reason) for each in found.measured if each.get("accepted"))))
        yield Section("expectations", said["expectations"], lines, heads, told, (2,))
    if found.unread:
        yield Section("unread", said["unread"], (", ".join(found.unread),))


def _expectation(each: dict[str, Any], said: Words) -> tuple[str, ...]:
    name = each["expectation"]

    def shown(value: Any) -> str:
        if isinstance(value, str) or value is None:
            return value or ""
        if name in SHARES:
            return share(value, 1, said)
        return count(value, said) if float(value).is_integer() else decimal(value, said)

    least, most = shown(each.get("least")), shown(each.get("most"))
    allowed = "between" if least and most else "least" if least else "most"
    bound = said[allowed].format(least=least, most=most) if least or most else ""
    title = said.get(f"expect_{name}", name)
    met = said["accepted" if each.get("accepted") else "yes" if each["met"] else "no"]
    return title, each.get("column") or "", shown(each.get("measured")), bound, met


def _column(name: str, found: Report, dataset: Dataset, said: Words) -> tuple[str, ...]:
    known = found.profile[name]
    empty, distinct = count(known.get("empty", 0), said), count(known.get("distinct", 0), said)
    if any(each.personal for each in dataset.columns if each.name == name):
        return name, empty, distinct, said["personal"], "", ""
    least, greatest = (report_words.plain(known.get(each), said)[:40] for each in ("min", "max"))
    frequent = [
        f"{str(value)[:40]} ({count(rows, said)})" for value, rows in list(known.get("frequent", {}).items())[:FREQUENT]
    ]
    return name, empty, distinct, least, greatest, ", ".join(frequent)


def _took(found: Report, said: Words) -> Section:
    rows = [(said.get(f"stage_{stage}", stage), decimal(took, said)) for stage, took in found.stages.items()]
    rows.append((said["all"], decimal(found.seconds, said)))
    memory = count(found.memory_mb, said)
    line = said["resources"].format(cpu=decimal(found.cpu_seconds, said), memory=memory)
    return Section(
        "took", said["took"], (line,) if found.memory_mb else (), said["took_heads"].split("|"), rows, (1,), total=True
    )


def head(found: Report, dataset: Dataset, language: str, zone: dt.tzinfo = dt.UTC) -> list[str]:
    """Return the lines that a report begins with: of what and of when it is, and what came of the run."""
    said = report_words.LANGUAGES[language]
    began = said["began"].format(moment=report_words.moment(report.began(found), zone))
    return [
        f"{said['title'].format(dataset=dataset.title)} ({dataset.name}), {began}",
        *_outcome(found, said, zone, whole=True),
    ]


def _outcome(found: Report, said: Words, zone: dt.tzinfo, *, whole: bool) -> list[str]:
    told = found.outcome
    key = f"preview_{'new' if found.new else 'same'}" if told == "preview" else told
    lines = [said[key].format(version=found.version)]
    if found.replayed:
        lines.append(said["replayed"])
    if not whole:
        return lines
    if told == "unchanged" and found.made:
        moment = report_words.moment(dt.datetime.fromisoformat(found.made), zone)
        lines.append(said["made"].format(moment=moment, dataset=found.dataset, run=found.made))
    unmet = [each.get("reason_fr") for each in found.measured if not each["met"] and not each.get("accepted")]
    return [*lines, *(filter(None, unmet) if said["language"] == "fr" and any(unmet) else found.problems)]


# --- the page --------------------------------------------------------------------------------------------------------


def page(
    found: Report, dataset: Dataset, language: str, zone: dt.tzinfo = dt.UTC, *,
    columns: Collection[str] | None = None, whole: bool = True, read: Callable[[str], str] = str,
) -> str:  # fmt: skip
    """Return the page, its times on the clocks of `zone`; `columns` and `whole` as `sections` has them.

    `read` puts a line into the language that is kept in English, as why a run failed is; it leaves others as they are.
    """
    said = report_words.LANGUAGES[language]
    title = escape(said["title"].format(dataset=dataset.title))
    began = report.began(found)
    when = f'<time datetime="{began.isoformat()}">{report_words.moment(began, zone)}</time>'
    told = "".join(f"<p>{_text(read(line))}</p>" for line in _outcome(found, said, zone, whole=whole))
    parts = sections(found, dataset, language, zone, columns=columns, whole=whole)
    body = "".join(_html(each, found, read) for each in parts)
    return f"""<!doctype html>
<html lang="{said["language"]}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="data:image/svg+xml,{percent(pages.ICON)}">
<style>{pages.STYLE}{report_style.STYLE}</style></head>
<body class="{found.outcome}">
<header><h1>{title}</h1>
<p><code>{escape(dataset.name)}</code>, {said["began"].format(moment=when)}</p></header>
<main>
<div class="outcome">{told}</div>
{body}</main>
<footer><p>{said["by"]}</p></footer>
</body></html>
"""


def _html(section: Section, found: Report, read: Callable[[str], str]) -> str:
    lines = "".join(f"<p>{_text(read(line))}</p>" for line in section.lines)
    title = f'<h2 id="{section.name}">{escape(section.title)}</h2>'
    bar = _bar(found) if section.name == "rows" else ""
    return f"<section>\n{title}{lines}{bar}{_table(section) if section.rows else ''}</section>\n"


def _text(text: str) -> str:
    """Write a text whose commands stand in backticks, each word of them whole: a line never ends within --into."""
    return re.sub("`([^`]+)`", lambda found: f"<code>{_whole(found[1])}</code>", escape(text))


def _whole(command: str) -> str:
    return " ".join(f"<span>{word}</span>" for word in command.split(" "))


def _table(section: Section) -> str:
    """Write a table. Where it is narrow, one of many columns becomes a list of its rows: the roles keep it a table."""
    heads = "".join(
        f'<th scope="col" role="columnheader"{_class(place, section)}>{escape(head)}</th>'
        for place, head in enumerate(section.heads)
    )
    body = "".join(
        f'<tr role="row"{_last(number, section)}>{"".join(_cells(row, section))}</tr>'
        for number, row in enumerate(section.rows)
    )
    width = "many" if len(section.heads) > MANY else "few"
    return (
        f'<div class="wide" role="region" aria-labelledby="{section.name}" tabindex="0">'
        f'<table role="table" class="{section.name} {width}" aria-labelledby="{section.name}">'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table></div>'
    )


def _cells(row: Sequence[str], section: Section) -> Iterator[str]:
    yield f'<th scope="row" role="rowheader">{_text(row[0])}</th>'
    for place, cell in enumerate(row[1:], 1):
        label = f'data-head="{escape(section.heads[place])}"'
        yield f'<td role="cell" {label}{_class(place, section)}>{_text(cell)}</td>'


def _last(number: int, section: Section) -> str:
    return ' class="total"' if section.total and number == len(section.rows) - 1 else ""


def _class(place: int, section: Section) -> str:
    return ' class="number"' if place in section.numbers else ""


def _bar(found: Report) -> str:
    """Show the shares as a bar, for those who see it: the table beneath says the same."""
    parts = zip("abc", (found.rows_out, found.quarantined, found.merged), strict=True)
    shown = "".join(f'<span class="{name}" style="flex-grow:{rows}"></span>' for name, rows in parts if rows)
    return f'<div class="bar" aria-hidden="true">{shown}</div>'
