"""The store of bulk jobs: closed under threads that still work on it, and with a file that another version has made."""

import json
import random
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from connectors.errors import Unavailable
from gateway.journal.keys import Keys
from gateway.lookups.incoming import row
from gateway.lookups.jobs import About, Job, Jobs
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
    jobs.sweep()
