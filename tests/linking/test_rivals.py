"""Rivals: a record that fits two others which do not fit each other is linked to neither, until a person chooses."""

import math
from collections.abc import Iterator
from functools import partial

import duckdb
import pytest

from pipelines.linking import prepare, recipe
from pipelines.linking.recipe import Recipe, Thresholds
from pipelines.linking.scoring import held, kin, model, pairs, rivals
from tests.linking.linked import fill
from tests.linking.test_clusters import CONNECTION, Register

PERSON = recipe.recipe("person").model_copy(update={"thresholds": Thresholds(link=0.3, review=0.2)})
FIELDS = ("family_name", "given_name", "birth_date", "address", "postal_code")
HOME = ("12 rue de la Paix", "80000")
CHILDREN = ("son named after a father", "daughter named after a mother")


def level(name: str, label: str | None) -> int:
    """Return the number of a comparison's level, by its label; 0, where nothing is compared, for none."""
    comparison = next(each for each in PERSON.comparisons if each.name == name)
    return [None, *(each.label.en for each in comparison.levels)].index(label)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        yield made


def found(
    connection: duckdb.DuckDBPyConnection, *rows: tuple[str | None, ...], of: Recipe = PERSON
) -> set[tuple[int, ...]]:
    """Return the rivals among such persons, and others enough for names to be rare."""
    others = [(f"Autre{'bcdfglmnprst'[at % 12]}{at}", f"Nom{at}", "1970-01-02", None, None) for at in range(60)]
    fill(connection, "rows", "n BIGINT, " + ", ".join(f"f{at} VARCHAR" for at in range(5)),
        [(at, *row) for at, row in enumerate([*rows, *others])])  # fmt: skip
    known = {field: f"f{at}" for at, field in enumerate(FIELDS)}
    fields = ", ".join(f"{known.get(field, 'NULL')}::VARCHAR AS {field}" for field in PERSON.fields)
    connection.execute(f"CREATE TABLE r AS SELECT n, 0::UTINYINT AS side, 0::USMALLINT AS origin, {fields} FROM rows")
    prepare.prepare(connection, PERSON, "r", "p")
    trained = model.train(connection, PERSON, "p")
    pairs.candidates(connection, PERSON, "p", "c")
    pairs.score(connection, PERSON, trained, "p", "c", "s", 0.0)
    rivals.rivals(connection, of, trained, "p", "s", "v")
    held.hold(connection, of, trained, "s", "v")
    return {(row[0], row[1]) for row in connection.execute("SELECT l, r FROM v").fetchall()}


def test_a_record_without_a_date_fits_father_and_son(connection: duckdb.DuckDBPyConnection) -> None:
    father, son = ("Delattre", "Paul", "1947-05-17", *HOME), ("Delattre", "Paul", "1978-08-03", *HOME)
    assert found(connection, father, ("Delattre", "Paul", None, *HOME), son) == {(0, 1), (1, 2)}


def test_a_rival_need_be_no_link_itself(connection: duckdb.DuckDBPyConnection) -> None:
    father, moved = (
        ("Delattre", "Paul", "1947-05-17", *HOME),
        ("Delattre", "Paul", "1978-08-03", "3 rue Haute", "59000"),
    )
    stricter = PERSON.model_copy(update={"thresholds": Thresholds(link=0.75, review=0.5)})
    ties = found(connection, father, ("Delattre", "Paul", None, *HOME), moved, of=stricter)
    (one,), (other,) = connection.execute("SELECT probability FROM s WHERE r - l = 1 AND r <= 2 ORDER BY l").fetchall()
    assert other < stricter.thresholds.link < one
    assert ties == {(0, 1)}


def test_who_has_a_date_or_one_that_fits_alone_has_no_rival(connection: duckdb.DuckDBPyConnection) -> None:
    one = ("Delattre", "Paul", "1947-05-17", *HOME)
    assert found(connection, one, ("Delattre", "Paul", None, *HOME), one) == set()


def test_two_forms_of_a_name_that_each_stand_twice_may_be_those_of_twins(connection: duckdb.DuckDBPyConnection) -> None:
    """Natia and Nato, born on one day in one house, each in two registers: all four links between them are asked."""
    natia, nato = (("Gambuva", name, "2005-12-24", *HOME) for name in ("Natia", "Nato"))
    assert found(connection, natia, nato, natia, nato) == {(0, 1), (0, 3), (1, 2), (2, 3)}
    assert connection.execute("SELECT DISTINCT why FROM v").fetchall() == [("forms",)]


