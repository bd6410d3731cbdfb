"""What steps do by SQL, a kept library would do: on any text. And the steps that read a file or another column."""

import datetime as dt
import re
import string
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.es import nif
from stdnum.fr import nir, siren, siret

from connectors.errors import Misconfigured
from pipelines.rules import matches
from pipelines.sql import as_integer
from pipelines.steps.clean import Cleaning
from pipelines.steps.lists import read_map
from pipelines.steps.vocabulary import apply_steps, check_steps, column_of, dataset_of, file_of
from tests.effort import some
from tests.pipelines.bench import Bench, read
from tests.pipelines.test_steps import cleaned


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


SOMETIMES = some(15)
ODD = st.sampled_from(
    ["", " ", ".", "\u00a0", "\u202f", "\u2024", "\uff12", "\U0001d7d2", "\n", "-", "٣", "\u200b", "\x1c"]
)


def numbers(length: int, letters: str = string.digits) -> st.SearchStrategy[str]:
    """Texts that are, or nearly are, numbers of a length: digits with something odd between them."""
    digits = st.text(letters, min_size=length - 1, max_size=length + 1)
    return st.builds(lambda text, odd, at: text[:at] + odd + text[at:], digits, ODD, st.integers(0, length)) | st.text()


def by(validate: Callable[[str], str]) -> Callable[[str], str | None]:
    """Return what a check of python-stdnum says, None being refused (some raise a plain ValueError of odd texts)."""

    def told(text: str) -> str | None:
        try:
            return validate(text)
        except ValueError:
            return None

    return told


def known(validate: Callable[[str], str]) -> Callable[[str], str | None]:
    """Return what a check of companies' numbers says, a SIREN of zeros being refused: it is what nobody knows."""
    return lambda text: None if (told := by(validate)(text)) and not told[:9].strip("0") else told


def right(text: str, digits: int) -> str:
    """Return a text whose digits, where it has enough, end with Luhn's check digit."""
    plain = text[: digits - 1]
    return plain + luhn.calc_check_digit(plain) if plain.isascii() and plain.isdigit() else text


PATTERNS = ("E[0-9]{8}", "[0-9]{2}[.][0-9]", r"[0-9]{2}\.[0-9]{2}[A-Z]", r"[A-Ca-c0]{3}\-A", "[0-9]{0}", "a-b/c_d: 1")
"""Patterns that are told by GLOB."""


@SOMETIMES
@given(st.data())
def test_a_pattern_told_by_glob_is_what_the_expression_says(
    engine: duckdb.DuckDBPyConnection, data: st.DataObject
) -> None:
    for pattern in PATTERNS:
        fits = st.from_regex(pattern, fullmatch=True)
        texts = data.draw(
            st.lists(st.builds(lambda text, odd, at: text[:at] + odd + text[at:], fits, ODD, st.integers(0, 9)) | fits)
        )
        query = f"SELECT {matches('text', pattern)}, regexp_full_match(text, '{pattern}') FROM (SELECT unnest(?::VARCHAR[]) AS text)"
        assert "GLOB" in query or "[.]" in pattern
        assert all(by_glob == wanted for by_glob, wanted in engine.execute(query, [texts]).fetchall())


