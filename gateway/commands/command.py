"""What every command of the command line is: on a workspace, with --json, its errors told and not raised, in a language."""

import errno
import functools
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from connectors.errors import BeffroiError, Unavailable
from gateway import console
from gateway.french import LANGUAGE, LANGUAGES, language_of

WRONG: Mapping[int, str] = {
    errno.ENOENT: "it is not there, or the folder that it is to be in: make that, or name another",
    errno.EACCES: "whoever runs this may not: give her the right, or name another",
    errno.EPERM: "whoever runs this may not: give her the right, or name another",
    errno.EROFS: "nothing can be written there: name another",
    errno.EISDIR: "it is a folder: name a file",
    errno.ENOTDIR: "what should be its folder is a file: name another",
    errno.ENOSPC: "the disk is full: make room",
    errno.EDQUOT: "the disk is full: make room",
}
"""What is wrong with a file, and what to do, by the error of the system."""

Command = Callable[..., None]

_LANG = f"{__name__}.lang"


def lang_option(function: Command) -> Command:
    """Give a command --lang: what it tells people, errors too, is in the language that `LANGUAGE` has then.

    Commands without it speak English, but for their errors, which are in the language of the line; so does what `beffroi
    serve` begins, where no request says otherwise.
    """

    def keep(context: click.Context, _option: click.Parameter, said: str | None) -> None:
        context.meta[_LANG] = said or language_of(os.environ)

    return click.option(
        "--lang", type=click.Choice(LANGUAGES), default=None, expose_value=False, callback=keep,
        help="By default that of LANG.",
    )(function)  # fmt: skip


def command(function: Command) -> Command:
    """Give a command --workspace and --json, and turn our errors into a clear end."""

    @click.option(
        "--workspace", "root", type=click.Path(path_type=Path, file_okay=False), default=None, metavar="DIR",
        help="The workspace to work on; the current folder by default.",
    )  # fmt: skip
    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
    @functools.wraps(function)
    def wrapped(root: Path | None, as_json: bool, **arguments: Any) -> None:
        context = click.get_current_context()
        chosen = root or (context.find_root().params.get("workspace")) or Path()
        of_line = context.meta.get(_LANG, LANGUAGE.get())
        before = LANGUAGE.set(context.meta.get(_LANG, "en"))
        try:
            function(root=chosen, as_json=as_json, **arguments)
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
            LANGUAGE.reset(before)

    return wrapped


def _unusable(error: OSError) -> str:
    """Say which file cannot be used, why, and what to do; of an error that is not known, what the system says."""
    name = f"{error.filename}" if error.filename else "a file"
    return f"{name} cannot be used: {WRONG.get(error.errno or 0) or error.strerror or error}"
