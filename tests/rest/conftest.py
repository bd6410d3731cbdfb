"""What the tests of REST registries share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import Rest
from connectors.rest.settings import RestSettings
from tests.rest.peer import Peer

Declare = Callable[..., Rest]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A server that answers what the test tells it to."""
    with Peer() as server:
        yield server


@pytest.fixture
def declare(tmp_path: Path, peer: Peer) -> Declare:
    """Returns the registry `town` of a declaration, on the peer unless it says another url."""

    def declared(**said: Any) -> Rest:
        return Rest("town", RestSettings.model_validate({"url": f"{peer.url}/api"} | said), tmp_path)

    return declared
