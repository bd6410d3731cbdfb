"""What stands around every lookup and scan: maintenance windows, the breaker, retries; and what is known of credentials."""

import datetime as dt
import random
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors import http
from connectors.api_geo import ApiGeo, ApiGeoSettings
from connectors.credentials import Credential, certificates, declared
from connectors.deadline import Deadline
from connectors.errors import (
    BeffroiError,
    Busy,
    Down,
    Late,
    Maintenance,
    Misconfigured,
    NotFound,
    RefusedUs,
    Unavailable,
    Unreadable,
)
from connectors.guard import ATTEMPTS, FAILURES, REST, SILENCE, Breaker, Guard, begun, ended
from connectors.limits import DAYS, Window, outage
from connectors.registry import Registry, Scan, Settings, TlsSettings
from connectors.vies import Vies
from tests.peers.canned import Canned, Raw


def windows(*written: dict[str, str]) -> tuple[Window, ...]:
    return Settings.model_validate({"maintenance": [{"reason": "Works", **each} for each in written]}).maintenance


def moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


# --- maintenance windows ---------------------------------------------------------------------------------------------

MOMENTS = st.integers(0, 14 * 30 * 86_400).map(
    lambda seconds: dt.datetime(2025, 12, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
)
TIMES = st.times().map(lambda time: time.replace(microsecond=0))


@given(MOMENTS, st.sampled_from([*DAYS, "day"]), TIMES, TIMES)
def test_a_weekly_window_without_a_change_of_clocks(now: dt.datetime, every: str, start: dt.time, end: dt.time) -> None:
    """In UTC inside and outside can be told by the clock alone."""
    found = outage(windows({"every": every, "from": str(start), "to": str(end), "zone": "UTC"}), now)
    days = {DAYS[now.weekday()], "day"}, {DAYS[(now - dt.timedelta(days=1)).weekday()], "day"}
    time = now.time()
    if start < end:
        inside = every in days[0] and start <= time < end
    else:
        inside = (every in days[0] and time >= start) or (every in days[1] and time < end)
    assert (found is not None) == inside
    if found is not None:
        assert now < found.until <= now + dt.timedelta(days=1)
        assert found.until.time() == end


@given(
    MOMENTS, st.sampled_from([*DAYS, "day"]), TIMES, TIMES, st.sampled_from(["Europe/Paris", "America/New_York"]),
    st.floats(0, 0.99),
)  # fmt: skip
def test_whoever_is_inside_stays_so_until_the_end_that_is_told(
    now: dt.datetime, every: str, start: dt.time, end: dt.time, zone: str, part: float
) -> None:
    found = windows({"every": every, "from": str(start), "to": str(end), "zone": zone})
    told = outage(found, now)
    if told is None:
        return
    assert now < told.until <= now + dt.timedelta(hours=25), "a day that has 25 hours is the longest"
    between = outage(found, now + (told.until - now) * part)
    assert between is not None
    assert between.until >= told.until


def test_windows_that_follow_each_other_are_one_maintenance() -> None:
    found = windows(
        {"every": "sunday", "from": "22:00", "to": "00:00", "zone": "Europe/Paris"},
        {"every": "monday", "from": "00:00", "to": "06:00", "zone": "Europe/Paris"},
    )
    told = outage(found, dt.datetime(2026, 11, 22, 22, 30, tzinfo=dt.UTC))
    assert told is not None
    assert told.until == dt.datetime(2026, 11, 23, 5, 0, tzinfo=dt.UTC)


@given(MOMENTS, MOMENTS, MOMENTS)
def test_a_dated_window(now: dt.datetime, one: dt.datetime, other: dt.datetime) -> None:
    start, end = (f"{each:%Y-%m-%dT%H:%M:%S}" for each in sorted((one, other)))
    if start == end:
        return
    found = outage(windows({"from": start, "to": end, "zone": "UTC"}), now)
    inside = moment(start) <= now < moment(end)
    assert (found.until if found else None) == (moment(end) if inside else None)


@pytest.mark.parametrize(
    ("start", "end", "begins", "ends"),
    [
        ("2026-03-29T01:00", "2026-03-29T04:00", "2026-03-29T00:00", "2026-03-29T02:00"),  # two hours long
        ("2026-10-25T01:00", "2026-10-25T04:00", "2026-10-24T23:00", "2026-10-25T03:00"),  # four
        ("2026-10-25T02:30", "2026-10-25T02:45", "2026-10-25T00:30", "2026-10-25T01:45"),  # the first to the second
        ("2026-03-29T02:30", "2026-03-29T06:00", "2026-03-29T01:30", "2026-03-29T04:00"),  # a time that no clock shows
        ("2026-03-29T00:00", "2026-03-29T02:30", "2026-03-28T23:00", "2026-03-29T01:30"),
    ],
)
def test_when_the_clocks_change(start: str, end: str, begins: str, ends: str) -> None:
    day = DAYS[dt.datetime.fromisoformat(start).weekday()]
    weekly = {"every": day, "from": start[11:], "to": end[11:], "zone": "Europe/Paris"}
    for found in (windows({"from": start, "to": end, "zone": "Europe/Paris"}), windows(weekly)):
        before, inside, last, after = (
            outage(found, moment(at) + dt.timedelta(seconds=by)) for at, by in ((begins, -1), (begins, 0), (ends, -1), (ends, 0))
        )  # fmt: skip
        assert (before, after) == (None, None)
        assert inside == last
        assert inside is not None
        assert inside.until == moment(ends)


def test_of_several_the_longest_is_told() -> None:
    found = outage(
        windows(
            {"from": "2026-05-01T00:00", "to": "2026-05-03T00:00", "zone": "UTC", "reason": "Migration"},
            {"every": "day", "from": "22:00", "to": "06:00", "zone": "UTC", "reason": "Nightly"},
        ),
        moment("2026-05-01T23:00"),
    )
    assert found is not None
    assert (found.reason, found.until) == ("Migration", moment("2026-05-03T06:00")), "the nightly one goes on"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"from": "2026-12-24T18:00Z"}, "as the clock of the zone shows it"),
        ({"from": "2026-12-24"}, "as the clock of the zone shows it"),
        ({"from": 1700000000}, "expected a text"),
        ({"from": "2027-12-24T18:00"}, "must come after"),
        ({"to": "4026-12-24T18:00"}, "no such year"),
        ({"zone": "Paris"}, "no such time zone"),
        ({"zone": "../../etc/passwd"}, "no such time zone"),
        ({"every": "sonntag", "from": "22:00", "to": "06:00"}, "every"),
        ({"every": "sunday", "from": "22", "to": "06:00"}, "such as"),
        ({"every": "sunday", "from": "24:00", "to": "06:00"}, "from"),
        ({"every": "sunday", "from": 6, "to": "07:00"}, "expected a text"),
        ({"reason": ""}, "reason"),
        ({"why": "x"}, "why"),
    ],
)
def test_windows_that_say_nothing_clear(wrong: dict[str, Any], said: str) -> None:
    good = {"from": "2026-12-24T18:00", "to": "2026-12-26T08:00", "zone": "Europe/Paris"}
    assert windows(good)
    with pytest.raises(ValidationError, match=re.escape(said)):
        windows({**good, **wrong})


