"""Linking as a step of a run: from judged rows to a column that says of which one each is.

Rows become records, records are prepared, blocked, scored and clustered. What was found of two records of which nothing
changed since the last version is taken from there, so that a run takes the time of what is new; where recipe, fields,
thresholds or code are others, or where so much came that the model is to be trained anew, all is done again. Ids of
clusters stay either way. What is found is written aside, and goes to the version with its other files.
"""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import duckdb

from pipelines import known
from pipelines.declarations import linked
from pipelines.judge import ROWS, Judged
from pipelines.linking import carried, files, gathered, lasting, written
from pipelines.linking.clustering import attached, clusters, stable
from pipelines.linking.deciding import decisions
from pipelines.linking.deciding.decisions import Decision
from pipelines.linking.files import Before
from pipelines.linking.gathered import FIELD, Gathered
from pipelines.linking.prepare import prepare
from pipelines.linking.recipe import Recipe, Thresholds
from pipelines.linking.recipe import recipe as recipe_of
from pipelines.linking.scoring import held, pairs, rivals
from pipelines.linking.scoring.model import Model, is_whole, train
from pipelines.linking.telling import quality
from pipelines.needed import Needed
from pipelines.runs import Job
from pipelines.sql import DUCKDB, identifier, quote

GROWN = 1.5
"""How many times the records that a model was trained on there may be before it is trained anew."""

FLOOR = -6
"""Pairs of less weight are only counted: it is a probability of 1.5 %."""


def fill(
    job: Job, judged: Judged, needed: Needed, *, full: bool, preview: bool, accept: bool = False
) -> dict[str, dict[str, Any]]:
    """Fill in the columns that links declare, in the table of the run; return what its report tells of each.

    `full` does all anew and trains the models, a `preview` leaves nothing; `accept` goes on where what ids rest on is
    lost. Raises RunFailed where a declared block would make too many pairs, or where a source has another name, or its
    records another identity, Unavailable where decisions, or what ids rest on, cannot be read.
    """
    found = {}
    job.connection.execute("SET preserve_insertion_order = false")  # pairs have no order, and to keep one takes room
    for number, column in enumerate(job.dataset.link):
        name, spoilt = f"beffroi_link_{number}", frozenset[str]()
        try:
            found[column] = _Link(job, judged, needed, column, name).run(full=full, preview=preview, accept=accept)
        except duckdb.Error:
            if job.last is None or not (spoilt := files.spoilt(job.last.folder, column)):
                raise
        if spoilt:  # all is done anew, without what was found before
            gathered.forget(job.connection, name)
            anew = _Link(job, judged, needed, column, name, spoilt)
            found[column] = anew.run(full=full, preview=preview, accept=accept)
        gathered.forget(job.connection, name)
    job.connection.execute("SET preserve_insertion_order = true")
    return found


@dataclass(frozen=True)
class _Scored:
    """What scored the pairs of a run, and what of the last one stands: its model if `kept`, and its `carried` pairs.

    `histogram`: how many pairs had what weight, those that were not kept about; `left_out`: how many keys of each rule were
    too frequent.
    """

    model: Model
    trained_on: int
    histogram: dict[int, float]
    left_out: dict[str, int]
    kept: bool
    carried: int


class _Link:
    """One link of a run; all its tables begin with `name`, and the `spoilt` ones of the last version are not read."""

    def __init__(
        self, job: Job, judged: Judged, needed: Needed, column: str, name: str, spoilt: frozenset[str] = frozenset()
    ) -> None:
        self.job, self.judged, self.needed, self.column, self.name = job, judged, needed, column, name
        self.spoilt = spoilt
        self.connection, self.link = job.connection, job.dataset.link[column]
        said, recipe = self.link.thresholds, recipe_of(self.link.record)
        given = recipe.thresholds
        self.thresholds = Thresholds(link=said.link or given.link, review=said.review or given.review)
        self.recipe: Recipe = recipe.model_copy(update={"thresholds": self.thresholds})
        self.last = job.last.folder if job.last is not None else None

    def run(self, *, full: bool, preview: bool, accept: bool) -> dict[str, Any]:
        """Link the records and fill in the column; return what the report tells."""
        members = lasting.members(self.job, self.column, self.spoilt, accept=accept)
        there = gathered.gather(self.job, self.column, self.recipe, self.judged, self.needed, self.name)
        if not accept and members is not None:
            lasting.hold(self.job, self.column, members, self.judged, there.records)
        key = self._key()
        stands = self.last is not None and not full and not self.spoilt
        before = files.before(self.last, self.column) if self.last is not None and stands else None
        if before is not None and (before.said["key"] != key or there.count > before.said["trained_on"] * GROWN):
            before = None
        counts = carried.compare(self.connection, self.name, before)
        scored = self._anew(there) if before is None else self._onward(before, there)
        said = decisions.load(self.job.workspace, self.job.dataset.name, self.column)
        members = carried.members(self.name, before, members) if members is not None else None
        made = self._joined(scored.model, said, members, preview=preview, accept=accept)
        shown, count = made.pop("contradictions", []), made.pop("contradicting", 0)  # these name records
        told = {
            "record": self.link.record, "to": self.link.to, "filled": self._fill(there), **made,
            "contradictions": count, "decisions_aside": sum(each["kind"] == "decisions" for each in shown),
            "happened": quality.happened(self.connection, f"{self.name}_made_events"),
            "trained": "kept" if scored.kept else "now", "trained_on": scored.trained_on, **counts,
            "pairs_carried": scored.carried, "twice": self._twice(there),
            **lasting.decided(self.connection, f"{self.name}_records", said),
            "quality": self._quality(scored, said),
        }  # fmt: skip
        if not preview:
            under = {edge: counted for edge, counted in scored.histogram.items() if edge < self._floor}
            kept = {
                "key": key, "trained_on": scored.trained_on, "model": scored.model.to_json(), "under": under,
                "left_out": scored.left_out,
            }  # fmt: skip
            read = [(*each.pair, each.verdict, each.when) for each in said]
            besides = {
                "model": kept, "quality": lasting.known(self.job.dataset, self.column) | told["quality"],
                "contradictions": {"contradictions": shown, "read": read},
            }  # fmt: skip
            written.write(self.job, self.column, there, self.name, besides)
        return told

    def _key(self) -> str:
        """Return what the pairs of a link rest on besides its records, as one text."""
        dataset, link = self.job.dataset, self.link
        other = self.job.workspace.datasets[link.to] if link.to is not None else None
        said = [
            [known.version_of(each) for each in ("duckdb", *known.LINKS)], known.code("linking/"),
            linked.columns(link, dataset), linked.others(link, other) if other is not None else None,
            [link.to, link.within_sources, link.blocks, self.thresholds.model_dump()],
            linked.identity(dataset, self.column), other.key if other is not None else None,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()

    # --- pairs -------------------------------------------------------------------------------------------------------

    def _anew(self, there: Gathered) -> _Scored:
        """Prepare, block and score all records, with a model that is trained on them."""
        self._prepare(there.fields)
        return self._trained(there)

    def _trained(self, there: Gathered) -> _Scored:
        """Block and score all records, which are prepared, with a model that is trained on them."""
        model = train(self.connection, self.recipe, f"{self.name}_prepared", across=self._across)
        return self._scored(model, there.count, None)

    def _onward(self, before: Before, there: Gathered) -> _Scored:
        """Prepare, block and score what is new, and take the rest as it was found before.

        Where something came to be told of records that the model knows nothing of (a register begins to give a number),
        it is trained anew: it would be passed over for good.
        """
        kept = carried.prepared(self.connection, self.name, before)
        self._prepare(f"{there.fields} SEMI JOIN {self.name}_new USING (n)", kept)
        model = Model.of_json(before.said["model"])
        if not is_whole(self.connection, self.recipe, f"{self.name}_prepared", model):
            return self._trained(there)
        return self._scored(model, before.said["trained_on"], before)

    def _prepare(self, records: str, kept: str | None = None) -> None:
        """Prepare records, which are put into a table first: each part of it reads them, and what is kept joins them."""
        texts = ", ".join(f"{FIELD}{field} AS {identifier(field)}" for field in self.recipe.fields)
        self.connection.execute(f"CREATE TEMP TABLE {self.name}_came AS SELECT n, side, origin, {texts} FROM {records}")
        prepare(self.connection, self.recipe, f"{self.name}_came", f"{self.name}_prepared", kept)
        self.connection.execute(f"DROP TABLE {self.name}_came")

    @property
    def _across(self) -> str | None:
        """Return the column in which the records of a pair must differ."""
        if self.link.to is not None:
            return "side"
        return None if self.link.within_sources else "origin"

    def _scored(self, model: Model, trained_on: int, before: Before | None) -> _Scored:
        """Make the table of pairs: of all records, or of the new ones, with those that stand from before."""
        name = self.name
        again = carried.again(self.connection, name, before) if before is not None else None
        blocked = pairs.candidates(
            self.connection, self.recipe, f"{name}_prepared", f"{name}_candidates",
            new=again, across=self._across, blocks=self.link.blocks,
        )  # fmt: skip
        stand, carry = carried.pairs(self.connection, name, before) if before is not None else (None, 0)
        found = pairs.score(
            self.connection, self.recipe, model, f"{name}_prepared", f"{name}_candidates", f"{name}_pairs",
            floor=1 / (1 + 2.0**-self._floor), known=stand,
        )  # fmt: skip
        self.connection.execute(f"DROP TABLE {name}_candidates")
        under: dict[int, float] = {edge: held for edge, (held, _) in found.bins.items() if edge < self._floor}
        left_out = blocked.left_out
        if before is not None:
            part = carried.share(self.connection, name, before, self._across)
            for edge, counted in before.said["under"].items():
                under[int(edge)] = under.get(int(edge), 0) + counted * part
            left_out = {rule: max(keys, before.said["left_out"].get(rule, 0)) for rule, keys in left_out.items()}
        above = self.connection.execute(
            f"SELECT floor(weight)::INTEGER, count(*) FROM {name}_pairs WHERE how = 'model' GROUP BY ALL"
        ).fetchall()
        histogram = under | {edge: n for edge, n in above if edge >= self._floor}
        return _Scored(model, trained_on, histogram, left_out, before is not None, carry)

    @property
    def _floor(self) -> int:
        """Return the weight from which on pairs are kept: below what is doubtful, so that a threshold may be lowered."""
        review = self.thresholds.review
        return min(FLOOR, math.floor(math.log2(review / (1 - review))) - 1)

    def _blocks(self) -> list[list[str]] | None:
        blocks = self.link.blocks
        return [[linked.prepared(self.recipe, name) or name for name in each] for each in blocks] if blocks else None

    # --- clusters, and what they make of the rows --------------------------------------------------------------------

    def _joined(
        self, model: Model, said: Sequence[Decision], members: str | None, *, preview: bool, accept: bool
    ) -> dict[str, Any]:
        """Make the tables of the clusters, or of what is linked to the other dataset; return their figures."""
        name, job = self.name, self.job
        given: dict[str, Any] = {
            "pairs": f"{name}_pairs", "into": f"{name}_made", "link": self.thresholds.link,
            "review": self.thresholds.review, "decisions": said, "before": members,
        }  # fmt: skip
        columns = "".join(f", {identifier(column)}" for column in self.recipe.exclusive)
        some = " OR ".join(["false", *(f"{identifier(column)} IS NOT NULL" for column in self.recipe.exclusive)])
        numbered = f"(SELECT n{columns} FROM {name}_prepared WHERE {some})"  # few registers have any
        self.connection.execute(
            f"CREATE TEMP TABLE {name}_known AS SELECT n, identity, side, origin{columns}"
            f" FROM {name}_records LEFT JOIN {numbered} USING (n)"
        )
        given |= {"records": f"{name}_known", "exclusive": self.recipe.exclusive}
        if self.link.to is not None:
            return asdict(attached.attach(self.connection, asked=self.recipe.asked, **given))
        least = lasting.given(job.workspace, job.dataset.name, self.column, accept=accept)
        take = stable.taker(job.workspace, job.dataset.name, self.column, preview=preview, least=least)
        rivals.rivals(self.connection, self.recipe, model, f"{name}_prepared", f"{name}_pairs", f"{name}_held")
        held.hold(self.connection, self.recipe, model, f"{name}_pairs", f"{name}_held")
        made = clusters.cluster(
            self.connection, held=f"{name}_held", changed=f"{name}_changed", within_sources=self.link.within_sources, take=take,
            **given,
        )  # fmt: skip
        return asdict(made)

    def _fill(self, there: Gathered) -> int:
        """Fill in the column in the table of the run; return how many rows get a value."""
        name, dataset = self.name, self.job.dataset
        kind = next(DUCKDB[each.type] for each in dataset.columns if each.name == self.column)
        value = f"SELECT n, CAST(cluster AS {kind}) AS value FROM {name}_made"
        if there.other is not None:
            key = identifier(self.job.workspace.datasets[self.link.to or ""].key[0])
            rows = f"read_parquet({quote(there.other)}, file_row_number = true)"
            value = (
                f"SELECT n, {key} AS value FROM {name}_made JOIN {rows} beffroi_other"
                f" ON theirs = file_row_number + {there.base}"
            )
        if there.rows is not None:
            value = f"SELECT r.n, value FROM ({value}) v JOIN {there.rows} r ON r.record = v.n"
        return int(
            self.connection.execute(
                f"UPDATE {ROWS} SET {identifier(self.column)} = beffroi_value.value FROM ({value}) beffroi_value"
                f" WHERE {ROWS}.rowid = beffroi_value.n"
            ).fetchall()[0][0]
        )

    def _twice(self, there: Gathered) -> int:
        """Return how many rows are of the record of another."""
        if there.rows is None:
            return 0
        return int(self.connection.execute(f"SELECT count(*) FROM {there.rows} WHERE n <> record").fetchall()[0][0])

    # --- what is told and kept ---------------------------------------------------------------------------------------

    def _quality(self, scored: _Scored, said: Sequence[Decision]) -> dict[str, Any]:
        name = self.name
        return quality.measure(
            self.connection, pairs=f"{name}_pairs", bands=f"{name}_made_bands", records=f"{name}_records",
            prepared=f"{name}_prepared", blocks=self._blocks() or [each.on for each in self.recipe.blocks], thresholds=self.thresholds,
            histogram={edge: round(held) for edge, held in scored.histogram.items()}, left_out=scored.left_out, floor=self._floor, decisions=said,
            one_each=self.link.to is not None,
        )  # fmt: skip
