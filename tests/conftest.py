"""Fixtures that several test files share, and what happens where a peer cannot be had."""

import atexit
import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from connectors import sandbox
from tests.peers import PeerUnavailable
from tests.peers.canned import Canned
from tests.peers.mariadb.peer import MariaDbServer
from tests.peers.postgresql.peer import PASSWORD, PostgreSqlServer

ROOT = Path(__file__).parents[1]

gc.set_threshold(50_000, 20, 20)  # among so many tests and modules that stay, looking for garbage takes long

LONGEST = (
    "test_docs.py", "test_demo.py", "test_ckan.py", "pipelines/test_increment.py", "pipelines/test_corrections.py",
    "pipelines/test_engine.py", "pipelines/test_stage.py", "pipelines/test_run.py", "pipelines/test_kills.py",
    "pipelines/test_crash.py", "pipelines/test_doctor.py", "pipelines/test_versions_kept.py", "gateway/test_who_read.py",
    "gateway/test_faults.py", "linking/test_step.py", "linking/test_companies.py", "linking/test_lasting.py",
    "pipelines/test_expectations.py", "pipelines/test_geometry.py", "pipelines/test_laws.py", "linking/test_incremental.py",
    "linking/test_registers.py", "linking/test_hostile.py",
)  # fmt: skip
"""Files that take longest, with all that they start; `--durations=60` tells them anew."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, in this order: else one worker would end alone, long after."""
    order = {ROOT / "tests" / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


def pytest_collection_finish() -> None:
    """Take what stays to the end, tests and modules, from what is gone through for garbage again and again."""
    gc.collect()
    gc.freeze()
    atexit.register(gc.unfreeze)  # else libraries would complain of what is left at the end


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSqlServer]:
    """A real PostgreSQL, one for all, with an account `reader`: a test makes a database of its own in it."""
    with PostgreSqlServer() as server:
        with server.connect() as owner:
            owner.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDbServer]:
    """A real MariaDB, one for all, whose account `reader` may read its database `town`."""
    with MariaDbServer("--max-allowed-packet=64M") as server:
        yield server


@pytest.fixture
def canned() -> Iterator[Canned]:
    """An HTTP server that answers what the test tells it to."""
    with Canned() as server:
        yield server
