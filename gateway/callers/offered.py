"""Which lookups a caller may know of: a lookup of rows of a dataset that is not open shows to those alone who may ask it."""

from connectors.errors import NotFound
from gateway.callers.access import Caller, known, of_dataset, of_lookup
from pipelines.declarations.configuration import Lookup
from pipelines.declarations.sentences import among
from pipelines.workspace import Workspace

NOBODY = Caller("api")
"""Who reads what is for everybody: the start page, the description of the API."""


def lookups(workspace: Workspace, caller: Caller) -> dict[str, Lookup]:
    """Return the lookups that the caller may know of, by name."""
    declared = workspace.configuration.lookups
    return {name: each for name, each in sorted(declared.items()) if shows(workspace, caller, name, each)}


def lookup_of(workspace: Workspace, caller: Caller, name: str) -> Lookup:
    """Return a declared lookup, to be asked. Raises NotFound, which names only those that the caller may know of."""
    found = workspace.configuration.lookups.get(name)
    return told_of(workspace, caller, name) if found is None else found


def told_of(workspace: Workspace, caller: Caller, name: str) -> Lookup:
    """Return a lookup, to be told of. Raises NotFound where the caller may not know of it, as if it was not declared."""
    found = lookups(workspace, caller)
    if name not in found:
        raise NotFound(f"there is no lookup «{name}»{among(name, found)}")
    return found[name]


def shows(workspace: Workspace, caller: Caller, name: str, lookup: Lookup) -> bool:
    """Tell whether the caller may know of a declared lookup."""
    if lookup.record is not None:
        return True  # a registry's record is what the gateway offers, whoever may ask for it
    rows = of_dataset(workspace.dataset(lookup.providers[0].dataset or ""))
    return bool(known(workspace, caller, rows) or known(workspace, caller, of_lookup(name, lookup, verified=True)))
