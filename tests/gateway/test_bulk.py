"""Many questions at once: what came in any form gets one outcome a row, in its order, and each is journaled."""

import contextlib
import csv
import io
import json
import os
import re
import socket
import sqlite3
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from connectors.errors import InvalidRequest, LimitReached
from gateway.callers.access import Caller
from gateway.cli import main
from gateway.journal.keys import Keys
from gateway.lookups import incoming, outgoing
from gateway.lookups.jobs import MOST, About, Jobs, told_of
from gateway.lookups.many import FEW
from gateway.serving.front import MAX_MANY
from tests.effort import times
from tests.gateway.conftest import Gateway, Reply, a_process, ask
from tests.peers.fault_proxy import FaultProxy

Faults = dict[str, FaultProxy]
NDJSON, CSV = {"Content-Type": "application/x-ndjson"}, {"Content-Type": "text/csv"}
CODES = ["01001", "01002", "01004"]
NAMES = {"01001": "L'Abergement-Clémenciat", "01002": "L'Abergement-de-Varey", "01004": "Ambérieu-en-Bugey"}


def post(gateway: Gateway, name: str, body: Any, application: str | None = "mairie", **headers: str) -> Reply:
    given = {each.replace("_", "-"): text for each, text in headers.items()}
    return ask(gateway.url, "POST", f"/lookups/{name}", gateway.headers(application) | given, body)


def lines(reply: Reply) -> list[dict[str, Any]]:
    return [json.loads(line) for line in reply.body.splitlines()]


def table(text: bytes, separator: str = ",") -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text.decode()), delimiter=separator))


def journal(gateway: Gateway) -> list[dict[str, Any]]:
    return [json.loads(row.entry) for row in gateway.service.journal._store.rows()]


def wait(gateway: Gateway, job: str, application: str = "mairie", seconds: float = 120) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        told: dict[str, Any] = gateway.get(job, application).json["data"]
        if told["state"] == "done":
            return told
        assert time.monotonic() < until, told
        time.sleep(0.05)


# --- few: at once ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"identifiers": [*CODES, "99", "01999"]}, {}),
        ([{"identifier": each} for each in [*CODES, "99", "01999"]], {}),
        ("\n".join(json.dumps({"identifier": each}) for each in [*CODES, "99", "01999"]).encode(), NDJSON),
        ("\n".join(["identifier", *CODES, "99", "01999"]).encode(), CSV),
    ],
)  # fmt: skip
@pytest.mark.parametrize("out", ["application/json", "application/x-ndjson", "text/csv"])
def test_one_outcome_a_row_in_every_form(gateway: Gateway, body: Any, headers: dict[str, str], out: str) -> None:
    before = len(journal(gateway))
    reply = post(gateway, "copy", body, **headers, Accept=out)
    assert reply.status == 200
    assert reply.headers["content-type"].partition(";")[0] == out
    assert reply.headers["cache-control"] == "no-store"
    told: list[dict[str, Any]]
    if out == "text/csv":
        told = table(reply.body)
        assert [row["identifier"] for row in told] == [*CODES, "99", "01999"]
        assert [row["data.name"] for row in told] == [*NAMES.values(), "", ""]
        assert "malformed" in told[3]["outcome"]
        assert told[3]["problem.detail"]
        assert told[0]["meta.source"] == "dataset:communes"
    else:
        told = reply.json["data"] if out == "application/json" else lines(reply)
        assert [row["row"] for row in told] == [1, 2, 3, 4, 5]
        assert [row["data"]["name"] for row in told[:3]] == list(NAMES.values())
        assert told[0]["meta"]["source"] == "dataset:communes"
        assert {"detail", "todo", "fault"} <= set(told[3]["problem"])
    assert [row["outcome"] for row in told] == ["found"] * 3 + ["malformed-identifier", "not-found"]
    entries = journal(gateway)[before:]
    assert sorted(entry["outcome"] for entry in entries) == sorted(row["outcome"] for row in told)
    assert all(entry["identifier"] for entry in entries)
    assert {entry["application"] for entry in entries} == {"mairie"}


def test_fields_of_all_rows_and_of_one(gateway: Gateway) -> None:
    told = post(gateway, "copy", {"identifiers": CODES, "fields": ["name"]}).json["data"]
    assert [row["data"] for row in told] == [{"name": name} for name in NAMES.values()]
    told = post(gateway, "copy", [{"identifier": "01001", "fields": ["code"]}, {"identifier": "01002"}]).json["data"]
    assert told[0]["data"] == {"code": "01001"}
    assert len(told[1]["data"]) > 1


