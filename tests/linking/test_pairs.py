"""Pairs of persons: what is compared, how it scores, and that bad data neither explode nor break."""

import json
from collections.abc import Iterator

import duckdb
import pytest

from connectors.errors import RunFailed
from pipelines.linking import prepare, recipe
from pipelines.linking.scoring import levels, model, pairs
from pipelines.linking.scoring.model import Model
from tests.effort import times

PERSON = recipe.recipe("person")
LETTERS = "bcdfghlmnprst"


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def prepared(connection: duckdb.DuckDBPyConnection, rows: list[tuple[str | int | None, ...]]) -> None:
    """Make `p` of rows of family name, given name, date of birth, address, postal code, NIR, origin."""
    connection.execute(
        "CREATE TABLE rows (n BIGINT, f VARCHAR, g VARCHAR, b VARCHAR, a VARCHAR, c VARCHAR, i VARCHAR, o INT)"
    )
    filled = [(at, *row, *(None,) * (6 - len(row)), 0) if len(row) < 7 else (at, *row) for at, row in enumerate(rows)]
    connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)", filled)
    make(connection, "rows")


def make(connection: duckdb.DuckDBPyConnection, rows: str) -> None:
    known = dict(family_name="f", given_name="g", birth_date="b", address="a", postal_code="c", nir="i")
    fields = ", ".join(f"{known.get(field, 'NULL')}::VARCHAR AS {field}" for field in PERSON.fields)
    connection.execute(f"CREATE TABLE r AS SELECT n, 0::UTINYINT AS side, o::USMALLINT AS origin, {fields} FROM {rows}")
    prepare.prepare(connection, PERSON, "r", "p")


def scored(connection: duckdb.DuckDBPyConnection, known: Model | None = None) -> dict[tuple[int, int], float]:
    """Return the probability of every pair that is compared."""
    pairs.candidates(connection, PERSON, "p", "c")
    pairs.score(connection, PERSON, known or model.train(connection, PERSON, "p"), "p", "c", "s", 0.0)
    return {(left, right): p for left, right, p in connection.execute("SELECT l, r, probability FROM s").fetchall()}


def test_few_records_are_told_apart_by_what_the_recipe_says(connection: duckdb.DuckDBPyConnection) -> None:
    prepared(
        connection,
        [
            ("García López", "María José", "1980-02-03", "12 rue de la Paix", "80000"),
            ("Garcia", "Maria Jose", "03/02/1980", "12, r. de la Paix", "80000"),
            ("de la Cruz", "Francisco", "1970-05-01", "3 rue Haute", "80100"),
            ("Francisco", "Cruz", "1970-01-05", "3 rue Haute", "80100"),
            ("ბერიძე", "გიორგი", "1990-05-06", None, None),
            ("Beridze", "Giorgi", "1990-05-06", None, None),
            ("Martin", "Paul", "1960-01-02", "7 rue Basse", "80100"),
            ("Martin", "Anne", "1991-11-12", "7 rue Basse", "80100"),
        ],
    )
    found = scored(connection)
    link = PERSON.thresholds.link
    assert {pair for pair, p in found.items() if p >= link} == {(0, 1), (2, 3), (4, 5)}
    weights = ", ".join(f"weight_{each.name}" for each in PERSON.comparisons)
    prior = model.train(connection, PERSON, "p").prior_weight
    for weight, *parts in connection.execute(f"SELECT weight, {weights} FROM s").fetchall():
        assert weight == pytest.approx(prior + sum(parts)), "what is told of a pair adds up to its weight"


