"""Connections to MariaDB and MySQL, as we want them, and what their errors mean."""

import re
import select
import socket
import ssl
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NoReturn
from urllib.parse import unquote

import pymysql

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, RefusedUs, Unreadable
from connectors.registry import TlsSettings
from connectors.sockets import watching
from connectors.sql.engine import Login
from connectors.sql.mariadb_wire import Field, Lost, ask
from connectors.sql.pool import Pool

_READ_ONLY = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_SETTINGS = (
    "SET SESSION sql_mode = '', time_zone = '+00:00', group_concat_max_len = 4294967295, net_write_timeout = 3600,"
    " character_set_results = NULL"  # each text as it is stored: we read it ourselves
)

# Numbers of errors, https://mariadb.com/kb/en/mariadb-error-codes/
_REFUSED = {1044, 1045, 1130, 1142, 1143, 1227, 1251, 1345, 1370, 1698, 1820, 1862, 2049, 2059, 2061, 3118, 3159, 4151}
_BUSY = {1040, 1203, 1205, 1213, 1226}
_LATE = {1969, 3024}
_WRONG = {1046, 1049, 1051, 1052, 1054, 1060, 1064, 1066, 1109, 1140, 1146, 1149, 1241, 1242, 1247, 1248, 1267, 1305,
          1347, 1356, 1449, 1582, 1583, 1630, 1792, 4078}  # fmt: skip
_NAMES_ONLY = _REFUSED | {1046, 1049, 1051, 1052, 1054, 1060, 1066, 1109, 1146, 1305, 1356, 1449, 1630}
"""Errors whose text has names in it, and no part of the statement."""
_WHO = re.compile(r" (?:for |to |by |of )?(?:user |account )?'[^']*'@'[^']*'|(?<=Host) '[^']*'")
"""Our account and our address, which callers are not told."""
_EXPIRED = {1820, 1862}


class Session:
    """One connection, logged in and set up. `charsets` are the names of the server's character sets by number."""

    def __init__(self, connection: Any, guard: socket.socket, charsets: dict[int, str], *, mysql: bool) -> None:
        self.connection, self.guard, self.charsets, self._mysql = connection, guard, charsets, mysql
        self.close = weakref.finalize(self, _close, connection, guard)  # at the latest when nobody holds it any more
        self.told = False  # whether an error may tell the statement: it has none of a caller's values

    def do(self, sql: str) -> None:
        """Run a statement that has no rows."""
        self.connection.query(sql)

    def ask(self, sql: str, deadline: Deadline, *, most: int | None = None, told: bool = False) -> list[Field]:
        """Ask for rows, `most` of them, which the server gives up at the deadline; return their columns."""
        self.told = told
        seconds = max(deadline.remaining(), 0.01)
        if self._mysql:
            limit = "DEFAULT" if most is None else str(most)
            self.do(f"SET SESSION max_execution_time = {int(seconds * 1000)}, sql_select_limit = {limit}")
            return ask(self.connection, sql)
        limit = "" if most is None else f", sql_select_limit = {most}"
        return ask(self.connection, f"SET STATEMENT max_statement_time = {seconds:.3f}{limit} FOR {sql}")

    def alive(self) -> bool:
        """Tell whether the connection is open and has nothing unread."""
        return not select.select([self.guard], [], [], 0)[0]


def _close(connection: Any, guard: socket.socket) -> None:
    """Close a connection without a word, since the server may hang: a statement under way ends with it."""
    connection._force_close()  # noqa: SLF001 (close() would wait)
    guard.close()


