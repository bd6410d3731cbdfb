"""The cleaning steps: a small closed vocabulary, each a set operation over the whole column.

A step is SQL, or a kept library over the column's distinct values. Every step carries examples, which are its tests
and its documentation. The words stand in the modules beside this one.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.steps.addresses import ADDRESSES
from pipelines.steps.clean import Cleaning, Value
from pipelines.steps.contacts import CONTACTS
from pipelines.steps.dates import DATES
from pipelines.steps.geometry import GEOMETRY
from pipelines.steps.identifiers import IDENTIFIERS
from pipelines.steps.lists import LISTS
from pipelines.steps.numbers import NUMBERS
from pipelines.steps.places import PLACES, is_date
from pipelines.steps.step import Argument, Step
from pipelines.steps.text import TEXT

STEPS_BY_KIND: Mapping[str, Mapping[str, Step]] = {
    "Texts": TEXT,
    "Lists of values": LISTS,
    "Numbers, yes and no": NUMBERS,
    "Dates": DATES,
    "Identifiers": IDENTIFIERS,
    "Telephone and e-mail": CONTACTS,
    "Places": PLACES | ADDRESSES | GEOMETRY,
}
STEPS: Mapping[str, Step] = {name: step for steps in STEPS_BY_KIND.values() for name, step in steps.items()}


def check_steps(steps: list[str | dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Yield the position of every declared step that is not of the vocabulary, or misused, and what is wrong."""
    for position, step in enumerate(steps):
        if isinstance(step, dict) and len(step) != 1:
            yield position, "a cleaning step is one name, or one name with its argument"
            continue
        name, argument = parts(step)
        known = STEPS.get(name)
        if known is None:
            yield position, f"there is no cleaning step «{name}»; allowed: {', '.join(STEPS)}"
        elif not _fits(known.argument, argument):
            yield position, f"the step {name} {_taken(name, known.argument)}"
        elif known.gives and position < len(steps) - 1:
            yield position, f"the step {name} makes a {known.gives} of the text: it must be the last one"


def _fits(wanted: Argument | None, argument: Any) -> bool:
    if wanted is None or argument is None:
        return argument is None and (wanted is None or wanted.optional)
    return wanted.fits(argument)


def _taken(name: str, wanted: Argument | None) -> str:
    if wanted is None:
        return "takes no argument"
    alone = f", or stands alone: `- {name}`" if wanted.optional else ""
    return f"takes {wanted.told}: `- {name}: …`{alone}"


def parts(step: str | dict[str, Any]) -> tuple[str, Any]:
    """Return a declared step's name and argument."""
    return (step, None) if isinstance(step, str) else next(iter(step.items()))


def dataset_of(step: str | dict[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """Return the dataset that a step reads, and which of its columns, if it reads one."""
    name, argument = parts(step)
    if name == "follow" and isinstance(argument, str):
        return argument, ("code", "commune_code")
    return (str(argument["among"]), ("code", "name", "postal_codes")) if name == "find_commune" else None


TYPES_READ = {"code": "string", "commune_code": "string", "name": "string", "postal_codes": "array"}
"""Of which type the columns are that steps read of other datasets."""


def column_of(step: str | dict[str, Any]) -> tuple[str, str] | None:
    """Return the key of its argument in which a step names a cleaned column above it, and the column, if it does."""
    name, argument = parts(step)
    if name == "follow" and isinstance(argument, dict) and not is_date(argument["as_of"]):
        return "as_of", argument["as_of"]
    if name == "point" and isinstance(argument, dict):
        return "y", argument["y"]
    return ("postal_code", argument["postal_code"]) if name == "find_commune" else None


def file_of(step: str | dict[str, Any]) -> str | None:
    """Return the file of the workspace that a step reads, by its path from the workspace's folder, if it reads one."""
    name, argument = parts(step)
    return argument if name == "map" and isinstance(argument, str) else None


def apply_steps(cleaning: Cleaning, value: Value, steps: list[str | dict[str, Any]]) -> None:
    """Take a column through its declared steps."""
    for step in steps:
        name, argument = parts(step)
        STEPS[name].apply(cleaning, value, argument)
