"""The declaration of a database: what is refused before anyone is asked, and declared SQL split at its parameters."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.sql import Sql
from connectors.sql.fitting import fitted
from connectors.sql.settings import SqlSettings
from connectors.sql.statement import Statement

IDENTIFIER = {"scheme": "rna", "pattern": r"W\d{9}"}
LOOKUP = {"record": "Association", "identifier": IDENTIFIER, "table": "t", "key": "rna", "fields": {"rna": "rna"}}


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"url": "postgresql://reader:secret@host/db"}, "a password never stands in an address"),
        ({"url": "db2://host/db"}, "An address begins with one of postgresql:, mariadb:"),
        ({"url": "town.sqlite"}, "which database"),
        ({"url": "sqlite:"}, "say where the database is"),
        ({"url": "sqlite:///"}, "say where the database is"),
        ({"url": "postgresql://host:port/db"}, "not an address"),
        ({"password": "secret"}, "password"),
        ({"tables": {"t": {}}}, "say either table: or query:"),
        ({"tables": {"t": {"table": "t", "query": "SELECT 1"}}}, "say either table: or query:"),
        ({"tables": {"t": {"table": "t", "parameters": {"a": 1}}}}, "parameters: go with a query:"),
        ({"lookup": {key: value for key, value in LOOKUP.items() if key != "key"}}, "a table needs it"),
    ],
)
def test_what_is_wrong_in_itself_is_refused(said: dict[str, Any], match: str) -> None:
    with pytest.raises(ValidationError, match=match) as caught:
        SqlSettings.model_validate({"url": "sqlite:town.sqlite"} | said)
    assert "secret" not in str(caught.value.errors(include_input=False))


@pytest.mark.parametrize(
    ("said", "keys", "match"),
    [
        ({"url": "postgresql://host/db"}, ("url",), "must be postgresql://USER@HOST"),
        (
            {"tables": {"t": {"query": "SELECT :a"}}},
            ("tables", "t", "query"),
            "asks for :a, which parameters: does not give",
        ),
        (
            {"tables": {"t": {"query": "SELECT ':a'", "parameters": {"a": 1}}}},
            ("tables", "t", "query"),
            "the parameter a stands nowhere",
        ),
        (
            {"tables": {"t": {"table": "t", "columns": ["a"], "incremental": {"column": "b", "key": ["a"]}}}},
            ("tables", "t", "columns"),
            "incremental: needs the column b",
        ),
        (
            {"lookup": {"record": "A", "identifier": IDENTIFIER, "query": "SELECT 1 AS a", "fields": {"a": "a"}}},
            ("lookup", "query"),
            "never asks for the identifier: say :rna",
        ),
        (
            {"lookup": LOOKUP | {"record": "Commune"}},
            ("lookup", "identifier", "scheme"),
            "a Commune is asked for by insee",
        ),
        ({"lookup": LOOKUP | {"table": "FILL_IN"}}, ("lookup", "table"), "only you know"),
    ],
)
def test_what_does_not_go_together_is_told(
    said: dict[str, Any], keys: tuple[str, ...], match: str, tmp_path: Path
) -> None:
    registry = Sql("town", SqlSettings.model_validate({"url": "sqlite:town.sqlite"} | said), tmp_path)
    problems = dict(registry.problems())
    assert match in problems[keys]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a = :a AND b = :b_2 OR :a", ("a", "b_2", "a")),
        ("':a' || \":b\" || `:c`", ()),
        ("a::text, (:a)::int", ("a",)),
        ("x[1:n]", ()),
        ("$$ :a $$ $b$ :b $$ $b$ :c", ("c",)),
        ("-- :a\n:b /* :c\n */ :d", ("b", "d")),
        ("'it''s :a' :b", ("b",)),
        (r"E'\' :a' :b", ("b",)),
        (r"'\' :a", ("a",)),
        ("at = '10:30' AND :a", ("a",)),
    ],
)
def test_parameters_are_found(text: str, names: tuple[str, ...]) -> None:
    statement = Statement.of(text)
    assert statement.names == names
    assert statement.written(lambda name: f":{name}") == text


def test_a_backslash_may_escape() -> None:
    assert Statement.of(r"'\' :a' :b", backslashes=True).names == ("b",)
    assert Statement.of('"a\\" :a" :b', backslashes=True).names == ("b",)


def test_comments_of_mariadb() -> None:
    assert Statement.of("1 # it's :a\n + :b -- :c", backslashes=True).names == ("b",)
    assert Statement.of("5--:a", backslashes=True).names == ("a",), "minus minus"
    assert Statement.of("data #> '{a}' = :b").names == ("b",), "an operator of PostgreSQL"
    assert Statement.of("$$ :a $$", backslashes=True).names == ("a",), "no quotes in MariaDB"


@given(st.text(alphabet=":ab'\"`$-/*#\\ \n", max_size=40), st.booleans())
def test_any_text_is_kept(text: str, backslashes: bool) -> None:
    assert Statement.of(text, backslashes=backslashes).written(lambda name: f":{name}") == text


@pytest.mark.parametrize(
    ("cell", "kind", "expected"),
    [
        ("1234.50", "number", 1234.5),
        ("12.0", "integer", 12),
        ("12.5", "integer", 12.5),
        ("0.1000000000000000055", "number", "0.1000000000000000055"),
        ("9007199254740993", "number", 9007199254740993),
        ("NaN", "number", "NaN"),
        ("1e3", "number", 1000),
        ("", "number", ""),
        ("2024-01-02 03:04:05.5+02", "datetime", "2024-01-02T03:04:05.5+02:00"),
        ("2024-01-02 03:04:05", "datetime", "2024-01-02T03:04:05Z"),
        ("yesterday", "datetime", "yesterday"),
        ('["a", 1.50]', "array", ["a", "1.50"]),
        (1, "boolean", True),
        ("f", "boolean", False),
        (2, "boolean", 2),
        (12, "string", "12"),
        (True, "string", "true"),
        (None, "string", None),
    ],
)
def test_a_cell_fits_or_stays(cell: Any, kind: Any, expected: Any) -> None:
    assert fitted(cell, kind) == expected
