"""Problems in French and English: every error in both, no sentence half in one and half in the other."""

import ast
import itertools
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
import urllib3
from urllib3.connection import HTTPConnection

from connectors import errors, http, tls
from connectors.errors import CallerError
from connectors.identities import WANTED
from connectors.sql import postgresql_errors
from connectors.vies import FAULTS as VIES
from gateway import problems
from gateway.languages import LONGEST, OF_COMMANDS, SENTENCES, in_french, preferred
from gateway.languages.codes import CODES
from tests.gateway.conftest import Gateway, ask
from tests.gateway.test_problems import LEAVES, add_routes

HOUSE = Path(__file__).parents[2]
TOLD_OVER_HTTP = [
    *(path for path in sorted((HOUSE / "gateway").rglob("*.py")) if "commands" not in path.parts),
    HOUSE / "connectors" / "records.py", HOUSE / "connectors" / "openid.py", HOUSE / "connectors" / "answers.py",
    HOUSE / "pipelines" / "workspace.py",
]  # fmt: skip
"""Where sentences are written that a caller reads."""

OPERATORS = {
    "gateway/demo.py", "gateway/skeleton.py", "gateway/callers/tokens.py", "gateway/journal/anchors.py",
    "gateway/journal/sqlite.py", "gateway/journal/postgresql.py", "gateway/journal/keys.py", "gateway/receipt_keys.py",
    "gateway/jobs.py", "gateway/datasets/refused.py", "gateway/receipts.py", "gateway/callers/explained.py",
}  # fmt: skip
"""What only the command line raises, or what tells of the operator's own files."""

OF_THE_COMMAND_LINE = ("--purpose", "--case", "does not end in .json", "there is no dataset or registry")
OUTAGES = {errors.Down, errors.Busy, errors.Late, errors.RefusedUs}
CALLERS = {leaf.__name__ for leaf in LEAVES.values() if issubclass(leaf, CallerError)}
PARTS = ("x", "", "nothing: it is no text, number or date", "the lookup x", "Field required", "a text", "a SIREN")
"""What may stand in a hole of a sentence: a name, nothing, or a sentence that has French words itself."""


def texts(node: ast.expr) -> Iterator[str]:
    """Yield what an expression that makes a sentence may make, each hole filled with one of PARTS."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        holes = [each for each in node.values if isinstance(each, ast.FormattedValue)]
        for parts in itertools.product(PARTS, repeat=min(len(holes), 4)):
            filled = itertools.chain(parts, itertools.repeat("x"))
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else next(filled) for each in node.values)


def written(paths: list[Path], kinds: set[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield where each sentence of an error of some kinds is written, and what it may say."""
    for path in paths:
        place = path.relative_to(HOUSE).as_posix()
        if place in OPERATORS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds and node.args:
                found = list(texts(node.args[0]))
                if found and not any(part in found[0] for part in OF_THE_COMMAND_LINE):
                    yield f"{place}:{node.lineno}", found


def test_every_code_has_french_words() -> None:
    assert set(CODES) == {*LEAVES, "internal"}
    for code, (title, todo) in CODES.items():
        if code in LEAVES:
            assert title != LEAVES[code].title, code
            assert todo != LEAVES[code].todo, code


def test_every_sentence_that_a_caller_can_mend_has_french_words() -> None:
    """A sentence written anew is put into French in `gateway/languages/`, or is for the operator and named above."""
    found = list(written(TOLD_OVER_HTTP, CALLERS))
    assert len(found) > 80, "the sentences are not found any more"
    missing = [f"{place}: {some[0]}" for place, some in found if not any(map(in_french, some))]
    assert not missing, "no French words in gateway/languages/ for:\n" + "\n".join(missing)


def test_what_is_wanted_of_an_identity_has_french_words() -> None:
    assert [wanted for wanted in WANTED.values() if not in_french(wanted)] == []


def test_what_registries_say_most_has_french_words() -> None:
    """The operator's affair (`Misconfigured`) and what no register documents may stay in English."""
    told = [f"vies {meaning}" for kind, meaning in VIES.values() if kind is not errors.Misconfigured]
    told += [
        "communes has no such record", "communes did not finish its answer within the deadline",
        "communes asks us to slow down (HTTP 429)", "communes says that it is out of order (HTTP 503)",
        "communes did not answer 5 times in a row and is not asked for now", "communes could not be asked: ReadTimeoutError",
        "communes is under planned maintenance until 2026-11-22T18:00+00:00 and was not asked: The servers move",
        "communes refuses our credentials (HTTP 401): it does not know the key, password or token, or no longer",
    ]  # fmt: skip
    assert [each for each in told if not in_french(each)] == []


