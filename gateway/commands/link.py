"""`beffroi link`: run a dataset that links its records, and tell what linking found."""

import os
import sys
from pathlib import Path

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.commands.command import command
from gateway.french import LANGUAGES


@click.command("link")
@click.argument("dataset")
@click.option("--full", is_flag=True, help="Link all records anew, with models that are trained anew; ids stay.")
@click.option("--preview", is_flag=True, help="Do all but commit, and show what would change.")
@click.option(
    "--accept", is_flag=True, help="Take this version although it differs from the last one more than it may."
)
@click.option(
    "--wait", type=click.FloatRange(0), default=0.0, metavar="SECONDS",
    help="Wait so long for another run of the dataset to end; by default it is said at once.",
)  # fmt: skip
@click.option("--lang", type=click.Choice(LANGUAGES), default=None, help="By default that of LANG.")
@command
def link_command(
    root: Path, as_json: bool, dataset: str, full: bool, preview: bool, accept: bool, wait: float, lang: str | None
) -> None:
    """Run DATASET, whose declaration has `link:`, and show the figures of its links.

    It is the run that `beffroi run` makes. Records that are as they were keep what was found of them: only what is new is
    compared, unless --full says otherwise.
    """
    from gateway import jobs
    from gateway.commands import link_words
    from pipelines.report import page as report_page
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    if not workspace.dataset(dataset).link:
        raise InvalidRequest(f"{dataset} declares no link: nothing of it is linked")
    how = jobs.How(full=full, preview=preview, accept=accept, wait=wait)
    done, failures = jobs.run_all(workspace, [dataset], how)
    jobs.show_reports(done, as_json)
    for report in done if not as_json else ():
        if report.links:
            link_words.show_figures(dataset, report.links, lang or report_page.language_of(os.environ))
    for error in failures:
        console.show_error(error, as_json)
    if failures:
        sys.exit(1)
