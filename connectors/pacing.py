"""How fast a registry may be asked: calls a second, a minute and at once, for all threads and processes together."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.deadline import Deadline
from connectors.limits import Limits


class Pace:
    """The pace of one registry. Thread-safe; processes of one workspace share it through files in `.beffroi/`."""

    def __init__(self, registry: str, limits: Limits, root: Path) -> None:
        """`root` is the workspace. Nothing is written before the first call."""
        self.registry, self.limits, self.root = registry, limits, root

    @contextmanager
    def turn(self, host: str, deadline: Deadline) -> Iterator[None]:
        """Wait for the next turn at `host`, and hold it while the block runs.

        Raises Busy, with the time to wait in `retry_in`, where no turn comes before `deadline`.
        """
        yield
