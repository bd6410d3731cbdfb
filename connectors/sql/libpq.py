"""One connection to PostgreSQL, through libpq, that never outlives a deadline, whatever the server or network does.

Every wait is ours: libpq is used without blocking, and its socket is polled until the deadline. Whole tables come by
COPY, as pieces of CSV of which nobody makes a Python object per cell.
Sources: libpq, https://www.postgresql.org/docs/current/libpq.html; psycopg.pq,
https://www.psycopg.org/psycopg3/docs/api/pq.html
"""

import select
from collections.abc import Generator, Sequence
from urllib.parse import unquote

import psycopg
from psycopg import pq
from psycopg.conninfo import make_conninfo

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late
from connectors.sql import copying
from connectors.sql.engine import Login
from connectors.sql.postgresql_errors import of_connecting, of_state

PIECE, PIECE_ROWS = 4 << 20, 50_000
"""Bytes and rows of CSV that are read at once: they become one batch."""
SESSION = (
    b"SET default_transaction_read_only = on; SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO';"
    b" SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 3; SET bytea_output = 'hex'"
)
"""How texts are written: the same on every server, so that they read back as the same values."""
RAW = SESSION.replace(b"UTF8", b"SQL_ASCII")
"""A database without an encoding holds any bytes, and refuses a whole table for one that is not what we ask for."""
KEEPALIVE = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3", "tcp_user_timeout": "30000"}
_ASKED = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class Conversation:
    """One connection. Not for two threads at once. After any error it must be closed."""

    def __init__(self, login: Login, deadline: Deadline) -> None:
        """Connect by `deadline`. Raises RefusedUs, Misconfigured, Busy, Down, Late."""
        self._registry = login.registry
        self.state = ""  # the last error's
        try:
            self._open(login, deadline)
            encoding = self._libpq.parameter_status(b"server_encoding")
            self.run(RAW if encoding == b"SQL_ASCII" else SESSION, deadline)
        except BaseException:
            self.close()
            raise

    def _open(self, login: Login, deadline: Deadline) -> None:
        self._libpq = pq.PGconn.connect_start(make_conninfo("", **_parameters(login)).encode())
        self._libpq.notice_handler = None
        while True:
            if self._libpq.status == pq.ConnStatus.BAD:
                raise of_connecting(login, self._libpq)
            polled = self._libpq.connect_poll()
            if polled == pq.PollingStatus.OK:
                self._libpq.nonblocking = 1
                return
            if polled != pq.PollingStatus.FAILED:
                self._wait(deadline, select.POLLIN if polled == pq.PollingStatus.READING else select.POLLOUT)

    def alive(self) -> bool:
        """Tell whether it is open and idle: a server that ended it has told so."""
        try:
            poll = select.poll()
            poll.register(self._libpq.socket, select.POLLIN)
            return not poll.poll(0) and self._libpq.transaction_status == pq.TransactionStatus.IDLE
        except psycopg.Error:
            return False

    def close(self) -> None:
        """Close it; the server ends what it was doing for us when it notices."""
        if hasattr(self, "_libpq"):
            self._libpq.finish()

    # --- asking ------------------------------------------------------------------------------------------------------

    def run(self, sql: bytes, deadline: Deadline) -> None:
        """Run commands of ours that have no parameters and no result."""
        self._libpq.send_query(sql)
        self._results(deadline)

    def ask(self, sql: str, values: Sequence[str | None], deadline: Deadline) -> pq.abc.PGresult:
        """Return the result of one statement, its `$1`… bound to `values`; all cells come as texts."""
        texts = [None if value is None else value.encode() for value in values]
        self._libpq.send_query_params(sql.encode(), texts)
        return self._results(deadline)

    def describe(self, sql: str, deadline: Deadline) -> pq.abc.PGresult:
        """Return what the server says of a statement, without running it: its columns and its parameters."""
        self._libpq.send_prepare(b"", sql.encode())
        self._results(deadline)
        self._libpq.send_describe_prepared(b"")
        return self._results(deadline)

    def copy(self, sql: str, deadline: Deadline) -> Generator[bytes, None, None]:
        """Yield what COPY TO STDOUT gives, in pieces of whole rows (a message of the protocol is a row).

        It is the last thing that this connection is asked.
        """
        self._libpq.send_query(sql.encode())
        self._flush(deadline)
        if self._libpq.ssl_in_use:
            yield from self._by_libpq(deadline)
            return
        try:
            for piece in copying.rows(self._libpq.socket, lambda: self._wait(deadline), PIECE, PIECE_ROWS):
                yield piece
                self._left(deadline)
        except copying.Refused as refused:
            self.state = refused.state
            raise of_state(self._registry, refused.state, refused.words) from None
        except copying.Broken as error:
            raise self._lost() from error

    def _by_libpq(self, deadline: Deadline) -> Generator[bytes, None, None]:
        self._arrived(deadline)
        self._checked(self._libpq.get_result())
        rows, size, receive = list[memoryview](), 0, self._libpq.get_copy_data
        while True:
            try:
                length, row = receive(1)
            except psycopg.Error as error:
                raise self._lost() from error
            if length > 0:
                rows.append(row)
                size += length
                if size >= PIECE or len(rows) == PIECE_ROWS:
                    yield b"".join(rows)
                    rows, size = [], 0
                    self._left(deadline)
            elif length == 0:
                self._wait(deadline)
                self._consume()
            else:
                break
        self._results(deadline)  # how it ended: what is not told to be whole is not
        if rows:
            yield b"".join(rows)

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _results(self, deadline: Deadline) -> pq.abc.PGresult:
        """Wait until the server has done what was sent, and return the last result. Raises its error."""
        self._flush(deadline)
        last: pq.abc.PGresult | None = None
        while True:
            self._arrived(deadline)
            result = self._libpq.get_result()
            if result is None:
                break
            last = self._checked(result)
        if last is None:
            raise self._lost()
        return last

    def _checked(self, result: pq.abc.PGresult | None) -> pq.abc.PGresult:
        if result is None:
            raise self._lost()
        if result.status in (*_ASKED, pq.ExecStatus.COPY_OUT):
            return result
        state = result.error_field(pq.DiagnosticField.SQLSTATE)
        said = result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b""
        if state is None:
            raise self._lost()
        self.state = state.decode("ascii", "replace")
        raise of_state(self._registry, self.state, said.decode("utf-8", "replace"))

    def _flush(self, deadline: Deadline) -> None:
        while self._flushed():
            self._wait(deadline, select.POLLIN | select.POLLOUT)
            self._consume()

    def _flushed(self) -> int:
        try:
            return self._libpq.flush()
        except psycopg.Error as error:
            raise self._lost() from error

    def _arrived(self, deadline: Deadline) -> None:
        while self._libpq.is_busy():
            self._wait(deadline)
            self._consume()

    def _consume(self) -> None:
        try:
            self._libpq.consume_input()
        except psycopg.Error as error:
            raise self._lost() from error

    def _left(self, deadline: Deadline) -> float:
        left = deadline.remaining()
        if left <= 0:
            raise Late(f"{self._registry} did not finish its answer in the time it had", registry=self._registry)
        return left

    def _wait(self, deadline: Deadline, events: int = select.POLLIN) -> None:
        poll = select.poll()
        poll.register(self._libpq.socket, events)
        while not poll.poll(max(1.0, self._left(deadline) * 1000)):
            pass

    def _lost(self) -> BeffroiError:
        return Down(f"{self._registry} broke the connection in the middle of an answer", registry=self._registry)


def _parameters(login: Login) -> dict[str, str]:
    """Return what libpq is told: the declared host and no other, nothing from files or variables of the user who runs us."""
    url, tls = login.url, login.tls
    told = KEEPALIVE | {
        "host": url.hostname or "",
        "port": str(url.port or 5432),
        "user": unquote(url.username or ""),
        "dbname": unquote(url.path.lstrip("/")),
        "application_name": "beffroi",
        "password": login.secret or "",
        "passfile": "/nonexistent",
        **dict.fromkeys(("hostaddr", "options"), ""),
        "gssencmode": "disable",
        "sslmode": "prefer" if tls is None else "verify-full",
    }
    if tls is not None:
        files = {"sslrootcert": tls.authority, "sslcert": tls.certificate, "sslkey": tls.key or tls.certificate}
        told |= {key: str(login.root / name) for key, name in files.items() if name is not None}
        if tls.authority is None:
            told["sslrootcert"] = "system"
    return told
