"""What is told to whoever may not know which identifiers there are: of a hidden record just what is told of none.

That holds where registries are down too: of what a copy or the cache has, and may not be told, no more is said than of
what they do not have.
"""

import contextlib
from collections.abc import Iterator, Sequence

from connectors.errors import Ambiguous, Attempt, BeffroiError, CallerError, NotFound, NotGranted, Unavailable, Withheld
from gateway.callers.decision import Decision
from gateway.lookups.cache import Found
from pipelines.declarations.configuration import Lookup

RETRY_IN = 30.0
"""Seconds until it is worth asking again, whatever a registry said of that."""


@contextlib.contextmanager
def hidden(decision: Decision, lookup: Lookup) -> Iterator[None]:
    """Raise what a provider says of a question as what is not granted, to whom the decision hides what there is.

    Raises Unavailable, with no word of any provider, where another might have had it, or the cache.
    """
    try:
        yield
    except (NotFound, Withheld, Ambiguous):
        if decision.hides:
            raise decision.outside() from None
        raise
    except BeffroiError as error:
        several = len(lookup.providers) > 1 or lookup.cache is not None
        if decision.hides and several and not isinstance(error, CallerError):
            raise _unsure(decision) from None
        raise


def fields_of(decision: Decision, found: Found, tried: Sequence[Attempt]) -> tuple[str, ...]:
    """Return the fields that are given of what was found. Raises what `Decision.of` and `hidden` raise."""
    try:
        return decision.of(vars(found.record))
    except NotGranted:
        in_place_of_a_registry = found.source.startswith("dataset:") and not all(
            each.provider.startswith("dataset:") for each in tried
        )
        if decision.hides and (in_place_of_a_registry or found.cached == "stale"):
            raise _unsure(decision) from None
        raise


def _unsure(decision: Decision) -> Unavailable:
    said = f"who is asked first for {decision.resource} cannot answer now, and nobody else has what may be told"
    return Unavailable(said, retry_in=RETRY_IN)
