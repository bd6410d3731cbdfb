"""What click says of a command, in the language of the line: its `--help`, and that a line was not understood.

click has a formatter write all of a help text, and an error show itself: ours put each sentence into French first.
Words in capitals (DATASET, FILE) and the names of options are the command line's own, and stay.
"""

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import IO, Any

import click

from gateway.french import LANGUAGE, LANGUAGES, language_of
from gateway.languages import help_datasets, help_gateway, help_options, in_french

HELP: Mapping[str, str] = {**help_datasets.HELP, **help_gateway.HELP, **help_options.HELP}
"""The French of each paragraph of a command's help, and of each option's, by the English."""

COMMON = {"--lang": 1, "--json": 0, "--workspace": 1}
"""The options that all commands have, each with how many words are its value: `command.common` gives them."""

ASK = ("--help", "-h")
"""What asks for the help of a group, before or behind the common options."""

_DEFAULT = "default: "


def _said(text: str) -> str:
    """Return a help text in the language of the line; in French paragraph by paragraph."""
    if LANGUAGE.get() != "fr":
        return text
    paragraphs = (" ".join(each.split()) for each in text.strip().split("\n\n"))
    return "\n\n".join(HELP.get(each, each) for each in paragraphs)


def _said_of(text: str) -> str:
    """Return an option's help in the language of the line, with what click adds of it: `…  [default: 20; x>=1]`."""
    if LANGUAGE.get() != "fr" or not (found := re.fullmatch(r"(.*?)  \[([^]]+)\]", text, re.DOTALL)):
        return _said(text)
    more = (
        f"{each.removeprefix(_DEFAULT)} par défaut" if each.startswith(_DEFAULT) else each
        for each in found[2].split("; ")
    )
    return f"{_said(found[1])}  [{', '.join(more)}]"


class _Formatter(click.HelpFormatter):
    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, f"{_said('Usage:')} " if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        super().write_heading(_said(heading))

    def write_text(self, text: str) -> None:
        super().write_text(_said(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        super().write_dl([(term, _said_of(text)) for term, text in rows], col_max, col_spacing)


class _Context(click.Context):
    formatter_class = _Formatter


class Command(click.Command):
    """A command whose help is in the language of the line."""

    context_class = _Context

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return what stands of a command in the list of its group, in so many characters."""
        if LANGUAGE.get() != "fr":
            return super().get_short_help_str(limit)
        first = _said(self.help or "").partition("\n\n")[0]
        return textwrap.shorten(first.removesuffix("."), limit, placeholder="...")


class Group(Command, click.Group):
    """A group of commands whose help is in the language of the line."""

    command_class = Command
    group_class = type

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words of a line from this group on: what all commands take may stand before the group's command."""
        return super().parse_args(ctx, args if ctx.parent is None else command_first(args))


def command_first(args: Sequence[str]) -> list[str]:
    """Put the common options that stand first behind the command that follows; where none does, the group's help needs none."""
    at, asked = 0, list[str]()
    while at < len(args) and (name := args[at].partition("="))[0] in {*COMMON, *ASK}:
        asked += args[at : at + 1] if name[0] in ASK else ()
        at += 1 if name[1] else 1 + COMMON.get(name[0], 0)
    options, rest = args[:at], args[at:]
    if at > len(args):  # the last wants a value: click says so
        return list(args)
    if asked:
        return [*asked, *rest]
    return [rest[0], *options, *rest[1:]] if rest and not rest[0].startswith("-") else list(rest)


class Main(Group):
    """The whole command line: its language is what --lang says, wherever that stands, else that of the environment."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **named: Any) -> Any:
        """Run a line, by default that of this process, in its language."""
        words = sys.argv[1:] if args is None else list(args)
        before = LANGUAGE.set(_language(words))
        try:
            return super().main(words, *others, **named)
        finally:
            LANGUAGE.reset(before)

    def make_context(self, *arguments: Any, **named: Any) -> click.Context:
        """Read the words before the command. Raises UsageError, in the language of the line."""
        with _misunderstood():
            return super().make_context(*arguments, **named)

    def invoke(self, ctx: click.Context) -> Any:
        """Read the words of the command, and run it. Raises UsageError, in the language of the line."""
        with _misunderstood():
            return super().invoke(ctx)


def _language(words: Sequence[str]) -> str:
    """Return what a line asks for last by --lang, where that is a language of ours; else what the environment does."""
    asked = re.compile("--lang(=|$)")
    said = [word.partition("=")[2] or after for word, after in pairwise([*words, ""]) if asked.match(word)]
    return said[-1] if said and said[-1] in LANGUAGES else language_of(os.environ)


class _Misunderstood(click.UsageError):
    """A usage error in French: click's own says `Error:` and `Try …` around it in English."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it, on standard error where no `file` is named."""
        if self.ctx is not None:
            click.echo(self.ctx.get_usage(), file, err=True)
            click.echo(f"Essayez « {self.ctx.command_path} --help » pour l'aide.\n", file, err=True)
        click.echo(f"Erreur : {self.message}", file, err=True)


@contextmanager
def _misunderstood() -> Iterator[None]:
    """Put a usage error of click's into French, where that is the line's language."""
    try:
        yield
    except click.UsageError as error:
        french = in_french(error.format_message()) if LANGUAGE.get() == "fr" else None
        if french is None:
            raise
        raise _Misunderstood(french, error.ctx) from error
