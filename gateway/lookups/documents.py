"""What OpenAPI tells of a lookup: how one question and many are written, with examples, and what is answered to them.

What the gateway makes of an example (`samples`) is told as its own code writes it.
"""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.errors import MalformedIdentifier
from connectors.records import Record, canonical
from gateway.lookups import identity, on, samples
from gateway.lookups.incoming import MEDIA, Form, row
from gateway.lookups.outgoing import Told, Writer, failed
from gateway.lookups.question import Question
from gateway.lookups.samples import WRONG
from gateway.lookups.verifying import Verified
from gateway.service import Service
from pipelines.declarations.configuration import Lookup

BROKEN = {"description": "What is none has an outcome that says so, and ends nothing"}
IN_ADDRESS = "`?fields=NAME,NAME` in the address: the fields wanted of all rows"
REF = "#/components/schemas/{model}"
MADE = "Made of the schema of the record: a registry that is declared says no answer of its own"
WHEN = dt.datetime(2026, 11, 22, 9, 0, tzinfo=dt.UTC).isoformat()


class RowProblem(BaseModel):
    """Why a row has no answer: what was wrong, what to do, who can mend it."""

    detail: str
    todo: str
    fault: Literal["caller", "registry", "beffroi"]
    registry: str | None = None
    retry_in: float | None = None
    tried: list[dict[str, str]] | None = None
    receipt: str | None = None


class RowOutcome(BaseModel):
    """The outcome of one row: `found`, with data or verified and meta, or the code of an error, with the problem."""

    row: int = Field(description="Its number, from 1")
    came: dict[str, str] | None = Field(default=None, description="The columns of a row that came as CSV")
    outcome: str
    data: dict[str, Any] | None = None
    verified: dict[str, Verified] | None = None
    meta: dict[str, Any] | None = None
    problem: RowProblem | None = None


class RowsAnswer(BaseModel):
    """The outcomes of many questions, in the order of the rows."""

    data: list[RowOutcome]


class JobState(BaseModel):
    """How far a job of many questions is."""

    id: str
    lookup: str
    state: Literal["under-way", "done"]
    rows: int
    answered: int
    outcomes: dict[str, int] = Field(description="How many rows ended how")
    began: str
    seconds_left: int | None = Field(description="A guess by what was answered so far; null before the first answer")
    ended: str | None = None
    kept_until: str | None = None
    result: str | None = Field(default=None, description="Where the answers are, once it is done")


class JobAnswer(BaseModel):
    """A job, as its address tells it."""

    data: JobState


class OfferedField(BaseModel):
    """A field of the record that a lookup answers."""

    name: str
    title: str | None
    description: str | None


class Offered(BaseModel):
    """What one lookup takes and answers."""

    model_config = ConfigDict(extra="allow")

    name: str
    title: str
    record: str
    personal: bool = Field(description="Personal data are asked by POST alone, and want an agent and a case")
    identifiers: list[str] = Field(description="Schemes of identifiers")
    fields: list[OfferedField]
    providers: list[str] = Field(description="Who is asked, in this order")
    ask: list[dict[str, Any]] = Field(description="How it is asked: method, href, body")


class OfferedLookups(BaseModel):
    """What may be asked."""

    data: list[Offered]


class OfferedLookup(BaseModel):
    """What one lookup takes."""

    data: Offered


MODELS = (RowsAnswer, JobAnswer, OfferedLookups, OfferedLookup)
JOB = JobAnswer(data=JobState(
    id="5f0c…", lookup="commune", state="done", rows=400, answered=400, outcomes={"found": 396, "not-found": 4},
    began=WHEN, seconds_left=0, ended=WHEN, kept_until=WHEN, result="/jobs/5f0c…/result",
))  # fmt: skip


