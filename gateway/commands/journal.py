"""`beffroi journal`: what a security officer does with the journal of accesses."""

import datetime as dt
import getpass
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import InvalidRequest, Unavailable
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Group
from gateway.french import told
from gateway.languages import as_read

if TYPE_CHECKING:
    from gateway.journal.verification import Result
    from pipelines.workspace import Workspace

FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("journal", cls=Group)
def journal_group() -> None:
    """Look after the journal of accesses."""


@journal_group.command("verify")
@click.option("--anchor", "anchor", type=FILE, help="The file of anchors to hold the journal against.")
@click.option("--authority", type=FILE, help="Certificates in PEM of the authority whose time-stamps the anchors have.")
@command
def journal_verify_command(root: Path, as_json: bool, anchor: Path | None, authority: Path | None) -> None:
    """Find any entry of the journal that was changed, removed or moved; exit status 1 where there is one.

    That entries were cut off at the end, that an older copy was put in the journal's place, or that all of it was written
    anew, only anchors tell: see `beffroi journal anchor`. A line of theirs that was forged is told too, and is not
    counted against the journal. Content erased under retention is no break, where the journal has the erasure.
    """
    from pipelines.workspace import Workspace

    found, forged = _verified(Workspace(root), anchor, authority)
    if as_json:
        console.show_json({**vars(found), "forged": forged})
    else:
        for problem in (*found.problems, *forged):
            click.echo(as_read(problem))
        click.echo(_state(found, anchored=anchor is not None))
    if not found.whole or forged:
        sys.exit(1)


def _state(found: "Result", *, anchored: bool) -> str:
    """Say in a line how long the chain is, and whether it is whole and held by an anchor."""
    said = told()
    days = f" ({', '.join(map(as_read, found.erasures))})" if found.erasures else ""
    erased = (
        said(", {count} entries erased under retention", count=console.number(found.erased)) + days
        if found.erased
        else ""
    )
    held = (
        said(", anchored to entry {number}", number=found.anchored)
        if found.anchored
        else said(", and no anchor holds it")
    )
    whole = said("whole") if found.whole else said("BROKEN")
    entries = console.counted(found.entries, "entry", "entries")
    line = "{entries}{erased}, head {head}: {whole}{held}"
    return said(line, entries=entries, erased=erased, head=found.head, whole=whole, held=held if anchored else "")


def _verified(workspace: "Workspace", anchor: Path | None, authority: Path | None) -> tuple["Result", list[str]]:
    """Verify a workspace's journal; return what was found, and what is wrong with lines of the anchors themselves."""
    from gateway.journal import verification
    from gateway.journal.keys import Keys
    from gateway.journal.stores import store_of

    keys = Keys(workspace.state)
    if anchor is None:
        return verification.verify_rows(store_of(workspace).rows(), (), keys), []
    from gateway.journal import anchors

    known, forged = anchors.read(anchor, keys, authority)
    return verification.verify_rows(store_of(workspace).rows(), known, keys), forged


@journal_group.command("anchor")
@click.option("--file", "file", type=FILE, help="Add the anchor to this file: best one on another machine.")
@click.option("--timestamp", metavar="URL", help="Have the authority at this address time-stamp it (RFC 3161).")
@command
def journal_anchor_command(root: Path, as_json: bool, file: Path | None, timestamp: str | None) -> None:
    """Note the journal's head: the number and the hash of its last entry, with the time, as one line of JSON.

    What is noted outside can be neither rewritten nor cut off unseen: `beffroi journal verify --anchor FILE` tells. The
    journal is verified first; one that is broken gets no anchor. Without --file the line is printed only.
    """
    from gateway.journal import Journal, anchors, settings, verification
    from gateway.journal.stores import store_of
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    with closing(Journal.of(workspace)) as journal:
        where = [name for name, said in (("file", file), ("timestamp", timestamp)) if said]
        settings.change(workspace, journal, "anchor", "journal", fields=where, source="")
        found = verification.verify_rows(store_of(workspace).rows(), (), journal.keys)
        if not found.whole:
            raise Unavailable(
                f"the journal is broken, and gets no anchor: {found.problems[0]}; keep it as it is: docs/security.md tells"
                " what to do («When it is broken»)"
            )
        made = anchors.make(found.entries, found.head, journal.keys, timestamp)
    if file is not None:
        anchors.append(made, file)
    if as_json or file is None:
        click.echo(made.line())
    else:
        console.note(told()("{file}: entry {number}, head {head}", file=file, number=made.number, head=made.hash))


