"""The providers of a lookup, asked in order within one deadline, until one can answer."""

import datetime as dt
import functools
from dataclasses import replace
from pathlib import Path

import lmdb
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from connectors.deadline import Deadline
from connectors.errors import Attempt, BeffroiError, CallerError, InvalidRequest, NotFound, Unavailable, Withheld
from gateway.lookups.cache import Absent, Found
from gateway.service import Service
from pipelines import index, versions
from pipelines.declarations.configuration import Lookup, Provider
from pipelines.versions import Version

Asked = tuple[Found, tuple[Attempt, ...]]
"""An answer, and the providers that were asked before and did not have it."""


async def find(service: Service, name: str, lookup: Lookup, scheme: str, value: str, *, anew: bool = False) -> Asked:
    """Answer a question to the lookup `name` from what is kept of it, or by asking; `anew` asks in any case.

    One question under way serves all who ask the same. Where nobody can answer, what is kept may be told past its time
    if the lookup says so. Raises what `ask` raises.
    """
    text = f"{scheme}:{value}"
    deadline = Deadline.after(lookup.deadline)
    kept = service.cache.get(name, lookup, text) if lookup.cache is not None else None
    if kept is not None and kept.fresh and not anew:
        return _told(kept.answer)

    def known() -> Asked | None:
        found = service.cache.get(name, lookup, text)
        return _told(found.answer) if found is not None and found.fresh else None

    async def asked() -> Asked:
        if lookup.cache is None:
            return await ask(service, lookup, scheme, value, deadline)
        told: Asked = await service.once.alone(
            f"{name} {text}", deadline, known, lambda: _kept(service, name, lookup, scheme, value, deadline)
        )
        return told

    try:
        answer: Asked = await service.once.ask(f"{name} {text}", asked)
    except BeffroiError as error:
        if anew or isinstance(error, CallerError) or kept is None or not isinstance(kept.answer, Found):
            raise
        return replace(kept.answer, cached="stale"), error.tried
    return answer


def _told(answer: Found | Absent) -> Asked:
    """Return a kept answer as if it had just been asked for. Raises NotFound where the answer was that."""
    if isinstance(answer, Absent):
        raise NotFound(answer.detail, registry=answer.source)
    return answer, ()


async def _kept(service: Service, name: str, lookup: Lookup, scheme: str, value: str, deadline: Deadline) -> Asked:
    """Ask, and keep what a registry answers: a copy of our own need not be kept again."""
    text = f"{scheme}:{value}"
    try:
        found, tried = await ask(service, lookup, scheme, value, deadline)
    except (NotFound, Withheld) as error:
        if error.registry is not None:
            service.cache.forget(name, lookup, text)
        if error.registry is not None and isinstance(error, NotFound) and lookup.cache and lookup.cache.not_found:
            service.cache.put(name, lookup, text, Absent(error.registry, dt.datetime.now(dt.UTC), error.detail))
        raise
    if found.source in service.workspace.registries:
        service.cache.put(name, lookup, text, found)
    return found, tried


async def ask(service: Service, lookup: Lookup, scheme: str, value: str, deadline: Deadline) -> Asked:
    """Ask the providers in order, within the deadline; return the answer and those that failed before.

    What a registry says of the question itself (not found, withheld) is the answer. A dataset's «not found» is none:
    absence in a copy proves nothing, so the first registry's own failure is what the caller gets. Raises InvalidRequest
    where no provider knows identifiers of that `scheme`.
    """
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
    return Found(record, provider.name, version.as_of, lacks=_lacks(version.parquet))


@functools.lru_cache(maxsize=256)
def _lacks(parquet: Path) -> frozenset[str]:
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
