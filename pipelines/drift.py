"""How far a version is from the last one: its rows, what its columns hold, and which columns its sources have.

Of a value that only one of both versions tells the share, of the other is known between what it can be: the least that
it must have moved is what counts, so that no version is refused for what it may not have done.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.declarations import Dataset
from pipelines.profile import FREQUENT, Profile
from pipelines.steps.clean import Reason

MANY = 100
"""Rows of a last version from which a loss of more than HALF of them is not believed, where nothing is declared."""

HALF = 0.5

SOME = 20
"""Rows of a last version from which it is not believed that none of their keys is there any more."""


@dataclass(frozen=True)
class Drifted:
    """What moved, how far, and how far it may.

    `what` is drift_rows, drift_keys, drift_sources, drift_empty, drift_values or drift_columns.
    """

    what: str
    measured: float
    most: float | None
    reason: Reason | None = None
    column: str | None = None

    @property
    def met(self) -> bool:
        """Tell whether it is within its bound."""
        return self.most is None or self.measured <= self.most


def _accept(dataset: Dataset, share: float, to_declare: str) -> tuple[str, str]:
    """Return what to do where the change is right, in English and French: a share above 1 cannot be declared."""
    command = f"`beffroi run {dataset.name} --accept`"
    en, fr = f"if that is right, take it once with {command}", f"si c'est juste, acceptez-le une fois par {command}"
    return (f"{en}, or declare {to_declare}", f"{fr}, ou déclarez {to_declare}") if share <= 1 else (en, fr)


def _share(before: int, rows: int) -> float:
    return before / rows if rows else 0.0


# --- rows ------------------------------------------------------------------------------------------------------------


def rows(dataset: Dataset, now: int, last: int) -> Iterator[Drifted]:
    """Yield by what share the number of rows changed, where that is declared or they are suspiciously few."""
    wanted = dataset.expect.drift.rows if dataset.expect.drift else None
    changed = round(abs(now - last) / last, 9)
    en, fr = _accept(dataset, changed, f"`expect: {{drift: {{rows: {enough(changed)}}}}}`")
    if wanted is not None:
        met = changed <= wanted
        reason = Reason(
            f"rows: {now:,}, and the last version has {last:,}: a change of {changed:.2%}, expected at most {wanted:.2%};"
            f" {en}",
            f"lignes : {now:,}, et la dernière version en a {last:,} : un écart de {changed:.2%}, au plus {wanted:.2%}"
            f" attendu ; {fr}",
        )
        yield Drifted("drift_rows", changed, wanted, None if met else reason)
    elif dataset.expect.rows.min is None and last >= MANY and now < last:
        few = now < last * HALF
        reason = Reason(
            f"rows: {now:,}, fewer than half of the last version's {last:,}: {en}",
            f"lignes : {now:,}, moins de la moitié des {last:,} de la dernière version : {fr}",
        )
        yield Drifted("drift_rows", changed, HALF, reason if few else None)


def keys(dataset: Dataset, now: int, added: int, removed: int, last: int) -> Iterator[Drifted]:
    """Yield which share of the last version's rows are gone, where that is declared or no row has a key of theirs."""
    wanted = dataset.expect.drift.keys if dataset.expect.drift else None
    gone = round(removed / last, 9)
    en, fr = _accept(dataset, gone, f"`expect: {{drift: {{keys: {enough(gone)}}}}}`")
    if wanted is not None:
        reason = Reason(
            f"rows gone: {removed:,} of the last version's {last:,} ({gone:.2%}), expected at most {wanted:.2%}; {en}",
            f"lignes disparues : {removed:,} des {last:,} de la dernière version ({gone:.2%}), au plus {wanted:.2%}"
            f" attendues ; {fr}",
        )
        yield Drifted("drift_keys", gone, wanted, reason if gone > wanted else None)
    elif last >= SOME and now and added == now and removed == last:
        key = ", ".join(dataset.key)
        reason = Reason(
            f"{key}: none of the last version's {last:,} rows is there any more, and all {now:,} are new, as if another"
            f" column were read as the key: {en}",
            f"{key} : aucune des {last:,} lignes de la dernière version n'est plus là, et toutes les {now:,} sont"
            f" nouvelles, comme si une autre colonne était lue comme clé : {fr}",
        )
        yield Drifted("drift_keys", gone, 0.99, reason)


def sources(
    dataset: Dataset, now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]
) -> Iterator[Drifted]:
    """Yield, of each of several sources that has fewer rows than for the last version, which share of them it lost.

    Where nothing is declared, one that has none left has lost too many, and one that had MANY and lost more than HALF. A
    source that is no more, since its registry declares that table no more, has none left.
    """
    wanted = dataset.expect.drift.sources if dataset.expect.drift else None
    had = {each["name"]: each.get("rows", 0) for each in before}
    there = {each["name"] for each in now}
    gone = [each["name"] for each in before if each["name"] not in there and each.get("registry") in dataset.spread]
    for source in (*now, *({"name": name, "rows": 0} for name in gone)) if len(now) + len(gone) > 1 else ():
        name, rows, last = source["name"], source["rows"], had.get(source["name"], 0)
        lost = round((last - rows) / last, 9) if last else 0.0
        most = wanted if wanted is not None else HALF if last >= MANY else 1 - 1 / max(last, 1)
        if lost <= 0:
            continue
        en, fr = _accept(dataset, lost, f"`expect: {{drift: {{sources: {enough(lost)}}}}}`")
        reason = Reason(
            f"{name}: rows: {rows:,}, and {last:,} for the last version: {en}",
            f"{name} : lignes : {rows:,}, et {last:,} pour la dernière version : {fr}",
        )
        yield Drifted("drift_sources", lost, round(most, 9), reason if lost > round(most, 9) else None)


