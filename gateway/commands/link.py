"""`beffroi link`: run a dataset that links its records, and tell what linking found, why, and how good it is."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Command
from gateway.french import LANGUAGE, told

if TYPE_CHECKING:
    from gateway.commands.link_asked import Asked
    from gateway.jobs import How
    from pipelines.workspace import Workspace


KEPT = "The command line is kept and can be seen: better type personal keys, each on a line, for «-»."


@click.command("link", cls=Command)
@click.argument("dataset")
@click.argument("records", nargs=-1, metavar="[RECORD [RECORD]]")
@click.option("--full", is_flag=True, help="Link all records anew, with models that are trained anew; ids stay.")
@click.option("--preview", is_flag=True, help="Do all but commit, and show what would change.")
@click.option(
    "--accept", is_flag=True, help="Take this version although it differs from the last one more than it may."
)
@click.option(
    "--wait", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
    help="Wait so long for another run of the dataset to end; by default it is said at once.",
)  # fmt: skip
@click.option(
    "--why", "asks_why", is_flag=True, help="Run nothing: explain RECORD's cluster, or two RECORDs; «-» reads them."
)
@click.option(
    "--doubtful", is_flag=True, help="Run nothing: list the pairs that wait for a person, the likeliest first."
)
@click.option(
    "--sample", type=click.IntRange(1), metavar="N", help="Run nothing: draw N pairs to be judged, into --into."
)
@click.option(
    "--into", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The CSV file of --sample."
)
@click.option(
    "--check", type=click.Path(path_type=Path, dir_okay=False, exists=True), metavar="FILE",
    help="Run nothing: tell what the verdicts in a file of --sample say of precision and recall.",
)  # fmt: skip
@click.option("--column", metavar="NAME", help="The link that is meant, where a dataset has several.")
@click.option("--limit", default=20, show_default=True, help="Pairs that --doubtful lists; 0 for all.")
@click.option("--raw", is_flag=True, help="Show identities and values too; it is journaled.")
@click.option("--purpose", help="What the values are wanted for, one of the workspace's purposes.")
@command
def link_command(
    root: Path, as_json: bool, dataset: str, records: tuple[str, ...], full: bool, preview: bool, accept: bool,
    wait: float, asks_why: bool, doubtful: bool, sample: int | None, into: Path | None, check: Path | None,
    column: str | None, limit: int, raw: bool, purpose: str | None,
) -> None:  # fmt: skip
    """Run DATASET, whose declaration has `link:`, and show the figures of its links.

    It is the run that `beffroi run` makes. Records that are as they were keep what was found of them: only what is new is
    compared, unless --full says otherwise.

    With --why, --doubtful, --sample or --check nothing is run: the links of the latest version are explained, and
    judged. A RECORD is named by its key, or by its identity, as ["source", "key"]. Values, and identities that you have
    not named, come with --raw, and with --sample: an access like any other, for which data that are personal or not
    open need a --purpose.
    """
    from gateway import jobs
    from gateway.commands import link_asked
    from pipelines.workspace import Workspace

    workspace, language = Workspace(root), LANGUAGE.get()
    if [asks_why, doubtful, sample is not None, check is not None].count(True) > 1 or bool(records) != asks_why:
        raise InvalidRequest(
            "say one of --why RECORD [RECORD], --doubtful, --sample N --into FILE, --check FILE, or none"
        )
    if check is not None:
        _check(check, as_json, language)
        return
    if not (asks_why or doubtful or sample):
        _run(workspace, dataset, jobs.How(full=full, preview=preview, accept=accept, wait=wait), as_json, language)
        return
    of = click.get_current_context().with_resource(
        link_asked.asked(workspace, dataset, column, language, raw=raw, purpose=purpose)
    )
    if asks_why:
        _why(of, records, as_json)
    elif sample:
        _sample(of, sample, into, as_json)
    else:
        _doubtful(of, limit, as_json)


def _run(workspace: "Workspace", dataset: str, how: "How", as_json: bool, language: str) -> None:
    from gateway import jobs, run_words
    from gateway.commands import link_words

    if not workspace.dataset(dataset).link:
        raise InvalidRequest(f"{dataset} declares no link: nothing of it is linked")
    done, failures = jobs.run_all(workspace, [dataset], how)
    run_words.show_reports(done, as_json)
    for report in done if not as_json else ():
        if report.links:
            link_words.show_figures(dataset, report.links, language)
    for error in failures:
        console.show_error(error, as_json)
    if failures:
        sys.exit(1)


def _why(of: "Asked", records: tuple[str, ...], as_json: bool) -> None:
    import asyncio

    from gateway.commands import link_why, link_words

    declared = of.workspace.dataset(of.dataset)
    if records == ("-",):
        records = tuple(line.strip() for line in sys.stdin if line.strip())
    elif any(column.personal for column in declared.columns if column.name in declared.key):
        console.note(told()(KEPT))
    if not 1 <= len(records) <= 2:
        raise InvalidRequest("say one RECORD, whose cluster is explained, or two")
    found = asyncio.run(link_why.why(of, records))
    console.show_json(found) if as_json else link_words.show_why(found, of.language)


def _doubtful(of: "Asked", limit: int, as_json: bool) -> None:
    import asyncio

    from gateway.commands import link_why, link_words

    found = asyncio.run(link_why.doubtful(of, limit + 1 if limit else 0))
    if limit and len(found) > limit:
        found.pop()
        console.note(told()("{dataset}: more pairs follow: --limit 0 shows all", dataset=of.dataset))
    console.show_json(found) if as_json else link_words.show_doubtful(found, of.language)


def _sample(of: "Asked", most: int, into: Path | None, as_json: bool) -> None:
    import asyncio

    from gateway.commands import link_sample

    if into is None:
        raise InvalidRequest("say with --into FILE where the sample goes: it holds values of records")
    pairs = asyncio.run(link_sample.write(of, most, into))
    if as_json:
        console.show_json({"pairs": pairs, "file": into})
    else:
        drawn = "{file}: {pairs}. Say in `verdict` same, different or unsure; then `--check {file}`."
        console.note(told()(drawn, file=into, pairs=console.counted(pairs, "pair", "pairs")))


def _check(file: Path, as_json: bool, language: str) -> None:
    from gateway.commands import link_sample

    found = link_sample.check(file)
    console.show_json(found) if as_json else link_sample.show_checked(found, language)
