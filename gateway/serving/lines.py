"""How lines of the log are written: those of one turn of the event loop together, for a line by itself costs as a row does.

So no line is later than the turn that it was made in; one of a warning or an error, and one made where no event loop
runs, is written at once. What is written at once is short enough for a pipe to take whole: workers share one.
"""

import asyncio
import logging
import select
import time
from typing import TextIO

from gateway.serving.turn import Turn

MOST = select.PIPE_BUF
"""Bytes that are written at once; a line that is longer is written by itself."""


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
            self._take(self.format(record) + self.terminator, at_once=record.levelno > logging.INFO)
        except Exception:  # noqa: BLE001  # as every handler: the log keeps nobody from being answered
            self.handleError(record)

    def take(self, line: str) -> None:
        """Take a line of INFO that is formatted already, as `handle` takes its record."""
        self.acquire()
        try:
            self._take(line + self.terminator)
        except Exception:  # noqa: BLE001  # the same
            self.handleError(logging.makeLogRecord({"msg": line}))
        finally:
            self.release()

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

    def _take(self, line: str, *, at_once: bool = False) -> None:
        length = len(line) if line.isascii() else 4 * len(line)  # the most that it may be
        if self._length + length > MOST:
            self.flush()
        self._waiting.append(line)
        self._length += length
        if at_once or not self._later():
            self.flush()

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
    """A formatter of lines that begin with when they were made; it makes the text of a second once."""

    _second = -1, ""
    """The last second, and its text."""

    def __init__(self) -> None:
        """Make lines of one form."""
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return when a line was made, as `logging` writes it."""
        return f"{self._at(int(record.created))},{int(record.msecs):03d}"

    def made(self, message: str) -> str:
        """Return what `format` makes of a record of INFO that is made now."""
        second, thousandth = divmod(time.time_ns() // 1_000_000, 1000)
        return f"{self._at(second)},{thousandth:03d} INFO {message}"

    def _at(self, second: int) -> str:
        last, text = self._second
        if second != last:
            text = time.strftime(self.default_time_format, self.converter(second))
            self._second = second, text  # together: another thread may be here too
        return text


class Direct:
    """What writes messages of INFO of one logger without a record, where `Lines` and `Plain` alone would see that."""

    def __init__(self, log: logging.Logger) -> None:
        """`log` may be set up anew at any time: each turn of the event loop goes by how it is."""
        self._log, self._now = log, Turn(_of)

    def say(self, message: str) -> bool:
        """Write a message as `log.info` would; False where that is to be called, for whoever else sees its record."""
        if (found := self._now.of(self._log)) is None:
            return False
        lines, plain = found
        lines.take(plain.made(message))
        return True


def _of(log: logging.Logger) -> tuple[Lines, Plain] | None:
    """Return what would see a record of INFO, where that is all, and changes nothing of it."""
    handlers, each = list(log.handlers), log
    while each.propagate and each.parent is not None:
        each = each.parent
        handlers += each.handlers
    if not log.isEnabledFor(logging.INFO) or log.filters or len(handlers) != 1:
        return None
    (lines,) = handlers
    if type(lines) is not Lines or lines.filters or lines.level > logging.INFO:
        return None
    plain = lines.formatter
    return (lines, plain) if type(plain) is Plain and logging.getLogRecordFactory() is logging.LogRecord else None
