"""Versions over HTTP and on the command line: listed, compared, travelled to, told of in a feed; journaled unless open."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from lxml import etree

from gateway.datasets.compared import KEPT
from pipelines import rollback, versions
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.gateway.conftest import THINGS, Gateway, Reply, things
from tests.gateway.test_journal import entries

ATOM = "{http://www.w3.org/2005/Atom}"
PERMITS = [("P1", "rue A", "X"), ("P2", "rue B", "Y"), ("P3", "rue C", "Z")]


def write_permits(root: Path, rows: list[tuple[str, str, str]]) -> None:
    columns = dict(zip(("number", "street", "applicant"), map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), root / "source" / "permits.parquet")
    run(Workspace(root), "permits")


@pytest.fixture(scope="module")
def changed_once(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace, with a second version of `things` (one row changed, three added, two gone) and of `permits`."""
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("changed") / "workspace"))
    rows = things(63).to_pylist()
    rows[2] |= {"text": "<b>&amp;", "whole": 7}
    pq.write_table(pa.Table.from_pylist(rows[:10] + rows[12:], things().schema), root / "source" / "things.parquet")
    run(Workspace(root), "things")
    write_permits(root, [("P1", "rue A", "Nobody"), ("P2", "rue Z", "Y"), ("P4", "rue D", "Q")])
    return root


@pytest.fixture
def changed(changed_once: Path, tmp_path: Path) -> Path:
    """A copy of that workspace, to be changed at will."""
    return Path(shutil.copytree(changed_once, tmp_path / "workspace"))


@pytest.fixture
def gateway(changed: Path) -> Iterator[Gateway]:
    with Gateway(changed) as running:
        yield running


def pages(gateway: Gateway, path: str, *caller: str) -> list[Any]:
    """Return the rows of all pages."""
    found, link = [], path
    while link:
        reply = gateway.get(link, *caller)
        assert reply.status == 200, reply.body
        found += reply.json["data"]
        link = reply.json["links"]["next"]
    return found


def test_versions_are_listed(gateway: Gateway) -> None:
    first, second = gateway.get("/datasets/things/versions").json["data"]
    assert first | {"committed": ""} == {
        "version": 1, "committed": "", "rows": 60, "added": 60, "changed": 0, "removed": 0, "schema_version": "1.0.0",
        "schema_changes": [], "rolled_back_from": None, "kept": True, "href": "/datasets/things/rows?version=1",
    }  # fmt: skip
    assert [second[name] for name in ("version", "rows", "added", "changed", "removed")] == [2, 61, 3, 1, 2]


def test_what_differs_is_told_with_old_and_new(gateway: Gateway) -> None:
    reply = gateway.get("/datasets/things/diff")
    meta, data = reply.json["meta"], reply.json["data"]
    assert meta == {
        "dataset": "things", "from": 1, "to": 2, "added": 3, "changed": 1, "removed": 2, "left_out": {}, "limit": 20,
        "cursor": None,
    }  # fmt: skip
    assert data[0] == {
        "change": "changed", "key": {"id": 2},
        "columns": {"text": {"old": "", "new": "<b>&amp;"}, "whole": {"old": 0, "new": 7}},
    }  # fmt: skip
    assert [(each["change"], each["key"]["id"]) for each in data[1:]] == [
        ("removed", 10), ("removed", 11), ("added", 60), ("added", 61), ("added", 62)
    ]  # fmt: skip
    row = gateway.get("/datasets/things/rows/61").json["data"]
    assert data[4] == {"change": "added", "key": {"id": 61}, "row": row}, "told as among other rows"
    assert pages(gateway, "/datasets/things/diff?from=1&to=2&limit=2") == data
    back = gateway.get("/datasets/things/diff?from=2&to=1").json
    assert (back["meta"]["added"], back["data"][0]["columns"]["whole"]) == (2, {"old": 7, "new": 0})
    assert gateway.get("/datasets/things/diff?columns=yes").json["meta"]["changed"] == 0, "only what is asked for"