@pytest.mark.parametrize("again", [("Natia", "2005-12-24"), ("Nato", "1950-01-31")])
def test_a_form_that_stands_once_is_a_slip(connection: duckdb.DuckDBPyConnection, again: tuple[str, str]) -> None:
    """Also where another person bears that name."""
    natia, nato = (("Gambuva", name, "2005-12-24", *HOME) for name in ("Natia", "Nato"))
    assert found(connection, natia, natia, nato, ("Gambuva", *again, *HOME)) == set()
    assert connection.execute("SELECT count(*) FROM s WHERE r = 2 AND l < 2 AND probability >= 0.3").fetchall() == [
        (2,)
    ]


def test_a_form_stands_twice_also_where_one_record_has_a_second_name(connection: duckdb.DuckDBPyConnection) -> None:
    natia, nato, more = (("Gambuva", name, "2005-12-24", *HOME) for name in ("Natia", "Nato", "Nato Ana"))
    assert found(connection, natia, nato, natia, more) == {(0, 1), (0, 3), (1, 2), (2, 3)}


def test_forms_of_names_hold_no_link_of_a_number(connection: duckdb.DuckDBPyConnection) -> None:
    found(connection, *[("Gambuva", name, "2005-12-24", *HOME) for name in ("Natia", "Nato", "Natia", "Nato")])
    connection.execute("UPDATE s SET how = 'identifier' WHERE l = 0 AND r = 1; DELETE FROM v")
    held.hold(connection, PERSON, model.train(connection, PERSON, "p"), "s", "v")
    assert connection.execute("SELECT l, r FROM v ORDER BY ALL").fetchall() == [(0, 3), (1, 2), (2, 3)]


def test_two_records_of_one_form_may_be_linked_by_a_number(connection: duckdb.DuckDBPyConnection) -> None:
    held_links = found(
        connection, *[("Gambuva", name, "2005-12-24", *HOME) for name in ("Natia", "Nato", "Natia", "Nato")]
    )
    connection.execute("UPDATE s SET how = 'identifier' WHERE l = 0 AND r = 2; DELETE FROM v")
    held.hold(connection, PERSON, model.train(connection, PERSON, "p"), "s", "v")
    assert set(connection.execute("SELECT l, r FROM v").fetchall()) == held_links != set()


def test_records_that_one_joins_with_names_swapped_are_not_asked(connection: duckdb.DuckDBPyConnection) -> None:
    """Mathieu and Matthieu are one side then: the links between two of either are none between two forms."""
    rows = [("Gambuva", name, "2005-12-24", *HOME) for name in ("Mathieu", "Matthieu", "Mathieu", "Matthieu")]
    with duckdb.connect() as other:
        assert found(other, *rows) == {(0, 1), (0, 3), (1, 2), (2, 3)}, "without that one they are asked"
    assert not found(connection, *rows, ("Mathieu", "Gambuva", "2005-12-24", *HOME))


def test_one_that_fits_both_forms_makes_them_not_one(connection: duckdb.DuckDBPyConnection) -> None:
    """An initial links Natia and Nato alike: it waits for a person, as they do."""
    twins = [("Gambuva", name, "2005-12-24", *HOME) for name in ("Natia", "Nato", "Natia", "Nato")]
    forms = {(0, 1), (0, 3), (1, 2), (2, 3)}
    assert found(connection, *twins, ("Gambuva", "N.", "2005-12-24", *HOME)) == forms | {(at, 4) for at in range(4)}
    assert set(connection.execute("SELECT l, r FROM v WHERE why = 'forms'").fetchall()) == forms