def test_what_is_told_of_an_outage_has_french_words() -> None:
    """Of every kind of registry that answers lookups; those of files are read by runs alone."""
    paths = [path for path in (HOUSE / "connectors").rglob("*.py") if not {"sandbox", "files"} & set(path.parts)]
    paths = [path for path in paths if path.name != "timestamps.py"]
    found = list(written(paths, {"Down", "Busy", "Late", "Withheld"}))
    assert len(found) > 10, "the sentences are not found any more"
    missing = [f"{place}: {some[0]}" for place, some in found if not any(map(in_french, some))]
    network = (
        urllib3.exceptions.NameResolutionError("x", HTTPConnection("x"), socket.gaierror()),
        urllib3.exceptions.NewConnectionError(HTTPConnection("x"), "x"), urllib3.exceptions.SSLError(),
        urllib3.exceptions.ProtocolError(), ConnectionResetError(),
    )  # fmt: skip
    told = [f"civil could not be asked: {http._say(each)}" for each in network]
    told += [f"civil refuses our TLS certificate: {each}" for each in tls._REFUSALS.values()]
    states = [(*meaning, f" (SQLSTATE {state})") for state, meaning in postgresql_errors.STATES.items()]
    states += [(*meaning, "") for _, meaning in postgresql_errors._CONNECTING]
    told += [f"civil {means}{state}" for kind, means, state in states if kind in OUTAGES]
    missing += [each for each in told if not in_french(each)]
    assert not missing, "no French words in gateway/languages/ for:\n" + "\n".join(missing)


@pytest.mark.parametrize(
    ("english", "french"),
    [
        ("", ""),
        (
            "there is no field «nme» (did you mean «name»?); allowed: code, name",
            "il n'y a pas de champ «nme» (vouliez-vous dire «name» ?) ; possibles : code, name",
        ),
        ("population has no Resident of that identity", "population n'a personne de cette identité (Resident)"),
        ("the token is unknown, expired or revoked", "le jeton est inconnu, expiré ou révoqué"),
        (
            ("ecole has a grant on the lookup commune, but not for the purpose etat-civi (did you mean «etat-civil»?);"
            " allowed: etat-civil, inscription-scolaire"),
            ("ecole a une habilitation sur la consultation commune, mais non pour la finalité etat-civi (vouliez-vous dire"
            " «etat-civil» ?) ; possibles : etat-civil, inscription-scolaire"),
        ),
        (
            ("not a valid siren: a SIREN is nine digits, the last of which checks the others (of a SIRET, take the first nine);"
            " what came reads as a SIRET or an IBAN"),
            ("siren non valable : un SIREN a neuf chiffres, dont le dernier contrôle les autres (d'un SIRET, prenez les neuf"
            " premiers) ; ce qui est venu se lit comme un SIRET ou un IBAN"),
        ),
        (
            'the body must be JSON like {"identifier": "…", "fields": ["…"]}: identifier: Field required; there is an unknown key',
            'le corps doit être du JSON comme {"identifier": "…", "fields": ["…"]} : identifier : manque ; il y a une clé inconnue',
        ),
        (
            'the body must be JSON like {"identifier": "…", "fields": ["…"]}: Invalid JSON: EOF while parsing at line 1 column 0',
            'le corps doit être du JSON comme {"identifier": "…", "fields": ["…"]} : le JSON n\'est pas valable, ligne 1, colonne 0',
        ),
        (
            "line 4 has another number of columns (1) than the first line (2)",
            "la ligne 4 n'a pas le même nombre de colonnes (1) que la première ligne (2)",
        ),
        (
            "not a valid identity: birth_date is missing: it is a date that exists, written YYYY-MM-DD; sex must be F or M",
            "identité non valable : birth_date manque (attendu : une date qui existe, écrite AAAA-MM-JJ) ; sex doit être F ou M",
        ),
        # a part of which has no French words keeps its English whole
        ("birth_date is verified against the phase of the moon", None),
        ("communes has no such record; it moved", None),
        ('the body must be JSON like {"identifier": "…", "fields": ["…"]}: on: something new', None),
    ],
)  # fmt: skip
def test_a_sentence_is_put_into_french_whole_or_not_at_all(english: str, french: str | None) -> None:
    assert in_french(english) == french


def test_what_somebody_made_long_is_left_alone() -> None:
    """A caller chooses the name of a field that there is not: what it repeats costs nobody time, nor a stack."""
    for long in ("a or " * 300, "; ".join(["sex must be F or M"] * 300), " and " * 390, "on: " * 400):
        assert in_french(long[:LONGEST]) is None
        assert in_french(f"there is no field «{long * 10}»") is None


