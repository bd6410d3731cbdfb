"""Who asks, and what they may see: one plain function, `decide`, that every path calls.

A grant is for one lookup or one dataset that is not open, some fields, some rows, some purposes. What is not granted is
absent from the answer; asked for by name it is refused. What a grant by rows leaves is told by `decision`.
"""

import datetime as dt
import getpass
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from connectors.errors import BeffroiError, InvalidRequest, NotGranted
from gateway.callers.credentials import Credential
from gateway.callers.decision import Decision, Share
from gateway.callers.nir import holds_nir
from gateway.callers.proxies import Address, within
from pipelines.declarations import Dataset
from pipelines.declarations.accounting import WHO_READ
from pipelines.declarations.configuration import Grant, Lookup, Purpose
from pipelines.declarations.sentences import among
from pipelines.workspace import Workspace

AGENT = re.compile(r"[\w.@+-]{1,100}")
"""What `Beffroi-Agent` may look like: the name of an account, as the application knows it."""

CASE = re.compile(r"[A-Za-z0-9][\w./:+-]{0,63}", re.ASCII)
"""What `Beffroi-Case` may look like: the number of a file. It has no blank, as names of people have."""

MISSING = {
    "agent": "Beffroi-Agent (the account of whoever asks, as the application knows it, such as m.dupont)",
    "case": "Beffroi-Case (the number of the case file that it is asked for, such as 2026-0142, never a name)",
}
"""What a purpose may require of a call: the header, and what stands in it."""


@dataclass(frozen=True)
class Caller:
    """Who asks and why. By `command` it is the operator; by `api` an application, or nobody known.

    `refusal` is what is wrong with what the caller says of itself. It is raised where it matters: open data need
    no credential. `receipt` is whether a signed proof of each answer is wanted. `origin` is what a refusal of it counts for.
    """

    via: Literal["api", "command"]
    application: str | None = None
    organisation: str | None = None
    purpose: str | None = None
    agent: str | None = None
    refusal: BeffroiError | None = None
    receipt: bool = False
    case: str | None = None
    origin: str | None = None


@dataclass(frozen=True)
class Resource:
    """What is asked: a lookup, a dataset, an operation of a registry, the journal; its fields, if open, if personal."""

    kind: Literal["lookup", "dataset", "operation", "journal"]
    name: str
    fields: tuple[str, ...]
    open: bool
    personal: bool
    verified: bool = False  # asked whether something is so, not what it is
    known: bool = False  # asked whether there is such a thing, not what is in it: no purpose is wanted for that

    def __str__(self) -> str:
        return f"the {self.kind} {self.name}" if self.kind != "journal" else f"the journal's {self.name}"


def of_lookup(name: str, lookup: Lookup, *, verified: bool = False) -> Resource:
    """Return a lookup as a resource, its fields told or only `verified`; none is open."""
    model, fields = lookup.record_model, tuple(lookup.record_model.model_fields)
    return Resource("lookup", name, fields, open=False, personal=model.is_personal(), verified=verified)


def of_dataset(dataset: Dataset) -> Resource:
    """Return a dataset as a resource."""
    names = tuple(column.name for column in dataset.columns)
    personal = any(column.personal for column in dataset.columns)
    return Resource("dataset", dataset.name, names, open=dataset.audience == "open", personal=personal)


def of_operation(registry: str, operation: str, *, personal: bool) -> Resource:
    """Return an operation of a registry as a resource: nobody but the operator can ask one as it stands."""
    return Resource("operation", f"{operation} of {registry}", (), open=False, personal=personal)


def of_who_read() -> Resource:
    """Return what the journal tells of who read the data of one person."""
    return Resource("journal", "who-read", WHO_READ, open=False, personal=True)


def of_refused(dataset: Dataset) -> Resource:
    """Return the refused rows of a dataset as a resource. What the source has may be more than the columns."""
    resource = of_dataset(dataset)
    return replace(resource, open=False, personal=resource.personal or not resource.open)


