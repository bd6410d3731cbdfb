"""What `beffroi connector test NAME` asks of a database: that it is read exactly, only read, and let go in time.

Nothing is written, no row is shown. For SQL Server and Oracle, of which none could be had where this was made, it is
the only proof there is: run it against yours before you rely on it.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import pyarrow as pa

from connectors.deadline import Deadline
from connectors.drafting import Check, counted
from connectors.errors import BeffroiError, Late, NotFound
from connectors.patterns import NotRead, matching
from connectors.registry import FAULT
from connectors.sql import Sql
from connectors.sql.asking import selected
from connectors.sql.catalogue import all_rows
from connectors.sql.engine import Column, Source
from connectors.sql.settings import address
from connectors.sql.statement import Statement

SECONDS = 60.0
ROWS = 100_000


@dataclass(frozen=True)
class _Dialect:
    """SQL of one database. `zoo` are expressions, with the text that each must be read as (None for NULL).

    `state` says in one row `read_only` and `snapshot`, each 1 where it holds; `sleep` takes half a minute or more,
    and is '' where nothing could end it.
    """

    zoo: Mapping[str, str | None]
    state: str
    sleep: str
    dual: str = ""


_COMMON: dict[str, str | None] = {
    "NULL": None,
    "CAST('it''s \"é\" €' AS VARCHAR(20))": 'it\'s "é" €',
    "1": "1",
    "CAST(-123456789012.3400 AS DECIMAL(20,4))": "-123456789012.3400",
    "CAST(9007199254740993 AS DECIMAL(19,0))": "9007199254740993",
}
_OWN_MARIADB: dict[str, str | None] = {
    "''": "", "'😀'": "😀", "'a\\\\b'": "a\\b", "CAST('it''s \"é\" €' AS CHAR)": "it's \"é\" €", "NULL": None, "1": "1",
    "CAST(-123456789012.3400 AS DECIMAL(20,4))": "-123456789012.3400", "9223372036854775807": "9223372036854775807",
    "CAST(18446744073709551615 AS UNSIGNED)": "18446744073709551615", "0.1e0": "0.1", "X'00FF'": "00FF",
    "DATE'2024-02-29'": "2024-02-29", "TIMESTAMP'2024-02-29 23:59:59.000001'": "2024-02-29 23:59:59.000001",
    "TIME'-25:00:00'": "-25:00:00", "_latin1 X'E980'": "é€",
}  # fmt: skip
_SLEEP_MARIADB = "SELECT SLEEP(30) AS s"
_DIALECTS: dict[str, _Dialect] = {
    "postgresql": _Dialect(
        _COMMON | {
            "''": "", "'😀'": "😀", "9223372036854775807::bigint": "9223372036854775807", "'\\x00ff'::bytea": "00FF",
            "0.1::float8": "0.1", "true": "True", "DATE '2024-02-29'": "2024-02-29",
        },
        "SELECT CASE current_setting('transaction_read_only') WHEN 'on' THEN 1 ELSE 0 END AS read_only,"
        " CASE current_setting('transaction_isolation') WHEN 'repeatable read' THEN 1 ELSE 0 END AS snapshot",
        "SELECT CAST(pg_sleep(30) AS text) AS s",
    ),
    "mariadb": _Dialect(
        _OWN_MARIADB,
        "SELECT @@tx_read_only AS read_only, @@tx_isolation = 'REPEATABLE-READ' AS snapshot",
        _SLEEP_MARIADB,
    ),
    "mysql": _Dialect(
        _OWN_MARIADB,
        "SELECT @@transaction_read_only AS read_only, @@transaction_isolation = 'REPEATABLE-READ' AS snapshot",
        _SLEEP_MARIADB,
    ),
    "sqlite": _Dialect(
        {
            "''": "", "'😀'": "😀", "NULL": None, "'it''s \"é\" €'": "it's \"é\" €", "9223372036854775807":
            "9223372036854775807", "0.1": "0.1", "X'00FF'": "00FF",
        },
        "SELECT 1 AS read_only, 1 AS snapshot",  # the file is opened so, and a statement is one snapshot
        "",  # a file has no server that could give up
    ),
    "mssql": _Dialect(
        _COMMON | {
            "N''": "", "N'😀'": "😀", "CAST(9223372036854775807 AS bigint)": "9223372036854775807", "0x00FF": "00FF",
            "CAST(0.1 AS float)": "0.1", "CAST(1 AS bit)": "True", "CAST('2024-02-29' AS date)": "2024-02-29",
            "CAST('2024-02-29 23:59:59.1234567' AS datetime2(7))": "2024-02-29T23:59:59.1234567",
            "CAST(1.5 AS money)": "1.5000",
        },
        "SELECT 1 - HAS_PERMS_BY_NAME(DB_NAME(), 'DATABASE', 'INSERT') AS read_only, CASE transaction_isolation_level"
        " WHEN 5 THEN 1 ELSE 0 END AS snapshot FROM sys.dm_exec_sessions WHERE session_id = @@SPID",
        "SELECT COUNT_BIG(*) AS s FROM sys.all_columns a CROSS JOIN sys.all_columns b CROSS JOIN sys.all_columns c",
    ),
    "oracle": _Dialect(
        {
            "NULL": None, "'it''s \"é\" €'": "it's \"é\" €", "N'😀'": "😀", "1": "1",
            "CAST(-123456789012.34 AS NUMBER(20,4))": "-123456789012.3400",
            "9007199254740993": "9007199254740993", "HEXTORAW('00FF')": "00FF", "0.1d": "0.1",
            "DATE '2024-02-29'": "2024-02-29T00:00:00",
            "TIMESTAMP '2024-02-29 23:59:59.123456789'": "2024-02-29T23:59:59.123456789",
        },
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM session_privs WHERE privilege LIKE 'INSERT ANY%') THEN 0 ELSE 1 END"
        ' AS "read_only", 1 AS "snapshot" FROM dual',
        'SELECT COUNT(*) AS "s" FROM all_objects a CROSS JOIN all_objects b CROSS JOIN all_objects c',
        dual=" FROM dual",
    ),
}  # fmt: skip


def checks(registry: Sql) -> Iterator[Check]:
    """Yield what is tested on a database with its declared account, as it is tested; the rest only where it connects."""
    dialect = _DIALECTS[address(registry.settings.url).scheme]
    first = _checked("connects", partial(_connects, registry))
    yield first
    if not first.ok:
        return
    yield from _types(registry, dialect)
    for name, work in (
        ("is read only, in one snapshot", partial(_state, registry, dialect)),
        ("streams", partial(_streams, registry, dialect)),
        ("lets go of a scan that is left", partial(_abandons, registry, dialect)),
        ("gives up in time", partial(_gives_up, registry, dialect) if dialect.sleep else None),
    ):
        if work is not None:
            yield _checked(name, work)
    if registry.settings.lookup is not None:
        yield _checked("lookup", partial(_looks_up, registry))
    for name in registry.settings.tables:
        yield _checked(f"table {name}", partial(_opens, registry, name))


class _Fails(Exception):
    """A check that does not hold, with the reason."""


def _checked(name: str, work: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=work())
    except (_Fails, BeffroiError) as error:
        return Check(name, ok=False, detail=str(error))


def _connects(registry: Sql) -> str:
    tables = registry.engine.tables(_soon())
    return f"{len(tables)} tables and views are there"


def _soon() -> Deadline:
    return Deadline.after(SECONDS)


def _types(registry: Sql, dialect: _Dialect) -> Iterator[Check]:
    """Yield for each literal whether it is read back exactly."""
    for literal, expected in dialect.zoo.items():
        yield _checked(f"reads {literal}", partial(_reads, registry, f"SELECT {literal} AS v{dialect.dual}", expected))


def _reads(registry: Sql, query: str, expected: str | None) -> str:
    [row] = all_rows(registry.engine, query, _soon())
    found = next(value for name, value in row.items() if name != FAULT)
    text = None if found is None else f"{found:f}" if isinstance(found, Decimal) else str(found)
    if text != expected or row[FAULT] is not None:
        raise _Fails(f"expected {expected!r}, read {text!r}")
    return ""


def _state(registry: Sql, dialect: _Dialect) -> str:
    [row] = all_rows(registry.engine, dialect.state, _soon())
    said = {"read_only": "the account or the transaction may write", "snapshot": "a scan is not of one snapshot"}
    wrong = [why for name, why in said.items() if int(row[name]) != 1]
    if wrong:
        raise _Fails("; ".join(wrong))
    return ""


def _many(dialect: _Dialect) -> str:
    digits = " UNION ALL ".join(f"SELECT {number} AS d{dialect.dual}" for number in range(10))
    places = [f"({digits}) t{place}" for place in range(5)]
    number = " + ".join(f"t{place}.d * {10**place}" for place in range(5))
    return f"SELECT {number} AS n FROM {' CROSS JOIN '.join(places)}"


def _batches(registry: Sql, dialect: _Dialect, deadline: Deadline) -> Any:
    source = Source(Statement.of(_many(dialect)).within("(", ") beffroi_rows"), {})
    asked = selected(registry.engine, registry.engine.columns(source, deadline), source)
    return registry.engine.stream(asked.statement, asked.values, asked.columns, deadline)


def _streams(registry: Sql, dialect: _Dialect) -> str:
    began, sizes, numbers = time.monotonic(), list[int](), set[int]()
    for batch in _batches(registry, dialect, _soon()):
        sizes.append(batch.num_rows)
        numbers |= {int(value) for value in batch.column(0).to_pylist()}
    if numbers != set(range(ROWS)) or sum(sizes) != ROWS:
        raise _Fails(f"of {ROWS:,} rows {sum(sizes):,} came, {len(numbers):,} of them different")
    if len(sizes) < 2:
        raise _Fails("all rows came at once: memory would grow with the table")
    return f"{ROWS:,} rows in {len(sizes)} batches, {time.monotonic() - began:.2f} s"


def _abandons(registry: Sql, dialect: _Dialect) -> str:
    with closing(_batches(registry, dialect, _soon())) as batches:
        next(batches)
        began = time.monotonic()
    taken = time.monotonic() - began
    if taken > 5:
        raise _Fails(f"it took {taken:.1f} s")
    return ""


def _gives_up(registry: Sql, dialect: _Dialect) -> str:
    columns, began = [Column("s", "", pa.string(), "s")], time.monotonic()  # to ask for them would take as long
    try:
        registry.engine.rows(Statement.of(dialect.sleep), {}, columns, 1, Deadline.after(1))
    except Late:
        taken = time.monotonic() - began
        if taken > 3:
            raise _Fails(f"given up after {taken:.1f} s instead of 1 s") from None
        return f"given up after {taken:.1f} s"
    raise _Fails("a statement of half a minute was not given up after a second")


def _looks_up(registry: Sql) -> str:
    """Ask for an identifier that nobody has; the key's index is looked for before."""
    lookup = registry.settings.lookup
    assert lookup is not None  # noqa: S101
    absent = None if lookup.identifier.fields is not None else _made_up(lookup.identifier.pattern)
    if absent is None:
        return "not tried: no identifier that nobody has could be made for the pattern"
    try:
        registry.lookup(absent, _soon())
    except NotFound:
        return "an identifier that nobody has is not found"
    return "the identifier that was made up for the test is there"


def _made_up(pattern: str) -> str | None:
    """Return an identifier of a form that hardly anybody has, all 9 and Z where it may; None where none can be made."""
    made = [sign * length for length in range(1, 30) for sign in ("0", "9", "Z", "z")]
    try:
        text = matching(re.sub(r"\(\?P<\w+>|\(\?:", "(", pattern))
        made += [text.translate(str.maketrans("0123456789A", "9999999999Z")), text]
    except NotRead:
        pass
    return next((each for each in made if re.fullmatch(pattern, each, re.ASCII)), None)


def _opens(registry: Sql, table: str) -> str:
    reader = registry.scan(table)
    batch = next(iter(reader), None)
    columns, rows = counted(len(reader.schema.names) - 1, "column"), 0 if batch is None else batch.num_rows
    faults = 0 if batch is None else batch.num_rows - batch.column(FAULT).null_count
    return f"{columns}, {counted(rows, 'row')} in the first batch, {faults} of them faulty"
