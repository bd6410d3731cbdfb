"""Who waits for an entry: whatever loop or thread it waits in, it is told of its own, and only once that is on disk."""

import asyncio
import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from connectors.errors import Unavailable
from gateway.journal import Entry, Journal
from gateway.journal.verification import verify

MANY = 150


async def _ask(journal: Journal, path: Path, name: str) -> None:
    async with journal.access(Entry("lookup", name, "api")) as entry:
        pass
    assert entry.written is not None
    assert json.loads(entry.written.entry)["resource"] == name
    with closing(sqlite3.connect(path)) as stored:  # another connection sees what is committed only
        found = stored.execute("SELECT hash FROM entries WHERE number = ?", (entry.written.number,)).fetchall()
    assert found == [(entry.written.hash,)]


async def _ask_many(journal: Journal, path: Path, prefix: str) -> None:
    await asyncio.gather(*(_ask(journal, path, f"{prefix}:{number}") for number in range(MANY)))


def test_askers_of_several_loops_and_threads(tmp_path: Path) -> None:
    failed: list[BaseException] = []

    def loop(prefix: str) -> None:
        try:
            asyncio.run(_ask_many(journal, tmp_path / "journal.db", prefix))
        except BaseException as error:  # noqa: BLE001  # it is shown below
            failed.append(error)

    with closing(Journal(tmp_path)) as journal:
        threads = [threading.Thread(target=loop, args=(prefix,)) for prefix in ("a", "b")]
        for thread in threads:
            thread.start()
        futures = [journal.append(Entry("lookup", f"c:{number}", "api")) for number in range(MANY)]
        told = [json.loads(future.result().entry)["resource"] for future in futures]
        for thread in threads:
            thread.join()
    assert failed == []
    assert told == [f"c:{number}" for number in range(MANY)]
    assert verify(tmp_path / "journal.db").entries == 3 * MANY


def test_who_is_cancelled_while_it_waits_is_journaled(tmp_path: Path) -> None:
    """And those that wait beside it are told."""

    async def both() -> list[object]:
        waiting = [asyncio.create_task(journal.write(Entry("lookup", name, "api"))) for name in ("gone", "there")]
        await asyncio.sleep(0)  # both have handed over their entries
        waiting[0].cancel()
        return await asyncio.gather(*waiting, return_exceptions=True)

    with closing(Journal(tmp_path)) as journal:
        gone, there = asyncio.run(both())
        assert isinstance(gone, asyncio.CancelledError)
        assert getattr(there, "number", None) == 2
    assert verify(tmp_path / "journal.db").entries == 2


def test_a_loop_that_ended_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    async def leave() -> None:
        left.append(asyncio.ensure_future(journal.write(Entry("lookup", "left", "api"))))
        await asyncio.sleep(0)

    left: list[asyncio.Future[object]] = []
    with closing(Journal(tmp_path)) as journal:
        asyncio.run(leave())
        assert journal.append(Entry("lookup", "after", "api")).result().number == 2
    assert left[0].cancelled()
    with closing(Journal(tmp_path)) as journal:
        journal.close()
        with pytest.raises(Unavailable, match="is ending"):
            asyncio.run(_ask(journal, tmp_path, "late"))
