"""SIGKILL at any instant, a full disk: whatever the dataset and whatever was being done, nothing is lost.

The last version stays whole on every face, the next run succeeds and makes what a first run would, the sum holds, and
nothing is left behind. `make test` does a few of each, `make soak` hundreds, and tells how many.
"""

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from connectors.errors import RunFailed
from gateway.languages import in_french
from pipelines import databases, doctor
from pipelines.run import run
from tests.effort import times
from tests.peers import PeerUnavailable
from tests.pipelines.bench import Bench
from tests.pipelines.killed import (
    Child,
    Work,
    correct_and_replay,
    mend,
    rebuild,
    roll_back,
    run_in_full,
    run_shops,
)
from tests.pipelines.kinds import KILLED, LINKED, Kind, content, counted, fresh, in_databases, state, whole

SOAK = times(0) > 0
EACH = max(1, times(0) // 6)
"""How often each kind of dataset is killed."""

ROWS = 900 if SOAK else 300
FEW = ROWS // 5
"""Of a dataset that is linked: what is compared grows faster than its rows."""

SPAN = 0.4
"""Seconds within which a work is killed at first; how long it takes is found on the way."""

TOTAL: Counter[str] = Counter()
"""What all campaigns told, so that the last one says how many kills there were."""

WORKS: tuple[Work, ...] = (run_shops, run_shops, run_in_full, correct_and_replay, rebuild, mend, roll_back)


def some_of(*names: str) -> list[Kind]:
    """Return the kinds of datasets that a campaign goes through: these, and in `make soak` all."""
    return [kind for kind in KILLED if SOAK or kind.name in names]


class Campaign:
    """A dataset to which accidents happen: `hold` after each, `recover` when it is to go on."""

    def __init__(self, bench: Bench, kind: Kind) -> None:
        self.bench, self.kind, self.number = bench, kind, 0
        self.rows = FEW if kind is LINKED else ROWS
        self.span: dict[Work, float] = {}
        self.works = WORKS if "versions: 1" not in kind.declaration else WORKS[:-1]  # there is nothing to go back to
        self.told: Counter[str] = Counter()
        kind.declare(bench)
        kind.put(bench, state(kind, 0, self.rows))
        self.known: set[str] = set()
        self.before = 0
        self.recover()
        self.change()
        self.recover()

    def change(self) -> None:
        """Bring the source to its next state."""
        self.number += 1
        self.kind.put(self.bench, state(self.kind, self.number, self.rows))

    def prepare(self, work: Work) -> None:
        """Bring about what the work has to do."""
        if work in (run_shops, run_in_full):
            self.change()
        elif work is correct_and_replay:  # what was read last is what the source is now, to which corrections come
            self.recover()
        elif work is mend:  # it has something to do after a kill
            self.change()
            child = Child(self.bench.root, run_shops)
            time.sleep(random.random() * self.span.get(run_shops, SPAN))
            self.told["killed before it was mended"] += child.kill()
            self.hold()

    def kill(self, work: Work) -> None:
        """Let a process work, and kill it at some instant: two times in three before it ends."""
        span = self.span.setdefault(work, SPAN)
        child = Child(self.bench.root, work, self.number)
        time.sleep(random.random() * span)
        killed = child.kill()
        self.span[work] = span * (1.25 if killed else 0.6)
        self.told[f"{work.__name__} {'killed' if killed else 'ended'}"] += 1

    def hold(self) -> None:
        """Hold that the latest version is whole and one that there may be, and that nothing is broken."""
        version = whole(self.bench)
        assert version.number in (self.before, self.before + 1), "the last version, or the new one"
        made = content(self.bench)
        now, _ = fresh(self.bench, self.bench.root.parent / "fresh")
        assert made in self.known | {now}, "rows of no state of the source"
        self.known.add(made)
        self.told["new version"] += version.number > self.before
        self.before = version.number
        if (self.bench.root / ".beffroi/databases").is_dir():
            in_databases(self.bench)
        found = list(doctor.examine(self.bench.workspace, [], mend=False))
        assert {each.kind for each in found} <= {"leftover"}, found
        self.told["left something"] += bool(found)

    def mend(self) -> None:
        """Have what is left removed, and hold that nothing else was."""
        before = content(self.bench)
        list(doctor.examine(self.bench.workspace, [], mend=True))
        assert list(doctor.examine(self.bench.workspace, [], mend=True)) == []
        whole(self.bench)
        assert content(self.bench) == before

    def recover(self) -> None:
        """Run, and hold that it makes what a first run makes, and leaves nothing behind."""
        now, counts = fresh(self.bench, self.bench.root.parent / "fresh")
        report = run(self.bench.workspace, "shops", release=True)
        assert (content(self.bench), counted(report)) == (now, counts)
        self.before = whole(self.bench).number
        assert report.version == self.before
        self.known.add(now)
        databases.refresh(self.bench.workspace)
        in_databases(self.bench)
        assert list(doctor.examine(self.bench.workspace, [], mend=False)) == []
        state = self.bench.root / ".beffroi"
        patterns = ("*.part", "*.part.wal", "*.tmp", "*.spill", "*.aside")
        assert [path for pattern in patterns for path in state.rglob(pattern)] == []
        kept = self.bench.workspace.dataset("shops").retention.versions
        assert kept is None or len(list((state / "lake/shops").glob("*.parquet"))) == kept

    def tell(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Say what was done, where it was much."""
        TOTAL["kills"] += killed(self)
        TOTAL["full disks"] += sum(count for what, count in self.told.items() if "full" in what)
        if SOAK:
            with capsys.disabled():
                print(f"\n{self.kind}: {dict(sorted(self.told.items()))}; so far {dict(TOTAL)}, nothing lost")


def killed(campaign: Campaign) -> int:
    return sum(count for what, count in campaign.told.items() if "killed" in what)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KILLED, ids=str)
def test_killed_at_any_instant(bench: Bench, kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = Campaign(bench, kind)
    for number in range(EACH):
        work = random.choice(campaign.works)
        campaign.prepare(work)
        campaign.kill(work)
        campaign.hold()
        if number % 3 == 1:
            campaign.mend()
        if number % 2:
            campaign.recover()
    campaign.recover()
    campaign.tell(capsys)
    assert not SOAK or killed(campaign) > EACH / 4, campaign.told


@pytest.mark.soak
@pytest.mark.parametrize("kind", some_of("watermark", "geometry"), ids=str)
def test_killed_before_each_step_on_the_disk(bench: Bench, kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = Campaign(bench, kind)
    for work in dict.fromkeys(campaign.works) if SOAK else [run_shops]:
        stride = 3 if SOAK else 80
        step, died = random.randrange(stride) + 1, True
        while died:
            campaign.prepare(work)
            died = Child(bench.root, work, campaign.number, step=step).died()
            campaign.told[f"{work.__name__} {'killed' if died else 'ended'}"] += 1
            campaign.hold()
            campaign.recover()
            step += stride
    campaign.tell(capsys)


# --- a full disk -----------------------------------------------------------------------------------------------------


@pytest.mark.soak
@pytest.mark.parametrize("kind", some_of("several sources", "unique"), ids=str)
def test_no_file_may_grow(bench: Bench, kind: Kind, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = Campaign(bench, kind)
    largest = max(file.stat().st_size for file in (bench.root / ".beffroi").rglob("*") if file.is_file())
    for _ in range(max(1, EACH // 2)):
        work = random.choice(campaign.works)
        campaign.prepare(work)
        said = Child(bench.root, work, campaign.number, most=int(largest ** random.random()) + 1).end()
        full(campaign, work, said)
    campaign.recover()
    campaign.tell(capsys)


def full(campaign: Campaign, work: Work, said: str) -> None:
    """Hold what is said where there is no room, and what stays."""
    told = said.startswith(("RunFailed", "OSError")) and ("could not be" in said or "was not" in said)
    assert said.startswith("done") or told, said
    campaign.told[f"{work.__name__} {'ended' if said.startswith('done') else 'told that it is full'}"] += 1
    campaign.hold()


@pytest.fixture
def disk(bench: Bench) -> Iterator[Callable[[int], None]]:
    """The workspace's state on a disk of its own; call it with the bytes that are to be free."""
    state = bench.root / ".beffroi"
    state.mkdir()

    def resize(room: int) -> None:
        there = os.statvfs(state)
        used = (there.f_blocks - there.f_bfree) * there.f_frsize
        subprocess.run(["mount", "-o", f"remount,size={used + room}", str(state)], check=True)

    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(state)], check=False).returncode:
        raise PeerUnavailable("a small disk: this user may not mount one (a limit on file sizes stands for it above)")
    yield resize
    subprocess.run(["umount", "-l", str(state)], check=True)


def test_what_analysts_open_says_that_the_disk_is_full(bench: Bench, disk: Callable[[int], None]) -> None:
    bench.shops(*((str(number), str(random.random()), "1", "2020-01-01") for number in range(50_000)))
    bench.run()
    disk(100_000)
    with pytest.raises(
        RunFailed, match=r"open.duckdb was not rebuilt, the last one stays: the disk is full: make room$"
    ) as told:
        databases.refresh(bench.workspace)
    french = "open.duckdb n'a pas été reconstruit, le dernier reste : le disque est plein : faites de la place"
    assert in_french(str(told.value)) == french
    disk(2**30)
    databases.refresh(bench.workspace)
    in_databases(bench)


@pytest.mark.soak
@pytest.mark.parametrize("kind", some_of("one file", "short retention"), ids=str)
def test_the_disk_is_full(
    bench: Bench, kind: Kind, disk: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = Campaign(bench, kind)
    for _ in range(max(1, EACH // 2)):
        work = random.choice(campaign.works)
        campaign.prepare(work)
        disk(int(2 ** random.uniform(12, 22)))
        said = Child(bench.root, work, campaign.number).end()
        disk(2**30)
        full(campaign, work, said)
    campaign.recover()
    campaign.tell(capsys)