def test_columns_of_csv_come_back_as_they_were(gateway: Gateway) -> None:
    body = 'Nom;IDENTIFIER;note;outcome\r\n"Dupont; Anne";01001;"deux\nlignes";found\r\n\r\nÉmile; 01002 ;=1+1;\r\n'
    reply = post(gateway, "copy", ("\ufeff" + body).encode(), **CSV)
    told = table(reply.body, ";")
    assert [(row["Nom"], row["IDENTIFIER"], row["note"]) for row in told] == [
        ("Dupont; Anne", "01001", "deux\nlignes"), ("Émile", " 01002 ", "=1+1"),
    ]  # fmt: skip
    assert [(row["outcome"], row["data.code"]) for row in told] == [("found", "01001"), ("found", "01002")]
    reply = post(gateway, "copy", body.encode(), **CSV, Accept="application/json;q=0.5, text/html")
    assert reply.json["data"][0]["came"] == {
        "Nom": "Dupont; Anne", "IDENTIFIER": "01001", "note": "deux\nlignes", "outcome": "found",
    }  # fmt: skip


@pytest.mark.parametrize(("form", "head"), [(CSV, "identifier\n"), (NDJSON, "")])
def test_fields_of_all_rows_stand_in_the_address_of_what_has_no_place_for_them(
    gateway: Gateway, form: dict[str, str], head: str
) -> None:
    asked = CODES[:2] if head else [f'{{"identifier": "{each}"}}' for each in CODES[:2]]
    own = [] if head else ['{"identifier": "01004", "fields": ["code"]}']
    body = (head + "\n".join([*asked, *own])).encode()
    headers = gateway.headers("mairie") | form
    before = len(journal(gateway))
    reply = ask(gateway.url, "POST", "/lookups/copy?fields=name", headers | {"Accept": "application/x-ndjson"}, body)
    assert reply.status == 200, reply.body
    data = [each["data"] for each in lines(reply)]
    assert data == [{"name": NAMES[each]} for each in CODES[:2]] + [{"code": "01004"} for _ in own]
    assert {tuple(each["fields"]) for each in journal(gateway)[before:]} == {("name",), *(("code",) for _ in own)}
    plain = ask(gateway.url, "POST", "/lookups/copy?fields=name,code", headers | {"Accept": "text/csv"}, body)
    assert {each for each in table(plain.body)[0] if each.startswith("data.")} == {"data.name", "data.code"}
    begun = ask(gateway.url, "POST", "/lookups/copy?fields=name", headers | {"Prefer": "respond-async"}, body)
    place = str(begun.headers["location"])
    wait(gateway, place)
    answered = gateway.get(f"{place}/result", "mairie", Accept="application/x-ndjson")
    assert [each["data"] for each in lines(answered)] == data


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("fields=nothing", "there is no field"), ("fields=", "there is no field"), ("fields=name&fields=code", "once"),
        ("fields=name&purpose=inscription-scolaire", "takes fields alone"), ("identifier=01001", "takes fields alone"),
    ],
)  # fmt: skip
def test_nothing_else_stands_in_the_address(gateway: Gateway, query: str, said: str) -> None:
    before = len(journal(gateway))
    reply = ask(gateway.url, "POST", f"/lookups/copy?{query}", gateway.headers("mairie") | CSV, b"identifier\n01001\n")
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert said in reply.json["detail"]
    assert [entry["outcome"] for entry in journal(gateway)[before:]] == ["invalid-request"]


def test_an_answer_has_the_separator_that_came(gateway: Gateway, tmp_path: Path) -> None:
    """A spreadsheet that wrote semicolons reads the answer in columns too, whichever way it comes."""
    body = b"dossier;identifier\nA;01001\nB;01002\n"
    at_once = post(gateway, "copy", body, **CSV)
    place = job(gateway, "copy", body, **CSV, Prefer="respond-async")
    wait(gateway, place)
    (tmp_path / "in.csv").write_bytes(body)
    made = lookup(gateway.root, "copy", "--file", str(tmp_path / "in.csv"), "--out", str(tmp_path / "out.csv"))
    assert made.exit_code == 0, made.output
    for text in (at_once.body, gateway.get(f"{place}/result", "mairie").body, (tmp_path / "out.csv").read_bytes()):
        told = table(text, ";")
        assert [(each["dossier"], each["data.name"]) for each in told] == [("A", NAMES["01001"]), ("B", NAMES["01002"])]
    assert table(post(gateway, "copy", body.replace(b";", b","), **CSV).body)[1]["dossier"] == "B"


