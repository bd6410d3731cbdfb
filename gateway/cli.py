"""The command line: `beffroi COMMAND`, on the workspace in the current folder or the one that --workspace names.

Every command has --json. Results go to standard output, all else to standard error; the exit status is 0 when the
command did what it says, 1 when it could not, 2 when it was not understood.
"""

import asyncio
import getpass
import sys
from contextlib import closing
from pathlib import Path

import click

from connectors import sandbox
from connectors.errors import InvalidRequest, Misconfigured
from gateway import console, demo, journal, skeleton
from gateway import online as asking
from gateway.command import command
from gateway.conflicts import CONFLICT_COMMANDS
from gateway.connector_commands import connector_group
from gateway.dataset_commands import DATASET_COMMANDS
from gateway.doctor_commands import DOCTOR_COMMANDS
from gateway.quarantine_commands import quarantine_group
from gateway.tokens import Tokens
from gateway.trace_commands import TRACE_COMMANDS
from pipelines.workspace import Workspace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="beffroi", message="%(version)s")
@click.option(
    "--workspace", type=click.Path(path_type=Path, file_okay=False), default=None, metavar="DIR",
    help="The workspace to work on; the current folder by default.",
)  # fmt: skip
def main(workspace: Path | None) -> None:
    """Beffroi: registries asked in one way, data made clean and versioned, open datasets published."""


main.add_command(connector_group)
main.add_command(quarantine_group)
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
    if not demo.demo(root, port=None if once else port, as_json=as_json):
        sys.exit(1)


@main.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@command
def init_command(root: Path, as_json: bool, folder: Path) -> None:  # noqa: ARG001  # every command has --workspace
    """Make a new workspace in FOLDER: a beffroi.yaml and a first dataset to start from."""
    made = skeleton.make(folder)
    if as_json:
        console.show_json([str(path) for path in made])
        return
    for path in made:
        click.echo(path)
    console.note(f"Next: cd {folder} && beffroi check && beffroi run")


@main.command("check")
@click.option(
    "--online",
    is_flag=True,
    help="Ask each registry too: for its probe, an identifier that it has, or for a first page.",
)
@command
def check_command(root: Path, as_json: bool, online: bool) -> None:
    """Check the whole workspace; every problem is told with its file and line.

    Warned of, with exit status 0, are credentials that end within 30 days or have ended, where their end is known, and
    lookups that could give another record on than was asked for.
    """
    try:
        workspace = Workspace(root, sources=True)
    except Misconfigured as error:
        problems = error.detail.splitlines()
        if as_json:
            console.show_json(problems)
        else:
            for problem in problems:
                click.echo(problem)
            console.note(f"{len(problems)} problem{'s' if len(problems) > 1 else ''}")
        sys.exit(1)
    for warning in asking.warnings(workspace):
        console.note(f"WARN {warning}")
    if online:
        checked = asking.check(workspace)
        rows = [(each.registry, each.status, each.detail) for each in checked]
        console.show_json(checked) if as_json else console.show_table(("registry", "status", ""), rows)
        sys.exit(any(each.fails for each in checked))
    if as_json:
        console.show_json([])
    else:
        counted = workspace.configuration
        console.note(
            f"{workspace.root.name}: {len(workspace.registries)} registries, {len(workspace.datasets)} datasets,"
            f" {len(counted.lookups)} lookups, {len(workspace.applications)} applications: no problem"
        )


@main.command("lookup")
@click.argument("record")
@click.argument("identifier", default="-")
@click.option("--purpose", help="What the answer is for, one of the workspace's purposes.")
@click.option("--fields", help="Only these fields, separated by commas.")
@command
def lookup_command(
    root: Path, as_json: bool, record: str, identifier: str, purpose: str | None, fields: str | None
) -> None:
    """Ask RECORD (commune, person…) for IDENTIFIER; «-» reads it from standard input.

    A personal identifier is better typed than written on the command line, which others can see and the shell keeps.
    """
    from gateway import lookups

    workspace = Workspace(root)
    declared = workspace.lookup(record)
    if identifier == "-":
        identifier = (getpass.getpass("Identifier: ") if sys.stdin.isatty() else sys.stdin.readline()).strip()
        if not identifier:
            raise InvalidRequest("no identifier came on standard input")
    elif declared.record_model.is_personal():
        console.note("The command line is kept and can be seen: better leave the identifier out and type it.")
    asked = fields.split(",") if fields else None
    answer = asyncio.run(lookups.command(workspace, record, identifier, asked, purpose))
    if as_json:
        console.show_json(answer)
        return
    shown = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in answer["data"].items()]
    console.show_table(("field", "value"), shown)
    meta = answer["meta"]
    console.note(f"from {meta['source']}, {meta['age_seconds']} s old")
    for tried in meta["tried"]:
        console.note(f"{tried['provider']} was asked first: {tried['detail']}")


