"""What registries answered is told again for a while: how long, to whom, and what the file of it tells nobody."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.lookups import cache
from tests.commands import process
from tests.gateway.conftest import WORKSPACE, Gateway, Reply
from tests.gateway.test_journal import entries
from tests.peers.fault_proxy import FaultProxy

Faults = dict[str, FaultProxy]


@pytest.fixture
def cached(template: Path, tmp_path: Path, proxies: Faults, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A workspace whose lookups of persons are kept as the test's mark says."""
    root = Path(shutil.copytree(template, tmp_path / "workspace"))
    said = request.node.get_closest_marker("parametrize")
    kept = request.getfixturevalue("kept") if said and "kept" in said.args[0] else "{seconds: 60}"
    text = WORKSPACE.format(communes=proxies["communes"].url, civil=proxies["civil"].url)
    text = text.replace("record: Person\n    deadline: 1", f"record: Person\n    deadline: 1\n    cache: {kept}")
    (root / "beffroi.yaml").write_text(text, encoding="utf-8")
    yield root
    for proxy in proxies.values():
        proxy.fault = "none"


def person(gateway: Gateway, nir: str, application: str = "mairie", **headers: str) -> Reply:
    from tests.gateway.conftest import ask

    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(
        gateway.url, "POST", "/lookups/person", gateway.headers(application) | given, {"identifier": f"nir:{nir}"}
    )


def test_an_answer_is_told_again_and_says_so(cached: Path, nirs: list[str], faults: Faults) -> None:
    with Gateway(cached) as gateway:
        first = person(gateway, nirs[0])
        assert "cached" not in first.json["meta"]
        faults["civil"].fault = "refuse"
        again = person(gateway, nirs[0])
        assert (again.status, again.json["data"]) == (200, first.json["data"])
        assert again.json["meta"]["cached"] == "fresh"
        assert again.json["meta"]["as_of"] == first.json["meta"]["as_of"]
        assert int(again.headers["age"]) == again.json["meta"]["age_seconds"]
        assert person(gateway, nirs[1]).status == 503, "another question"
        assert person(gateway, nirs[0], Cache_Control="no-cache").status == 503, "whoever wants it anew gets no old one"
        faults["civil"].fault = "none"
        assert "cached" not in person(gateway, nirs[0], Cache_Control="max-age=0, no-cache").json["meta"]
    told = [(entry["source"], entry["outcome"]) for entry in entries(cached / ".beffroi")]
    assert told[:2] == [("civil", "found")] * 2, "what is told again is an access like any other"


def test_what_is_kept_opens_nothing(cached: Path, nirs: list[str]) -> None:
    with Gateway(cached) as gateway:
        assert person(gateway, nirs[0]).status == 200
        assert person(gateway, nirs[0], "rien").code == "not-granted"
        assert person(gateway, nirs[0], "ecole").code == "not-granted"


def test_another_process_is_told_too(cached: Path, nirs: list[str], faults: Faults) -> None:
    process(cached, "lookup", "person", f"nir:{nirs[0]}", "--purpose", "etat-civil")
    faults["civil"].fault = "refuse"
    told = process(cached, "lookup", "person", f"nir:{nirs[0]}", "--purpose", "etat-civil", "--json")
    assert json.loads(told.stdout)["meta"]["cached"] == "fresh"


def test_the_file_tells_nobody_what_was_asked_or_answered(cached: Path, nirs: list[str]) -> None:
    with Gateway(cached) as gateway:
        record = person(gateway, nirs[0]).json["data"]
    files = [file.read_bytes() for file in (cached / ".beffroi/cache").iterdir()]
    assert files
    for value in (nirs[0], record["birth_name"], record["given_names"][0], record["birth_date"], "civil", "nir"):
        assert not any(value.encode() in file for file in files), value
    for file in (cached / ".beffroi/cache").iterdir():
        assert file.stat().st_mode & 0o077 == 0, file.name


@pytest.mark.parametrize("kept", ["{seconds: 60, not_found: 60}"])
def test_that_there_is_no_such_thing_is_told_again(cached: Path, faults: Faults, kept: str) -> None:
    number = 2991275100030
    absent = f"{number}{97 - number % 97:02}"  # as the two digits of its key check it
    with Gateway(cached) as gateway:
        assert person(gateway, absent).code == "not-found"
        faults["civil"].fault = "refuse"
        assert person(gateway, absent).code == "not-found"
        assert person(gateway, absent, Cache_Control="no-cache").code == "down"


