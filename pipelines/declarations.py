"""What a workspace declares: `beffroi.yaml` and one YAML per dataset, as typed models.

The models hold the form of each value. What a dataset says against itself is found by `pipelines/contradictions.py`,
what several files say together (a grant that names a lookup, a foreign key) by `pipelines/coherence.py`, and
`pipelines/sentences.py` puts what is wrong into words.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connectors.columns import Column, columns_of
from connectors.declared import Declared
from connectors.records import RECORDS, Record
from pipelines.sentences import among as among  # noqa: PLC0414  # the gateway knows it from here
from pipelines.steps import dataset_of

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Audience = Literal["open", "agents", "owner"]


# --- datasets/NAME.yaml ----------------------------------------------------------------------------------------------


class Source(Declared):
    """Where the rows come from: a registry of the workspace and, where it has several, one of its tables."""

    registry: str
    table: str | None = None


class Clean(Declared):
    """How one column is made: the source's column (by default of the same name) and the steps it goes through."""

    source: Annotated[str | None, Field(alias="from")] = None
    steps: list[str | dict[str, Any]] = []


class Bounds(Declared):
    """A lower and an upper bound, both included."""

    min: float | None = None
    max: float | None = None


class Expect(Declared):
    """What a whole version must meet, else the run fails and the last version stays."""

    rows: Bounds = Bounds()
    refused: Bounds = Bounds()  # share of the rows read that may be quarantined, 0 to 1


class Reference(Declared):
    """The other side of a foreign key."""

    resource: str
    fields: str | list[str]


class ForeignKey(Declared):
    """Table Schema's foreign key: values of a column that must stand in another dataset."""

    fields: str | list[str]
    reference: Reference

    @property
    def column(self) -> str:
        """Return the one column of this dataset (checked to be one when loaded)."""
        return one(self.fields)

    @property
    def target(self) -> str:
        """Return the one column of the other dataset."""
        return one(self.reference.fields)

    @model_validator(mode="after")
    def _single(self) -> "ForeignKey":
        for fields in (self.fields, self.reference.fields):
            if not isinstance(fields, str) and len(fields) != 1:
                raise ValueError("a foreign key of several columns is not supported: name one column")
        return self


def one(fields: str | list[str]) -> str:
    """Return the single name in `fields`, which Table Schema lets stand alone or in a list."""
    return fields if isinstance(fields, str) else fields[0]


class TableSchema(Declared):
    """A Table Schema: https://datapackage.org/standard/table-schema/."""

    fields: Annotated[list[Column], Field(min_length=1)]
    primary_key: Annotated[str | list[str], Field(alias="primaryKey")]
    foreign_keys: Annotated[list[ForeignKey], Field(alias="foreignKeys")] = []


class Dataset(Declared):
    """One dataset: `datasets/NAME.yaml`. It mirrors a `record:` or writes its own `schema:`, never both."""

    name: Annotated[Name, Field(json_schema_extra={"file": True})]  # the file's own name: never written inside
    title: Words
    description: str = ""
    owner: str
    audience: Audience
    licence: str | None = None
    keywords: list[str] = []
    record: str | None = None
    table_schema: Annotated[TableSchema | None, Field(alias="schema")] = None
    source: Source
    clean: dict[str, Clean] = {}
    expect: Expect = Expect()

    @property
    def record_model(self) -> type[Record] | None:
        """Return the record that this dataset mirrors, if it does."""
        return RECORDS[self.record] if self.record else None

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns, derived from the record or written in the schema."""
        if self.record_model is not None:
            return columns_of(self.record_model)
        assert self.table_schema is not None  # noqa: S101  # contradictions() holds it
        return tuple(self.table_schema.fields)

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns that identify a row."""
        if self.record_model is not None:
            return (self.record_model.key,)
        assert self.table_schema is not None  # noqa: S101
        key = self.table_schema.primary_key
        return (key,) if isinstance(key, str) else tuple(key)

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """Return the foreign keys to other datasets."""
        return tuple(self.table_schema.foreign_keys) if self.table_schema else ()

    @property
    def depends_on(self) -> frozenset[str]:
        """Return the datasets that must have a version before this one runs."""
        steps = (step for clean in self.clean.values() for step in clean.steps)
        found = {other[0] for step in steps if (other := dataset_of(step)) is not None}
        return frozenset(found | {key.reference.resource for key in self.foreign_keys})


# --- beffroi.yaml ----------------------------------------------------------------------------------------------------


class Grant(Declared):
    """What an application may ask: one lookup or one dataset that is not open, which fields, for which purposes."""

    lookup: str | None = None
    dataset: str | None = None
    fields: Literal["*"] | list[str]
    purposes: Annotated[list[str], Field(min_length=1)]

    @model_validator(mode="after")
    def _one(self) -> "Grant":
        if (self.lookup is None) == (self.dataset is None):
            raise ValueError("a grant is for one lookup: or for one dataset:")
        return self


class Application(Declared):
    """A caller with a credential of its own."""

    title: Words
    grants: list[Grant] = []


class Organisation(Declared):
    """A municipality, a department, a partner: the tenant."""

    title: Words
    applications: dict[Name, Application] = {}


class Purpose(Declared):
    """Why data is asked: what the law wants to be said before it is."""

    title: Words
    procedure: Words
    legal_basis: Words
    expires: dt.date | None = None


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


class Lookup(Declared):
    """One question asked through the gateway: a record, and who can answer, in order.

    Without `record`, its one provider is a dataset, and a row of that is what it answers.
    """

    record: str | None = None
    title: str = ""
    providers: Annotated[list[Provider], Field(min_length=1)]
    deadline: Annotated[float, Field(gt=0, le=120)] = 8.0  # seconds for all providers together

    _record_model: type[Record] = PrivateAttr()

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
        return self

    @property
    def record_model(self) -> type[Record]:
        """Return the record that this lookup answers."""
        return self._record_model


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
    registries: dict[Name, dict[str, Any]] = {}
    organisations: dict[Name, Organisation] = {}
    purposes: dict[Name, Purpose] = {}
    lookups: dict[Name, Lookup] = {}
    publication: Publication = Publication()

    def applications(self) -> dict[str, tuple[str, Application]]:
        """Return every application by name, with its organisation's name."""
        return {
            name: (organisation, application)
            for organisation, declared in self.organisations.items()
            for name, application in declared.applications.items()
        }
