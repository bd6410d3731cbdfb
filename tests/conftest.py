"""Fixtures that several test files share, and what happens where a peer cannot be had."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from connectors import sandbox
from tests.peers import PeerUnavailable
from tests.peers.canned import Canned

ROOT = Path(__file__).parents[1]


LONGEST = (
    "test_docs.py", "test_demo.py", "test_ckan.py", "pipelines/test_increment.py", "pipelines/test_corrections.py",
    "pipelines/test_engine.py", "pipelines/test_stage.py", "pipelines/test_run.py", "pipelines/test_kills.py",
    "pipelines/test_crash.py", "pipelines/test_doctor.py", "pipelines/test_versions_kept.py", "gateway/test_who_read.py",
)  # fmt: skip
"""Files that take longest, with all that they start; `--durations=60` tells them anew."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, in this order: else one of two workers would end alone, long after."""
    order = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


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
    """A workspace with the repository's reference data, the sandbox's communes and civil register running.

    A file that wants others of its registries starts them itself, over this one: each costs a second.
    """
    root = tmp_path_factory.mktemp("served")
    (root / "datasets").symlink_to(ROOT / "datasets")
    sandbox.start(root, ["communes", "civil"], tied=True)
    yield root
    sandbox.stop(root)


@pytest.fixture
def canned() -> Iterator[Canned]:
    """An HTTP server that answers what the test tells it to."""
    with Canned() as server:
        yield server
