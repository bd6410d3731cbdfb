"""An entry of the journal: one access, or one change of what is allowed."""

import datetime as dt
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from gateway.journal.chain import Row
from pipelines.declarations.accounting import Kind

if TYPE_CHECKING:
    from gateway.callers.access import Caller
    from pipelines.workspace import Workspace

CHANGES = frozenset({"settings", "token-issue", "token-revoke", "key-rotate", "erase", "anchor"})
"""Actions that read nobody's data: they change what is allowed, or look after the journal."""


_ENCODER = msgspec.json.Encoder(order="sorted")


@dataclass
class Entry:
    """One access, filled in while it happens. `outcome` is `found` or an error's code.

    `identifier` is the keyed hash of what was asked for, or of the one row told; `identifiers` those of several rows.
    `written` is where it stands in the chain, once `Journal.access` has it on disk. `origin` is what a refusal counts
    for, and never written down.
    """

    action: str
    resource: str
    via: str
    organisation: str | None = None
    application: str | None = None
    agent: str | None = None
    purpose: str | None = None
    case: str | None = None
    identifier: str | None = None
    identifiers: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    source: str | None = None
    outcome: str = "found"
    status: int = 200
    time: str = ""
    written: Row | None = None
    origin: str | None = None

    @classmethod
    def begin(cls, workspace: "Workspace", caller: "Caller", action: str, resource: str) -> "Entry":
        """Open the entry of an access. A purpose that is not declared is not written down: it could be anything."""
        purpose = caller.purpose
        if purpose is not None and purpose not in workspace.configuration.purposes:
            purpose = "(not declared)"
        organisation, application, agent, case = caller.organisation, caller.application, caller.agent, caller.case
        told = cls(action, resource, caller.via, organisation, application, agent, purpose, case)
        told.origin = caller.origin
        return told

    @property
    def kind(self) -> Kind:
        """Return its class, by which it is kept: `lookup`, `dataset`, `refused` or `change`."""
        if self.action in CHANGES:
            return "change"
        if self.outcome != "found":
            return "refused"
        return "dataset" if self.resource.startswith("dataset:") else "lookup"

    def canonical(self) -> str:
        """Return it as the JSON text that is stored and hashed.

        The salt is random: once the text is erased, nobody can try out which text had the hash that is left.
        """
        content = vars(self) | {"salt": secrets.token_hex(16)}
        del content["written"], content["origin"]
        try:
            return _ENCODER.encode(content).decode()
        except UnicodeEncodeError:  # half a character, which only an escape can tell
            return json.dumps(content, sort_keys=True, separators=(",", ":"))


def now() -> str:
    """Return the time as entries have it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
