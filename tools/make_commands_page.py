"""Write `docs/commands.md` from the commands' own help: `python -m tools.make_commands_page`.

A test holds that the page in git is the one that this makes.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from gateway.cli import main

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"

HEAD = """# Commands

Made from the commands' own help by `tools/make_commands_page.py`.

All work on the workspace in the current folder, or on the one that `--workspace DIR` names (before or after the
command). All have `--json`. Results go to standard output, all else to standard error. The exit status is 0 when a
command did what it says, 1 when it could not, 2 when it was not understood.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    return HEAD + "".join(_section(command, path) for path, command in _commands(main, ("beffroi",)))


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


def _section(command: click.Command, path: tuple[str, ...]) -> str:
    arguments = " ".join(
        p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)
    )
    lines = [f"\n## `{' '.join(path)}{' ' + arguments if arguments else ''}`\n\n{_paragraphs(command.help or '')}\n"]
    options = [p for p in command.params if isinstance(p, click.Option) and p.name not in ("as_json", "root")]
    if options:
        lines.append("\n| option | |\n|---|---|\n")
        lines += [f"| `{', '.join(option.opts)}` | {option.help}{_default(option)} |\n" for option in options]
    return "".join(lines)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _default(option: click.Option) -> str:
    return f" Default: {option.default}." if option.show_default else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
