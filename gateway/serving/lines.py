"""How lines of the log are written: those of one turn of the event loop together, for a line by itself costs as a row does.

So no line is later than the turn that it was made in; one of a warning or an error, and one made where no event loop
runs, is written at once. What is written at once is short enough for a pipe to take whole: workers share one.
"""

import asyncio
import logging
import select
import time
from typing import TextIO

MOST = select.PIPE_BUF // 4
"""Characters that are written at once, of at most four bytes each; a line that is longer is written by itself."""


class Lines(logging.StreamHandler[TextIO]):
    """A handler that writes to a stream."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to `stream`, or to stderr."""
        super().__init__(stream)
        self._waiting: list[str] = []
        self._length = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        try:
            line = self.format(record) + self.terminator
            if self._length + len(line) > MOST:
                self.flush()
            self._waiting.append(line)
            self._length += len(line)
            if record.levelno > logging.INFO or not self._later():
                self.flush()
        except Exception:  # noqa: BLE001  # as every handler: the log keeps nobody from being answered
            self.handleError(record)

    def flush(self) -> None:
        """Write the lines that wait. Raises OSError, ValueError where the stream takes none."""
        self.acquire()
        try:
            text, self._length = "".join(self._waiting), 0
            self._waiting.clear()
            if text:
                self.stream.write(text)
            super().flush()
        finally:
            self.release()

    def _later(self) -> bool:
        """Have the lines written when this turn of the event loop ends; tell whether one runs here."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return False
        if len(self._waiting) == 1:
            loop.call_soon(self.flush)
        return True


class Plain(logging.Formatter):
    """A formatter that makes the text of a second once."""

    _second, _text = -1, ""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return when a line was made, as `logging` writes it."""
        if (second := int(record.created)) != self._second:
            self._second, self._text = second, time.strftime(self.default_time_format, self.converter(second))
        return f"{self._text},{int(record.msecs):03d}"
