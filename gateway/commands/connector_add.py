"""The commands `beffroi connector add …`: a registry declared from what its source says of itself.

What reads sources is loaded by the commands that need it: the others start without.
"""

import contextlib
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from connectors.errors import InvalidRequest, Misconfigured
from gateway import console
from gateway.commands.command import Command, command
from gateway.commands.help import Group
from gateway.french import told
from gateway.languages import as_read


@click.group("add", cls=Group)
def add_group() -> None:
    """Declare a registry: by its WSDL, its OpenAPI document, its database, or its files."""


@add_group.command("soap")
@click.argument("source", metavar="FILE|URL")
@click.option("--name", required=True, help="The registry's name in the workspace.")
@click.option("--port", help="The WSDL's port to ask; by default its first.")
@click.option(
    "--allow-host",
    "allowed",
    multiple=True,
    metavar="HOST[:PORT]",
    help="A host besides the URL's own that imports may be on.",
)
@click.option(
    "--allow-folder",
    "folders",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="A folder besides the FILE's own that imports may lie in.",
)
@click.option("--force", is_flag=True, help="Where NAME is declared already, renew its WSDL; its declaration stays.")
@command
def add_soap_command(
    root: Path,
    as_json: bool,
    source: str,
    name: str,
    port: str | None,
    allowed: tuple[str, ...],
    folders: tuple[Path, ...],
    force: bool,
) -> None:
    """Bring the WSDL at FILE or URL, with all that it imports, into the workspace, and declare a registry by it.

    It writes wsdl/NAME/ and registries/NAME.yaml, which lists every operation and holds drafts of a lookup and of
    tables. When the registry is asked, nothing is fetched.
    """
    from connectors import drafts

    declared = _is_declared(root, name)
    if declared and not force:
        raise InvalidRequest(f"there is a registry {name} already: take another --name, or --force to renew its WSDL")
    added = drafts.add_soap(root.resolve(), name, source, port=port, allow=allowed, keep=declared, folders=folders)
    if as_json:
        console.show_json(added)
        return
    said, named = told(), {"wsdl": added.wsdl, "name": name}
    click.echo(added.wsdl)
    if added.declaration is not None:
        click.echo(added.declaration)
    elif (written := root / "registries" / f"{name}.yaml").is_file() and added.wsdl not in written.read_text("utf-8"):
        console.note(said("Its file has another name now: say wsdl: {wsdl} in registries/{name}.yaml", **named))
    if len(added.ports) > 1 and not declared:
        ports = {"ports": ", ".join(added.ports), "port": port or added.ports[0]}
        console.note(said("The WSDL has several ports ({ports}): {port} is asked.", **ports))
    for operation, why in added.broken.items():
        console.note(said("{operation} cannot be used: {why}", operation=operation, why=as_read(why)))
    next_ = "soap: {operations}. Next: beffroi connector show {name} && beffroi check"
    operations = console.counted(len(added.operations), "operation", "operations")
    console.note(said(next_, operations=operations, **named))


# --- what a draft says, written --------------------------------------------------------------------------------------


def _drafting(function: Command) -> Command:
    """Give a command what all drafts take."""
    for option in (
        click.option("--owner", metavar="ORGANISATION", help="Who owns the datasets; needed where there are several."),
        click.option(
            "--dataset",
            "datasets",
            multiple=True,
            metavar="TABLE",
            help="Write datasets/TABLE.yaml too; «all» for all that load as they stand.",
        ),
        click.option(
            "--lookup", "lookups", multiple=True, metavar="NAME", help="Write lookups/NAME.yaml too; «all» for all."
        ),
        click.option("--show", is_flag=True, help="Only show what is found, with the evidence; write nothing."),
        click.option("--name", required=True, help="The registry's name in the workspace."),
    ):
        function = option(function)
    return function


@add_group.command("rest")
@click.argument("source", metavar="FILE|URL")
@_drafting
@click.option("--server", metavar="URL", help="The address to ask, where the document tells several or none.")
@command
def add_rest_command(root: Path, as_json: bool, source: str, name: str, server: str | None, **written: Any) -> None:
    """Declare a REST registry by the OpenAPI document (3 or 2) at FILE or URL.

    It writes registries/NAME.yaml, which holds drafts of a lookup and of tables and lists every other operation. Where
    NAME is declared already, its file stays, and only what --dataset and --lookup name is written.
    """
    _add(root, as_json, "rest", source, name, {"server": server}, **written)


@add_group.command("sql")
@click.argument("url", metavar="URL")
@_drafting
@click.option("--table", "tables", multiple=True, metavar="TABLE", help="Only this table; may be said several times.")
@click.option("--password-variable", metavar="VARIABLE", help="The variable of the environment that has the password.")
@command
def add_sql_command(
    root: Path,
    as_json: bool,
    url: str,
    name: str,
    tables: tuple[str, ...],
    password_variable: str | None,
    **written: Any,
) -> None:
    """Declare the database at URL, such as postgresql://reader@db.ville.example/gestion or sqlite:bases/culture.sqlite.

    It lists the tables with their sizes, their keys and the columns that look personal, and writes
    registries/NAME.yaml. The password is read from a variable of the environment, by default NAME_PASSWORD. Where NAME is
    declared already, its file stays, and only what --dataset and --lookup name is written.
    """
    options = {"tables": tables, "password_variable": password_variable, "lookup": bool(written["lookups"])}
    _add(root, as_json, "sql", url, name, options, **written)


