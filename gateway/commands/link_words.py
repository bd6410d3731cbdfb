"""What `beffroi link` shows of links: figures, why a pair is one, and what waits for a person."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from gateway import console

if TYPE_CHECKING:
    from gateway.commands.link_why import Why
    from pipelines.linking.telling.explained import Explanation
    from pipelines.report.words import Words


def _said(language: str) -> "Words":
    from pipelines.linking.telling import words

    return words.LANGUAGES[language]


def show_figures(dataset: str, links: Mapping[str, Mapping[str, Any]], language: str) -> None:
    """Show what a run found, for each column: pairs by band, what is expected of them, clusters, and what waits."""
    from pipelines.report.links import contradicting, estimated, happened
    from pipelines.report.words import count, several, share

    said, rows = _said(language), []
    heads = said["figures_heads"].split("|")
    for column, link in links.items():
        pairs, queue = link["quality"]["pairs"], link["quality"]["queue"]
        numbers = (pairs["linked"], pairs["identifier"], pairs["doubtful"], pairs["compared"], queue["rows"])
        part = share(queue["rows"], link["quality"]["records"], said)
        rows.append((column, *(count(each, said) for each in numbers), part))
    console.show_table(heads, rows, right=heads[1:])
    for column, link in links.items():
        click.echo()
        for line in estimated(link["quality"], said):
            click.echo(f"{column}{said['colon']} {line}")
        if changes := happened(link.get("happened") or [], said):
            click.echo(f"{column}{said['colon']} {changes}.")
        for line in contradicting(link, said):
            click.echo(f"{column}{said['colon']} {line}")
        if link.get("decisions_gone"):
            click.echo(f"{column}{said['colon']} {several('decisions_gone', link['decisions_gone'], said)}")
        if link["quality"]["queue"]["pairs"]:
            waiting = several("some_pairs", link["quality"]["queue"]["pairs"], said)
            next_line = said["queue_next"].format(dataset=dataset, column=column)
            click.echo(f"{column}{said['colon']} {waiting}. {next_line}")


def show_why(why: "Why", language: str) -> None:
    """Show why two records are linked or not, or why a record is in its cluster."""
    said = _said(language)
    if why.pair is not None:
        show_pair(why.pair, language)
        if not why.kept:
            click.echo(said["below"])
        if why.decision is not None:
            click.echo(said[f"decided_{why.decision}"])
    if why.way:
        click.echo()
        click.echo(_several("one_cluster", len(why.way), said, cluster=why.cluster))
        _links(why.way, said)
    if why.links:
        click.echo(_several("its_cluster", why.members, said, cluster=why.cluster))
        _links(why.links, said)
        if why.weakest is not None:
            named = {"a": why.weakest.a, "b": why.weakest.b, "probability": _probability(why.weakest.probability, said)}
            click.echo(said["weakest"].format(**named))
    if why.pairs:
        click.echo(f"\n{said['its_pairs']}" if why.links else said["its_pairs"])
        _links(why.pairs, said)
    if why.pair is None and not why.links and not why.pairs:
        click.echo(said["alone"])


def show_pair(pair: "Explanation", language: str) -> None:
    """Show one pair: the sentence, each comparison with its weight, the sum, and what holds besides."""
    from pipelines.linking.telling.explained import weight

    said = _said(language)
    click.echo(f"{pair.a}\n{pair.b}\n\n{pair.sentence}\n")
    valued = any(part.ours or part.theirs for part in pair.parts)
    rows: list[tuple[str, ...]] = [(said["prior"], "", "", pair.prior_said, weight(pair.prior, said), "")]
    for part in pair.parts:
        if part.level or part.ours or part.theirs:
            shown = weight(part.weight, said) if part.level else ""
            rows.append(
                (part.label, *(" · ".join(each) for each in (part.ours, part.theirs)), part.said, shown, part.speaks)
            )
    rows.append((said["sum"], "", "", pair.chance, weight(pair.weight, said), ""))
    heads = said["explained_heads"].format(a="A", b="B").split("|")
    chosen = [place for place in range(len(heads)) if valued or place not in (1, 2)]
    console.show_table(
        [heads[each] for each in chosen], [[row[each] for each in chosen] for row in rows], right=heads[4:5]
    )
    click.echo()
    limits = {name: _probability(getattr(pair, name), said) for name in ("link", "review")}
    for line in (*pair.why, said["thresholds"].format(**limits)):
        click.echo(line)


def show_doubtful(pairs: Sequence["Explanation"], language: str) -> None:
    """Show the pairs that wait for a person, the best first, each with its reasons."""
    said = _said(language)
    if not pairs:
        console.note(said["queue_none"])
        return
    _links(pairs, said)


def _links(pairs: Sequence["Explanation"], said: "Words") -> None:
    from pipelines.linking.telling.explained import weight

    heads = said["links_of_heads"].split("|")
    rows = [
        (_called(each.a, each, 0), _called(each.b, each, 1), weight(each.weight, said), each.sentence) for each in pairs
    ]
    console.show_table(heads, rows, right=heads[2:3])


def _called(identity: str, pair: "Explanation", side: int) -> str:
    """Return an identity, with what the record has where values are shown."""
    values = [value for part in pair.parts for value in (part.theirs if side else part.ours)]
    return "\n".join([identity, ", ".join(dict.fromkeys(values))] if values else [identity])


def _probability(value: float, said: "Words") -> str:
    from pipelines.linking.telling.explained import probability

    return probability(value, said)


def _several(key: str, number: int, said: "Words", **named: object) -> str:
    """Return a sentence of a number, which also names other things."""
    from pipelines.report.words import several

    plain = {name: str(value) for name, value in named.items()}
    return several(key, number, {**said, key: said[key].format(count="{count}", **plain)})