def test_a_broken_line_is_found_by_its_number(gateway: Gateway) -> None:
    """It is that of the line in the file: blank lines, and those that are one row together, are counted each."""
    body = b'\na,identifier\n\n"two\nlines",01001\nx\n"open,01001\ncaf\xe9,01002\n\n\ny,01004\nz,1,2\n'
    told = table(post(gateway, "copy", body, **CSV).body)
    assert [each["outcome"] for each in told] == ["found", *["invalid-request"] * 3, "found", "invalid-request"]
    wrong = [each["problem.detail"] for each in told if each["problem.detail"]]
    assert wrong == [
        "line 6 has another number of columns (1) than the first line (2)",
        "a quotation mark of line 7 is out of place, or is never closed",
        "line 8 is not in UTF-8",
        "line 12 has another number of columns (3) than the first line (2)",
    ]
    french = table(post(gateway, "copy", body, **CSV, Accept_Language="fr").body)
    assert french[3]["problem.detail"] == "la ligne 8 n'est pas en UTF-8"


def test_broken_lines_end_nothing(gateway: Gateway) -> None:
    broken = [
        b"{",
        b"[]",
        b"null",
        b'{"identifier": 1}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"identifier":"1","x":1}',
        b'"01001"',
    ]
    body = b"\n".join([b'{"identifier": "01001"}', *broken, b"", b'{"identifier": "01002"}'])
    told = lines(post(gateway, "copy", body, **NDJSON))
    assert [row["outcome"] for row in told] == ["found", *["invalid-request"] * len(broken), "found"]
    assert all(row["problem"]["detail"].startswith("a row must be JSON like") for row in told[1:-1])
    for path in ("copy", "copy?fields=name"):
        body = b'{"identifier": "01001", "identifier": "01002"}\n{"identifier": "01002"}'
        twice, well = lines(post(gateway, path, body, **NDJSON))
        assert (twice["outcome"], well["outcome"]) == ("invalid-request", "found")
        assert "has one name twice" in twice["problem"]["detail"]
    several: list[str | bytes] = [
        "a,identifier",
        "x,01001",
        "y",
        "a,b,c",
        '"never closed,01001',
        'z,"01"002',
        b"caf\xe9,01001",
        "x\0,01002",
        ",",
    ]
    body = (
        b"\n".join(line if isinstance(line, bytes) else line.encode() for line in several) + b'\n"' + b"\nq,01004" * 30
    )
    rows = table(post(gateway, "copy", body.replace(b"\0", b""), **CSV).body)
    assert [row["outcome"] for row in rows[:8]] == [
        "found", "invalid-request", "invalid-request", "invalid-request", "invalid-request", "invalid-request",
        "found", "malformed-identifier",
    ]  # fmt: skip
    assert [row["outcome"] for row in rows[8:]] == ["invalid-request", *["found"] * 30], (
        "an open quotation takes one line"
    )
    assert "UTF-8" in rows[5]["problem.detail"]


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        ([], {}, "JSON"), ({"identifiers": []}, {}, "JSON"), ({"identifiers": "01001"}, {}, "JSON"),
        ({"identifiers": ["01001"], "fields": "name"}, {}, "fields"), ({"identifiers": ["01001"], "x": 1}, {}, "unknown key"),
        ({"identifiers": ["01001"], "fields": ["nothing"]}, {}, "there is no field"),
        (b"", CSV, "no row"), (b"\n\n", NDJSON, "no row"), (b"a,b\n1,2", CSV, "identifier"),
        (b"identifier,identifier\n1,2", CSV, "exactly one"), (b"a,a,identifier\n1,2,3", CSV, "same name"),
        ("identifier;prénom\n01001;José\n".encode("cp1252"), CSV, "UTF-8"),
        (b"identity.born,Identity.Born\n1,2", CSV, "same name"),
        (b'{"identifiers": ["01001"], "fields": ["code"], "fields": ["name"]}', {}, "has one name twice"),
        (b'[{"identifier": "01001"}, {"identifier": "01001", "identifier": "01002"}]', {}, "has one name twice"),
    ],
)  # fmt: skip
def test_what_is_nothing_at_all_is_refused_whole(
    gateway: Gateway, body: Any, headers: dict[str, str], said: str
) -> None:
    before = len(journal(gateway))
    reply = post(gateway, "copy", body, **headers)
    assert (reply.status, reply.code) == (400, "invalid-request")
    assert said in reply.json["detail"]
    assert [entry["outcome"] for entry in journal(gateway)[before:]] == ["invalid-request"]


