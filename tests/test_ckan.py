"""Publication to a real CKAN 2.12: everything arrives, nothing changes twice, ids stay, nothing personal gets there."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ckanapi
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from connectors import http, http_session
from connectors.deadline import Deadline
from connectors.errors import Down, InvalidRequest, Misconfigured, RefusedUs, Unreadable
from pipelines.ckan import Ckan
from pipelines.datastore import BATCH
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.effort import times
from tests.peers.ckan.peer import Ckan as CkanPeer
from tests.peers.fault_proxy import FaultProxy

WORKSPACE = """
title: Town
registries:
  folder: {kind: files, path: source}
organisations:
  town: {title: Town of tests}
publication:
  ckan: {organisation: town}
"""
SHOPS = """
title: Boutiques
description: Ouvertes au public.
owner: town
audience: open
licence: Licence Ouverte 2.0
keywords: [commerce, ville]
source: {registry: folder, table: shops}
schema:
  fields:
    - {name: number, type: integer, title: Numéro, constraints: {required: true}}
    - {name: name, title: Nom, description: As on the sign}
    - {name: opened, type: date, title: Ouverture}
    - {name: surface, type: number, title: Surface}
    - {name: open, type: boolean, title: En activité}
    - {name: tags, type: array, title: Mots}
  primaryKey: number
"""
PEOPLE = """
title: People
owner: town
audience: owner
source: {registry: folder, table: people}
schema:
  fields:
    - {name: number, type: integer, title: Number}
    - {name: name, title: Name, personal: true}
  primaryKey: number