@journal_group.command("rotate-key")
@command
def journal_rotate_key_command(root: Path, as_json: bool) -> None:
    """Take a new key for the hashes of identifiers into use; those before it are kept, so that who-read finds all."""
    from gateway.journal import Journal
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    with closing(Journal.of(workspace)) as journal:
        old = journal.keys.names()[0]
        new = journal.keys.rotate()
    Journal.of(workspace).close()  # which notes that the keys changed
    if as_json:
        console.show_json({"key": new, "before": old})
    else:
        console.note(told()("key {key}, before it {before}", key=new, before=old))


@journal_group.command("erase")
@click.option("--preview", is_flag=True, help="Only tell how many entries it would be.")
@command
def journal_erase_command(root: Path, as_json: bool, preview: bool) -> None:
    """Erase the content of entries past the retention declared for their class; their links stay, and prove the chain.

    Run it daily. What it erases is on the journal itself, so that verification tells it from a change.
    """
    from gateway.journal import Journal, retention
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    with closing(Journal.of(workspace)) as journal:
        erased = retention.retain(workspace, journal, preview=preview)
    if as_json:
        console.show_json(erased)
        return
    said = told()
    rows = [(each.kind, each.kept, each.before, each.entries) for each in erased]
    heads = ("class", "kept|entries", "erased before", "would be erased" if preview else "erased")
    console.show_table([said(each) for each in heads], rows)
    if not erased:
        console.note(said("The workspace declares no journal: retention:, so that everything is kept."))


@journal_group.command("who-read")
@click.option("--purpose", help="What the answer is for, one of the workspace's purposes.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the result as CSV.")
@command
def journal_who_read_command(root: Path, as_json: bool, purpose: str | None, as_csv: bool) -> None:
    """Tell who read the data of one person, company…: every access by API, page and command line.

    The identifier comes on standard input, as scheme:value (`nir:…`), as dataset:NAME:KEY for a row of a dataset that
    mirrors no record, or as the fields of an identity, in JSON on one line. Told too is who took a whole file, which may
    have had that row. Asking is journaled itself. The table is for reading: --csv and --json have all of each access.
    """
    from gateway import who_read
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    typed = getpass.getpass(told()("Identifier: ")) if sys.stdin.isatty() else sys.stdin.readline()
    if not typed.strip():
        raise InvalidRequest("no identifier came on standard input")
    accesses, missing = who_read.command(workspace, typed.strip(), purpose)
    if as_json:
        console.show_json({"data": accesses, "keys_missing": missing})
    elif as_csv:
        for line in who_read.csv_lines(accesses):
            click.echo(line)
    else:
        heads = [told()(each) for each in ("time (UTC)", "who", "why", "what", "outcome")]
        console.show_table(heads, [_shown(each) for each in accesses])
        console.note(console.counted(len(accesses), "access", "accesses"))
    if missing:
        unseen = "Entries made with the keys {keys} cannot be searched: those keys are not here."
        console.note(told()(unseen, keys=", ".join(missing)))


def _shown(access: dict[str, Any]) -> tuple[str, ...]:
    """Return an access as a line of few columns, for a terminal: all of it is in JSON and CSV."""
    time = dt.datetime.fromisoformat(access["time"]).astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
    said = told()
    asker = said("command line") if access["via"] == "command" else access["application"] or said("nobody known")
    who, why = (asker, access["organisation"], access["agent"]), (access["purpose"], access["case"])
    fields = said("whole file") if access["whole"] else console.counted(len(access["fields"]), "field", "fields")
    what = (access["resource"], fields, access["source"])
    return time, *(", ".join(filter(None, each)) for each in (who, why, what)), access["outcome"]
