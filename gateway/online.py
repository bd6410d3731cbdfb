"""Asking every registry the one question whose answer is known, and what is known of our credentials with it.

A probe is an identifier that the registry has: of the kind itself, or the setting `probe:`. It is never shown. Where
there is none, a kind may have another way to find out whether it is there and knows us (`Registry.reach`).
"""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from connectors.credentials import SOON
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Maintenance, Misconfigured, NotFound
from connectors.records import canonical
from connectors.registry import Registry
from connectors.variables import filled
from gateway.health import credentials
from pipelines.declarations.conditions import doubts
from pipelines.workspace import Workspace

NO_PROBE = "no probe"
REACH_SECONDS = 30.0
"""Seconds in which a registry without a probe must show that it is there: a page of a table takes longer than a record."""
A_PROBE = "an identifier that it has, which need not be anybody's"


@dataclass(frozen=True)
class Checked:
    """What a registry did with its probe: `ok`, the code of an error, or that there is no probe to ask it."""

    registry: str
    status: str
    detail: str
    fails: bool
    credentials: list[dict[str, Any]]


def check(workspace: Workspace) -> list[Checked]:
    """Ask every registry its probe, all of them at once, each within its own deadline or REACH_SECONDS."""
    registries = list(workspace.registries.values())
    with ThreadPoolExecutor(max_workers=max(1, len(registries))) as threads:
        return list(threads.map(_checked, registries))


def warnings(workspace: Workspace) -> list[str]:
    """Return what an operator must see to: credentials and purposes that end or have ended, and what may be wrong unnoticed.

    No registry is asked.
    """
    now = dt.datetime.now(dt.UTC)
    found = [(name, each.warning(now)) for name, it in workspace.registries.items() for each in credentials(it)]
    found += [(name, doubt) for name, it in workspace.registries.items() for doubt in it.doubts()]
    found += [(name, doubt) for name, it in workspace.datasets.items() for doubt in doubts(it)]
    found += [(f"the purpose {name}", warning) for name, warning in _agreements(workspace, now.date())]
    return [f"{name}: {warning}" for name, warning in found if warning is not None]


def _agreements(workspace: Workspace, today: dt.date) -> Iterator[tuple[str, str]]:
    """Yield what is to be said of each purpose that a grant names and that expires soon, or has expired."""
    applications = [application for _, application in workspace.applications.values()]
    named = {purpose for each in applications for grant in each.grants for purpose in grant.purposes}
    for name in sorted(named):
        expires = workspace.configuration.purposes[name].expires
        if expires is not None and expires < today:
            yield name, f"expired on {expires}, and its grants give nothing: have what was agreed renewed"
        elif expires is not None and expires - today <= SOON:
            yield name, f"expires on {expires}, its last day: have what was agreed renewed before"


def _checked(registry: Registry) -> Checked:
    status, detail, fails = _asked(registry)
    now = dt.datetime.now(dt.UTC)
    known = [each.told(now) for each in credentials(registry, refused=status == "refused-us")]
    return Checked(registry.name, status, detail, fails, known)


def _asked(registry: Registry) -> tuple[str, str, bool]:
    """Return the status, what is to be said of it, and whether it is a failure. Planned maintenance is none."""
    try:
        if registry.carries:
            told = ", ".join(sorted(registry.carries))
            return NO_PROBE, f"it is told {told} with each question: ask by a lookup", False
        if registry.probe is None:
            within = Deadline.after(REACH_SECONDS)
            if registry.guard.call(lambda: registry.reach(within), within):
                return "ok", "it is there and knows us", False
            unprobed = "it answers no lookups" if registry.record is None else f"say by probe: {A_PROBE}"
            return NO_PROBE, unprobed, False
        if registry.record is None:
            raise Misconfigured(f"{registry.name} answers no lookups: take out its probe:", registry=registry.name)
        _, value = canonical(registry.record, filled(registry.probe, registry.name))
        registry.ask(value, Deadline.after(registry.limits.deadline))
    except NotFound:
        return "not-found", "it answers, but has not what it is known to have: is the probe still right?", True
    except BeffroiError as error:
        return error.code, error.detail, not isinstance(error, Maintenance)
    return "ok", "", False
