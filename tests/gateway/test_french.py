"""What a steward reads under `--lang fr`: no line of it is a sentence, or a heading, whose French there is."""

import re
from collections.abc import Collection
from pathlib import Path
from string import Formatter

import pytest

from connectors.errors import RunFailed
from gateway.console import TODOS, WHOSE
from gateway.french import FRENCH
from gateway.languages import in_french
from gateway.languages.codes import CODES
from gateway.run_words import OUTCOMES
from pipelines.linking.deciding import decisions
from tests import commands
from tests.linking.persons import FIRST, PERSONS, decide, of, put
from tests.pipelines.bench import CONFIGURATION, SHOPS, Bench

from .test_languages import HOUSE, written

PURPOSES = "purposes:\n  tenue: {title: Tenue, procedure: Fichier, legal_basis: RGPD 6}\n"
WHY = ("--raw", "--purpose", "tenue")
DATA = {"id", "name", "key", "row", "value"}
"""Names of the data here that are headings elsewhere."""
ENGLISH = re.compile(
    r"\b(the|is|are|was|were|and|with|not|that|which|has|have|it|its|to|from|by|for|no|none|they|this|be|than)\b"
)
"""Words that no French sentence has."""
NAMES = re.compile(r"`[^`]*`|(?<!\w)'.*'(?!\w)|«[^»]*»|[{][^}]*[}]|\[[^]]*\]|\S*[/_.=-]\S*")
"""What may stand in a sentence and is no word of it: a command, a name, data, a path, an option."""