def enough(changed: float) -> str:
    """Return a share, in tenths, within which a change of 1 at most lies."""
    return f"{min(1.0, -(-changed * 10 // 1) / 10):g}"


# --- values ----------------------------------------------------------------------------------------------------------


def values(
    dataset: Dataset, profile: Profile, now: int, before: Mapping[str, Mapping[str, Any]], last: int
) -> Iterator[Drifted]:
    """Yield by how many points the share of empty values, and that of a frequent value, moved in each column."""
    if dataset.expect.drift is None:
        return
    for column in dataset.columns:
        most, old = dataset.expect.drift.of(column.name), before.get(column.name)
        if most is None or old is None:
            continue
        new = profile.columns[column.name]
        moved = round(abs(_share(new["empty"], now) - _share(old["empty"], last)), 9)
        yield _moved(dataset, "drift_empty", column.name, moved, most, Reason("empty values", "de valeurs vides"))
        if column.personal or dataset.key == (column.name,) or column.constraints.unique:  # no value is frequent
            continue
        found = _values(profile.counts.get(column.name), new, now, old, last)
        value, moved = max(found, key=lambda each: each[1], default=("", 0.0))
        yield _moved(dataset, "drift_values", column.name, moved, most, Reason(f"«{value}»", f"de «{value}»"))


def _moved(dataset: Dataset, what: str, column: str, moved: float, most: float, of: Reason) -> Drifted:
    en, fr = _accept(dataset, moved, f"`expect: {{drift: {{columns: {{{column}: {enough(moved)}}}}}}}`")
    reason = Reason(
        f"{column}: the share of {of.en} moved by {moved * 100:.1f} points since the last version, expected at most"
        f" {most * 100:.1f}; {en}",
        f"{column} : la part {of.fr} a varié de {moved * 100:.1f} points depuis la dernière version, au plus"
        f" {most * 100:.1f} attendus ; {fr}",
    )
    return Drifted(what, moved, most, reason if moved > most else None, column)


def _values(
    counts: Mapping[str, int] | None, new: Mapping[str, Any], now: int, old: Mapping[str, Any], last: int
) -> Iterator[tuple[str, float]]:
    """Yield each value that is frequent in either version, and by what share it moved at least."""
    before = old.get("frequent")
    if counts is None:
        unseen = _at_most(new, now)
        for value, number in (before or {}).items():
            yield value, round(max(0.0, _share(number, last) - _share(unseen, now)), 9)
        return
    if before is None:
        unseen = _at_most(old, last)
    else:
        unseen = min(before.values()) if len(before) == FREQUENT else 0
        for value, number in before.items():
            yield value, round(abs(_share(counts.get(value, 0), now) - _share(number, last)), 9)
    for value, number in list(counts.items())[:FREQUENT]:
        if value not in (before or {}):
            yield value, round(max(0.0, _share(number, now) - _share(unseen, last)), 9)


def _at_most(told: Mapping[str, Any], rows: int) -> int:
    """Return how often any value can stand in a column of which nothing but counts is told."""
    return max(0, int(rows - told["empty"] - max(0, told["distinct"] - 1)))


# --- columns of the sources ------------------------------------------------------------------------------------------


def columns(
    dataset: Dataset,
    now: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    known: Mapping[str, frozenset[str]],
) -> Iterator[Drifted]:
    """Yield, of each source that has lost columns since the last version, how many. A drift that is declared bears none.

    Of a source in `known` those names alone are told: the others may be what stands in its data.
    """
    most = 0.0 if dataset.expect.drift is not None else None
    lists = {each["name"]: each.get("columns", []) for each in before}
    for source in now:
        name = source["name"]
        old, new = lists.get(name, []), source["columns"]
        gone = [column for column in old if column not in new]
        if gone:
            yield Drifted("drift_columns", len(gone), most, _gone(dataset, name, old, new, known.get(name)))


def _gone(
    dataset: Dataset, source: str, old: Sequence[str], new: Sequence[str], known: frozenset[str] | None
) -> Reason:
    """Return which columns are gone, and what stands in the place of one that may only have another name."""
    gone = [name for name in old if name not in new]
    told = gone if known is None else [name for name in gone if name in known]
    renamed = dict(_renamed(old, new, gone)) if known is None else {}
    listed = [f"«{name}»" + (f" (now «{renamed[name]}»?)" if name in renamed else "") for name in told]
    listed_fr = [f"«{name}»" + (f" («{renamed[name]}» à présent ?)" if name in renamed else "") for name in told]
    more, more_fr = "", ""
    if len(told) < len(gone):
        more, more_fr = f" {len(gone) - len(told)} of its columns", f" {len(gone) - len(told)} de ses colonnes"
        more, more_fr = (f" and{more}", f" et{more_fr}") if told else (more, more_fr)
    command = f"`beffroi run {dataset.name} --accept`"
    lost, lost_fr = (f" {', '.join(words)}" if words else "" for words in (listed, listed_fr))
    return Reason(
        f"{source} no longer has{lost}{more}; if that is right, take it once with {command}",
        f"{source} n'a plus{lost_fr}{more_fr} ; si c'est juste, acceptez-le une fois par {command}",
    )


def _renamed(old: Sequence[str], new: Sequence[str], gone: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each column that is gone with the new one that stands where it stood, between the same neighbours."""
    for name in gone:
        place = old.index(name)
        here = new[place] if place < len(new) else None
        if here is not None and here not in old and _beside(old, place) & _beside(new, place):
            yield name, here


def _beside(names: Sequence[str], place: int) -> set[tuple[int, str]]:
    """Return what stands before and after a place; at either end nothing does."""
    before = names[place - 1] if place > 0 else ""
    after = names[place + 1] if place + 1 < len(names) else ""
    return {(-1, before), (1, after)}
