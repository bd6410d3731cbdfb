"""What a commune's code meant at a date, and which commune of today that is, for `make_steps_reference.py`.

Up to 2019-01-01 from INSEE's dated history (every commune that was, with what became of it and of its parts); after it
by comparing the communes of each first of January. A commune that was divided since leads to none.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

Row = dict[str, Any]
Chain = tuple[str, ...]
"""The codes of a territory in 2019, from its own outwards; the last is the commune's. Of a whole commune, that alone."""

FIRST, LAST = dt.date(1, 1, 1), dt.date(9999, 12, 31)


class History:
    """INSEE's history of communes until 2019: whither the territory of each went."""

    def __init__(self, rows: Sequence[Row]) -> None:
        """Take the rows of `historique-communes.json`."""
        self.rows = {row["id"]: row for row in rows}

    def whole(self, row: Row) -> set[Chain]:
        """Return where the territory of a commune is in 2019, more than one where it was divided."""
        if "dateFin" not in row:
            return {(row["code"],)}
        own: set[Chain] = set()
        if "successeur" in row:
            after = self.rows[row["successeur"]]
            own = self.whole(after) if after["type"] == "COM" else {self.part(after)}
        members = [self.rows[member] for member in row.get("membres", ())]
        parts = {self.part(self.rows[member["successeur"]]) for member in members if "successeur" in member}
        communes = {chain[-1] for chain in own | parts}
        if len(communes) == 1:
            return own or {(communes.pop(),)}
        return own | parts

    def part(self, row: Row) -> Chain:
        """Return where a part of a commune is in 2019, or a commune without what was taken off it later."""
        if "dateFin" in row and "successeur" in row:
            return self.part(self.rows[row["successeur"]])
        if row["type"] == "COM":
            return (row["code"],)
        return (row["code"], *self.part(self.rows[row["pole"]]))


class Years:
    """The communes of each first of January, and what became of those of the one before."""

    def __init__(self, years: Mapping[int, Sequence[Row]]) -> None:
        """Take the rows of `communes.json` by year."""
        self.years = sorted(years)
        self.current = {
            year: {row["code"] for row in rows if row["type"] == "commune-actuelle"} for year, rows in years.items()
        }
        self._parent: dict[int, dict[str, str]] = {}
        for year, rows in years.items():
            of = {
                old: row["code"]
                for row in rows
                if row["type"] == "commune-actuelle"
                for old in row.get("anciensCodes", ())
            }
            parts = {
                row["code"]: row.get("chefLieu", row.get("commune"))
                for row in rows
                if row["type"] != "commune-actuelle"
            }
            self._parent[year] = of | parts
        self._taken_off: dict[int, dict[str, set[str]]] = {}
        for before, year in pairwise(self.years):
            taken = self._taken_off.setdefault(year, {})
            for new in self.current[year] - self.current[before]:  # what was a part of another the year before
                taken.setdefault(self._parent[before].get(new, ""), set()).add(new)

    def today(self, chain: Chain, since: int) -> str | None:
        """Return the commune of the last year in which a territory of the year `since` lies, None where it was divided."""
        for year in (year for year in self.years if year > since):
            current, parent = self.current[year], self._parent[year]
            here = next((at for at, code in enumerate(chain) if code in current or code in parent), None)
            if here is None:
                return None
            commune = chain[here] if chain[here] in current else parent[chain[here]]
            if len(chain) > 1:
                chain = (*chain[: here + 1], commune)
            elif self._taken_off[year].get(chain[0], set()) - {commune}:
                return None
            elif commune != chain[0]:
                chain = (*chain, commune)
        return chain[-1]


def commune_dates(history: Sequence[Row], years: Mapping[int, Sequence[Row]]) -> list[Row]:
    """Return, for every code that a commune had since 1943, the commune of the last year by date: {code, since, until}.

    Dates of one code follow each other without a gap: before a code was given out it is read as at first, and after it
    was given up as at last. Parts of communes that never were one (municipal arrondissements) lead to theirs.
    """
    past, later = History(history), Years(years)
    known: dict[str, list[tuple[dt.date, str | None]]] = {}
    for row in history:
        if row["type"] == "COM":
            found = {later.today(chain, later.years[0]) for chain in past.whole(row)}
            since = dt.date.fromisoformat(row.get("dateDebut", "0001-01-01"))
            known.setdefault(row["code"], []).append((since, found.pop() if len(found) == 1 else None))
    for year in later.years:
        for code in later.current[year]:
            since = dt.date(year, 1, 1) if code in known else FIRST
            known.setdefault(code, []).append((since, later.today((code,), year)))
    last = years[later.years[-1]]
    for row in last:
        known.setdefault(row["code"], [(FIRST, row.get("commune", row.get("chefLieu")))])
    return [row for code in sorted(known) for row in _by_date(code, sorted(known[code], key=lambda found: found[0]))]


def _by_date(code: str, found: Sequence[tuple[dt.date, str | None]]) -> list[Row]:
    """Return the rows of one code, those beside each other that lead to the same commune made one."""
    kept: list[tuple[dt.date, str | None]] = []
    for since, commune in found:
        if not kept or kept[-1][1] != commune:
            kept.append((since, commune))
    kept[0] = (FIRST, kept[0][1])
    ends = [since for since, _ in kept[1:]] + [LAST]
    return [
        {"code": code, "since": since, "until": until, "commune_code": commune}
        for (since, commune), until in zip(kept, ends, strict=True)
    ]


def commune_lives(history: Sequence[Row], years: Mapping[int, Sequence[Row]]) -> list[Row]:
    """Return when each code was that of a commune of its own: {code, since, until}; a code may have several such times.

    Up to 2019 by INSEE's dates; after it a change is dated to the first of January in whose list it is seen. Overseas
    communes that the history has not (Polynesia, New Caledonia) are read as at first.
    """
    later = Years(years)
    known: dict[str, list[tuple[dt.date, dt.date]]] = {}
    start = dt.date(later.years[0], 1, 1)
    for row in history:
        if row["type"] == "COM":
            end = dt.date.fromisoformat(row["dateFin"]) if "dateFin" in row else start
            known.setdefault(row["code"], []).append((dt.date.fromisoformat(row.get("dateDebut", str(FIRST))), end))
    ends = [*(dt.date(year, 1, 1) for year in later.years[1:]), LAST]
    for year, end in zip(later.years, ends, strict=True):
        for code in later.current[year]:
            unwritten = code not in known and year == later.years[0]
            known.setdefault(code, []).append((FIRST if unwritten else dt.date(year, 1, 1), end))
    return [
        {"code": code, "since": since, "until": until}
        for code in sorted(known)
        for since, until in _joined(known[code])
    ]


def _joined(times: Sequence[tuple[dt.date, dt.date]]) -> list[tuple[dt.date, dt.date]]:
    """Return times in their order, those that follow each other without a gap made one."""
    joined: list[tuple[dt.date, dt.date]] = []
    for since, until in sorted(times):
        if joined and joined[-1][1] >= since:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined
