"""The command line, run as its user has it; in this process, where nothing is held that a process of its own has."""

import contextlib
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from gateway.cli import main


def beffroi(root: Path, *arguments: str, status: int = 0, typed: str = "") -> Result:
    """Run a command in the workspace's folder, in this process, and hold it to its exit status; `typed` is its input."""
    done = run_any(root, *arguments, typed=typed)
    assert done.exit_code == status, done.stderr
    return done


def run_any(root: Path, *arguments: str, typed: str = "") -> Result:
    """Run a command as `beffroi` does, whatever it ends with."""
    with contextlib.chdir(root):
        done = CliRunner().invoke(main, arguments, input=typed)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def process(root: Path, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command as `beffroi` does, in a process of its own: a start costs as much as a hundred small tests."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", *arguments], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done
