"""What is done once for all requests of one turn of the event loop: nothing is older than that, and nothing is lost."""

import asyncio
import io
import logging
import re
import threading
from collections.abc import Callable, Iterator

import pytest

from gateway.serving.lines import MOST, Direct, Lines, Plain
from gateway.serving.turn import Turn


class Counted:
    """What is looked up, and how often it was."""

    def __init__(self) -> None:
        self.times = 0

    def look(self, key: str) -> tuple[str, int]:
        self.times += 1
        if key == "none":
            raise ValueError(key)
        return key, self.times


def test_a_turn_looks_once() -> None:
    turn = Turn((counted := Counted()).look)

    async def asked() -> tuple[str, int]:
        return turn.of("a")

    async def turns() -> None:
        assert await asyncio.gather(*(asked() for _ in range(3))) == [("a", 1)] * 3
        await asyncio.sleep(0)
        assert turn.of("a") == ("a", 2), "what the turn before found is forgotten"
        assert (turn.of("b"), turn.of("a")) == (("b", 3), ("a", 2))
        for _ in range(2):
            with pytest.raises(ValueError, match="none"):
                turn.of("none")
        assert counted.times == 5, "an error is not kept"

    asyncio.run(turns())


def test_no_turn_is_that_of_another_loop() -> None:
    turn = Turn(Counted().look)
    assert [turn.of("a"), turn.of("a")] == [("a", 1), ("a", 2)], "without a loop each time"

    async def asked() -> tuple[str, int]:
        found = turn.of("a")
        assert turn.of("a") == found
        assert await asyncio.to_thread(turn.of, "a") != found, "in a thread each time"
        return turn.of("a")

    loop = asyncio.new_event_loop()
    loop.call_soon(loop.stop)
    loop.call_soon(turn.of, "a")
    loop.run_forever()
    loop.close()  # before anything of its next turn
    assert asyncio.run(asked()) > ("a", 3)


class Stream(io.StringIO):
    """What was written, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return super().write(text)


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def log(stream: Stream) -> Iterator[logging.Logger]:
    made, handler = logging.getLogger("lines"), Lines(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    made.addHandler(handler)
    made.setLevel(logging.INFO)
    made.propagate = False
    yield made
    made.removeHandler(handler)


def test_lines_of_a_turn_are_written_together(log: logging.Logger, stream: Stream) -> None:
    async def turns() -> None:
        log.info("a")
        log.info("b")
        assert stream.writes == []
        await asyncio.sleep(0)
        assert stream.writes == ["INFO a\nINFO b\n"]
        log.info("c")
        log.error("d")
        assert stream.writes[1:] == ["INFO c\nERROR d\n"], "an error waits for nothing"
        log.info("e")
        other = threading.Thread(target=log.info, args=("f",))
        other.start()
        other.join()
        assert stream.writes[2:] == ["INFO e\nINFO f\n"], "nor does a thread"
        log.info("g")

    asyncio.run(turns())
    log.info("h")
    assert stream.writes[3:] == ["INFO g\n", "INFO h\n"]


def test_no_write_is_longer_than_a_pipe_takes_whole(log: logging.Logger, stream: Stream) -> None:
    async def turn() -> None:
        for _ in range(MOST):
            log.info("x" * 90)
        log.info("y" * MOST)

    asyncio.run(turn())
    assert stream.getvalue() == f"INFO {'x' * 90}\n" * MOST + f"INFO {'y' * MOST}\n"
    assert len(stream.writes) < MOST / 5
    assert all(len(text) <= MOST or text.count("\n") == 1 for text in stream.writes)


def test_a_stream_that_takes_nothing_keeps_nobody(
    log: logging.Logger, stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    stream.close()
    log.info("a")
    assert "closed file" in capsys.readouterr().err


def plain(log: logging.Logger) -> Direct:
    """Set the log up as a gateway's is, without the handlers that pytest adds."""
    log.handlers[:] = [handler for handler in log.handlers if isinstance(handler, Lines)]
    log.handlers[0].setFormatter(Plain())
    return Direct(log)


def test_a_line_without_a_record_is_the_same(log: logging.Logger, stream: Stream) -> None:
    direct = plain(log)

    async def turn() -> None:
        for _ in range(3):
            assert direct.say("GET é 200")
            log.info("GET é 200")
        assert stream.writes == []
        await asyncio.sleep(0)

    asyncio.run(turn())
    assert len(stream.writes) == 1
    assert re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} INFO GET é 200\n){6}", stream.getvalue())
    assert direct.say("without a loop")
    assert stream.writes[1].endswith(" INFO without a loop\n")


SET_UP: dict[str, Callable[[logging.Logger], object]] = {
    "a level": lambda log: log.setLevel(logging.WARNING),
    "disabled": lambda log: setattr(log, "disabled", True),
    "a filter": lambda log: log.addFilter(lambda _: False),
    "a handler's level": lambda log: log.handlers[0].setLevel(logging.WARNING),
    "a handler's filter": lambda log: log.handlers[0].addFilter(lambda _: False),
    "a formatter": lambda log: log.handlers[0].setFormatter(logging.Formatter()),
    "another handler": lambda log: log.addHandler(logging.NullHandler()),
    "no handler": lambda log: log.removeHandler(log.handlers[0]),
    "one that is above too": lambda log: setattr(log, "propagate", True),
}


@pytest.mark.parametrize("how", SET_UP)
def test_whoever_sets_up_the_log_sees_records(log: logging.Logger, stream: Stream, how: str) -> None:
    direct = plain(log)

    async def turns() -> None:
        assert direct.say("a")
        SET_UP[how](log)
        await asyncio.sleep(0)
        assert not direct.say("b"), "from the next turn on"

    log.parent = parent = logging.getLogger("above")
    parent.addHandler(logging.NullHandler())
    try:
        asyncio.run(turns())
    finally:
        log.filters.clear()
        parent.handlers.clear()
        log.disabled, log.parent = False, logging.root
    assert stream.getvalue().endswith(" INFO a\n")


def test_a_moment_is_written_as_ever() -> None:
    ours, theirs = Plain(), logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    for moment in (1.0, 1.25, 1.9994, 2.0, 1_800_000_000.5, 1_800_000_000.75):
        record = logging.makeLogRecord({"created": moment, "msecs": moment % 1 * 1000})
        assert ours.format(record) == theirs.format(record)