@SOMETIMES
@given(st.lists(st.from_regex(r"[-+]?[0-9]{1,20}", fullmatch=True) | numbers(3, "0123456789-+_.eEx ")))
def test_a_whole_number_is_what_its_expression_says(engine: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    wanted = [
        int(text) if re.fullmatch(r"[-+]?[0-9]+", text) and -(2**63) <= int(text) < 2**63 else None for text in texts
    ]
    query = f"SELECT {as_integer('text')} FROM (SELECT unnest(?::VARCHAR[]) AS text)"
    assert [row[0] for row in engine.execute(query, [texts]).fetchall()] == wanted


@SOMETIMES
@given(st.lists(numbers(9), min_size=20))
def test_siren_is_checked_as_the_library_does(engine: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    texts += [right(text, 9) for text in texts] + ["000000000", "000 000 000", "000000018"]
    assert cleaned(engine, ["siren"], texts) == [known(siren.validate)(text) for text in texts]


@SOMETIMES
@given(st.lists(numbers(14), min_size=20), st.lists(st.text(string.digits, min_size=5, max_size=5)))
def test_siret_is_checked_as_the_library_does(
    engine: duckdb.DuckDBPyConnection, texts: list[str], offices: list[str]
) -> None:
    """La Poste's offices included: the sum of their digits is a multiple of five."""
    texts += [right(right(text, 9)[:9] + text[9:], 14) for text in texts]
    texts += [f"356000000{office}" for office in [*offices, *(f"{n:05d}" for n in range(40, 60))]]
    texts += ["00000000000000", "00000000000018", "00000001800000", "00000001800008"]
    assert cleaned(engine, ["siret"], texts) == [known(siret.validate)(text) for text in texts]


@SOMETIMES
@given(st.lists(numbers(13, string.digits + "ABab"), min_size=20))
def test_nir_is_checked_as_the_library_does(engine: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    for text in [text[:13] for text in texts if re.match("[0-9]{13}", text)]:
        for number in (text[:13], text[:5] + "2A" + text[7:13], text[:5] + "2b" + text[7:13]):
            texts += [number + nir.calc_check_digits(number.upper() + "00")]
    assert cleaned(engine, ["nir"], texts) == [by(nir.validate)(text) for text in texts]


@SOMETIMES
@given(st.lists(numbers(9, string.digits + "XYZTRWB"), min_size=20), st.lists(st.integers(0, 99_999_999), min_size=20))
def test_nif_is_checked_as_the_library_does(
    engine: duckdb.DuckDBPyConnection, texts: list[str], persons: list[int]
) -> None:
    texts += [f"{number:08d}" + "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] for number in persons]
    texts += [f"X{number % 10_000_000:07d}" + "TRWAGMYFPDXBNJZSQVHLCKE"[number % 10_000_000 % 23] for number in persons]
    assert cleaned(engine, ["nif"], texts) == [by(nif.validate)(text) for text in texts]


REGIONS = ("FR", "ES", "BE", "IT", "PT", "DE", "GB", "US", "RE", "CH", "LU", "MX")


def e164(text: str, region: str) -> str | None:
    """Return what phonenumbers makes of a text."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    good = phonenumbers.is_valid_number(number) and not number.extension
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if good else None


@pytest.mark.parametrize("region", REGIONS)
@some(5)
@given(
    texts=st.lists(st.text("0123456789 .-+()x", max_size=18) | st.text(), min_size=20),
    ends=st.lists(st.integers(0, 9999)),
)
def test_telephone_numbers_are_read_as_the_library_does(
    engine: duckdb.DuckDBPyConnection, region: str, texts: list[str], ends: list[int]
) -> None:
    for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE):
        known = phonenumbers.example_number_for_type(region, kind)
        for form in (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
            told = phonenumbers.format_number(known, form) if known else ""
            texts += [told, *(told[:-4] + f"{end:04d}" for end in ends), told.replace(" ", "."), told.replace(" ", "")]
    assert cleaned(engine, [{"phone": region}], texts) == [e164(text, region) for text in texts]


def address(text: str) -> str | None:
    """Return what email-validator makes of a text."""
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return None


LOCAL = st.text(string.ascii_letters + string.digits + "._+-'\"é ", max_size=70)
DOMAIN = st.lists(st.text(string.ascii_letters + "0-é", min_size=1, max_size=66), min_size=1, max_size=4).map(".".join)
ENDS = st.sampled_from([".fr", ".FR", ".local", ".test", ".xn--p1ai", ".c", ".onion", ".example", ".arpa", ""])


@SOMETIMES
@given(st.lists(st.builds("{}@{}{}".format, LOCAL, DOMAIN, ENDS) | st.text(), min_size=20))
def test_addresses_are_read_as_the_library_does(engine: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    assert cleaned(engine, ["email"], texts) == [address(text) for text in texts]


def iso(text: str, form: str) -> str | None:
    """Return what Python reads in a text of a form, by itself."""
    try:
        return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC).date().isoformat()
    except ValueError:
        return None


@SOMETIMES
@given(st.lists(st.dates(dt.date(1000, 1, 1)), min_size=10), st.lists(st.text("0123456789/-. ", max_size=11)))
def test_dates_are_read_in_the_forms_declared_or_refused(
    engine: duckdb.DuckDBPyConnection, dates: list[dt.date], texts: list[str]
) -> None:
    texts += [f"{date.day:02d}/{date.month:02d}/{date.year}" for date in dates]
    forms = [{"date": ["DD/MM/YYYY", "MM/DD/YYYY"]}]
    for text, found in zip(texts, cleaned(engine, forms, texts), strict=True):
        here = {iso(text, "%d/%m/%Y"), iso(text, "%m/%d/%Y")} - {None}
        assert found == (here.pop() if len(here) == 1 and len(text.split("/")[-1]) == 4 else None), text


@pytest.mark.parametrize(
    "text", ["01/02/03", "1/2/3", "01-02-03", " 01/02/2003", "01/02/2003 ", "01/02/12003", "0001/02/2003"]
)
def test_what_is_no_date_of_four_digits_is_refused(engine: duckdb.DuckDBPyConnection, text: str) -> None:
    assert cleaned(engine, ["date"], [text]) == [None]


@SOMETIMES
@given(st.lists(st.text(" \t\n\u00a0\u2003\u200b\ufeffab\u00e9\x01", max_size=30), min_size=20))
def test_white_space_goes_whatever_way_is_taken(engine: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    blank = " \t\n\u00a0\u2003\u200b\ufeff"
    plain = [text.translate(dict.fromkeys(map(ord, blank), " ")) for text in texts]
    assert cleaned(engine, ["squeeze"], texts) == [" ".join(text.split()) or None for text in plain]
    assert cleaned(engine, ["trim"], texts) == [text.strip(blank) or None for text in texts]


# --- a file of the workspace, another column -------------------------------------------------------------------------


def test_a_value_map_is_a_file_that_a_steward_edits(bench: Bench) -> None:
    bench.write("maps/streets.csv", '\ufefffrom;to\r\nBd;boulevard\r\n"Av;";avenue\r\ninconnu;\r\n')
    values, rules = bench.column("string", ["Bd", "Av;", "inconnu", "rue", None], "[{map: maps/streets.csv}]")
    assert (values, rules) == (["boulevard", "avenue", None, None], ["map"])
    bench.write("maps/streets.csv", "from,to\nBd,boulevard\nrue,rue\n")
    assert bench.column("string", ["Bd", "rue"], "[{map: maps/streets.csv}]") == (["boulevard", "rue"], [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "not there"), (b"from,to\n\xff,x\n", "UTF-8"), (b"old,new\n", ":1: a value map begins"), (b"", ":1:"),
        (b"from,to\na\n", ":2: 1 values"), (b"from,to\na,b,c\n", ":2: 3 values"), (b"from,to\na,b\na,c\n", ":3: «a»"),
        (b'from,to\n"a,b\n', "not CSV"),
    ],
)  # fmt: skip
def test_a_value_map_that_is_none_is_told_with_its_line(bench: Bench, text: bytes | None, told: str) -> None:
    if text is not None:
        bench.write("maps/m.csv", text)
    with pytest.raises(Misconfigured, match=told):
        read_map(bench.root, "maps/m.csv")


def test_a_code_is_followed_as_of_each_rows_date(bench: Bench) -> None:
    rows = [("85084", "2010-05-01"), ("85084", "2020-05-01"), ("85084", "2025-05-01"), ("01340", "1990-01-01"),
            ("69381", "2000-01-01"), ("60694", "1950-01-01"), ("80021", None), (None, "2020-01-01"), ("99999", "2020-01-01"),
            ("75056", "1942-12-31"), ("80021", "2027-01-01"), ("80021", "1943-01-01"), (None, "1900-01-01")]  # fmt: skip
    bench.source("acts", [{"id": str(n), "at": at, "code": code} for n, (code, at) in enumerate(rows)])
    bench.write(
        "datasets/acts.yaml",
        "title: A\nowner: ville\naudience: owner\nsource: {registry: source, table: acts}\nschema:\n  fields:\n"
        "    - name: id\n    - {name: at, type: date}\n    - name: code\n  primaryKey: id\n"
        "clean:\n  at: {steps: [date]}\n  code: {steps: [{follow: {as_of: at}}]}\n",
    )
    bench.run("acts")
    found = {row["id"]: row["code"] for row in bench.rows("acts")}
    good = {"0": "85084", "2": "85084", "3": "01015", "4": "69123", "5": "60694", "7": None}
    assert found == good | {"11": "80021", "12": None}
    refused = read(bench.latest("acts").folder / "quarantine.parquet")
    assert {failure["rule"] for row in refused for failure in row["failures"]} == {"follow"}
    late = [row["place"] - 1 for row in refused if "not from 1943" in row["failures"][0]["reason"]]
    assert sorted(late) == [9, 10], "of no other date is anything known"


def test_every_code_of_today_is_itself(engine: duckdb.DuckDBPyConnection, repository_codes: list[str]) -> None:
    assert cleaned(engine, [{"follow": {"as_of": "2026-06-30"}}], repository_codes) == repository_codes


@pytest.fixture
def repository_codes() -> list[str]:
    query = "SELECT code FROM read_parquet('datasets/reference/communes.parquet') ORDER BY code"
    with duckdb.connect() as connection:
        return [code for (code,) in connection.execute(query).fetchall()]


def test_a_library_sees_every_distinct_value_once_in_pages(engine: duckdb.DuckDBPyConnection) -> None:
    texts = [f"X{n:06d}" for n in range(70_000)] * 2
    found = cleaned(engine, ["vat"], [*texts, "FR 83 404 833 048"])
    assert found == [None] * len(texts) + ["FR83404833048"]


@pytest.mark.parametrize(
    "step",
    [{"phone": "XX"}, {"phone": None}, "phone", {"date": []}, {"date": ["DD/MM/YY"]}, {"date": "DD/MM/YYYY"}, {"map": "/etc/m.csv"},
     {"map": "../m.csv"}, {"map": "m.txt"}, {"follow": {"as_of": 1}}, {"follow": {"since": "2020-01-01"}},
     {"follow": {"as_of": "1942-12-31"}}, {"follow": {"as_of": dt.date(2027, 1, 1)}}, {"address": "town"},
     {"naf": "rev1"}, {"percent": True}, "percent", {"decimal": "dot"}, {"part": {"by": "", "number": 1}}, {"trim": 1},
     {"part": {"by": ",", "number": 0}}, {"replace": {"": "x"}}, {"prefix": ""}, {"postal_code": "DE"}, {"siren": "x"}],
    ids=str,
)  # fmt: skip
def test_an_argument_that_does_not_fit_is_told(step: Any) -> None:
    problems = list(check_steps([step]))
    assert len(problems) == 1
    assert "takes" in problems[0][1]


def test_what_a_step_reads_is_known_before_it_runs() -> None:
    assert column_of({"follow": {"as_of": "at"}}) == ("as_of", "at")
    assert column_of({"follow": {"as_of": dt.date(2020, 1, 1)}}) is None
    assert column_of({"follow": {"as_of": "2020-01-01"}}) is None
    assert column_of("trim") is None
    assert column_of({"find_commune": {"postal_code": "cp", "among": "communes"}}) == ("postal_code", "cp")
    assert dataset_of({"follow": {"as_of": "at"}}) is None
    assert dataset_of({"follow": "parts"}) == ("parts", ("code", "commune_code"))
    assert file_of({"map": "maps/m.csv"}) == "maps/m.csv"
    assert file_of({"map": {"a": "b"}}) is None


def test_two_tables_are_cleaned_on_one_connection(engine: duckdb.DuckDBPyConnection) -> None:
    """A dataset may have several sources: what a library found of the one is not taken for the other's."""
    engine.execute("CREATE OR REPLACE TEMP TABLE one AS SELECT 'FR83404833048' AS x")
    engine.execute("CREATE OR REPLACE TEMP TABLE two AS SELECT 'nothing' AS x")
    made = []
    for table in ("one", "two"):
        cleaning = Cleaning(engine, table, lambda name: name)
        value = cleaning.source("x")
        apply_steps(cleaning, value, ["vat"])
        made.append(f"SELECT {value.sql} FROM {cleaning.relation()}")
    assert [engine.execute(sql).fetchall() for sql in made] == [[("FR83404833048",)], [(None,)]]
