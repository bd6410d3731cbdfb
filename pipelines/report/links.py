"""What a report says of links: how many there are, how good they seem, what became of clusters, and what waits for people.

Nothing of it names a record.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.linking.telling import words
from pipelines.report import Report
from pipelines.report.section import Section
from pipelines.report.words import Words, count, decimal, several, share

EVENTS = ("new", "grown", "merged", "split", "moved", "shrunk", "gone", "linked", "relinked", "unlinked")

WIDTH = 5
"""Weights that stand on one line of the histogram."""

ENDS = (-30, 30)
"""Weights beyond which all stand on one line."""


def sections(found: Report, language: str, *, whole: bool = True) -> Iterator[Section]:
    """Yield the parts of a report that are about links, for each column; without `whole` none that is for operators."""
    said = words.LANGUAGES[language]
    for column, link in found.links.items():
        quality = link["quality"]
        yield _found(column, link, quality, said)
        if link.get("happened"):
            yield _events(column, link["happened"], said)
        if whole:
            yield _queue(found.dataset, column, link, said)
            yield _thresholds(column, quality, said)
            yield _histogram(column, quality["histogram"], said)
            if any(sum(_verdicts(each)) for each in quality["decisions"].values()):
                yield _decided(column, quality["decisions"], said)


def estimated(quality: Mapping[str, Any], said: Words) -> list[str]:
    """Return what a run expects of its links, in sentences, with what that rests on, and what it did not look at."""
    told, pairs = quality["estimate"], quality["pairs"]
    lines = []
    if told["precision"] is not None:
        expected = {
            "false": _expected(told["false_links"], said),
            "links": several("some_links", pairs["linked"], said),
        }
        lines.append(said["est_precision"].format(**expected))
    if told["recall"] is not None:
        lost = {name: _expected(told[name], said) for name in ("missed", "missed_by_threshold")}
        key = "est_recall" if told["missed_by_blocking"] is not None else "est_recall_compared"
        blocking = _expected(told["missed_by_blocking"] or 0, said)
        recall = share(told["recall"], 1, said)
        lines.append(said[key].format(recall=recall, missed_by_blocking=blocking, **lost))
    lines += [said["est_rests"]] if lines else []
    too_frequent = sum(quality.get("left_out", {}).values())  # reports of before do not tell it
    return [*lines, several("left_out", too_frequent, said)] if too_frequent else lines


def happened(events: Sequence[Mapping[str, Any]], said: Words) -> str:
    """Return how many clusters were merged, split and so on, in one line: `4 clusters merged, 1 split`."""
    totals = {name: sum(each["count"] for each in events if each["event"] == name) for name in EVENTS}
    return ", ".join(several(f"event_{name}", number, said) for name, number in totals.items() if number)


def contradicting(link: Mapping[str, Any], said: Words) -> list[str]:
    """Return how many decisions, and how many links, people's other decisions set aside; no sentence for none."""
    decided = link.get("decisions_aside") or 0  # reports of before do not tell it
    told = {"deciding": decided, "contradicting": (link.get("contradictions") or 0) - decided}
    return [several(key, number, said) for key, number in told.items() if number > 0]


def _found(column: str, link: Mapping[str, Any], quality: Mapping[str, Any], said: Words) -> Section:
    pairs = quality["pairs"]
    told = {"rows": several("some_rows", link["filled"], said), "other": link["to"]}
    lines = [said["links_to" if link["to"] else "links_own"].format(**told)]
    if not link["to"]:
        names = {name: count(link[name], said) for name in ("records", "clusters", "several", "largest")}
        lines.append(said["links_clusters"].format(**names))
    rows = [
        (said[key], count(pairs[name], said), share(pairs[name], pairs["compared"], said))
        for key, name in (
            ("band_linked", "linked"), ("band_identifier", "identifier"), ("band_doubtful", "doubtful"),
            ("band_apart", "apart"), ("band_all", "compared"),
        )
    ]  # fmt: skip
    title = said["links"].format(column=column)
    lines += estimated(quality, said)
    return Section(f"links-{column}", title, lines, said["links_heads"].split("|"), rows, (1, 2), total=True)


