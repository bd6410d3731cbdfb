"""`python -m tests.pipelines.killed ROOT`: what the crash tests kill. It says «ready», runs `shops`, says «done»."""

import resource
import sys
from pathlib import Path

from connectors.errors import BeffroiError
from pipelines import databases
from pipelines.run import run
from pipelines.workspace import Workspace


def main() -> None:
    workspace = Workspace(Path(sys.argv[1]))
    if len(sys.argv) > 2:
        most = int(sys.argv[2])
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    print("ready", flush=True)
    try:
        report = run(workspace, "shops")
        databases.refresh(workspace)
    except BeffroiError as error:
        print(f"{type(error).__name__}: {error.detail}", flush=True)
    else:
        print(f"done {report.version}", flush=True)


if __name__ == "__main__":
    main()