def test_the_next_page_of_a_comparison_compares_nothing_again(changed: Path) -> None:
    whole = Path(shutil.copytree(changed, changed.with_name("whole")))
    with Gateway(whole) as gateway:
        wanted = pages(gateway, "/datasets/things/diff?limit=2")
    with Gateway(changed) as gateway:
        first = gateway.get("/datasets/things/diff?limit=2").json
        parquet = versions.history(Workspace(changed), "things")[0].parquet
        parquet.write_bytes(b"damaged")  # who reads it again cannot go on
        assert first["data"] + pages(gateway, first["links"]["next"]) == wanted
        assert gateway.get("/datasets/things/diff?columns=yes").status == 503, "other columns are another comparison"


def test_comparisons_are_kept_by_columns_and_a_few_at_most(gateway: Gateway) -> None:
    whole = gateway.get("/datasets/permits/diff", "mairie").json
    part = gateway.get("/datasets/permits/diff", "ecole").json
    assert gateway.get("/datasets/permits/diff", "mairie").json == whole, "who may see less has changed nothing"
    assert gateway.get("/datasets/permits/diff", "ecole").json == part
    for column in ("text", "whole", "real", "yes", "day", "tags"):
        assert gateway.get(f"/datasets/things/diff?columns={column}").status == 200
    assert len(gateway.service.differences._kept) == KEPT


def test_a_comparison_is_read_from_anywhere(gateway: Gateway) -> None:
    every = gateway.get("/datasets/things/diff").json["data"]
    for offset in (4, 0, 5, 2, 6, 9):
        reply = gateway.get(f"/datasets/things/diff?limit=2&cursor=1-2-{offset}").json
        assert reply["data"] == every[offset : offset + 2]
        assert (reply["meta"]["cursor"] is None) == (offset >= 4)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("from=9", 404, "there is no version 9 of things to read"),
        ("from=x", 400, "from is the number of a version"),
        ("to=0", 400, "to is the number of a version"),
        ("to=1", 404, "version 1 of things is its first"),
        ("limit=0", 400, "limit is a whole number"),
        ("columns=nope", 400, "there is no column «nope»"),
        ("text__exact=a", 400, "unknown parameter; allowed: from, to, columns, limit, cursor, purpose"),
        ("cursor=1-2-x", 400, "that cursor is not one of ours"),
        ("cursor=1-2-4&from=2", 400, "that cursor is not one of ours, or of other versions"),
    ],
)
def test_what_cannot_be_compared_is_told(gateway: Gateway, query: str, status: int, said: str) -> None:
    reply = gateway.get(f"/datasets/things/diff?{query}")
    assert reply.status == status, reply.body
    assert reply.code
    assert said in reply.json["detail"]


def test_only_what_is_granted_is_compared(gateway: Gateway) -> None:
    assert gateway.get("/datasets/permits/diff").status == 401
    whole = gateway.get("/datasets/permits/diff", "mairie").json
    assert [(each["change"], each["key"]) for each in whole["data"]] == [
        ("changed", {"number": "P1"}), ("changed", {"number": "P2"}), ("removed", {"number": "P3"}),
        ("added", {"number": "P4"}),
    ]  # fmt: skip
    part = gateway.get("/datasets/permits/diff", "ecole").json
    assert part["data"] == [
        {"change": "changed", "key": {"number": "P2"}, "columns": {"street": {"old": "rue B", "new": "rue Z"}}},
        {"change": "removed", "key": {"number": "P3"}, "row": {"number": "P3", "street": "rue C"}},
        {"change": "added", "key": {"number": "P4"}, "row": {"number": "P4", "street": "rue D"}},
    ], "that a column changed which is not granted is not told"
    assert part["meta"]["changed"] == 1
    assert gateway.get("/datasets/permits/diff?columns=applicant", "ecole").status == 403


def test_what_is_not_open_is_journaled(changed: Path) -> None:
    with Gateway(changed) as gateway:
        for path in ("diff", "versions", "changes.atom", "rows?version=1"):
            assert gateway.get(f"/datasets/things/{path}").status == 200
            assert gateway.get(f"/datasets/permits/{path}", "ecole").status == 200
        keyed = gateway.service.journal.keyed
    difference, listed, fed, travelled = entries(changed / ".beffroi")
    assert (difference["action"], difference["source"]) == ("diff", "versions 1 and 2")
    assert difference["fields"] == ["number", "street"]
    assert difference["identifiers"] == [keyed(f"dataset:permits:{key}") for key in ("P2", "P3", "P4")]
    assert listed["action"] == fed["action"] == "versions"
    assert (travelled["action"], travelled["source"], len(travelled["identifiers"])) == ("rows", "version 1", 3)


