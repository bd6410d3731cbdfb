"""What an operator reads under `--lang fr`: of versions, the state, tokens, the journal, receipts, drafts, the workspace."""

import ast
import io
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import click
import pytest
from rich.console import Console
from rich.progress import Progress as Display

from gateway.cli import main
from gateway.commands.journal import _state
from gateway.console import STAGES, Bars
from gateway.french import FRENCH, LANGUAGE
from gateway.journal.verification import Result
from gateway.languages import in_french
from tests import commands
from tests.pipelines.bench import SHOPS, Bench

from .test_french import COMMANDS as OF_STEWARDS
from .test_french import english
from .test_languages import HOUSE, written

CONFIGURATION = """\
title: Essai
registries:
  source: {kind: files, path: source}
  away: {kind: sql, url: "sqlite:away.sqlite"}
lookups:
  shop: {providers: [{dataset: shops}]}
purposes:
  tenue: {title: Tenue, procedure: Fichier, legal_basis: RGPD 6, expires: 2020-01-01}
  suite: {title: Suite, procedure: Fichier, legal_basis: RGPD 6}
journal: {retention: {lookup: 30 days}}
organisations:
  ville:
    title: Ville
    applications:
      mairie: {title: Mairie, grants: [{lookup: shop, fields: '*', purposes: [tenue, suite]}]}
"""
ROWS = [("1", "a", "1", None), ("2", "b", "2", "01/02/2011"), ("3", "c", "3", None), ("4", "d", "4", None)]
TABLE = (
    "code;libelle;montant;courriel\n01;Un;1,5;a@example.org\n02;Deux;2,5;b@example.org\n03;Trois;3,5;c@example.org\n"
)
SCHEMA = {"fields": [{"name": "code", "type": "string"}], "version": "1.0", "primaryKey": "code"}

Step = tuple[str, ...] | Callable[[Bench], object]


def again(bench: Bench) -> None:
    """Make a second version: a row changed, one gone, one new, and a column that is required."""
    rows = [("1", "z", "1", None), *ROWS[1:3], ("5", "e", "5", None)]
    bench.shops(*rows, declaration=SHOPS.replace("title: Name,", "title: Nom, constraints: {required: true},"))


def damaged(bench: Bench) -> None:
    """Leave what a killed run leaves, the state of what is declared no more, and a version without its CSV."""
    bench.write(".beffroi/failed/shops/x.part", "")
    bench.write(".beffroi/lake/nothing/x", "x" * 2000)
    bench.write(".beffroi/decisions/nothing.link.jsonl", "")
    bench.latest().csv.unlink()


def forged(bench: Bench) -> None:
    """Write anchors of which one is none, and one sealed by somebody else."""
    line = json.loads((bench.root / "anchors.jsonl").read_text(encoding="utf-8"))
    lines = ["{}", json.dumps({**line, "seal": "nobody:0"}), json.dumps({**line, "hash": "0"})]
    bench.write("forged.jsonl", "\n".join(lines))


def broken(bench: Bench) -> None:
    """Change an entry of the journal, take one out, and cut the end off."""
    with closing(sqlite3.connect(bench.root / ".beffroi/journal.db")) as journal, journal:
        journal.execute("UPDATE entries SET entry = replace(entry, 'lookup', 'verify') WHERE number = 1")
        journal.execute("DELETE FROM entries WHERE number = 3 OR number > 5")


DATA = {"purpose", "identifier", "outcome", "data", "journal", "found", "nothing", "lookup", "name", "id", "key", "row"}
"""Names of fields and of the data here, and codes, which are the same in every language."""

BULK = str(HOUSE / "tests/peers/soap_server/bulk.wsdl")


def database(bench: Bench) -> None:
    with closing(sqlite3.connect(bench.root / "people.sqlite")) as people:
        people.execute("CREATE TABLE habitants (id INTEGER PRIMARY KEY, nom TEXT, prenoms TEXT, courriel TEXT)")
        people.execute("CREATE TABLE voies (code TEXT, libelle TEXT)")