def test_settings_are_written_and_read_again() -> None:
    told = {"from": "2026-12-24T18:00", "to": "2026-12-26T08:00", "zone": "Europe/Paris"}
    weekly = {"every": "day", "from": "22:00", "to": "06:00", "zone": "UTC"}
    settings = Settings(maintenance=windows(told, weekly), expires=dt.date(2027, 3, 31), probe="SECRET")
    assert Settings.model_validate_json(settings.model_dump_json(by_alias=True)) == settings
    assert "SECRET" not in repr(settings)


def always(zone: str = "UTC") -> dict[str, str]:
    return {"every": "day", "from": "00:00", "to": "00:00", "zone": zone}


def test_maintenance_is_answered_without_a_call(canned: Canned, tmp_path: Path) -> None:
    asked = ApiGeo("r", ApiGeoSettings(url=canned.url, maintenance=windows(always())), tmp_path)
    for ask in (lambda: asked.ask("01001", Deadline.after(5)), lambda: asked.read(None)):
        with pytest.raises(Maintenance, match=r"planned maintenance until .*: Works") as told:
            ask()
        assert 0 <= (told.value.retry_in or 0) <= 86_400
        assert told.value.registry == "r"
    assert canned.requests == []


# --- the breaker -----------------------------------------------------------------------------------------------------


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock) -> Breaker:
    """Return a breaker that has just opened."""
    breaker = Breaker("r", clock)
    for _ in range(FAILURES):
        assert breaker.wait() is None
        assert breaker.enter() is False
        breaker.leave(Down("x"))
        clock.now += SILENCE / (FAILURES - 1)
    clock.now -= SILENCE / (FAILURES - 1)
    return breaker