def test_rows_of_an_earlier_version(gateway: Gateway) -> None:
    reply = gateway.get("/datasets/things/rows?version=1&id__exact=2")
    assert (reply.headers["beffroi-version"], reply.json["meta"]["version"]) == ("1", 1)
    assert reply.json["data"][0]["whole"] == 0
    assert gateway.get("/datasets/things/rows?id__exact=2").json["data"][0]["whole"] == 7
    assert [row["id"] for row in pages(gateway, "/datasets/things/rows?version=1&limit=25")] == list(range(60))
    for query, status, said in (
        ("version=3", 404, "there is no version 3 of things to read"),
        ("version=latest", 400, "version is the number of a version"),
        (f"version=2&cursor={gateway.get('/datasets/things/rows?version=1').json['meta']['cursor']}", 400, "another"),
    ):
        refused = gateway.get(f"/datasets/things/rows?{query}")
        assert (refused.status, said in refused.json["detail"]) == (status, True), refused.body
    told = gateway.post("/datasets/permits/rows", {"version": 1, "applicant__exact": "X"}, "mairie").json["data"]
    assert [row["number"] for row in told] == ["P1"], "the same in a body"


def test_an_older_version_has_the_columns_it_shares_with_today(changed: Path) -> None:
    declaration = THINGS.replace("    - {name: yes, type: boolean}\n", "    - {name: colour}\n")
    (changed / "datasets" / "things.yaml").write_text(f"schema_version: 2.0.0\n{declaration}")
    table = pq.read_table(changed / "source" / "things.parquet").drop_columns("yes")
    pq.write_table(table.append_column("colour", pa.array(["red"] * len(table))), changed / "source" / "things.parquet")
    run(Workspace(changed), "things")
    with Gateway(changed) as gateway:
        row = gateway.get("/datasets/things/rows?version=1&limit=1").json["data"][0]
        assert "colour" not in row
        assert "yes" not in row
        refused = gateway.get("/datasets/things/rows?version=1&columns=id,colour")
        assert (refused.status, refused.code) == (400, "invalid-request")
        assert "version 1 of things has no colour" in refused.json["detail"]
        assert gateway.get("/datasets/things/rows?version=1&colour__exact=red").status == 400
        compared = gateway.get("/datasets/things/diff").json["meta"]
        assert compared["left_out"] == {"yes": "only in version 2", "colour": "only in version 3"}
        told = gateway.get("/datasets/things").json
        assert told["schema_version"] == "2.0.0"
        assert told["schema_changes"] == ["the column yes is gone", "the column colour is new"]
        assert "The column yes is gone." in gateway.get("/datasets/things/changes.atom").body.decode()


def test_what_was_made_for_fewer_readers_is_not_told(changed: Path) -> None:
    """What was for its owner does not open by an edit, under no address of its versions."""
    path = changed / "datasets" / "permits.yaml"
    opened = path.read_text().replace("audience: agents", "audience: open\nlicence: Licence Ouverte 2.0")
    opened = opened.replace("    - {name: applicant, personal: true}\n", "")
    path.write_text(f"schema_version: 2.0.0\n{opened}")
    refused = beffroi(changed, "diff", "permits", "1", "2", status=1)
    assert "may hold personal data" in refused.stderr
    assert "--purpose" in refused.stderr
    told_of = beffroi(changed, "diff", "permits", "1", "2", "--purpose", "inscription-scolaire", "--json").stdout
    assert "Nobody" in told_of, "the operator may, and says why"
    run(Workspace(changed), "permits")
    with Gateway(changed) as gateway:
        assert [each["version"] for each in gateway.get("/datasets/permits/versions").json["data"]] == [3]
        for query in ("rows?version=2", "diff", "diff?from=1&to=3"):
            assert gateway.get(f"/datasets/permits/{query}").status == 404, query
        told = gateway.get("/datasets/permits/changes.atom").body.decode()
        assert told.count("<entry>") == 1
        assert "applicant" not in told
        assert gateway.get("/datasets/permits/versions").json["data"][0]["schema_changes"] == []


# --- the feed --------------------------------------------------------------------------------------------------------


