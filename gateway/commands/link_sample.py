"""`beffroi link --sample` and `--check`: pairs drawn for a person to judge, as CSV, and what her verdicts say.

The file has a line for each pair: both identities, an empty `verdict` and `note`, what both records have in each field,
and last what the model makes of it, where it tempts nobody. `beffroi decide` takes the verdicts as decisions.
"""

import csv
import io
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import InvalidRequest
from gateway import console
from gateway.commands.decide_read import new_file
from gateway.commands.link_asked import Asked
from gateway.commands.link_why import drawn
from gateway.lookups.outgoing import no_formula

if TYPE_CHECKING:
    from pipelines.linking.telling.sample import Checked, Figure, Stratum
    from pipelines.report.words import Words

HEAD = ("identity_a", "identity_b", "verdict", "note")
TAIL = ("weight", "probability", "stratum", "of", "version")
VERDICTS = ("same", "different", "unsure")


async def write(of: Asked, most: int, file: Path, seed: int = 0) -> int:
    """Draw at most this many pairs into a new CSV file, which others cannot read; return how many there were.

    Raises InvalidRequest where the file is there already, and what `decide` raises.
    """
    pairs, values = await drawn(of, most, seed)
    fields = sorted({name for each in values.values() for name, value in each.items() if value})
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow([*HEAD, *(f"{name}_{side}" for name in fields for side in "ab"), *TAIL])
    for each in pairs:
        cells = [values[one].get(name) or "" for name in fields for one in (each.a, each.b)]
        last = (f"{each.weight:.3f}", f"{each.probability:.6f}", each.stratum, each.of, of.version.number)
        lines.writerow([*map(no_formula, (each.a, each.b, "", "", *cells)), *last])
    new_file(file, text.getvalue(), "utf-8-sig")  # spreadsheets know UTF-8 by its mark
    return len(pairs)


def check(file: Path) -> "Checked":
    """Return what the verdicts of a file say. Raises InvalidRequest, with its line, for what cannot be read."""
    from pipelines.linking.deciding import exchange
    from pipelines.linking.telling import sample

    strata: dict[str, Stratum] = {}
    empty, told = 0, dict[frozenset[str], tuple[int, str]]()
    for number, row in _lines(file):
        name, verdict = row["stratum"], exchange.verdict_of(row["verdict"])
        if name not in sample.STRATA or not row["of"].isdecimal() or int(row["of"]) < 1:
            raise InvalidRequest(f"{file}, line {number}: stratum and of are not as they were drawn")
        stratum = strata.setdefault(name, sample.Stratum(int(row["of"])))
        if stratum.of != int(row["of"]):
            raise InvalidRequest(f"{file}, line {number}: pairs of two samples stand in it: check each by itself")
        if not verdict:
            empty += 1
            continue
        if verdict not in VERDICTS:
            raise InvalidRequest(
                f"{file}, line {number}: a verdict is {', '.join((*VERDICTS, *exchange.FRENCH))}, or empty"
            )
        first, said = told.setdefault(frozenset((row["identity_a"], row["identity_b"])), (number, verdict))
        if said != verdict:
            raise InvalidRequest(f"{file}, line {number}: line {first} says something else of the same pair")
        if first != number:  # a line twice is one verdict
            continue
        stratum.judge(verdict, _probability(row["probability"], f"{file}, line {number}"))
    return sample.check(strata, empty)


def _probability(text: str, where: str) -> float:
    """Return the probability in a cell, also one that a spreadsheet wrote with a comma."""
    with suppress(ValueError):
        if 0 <= (found := float(text.replace(",", "."))) <= 1:
            return found
    raise InvalidRequest(f"{where}: probability is no number from 0 to 1; leave it as it was drawn")


def _lines(file: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the lines of a sample, with their numbers. Raises InvalidRequest where it is none."""
    from pipelines.linking.deciding import exchange

    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{file} is not in UTF-8: save it as «CSV UTF-8»") from None
    lines = exchange.table(text)
    wanted = {"identity_a", "identity_b", "verdict", "probability", "stratum", "of"}
    if missing := wanted - set(lines.fieldnames or ()):
        raise InvalidRequest(
            f"{file} is no sample that `beffroi link --sample` drew: it has no {', '.join(sorted(missing))}"
        )
    return [(lines.line_num, row) for row in lines]


def show_checked(checked: "Checked", language: str) -> None:
    """Show what a sample says, and on how many verdicts that rests."""
    from pipelines.linking.telling import words
    from pipelines.report.words import count, several

    said: Words = words.LANGUAGES[language]
    judged = several("some_verdicts", checked.judged, said)
    click.echo(said["checked_on"].format(judged=judged, unsure=checked.unsure, empty=checked.empty))
    for key, figure in (("checked_precision", checked.precision), ("checked_recall", checked.recall)):
        if figure is not None:
            click.echo(said[key].format(**_bounds(figure, said)))
    click.echo(said["checked_rests"])
    heads = said["checked_heads"].split("|")
    rows: list[tuple[Any, ...]] = [
        (said[f"stratum_{name}"], *(count(each, said) for each in (one.of, one.judged, one.same, one.different)),
         count(one.expected, said))
        for name, one in checked.strata.items()
    ]  # fmt: skip
    console.show_table(heads, rows, right=heads[1:])


def _bounds(figure: "Figure", said: "Words") -> dict[str, str]:
    from pipelines.report.words import share

    return {name: share(getattr(figure, name), 1, said) for name in ("estimate", "least", "most")}