def test_it_opens_after_a_silence_and_one_call_finds_out() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now += REST / 2
    assert breaker.wait() == REST / 2
    with pytest.raises(Down, match="not asked for now") as told:
        breaker.enter()
    assert (told.value.retry_in, told.value.general, told.value.registry) == (REST / 2, False, "r")
    clock.now += REST / 2
    assert breaker.enter() is True
    with pytest.raises(Down):
        breaker.enter()
    breaker.leave(Late("x"))
    assert breaker.wait() == REST
    clock.now += REST
    assert breaker.enter() is True
    breaker.leave(None)
    assert breaker.wait() is None
    assert breaker.enter() is False


@pytest.mark.parametrize("answer", [None, NotFound("x"), Unreadable("x"), RefusedUs("x")])
def test_whoever_answers_is_not_silent(answer: BeffroiError | None) -> None:
    breaker = broken(Clock())
    breaker.leave(answer)
    assert breaker.wait() is None


@pytest.mark.parametrize("nothing", [Busy("x"), Misconfigured("x"), Unavailable("x"), Down("x", general=False)])
def test_what_tells_nothing_of_the_registry_changes_nothing(nothing: BeffroiError) -> None:
    clock = Clock()
    opened, closed = broken(clock), Breaker("r", clock)
    for _ in range(3 * FAILURES):
        clock.now += 1
        opened.leave(nothing)
        closed.leave(nothing)
    assert opened.wait() == 0.0
    assert closed.wait() is None


def test_a_crowd_that_gives_up_at_once_is_one_failure() -> None:
    clock = Clock(3.0)
    breaker = Breaker("r", clock)
    for _ in range(50):
        breaker.leave(Late("x"))
    assert breaker.wait() is None
    clock.now += SILENCE
    breaker.leave(Late("x"))
    assert breaker.wait() == REST


def test_nobody_queues_behind_a_call_that_hangs() -> None:
    guard, hanging, began = Guard("r", (), 5.0), threading.Event(), threading.Event()

    def hang() -> bool:
        began.set()
        return hanging.wait(60)

    thread = threading.Thread(target=guard.call, args=(hang, Deadline.after(60)))
    thread.start()
    began.wait(60)
    assert guard.call(lambda: 1, Deadline.after(60)) == 1
    hanging.set()
    thread.join()