def test_who_may_ask_nothing_is_refused_before_the_first_row(gateway: Gateway, faults: Faults, nirs: list[str]) -> None:
    faults["civil"].fault = "none"
    before = len(journal(gateway))
    for application, code in ((None, "unauthenticated"), ("ecole", "not-granted"), ("rien", "not-granted")):
        assert post(gateway, "person", {"identifiers": nirs[:3]}, application).code == code
        long = b'{"identifiers": ["' + b'", "'.join(nir.encode() for nir in nirs[:30] * 300) + b'"]}'
        assert len(long) > 2 * 65536
        assert post(gateway, "person", long, application).code == code, "before all of it is read"
    assert post(gateway, "commune", {"identifiers": CODES, "fields": ["population"]}, "ecole").code == "not-granted"
    assert faults["civil"].seen == 0
    assert len(journal(gateway)) == before + 7
    told = post(gateway, "commune", {"identifiers": CODES}, "ecole").json["data"]
    assert [set(row["data"]) for row in told] == [{"code", "name"}] * 3


def test_no_personal_identifier_in_the_log(gateway: Gateway, nirs: list[str], caplog: pytest.LogCaptureFixture) -> None:
    told = post(gateway, "resident", {"identifiers": nirs[:4]}).json["data"]
    assert [row["data"]["nir"] for row in told] == nirs[:4]
    assert not [each for each in nirs[:4] if each in caplog.text]
    assert not [each for each in nirs[:4] if each in json.dumps(journal(gateway))]


def test_one_question_is_still_one(gateway: Gateway) -> None:
    assert post(gateway, "copy", {"identifier": "01001"}).json["data"]["code"] == "01001"
    reply = ask(gateway.url, "POST", "/lookups/copy?fields=name", gateway.headers("mairie"), {"identifiers": CODES})
    assert (reply.status, reply.code) == (400, "invalid-request")


def test_formulas_are_kept_from_spreadsheets_where_that_is_preferred(gateway: Gateway) -> None:
    """Else a cell is what it is: nobody's phone number or negative number is changed unasked."""
    cells = ["=1+1", "+33 3 22", "-5", "@x", "plain", "a=b"]
    body = "=head,identifier\n" + "".join(f"{cell},01001\n" for cell in cells)
    headers = gateway.headers("mairie") | CSV
    asis = ask(gateway.url, "POST", "/lookups/commune", headers, body.encode())
    assert [row["=head"] for row in table(asis.body)] == cells
    assert asis.headers["preference-applied"] is None
    for preferred in ("formulas=escaped", "respond-async, formulas = escaped"):
        reply = ask(gateway.url, "POST", "/lookups/commune", headers | {"Prefer": preferred}, body.encode())
        if reply.status == 202:
            path = reply.headers["location"]
            while (reply := gateway.get(f"{path}/result", "mairie", Prefer="formulas=escaped")).status == 202:
                pass
        told = table(reply.body)
        assert [row["'=head"] for row in told] == ["'=1+1", "'+33 3 22", "'-5", "'@x", "plain", "a=b"]
        assert {row["data.name"] for row in told} == {"L'Abergement-Clémenciat"}
        assert reply.headers["preference-applied"] == "formulas=escaped"


# --- paced -----------------------------------------------------------------------------------------------------------


def test_rows_wait_for_places_and_leave_most_to_others(root: Path, faults: Faults) -> None:
    faults["communes"].fault = "latency:0.15"
    text = (root / "beffroi.yaml").read_text()
    declared = "kind: api_geo, limits: {concurrency: 4, per_second: 40}"
    (root / "beffroi.yaml").write_text(text.replace("kind: api_geo", declared))
    with Gateway(root) as gateway:
        found: list[Reply] = []
        body = {"identifiers": [f"0100{n}" for n in (1, 2, 4, 5, 6, 7, 8, 9)] * 5}
        asking = threading.Thread(target=lambda: found.append(post(gateway, "commune", body)))
        asking.start()
        single = []
        while asking.is_alive():
            single.append(gateway.get("/lookups/commune/01010", "mairie"))
        asking.join()
    assert {(reply.status, reply.json["meta"]["source"]) for reply in single} == {(200, "communes")}
    assert {(row["outcome"], row["meta"]["source"]) for row in found[0].json["data"]} == {("found", "communes")}, (
        "forty rows wait where forty callers would be told that all places are taken"
    )


