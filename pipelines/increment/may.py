"""A run of which only what changed is judged: the rows that came are put into the last version by their key.

It is taken only where what it makes is certain to be what the whole way makes (`since` says when, and else why not); else,
and wherever something does not add up on the way, it makes nothing, and the whole table is judged as ever.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines import compare, corrections, geometry, known, lineage
from pipelines import raw as raws
from pipelines.needed import Needed
from pipelines.raw import Raw
from pipelines.runs import Job
from pipelines.sql import identifier
from pipelines.stage import Staged, raw_folder
from pipelines.steps.clean import Reason
from pipelines.versions import Version
from pipelines.write import ROW_GROUP

AS_IT_IS = {"string": {"VARCHAR"}, "integer": {"BIGINT", "INTEGER", "SMALLINT", "TINYINT"}}
"""Types of a key column, with those of the source whose values are taken as they are."""

NUMERAL = "0|-?[1-9][0-9]{0,17}"
"""A text that a whole number has, and no other text of it: SQLite gives its numbers so."""

GROUPS = 2
"""How many times the row groups that its rows need the last version may have: more are put together by the whole way."""

EVIDENCE = ("lineage.parquet", "quarantine.parquet", "duplicates.parquet", "conflicts.parquet", "corrected.parquet")


@dataclass(frozen=True)
class _Came(Raw):
    """The rows of an input that came since a version was made of its first `since` files."""

    since: int = 0

    def relation(self, place: str | None) -> str:
        return f"({' UNION ALL '.join([*self.parts(place)][self.since :])})"


@dataclass(frozen=True)
class Since:
    """What a version was made from and what came since: its input then, what its report says, and the rows that came."""

    last: Version
    before: Raw
    report: dict[str, Any]
    came: Staged
    key: dict[str, str]  # the columns of the key, each with that of the source


ASKED = Reason(
    "it was asked for (`--full`, a preview, or what was read before is judged anew)",
    "cela a été demandé (`--full`, un aperçu, ou ce qui avait été lu est jugé de nouveau)",
)
FIRST = Reason("this is the first version", "c'est la première version")
SEVERAL = Reason("the dataset has several sources", "le jeu de données a plusieurs sources")
BACK = Reason(
    "the last version was brought back by a rollback", "la dernière version a été rétablie par un retour en arrière"
)
READ_WHOLE = Reason(
    "the table was read whole, or so much came over time that it was brought into one file",
    "la table a été lue en entier, ou il en est tant venu au fil du temps que tout a été réuni en un fichier",
)
OTHER_KEY = Reason("the key is not that of `incremental.key`", "la clé n'est pas celle d'`incremental.key`")
FRESHNESS = Reason(
    "`expect.freshness` may change without a row", "`expect.freshness` peut changer sans qu'une ligne change"
)
LINKED = Reason("its records are linked", "ses enregistrements sont reliés")
CORRECTED = Reason("rows are corrected by a person", "des lignes sont corrigées par une personne")
MISSING = Reason(
    "a file of the last version is missing or damaged", "un fichier de la dernière version manque ou est abîmé"
)
OTHERWISE = Reason(
    "more than rows is new since the last version: the declaration, Beffroi itself, a file of a step, or a dataset that is"
    " read",
    "il n'y a pas que des lignes qui soient nouvelles depuis la dernière version : la déclaration, Beffroi lui-même, un"
    " fichier d'une étape, ou un jeu de données lu",
)
OTHER_INPUT = Reason(
    "the last version was made from another input", "la dernière version a été faite à partir d'une autre entrée"
)
MERGED = Reason(
    "rows of the last version were merged or in conflict",
    "des lignes de la dernière version ont été fusionnées ou en conflit",
)
UNMET = Reason(
    "an expectation was not met, or a sum did not hold, by the rows that came alone",
    "une attente n'était pas tenue, ou une somme n'était pas juste, par les seules lignes venues",
)
"""Why all rows are judged: what follows «since» in a sentence."""


def since(job: Job, inputs: Sequence[Staged], needed: Needed) -> Since | Reason:
    """Return what came since the last version, or why the whole is to be judged.

    It is where anything but rows is new since (declaration, Beffroi, corrections, other datasets), where the rows of
    the last version are not each made from one raw row of the same key, or where a row is judged beside others.
    """
    last, key, raw = job.last, _key(job, inputs[0]), inputs[0].raw
    reason = next(_against(job, inputs, key), None)
    if reason is not None or last is None or isinstance(key, Reason):
        return reason or FIRST
    made = [each for each in raws.readings(raw_folder(job.workspace, job.dataset.name)) if each.version == last.number]
    if not made or len(made[-1].inputs) != 1 or known.digest(job, made[-1].inputs, needed) != made[-1].judged:
        return OTHERWISE
    before, count = made[-1].inputs[0], len(made[-1].inputs[0].changes)
    if before.path != raw.path or before.changes != raw.changes[:count] or count == len(raw.changes):
        return OTHER_INPUT
    values = {each.name: getattr(raw, each.name) for each in fields(Raw)}
    came = Staged(inputs[0].source, _Came(**values, since=count + 1), inputs[0].names_are_data)
    with suppress(OSError, ValueError, KeyError, IndexError, pa.ArrowException):
        said = last.report
        whole = (said["sources"][0]["raw"], said["rows_out"]) == (before.sha256, last.rows)
        if whole and all(lineage.is_of(last.folder / name, said["sources"]) for name in EVIDENCE):
            merged = said["merged"] or said["conflicts"] or said["corrected"]
            return MERGED if merged else Since(last, before, said, came, key)
    return OTHER_INPUT


def _against(job: Job, inputs: Sequence[Staged], key: dict[str, str] | Reason) -> Iterator[Reason]:
    """Yield what can be told against judging only what came before it is known what that is; the first is the answer."""
    last, raw = job.last, inputs[0].raw
    if last is None:
        yield FIRST
        return
    if len(inputs) != 1:
        yield SEVERAL
    if isinstance(key, Reason):
        yield key
        return
    yield from _together(job)
    if not raw.changes:
        yield READ_WHOLE
    if sorted(key.values()) != sorted(raw.key):
        yield OTHER_KEY
    if last.rolled_back_from is not None:
        yield BACK
    yield from _there(last)
    yield from _other_numbers(job, inputs[0], key)


def _key(job: Job, staged: Staged) -> dict[str, str] | Reason:
    """Return the key's columns with those of the source, or why their values may not be taken as they are."""
    dataset, found, types = job.dataset, dict[str, str](), _types(job, staged)
    for column in (each for each in dataset.columns if each.name in dataset.key):
        clean, source = dataset.cleaning(staged.source).get(column.name), dataset.read_from(staged.source, column.name)
        steps, kind, name = clean.steps if clean else [], types.get(source, ""), column.name
        numeral = column.type == "integer" and kind == "VARCHAR"
        if steps and not (numeral and steps == ["integer"]):
            return Reason(
                f"the key column {name} has cleaning steps", f"la colonne de clé {name} a des étapes de nettoyage"
            )
        written = column.group_char or column.decimal_char != "." or not column.bare_number
        written = written or column.format not in ("", None, "default")
        if written or not (numeral or kind in AS_IT_IS.get(column.type, ())):
            return Reason(
                f"the key column {name} ({column.type}) is not what stands in «{source}» ({kind})",
                f"la colonne de clé {name} ({column.type}) n'est pas ce qui est dans «\u00a0{source}\u00a0» ({kind})",
            )
        found[name] = source
    return found


