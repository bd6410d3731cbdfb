"""What every command of the command line is: on a workspace, with --json, its errors told and not raised, in a language."""

import errno
import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from connectors.errors import BeffroiError, Unavailable
from gateway import console
from gateway.french import LANGUAGE, LANGUAGES

WRONG: Mapping[int, str] = {
    errno.ENOENT: "it is not there, or the folder that it is to be in: make that, or name another",
    errno.EACCES: "whoever runs this may not: grant it, or name another",
    errno.EPERM: "whoever runs this may not: grant it, or name another",
    errno.EROFS: "nothing can be written there: name another",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOTDIR: "what should be its folder is a file: name another",
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "the disk is full: make room",
}
"""What is wrong with a file, and what to do, by the error of the system."""

Command = Callable[..., None]


def common(function: Command) -> Command:
    """Give a command, or the whole command line before one, the options that all commands have.

    `Main` finds what --lang says, wherever that stands: what is told people, errors too, is in the language of `LANGUAGE`.
    """
    folder = click.Path(path_type=Path, file_okay=False)
    about = "The workspace to work on; the current folder by default."
    for option in (
        click.option("--lang", type=click.Choice(LANGUAGES), expose_value=False, help="By default that of LANG."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--workspace", "root", type=folder, default=None, metavar="DIR", help=about),
    ):
        function = option(function)
    return function


def command(function: Command) -> Command:
    """Give a command the common options, and turn our errors into a clear end."""

    @common
    @functools.wraps(function)
    def wrapped(root: Path | None, as_json: bool, **arguments: Any) -> None:
        before = click.get_current_context().find_root().params
        root, as_json = root or before.get("root") or Path(), as_json or before.get("as_json", False)
        of_line = LANGUAGE.get()
        try:
            function(root=root, as_json=as_json, **arguments)
        except BeffroiError as error:
            LANGUAGE.set(of_line)
            console.show_error(error, as_json)
            sys.exit(1)
        except BrokenPipeError:  # whoever reads us has enough, as `head` has: click ends quietly
            raise
        except OSError as error:  # a folder that may not be written, a disk that is full
            LANGUAGE.set(of_line)
            console.show_error(Unavailable(_unusable(error)), as_json)
            sys.exit(1)
        finally:
            LANGUAGE.set(of_line)

    return wrapped


def _unusable(error: OSError) -> str:
    """Say which file cannot be used, why, and what to do; of an error that is not known, what the system says."""
    name = f"{error.filename}" if error.filename else "a file"
    return f"{name} cannot be used: {WRONG.get(error.errno or 0) or error.strerror or error}"
