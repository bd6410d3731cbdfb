"""How many true pairs no blocking rule brings together, estimated from those that one does: nobody ever sees them.

A rule finds a pair of one entity where all its parts are equal in both records. Among the pairs that are found we see
how often which parts are equal; were parts to differ independently of each other, that tells how many pairs differ in so
many of them that no rule finds them. Records that are bad in one part are often bad in others too: so pairs are taken to
be of two classes, and parts to be independent within each. It is capture and recapture with the parts as occasions
(latent classes: Pledger 2000, Biometrics 56, 434-442), its likelihood truncated to what can be seen (Sanathanan 1972, Annals
of Mathematical Statistics 43, 142-152), maximised by EM (Dempster, Laird and Rubin 1977). It tells the order of magnitude.
"""

from collections.abc import Mapping, Sequence

PARTS = 16
"""Parts that can be told apart: the patterns that no rule finds are up to 2 to that power."""

TWO_CLASSES = 4
"""Parts from which two classes can be told from one."""

ROUNDS = 300
"""Rounds of EM at most."""

Pattern = tuple[bool, ...]


def estimate(found: Mapping[Pattern, float], rules: Sequence[frozenset[int]]) -> float | None:
    """Return how many pairs no rule finds.

    `found`: how many true pairs (expected ones: they need not be whole numbers) are equal in which parts; those that no
    rule finds are left out. `rules`: the parts, by number, that each rule wants equal. None where it cannot be told:
    nothing was found, there are more parts than PARTS, or every rule wants some part, so that no pair that differs in
    it is ever seen.
    """
    import numpy as np

    seen = {each: pairs for each, pairs in found.items() if any(all(each[part] for part in rule) for rule in rules)}
    ever = sorted({part for rule in rules for part in rule if any(each[part] for each in seen)})  # others never tell
    wanted = [[ever.index(part) for part in rule] for rule in rules if rule <= set(ever)]
    total, size = sum(seen.values()), len(ever)
    if total <= 0 or size > PARTS or any(all(part in rule for rule in wanted) for part in range(size)):
        return None
    patterns = np.array(list(seen), bool)[:, ever]
    pairs = np.array(list(seen.values()), float)
    every = (np.arange(2**size)[:, None] >> np.arange(size) & 1).astype(bool)
    unseen = every[~np.any([every[:, rule].all(axis=1) for rule in wanted], axis=0)]
    equal = (patterns.T @ pairs + 0.5) / (total + 1)  # half a pair more on each side: never 0 or 1
    classes = [(1.0, equal)] if size < TWO_CLASSES else [(0.5, equal), (0.5, equal * 0.75)]
    missed = 0.0
    for _ in range(ROUNDS):
        shown, hidden = (
            np.array([share * np.where(each, often, 1 - often).prod(axis=1) for share, often in classes])
            for each in (patterns, unseen)
        )
        before, missed = missed, float(total * hidden.sum() / (1 - hidden.sum()))
        if abs(missed - before) < 1e-5 * (1 + missed):
            break
        shown, hidden = shown / shown.sum(axis=0) * pairs, hidden / hidden.sum() * missed
        held = shown.sum(axis=1) + hidden.sum(axis=1)
        often = (shown @ patterns + hidden @ unseen + 0.5) / (held[:, None] + 1)
        classes = list(zip(held / held.sum(), often, strict=True))
    return missed
