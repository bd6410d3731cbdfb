"""The providers of a lookup, asked in order within one deadline, until one can answer."""

import asyncio
import datetime as dt
import functools
import json
import time
from dataclasses import replace
from pathlib import Path

import lmdb
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from connectors.carried import NOTHING, Carried
from connectors.deadline import Deadline
from connectors.errors import (
    Ambiguous,
    Attempt,
    BeffroiError,
    CallerError,
    InvalidRequest,
    NotFound,
    Unavailable,
    Withheld,
)
from connectors.identities import SCHEME
from gateway import traces
from gateway.lookups import identity
from gateway.lookups.cache import Absent, Found
from gateway.service import Service
from pipelines import index
from pipelines.declarations.configuration import Lookup, Provider
from pipelines.versions import Version

Asked = tuple[Found, tuple[Attempt, ...]]
"""An answer, and the providers that were asked before and did not have it."""


async def find(
    service: Service, name: str, lookup: Lookup, scheme: str, value: str, carried: Carried = NOTHING, *,
    anew: bool = False,
) -> Asked:  # fmt: skip
    """Answer a question to the lookup `name` from what is kept of it, or by asking; `anew` asks in any case.

    One question under way serves all who ask the same, and have the registry told the same (`carried`). Where nobody can
    answer, what is kept may be told past its time if the lookup says so. Raises what `ask` raises.
    """
    deadline = Deadline.after(lookup.deadline)
    if lookup.cache is None and all(provider.registry is None for provider in lookup.providers):
        return await ask(service, lookup, scheme, value, deadline)  # it is here: nothing is spared by asking once
    text, told = f"{scheme}:{value}", words(carried)
    kept = service.cache.get(name, lookup, text, told) if lookup.cache is not None else None
    if kept is not None and kept.fresh and not anew:
        _count(service, name, "hit" if isinstance(kept.answer, Found) else "not-found")
        return _told(kept.answer)
    if lookup.cache is not None:
        _count(service, name, "miss")
    question = f"{name} {text}{told}"

    def known() -> Asked | None:
        found = service.cache.get(name, lookup, text, told)
        return _told(found.answer) if found is not None and found.fresh else None

    async def asked() -> Asked:
        if lookup.cache is None:
            return await ask(service, lookup, scheme, value, deadline, carried)
        ask_and_keep = functools.partial(_kept, service, name, lookup, scheme, value, deadline, carried)
        answer: Asked = await service.once.alone(question, deadline, known, ask_and_keep)
        return answer

    try:
        answer: Asked = await service.once.ask(question, asked)
    except BeffroiError as error:
        if anew or isinstance(error, CallerError) or kept is None or not isinstance(kept.answer, Found):
            raise
        _count(service, name, "stale")
        return replace(kept.answer, cached="stale"), error.tried
    return answer


def words(carried: Carried) -> str:
    """Return what is told with a question as a text: what a registry answers for one purpose is not another's."""
    return f" {json.dumps(carried, sort_keys=True)}" if carried else ""


def _count(service: Service, name: str, outcome: str) -> None:
    if service.metrics is not None:
        service.metrics.kept(name, outcome)


def _told(answer: Found | Absent) -> Asked:
    """Return a kept answer as if it had just been asked for. Raises NotFound where the answer was that."""
    if isinstance(answer, Absent):
        raise NotFound(answer.detail, registry=answer.source)
    return answer, ()


async def _kept(
    service: Service, name: str, lookup: Lookup, scheme: str, value: str, deadline: Deadline, carried: Carried
) -> Asked:
    """Ask, and keep what a registry answers: a copy of our own need not be kept again."""
    text, told = f"{scheme}:{value}", words(carried)
    try:
        found, tried = await ask(service, lookup, scheme, value, deadline, carried)
    except (NotFound, Withheld, Ambiguous) as error:
        if error.registry is not None:
            service.cache.forget(name, lookup, text, told)
        if error.registry is not None and isinstance(error, NotFound) and lookup.cache and lookup.cache.not_found:
            absent = Absent(error.registry, dt.datetime.now(dt.UTC), error.detail)
            service.cache.put(name, lookup, text, absent, told)
        raise
    if found.source in service.workspace.registries:
        service.cache.put(name, lookup, text, found, told)
    return found, tried


async def ask(
    service: Service, lookup: Lookup, scheme: str, value: str, deadline: Deadline, carried: Carried = NOTHING
) -> Asked:
    """Ask the providers in order, within the deadline; return the answer and those that failed before.

    What a registry says of the question itself (not found, withheld) is the answer. A dataset's «not found» is none:
    absence in a copy proves nothing, so the first registry's own failure is what the caller gets. Raises InvalidRequest
    where no provider knows identifiers of that `scheme`.
    """
    tried: list[Attempt] = []
    failures: list[tuple[bool, BeffroiError]] = []
    for provider in asked_by(service, lookup, scheme):
        try:
            found = await _from(service, lookup, provider, scheme, value, deadline, carried)
        except BeffroiError as error:
            tried.append(Attempt(provider.name, error.code, error.detail))
            failures.append((provider.registry is not None, error))
            if isinstance(error, Ambiguous) or (provider.registry is not None and isinstance(error, CallerError)):
                break  # whom several answer to, another copy that has fewer of them does not tell
        else:
            return found, tuple(tried)
    raise _verdict(failures, tried)


