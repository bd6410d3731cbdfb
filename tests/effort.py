"""How much a test does: little in `make test`; in `make soak`, where it is marked so, as much as BEFFROI_SOAK says."""

import os

from hypothesis import HealthCheck, settings


def times(few: int) -> int:
    """Return how often to do what is done `few` times in `make test`."""
    return max(few, int(os.environ.get("BEFFROI_SOAK", "0")))


def some(few: int) -> settings:
    """Return settings of a property that is held on `few` examples in `make test`; each may take its time."""
    return settings(max_examples=times(few), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