STEPS: tuple[Step, ...] = (
    ("publish",),    ("check",), ("check", "--online"), ("versions", "shops"), ("diff", "shops"), ("versions", "nobody"),
    lambda bench: bench.run(), ("diff", "shops"), again,
    lambda bench: bench.write("datasets/shops.yaml", (bench.root / "datasets/shops.yaml").read_text() + "schema_version: 2.0.0\n"),
    ("run", "shops"), ("report", "shops"), ("versions", "shops"), ("diff", "shops"), ("diff", "shops", "--limit", "1"), ("diff", "shops", "1", "9"),
    ("versions", "shops", "--rebuild", "1"), ("rollback", "shops", "1"), ("rollback", "shops", "9"),
    lambda bench: bench.shops(*ROWS), ("rollback", "shops", "1", "--why", "trop tôt"), ("versions", "shops"), ("run", "shops"),
    ("doctor",), damaged, ("doctor",), ("doctor", "shops", "--mend"), ("doctor", "nobody"),
    ("token", "issue", "mairie"), ("token", "issue", "nobody"), ("token", "issue", "mairie", "--days", "0"),
    ("token", "issue", "mairie", "--network", "10.0.0.1/8"), ("token", "list"), ("token", "revoke", "nobody"),
    ("explain", "mairie", "shop"), ("explain", "mairie"), ("explain", "nobody"),
    ("lookup", "shop", "1", "--receipt", "receipt"), ("receipt", "verify", "receipt"),
    ("receipt", "verify", "receipt", "--journal", "--identifier", "id:1"), ("receipt", "verify", "receipt", "--identifier", "id:2"),
    ("receipt", "verify", "beffroi.yaml"), ("receipt", "rotate-key"),
    ("journal", "anchor"), ("journal", "anchor", "--file", "anchors.jsonl"), ("journal", "verify"), forged,
    ("journal", "verify", "--anchor", "anchors.jsonl"), ("journal", "verify", "--anchor", "forged.jsonl"),
    ("journal", "verify", "--anchor", "nowhere"), ("journal", "erase"), ("journal", "erase", "--preview"),
    ("journal", "rotate-key"), ("journal", "who-read", "--purpose", "suite"), ("journal", "who-read"), broken,
    ("journal", "verify", "--anchor", "anchors.jsonl"), ("journal", "anchor"), ("receipt", "verify", "receipt", "--journal"),
    ("connector", "add", "file", "table.csv", "--name", "file", "--dataset", "all", "--lookup", "all"),
    ("connector", "add", "file", "table.csv", "--name", "file"), ("connector", "add", "file", "nowhere", "--name", "other"),
    ("connector", "add", "file", "table.csv", "--name", "other", "--dataset", "nobody"),
    ("connector", "add", "soap", BULK, "--name", "bulk"), ("connector", "show", "bulk"),
    ("connector", "show", "bulk", "--operation", "ListItems"), database,
    ("connector", "add", "sql", "sqlite:people.sqlite", "--name", "people", "--dataset", "all"), ("connector", "test", "people"),
    ("connector", "show", "source"), ("connector", "show", "nobody"), ("connector", "test", "away"), ("connector", "test", "source"),
    ("connector", "call", "source", "x", "y"),
    ("schema", "add", "schema.json", "--name", "sch"), ("schema", "add", "schema.json", "--name", "sch", "--dataset", "fresh"),
    lambda bench: bench.write("schema.json", json.dumps({**SCHEMA, "version": "2.0"})),
    ("schema", "add", "schema.json", "--name", "sch"), ("schema", "add", "schema.json", "--name", "sch", "--force"),
    ("schema", "add", "nowhere", "--name", "sch"), ("schema", "add", "beffroi.yaml", "--name", "sch"),
    ("init", "fresh"), ("init", "fresh"), ("sandbox", "status"), ("sandbox", "stop", "vies"),
)  # fmt: skip
"""What is typed, one command after the other, and what happens between: `away` is no file, so that it is not reached."""

