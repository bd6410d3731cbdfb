"""The commands `beffroi connector …`: a registry declared from its own description, shown in words, and tried.

What reads descriptions is loaded by the commands that need it: the others start without.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.commands.command import command
from gateway.commands.connector_add import add_group
from gateway.commands.help import Group
from gateway.french import told
from gateway.languages import as_read

if TYPE_CHECKING:
    from rich.tree import Tree

    from connectors import drafts
    from connectors.registry import Registry
    from pipelines.workspace import Workspace


@click.group("connector", cls=Group)
def connector_group() -> None:
    """Declare a registry from its own description, see what it can be asked, and try it."""


connector_group.add_command(add_group)


@connector_group.command("show")
@click.argument("name")
@click.option("--operation", help="Only this operation, with an example of its answer.")
@command
def show_command(root: Path, as_json: bool, name: str, operation: str | None) -> None:
    """Show what the registry NAME, of kind soap, can be asked: each operation, its parameters, answer, a call to try.

    Of other kinds there is nothing to show: their files under registries/ say all that they are asked.
    """
    from rich.console import Console

    from connectors import drafts
    from pipelines.workspace import Workspace

    registry = _registry(Workspace(root), name)
    found = drafts.describe(registry, operation)
    if as_json:
        console.show_json(found)
        return
    said = told()
    for port in found.ports:
        named = {"name": port.name, "soap": port.soap, "address": port.address or said("no address")}
        operations = console.counted(port.operations, "operation", "operations")
        console.note(said("port {name}: SOAP {soap}, {operations}, {address}", **named, operations=operations))
    for each in found.operations:
        if sys.stdout.isatty():
            Console(highlight=False, markup=False).print(_tree(each, drafts.command(registry, each)))
        else:
            click.echo("\n".join(map(_as_read, drafts.lines(registry, each))))
        if operation is not None and each.answer_example is not None:
            click.echo(f"  {said('an answer, for example')}")
            for line in json.dumps(each.answer_example, ensure_ascii=False, indent=2).split("\n"):
                click.echo(f"    {line if line.isprintable() else drafts.plain(line)}")
        click.echo()
    for broken, why in found.broken.items() if operation is None else ():
        click.echo(said("{operation} cannot be used: {why}", operation=broken, why=as_read(why)))
    for why in found.left_out if operation is None else ():
        click.echo(said("left out: {why}", why=as_read(why)))


def _as_read(line: str) -> str:
    """Return a line that tells an operation in the language of its reader, as deep as it stands; its name stays."""
    text = line.lstrip()
    return line if text == line else line[: len(line) - len(text)] + as_read(text)


def _tree(operation: "drafts.DescribedOperation", command_line: str) -> "Tree":
    """Return an operation as a tree for a terminal."""
    from rich.text import Text
    from rich.tree import Tree

    from connectors import drafts

    name, said = drafts.plain(operation.name), operation.documentation
    tree = Tree(Text.assemble((name, "bold"), f"  {said}" if said else ""))
    answer = operation.answer
    parts: dict[str, Iterable[drafts.Described]] = {
        "asked with": operation.parameters,
        "headers": operation.headers,
        "answers": () if answer is None else answer.fields or (answer,),
        "with headers": operation.answer_headers,
        "or the fault": operation.faults,
    }
    for title, fields in parts.items():
        if fields:
            _branch(tree.add(Text(as_read(title), "italic")), fields)
    tree.add(Text(as_read("try"), "italic")).add(Text(command_line))
    return tree


def _branch(tree: "Tree", fields: Iterable["drafts.Described"]) -> None:
    from rich.text import Text

    from connectors import drafts

    for each in fields:
        words = Text.assemble(
            (drafts.plain(each.key), "bold cyan" if each.required else "cyan"), " ", as_read(drafts.in_words(each))
        )
        _branch(tree.add(words), each.fields)


@connector_group.command("call")
@click.argument("name")
@click.argument("operation")
@click.argument("parameters", nargs=-1, metavar="[PARAM=VALUE]...")
@click.option(
    "--parameters", "given", help="Parameters as JSON, for what is nested; «-» reads them from standard input."
)
@click.option("--headers", help="SOAP headers that the WSDL declares, as JSON.")
@click.option("--purpose", help="What the answer is for, one of the workspace's purposes.")
@command
def call_command(
    root: Path,
    as_json: bool,  # noqa: ARG001  # the answer is JSON anyway
    name: str,
    operation: str,
    parameters: tuple[str, ...],
    given: str | None,
    headers: str | None,
    purpose: str | None,
) -> None:
    """Ask OPERATION of the registry NAME, of kind soap, as the operator; its answer is printed as JSON, and journaled.

    Registries of other kinds are tried by `beffroi lookup` and `beffroi run`, all of them by `beffroi check --online`.
    A parameter that is a list may be said several times. What is personal is better read from standard input than
    written on the command line, which others can see and the shell keeps.
    """
    import asyncio

    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    registry = _registry(workspace, name)
    texts = [_pair(each) for each in parameters]
    if texts and registry.personal:
        kept = "The command line is kept and can be seen: better give personal data by --parameters -"
        console.note(told()(kept))
    answered = asyncio.run(_call(workspace, registry, operation, texts, _object(given, "parameters"),
                             _object(headers, "headers"), purpose))  # fmt: skip
    for extra in answered.extras:
        console.note(told()("set aside, since the schema does not know it: {extra}", extra=extra))
    if answered.headers:
        console.note(told()("headers: {headers}", headers=console.one_line(answered.headers)))
    console.show_json(answered.value)


@connector_group.command("test")
@click.argument("name")
@command
def test_command(root: Path, as_json: bool, name: str) -> None:
    """Test the database NAME (kind sql) as declared: read only, streaming, exact in its types, ending in time.

    Registries of other kinds are asked whether they are there and know us by `beffroi check --online`.

    Nothing is written to it and no row of it is shown. For SQL Server and Oracle, which are experimental, this is how
    to know that they work on your server.
    """
    from connectors import drafting
    from pipelines.workspace import Workspace

    checks = []
    for check in drafting.conformance(_registry(Workspace(root), name)):
        checks.append(check)
        if not as_json:
            detail = f"{told()(': ')}{as_read(check.detail)}" if check.detail else ""
            click.echo(f"{told()('ok  ' if check.ok else 'FAIL')} {as_read(check.name)}{detail}")
    if as_json:
        console.show_json(checks)
    if not all(check.ok for check in checks):
        sys.exit(1)


async def _call(
    workspace: "Workspace",
    registry: "Registry",
    operation: str,
    texts: list[tuple[str, str]],
    given: Mapping[str, Any],
    headers: Mapping[str, Any],
    purpose: str | None,
) -> "drafts.Told":
    """Ask as the operator: refused as the command line's lookups are, and on the same journal."""
    import asyncio

    from connectors import drafts
    from gateway.callers.access import decide, of_operation, operator
    from gateway.journal import Entry
    from gateway.lookups.question import identifier_text
    from gateway.service import Service

    caller = operator(purpose)
    with Service(workspace) as service:
        entry = Entry.begin(workspace, caller, "call", f"registry:{registry.name}/{operation}")
        async with service.journal.access(entry):
            decide(workspace, caller, of_operation(registry.name, operation, personal=registry.personal), None)
            call = drafts.Call(registry, operation, texts, given, headers)
            if call.identifier is not None and registry.record is not None:
                entry.identifier = service.journal.keyed(identifier_text(registry.record, call.identifier))
            told = await asyncio.to_thread(call.ask)
            entry.source = registry.name
            entry.fields = list(told.value) if isinstance(told.value, dict) else []
    return told


def _registry(workspace: "Workspace", name: str) -> "Registry":
    from pipelines.declarations.sentences import among

    if name not in workspace.registries:
        raise InvalidRequest(f"there is no registry «{name}»{among(name, workspace.registries)}")
    return workspace.registries[name]


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidRequest("a parameter is written PARAM=VALUE; what is nested goes by --parameters")
    return name, value


def _object(text: str | None, option: str) -> Mapping[str, Any]:
    """Return the JSON object that an option holds. Raises InvalidRequest, which repeats nothing of it."""
    if text is None:
        return {}
    try:
        value = json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequest(f'--{option} must be a JSON object: {{"name": value}}')
    return value