@pytest.mark.parametrize(
    ("number", "given", "born", "waits"),
    [
        ("personal_number", "different", None, True),
        ("personal_number", "different", "different, a generation apart", True),
        ("personal_number", "different", "same", False),
        ("personal_number", "an initial or the beginning", None, False),
        ("nir", "different", "different, a generation apart", True),
        ("nir", "different", None, True),
        ("nir", "different", "one digit differs, or two are exchanged", False),
        ("dni", "different", "different", True),
    ],
)
def test_a_child_may_be_known_by_the_number_of_a_parent(
    connection: duckdb.DuckDBPyConnection, number: str, given: str, born: str | None, waits: bool
) -> None:
    found(connection, *[("Gambuva", "Natia", "2005-12-24", *HOME)] * 2)
    connection.execute(
        f"UPDATE s SET level_{number} = 1, level_given_name = {level('given_name', given)},"
        f" level_birth_date = {level('birth_date', born)} WHERE l = 0 AND r = 1"
    )
    held.hold(connection, PERSON, model.train(connection, PERSON, "p"), "s", "v")
    assert connection.execute("SELECT l, r, why FROM v").fetchall() == [(0, 1, "lent")] * waits


def test_forms_are_no_link_until_a_person_says_so() -> None:
    links = [("a", "b", 0.99), ("c", "d", 0.99), ("a", "c", 0.96), ("b", "d", 0.96)]
    fill(CONNECTION, "held", "l BIGINT, r BIGINT, why VARCHAR, rival_l BIGINT, rival_r BIGINT", [])

    def run(register: Register) -> dict[tuple[str, str], tuple[str, str | None]]:
        register.run(list("abcd"), links)
        CONNECTION.execute(
            "INSERT INTO held BY NAME SELECT x.n AS l, y.n AS r, 'forms' AS why FROM records x, records y"
            " WHERE x.identity || y.identity IN ('ac', 'bd')"
        )
        made = register.run(list("abcd"), links, held="held")
        CONNECTION.execute("DELETE FROM held")
        assert {event[4] for event in made.told()} == {why for _, why in made.bands.values() if why == "forms"}
        return made.bands

    register = Register()
    asked = run(register)
    assert (asked["a", "c"], asked["b", "d"]) == (("doubtful", "forms"), ("doubtful", "forms"))
    register.say("a", "c", "same")
    assert run(register)["b", "d"][0] == "linked", "one answer is enough"


@pytest.mark.parametrize("probability", [0.25, 0.95])
def test_one_without_a_given_name_makes_a_child_and_a_parent_not_one(
    connection: duckdb.DuckDBPyConnection, probability: float
) -> None:
    found(connection, *[("Gambuva", name, None, *HOME) for name in ("Natia", "Wilfried", None)])
    connection.execute("UPDATE s SET level_personal_number = 1, probability = 0.99, weight = 9 WHERE r < 3")
    connection.execute(
        f"UPDATE s SET level_given_name = {level('given_name', 'different')}, probability = {probability} WHERE l = 0 AND r = 1; DELETE FROM v"
    )
    held.hold(connection, PERSON, model.train(connection, PERSON, "p"), "s", "v")
    ties = connection.execute("SELECT l, r, rival_l, rival_r FROM v WHERE why = 'tie' ORDER BY ALL").fetchall()
    assert ties == [(0, 2, 1, 2), (1, 2, 0, 2)]


@pytest.mark.parametrize(
    ("given", "ties"),
    [
        (("same", "different"), set()),
        ((None, None), {(0, 2), (1, 2)}),
        (("an initial or the beginning", "an initial or the beginning"), {(0, 2), (1, 2)}),
    ],
)
def test_one_with_the_name_of_one_and_the_date_of_the_other_tells_that_both_are_slips(
    connection: duckdb.DuckDBPyConnection, given: tuple[str | None, str | None], ties: set[tuple[int, int]]
) -> None:
    """The first two have one number, other given names and no date that is near; `given` are the third's levels to them."""
    names, dates = (partial(level, name) for name in ("given_name", "birth_date"))
    found(connection, *[("Gambuva", "Natia", "2005-12-24", *HOME)] * 3)
    connection.execute(
        f"UPDATE s SET level_personal_number = 1, level_given_name = {names('different')},"
        f" level_birth_date = {dates('different')} WHERE (l, r) = (0, 1)"
    )
    for at, label in enumerate(given):
        connection.execute(
            f"UPDATE s SET level_given_name = {names(label)}, level_birth_date = {dates('same')} WHERE (l, r) = ({at}, 2)"
        )
    connection.execute("DELETE FROM v")
    held.hold(connection, PERSON, model.train(connection, PERSON, "p"), "s", "v")
    assert set(connection.execute("SELECT l, r, why FROM v").fetchall()) == {(0, 1, "lent")} | {
        (*tie, "tie") for tie in ties
    }