def test_of_all_threads_one_finds_out() -> None:
    clock = Clock()
    breaker, found = broken(clock), list[bool]()
    clock.now += REST
    start = threading.Barrier(16)

    def enter() -> None:
        start.wait()
        try:
            found.append(breaker.enter())
        except Down:
            found.append(False)

    threads = [threading.Thread(target=enter) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(found) == [False] * 15 + [True]


def test_the_call_that_finds_out_is_made_once() -> None:
    guard, clock, calls = Guard("r", (), 5.0), Clock(), list[int]()
    guard.breaker = broken(clock)
    clock.now += REST

    def fail() -> None:
        calls.append(1)
        raise Down("x")

    with pytest.raises(Down):
        guard.call(fail, Deadline.after(60))
    assert len(calls) == 1


@pytest.mark.parametrize("seconds", [0.1, 3.0])
def test_whoever_has_no_time_for_an_answer_learns_nothing_of_the_registry(seconds: float) -> None:
    guard, clock = Guard("r", (), 5.0), Clock()
    guard.breaker = Breaker("r", clock)

    def late() -> None:
        raise Late("x")

    general = []
    for _ in range(FAILURES):
        with pytest.raises(Late) as told:
            guard.call(late, Deadline.after(seconds))
        general.append(told.value.general)
        clock.now += SILENCE
    assert set(general) == {seconds > 1}
    assert (guard.breaker.wait() is not None) == (seconds > 1)


def test_how_long_an_answer_takes_is_learnt() -> None:
    guard = Guard("r", (), 5.0)

    def answered(error: type[BeffroiError] | None = None) -> None:
        time.sleep(0.4)
        if error is not None:
            raise error("x")

    assert guard.hurried(Deadline.after(0.1)), "nothing is known of it yet"
    assert not guard.hurried(Deadline.after(0.7))
    with pytest.raises(Unreadable):
        guard.call(lambda: answered(Unreadable), Deadline.after(60))
    assert not guard.hurried(Deadline.after(0.7))
    with pytest.raises(NotFound):
        guard.call(lambda: answered(NotFound), Deadline.after(60))
    assert guard.hurried(Deadline.after(0.7))
    for _ in range(50):
        guard.call(lambda: None, Deadline.after(60))
    assert not guard.hurried(Deadline.after(0.1)), "what was slow once is not slow for ever"
    guard.call(lambda: time.sleep(2.6), Deadline.after(60))
    assert not guard.hurried(Deadline.after(3)), "half of a lookup's deadline is time enough"


def test_a_member_state_that_is_silent_is_not_vies(canned: Canned, tmp_path: Path) -> None:
    asked = Vies("r", Vies.settings_model.model_validate({"url": canned.url}), tmp_path)
    for code, general in (("MS_UNAVAILABLE", False), ("TIMEOUT", False), ("SERVICE_UNAVAILABLE", True)):
        fault = f"<e:Fault><faultcode>e:Server</faultcode><faultstring>{code}</faultstring></e:Fault>"
        envelope = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>%s</e:Body></e:Envelope>'
        canned.say((envelope % fault).encode(), "text/xml", 500)
        with pytest.raises(BeffroiError) as told:
            asked.lookup("BE0000000097", Deadline.after(5))
        assert told.value.general is general, code


# --- retries ---------------------------------------------------------------------------------------------------------


class Asked(Registry):
    """A registry of one address, which is asked by HTTP. `scan` gives batches until one fails, if one must."""

    def __init__(
        self, root: Path, url: str = "", batches: "Callable[[], Iterator[pa.RecordBatch]] | None" = None
    ) -> None:
        super().__init__("r", Settings(), root)
        self.url, self.batches = url, batches
        self.scans = 0

    def lookup(self, identifier: str, deadline: Deadline) -> Any:
        answer = http.request("GET", self.url, base=self.url, registry="r", deadline=deadline, pace=self.pace)
        if (error := http.refusal(answer, "r")) is not None:
            raise error
        return answer.body

    def scan(self, table: str | None, after: str | None = None) -> Scan:
        assert self.batches
        self.scans += 1
        return pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), self.batches())


@dataclass
class Flaky:
    """Closes the first `bad` connections without a word, answers the others."""

    bad: int
    seen: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, connection: socket.socket) -> None:
        with self.lock:
            self.seen += 1
            if self.seen <= self.bad:
                return
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngood")


def test_who_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    flaky = Flaky(ATTEMPTS - 1)
    with Raw(flaky) as server:
        assert Asked(tmp_path, server.url).ask("x", Deadline.after(30)) == b"good"  # type: ignore[comparison-overlap]
    assert flaky.seen == ATTEMPTS


def test_but_not_for_ever(tmp_path: Path) -> None:
    flaky = Flaky(100)
    with Raw(flaky) as server, pytest.raises(Down):
        Asked(tmp_path, server.url).ask("x", Deadline.after(30))
    assert flaky.seen == ATTEMPTS


