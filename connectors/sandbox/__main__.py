"""Serves one sandbox registry: `python -m connectors.sandbox communes --root DIR [--port N]`.

Ends on SIGTERM or Ctrl-C. Exit status 1, with a sentence on standard error, where reference data are missing.
"""

import argparse
import contextlib
import importlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from connectors.sandbox import ALL, HOST, listen


def main() -> int:
    """Read the command line, serve until told to end, return the exit status."""
    arguments = _parser().parse_args()
    try:
        application: Starlette = importlib.import_module(f"connectors.sandbox.{arguments.name}").app(arguments.root)
    except FileNotFoundError as error:
        print(f"a reference file of the workspace is missing: {error}", file=sys.stderr)
        return 1
    listener = socket.socket(fileno=arguments.fd) if arguments.fd is not None else listen(arguments.port)
    if arguments.fd is None:
        print(f"http://{HOST}:{listener.getsockname()[1]}", flush=True)
    if arguments.tied:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    # No access log: what is asked of a civil register is nobody's business.
    config = uvicorn.Config(application, access_log=False, log_level="warning", timeout_graceful_shutdown=1)
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn shuts down in good order, then passes the signal on
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m connectors.sandbox", description="Serve one sandbox registry.")
    parser.add_argument("name", choices=ALL)
    parser.add_argument("--root", type=Path, required=True, help="the workspace, with its datasets/reference")
    parser.add_argument("--port", type=int, default=0, help="where to listen; a free port if taken or not given")
    parser.add_argument("--fd", type=int, help="a listening socket, inherited from the starting process")
    parser.add_argument("--tied", action="store_true", help="end when standard input does")
    return parser


def _end_with_parent() -> None:
    """Wait for the end of the pipe that the starting process holds: it comes however that process ends."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
