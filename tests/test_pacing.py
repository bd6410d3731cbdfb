"""How fast a registry is asked: the ledger's law, places, what it asks of us by Retry-After; threads and processes."""

import contextlib
import datetime as dt
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import http
from connectors.answers import retry_after
from connectors.deadline import Deadline
from connectors.errors import Busy, Down, Unavailable
from connectors.ledgers import MOST_AWAY, Ledger, Rate, locks, rates_of
from connectors.limits import Limits
from connectors.pacing import Pace, Places
from tests.conftest import ROOT
from tests.peers.canned import Canned

NEVER = float("inf")


@contextlib.contextmanager
def ledger(*rates: Rate) -> Iterator[Ledger]:
    with tempfile.TemporaryDirectory() as folder:
        yield Ledger(Path(folder) / "ledger", rates)


# --- the ledger ------------------------------------------------------------------------------------------------------

RATES = st.lists(st.builds(Rate, st.integers(1, 5), st.floats(0.1, 60, allow_nan=False)), min_size=1, max_size=2).map(
    tuple
)


@given(RATES, st.lists(st.tuples(st.floats(0, 20, allow_nan=False), st.booleans()), min_size=1, max_size=40))
def test_no_window_has_more_turns_than_its_rate(rates: tuple[Rate, ...], gaps: list[tuple[float, bool]]) -> None:
    taken, now = list[float](), 1e9
    with ledger(*rates) as kept:
        for gap, patient in gaps:
            now += gap
            turn = kept.next(now, NEVER, patient=patient)
            assert turn.at >= now
            if turn.taken:
                taken.append(turn.at)
                assert turn.at <= (now if patient else now + kept.ahead)
    assert taken == sorted(taken), "nobody overtakes"
    for rate in rates:
        for first, beyond in zip(taken, taken[rate.count :], strict=False):
            assert beyond - first >= rate.seconds - 1e-6, "but for what a float of the clock cannot hold"


@given(RATES)
def test_whoever_is_alone_never_waits_and_what_is_free_is_used_at_once(rates: tuple[Rate, ...]) -> None:
    with ledger(*rates) as kept:
        at_once = [kept.next(1e9, 1e9) for _ in range(min(rate.count for rate in rates))]
        assert {(turn.at, turn.taken) for turn in at_once} == {(1e9, True)}
        refused = kept.next(1e9, 1e9)
        assert not refused.taken
        assert 1e9 < refused.at <= 1e9 + kept.ahead
        later = kept.next(refused.at, refused.at)
        assert (later.at, later.taken) == (refused.at, True), "what was told is when it comes"


@given(st.floats(0.001, 1e6, allow_nan=False), st.sampled_from([1.0, 60.0]))
def test_a_rate_is_never_more_than_was_said(calls: float, seconds: float) -> None:
    rate = Rate.of(calls, seconds)
    windows = max(1, round(seconds / rate.seconds))
    assert rate.count >= 1
    assert rate.count * windows <= max(calls, 1)
    if calls < 1:
        assert rate.seconds == seconds / calls
    else:
        assert rate.count * windows > calls - 1 - windows, "and hardly less"


def test_who_reads_a_table_leaves_turns_for_lookups(tmp_path: Path) -> None:
    kept, now, read, waits = Ledger(tmp_path / "ledger", rates_of(Limits(per_minute=30))), 1e9, 0, list[float]()
    for step in range(1, 3000):
        now += 0.1
        read += kept.next(now, NEVER, patient=True).taken
        if step % 170 == 0:  # a lookup now and then
            turn = kept.next(now, now + 5)
            assert turn.taken
            waits.append(turn.at - now)
    assert max(waits) <= 2.1, "no longer than from one turn to the next"
    assert read >= 300 / 2 - 2 * len(waits) - 10, "and the table is read as fast as is allowed"


def test_a_clock_that_is_set_back_costs_one_wait_at_most(tmp_path: Path) -> None:
    kept = Ledger(tmp_path / "ledger", (Rate(2, 60.0),))
    for _ in range(2):
        assert kept.next(2e9, NEVER).taken
    kept.stay_away(2e9, 1000, 429)
    back = kept.next(1e9, NEVER)
    assert (back.at, back.taken) == (1e9, True)


