"""The house stands as DESIGN says: who imports whom, how long things are, and that all that is public says what it does."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tools.rooms import ROOMS, ROOT, python_files

MAY_IMPORT = {"gateway": {"gateway", "pipelines", "connectors"}, "pipelines": {"pipelines", "connectors"}}
MAY_IMPORT |= {"connectors": {"connectors"}, "tools": {"gateway", "pipelines", "connectors", "tools"}}

DRIVERS = {"zeep", "lxml", "urllib3", "psycopg", "pymysql", "mssql_python", "oracledb"}
DRIVERS |= {"asyncssh", "botocore", "jmespath", "joserfc"}
"""What speaks a protocol of a source: connectors alone know it."""

KEPT_OUT = {
    "connectors": {"duckdb", "deltalake", "fastapi", "starlette", "uvicorn", "ckanapi", "lmdb"},
    "pipelines": {"fastapi", "starlette", "uvicorn"} | DRIVERS,
    "gateway": {"ckanapi", "deltalake"} | DRIVERS,
}
"""What a room never knows: tables and HTTP serving, HTTP serving and protocols, protocols and tables' formats."""

OUR_OWN = {"gateway/journal/postgresql.py": {"psycopg"}}
"""Modules that keep our own state, and speak to no source: what they may know beyond their room."""

MAY_SERVE = {"starlette", "uvicorn"}
"""The sandbox serves the protocols that connectors speak."""

PROTOCOLS = {f"connectors.{name}" for name in ("http", "sockets", "answers", "tls", "rest", "soap", "sql", "files")}
"""Modules and packages, with all that is in them."""

MAX_MODULE, MAX_FUNCTION = 300, 40

LONGER = {
    "pipelines/ckan.py": "one publication from first call to last, with the two tables that it is read by",
}
"""What is over a limit, and why it stays so."""

FILES = [path for room in (*ROOMS, "tools") for path in python_files(room)]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, wherever in it; `from pipelines import run` is `pipelines.run`."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)}: imports are absolute"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=name)
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    kept_out = KEPT_OUT.get(room, set()) - (MAY_SERVE if "sandbox" in path.parts else set())
    kept_out -= OUR_OWN.get(name(path), set())
    ours = {"gateway", "pipelines", "connectors", "tools", "tests", "datasets"}
    for imported in imports(path):
        top = imported.partition(".")[0]
        assert top not in ours or top in MAY_IMPORT[room], f"{name(path)} imports {imported}"
        assert top not in kept_out, f"{name(path)} imports {imported}"


@pytest.mark.parametrize("path", python_files("gateway"), ids=name)
def test_the_gateway_knows_no_protocol(path: Path) -> None:
    known = {imported for imported in imports(path) if {imported, *parents(imported)} & PROTOCOLS}
    assert not known, f"{name(path)} imports {', '.join(sorted(known))}"


def parents(module: str) -> Iterator[str]:
    """Yield the packages that a module stands in."""
    while module := module.rpartition(".")[0]:
        yield module


SOAP_PARTS = {
    "what a WSDL says": "names catalogue documents gathering definitions wsdl complaints validation components nodes simple "
    "attributes shapes values lexical",
    "a call": "client prepared messages encode decode aside encoded envelopes depth attachments security signed xmldsig "
    "faults bulk way columns table moving",
}
"""The parts of connectors/soap/ that know only themselves and those before them; what is left knows all."""


def test_the_parts_of_soap_know_those_before_them() -> None:
    folder, allowed = ROOT / "connectors" / "soap", set[str]()
    for part, names in SOAP_PARTS.items():
        allowed |= {f"connectors.soap.{each}" for each in names.split()}
        for each in names.split():
            for imported in imports(folder / f"{each}.py"):
                if imported.startswith("connectors.soap."):
                    ours = {imported, imported.rpartition(".")[0]}
                    assert ours & allowed, f"{each}, of the part «{part}», imports {imported}"


def test_datasets_holds_declarations_only() -> None:
    assert not list((ROOT / "datasets").rglob("*.py")), "a package of that name would shadow a popular library"


def test_what_is_long_is_long_for_a_reason() -> None:
    over = {name(path): lines for path in FILES if (lines := len(path.read_text("utf-8").splitlines())) > MAX_MODULE}
    for path in FILES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION:
                    over[f"{name(path)} {node.name}"] = length
    assert over.keys() - LONGER.keys() == set(), f"over {MAX_MODULE} or {MAX_FUNCTION} lines: {over}"
    assert LONGER.keys() - over.keys() == set(), "no longer over a limit: take it off the list"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_all_that_is_public_says_what_it_does(path: Path) -> None:
    assert ast.get_docstring(tree(path)), f"{name(path)} says what it is"
    silent = [each for each in public(tree(path).body) if not ast.get_docstring(each)]
    assert not silent, (
        f"{name(path)}: no docstring: {', '.join(f'{each.name} (line {each.lineno})' for each in silent)}"
    )


def public(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield the public functions and classes of a body, and those of public classes; not what stands in a function."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)