@add_group.command("file")
@click.argument("source", metavar="PATH|URL")
@_drafting
@click.option("--username", help="As whom to ask: HTTPS, SFTP; for S3 the access key.")
@click.option("--password-variable", metavar="VARIABLE", help="The variable of the environment that has the password.")
@click.option("--key", metavar="FILE", help="The private key for SFTP.")
@click.option(
    "--host-key", metavar="TEXT", help="The public key of the SFTP server, as in known_hosts: its type and it."
)
@click.option("--endpoint", metavar="URL", help="Where S3 answers, if not at Amazon's.")
@click.option("--region", help="The region of S3.")
@command
def add_file_command(
    root: Path,
    as_json: bool,
    source: str,
    name: str,
    username: str | None,
    password_variable: str | None,
    key: str | None,
    host_key: str | None,
    endpoint: str | None,
    region: str | None,
    **written: Any,
) -> None:
    """Declare a file or a folder of them: CSV, spreadsheets, JSON, XML, GeoJSON, Parquet; zipped or not.

    PATH is here, URL is https://…, sftp://… or s3://…. It shows what it believes (encoding, separator, header, types)
    and by what evidence, and writes it down in registries/NAME.yaml, so that nothing is guessed later. Where NAME is
    declared already, its file stays, and only what --dataset and --lookup name is written.
    """
    options = {"username": username, "key": key, "host_key": host_key, "endpoint": endpoint, "region": region}
    options["password"] = f"${{{password_variable}}}" if password_variable else None
    _add(root, as_json, "files", source, name, options, **written)


def _add(
    root: Path,
    as_json: bool,
    kind: str,
    source: str,
    name: str,
    options: dict[str, Any],
    *,
    show: bool,
    datasets: tuple[str, ...],
    lookups: tuple[str, ...],
    owner: str | None,
) -> None:
    """Draft a declaration, show what was found, and write what was asked for, all or nothing."""
    from connectors import drafting
    from gateway.commands import connector_drafts

    declared = _is_declared(root, name)
    if declared and not (show or datasets or lookups):
        raise InvalidRequest(
            f"there is a registry {name} already: take another --name, or say by --dataset and --lookup what to write for it"
        )
    found = drafting.draft(kind, source, name, root.resolve(), **options)
    if as_json and show:
        console.show_json(found)
        return
    if not as_json:
        connector_drafts.tell(found)
    if show:
        click.echo(found.declaration)
        return
    texts, left = connector_drafts.chosen(root, kind, name, found, datasets, lookups, declared=declared)
    write_all(root, _owned(root, texts, owner))
    if as_json:
        console.show_json({"written": list(texts), "left": left, "seen": found.seen, "notes": found.notes})
        return
    connector_drafts.tell_written(texts, left)


def _owned(root: Path, texts: dict[str, str], owner: str | None) -> dict[str, str]:
    """Return the texts with the owner of the datasets among them, if there are any."""
    from connectors.drafting import FILL_IN

    if not any(path.startswith("datasets/") for path in texts):
        return texts
    said = f"owner: {owner_of(root, owner)}"
    return {path: text.replace(f"owner: {FILL_IN}", said) for path, text in texts.items()}


def owner_of(root: Path, owner: str | None) -> str:
    """Return the organisation that owns drafted datasets: the one that is said, or the only one there is."""
    from pipelines.declarations.sentences import among

    there = sorted(entries(root, "organisations"))
    if owner is None and len(there) == 1:
        return there[0]
    if owner is None or owner not in there:
        raise InvalidRequest(f"say --owner, an organisation of the workspace{among(owner or '', there)}")
    return owner


def write_all(root: Path, texts: dict[str, str], renewed: Collection[str] = ()) -> None:
    """Write files of a workspace; those `renewed` alone may be there. Raises InvalidRequest before any is written."""
    there = [path for path in texts if path not in renewed and (root / path).exists()]
    if there:
        raise InvalidRequest(f"{there[0]} is there already: take it away, or leave it out")
    parts = {root / path: root / f"{path}.part" for path in texts}
    try:
        for (path, part), text in zip(parts.items(), texts.values(), strict=True):
            path.parent.mkdir(exist_ok=True)
            part.write_text(text, encoding="utf-8")
        for path, part in parts.items():
            part.rename(path)
    except (OSError, UnicodeError) as error:
        for each in (*(root / path for path in texts if path not in renewed), *parts.values()):
            with contextlib.suppress(OSError):
                each.unlink(missing_ok=True)
        why = os.strerror(number) if (number := getattr(error, "errno", None)) else type(error).__name__
        raise InvalidRequest(f"nothing is written, since {next(iter(texts))} and the like cannot be: {why}") from error


def _is_declared(root: Path, name: str) -> bool:
    """Tell whether a workspace declares a registry, in whatever state its declarations are. Raises Misconfigured."""
    return name in entries(root, "registries")


def entries(root: Path, section: str) -> Collection[str]:
    """Return the names that a section of a workspace has, in beffroi.yaml and in files of their own."""
    from pipelines.declarations.strict_yaml import load

    main = root / "beffroi.yaml"
    if not main.is_file():
        raise Misconfigured(f"there is no beffroi.yaml in {root}: `beffroi init DIR` makes a workspace")
    data = load(main, Path("beffroi.yaml")).data
    inside = data.get(section) if isinstance(data, dict) else None
    return {*(inside if isinstance(inside, dict) else ()), *(path.stem for path in (root / section).glob("*.yaml"))}
