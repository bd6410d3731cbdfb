"""Health: what is well and what is not, without asking any registry for it.

What is known of registries comes from the lookups that this process made, and from what the workspace declares: planned
maintenance makes nothing degraded, a credential that is refused or has ended does. No personal data, and no dataset that the
caller may not know of.
"""

import datetime as dt
import logging
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from connectors.errors import BeffroiError, CallerError, Maintenance, Misconfigured, RefusedUs, Unavailable
from connectors.extras import MOST
from connectors.registry import Credential, Registry
from pipelines import versions
from pipelines.versions import Version
from pipelines.workspace import Workspace

log = logging.getLogger("beffroi")
reasons = logging.getLogger("beffroi.registries")
reasons.addHandler(logging.NullHandler())  # the command line, which sets up no log, tells the error itself


AMISS = {"failing", "open"}
ENDED = {"refused", "expired"}
"""What makes the whole degraded: how a registry is, how a credential stands."""


@dataclass
class State:
    """What the last answers of a registry told: `unknown` until it was asked."""

    status: str = "unknown"
    since: dt.datetime | None = None
    code: str | None = None
    answered: int = 0
    failed: int = 0
    refused: bool = False  # our credentials, since the last answer that they brought
    reasons: set[tuple[str, str]] = field(default_factory=set)  # codes and details that are in the log

    def told(self) -> dict[str, Any]:
        """Return it as /health shows it."""
        since = self.since.isoformat(timespec="seconds") if self.since else None
        return {
            "status": self.status,
            "since": since,
            "code": self.code,
            "answered": self.answered,
            "failed": self.failed,
        }


class Health:
    """The state of every registry, as lookups find it."""

    def __init__(self, registries: list[str]) -> None:
        """Nothing is known of them yet."""
        self.registries = {name: State() for name in registries}

    def note(self, registry: str, error: BeffroiError | None) -> None:
        """Note how a registry answered; «not found» and «withheld» are answers like any other.

        Why it failed goes to the log, each reason once and no more than MOST of them: a detail holds no value. Where
        nobody asked (planned maintenance, no place free), or a part of it failed, nothing is learnt of the registry.
        """
        if isinstance(error, Maintenance) or (error is not None and not error.general):
            return
        state = self.registries[registry]
        failed = error is not None and not isinstance(error, CallerError)
        state.refused = isinstance(error, RefusedUs) or (state.refused and failed)
        status = "failing" if failed else "ok"
        if status != state.status:
            state.status, state.since = status, dt.datetime.now(dt.UTC)
        state.code = error.code if failed and error is not None else None
        state.failed += failed
        state.answered += not failed
        if failed and error is not None:
            reason = (error.code, error.detail)
            if reason not in state.reasons and len(state.reasons) < MOST:
                state.reasons.add(reason)
                reasons.warning("registry %s, %s: %s", registry, *reason)

    def told(self, workspace: Workspace, names: list[str], journal_writable: bool) -> dict[str, Any]:
        """Return the whole, with the datasets of these names; `degraded` where anything is amiss."""
        registries = {
            name: _registry(state, workspace.registries[name]) for name, state in sorted(self.registries.items())
        }
        datasets = {name: _dataset(workspace, name) for name in sorted(names)}
        amiss = (
            not journal_writable
            or any(told["status"] in AMISS for told in registries.values())
            or any(each["status"] in ENDED for told in registries.values() for each in told.get("credentials", ()))
            or any(told["version"] is None for told in datasets.values())
        )
        return {
            "status": "degraded" if amiss else "ok",
            "beffroi": beffroi_version(),
            "journal": "ok" if journal_writable else "failing",
            "registries": registries,
            "datasets": datasets,
        }


def _registry(state: State, registry: Registry) -> dict[str, Any]:
    """Return what is told of a registry; what does not concern it is left out."""
    told: dict[str, Any] = {**state.told(), "set_aside": len(registry.extras)}
    if (away := registry.pace.away()) is not None:
        until = dt.datetime.fromtimestamp(away[0], dt.UTC).isoformat(timespec="seconds")
        told |= {"until": until, "reason": f"it asked us not to come again before (HTTP {away[1]})"}
    if (wait := registry.guard.breaker.wait()) is not None:
        told |= {"status": "open", "retry_in": round(wait, 1)}
    if (outage := registry.guard.outage()) is not None:
        told |= {"status": "maintenance", "until": outage.until.isoformat(), "reason": outage.reason}
    now = dt.datetime.now(dt.UTC)
    if known := [each.told(now) for each in credentials(registry, refused=state.refused)]:
        told["credentials"] = known
    return told


def credentials(registry: Registry, *, refused: bool = False) -> list[Credential]:
    """Return what is known of our credentials with a registry; `refused` is whether it said that it takes none of them.

    A file that is no certificate is a credential that the registry cannot but refuse.
    """
    try:
        known = list(registry.credentials())
    except Misconfigured as error:
        return [Credential(error.detail, refused=True)]
    return [*known, Credential("what we ask with", refused=True)] if refused else known


def shown_version(workspace: Workspace, name: str) -> Version | None:
    """Return the version that lists show of a dataset; none where its log is damaged, so that the others are shown."""
    try:
        return versions.latest(workspace, name)
    except Unavailable as error:
        log.error("%s", error.detail)  # noqa: TRY400  # the trace says nothing more
        return None


def _dataset(workspace: Workspace, name: str) -> dict[str, Any]:
    latest = shown_version(workspace, name)
    if latest is None:
        return {"version": None, "committed": None, "age_seconds": None}
    return {"version": latest.number, "committed": latest.committed.isoformat(), "age_seconds": age(latest.as_of)}


def age(moment: dt.datetime) -> int:
    """Return the whole seconds since `moment`, never less than none."""
    return max(0, int((dt.datetime.now(dt.UTC) - moment).total_seconds()))


def beffroi_version() -> str:
    """Return the version of Beffroi that runs."""
    try:
        return version("beffroi")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "not installed"
