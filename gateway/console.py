"""What the command line shows: results on standard output, all else on standard error.

On a terminal a run shows a progress display, elsewhere plain lines.
"""

import dataclasses
import datetime as dt
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import BeffroiError
from gateway.french import told
from gateway.languages import LANGUAGE, as_read
from gateway.languages.codes import CODES

if TYPE_CHECKING:
    from rich.progress import Progress as Display
    from rich.progress import TaskID

Tell = Callable[[str], None]

TODOS: Mapping[str, str] = {
    "unauthenticated": "Mend what the detail names; `beffroi token issue APPLICATION` makes a token.",
    "not-granted": "The operator needs no grant, only what the detail asks for.",
    "unreadable": "Nothing was guessed. Try later; if it lasts, tell the registry's owner, or correct its declaration.",
    "busy": "Try again later.",
    "down": "Try again later: `beffroi check --online` tells whether the registry is there again.",
    "late": "Try again later.",
    "maintenance": "Try again later: the outage is planned, and the detail says until when.",
    "refused-us": "Renew this workspace's access to the registry, as the detail says; then try `beffroi check --online`.",
    "misconfigured": "Correct what the detail names; `beffroi check` points at file and line where it can tell.",
    "unavailable": "Mend what the detail names, or try again later.",
    "limit-reached": "Try again later; where it is too little, raise the limit in beffroi.yaml.",
}
"""What to do, by code, where that is another thing on the command line than for an application."""


def note(text: str) -> None:
    """Tell the person at the keyboard something that is not the result."""
    click.echo(text, err=True)


def counted(count: int, one: str, many: str) -> str:
    """Return how many there are, in words: `1 row`, `1,200 rows`; in French the singular is for 0 too."""
    single = count == 1 or (count == 0 and LANGUAGE.get() == "fr")
    return told()(f"{{count}} {one if single else many}", count=number(count))


def show_json(value: Any) -> None:
    """Print a result as JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def number(value: int) -> str:
    """Return a number as the language of the line writes it: 1,234; in French 1 234."""
    return f"{value:,}" if LANGUAGE.get() != "fr" else f"{value:,}".replace(",", "\u202f")


def moment(value: dt.datetime | str, zone: dt.tzinfo) -> str:
    """Return a moment, or its ISO text, to the second on the clocks of a zone, which is said: `2026-11-22 14:25:07 CET`."""
    known = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{known.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def one_line(value: Any) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not shown as JSON")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """Print a result as a table for people; the columns named in `right` are aligned to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    for at, column in enumerate(columns):
        number = column in right  # one that is folded reads as two; its heading may be
        least = max((len(row[at]) for row in cells), default=0) if number else None
        table.add_column(column, justify="right" if number else "left", overflow="fold", min_width=least)
    for row in cells:
        table.add_row(*row)
    width = None if sys.stdout.isatty() else 160  # a pipe has no width: do not fold at 80
    Console(width=width, soft_wrap=False, highlight=False, markup=False).print(table)


WHOSE: Mapping[str, str] = {
    "caller": "yours to mend",
    "registry": "the registry's fault",
    "beffroi": "this workspace's or Beffroi's own",
}
"""Whose fault an error is."""

AGAIN = "That is worth trying in {seconds} seconds."


def show_error(error: BeffroiError, as_json: bool) -> None:
    """Say an error on standard error: what, whose fault, what to do, and when where that is known.

    As JSON it is in English; for people its detail is in French where that language has all of it, else in English.
    """
    if LANGUAGE.get() == "fr" and not as_json:
        click.echo("\n".join(_in_french(error)), err=True)
        return
    todo = TODOS.get(error.code, error.todo)
    if error.retry_in is not None:
        todo = f"{todo} {AGAIN.format(seconds=_seconds(error.retry_in))}"
    if as_json:
        said: Mapping[str, Any] = {
            "code": error.code,
            "title": error.title,
            "detail": error.detail,
            "fault": error.fault,
            "todo": todo,
        }
        click.echo(json.dumps(said, ensure_ascii=False), err=True)
        return
    click.echo(f"{error.title} ({WHOSE[error.fault]})\n{error.detail}\n{todo}", err=True)


def _in_french(error: BeffroiError) -> Iterator[str]:
    said = told("fr")
    title, todo = CODES[error.code]
    yield f"{title} ({said(WHOSE[error.fault])})"
    yield from map(as_read, error.detail.splitlines())
    todo = said(TODOS[error.code]) if error.code in TODOS else todo
    yield todo if error.retry_in is None else f"{todo} {said(AGAIN, seconds=_seconds(error.retry_in))}"


def _seconds(retry_in: float) -> int:
    return max(1, math.ceil(retry_in))


STAGES = ("scan", "clean", "expect", "link", "write", "faces", "commit")
"""What a run goes through, as the display of progress counts it; one may leave some out."""


class Progress:
    """Plain lines on standard error: one when a task begins, one when it has ended."""

    def __init__(self) -> None:
        """It speaks the language of whoever makes it, in whatever thread a task begins."""
        self._said, self._language = told(), LANGUAGE.get()

    def begin(self, name: str) -> Tell:
        """Begin a task; return the function that hears its stages."""
        note(self._said("{dataset}: begins", dataset=name))
        return lambda _stage: None

    def end(self, name: str, said: str) -> None:
        """End a task; `said` is what came of it."""
        note(self._said("{dataset}: {note}", dataset=name, note=said))


class Bars(Progress):
    """A display on a terminal: a bar for all tasks, and one for each that is under way, with its stage."""

    def __init__(self, display: "Display", total: int) -> None:
        """`display` is running."""
        super().__init__()
        self._display = display
        self._all = display.add_task("", total=total)
        self._tasks: dict[str, TaskID] = {}

    def begin(self, name: str) -> Tell:
        """Show a task; whatever it says of its stage begins with the stage's name."""
        task = self._tasks[name] = self._display.add_task(name, total=len(STAGES))

        def tell(stage: str) -> None:
            first, _, rows = stage.partition(" ")
            done = STAGES.index(first) if first in STAGES else None
            shown = (self._said(f"{first}|stage") + f" {rows.partition(' ')[0]}") if first in STAGES else stage
            if self._language == "fr":
                shown = shown.replace(",", "\u202f")
            self._display.update(
                task, description=self._said("{dataset}: {note}", dataset=name, note=shown), completed=done
            )

        return tell

    def end(self, name: str, said: str) -> None:  # the table of results says it
        """Take a task off the display."""
        self._display.remove_task(self._tasks.pop(name))
        self._display.advance(self._all)


@contextmanager
def progress(total: int) -> Iterator[Progress]:
    """Show the progress of `total` tasks, several of which may be under way at once, on standard error."""
    if not sys.stderr.isatty():
        yield Progress()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Display

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<40}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Display(*columns, console=Console(stderr=True), transient=True) as display:
        yield Bars(display, total)