def test_more_turns_than_are_kept(tmp_path: Path) -> None:
    kept = Ledger(tmp_path / "ledger", rates_of(Limits(per_minute=2500)))
    moments = [kept.next(1e9 + number / 100, NEVER) for number in range(3000)]
    taken = [turn.at for turn in moments if turn.taken]
    assert all(beyond - first >= 60 for first, beyond in zip(taken, taken[2500:], strict=False))
    assert len([at for at in taken if at < 1e9 + 60]) > 1600
    assert (tmp_path / "ledger").stat().st_size < 10_000


def test_whoever_has_other_limits_counts_in_the_same_ledger(tmp_path: Path) -> None:
    before, after = Ledger(tmp_path / "l", (Rate(5, 60.0),)), Ledger(tmp_path / "l", (Rate(2, 60.0),))
    assert all(before.next(1e9, 1e9).taken for _ in range(2))
    assert not after.next(1e9, 1e9).taken
    assert before.next(1e9, 1e9).taken


# --- turns -----------------------------------------------------------------------------------------------------------


def test_nothing_is_written_before_the_first_call(tmp_path: Path) -> None:
    pace = Pace("r", Limits(), tmp_path)
    assert not list(tmp_path.iterdir())
    with pace.turn("h", Deadline.after(5)):
        pass
    assert (tmp_path / ".beffroi").stat().st_mode & 0o077 == 0


def test_no_more_at_once_than_there_are_places(tmp_path: Path) -> None:
    inside, most, lock = 0, 0, threading.Lock()
    paces = [Pace("r", Limits(concurrency=3), tmp_path) for _ in range(2)]

    def call(number: int) -> None:
        nonlocal inside, most
        with paces[number % 2].turn("h", Deadline.after(60)):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.005)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(call, range(60)))
    assert most == 3


def test_each_host_and_each_registry_has_its_own(tmp_path: Path) -> None:
    pace, other = (Pace(name, Limits(concurrency=1, per_minute=1), tmp_path) for name in ("r", "s"))
    soon = Deadline.after(0)
    with contextlib.ExitStack() as held:
        for turn in (pace.turn("h", soon), pace.turn("[::1]", soon), pace.turn("é/..", soon), other.turn("h", soon)):
            held.enter_context(turn)
        with pytest.raises(Busy) as told, pace.turn("h", soon):
            pass
    assert told.value.retry_in
    assert not told.value.general, "nobody asked it"


def test_a_turn_may_end_in_another_thread(tmp_path: Path) -> None:
    pace = Pace("r", Limits(concurrency=1), tmp_path)
    held = pace.turn("h", Deadline.after(5))
    held.__enter__()
    ending = threading.Thread(target=held.__exit__, args=(None, None, None))
    ending.start()
    with pace.turn("h", Deadline.after(30)):
        pass
    ending.join()


def test_a_block_that_fails_gives_its_place_back(tmp_path: Path) -> None:
    pace = Pace("r", Limits(concurrency=1), tmp_path)
    for _ in range(3):
        with pytest.raises(KeyError), pace.turn("h", Deadline.after(0)):
            raise KeyError


def test_busy_says_when_a_turn_comes(tmp_path: Path) -> None:
    pace = Pace("r", Limits(per_minute=1), tmp_path)
    with pace.turn("h", Deadline.after(5)):
        pass
    for _ in range(2):  # and who was refused holds nothing
        began = time.monotonic()
        with pytest.raises(Busy, match="limits") as told, pace.turn("h", Deadline.after(30)):
            pass
        assert time.monotonic() - began < 20, "at once, since it is known"
        assert 30 < (told.value.retry_in or 0) <= 60


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / ".beffroi").write_text("")
    pace = Pace("r", Limits(), tmp_path)
    with pytest.raises(Unavailable, match="pacing"), pace.turn("h", Deadline.after(1)):
        pass
    with pytest.raises(Unavailable, match="pacing"):
        pace.stay_away("h", 1, 429)


# --- processes -------------------------------------------------------------------------------------------------------

