"""`bench`: an empty workspace of its own for each test. `new_bench`: as many as a property test wants."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.pipelines.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "workspace")


@pytest.fixture
def new_bench(tmp_path: Path) -> Callable[[], Bench]:
    numbers = count()
    return lambda: Bench(tmp_path / f"workspace{next(numbers)}")
