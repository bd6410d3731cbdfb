"""SQL Server and Oracle as far as they can be held without a server: what is sent, and networks that are not well."""

import gc
import logging
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Misconfigured
from connectors.sql import mssql, oracle
from connectors.sql.engine import Login, Value
from connectors.sql.statement import Statement

pytestmark = [  # the drivers leave sockets to be collected where no server answers
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

STATEMENT = Statement.of("SELECT ':no' AS a, x::y FROM t WHERE b = :b AND c = :c OR d = :b")
VALUES: dict[str, Value] = {"b": "1", "c": 2, "unasked": 3}


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Let the driver's own left-overs go where they were made: it closes no socket of a connection that failed."""
    yield
    for thread in threading.enumerate():
        if thread.name == "beffroi-connecting":
            thread.join(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def login(url: str) -> Login:
    return Login("town", urlsplit(url), Path(), None, "ge}heim;PWD=x")


def test_parameters_are_bound() -> None:
    assert mssql.written(STATEMENT, VALUES) == (
        "SELECT ':no' AS a, x::y FROM t WHERE b = ? AND c = ? OR d = ?",
        ["1", 2, "1"],
    )
    assert STATEMENT.written(oracle.mark) == "SELECT ':no' AS a, x::y FROM t WHERE b = :b AND c = :c OR d = :b"
    assert oracle.bound(STATEMENT, VALUES) == {"b": "1", "c": 2}


@pytest.mark.parametrize(
    ("declared", "kind", "cell"),
    [
        ("int", pa.int32(), "[a]"),
        ("bit", pa.bool_(), "[a]"),
        ("decimal(12,2)", pa.decimal128(12, 2), "CONVERT(varchar(50), [a])"),
        ("money", pa.decimal128(19, 4), "CONVERT(varchar(30), [a], 2)"),
        ("datetime2(7)", pa.string(), "CONVERT(varchar(40), [a], 126)"),
        ("varbinary(max)", pa.string(), "CONVERT(varchar(max), [a], 2)"),
        ("nvarchar(50)", pa.string(), "CONVERT(nvarchar(max), [a])"),
        ("xml", pa.string(), "CONVERT(nvarchar(max), [a])"),
    ],
)
def test_columns_of_sql_server(declared: str, kind: pa.DataType, cell: str) -> None:
    found = mssql.column("a", declared, "[a]")
    assert (found.type, found.cell) == (kind, cell)


@pytest.mark.parametrize(
    ("told", "kind", "cell"),
    [
        (("DB_TYPE_NUMBER", 9, 0), pa.int64(), '"A"'),
        (("DB_TYPE_NUMBER", 12, 2), pa.decimal128(12, 2), '"A"'),
        (("DB_TYPE_NUMBER", 0, -127), pa.string(), "TO_CHAR(\"A\", 'TM9', 'NLS_NUMERIC_CHARACTERS=''.,''')"),
        (("DB_TYPE_DATE", None, None), pa.string(), 'TO_CHAR("A", \'YYYY-MM-DD"T"HH24:MI:SS\')'),
        (("DB_TYPE_RAW", None, None), pa.string(), 'RAWTOHEX("A")'),
        (("DB_TYPE_VARCHAR", None, None), pa.string(), '"A"'),
    ],
)
def test_columns_of_oracle(told: tuple[str, int | None, int | None], kind: pa.DataType, cell: str) -> None:
    found = oracle.column("A", *told, '"A"')
    assert (found.type, found.cell) == (kind, cell)


def test_names_and_secrets_stay_what_they_are() -> None:
    said = mssql.connection_string(login("mssql://us%3Ber@host:1444/my%20town"))
    assert "Server={tcp:host,1444};Database={my town};UID={us;er};PWD={ge}}heim;PWD=x};" in said
    engine = mssql.SqlServer(login("mssql://u@host/town"))
    assert engine.quoted("a]b") == "[a]]b]"
    for cls, url in ((mssql.SqlServer, "mssql://u@host"), (oracle.Oracle, "oracle://u@host/")):
        with pytest.raises(Misconfigured, match="expected"):
            cls(login(url))


@pytest.mark.usefixtures("forgotten")
def test_nobody_listens() -> None:
    with pytest.raises(Down):
        oracle.Oracle(login("oracle://u@127.0.0.1:1/town")).tables(Deadline.after(1))
    with pytest.raises((Down, Misconfigured)) as raised:  # the driver of SQL Server needs libraries of the system
        mssql.SqlServer(login("mssql://u@127.0.0.1:1/town")).tables(Deadline.after(5))
    assert "heim" not in str(raised.value)


TALK: dict[str, tuple[Callable[[socket.socket], object], type[BeffroiError]]] = {
    "HTTP": (lambda client: client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50), Down),
    "good bye": (lambda _: None, Down),
    "nothing": (lambda _: time.sleep(3), Late),  # the last: the driver lets nobody connect while one waits
}


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("talk", TALK)
def test_servers_of_oracle_that_are_none(
    talker: Callable[[Callable[[socket.socket], object]], int], talk: str, caplog: pytest.LogCaptureFixture
) -> None:
    says, error = TALK[talk]
    engine, began = oracle.Oracle(login(f"oracle://u@127.0.0.1:{talker(says)}/town")), time.monotonic()
    with caplog.at_level(logging.WARNING), pytest.raises(error) as raised:
        engine.tables(Deadline.after(1))
    assert time.monotonic() - began < 1.5
    assert "experimental" in caplog.text
    assert "heim" not in f"{raised.value} {caplog.text}"


@pytest.mark.parametrize(("scheme", "driver"), [("mssql", "mssql_python"), ("oracle", "oracledb")])
def test_a_driver_that_is_not_installed_is_told(scheme: str, driver: str) -> None:
    code = (
        f"import sys; sys.modules[{driver!r}] = None\n"
        "from pathlib import Path\nfrom connectors.sql import Sql, SqlSettings\n"
        f"said = SqlSettings.model_validate({{'url': '{scheme}://u@host/town'}})\n"
        "print(*Sql('town', said, Path()).problems())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"install beffroi[{scheme}]" in done.stdout
