"""The engine of a run: one DuckDB database in bounded memory, whose errors become ours, and which has a deadline."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import lmdb
import pyarrow as pa
from deltalake.exceptions import DeltaError

from connectors.errors import RunFailed, Unreadable
from pipelines.declarations import Dataset
from pipelines.workspace import Workspace

MEMORY = 512
"""MB that the engine holds before it spills to disk; Python, Arrow and what is being written come on top."""

LINKING = 2048
"""MB that it holds while it links records, where a quarter of the machine's memory is as much: enough for a million of them."""

OUR_GROUPS, GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
"""Where Linux tells in which control groups this process is, and what each may have (cgroups(7))."""

THREADS = 4
"""Threads of the engine at most: each holds a part of what is read and written in memory."""


@contextmanager
def engine(workspace: Workspace, dataset: Dataset, memory: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database for the run, which spills to the workspace; its errors become ours, without any value.

    `memory` is what it may hold, in MB, by default MEMORY; with less it has fewer threads. Raises RunFailed when the
    block takes longer than the dataset's deadline.
    """
    name = dataset.name
    spill = workspace.state / "spill" / name
    spill.parent.mkdir(parents=True, exist_ok=True)
    memory, threads = memory or MEMORY, min(THREADS, os.cpu_count() or 1)
    threads = max(1, min(threads, threads * memory // MEMORY))
    config: dict[str, str | bool | int | float | list[str]]
    config = {"temp_directory": str(spill), "memory_limit": f"{memory}MB", "threads": threads}
    connection = duckdb.connect(config=config)
    try:
        connection.execute("SET TimeZone = 'UTC'")  # what a moment is must not rest on the machine
        connection.execute("SET checkpoint_threshold = '1TB'")  # to compress tables that live as long as a run is dear
        connection.execute("SET disabled_optimizers = 'in_clause'")  # it makes joins of lists: rows lose their order
        with _deadline(connection, dataset.deadline), _ours(dataset):
            yield connection
    except (duckdb.InterruptException, TimeoutError):
        said = f"{name} took longer than its deadline of {dataset.deadline:g} s"
        raise RunFailed(f"{said}: give it more (deadline:), or look at why its source is slow") from None
    finally:
        connection.close()
        shutil.rmtree(spill, ignore_errors=True)


_linking = threading.Lock()


@contextmanager
def room(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Have the engine hold up to LINKING MB for as long as records are linked, unless another run of this process links some.

    It is a quarter of the machine's memory at most, and no less than the engine may hold anyway.
    """
    wanted = min(LINKING, machine_memory() // 4) * 1_000_000
    if wanted <= held(connection) or not _linking.acquire(blocking=False):
        yield
        return
    try:
        with holding(connection, wanted):
            yield
    finally:
        _linking.release()


@contextmanager
def holding(connection: duckdb.DuckDBPyConnection, size: int) -> Iterator[None]:
    """Have the engine hold up to so many bytes for as long as this lasts."""
    before = held(connection)
    connection.execute(f"SET memory_limit = '{size}B'")
    yield  # not set back after an error: what the engine holds goes with it
    with suppress(duckdb.OutOfMemoryException):  # no room on disk for what is over: it may stay
        connection.execute(f"SET memory_limit = '{before}B'")


def held(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many bytes the engine may hold, roughly: it tells that in words."""
    return int(connection.execute("SELECT parse_formatted_bytes(current_setting('memory_limit'))").fetchall()[0][0])


def machine_memory() -> int:
    """Return the megabytes of memory of this machine, or of the control group that we may be held to, or one above it."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    with suppress(OSError):  # on another system than Linux
        for line in OUR_GROUPS.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            top, name = ("memory", "memory.limit_in_bytes") if controllers else ("", "memory.max")  # version 1, or 2
            folder = GROUPS / top / path.lstrip("/")
            for each in (folder, *folder.parents[:-1]):
                with suppress(OSError, ValueError):  # no such file, or «max»
                    found.append(int((each / name).read_text(encoding="ascii")))
    return min(found) >> 20


@contextmanager
def _ours(dataset: Dataset) -> Iterator[None]:
    """Make ours the errors of whatever reads and writes tables."""
    name = dataset.name
    try:
        yield
    except TimeoutError:
        raise
    except (duckdb.IOException, lmdb.Error, OSError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else type(error).__name__
        raise RunFailed(f"{name}: a file could not be read or written ({why}): is the disk full?") from None
    except duckdb.InvalidInputException as error:
        if "string encoding" not in str(error):
            raise RunFailed(f"{name}: the engine stopped ({type(error).__name__})") from None
        registry = " or ".join(source.registry or source.name for source in dataset.inputs[:3])
        raise Unreadable(f"{registry} gave texts that are not in UTF-8", registry=registry) from None
    except duckdb.OutOfMemoryException:
        raise RunFailed(f"{name}: the engine has no room left, in memory and on disk: is the disk full?") from None
    except duckdb.InterruptException:
        raise
    except (duckdb.Error, pa.ArrowException, DeltaError) as error:
        raise RunFailed(f"{name}: the engine stopped ({type(error).__name__})") from None


@contextmanager
def _deadline(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt whatever the engine does when its time is over, again and again until the block has ended."""
    ended = threading.Event()

    def watch() -> None:
        if not ended.wait(seconds):
            while not ended.wait(0.05):
                connection.interrupt()

    thread = threading.Thread(target=watch, name="beffroi-deadline", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
