"""Ids of clusters that last: what a cluster of this run was called before, and new ids that were never given.

The highest id ever given stands in `.beffroi/decisions/DATASET.COLUMN.last`, apart from the versions: an id stays given
when the version that had it is gone.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from connectors.errors import Unavailable
from pipelines.whole import on_disk, whole_file
from pipelines.workspace import Workspace

Ints = npt.NDArray[np.int64]

HIGHEST = 2**62
"""Above every id that is ever given."""

Take = Callable[[int, int], int]
"""Takes so many new ids, all above a given one; returns the first."""


def file(workspace: Workspace, dataset: str, column: str) -> Path:
    """Return where the highest id ever given stands."""
    return workspace.state / "decisions" / f"{dataset}.{column}.last"


def taker(workspace: Workspace, dataset: str, column: str, *, preview: bool = False, least: int = 0) -> Take:
    """Return what takes new ids: they are on disk as given when it returns, but those of a `preview`.

    All are above `least`, which is what is known of the highest where the file is lost.
    It raises Unavailable where the file is damaged (an id could be given twice), and OSError.
    """
    path = file(workspace, dataset, column)

    def take(count: int, above: int) -> int:
        last = max(told(path), above, least)
        if (count or least) and not preview:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as part:
                part.touch(0o600)  # as all that stands beside decisions
                part.write_text(json.dumps({"last": last + count}), encoding="utf-8")
                on_disk(part)
            on_disk(path.parent)
        return last + 1

    return take


def told(path: Path) -> int:
    """Return the highest id that was given, 0 before the first. Raises Unavailable where the file is damaged."""
    try:
        last = json.loads(path.read_bytes())["last"]
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError, RecursionError):
        last = None
    if type(last) is int and 0 <= last < HIGHEST:
        return last
    said = f".beffroi/decisions/{path.name}: it does not say the highest id that was given; put the file back"
    raise Unavailable(said)


def kept(parts: Ints, was: Ints, count: int, ordered: Callable[[Ints], Ints]) -> Ints:
    """Return the id that each of `count` parts keeps, 0 for one that needs a new one.

    `parts` has the part of each record, `was` the id of its cluster before, 0 for none. A part keeps the id that most of
    its records had, of equals the oldest; an id that several parts had stays with the one that has most of its records,
    of equals with the one whose smallest identity is first: `ordered` puts some parts in that order.
    """
    old = np.flatnonzero(was)
    part, name = parts[old], was[old]
    ids, contested = _named(part, name, count)
    part, name = part[contested], name[contested]
    ids[part] = 0
    names, short = np.unique(name, return_inverse=True)
    flows, sizes = np.unique(part + short.astype(np.int64) * np.int64(count), return_counts=True)
    part, name = flows % count, flows // count
    rank = np.zeros(count, np.int64)
    several = ordered(np.unique(part))
    rank[several] = np.arange(len(several))
    order = np.lexsort((rank[part], name, -sizes))
    taken = set[int]()
    for each, called in zip(part[order].tolist(), names[name[order]].tolist(), strict=True):
        if not ids[each] and called not in taken:
            ids[each] = called
            taken.add(called)
    return ids


def _named(part: Ints, name: Ints, count: int) -> tuple[Ints, Ints]:
    """Return a name that each part had (0: none), and which records are in a part that had several, or had one of several parts."""
    ids, places = np.zeros(count, np.int64), name
    ids[part] = name
    if name.max(initial=0) > 8 * len(name):  # of names far apart
        places = np.unique(name, return_inverse=True)[1]
    of_name = np.zeros(places.max(initial=0) + 1, np.int64)
    of_name[places] = part
    other = np.flatnonzero((ids[part] != name) | (of_name[places] != part))
    parts, names = np.zeros(count, np.bool_), np.zeros(len(of_name), np.bool_)
    parts[part[other]], names[places[other]] = True, True
    return ids, np.flatnonzero(parts[part] | names[places])
