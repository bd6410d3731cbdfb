"""Grants of some rows: one dataset and one registry with several audiences, asked in every way there is."""

import csv
import io
import itertools
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from connectors.errors import Misconfigured
from pipelines.workspace import Workspace
from tests.gateway.conftest import REFERENCE, Gateway, Reply, ask
from tests.peers.canned import Canned
from tests.pipelines.bench import Bench

WORKSPACE = """\
title: Test
registries:
  source: {kind: files, path: source}
  towns: {kind: api_geo, url: 'http://127.0.0.1:1'}
  cadastre:
    kind: rest
    url: 'URL'
    personal: false
    lookup:
      record: Plot
      identifier: {scheme: plot, pattern: '[A-Z]{2}[0-9]{4}'}
      path: plots/{identifier}
      same: reference
      fields: {reference: reference, commune_code: commune, owner: owner, area: {from: area, type: integer}}
    answers:
      - {status: 404, is: not-found}
      - {status: 451, is: withheld}
purposes:
  survey: {title: Survey, procedure: Survey, legal_basis: '-', requires: []}
  other: {title: Other, procedure: Other, legal_basis: '-', requires: []}
organisations:
  ville:
    title: Ville
    applications:
      owner:
        title: Who keeps it
        grants:
          - {dataset: permits, fields: '*', purposes: [survey]}
          - {lookup: permit, fields: '*', purposes: [survey]}
          - {lookup: plot, fields: '*', purposes: [survey]}
  departement:
    title: Département
    applications:
      social:
        title: Three of its fields, of all rows
        grants:
          - {dataset: permits, fields: [number, street, commune_code], purposes: [survey]}
          - {lookup: permit, fields: [number, street, commune_code], purposes: [survey]}
  agglo:
    title: Agglomération
    applications:
      urbanisme:
        title: Rows of two communes, whose code is not told
        grants:
          - {dataset: permits, fields: [number, street, amount], rows: {commune_code: ['80021', '80022'], state: [open]},
             purposes: [survey]}
          - {lookup: permit, fields: [number, street, amount], rows: {commune_code: ['80021', '80022'], state: [open]},
              purposes: [survey]}
          - {lookup: plot, fields: [reference, area], rows: {commune_code: ['80021']}, purposes: [survey]}
          - {lookup: town, fields: [name], rows: {department_code: ['80']}, purposes: [survey]}
      controle:
        title: Rows of one commune, and of all the fields of another
        grants:
          - {dataset: permits, fields: [number, street], rows: {commune_code: ['80021']}, purposes: [survey]}
          - {dataset: permits, fields: '*', rows: {commune_code: ['80023']}, purposes: [survey]}
          - {dataset: permits, fields: [state], purposes: [survey]}
          - {dataset: permits, fields: '*', purposes: [other]}
          - {lookup: permit, fields: [number, street], rows: {commune_code: ['80021']}, purposes: [survey]}
          - {lookup: permit, fields: '*', rows: {commune_code: ['80023']}, purposes: [survey]}
          - {lookup: plot, fields: [area], rows: {commune_code: ['80021']}, verify: true, purposes: [survey]}
lookups:
  permit: {title: A permit, providers: [{dataset: permits}]}
  town: {record: Commune, deadline: 2, providers: [{registry: towns}, {dataset: communes}]}
  plot: {record: Plot, deadline: 2, providers: [{registry: cadastre}], cache: {seconds: 0.001, stale: 600}}
"""
PERMITS = """\
title: Permits
owner: ville
audience: agents
source: {registry: source, table: permits}
index: [street]
schema:
  fields:
    - {name: number}
    - {name: street}
    - {name: commune_code}
    - {name: state}
    - {name: amount, type: integer}
  primaryKey: number
"""
COMMUNES = """\
title: Communes
owner: ville
audience: owner
record: Commune
source: {registry: source, table: communes}
"""
Row = dict[str, Any]


def permits() -> list[Row]:
    """Forty permits, in turn of four communes and of two states, one without a commune."""
    codes, states = ("80021", "80022", "80023", "80024"), ("open", "closed", "open")
    rows = [
        {
            "number": f"P{n:02}",
            "street": f"rue {n % 3}",
            "commune_code": codes[n % 4],
            "state": states[n % 3],
            "amount": n,
        }
        for n in range(40)
    ]
    rows[8]["commune_code"] = None
    return rows


