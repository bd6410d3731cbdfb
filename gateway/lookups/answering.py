"""Lookups: one question asked through the gateway, of the first provider that can answer.

`answer` is the whole way, for the API and the command line alike: credential, access decision, identifier, providers
under the deadline, granted fields, journal. A personal identifier comes by POST only: it never stands in a URL.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lmdb
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.deadline import Deadline
from connectors.errors import (
    Attempt,
    BeffroiError,
    CallerError,
    InvalidRequest,
    MalformedIdentifier,
    NotFound,
    Unavailable,
)
from connectors.records import Record, canonical
from gateway.access import Caller, decide, of_lookup, operator
from gateway.health import age
from gateway.journal import Entry
from gateway.service import Service
from pipelines import index, versions
from pipelines.declarations.configuration import Lookup, Provider
from pipelines.versions import Version
from pipelines.workspace import Workspace


class Question(BaseModel):
    """What is asked: an identifier, and the fields wanted, or all that are granted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    identifier: str = Field(max_length=200, description="`scheme:value`, or the value where there is one scheme")
    fields: list[str] | None = Field(
        default=None, min_length=1, description="Fields wanted; all granted ones if absent"
    )

    @classmethod
    def read(cls, body: bytes) -> "Question":
        """Read a JSON body. Raises InvalidRequest, whose detail repeats no value."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            from gateway.problems import sentences  # the command line starts without what serves HTTP

            told = sentences(error.errors(include_url=False, include_context=False, include_input=False))
            raise InvalidRequest(f'the body must be JSON like {{"identifier": "…", "fields": ["…"]}}: {told}') from None


@dataclass(frozen=True)
class Found:
    """A record, the provider that had it, since when it is so, and the identifier that led to a successor."""

    record: Record
    source: str
    as_of: dt.datetime
    merged_from: str | None = None


async def answer(
    service: Service, name: str, caller: Caller, question: Question, refusal: CallerError | None = None
) -> dict[str, Any]:
    """Answer one question to a lookup as `{data, meta}`, once it is on the journal.

    `refusal` is what is already known to be wrong with the question; it is journaled like any other. Raises NotFound
    for a lookup that is not declared, and every error of a lookup, on the journal too.
    """
    lookup = service.workspace.lookup(name)
    model = lookup.record_model
    entry = Entry.begin(service.workspace, caller, "lookup", f"lookup:{name}")
    async with service.journal.access(entry):
        if question.identifier:
            entry.identifier = service.journal.keyed(identifier_text(model, question.identifier))
        if refusal is not None:
            raise refusal
        granted = decide(service.workspace, caller, of_lookup(name, lookup), question.fields)
        scheme, value = canonical(model, question.identifier)
        found, tried = await _ask(service, lookup, scheme, value)
        entry.source, entry.fields = found.source, list(granted)
    meta: dict[str, Any] = {
        "source": found.source,
        "as_of": found.as_of.isoformat(timespec="seconds"),
        "age_seconds": age(found.as_of),
        "tried": [attempt.told() for attempt in tried],
    }
    if found.merged_from is not None:
        meta["merged_from"] = found.merged_from
    return {"data": found.record.model_dump(mode="json", include=set(granted)), "meta": meta}


async def command(
    workspace: Workspace, name: str, identifier: str, fields: Sequence[str] | None, purpose: str | None
) -> dict[str, Any]:
    """Answer the operator of the command line, by the same way and on the same journal."""
    with Service(workspace) as service:
        question = Question.model_construct(identifier=identifier, fields=list(fields) if fields else None)
        return await answer(service, name, operator(purpose), question)


def identifier_text(model: type[Record], identifier: str) -> str:
    """Return what the journal hashes: the canonical `scheme:value`, or what came, marked, where it is malformed."""
    try:
        return ":".join(canonical(model, identifier))
    except MalformedIdentifier:
        return f"malformed:{identifier}"


async def _ask(service: Service, lookup: Lookup, scheme: str, value: str) -> tuple[Found, tuple[Attempt, ...]]:
    """Ask the providers in order, within the lookup's deadline; return the answer and those that failed before.

    What a registry says of the question itself (not found, withheld) is the answer. A dataset's «not found» is none:
    absence in a copy proves nothing, so the first registry's own failure is what the caller gets. Raises InvalidRequest
    where no provider knows identifiers of that `scheme`.
    """
    deadline = Deadline.after(lookup.deadline)
    tried: list[Attempt] = []
    failures: list[tuple[bool, BeffroiError]] = []
    for provider in _asked_by(service, lookup, scheme):
        try:
            if provider.registry is not None:
                found = await _from_registry(service, provider.registry, value, deadline)
            else:
                found = _from_dataset(service, lookup, provider, value)
        except BeffroiError as error:
            tried.append(Attempt(provider.name, error.code, error.detail))
            failures.append((provider.registry is not None, error))
            if provider.registry is not None and isinstance(error, CallerError):
                break
        else:
            return found, tuple(tried)
    raise _verdict(failures, tried)


def _asked_by(service: Service, lookup: Lookup, scheme: str) -> list[Provider]:
    """Return the providers that know identifiers of a scheme: a copy knows those of what it is a copy of.

    Raises InvalidRequest where there is none.
    """
    found = []
    for provider in lookup.providers:
        inputs = service.workspace.dataset(provider.dataset).inputs if provider.dataset is not None else ()
        names = [provider.registry, *(source.registry for source in inputs)]
        asked = [service.workspace.registries[name] for name in names if name is not None]
        takes = (
            each.record is not lookup.record_model or each.schemes is None or scheme in each.schemes for each in asked
        )
        if not asked or any(takes):
            found.append(provider)
    if not found:
        raise InvalidRequest(f"nobody who is asked here knows a {lookup.record_model.__name__} by {scheme}")
    return found


def _verdict(failures: list[tuple[bool, BeffroiError]], tried: list[Attempt]) -> BeffroiError:
    """Choose the error to tell: what a registry says of the question, else the first registry's failure."""
    of_registries = [error for is_registry, error in failures if is_registry] or [failures[0][1]]
    told = of_registries[-1] if isinstance(of_registries[-1], CallerError) else of_registries[0]
    told.tried = tuple(tried)
    return told


async def _from_registry(service: Service, name: str, value: str, deadline: Deadline) -> Found:
    try:
        found = await service.pools[name].ask(value, deadline)
    except BeffroiError as error:
        service.health.note(name, error)
        raise
    service.health.note(name, None)
    return Found(found.record, name, dt.datetime.now(dt.UTC), found.merged_from)


def _absent(lookup: Lookup, version: Version) -> str:
    """Return what it means that a version has no row of an identifier."""
    if all(provider.registry is None for provider in lookup.providers):
        said = f"no row of {version.dataset} has that {version.key[0]} (version {version.number})"
        return f"{said}; it may be in quarantine"
    return f"not in version {version.number} of {version.dataset}, a copy: its absence there proves nothing"


def _from_dataset(service: Service, lookup: Lookup, provider: Provider, value: str) -> Found:
    name = provider.dataset or ""
    version = versions.latest(service.workspace, name)
    if version is None:
        raise Unavailable(f"the dataset {name} has no version yet: `beffroi run {name}` makes one")
    try:
        row = index.row(version, value)
        if row is None:
            raise NotFound(_absent(lookup, version))
        record = lookup.record_model.model_validate_json(row)
    except (lmdb.Error, ValidationError) as error:
        raise Unavailable(
            f"version {version.number} of {name} cannot be read ({type(error).__name__}): `beffroi run {name}` mends it"
        ) from error
    return Found(record, provider.name, version.as_of)
