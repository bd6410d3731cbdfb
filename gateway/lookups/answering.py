"""The whole way of one question, for the API and the command line alike.

Credential, access decision, identifier, providers under the deadline, granted fields, journal. A personal identifier
comes by POST only: it never stands in a URL.
"""

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from connectors.errors import Attempt, CallerError, InvalidRequest
from connectors.identities import SCHEME, typed
from connectors.records import Record, canonical
from gateway.callers.access import Caller, decide, of_lookup, operator
from gateway.callers.offered import lookup_of
from gateway.health import age
from gateway.journal import Entry
from gateway.lookups import identity, on, verifying
from gateway.lookups.cache import Found
from gateway.lookups.carried import told_of
from gateway.lookups.hiding import fields_of, hidden
from gateway.lookups.providers import find
from gateway.lookups.question import MALFORMED, Question, identifier_text
from gateway.service import Service
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from gateway.lookups.at_hand import Local


async def answer(
    service: Service, name: str, caller: Caller, question: Question, refusal: CallerError | None = None, *,
    anew: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Answer one question to a lookup as `{data, meta}`, or `{verified, meta}`, once it is on the journal.

    `anew` asks the registry whatever is kept. `refusal` is what is known to be wrong with the question: journaled like any
    other. Raises NotFound for a lookup that is not declared, and every error of a lookup, on the journal too.
    """
    lookup = lookup_of(service.workspace, caller, name)
    model = lookup.asked_model
    verify = question.verify is not None
    entry = Entry.begin(service.workspace, caller, "verify" if verify else "lookup", f"lookup:{name}")
    asked_by = question.asked
    text = identifier_text(model, asked_by)
    async with service.receipts.of_absence(caller, entry, text, question.on), service.journal.access(entry):
        if asked_by:
            entry.identifier = service.journal.keyed(text)
        if refusal is not None:
            raise refusal
        asked = question.fields if question.verify is None else list(question.verify)
        decision = decide(service.workspace, caller, of_lookup(name, lookup, verified=verify), asked, by_row=True)
        scheme, _, value = text.partition(":")
        if scheme == MALFORMED:
            scheme, value = canonical(model, asked_by)  # which says what is wrong
        value, way = (value, {}) if question.on is None else on.follow(name, scheme, value, question.on)
        guesses = _guesses(service, caller, question, model, text)
        carried = told_of(service.workspace, lookup, caller)
        missed = identity.tried(lookup, scheme, value) if verify else []
        with service.guesses.missing(caller.application, missed), hidden(decision, lookup):
            found, tried = await find(service, name, lookup, scheme, value, carried, anew=anew)
            granted = fields_of(decision, found, tried)
        entry.source, entry.fields = found.source, list(granted)
        entry.identifiers = _numbered(service, caller, scheme, model, found.record, guesses)
    meta = meta_of(found, tried, granted) | way
    data = verifying.compared(found.record, guesses) if verify else data_of(found.record, granted)
    if caller.receipt:
        given = {"verify": question.verify, "verified": data} if verify else data
        meta["receipt"] = await service.receipts.make(entry, text, question.on, meta["as_of"], given)
    return {"verified" if verify else "data": data, "meta": meta}


def _guesses(
    service: Service, caller: Caller, question: Question, model: type[Record], text: str
) -> dict[str, verifying.Guess]:
    """Return what is to be verified, once it is counted; the operator, who holds the files anyway, may guess."""
    if question.verify is None:
        return {}
    if question.fields is not None:
        raise InvalidRequest("ask for fields, or to verify some, not both at once")
    guesses = verifying.read(model, question.verify)
    service.guesses.hold(caller.application, text, _plain(guesses))
    return guesses


def _numbered(
    service: Service, caller: Caller, scheme: str, model: type[Record], record: Record,
    guesses: Mapping[str, verifying.Guess],
) -> list[str]:  # fmt: skip
    """Return what the journal has for the numbers of whoever was asked for by an identity, once guesses count for those.

    One person has an identity in many spellings, and one number, or one record.
    """
    numbers = identity.numbered(scheme, model, record)
    for each in numbers or [record.model_dump_json()] if guesses and scheme == SCHEME else []:
        service.guesses.hold(caller.application, each, _plain(guesses))
    return [service.journal.keyed(each) for each in numbers]


def _plain(guesses: Mapping[str, verifying.Guess]) -> dict[str, str]:
    return {name: verifying.plain(each) for name, each in guesses.items()}


def data_of(record: Record, granted: Sequence[str]) -> dict[str, Any]:
    """Return what is given of a record, as JSON has it."""
    return record.model_dump(mode="json", include=set(granted))


def meta_of(found: "Found | Local", tried: Sequence[Attempt], granted: Sequence[str]) -> dict[str, Any]:
    """Return where an answer comes from, and which of the granted fields its source never has."""
    meta: dict[str, Any] = {
        "source": found.source,
        "as_of": _moment(found.as_of),
        "age_seconds": age(found.as_of),
        "tried": [attempt.told() for attempt in tried],
    }
    if lacks := list(_lacking(tuple(granted), found.lacks)):
        meta["lacks"] = lacks
    if found.cached is not None:
        meta["cached"] = found.cached
    if found.merged_from is not None:
        meta["merged_from"] = found.merged_from
    return meta


@functools.lru_cache(maxsize=256)
def _lacking(granted: tuple[str, ...], lacks: frozenset[str]) -> tuple[str, ...]:
    """Return which of the fields that are given a source never has; all rows of a dataset have the same."""
    return tuple(field for field in granted if field in lacks)


@functools.lru_cache(maxsize=256)
def _moment(as_of: dt.datetime) -> str:
    """Return what is told of a moment; all rows of a dataset have one."""
    return as_of.isoformat(timespec="seconds")


async def command(
    workspace: Workspace, name: str, identifier: str, fields: Sequence[str] | None, purpose: str | None,
    case: str | None = None, *, receipt: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Answer the operator of the command line, by the same way, on the same journal, and with a receipt if wanted."""
    with Service(workspace) as service:
        question = Question.model_construct(identifier=typed(identifier), fields=list(fields) if fields else None)
        return await answer(service, name, replace(operator(purpose, case), receipt=receipt), question)
