"""Which datasets are due: `schedule:` is a line of cron, in the workspace's time zone, or else the server's own time.

Nothing here waits: whatever starts programs at their hours (cron, a systemd timer) calls `beffroi run --due` as often
as it likes, and those run whose hour has come since their last run.
"""

import datetime as dt
from contextlib import suppress

from cronsim import CronSim

from connectors.errors import Unavailable
from pipelines import report, versions
from pipelines.declarations import Dataset
from pipelines.workspace import Workspace


def due(workspace: Workspace, now: dt.datetime) -> list[str]:
    """Return the datasets whose schedule says that they should have run by `now`: never run, or not since their hour.

    One that failed was run. A preview was not, nor was quarantine that was replayed: these asked no source. Of those
    with a schedule one is due out of its hours too, where a dataset that it reads was rolled back since its last run,
    or is made anew for that.
    """
    found, anew = set[str](), set[str]()
    zone = workspace.configuration.zone if workspace.configuration.timezone else None
    for name in workspace.in_order([]):
        dataset, last = workspace.datasets[name], _last(workspace, name)
        if dataset.schedule is None:
            continue
        if last is not None and (
            anew & dataset.depends_on or any(_is_back(workspace, other, last) for other in dataset.depends_on)
        ):
            anew.add(name)
        if name in anew or is_due(dataset, last, now, zone):
            found.add(name)
    return sorted(found)


def is_due(dataset: Dataset, last: dt.datetime | None, now: dt.datetime, zone: dt.tzinfo | None = None) -> bool:
    """Tell whether an hour of its schedule lies after its `last` run, and not after `now`. Both know their time zone.

    The hours are those of the clocks in `zone` (None: where the server stands).
    An hour that the clocks leave out is due right after it, one that they have twice is due once, as in cron.
    """
    if dataset.schedule is None or last is None:
        return dataset.schedule is not None
    return bool(next(CronSim(dataset.schedule, _local(last, zone))) <= _local(now, zone))


def _is_back(workspace: Workspace, name: str, since: dt.datetime) -> bool:
    """Tell whether a dataset stands at a version that a rollback brought back after a moment."""
    with suppress(Unavailable):  # its damaged log is told by its own run
        version = versions.newest(workspace, name)
        return version is not None and version.rolled_back_from is not None and version.committed > since
    return False


def _local(moment: dt.datetime, zone: dt.tzinfo | None) -> dt.datetime:
    """Return what a clock on the wall shows at a moment."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _last(workspace: Workspace, name: str) -> dt.datetime | None:
    asked = (each for each in report.kept(workspace, name) if each.outcome != "preview" and not each.replayed)
    return next((report.began(each) for each in asked), None)
