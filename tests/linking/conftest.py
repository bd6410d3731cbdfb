"""`bench`: an empty workspace of its own for each test; `persons`: one with persons to link; `ran`, `decided`: after a run."""

from pathlib import Path

import pytest

from pipelines.linking.deciding import decisions
from tests.linking.persons import FIRST, PERSONS, copied, decide, of, put
from tests.pipelines.bench import Bench
from tests.pipelines.conftest import bench as bench  # noqa: PLC0414  # pytest finds it here


@pytest.fixture
def persons(bench: Bench) -> Bench:
    """A workspace with persons to link, before the first run."""
    return declared(bench)


def declared(bench: Bench) -> Bench:
    bench.write("datasets/persons.yaml", PERSONS)
    put(bench, *FIRST)
    return bench


@pytest.fixture(scope="session")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One run for all; whoever changes something has a copy."""
    made = declared(Bench(tmp_path_factory.mktemp("ran") / "workspace"))
    made.run("persons")
    return made


@pytest.fixture
def ran(ran_once: Bench, tmp_path: Path) -> Bench:
    """A workspace after the first run."""
    return copied(ran_once, tmp_path / "ran")


@pytest.fixture(scope="session")
def decided_once(ran_once: Bench, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    made = copied(ran_once, tmp_path_factory.mktemp("decided") / "workspace")
    decide(made, decisions.said_of(of("3"), of("4"), "same"))
    made.run("persons")
    return made


@pytest.fixture
def decided(decided_once: Bench, tmp_path: Path) -> Bench:
    """A workspace after a second run, that was for a decision: 3 and 4 are the same."""
    return copied(decided_once, tmp_path / "decided")
