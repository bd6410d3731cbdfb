"""Files that are written whole or not at all: aside first, then put in their place."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

THROUGH = 1 << 24
"""Bytes of a file that is written through which are in memory at once, as far as they are not one piece."""


@contextmanager
def whole_file(file: Path) -> Iterator[Path]:
    """Give a path beside `file` to write to, which takes its place after the block; after an error nothing is left of it.

    An OSError about that path names `file`, which whoever reads it knows.
    The path ends in `.part`: where the process is killed, the next run and `beffroi doctor` know it by that.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        yield part
        part.replace(file)
    except OSError as error:
        if error.filename == str(part):
            error.filename = str(file)
            error.filename2 = None
        raise
    finally:
        with suppress(NotADirectoryError):  # what should be its folder is a file: nothing of it is there
            part.unlink(missing_ok=True)


def whole_json(file: Path, said: Any) -> None:
    """Write a value as JSON to `file`, whose folder is made where it is not there. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as part:
        part.write_text(json.dumps(said), encoding="utf-8")


def second_name(file: Path, name: Path) -> None:
    """Give a file that never changes a second name; where the disk cannot, copy it. Raises OSError."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copyfile(file, name)


def on_disk(*paths: Path) -> None:
    """Have the kernel put files and folders on disk, so that nothing outlives what it points to."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def through(file: Path, pieces: Iterable[memoryview]) -> None:
    """Write pieces to `file`, and let go of them as they are on disk: nobody reads it soon. Raises OSError.

    Left to the kernel, a file of gigabytes would take the memory of what is read just now, and be waited for at the end.
    """
    with file.open("wb", buffering=1 << 20) as out:
        waiting = 0
        for piece in pieces:
            waiting += out.write(piece)
            if waiting >= THROUGH:
                out.flush()
                os.fdatasync(out.fileno())
                os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                waiting = 0
