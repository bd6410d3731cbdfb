"""The quarantine on the command line: why rows were refused, and, as an access like any other, the rows themselves."""

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from connectors.errors import InvalidRequest, Unavailable
from gateway.callers.access import decide, of_refused, operator
from gateway.journal import Entry, Journal
from pipelines import corrections, evidence, explained, quarantine
from pipelines.corrections import Correction
from pipelines.explained import Made
from pipelines.quarantine import Broken, Refused, Target
from pipelines.raw import Raw
from pipelines.steps.clean import Reason
from pipelines.workspace import Workspace

Listed = dict[str, tuple[list[Refused], bool]]
"""The refused rows by dataset, and whether there are more."""


def listed(workspace: Workspace, names: Sequence[str], limit: int) -> Listed:
    """Return at most `limit` refused rows of each dataset (0: all). Raises Unavailable, what `in_order` raises."""
    found: Listed = {}
    for name in workspace.in_order(list(names)):
        rows = list(islice(quarantine.listed(workspace, name), limit + 1 if limit else None))
        found[name] = (rows[:limit], True) if limit and len(rows) > limit else (rows, False)
    return found


def by_rule(workspace: Workspace, names: Sequence[str]) -> list[Broken]:
    """Return how many rows of each dataset broke which rule. Raises Unavailable, what `in_order` raises."""
    return [each for name in workspace.in_order(list(names)) for each in quarantine.by_rule(workspace, name)]


def reasons(row: Refused) -> dict[str, Any]:
    """Return what may be told of a refused row without an access: where it stands, and what is wrong with it."""
    return {name: getattr(row, name) for name in ("dataset", "version", "source", "place", "failures")}


async def raw(workspace: Workspace, names: Sequence[str], limit: int, purpose: str | None) -> Listed:
    """Return the same for an operator who wants the rows as the source has them, once it is on the journal.

    A row that was refused may have no key to be found by: the entry has no hashes. Raises what `decide` raises too.
    """
    caller = operator(purpose)
    found: Listed = {}
    with closing(Journal.of(workspace)) as journal:
        for name in workspace.in_order(list(names)):
            entry = Entry.begin(workspace, caller, "quarantine", f"dataset:{name}")
            async with journal.access(entry):
                decide(workspace, caller, of_refused(workspace.datasets[name]), None)
                found |= listed(workspace, [name], limit)
                rows, _ = found[name]
                _note(entry, rows)
    return found


def _note(entry: Entry, rows: Sequence[Refused]) -> None:
    entry.fields = sorted({column for row in rows for column in row.raw})
    if rows:
        entry.source = f"version {rows[0].version}" if rows[0].version else "a run that failed"


# --- one row ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """A refused row with all that is known of it. `steps` are those of each column that failed, up to the refusal.

    `line` is where it begins in the source's file, where that is known.
    """

    row: Refused
    correction: Correction | None
    todo: str
    todo_fr: str
    steps: dict[str, list[Made]] = field(default_factory=dict)
    line: int | None = None


async def show(workspace: Workspace, name: str, place: int, source: str | None, purpose: str | None) -> Shown:
    """Return one refused row for an operator, once it is on the journal.

    Raises what `decide` and `quarantine.find` raise.
    """
    caller, dataset = operator(purpose), workspace.dataset(name)
    entry = Entry.begin(workspace, caller, "quarantine", f"dataset:{name}")
    with closing(Journal.of(workspace)) as journal:
        async with journal.access(entry):
            decide(workspace, caller, of_refused(dataset), None)
            row = quarantine.find(workspace, name, place, source)
            _note(entry, [row])
            correction = corrections.of(workspace, name, row.source, row.raw_sha256)
            told = todo(row, several=len(dataset.inputs) > 1)
            raw = _raw(workspace, row)
            steps = _steps(workspace, row, correction, raw) if raw is not None else {}
            line = evidence.line(raw, row.place) if raw is not None else None
            return Shown(_in_order(workspace, row), correction, told.en, told.fr, steps, line)


def _in_order(workspace: Workspace, row: Refused) -> Refused:
    """Return a refused row with its values in the order of the source's columns, as far as that is still known."""
    found = quarantine.last(workspace, row.dataset)
    names = evidence.columns(found[1], row.source) if found is not None else []
    return replace(row, raw={name: row.raw[name] for name in [*names, *row.raw] if name in row.raw})


def _raw(workspace: Workspace, row: Refused) -> Raw | None:
    """Return the raw input that a refused row stands in, or None where it is no longer kept."""
    found = quarantine.last(workspace, row.dataset)
    if found is None:
        return None
    with suppress(Unavailable):
        return evidence.kept(quarantine.input_of(workspace, row.dataset, found[1], row.source))
    return None


