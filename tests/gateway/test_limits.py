"""Rate limits of applications: counted once for all workers, told with every answer, refused with 429 and journaled."""

import asyncio
import base64
import fcntl
import json
import multiprocessing
import re
import time
from pathlib import Path

import pytest

from connectors.errors import Misconfigured, Unavailable
from gateway.callers.limits import REFUSED, Limits, _counted
from pipelines.declarations.callers import CallLimits
from pipelines.workspace import Workspace
from tests.gateway.conftest import Gateway, Reply, ask
from tests.gateway.test_journal import entries

COMMUNE = "/lookups/commune/01001"
HALF_DAY = 12 * 3600


def limited(root: Path, text: str) -> Path:
    """Declare the limits of the application `mairie`."""
    path = root / "beffroi.yaml"
    declared = path.read_text(encoding="utf-8")
    path.write_text(declared.replace("      mairie:\n", f"      mairie:\n        limits: {text}\n"), encoding="utf-8")
    return root


def left(reply: Reply) -> dict[str, int]:
    """Return how many calls are left, by window, of an answer that tells all that the draft wants."""
    policy = re.findall(r'"(\w+)";q=(\d+);w=(\d+)', reply.headers["RateLimit-Policy"])
    told = re.findall(r'"(\w+)";r=(\d+);t=(\d+)', reply.headers["RateLimit"])
    assert [name for name, _, _ in policy] == [name for name, _, _ in told]
    assert all(0 < int(t) <= int(w) for (_, _, w), (_, _, t) in zip(policy, told, strict=True))
    return {name: int(r) for name, r, _ in told}


def test_a_limit_is_told_kept_and_journaled(root: Path) -> None:
    with Gateway(limited(root, "{per_day: 3, per_minute: 100000}")) as gateway:
        replies = [gateway.get(COMMUNE, "mairie") for _ in range(5)]
        other, opened = gateway.get(COMMUNE, "ecole"), gateway.get("/datasets/communes/rows?limit=1")
        open_with_token = gateway.get("/datasets/communes/rows?limit=1", "mairie")
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert [left(reply)["day"] for reply in replies] == [2, 1, 0, 0, 0]
    assert replies[0].headers["RateLimit-Policy"] == '"minute";q=100000;w=60, "day";q=3;w=86400'
    refused = replies[3]
    assert refused.code == "limit-reached"
    assert refused.json["detail"] == "mairie has made its 3 calls of this day"
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert other.status == 200
    assert "RateLimit" not in other.headers, "an application without limits"
    assert (opened.status, open_with_token.status) == (200, 200), "open data need no credential"
    journal = entries(root / ".beffroi")
    assert [(e["application"], e["outcome"]) for e in journal][3:5] == [("mairie", "limit-reached")] * 2


def test_refused_calls_tell_what_is_left_and_those_of_nobody_do_not_count(root: Path) -> None:
    with Gateway(limited(root, "{per_day: 10}")) as gateway:
        assert left(gateway.get(COMMUNE, "mairie", "etat-civil")) == {"day": 9}, "refused, and counted"
        headers = {"Authorization": "Bearer bft_nope"}
        assert "RateLimit" not in gateway.get(COMMUNE, None, **headers).headers
        assert left(gateway.get(COMMUNE, "mairie")) == {"day": 8}


def test_an_application_beyond_its_limits_does_not_fill_the_journal(root: Path) -> None:
    with Gateway(limited(root, "{per_day: 1}")) as gateway:
        refusals = gateway.service.journal.refusals
        while True:
            minute, before = time.time() // 60, len(entries(root / ".beffroi"))
            codes = [gateway.get(COMMUNE, "mairie").status for _ in range(2)]
            had = refusals.begun("mairie")
            for _ in range(REFUSED):
                refusals.begun("mairie")
            codes += [gateway.get(COMMUNE, "mairie").status for _ in range(3)]
            if time.time() // 60 == minute:
                break
        assert codes[1:] == [429] * 4
        assert had <= 2, "what was answered is not counted"
        assert len(entries(root / ".beffroi")) - before == 2, "what is over the limit of refusals is counted only"
        assert gateway.get(COMMUNE, "ecole").status == 200


