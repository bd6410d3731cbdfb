"""Who may see what, and why: what `access.decide` says of an application and a lookup or a dataset, for each purpose.

Nothing is judged here: each yes and each reason is what a call would get. Secrets are never read, since only their hashes
are kept.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from connectors.errors import BeffroiError, NotFound
from gateway.callers.access import MISSING, Caller, Resource, decide, of_dataset, of_lookup, of_who_read
from gateway.callers.decision import Decision
from gateway.callers.limits import Window, standing
from gateway.callers.tokens import Tokens
from pipelines.declarations.sentences import among
from pipelines.workspace import Workspace

SOMEBODY = "somebody"
"""What stands for an agent and a case: what is told is what a call gets that names both."""


@dataclass(frozen=True)
class Part:
    """Some fields of some rows: those with one of these values in each column; of all, where there is none."""

    fields: list[str]
    rows: dict[str, list[str]]


@dataclass(frozen=True)
class For:
    """What an application gets for one purpose that a grant of its names: seen, verified only, or refused, and why.

    `send` are the headers without which a call is refused.
    """

    purpose: str
    title: str
    procedure: str
    legal_basis: str
    agreement: str | None
    expires: dt.date | None
    expired: bool
    sees: list[Part]
    verifies: list[Part]
    send: list[str]
    refused: str | None


@dataclass(frozen=True)
class Credential:
    """By what an application is known: a token's id, a certificate, a client of a provider; until when, from where."""

    kind: str
    name: str
    expires: dt.datetime | None = None
    networks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Missing:
    """What stands in the way of more, and what to write where: a sentence with what it names, to be put into a language."""

    said: str
    named: dict[str, str]


@dataclass(frozen=True)
class Explanation:
    """Who may see what, and why. `answered` is whether a call with one of its credentials gets something.

    `never` are the fields that it has for no purpose, `whole_files` whether it may take whole files of the dataset.
    """

    resource: str
    open: bool
    personal: bool
    organisation: str | None = None
    application: str | None = None
    answered: bool = True
    purposes: list[For] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    whole_files: bool = False
    credentials: list[Credential] = field(default_factory=list)
    limits: list[Window] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)


def _all(workspace: Workspace) -> dict[str, Resource]:
    found = {f"lookup:{each}": of_lookup(each, lookup) for each, lookup in workspace.configuration.lookups.items()}
    found |= {f"dataset:{each}": of_dataset(dataset) for each, dataset in workspace.datasets.items()}
    return {**found, "journal:who-read": of_who_read()}


def resources(workspace: Workspace, name: str) -> list[Resource]:
    """Return the lookup, the dataset or both of a name, or who-read; `lookup:NAME` says which. Raises NotFound."""
    found = _all(workspace)
    meant = [each for text, each in found.items() if name in (text, text.partition(":")[2])]
    if not meant:
        raise NotFound(
            f"there is no lookup and no dataset «{name}»{among(name, {each.name for each in found.values()})}"
        )
    return meant


def overview(workspace: Workspace, name: str) -> list[Explanation]:
    """Return who gets what of the lookup or dataset of a name; where it is an application's, all that this one gets.

    Raises NotFound for a name that nothing has.
    """
    everything = _all(workspace)
    taken = {text for each in everything for text in (each, each.partition(":")[2])}
    if name in taken or name not in workspace.applications:
        return [each for resource in resources(workspace, name) for each in everybody(workspace, resource)]
    found = [explain(workspace, name, resource) for resource in everything.values() if not resource.open]
    return [each for each in found if each.purposes]


def everybody(workspace: Workspace, resource: Resource) -> list[Explanation]:
    """Return what each application gets that has a grant on a resource; of an open one, that it is for everybody."""
    if resource.open:
        return [explain(workspace, None, resource)]
    found = [explain(workspace, name, resource) for name in sorted(workspace.applications)]
    return [each for each in found if each.purposes]


def explain(workspace: Workspace, application: str | None, resource: Resource) -> Explanation:
    """Return what one application gets of a resource, and why. Raises NotFound for one that is not declared."""
    text = f"{resource.kind}:{resource.name}"
    if application is not None and application not in workspace.applications:
        raise NotFound(f"there is no application «{application}»{among(application, workspace.applications)}")
    if application is None or resource.open:
        return Explanation(text, resource.open, resource.personal, application=application, whole_files=resource.open)
    organisation, declared = workspace.applications[application]
    grants = [grant for grant in declared.grants if getattr(grant, resource.kind) == resource.name]
    names = sorted({purpose for grant in grants for purpose in grant.purposes})
    caller = Caller("api", application, organisation, agent=SOMEBODY, case=SOMEBODY)
    purposes = [_for(workspace, replace(caller, purpose=name), resource) for name in names]
    given = {name for each in purposes for part in (*each.sees, *each.verifies) for name in part.fields}
    whole = [_decided(workspace, replace(caller, purpose=name), resource, by_row=False) for name in names]
    credentials = _credentials(workspace, application)
    found = Explanation(
        text, resource.open, resource.personal, organisation, application,
        answered=bool(given and credentials), purposes=purposes, credentials=credentials,
        never=[name for name in resource.fields if name not in given],
        whole_files=resource.kind == "dataset" and any(each.fields == resource.fields for each in _made(whole)),
        limits=list(standing(workspace.state, application, declared.limits)) if declared.limits else [],
    )  # fmt: skip
    return replace(found, missing=_missing(workspace, found, resource))


