"""Write what `docs/` has from the code: `python -m tools.make_pages`.

Some pages are made whole (`PAGES`); in pages written by hand, what stands between `<!-- made: NAME -->` and
`<!-- end -->` is (`PLACES`). Tests hold that what stands in git is what this makes.
"""

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from connectors.errors import BeffroiError
from connectors.registry import TERMS, Registry, Settings, kinds
from connectors.soap import values as soap_values
from gateway.cli import main
from gateway.datasets.filters import OPERATORS
from gateway.languages.codes import CODES
from gateway.problems import STATUS
from pipelines.steps.step import REFUSED, Step
from pipelines.steps.vocabulary import STEPS_BY_KIND
from tools import recipes, rooms
from tools.words import default_of, type_of

DOCS = Path(__file__).parents[1] / "docs"


# --- commands.md -----------------------------------------------------------------------------------------------------


def commands() -> str:
    """Return the page of commands, from their own help."""
    head = """# Commands

Made from the commands' own help by `tools/make_pages.py`.

All work on the workspace in the current folder, or on the one that `--workspace DIR` names. `--json` prints the result
for a program, `--lang fr` or `en` speaks that language to people, by default that of the environment (`LANG`). These
three stand before a command, within it or after it: `beffroi --lang fr run`. Results go to standard output, all else to standard
error. The exit status is 0 when a command did what it says, 1 when it could not, 2 when it was not understood.
"""
    return head + "".join(_command(command, path) for path, command in every_command(main, ("beffroi",)))


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command of a group and of the groups inside, by the words that call it."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name), command


def _command(command: click.Command, path: tuple[str, ...]) -> str:
    arguments = " ".join(
        p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)
    )
    help_text = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    lines = [f"\n## `{' '.join(path)}{' ' + arguments if arguments else ''}`\n\n{help_text}\n"]
    options = [p for p in command.params if isinstance(p, click.Option) and p.name not in ("as_json", "root", "lang")]
    if options:
        lines.append("\n| option | |\n|---|---|\n")
        for option in options:
            default = f" Default: {option.default}." if option.show_default else ""
            lines.append(f"| `{', '.join(option.opts)}` | {option.help}{default} |\n")
    return "".join(lines)


# --- cleaning.md -----------------------------------------------------------------------------------------------------


def cleaning() -> str:
    """Return the page of cleaning steps, from their own words and examples."""
    head = """# Cleaning steps

Made from the steps themselves by `tools/make_pages.py`; the examples are their tests.

A column goes through its steps in the order written (see [A dataset from nothing](steward.md)). No value stays no
value. A value that a step *refuses* sends its row to quarantine, with the column, the step and the reason: nothing is
guessed. Text that a step does not touch stays as it is, leading zeros too. In the examples `\\u00a0` is a no-break space.

"""
    return head + "".join(f"\n## {title}\n\n{HEAD}{_steps(steps)}" for title, steps in STEPS_BY_KIND.items()) + WORDS


HEAD = "| step | what it does | written | examples |\n|---|---|---|---|\n"

WORDS = """
## The French and Spanish words

| word | what it is |
|---|---|
| SIREN, SIRET | the numbers of an enterprise (nine digits) and of one of its establishments (the SIREN and five digits more), given by INSEE |
| RNA | *Répertoire national des associations*, the register of associations, kept by the Ministry of the Interior |
| NIR | *numéro d'inscription au répertoire*, the number by which a person is registered: personal data, never to be published |
| NIF, DNI, NIE, CIF | the Spanish tax number, and the three kinds of it: of a citizen, of a foreigner, of a legal person |
| LEI | *legal entity identifier*, ISO 17442, worldwide |
| NAF, NACE | the classification of activities of France, and that of the European Union from which it is made: the first four digits are the same |
| INSEE code, *code officiel géographique* | the five characters by which a commune is known: no postal code, though it looks like one |
| *commune nouvelle*, *commune déléguée* | a commune made of several, and one of those it was made of, which keeps its old code as a part |
| *arrondissement municipal* | a district of Paris, Lyon or Marseille, with a code of its own |
| *voie*, *type de voie* | the street as it is written, and its first word (rue, avenue, calle) |
| *bis*, *ter* | what is added to a number for a second and a third house |
| BP, CS, TSA, *apartado* | a post box, in France (*boîte postale*, *course spéciale*, *tri spécial arrivée*) and in Spain |
| CEDEX | special delivery of post to those who get much of it: after the town's name, it is no part of it |

Mergers of communes are known by their dates until 2019, and from then on by the first of January of each year (2021 to
2026) by which they had taken place. A value map is a file of the workspace, in UTF-8, which a spreadsheet can save:

```csv
from,to
Bd,boulevard
Av,avenue
inconnu,
```
"""