@pytest.mark.parametrize("kept", ["{seconds: 0.2, stale: 60}", "{seconds: 0.2, not_found: 0}"])
def test_an_old_answer_is_told_only_where_nobody_can_answer_and_the_lookup_says_so(
    cached: Path, nirs: list[str], faults: Faults, kept: str
) -> None:
    with Gateway(cached) as gateway:
        first = person(gateway, nirs[0])
        time.sleep(0.3)
        assert "cached" not in person(gateway, nirs[0]).json["meta"], "it is over: it was asked for again"
        time.sleep(0.3)
        faults["civil"].fault = "refuse"
        old = person(gateway, nirs[0])
        if "stale" not in kept:
            assert old.code == "down"
            return
        assert (old.status, old.json["data"]) == (200, first.json["data"])
        assert old.json["meta"]["cached"] == "stale"
        assert [tried["code"] for tried in old.json["meta"]["tried"]] == ["down"]
        told = [
            person(gateway, nirs[0], Accept_Language=each).json["meta"]["tried"][0]["detail"] for each in ("fr", "en")
        ]
        assert told[0].startswith("civil n'a pas ")
        assert told[1].startswith(("civil could not ", "civil did not ")), (
            "what is kept speaks no language of a reader's"
        )


def test_the_same_question_asked_by_many_at_once_is_asked_of_the_registry_once(
    cached: Path, nirs: list[str], faults: Faults
) -> None:
    faults["civil"].fault = "latency:0.3"
    faults["civil"].seen = 0
    replies: list[Reply] = []
    with Gateway(cached) as gateway:
        gateway.headers("mairie")
        askers = [
            threading.Thread(target=lambda: replies.append(person(gateway, nirs[2], Cache_Control="no-cache")))
            for _ in range(20)
        ]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
    assert [reply.status for reply in replies] == [200] * 20
    assert faults["civil"].seen == 1
    assert len(entries(cached / ".beffroi")) == 20, "each asker is on the journal"


def test_a_full_file_begins_anew(cached: Path, nirs: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SIZE", 16 * 4096)
    with Gateway(cached) as gateway:
        record = person(gateway, nirs[0])
        lookup, kept = gateway.service.workspace.lookup("person"), gateway.service.cache
        found = kept.get("person", lookup, f"nir:{nirs[0]}")
        assert found is not None
        for number in range(300):
            kept.put("person", lookup, f"nir:{number}", found.answer)
            assert kept.get("person", lookup, f"nir:{number}") is not None, number
        assert kept.get("person", lookup, "nir:0") is None
        assert person(gateway, nirs[0]).json["data"] == record.json["data"]


def test_a_broken_file_is_as_if_it_were_not_there(cached: Path, nirs: list[str]) -> None:
    (cached / ".beffroi/cache").mkdir()
    (cached / ".beffroi/cache/data.mdb").write_bytes(b"no database at all" * 500)
    with Gateway(cached) as gateway:
        assert person(gateway, nirs[0]).status == 200
        assert person(gateway, nirs[0]).status == 200


def test_another_declaration_keeps_nothing_of_the_one_before(cached: Path, nirs: list[str], faults: Faults) -> None:
    with Gateway(cached) as gateway:
        assert person(gateway, nirs[0]).status == 200
    declared = cached / "beffroi.yaml"
    declared.write_text(declared.read_text().replace("{seconds: 60}", "{seconds: 61}"))
    faults["civil"].fault = "refuse"
    with Gateway(cached) as gateway:
        assert person(gateway, nirs[0]).code == "down"


@pytest.mark.parametrize("kept", ["{seconds: 0.2, not_found: 0, stale: 60}"])
def test_what_the_registry_has_no_more_is_not_told_from_before(
    cached: Path, nirs: list[str], faults: Faults, kept: str
) -> None:
    """A record that was found once, which the registry then does not have: its word stays when it is down."""
    with Gateway(cached) as gateway:
        assert person(gateway, nirs[0]).status == 200
        lookup, keeping = gateway.service.workspace.lookup("person"), gateway.service.cache
        found = keeping.get("person", lookup, f"nir:{nirs[0]}")
        assert found is not None
        number = 2991275100030
        absent = f"{number}{97 - number % 97:02}"
        keeping.put("person", lookup, f"nir:{absent}", found.answer)
        time.sleep(0.3)
        assert person(gateway, absent).code == "not-found"
        faults["civil"].fault = "refuse"
        assert person(gateway, absent).code == "down"


@pytest.mark.parametrize("kept", ["{seconds: 0.1}"])
def test_what_is_over_is_swept_in_slices(
    cached: Path, nirs: list[str], kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "SLICE", 7)
    with Gateway(cached) as gateway:
        assert person(gateway, nirs[0]).status == 200
        lookup, keeping = gateway.service.workspace.lookup("person"), gateway.service.cache
        found = keeping.get("person", lookup, f"nir:{nirs[0]}")
        assert found is not None
        for count in (1, 7, 30):
            for each in range(count):
                keeping.put("person", lookup, f"nir:{each}", found.answer)
            time.sleep(0.2)
            monkeypatch.setattr(cache, "SWEPT", 0.0)
            for _ in range(8):
                keeping.put("person", lookup, "nir:stays", found.answer)
            assert keeping._open().stat()["entries"] == 1, "all that is over is gone, what came just now stays"