def _decided(
    workspace: Workspace, caller: Caller, resource: Resource, *, by_row: bool = True
) -> Decision | BeffroiError:
    """Return what is decided for a call, or why it is refused."""
    try:
        return decide(workspace, caller, resource, None, by_row=by_row)
    except BeffroiError as error:
        return error


def _made(decided: Sequence[Decision | BeffroiError]) -> list[Decision]:
    return [each for each in decided if isinstance(each, Decision)]


def _for(workspace: Workspace, caller: Caller, resource: Resource) -> For:
    """Tell what a caller gets for its purpose: with all that may be required, and what is refused without some of it."""
    name = caller.purpose or ""
    seen = _decided(workspace, caller, resource)
    verified = _decided(workspace, caller, replace(resource, verified=True)) if resource.kind == "lookup" else seen
    sees, verifies = (
        _parts(seen, resource),
        [part for part in _parts(verified, resource) if part not in _parts(seen, resource)],
    )
    asked = resource if sees else replace(resource, verified=True)
    send = [f"Beffroi-Purpose: {name}"] if sees or verifies else []
    for what, header in MISSING.items() if send else ():
        if isinstance(_decided(workspace, _without(caller, what), asked), BeffroiError):
            send.append(header.partition(" ")[0])
    said = workspace.configuration.purposes[name]
    expired = said.expires is not None and said.expires < dt.datetime.now(dt.UTC).date()
    refused = seen.detail if isinstance(seen, BeffroiError) else None
    return For(
        name, said.title, said.procedure, said.legal_basis, said.agreement, said.expires, expired, sees, verifies, send,
        refused,
    )  # fmt: skip


def _without(caller: Caller, what: str) -> Caller:
    return replace(caller, agent=None) if what == "agent" else replace(caller, case=None)


def _parts(decided: Decision | BeffroiError, resource: Resource) -> list[Part]:
    if isinstance(decided, BeffroiError):
        return []
    found = []
    for share in decided.shares:
        rows = {column: sorted(values) for column, values in share.rows.items()}
        part = Part([name for name in resource.fields if name in share.fields], rows)
        if part not in found:
            found.append(part)
    return found


def _credentials(workspace: Workspace, application: str) -> list[Credential]:
    """Return by what the application is known today: tokens in force, certificates that a proxy reports, clients."""
    tokens = Tokens(workspace)
    try:
        issued = [each for each in tokens.all() if each.application == application and each.valid]
    finally:
        tokens.close()
    found = [Credential("token", each.id, each.expires, list(each.networks)) for each in issued]
    configuration, (_, declared) = workspace.configuration, workspace.applications[application]
    if configuration.proxies is not None and configuration.proxies.certificate is not None:
        found += [Credential("certificate", each.sha256 or each.subject or "") for each in declared.certificates]
    for name, provider in configuration.identity.providers.items():
        clients = [client for client, whose in provider.applications.items() if whose == application]
        found += [Credential("openid", f"{client} of {name}") for client in clients]
    return found


def _missing(workspace: Workspace, found: Explanation, resource: Resource) -> list[Missing]:
    """Return what to write where, so that the application gets more than it does."""
    organisation, application = found.organisation or "", found.application or ""
    own = (workspace.root / "organisations" / f"{organisation}.yaml").is_file()
    file, at = (f"organisations/{organisation}.yaml", "") if own else ("beffroi.yaml", f"organisations.{organisation}.")
    named = {"application": application, "file": file, "at": f"{at}applications.{application}.grants"}
    missing = []
    if not found.purposes:
        fields = "FIELD, …" if resource.fields else ""
        grant = f"- {{{resource.kind}: {resource.name}, fields: [{fields}], purposes: [PURPOSE]}}"
        said = "{application} has no grant on it. Write one in {file}, under {at}: {grant}. Its fields: {fields}"
        missing.append(Missing(said, {**named, "grant": grant, "fields": ", ".join(resource.fields)}))
    elif lacking := [name for name in found.never if name not in _waiting(workspace, found, resource)]:
        said = "no grant for a purpose in force gives it {fields}: add what it needs to fields: in {file}, under {at}"
        missing.append(Missing(said, {**named, "fields": ", ".join(lacking)}))
    for each in found.purposes:
        if each.expired:
            apart = (workspace.root / "purposes" / f"{each.purpose}.yaml").is_file()
            where = f"purposes/{each.purpose}.yaml" if apart else "beffroi.yaml"
            said = "the purpose {purpose} expired on {day}: once it is agreed anew, write its new expires: in {file}"
            missing.append(Missing(said, {"purpose": each.purpose, "day": str(each.expires), "file": where}))
    if not found.credentials:
        said = "nobody can call as {application}, which has no credential in force: `beffroi token issue {application}`"
        missing.append(Missing(said, named))
    return missing


def _waiting(workspace: Workspace, found: Explanation, resource: Resource) -> set[str]:
    """Return the fields that a grant gives, for a purpose that has expired."""
    expired = {each.purpose for each in found.purposes if each.expired}
    _, declared = workspace.applications[found.application or ""]
    grants = [each for each in declared.grants if getattr(each, resource.kind) == resource.name]
    return {
        name for each in grants if expired.intersection(each.purposes)
        for name in (resource.fields if each.fields == "*" else each.fields)
    }  # fmt: skip