def test_one_that_fits_two_that_a_person_says_are_one_has_no_rival() -> None:
    links = [("a", "c", 0.99), ("b", "c", 0.99), ("a", "b", 0.99)]
    fill(CONNECTION, "held", "l BIGINT, r BIGINT, why VARCHAR, rival_l BIGINT, rival_r BIGINT", [])

    def run(register: Register) -> set[str | None]:
        register.run(list("abc"), links)
        numbers = (
            "FROM records a, records b, records c WHERE a.identity = 'a' AND b.identity = 'b' AND c.identity = 'c'"
        )
        CONNECTION.execute(
            f"""INSERT INTO held SELECT a.n, b.n, 'forms', NULL, NULL {numbers}
            UNION ALL SELECT a.n, c.n, 'tie', b.n, c.n {numbers} UNION ALL SELECT b.n, c.n, 'tie', a.n, c.n {numbers}"""
        )
        made = register.run(list("abc"), links, held="held")
        CONNECTION.execute("DELETE FROM held")
        return {band for band, _ in made.bands.values()}

    register = Register()
    assert run(register) == {"doubtful"}
    register.say("a", "b", "same")
    assert run(register) == {"linked"}


def test_a_tie_is_no_link_until_a_person_says_that_the_rival_is_another() -> None:
    links = [("a", "b", 0.95), ("b", "c", 0.96)]
    fill(CONNECTION, "held", "l BIGINT, r BIGINT, why VARCHAR, rival_l BIGINT, rival_r BIGINT", [])

    def run(register: Register) -> dict[tuple[str, str], tuple[str, str | None]]:
        numbers = "SELECT a.n, b.n, 'tie', c.n, b.n FROM records a, records b, records c"
        register.run(list("abc"), links)  # fills in the records, whose numbers rivals have
        where = "WHERE a.identity = 'a' AND b.identity = 'b' AND c.identity = 'c'"
        CONNECTION.execute(f"INSERT INTO held {numbers} {where}")
        CONNECTION.execute("INSERT INTO held SELECT rival_l, rival_r, why, l, r FROM held")
        made = register.run(list("abc"), links, held="held")
        CONNECTION.execute("DELETE FROM held")
        reasons = {event[4] for event in made.told()}
        assert reasons == {why for _, why in made.bands.values() if why == "tie"}, "what came apart has its reason"
        return made.bands

    register = Register()
    assert run(register) == {("a", "b"): ("doubtful", "tie"), ("b", "c"): ("doubtful", "tie")}
    register = Register()
    register.say("b", "c", "different")
    assert run(register) == {("a", "b"): ("linked", None), ("b", "c"): ("apart", "different")}
    register = Register()
    register.say("b", "c", "same")
    assert run(register) == {("a", "b"): ("doubtful", "tie"), ("b", "c"): ("linked", "same")}


def test_kin_are_what_the_recipe_says_of_them() -> None:
    used = PERSON.comparisons
    levels = {each.name: [(level.m, level.u) for level in each.levels] for each in used}
    by_name = {each.label.en: kin.bits(each, used, levels) for each in PERSON.kin}
    household = by_name["same household"]
    assert household["given_name"][0] < -4, "no two children of a family have one name"
    assert household["given_name"][-1] == 0, "and any two names are as those of any two"
    son, daughter = (by_name[f"a {child}, one of two family names in common"] for child in CHILDREN)
    part = [level.group == "part" for level in used[0].levels]
    assert [weight > 3 for weight in son["family_name"]] == part, "a child has one of the names of each parent"
    of = [level.group for level in next(each for each in used if each.name == "sex").levels]
    assert [weight > 0 for weight in son["sex"]] == [group == "men" for group in of], "a son is none of a woman"
    same = [math.log2(m / u) for m, u in levels["sex"]]
    assert son["sex"][0] - same[0] == pytest.approx(son["sex"][2] - same[2]), "that it is known of one tells as little"
    assert [weight > 0 for weight in daughter["sex"]] == [group == "women" for group in of]
    assert son["sex"][-1] == daughter["sex"][-1] == pytest.approx(same[-1]), "a mistaken sex is one of either"
    born = next(each for each in used if each.name == "birth_date")
    apart = [level.label.en == "different, a generation apart" for level in born.levels]
    assert [weight > 0 for weight in son["birth_date"]] == apart, "and is a generation younger"


