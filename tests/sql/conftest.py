"""A database of its own for each test, in the PostgreSQL of the session, and an account that may only read."""

import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.sql import Sql
from connectors.sql.settings import SqlSettings
from tests.peers.postgresql.peer import PASSWORD, PostgreSqlServer

NUMBERS = itertools.count()


@dataclass
class Database:
    """`owner` is its superuser's connection; `registry` gives it as Beffroi sees it."""

    server: PostgreSqlServer
    name: str
    root: Path
    owner: psycopg.Connection[Any]

    def run(self, *statements: str) -> None:
        for statement in statements:
            self.owner.execute(statement)

    def registry(self, port: int | None = None, user: str = "reader", **said: Any) -> Sql:
        url = f"postgresql://{user}@127.0.0.1:{port or self.server.port}/{self.name}"
        settings = SqlSettings.model_validate({"url": url, "password": "${READER_PASSWORD}"} | said)
        return Sql("town", settings, self.root)

    def rows(self, table: str, after: str | None = None, **said: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.registry(**said).scan(table, after).read_all().to_pylist()
        return found

    def backends(self) -> int:
        """Return how many connections of ours there are."""
        asked = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'beffroi' AND datname = %s"
        row = self.owner.execute(asked, (self.name,)).fetchone()
        assert row is not None
        return int(row[0])

    def end_backends(self) -> None:
        self.owner.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'beffroi' AND datname = %s",
            (self.name,),
        )


@pytest.fixture
def make_database(postgresql: PostgreSqlServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("READER_PASSWORD", PASSWORD)
    made: list[Database] = []

    def make(options: str = "") -> Database:
        name = f"town{next(NUMBERS)}"
        with postgresql.connect() as owner:
            owner.execute(f"CREATE DATABASE {name} {options}")
        made.append(Database(postgresql, name, tmp_path, postgresql.connect(name)))
        made[-1].run("GRANT pg_read_all_data TO reader")
        return made[-1]

    yield make
    for each in made:
        each.owner.close()


@pytest.fixture
def database(make_database: Any) -> Database:
    made: Database = make_database()
    return made


@pytest.fixture
def talker() -> Iterator[Callable[[Callable[[socket.socket], object]], int]]:
    """A server that does to each client what it is told to; returns its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(talk: Callable[[socket.socket], object]) -> int:
            def run() -> None:
                while True:
                    try:
                        client, _ = server.accept()
                        with client:
                            talk(client)
                    except OSError:
                        if server.fileno() < 0:
                            return

            threading.Thread(target=run, daemon=True).start()
            return int(server.getsockname()[1])

        yield serve
        server.shutdown(socket.SHUT_RDWR)