def changed() -> list[Row]:
    """The same, where P00 moves out of what `urbanisme` may see, P03 comes into it, P04 and P07 are another street."""
    rows = permits()
    rows[0]["commune_code"], rows[3]["commune_code"] = "80024", "80021"
    rows[3]["state"] = "open"
    rows[4]["street"] = rows[7]["street"] = "rue 9"
    return rows


@pytest.fixture(scope="module")
def registry() -> Iterator[Canned]:
    with Canned() as server:
        yield server


@pytest.fixture(scope="module")
def gateway(registry: Canned, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    bench = Bench(tmp_path_factory.mktemp("grants") / "w")
    bench.write("beffroi.yaml", WORKSPACE.replace("URL", registry.url))
    bench.write("datasets/permits.yaml", PERMITS)
    bench.write("datasets/communes.yaml", COMMUNES)
    for rows in (permits(), changed()):
        bench.source("permits", [{name: None if v is None else str(v) for name, v in row.items()} for row in rows])
        bench.run("permits")
    communes = pq.read_table(REFERENCE / "communes.parquet")
    some = communes.filter(pc.is_in(communes["code"], pa.array(["80021", "01001"]))).cast(communes.schema)
    bench.source("communes", some)
    bench.run("communes")
    with Gateway(bench.root) as running:
        yield running


SHARES: dict[str, list[tuple[tuple[str, ...], dict[str, tuple[str, ...]]]]] = {
    "owner": [(("number", "street", "commune_code", "state", "amount"), {})],
    "social": [(("number", "street", "commune_code"), {})],
    "urbanisme": [(("number", "street", "amount"), {"commune_code": ("80021", "80022"), "state": ("open",)})],
    "controle": [
        (("number", "street"), {"commune_code": ("80021",)}),
        (("number", "street", "commune_code", "state", "amount"), {"commune_code": ("80023",)}),
        (("state",), {}),
    ],
}
"""What the workspace grants for `survey`, once more by hand."""


def given(application: str, row: Row) -> set[str]:
    """Return the fields that an application may see of a row."""
    return {
        field
        for fields, rows in SHARES[application]
        if all(row[column] in values for column, values in rows.items())
        for field in fields
    }


def read(gateway: Gateway, path: str, application: str) -> list[Row]:
    """Return the rows of all pages."""
    found, link = list[Row](), path
    while link:
        page = gateway.get(link, application, "survey")
        assert page.status == 200, page.body
        found += page.json["data"]
        link = page.json["links"]["next"]
    return found


def meets(row: Row, condition: str) -> bool:
    """Tell whether a row meets one of the conditions below."""
    by = condition.partition("__")[0]
    if by == "number":
        return row["number"] in ("P05", "P06", "P07", "P03")
    return bool({"": True, "street": row["street"] == "rue 1", "amount": row["amount"] >= 10}[by])


@pytest.mark.parametrize("application", SHARES)
@pytest.mark.parametrize("condition", ["", "street__exact=rue 1", "amount__greater=10", "number__in=P05,P06,P07,P03"])
@pytest.mark.parametrize("columns", [("number",), ("number", "street"), ("state",), ("number", "amount")])
def test_the_rows_of_a_page_are_those_of_which_all_is_granted(
    gateway: Gateway, application: str, condition: str, columns: tuple[str, ...]
) -> None:
    """By hand and by the gateway, for every audience, whatever it is told by and filtered by."""
    by = condition.partition("__")[0]
    touched = {*columns, *([by] if by else [])}
    path = f"/datasets/permits/rows?limit=3&columns={','.join(columns)}" + (f"&{quote(condition, '=&')}" if by else "")
    if not touched <= {field for fields, _ in SHARES[application] for field in fields}:
        assert gateway.get(path, application, "survey").code == "not-granted"
        return
    wanted = [
        {name: row[name] for name in row if name in columns}
        for row in changed()
        if meets(row, condition) and touched <= given(application, row)
    ]
    assert read(gateway, path, application) == wanted


def test_a_department_is_refused_the_fourth_field(gateway: Gateway) -> None:
    (first, *_) = read(gateway, "/datasets/permits/rows", "social")
    assert list(first) == ["number", "street", "commune_code"]
    refused = gateway.get("/datasets/permits/rows?columns=number,amount", "social", "survey")
    assert (refused.status, refused.code) == (403, "not-granted")
    assert "no grant on the field amount of the dataset permits" in refused.json["detail"]
    one = gateway.get("/lookups/permit/P02?fields=street,amount", "social", "survey")
    assert (one.status, one.code) == (403, "not-granted")
    assert list(gateway.get("/lookups/permit/P02", "social", "survey").json["data"]) == list(first)


def test_a_cursor_tells_of_no_other_row(gateway: Gateway) -> None:
    """Its place is counted among the granted rows: else it would tell how many there are between."""
    import base64

    page = gateway.get("/datasets/permits/rows?limit=4", "urbanisme", "survey").json
    cursor = page["meta"]["cursor"]
    assert json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_")) == [2, 3]
    assert page["data"][-1]["number"] == "P12", "which is the thirteenth row of the file"


@pytest.mark.parametrize("key", ["P09", "P03"])
def test_one_row_by_its_key(gateway: Gateway, key: str) -> None:
    row = next(row for row in changed() if row["number"] == key)
    told = gateway.get(f"/datasets/permits/rows/{key}", "urbanisme", "survey").json["data"]
    assert told == {name: row[name] for name in ("number", "street", "amount")}
    assert gateway.get(f"/datasets/permits/rows/{key}?columns=state", "urbanisme", "survey").status == 403


@pytest.mark.parametrize(
    ("application", "hidden"), [("urbanisme", ["P10", "P08", "P00"]), ("controle", ["P01", "P08"])]
)
@pytest.mark.parametrize(
    "path", ["/datasets/permits/rows/{}", "/lookups/permit/{}", "/lookups/permit/{}?fields=street"]
)
def test_what_is_not_granted_answers_as_what_is_not_there(
    gateway: Gateway, application: str, hidden: list[str], path: str
) -> None:
    """`controle` may see the state of every row of the dataset, but not which numbers there are."""
    absent = gateway.get(path.format("P99"), application, "survey")
    assert (absent.status, absent.code) == (403, "not-granted")
    for key in hidden:
        reply = gateway.get(path.format(key), application, "survey")
        assert (reply.status, reply.body) == (absent.status, absent.body), key
        assert sorted(reply.headers.keys()) == sorted(absent.headers.keys())
    assert gateway.get(path.format("P99"), "owner", "survey").status == 404, "who has all rows is told"


def test_grants_add_up_for_each_record(gateway: Gateway) -> None:
    fields = {
        key: set(gateway.get(f"/lookups/permit/{key}", "controle", "survey").json["data"]) for key in ("P04", "P02")
    }
    assert fields == {"P04": {"number", "street"}, "P02": set(SHARES["owner"][0][0])}
    assert gateway.get("/lookups/permit/P04?fields=amount", "controle", "survey").status == 403
    assert gateway.get("/lookups/permit/P02?fields=amount", "controle", "survey").json["data"] == {"amount": 2}


def test_no_file_and_no_report_of_rows_that_are_granted_in_part(gateway: Gateway) -> None:
    for path in ("latest/permits.parquet", "latest/permits.csv", "report"):
        refused = gateway.get(f"/datasets/permits/{path}", "urbanisme", "survey")
        assert (refused.status, refused.code) == (403, "not-granted")
        assert "ask for rows (/datasets/permits/rows)" in refused.json["detail"]
    assert gateway.get("/datasets/permits/latest/permits.csv", "controle", "survey").code == "not-granted"
    assert gateway.get("/datasets/permits/latest/permits.csv", "controle", "other").status == 200, "another purpose"
    assert gateway.get("/datasets/permits/latest/permits.csv", "owner", "survey").status == 200


def test_no_count_of_rows_that_are_not_granted(gateway: Gateway) -> None:
    about = gateway.get("/datasets/permits", "urbanisme", "survey").json
    assert (about["rows"], about["distributions"]) == (None, [])
    assert gateway.get("/datasets/permits", "social", "survey").json["rows"] == 40
    for application, rows in (("urbanisme", None), ("owner", 40)):
        [listed] = gateway.get("/datasets", application, "survey").json["data"]
        assert listed["rows"] == rows
        told = gateway.get("/datasets/permits/versions", application, "survey").json["data"]
        assert [(each["rows"], each["changed"]) for each in told] == (
            [(40, 0), (40, 4)] if rows else [(None, None)] * 2
        )
        feed = gateway.get("/datasets/permits/changes.atom", application, "survey").body.decode()
        assert ("4 changed" in feed, "40 rows" in feed, "Version 2 of permits" in feed) == (
            bool(rows),
            bool(rows),
            True,
        )


def test_what_changed_of_the_granted_rows(gateway: Gateway) -> None:
    """A row that moves out of them was removed, one that moves in was added; of the others nothing is told."""
    told = gateway.get("/datasets/permits/diff", "urbanisme", "survey").json
    assert {name: told["meta"][name] for name in ("added", "changed", "removed")} == {
        "added": 1,
        "changed": 0,
        "removed": 1,
    }
    assert [(each["change"], each["key"]["number"]) for each in told["data"]] == [("removed", "P00"), ("added", "P03")]
    assert told["data"][1]["row"] == {"number": "P03", "street": "rue 0", "amount": 3}
    whole = gateway.get("/datasets/permits/diff", "owner", "survey").json
    assert whole["meta"]["changed"] == 4, "kept for another audience, and not told to this one"


# --- lookups ---------------------------------------------------------------------------------------------------------


def plot(registry: Canned, reference: str, commune: str | None) -> None:
    registry.say(
        json.dumps({"reference": reference, "commune": commune, "owner": "O", "area": 12}).encode(), "application/json"
    )


def post(
    gateway: Gateway, body: Any, application: str = "urbanisme", path: str = "/lookups/plot", **more: str
) -> Reply:
    given = {name.replace("_", "-"): value for name, value in more.items()}
    return ask(gateway.url, "POST", path, gateway.headers(application, "survey") | given, body)


def test_a_record_of_a_registry(gateway: Gateway, registry: Canned) -> None:
    """The field that decides is asked for and not told; without a value it decides against whoever asks."""
    plot(registry, "AB0001", "80021")
    assert post(gateway, {"identifier": "AB0001"}).json["data"] == {"reference": "AB0001", "area": 12}
    plot(registry, "AB0002", "80022")
    outside = post(gateway, {"identifier": "AB0002"})
    plot(registry, "AB0003", None)
    unknown = post(gateway, {"identifier": "AB0003"})
    registry.say(b"", "application/json", 404)
    absent = post(gateway, {"identifier": "AB0004"}, Beffroi_Receipt="yes")
    registry.say(b"", "application/json", 451)
    withheld = post(gateway, {"identifier": "AB0005"})
    assert {reply.status for reply in (outside, unknown, absent, withheld)} == {403}
    assert len({reply.body for reply in (outside, unknown, absent, withheld)}) == 1
    assert post(gateway, {"identifier": "AB0005"}, "owner").status == 451


def test_what_is_kept_is_judged_for_each_caller(gateway: Gateway, registry: Canned) -> None:
    plot(registry, "AC0001", "80021")
    assert post(gateway, {"identifier": "AC0001"}, "owner").status == 200
    plot(registry, "AC0002", "80022")
    assert post(gateway, {"identifier": "AC0002"}, "owner").status == 200
    registry.say(b"", "text/plain", 500)
    stale = post(gateway, {"identifier": "AC0001"})
    assert (stale.json["data"], stale.json["meta"]["cached"]) == ({"reference": "AC0001", "area": 12}, "stale")
    outside = post(gateway, {"identifier": "AC0002"})
    assert (outside.status, outside.code) == (503, "unavailable"), "that it is kept is not told either"
    assert outside.body == post(gateway, {"identifier": "AC0003"}).body, "nobody ever asked for this one"
    assert post(gateway, {"identifier": "AC0002"}, "owner").json["meta"]["cached"] == "stale"


def test_a_copy_in_the_place_of_a_registry_tells_no_more(gateway: Gateway) -> None:
    """What it has and may not be told is answered as what it has not: that the registry, asked first, is down."""
    inside = gateway.get("/lookups/town/80021", "urbanisme", "survey").json
    assert (inside["data"], inside["meta"]["source"]) == ({"name": "Amiens"}, "dataset:communes")
    outside = gateway.get("/lookups/town/01001", "urbanisme", "survey")
    absent = gateway.get("/lookups/town/01002", "urbanisme", "survey")
    assert (outside.status, outside.code) == (503, "unavailable")
    assert outside.body == absent.body


def test_to_verify_is_to_be_told_too(gateway: Gateway, registry: Canned) -> None:
    plot(registry, "AD0001", "80021")
    inside = post(gateway, {"identifier": "AD0001", "verify": {"area": 12}}, "controle")
    assert inside.json["verified"] == {"area": {"match": "yes"}}
    plot(registry, "AD0002", "80022")
    outside = post(gateway, {"identifier": "AD0002", "verify": {"area": 12}}, "controle")
    registry.say(b"", "application/json", 404)
    absent = post(gateway, {"identifier": "AD0003", "verify": {"area": 12}}, "controle")
    assert (outside.status, outside.body) == (403, absent.body)


def test_many_at_once(gateway: Gateway) -> None:
    """In a list, in a table and together: each row by itself, and those outside as those that are not there."""
    keys = ["P09", "P10", "P99", "P02"]
    told = post(gateway, [{"identifier": key} for key in keys], path="/lookups/permit").json["data"]
    assert [row["outcome"] for row in told] == ["found", "not-granted", "not-granted", "not-granted"]
    assert told[1]["problem"] == told[2]["problem"]
    table = post(
        gateway, "identifier\n{}\n".format("\n".join(keys)).encode(), path="/lookups/permit", Content_Type="text/csv"
    )
    rows = list(csv.DictReader(io.StringIO(table.body.decode())))
    assert [(row["outcome"], row["data.amount"]) for row in rows] == [("found", "9"), *[("not-granted", "")] * 3]
    assert "data.commune_code" not in rows[0]
    parts = post(gateway, [{"lookup": "permit", "identifier": key} for key in keys], path="/lookups").json
    assert [part["status"] for part in parts["data"]] == [200, 403, 403, 403]
    assert parts["data"][1] == parts["data"][2]
    everywhere = itertools.chain(str(told[1:]), str(rows[1:]), str(parts["data"][1:]))
    assert "rue" not in "".join(everywhere), "nothing of the others is in the answers"


def test_a_job_made_under_other_grants_is_not_told_any_more(gateway: Gateway, tmp_path: Path) -> None:
    asked = gateway.headers("urbanisme", "survey") | {"Prefer": "respond-async"}
    rows = [{"identifier": key} for key in ("P09", "P12")]
    job = ask(gateway.url, "POST", "/lookups/permit", asked, rows).headers["Location"]
    until = time.monotonic() + 20
    while ask(gateway.url, "GET", job, asked).json["data"]["state"] != "done":
        assert time.monotonic() < until
        time.sleep(0.05)
    found = ask(gateway.url, "GET", f"{job}/result", asked).json["data"]
    assert [row["data"]["number"] for row in found] == ["P09", "P12"]
    root = Path(shutil.copytree(gateway.root, tmp_path / "w"))
    narrower = (root / "beffroi.yaml").read_text().replace("['80021', '80022'], state", "['80022'], state")
    (root / "beffroi.yaml").write_text(narrower)
    with Gateway(root) as later:
        refused = later.get(f"{job}/result", "urbanisme", "survey")
        assert (refused.status, refused.code) == (403, "not-granted")
        assert "the grants have changed since the job was made" in refused.json["detail"]


@pytest.mark.parametrize(
    ("grant", "said"),
    [
        ("dataset: shops, fields: '*', rows: {town: [x]}", "the dataset shops is open: everybody has all its rows"),
        ("dataset: permits, fields: '*', rows: {comune_code: [x]}", "no field «comune_code» by which rows could be told"),
        ("dataset: permits, fields: '*', rows: {comune_code: [x]}", "apart (did you mean «commune_code»?)"),
        ("dataset: permits, fields: '*', rows: {amount: ['1']}", "amount of the dataset permits is no text"),
        ("lookup: permit, fields: '*', rows: {amount: ['1']}", "amount of the lookup permit is no text"),
        ("journal: who-read, fields: '*', rows: {time: [x]}", "rows: is for a lookup: or a dataset:"),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_told_apart_are_refused_with_file_and_line(tmp_path: Path, grant: str, said: str) -> None:
    bench = Bench(tmp_path / "w")
    text = WORKSPACE.replace("URL", "http://127.0.0.1:1").replace("dataset: permits, fields: [state]", grant)
    line = 1 + text[: text.index(grant)].count("\n")
    bench.write("beffroi.yaml", text)
    bench.write("datasets/permits.yaml", PERMITS)
    bench.write("datasets/communes.yaml", COMMUNES)
    bench.write(
        "datasets/shops.yaml", PERMITS.replace("agents", "open").replace("commune_code", "town") + "licence: LO\n"
    )
    with pytest.raises(Misconfigured) as raised:
        Workspace(bench.root)
    assert f"beffroi.yaml:{line}: " in raised.value.detail
    assert said in raised.value.detail