COMMANDS = (
    ("run",), ("run", "--preview", "shops"), ("run", "shops", "--all"), ("run", "persons", "--release", "--preview"),
    ("link", "persons"), ("link", "shops"), ("link", "persons", "--doubtful"), ("link", "persons", "--why", "1", "2"),
    ("link", "persons", "--why", "1", "1"), ("link", "persons", "--why", "1", *WHY), ("link", "persons", "--why", "99"),
    ("link", "persons", "--column", "nobody", "--doubtful"), ("link", "persons", "--why", "1", "2", "--raw"),
    ("link", "persons", "--sample", "5", "--purpose", "tenue"),
    ("link", "persons", "--sample", "5", "--purpose", "tenue", "--into", "sample.csv"),
    ("link", "persons", "--check", "sample.csv"), ("link", "persons", "--check", "beffroi.yaml"),
    ("decide", "list", "persons"), ("decide", "list", "persons", *WHY), ("decide", "list", "persons", "--decided"),
    ("decide", "same", "persons", "1", "3", "--note", "vu"), ("decide", "same", "persons", "1"),
    ("decide", "unsure", "persons", "3", "4"), ("decide", "different", "persons", "2", "4"),
    ("decide", "withdraw", "persons", "1", "3"), ("decide", "withdraw", "persons", "1", "3"),
    ("decide", "persons", "--purpose", "tenue"), ("decide", "persons", "--purpose", "nothing"),
    ("decide", "export", "persons", "--purpose", "tenue", "said.csv"), ("decide", "import", "persons", "said.csv"),
    ("decide", "import", "persons", "beffroi.yaml"), ("decide", "forget", "persons", "99"),
    ("quarantine", "list"), ("quarantine", "list", "--by-rule"), ("quarantine", "show", "shops", "1"),
    ("quarantine", "show", "shops", "99"), ("quarantine", "fix", "shops", "1"),
    ("quarantine", "fix", "shops", "1", "workers=2", "--why", "au téléphone"), ("quarantine", "fix", "--list"),
    ("quarantine", "fix", "shops", "1", "worker=2", "--why", "x"), ("quarantine", "replay", "shops"),
    ("conflicts", "shops"), ("conflicts", "shops", "--raw"), ("conflicts", "shops", "--source", "x"),
    ("report", "shops", "--list"), ("report", "shops", "--run", "1999"), ("lookup", "nobody"), ("lookup", "nobody", "--receipts"), ("conflicts", "persons"), ("trace", "shops", "3"), ("trace", "shops", "3", "--raw"), ("trace", "shops", "99"),
    ("trace", "shops", "--place", "2"), ("trace", "persons", "1"), ("trace", "nobody", "1"),
)  # fmt: skip
MODULES = (
    *(f"gateway/commands/{name}.py" for name in ("link", "link_asked", "link_why", "link_sample", "decide", "decide_read")),
    *(f"gateway/commands/{name}.py" for name in ("decide_forget", "quarantine", "conflicts", "trace", "dataset", "lookup")),
    *(f"pipelines/linking/{name}.py" for name in ("deciding/decisions", "deciding/exchange", "files", "lasting", "scoring/blocking")),
    "pipelines/report/__init__.py", "pipelines/quarantine.py", "pipelines/corrections.py", "pipelines/evidence.py",
)  # fmt: skip
"""Where the errors are written that these commands end with."""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A workspace with refused rows, conflicts, links and a decision."""
    bench = Bench(tmp_path_factory.mktemp("french") / "workspace")
    bench.write("beffroi.yaml", CONFIGURATION + PURPOSES)
    bench.shops(("1", "a", "x", None), ("2", "b", "y", "31/02/2011"), ("3", "c", "4", None), ("3", "d", "4", None))
    bench.write("datasets/persons.yaml", PERSONS)
    put(bench, *FIRST)
    decide(bench, decisions.said_of(of("3"), of("4"), "same"))
    bench.run("shops")
    bench.run("persons")
    return bench


def english(text: str, data: Collection[str] = DATA) -> list[str]:
    """Return what stands in a text in English: sentences and cells of tables whose French there is, and English words.

    `data` are cells that are no words.
    """
    patterns = []
    for said, french in FRENCH.items():
        sentence = said.partition("|")[0]
        if sentence != french and len(re.findall(r"[a-z]{2,}", sentence)) > len(
            [name for _, name, _, _ in Formatter().parse(sentence) if name]
        ):
            patterns.append(re.sub(r"\\{\w+\\}", ".+", re.escape(sentence)))
    known = re.compile("|".join(f"(?:{each})" for each in patterns))
    found = []
    for line in text.splitlines():
        translated = in_french(line.strip(), of_command=True)
        cells = [cell for cell in re.split(r" {2,}", line.strip()) if cell not in data]
        known_here = translated not in (None, line.strip()) or any(known.fullmatch(cell) for cell in cells)
        if known_here or ENGLISH.search(NAMES.sub(" ", line).lower()):
            found.append(line)
    return found


def test_the_check_knows_english_where_it_stands() -> None:
    assert english("dataset  rows in\nshops       4") == ["dataset  rows in"]
    assert english("No pair waits for a person.\nsaid\nboth are the same record") == [
        "No pair waits for a person.", "both are the same record",
    ]  # fmt: skip
    assert english("il y a «the end» dans is/not\nsomething that nobody put into French") == [
        "something that nobody put into French",
    ]  # fmt: skip


def test_no_command_of_a_steward_speaks_english_under_lang_fr(town: Bench) -> None:
    spoken = {}
    for words in COMMANDS:
        done = commands.run_any(town.root, *words, "--lang", "fr")
        if found := english(done.output):
            spoken[" ".join(words)] = found
    assert spoken == {}


def test_every_sentence_that_ends_a_steward_s_command_has_french_words() -> None:
    found = list(
        written([HOUSE / name for name in MODULES], {"InvalidRequest", "NotFound", "Unavailable", "RunFailed"})
    )
    assert len(found) > 50, "the sentences are not found any more"
    missing = [
        f"{place}: {some[0]}" for place, some in found if not any(in_french(each, of_command=True) for each in some)
    ]
    assert not missing, "no French words in gateway/languages/stewards.py for:\n" + "\n".join(missing)


def test_whatever_an_error_is_called_has_french_words() -> None:
    assert not {*TODOS.values(), *WHOSE.values(), *OUTCOMES.values()} - FRENCH.keys()
    assert TODOS.keys() <= CODES.keys()


def test_what_was_expected_of_a_version_is_told_in_french(town: Bench, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "workspace")
    bench.shops(("1", "a", "1", None), declaration=SHOPS + "expect: {rows: {min: 10}}\n")
    with pytest.raises(RunFailed) as failed:
        bench.run("shops")
    assert in_french(failed.value.detail) == "shops : lignes : 1, au moins 10 attendu"


def test_why_a_run_failed_is_told_in_french_by_its_report_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "workspace")
    declared = PERSONS.replace("birth_date: ne_le}}", "birth_date: ne_le}, blocks: [[given_name]]}")
    bench.write("datasets/persons.yaml", declared)
    put(bench, *((str(number), f"N{number}", "Jean", None) for number in range(1500)))
    for words in ("run", "report"):
        told = commands.run_any(bench.root, words, "persons", "--lang", "fr").output
        assert "le bloc [given_name] comparerait 1\u202f124\u202f250 paires de 1\u202f500 enregistrements" in told
    for language, said in (("fr", "le bloc [given_name] comparerait"), ("en", "the block [given_name] would compare")):
        page = tmp_path / "report.html"
        commands.run_any(bench.root, "report", "persons", "--html", str(page), "--lang", language)
        assert said in page.read_text(encoding="utf-8")
