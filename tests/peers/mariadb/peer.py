"""Stands a real MariaDB up for a test: its own data, a free port, no rights on this machine."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pymysql

from tests.peers import PeerUnavailable, ports
from tests.peers.process import Process

PLACES = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
ACCOUNTS = (
    "CREATE DATABASE town CHARACTER SET utf8mb4",
    "CREATE USER 'admin'@'%' IDENTIFIED BY 'admin secret'",
    "GRANT ALL ON *.* TO 'admin'@'%' WITH GRANT OPTION",
    "CREATE USER 'reader'@'%' IDENTIFIED BY 'reader secret'",
    "GRANT SELECT, SHOW VIEW ON town.* TO 'reader'@'%'",
)
READER, SECRET = "reader", "reader secret"
"""The account that registries use: it may read the database `town` and nothing else."""


class MariaDbServer(Process):
    """Context manager: `port` is where it listens on 127.0.0.1, with the database `town`; `options` are of mariadbd.

    Raises PeerUnavailable where mariadb-server is not installed.
    """

    def __init__(self, *options: str) -> None:
        super().__init__(self._mariadb, ready=r"ready for connections\.[^$]*?port: (\d+)", guarded=True)
        self._options = options

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except BaseException:
            self._clear()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, traceback)
        self._clear()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rstrip("/").rpartition(":")[2])

    def address(self, database: str = "town", user: str = READER) -> str:
        """Return what a registry says under `url:`."""
        return f"mariadb://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, statements: Iterable[str], database: str = "town") -> list[tuple[Any, ...]]:
        """Run statements as the administrator; return the rows of the last."""
        connection = pymysql.connect(
            host="127.0.0.1", port=self.port, user="admin", password="admin secret", database=database,
            charset="utf8mb4", autocommit=True,
        )  # fmt: skip
        rows: tuple[tuple[Any, ...], ...] = ()
        with closing(connection), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = cursor.fetchall() or ()
        return list(rows)

    def kill(self) -> None:
        """End the server as a power cut does."""
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                ours = str(self._data).encode() in line.read_bytes()
            except OSError:
                continue
            if ours:
                os.kill(int(line.parent.name), 9)

    def _mariadb(self) -> list[str]:
        server, install = (shutil.which(name, path=PLACES) for name in ("mariadbd", "mariadb-install-db"))
        if server is None or install is None:
            raise PeerUnavailable("MariaDB is not installed: apt install mariadb-server")
        self._data = Path(tempfile.mkdtemp(prefix="beffroi-mariadb-"))
        common = ["--no-defaults", f"--datadir={self._data / 'data'}"]
        if os.geteuid() == 0:  # it does not run as root
            common.append("--user=nobody")
            os.chown(self._data, pwd.getpwnam("nobody").pw_uid, -1)
        accounts = self._data / "accounts.sql"
        accounts.write_text("".join(f"{statement};\n" for statement in ACCOUNTS))
        accounts.chmod(0o644)
        subprocess.run([install, *common, "--skip-test-db"], check=True, capture_output=True)
        [port] = ports.free()  # port 0 is to mariadbd its standard port
        return [
            server, *common, f"--init-file={accounts}", f"--socket={self._data / 'socket'}",
            f"--pid-file={self._data / 'pid'}", f"--port={port}", "--bind-address=127.0.0.1",
            "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", *self._options,
        ]  # fmt: skip

    def _clear(self) -> None:
        if hasattr(self, "_data"):
            shutil.rmtree(self._data, ignore_errors=True)
