"""What a dataset declares in its own file, `datasets/NAME.yaml`, as typed models.

The models hold the form of each value. What a dataset says against itself is found by `contradictions`,
what several files say together (a grant that names a lookup, a foreign key) by `coherence`, and
`pipelines/sentences.py` puts what is wrong into words.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, StringConstraints, model_validator

from connectors.columns import Column, Crs, Personal, columns_of
from connectors.declared import Declared
from connectors.records import RECORDS, Record
from pipelines.declarations.expected import Bounds as Bounds  # callers know it from here
from pipelines.declarations.expected import Expect
from pipelines.declarations.linked import Link
from pipelines.steps.vocabulary import dataset_of

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Audience = Literal["open", "agents", "owner"]

HOUR, WEEK = 3600, 604_800  # seconds


class Clean(Declared):
    """How one column is made: the source's column (by default of the same name) and the steps it goes through."""

    source: Annotated[str | None, Field(alias="from")] = None
    steps: list[str | dict[str, Any]] = []


class Last(Declared):
    """What a source gave last, taken again where it cannot be read: so many days old at most."""

    days: Annotated[float, Field(gt=0)]


class Source(Declared):
    """Where rows come from: a registry of the workspace and, where it has several, one of its tables; or a dataset."""

    called: Annotated[str | None, Field(alias="name", min_length=1)] = None
    registry: str | None = None
    table: str | None = None
    tables: Literal["*"] | None = None
    dataset: str | None = None
    clean: dict[str, Clean] = {}
    when_missing: Literal["fail", "last"] | Last = "fail"
    _written: int | None = PrivateAttr(None)

    @property
    def name(self) -> str:
        """Return what reports call it: its own name, or else that of its dataset, or of its registry and table."""
        return self.called or self.dataset or "/".join(part for part in (self.registry, self.table) if part)

    def written_at(self, position: int) -> "Source":
        """Return this source, which stands in the file as the so manieth of `sources:`, from 0."""
        copied = self.model_copy()
        copied._written = position  # noqa: SLF001  # it is one of ours
        return copied

    def stands_at(self, position: int) -> int:
        """Return where it stands in the file: by default at `position`."""
        return position if self._written is None else self._written

    @model_validator(mode="after")
    def _one(self) -> "Source":
        if (self.registry is None) == (self.dataset is None):
            raise ValueError("a source is one registry: or one dataset:")
        if self.dataset is not None and self.table is not None:
            raise ValueError("a source that is a dataset has no table:")
        if self.tables is not None and (self.registry is None or self.table is not None or self.called is not None):
            raise ValueError(
                "tables: is of a registry:, and each has a name of its own: take table:, dataset: and name: out"
            )
        if self.dataset is not None and self.when_missing != "fail":
            raise ValueError("a source that is a dataset is never missing: take when_missing: out")
        return self


Rule = Literal["first", "recent", "majority"]


class Merge(Declared):
    """Whose value a row has where several rows of one key, from whatever source, have different ones."""

    default: Rule = "first"
    columns: dict[str, Rule] = {}
    recent: str | None = None

    def rule(self, column: str) -> Rule:
        """Return the rule of a column."""
        return self.columns.get(column, self.default)


class Retention(Declared):
    """What is kept: versions in the lake, for how many days; raw inputs."""

    versions: Annotated[int | None, Field(ge=1)] = None
    days: Annotated[int | None, Field(ge=1)] = None
    raw: Annotated[int, Field(ge=1)] = 2