@pytest.mark.parametrize(
    ("status", "wait", "calls", "kind"),
    [
        (500, None, ATTEMPTS, Down), (503, None, ATTEMPTS, Down), (429, None, ATTEMPTS, Busy), (429, "0", ATTEMPTS, Busy),
        (503, "100", 1, Down), (429, "100", 1, Busy), (401, None, 1, RefusedUs), (403, None, 1, RefusedUs),
    ],
)  # fmt: skip
def test_what_is_asked_again(
    canned: Canned, tmp_path: Path, status: int, wait: str | None, calls: int, kind: type[BeffroiError]
) -> None:
    canned.say(b"", "text/plain", status, **({"Retry_After": wait} if wait else {}))
    with pytest.raises(kind) as told:
        Asked(tmp_path, canned.url).ask("x", Deadline.after(20))
    assert len(canned.requests) == calls
    assert wait != "100" or 20 < (told.value.retry_in or 0) <= 100


@pytest.mark.parametrize(
    "error",
    [NotFound("x"), Unreadable("x"), Late("x"), RefusedUs("x"), Misconfigured("x"), Unavailable("x"), KeyError()],
)
def test_what_is_never_asked_again(error: Exception) -> None:
    calls = []

    def fail() -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        Guard("r", (), 5.0).call(fail, Deadline.after(60))
    assert len(calls) == 1


@given(st.floats(0, 100, allow_nan=False) | st.none(), st.floats(0, 0.04))
def test_no_attempt_begins_that_would_outlive_the_deadline(retry_in: float | None, seconds: float) -> None:
    calls, deadline = list[int](), Deadline.after(seconds)

    def fail() -> None:
        assert not calls or not deadline.passed()
        calls.append(1)
        raise Down("x", retry_in=retry_in)

    with pytest.raises(Down):
        Guard("r", (), 5.0).call(fail, deadline)
    assert len(calls) == 1, "the least pause is longer than any of these deadlines"


def test_an_attempt_takes_as_long_as_the_one_before() -> None:
    calls = []

    def fail() -> None:
        calls.append(1)
        time.sleep(0.3)
        raise Down("x")

    with pytest.raises(Down):
        Guard("r", (), 5.0).call(fail, Deadline.after(0.5))
    assert len(calls) == 1


def test_it_comes_again_when_it_was_told_to() -> None:
    calls, began = list[int](), time.monotonic()

    def fail_once() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise Busy("x", retry_in=0.4)
        return 7

    assert Guard("r", (), 5.0).call(fail_once, Deadline.after(60)) == 7
    assert time.monotonic() - began >= 0.4


def batch(value: int) -> pa.RecordBatch:
    return pa.record_batch({"a": [value]})


def test_a_scan_is_begun_again_until_its_first_batch(tmp_path: Path) -> None:
    turns = iter(range(10))
    closed = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            if next(turns) < 1:
                raise Down("x")
            yield from (batch(number) for number in range(3))
        finally:
            closed.append(1)

    asked = Asked(tmp_path, batches=batches)
    scanned = asked.read("t")
    assert isinstance(scanned, pa.RecordBatchReader)
    assert scanned.read_all().to_pylist() == [{"a": 0}, {"a": 1}, {"a": 2}]
    assert asked.scans == 2
    assert len(closed) == 2


def test_a_scan_that_fails_later_is_not_begun_again(tmp_path: Path) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield batch(0)
        raise Down("x")

    asked = Asked(tmp_path, batches=batches)
    scanned = asked.read("t")
    assert isinstance(scanned, pa.RecordBatchReader)
    assert next(scanned).num_rows == 1
    with pytest.raises(Down):
        next(scanned)
    assert asked.scans == 1


def test_a_scan_of_nothing_and_one_that_is_abandoned(tmp_path: Path) -> None:
    scanned = Asked(tmp_path, batches=lambda: iter(())).read("t")
    assert isinstance(scanned, pa.RecordBatchReader)
    assert scanned.read_all().num_rows == 0
    closed = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            while True:
                yield batch(random.randrange(9))
        finally:
            closed.append(1)

    left = Asked(tmp_path, batches=batches).read("t")
    assert isinstance(left, pa.RecordBatchReader)
    assert next(left).num_rows == 1
    del left
    assert closed


