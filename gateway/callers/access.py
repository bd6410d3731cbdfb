"""Who asks, and what they may see: one plain function, `decide`, that every path calls.

A grant is for one lookup or one dataset that is not open, some fields, some purposes. What is not granted is absent
from the answer; asked for by name it is refused.
"""

import datetime as dt
import getpass
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from connectors.errors import BeffroiError, InvalidRequest, NotGranted
from gateway.callers.credentials import Credential
from pipelines.declarations import Dataset
from pipelines.declarations.accounting import WHO_READ
from pipelines.declarations.configuration import Grant, Lookup, Purpose
from pipelines.declarations.sentences import among
from pipelines.workspace import Workspace

AGENT = re.compile(r"[\w.@+-]{1,100}")
"""What `Beffroi-Agent` may look like: the name of an account, as the application knows it."""


@dataclass(frozen=True)
class Caller:
    """Who asks and why. By `command` it is the operator; by `api` an application, or nobody known.

    `refusal` is what is wrong with what the caller says of itself. It is raised where it matters: open data need
    no credential. `receipt` is whether a signed proof of each answer is wanted.
    """

    via: Literal["api", "command"]
    application: str | None = None
    organisation: str | None = None
    purpose: str | None = None
    agent: str | None = None
    refusal: BeffroiError | None = None
    receipt: bool = False


@dataclass(frozen=True)
class Resource:
    """What is asked: a lookup, a dataset, an operation of a registry, the journal; its fields, if open, if personal."""

    kind: Literal["lookup", "dataset", "operation", "journal"]
    name: str
    fields: tuple[str, ...]
    open: bool
    personal: bool
    verified: bool = False  # asked whether something is so, not what it is

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
    purpose = headers.get("beffroi-purpose") or purpose
    refusal, agent = credential.refusal, headers.get("beffroi-agent", credential.agent)
    if agent is not None and not AGENT.fullmatch(agent):
        agent = None
        refusal = InvalidRequest(
            "the agent (Beffroi-Agent) is the name of an account: at most 100 letters, digits and .@+-_"
        )
    elif credential.agent not in (None, agent):
        refusal = InvalidRequest("Beffroi-Agent names another agent than the access token: leave it out")
        agent = credential.agent
    organisation = workspace.applications[credential.application][0] if credential.application else None
    return Caller("api", credential.application, organisation, purpose, agent, refusal)


def operator(purpose: str | None) -> Caller:
    """Return the caller of the command line: the operating system's user is the agent, where it has a name."""
    try:
        agent = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a number without a name, as in some containers
        agent = None
    return Caller("command", purpose=purpose, agent=agent)


def decide(workspace: Workspace, caller: Caller, resource: Resource, asked: Sequence[str] | None) -> tuple[str, ...]:
    """Return the fields that the caller gets, in the resource's order: those asked for, or all that are granted.

    Raises Unauthenticated without a valid token, NotGranted with what is missing (grant, purpose, field),
    InvalidRequest for a field that does not exist. An open dataset is for everybody.
    """
    if resource.open:
        granted = frozenset(resource.fields)
    elif caller.refusal is not None:
        raise caller.refusal
    elif caller.via == "command":
        granted = _operator(workspace, caller, resource)
    else:
        granted = _application(workspace, caller, resource)
    for field in asked or ():
        if field not in resource.fields:
            raise InvalidRequest(f"there is no field «{field}»{among(field, granted)}")
        if field not in granted:
            raise NotGranted(f"{caller.application} has no grant on the field {field} of {resource} for that purpose")
    return tuple(name for name in resource.fields if name in granted and (asked is None or name in asked))


def _operator(workspace: Workspace, caller: Caller, resource: Resource) -> frozenset[str]:
    """The operator of the command line holds the files anyway; for personal data the law still wants a purpose."""
    declared = workspace.configuration.purposes
    if caller.purpose is None and resource.personal:
        none = "" if declared else "; the workspace declares no purpose yet, under purposes:"
        raise NotGranted(f"{resource} holds personal data, or may: say why with --purpose{among('', declared)}{none}")
    if caller.purpose is not None:
        _hold(caller.purpose, declared)
    return frozenset(resource.fields)


def _application(workspace: Workspace, caller: Caller, resource: Resource) -> frozenset[str]:
    grants = _grants(workspace, caller, resource)
    if not grants:
        only = not resource.verified and _grants(workspace, caller, replace(resource, verified=True))
        but = ", only one to verify what it knows already: ask with verify" if only else ""
        raise NotGranted(f"{caller.application} has no grant on {resource}{but}")
    allowed = sorted({purpose for grant in grants for purpose in grant.purposes})
    if caller.purpose is None:
        raise NotGranted(
            "no purpose came with the call: say it in the header Beffroi-Purpose, or ?purpose= on GET"
            f"{among('', allowed)}"
        )
    _hold(caller.purpose, workspace.configuration.purposes)
    if caller.purpose not in allowed:
        raise NotGranted(
            f"{caller.application} has a grant on {resource}, but not for the purpose {caller.purpose}"
            f"{among(caller.purpose, allowed)}"
        )
    fields: set[str] = set()
    for grant in grants:
        if caller.purpose in grant.purposes:
            fields.update(resource.fields if grant.fields == "*" else grant.fields)
    return frozenset(fields)


def _hold(purpose: str, declared: Mapping[str, Purpose]) -> None:
    """Raise NotGranted unless the purpose is declared and in force; it is to its last day."""
    if purpose not in declared:
        raise NotGranted(f"that purpose is not declared{among(purpose, declared)}")
    expires = declared[purpose].expires
    if expires is not None and expires < dt.datetime.now(dt.UTC).date():
        raise NotGranted(f"the purpose {purpose} expired on {expires.isoformat()}: its agreement must be renewed")


def _grants(workspace: Workspace, caller: Caller, resource: Resource) -> list[Grant]:
    if caller.application is None or caller.refusal is not None:
        return []
    _organisation, application = workspace.applications[caller.application]
    granted = [grant for grant in application.grants if getattr(grant, resource.kind) == resource.name]
    return [grant for grant in granted if resource.verified or not grant.verify]


def visible(workspace: Workspace, caller: Caller) -> list[str]:
    """Return the names of the datasets whose existence the caller may know: the open ones, those with a grant."""
    return [
        name
        for name, dataset in workspace.datasets.items()
        if dataset.audience == "open" or caller.via == "command" or _grants(workspace, caller, of_dataset(dataset))
    ]
