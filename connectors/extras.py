"""What a registry answers beyond what it is known to answer: set aside, and reported once."""

import logging

log = logging.getLogger(__name__)

MOST = 100
"""More unknown names than that are still set aside, but not remembered: a server must not fill our memory."""
LONGEST = 300
"""Characters of a name that are told."""


def report(seen: set[str], registry: str, name: str) -> None:
    """Log that `registry` answers `name`, which nobody knows, unless it is in `seen` already; never its value.

    Half a character in it is told as `?`: what is in `seen` is shown by /health.
    """
    name = name.encode(errors="replace").decode()
    name = name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
    if name not in seen and len(seen) < MOST:
        seen.add(name)
        log.warning("%s answers more than is known of it, set aside: %s", registry, name)


def tell_once(seen: set[str], sentence: str) -> None:
    """Log a sentence on a registry for the operator, unless it is in `seen` already; it must hold no value."""
    if sentence not in seen and len(seen) < MOST:
        seen.add(sentence)
        log.warning("%s", sentence)