# --- credentials -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "standing", "said"),
    [(None, "ok", None), (400, "ok", None), (29, "ends soon", "renew it before"), (-1, "expired", "ended on")],
)
def test_how_a_credential_stands(days: int | None, standing: str, said: str | None) -> None:
    now = dt.datetime.now(dt.UTC)
    known = Credential("our key", None if days is None else now + dt.timedelta(days=days))
    assert known.standing(now) == standing
    assert (said is None) == (known.warning(now) is None)
    assert said is None or said in (known.warning(now) or "")
    assert known.told(now)["status"] == standing


def test_what_a_registry_knows_of_its_credentials(tmp_path: Path) -> None:
    class Ours(Settings):
        tls: TlsSettings | None = None

    end = dt.datetime(2031, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
    ours = trustme.CA().issue_cert("us@example.org", not_after=end)
    ours.private_key_and_cert_chain_pem.write_to_path(tmp_path / "ours.pem")
    (tmp_path / "garbage.pem").write_bytes(b"garbage")

    def known(**settings: Any) -> list[Credential]:
        return list(Registry("r", Ours.model_validate(settings), tmp_path).credentials())

    assert known() == []
    assert known(tls={"authority": "ours.pem"}) == []
    assert known(tls={"certificate": "missing.pem"}) == []
    both = known(expires="2027-03-31", tls={"certificate": "ours.pem"})
    assert [each.expires for each in both] == [dt.datetime(2027, 3, 31, tzinfo=dt.UTC), end]
    with pytest.raises(Misconfigured, match=r"garbage\.pem"):
        known(tls={"certificate": "garbage.pem"})
    assert declared(dt.date(2027, 3, 31)) == both[0]
    assert list(certificates(tmp_path / "ours.pem", "r")) == both[1:]


@pytest.mark.parametrize(
    ("status", "challenge", "said"),
    [
        (401, 'Bearer realm="x", error="invalid_token", error_description="SECRET expired"', "expired, revoked or"),
        (403, 'Bearer error = insufficient_scope, scope="a b"', "has not the scope"),
        (401, 'Basic realm="x"', "does not know the key"),
        (401, "", "does not know the key"),
        (403, "", "may not do this"),
        (403, 'Bearer error="made_up"', "may not do this"),
    ],
)
def test_why_a_registry_refuses_us(status: int, challenge: str, said: str) -> None:
    told = http.refusal(http.Response(status, {"WWW-Authenticate": challenge}, b""), "r")
    assert isinstance(told, RefusedUs)
    assert said in told.detail
    assert "SECRET" not in told.detail


# --- only the declared host ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://api.example.org/v2?page=2", "without TLS"),
        ("http://api.example.org:443/v2?page=2", "without TLS"),
        ("https://other.example.org/v2?page=2", "not the address declared"),
        ("https://api.example.org:8443/v2?page=2", "not the address declared"),
        ("https://api.example.org.evil.example/", "not the address declared"),
    ],
)
def test_a_link_that_leads_elsewhere_is_not_followed(url: str, said: str, tmp_path: Path) -> None:
    pace = Registry("r", Settings(), tmp_path).pace
    with pytest.raises(Misconfigured, match=said):
        http.request(
            "GET", url, base="https://api.example.org/v2/", registry="r", deadline=Deadline.after(5), pace=pace
        )
    assert not list(tmp_path.iterdir()), "not even a turn was taken"


def test_a_call_that_had_no_time_tells_nothing_of_the_registry() -> None:
    guard = Guard("r", (), 5.0)

    def late() -> None:
        raise Late("r did not finish its answer within the deadline", registry="r")

    clock = Clock()
    guard.breaker = Breaker("r", clock)
    for _ in range(20):
        with pytest.raises(Late):
            guard.call(late, Deadline.after(0.1))
        clock.now += 2
    assert guard.breaker.wait() is None
    for _ in range(FAILURES):
        with pytest.raises(Late):
            guard.call(late, Deadline.after(4))
        clock.now += 2
    assert guard.breaker.wait() is not None


def test_a_scan_that_is_given_up_lets_go_of_all_that_it_holds() -> None:
    held = list[str]()

    def batches() -> Iterator[pa.RecordBatch]:
        held.append("connection")
        try:
            for number in range(10):
                yield pa.record_batch({"a": [number]})
        finally:
            held.clear()

    scan = begun(pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches()))
    with ended(scan):
        next(scan)
        assert held
    assert held == []