def test_no_template_is_taken_for_another() -> None:
    """Each sentence, its parts filled, is found by its own template: a shorter one does not swallow it."""
    for english, french in OF_COMMANDS.items():
        if any(kind in english for kind in (":said", ":each", ":or", ":and", ":listed", ":wrong")):
            continue
        plain = english.replace(":list", "").replace(":any", "").replace(":quoted", "")
        names = {name: "'7'" if kind == "quoted" else "7" for _, name, kind, _ in Formatter().parse(english) if name}
        for of_command in {english not in SENTENCES, True}:
            assert in_french(plain.format(**names), of_command=of_command) == french.format(**names), english


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("fr", "fr"), ("fr-CA,fr;q=0.8", "fr"), ("en,fr", "en"), ("en;q=0.3, fr;q=0.9", "fr"), ("de, fr;q=0.1", "fr"),
        ("*", "en"), ("fr;q=0", "en"), ("fr;q=x, en;q=0.1", "en"), ("ka", "en"), (";;,=", "en"), ("FR", "fr"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_preferred(header: str, language: str) -> None:
    assert preferred(header) == language


@pytest.fixture(scope="module")
def broken(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    copy = Path(shutil.copytree(template, tmp_path_factory.mktemp("french") / "workspace"))
    with Gateway(copy, add_routes) as running:
        yield running


def french(gateway: Gateway, method: str, path: str, body: Any = None, **headers: str) -> Any:
    said = {**gateway.headers("mairie"), "Accept-Language": "fr-FR,fr;q=0.9,en;q=0.5", **headers}
    return ask(gateway.url, method, path, said, body)


def test_every_error_is_told_in_both(broken: Gateway) -> None:
    for code, kind in LEAVES.items():
        for language, words in (("fr", CODES[code]), ("en", (kind.title, kind.todo))):
            reply = french(broken, "GET", f"/plain/{code}", **{"Accept-Language": language})
            assert (reply.code, reply.json["title"], reply.json["todo"]) == (code, *words)
            assert reply.headers["vary"] == "Accept-Language"
            assert reply.headers["content-language"] == ("en" if language == "en" else "fr, en"), (
                "its detail has no French"
            )
            assert reply.status == problems.STATUS[kind]
    reply = french(broken, "GET", "/bug")
    assert (reply.status, reply.json["title"], reply.headers["content-language"]) == (500, CODES["internal"][0], "fr")
    nothing = french(broken, "GET", "/nothing")
    assert (nothing.json["detail"], nothing.headers["content-language"]) == (
        "il n'y a rien à cette adresse ; / et /docs disent ce qu'il y a", "fr",
    )  # fmt: skip


def test_the_providers_that_failed_are_told_in_french_too(broken: Gateway) -> None:
    tried = french(broken, "GET", "/raise/down").json["tried"]
    assert tried == [{"provider": "communes", "code": "down", "detail": "it is down"}], "which nobody says: it stays"


def test_parts_and_rows_are_told_in_french(broken: Gateway) -> None:
    reply = french(
        broken, "POST", "/lookups", [{"lookup": "commune", "identifier": "1"}, {"lookup": "x", "identifier": "1"}]
    )
    told = [each["problem"] for each in reply.json["data"]]
    assert [each["title"] for each in told] == ["Identifiant mal formé", "Introuvable"]
    assert told[0]["detail"].startswith("insee non valable : un code INSEE de commune a cinq caractères")
    assert reply.headers["vary"] == "Accept-Language"
    rows = french(broken, "POST", "/lookups/commune", b"identifier\n1\n01001\n", **{"Content-Type": "text/csv"})
    assert "insee non valable" in rows.body.decode()
    assert "Vérifiez l'identifiant" in rows.body.decode()
    assert rows.headers["vary"] == "Accept, Accept-Language, Prefer"
    plain = french(broken, "POST", "/lookups/commune", {"identifiers": ["1"]}, **{"Accept-Language": "en"})
    assert plain.json["data"][0]["problem"]["detail"].startswith("not a valid insee")


def test_a_job_is_told_in_the_language_of_who_reads_it(broken: Gateway) -> None:
    begun = french(
        broken, "POST", "/lookups/commune", {"identifiers": ["1"]}, Prefer="respond-async", **{"Accept-Language": "en"}
    )
    for language, start in (("fr", "insee non valable"), ("en", "not a valid insee")):
        while (
            reply := french(broken, "GET", f"{begun.headers['location']}/result", **{"Accept-Language": language})
        ).status == 202:
            pass
        assert reply.json["data"][0]["problem"]["detail"].startswith(start)
