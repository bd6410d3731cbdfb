"""What the command line says of itself under French: help, and that a line was not understood, of every command there is."""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.commands.help import HELP
from tests import commands


def walked(
    command: click.Command = main, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command and group there is, by the words that call it."""
    yield words, command
    for name, each in getattr(command, "commands", {}).items():
        yield from walked(each, (*words, name))


EVERY = [pytest.param(words, command, id=" ".join(words) or "beffroi") for words, command in walked()]


def paragraphs(command: click.Command) -> Iterator[str]:
    """Yield what is written of a command and of its options, by paragraph."""
    written = [command.help, *(getattr(each, "help", None) for each in command.get_params(click.Context(command)))]
    for text in filter(None, written):
        yield from (" ".join(each.split()) for each in inspect.cleandoc(text).split("\n\n"))


def wrong(command: click.Command) -> Iterator[tuple[str, ...]]:
    """Yield lines that this command does not understand: each of its options and arguments said wrongly."""
    yield ("--nonesuch",)
    if isinstance(command, click.Group):
        if command.name != "decide":  # what is no command of it is a dataset to review
            yield ("nonesuch",)
        return
    arguments = [each for each in command.params if isinstance(each, click.Argument)]
    given = tuple("1" for each in arguments if each.required)
    if given:
        yield ()
    if all(each.nargs > 0 for each in arguments):
        yield ("1",) * 9
    for each in command.params:
        if isinstance(each, click.Option):
            yield from ((*given, *said) for said in wrongly(each))


def wrongly(option: click.Option) -> Iterator[tuple[str, ...]]:
    """Yield ways to say an option that it does not take."""
    name, kind = option.opts[0], option.type
    if option.is_flag:
        yield (f"{name}=1",)
        return
    yield (name,)
    if isinstance(kind, click.Choice | click.types.IntParamType | click.types.FloatParamType):
        yield name, "nonesuch"
    if isinstance(kind, click.IntRange | click.FloatRange):
        yield name, "-1"
    if isinstance(kind, click.Path):
        refused = {"a folder": not kind.dir_okay, "a file": not kind.file_okay, "no/where": kind.exists}
        yield from ((name, path) for path, wrong in refused.items() if wrong)


@pytest.fixture
def french(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file and a folder, in a French environment."""
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a file").touch()
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    return tmp_path


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_all_that_a_command_says_of_itself_has_french(words: tuple[str, ...], command: click.Command) -> None:
    assert [each for each in paragraphs(command) if each not in HELP] == [], (
        "write its French in gateway/languages/help_…"
    )


def test_no_french_is_left_of_what_no_command_says_any_more() -> None:
    said = {each for _, command in walked() for each in paragraphs(command)}
    assert HELP.keys() - said <= {"Usage:", "Options", "Commands"}


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_help_is_in_the_language_of_the_environment(
    words: tuple[str, ...], command: click.Command, french: Path
) -> None:
    shown = commands.run_any(french, *words, "--help").stdout
    assert shown.startswith("Usage :")
    together = "".join(shown.split())  # lines are broken where they are full, at hyphens too
    assert [each for each in paragraphs(command) if "".join(HELP[each].split()) not in together] == []
    assert "default" not in shown
    for each in getattr(command, "commands", {}).values():
        first = HELP[next(paragraphs(each))]
        assert first[:12] in shown, "the list of commands is in French too"


@pytest.mark.parametrize(("words", "command"), EVERY)
def test_every_line_that_is_not_understood_is_told_in_french(
    words: tuple[str, ...], command: click.Command, french: Path
) -> None:
    for line in wrong(command):
        done = commands.run_any(french, *words, *line)
        assert done.exit_code == 2, line
        assert "Erreur : " in done.stderr, f"write the French in gateway/languages/usage.py: {done.stderr}"
        english = [each for each in ("Usage:", "Invalid value", "is not", "does not") if each in done.stderr]
        assert english == [], done.stderr


def test_an_error_of_a_command_without_a_language_is_in_that_of_the_environment(french: Path) -> None:
    (french / "beffroi.yaml").write_text("title: Town\n", encoding="utf-8")
    done = commands.run_any(french, "versions", "nothing")
    assert done.stderr.splitlines() == [
        "Introuvable (à vous de corriger)",
        "il n'y a pas de jeu de données «nothing»",
        "Vérifiez ce que vous demandez : la forme est juste, mais cela n'existe pas.",
    ]
    assert json.loads(commands.run_any(french, "versions", "nothing", "--json").stderr)["title"] == "Not found"


def test_the_language_that_a_line_names_is_its_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    assert "Usage :" in commands.run_any(tmp_path, "trace", "--help", "--lang", "fr").stdout
    for line in (("--help", "--lang", "fr"), ("--lang=fr", "--help"), ("--help", "--json", "--lang", "fr", "verify")):
        said = commands.run_any(tmp_path, "journal", *line)
        assert "Usage : main journal [OPTIONS] COMMAND" in said.stdout, "also of a group of commands"
    assert "Usage : python" in commands.process(tmp_path, "journal", "-h", "--lang", "fr").stdout
    assert "Erreur :" in commands.run_any(tmp_path, "trace", "--lang=fr", "--nonesuch").stderr
    assert "Erreur :" in commands.run_any(tmp_path, "explain", "--lang", "fr").stderr
    assert "Usage:" in commands.run_any(tmp_path, "trace", "--help").stdout
    monkeypatch.setenv("LC_ALL", "fr_FR.UTF-8")
    assert "Usage:" in commands.run_any(tmp_path, "trace", "--help", "--lang", "en").stdout
    assert "Error:" in CliRunner().invoke(main, ["trace", "--lang", "en"]).stderr
    assert "Erreur : valeur impossible" in commands.run_any(tmp_path, "trace", "--lang", "de").stderr


def test_what_all_commands_have_stands_before_the_command_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    commands.beffroi(tmp_path, "init", "town")
    checked = ("--workspace", "town", "check")
    assert commands.beffroi(tmp_path, "--lang", "fr", *checked).stderr.endswith(" : aucun problème\n")
    assert commands.beffroi(tmp_path, "--lang=fr", *checked, "--lang", "en").stderr.endswith(": no problem\n"), (
        "the last"
    )
    assert commands.beffroi(tmp_path, *checked).stderr.endswith(": no problem\n")
    assert commands.beffroi(tmp_path, "--json", "--lang", "fr", *checked).stdout == "[]\n"
    refused = commands.beffroi(tmp_path, "--lang", "de", *checked, status=2).stderr
    assert "'de' is not one of 'en', 'fr'" in refused


@pytest.mark.parametrize(
    "line",
    ["--lang fr --json journal verify", "journal --lang fr --json verify", "journal --json --lang=fr verify", "journal verify --json --lang fr"],
)  # fmt: skip
def test_what_all_commands_take_may_stand_wherever_an_option_does(tmp_path: Path, line: str) -> None:
    words = line.split()
    assert json.loads(commands.beffroi(tmp_path, *words, status=1).stderr)["code"] == "misconfigured"
    plain = [word for word in words if word != "--json"]
    assert commands.beffroi(tmp_path, *plain, status=1).stderr.startswith("La configuration")


def test_options_before_a_group_s_command_end_where_it_begins(tmp_path: Path) -> None:
    said = commands.beffroi(tmp_path, "decide", "--lang", "fr", "list", "persons", status=1).stderr
    assert said.startswith("La configuration")
    assert "argument" not in said, "«list» is the command, not a dataset to review"
    assert "Usage :" in commands.beffroi(tmp_path, "journal", "--lang", "fr", "--help").stdout
    assert "'--lang'" in commands.beffroi(tmp_path, "journal", "--lang", status=2).stderr
    assert "'--nonesuch'" in commands.beffroi(tmp_path, "journal", "--json", "--nonesuch", status=2).stderr


def test_options_before_those_of_a_review_are_its_own(tmp_path: Path) -> None:
    asked = ("--limit", "5", "persons")
    said = commands.beffroi(tmp_path, "decide", "--workspace", str(tmp_path / "elsewhere"), *asked, status=1).stderr
    assert "elsewhere" in said, "not the workspace of the folder"
    refused = commands.beffroi(tmp_path, "decide", "--json", *asked, status=1).stderr
    assert "decide list --json" in json.loads(refused)["detail"], "who asks for JSON is no person"
