"""Which datasets are due: `schedule:` is a line of cron, in the local time of the server.

Nothing here waits: whatever starts programs at their hours (cron, a systemd timer) calls `beffroi run --due` as often
as it likes, and those run whose hour has come since their last run.
"""

import datetime as dt

from cronsim import CronSim

from pipelines import report
from pipelines.declarations import Dataset
from pipelines.workspace import Workspace


def due(workspace: Workspace, now: dt.datetime) -> list[str]:
    """Return the datasets whose schedule says that they should have run by `now`: never run, or not since their hour.

    One that failed was run. A preview was not, nor was quarantine that was replayed: these asked no source.
    """
    return [
        name
        for name, dataset in sorted(workspace.datasets.items())
        if dataset.schedule is not None and is_due(dataset, _last(workspace, name), now)
    ]


def is_due(dataset: Dataset, last: dt.datetime | None, now: dt.datetime) -> bool:
    """Tell whether an hour of its schedule lies after its `last` run, and not after `now`. Both know their time zone.

    An hour that the clocks leave out is due right after it, one that they have twice is due once, as in cron.
    """
    if dataset.schedule is None or last is None:
        return dataset.schedule is not None
    return bool(next(CronSim(dataset.schedule, _local(last))) <= _local(now))


def _local(moment: dt.datetime) -> dt.datetime:
    """Return what a clock on the server's wall shows at a moment."""
    return moment.astimezone().replace(tzinfo=None)


def _last(workspace: Workspace, name: str) -> dt.datetime | None:
    asked = (each for each in report.kept(workspace, name) if each.outcome != "preview" and not each.replayed)
    return next((report.began(each) for each in asked), None)