def test_a_slow_reader_is_waited_for(gateway: Gateway) -> None:
    body = json.dumps({"identifiers": ["01001"] * FEW}).encode()
    head = "".join(f"{name}: {text}\r\n" for name, text in gateway.headers("mairie").items())
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        start = (
            f"POST /lookups/copy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}Content-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(start.encode() + body)
        time.sleep(0.3)
        text = b"".join(iter(lambda: connection.recv(1000), b""))
    assert text.count(b'"outcome": "found"') == FEW


# --- jobs ------------------------------------------------------------------------------------------------------------


def job(gateway: Gateway, name: str, body: Any, **headers: str) -> str:
    reply = post(gateway, name, body, **headers)
    assert reply.status == 202, reply.body
    place = reply.headers["location"]
    assert re.fullmatch(r"/jobs/[0-9a-f]{32}", place)
    assert reply.json["data"]["id"] == place.removeprefix("/jobs/")
    return str(place)


def test_many_rows_are_a_job(gateway: Gateway) -> None:
    before = len(journal(gateway))
    place = job(gateway, "copy", {"identifiers": [*CODES, "99"] * 100})
    told = wait(gateway, place)
    assert (told["rows"], told["answered"], told["seconds_left"]) == (400, 400, 0)
    assert told["outcomes"] == {"found": 300, "malformed-identifier": 100}
    result = gateway.get(told["result"], "mairie").json["data"]
    assert [row["row"] for row in result] == list(range(1, 401))
    assert [row.get("data", {}).get("code") for row in result] == [*CODES, None] * 100
    entries = journal(gateway)[before:]
    assert Counter(entry["outcome"] for entry in entries) == {"found": 301, "malformed-identifier": 100}
    assert entries[-1]["source"] == place[1:].replace("s/", ":"), "that the answers were taken away is journaled too"
    as_csv = gateway.get(told["result"], "mairie", Accept="text/csv")
    assert [row["data.code"] for row in table(as_csv.body)] == [*CODES, ""] * 100


def test_who_would_rather_come_back(gateway: Gateway) -> None:
    reply = post(gateway, "copy", {"identifiers": CODES}, Prefer="wait=10, respond-async; x=1")
    assert (reply.status, reply.headers["preference-applied"]) == (202, "respond-async")
    place = reply.headers["location"]
    wait(gateway, place)
    assert [row["data"]["code"] for row in gateway.get(f"{place}/result", "mairie").json["data"]] == CODES


def test_a_job_is_its_applications_alone(gateway: Gateway) -> None:
    place = job(gateway, "copy", {"identifiers": CODES}, Prefer="respond-async")
    wait(gateway, place)
    for path in (place, f"{place}/result", "/jobs/" + "0" * 32, "/jobs/..%2F..%2Fjournal"):
        assert gateway.get(path, "ecole").code == "not-found"
        assert gateway.get(path, None).code in ("unauthenticated", "not-found")
    assert gateway.get(f"{place}/result", None).code == "unauthenticated"
    assert ask(gateway.url, "DELETE", place, gateway.headers("ecole")).code == "not-found"
    assert journal(gateway)[-1]["outcome"] == "not-found"
    assert gateway.get(place, "mairie").status == 200
    assert ask(gateway.url, "DELETE", place, gateway.headers("mairie")).status == 204
    assert gateway.get(place, "mairie").code == "not-found"
    assert not list((gateway.root / ".beffroi" / "jobs").glob(f"{place.removeprefix('/jobs/')}*"))


def test_a_grant_taken_away_meanwhile(root: Path) -> None:
    with Gateway(root) as gateway:
        place = job(gateway, "copy", {"identifiers": CODES}, Prefer="respond-async")
        wait(gateway, place)
    text = (root / "beffroi.yaml").read_text()
    (root / "beffroi.yaml").write_text(text.replace("{lookup: copy, fields: '*'", "{lookup: copy, fields: [name]"))
    with Gateway(root) as gateway:
        assert gateway.get(place, "mairie").status == 200
        assert gateway.get(f"{place}/result", "mairie").code == "not-granted"
        assert ask(gateway.url, "DELETE", place, gateway.headers("mairie")).status == 204


def test_who_fetches_the_answers_is_journaled_and_says_why(gateway: Gateway, nirs: list[str]) -> None:
    place = job(gateway, "resident", {"identifiers": nirs[:3]}, Prefer="respond-async", Beffroi_Agent="alice")
    wait(gateway, place)
    mine = gateway.headers("mairie") | {"Beffroi-Agent": "bob"}
    for purpose in (None, "etat-civil", "nulle-part"):
        said = {name: text for name, text in mine.items() if name != "Beffroi-Purpose"}
        reply = ask(gateway.url, "GET", f"{place}/result", said | ({"Beffroi-Purpose": purpose} if purpose else {}))
        assert (reply.status, reply.code) == (403, "not-granted"), purpose
        assert "inscription-scolaire" in reply.json["detail"]
        entry = journal(gateway)[-1]
        assert (entry["agent"], entry["outcome"]) == ("bob", "not-granted")
    reply = ask(gateway.url, "GET", f"{place}/result", mine)
    assert (reply.status, "another agent" in reply.json["detail"]) == (403, True)
    assert len(ask(gateway.url, "GET", f"{place}/result", mine | {"Beffroi-Agent": "alice"}).json["data"]) == 3
    entry = journal(gateway)[-1]
    assert [entry[name] for name in ("agent", "purpose", "outcome")] == ["alice", "inscription-scolaire", "found"]
    assert entry["source"] == f"job:{place.removeprefix('/jobs/')}"


def test_nobody_stands_in_the_files_of_a_job(gateway: Gateway, nirs: list[str]) -> None:
    body = "identifier;nom\n" + "".join(f"{nir};Quelqu'un\n" for nir in nirs[:30])
    place = job(gateway, "resident", body.encode(), **CSV, Prefer="respond-async")
    wait(gateway, place)
    result = gateway.get(f"{place}/result", "mairie")
    assert [row["data.nir"] for row in table(result.body, ";")] == nirs[:30]
    names = [row["data.birth_name"] for row in table(result.body, ";")]
    files = list((gateway.root / ".beffroi" / "jobs").glob("*.db*"))
    assert files
    kept = b"".join(path.read_bytes() for path in files)
    assert not [text for text in (*nirs[:30], *names, "Quelqu'un") if text.encode() in kept]
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_what_is_over_is_gone(root: Path) -> None:
    with Gateway(root) as gateway:
        place = job(gateway, "copy", {"identifiers": CODES}, Prefer="respond-async")
        wait(gateway, place)
    name = place.removeprefix("/jobs/")
    ended = root / ".beffroi" / "jobs" / f"{name}.ended"
    os.utime(ended, (ended.stat().st_mtime - 86500,) * 2)
    with Gateway(root) as gateway:
        until = time.monotonic() + 30
        while (told := gateway.get(place, "mairie")).status == 200 and time.monotonic() < until:
            time.sleep(0.05)
        assert told.code == "not-found"


def test_so_many_jobs_and_no_more(root: Path, faults: Faults) -> None:
    faults["communes"].fault = "blackhole"
    with Gateway(root) as gateway:
        for _ in range(MOST):
            job(gateway, "commune", {"identifiers": CODES * 20}, Prefer="respond-async")
        reply = post(gateway, "copy", {"identifiers": CODES}, Prefer="respond-async")
        assert (reply.status, reply.code) == (429, "limit-reached")
        assert "10 jobs" in reply.json["detail"]


def test_so_many_jobs_at_once_and_no_more(tmp_path: Path) -> None:
    jobs, together, said = Jobs(tmp_path, Keys(tmp_path)), threading.Barrier(MOST + 3), Counter[str]()
    about = About("copy", told_of(Caller("api", "mairie", "ville")), "json", (), (), "2026-01-01T00:00:00+00:00")

    def rows() -> Iterator[incoming.Row]:
        together.wait(60)  # none is kept yet, and all are being written
        yield incoming.row(1, b'{"identifier": "01001"}')

    def new() -> None:
        try:
            jobs.new(about, rows())
        except LimitReached:
            said["refused"] += 1

    threads = [threading.Thread(target=new) for _ in range(MOST + 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(jobs.names()), said["refused"]) == (MOST, 3)
    assert not list(jobs.folder.glob("*.part*")), "what was refused is gone"


def test_long_jobs_of_one_application_do_not_hold_back_anothers(root: Path, faults: Faults) -> None:
    faults["communes"].fault = "latency:0.2"
    text = (root / "beffroi.yaml").read_text()
    granted = "{lookup: commune, fields: [name, code]"
    more = f"{{lookup: copy, fields: [name], purposes: [inscription-scolaire]}}\n          - {granted}"
    (root / "beffroi.yaml").write_text(text.replace(granted, more))
    codes = [f"01{number:03}" for number in range(1, 900)]
    with Gateway(root) as gateway:
        long = [job(gateway, "commune", {"identifiers": codes}) for _ in range(3)]
        reply = post(gateway, "copy", {"identifiers": CODES}, "ecole", Prefer="respond-async")
        assert reply.status == 202
        wait(gateway, reply.headers["location"], "ecole")
        told = [gateway.get(place, "mairie").json["data"]["state"] for place in long]
    assert told == ["under-way"] * 3


def test_a_job_that_is_not_done_has_no_result_yet(root: Path, faults: Faults) -> None:
    faults["civil"].fault = "latency:0.5"
    with Gateway(root) as gateway:
        nir = "100015948200015"
        place = job(gateway, "person", {"identifiers": [nir] * 3 + ["x"]}, Prefer="respond-async")
        reply = gateway.get(f"{place}/result", "mairie")
        assert (reply.status, reply.json["data"]["state"]) == (202, "under-way")
        assert reply.headers["retry-after"]
        assert ask(gateway.url, "DELETE", place, gateway.headers("mairie")).status == 204
        assert gateway.get(f"{place}/result", "mairie").status == 404


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_rows_with_broken_lines(gateway: Gateway) -> None:
    count = 100_000 if times(1) > 1 else 5_000
    broken = {7, 2_000, count - 1}
    rows = [f"{number};{CODES[number % 3] if number % 10 == 0 else 'x'}" for number in range(count)]
    for number in broken:
        rows[number] = '"' if number != 7 else f"{number};;;"
    place = job(gateway, "copy", ("n;identifier\n" + "\n".join(rows) + "\n").encode(), **CSV)
    told = wait(gateway, place, seconds=1500)
    assert (told["rows"], told["answered"]) == (count, count)
    answers = table(gateway.get(f"{place}/result", "mairie").body, ";")
    assert len(answers) == count
    for number, row in enumerate(answers):
        if number in broken:
            assert row["outcome"] == "invalid-request"
        else:
            assert (row["n"], row["outcome"]) == (str(number), "malformed-identifier" if number % 10 else "found")
            assert row["data.code"] == ("" if number % 10 else CODES[number % 3])
    assert ask(gateway.url, "DELETE", place, gateway.headers("mairie")).status == 204


def test_a_job_goes_on_after_kill_9_and_asks_nothing_again(root: Path, faults: Faults) -> None:
    faults["communes"].fault = "latency:0.05"
    codes = [f"01{number:03}" for number in range(1, 180)]
    with Gateway(root) as gateway:  # for a token; the server under test is a process of its own
        headers = gateway.headers("mairie")
        keyed = [gateway.service.journal.keyed(f"insee:{code}") for code in codes]
    with a_process(root) as (server, url):
        reply = ask(url, "POST", "/lookups/commune", headers | {"Prefer": "respond-async"}, {"identifiers": codes})
        place = reply.headers["location"]
        while (told := ask(url, "GET", place, headers).json["data"])["answered"] < 20:
            time.sleep(0.01)
        server.kill()
        server.wait()
    assert told["state"] == "under-way"
    file = root / ".beffroi" / "jobs" / f"{place.removeprefix('/jobs/')}.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        kept = [number for (number,) in connection.execute("SELECT number FROM rows WHERE outcome IS NOT NULL")]
    assert 20 <= len(kept) < len(codes)
    with a_process(root) as (_, url):
        until = time.monotonic() + 120
        while (told := ask(url, "GET", place, headers).json["data"])["state"] != "done":
            assert time.monotonic() < until, told
            time.sleep(0.05)
        rows = ask(url, "GET", f"{place}/result", headers).json["data"]
    assert [row["row"] for row in rows] == list(range(1, len(codes) + 1))
    found = {row["data"]["code"] for row in rows if row["outcome"] == "found"}
    assert {row["outcome"] for row in rows} == {"found", "not-found"}
    assert found == {code for code, row in zip(codes, rows, strict=True) if row["outcome"] == "found"}
    with Gateway(root) as gateway:
        asked = Counter(entry["identifier"] for entry in journal(gateway))
    assert {asked[keyed[number - 1]] for number in kept} == {1}, "what was kept was not asked for again"
    assert min(asked[each] for each in keyed) == 1


# --- the operator's ---------------------------------------------------------------------------------------------------


def lookup(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--workspace", str(root), "lookup", *arguments])


def test_the_command_line_asks_for_a_file(root: Path) -> None:
    source, target = root / "asked.csv", root / "told.ndjson"
    source.write_text("qui;identifier\na;01001\nb\nc;99\n", encoding="utf-8")
    result = lookup(root, "copy", "--file", str(source), "--out", str(target), "--json", "--receipts")
    assert (result.exit_code, json.loads(result.stdout)) == (
        0, {"found": 1, "invalid-request": 1, "malformed-identifier": 1},
    )  # fmt: skip
    told = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["outcome"] for row in told] == ["found", "invalid-request", "malformed-identifier"]
    assert told[0]["came"] == {"qui": "a", "identifier": "01001"}
    assert "~" in told[0]["meta"]["receipt"]
    assert target.stat().st_mode & 0o077 == 0
    again = root / "again.csv"
    result = lookup(root, "copy", "--file", str(target), "--out", str(again), "--fields", "name")
    assert result.exit_code == 0
    assert [row["outcome"] for row in table(again.read_bytes())] == ["invalid-request"] * 3, "outcomes are no questions"
    source.write_text("identifier\n01001\n", encoding="utf-8")
    for language, said in (("en", ": 1 outcome.\n"), ("fr", " : 1 résultat.\n")):
        result = lookup(root, "copy", "--file", str(source), "--out", str(again), "--lang", language)
        assert result.stderr == f"{again}{said}"
    with Gateway(root) as gateway:
        assert {entry["via"] for entry in journal(gateway) if entry["action"] == "lookup"} == {"command"}
        assert sum(entry["action"] == "lookup" for entry in journal(gateway)) == 8


def test_the_command_line_needs_a_purpose_and_both_files(root: Path, nirs: list[str]) -> None:
    source, target = root / "asked.ndjson", root / "told.csv"
    source.write_text(json.dumps({"identifier": nirs[0]}) + "\n")
    both = ("--file", str(source), "--out", str(target))
    result = lookup(root, "resident", *both)
    assert (result.exit_code, "say why with --purpose" in result.stderr) == (1, True)
    assert not target.exists()
    result = lookup(root, "resident", *both, "--purpose", "inscription-scolaire", "--fields", "birth_name,nir")
    assert result.exit_code == 0
    assert list(table(target.read_bytes())[0])[:4] == ["identifier", "outcome", "data.nir", "data.birth_name"]
    assert "no identifier beside them" in lookup(root, "resident", nirs[0], *both).stderr
    assert "--out" in lookup(root, "resident", "--file", str(source)).stderr
    assert "those of all rows" in lookup(root, "copy", *both, "--receipt", "x").stderr
    assert "those of all rows" in lookup(root, "copy", "01001", "--receipts").stderr
    assert "does not end in" in lookup(root, "copy", "--file", str(source), "--out", "x.txt").stderr


# --- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", "csv"), ("*/*", "csv"), ("text/html", "csv"), ("application/json", "json"), ("application/json;q=0", "csv"),
        ("application/x-ndjson;q=0.9, application/json;q=0.4", "ndjson"), ("text/csv;q=x, application/json;q=0.1", "json"),
    ],
)  # fmt: skip
def test_the_form_that_is_wanted(accept: str, form: str) -> None:
    assert outgoing.wanted(accept, "csv") == form


