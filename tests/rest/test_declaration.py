"""What the declaration of a REST registry gets wrong: told with the keys where it stands, before anybody is asked."""

import copy
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.registry import FAULT, kinds
from connectors.rest import Rest
from connectors.rest.settings import RestSettings
from tests.rest.test_lookup import LOOKUP

GOOD: dict[str, Any] = {
    "url": "https://api.example.org/v2/",
    "lookup": LOOKUP,
    "tables": {
        "companies": {"path": "companies", "rows": "data", "columns": {"siren": "siren"}},
        "units": {"path": "units", "format": "xml", "rows": "list/unit", "columns": {"siren": "@siren"}},
        "lines": {"path": "lines", "format": "csv"},
    },
}


def changed(where: str, value: Any) -> dict[str, Any]:
    """Return the good declaration with another value at keys joined by dots; `...` takes it out."""
    said: dict[str, Any] = copy.deepcopy(GOOD)
    *above, last = where.split(".")
    place = said
    for key in above:
        place = place.setdefault(key, {})
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return said


def registry(said: dict[str, Any], root: Path) -> Rest:
    return Rest("town", RestSettings.model_validate(said), root)


def test_a_good_declaration_is_one(tmp_path: Path) -> None:
    town = registry(GOOD, tmp_path)
    assert list(town.problems()) == []
    assert town.check("companies") is None
    assert town.check(None) == "town: say which table to read; it has: companies, units, lines"
    assert town.check("x") == "town: no table x; it has: companies, units, lines"
    assert set(town.columns("companies") or ()) == {"siren"}
    assert town.columns("lines") is town.columns("x") is None
    assert kinds()["rest"]() is Rest


CURSOR = {"by": "cursor", "parameter": "cursor", "next": "meta.cursor"}
PAGE = {"by": "page", "parameter": "page"}

CONTRADICTIONS: list[tuple[str, Any, str, str]] = [
    ("lookup.path", "units", "lookup.path", "nothing asks for the identifier: write {identifier}"),
    ("lookup.path", "units/{siret}", "lookup.path", "the identifier has no group siret; it has: {identifier}, {siren}"),
    ("lookup.query", {"q": "{x}"}, "lookup.query", "no group x"),
    ("lookup.query", {"q": "{siren[]}"}, "lookup.query", "{siren[]} is each name of several: a field of an identity"),
    ("lookup.query", {"q": "a {siren[]}"}, "lookup.query", "{siren[]} is the whole value of a parameter under query:"),
    ("lookup.path", "units/{siren[]}", "lookup.path", "{siren[]} is the whole value of a parameter under query:"),
    ("lookup.path", "/units/{siren}", "lookup.path", "without a / before it"),
    ("lookup.path", "https://x/{siren}", "lookup.path", "write what follows the url"),
    ("lookup.path", "units?x={siren}", "lookup.path", "parameters stand under query:"),
    ("lookup.path", "../{siren}", "lookup.path", "does not climb"),
    ("lookup.record", "Commune", "lookup.fields.created", "a Commune has no such field"),
    ("lookup.record", "Commune", "lookup.identifier.scheme", "a Commune is asked for by"),
    ("lookup.fields", {}, "lookup.fields", "say which fields a Unit has"),
    ("lookup.fields", {"model_fields": "x"}, "lookup.fields.model_fields", "take another"),
    ("lookup.fields", {"name": "a..b"}, "lookup.fields.name", "is no JMESPath"),
    ("lookup.key", "x", "lookup.key", "no field x; there are: siren"),
    ("lookup.path", "FILL_IN/{siren}", "lookup.path", "FILL_IN stands for a value"),
    ("tables.companies.path", "a/{siren}", "tables.companies.path", "without an identifier"),
    ("tables.companies.rows", "data[?n > `3`]", "tables.companies.rows", "numbers are texts"),
    ("tables.companies.rows", "data[", "tables.companies.rows", "is no JMESPath"),
    ("tables.companies.columns", {"a": "b..c"}, "tables.companies.columns.a", "is no JMESPath"),
    ("tables.companies.columns", {FAULT: "b"}, f"tables.companies.columns.{FAULT}", "is Beffroi's own"),
    ("tables.companies.separator", ";", "tables.companies.separator", "only format: csv"),
    ("tables.companies.paging", PAGE | {"until": "total"}, "tables.companies.paging.until", "total:"),
    ("tables.units.rows", ..., "tables.units.rows", "say the path of a row's element"),
    ("tables.units.rows", "list/@x", "tables.units.rows", "no attribute"),
    ("tables.units.rows", "list//x", "tables.units.rows", "is no path of elements"),
    ("tables.units.columns", {"a": "b/@c/d"}, "tables.units.columns.a", "is no path of elements"),
    ("tables.units.total", "meta.total", "tables.units.total", "format: json"),
    ("tables.units.paging", CURSOR, "tables.units.paging.next", "format: json"),
    ("tables.lines.rows", "data", "tables.lines.rows", "is nothing but rows"),
    ("tables.lines.columns", {"a": {"from": "a", "type": "array"}}, "tables.lines.columns.a", "one text"),
    ("tls", {"certificate": "no.pem"}, "tls.certificate", "there is no file no.pem"),
    ("headers", {"Accept": "x"}, "headers.Accept", "Beffroi says that itself"),
    ("headers", {"X-Town": "é"}, "headers.X-Town", "ASCII"),
]


