"""Which records hang together by links, and in which of these groups something forbids that all of them do.

Whole columns at once: a million records with a million links take tenths of a second.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def components(count: int, left: Ints, right: Ints) -> Ints:
    """Return the group of each of the records 0 … `count` - 1, as the smallest record in it.

    Every group takes the name of the smallest one beside it, until none has another beside it: each two turns at least
    halve how many groups are left to be joined, whatever their shape.
    """
    group: Ints = np.arange(count, dtype=np.int64)
    while True:
        left, right = group[left], group[right]
        other = left != right
        left, right = left[other], right[other]
        if not len(left):
            return group
        np.minimum.at(group, np.maximum(left, right), np.minimum(left, right))
        while True:
            shorter = group[group]
            if np.array_equal(shorter, group):
                break
            group = shorter


def numbered(groups: Ints) -> tuple[Ints, int]:
    """Return groups numbered from 0 without a gap, and how many there are."""
    there = np.zeros(groups.max(initial=-1) + 1, np.int64)
    there[groups] = 1
    return (np.cumsum(there) - 1)[groups], int(there.sum())


def apart(groups: Ints, one: Ints, other: Ints) -> Bools:
    """Return by group whether it holds both records of a pair that people decided to be different."""
    troubled = np.zeros(len(groups), np.bool_)
    troubled[groups[one[groups[one] == groups[other]]]] = True
    return troubled


def several(groups: Ints, values: Ints) -> Bools:
    """Return by group whether it holds two values (0: none), as of an identifier."""
    given = np.flatnonzero(values)
    of, value = groups[given], values[given]
    any_one, troubled = np.zeros(len(groups), np.int64), np.zeros(len(groups), np.bool_)
    any_one[of] = value
    troubled[of[any_one[of] != value]] = True
    return troubled


def repeated(groups: Ints, origins: Ints) -> Bools:
    """Return by group whether it holds two records of one origin."""
    troubled = np.zeros(len(groups), np.bool_)
    order = np.lexsort((origins, groups))
    there, of = groups[order], origins[order]
    troubled[there[1:][(there[1:] == there[:-1]) & (of[1:] == of[:-1])]] = True
    return troubled


def large(groups: Ints, left: Ints, weak: Bools, largest: int) -> Bools:
    """Return by group whether it has more than `largest` records, and a weak link (by its `left` end) in it."""
    troubled = np.zeros(len(groups), np.bool_)
    troubled[groups[left[weak]]] = True
    return troubled & (np.bincount(groups, minlength=len(groups)) > largest)