def test_a_register_of_sons_named_after_fathers_is_surer_of_a_woman_without_a_date(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    def family(at: int) -> list[tuple[str | None, ...]]:
        name, home = f"Famil{'bcdfglmnprst'[at % 12]}{at}", (f"{at} rue Haute", f"{10_000 + at}")
        father, mother = f"Pere{at % 149}", f"Mere{at % 151}"
        son = father if at % 5 == 0 else f"Fils{at % 157}"
        born = [f"{year + at % 20}-{at % 12 + 1:02}-{at % 28 + 1:02}" for year in (1950, 1952, 1980, 1983)]
        rows = [(father, born[0], "M"), (mother, born[1], "F"), (son, born[2], "M"), (f"Fille{at % 163}", born[3], "F")]
        again = rows[at % 4]  # who is in the register twice
        return [(name, given, date, *home, sex) for given, date, sex in (*rows, again)]

    rows = [row for at in range(300) for row in family(at)]
    fields = (*FIELDS, "sex")
    fill(connection, "rows", "n BIGINT, " + ", ".join(f"f{at} VARCHAR" for at in range(6)),
        [(at, *row) for at, row in enumerate(rows)])  # fmt: skip
    known = {field: f"f{at}" for at, field in enumerate(fields)}
    given = ", ".join(f"{known.get(field, 'NULL')}::VARCHAR AS {field}" for field in PERSON.fields)
    connection.execute(f"CREATE TABLE r AS SELECT n, 0::UTINYINT AS side, 0::USMALLINT AS origin, {given} FROM rows")
    prepare.prepare(connection, PERSON, "r", "p")
    trained = model.train(connection, PERSON, "p")
    used = [each for each in PERSON.comparisons if each.name in trained.levels]
    alike = {each.name: int(each.name != "birth_date") for each in used}  # same in all, and no date in one of the two

    def weight(sex: int) -> float:
        levels = ", ".join(f"{level} AS level_{name}" for name, level in ({**alike, "sex": sex}).items())
        query = pairs.weighed(f"SELECT {levels}", PERSON, trained, used, rarity=False)
        return float(connection.execute(f"SELECT weight FROM ({query})").fetchall()[0][0])

    men, women = 1, 2
    assert weight(women) > weight(men) + 0.5


def test_what_one_of_two_records_does_not_tell_is_no_evidence(connection: duckdb.DuckDBPyConnection) -> None:
    names = [(f"Nom{'bcdfglmnprst'[at % 12]}{at}", f"Prenom{at % 41}", f"{1950 + at % 50}-03-04") for at in range(300)]
    known = [(*each, "MF"[at % 2]) for at, each in enumerate(names)]
    forms = [(name + "s", given, born, None) for name, given, born in names[::2]]  # who tells no sex writes otherwise
    fill(connection, "rows", "n BIGINT, " + ", ".join(f"f{at} VARCHAR" for at in range(4)),
        [(at, *row) for at, row in enumerate([*known, *known[::3], *forms])])  # fmt: skip
    told = {"family_name": "f0", "given_name": "f1", "birth_date": "f2", "sex": "f3"}
    given = ", ".join(f"{told.get(field, 'NULL')}::VARCHAR AS {field}" for field in PERSON.fields)
    connection.execute(f"CREATE TABLE r AS SELECT n, 0::UTINYINT AS side, 0::USMALLINT AS origin, {given} FROM rows")
    prepare.prepare(connection, PERSON, "r", "p")
    trained = model.train(connection, PERSON, "p")
    sex = next(each for each in PERSON.comparisons if each.name == "sex")
    weights = trained.weights("sex")
    assert [weight for weight, level in zip(weights, sex.levels, strict=True) if level.of_one] == [0, 0]
    assert min(weights[:2]) > 0 > weights[-1]
    assert sum(m for m, _ in trained.levels["sex"]) == pytest.approx(1)