WITHOUT = {
    "demo": "tells of itself in English", "serve": "says where it is, and serves",
    "sandbox start": "shows the table that status does", "connector add rest": "drafts as file does", "decide review": "is `decide DATASET`",
}  # fmt: skip
"""Commands that are not among the steps, and why."""

MODULES = (
    *(f"gateway/commands/{name}.py" for name in ("connector", "connector_add", "connector_drafts", "journal", "receipt", "token")),
    *(f"gateway/journal/{name}.py" for name in ("anchors", "keys", "reading", "sqlite", "stores", "verification")),
    "gateway/callers/explained.py", "gateway/callers/tokens.py", "gateway/receipts.py", "gateway/receipt_keys.py",
    "gateway/skeleton.py", "pipelines/ckan.py", "pipelines/declarations/draft_source.py", "pipelines/rollback.py",
    "connectors/drafting.py", "connectors/drafts.py", "connectors/files/draft.py", "connectors/sql/draft.py",
)  # fmt: skip
"""Where the errors are written that these commands end with."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A workspace with a dataset that has a version, and what drafts are made from."""
    bench = Bench(tmp_path_factory.mktemp("operators") / "workspace")
    bench.write("beffroi.yaml", CONFIGURATION)
    bench.shops(*ROWS)
    bench.write("table.csv", TABLE)
    bench.write("schema.json", json.dumps(SCHEMA))
    return bench


def test_no_command_of_an_operator_speaks_english_under_lang_fr(town: Bench) -> None:
    spoken = {}
    for step in STEPS:
        if callable(step):
            step(town)
            continue
        typed = "dataset:shops:1\n" if "who-read" in step else ""
        done = commands.run_any(town.root, "--lang", "fr", *step, typed=typed)
        if found := english(done.output, DATA):
            spoken[" ".join(step)] = found
    assert spoken == {}


def test_what_a_registry_says_of_a_field_stays_whatever_signs_are_in_it() -> None:
    said = "text, required. The number, as given. Ten digits, one of: odd, even."
    assert in_french(said, of_command=True) == "texte, obligatoire" + said.removeprefix("text, required")


@pytest.mark.parametrize(
    ("language", "entries", "said"),
    [
        ("en", 1, "1 entry, head f0: whole"), ("en", 1234, "1,234 entries, head f0: whole"),
        ("fr", 1, "1 entrée, tête f0 : intact"), ("fr", 1234, "1\u202f234 entrées, tête f0 : intact"),
    ],
)  # fmt: skip
def test_the_length_of_the_journal_is_written_as_its_reader_writes_numbers(
    language: str, entries: int, said: str
) -> None:
    before = LANGUAGE.set(language)
    try:
        assert _state(Result(entries, "f0", ()), anchored=False) == said
    finally:
        LANGUAGE.reset(before)


def test_the_heads_of_a_run_s_table_are_no_wider_than_the_english_ones() -> None:
    """On a terminal of 80 columns the table has no room to spare: what is wider cuts names and numbers in two."""
    heads = ("rows in", "rows out", "quarantined", "merged", "version", "seconds")
    assert sum(len(FRENCH[each]) for each in heads) <= sum(map(len, heads))


def test_the_progress_of_a_run_is_told_in_the_language_of_its_reader() -> None:
    begun = {
        stage
        for file in (HOUSE / "pipelines").rglob("*.py")
        for stage in re.findall(r'\.begin\("(\w+)"', file.read_text("utf-8"))
    }
    assert begun == set(STAGES)
    asked = LANGUAGE.set("fr")
    try:
        display = Display("{task.description}", console=Console(file=io.StringIO()))
        tell = Bars(display, total=1).begin("villes")
    finally:
        LANGUAGE.reset(asked)
    tell("expect 1,234 rows")  # in another thread
    assert [task.description for task in display.tasks] == ["", "villes : contrôle 1\u202f234"]