def test_so_many_rows_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "MOST_ROWS", 3)
    for form, body in (("csv", b"identifier\n" + b"1\n" * 4), ("ndjson", b"1\n" * 4), ("json", b"[1,2,3,4]")):
        with pytest.raises(InvalidRequest, match="more than 3 rows"):
            list(incoming.read(form, io.BytesIO(body)).rows)  # type: ignore[arg-type]


@pytest.mark.parametrize("item", [b"{}", b"[]", b"1", b'{"a":1}', b"[[]]"])
def test_json_of_too_many_rows_is_refused_before_it_fills_the_memory(item: bytes) -> None:
    body = b"[" + b",".join([item] * (MAX_MANY // (len(item) + 1))) + b"]"
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest, match="more than 200,000 rows"):
            incoming.read("json", io.BytesIO(body))
        assert tracemalloc.get_traced_memory()[1] < 3 * len(body), "it was parsed, or a part of it"
    finally:
        tracemalloc.stop()


def test_so_many_rows_of_json_as_there_may_be() -> None:
    question = {"identifier": "100015948200015", "fields": ["sex"], "verify": {"given_names": ["A"]}}
    body = json.dumps([question] * incoming.MOST_ROWS, separators=(",", ":")).encode()
    assert len(body) < MAX_MANY
    assert next(incoming.read("json", io.BytesIO(body)).rows).refusal is None


@pytest.mark.parametrize(
    "text", [b'{"identifier": "1", "fields": ["a"]}', b'{"identifier": "1", "verify": {"a": 1}}', b"{"]
)
def test_a_row_is_kept_as_it_is(text: bytes) -> None:
    row = incoming.row(3, text, ("x", "é"))
    again = incoming.unkept(3, incoming.kept(row))
    assert (again.number, again.question, again.came) == (row.number, row.question, row.came)
    assert (again.refusal is None) == (row.refusal is None)
    assert str(again.refusal) == str(row.refusal)
