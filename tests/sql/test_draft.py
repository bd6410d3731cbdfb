"""Drafts of real databases: what they say of tables, and that they load and run as they stand."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from connectors.drafting import FILL_IN, Draft
from connectors.errors import InvalidRequest, RefusedUs
from connectors.sql import Sql
from connectors.sql.draft import draft
from connectors.sql.personal import looks_personal
from pipelines import versions
from pipelines.run import run
from pipelines.workspace import Workspace
from tests.peers.mariadb.peer import SECRET, MariaDbServer
from tests.peers.postgresql.peer import PASSWORD

TABLES = [
    "\nCREATE TABLE communes (code VARCHAR(5) PRIMARY KEY, nom VARCHAR(50) NOT NULL)",
    "\nCREATE TABLE usagers (id INTEGER PRIMARY KEY, {q}Prénom{q} VARCHAR(50), nom VARCHAR(50), {q}Né le{q} DATE,\n  courriel VARCHAR(80) UNIQUE, commune VARCHAR(5) NOT NULL, parrain INTEGER, montant DECIMAL(10,2), actif BOOLEAN,\n  modifie_le TIMESTAMP NULL, FOREIGN KEY (commune) REFERENCES communes (code),\n  FOREIGN KEY (parrain) REFERENCES usagers (id))",
    "\nCREATE TABLE journal (texte VARCHAR(50))",
    "\nINSERT INTO communes VALUES ('01001', 'L''Abergement'), ('01002', 'Évron')",
    "\nINSERT INTO usagers VALUES (1, 'Zoé', 'Née', '1990-02-28', 'a@b.example', '01001', NULL, 12.50, {yes},\n  '2024-01-02 03:04:05'), (2, NULL, NULL, NULL, NULL, '01002', 1, NULL, NULL, NULL)\n",
]


def drafted(root: Path, source: str, **options: Any) -> Draft:
    """Draft, and keep the draft as a workspace."""
    found = draft(source, "town", root, **options)
    (root / "registries").mkdir()
    (root / "datasets").mkdir()
    (root / "beffroi.yaml").write_text("title: Town\norganisations:\n  town: {title: Town}\n")
    (root / "registries" / "town.yaml").write_text(found.declaration)
    for name, text in found.datasets.items():
        if f"primaryKey: {FILL_IN}" not in text:
            (root / "datasets" / f"{name}.yaml").write_text(text.replace(f"owner: {FILL_IN}", "owner: town"))
    return found


def held(root: Path, source: str, **options: Any) -> Draft:
    found = drafted(root, source, **options)
    assert set(found.datasets) == {"communes", "usagers", "journal"}
    assert any("journal" in note for note in found.notes)
    workspace = Workspace(root, sources=True)
    town = workspace.registries["town"]
    assert isinstance(town, Sql)
    assert town.settings.personal
    users = workspace.dataset("usagers")
    assert [column.name for column in users.columns if column.personal] == ["prenom", "nom", "ne_le", "courriel"]
    assert users.audience == "owner"
    assert [(key.column, key.reference.resource) for key in users.foreign_keys] == [("commune", "communes")]
    assert [column.name for column in users.columns if column.constraints.required] == ["id", "commune"]
    for name in ("communes", "usagers"):
        report = run(workspace, name)
        assert (report.rows_out, report.quarantined) == (2, 0)
    newest = versions.newest(workspace, "usagers")
    assert newest is not None
    first, second = sorted(pq.read_table(newest.parquet).to_pylist(), key=lambda row: int(row["id"]))
    assert (first["prenom"], str(first["ne_le"]), first["montant"], first["actif"]) == ("Zoé", "1990-02-28", 12.5, True)
    assert first["modifie_le"].isoformat() == "2024-01-02T03:04:05+00:00"
    assert second["prenom"] is None
    assert second["parrain"] == 1
    seen = {each.name.rpartition(".")[2]: " ".join(each.evidence) for each in found.seen}
    assert "modifie_le may tell what changed" in seen["usagers"]
    assert "Prénom looks personal" in seen["usagers"]
    return found


def uncommented(text: str) -> str:
    """Take every draft on that stands as a comment."""
    return re.sub(r"^#(?! \S)", "", text, flags=re.MULTILINE)


def test_sqlite(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "town.sqlite")) as connection:
        for statement in TABLES:
            connection.execute(statement.format(q='"', yes="1"))
        connection.commit()
    found = held(tmp_path, "sqlite:town.sqlite")
    assert "password" not in found.declaration.lower()
    everything = uncommented(found.declaration)
    (tmp_path / "registries" / "town.yaml").write_text(everything)
    registry = Workspace(tmp_path, sources=True).registries["town"]
    assert registry.increment("usagers") is not None
    assert registry.record is not None


def test_postgresql(database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", PASSWORD)
    database.run(
        *(statement.format(q='"', yes="true") for statement in TABLES),
        "COMMENT ON COLUMN usagers.montant IS 'Montant versé: \"total\"'",
    )
    source = f"postgresql://reader:not-kept@127.0.0.1:{database.server.port}/{database.name}"
    found = held(tmp_path, source)
    assert "not-kept" not in found.declaration
    assert "${TOWN_PASSWORD}" in found.declaration
    assert 'Montant versé: \\"total\\"' in found.datasets["usagers"]


@pytest.fixture
def town(mariadb: MariaDbServer) -> Iterator[str]:
    mariadb.run(["CREATE OR REPLACE DATABASE draft", "GRANT SELECT ON draft.* TO reader@'%'"])
    mariadb.run([statement.format(q="`", yes="1") for statement in TABLES], "draft")
    yield mariadb.address("draft")
    mariadb.run(["DROP DATABASE draft"])


def test_mariadb(town: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", SECRET)
    found = held(tmp_path, town)
    (tmp_path / "registries" / "town.yaml").write_text(uncommented(found.declaration))
    registry = Workspace(tmp_path).registries["town"]
    assert registry.record is not None
    assert "prenom" in registry.record.model_fields


def test_only_the_tables_that_are_wanted(town: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", SECRET)
    found = drafted(tmp_path, town, tables=["usagers"], password_variable="OTHER")
    assert set(found.datasets) == {"usagers"}
    assert "foreignKeys" not in found.datasets["usagers"]
    with pytest.raises(InvalidRequest, match=r"no table nothing; the database has: .*usagers"):
        draft(town, "town", tmp_path, tables=["nothing"], password_variable="OTHER")
    monkeypatch.setenv("OTHER", "wrong")
    with pytest.raises(RefusedUs):
        draft(town, "town", tmp_path, password_variable="OTHER")


@pytest.mark.parametrize("source", ["ftp://host/db", "nonsense", "postgresql://[host/db"])
def test_an_address_that_is_none(source: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"address|database"):
        draft(source, "town", tmp_path)


def test_what_looks_personal() -> None:
    columns = {"NOM": "", "Prénom_2": "", "dateNaissance": "", "FECHA_NACIMIENTO": "", "e_mail": "", "zip": "", "x1": "Sexe de l'usager",
               "montant": "", "apellidos": "", "tel_fixe": ""}  # fmt: skip
    assert set(looks_personal(columns)) == columns.keys() - {"zip", "montant"}
    assert "«prenom»" in looks_personal(columns)["Prénom_2"]
    assert set(looks_personal({"NOM_USAGER": "", "nomHabitant": "", "objet": ""})) == {"NOM_USAGER", "nomHabitant"}
    assert looks_personal({"nom": "", "objet": "", "siret": "", "description": "", "pays": "", "typename": ""}) == {}


def test_a_code_of_a_commune_is_nobodys() -> None:
    assert looks_personal({"insee": "", "code_insee": "", "code_commune": ""}) == {}
    assert looks_personal({"numero_insee": ""})


def test_schemas_beyond_the_search_path_are_drafted(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", PASSWORD)
    database.run(
        "CREATE TABLE permis (num text PRIMARY KEY)",
        "CREATE SCHEMA compta",
        "CREATE TABLE compta.lignes (id numeric(6,0) PRIMARY KEY, grand numeric(30,2), libre numeric, n numeric(10,2))",
    )
    found = draft(f"postgresql://reader@127.0.0.1:{database.server.port}/{database.name}", "town", tmp_path)
    assert set(found.datasets) == {"permis", "compta_lignes"}
    assert "{name: id, type: integer" in found.datasets["compta_lignes"]
    assert "{name: grand}" in found.datasets["compta_lignes"]
    assert "{name: n, type: number}" in found.datasets["compta_lignes"]
    assert "only a text holds them all: grand." in found.datasets["compta_lignes"]
    assert "size is not declared: libre." in found.datasets["compta_lignes"]
    assert list(found.lookups) == ["permis"]
    assert "record: Permis" in found.lookups["permis"]
    assert next(each.about for each in found.seen if each.name.endswith("permis")).startswith("a table of 1 column")
    live = draft(f"postgresql://reader@127.0.0.1:{database.server.port}/{database.name}", "town", tmp_path, lookup=True)
    assert "\nlookup:\n" in live.declaration
    assert "\n    num: num\n" in live.declaration or "fields: {num: num}" in live.declaration


def test_unsigned_and_other_databases(
    town: str, mariadb: MariaDbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", SECRET)
    mariadb.run(["CREATE TABLE grands (id BIGINT UNSIGNED PRIMARY KEY, n INT UNSIGNED)"], "draft")
    mariadb.run(
        [
            "CREATE OR REPLACE DATABASE beside",
            "CREATE TABLE beside.loin (a INT)",
            "GRANT SELECT ON beside.* TO reader@'%'",
        ]
    )
    found = draft(town, "town", tmp_path)
    mariadb.run(["DROP DATABASE beside"])
    assert "{name: id, constraints" in found.datasets["grands"]
    assert "{name: n, type: integer}" in found.datasets["grands"]
    assert any("beside.loin" in note and "--table" in note for note in found.notes)
    assert "beside.loin" in found.declaration


def test_a_number_that_names_a_row_is_text_and_its_draft_runs(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", PASSWORD)
    database.run(
        "CREATE TABLE repas (id numeric(9,2) PRIMARY KEY, prix money)",
        "CREATE TABLE plats (n numeric PRIMARY KEY, repas numeric(9,2) REFERENCES repas, poids numeric(5,1))",
        "INSERT INTO repas VALUES (1.50, '12.50')",
        "INSERT INTO plats VALUES (12345678901234567.89, 1.5, 2.5)",
    )
    source = f"postgresql://reader@127.0.0.1:{database.server.port}/{database.name}"
    found = drafted(tmp_path, source)
    workspace = Workspace(tmp_path)
    assert [run(workspace, each).quarantined for each in ("repas", "plats")] == [0, 0]
    newest = versions.newest(workspace, "plats")
    assert newest is not None
    assert pq.read_table(newest.parquet).to_pylist() == [{"n": "12345678901234567.89", "repas": "1.50", "poids": 2.5}]
    assert "size is not declared" not in found.datasets["plats"]
    assert "only a text holds them all: prix." in found.datasets["repas"]
    assert (
        "record: Repas" in found.lookups["repas"]
        if "repas" in found.lookups
        else "record: Plat" in found.lookups["plats"]
    )
    assert r"\d" not in found.declaration, "a key with a fraction is not digits alone"


def test_a_password_that_is_not_set_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOWN_PASSWORD", raising=False)
    with pytest.raises(InvalidRequest, match=r"variable TOWN_PASSWORD .* not set: export it, or .*--password-variable"):
        draft("postgresql://reader@127.0.0.1:1/town", "town", tmp_path)


def test_an_array_is_a_text_that_may_be_read_as_a_list(
    database: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOWN_PASSWORD", PASSWORD)
    database.run(
        "CREATE TABLE mots (id int PRIMARY KEY, mots text[])",
        """INSERT INTO mots VALUES (1, '{"a, b","c\\"é"}'), (2, '{}'), (3, NULL)""",
    )
    found = drafted(tmp_path, f"postgresql://reader@127.0.0.1:{database.server.port}/{database.name}")
    assert "{name: mots}" in found.datasets["mots"]
    file = tmp_path / "datasets" / "mots.yaml"
    for name, kind, first in (("texts", "string", '["a, b","c\\"é"]'), ("lists", "array", ["a, b", 'c"é'])):
        said = file.read_text().replace("{name: mots}", f"{{name: mots, type: {kind}}}")
        (tmp_path / "datasets" / f"{name}.yaml").write_text(said)
        assert run(Workspace(tmp_path), name).quarantined == 0
        newest = versions.newest(Workspace(tmp_path), name)
        assert newest is not None
        rows = sorted(pq.read_table(newest.parquet).to_pylist(), key=lambda row: int(row["id"]))
        assert [rows[0]["mots"], rows[2]["mots"]] == [first, None]
