"""The main job, end to end, on one machine: sandbox, municipal database, pipelines, publication, gateway."""

import shutil
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pyarrow.parquet as pq

from connectors import sandbox
from connectors.errors import InvalidRequest
from connectors.sandbox import municipal
from gateway import console, jobs
from gateway.tokens import Tokens
from pipelines.workspace import Workspace

PURPOSE = "inscription-scolaire"


def demo(root: Path, port: int | None, as_json: bool) -> None:
    """Run the demo on the workspace `root`; serve it on `port` until Ctrl-C, or end after publication without one.

    Raises BeffroiError when a step fails; nothing is left running, however it ends.
    """
    workspace = Workspace(root)
    reference = workspace.root / "datasets" / "reference"
    if not (reference / "communes.parquet").is_file():
        raise InvalidRequest(f"the demo runs in Beffroi's own repository: {root} has no datasets/reference")
    try:
        _main_job(workspace, reference, as_json)
        if port is not None:
            _serve(workspace, port)
    finally:
        sandbox.stop(workspace.root)


def _main_job(workspace: Workspace, reference: Path, as_json: bool) -> None:
    console.note("Starting the sandbox: a commune register (REST) and a civil register (SOAP, synthetic persons)")
    sandbox.start(workspace.root, tied=True)
    planted = municipal.make(workspace.state / "municipal.sqlite", reference / "communes.parquet")
    console.note(f"Made a municipal database: {planted['rows']:,} associations, written as such tables are")
    reports, failures = jobs.run_all(workspace, [])
    ckan = jobs.ckan_of(workspace)
    published = jobs.publish_all(workspace, ckan, []) if ckan and not failures else None
    if as_json:
        shown = None if published is None else [asdict(one) for one in published]
        console.show_json({"runs": [asdict(report) for report in reports], "published": shown})
    else:
        jobs.show_reports(reports, as_json=False)
        if published is None:
            console.note("Not published: BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not both set")
        else:
            jobs.show_published(published, as_json=False)
    if failures:
        raise failures[0]


def _serve(workspace: Workspace, port: int) -> None:
    from gateway.app import serve

    with closing(Tokens(workspace)) as tokens:
        token = tokens.issue("mairie", days=1)
    kept = workspace.state / "demo-token"
    kept.touch(mode=0o600)
    kept.write_text(token, encoding="utf-8")
    nir = pq.read_table(workspace.root / "datasets/reference/persons.parquet", columns=["nir"])["nir"][0].as_py()

    def ready(url: str) -> None:
        for line in commands(url, nir):
            console.note(line)

    serve(workspace.root, "127.0.0.1", port, ready)


def commands(base: str, nir: str) -> list[str]:
    """Return what to try, as it is printed: a comment, then a command, four times."""
    beffroi = "beffroi" if shutil.which("beffroi") else sys.argv[0]
    asking = f'curl -H "Authorization: Bearer $(cat .beffroi/demo-token)" -H "Beffroi-Purpose: {PURPOSE}"'
    return [
        "",
        f"The gateway is at {base} (pages: / and /docs). In another terminal, in this folder, try:",
        "# a person of the civil register, over SOAP; a personal identifier goes in the body, never in the address",
        f'{asking} --json \'{{"identifier": "nir:{nir}"}}\' {base}/lookups/person',
        "# a commune of the national register",
        f"{asking} {base}/lookups/commune/80021",
        "# the same while the register is down: our own dataset answers, and says how old it is",
        f"{beffroi} sandbox stop communes; {asking} {base}/lookups/commune/80021",
        "# a whole dataset as Parquet, straight over HTTP",
        f"curl -O {base}/datasets/communes/latest/communes.parquet",
        "Ctrl-C ends it all.",
    ]
