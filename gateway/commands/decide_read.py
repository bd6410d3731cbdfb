"""What `beffroi decide` reads and writes: questions of a version's links, people's decisions, files of them."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.errors import InvalidRequest, NotFound
from gateway.commands.link_asked import Asked

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.linking.deciding.decisions import Decision, Values, Verdict
    from pipelines.linking.deciding.questions import Question, Queue
    from pipelines.linking.telling.explained import Explanation


@dataclass(frozen=True)
class Shown:
    """A question with what both records have, by field, and, where the pair has one, its explanation."""

    question: "Question"
    ours: "Values"
    theirs: "Values"
    explanation: "Explanation | None"


@dataclass(frozen=True)
class Held:
    """A decision that holds, and where its records are: both there, one or both changed since, or gone; `aside`: it has no effect."""

    decision: "Decision"
    records: str


def load(of: Asked) -> list["Decision"]:
    """Return the decisions of a link that hold. Raises Unavailable."""
    from pipelines.linking.deciding import decisions

    return decisions.load(of.workspace, of.dataset, of.column)


def queue(connection: "DuckDBPyConnection", of: Asked) -> "Queue":
    """Return what is to be asked. Raises Unavailable."""
    from pipelines.linking.deciding import questions

    return questions.queue(connection, of.folder, of.column, load(of))


async def shown(connection: "DuckDBPyConnection", of: Asked, asked: Sequence["Question"]) -> list[Shown]:
    """Return questions with the values of their records, once that is on the journal. Raises what `decide` raises."""
    from gateway.commands import link_asked

    identities = {name for each in asked for name in (each.a, each.b)}
    identities |= {name for each in asked if each.contradiction is not None for name in each.contradiction["way"]}
    values = await link_asked.values_of(connection, replace(of, raw=True), identities, "decide")
    return [
        Shown(each, values.get(each.a, {}), values.get(each.b, {}), explained(connection, of, each, values))
        for each in asked
    ]


def explained(
    connection: "DuckDBPyConnection", of: Asked, question: "Question", values: Mapping[str, "Values"]
) -> "Explanation | None":
    """Explain the pair of a question; None where the run did not keep it. Without values no record is named."""
    from gateway.commands import link_why

    if question.pair is None:
        return None
    said = {question.decision.pair: question.decision} if question.decision is not None and values else {}
    names = (lambda identity: identity) if values else (lambda identity: "A" if identity == question.a else "B")
    pair = dict(question.pair)
    if pair["l"] != question.a:  # as the records stand side by side
        pair |= {"l": question.a, "r": question.b}
    return link_why.explain(connection, of, pair, values, said, names)


def held(connection: "DuckDBPyConnection", of: Asked) -> list[Held]:
    """Return the decisions that hold, each with what has become of its records."""
    from pipelines.linking.deciding import decisions, questions, standing

    said, aside = load(of), standing.aside(of.folder, of.column)
    values = questions.now(connection, of.folder, of.column, said)

    def state(each: "Decision") -> str:
        if each.a not in values or each.b not in values:
            return "gone"
        if standing.is_aside(each, aside):
            return "aside"
        return "changed" if decisions.changed(each, values) else "there"

    return [Held(each, state(each)) for each in said]


# --- deciding --------------------------------------------------------------------------------------------------------


def decide(
    connection: "DuckDBPyConnection", of: Asked, ends: tuple[str, str], verdict: "Verdict", note: str
) -> "Decision":
    """Keep what a person says of two records; it is on disk when this returns. Raises InvalidRequest, OSError."""
    from gateway.callers.access import operator
    from gateway.commands import link_asked
    from pipelines.linking.deciding import decisions
    from pipelines.linking.telling import looking

    link_asked.one_of_each(of, *ends)
    values = looking.fields(connection, of.folder, of.column, ends)
    both = (values[ends[0]], values[ends[1]]) if len(values) == 2 else None
    try:
        said = decisions.said_of(*ends, verdict, note, operator(None).agent, values=both)
    except ValueError:
        raise InvalidRequest("both are the same record") from None
    decisions.add(of.workspace, of.dataset, of.column, [said])
    return said


def withdraw(of: Asked, ends: tuple[str, str], note: str) -> "Decision":
    """Take the decision on two records back, also on such as are gone. Raises NotFound where none holds, OSError."""
    from gateway.callers.access import operator
    from pipelines.linking.deciding import decisions

    said = decisions.said_of(*ends, "withdrawn", note, operator(None).agent)
    if not any(each.pair == said.pair for each in load(of)):
        raise NotFound("no decision on these two records holds")
    decisions.add(of.workspace, of.dataset, of.column, [said])
    return said


# --- files -----------------------------------------------------------------------------------------------------------


async def noted(of: Asked, said: Sequence["Decision"]) -> None:
    """Put on the journal that decisions are read, with the records that they name. Raises what `decide` raises."""
    from gateway.commands import link_asked

    await link_asked.noted(of, {name for each in said for name in each.pair}, "decide")


def new_file(file: Path, text: str, encoding: str = "utf-8") -> None:
    """Write a text to a new file that others cannot read. Raises InvalidRequest where it is there already, OSError."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # it names records
    except FileExistsError:
        raise InvalidRequest(f"{file} is there already: it may hold verdicts; name another file") from None
    with os.fdopen(descriptor, "w", encoding=encoding, newline="") as opened:
        opened.write(text)


def take(connection: "DuckDBPyConnection", of: Asked, file: Path, form: Any) -> Any:
    """Take over the decisions of a file, all or none. Raises InvalidRequest with the line of what is wrong in it."""
    from gateway.callers.access import operator
    from pipelines.linking.deciding import decisions, exchange, questions

    holding, author = decisions.last(of.workspace, of.dataset, of.column), operator(None).agent
    content = file.read_bytes()
    to = of.workspace.dataset(of.dataset).link[of.column].to
    named = exchange.read(content, form, holding, {}, author, to)
    values = questions.now(connection, of.folder, of.column, named.new)
    taken = exchange.read(content, form, holding, values, author, to)
    if taken.new:
        decisions.add(of.workspace, of.dataset, of.column, taken.new)
    return taken
