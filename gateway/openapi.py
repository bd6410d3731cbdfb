"""The description of the API (OpenAPI 3.1): what FastAPI finds in the routes, and what no route says by itself.

That is how lookups are asked and answered, with examples; headers of questions and answers; every problem with an
example; and the ways to say who asks. Source: https://spec.openapis.org/oas/v3.1.1.html
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from gateway.callers import access, offered
from gateway.datasets.open_data import FILES
from gateway.datasets.routes import ROWS_PAGE, row_schemas
from gateway.lookups import documents, samples
from gateway.lookups.together import Part
from gateway.problems import MEDIA_TYPE, RETRY_IN, STATUS, TYPE, Problem
from gateway.service import Service
from gateway.who_read import Asked

TEXT = {"type": "string"}
PARAMETERS: dict[str, dict[str, Any]] = {
    "Beffroi-Purpose": {
        "description": "Why it is asked: a declared purpose",
        "schema": TEXT,
        "example": "inscription-scolaire",
    },
    "Beffroi-Agent": {
        "description": "The account of the person behind the call, as the application knows it; needed for personal data,"
        " unless the purpose says otherwise",
        "schema": {"type": "string", "pattern": f"^{access.AGENT.pattern}$"},
        "example": "c.martin",
    },
    "Beffroi-Case": {
        "description": "The number of the case file that it is asked for, never a name; needed for personal data, unless the"
        " purpose says otherwise",
        "schema": {"type": "string", "pattern": f"^{access.CASE.pattern}$"},
        "example": "2026-0142",
    },
    "Beffroi-Receipt": {
        "description": "Whether a signed proof of each answer is wanted",
        "schema": {"type": "string", "enum": ["yes", "no"], "default": "no"},
    },
    "Accept-Language": {"description": "`fr` or `en`: the language of problems", "schema": TEXT, "example": "fr"},
    "Prefer": {
        "description": "`respond-async`: many questions become a job, however few they are; `formulas=escaped`: a cell of CSV that a"
        " spreadsheet would take for a formula begins with an apostrophe",
        "schema": TEXT,
    },
}
"""Headers of a call."""

ANSWERS: dict[str, dict[str, Any]] = {
    "RateLimit-Policy": {
        "description": "What the application's limits are",
        "schema": TEXT,
        "example": '"minute";q=600;w=60',
    },
    "RateLimit": {"description": "What is left of them", "schema": TEXT, "example": '"minute";r=599;t=42'},
    "Retry-After": {
        "description": "Seconds until it is worth asking again",
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"description": "How to say who asks", "schema": TEXT, "example": 'Bearer realm="beffroi"'},
    "Content-Language": {
        "description": "The languages that it is in: `fr, en` where what was wrong is told in English only",
        "schema": {"type": "string", "enum": ["en", "fr", "fr, en"]},
    },
    "Age": {"description": "Seconds since the source gave it", "schema": {"type": "integer", "minimum": 0}},
}
"""Headers of answers."""

DETAILS = {
    "malformed-identifier": "not a valid siren: a SIREN is nine digits, the last of which checks the others (of a SIRET, take the"
    " first nine); what came reads as a SIRET",
    "invalid-request": 'the body must be JSON like {"identifier": "…", "fields": ["…"]}: identifier: Field required',
    "not-found": "communes has no such record",
    "ambiguous": "civil has several records of what was asked",
    "withheld": "civil has this person and may not tell",
    "unauthenticated": "no token came with the call: send «Authorization: Bearer …»",
    "not-granted": "ecole has no grant on the field population of the lookup commune for that purpose",
    "limit-reached": "mairie has made its 600 calls of this minute",
    "method-not-allowed": "ask by POST /lookups/person",
    "unreadable": "communes answered about another commune than the one asked for",
    "not-delivered": "deliveries: no file is called suppliers.csv",
    "busy": "communes asks us to slow down (HTTP 429)",
    "down": "communes did not answer 5 times in a row and is not asked for now",
    "maintenance": "communes is under planned maintenance until 2026-11-22T18:00+00:00 and was not asked: The servers move",
    "late": "communes did not finish its answer within the deadline",
    "refused-us": "communes refuses our credentials (HTTP 401): it does not know the key, password or token, or no longer",
    "misconfigured": "a declaration of the workspace is wrong",
    "run-failed": "the run stopped, and the last version stays",
    "unavailable": "the dataset communes has no version yet: `beffroi run communes` makes one",
}
"""What was wrong, such as it may be, by the code of an error."""


OPERATIONS = {
    "get /.well-known/jwks.json": "get_keys",
    "get /health": "get_health",
    "get /lookups": "list_lookups",
    "post /lookups": "together",
    "get /lookups/{record}": "describe",
    "get /jobs/{job}": "get_job",
    "delete /jobs/{job}": "delete_job",
    "get /jobs/{job}/result": "get_job_result",
    "get /datasets": "list_datasets",
    "get /datasets/{name}": "get_dataset",
    "get /datasets/{name}/rows": "list_rows",
    "post /datasets/{name}/rows": "find_rows",
    "get /datasets/{name}/rows/{key}": "get_row",
    "get /datasets/{name}/latest/{file}": "get_file",
    "get /datasets/{name}/versions": "list_versions",
    "get /datasets/{name}/diff": "compare_versions",
    "get /datasets/{name}/changes.atom": "get_feed",
    "get /datasets/{name}/report": "get_report",
    "post /who-read": "who_read",
}
"""What generated clients call an operation; those on one lookup have its name, after `ask_`, `lookup_` or `describe_`."""


TAGS = {
    "lookups": "One question, or many, about a person, a commune, a company: asked of the registries, for a purpose",
    "datasets": "Open data, and what else is granted: rows, whole files, versions, and what changed",
    "journal": "Who read the data of one person",
    "receipts": "The public keys that signed answers are verified with",
    "health": "What is well and what is not",
}
"""What operations are about, in the order in which a reader meets them."""


def described(app: FastAPI, service: Service) -> dict[str, Any]:
    """Return the description of the API, for everybody: what is not open, or offered to nobody unknown, is not in it."""
    tags = [{"name": name, "description": about} for name, about in TAGS.items()]
    told = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes, tags=tags)
    models = [(model, "validation") for model in (Problem, *documents.MODELS)]
    _, defined = models_json_schema(models, ref_template=documents.REF)  # type: ignore[arg-type]  # the modes' names
    for path, method, operation in _operations(told):
        of_lookup = f"ask_{path.split('/')[-1]}" if method == "post" else f"lookup_{path.split('/')[-2]}"
        operation["operationId"] = OPERATIONS.get(f"{method} {path}", of_lookup)
        if (well := operation["responses"].get("200", {})).get("description") == "Successful Response":  # says nothing
            well["description"] = operation["summary"]
    parts = told.setdefault("components", {})
    parts.setdefault("schemas", {}).update(row_schemas(service), RowsPage=ROWS_PAGE, **defined["$defs"])
    parts["parameters"] = {name: {"name": name, "in": "header", **about} for name, about in PARAMETERS.items()}
    parts["headers"], parts["examples"] = ANSWERS, {code: {"value": each} for code, each in problems()}
    parts["securitySchemes"] = _ways(service)
    _add_lookups(told, service)
    _add_datasets(told, service)
    for path, _, operation in _operations(told):
        _add_headers(path, operation, list(parts["securitySchemes"]))
    for path, methods in told["paths"].items():
        _add_parameters(path, methods)
    _leave_out_nulls(told)
    return told


def _leave_out_nulls(part: Any) -> None:
    """Take away defaults that say null: what is not there is left out, and generators take a default for always there."""
    if isinstance(part, dict):
        if "anyOf" in part and part.get("default", ...) is None:
            del part["default"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            _leave_out_nulls(each)


def _operations(told: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every operation, with its address and its method."""
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def problems() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an example of each problem, by the code of its error."""
    for kind, status in STATUS.items():
        about = Problem(
            type=TYPE + kind.code, title=kind.title, status=status, detail=DETAILS[kind.code], fault=kind.fault, todo=kind.todo,
            retry_in=RETRY_IN if status == 503 else None,
        )  # fmt: skip
        yield kind.code, about.model_dump(mode="json", exclude_none=True)


def _ways(service: Service) -> dict[str, Any]:
    """Return the ways to say who asks: a token, and what else the workspace declares."""
    declared = service.workspace.configuration
    ways: dict[str, Any] = {"token": {
        "type": "http", "scheme": "bearer",
        "description": "A token of this gateway (`bft_…`), or an access token of a declared OpenID provider (RFC 9068)",
    }}  # fmt: skip
    if declared.proxies is not None and declared.proxies.certificate is not None:
        ways["certificate"] = {"type": "mutualTLS", "description": "A client certificate that a declared proxy reports"}
    return ways


def _add_lookups(told: dict[str, Any], service: Service) -> None:
    """Say how each lookup is asked and answered."""
    schemas, shown = told["components"]["schemas"], offered.lookups(service.workspace, offered.NOBODY)
    jobs = [
        each["operationId"] for path, on in told["paths"].items() if path.startswith("/jobs") for each in on.values()
    ]
    plain = documents.plain_answers()
    for _, _, operation in _operations(told):
        if (content := plain.get(operation["operationId"])) is not None:
            operation["responses"]["200"]["content"] = content
    describing = told["paths"].pop("/lookups/{record}")["get"]
    for name, lookup in shown.items():
        schemas |= documents.schemas(name, lookup)
        told["paths"][f"/lookups/{name}"]["get"] = copy.deepcopy(
            {**describing, "operationId": f"describe_{name}", "parameters": []}
        )
        asked = told["paths"][f"/lookups/{name}"]["post"]
        asked["requestBody"] = documents.body(service, name, lookup)
        one = asked["responses"]["200"]["content"]["application/json"]
        asked["responses"] |= documents.answers(service, lookup, one, jobs)
        if (get := told["paths"].get(f"/lookups/{name}/{{identifier}}", {}).get("get")) is not None:
            get["parameters"] = documents.parameters(service, lookup, get["parameters"])
            if (shown_as := asked["responses"]["200"]["content"]["application/json"].get("examples")) is not None:
                get["responses"]["200"]["content"]["application/json"]["example"] = shown_as["one"]["value"]
    together = told["paths"]["/lookups"]["post"]["requestBody"]["content"]["application/json"]
    together["schema"] = {**together["schema"], "items": documents.asked(Part)}
    if example := samples.several(service, shown):
        together["example"] = example
    asked = told["paths"]["/who-read"]["post"]["requestBody"]["content"]["application/json"]
    asked["schema"] = documents.asked(Asked)


def _add_datasets(told: dict[str, Any], service: Service) -> None:
    """Name a dataset that there is, with a filter that its rows meet, and say what its files are."""
    dataset = next(iter(row_schemas(service)), "NAME.row").removesuffix(".row")
    examples: dict[str, Any] = {"name": dataset, "file": f"{dataset}.parquet"}
    if dataset in service.workspace.datasets:
        examples["filters"] = {f"{service.workspace.datasets[dataset].key[0]}__isnotnull": "true"}
    for path, _, operation in _operations(told):
        for each in operation.get("parameters", ()):
            if path.startswith("/datasets/") and each["name"] in examples:
                each["example"] = examples[each["name"]]
        if operation["operationId"] == "get_file":
            content = {media: {"schema": {"type": "string", "format": "binary"}} for media in FILES.values()}
            whole, part = "The file", "The part of it that Range asks for"
            operation["responses"] |= {
                "200": {"description": whole, "content": content}, "206": {"description": part, "content": content},
                "304": {"description": "It is what If-None-Match or If-Modified-Since says"},
            }  # fmt: skip


def _add_parameters(path: str, methods: dict[str, Any]) -> None:
    """Add to an address the headers that its calls take; to one of its methods those that are not for all of them."""
    kept = {
        "Beffroi-Receipt": path.startswith("/lookups"),
        "Prefer": path.startswith("/lookups/") and "post" in methods,
    }
    names = [name for name in PARAMETERS if kept.get(name, True)]
    every: list[dict[str, Any]] = [{"$ref": f"#/components/parameters/{name}"} for name in names]
    if path.startswith(
        "/datasets"
    ):  # of an open one nobody is asked who they are, so nothing is wrong with how they say it
        every = [{"name": name, "in": "header", **PARAMETERS[name], "schema": TEXT} for name in names]
    asking = [each for each in methods.values() if "security" in each]
    if len(asking) == len(methods):
        methods["parameters"] = every
        return
    for each in asking:
        each["parameters"] = [*each.get("parameters", ()), *every]


def _add_headers(path: str, operation: dict[str, Any], ways: list[str]) -> None:
    """Add to one operation the ways to say who asks, and the headers that it answers with."""
    if "security" in operation:
        operation["security"] = [each for each in operation["security"] if not each] + [{way: []} for way in ways]
    for status, answer in operation["responses"].items():
        headers = {"RateLimit-Policy", "RateLimit"} if "security" in operation else set()
        headers |= {"WWW-Authenticate"} if status == "401" else set()
        headers |= {"Retry-After"} if status in ("429", "503") else set()
        headers |= {"Age"} if status == "200" and path.startswith("/lookups/") and "security" in operation else set()
        if MEDIA_TYPE in answer.get("content", {}):
            headers |= {"Content-Language"}
            codes = [kind.code for kind, code in STATUS.items() if status in (str(int(code)), "default")]
            content = {
                **answer["content"][MEDIA_TYPE],
                "examples": {c: {"$ref": f"#/components/examples/{c}"} for c in codes},
            }
            answer["content"] = {**answer["content"], MEDIA_TYPE: content}
        if headers:
            refs = {name: {"$ref": f"#/components/headers/{name}"} for name in sorted(headers)}
            answer["headers"] = answer.get("headers", {}) | refs
