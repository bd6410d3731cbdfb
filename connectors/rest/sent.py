"""Declared texts with `${NAME}` in them, checked before they are sent: a library would tell a secret in its error."""

import re

from connectors.carried import NOTHING, Carried, words_in
from connectors.errors import InvalidRequest, Misconfigured
from connectors.variables import filled, names

US = "what says who we are to"


def text_of(declared: str, registry: str, what: str, carried: Carried = NOTHING) -> str:
    """Return a declared text with its variables filled in. Raises Misconfigured, which names them and `what` they say.

    A text that is empty, or has a line's end as a file that a secret was read from, would only be refused elsewhere.
    """
    text = filled(declared, registry, carried)
    if not text or not text.isprintable():
        why = "is empty" if not text else "holds a line break or another character that is no text"
        raise unfit(declared, registry, what, why)
    return text


def header_of(declared: str, registry: str, what: str, carried: Carried = NOTHING) -> str:
    """Return a text that a header can have. Raises as `text_of` does, InvalidRequest for an agent that none can have."""
    if "agent" in words_in(declared) and not carried.get("agent", "").isascii():
        raise InvalidRequest(
            f"{registry} is told the agent in a header, where no letter has an accent: write the agent without"
        )
    text = text_of(declared, registry, what, carried)
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", text):
        why = "begins or ends with a blank, or holds characters that no header can have"
        raise unfit(declared, registry, what, why)
    return text


def unfit(declared: str, registry: str, what: str, why: str) -> Misconfigured:
    """Return the error of a text that cannot be sent, by its variables: never the text itself."""
    variables = ", ".join(names(declared))
    return Misconfigured(f"{what} {registry}{f' ({variables})' if variables else ''} {why}", registry=registry)