"""


@pytest.fixture(scope="module")
def peer() -> Iterator[CkanPeer]:
    with CkanPeer() as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "source").mkdir()
    (tmp_path / "beffroi.yaml").write_text(WORKSPACE, encoding="utf-8")
    (tmp_path / "datasets" / "shops.yaml").write_text(SHOPS, encoding="utf-8")
    (tmp_path / "datasets" / "people.yaml").write_text(PEOPLE, encoding="utf-8")
    pq.write_table(pa.table({"number": [1], "name": ["Nobody"]}), tmp_path / "source" / "people.parquet")
    return tmp_path


def stock(root: Path, rows: list[tuple[Any, ...]]) -> Workspace:
    """Put rows at the source, run the dataset and return the workspace."""
    names = ("number", "name", "opened", "surface", "open", "tags")
    table = pa.table({name: [row[i] for row in rows] for i, name in enumerate(names)})
    pq.write_table(table, root / "source" / "shops.parquet")
    workspace = Workspace(root)
    run(workspace, "shops")
    return workspace


def shop(number: int, name: str | None = "Épicerie « L'Œuf », rue d'À-côté") -> tuple[Any, ...]:
    import datetime as dt

    return (number, name, dt.date(1998, 3, 1), 12.5, True, ["a", "b c"])


@pytest.fixture
def remote(peer: CkanPeer) -> Iterator[ckanapi.RemoteCKAN]:
    with ckanapi.RemoteCKAN(peer.url, apikey=peer.token, session=http_session.session(peer.url, "CKAN", 60)) as made:
        yield made
        if "shops" in made.action.package_list():
            made.action.dataset_purge(id="shops")


def snapshot(remote: ckanapi.RemoteCKAN) -> dict[str, Any]:
    """Return all that CKAN holds of the package, times of last change included."""
    package: dict[str, Any] = remote.action.package_show(id="shops")
    csv = next(r for r in package["resources"] if r["name"] == "shops.csv")
    return {
        "package": package,
        "rows": remote.action.datastore_search(resource_id=csv["id"], sort="number", limit=1000),
    }


def test_a_version_arrives_whole(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    workspace = stock(root, [shop(1), shop(2, None)])
    published = Ckan(workspace, peer.url, peer.token).publish("shops")
    assert (published.version, published.changed) == (1, True)
    held = snapshot(remote)
    package = held["package"]
    assert package["title"] == "Boutiques"
    assert package["organization"]["title"] == "Town of tests"
    assert not package["private"]
    assert [tag["name"] for tag in package["tags"]] == ["commerce", "ville"]
    assert package["license_title"] == package["license_id"] == "Licence Ouverte 2.0"
    assert {r["name"]: r["format"] for r in package["resources"]} == {"shops.parquet": "Parquet", "shops.csv": "CSV"}
    first = held["rows"]["records"][0]
    assert first.pop("_id")
    assert first == {
        "number": 1,
        "name": "Épicerie « L'Œuf », rue d'À-côté",
        "opened": "1998-03-01",
        "surface": 12.5,
        "open": True,
        "tags": ["a", "b c"],
    }
    types = {field["id"]: field["type"] for field in held["rows"]["fields"]}
    assert types == {
        "_id": "int", "number": "int8", "name": "text", "opened": "date", "surface": "float8", "open": "bool", "tags": "_text",
    }  # fmt: skip
    dictionary = {field["id"]: field.get("info") for field in held["rows"]["fields"]}
    assert dictionary["name"] == {"label": "Nom", "notes": "As on the sign"}


def test_the_files_can_be_pulled_from_ckan(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    workspace = stock(root, [shop(1), shop(2)])
    Ckan(workspace, peer.url, peer.token).publish("shops")
    urls = {r["name"]: r["url"] for r in snapshot(remote)["package"]["resources"]}
    pulled = {
        name: http.request("GET", url, base=peer.url, registry="CKAN", deadline=Deadline.after(20)).body
        for name, url in urls.items()
    }
    assert pq.read_table(io.BytesIO(pulled["shops.parquet"]))["number"].to_pylist() == [1, 2]
    assert pacsv.read_csv(io.BytesIO(pulled["shops.csv"]))["tags"].to_pylist() == ["a|b c", "a|b c"]


def test_publishing_twice_changes_nothing(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    workspace = stock(root, [shop(1), shop(2)])
    Ckan(workspace, peer.url, peer.token).publish("shops")
    before = snapshot(remote)
    again = Ckan(workspace, peer.url, peer.token).publish("shops")
    assert again.changed is False
    assert snapshot(remote) == before


def test_a_new_version_keeps_every_id(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    Ckan(stock(root, [shop(1), shop(2), shop(3)]), peer.url, peer.token).publish("shops")
    before = snapshot(remote)
    published = Ckan(stock(root, [shop(1), shop(3, "Renamed"), shop(4)]), peer.url, peer.token).publish("shops")
    after = snapshot(remote)
    assert (published.version, published.changed) == (2, True)
    assert after["package"]["id"] == before["package"]["id"]
    assert [r["id"] for r in after["package"]["resources"]] == [r["id"] for r in before["package"]["resources"]]
    assert [(row["number"], row["name"]) for row in after["rows"]["records"]] == [
        (1, shop(1)[1]),
        (3, "Renamed"),
        (4, shop(4)[1]),
    ]
    # the row that did not change was not touched: it keeps its row id in the DataStore
    assert after["rows"]["records"][0]["_id"] == before["rows"]["records"][0]["_id"]


def test_a_rollback_is_published(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    Ckan(stock(root, [shop(1), shop(2), shop(3)]), peer.url, peer.token).publish("shops")
    before = snapshot(remote)
    Ckan(stock(root, [shop(1), shop(3, "Renamed"), shop(4)]), peer.url, peer.token).publish("shops")
    command = [sys.executable, "-m", "gateway", "rollback", "shops", "1"]
    known = {**os.environ, "BEFFROI_CKAN_URL": peer.url, "BEFFROI_CKAN_TOKEN": peer.token}
    done = subprocess.run(command, cwd=root, env=known, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert f"published: {peer.url}/dataset/shops" in done.stderr
    after = snapshot(remote)
    assert [(row["number"], row["name"]) for row in after["rows"]["records"]] == [(n, shop(n)[1]) for n in (1, 2, 3)]
    assert [r["hash"] for r in after["package"]["resources"]] == [r["hash"] for r in before["package"]["resources"]]
    assert {"key": "beffroi_version", "value": "3"} in after["package"]["extras"]


def test_a_publication_cut_short_is_private_until_it_is_made_whole(
    root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN
) -> None:
    workspace = stock(root, [shop(1), shop(2)])
    ckan = Ckan(workspace, peer.url, peer.token)
    remote.action.organization_create(
        name="town", title="Town of tests"
    ) if "town" not in remote.action.organization_list() else None
    ckan._call("package_create", **ckan._metadata(workspace.dataset("shops")), private=True)
    with ckanapi.RemoteCKAN(peer.url, session=http_session.session(peer.url, "CKAN", 60)) as anybody:
        with pytest.raises(ckanapi.NotAuthorized):
            anybody.action.package_show(id="shops")
        ckan.publish("shops")
        assert anybody.action.package_show(id="shops")["num_resources"] == 2


def test_a_table_that_lost_a_row_is_made_whole(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    workspace = stock(root, [shop(1), shop(2)])
    ckan = Ckan(workspace, peer.url, peer.token)
    ckan.publish("shops")
    csv = next(r for r in snapshot(remote)["package"]["resources"] if r["name"] == "shops.csv")
    remote.action.datastore_delete(resource_id=csv["id"], filters={"number": 1}, force=True)
    assert ckan.publish("shops").changed
    assert [row["number"] for row in snapshot(remote)["rows"]["records"]] == [1, 2]
    assert not ckan.publish("shops").changed


def test_a_publication_cut_short_is_finished_by_the_next(
    root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN
) -> None:
    """Cut after the rows of version 2 went in; version 3 takes them out again, although version 1 had none of them."""
    ckan = Ckan(stock(root, [shop(1)]), peer.url, peer.token)
    ckan.publish("shops")
    package = ckan._package(ckan.workspace.dataset("shops"))
    assert package is not None
    ckan._mark(package)
    csv = next(r for r in package["resources"] if r["name"] == "shops.csv")
    row = {"number": 2, "name": "Half", "opened": None, "surface": 1, "open": True, "tags": []}
    remote.action.datastore_upsert(resource_id=csv["id"], records=[row], force=True)
    stock(root, [shop(1), shop(2)])
    published = Ckan(stock(root, [shop(1), shop(3)]), peer.url, peer.token).publish("shops")
    assert published.version == 3
    held = snapshot(remote)
    assert [row["number"] for row in held["rows"]["records"]] == [1, 3]
    assert [extra["key"] for extra in held["package"]["extras"]] == ["beffroi_version"]


def test_a_package_that_was_deleted_comes_back(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    ckan = Ckan(stock(root, [shop(1)]), peer.url, peer.token)
    ckan.publish("shops")
    before = snapshot(remote)["package"]["id"]
    remote.action.package_delete(id="shops")
    assert ckan.publish("shops").changed
    assert (snapshot(remote)["package"]["id"], snapshot(remote)["package"]["state"]) == (before, "active")


def test_an_address_without_its_scheme_is_told(root: Path) -> None:
    with pytest.raises(Misconfigured, match="BEFFROI_CKAN_URL must be CKAN's whole address"):
        Ckan(stock(root, [shop(1)]), "localhost:5000", "token")


def test_a_data_dictionary_that_changes_is_brought_over(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    Ckan(stock(root, [shop(1)]), peer.url, peer.token).publish("shops")
    (root / "datasets" / "shops.yaml").write_text(SHOPS.replace("title: Nom,", "title: Enseigne,"), encoding="utf-8")
    assert Ckan(Workspace(root), peer.url, peer.token).publish("shops").changed
    held = snapshot(remote)["rows"]
    assert next(field["info"]["label"] for field in held["fields"] if field["id"] == "name") == "Enseigne"
    assert held["total"] == 1


def test_what_is_personal_is_never_published(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    workspace = stock(root, [shop(1)])
    run(workspace, "people")
    with pytest.raises(InvalidRequest, match="never published: it has personal columns: name"):
        Ckan(workspace, peer.url, peer.token).publish("people")
    assert "people" not in remote.action.package_list()


def test_a_package_of_somebody_else_is_not_touched(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    if "others" not in remote.action.organization_list():
        remote.action.organization_create(name="others")
    theirs = remote.action.package_create(name="shops", title="Theirs", owner_org="others")
    with pytest.raises(InvalidRequest, match="that Beffroi did not make"):
        Ckan(stock(root, [shop(1)]), peer.url, peer.token).publish("shops")
    assert remote.action.package_show(id="shops") == theirs


def test_a_wrong_token_is_our_own_fault(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    workspace = stock(root, [shop(1)])
    Ckan(workspace, peer.url, peer.token).publish("shops")
    with pytest.raises(RefusedUs, match="BEFFROI_CKAN_TOKEN"):  # although there is nothing to change
        Ckan(workspace, peer.url, "not-a-token").publish("shops")


def test_a_ckan_that_is_down_or_is_none(root: Path, peer: CkanPeer) -> None:
    workspace = stock(root, [shop(1)])
    host, port = peer.url.removeprefix("http://").split(":")
    with FaultProxy(host, int(port)) as proxy:
        for fault, expected in (("refuse", Down), ("html", Unreadable), ("garbage", (Down, Unreadable))):
            proxy.fault = fault
            with pytest.raises(expected):
                Ckan(workspace, f"http://127.0.0.1:{proxy.port}", peer.token).publish("shops")


@pytest.mark.soak
def test_the_real_communes_arrive(root: Path, peer: CkanPeer, remote: ckanapi.RemoteCKAN) -> None:
    """Communes: several batches, lists, empty values; in `make soak` all 34,969."""
    repository = Path(__file__).parents[1]
    communes = pq.read_table(repository / "datasets" / "reference" / "communes.parquet")
    rows = communes.num_rows if times(0) else 2 * BATCH + 1
    pq.write_table(communes.slice(communes.num_rows - rows), root / "source" / "communes.parquet")
    declared = (repository / "datasets" / "communes.yaml").read_text(encoding="utf-8")
    declared = declared.replace("registry: communes", "registry: folder\n  table: communes").replace(
        "owner: ville", "owner: town"
    )
    declared = declared.replace("rows: {min: 34000, max: 36000}", f"rows: {{min: {rows}, max: {rows}}}")
    (root / "datasets" / "communes.yaml").write_text(declared, encoding="utf-8")
    workspace = Workspace(root)
    run(workspace, "communes")
    ckan = Ckan(workspace, peer.url, peer.token)
    assert ckan.publish("communes").changed
    assert not ckan.publish("communes").changed
    package = remote.action.package_show(id="communes")
    csv = next(r for r in package["resources"] if r["name"] == "communes.csv")
    amiens = remote.action.datastore_search(resource_id=csv["id"], filters={"code": "80021"})["records"][0]
    assert (amiens["name"], amiens["department_code"]) == ("Amiens", "80")
    assert remote.action.datastore_search(resource_id=csv["id"], limit=0)["total"] == rows
    remote.action.dataset_purge(id="communes")