def test_who_has_the_same_given_name_is_of_the_same_sex_which_tells_nothing_more(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Two Pauls are both men whoever they are; that Paul and Paulo are tells something, and so it does of father and son."""
    said = {each.name: [(level.m, level.u) for level in each.levels] for each in PERSON.comparisons}
    used = [each for each in PERSON.comparisons if each.name in {"family_name", "given_name", "birth_date", "sex"}]
    sex, given = ([level.label.en for level in each.levels] for each in (used[3], used[1]))

    def weights(sexes: str, name: str, kin: list[float]) -> tuple[float, float]:
        """Return what the sex weighs, and all together."""
        levels = f"1 AS level_family_name, {given.index(name) + 1} AS level_given_name, 0 AS level_birth_date"
        levels += f", {sex.index(sexes) + 1} AS level_sex"
        query = pairs.weighed(f"SELECT {levels}", PERSON, Model("person", 0.001, kin, said, {}), used, rarity=False)
        row = connection.execute(f"SELECT w_sex, weight FROM ({query})").fetchone()
        assert row is not None
        return float(row[0]), float(row[1])

    none = [0.0] * len(PERSON.kin)
    assert weights("same", "same", none)[0] == weights("different", "same", none)[0] == 0
    assert weights("same", "one letter differs", none)[0] > 0 > weights("different", "one letter differs", none)[0]
    sons = [0.01 * (each.label.en == "a son named after a father") for each in PERSON.kin]
    daughters = [0.01 * (each.label.en == "a daughter named after a mother") for each in PERSON.kin]
    taken = {
        each: [weights(each, "same", none)[1] - weights(each, "same", some)[1] for some in (sons, daughters)]
        for each in ("same", "different")
    }  # of two that are the same in all else, but tell no date of birth
    assert taken["same"][0] > taken["same"][1] + 3, "that one may be the other's son is taken off where both are men"
    assert taken["same"][0] > taken["different"][0] > taken["same"][1] + 2, "that one sex is a mistake refutes no kin"
    assert taken["different"][0] == pytest.approx(taken["different"][1]), "nor tells which"


def test_an_equal_number_links_unless_all_the_rest_speaks_against_it(connection: duckdb.DuckDBPyConnection) -> None:
    nir = "295109912611193"
    prepared(
        connection,
        [
            ("Martin", "Jeanne", "1995-10-01", "1 rue Haute", "80000", nir),
            ("Martin-Durand", "J", None, "8 rue Neuve", "59000", nir),
            ("Petit", "Ibrahim", "1948-03-30", "5 place Verte", "02100", nir),
            ("Leroy", "Marc", "1970-01-01", "6 place Verte", "02100", None),
        ],
    )
    found = scored(connection)
    assert found[0, 1] > PERSON.thresholds.link
    assert PERSON.thresholds.review <= found[0, 2] < PERSON.thresholds.link, "doubted, not linked and not forgotten"
    how = connection.execute("SELECT DISTINCT how, identifier FROM s WHERE l = 0 AND r = 2").fetchall()
    assert how == [("identifier", "nir")]


@pytest.mark.parametrize("row", [("", "", ""), ("Martin", "Paul", "1970-01-01"), ("Martin", None, None)])
def test_equal_and_empty_records_break_nothing(
    connection: duckdb.DuckDBPyConnection, row: tuple[str | None, ...]
) -> None:
    prepared(connection, [row] * 300)
    learnt = model.train(connection, PERSON, "p")
    assert learnt.levels == {}, "what is the same everywhere tells nothing"
    found = scored(connection, learnt)
    assert len(found) < 300
    assert max(found.values(), default=0) < PERSON.thresholds.review


def test_many_identical_records_make_few_pairs(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """CREATE TABLE rows AS SELECT n, 'Martin' AS f, 'Paul' AS g, '1970-01-01' AS b, NULL AS a, NULL AS c, NULL AS i, 0 AS o
        FROM range(2000) t(n)"""
    )
    make(connection, "rows")
    assert pairs.candidates(connection, PERSON, "p", "c").pairs == 1_999


def register(connection: duckdb.DuckDBPyConnection, many: int) -> None:
    """Make `p` of many made-up persons, every fourth of whom stands there twice, the second time with a slip."""
    rows: list[tuple[str | int | None, ...]] = []
    for at in range(many):
        spelled = "".join(LETTERS[at // 13**k % 13] + "aeiou"[(at * 7 + k) % 5] for k in range(4))
        person = (spelled + "er", "".join(reversed(spelled[:6])), f"19{at % 90 + 10}-{at % 12 + 1:02}-{at % 28 + 1:02}")
        address = (f"{at % 97} rue {spelled[2:]}", f"{10000 + at % 800}")
        rows.append((*person, *address))
        if at % 4 == 0:
            family = person[0] if at % 8 else person[0][:3] + person[0][4:]
            rows.append((family, person[1], person[2], f"{at % 89} rue Neuve" if at % 12 else address[0], address[1]))
    prepared(connection, rows)


def test_few_pairs_weigh_what_they_do_among_many(
    connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(connection, 200)
    learnt = model.train(connection, PERSON, "p")
    assert pairs.candidates(connection, PERSON, "p", "c").pairs > 100
    monkeypatch.setattr(levels, "SLICE", 60)  # four parts, of which the first two are put aside
    monkeypatch.setattr(levels, "EACH", 10**15)
    found = []
    for few in (True, False):
        monkeypatch.setattr(levels, "_few", lambda *_, few=few: few)
        counted = pairs.score(connection, PERSON, learnt, "p", "c", "s", 0.0).bins
        found.append(
            (connection.execute("FROM s ORDER BY l, r").fetchall(), {at: held for at, (held, _) in counted.items()})
        )
    assert found[0] == found[1]


def test_a_model_is_learnt_kept_and_used_for_new_records_alone(connection: duckdb.DuckDBPyConnection) -> None:
    register(connection, 400)
    tables = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    learnt = model.train(connection, PERSON, "p")
    assert connection.execute("SELECT table_name FROM information_schema.tables").fetchall() == tables, (
        "Splink's are gone"
    )
    assert "birth" in learnt.trained
    generation, different = learnt.weights("birth_date")[-2:]
    assert generation == pytest.approx(different), "how kin differ teaches nothing of mistakes"
    assert learnt.prior * 500 / 2 == pytest.approx(0.2, abs=0.05), "one pair in five records"
    kept = Model.of_json(json.loads(json.dumps(learnt.to_json())))
    assert kept == learnt
    for _ in range(times(0)):
        assert model.train(connection, PERSON, "p") == learnt, "the same records, the same model"
    every = scored(connection, kept)
    linked = {pair for pair, p in every.items() if p >= PERSON.thresholds.link}
    assert {right - left for left, right in linked} == {1}
    assert len(linked) >= 97
    connection.execute("CREATE TABLE new AS SELECT n FROM p WHERE n >= 450")
    pairs.candidates(connection, PERSON, "p", "few", new="new")
    touched = {pair for pair in every if pair[1] >= 450}
    assert {tuple(row) for row in connection.execute("SELECT l, r FROM few").fetchall()} == touched
    pairs.score(connection, PERSON, kept, "p", "few", "t", 0.0)
    again = connection.execute("SELECT l, r, probability FROM t").fetchall()
    assert {(left, right): p for left, right, p in again} == pytest.approx({pair: every[pair] for pair in touched})


def test_only_pairs_of_two_origins(connection: duckdb.DuckDBPyConnection) -> None:
    same = ("Martin", "Paul", "1970-01-01", None, None, None)
    prepared(connection, [(*same, 0), (*same, 0), (*same, 1), ("Petit", "Luc", "1980-01-01", None, None, None, 1)])
    pairs.candidates(connection, PERSON, "p", "c", across="origin")
    assert connection.execute("SELECT l, r FROM c ORDER BY ALL").fetchall() == [(0, 2), (1, 2)]


def test_a_declared_block_that_explodes_is_refused_with_its_count(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        """CREATE TABLE rows AS SELECT n, 'Martin' AS f, 'P' || n AS g, '1970-01-01' AS b, NULL AS a, NULL AS c, NULL AS i,
        0 AS o FROM range(3000) t(n)"""
    )
    make(connection, "rows")
    with pytest.raises(RunFailed, match=r"\[family\] would compare 4,498,500 pairs of 3,000 records: add another"):
        pairs.candidates(connection, PERSON, "p", "c", blocks=[["family"]])
    assert pairs.candidates(connection, PERSON, "p", "c", blocks=[["family", "given"]]).pairs == 0


def test_a_frequent_key_is_made_narrower(connection: duckdb.DuckDBPyConnection) -> None:
    rows: list[tuple[str | int | None, ...]] = [
        ("Martin", f"{LETTERS[at % 13]}a", f"{1920 + at % 80}-01-01") for at in range(400)
    ]
    prepared(connection, rows)
    found = pairs.candidates(connection, PERSON, "p", "c")
    assert 0 < found.pairs < 400 * 40
