"""What a REST table costs, side by side with bare httpx and `json.loads`, in one run in alternation.

`python -m benchmarks.rest` prints a Markdown table; `--quick` reads a tenth of the pages. Each way reads the same pages
of the same server, a process of its own: ours maps ten fields of each record into Arrow columns, the other only parses.
CPU time is this process's own; each figure is the least of several turns.
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.soap import Cost, spent
from connectors.rest import Rest
from connectors.rest.settings import RestSettings
from tests.peers import ports

SIZE, TURNS = 200, 5

COLUMNS = {
    "siren": "siren",
    "name": "legal.name",
    "form": "legal.form",
    "created": "created",
    "naf": "activity.code",
    "staff": "staff",
    "street": "address.street",
    "postcode": "address.postcode",
    "commune": "address.commune",
    "open": "open",
}
"""Ten fields, half of them in objects of the record; a record has as many again that nobody maps."""


def main() -> None:
    """Run the comparison and print the table, or serve the pages."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the pages")
    parser.add_argument("--serve", type=int, metavar="PAGES", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
        return
    pages = 100 if asked.quick else 1_000
    with served(pages) as url, tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder:
        works: dict[str, Callable[[], int]] = {"ours": ours(url, Path(folder)), "httpx": bare(url)}
        found = dict.fromkeys(works, Cost())
        for _ in range(TURNS):
            for name, work in works.items():
                cost = spent(lambda work=work: check(work(), pages * SIZE), 1)  # type: ignore[misc]
                found[name] = Cost(min(found[name].cpu, cost.cpu), min(found[name].wall, cost.wall))
    mine, other = found["ours"], found["httpx"]
    print("| job | ours: CPU, wall | httpx and json.loads: CPU, wall | CPU ratio | wall ratio | wanted |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {pages} pages of {SIZE} records, {len(COLUMNS)} mapped fields | {mine} | {other}"
        f" | {mine.cpu / other.cpu:.2f} | {mine.wall / other.wall:.2f} | ≤ 1.5 |"
    )


def check(rows: int, wanted: int) -> None:
    """Hold a way to all the rows. Raises ValueError."""
    if rows != wanted:
        raise ValueError(f"{rows} rows instead of {wanted}")


def ours(url: str, root: Path) -> Callable[[], int]:
    """Return what reads the table by our own scan."""
    said = {"path": "units", "rows": "data", "columns": COLUMNS, "paging": {"by": "next", "next": "links.next"}}
    tables = {"units": said | {"total": "meta.total"}}
    registry = Rest("bench", RestSettings.model_validate({"url": url, "tables": tables}), root)
    return lambda: sum(len(batch) for batch in registry.scan("units"))


def bare(url: str) -> Callable[[], int]:
    """Return what asks for the same pages with httpx and does no more than parse them."""

    def read() -> int:
        rows, link = 0, f"{url}/units"
        with httpx.Client() as client:
            while link:
                page = json.loads(client.get(link).content)
                rows += len(page["data"])
                link = page["links"]["next"]
        return rows

    return read


# --- the server ------------------------------------------------------------------------------------------------------


@contextmanager
def served(pages: int) -> Iterator[str]:
    """Serve the pages in a process of its own, and give its address."""
    [port] = ports.free()
    command = [sys.executable, "-m", "benchmarks.rest", "--serve", str(pages)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={"PORT": str(port)}) as server:
        try:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def serve(pages: int) -> None:
    """Answer the pages on the port of the environment's PORT."""
    import os

    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    port = int(os.environ["PORT"])
    body = json.dumps([record(number) for number in range(SIZE)])

    async def units(request: Request) -> Response:
        number = int(request.query_params.get("page", "1"))
        link = f'"http://127.0.0.1:{port}/units?page={number + 1}"' if number < pages else "null"
        rows = body.replace('"marker"', str(number), 1)
        told = f'{{"data": {rows}, "meta": {{"total": {pages * SIZE}}}, "links": {{"next": {link}}}}}'
        return Response(told, media_type="application/json")

    uvicorn.run(Starlette(routes=[Route("/units", units)]), port=port, log_level="critical", access_log=False)


def record(number: int) -> dict[str, object]:
    """Return a synthetic unit, of twenty values."""
    return {
        "siren": f"{number:09d}",
        "legal": {"name": f"SOCIÉTÉ FICTIVE {number}", "form": "5710", "sign": None, "short": "SF"},
        "created": "1999-12-31",
        "activity": {"code": "62.01Z", "nomenclature": "NAFRev2", "main": True},
        "staff": number or "marker",
        "address": {"street": f"{number} rue de la Paix", "postcode": "22000", "commune": "22278", "country": "FR"},
        "open": True,
        "updated": "2026-01-31T12:00:00Z",
        "share": number / 7,
        "notes": [],
        "position": {"x": 2.7574 + number / 1e6, "y": 48.5136},
    }


if __name__ == "__main__":
    main()