def asked_by(service: Service, lookup: Lookup, scheme: str) -> list[Provider]:
    """Return the providers that know identifiers of a scheme: a copy knows those of what it is a copy of.

    Raises InvalidRequest where there is none.
    """
    if scheme == SCHEME and lookup.identity is not None:  # that is asked of the columns of datasets
        return [provider for provider in lookup.providers if provider.dataset is not None]
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
    first = failures[-1][1] if isinstance(failures[-1][1], Ambiguous) else failures[0][1]
    of_registries = [error for is_registry, error in failures if is_registry] or [first]
    told = of_registries[-1] if isinstance(of_registries[-1], CallerError) else of_registries[0]
    told.tried = tuple(tried)
    return told


async def _from(
    service: Service, lookup: Lookup, provider: Provider, scheme: str, value: str, deadline: Deadline, carried: Carried
) -> Found:
    """Ask one provider; how it went is counted, and a span of its own."""
    began, outcome = time.perf_counter(), "internal"
    with traces.span("provider", provider.name) as span:
        try:
            if provider.registry is not None:
                found = await _from_registry(service, provider.registry, value, deadline, carried)
                if scheme == SCHEME:
                    identity.held(lookup, value, found.record, provider.registry)
            elif scheme == SCHEME:  # rows are compared one by one
                found = await asyncio.to_thread(_from_dataset, service, lookup, provider, value, by_identity=True)
            else:
                found = _from_dataset(service, lookup, provider, value)
            outcome = "found"
        except BeffroiError as error:
            outcome = error.code
            raise
        finally:
            traces.told(span, outcome)
            if service.metrics is not None:
                service.metrics.provider(provider.name, outcome, time.perf_counter() - began)
    return found


async def _from_registry(service: Service, name: str, value: str, deadline: Deadline, carried: Carried) -> Found:
    if "traceparent" in service.workspace.registries[name].carries:
        carried = {**carried, "traceparent": traces.traceparent()}
    try:
        found = await service.pools[name].ask(value, deadline, carried)
    except BeffroiError as error:
        _note(service, name, error)
        raise
    _note(service, name, None)
    return Found(found.record, name, dt.datetime.now(dt.UTC), found.merged_from)


def _note(service: Service, name: str, error: BeffroiError | None) -> None:
    """Note how a registry answered, and whether it is taken to be out of order now."""
    service.health.note(name, error)
    if service.metrics is not None:
        service.metrics.breaker(name, is_open=service.workspace.registries[name].guard.breaker.wait() is not None)


def _absent(lookup: Lookup, version: Version) -> str:
    """Return what it means that a version has no row of an identifier."""
    if all(provider.registry is None for provider in lookup.providers):
        said = f"no row of {version.dataset} has that {version.key[0]} (version {version.number})"
        return f"{said}; it may be in quarantine"
    return f"not in version {version.number} of {version.dataset}, a copy: its absence there proves nothing"


def shown(service: Service, name: str) -> tuple[Version, dt.datetime]:
    """Return the version of a dataset that may be shown, and of when its source is. Raises Unavailable."""
    latest = service.latest.of(name)
    if latest is None:
        raise Unavailable(f"the dataset {name} has no version yet: `beffroi run {name}` makes one")
    return latest


def _from_dataset(
    service: Service, lookup: Lookup, provider: Provider, value: str, *, by_identity: bool = False
) -> Found:
    name = provider.dataset or ""
    version, as_of = shown(service, name)
    try:
        of_identity = identity.row(version, service.workspace.dataset(name), lookup, value) if by_identity else None
        row = of_identity or index.row(version, value)
        if row is None:
            raise NotFound(_absent(lookup, version))
        record = lookup.record_model.model_validate_json(row)
    except (lmdb.Error, ValidationError) as error:
        raise Unavailable(
            f"version {version.number} of {name} cannot be read ({type(error).__name__}): `beffroi run {name}` mends it"
        ) from error
    return Found(record, provider.name, as_of, lacks=lacks(version.parquet))


@functools.lru_cache(maxsize=256)
def lacks(parquet: Path) -> frozenset[str]:
    """Return the columns of a version that have no value in any row; its file never changes."""
    try:
        file = pq.read_metadata(parquet)
    except (OSError, pa.ArrowException):  # its rows are told all the same
        return frozenset()
    empty = dict.fromkeys((file.schema.column(n).path.partition(".")[0] for n in range(file.num_columns)), True)
    for group in range(file.num_row_groups):
        for n in range(file.num_columns):
            column = file.row_group(group).column(n)
            counted = column.statistics is not None and column.statistics.has_null_count
            if not counted or column.statistics.null_count < column.num_values:
                empty[column.path_in_schema.partition(".")[0]] = False
    return frozenset(name for name, is_empty in empty.items() if is_empty)
