"""Fixtures that several test files share, and what happens where a peer cannot be had."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from connectors import sandbox
from tests.peers import PeerUnavailable
from tests.peers.canned import Canned

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Skip a test whose peer cannot be had, with the reason; where CI=true that is a failure."""
    try:
        return (yield)
    except PeerUnavailable as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace with the repository's reference data, both registries of the sandbox running."""
    root = tmp_path_factory.mktemp("served")
    (root / "datasets").symlink_to(ROOT / "datasets")
    sandbox.start(root, tied=True)
    yield root
    sandbox.stop(root)


@pytest.fixture
def canned() -> Iterator[Canned]:
    """An HTTP server that answers what the test tells it to."""
    with Canned() as server:
        yield server
