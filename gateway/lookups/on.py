"""What the code of a commune meant on a date, and which commune of today that is: its mergers followed both ways.

Registries of communes know those of today. The dates are INSEE's (Code officiel géographique, from 1943 on), in the
reference files of the cleaning steps, whose `follow` reads them in the same way.
"""

import datetime as dt
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from connectors.errors import InvalidRequest, NotFound
from pipelines.steps.places import COMMUNES, FOLLOWED

LIVES = COMMUNES.with_name("communes_lives.parquet")
SCHEME = "insee"
"""The only scheme whose identifiers have a history."""


def follow(name: str, scheme: str, code: str, on: dt.date) -> tuple[str, dict[str, Any]]:
    """Return the commune of today where the code of a commune on a date lies, and what `meta` tells of the way.

    `merged_from` and `successor` where it has another code today, `absorbed` the communes of that date that have merged
    into it since. Raises InvalidRequest where the lookup `name` knows no history, or not that far; NotFound where no
    commune had that code on that date, or where it was divided since.
    """
    if scheme != SCHEME:
        raise InvalidRequest(f"{name} knows no history: on is for lookups of communes by {SCHEME}; leave it out")
    if not FOLLOWED[0] <= on.isoformat() <= FOLLOWED[1]:
        raise InvalidRequest(
            f"on is a date from {FOLLOWED[0]} to {FOLLOWED[1]}: of others it is not known what a code meant"
        )
    successor = next(_on(COMMUNES, "code", "commune_code", code, on), None)
    if not _lived(code, on):
        land = f"; its land is in {successor} today" if successor else ""
        raise NotFound(f"no commune had that code on {on}{land}")
    if successor is None:
        raise NotFound(f"the commune that had that code on {on} was divided since: no commune of today has all of it")
    told: dict[str, Any] = {"on": on.isoformat()}
    if successor != code:
        told |= {"merged_from": code, "successor": successor}
    parts = _on(COMMUNES, "commune_code", "code", successor, on)
    if absorbed := sorted(part for part in parts if part != successor and _lived(part, on)):
        told["absorbed"] = absorbed
    return successor, told


def _lived(code: str, on: dt.date) -> bool:
    """Tell whether a code was that of a commune of its own on a date."""
    return any(_on(LIVES, "code", "code", code, on))


def _on(file: Path, by: str, told: str, code: str, on: dt.date) -> Iterator[str]:
    """Yield what the column `told` has on a date in the rows of a reference file whose column `by` is a code."""
    return (text for since, until, text in _rows(file, by, told).get(code, ()) if text and since <= on < until)


@functools.cache
def _rows(file: Path, by: str, told: str) -> Mapping[str, list[tuple[dt.date, dt.date, str | None]]]:
    """Return the rows of a reference file by one of its columns; once it is read, a question takes microseconds."""
    found: dict[str, list[tuple[dt.date, dt.date, str | None]]] = {}
    table = pq.read_table(file)
    columns = (table[name].to_pylist() for name in (by, "since", "until", told))
    for code, *row in zip(*columns, strict=True):
        found.setdefault(code, []).append((row[0], row[1], row[2]))
    return found
