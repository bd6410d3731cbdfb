"""Secrets of declarations: `${NAME}` stands for a variable of the environment, read when a registry is asked.

Some names stand for what the call carries instead (`carried`).
"""

import os
import re

from connectors.carried import NOTHING, WORDS, Carried
from connectors.errors import Misconfigured

NAMED = r"\$\{([A-Za-z_][A-Za-z0-9_]*|purpose\.\w+)\}"
"""How a declaration names a variable, or a word that a call carries."""

_VARIABLE = re.compile(NAMED)


def variable(name: str, registry: str) -> str:
    """Return a variable of the environment. Raises Misconfigured where it is not set."""
    if name not in os.environ:
        raise Misconfigured(
            f"the declaration of {registry} names the variable {name} of the environment, which is not set: export it,"
            " or correct the declaration",
            registry=registry,
        )
    return os.environ[name]


def said(name: str, registry: str, carried: Carried) -> str:
    """Return what stands for a name: what the call carries, or a variable. Raises Misconfigured where nothing does."""
    if name not in WORDS:
        return variable(name, registry)
    if name not in carried:
        raise Misconfigured(
            f"{registry} is told the {name} of each question, and nobody asks here: only a lookup can ask it",
            registry=registry,
        )
    return carried[name]


def filled(text: str, registry: str, carried: Carried = NOTHING) -> str:
    """Return a declared text with each `${NAME}` replaced. Raises as `said` does."""
    return _VARIABLE.sub(lambda match: said(match[1], registry, carried), text)


def names(text: str) -> list[str]:
    """Return the variables that a declared text names, in their order."""
    return _VARIABLE.findall(text)