@pytest.mark.parametrize(("where", "value", "keys", "says"), CONTRADICTIONS)
def test_a_contradiction_is_told_where_it_stands(tmp_path: Path, where: str, value: Any, keys: str, says: str) -> None:
    found = [(".".join(map(str, at)), said) for at, said in registry(changed(where, value), tmp_path).problems()]
    assert any(at == keys and says in said for at, said in found), found


MALFORMED: list[tuple[str, Any, str]] = [
    ("url", "ftp://x", "expected an address"),
    ("url", "https://user:pass@x/", "expected an address"),
    ("url", "https://x/?key=1", "expected an address"),
    ("lookup.same", "a..b", "is no JMESPath"),
    ("lookup.limits", {}, "Extra inputs"),
    ("lookup.method", "POST", "body: goes with method: POST"),
    ("lookup.body", {"a": "b"}, "body: goes with method: POST"),
    ("lookup.fields", {"Name": "x"}, "match pattern"),
    ("answers", [{"is": "not-found"}], "say by what it is told"),
    ("answers", [{"path": "a", "is": "not-found"}], "path: goes with equals:"),
    ("answers", [{"status": 404, "equals": 1, "is": "not-found"}], "path: goes with equals:"),
    ("answers", [{"path": "a", "equals": 1, "absent": True, "is": "not-found"}], "path: goes with equals:"),
    ("answers", [{"path": "a", "equals": 1, "text": "x", "is": "not-found"}], "either path:"),
    ("answers", [{"status": 404, "is": "gone"}], "Input should be 'not-found'"),
    ("tables.companies.paging", {"by": "magic"}, "'page', 'offset', 'cursor', 'link', 'next'"),
    ("tables.companies.paging", PAGE | {"most": 10}, "need size:"),
    ("tables.companies.paging", PAGE | {"until": "short"}, "need size:"),
    ("tables.companies.paging", {"by": "offset", "parameter": "o"}, "Field required"),
    ("tables.companies.format", "yaml", "Input should be 'json'"),
    ("auth", {"kind": "api-key", "header": "X", "value": "s3cret-itself"}, "a secret stands in a variable"),
]


@pytest.mark.parametrize(("where", "value", "says"), MALFORMED)
def test_a_malformed_declaration_is_refused(tmp_path: Path, where: str, value: Any, says: str) -> None:
    with pytest.raises(ValidationError) as error:
        registry(changed(where, value), tmp_path)
    assert says in str(error.value)
    assert "s3cret" not in str(error.value)
