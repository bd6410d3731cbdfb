"""Many questions to one lookup: each goes the whole way of one question, and they are paced to the registries' places.

A row waits for its turn where one question would be told that the registry is busy, and all rows together take a
quarter of a registry's places at most: those who ask one question at a time keep theirs.
"""

import asyncio
import contextlib
import copy
import dataclasses
import json
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from pathlib import Path

from connectors.carried import NOTHING, Carried
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, CallerError, InvalidRequest, NotGranted, Unavailable
from connectors.limits import Limits
from connectors.registry import Answer
from gateway.callers.access import Caller, decide, of_lookup, operator
from gateway.callers.offered import lookup_of
from gateway.lookups import incoming
from gateway.lookups.answering import answer
from gateway.lookups.incoming import Form, Row
from gateway.lookups.once import Once
from gateway.lookups.outgoing import Told, Writer, failed
from gateway.lookups.question import Question
from gateway.pools import Pool
from gateway.service import Service
from pipelines.whole import whole_file
from pipelines.workspace import Workspace

Several = AsyncGenerator[list[tuple[Row, Told]], None]
"""Rows and their outcomes, some at a time."""

AT_ONCE = 32
"""Rows under way at once: enough for the journal to write many at a time, few enough to let others in between."""

AHEAD = 1000
"""Rows that may be done while an earlier one is not: what is kept of them until its turn is bounded by that."""

PATIENCE = 600.0
"""Seconds that a row waits for a turn with a busy registry."""

SHARE = 4
"""One in so many of a registry's places is for many questions."""