def plain_answers() -> dict[str, dict[str, Any]]:
    """Return the contents of answers that are the same for every lookup, by the name of their operation."""

    def of(model: type[BaseModel]) -> dict[str, Any]:
        return {MEDIA["json"]: {"schema": {"$ref": REF.format(model=model.__name__)}}}

    job = of(JobAnswer)
    job[MEDIA["json"]]["example"] = JOB.model_dump(mode="json")
    rows = of(RowsAnswer) | {MEDIA[form]: {"schema": {"type": "string"}} for form in ("ndjson", "csv")}
    return {
        "get_job": job,
        "get_job_result": rows,
        "list_lookups": of(OfferedLookups),
        "describe": of(OfferedLookup),
    }


def schemas(name: str, lookup: Lookup) -> dict[str, dict[str, Any]]:
    """Return the schemas, by name, of one question to a lookup and of many identifiers asked for the same."""
    told = identity.schema(lookup, asked(Question))
    fields, properties = list(lookup.record_model.model_fields), told["properties"]
    properties["fields"]["anyOf"][0]["items"] = {"type": "string", "enum": fields}
    properties["verify"]["anyOf"][0] |= {"properties": {field: {} for field in fields}, "additionalProperties": False}
    if on.SCHEME not in lookup.record_model.identifiers:
        del properties["on"]
    ways = [{"required": [next(iter(each))]} for each in identity.asks(lookup)]
    plain = {key: value for key, value in told.items() if key not in ("anyOf", "required", "title")}
    shared = {key: value for key, value in properties.items() if key not in ("identifier", "identity")}
    shared["verify"] = {"anyOf": [{"type": "object", "minProperties": 1, **BROKEN}, {"type": "null"}]}
    many = {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string"}, BROKEN]}}
    return {
        f"{name.title()}Question": {**plain, **(ways[0] if len(ways) == 1 else {"anyOf": ways})},
        f"{name.title()}Questions": {
            "type": "object", "required": ["identifiers"], "additionalProperties": False,
            "description": "Many identifiers, asked for the same", "properties": {"identifiers": many, **shared},
        },
    }  # fmt: skip


def asked(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of what asks by an identifier or an identity, one of the two."""
    told = model.model_json_schema()
    told["properties"]["identifier"].pop("default", None)
    return told | {"anyOf": [{"required": ["identifier"]}, {"required": ["identity"]}]}


def body(service: Service, name: str, lookup: Lookup) -> dict[str, Any]:
    """Return the body of `POST /lookups/{name}`: one question, or many in JSON, NDJSON or CSV."""
    one, many = ({"$ref": REF.format(model=f"{name.title()}{each}")} for each in ("Question", "Questions"))
    listed = {"type": "array", "minItems": 1, "items": {"anyOf": [one, BROKEN]}}
    content: dict[str, Any] = {
        MEDIA["json"]: {"schema": {"anyOf": [one, many, listed]}},
        MEDIA["ndjson"]: {"schema": {"description": f"Text: one question in JSON a line. {IN_ADDRESS}"}},
        MEDIA["csv"]: {"schema": {
            "type": "string", "description": f"A column `identifier`, or `identity.FIELD` for each; others come back. {IN_ADDRESS}",
        }},
    }  # fmt: skip
    for form, example in samples.bodies(service, lookup).items():
        content[MEDIA[form]]["examples" if form == "json" else "example"] = example
    return {"required": True, "content": content}


def parameters(service: Service, lookup: Lookup, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the parameters of `GET /lookups/{name}/{identifier}`: those found in the route, said more exactly."""
    told, shown = {each["name"]: each for each in found}, samples.identifier(service, lookup)
    if shown is not None:
        told["identifier"] = {**told["identifier"], "example": shown}
    items = {"type": "string", "enum": list(lookup.record_model.model_fields)}
    told["fields"] = {
        "name": "fields", "in": "query", "required": False, "style": "form", "explode": False,
        "description": "Fields wanted, separated by commas; all granted ones if absent",
        "schema": {"type": "array", "minItems": 1, "items": items},
    }  # fmt: skip
    told["on"] = {**told["on"], "schema": {"type": "string", "format": "date"}}
    if on.SCHEME not in lookup.record_model.identifiers:
        del told["on"]
    return list(told.values())


def answers(service: Service, lookup: Lookup, one: Mapping[str, Any], jobs: Iterable[str]) -> dict[str, Any]:
    """Return the answers to a POST to a lookup: 200 in three forms, 202. `one` is the content of one in JSON, `jobs` name the operations on jobs."""
    schema = {"anyOf": [*one["schema"]["anyOf"], {"$ref": REF.format(model="RowsAnswer")}]}
    content: dict[str, Any] = {
        MEDIA["json"]: {"schema": schema},
        MEDIA["ndjson"]: {"schema": {"type": "string", "description": "One outcome in JSON a line"}},
        MEDIA["csv"]: {"schema": {"type": "string", "description": "The columns that came, then those of the outcome"}},
    }
    for form, example in _answered(service, lookup).items():
        content[MEDIA[form]]["examples" if form == "json" else "example"] = example
    return {
        "200": {"description": "Found; of many questions, the outcome of each row", "content": content},
        "202": {
            "description": "Many questions, as a job to come back to",
            "headers": {"Location": {"description": "The address of the job", "schema": {"type": "string"}}},
            "content": {MEDIA["json"]: {"schema": {"$ref": REF.format(model="JobAnswer")}}},
            "links": {name: {"operationId": name, "parameters": {"job": "$response.body#/data/id"}} for name in jobs},
        },
    }


def _answered(service: Service, lookup: Lookup) -> dict[Form, Any]:
    """Return what is answered, by form: examples by name in JSON, a text in the others; nothing where none is known."""
    identifier, record = samples.identifier(service, lookup), samples.told_of(service, lookup)
    source = next((each.registry for each in lookup.providers if each.registry), None)
    if record is None or source is None:
        return {}
    field, meta = next(iter(record)), {"source": source, "as_of": WHEN, "age_seconds": 0, "tried": []}
    told: dict[str, Any] = {
        "one": {"summary": "One question", "value": {"data": record, "meta": meta}},
        "fields": {"summary": "Some fields only", "value": {"data": {field: record[field]}, "meta": meta}},
    }
    if (guess := samples.guessed(lookup, record)) is not None:
        verified: dict[str, Any] = {"verified": {name: {"match": "yes"} for name in guess}, "meta": meta}
        told["verify"] = {"summary": "Verified", "value": verified}
    if samples.answered(service, lookup) is None:
        told = {name: {**each, "description": MADE} for name, each in told.items()}
    if identifier is None:
        return {"json": told}
    found: Told = {"outcome": "found", "data": record, "meta": meta}
    both, fields = [(identifier, found), (WRONG, _refused(lookup.record_model))], list(record)
    some = [(identifier, {**found, "data": {field: record[field]}}), both[1]]
    told["many"] = {"summary": "Many questions", "value": json.loads(_written("json", (), fields, some))}
    csv = _written("csv", ("dossier", "identifier"), fields, both)
    return {"json": told, "ndjson": _written("ndjson", (), fields, both), "csv": csv}


def _refused(model: type[Record]) -> Told:
    try:
        canonical(model, WRONG)
    except MalformedIdentifier as error:
        return failed(error)
    return {"outcome": "not-found"}  # a record of the workspace may take any text


def _written(
    form: Literal["json", "ndjson", "csv"], columns: Sequence[str], fields: Sequence[str], told: Sequence[tuple[str, Told]]
) -> str:  # fmt: skip
    """Return the outcomes of some identifiers as they leave."""
    writer = Writer(form, columns, fields)
    rows = [
        (row(at, json.dumps({"identifier": identifier}).encode(), (f"A-{at}", identifier) if columns else ()), each)
        for at, (identifier, each) in enumerate(told, 1)
    ]
    return writer.begin() + writer.some(rows) + writer.end()
