"""Publication of several datasets, for the command line and the demo."""

import os

from connectors.errors import BeffroiError
from gateway import console
from gateway.french import told
from gateway.jobs import of_dataset
from pipelines import versions
from pipelines.ckan import Ckan, Published
from pipelines.workspace import Workspace


def ckan_of(workspace: Workspace) -> Ckan | None:
    """Return the CKAN that the environment names, or None where it names none."""
    url, token = os.environ.get("BEFFROI_CKAN_URL"), os.environ.get("BEFFROI_CKAN_TOKEN")
    return Ckan(workspace, url, token) if url and token else None


def publish_all(workspace: Workspace, ckan: Ckan, names: list[str]) -> tuple[list[Published], list[BeffroiError]]:
    """Publish the named datasets, or every open one that has a version; one that fails does not stop the others."""
    every = [
        name
        for name in workspace.in_order([])
        if workspace.datasets[name].audience == "open" and versions.latest(workspace, name)
    ]
    chosen = names or every
    done, failures, said = [], [], told()
    with console.progress(len(chosen)) as progress:
        for name in chosen:
            progress.begin(name)("publish")
            try:
                done.append(ckan.publish(name))
                progress.end(name, said("published" if done[-1].changed else "unchanged|publication"))
            except BeffroiError as error:
                failures.append(of_dataset(name, error))
                progress.end(name, said("failed|publication"))
    return done, failures


def show_published(published: list[Published], as_json: bool) -> None:
    """Show what was published."""
    if as_json:
        console.show_json(published)
        return
    if not published:
        return
    said = told()
    rows = [
        (p.dataset, p.version, said("published" if p.changed else "unchanged|publication"), p.url) for p in published
    ]
    heads = [said(each) for each in ("dataset", "version", "state", "address")]
    console.show_table(heads, rows, right=heads[1:2])
