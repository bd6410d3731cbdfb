"""Hostile data and hostile hands: linking ends with a right or a clear answer, and names no value."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa
import pytest

from connectors.errors import InvalidRequest, RunFailed, Unavailable
from pipelines.linking import prepare, recipe
from pipelines.linking.clustering import stable
from pipelines.linking.clustering.attached import attach
from pipelines.linking.deciding import decisions, exchange
from pipelines.linking.scoring import model, pairs, training
from pipelines.run import run
from tests.linking.linked import Row, records
from tests.linking.persons import BOTH, COMPANIES, FIRST, NAMES, PERSONS, decide, linked, numbers, of, put
from tests.pipelines.bench import Bench

TEXTS = (
    " ", "-", "''", "\x00", "a\x00b", "\x07\x1b[31m", "😀" * 300, "\u202eabc", "محمد", "გიორგი", "Пётр", "Γιώργος", "王小明",
    "e\u0301", "Дjeаn", "Ⅷ", "①②③", "٠١٢٣", "9" * 5000, "-1", "NaN", '{"a":1}', '["', "';DROP TABLE x;--", "=1+1",
    "0001-01-01", "9999-12-31", "10000-01-01", "99/99/9999", "1900-00-00", "mc " * 50, "de la", "\ufeff", "SW1A 1AA", "35000",
    "350", "1 ha 2 a", "732829320", "a b c d e f g h " * 9,
)  # fmt: skip
FIELDS = ("family_name", "given_name", "birth_date")
TWIN = ("Dupont", "Jean", "1980-02-03")
NUMBERED = "".join(
    line for line in BOTH.splitlines(keepends=True) if not line.lstrip(" -{").startswith(("person:", "name: person,"))
)
"""Persons that are linked to a register, and not to each other."""
THERE = ("number", "last_name", "given_name", "birth_date")


@contextmanager
def paired(name: str, rows: Sequence[Row], sides: Sequence[int] | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Give a database in which pairs that a recipe makes of rows are `scored`; of those of two sides, across them."""
    kind, across = recipe.recipe(name), "side" if sides else None
    with duckdb.connect(config={"threads": 2, "memory_limit": "400MB"}) as connection:
        connection.register("given", records(rows, kind.fields, sides))
        connection.execute("CREATE TEMP TABLE records AS SELECT *, n::VARCHAR AS identity FROM given")
        prepare.prepare(connection, kind, "records", "prepared")
        trained = model.train(connection, kind, "prepared", across=across)
        pairs.candidates(connection, kind, "prepared", "candidates", across=across)
        pairs.score(connection, kind, trained, "prepared", "candidates", "scored", floor=0)
        yield connection


def scored(name: str, rows: Sequence[Row]) -> list[tuple[float, ...]]:
    """Return weight and probability of each pair that a recipe makes of rows."""
    with paired(name, rows) as connection:
        return connection.execute("SELECT weight, probability FROM scored").fetchall()


@pytest.mark.parametrize("name", recipe.names())
def test_any_text_in_any_field_is_compared(name: str) -> None:
    fields = list(recipe.recipe(name).fields)
    alike = [dict.fromkeys(fields, text) for text in TEXTS for _ in range(2)]
    mixed = [{field: TEXTS[(at * 7 + n) % len(TEXTS)] for n, field in enumerate(fields)} for at in range(len(TEXTS))]
    assert all(0 <= p <= 1 and -600 < weight < 600 for weight, p in scored(name, [*alike, *mixed, {}, {}]))


def test_pairs_among_which_none_can_be_the_same_train_nothing() -> None:
    kind, names = (
        recipe.recipe("person"),
        ("Abara", "Cedeco", "Fidigi", "Holomo", "Jukutu", "Lanapa", "Qeresi", "Vovixo"),
    )
    rows = [{"family_name": each, "given_name": each[::-1], "birth_date": "1980-01-02"} for each in (*names, names[0])]
    used = [each for each in kind.comparisons if each.name in {"family_name", "given_name"}]
    known = {each.name: [(level.m, level.u) for level in each.levels] for each in used}
    never = {name: [*levels[:-1], (1e-250, 0.99)] for name, levels in known.items()}
    with paired("person", rows) as connection:
        assert training.m(connection, "prepared", used, known, "l.birth = r.birth", 36) is not None
        assert training.m(connection, "prepared", used, never, "l.birth = r.birth", 36) is None


def test_names_of_100_000_letters_take_no_room() -> None:
    words = " ".join(f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{n}" for n in range(20_000))
    names = ("Dupont", "x" * 100_000, "x" * 99_999 + "y", words, f"a {words}")
    assert (
        len(
            scored("person", [{"family_name": each, "given_name": words, "birth_date": "1980-01-01"} for each in names])
        )
        == 10
    )


def test_persons_who_are_called_by_numbers_are_several() -> None:
    rows = [{"family_name": f"N{n}x", "given_name": f"J{n}", "birth_date": f"19{50 + n}-01-02"} for n in range(6)]
    assert all(p < 0.5 for _, p in scored("person", rows))


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("1", *TWIN)],
        [*((str(n), None, "", None) for n in range(12)), *((f"-{n}", "---", "''", None) for n in range(12))],
    ],
)
def test_nothing_to_link_is_linked_to_nothing(persons: Bench, rows: list[tuple[str | None, ...]]) -> None:
    put(persons, *rows)
    if not rows:
        persons.source("persons", [], dict.fromkeys(NAMES, pa.string()))
    _, told = linked(persons)
    assert (told["filled"], told["clusters"], told["linked"]) == (len(rows), len(rows), 0)


