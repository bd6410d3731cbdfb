"""`beffroi conflicts`: the values that a version did not keep, since another row of the same key has another."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from connectors.errors import InvalidRequest, NotFound, Unavailable
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command
from gateway.french import told

if TYPE_CHECKING:
    from pipelines.versions import Version
    from pipelines.workspace import Workspace

Row = dict[str, Any]

PLACES = ("column", "rule", "kept_source", "other_source", "other_place")
"""What is told of a conflict without an access: which column, by which rule, whose value stayed and whose did not."""

VALUES = ("key", "kept", "other")


class Only(NamedTuple):
    """Which conflicts are wanted: of one column, of one source's values that were not kept, and how many (0: all)."""

    column: str | None
    source: str | None
    limit: int


@click.command("conflicts", cls=Command)
@click.argument("dataset")
@click.option("--column", metavar="NAME", help="Of this column only.")
@click.option("--source", metavar="NAME", help="Of this source only: its values that were not kept, and for whose.")
@click.option("--limit", default=20, show_default=True, help="Conflicts shown; 0 for all.")
@click.option("--raw", "with_raw", is_flag=True, help="Show keys and values too; it is journaled.")
@click.option("--purpose", help="What the values are wanted for, one of the workspace's purposes.")
@command
def conflicts_command(
    root: Path, as_json: bool, dataset: str, column: str | None, source: str | None, limit: int, with_raw: bool,
    purpose: str | None,
) -> None:  # fmt: skip
    """List the values that the latest version of DATASET did not keep, each with whose it was and whose stayed.

    `beffroi report` counts them by column and source. Keys and values come with --raw: an access like any other, for
    which data that are personal or not open need a --purpose.
    """
    import asyncio

    from pipelines.declarations.sentences import among
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    names = [each.name for each in workspace.dataset(dataset).inputs]
    if source is not None and source not in names:
        raise InvalidRequest(f"{dataset} has no source «{source}»{among(source, names)}")
    only = Only(column, source, limit)
    if with_raw:
        found = asyncio.run(_raw(workspace, dataset, only, purpose))
    else:
        found = _conflicts(_latest(workspace, dataset), only, PLACES)
    if limit and len(found) > limit:
        found.pop()
        console.note(told()("{dataset}: more conflicts follow: --limit 0 shows all", dataset=dataset))
    if as_json:
        console.show_json(found)
    elif found:
        heads = [told()(name.replace("_", " ")) for name in found[0]]
        console.show_table(heads, [list(row.values()) for row in found], right=(told()("other place"),))
    else:
        console.note(told()("No value was in conflict with another."))


async def _raw(workspace: "Workspace", name: str, only: Only, purpose: str | None) -> list[Row]:
    """Return conflicts with their keys and values, once that is on the journal. Raises what `decide` raises."""
    from gateway.callers.access import decide, of_refused, operator
    from gateway.journal import Entry, Journal

    caller = operator(purpose)
    entry = Entry.begin(workspace, caller, "conflicts", f"dataset:{name}")
    with closing(Journal.of(workspace)) as journal:
        async with journal.access(entry):
            decide(workspace, caller, of_refused(workspace.dataset(name)), None)
            version = _latest(workspace, name)
            found = _conflicts(version, only, (*PLACES, *VALUES))
            entry.fields = sorted({row["column"] for row in found})
            entry.source = f"version {version.number}"
    return found


def _latest(workspace: "Workspace", name: str) -> "Version":
    from pipelines import versions

    version = versions.newest(workspace, name)
    if version is None:
        raise NotFound(f"{name} has no version yet: `beffroi run {name}`")
    return version


def _conflicts(version: "Version", only: Only, names: tuple[str, ...]) -> list[Row]:
    """Return conflicts, one more than wanted where there are more. Raises Unavailable where they are no longer kept."""
    from pipelines import evidence, trace
    from pipelines.sql import quote

    file = version.folder / trace.CONFLICTS
    if not file.is_file():
        raise Unavailable(f"the conflicts of version {version.number} of {version.dataset} are no longer kept")
    columns = ", ".join(f'"{name}"' for name in names)
    wanted = [
        f"{name} = {quote(value)}"
        for name, value in (('"column"', only.column), ("other_source", only.source))
        if value is not None
    ]
    where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
    most = f"LIMIT {only.limit + 1}" if only.limit else ""
    with evidence.engine() as connection:
        found = connection.execute(
            f"SELECT {columns} FROM {evidence.rows_of(file)} {where} ORDER BY file_row_number {most}"
        ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in found]


CONFLICT_COMMANDS = (conflicts_command,)
"""The commands of this module."""