def identify(workspace: Workspace, credential: Credential, headers: Mapping[str, str], purpose: str | None) -> Caller:
    """Tell who calls the API, by a credential and headers; `purpose` is the one in the query, where no header says it.

    Never raises for what the caller did: what is wrong becomes the caller's `refusal`.
    """
    purpose, case = headers.get("beffroi-purpose") or purpose, headers.get("beffroi-case")
    refusal, agent = credential.refusal, headers.get("beffroi-agent", credential.agent)
    if agent is not None and not AGENT.fullmatch(agent):
        agent = None
        refusal = InvalidRequest(
            "the agent (Beffroi-Agent) is the name of an account: at most 100 letters, digits and .@+-_"
        )
    elif agent is not None and holds_nir(agent):
        agent = None
        refusal = InvalidRequest(
            "the agent (Beffroi-Agent) is the name of an account, and what came is the number of a person"
        )
    elif credential.agent not in (None, agent):
        refusal = InvalidRequest("Beffroi-Agent names another agent than the access token: leave it out")
        agent = credential.agent
    if case is not None and (wrong := _amiss(case, "Beffroi-Case")) is not None:
        case, refusal = None, refusal or wrong
    organisation = workspace.applications[credential.application][0] if credential.application else None
    application, origin = credential.application, credential.origin
    return Caller("api", application, organisation, purpose, agent, refusal, case=case, origin=origin)


def operator(purpose: str | None, case: str | None = None) -> Caller:
    """Return the caller of the command line: the operating system's user is the agent, where it has a name."""
    refusal = None if case is None else _amiss(case, "--case")
    try:
        agent = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a number without a name, as in some containers
        agent = None
    return Caller("command", purpose=purpose, agent=agent, refusal=refusal, case=None if refusal else case)


def _amiss(case: str, where: str) -> InvalidRequest | None:
    """Return what is wrong with the number of a case: it stands in the journal as it is, which names nobody."""
    if not CASE.fullmatch(case):
        said = "at most 64 letters without accents, digits and ./:_+-, no blank"
        return InvalidRequest(f"the case ({where}) is the number of a case file: {said}")
    if not holds_nir(case):
        return None
    return InvalidRequest(f"the case ({where}) is the number of a case file, and what came is the number of a person")


def decide(
    workspace: Workspace, caller: Caller, resource: Resource, asked: Sequence[str] | None, *, by_row: bool = False
) -> Decision:
    """Return what the caller gets: the fields asked for, or all that are granted, and of which rows.

    Raises Unauthenticated without a valid token, NotGranted with what is missing (grant, purpose, agent, case, field),
    InvalidRequest for a field that does not exist. An open dataset is for everybody. Only who says `by_row`, and keeps to
    the decision's rows, gets what is granted of some rows: else only what is granted of all counts.
    """
    shares: tuple[Share, ...] = (Share(frozenset(resource.fields), {}),)
    if not resource.open:
        if caller.refusal is not None:
            raise caller.refusal
        if caller.via == "command":
            _operator(workspace, caller, resource)
        else:
            shares = _application(workspace, caller, resource, by_row=by_row)
    granted = frozenset[str]().union(*(share.fields for share in shares))
    for field in asked or ():
        if field not in resource.fields and resource.kind == "dataset":
            raise InvalidRequest(f"there is no column «{field}»{among(field, granted)}")
        if field not in resource.fields:
            raise InvalidRequest(f"there is no field «{field}»{among(field, granted)}")
        if field not in granted:
            raise NotGranted(f"{caller.application} has no grant on the field {field} of {resource} for that purpose")
    fields = resource.fields
    if asked is not None or not granted.issuperset(fields):
        fields = tuple(name for name in fields if name in granted and (asked is None or name in asked))
    return Decision(fields, shares, asked is not None, caller.application or "nobody", str(resource))


def _operator(workspace: Workspace, caller: Caller, resource: Resource) -> None:
    """The operator of the command line holds the files anyway; for personal data the law still wants a purpose."""
    if resource.known:
        return
    declared = workspace.configuration.purposes
    if caller.purpose is None and resource.personal:
        none = "" if declared else "; the workspace declares no purpose yet, under purposes:"
        raise NotGranted(f"{resource} may hold personal data: say why with --purpose{among('', declared)}{none}")
    if caller.purpose is not None:
        _hold(caller, resource, declared)