class Sessions:
    """The connections of one registry. Everything that goes wrong within its blocks is one of our errors."""

    def __init__(self, login: Login, database: str) -> None:
        """Connect to nothing yet."""
        self._login, self._database = login, database
        self._charsets: dict[int, str] | None = None
        self._pool = Pool(self._connected, login.concurrency)

    @contextmanager
    def use(self, deadline: Deadline) -> Iterator[Session]:
        """Lend a kept connection."""
        with self._held(deadline, self._pool.use(deadline)) as session:
            yield session

    @contextmanager
    def fresh(self, deadline: Deadline) -> Iterator[Session]:
        """Open a connection that is closed afterwards."""
        with self._held(deadline, self._opened(deadline)) as session:
            yield session

    @contextmanager
    def _opened(self, deadline: Deadline) -> Iterator[Session]:
        session = self._connected(deadline)
        try:
            yield session
        finally:
            session.close()

    @contextmanager
    def _held(self, deadline: Deadline, lent: AbstractContextManager[Session]) -> Iterator[Session]:
        told = False
        with watching(deadline) as call:
            try:
                with lent as session:
                    call.guards.append(session.guard)
                    try:
                        yield session
                    finally:
                        told, session.told = session.told, False
            except (BeffroiError, GeneratorExit):
                raise
            except Exception as error:
                raise self._translated(error, late=call.shut or deadline.remaining() < 0.02, told=told) from error

    def _connected(self, deadline: Deadline) -> Session:
        """Connect, prove who we are, and set the session up."""
        url, tls = self._login.url, self._login.tls
        address = (url.hostname or "", url.port or 3306)
        made = socket.create_connection(address, max(deadline.remaining(), 0.001))
        guard = made.dup()
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection: Any = pymysql.Connection(
                host=address[0],
                user=unquote(url.username or ""),
                password=(self._login.secret or "").encode(),
                database=self._database or None,
                charset="utf8mb4",
                autocommit=None,
                defer_connect=True,
                ssl=None if tls is None else self._context(tls),
                auth_plugin_map={} if tls is not None else dict.fromkeys(_BARE, _Refusing),
            )
            with watching(deadline) as call:
                call.guards.append(guard)
                connection.connect(made)
                connection.query(_READ_ONLY)
                connection.query(_SETTINGS)
                server = str(connection.get_server_info())
                if self._charsets is None:
                    self._charsets = _charsets(connection)
        except BaseException:
            guard.close()
            made.close()
            raise
        return Session(connection, guard, self._charsets, mysql="mariadb" not in server.lower())

    def _context(self, tls: TlsSettings) -> ssl.SSLContext:
        identity = tls.identity(self._login.root)
        try:
            context = ssl.create_default_context(cafile=identity.authority)
            if identity.certificate is not None:
                context.load_cert_chain(identity.certificate, identity.key, password=lambda: "")
        except (OSError, ssl.SSLError):
            raise self._login.misconfigured("tls: a file is missing, is not ours to read, or is not PEM") from None
        return context

    def _translated(self, error: Exception, *, late: bool, told: bool) -> BeffroiError:
        name, number, said = self._login.registry, 0, ""
        if isinstance(error, pymysql.err.Error) and error.args and isinstance(error.args[0], int):
            number = error.args[0]
            shown = told or number in _NAMES_ONLY
            words = _WHO.sub("", str(error.args[-1]))
            said = f" (error {number}{f': {words}' if shown else ''})"
        kind: type[BeffroiError] = Down
        if late or number in _LATE:
            kind, why, said = Late, "did not answer in time", ""
        elif number in _REFUSED:
            kind, why = RefusedUs, "says that our password has expired" if number in _EXPIRED else "refuses our account"
        elif number in _BUSY:
            kind, why = Busy, "is busy"
        elif number in _WRONG:
            kind, why = Misconfigured, "does not take what its declaration asks"
        elif isinstance(cause := getattr(error, "original_exception", error), ssl.SSLError):
            why = f"cannot be reached by TLS ({cause.reason or 'the connection was cut'})"
        elif number or isinstance(error, OSError | Lost):
            why = "cannot be reached, or the connection was lost"
        elif isinstance(error, _Bare):
            kind, why = Misconfigured, str(error)
        else:
            kind, why = Unreadable, "answered what is not the protocol of MariaDB or MySQL"
        return kind(f"{name} {why}{said}", registry=name)


_BARE = ("mysql_clear_password", "mysql_old_password", "dialog")


class _Bare(Exception):
    """A server that asks for our password as it is, over a connection that nobody has vouched for."""


class _Refusing:
    """Stands for the ways of logging in that tell the password itself."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def authenticate(self, packet: Any) -> NoReturn:
        """Refuse. Raises _Bare."""
        raise _Bare("asks for our password in clear: say under tls: how it is known")


def _charsets(connection: Any) -> dict[int, str]:
    """Return the server's character sets by the number of each collation."""
    with connection.cursor() as cursor:
        try:  # MariaDB from 10.10 on has collations that are shared by several character sets
            cursor.execute(
                "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"
            )
        except pymysql.err.Error:
            cursor.execute("SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS")
        return {int(number): str(name) for number, name in cursor.fetchall() if number is not None}
