"""What linking costs: a million records by Beffroi and by bare Splink, and 10,000 new ones joined to a million.

Each is a process of its own, which reads its records, prepares, trains, scores and clusters them; ours with the memory that a
run has for it.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.linking import ours, plain
from benchmarks.linking.cases import ROOT, synthetic
from benchmarks.linking.ours import LEAST
from pipelines.engine import LINKING
from pipelines.linking.prepare import prepare
from pipelines.linking.recipe import recipe
from pipelines.linking.scoring.held import hold
from pipelines.linking.scoring.model import train
from pipelines.linking.scoring.pairs import candidates, score
from pipelines.linking.scoring.rivals import rivals

NEW = 10_000


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _ours(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, Any]:
    """Link a file of records by Beffroi's recipe, from nothing; judging it afterwards is not measured."""
    of, steps = recipe("person"), _Steps()
    cpu, clock = _cpu(), time.monotonic()
    ours.records(connection, synthetic(file), of)
    steps.end("read")
    prepare(connection, of, "records", "prepared", None)
    steps.end("prepared")
    model = train(connection, of, "prepared")
    steps.end("trained")
    blocked = candidates(connection, of, "prepared", "candidates")
    steps.end("blocked")
    score(connection, of, model, "prepared", "candidates", "pairs", LEAST)
    rivals(connection, of, model, "prepared", "pairs", "held")
    hold(connection, of, model, "pairs", "held")
    steps.end("scored")
    ours.together(connection, of)
    steps.end("clustered")
    took = {"cpu": _cpu() - cpu, "wall": time.monotonic() - clock, "mb": _mb()}
    return took | {"pairs": blocked.pairs, "steps": steps.taken, "judged": ours.judged(connection, of, across=False)}


def _plain(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, Any]:
    """Link the same by bare Splink, and have it cluster them."""
    found = plain.link(connection, synthetic(file), "persons", "found", across=False, clusters=True)
    return {"pairs": found}


def _join(connection: duckdb.DuckDBPyConnection, file: Path) -> dict[str, Any]:
    """Join the last records of a file to all others, of which everything is known; only the joining is measured."""
    of = recipe("person")
    ours.records(connection, synthetic(file), of)
    connection.execute(
        f"CREATE TEMP TABLE new AS SELECT n FROM records WHERE n >= (SELECT max(n) + 1 - {NEW} FROM records)"
    )
    connection.execute("CREATE TEMP TABLE before AS FROM records ANTI JOIN new USING (n)")
    prepare(connection, of, "before", "prepared_before", None)
    model = train(connection, of, "prepared_before")
    candidates(connection, of, "prepared_before", "candidates_before")
    score(connection, of, model, "prepared_before", "candidates_before", "pairs_before", LEAST)
    rivals(connection, of, model, "prepared_before", "pairs_before", "held_before")
    hold(connection, of, model, "pairs_before", "held_before")
    ours.together(connection, of, end="_before")
    connection.execute(
        "CREATE TEMP TABLE was AS SELECT n AS was, identity, cluster FROM clusters_before JOIN identities USING (n)"
    )
    cpu, clock, steps = _cpu(), time.monotonic(), _Steps()
    connection.execute("CREATE TEMP TABLE came AS FROM records SEMI JOIN new USING (n)")
    prepare(connection, of, "came", "prepared", "prepared_before")
    steps.end("prepared")
    blocked = candidates(connection, of, "prepared", "candidates", new="new")
    steps.end("blocked")
    score(connection, of, model, "prepared", "candidates", "pairs_new", LEAST)
    connection.execute("CREATE TEMP VIEW pairs AS FROM pairs_before UNION ALL BY NAME FROM pairs_new")
    rivals(connection, of, model, "prepared", "pairs", "held")
    hold(connection, of, model, "pairs", "held")
    steps.end("scored")
    ours.together(connection, of, before="(SELECT identity, cluster, n FROM was LEFT JOIN records ON n = was)")
    steps.end("clustered")
    return {"pairs": blocked.pairs, "cpu": _cpu() - cpu, "wall": time.monotonic() - clock, "steps": steps.taken}


class _Steps:
    """What each step took: wall seconds."""

    def __init__(self) -> None:
        self.taken = dict[str, float]()
        self._last = time.monotonic()

    def end(self, name: str) -> None:
        """Tell that a step has ended."""
        now = time.monotonic()
        self.taken[name], self._last = now - self._last, now


CHILDREN: dict[str, Callable[[duckdb.DuckDBPyConnection, Path], dict[str, Any]]] = {
    "ours": _ours,
    "plain": _plain,
    "join": _join,
}


def child(what: str, file: Path) -> dict[str, Any]:
    """Measure something in a process of its own: CPU and wall seconds, and the most memory that it had."""
    command = [sys.executable, "-m", "benchmarks.linking.speed", what, str(file)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def main() -> None:
    """Measure one thing and print it as JSON."""
    what, file = sys.argv[1], Path(sys.argv[2])
    cpu, clock = _cpu(), time.monotonic()
    with duckdb.connect() as connection:
        if what != "plain":
            connection.execute("SET checkpoint_threshold = '1TB'")  # as the engine of a run has it
            connection.execute("SET preserve_insertion_order = false")  # as linking has it in a run
            connection.execute(f"SET memory_limit = '{LINKING}MB'")  # where the machine has four times as much
        told = CHILDREN[what](connection, file)
    print(json.dumps({"cpu": _cpu() - cpu, "wall": time.monotonic() - clock, "mb": _mb()} | told))


if __name__ == "__main__":
    main()