def _steps(steps: Mapping[str, Step]) -> str:
    rows = []
    for name, step in steps.items():
        written = f"`{name}`"
        if step.argument:
            told = step.argument.told.replace("|", "\\|")
            written = f"`{name}: …`, with {told}" + (f"; or `{name}` alone" if step.argument.optional else "")
        last = f" Makes a {step.gives}: must be the last step." if step.gives else ""
        rows.append(f"| `{name}` | {step.about}{last} | {written} | {'<br>'.join(map(_example, step.examples))} |\n")
    return "".join(rows)


def _example(example: tuple[Any, Any, Any]) -> str:
    argument, before, after = example
    told = "*refused*" if after is REFUSED else "no value" if after is None else _shown(after)
    given = f"with {_shown(argument)}: " if argument is not None else ""
    return f"{given}{_shown(before)} → {told}"


def _shown(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`".replace("\u00a0", "\\u00a0")


# --- errors.md -------------------------------------------------------------------------------------------------------


def errors() -> str:
    """Return the page of errors, from their tree and the one table of statuses."""
    head = """# Errors

Made from `connectors/errors.py` and `gateway/problems.py` by `tools/make_pages.py`.

Over HTTP every error is a problem of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457): a JSON object of the media
type `application/problem+json`. A program goes by the *code*, the last part of `type`
(`urn:beffroi:problem:not-found`); people read `detail` (what was wrong, in this case) and `todo` (what to do).
`fault` says who can mend it. Where a registry is concerned `registry` names it, and `tried` lists the providers that
were asked and why each had no answer. `retry_in` and the header `Retry-After` say in how many seconds it is worth
asking again; every answer with status 503 has that header. A byte range outside a file is an `invalid-request` with
status 416. No problem repeats a personal identifier.

Who sends `Accept-Language: fr` reads `title`, `todo` and `detail` in French, in bulk and fan-out too, and so the
`detail` of what was `tried` before an answer; each sentence is French whole or English whole. `Content-Language` is
`fr`, or `fr, en` where what was wrong is told in English only, as what a connector says of an answer that cannot be
read. Programs lose nothing: the codes are the same.

The command line says the same on standard error, in its own language, and ends with status 1; with `--json`, as JSON
in English.

| code | status | fault | what it means | what to do |
|---|---|---|---|---|
"""
    rows = [_error(kind, int(status)) for kind, status in STATUS.items()]
    internal = (
        "| `internal` | 500 | beffroi | Something that nobody foresaw; the log says where, and never with which"
        " values. | Tell the gateway's operator when it happened. |\n"
    )
    french = "".join(f"| `{code}` | {title} | {todo} |\n" for code, (title, todo) in CODES.items())
    return f"{head}{''.join(rows)}{internal}\n## In French\n\n| code | ce qui s'est passé | que faire |\n|---|---|---|\n{french}"


def _error(kind: type[BeffroiError], status: int) -> str:
    return f"| `{kind.code}` | {status} | {kind.fault} | {_first_line(kind.__doc__)} | {kind.todo} |\n"


def _first_line(doc: str | None) -> str:
    return inspect.cleandoc(doc or "").partition("\n")[0]


# --- registries.md ---------------------------------------------------------------------------------------------------


def registries() -> str:
    """Return the page of the kinds of registry, from their files."""
    head = """# Kinds of registry

Made from the files of `connectors/` by `tools/make_pages.py`.

An entry under `registries` in `beffroi.yaml` names its `kind`: one of these. How to write one is told in
[beffroi.yaml and datasets, key by key](workspace.md); `limits`, `maintenance`, `probe` and `expires` are
[keys of all kinds](workspace.md#registries), and not repeated here.

| kind | what it is | answers lookups of | can be scanned into a dataset |
|---|---|---|---|
"""
    known = {name: load() for name, load in sorted(kinds().items())}
    rows = []
    for name, kind in known.items():
        record = kind.record.__name__ if kind.record else "a record of its declaration"
        lookups = record if kind.lookup is not Registry.lookup else "none"
        scanned = "yes" if kind.scan is not Registry.scan else "no"
        rows.append(f"| [`{name}`](#{name}) | {_first_line(_module_doc(kind))} | {lookups} | {scanned} |\n")
    return head + "".join(rows) + "".join(_kind(name, kind) for name, kind in known.items())


def _kind(name: str, kind: type[Registry]) -> str:
    doc = inspect.cleandoc(_module_doc(kind))
    found = re.findall(rf"^({'|'.join(TERMS)}): (.*(?:\n +.*)*)", doc, re.MULTILINE)
    lines = [f"\n## {name}\n\n{_flat(doc.partition(chr(10) * 2)[0])}\n"]
    if found:
        lines.append("\n| | |\n|---|---|\n" + "".join(f"| {term} | {_flat(text)} |\n" for term, text in found))
    lines.append(f"\nSettings: {_flat(kind.settings_model.__doc__ or '')}\n\n| key | type | default |\n|---|---|---|\n")
    own = {key: field for key, field in kind.settings_model.model_fields.items() if key not in Settings.model_fields}
    for key, field in own.items():
        lines.append(f"| `{field.alias or key}` | {type_of(field.annotation)} | {default_of(field)} |\n")
    return "".join(lines)


def _module_doc(kind: type[Registry]) -> str:
    return inspect.getmodule(kind).__doc__ or ""


def _flat(text: str) -> str:
    return " ".join(text.split())


# --- in developer.md -------------------------------------------------------------------------------------------------


def operators() -> str:
    """Return the table of the operators of filters, by the types of columns that have them."""
    types: dict[tuple[str, ...], list[str]] = {}
    for kind, known in OPERATORS.items():
        types.setdefault(known, []).append(f"`{kind}`")
    rows = [f"| {', '.join(named)} | {', '.join(f'`{each}`' for each in known)} |\n" for known, named in types.items()]
    return "| type of the column | operators |\n|---|---|\n" + "".join(rows)


# --- in soap.md ------------------------------------------------------------------------------------------------------


def values() -> str:
    """Return the table of the builtin types of XML Schema, as the module that reads them has it."""
    rows = [line for line in inspect.cleandoc(soap_values.__doc__ or "").splitlines() if line.startswith("|")]
    return "\n".join(rows) + "\n"


# --- all of it -------------------------------------------------------------------------------------------------------

PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands,
    "cleaning.md": cleaning,
    "errors.md": errors,
    "registries.md": registries,
}
PLACES: Mapping[str, Callable[[], str]] = {
    **{room: lambda room=room: rooms.modules(room) for room in rooms.ROOMS},  # type: ignore[misc]
    "lines": rooms.lines,
    "operators": operators,
    "recipes": recipes.recipes,
    "values": values,
}


def wanted() -> dict[Path, str]:
    """Return every page that is made, whole or in places, as it should stand."""
    whole = {DOCS / name: make() for name, make in PAGES.items()}
    by_hand = {page: page.read_text(encoding="utf-8") for page in sorted(DOCS.glob("*.md")) if page not in whole}
    return whole | {page: filled(text) for page, text in by_hand.items()}


def filled(text: str) -> str:
    """Return a page with its marked places filled. Raises KeyError for a place that nothing here makes."""
    return re.sub(
        r"(<!-- made: (\S+) -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}{PLACES[found[2]]()}{found[3]}",
        text,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    for path, text in wanted().items():
        path.write_text(text, encoding="utf-8")
