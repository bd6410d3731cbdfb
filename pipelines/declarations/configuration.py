"""What `beffroi.yaml` declares, as typed models: organisations, purposes, lookups, publication.

The models hold the form of each value; what several files say together is found by `coherence`.
"""

import datetime as dt
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from connectors import identities
from connectors.declared import Declared
from connectors.identifiers import asked_by
from connectors.records import RECORDS, Record
from pipelines.declarations import Name, Words
from pipelines.declarations.accounting import JournalSettings
from pipelines.declarations.callers import CallLimits, ClientCertificate, Identity, Proxies, Scraping
from pipelines.declarations.sentences import among


class Grant(Declared):
    """What an application may ask: one lookup, one dataset that is not open, or the journal; fields, rows and purposes.

    `rows` are those that have, in each column named, one of the values listed: of text, as codes are. With `verify`, a
    lookup's fields are not told: only whether what the application gives is what they are.
    """

    lookup: str | None = None
    dataset: str | None = None
    journal: Literal["who-read"] | None = None
    fields: Literal["*"] | list[str]
    rows: dict[str, Annotated[list[str], Field(min_length=1)]] = {}
    purposes: Annotated[list[str], Field(min_length=1)]
    verify: bool = False

    @model_validator(mode="after")
    def _one(self) -> "Grant":
        if [self.lookup, self.dataset, self.journal].count(None) != 2:
            raise ValueError("a grant is for one lookup:, for one dataset:, or for journal: who-read")
        if self.verify and self.lookup is None:
            raise ValueError("verify: is for a lookup:")
        if self.rows and self.journal is not None:
            raise ValueError("rows: is for a lookup: or a dataset:")
        return self


class Application(Declared):
    """A caller with a credential of its own."""

    title: Words
    grants: list[Grant] = []
    certificates: list[ClientCertificate] = []
    limits: CallLimits | None = None


class Organisation(Declared):
    """A municipality, a department, a partner: the tenant."""

    title: Words
    applications: dict[Name, Application] = {}


class Purpose(Declared):
    """Why data is asked: what the law wants to be said before it is.

    `agreement` is the reference of what was agreed with whoever has the data. `requires` is what must come with each
    call beside the purpose; where it is not said, agent and case for a lookup of personal data, and else neither.
    """

    title: Words
    procedure: Words
    legal_basis: Words
    agreement: Words | None = None
    expires: dt.date | None = None
    requires: list[Literal["agent", "case"]] | None = None


class Provider(Declared):
    """One source that can answer a lookup: a registry, or a dataset that mirrors one."""

    registry: str | None = None
    dataset: str | None = None

    @model_validator(mode="after")
    def _one(self) -> "Provider":
        if (self.registry is None) == (self.dataset is None):
            raise ValueError("a provider is one registry: or one dataset:")
        return self

    @property
    def name(self) -> str:
        """Return the name that answers show: the registry's, or `dataset:NAME`."""
        return self.registry or f"dataset:{self.dataset}"


class Caching(Declared):
    """How long what a registry answered is told again, in seconds.

    `not_found` is how long it is told that there is no such thing, `stale` how long past its time an answer is told
    where nobody can give a new one.
    """

    seconds: Annotated[float, Field(gt=0, le=30 * 86400)]
    not_found: Annotated[float, Field(ge=0, le=86400)] = 30.0
    stale: Annotated[float, Field(ge=0, le=30 * 86400)] = 0.0


class Lookup(Declared):
    """One question asked through the gateway: a record, and who can answer, in order.

    Without `record`, its one provider is a dataset, and a row of that is what it answers.
    """

    record: str | None = None
    title: str = ""
    providers: Annotated[list[Provider], Field(min_length=1)]
    deadline: Annotated[float, Field(gt=0, le=120)] = 8.0  # seconds for all providers together
    cache: Caching | None = None
    identity: identities.Fields | None = None  # the columns of its datasets that one identity is made of

    _record_model: type[Record] = PrivateAttr()
    _asked_model: type[Record] = PrivateAttr()

    @field_validator("record")
    @classmethod
    def _known(cls, record: str | None, info: ValidationInfo) -> str | None:
        if record is not None and record not in _records(info):
            raise ValueError(f"record {record} is unknown{among(record, _records(info))}")
        return record

    @model_validator(mode="after")
    def _resolved(self, info: ValidationInfo) -> "Lookup":
        if self.record is not None:
            self._record_model = _records(info)[self.record]
        elif len(self.providers) != 1 or self.providers[0].dataset is None:
            raise ValueError("say which record: it answers, or name one dataset: as its only provider")
        else:
            rows: Mapping[str, type[Record]] = {} if info.context is None else info.context["rows"]
            self._record_model = rows.get(self.providers[0].dataset, Record)  # that it is unknown is told elsewhere
        self._asked_model = self._record_model if self.identity is None else asked_by(self._record_model, self.identity)
        return self

    @cached_property
    def record_model(self) -> type[Record]:
        """Return the record that this lookup answers."""
        return self._record_model

    @cached_property
    def asked_model(self) -> type[Record]:
        """Return that record with all identifiers that this lookup takes, an identity too where it declares one."""
        return self._asked_model


def _records(info: ValidationInfo) -> Mapping[str, type[Record]]:
    """Return the records by name: those of Beffroi, or those of the workspace being loaded, which are more."""
    return RECORDS if info.context is None else info.context["records"]


class CkanPublication(Declared):
    """Where open datasets are published; address and token come from BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN."""

    organisation: str  # one of `organisations`: it becomes the CKAN organisation


class Publication(Declared):
    """Where open datasets go besides the gateway."""

    ckan: CkanPublication | None = None


class Configuration(Declared):
    """`beffroi.yaml`. Registries are checked by their kind's own settings model."""

    title: Words
    timezone: str | None = None
    registries: dict[Name, dict[str, Any]] = {}
    organisations: dict[Name, Organisation] = {}
    purposes: dict[Name, Purpose] = {}
    lookups: dict[Name, Lookup] = {}
    publication: Publication = Publication()
    journal: JournalSettings = JournalSettings()
    identity: Identity = Identity()
    proxies: Proxies | None = None
    metrics: Scraping | None = None

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, timezone: str | None) -> str | None:
        if timezone is not None:
            try:
                ZoneInfo(timezone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("no such time zone: expected a name such as Europe/Paris") from None
        return timezone

    @property
    def zone(self) -> dt.tzinfo:
        """Return the zone whose clocks people read: the declared one, or UTC."""
        return dt.UTC if self.timezone is None else ZoneInfo(self.timezone)

    def applications(self) -> dict[str, tuple[str, Application]]:
        """Return every application by name, with its organisation's name."""
        return {
            name: (organisation, application)
            for organisation, declared in self.organisations.items()
            for name, application in declared.applications.items()
        }
