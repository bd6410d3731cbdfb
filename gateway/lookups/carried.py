"""What a caller tells the registries that want to know: the words that their declarations name, and no others."""

from connectors.carried import NOTHING, Carried
from connectors.errors import Misconfigured, NotGranted
from gateway.callers.access import Caller
from pipelines.declarations.configuration import Lookup
from pipelines.workspace import Workspace

SAID = {"purpose": "Beffroi-Purpose", "agent": "Beffroi-Agent", "case": "Beffroi-Case"}
"""How a caller says what a registry is told."""


def words_of(workspace: Workspace, lookup: Lookup) -> list[str]:
    """Return the words that some registry of a lookup is told."""
    asked = [workspace.registries[provider.registry] for provider in lookup.providers if provider.registry is not None]
    return sorted(
        {word for registry in asked for word in registry.carries} - {"traceparent"}
    )  # that is nobody's to say


def told_of(workspace: Workspace, lookup: Lookup, caller: Caller) -> Carried:
    """Return the words that some registry of a lookup is told, with what stands for them in this call.

    Raises NotGranted for what the caller did not say, Misconfigured for what the purpose does not declare.
    """
    words = words_of(workspace, lookup)
    return {word: _value(workspace, caller, word) for word in words} if words else NOTHING


def _value(workspace: Workspace, caller: Caller, word: str) -> str:
    what, _, key = word.partition(".")
    value: str | None = getattr(caller, what)
    if value is None:
        option = f" (on the command line, --{what})" if what != "agent" else ""
        raise NotGranted(f"a registry of this lookup is told the {what} of each call: say it in {SAID[what]}{option}")
    if not key:
        return value
    declared: str | None = getattr(workspace.configuration.purposes[value], key)
    if declared is None:
        raise Misconfigured(
            f"a registry of this lookup is told the {key} of each purpose, and {value} declares none: write it under"
            f" purposes: {value}: {key}:"
        )
    return declared
