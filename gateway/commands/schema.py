"""The commands `beffroi schema …`: a published Table Schema brought into the workspace, and a dataset drafted by it.

What reads schemas is loaded by the command that needs it: the others start without.
"""

import hashlib
import json
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.commands.command import command
from gateway.commands.connector_add import entries, owner_of, write_all
from gateway.commands.help import Group
from gateway.french import told
from gateway.languages import as_read

if TYPE_CHECKING:
    from pipelines.declarations import TableSchema
    from pipelines.declarations.draft_source import Brought


@click.group("schema", cls=Group)
def schema_group() -> None:
    """Bring a published Table Schema into the workspace, for datasets to have its columns."""


@schema_group.command("add")
@click.argument("source", metavar="FILE|URL")
@click.option("--name", required=True, help="The schema's name in the workspace: schemas/NAME.json.")
@click.option("--resource", help="Of a Data Package: the resource whose schema is meant, where several have one.")
@click.option("--dataset", metavar="DATASET", help="Write datasets/DATASET.yaml too, which has the schema's columns.")
@click.option("--registry", help="The registry of the workspace that the dataset's rows are from.")
@click.option("--table", help="The registry's table, where it has several.")
@click.option("--owner", metavar="ORGANISATION", help="Who owns the dataset; needed where there are several.")
@click.option("--force", is_flag=True, help="Where NAME is there already and says something else, renew it.")
@click.option("--show", is_flag=True, help="Only show the draft of a dataset; write nothing.")
@command
def add_command(
    root: Path,
    as_json: bool,
    source: str,
    name: str,
    resource: str | None,
    dataset: str | None,
    registry: str | None,
    table: str | None,
    owner: str | None,
    force: bool,
    show: bool,
) -> None:
    """Bring the Table Schema at FILE or URL into the workspace, byte for byte; a Data Package may hold it.

    It writes schemas/NAME.json, and beside it schemas/NAME.origin.yaml: where it is from, when, its digest. Nothing is
    fetched when a dataset runs. With --dataset it drafts a dataset with that schema: its key, and cleaning steps that
    follow from types and formats. What no dataset can have of it is told, and nothing is written then. A schema that is
    there as it is published stays, and drafts a dataset; another one of its name is renewed with --force only.
    """
    from pipelines.declarations import draft, draft_source

    owned = _checked(root, name, dataset, registry, owner)
    brought = draft_source.bring(source, resource)
    schema = _read(brought, name)
    text = draft.text_of(f"schemas/{name}.json", schema, brought.said, owner=owned, registry=registry, table=table)
    texts, notes = ({}, []) if show else _schema_files(root, brought, name, force=force)
    texts |= {f"datasets/{dataset}.yaml": text} if dataset else {}
    if not show:
        write_all(root, texts, [each for each in texts if force and each.startswith("schemas/")])
    notes += draft.passed_over(brought.said, schema)
    if as_json:
        found = {"draft": text} if show else {"written": list(texts)}
        console.show_json({**found, "columns": [each.name for each in schema.fields], "notes": notes})
        return
    click.echo(text.rstrip() if show else "\n".join(texts), nl=show or bool(texts))
    for note in notes:
        console.note(f"{name}{told()(': ')}{as_read(note)}")
    if not show:
        _tell_next(text, name, dataset)


def _checked(root: Path, name: str, dataset: str | None, registry: str | None, owner: str | None) -> str:
    """Hold what is asked for against the workspace, and return the owner of a dataset, FILL_IN where none is needed."""
    from connectors.drafting import FILL_IN
    from pipelines.declarations.sentences import among

    if not all(re.fullmatch(r"[a-z][a-z0-9_-]*", each) for each in (name, dataset or name)):
        raise InvalidRequest(
            "the name of a schema or a dataset is small letters a to z, digits, - and _, a letter first"
        )
    if registry is not None and registry not in (there := entries(root, "registries")):
        raise InvalidRequest(f"there is no registry «{registry}»{among(registry, there)}")
    several = len(entries(root, "organisations")) != 1
    return FILL_IN if several and not (dataset or owner) else owner_of(root, owner)


def _schema_files(root: Path, brought: "Brought", name: str, *, force: bool) -> tuple[dict[str, str], list[str]]:
    """Return the files of a schema that are to be written, none where it is there already, and what to say of that.

    Raises InvalidRequest where another schema is there that is not to be renewed.
    """
    path, origin = f"schemas/{name}.json", f"schemas/{name}.origin.yaml"
    texts = {path: brought.content.decode(), origin: _origin(brought, name)}
    if not (root / path).exists():
        return texts, []
    there = (root / path).read_bytes()
    if there == brought.content:
        return {}, [f"{path} is there already, byte for byte, and stays"]
    versions = f"{_version(there)} is there, {_version(brought.content)} is brought"
    if not force:
        raise InvalidRequest(
            f"{path} is there already, and says something else ({versions}): --force renews it, for all datasets that"
            " have it; or take another --name"
        )
    return texts, [f"renewed: {versions}; `beffroi check` tells what its datasets say that no longer fits"]


def _version(content: bytes) -> str:
    """Return in words which version of a schema some bytes are."""
    try:
        said = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return "what is no JSON"
    version = said.get("version") if isinstance(said, dict) else None
    return f"version {' '.join(version.split())}" if isinstance(version, str) else "one without a version"


def _tell_next(text: str, name: str, dataset: str | None) -> None:
    """Say on standard error what is to be filled in, and what comes next."""
    from gateway.commands.connector_drafts import blank_keys

    if dataset is None:
        next_ = "Next: say schema: schemas/{name}.json in a dataset; --show, or --dataset, drafts one"
        console.note(told()(next_, name=name))
        return
    if left_out := blank_keys(text):
        console.note(as_read(f"datasets/{dataset}.yaml: fill in what only you know: {', '.join(left_out)}"))
    console.note(told()("Read it, then: {line}", line=f"beffroi check && beffroi run {dataset}"))


def _read(brought: "Brought", name: str) -> "TableSchema":
    """Return a schema as a dataset would have it. Raises InvalidRequest, a line for each thing that none can have."""
    from pipelines.declarations.draft import unheld
    from pipelines.declarations.table_schema import Referenced

    with tempfile.TemporaryDirectory() as aside:
        file = Path(aside, f"{name}.json")
        file.write_bytes(brought.content)
        found = Referenced(file, file.name)
    problems = list(found.problems)
    if found.schema is not None:
        problems = [f"{found.at(*keys)}: {why}" for keys, why in unheld(found.schema)]
    if problems or found.schema is None:
        lines = "\n".join(" ".join(line.split()) for line in problems)
        raise InvalidRequest(f"nothing is written, since no dataset can have this schema as it is:\n{lines}")
    return found.schema


def _origin(brought: "Brought", name: str) -> str:
    """Return what is noted of where a schema is from."""
    from connectors.yaml_text import scalar

    said: dict[str, Any] = {"from": brought.source, "resource": brought.resource}
    said |= {key: brought.said.get(key) for key in ("version", "homepage")}
    said |= {"brought": f"{datetime.now(UTC):%Y-%m-%d}", "sha256": hashlib.sha256(brought.content).hexdigest()}
    lines = [f"{key}: {scalar(value)}" for key, value in said.items() if isinstance(value, str) and value]
    return "\n".join([f"# Written by `beffroi schema add`: what {name}.json is, byte for byte.", *lines]) + "\n"