@main.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the gateway listens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Where the gateway listens."
)
@command
def serve_command(root: Path, as_json: bool, host: str, port: int) -> None:
    """Serve the gateway until Ctrl-C."""
    from gateway.app import serve

    def ready(url: str) -> None:
        console.show_json({"url": url}) if as_json else console.note(f"The gateway is at {url}; Ctrl-C ends it.")

    serve(root, host, port, ready)


@main.group("sandbox")
def sandbox_group() -> None:
    """Start and stop local servers that speak the registries' own protocols."""


@sandbox_group.command("start")
@click.argument("names", nargs=-1)
@command
def sandbox_start_command(root: Path, as_json: bool, names: tuple[str, ...]) -> None:
    """Start NAMES (all, where none is named) on the workspace's reference data."""
    started = sandbox.start(root, names or sandbox.ALL)
    console.show_json(started) if as_json else console.show_table(("registry", "address"), list(started.items()))


@sandbox_group.command("stop")
@click.argument("names", nargs=-1)
@command
def sandbox_stop_command(root: Path, as_json: bool, names: tuple[str, ...]) -> None:
    """Stop NAMES (all, where none is named); their ports then refuse connections, as those of a registry that is down."""
    stopped = sandbox.stop(root, names or sandbox.ALL)
    console.show_json(stopped) if as_json else console.note(f"stopped: {', '.join(stopped) or 'none was running'}")


@sandbox_group.command("status")
@command
def sandbox_status_command(root: Path, as_json: bool) -> None:
    """Tell which of the sandbox's registries run, and where."""
    found = sandbox.status(root)
    if as_json:
        console.show_json([status._asdict() for status in found])
        return
    rows = [(status.name, "running" if status.running else "stopped", status.url) for status in found]
    console.show_table(("registry", "state", "address"), rows)


@main.group("token")
def token_group() -> None:
    """Issue, list and revoke the tokens of applications."""


@token_group.command("issue")
@click.argument("application")
@click.option("--days", default=365, show_default=True, help="How long it is valid.")
@command
def token_issue_command(root: Path, as_json: bool, application: str, days: int) -> None:
    """Issue a token for APPLICATION and print it: it is shown this once and stored only as a hash."""
    with closing(Tokens(Workspace(root))) as tokens:
        text = tokens.issue(application, days)
    console.show_json({"application": application, "token": text, "days": days}) if as_json else click.echo(text)


@token_group.command("list")
@command
def token_list_command(root: Path, as_json: bool) -> None:
    """List every token: its id, application and dates, never the token itself."""
    with closing(Tokens(Workspace(root))) as tokens:
        found = tokens.all()
    if as_json:
        console.show_json(found)
        return
    rows = [
        (
            token.id,
            token.application,
            token.issued.date(),
            token.expires.date(),
            "valid" if token.valid else "not valid",
        )
        for token in found
    ]
    console.show_table(("id", "application", "issued", "expires", ""), rows)


@token_group.command("revoke")
@click.argument("token_id", metavar="ID")
@command
def token_revoke_command(root: Path, as_json: bool, token_id: str) -> None:
    """Revoke the token with this ID (see `beffroi token list`), at once and for good."""
    with closing(Tokens(Workspace(root))) as tokens:
        revoked = tokens.revoke(token_id)
    console.show_json(revoked) if as_json else console.note(f"revoked: {revoked.id} of {revoked.application}")


@main.group("journal")
def journal_group() -> None:
    """Look after the journal of accesses."""


@journal_group.command("verify")
@command
def journal_verify_command(root: Path, as_json: bool) -> None:
    """Find any entry of the journal that was changed, removed or moved.

    Entries cut off at the end leave no trace inside: note the head that this prints somewhere else, and compare.
    """
    found = journal.verify(Workspace(root).state / "journal.db")
    if as_json:
        console.show_json(found)
    else:
        for problem in found.problems:
            click.echo(problem)
        click.echo(f"{found.entries} entries, head {found.head}: {'whole' if found.whole else 'BROKEN'}")
    if not found.whole:
        sys.exit(1)


if __name__ == "__main__":
    main()
