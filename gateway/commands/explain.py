"""`beffroi explain`: who may see what, and why, and what to write where to change it."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command
from gateway.french import told
from gateway.languages import as_read

if TYPE_CHECKING:
    from gateway.callers.explained import Credential, Explanation, For, Part

Said = Callable[..., str]

HEADS = ("purpose", "may see", "rows", "send", "until", "procedure", "legal basis", "agreement")


@click.command("explain", cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="[APPLICATION] NAME")
@command
def explain_command(root: Path, as_json: bool, words: tuple[str, ...]) -> None:
    """Tell what APPLICATION may see of the lookup or dataset NAME, and why; without APPLICATION, who may see it at all.

    NAME alone may be an application too: then it is all that this one may see.

    For each purpose that a grant names: the fields, of which rows, until when and by what agreement, and what a call
    must send; then credentials (never the secrets), limits, and what to write where for more. Where a lookup and a
    dataset have the same name both are told: lookup:NAME or dataset:NAME is one. NAME may be who-read.
    """
    from gateway.callers import explained
    from pipelines.workspace import Workspace

    if len(words) > 2:
        raise click.UsageError("say an application and the name of a lookup or dataset, or one of them alone")
    workspace, said = Workspace(root), told()
    if len(words) == 2:
        found = [explained.explain(workspace, words[0], each) for each in explained.resources(workspace, words[-1])]
    else:
        found = explained.overview(workspace, words[0])
    if as_json:
        console.show_json([_told(each, said) for each in found])
        return
    if len(words) == 1:
        _overview(found, said)
        return
    for each in found:
        _show(each, said)
        for missing in each.missing:
            click.echo(f"→ {said(missing.said, **missing.named)}")
    if any(each.missing for each in found):
        console.note(said("The gateway reads the workspace when it starts: after a change, start it again."))


def _told(found: "Explanation", said: Said) -> dict[str, Any]:
    """Return an explanation as JSON has it, its sentences in the language asked for."""
    purposes = [vars(each) | {"refused": each.refused and as_read(each.refused)} for each in found.purposes]
    return vars(found) | {"purposes": purposes, "missing": [said(each.said, **each.named) for each in found.missing]}


def _open(found: "Explanation", said: Said) -> None:
    click.echo(said("{resource} is open: everybody may see all of it, without a credential", resource=found.resource))


def _overview(found: Sequence["Explanation"], said: Said) -> None:
    """Show what each application with a grant gets, a line for each part."""
    rows = []
    for one in found:
        if one.open:
            _open(one, said)
        known = str(len(one.credentials)) if one.credentials else said("no credential")
        for each in one.purposes:
            lines = [(*line[:3], line[4]) for line in _rows(each, said)]
            rows += [(one.resource, f"{one.application} ({one.organisation})", *line, known) for line in lines]
    if rows:
        heads = ("name", "application", "purpose", "may see", "rows", "until", "credentials")
        console.show_table([said(head) for head in heads], rows)
    elif not found:
        click.echo(said("there is no grant"))


def _show(found: "Explanation", said: Said) -> None:
    if found.open:
        _open(found, said)
        return
    whose = {"application": found.application, "organisation": found.organisation, "resource": found.resource}
    verdict = "{application} of {organisation} may not ask {resource}"
    if any(each.sees or each.verifies for each in found.purposes):
        verdict = "{application} of {organisation} has a grant on {resource}, but no credential: it cannot ask yet"
    if found.answered:
        verdict = "{application} of {organisation} may ask {resource}"
    click.echo(said(verdict, **whose))
    if found.purposes:
        rows = [row for each in found.purposes for row in _rows(each, said)]
        console.show_table([said(head) for head in HEADS], rows)
    for each in found.purposes:
        if not each.sees and not each.verifies and not each.expired:
            click.echo(f"{each.purpose}{said(': ')}{as_read(each.refused or '')}")
    if found.whole_files:
        click.echo(said("whole files: yes"))
    credentials = "; ".join(_credential(each, said) for each in found.credentials)
    click.echo(said("credentials in force: {credentials}", credentials=credentials or said("no credential")))
    limits = ", ".join(
        said("{most} calls a {window} ({left} left)", most=each.most, window=said(each.name), left=each.left)
        for each in found.limits
    )
    click.echo(said("limits: {limits}", limits=limits or said("no limit")))


def _rows(each: "For", said: Said) -> Iterable[tuple[str, ...]]:
    """Yield the lines of the table for one purpose: one for each part that is seen, or verified."""
    until = f"{each.expires or ''}{' ' + said('EXPIRED') if each.expired else ''}"
    why = (", ".join(each.send), until, each.procedure, each.legal_basis, each.agreement or "")
    lines = [(_fields(part), _of_rows(part, said)) for part in each.sees]
    lines += [(said("verify only: {fields}", fields=_fields(part)), _of_rows(part, said)) for part in each.verifies]
    for number, (fields, rows) in enumerate(lines or [(said("nothing"), "")]):
        yield (each.purpose, fields, rows, *why) if number == 0 else ("", fields, rows, *[""] * len(why))


def _fields(part: "Part") -> str:
    return ", ".join(part.fields)


def _of_rows(part: "Part", said: Said) -> str:
    return "; ".join(f"{column}: {', '.join(values)}" for column, values in part.rows.items()) or said("all")


def _credential(each: "Credential", said: Said) -> str:
    until = said(" until {day}", day=each.expires.date()) if each.expires else ""
    bound = said(" from {networks}", networks=" ".join(each.networks)) if each.networks else ""
    return f"{said(each.kind)} {each.name}{until}{bound}"
