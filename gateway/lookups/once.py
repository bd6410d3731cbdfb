"""One call upstream for identical questions that are asked at once: by many callers of a process, by many processes."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Generic, TypeVar

from connectors.deadline import Deadline

T = TypeVar("T")

LOOK_AGAIN = 0.02
"""Seconds between two looks at whether another process has the answer."""


class Once(Generic[T]):
    """The questions under way, by their text."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where all processes of a workspace see each other's questions, as locks on places of one file."""
        self._folder = folder
        self._under_way: dict[str, asyncio.Task[T]] = {}
        self._file: int | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    async def ask(self, text: str, question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what `question` returns, or what the same question under way does; raises what that raises.

        An asker that goes away takes the answer from nobody.
        """
        task = self._under_way.get(text)
        if task is None:
            task = self._under_way[text] = asyncio.create_task(question())
            task.add_done_callback(lambda done: self._ended(text, done))
        return await asyncio.shield(task)

    def _ended(self, text: str, task: "asyncio.Task[T]") -> None:
        del self._under_way[text]
        if not task.cancelled():
            task.exception()  # all who asked may have gone: nobody is left to be told

    async def alone(
        self, text: str, deadline: Deadline, known: Callable[[], T | None], question: Callable[[], Awaitable[T]]
    ) -> T:
        """Return what `question` returns, asked by no other process meanwhile; or what is `known` once one has asked.

        Nobody waits past `deadline` for another process: then the question is asked.
        """
        place = int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=7).digest(), "big")
        waited = False
        with contextlib.ExitStack() as held:
            while not self._taken(place):
                if deadline.passed():
                    return await question()
                waited = True
                await asyncio.sleep(LOOK_AGAIN)
            held.callback(self._free, place)
            if waited and (answer := known()) is not None:
                return answer
            return await question()

    def _taken(self, place: int) -> bool:
        """Take a place of the file, unless another process has it. Where there are no locks, all are free."""
        try:
            fcntl.lockf(self._opened(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            return True
        return True

    def _free(self, place: int) -> None:
        with contextlib.suppress(OSError):
            fcntl.lockf(self._opened(), fcntl.LOCK_UN, 1, place)

    def _opened(self) -> int:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._folder / "questions", os.O_RDWR | os.O_CREAT, 0o600)
        return self._file
