"""`beffroi token`: tokens of applications issued, listed and revoked. Each change is on the journal."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Group
from gateway.french import told

if TYPE_CHECKING:
    from gateway.callers.tokens import Token
    from pipelines.workspace import Workspace


@click.group("token", cls=Group)
def token_group() -> None:
    """Issue, list and revoke the tokens of applications."""


@token_group.command("issue")
@click.argument("application")
@click.option("--days", default=365, show_default=True, help="How long it is valid.")
@click.option("--network", "networks", multiple=True, help="A network it is good from, as 10.0.0.0/8; may be repeated.")
@command
def token_issue_command(root: Path, as_json: bool, application: str, days: int, networks: tuple[str, ...]) -> None:
    """Issue a token for APPLICATION and print it: it is shown this once and stored only as a hash."""
    from gateway.callers.tokens import Tokens
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    with closing(Tokens(workspace)) as tokens:
        text = tokens.issue(application, days, networks)
        note(workspace, "token-issue", tokens.known(text))  # before it is shown: what nobody saw, nobody uses
    console.show_json({"application": application, "token": text, "days": days}) if as_json else click.echo(text)


@token_group.command("list")
@command
def token_list_command(root: Path, as_json: bool) -> None:
    """List every token: its id, application and dates, never the token itself."""
    from gateway.callers.tokens import Tokens
    from pipelines.workspace import Workspace

    with closing(Tokens(Workspace(root))) as tokens:
        found = tokens.all()
    if as_json:
        console.show_json(found)
        return
    said = told()
    rows = [
        (
            token.id,
            token.application,
            token.issued.date(),
            token.expires.date(),
            said("valid" if token.valid else "not valid"),
            " ".join(token.networks) or said("everywhere"),
        )
        for token in found
    ]
    console.show_table([each and said(each) for each in ("id", "application", "issued", "expires", "", "from")], rows)


@token_group.command("revoke")
@click.argument("token_id", metavar="ID")
@command
def token_revoke_command(root: Path, as_json: bool, token_id: str) -> None:
    """Revoke the token with this ID (see `beffroi token list`), at once and for good."""
    from gateway.callers.tokens import Tokens
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    with closing(Tokens(workspace)) as tokens:
        revoked = tokens.revoke(token_id)
    note(workspace, "token-revoke", revoked)
    if as_json:
        console.show_json(revoked)
    else:
        console.note(told()("revoked: {token} of {application}", token=revoked.id, application=revoked.application))


def note(workspace: "Workspace", action: str, token: "Token") -> None:
    """Write on the journal that a token was issued or revoked. Raises Unavailable."""
    from gateway.journal import Journal
    from gateway.journal.settings import change

    with closing(Journal.of(workspace)) as journal:
        bound = f", from {' '.join(token.networks)}" if token.networks else ""
        source = f"token {token.id}, to {token.expires.date().isoformat()}{bound}"
        change(workspace, journal, action, f"application:{token.application}", fields=[], source=source)
