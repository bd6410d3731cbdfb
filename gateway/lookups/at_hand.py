"""What is here of what is asked for, and may be told without asking anybody: a row of a dataset, an answer that is kept."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple

from connectors.carried import Carried
from gateway.lookups.cache import Found
from gateway.lookups.providers import lacks, shown, words
from gateway.service import Service
from gateway.serving.turn import Turn
from pipelines import index
from pipelines.declarations.configuration import Lookup, Provider


class Local(NamedTuple):
    """The row of a dataset of ours, as JSON, and what `Found` tells of a record beside it."""

    row: bytes
    source: str
    as_of: dt.datetime
    lacks: frozenset[str]
    merged_from: None = None
    cached: None = None


class Locals:
    """The rows of datasets of ours: which version they are of is looked up once in each turn of the event loop."""

    def __init__(self, service: Service) -> None:
        """`service` is what the gateway answers from."""
        self._service = service
        self._now = Turn(self._look)

    def of(self, provider: Provider, value: str) -> Local | None:
        """Return what the dataset of a provider has of an identifier. Raises Unavailable, lmdb.Error."""
        row_of, as_of, never = self._now.of(provider.dataset or "")
        row = row_of(value.encode())
        return None if row is None else Local(row, provider.name, as_of, never)

    def _look(self, name: str) -> tuple[Callable[[bytes], bytes | None], dt.datetime, frozenset[str]]:
        version, as_of = shown(self._service, name)
        return index.reader(version), as_of, lacks(version.parquet)


def kept(service: Service, name: str, lookup: Lookup, scheme: str, value: str, carried: Carried) -> Found | None:
    """Return the record that `providers.find` tells where it is kept."""
    found = service.cache.get(name, lookup, f"{scheme}:{value}", words(carried))
    return found.answer if found is not None and found.fresh and isinstance(found.answer, Found) else None


def count(service: Service, name: str, found: Found | Local, seconds: float) -> None:
    """Count such an answer, and the seconds that it took, as `providers.find` counts its own."""
    if service.metrics is None:
        return
    if found.cached is not None:
        service.metrics.kept(name, "hit")
    else:
        service.metrics.provider(found.source, "found", seconds)