def feed(reply: Reply) -> etree._Element:
    assert reply.headers["content-type"].startswith("application/atom+xml")
    root = etree.fromstring(reply.body)
    for each in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            (element,) = each.findall(f"{ATOM}{name}")
            assert element.text
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", each.findtext(f"{ATOM}id") or "")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", each.findtext(f"{ATOM}updated") or "")
    assert root.find(f"{ATOM}author/{ATOM}name") is not None
    assert root.find(f"{ATOM}link[@rel='self']") is not None
    ids = [element.text for element in root.iter(f"{ATOM}id")]
    assert len(set(ids)) == len(ids)
    return root


def test_the_feed_tells_each_version_and_its_ids_stay(changed: Path) -> None:
    path = changed / "datasets" / "things.yaml"
    path.write_text(path.read_text().replace("title: Choses", 'title: "Choses <&> \\x01"'))
    with Gateway(changed) as gateway:
        reply = gateway.get("/datasets/things/changes.atom")
        before = feed(reply)
        assert before.findtext(f"{ATOM}title") == "Choses <&> \ufffd: versions"
        assert [entry.findtext(f"{ATOM}title") for entry in before.findall(f"{ATOM}entry")] == [
            "Version 2 of things: 3 added, 1 changed, 2 removed", "Version 1 of things: 60 added, 0 changed, 0 removed"
        ]  # fmt: skip
        assert before.findtext(f"{ATOM}entry/{ATOM}summary") == "61 rows. Schema version 1.0.0."
        again = gateway.get("/datasets/things/changes.atom", if_none_match=reply.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        rollback.rollback(Workspace(changed), "things", 1)
        reply = gateway.get("/datasets/things/changes.atom", if_none_match=reply.headers["etag"])
        assert reply.status == 200
        after = feed(reply)
        told = [entry.findtext(f"{ATOM}title") for entry in after.findall(f"{ATOM}entry")]
        assert told[0] == "Version 3 of things, back to version 1: 2 added, 1 changed, 3 removed"
        assert [e.findtext(f"{ATOM}id") for e in after.findall(f"{ATOM}entry")][1:] == [
            e.findtext(f"{ATOM}id") for e in before.findall(f"{ATOM}entry")
        ]  # fmt: skip
        assert after.findtext(f"{ATOM}id") == before.findtext(f"{ATOM}id")
        assert gateway.get("/datasets/things").json["rolled_back_from"] == 1
        assert gateway.get("/datasets/things/rows?id__exact=2").json["data"][0]["whole"] == 0, "a running gateway too"
        assert gateway.get("/datasets/never/changes.atom").code == "unavailable"


def test_the_routes_are_described(gateway: Gateway) -> None:
    paths = gateway.get("/openapi.json").json["paths"]
    assert "application/atom+xml" in paths["/datasets/{name}/changes.atom"]["get"]["responses"]["200"]["content"]
    names = [each["name"] for each in paths["/datasets/{name}/diff"]["get"]["parameters"]]
    assert names == ["name", "from", "to", "columns", "limit", "cursor", "purpose"]
    assert "version" in [each["name"] for each in paths["/datasets/{name}/rows"]["get"]["parameters"]]
    assert "/datasets/{name}/versions" in paths


# --- the command line ------------------------------------------------------------------------------------------------


def test_the_command_line_compares(changed: Path) -> None:
    said = beffroi(changed, "diff", "things", "--limit", "2")
    first, *lines = said.stdout.splitlines()
    assert first == "things: version 1 to 2: 3 added, 1 changed, 2 removed"
    assert lines[0] == '~ 2  text: "" → "<b>&amp;", whole: 0 → 7'
    assert lines[1].startswith('- 10  {"id": 10,')
    assert said.stderr == "More rows follow: --limit 0 shows all.\n"
    counts, *rows = [
        json.loads(line) for line in beffroi(changed, "diff", "things", "1", "2", "--json").stdout.splitlines()
    ]
    assert (counts["added"], len(rows)) == (3, 6)
    assert not (changed / ".beffroi/journal.db").exists() or entries(changed / ".beffroi") == [], "open data"


def test_personal_rows_are_an_access_on_the_command_line_too(changed: Path) -> None:
    assert "--purpose" in beffroi(changed, "diff", "permits", status=1).stderr
    told = beffroi(changed, "diff", "permits", "--purpose", "inscription-scolaire", "--json").stdout
    assert "Nobody" in told
    refused, allowed, rows = entries(changed / ".beffroi")
    assert (refused["action"], refused["outcome"], refused["status"]) == ("diff", "not-granted", 403)
    assert (allowed["source"], allowed["purpose"]) == ("versions 1 and 2", "inscription-scolaire")
    assert len(rows["identifiers"]) == 4


def test_rows_that_are_not_open_want_a_purpose_whatever_is_declared_of_them(changed: Path) -> None:
    declared = changed / "datasets/permits.yaml"
    declared.write_text(re.sub(r",? personal: \w+", "", declared.read_text(encoding="utf-8")), encoding="utf-8")
    for rows in (PERMITS, PERMITS[:2]):
        write_permits(changed, rows)
    assert "data: say why with --purpose" in beffroi(changed, "diff", "permits", status=1).stderr
    beffroi(changed, "diff", "permits", "--purpose", "inscription-scolaire")


def test_times_for_people_are_on_the_clocks_of_the_workspace(changed: Path) -> None:
    with (changed / "beffroi.yaml").open("a", encoding="utf-8") as file:
        file.write("timezone: Asia/Tbilisi\n")
    beffroi(changed, "rollback", "things", "1")
    shown = beffroi(changed, "versions", "things")
    assert [line.split()[3] for line in shown.stdout.splitlines()[1:]] == ["+04"] * 3
    assert re.search(r"things is held at version 3 since 20\S+ \d\d:\d\d \+04, when", shown.stderr)
    listed = beffroi(changed, "report", "things", "--list").stdout.splitlines()[1].split()[0]
    assert listed.endswith("+04:00")
    told = json.loads(beffroi(changed, "report", "things", "--run", listed, "--json").stdout)
    assert told["run"].endswith("+00:00"), "programs read UTC"


def test_a_rollback_claims_no_publication_that_it_does_not_know_of(changed: Path) -> None:
    with (changed / "beffroi.yaml").open("a", encoding="utf-8") as file:
        file.write("publication: {ckan: {organisation: ville}}\n")
    said = beffroi(changed, "rollback", "things", "1").stderr
    assert "Not published: BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not set" in said
    assert "still has" not in said


def test_the_command_line_lists_and_rolls_back(changed: Path) -> None:
    said = beffroi(changed, "rollback", "things", "1", "--why", "wrong roads")
    assert "things is at version 3, with the content of version 1: 60 rows" in said.stderr
    assert "`beffroi run things --release`" in said.stderr
    assert "Made from another version" not in said.stderr, "nothing reads it"
    shown = beffroi(changed, "versions", "things")
    last = shown.stdout.splitlines()[-1].split()
    assert (last[0], last[4:]) == ("3", ["60", "2", "1", "3", "1.0.0", "all", "back", "to", "1,", "held"])
    assert "wrong roads" in shown.stderr
    found = json.loads(beffroi(changed, "versions", "things", "--json").stdout)
    assert [(each["number"], each["rolled_back_from"], each["held"]) for each in found] == [
        (1, None, False), (2, None, False), (3, 1, True)
    ]  # fmt: skip
    assert found[0]["folder"] is None
    assert "version 1 are in" in beffroi(changed, "versions", "things", "--rebuild", "1").stderr
    assert versions.history(Workspace(changed), "things")[0].whole
    assert "is the latest" in beffroi(changed, "rollback", "things", "3", status=1).stderr


def test_a_rollback_tells_who_reads_the_dataset_and_a_run_of_all_makes_them_anew(changed: Path) -> None:
    fields = "schema:\n  fields: [{name: id, type: integer}, {name: text}]\n  primaryKey: id\n"
    reader = f"title: Copie\nowner: ville\naudience: owner\nsource: {{dataset: things}}\n{fields}"
    (changed / "datasets/copy.yaml").write_text(reader, encoding="utf-8")
    run(Workspace(changed), "copy")
    said = beffroi(changed, "rollback", "things", "1").stderr
    assert "Made from another version of it, directly or not: copy. `beffroi run copy` makes them anew" in said
    beffroi(changed, "run", "things", "copy", status=1)  # things is held, copy is made from its last version
    assert versions.history(Workspace(changed), "copy")[-1].rows == 60
    told = json.loads(beffroi(changed, "rollback", "things", "2", "--json").stdout)
    assert (told["number"], told["readers"]) == (4, ["copy"])
    beffroi(changed, "run", "copy")
    assert json.loads(beffroi(changed, "rollback", "things", "2", "--json").stdout)["readers"] == []