WORKER = """
import sys, time
from pathlib import Path
from connectors.deadline import Deadline
from connectors.limits import Limits
from connectors.pacing import Pace

pace = Pace("r", Limits(concurrency=int(sys.argv[2]), per_second=float(sys.argv[3])), Path(sys.argv[1]))
for _ in range(int(sys.argv[4])):
    with pace.turn("h", Deadline.after(60)):
        print(time.time(), flush=True)
        if sys.argv[5:]:
            time.sleep(60)
"""


def worker(root: Path, concurrency: int, per_second: float, calls: int, *more: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WORKER, str(root), str(concurrency), str(per_second), str(calls), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_processes_share_the_rate(tmp_path: Path) -> None:
    before = time.time()
    workers = [worker(tmp_path, 8, 5, 4) for _ in range(3)]
    moments = sorted(float(line) for each in workers for line in each.communicate(timeout=60)[0].split())
    assert len(moments) == 12
    assert moments[-1] >= before + 2, "the eleventh is two whole seconds after the first"
    assert moments[5] >= before + 1


def test_a_killed_process_leaves_no_place_taken(tmp_path: Path) -> None:
    pace = Pace("r", Limits(concurrency=1), tmp_path)
    with worker(tmp_path, 1, 100, 1, "hold") as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(Busy, match="another process"), pace.turn("h", Deadline.after(0.05)):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        with pace.turn("h", Deadline.after(60)):
            pass


# --- what a registry asks of us --------------------------------------------------------------------------------------


def test_a_registry_that_asks_us_to_wait_is_not_asked_by_anybody(canned: Canned, tmp_path: Path) -> None:
    def ask(status: int, wait: str) -> http.Response:
        canned.say(b"", "text/plain", status, Retry_After=wait)
        pace = Pace(f"r{status}", Limits(), tmp_path)  # as another process would have it
        deadline = Deadline.after(5)
        return http.request("GET", canned.url, base=canned.url, registry="r", deadline=deadline, pace=pace)

    for number, (status, kind) in enumerate([(429, Busy), (503, Down)], 1):
        assert ask(status, "100").status == status
        for _ in range(3):
            with pytest.raises(kind) as told:
                ask(status, "100")
            assert 5 < (told.value.retry_in or 0) <= 100
        assert len(canned.requests) == number


def test_a_short_wait_is_waited(canned: Canned, tmp_path: Path) -> None:
    pace = Pace("r", Limits(per_second=100), tmp_path)
    canned.say(b"", "text/plain", 429, Retry_After="1")
    before = time.time()
    for _ in range(2):
        http.request("GET", canned.url, base=canned.url, registry="r", deadline=Deadline.after(30), pace=pace)
    assert time.time() - before >= 1


def test_a_longer_wait_is_not_cut_by_a_shorter_one(tmp_path: Path) -> None:
    pace = Pace("r", Limits(), tmp_path)
    pace.stay_away("h", 100, 503)
    pace.stay_away("h", 1, 429)
    pace.stay_away("h", -5, 429)
    with pytest.raises(Down) as told, pace.turn("h", Deadline.after(5)):
        pass
    assert (told.value.retry_in or 0) > 5
    with pace.turn("other", Deadline.after(5)):
        pass


def test_no_wait_is_longer_than_an_hour(tmp_path: Path) -> None:
    pace = Pace("r", Limits(), tmp_path)
    pace.stay_away("h", 1e12, 429)
    with pytest.raises(Busy) as told, pace.turn("h", Deadline.after(5)):
        pass
    assert (told.value.retry_in or 0) <= MOST_AWAY


NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7), (" 0 ", 0), ("0007", 7), ("9" * 300, MOST_AWAY), ("3601", MOST_AWAY),
        ("", None), ("-7", None), ("7.5", None), ("٧", None), ("soon", None), ("7, 8", None),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30), ("Sunday, 01-Mar-26 12:00:30 GMT", 30), ("Sun Mar  1 12:00:30 2026", 30),
        ("Sun, 01 Mar 2026 11:00:30 GMT", 0), ("Fri, 31 Dec 9999 23:59:59 GMT", MOST_AWAY),
        ("Sun, 32 Mar 2026 12:00:30 GMT", None), ("Sun, 01 Mar 99999 12:00:30 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(said: str, seconds: float | None) -> None:
    assert retry_after({"Retry-After": said, "Date": format_datetime(NOW, usegmt=True)}) == seconds


def test_a_date_without_the_date_of_the_answer_counts_from_ours() -> None:
    until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=600)
    assert 500 < (retry_after({"Retry-After": format_datetime(until, usegmt=True)}) or 0) <= 600


