"""The main job, end to end, on one machine: sandbox, databases, pipelines, publication, a scenario, gateway."""

import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from connectors import sandbox
from connectors.errors import BeffroiError, InvalidRequest, Unavailable
from connectors.sandbox import municipal, population, registers
from gateway import console, jobs, publishing, run_words, scenario
from gateway.callers.tokens import Tokens
from gateway.commands.token import note
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from pipelines.ckan import Published

HOST = "127.0.0.1"

PURPOSE = "inscription-scolaire"


def demo(root: Path, port: int | None, as_json: bool) -> bool:
    """Run the demo on the workspace `root`; serve it on `port` until Ctrl-C, or end after publication without one.

    Returns whether every step went well: one that fails is told, and the others go on. Raises InvalidRequest where the
    port is taken, Unavailable where another demo runs on this workspace. What it started ends with it, however it ends.
    """
    workspace = Workspace(root)
    reference = workspace.root / "datasets" / "reference"
    if not (reference / "communes.parquet").is_file():
        raise InvalidRequest(f"the demo runs in Beffroi's own repository: {root} has no datasets/reference")
    if port is not None:
        _check_port(port)
    with _alone(workspace):
        started = [status.name for status in sandbox.status(workspace.root) if not status.running]
        try:
            well = _main_job(workspace, reference, as_json)
            if port is not None:
                _serve(workspace, port)
        finally:
            sandbox.stop(workspace.root, started)
    return well


def _check_port(port: int) -> None:
    """Refuse a port that is taken before anything is done."""
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        raise InvalidRequest(f"cannot listen on port {port} ({error.strerror}): take another with --port") from error


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    try:
        with FileLock(workspace.state / "demo.lock", timeout=0):
            yield
    except Timeout:
        raise Unavailable("another demo runs on this workspace: end it first") from None


def _sources(workspace: Workspace, reference: Path) -> registers.Registers:
    """Start or make all that is read; return the rows of the registers that the scenario asks."""
    console.note(
        "Starting the sandbox: communes, companies and legal entities (REST, the companies synthetic),"
        " a civil register and VAT numbers (SOAP, synthetic persons and companies)"
    )
    sandbox.start(workspace.root, tied=True)
    planted = municipal.make(workspace.state / "municipal.sqlite", reference)
    console.note(
        f"Made a municipal database: {planted['rows']:,} associations and {planted['suppliers']:,} suppliers, written as"
        " such tables are"
    )
    residents = population.make(workspace.state / "population.sqlite", reference)
    console.note(f"Made a register of {residents:,} residents, who are the synthetic persons, asked by civil identity")
    made = registers.make(workspace.state, reference)
    console.note(
        f"Made a social register of {len(made.households):,} households and a property register of"
        f" {len(made.parcels):,} parcels (databases, synthetic)"
    )
    return made


def _main_job(workspace: Workspace, reference: Path, as_json: bool) -> bool:
    made = _sources(workspace, reference)
    reports, failures = jobs.run_all(workspace, [])
    if not as_json:
        run_words.show_reports(reports, as_json=False)
    published: list[Published] | None = None
    try:
        ckan = publishing.ckan_of(workspace)
        if ckan is None:
            console.note("Not published: BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not both set")
        else:
            published, unpublished = publishing.publish_all(workspace, ckan, [])
            failures += unpublished
    except BeffroiError as error:
        failures.append(error)
    if published and not as_json:
        publishing.show_published(published, as_json=False)
    story: scenario.Story | None = None
    try:
        story = scenario.tell(workspace, made)
    except BeffroiError as error:
        failures.append(error)
    if as_json:
        console.show_json({"runs": reports, "published": published, "scenario": story and story._asdict()})
    elif story is not None:
        scenario.show(story)
    for failure in failures:
        console.show_error(failure, as_json)
    return not failures and story is not None and story.well


def _serve(workspace: Workspace, port: int) -> None:
    """Serve with a token of our own, which is worth nothing when we have ended."""
    import pyarrow.parquet as pq

    from gateway.serving.app import serve

    kept = workspace.state / "demo-token"
    nir = pq.read_table(workspace.root / "datasets/reference/persons.parquet", columns=["nir"])["nir"][0].as_py()

    def ready(url: str) -> None:
        for line in commands(url, nir, workspace.root):
            console.note(line)

    with closing(Tokens(workspace)) as tokens:
        text = tokens.issue("mairie", days=1)
        ours = tokens.known(text)
        note(workspace, "token-issue", ours)
        kept.touch(mode=0o600)
        kept.write_text(text, encoding="utf-8")
        try:
            serve(workspace.root, HOST, port, ready)
        finally:
            kept.unlink(missing_ok=True)
            note(workspace, "token-revoke", tokens.revoke(ours.id))


def commands(base: str, nir: str, root: Path) -> list[str]:
    """Return what to try in the folder `root`, as it is printed: a comment, then a command, four times."""
    beffroi = "beffroi" if shutil.which("beffroi") else sys.argv[0]
    asking = f'curl -H "Authorization: Bearer $(cat .beffroi/demo-token)" -H "Beffroi-Purpose: {PURPOSE}"'
    for_whom = '-H "Beffroi-Agent: c.martin" -H "Beffroi-Case: 2026-1"'
    where = "this folder" if root == Path.cwd() else f"the folder {root}"
    return [
        "",
        f"The gateway is at {base} (pages: / and /docs). In another terminal, in {where}, try:",
        "# a person of the civil register, over SOAP: by which agent, for which case; a personal identifier goes in the body",
        f"{asking} {for_whom} -H 'Content-Type: application/json' -d '{{\"identifier\": \"nir:{nir}\"}}' {base}/lookups/person",
        "# a commune of the national register",
        f"{asking} {base}/lookups/commune/80021",
        "# the same while the register is down: our own dataset answers, and says how old it is",
        f"{beffroi} sandbox stop communes; {asking} {base}/lookups/commune/80021",
        "# a whole dataset as Parquet, straight over HTTP",
        f"curl -O {base}/datasets/communes/latest/communes.parquet",
        "Ctrl-C ends it all.",
    ]