class Patient(Pool):
    """The places that many questions share of a registry's: whoever finds none free waits for one."""

    def __init__(self, pool: Pool, limits: Limits, workers: int) -> None:
        """`pool` is the registry's own, and its threads are the only ones; `limits` are the registry's.

        Each of so many workers has its part of the share, and one place at least: none ever waits for another.
        """
        self._pool, self._limits = pool, limits
        self._turns = asyncio.Semaphore(max(1, limits.concurrency // SHARE // workers))

    async def ask(self, identifier: str, deadline: Deadline, carried: Carried = NOTHING) -> Answer:
        """Ask as the pool does; the registry's own deadline begins with the call, and waiting for it is not counted.

        Raises what the pool raises, Busy only after PATIENCE.
        """
        async with self._turns:
            until = Deadline.after(PATIENCE)
            while True:
                try:
                    return await self._pool.ask(identifier, Deadline.after(self._limits.deadline), carried)
                except Busy as error:
                    if until.passed():
                        raise
                    await asyncio.sleep(min(error.retry_in or 1.0, until.remaining()))


def patient(service: Service) -> Service:
    """Return the service as many questions see it: the same, but for pools where they wait. There is one to a service.

    Their questions are not shared with those of others, who would wait as long. Close its `once` when done, not it.
    """
    many, registries = copy.copy(service), service.workspace.registries
    many.pools = {name: Patient(pool, registries[name].limits, service.workers) for name, pool in service.pools.items()}
    many.once = Once(service.workspace.state / "cache" / "many")
    return many


def allowed(service: Service, name: str, caller: Caller, fields: Sequence[str] | None) -> tuple[str, ...]:
    """Return the fields that the caller may have of a lookup: none, where it may only verify some.

    Each row is decided on for itself; this refuses before the first whom no row would answer. Raises NotFound, and what
    `decide` raises.
    """
    lookup = lookup_of(service.workspace, caller, name)
    try:
        return decide(service.workspace, caller, of_lookup(name, lookup), fields, by_row=True).fields
    except NotGranted:
        if fields is not None:
            raise
        decide(service.workspace, caller, of_lookup(name, lookup, verified=True), None, by_row=True)
        return ()


def shares(service: Service, name: str, caller: Caller) -> str:
    """Return what the caller is granted of a lookup as a text, other where grants are. Raises what `decide` raises."""
    resource = of_lookup(name, service.workspace.lookup(name), verified=True)
    found = decide(service.workspace, caller, resource, None, by_row=True).shares
    told = [(sorted(each.fields), {column: sorted(rows) for column, rows in each.rows.items()}) for each in found]
    return json.dumps(told, sort_keys=True)


async def refused(service: Service, name: str, caller: Caller, error: CallerError | None) -> None:
    """Journal that many questions were refused as a whole, and raise `error`, or else what is wrong with the caller.

    Raises Unavailable instead where that cannot be journaled.
    """
    await answer(service, name, caller, Question.model_construct(identifier="", fields=None), error)


async def outcome(service: Service, name: str, caller: Caller, row: Row, *, anew: bool = False) -> Told:
    """Return the outcome of one row, once it is on the journal. Never raises for what happened to that row."""
    try:
        return {"outcome": "found", **await answer(service, name, caller, row.question, row.refusal, anew=anew)}
    except BeffroiError as error:
        return failed(error)
    except Exception as error:  # noqa: BLE001  # one row must not end the others
        from gateway.problems import internal

        internal(error)  # the log says where
        return failed(Unavailable("something went wrong that was not foreseen: the gateway's log says where"))


async def done(service: Service, name: str, caller: Caller, rows: Iterable[Row], *, anew: bool = False) -> Several:
    """Yield the outcomes as they come, not in the order of the rows. Nothing begins while nobody takes what is done.

    `service` is one that waits (`patient`). Where the taker ends early, what is under way is given up.
    """
    left, under_way = iter(rows), dict[asyncio.Task[Told], Row]()  # the first of a dictionary is the oldest
    try:
        row = next(left, None)
        while row is not None or under_way:
            while row is not None and len(under_way) < AT_ONCE:
                if under_way and row.number - next(iter(under_way.values())).number >= AHEAD:
                    break
                under_way[asyncio.create_task(outcome(service, name, caller, row, anew=anew))] = row
                row = next(left, None)
            ended, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            yield [(under_way.pop(task), task.result()) for task in ended]
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def in_order(several: Several) -> Several:
    """Yield outcomes in the order of their rows, whose numbers begin with 1 and leave none out."""
    early, turn = dict[int, tuple[Row, Told]](), 1
    async with contextlib.aclosing(several):
        async for some in several:
            early |= {each[0].number: each for each in some}
            ready = []
            while turn in early:
                ready.append(early.pop(turn))
                turn += 1
            if ready:
                yield ready


async def command(
    workspace: Workspace, name: str, source: Path, target: Path, fields: list[str] | None, purpose: str | None,
    case: str | None = None, *, receipts: bool = False,
) -> Counter[str]:  # fmt: skip
    """Answer the rows of the file `source` into the file `target`, as the operator; return how many ended how.

    The names' endings say the forms: .json, .ndjson or .csv. Each outcome has its receipt if wanted. Raises
    InvalidRequest, what `decide` raises, and OSError.
    """
    forms = [_form(path) for path in (source, target)]
    caller, counted = dataclasses.replace(operator(purpose, case), receipt=receipts), Counter[str]()
    with Service(workspace) as service, source.open("rb") as file:
        try:
            granted = allowed(service, name, caller, fields)
            many = incoming.read(forms[0], file, fields)
        except CallerError as error:
            await refused(service, name, caller, error)
            raise
        writer, waiting = Writer(forms[1], many.columns, granted, separator=many.separator), patient(service)
        with whole_file(target) as part, part.open("w", encoding="utf-8", newline="") as out:
            part.chmod(0o600)
            out.write(writer.begin())
            async for some in in_order(done(waiting, name, caller, many.rows)):
                counted.update(told["outcome"] for _, told in some)
                out.write(writer.some(some))
            out.write(writer.end())
        waiting.once.close()
    return counted


def _form(path: Path) -> Form:
    ending = path.suffix.lower()
    found: dict[str, Form] = {".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv"}
    if ending not in found:
        raise InvalidRequest(f"{path.name} does not end in .json, .ndjson or .csv: its form is not known")
    return found[ending]
