"""What a registry answers beyond what it is known to answer: set aside, and reported once."""

import logging
import re

log = logging.getLogger(__name__)

MOST = 100
"""More unknown names than that are still set aside, but not remembered: a server must not fill our memory."""
LONGEST = 300
"""Characters of a name that are told."""

NAME = re.compile(r"(?!.*\d{5})[^\s\d][^\s]{0,99}")
"""What names of fields look like. Other keys of JSON may be data: some registries key what they answer by person."""


def report(seen: set[str], registry: str, name: str) -> None:
    """Log that `registry` answers `name`, which nobody knows, unless it is in `seen` already; never its value.

    Half a character in it is told as `?`.
    """
    name = name.encode(errors="replace").decode()
    name = name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
    if name not in seen and len(seen) < MOST:
        seen.add(name)
        log.warning("%s answers more than is known of it, set aside: %s", registry, name)


def told_key(name: str) -> str:
    """Return a key of a registry's JSON as it may be told: whatever does not look like the name of a field is not."""
    return name if NAME.fullmatch(name) else "a key that does not look like the name of a field"


def tell_once(seen: set[str], sentence: str) -> None:
    """Log a sentence on a registry for the operator, unless it is in `seen` already; it must hold no value."""
    if sentence not in seen and len(seen) < MOST:
        seen.add(sentence)
        log.warning("%s", sentence)
