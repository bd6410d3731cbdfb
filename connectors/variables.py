"""Secrets of declarations: `${NAME}` stands for a variable of the environment, read when a registry is asked."""

import os
import re

from connectors.errors import Misconfigured

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def variable(name: str, registry: str) -> str:
    """Return a variable of the environment. Raises Misconfigured where it is not set."""
    if name not in os.environ:
        raise Misconfigured(
            f"the declaration of {registry} names the variable {name} of the environment, which is not set: export it,"
            " or correct the declaration",
            registry=registry,
        )
    return os.environ[name]


def filled(text: str, registry: str) -> str:
    """Return a declared text with each `${NAME}` replaced. Raises as `variable` does."""
    return _VARIABLE.sub(lambda match: variable(match[1], registry), text)


def names(text: str) -> list[str]:
    """Return the variables that a declared text names, in their order."""
    return _VARIABLE.findall(text)
