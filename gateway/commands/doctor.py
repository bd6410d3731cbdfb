"""`beffroi doctor`: what is amiss in the workspace's state, and what can be removed of it."""

import sys
from pathlib import Path

import click

from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command
from gateway.french import told
from gateway.languages import as_read


@click.command("doctor", cls=Command)
@click.argument("datasets", nargs=-1)
@click.option("--mend", is_flag=True, help="Remove leftovers, and all of a dataset that is named and declared no more.")
@command
def doctor_command(root: Path, as_json: bool, datasets: tuple[str, ...], mend: bool) -> None:
    """Look for leftovers and damage in the state of DATASETS (of everything, where none is named), and tell its sizes.

    The exit status is 1 where something is broken: what to do about it is told, and not done.
    """
    from pipelines import doctor
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    names = list(datasets)
    found = list(doctor.examine(workspace, names, mend=mend))
    sizes = doctor.sizes(workspace, names)
    if as_json:
        console.show_json({"findings": found, "sizes": sizes})
    else:
        said = told()
        rows = [(each.dataset, *map(console.number, (each.lake, each.versions, each.raw))) for each in sizes]
        numbers = [said(each) for each in ("bytes in the lake", "ready-made files", "raw inputs")]
        console.show_table((said("dataset"), *numbers), rows, right=numbers)
        for finding in found:
            size = said(" ({count} bytes)", count=console.number(finding.bytes)) if finding.bytes else ""
            kind = said("mended" if finding.mended else finding.kind)
            click.echo(f"{kind}{said(': ')}{as_read(finding.detail)}{size}")
        if not found:
            console.note(said("Nothing is amiss."))
        elif not mend and any(each.kind == "leftover" for each in found):
            console.note(said("`beffroi doctor --mend` removes the leftovers; the next run of a dataset does so too."))
    sys.exit(any(each.kind == "broken" for each in found))


DOCTOR_COMMANDS = (doctor_command,)
"""The commands of this module."""
