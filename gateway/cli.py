"""The command line: `beffroi COMMAND`, on the workspace in the current folder or the one that --workspace names.

Every command has --json. Results go to standard output, all else to standard error; the exit status is 0 when the
command did what it says, 1 when it could not, 2 when it was not understood.

A command imports what it works with when it is called: those that need little start at once, and so does --help.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.errors import Misconfigured
from gateway import console
from gateway.commands.command import command, common
from gateway.commands.conflicts import CONFLICT_COMMANDS
from gateway.commands.connector import connector_group
from gateway.commands.dataset import DATASET_COMMANDS
from gateway.commands.decide import decide_group
from gateway.commands.doctor import DOCTOR_COMMANDS
from gateway.commands.explain import explain_command
from gateway.commands.help import Main
from gateway.commands.journal import journal_group
from gateway.commands.link import link_command
from gateway.commands.lookup import lookup_command
from gateway.commands.quarantine import quarantine_group
from gateway.commands.receipt import receipt_group
from gateway.commands.schema import schema_group
from gateway.commands.token import token_group
from gateway.commands.trace import TRACE_COMMANDS
from gateway.french import LANGUAGE, told
from gateway.languages import as_read

if TYPE_CHECKING:
    from gateway.online import Checked


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="beffroi", message="%(version)s")
@common
def main(root: Path | None, as_json: bool) -> None:
    """Beffroi: registries asked in one way, data made clean and versioned, open datasets published."""


main.add_command(connector_group)
main.add_command(quarantine_group)
main.add_command(schema_group)
main.add_command(link_command)
main.add_command(decide_group)
main.add_command(lookup_command)
main.add_command(explain_command)
main.add_command(token_group)
main.add_command(journal_group)
main.add_command(receipt_group)
for _command in (*DATASET_COMMANDS, *TRACE_COMMANDS, *CONFLICT_COMMANDS, *DOCTOR_COMMANDS):
    main.add_command(_command)


@main.command("demo")
@click.option("--once", is_flag=True, help="End after the pipelines and the publication; serve nothing.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Where the gateway listens."
)
@command
def demo_command(root: Path, as_json: bool, once: bool, port: int) -> None:
    """Run the main job on this workspace with the sandbox's registries, then serve it."""
    from gateway import demo

    LANGUAGE.set("en")  # as all that it tells of itself
    if not demo.demo(root, port=None if once else port, as_json=as_json):
        sys.exit(1)


@main.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@command
def init_command(root: Path, as_json: bool, folder: Path) -> None:  # noqa: ARG001  # every command has --workspace
    """Make a new workspace in FOLDER: a beffroi.yaml and a first dataset to start from."""
    from gateway import skeleton

    made = skeleton.make(folder)
    if as_json:
        console.show_json([str(path) for path in made])
        return
    for path in made:
        click.echo(path)
    console.note(told()("Next: {line}", line=f"cd {folder} && beffroi check && beffroi run"))


@main.command("check")
@click.option(
    "--online",
    is_flag=True,
    help="Ask each registry too: for its probe, an identifier that it has, or for a first page.",
)
@command
def check_command(root: Path, as_json: bool, online: bool) -> None:
    """Check the whole workspace; every problem is told with its file and line, those of form before all others.

    Warned of, with exit status 0, are credentials and purposes that end within 30 days or have ended, where their end is
    known, and lookups that could give another record on than was asked for.
    """
    from gateway import online as asking
    from pipelines.workspace import Workspace

    try:
        workspace = Workspace(root, sources=True)
    except Misconfigured as error:
        problems = error.detail.splitlines()
        if as_json:
            console.show_json(problems)
        else:
            for problem in problems:
                click.echo(as_read(problem))
            console.note(console.counted(len(problems), "problem", "problems"))
        sys.exit(1)
    said = told()
    for warning in asking.warnings(workspace):
        console.note(said("WARN {warning}", warning=as_read(warning)))
    if online:
        checked = asking.check(workspace)
        console.show_json(checked) if as_json else _show_checked(checked)
        sys.exit(any(each.fails for each in checked))
    if as_json:
        console.show_json([])
    else:
        counts = (
            console.counted(len(workspace.registries), "registry", "registries"),
            console.counted(len(workspace.datasets), "dataset", "datasets"),
            console.counted(len(workspace.configuration.lookups), "lookup", "lookups"),
            console.counted(len(workspace.applications), "application", "applications"),
        )
        console.note(said("{name}: {counts}: no problem", name=workspace.root.name, counts=", ".join(counts)))


def _show_checked(checked: "Sequence[Checked]") -> None:
    """Show how each registry answered; a status is the code of an error, which is a name, or that it has no probe."""
    from gateway.online import NO_PROBE

    said = told()
    rows = [
        (each.registry, said(NO_PROBE) if each.status == NO_PROBE else each.status, as_read(each.detail))
        for each in checked
    ]
    console.show_table((said("registry"), said("status"), ""), rows)


@main.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the gateway listens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Where the gateway listens."
)
@click.option(
    "--workers", type=click.IntRange(1, 64), default=1, show_default=True, metavar="N",
    help="How many processes answer: one for each core that the gateway may use.",
)  # fmt: skip
@command
def serve_command(root: Path, as_json: bool, host: str, port: int, workers: int) -> None:
    """Serve the gateway until Ctrl-C or SIGTERM, which let what is under way end.

    With several --workers one that dies is replaced, and SIGHUP has all of them read the settings anew.
    """
    from gateway.serving.app import serve

    said = told()

    def ready(url: str) -> None:
        if as_json:
            console.show_json({"url": url})
        else:
            console.note(said("The gateway is at {url}; Ctrl-C ends it.", url=url))

    LANGUAGE.set("en")  # of what it answers, where the request asks for none
    serve(root, host, port, ready, workers)


@main.group("sandbox")
def sandbox_group() -> None:
    """Start and stop local servers that speak the registries' own protocols."""


@sandbox_group.command("start")
@click.argument("names", nargs=-1)
@command
def sandbox_start_command(root: Path, as_json: bool, names: tuple[str, ...]) -> None:
    """Start NAMES (all, where none is named) on the workspace's reference data."""
    from connectors import sandbox

    started = sandbox.start(root, names or sandbox.ALL)
    heads = [told()(each) for each in ("registry", "address")]
    console.show_json(started) if as_json else console.show_table(heads, list(started.items()))


@sandbox_group.command("stop")
@click.argument("names", nargs=-1)
@command
def sandbox_stop_command(root: Path, as_json: bool, names: tuple[str, ...]) -> None:
    """Stop NAMES (all, where none is named); their ports then refuse connections, as those of a registry that is down."""
    from connectors import sandbox

    stopped = sandbox.stop(root, names or sandbox.ALL)
    said = told()
    told_of = ", ".join(stopped) or said("none was running")
    console.show_json(stopped) if as_json else console.note(said("stopped: {names}", names=told_of))


@sandbox_group.command("status")
@command
def sandbox_status_command(root: Path, as_json: bool) -> None:
    """Tell which of the sandbox's registries run, and where."""
    from connectors import sandbox

    found = sandbox.status(root)
    if as_json:
        console.show_json([status._asdict() for status in found])
        return
    said = told()
    rows = [(status.name, said("running" if status.running else "stopped"), status.url) for status in found]
    console.show_table([said(each) for each in ("registry", "state", "address")], rows)


if __name__ == "__main__":
    main()