def test_a_token_that_nobody_can_be_asked_about_counts_as_a_refusal(root: Path) -> None:
    """The provider is away: who makes one up is answered 503, on the journal."""
    path = root / "beffroi.yaml"
    declared = "providers:\n    idp: {issuer: 'http://127.0.0.1:9', audience: a, applications: {c: mairie}}\n"
    path.write_text(f"{path.read_text('utf-8')}identity:\n  {declared}", "utf-8")
    parts = ({"alg": "RS256", "typ": "at+jwt", "kid": "x"}, {"iss": "http://127.0.0.1:9", "aud": "a", "client_id": "c"})
    told = [base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in parts]
    with Gateway(root) as gateway:
        while True:
            minute = time.time() // 60
            reply = ask(gateway.url, "GET", COMMUNE, {"Authorization": f"Bearer {'.'.join(told)}.AAAA"})
            had = gateway.service.journal.refusals.begun("127.0.0.1")
            if time.time() // 60 == minute:
                break
    assert (reply.status, reply.code, had) == (503, "down", 1)
    assert entries(root / ".beffroi")[-1]["outcome"] == "down"


def test_the_minute_begins_anew(tmp_path: Path) -> None:
    wanted, now = CallLimits(per_minute=2, per_day=3), 1_800_000_000 // 86_400 * 86_400 + HALF_DAY + 50.0

    def counted(at: float) -> tuple[list[int], tuple[str, float | None] | None]:
        with (tmp_path / "counts").open("r+b") as file:
            found = _counted(file.fileno(), "mairie", wanted, at)
        refusal = (found.refusal.detail, found.refusal.retry_in) if found.refusal else None
        return [window.left for window in found.windows], refusal

    (tmp_path / "counts").touch()
    assert counted(now) == ([1, 2], None)
    assert counted(now) == ([0, 1], None)
    assert counted(now) == ([0, 1], ("mairie has made its 2 calls of this minute", 10)), (
        "what is refused does not count"
    )
    assert counted(now + 10) == ([1, 0], None)
    full = ("mairie has made its 3 calls of this day", HALF_DAY - 60)
    assert counted(now + 10) == ([1, 0], full)
    assert counted(now + HALF_DAY) == ([1, 2], None)


CALLS, WORKERS, MOST = 300, 4, 700


def worker(state: Path, passed: "multiprocessing.Queue[int]") -> None:
    limits, wanted = Limits(state), CallLimits(per_day=MOST)

    async def many() -> int:
        found = await asyncio.gather(*(limits.count("mairie", wanted) for _ in range(CALLS)))
        return sum(each.refusal is None for each in found)

    passed.put(asyncio.run(many()))


def test_workers_share_one_count(tmp_path: Path) -> None:
    if time.time() % 86_400 > 86_400 - 60:
        time.sleep(61)  # across midnight two days would be counted
    spawned = multiprocessing.get_context("spawn")
    passed = spawned.Queue()
    workers = [spawned.Process(target=worker, args=(tmp_path, passed)) for _ in range(WORKERS)]
    for each in workers:
        each.start()
    total = sum(passed.get(timeout=60) for _ in workers)
    for each in workers:
        each.join()
    assert total == MOST, f"of {CALLS * WORKERS} calls of {WORKERS} processes"


def test_a_count_that_cannot_be_kept(root: Path) -> None:
    with Gateway(limited(root, "{per_day: 10}")) as gateway:
        (root / ".beffroi" / "limits").write_text("no folder")
        reply = gateway.get(COMMUNE, "mairie")
        assert gateway.get(COMMUNE, "ecole").status == 200
    assert (reply.status, reply.code) == (503, "unavailable")
    assert "cannot be counted in .beffroi/limits/" in reply.json["detail"]


def test_a_file_that_is_damaged_counts_as_new(tmp_path: Path) -> None:
    (tmp_path / "limits").mkdir()
    (tmp_path / "limits" / "mairie").write_bytes(b"\xff" * 7)
    counted = asyncio.run(Limits(tmp_path).count("mairie", CallLimits(per_day=2)))
    assert [window.left for window in counted.windows] == [1]


def test_somebody_who_holds_the_count_for_ever(tmp_path: Path) -> None:
    (tmp_path / "limits").mkdir()
    with (tmp_path / "limits" / "mairie").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another process holds their count"):
            asyncio.run(Limits(tmp_path).count("mairie", CallLimits(per_day=2)))


@pytest.mark.parametrize(
    ("text", "said"),
    [("{}", "say per_minute:, per_day: or both"), ("{per_minute: 0}", "at least 1 for «per_minute»"), ("{per_hour: 5}", "per_hour")],
)  # fmt: skip
def test_what_cannot_be_declared(root: Path, text: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        Workspace(limited(root, text))
