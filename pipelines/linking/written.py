"""What a link of a run leaves for its version, written aside from the tables of the run."""

from typing import Any

from pipelines.linking import files
from pipelines.linking.gathered import Gathered
from pipelines.runs import Job


def write(job: Job, column: str, there: Gathered, name: str, besides: dict[str, dict[str, Any]]) -> None:
    """Write all files of a link, whose tables begin with `name`, to where the run keeps them until its version.

    `besides` is what its files of JSON say: model, quality, contradictions.
    """
    folder, run = job.links, job.clock.started
    folder.mkdir(parents=True, exist_ok=True)
    for table, query in _queries(there, name).items():
        files.write(job.connection, query, files.of(folder, column, f"{table}.parquet"), run)
    for what, said in besides.items():
        files.write_json(said, files.of(folder, column, f"{what}.json"), run)


def _queries(there: Gathered, name: str) -> dict[str, str]:
    """Return SQL for what each file has."""
    records, value = there.records, "cluster"
    joined = f"FROM {{}} r LEFT JOIN {name}_made USING (n)"
    if there.other is not None:
        value, called = "called AS theirs", f"(SELECT n AS theirs, identity AS called FROM {records} WHERE side = 1)"
        joined += f" LEFT JOIN {called} beffroi_called USING (theirs)"
    sides = f"JOIN {records} a ON a.n = p.l JOIN {records} b ON b.n = p.r"
    return {
        "records": f"SELECT r.*, {value} {joined.format(there.fields)}",
        "members": f"SELECT n, identity, {value} {joined.format(records)} WHERE side = 0",
        "prepared": f"FROM {name}_prepared",
        "pairs": "SELECT a.identity AS l, b.identity AS r, p.l AS l_n, p.r AS r_n, p.* EXCLUDE (l, r), band, why"
        f" FROM {name}_pairs p JOIN {name}_made_bands USING (l, r) {sides}",
        "events": f"FROM {name}_made_events",
    }
