"""What is allowed, on the journal: whenever it differs from what was noted last, an entry says which sections do.

Of each section stands its hash only: no name, no secret.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any

from gateway.journal.entries import Entry

if TYPE_CHECKING:
    from gateway.journal.writing import Journal
    from pipelines.workspace import Workspace


def note(workspace: "Workspace", journal: "Journal") -> None:
    """Write down that settings changed, if they did since they were noted last. Raises Unavailable."""
    before, told = noted(journal.last_settings()), digests(workspace, journal.keys.names())
    changed = sorted(name for name in told.keys() | before.keys() if told.get(name) != before.get(name))
    if changed:
        source = " ".join(f"{name}={value}" for name, value in sorted(told.items()))
        change(workspace, journal, "settings", "workspace", fields=changed, source=source)


def change(
    workspace: "Workspace", journal: "Journal", action: str, resource: str, *, fields: list[str], source: str
) -> int:
    """Write down a change that the operator makes, and return its number once it is on disk. Raises Unavailable."""
    from gateway.callers.access import operator

    entry = Entry.begin(workspace, operator(None), action, resource)
    entry.fields, entry.source = fields, source
    return journal.append(entry).result().number


def digests(workspace: "Workspace", keys: list[str]) -> dict[str, str]:
    """Return the hash of each section that says what is allowed, and the names of the journal's keys."""
    configuration = workspace.configuration.model_dump(
        mode="json", include={"organisations", "purposes", "lookups", "journal", "identity", "proxies"}
    )
    audiences = {
        name: [dataset.audience, dataset.owner, [c.name for c in dataset.columns if c.personal]]
        for name, dataset in workspace.datasets.items()
    }
    found = {name: _digest(section) for name, section in {**configuration, "audiences": audiences}.items()}
    return {**found, "keys": ",".join(keys)}


def _digest(section: Any) -> str:
    return hashlib.sha256(json.dumps(section, sort_keys=True).encode()).hexdigest()[:16]


def noted(text: str | None) -> dict[str, str]:
    """Return what an entry of action `settings` says of each section; nothing where there is no entry yet."""
    source = json.loads(text)["source"] if text else ""
    return dict(part.split("=", 1) for part in source.split())
