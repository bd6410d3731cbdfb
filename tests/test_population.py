"""The demo's register of residents, asked by civil identity as the repository's own workspace declares it."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from connectors.deadline import Deadline
from connectors.errors import Ambiguous, NotFound
from connectors.records import canonical
from connectors.sandbox import population
from connectors.sql import Sql
from pipelines.workspace import Workspace

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "datasets" / "reference"


@pytest.fixture(scope="module")
def register(tmp_path_factory: pytest.TempPathFactory) -> Sql:
    declared, root = Workspace(ROOT).registries["population"], tmp_path_factory.mktemp("population")
    assert isinstance(declared, Sql)
    (root / ".beffroi").mkdir()
    assert population.make(root / ".beffroi" / "population.sqlite", REFERENCE) == 3001
    return Sql("population", declared.settings, root)


def found(register: Sql, **who: object) -> dict[str, object]:
    assert register.record is not None
    _, value = canonical(register.record, f"identity:{json.dumps(who)}")
    return register.ask(value, Deadline.after(5)).record.model_dump(mode="json")


def test_every_person_is_found_as_the_reference_writes_them(register: Sql) -> None:
    for number, row in enumerate(pq.read_table(REFERENCE / "persons.parquet").sort_by("nir").to_pylist()[:50], 1):
        who = {name: row[name] for name in ("birth_name", "given_names", "sex")}
        who |= {"birth_date": row["birth_date"].isoformat(), "birth_place": row["birth_commune_code"]}
        assert found(register, **who)["number"] == f"H{number:05}"


def test_the_namesake_is_not_guessed(register: Sql) -> None:
    who = {"birth_name": "ALLAIN", "given_names": "joseph thibault", "birth_date": "2000-01-20", "sex": "M"}
    with pytest.raises(Ambiguous):
        found(register, **who)
    assert found(register, **who, birth_place="80021")["number"] == "H03001"
    with pytest.raises(NotFound):
        found(register, **who, birth_place="75056")