def _steps(workspace: Workspace, row: Refused, correction: Correction | None, raw: Raw) -> dict[str, list[Made]]:
    """Return what the steps made of the columns that failed."""
    dataset = workspace.datasets[row.dataset]
    columns = {failure["column"] for failure in row.failures if failure["column"]}
    if not columns:
        return {}
    declared, values = quarantine.declared(dataset, row.source), correction.values if correction else {}
    return explained.judged(workspace, dataset, declared, raw, row.place, values, columns).steps


SEVERAL = {
    "unique": Reason(
        "Another row has the same value: one of them is wrong, or the column is not unique.",
        "Une autre ligne a la même valeur : l'une des deux est fausse, ou la colonne n'est pas unique.",
    ),
    "foreignKey": Reason(
        "The other dataset does not have it: run that one first if it is out of date, else the value is wrong.",
        "L'autre jeu de données ne l'a pas : relancez celui-là d'abord s'il n'est pas à jour, sinon la valeur est fausse.",
    ),
    "row": Reason(
        "The row did not come whole: look at that place of the source.",
        "La ligne n'est pas arrivée entière : regardez à cet endroit de la source.",
    ),
}
"""What is to be known first of a row refused by one of these rules."""


def todo(row: Refused, *, several: bool) -> Reason:
    """Return what a steward can do about a refused row, of a dataset that has `several` sources or one."""
    first = [SEVERAL[rule] for rule in dict.fromkeys(each["rule"] for each in row.failures) if rule in SEVERAL]
    source = f" --source '{row.source}'" if several else ""
    fix, replay = f"beffroi quarantine fix {row.dataset} {row.place} COLUMN=VALUE", f"quarantine replay {row.dataset}"
    english = (
        f"Mend it in the source and `beffroi run {row.dataset}`; or, where the rule is wrong, mend the steps in"
        f" datasets/{row.dataset}.yaml and `beffroi {replay}`; or correct this row alone, as long as it comes so:"
        f" `{fix} --why …{source}`, then `beffroi {replay}`."
    )
    in_french = fix.replace("COLUMN=VALUE", "COLONNE=VALEUR")
    french = (
        f"Corrigez-la dans la source puis `beffroi run {row.dataset}` ; ou, si la règle est fausse, corrigez les étapes"
        f" dans datasets/{row.dataset}.yaml puis `beffroi {replay}` ; ou corrigez cette seule ligne, tant qu'elle arrive"
        f" ainsi : `{in_french} --why …{source}`, puis `beffroi {replay}`."
    )
    return Reason(" ".join([*(each.en for each in first), english]), " ".join([*(each.fr for each in first), french]))


# --- a correction ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fixed:
    """A correction that was kept or taken back: of which row, in which columns, and what is still wrong with the row."""

    dataset: str
    source: str
    place: int
    raw_sha256: str
    columns: list[str]
    passes: bool
    failures: list[dict[str, str]]


def fix(workspace: Workspace, found: Target, given: dict[str, str | None], why: str) -> Fixed:
    """Keep a correction of a row for the operator, and judge the row as it is with it. Raises what `wanted` raises.

    Nothing of the row is told but the names of its columns: that is no access.
    """
    return _kept(workspace, found, quarantine.wanted(found, given), why)


def drop(workspace: Workspace, found: Target, why: str) -> Fixed:
    """Take the correction of a row back, and judge the row as it came. Raises InvalidRequest where none holds."""
    if found.holds is None:
        raise InvalidRequest(f"no correction of row {found.place} of {found.given.name} holds")
    return _kept(workspace, found, {}, why)


def _kept(workspace: Workspace, found: Target, values: dict[str, str | None], why: str) -> Fixed:
    dataset = workspace.datasets[found.dataset]
    source, raw = quarantine.declared(dataset, found.given.name), evidence.kept(found.given)
    failures = explained.judged(workspace, dataset, source, raw, found.place, values).failures
    quarantine.keep(workspace, found, values, operator(None).agent, why)
    return Fixed(dataset.name, source.name, found.place, found.raw_sha256, list(values), not failures, failures)


def personal(workspace: Workspace, found: Target) -> set[str]:
    """Return the columns of the source that personal columns are read from."""
    dataset = workspace.datasets[found.dataset]
    source = quarantine.declared(dataset, found.given.name)
    return {dataset.read_from(source, column.name) for column in dataset.columns if column.personal}