def _events(column: str, events: Sequence[Mapping[str, Any]], said: Words) -> Section:
    rows = [
        (several(f"event_{each['event']}", each["count"], said), said.get(f"reason_{each['reason']}", each["reason"]))
        for each in sorted(events, key=lambda each: (EVENTS.index(each["event"]), -each["count"]))
    ]
    line = f"{happened(events, said)}."
    title = said["link_events"].format(column=column)
    return Section(f"link-events-{column}", title, (line,), said["link_events_heads"].split("|"), rows)


def _queue(dataset: str, column: str, link: Mapping[str, Any], said: Words) -> Section:
    queue = link["quality"]["queue"]
    lines = [said["queue_none"]]
    if queue["pairs"]:
        told = {
            "pairs": several("some_pairs", queue["pairs"], said),
            "rows": several("some_records", queue["rows"], said),
        }
        part = share(queue["rows"], link["quality"]["records"], said)
        lines = [said["queue"].format(**told, share=part), said["queue_next"].format(dataset=dataset, column=column)]
    lines += contradicting(link, said)
    if link.get("decisions_gone"):
        lines.append(several("decisions_gone", link["decisions_gone"], said))
    lines.append(said["queue_sample"].format(dataset=dataset, column=column))
    return Section(f"link-queue-{column}", said["queue_title"].format(column=column), lines)


def _thresholds(column: str, quality: Mapping[str, Any], said: Words) -> Section:
    here = quality["thresholds"]["link"]
    rows = [
        (
            f"{_plain(each['threshold'], said)}{said['threshold_here'] if each['threshold'] == here else ''}",
            count(each["links"], said), count(each["doubtful"], said),
            _expected(each["false_links"], said), _expected(each["missed"], said),
            share(each["precision"] or 0, 1, said), share(each["recall"] or 0, 1, said),
        )
        for each in quality["by_threshold"]
    ]  # fmt: skip
    title, heads = said["thresholds_title"].format(column=column), said["thresholds_heads"].split("|")
    return Section(f"link-thresholds-{column}", title, (said["thresholds_line"],), heads, rows, (1, 2, 3, 4, 5, 6))


def _plain(threshold: float, said: Words) -> str:
    """Return a threshold with as many places as it takes: 0.5, 0.9999."""
    return f"{threshold:g}".replace(".", said["point"])


def _histogram(column: str, bins: Sequence[Mapping[str, Any]], said: Words) -> Section:
    held: dict[tuple[int, str], int] = {}
    for each in bins:
        start = min(max(WIDTH * (each["from"] // WIDTH), ENDS[0] - WIDTH), ENDS[1])
        held[start, each["band"]] = held.get((start, each["band"]), 0) + each["pairs"]
    rows = [
        (_range(start, said), said[f"weighs_{band}"], count(pairs, said))
        for (start, band), pairs in sorted(held.items())
    ]
    title, heads = said["histogram_title"].format(column=column), said["histogram_heads"].split("|")
    return Section(f"link-weights-{column}", title, (said["histogram_line"],), heads, rows, (2,))


def _range(start: int, said: Words) -> str:
    if start < ENDS[0]:
        return said["weight_under"].format(weight=_signed(ENDS[0]))
    if start >= ENDS[1]:
        return said["weight_over"].format(weight=_signed(ENDS[1]))
    return said["between"].format(least=_signed(start), most=_signed(start + WIDTH))


def _signed(weight: int) -> str:
    return f"{weight:+d}".replace("-", "−") if weight else "0"


def _decided(column: str, decisions: Mapping[str, Mapping[str, float]], said: Words) -> Section:
    rows = [
        (said[f"band_{band}"], *(count(each, said) for each in _verdicts(told)), _expected(told["expected_same"], said))
        for band, told in decisions.items() if sum(_verdicts(told))
    ]  # fmt: skip
    title, heads = said["decided_title"].format(column=column), said["decided_heads"].split("|")
    return Section(f"link-decided-{column}", title, (said["decided_line"],), heads, rows, (1, 2, 3, 4))


def _verdicts(told: Mapping[str, float]) -> list[float]:
    return [told[name] for name in ("same", "different", "unsure")]


def _expected(value: float, said: Words) -> str:
    """Return an expected number of pairs: of few with a tenth, of less than a tenth that it is less."""
    if value >= 10:
        return count(value, said)
    return decimal(value, said, 1) if value >= 0.1 or not value else f"< {decimal(0.1, said, 1)}"