@given(st.text(), st.text())
def test_no_header_breaks_it(said: str, date: str) -> None:
    found = retry_after({"Retry-After": said, "Date": date})
    assert found is None or 0 <= found <= MOST_AWAY


def test_a_turn_leaves_the_call_half_of_its_time(tmp_path: Path) -> None:
    pace = Pace("r", Limits(per_second=4, deadline=0.8), tmp_path)
    left = list[float]()
    for _ in range(6):
        deadline = Deadline.after(0.8)
        with contextlib.suppress(Busy), pace.turn("h", deadline):
            left.append(deadline.remaining())
    assert left
    assert min(left) > 0.3, "what comes later would only be late"


MOST_TURNS = b"\0" * 16 + b"\xff" * 7 + b"\x7f"
"""A head that counts as many turns as it can."""


@pytest.mark.parametrize(
    "damage", [b"", b"x", b"\0" * 20, b"\xff" * 24, b"\xff" * 8216, b"\0" * 8 + b"\xff" * 16, MOST_TURNS]
)
def test_a_damaged_ledger_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "ledger"
    file.write_bytes(damage)
    kept, now = Ledger(file, (Rate(2, 10.0),)), time.time()
    turns = [kept.next(now, NEVER).at - now for _ in range(5)]
    assert turns[-1] >= 10.0, "the rate holds again"
    assert all(wait <= MOST_AWAY for wait in turns)


def test_a_long_read_ends_though_lookups_use_the_whole_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.ledgers.PATIENCE", 0.3)
    limits, over = Limits(per_second=10, deadline=1.0, concurrency=8), threading.Event()

    def look_up() -> None:
        pace = Pace("r", limits, tmp_path)
        while not over.is_set():
            with contextlib.suppress(Busy), pace.turn("h", Deadline.after(1.0)):
                pass

    with ThreadPoolExecutor(6) as threads:
        asked = [threads.submit(look_up) for _ in range(6)]
        try:
            for _ in range(2):
                with Pace("r", limits, tmp_path).turn("h", Deadline.after(30)):
                    pass
        finally:
            over.set()
        for each in asked:
            each.result()


def test_who_goes_first_has_the_next_place(tmp_path: Path) -> None:
    ours, theirs = (Places(tmp_path / "places", 1) for _ in range(2))  # as two processes have them
    held = ours.take(Deadline.after(5))
    assert held
    with ThreadPoolExecutor(8) as threads:
        reading = threads.submit(theirs.take, Deadline.after(60), first=True)
        until = Deadline.after(30)
        with (tmp_path / "places.first").open() as claim:
            while locks(claim.fileno(), fcntl.LOCK_SH) and not until.passed():
                fcntl.flock(claim, fcntl.LOCK_UN)
        looking = [threads.submit(each.take, Deadline.after(60)) for each in (ours, ours, theirs, theirs)]
        ours.give(held)
        place = reading.result(60)
        assert place
        assert not any(each.done() for each in looking)
        theirs.give(place)
        for each in as_completed(looking, 60):
            found = each.result()
            assert found, "and then everybody has one"
            (ours if each in looking[:2] else theirs).give(found)


def test_until_when_a_registry_has_us_stay_away(tmp_path: Path) -> None:
    pace, other = (Pace("r", Limits(), tmp_path) for _ in range(2))
    assert pace.away() is None
    before = time.time()
    pace.stay_away("h", 100, 503)
    pace.stay_away("i", 200, 429)
    told = pace.away()
    assert told is not None
    assert before + 200 <= told[0] <= time.time() + 200
    assert told[1] == 429
    with pytest.raises(Down), other.turn("h", Deadline.after(1)):
        pass
    seen = other.away()
    assert seen is not None, "as soon as it wanted to ask there"
    assert (seen[0] < told[0], seen[1]) == (True, 503)
    pace.stay_away("h", -200, 503)
    (tmp_path / ".beffroi" / "pacing" / "r@h").unlink()
    (tmp_path / ".beffroi" / "pacing" / "r@h").mkdir()
    assert pace.away() is None, "which is no reason for /health to fail"