def _types(job: Job, staged: Staged) -> dict[str, str]:
    described = job.connection.execute(f"DESCRIBE FROM {staged.raw.relation(None)}").fetchall()
    return {name: kind for name, kind, *_ in described}


def _other_numbers(job: Job, staged: Staged, key: dict[str, str]) -> Iterator[Reason]:
    """Yield why texts of a key column of whole numbers may not be taken as these: two texts may be one number."""
    types = _types(job, staged)
    numbers = (each.name for each in job.dataset.columns if each.type == "integer" and each.name in key)
    for name in (each for each in numbers if types[key[each]] == "VARCHAR"):
        text = f"regexp_full_match({identifier(key[name])}, '{NUMERAL}')"
        asked = f"SELECT count(*) FROM {staged.raw.relation(None)} WHERE NOT {text}"
        if job.connection.execute(asked).fetchall() != [(0,)]:
            yield Reason(
                f"a value of «{key[name]}», which the key column {name} is read from, is no whole number as one is written",
                f"une valeur de «\u00a0{key[name]}\u00a0», d'où est lue la colonne de clé {name}, n'est pas un nombre entier tel"
                " qu'on l'écrit",
            )


def _together(job: Job) -> Iterator[Reason]:
    """Yield why a row is not judged by itself and its time alone, or a face cannot be made from the last one."""
    dataset = job.dataset
    shown = geometry.of(dataset.columns)
    for column in dataset.columns:
        name = column.name
        if column.constraints.unique and dataset.key != (name,):
            yield Reason(f"{name} is `unique`", f"{name} est `unique`")
        if column.type == "array":
            yield Reason(f"{name} is a list", f"{name} est une liste")
        if column in shown:
            yield Reason(f"{name} is a place", f"{name} est un lieu")
    if dataset.link:
        yield LINKED
    if dataset.expect.freshness:
        yield FRESHNESS
    if corrections.load(job.workspace, dataset.name):
        yield CORRECTED


def _there(last: Version) -> Iterator[Reason]:
    """Yield what of the last version's files is missing, or is in too many pieces."""
    files = [*last.index, *(last.folder / name for name in (*EVIDENCE, compare.HASHES))]
    if not last.whole or not last.rows or not last.parquet.is_file() or not all(file.is_file() for file in files):
        yield MISSING
        return
    try:
        groups, needed = pq.read_metadata(last.parquet).num_row_groups, math.ceil(last.rows / ROW_GROUP)
    except (OSError, pa.ArrowException):
        yield MISSING
        return
    if groups > GROUPS * needed:
        yield Reason(
            f"the last version is in {groups} row groups, where {needed} would do",
            f"la dernière version est en {groups} groupes de lignes, là où {needed} suffiraient",
        )
