"""The store of bulk jobs: closed under threads that still work on it, and with a file that another version has made."""

import json
import random
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from connectors.errors import Unavailable
from gateway.journal.keys import Keys
from gateway.lookups.incoming import row
from gateway.lookups.jobs import KEPT, About, Job, Jobs
from tests.effort import times

CALLER = {
    "via": "api",
    "application": "mairie",
    "organisation": "ville",
    "purpose": "p",
    "agent": None,
    "receipt": False,
}
ABOUT = About("person", CALLER, "json", (), (), "2026-11-22T00:00:00+00:00")


def test_a_job_is_closed_once_no_thread_works_on_it(tmp_path: Path) -> None:
    """Whoever breaks off a download leaves a thread at its work, which nobody can stop."""
    jobs = Jobs(tmp_path, Keys(tmp_path))
    name = jobs.new(ABOUT, [row(number, b'{"identifier": "%d"}' % number) for number in range(1, 1001)])
    with closing(jobs.job(name)) as job:
        job.keep([(each, {"outcome": "found", "data": {"x": "y" * 500}}) for each in job.left()])

    def read(job: Job, said: list[str]) -> None:
        try:
            while True:
                job.answers(0)
        except Unavailable as error:
            said.append(error.detail)

    for _ in range(times(20)):
        job, said = jobs.job(name), list[str]()
        thread = threading.Thread(target=read, args=(job, said))
        thread.start()
        threading.Event().wait(random.random() * 0.02)
        job.close()
        thread.join(20)
        assert said == ["the job cannot be read or written (ProgrammingError)"]


@pytest.mark.parametrize("change", [{"more": 1}, {"columns": None}, {}])
def test_a_file_of_another_version_is_nobody_elses_trouble(tmp_path: Path, change: dict[str, object]) -> None:
    jobs = Jobs(tmp_path, Keys(tmp_path))
    name = jobs.new(ABOUT, [row(1, b'{"identifier": "1"}')])
    with closing(jobs.job(name)) as job:
        told = json.loads(job._seal.opened(job._all("SELECT about FROM job")[0][0], "about"))
        changed = {key: value for key, value in (told | change).items() if change or key != "lookup"}
        sealed = job._seal.closed(json.dumps(changed).encode(), "about")
    with closing(sqlite3.connect(tmp_path / "jobs" / f"{name}.db")) as database, database:
        database.execute("UPDATE job SET about = ?", (sealed,))
    with pytest.raises(Unavailable, match="delete it, and ask anew"):
        jobs.job(name)
    assert jobs.new(ABOUT, [row(1, b'{"identifier": "1"}')]) != name
    jobs.sweep(time.time())


def test_a_job_whose_key_is_lost_is_swept_after_a_day_as_any_other(tmp_path: Path) -> None:
    """Nobody can read it any more; one that another key opens goes on, however old it is."""
    jobs = Jobs(tmp_path / "lost", Keys(tmp_path / "lost"))
    names = [jobs.new(ABOUT, [row(1, b'{"identifier": "1"}')]) for _ in range(3)]
    for name, ended in zip(names, (None, time.time(), time.time() - KEPT - 1), strict=True):
        with closing(sqlite3.connect(jobs.folder / f"{name}.db", isolation_level=None)) as file:
            file.execute("UPDATE job SET ended = ?", (ended,))
    others = Jobs(tmp_path / "lost", Keys(tmp_path / "other"))
    with pytest.raises(Unavailable, match="ask anew, it goes away by itself"):
        others.job(names[0])
    others.sweep(time.time())
    assert (jobs.names(), jobs.ended()) == ([names[0]], {names[1]}), "its day is over; the others are younger"
    jobs.sweep(time.time() + 2 * KEPT)
    assert (jobs.names(), jobs.ended()) == ([names[0]], set()), "whoever has the key goes on with it"
    others.sweep(time.time() + 2 * KEPT)
    assert not [path for path in jobs.folder.iterdir() if path.name != "new.lock"]


heard: list[list[str]] = []
"""Who wants to know what SQLite opens, as Python's own audit tells it (PEP 578): a hook stays as long as the process."""


def _opens(event: str, arguments: tuple[object, ...]) -> None:
    if event == "sqlite3.connect":
        for files in heard:
            files.append(str(arguments[0]))


@pytest.fixture(scope="module")
def _hook() -> None:
    sys.addaudithook(_opens)


@contextmanager
def hearing() -> Iterator[list[str]]:
    files: list[str] = []
    heard.append(files)
    try:
        yield files
    finally:
        heard.clear()


@pytest.mark.usefixtures("_hook")
def test_of_jobs_that_have_ended_none_is_opened(tmp_path: Path) -> None:
    """Three hundred of them, kept by a version that marked none: opened once, then left alone by whatever looks."""
    jobs, question = Jobs(tmp_path, Keys(tmp_path)), [row(1, b'{"identifier": "1"}')]
    done, under_way = jobs.new(ABOUT, question), jobs.new(ABOUT, question)
    with closing(jobs.job(done)) as job:
        job.end()
        ended = job.ended() or 0.0
    (jobs.folder / f"{done}.ended").unlink()
    for number in range(299):
        shutil.copy(jobs.folder / f"{done}.db", jobs.folder / f"{number:032x}.db")
    with hearing() as files:
        jobs.sweep(time.time())
    assert len(files) == 301, "nobody knows yet which have ended"
    assert (jobs.names(), len(jobs.ended())) == ([under_way], 300)
    assert {path.stat().st_mtime for path in jobs.folder.glob("*.ended")} == {ended}, "as if marked at once"
    with hearing() as files:
        name = jobs.new(ABOUT, question)
        jobs.sweep(time.time())
        assert set(jobs.names()) == {under_way, name}
    assert not [file for file in files if under_way not in file and name not in file]
    assert files, "those under way are looked at"
    with closing(jobs.job(done)) as job:
        assert job.ended() == ended, "its answers are there still"
    jobs.sweep(ended + KEPT + 1)
    assert (set(jobs.names()), jobs.ended()) == ({under_way, name}, set())


def test_a_process_that_is_killed_at_any_step_of_an_end_leaves_nothing_for_ever(tmp_path: Path) -> None:
    """Before the mark, the end stands in the job; of what is deleted, the mark is what goes last."""
    jobs, question = Jobs(tmp_path, Keys(tmp_path)), [row(1, b'{"identifier": "1"}')]
    unmarked, half = jobs.new(ABOUT, question), jobs.new(ABOUT, question)
    for name in (unmarked, half):
        with closing(jobs.job(name)) as job:
            job.end()
    (jobs.folder / f"{unmarked}.ended").unlink()
    (jobs.folder / f"{half}.db").unlink()
    (jobs.folder / f"{half}.db-wal").touch()
    assert (jobs.names(), jobs.ended()) == ([unmarked], set())
    jobs.sweep(time.time())
    assert (jobs.names(), jobs.ended()) == ([], {unmarked})
    jobs.sweep(time.time() + KEPT + 1)
    assert [path.name for path in jobs.folder.iterdir()] == ["new.lock"]
