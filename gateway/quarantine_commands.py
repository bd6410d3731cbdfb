"""`beffroi quarantine`: the rows that runs refused, shown."""

import asyncio
from pathlib import Path

import click

from gateway import console
from gateway.command import command
from pipelines.workspace import Workspace


@click.group("quarantine")
def quarantine_group() -> None:
    """Show the rows that runs refused."""


@quarantine_group.command("list")
@click.argument("datasets", nargs=-1)
@click.option("--limit", default=20, show_default=True, help="Rows shown per dataset; 0 for all.")
@click.option("--raw", "with_raw", is_flag=True, help="Show the rows too, as the source has them; it is journaled.")
@click.option("--purpose", help="What the rows are wanted for, one of the workspace's purposes.")
@command
def quarantine_list_command(
    root: Path, as_json: bool, datasets: tuple[str, ...], limit: int, with_raw: bool, purpose: str | None
) -> None:
    """List the refused rows of DATASETS (all, where none is named), each with its place and reasons.

    The rows themselves come with --raw: an access like any other, for which data that are personal or not open need
    a --purpose.
    """
    from gateway import refused

    workspace = Workspace(root)
    if with_raw:
        found = asyncio.run(refused.raw(workspace, datasets, limit, purpose))
    else:
        found = refused.listed(workspace, datasets, limit)
    for name, (_, more) in found.items():
        if more:
            console.note(f"{name}: more rows follow: --limit 0 shows all")
    rows = [row for of_one, _ in found.values() for row in of_one]
    if as_json:
        console.show_json(rows if with_raw else [refused.reasons(row) for row in rows])
    elif rows:
        columns = ("dataset", "row", "column", "rule", "reason", *(["as the source has it"] if with_raw else []))
        told = [
            (r.dataset, r.place, f["column"], f["rule"], f["reason"], *([console.one_line(r.raw)] if with_raw else []))
            for r in rows
            for f in r.failures
        ]
        console.show_table(columns, told, right=("row",))
    else:
        console.note("The quarantine is empty.")
