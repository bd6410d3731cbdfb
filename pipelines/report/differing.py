"""What a report says of values that were not kept: of which columns, of which sources, and for whose.

No value stands in it.
"""

from collections.abc import Iterator

from pipelines.report import Report
from pipelines.report.section import Section
from pipelines.report.words import Words, count

FEW = 2
"""Sources whose differences are told by the pairs of them alone."""

OFTENEST = 3
"""Columns that are named of a source: those in which most of its values were not kept."""


def sections(found: Report, said: Words) -> Iterator[Section]:
    """Yield the parts about values that were not kept: by column and by source where there are many, then by pairs."""
    known = found.differing
    if known and len(known["sources"]) > FEW:
        rows = [
            (each["column"], each["rule"], count(each["rows"], said), count(each["values"], said))
            for each in known["columns"]
        ]
        told = {name: count(number, said) for name, number in (("rows", known["rows"]), ("all", found.rows_out))}
        line = said["differing_rows"].format(**told)
        heads = said["differing_columns_heads"].split("|")
        yield Section("differing-columns", said["differing_columns"], (line,), heads, rows, (2, 3))
        yield _sources(found, said)
    if found.conflicts_by:
        lines = [said["differing_lines"].format(dataset=found.dataset)]
        if known and known["pairs"] > len(found.conflicts_by):
            shown = {"shown": count(len(found.conflicts_by), said), "all": count(known["pairs"], said)}
            lines.append(said["differing_most"].format(**shown))
        names = ("column", "rule", "kept_source", "other_source")
        pairs = [(*(each[name] for name in names), count(each["values"], said)) for each in found.conflicts_by]
        yield Section("differing", said["differing"], lines, said["differing_heads"].split("|"), pairs, (4,))


def _sources(found: Report, said: Words) -> Section:
    rows = [
        (
            each["source"], count(each["other"], said), count(each["kept"], said),
            ", ".join(f"{name} ({count(values, said)})" for name, values in list(each["columns"].items())[:OFTENEST]),
        )
        for each in found.differing["sources"]
    ]  # fmt: skip
    lines = (said["differing_source_lines"].format(dataset=found.dataset),)
    title, heads = said["differing_sources"], said["differing_sources_heads"].split("|")
    return Section("differing-sources", title, lines, heads, rows, (1, 2))