class Published(Declared):
    """Where an open dataset goes besides the gateway."""

    ckan: bool = True


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
    primary_key: Annotated[str | list[str], Field(alias="primaryKey")] = []
    foreign_keys: Annotated[list[ForeignKey], Field(alias="foreignKeys")] = []
    missing_values: Annotated[list[str], Field(alias="missingValues")] = []

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns; what means that there is no value is said for all, where a column says none of its own."""
        if not self.missing_values:
            return tuple(self.fields)
        said = {"missing_values": tuple(self.missing_values)}
        return tuple(each if each.missing_values else each.model_copy(update=said) for each in self.fields)


class Said(Declared):
    """What a dataset says of a column besides its schema, which may be another's and is taken as it was published."""

    personal: Personal = False
    unit: str = ""
    rdf_type: Annotated[str, Field(alias="rdfType")] = ""
    crs: Crs | None = None


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
    said: Annotated[dict[str, Said], Field(alias="columns")] = {}
    schema_version: str | None = None
    written_key: Annotated[str | list[str] | None, Field(alias="key")] = None
    index: list[str] = []
    source: Source | None = None
    sources: list[Source] = []
    merge: Merge = Merge()
    clean: dict[str, Clean] = {}
    link: dict[str, Link] = {}
    expect: Expect = Expect()
    retention: Retention = Retention()
    schedule: str | None = None
    deadline: Annotated[float, Field(gt=0, le=WEEK)] = 4 * HOUR  # seconds that a run may take
    publication: Published = Published()

    @property
    def record_model(self) -> type[Record] | None:
        """Return the record that this dataset mirrors, if it does."""
        return RECORDS[self.record] if self.record else None

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns, derived from the record or of the schema, with what is said of them besides."""
        if self.record_model is not None:
            columns = columns_of(self.record_model)
        else:
            assert self.table_schema is not None  # noqa: S101  # contradictions() holds it
            columns = self.table_schema.columns
        more = {name: {key: getattr(said, key) for key in said.model_fields_set} for name, said in self.said.items()}
        return tuple(each.model_copy(update=more[each.name]) if each.name in more else each for each in columns)

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns that identify a row: those of `key:`, or of the record or schema."""
        key = self.written_key
        if key is None and self.record_model is not None:
            key = self.record_model.key
        if key is None:
            assert self.table_schema is not None  # noqa: S101
            key = self.table_schema.primary_key
        return (key,) if isinstance(key, str) else tuple(key)

    @property
    def spread(self) -> frozenset[str]:
        """Return the registries of which every table is a source: one that goes from there is a source no more."""
        return frozenset(source.registry for source in self.sources if source.tables and source.registry)

    @property
    def inputs(self) -> tuple[Source, ...]:
        """Return its sources, at least one, the most trusted first."""
        return tuple(self.sources) if self.source is None else (self.source,)

    def place(self, position: int) -> tuple[str | int, ...]:
        """Return the keys of one of its inputs."""
        return ("source",) if self.source is not None else ("sources", self.sources[position].stands_at(position))

    def read_from(self, source: Source, column: str) -> str:
        """Return the column of one of its sources that a column is made of."""
        return self.cleaning(source).get(column, Clean()).source or column

    @property
    def cleans(self) -> Iterator[tuple[tuple[str | int, ...], str, Clean]]:
        """Yield how each column is made, the dataset's own and those of its sources: keys of `clean:`, column, steps."""
        yield from ((("clean",), name, clean) for name, clean in self.clean.items())
        for position, source in enumerate(self.inputs):
            yield from (((*self.place(position), "clean"), name, clean) for name, clean in source.clean.items())

    def cleaning(self, source: Source) -> dict[str, Clean]:
        """Return how the columns are made of one of its sources: what its own `clean:` says goes over the dataset's.

        `from` and `steps` go over one by one: where a source says one of them of a column, the dataset's other one holds.
        """
        over = {
            name: self.clean[name].model_copy(update={key: getattr(own, key) for key in own.model_fields_set})
            for name, own in source.clean.items()
            if name in self.clean
        }
        return self.clean | source.clean | over

    @property
    def personal(self) -> bool:
        """Tell whether any column is personal data."""
        return any(column.personal for column in self.columns)

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """Return the foreign keys to other datasets."""
        return tuple(self.table_schema.foreign_keys) if self.table_schema else ()

    @property
    def depends_on(self) -> frozenset[str]:
        """Return the datasets that must have a version before this one runs."""
        steps = (step for _, _, clean in self.cleans for step in clean.steps)
        found = {other[0] for step in steps if (other := dataset_of(step)) is not None}
        read = {source.dataset for source in self.inputs if source.dataset is not None}
        linked = {link.to for link in self.link.values() if link.to is not None}
        return frozenset(found | read | linked | {key.reference.resource for key in self.foreign_keys})