def test_two_alike_are_one_also_without_a_third() -> None:
    ((_, probability),) = scored("person", [dict(zip(FIELDS, TWIN, strict=True))] * 2)
    assert probability >= recipe.recipe("person").thresholds.link


@pytest.mark.parametrize(("theirs", "attached", "ties"), [(0, 1, 0), (1, 31, 0), (20, 1, 30)])
def test_many_rows_alike_are_all_linked_to_the_one_there_or_to_none_of_several(
    theirs: int, attached: int, ties: int
) -> None:
    twin, other = (dict(zip(FIELDS, each, strict=True)) for each in (TWIN, FIRST[2][1:]))
    rows, sides = [*[twin] * 30, other, *[twin] * theirs, other], [0] * 31 + [1] * (theirs + 1)
    with paired("person", rows, sides) as connection:
        found = attach(connection, pairs="scored", records="records", into="made", link=0.99, review=0.5)
    assert (found.records, found.attached, found.ties) == (31, attached, ties)


def test_more_rows_alike_are_linked_as_those_that_were_there(persons: Bench) -> None:
    persons.write("datasets/persons.yaml", NUMBERED)
    persons.write("datasets/register.yaml", COMPANIES)
    put(persons, *((str(n), *TWIN) for n in range(30)), ("x", *FIRST[2][1:]))
    put(persons, ("A", *TWIN), ("B", *FIRST[2][1:]), table="register", names=THERE)
    persons.run("register")
    assert linked(persons, "number")[1]["filled"] == 31
    put(persons, *((str(n), *TWIN) for n in range(32)), ("x", *FIRST[2][1:]))
    _, told = linked(persons, "number")
    assert (told["trained"], told["filled"]) == ("kept", 33)


def test_the_deadline_ends_linking_too(persons: Bench) -> None:
    put(persons, *((str(at), f"Zabala{at}", "Ane", f"19{at % 90 + 10}-05-05") for at in range(20_000)))
    persons.write("datasets/persons.yaml", PERSONS + "deadline: 1\n")
    with pytest.raises(RunFailed, match="deadline"):
        run(persons.workspace, "persons")
    persons.write("datasets/persons.yaml", PERSONS)
    put(persons, *FIRST)
    assert linked(persons)[1]["clusters"] == 3


# --- what people decided, and their files ----------------------------------------------------------------------------


def test_identities_that_look_alike_are_several(persons: Bench) -> None:
    odd = '"\\\n\u2028,'
    put(persons, *FIRST, (odd, "Zabala", "Ane", "1955-05-05"), ("\x01", "Novak", "Ivan", "1944-04-04"))
    decide(persons, decisions.said_of(of("1"), of(odd), "same"))
    linked(persons)
    found = numbers(persons)
    assert found["1"] == found[odd] != found["\x01"]


LINE = json.dumps({
    "a": "a", "b": "b", "verdict": "same", "note": "", "author": "x", "when": "2026-01-01T00:00:00+00:00", "fields": [],
    "digest_a": None, "digest_b": None,
})  # fmt: skip


@pytest.mark.parametrize("line", [
    "[" * 100_000, "9" * 5000, "[1]", "\0\0", LINE.replace('"x"', '"\\ud800"'), LINE.replace('"x"', "7"), LINE.replace('"same"', '["same"]'),
    LINE.replace('"b": "b"', '"b": "a"'), LINE.replace('"note": ""', '"note": 7'), LINE.replace("[]", "[7]"),
], ids=lambda line: line[:12])  # fmt: skip
def test_a_damaged_decision_is_told_by_its_line(persons: Bench, line: str) -> None:
    file = persons.write(".beffroi/decisions/persons.person.jsonl", f"{LINE}\n{line}\n")
    with pytest.raises(Unavailable, match=f"{file.name}, line 2"):
        decisions.load(persons.workspace, "persons", "person")


@pytest.mark.parametrize(
    "said",
    ["", "[]", '{"last": 1e400}', '{"last": 9223372036854775807}', '{"last": -5}', '{"last": true}', "[" * 100_000],
)
def test_a_damaged_highest_id_is_told(persons: Bench, said: str) -> None:
    persons.write(".beffroi/decisions/persons.person.last", said)
    with pytest.raises(Unavailable, match="highest id"):
        stable.taker(persons.workspace, "persons", "person")(1, 0)


def test_half_a_character_is_no_decision_to_take_over_and_a_note_with_one_is_kept(persons: Bench) -> None:
    with pytest.raises(InvalidRequest, match="line 1"):
        exchange._object(1, LINE.replace('"x"', '"\\ud800"'))
    decide(persons, decisions.said_of(of("1"), of("3"), "different", "caf\udce9"))
    assert [each.note for each in decisions.load(persons.workspace, "persons", "person")] == ["caf?"]