def test_every_command_is_tried_in_french() -> None:
    def leaves(command: click.Command, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        if not isinstance(command, click.Group):
            yield words
        for name, each in getattr(command, "commands", {}).items():
            yield from leaves(each, (*words, name))

    tried = [step for step in (*STEPS, *OF_STEWARDS) if isinstance(step, tuple)]
    missing = {" ".join(words) for words in leaves(main) if not any(step[: len(words)] == words for step in tried)}
    assert missing <= WITHOUT.keys(), "add them to STEPS here, or to COMMANDS of test_french.py"


def test_every_sentence_that_ends_an_operator_s_command_has_french_words() -> None:
    kinds = {"InvalidRequest", "NotFound", "Unavailable", "RunFailed", "Misconfigured", "RefusedUs", "Unreadable"}
    found = list(written([HOUSE / name for name in MODULES], kinds))
    assert len(found) > 60, "the sentences are not found any more"
    missing = [
        f"{place}: {some[0]}" for place, some in found if not any(in_french(each, of_command=True) for each in some)
    ]
    assert not missing, "no French words in gateway/languages/ for:\n" + "\n".join(missing)


SHOWN = {"note", "echo", "show_table"}
SAID = {"said", "_said", "as_read", "counted"}
"""What puts a sentence into the reader's language; `counted` those of a number: `console.counted(2, "row", "rows")`."""
OWN_WORDS = {"help.py", "link_sample.py", "link_words.py"}
"""Modules of commands whose words stand elsewhere: what click says, and those of linking."""


def speaker(call: ast.Call) -> str | None:
    """Return what puts a sentence into the reader's language where a call does: `said(…)`, `told()(…)`; None for others."""
    if isinstance(call.func, ast.Call):
        return "told" if getattr(call.func.func, "id", "") == "told" else None
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    return name if name in SAID else None


def plainly_shown(node: ast.AST) -> Iterator[str]:
    """Yield the words in what is shown, but for keys and for what is put into the reader's language before."""
    if isinstance(node, ast.Call) and speaker(node):
        return
    if isinstance(node, ast.ListComp):
        yield from plainly_shown(node.elt)  # what it is made of is words to be said
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"[a-z]{3}", node.value):
        yield node.value
    elif isinstance(node, ast.Subscript):
        yield from plainly_shown(node.value)
    else:
        for each in ast.iter_child_nodes(node):
            yield from plainly_shown(each)


def sentences_of(call: ast.Call) -> Iterator[str]:
    """Yield the sentences that a call puts into the reader's language by `FRENCH`."""
    by, words = speaker(call), [str(each.value) for each in call.args if isinstance(each, ast.Constant)]
    if by == "counted":
        yield from (f"{{count}} {word}" for word in words)
    elif by not in (None, "as_read"):
        yield from words[:1]


def test_no_command_shows_a_sentence_without_asking_for_its_language() -> None:
    """Whatever is printed by `console.note`, `click.echo` and `console.show_table` goes through what knows French."""
    shown, unknown = list[str](), list[str]()
    files = [
        *(HOUSE / "gateway/commands").glob("*.py"),
        *(HOUSE / "gateway" / f"{name}.py" for name in ("cli", "jobs", "publishing", "run_words")),
    ]
    for path in (path for path in files if path.name not in OWN_WORDS):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                place = f"{path.name}:{node.lineno}: "
                if isinstance(node.func, ast.Attribute) and node.func.attr in SHOWN:
                    shown += [place + each for part in node.args for each in plainly_shown(part)]
                unknown += [place + each for each in sentences_of(node) if each not in FRENCH]
    assert not shown, "printed as it is, whatever the language:\n" + "\n".join(shown)
    assert not unknown, "no French words in gateway/french.py or gateway/languages/printed.py for:\n" + "\n".join(
        unknown
    )