def _application(workspace: Workspace, caller: Caller, resource: Resource, *, by_row: bool) -> tuple[Share, ...]:
    declared = workspace.configuration.purposes
    grants = _grants(workspace, caller, resource)
    if resource.known:
        grants = [grant for grant in grants if not all(_over(declared[purpose]) for purpose in grant.purposes)]
    if not grants:
        only = not resource.verified and _grants(workspace, caller, replace(resource, verified=True))
        but = ", only one to verify what it knows already: ask with verify" if only else ""
        raise NotGranted(f"{caller.application} has no grant on {resource}{but}")
    if resource.known:
        return tuple(_share(grant, resource) for grant in grants)
    allowed = sorted({purpose for grant in grants for purpose in grant.purposes})
    if caller.purpose is None:
        raise NotGranted(
            "no purpose came with the call: say it in the header Beffroi-Purpose, or ?purpose= on GET"
            f"{among('', allowed)}"
        )
    if caller.purpose not in allowed and caller.purpose not in _purposes(workspace, caller):
        raise NotGranted(f"that purpose is not declared{among(caller.purpose, allowed)}")  # or is another tenant's
    _hold(caller, resource, declared)
    if caller.purpose not in allowed:
        raise NotGranted(
            f"{caller.application} has a grant on {resource}, but not for the purpose {caller.purpose}"
            f"{among(caller.purpose, allowed)}"
        )
    granted = [grant for grant in grants if caller.purpose in grant.purposes and (by_row or not grant.rows)]
    if not granted:
        raise NotGranted(
            f"{caller.application} has a grant on some rows of {resource} only, and this tells of all of them: ask for"
            f" rows (/datasets/{resource.name}/rows) or what changed in them (…/diff), which come without the others"
        )
    return tuple(_share(grant, resource) for grant in granted)


def _share(grant: Grant, resource: Resource) -> Share:
    fields = resource.fields if grant.fields == "*" else grant.fields
    return Share(frozenset(fields), {column: frozenset(values) for column, values in grant.rows.items()})


def _purposes(workspace: Workspace, caller: Caller) -> set[str]:
    """Return the purposes of the caller's organisation: those that grants of its applications name."""
    organisation, _ = workspace.applications[caller.application or ""]
    applications = workspace.configuration.organisations[organisation].applications.values()
    return {purpose for each in applications for grant in each.grants for purpose in grant.purposes}


def _hold(caller: Caller, resource: Resource, declared: Mapping[str, Purpose]) -> None:
    """Raise NotGranted unless the caller's purpose is declared and in force, to its last day, and has what it requires."""
    purpose = caller.purpose or ""
    if purpose not in declared:
        raise NotGranted(f"that purpose is not declared{among(purpose, declared)}")
    if _over(declared[purpose]):
        raise NotGranted(f"the purpose {purpose} expired on {declared[purpose].expires}: its agreement must be renewed")
    required = declared[purpose].requires
    if required is None:
        required = ["agent", "case"] if resource.personal and resource.kind == "lookup" else []
    missing = [MISSING[name] for name in required if getattr(caller, name) is None]
    if missing and caller.via == "api":
        raise NotGranted(f"the purpose {purpose} wants to know who asks, and for what: send {' and '.join(missing)}")
    if resource.kind == "lookup" and caller.case is None and "case" in required:
        raise NotGranted(f"the purpose {purpose} wants a case: say by --case the number of its case file")


def _over(purpose: Purpose) -> bool:
    return purpose.expires is not None and purpose.expires < dt.datetime.now(dt.UTC).date()


def _grants(workspace: Workspace, caller: Caller, resource: Resource) -> list[Grant]:
    if caller.application is None or caller.refusal is not None:
        return []
    _organisation, application = workspace.applications[caller.application]
    granted = [grant for grant in application.grants if getattr(grant, resource.kind) == resource.name]
    return [grant for grant in granted if resource.verified or not grant.verify]


def known(workspace: Workspace, caller: Caller, resource: Resource) -> Decision | None:
    """Return what the caller may get of a resource for one purpose or another; None where it may not know that it exists."""
    try:
        return decide(workspace, caller, replace(resource, known=True), None, by_row=True)
    except BeffroiError:
        return None


def visible(workspace: Workspace, caller: Caller) -> list[str]:
    """Return the names of the datasets whose existence the caller may know: the open ones, those with a grant."""
    return [name for name, each in workspace.datasets.items() if known(workspace, caller, of_dataset(each))]


def counted(workspace: Workspace, caller: Caller, dataset: Dataset) -> bool:
    """Tell whether the caller may know how many rows a dataset has: some grant is of all of them."""
    decision = known(workspace, caller, of_dataset(dataset))
    return decision is not None and not decision.hides


def may_scrape(workspace: Workspace, address: Address | None) -> None:
    """Raise NotGranted unless the metrics may be read from an address: they name every application, and nobody else."""
    declared = workspace.configuration.metrics
    if declared is None or not within(address, declared.networks):
        raise NotGranted("the metrics are for the networks that the workspace declares: this call comes from elsewhere")
