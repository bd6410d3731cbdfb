"""What 64 callers of a registry that hangs cost the callers of other registries, through the gateway's pools.

`python -m benchmarks.hanging` prints a Markdown table: the latency of the others' calls, median and 99th percentile,
without those 64 and with them, in turns of one run, and the ratios. The others ask the sandbox's commune register, which
is a process of its own, under two names; whoever is told that a registry is busy or down comes again when it says.
"""

import argparse
import asyncio
import contextlib
import itertools
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from connectors import sandbox
from connectors.api_geo import ApiGeo, ApiGeoSettings
from connectors.deadline import Deadline
from connectors.errors import BeffroiError
from gateway.pools import Pool

ROOT = Path(__file__).parents[1]
CROWD = 64
OTHERS = ("communes", "copies")
CODES = [f"010{number:02d}" for number in (1, 2, 4, 5, 6, 7, 8, 9, 10, 11)]


def main() -> None:
    """Start what answers and what does not, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=2500, help="calls of each of the others in each turn")
    parser.add_argument("--turns", type=int, default=3, help="turns without and with the crowd")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder,
        socket.create_server(("127.0.0.1", 0), backlog=128) as silent,
    ):
        root = Path(folder)  # nobody ever accepts a connection of `silent`: the system makes it, and no answer comes
        (root / "datasets").symlink_to(ROOT / "datasets")
        sandbox.start(root, ["communes"], tied=True)
        try:
            hanging = f"http://127.0.0.1:{silent.getsockname()[1]}"
            found = asyncio.run(measured(root, hanging, asked.calls, asked.turns))
        finally:
            sandbox.stop(root)
    show(*found)


async def measured(root: Path, hanging: str, calls: int, turns: int) -> tuple[dict[bool, list[float]], "Counter[str]"]:
    """Return the seconds that each call of the others took, without the crowd and with it; and what the crowd was told."""
    others = [Pool(ApiGeo(name, ApiGeoSettings(url="sandbox:communes"), root)) for name in OTHERS]
    found: dict[bool, list[float]] = {False: [], True: []}
    told = Counter[str]()
    await taken(others, calls // 10)
    for turn in range(turns):
        # Anew each time, so that its breaker is closed and the callers hang as long as they can.
        pool = Pool(ApiGeo(f"hanging{turn}", ApiGeoSettings(url=hanging), root))
        found[False] += await taken(others, calls)
        async with crowd(pool, told):
            found[True] += await taken(others, calls)
        pool.close()
    for each in others:
        each.close()
    return found, told


async def taken(pools: list[Pool], calls: int) -> list[float]:
    """Ask every pool so many times, one call after another, and return how long each took."""
    spent: list[float] = []

    async def caller(pool: Pool) -> None:
        for code in itertools.islice(itertools.cycle(CODES), calls):
            began = time.perf_counter()
            await pool.ask(code, Deadline.after(5))
            spent.append(time.perf_counter() - began)

    await asyncio.gather(*(caller(pool) for pool in pools))
    return spent


@contextlib.asynccontextmanager
async def crowd(pool: Pool, told: "Counter[str]") -> AsyncIterator[None]:
    """Have CROWD callers ask `pool` over and over while the block runs; they have begun when it does."""

    async def caller() -> None:
        while True:
            try:
                await pool.ask("01001", Deadline.after(5))
            except BeffroiError as error:
                told[error.code] += 1
                await asyncio.sleep(error.retry_in or 0)

    tasks = [asyncio.create_task(caller()) for _ in range(CROWD)]
    await asyncio.sleep(0.5)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def show(found: dict[bool, list[float]], told: "Counter[str]") -> None:
    """Print the table, and what the crowd was told meanwhile."""
    print(
        f"| the others' calls | without | with {CROWD} callers on one that hangs | ratio | wanted |\n|---|---|---|---|---|"
    )
    for name, cut in (("median", 50), ("99th percentile", 99)):
        without, beside = (statistics.quantiles(found[each], n=100)[cut - 1] * 1000 for each in (False, True))
        print(f"| {name} | {without:.2f} ms | {beside:.2f} ms | {beside / without:.2f} | ≤ 1.2 |")
    print(
        f"\nThe crowd was told: {', '.join(f'{code} {count}' for code, count in told.most_common()) or 'nothing yet'}."
    )


if __name__ == "__main__":
    main()
