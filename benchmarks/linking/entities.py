"""Companies and addresses that towns wrote, linked to a register of them: how many get the right one."""

from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.linking import addresses, companies, measures
from benchmarks.linking.cases import ROOT
from benchmarks.linking.ours import LEAST
from connectors.sandbox import suppliers
from pipelines.linking.clustering.attached import attach
from pipelines.linking.prepare import prepare
from pipelines.linking.recipe import Recipe, recipe
from pipelines.linking.scoring.model import train
from pipelines.linking.scoring.pairs import candidates, score

Rows = list[dict[str, Any]]


def linked(connection: duckdb.DuckDBPyConnection, of: Recipe, written: Rows, register: Rows) -> dict[str, Any]:
    """Link written rows to a register, both with `entity` (None: in no register) and fields; judge it by that."""
    _records(connection, of, written, register)
    prepare(connection, of, "records", "prepared", None)
    model = train(connection, of, "prepared", across="side")
    candidates(connection, of, "prepared", "candidates", across="side")
    score(connection, of, model, "prepared", "candidates", "pairs", LEAST)
    connection.execute(
        "CREATE TEMP VIEW identities AS SELECT n, '[\"' || side || '\",\"' || n || '\"]' AS identity,"
        f" {', '.join(['side', 'origin', *of.exclusive])} FROM prepared"
    )
    thresholds = of.thresholds
    attach(
        connection, pairs="pairs", records="identities", into="links", link=thresholds.link, review=thresholds.review,
        exclusive=of.exclusive,
    )  # fmt: skip
    found, right, doubtful = connection.execute(
        "SELECT count(theirs), count(*) FILTER (a.entity = b.entity), (SELECT count(DISTINCT least(l, r)) FROM links_bands"
        " WHERE band = 'doubtful') FROM links JOIN truth a USING (n) LEFT JOIN truth b ON b.n = theirs"
    ).fetchall()[0]
    known = {each["entity"] for each in register}
    there = sum(each["entity"] in known for each in written)
    return measures.scores(right, found, there) | {
        "rows": len(written),
        "there": there,
        "asked": doubtful / len(written),
    }


def _records(connection: duckdb.DuckDBPyConnection, of: Recipe, written: Rows, register: Rows) -> None:
    fields = list(of.fields)
    rows = [(0, each) for each in written] + [(1, each) for each in register]
    columns: dict[str, pa.Array] = {"n": pa.array(range(len(rows)), pa.int64())}
    columns |= {name: pa.array([side for side, _ in rows], pa.uint16()) for name in ("side", "origin")}
    columns |= {
        name: pa.array([_text(each.get(name)) for _, each in rows], pa.string()) for name in ["entity", *fields]
    }
    connection.register("given", pa.table(columns))
    held = ", ".join(f'"{name}"' for name in fields)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE records AS SELECT n, side::UTINYINT AS side, 0::USMALLINT AS origin, {held} FROM given"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE truth AS SELECT n, entity FROM given")
    connection.unregister("given")


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else "; ".join(value) if isinstance(value, list) else str(value)


def _companies(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Link 20,000 companies, a third of which without a number."""
    register, written = companies.case(20_000)
    return linked(connection, recipe("company"), written, register)


def _unnumbered(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Link them by name and address alone."""
    register, written = companies.case(20_000, numbers=False)
    return linked(connection, recipe("company"), written, register)


def _addresses(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Link 20,000 addresses."""
    register, written = addresses.case(20_000)
    return linked(connection, recipe("address"), written, register)


def _suppliers(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Link the demo's suppliers to its register of companies."""
    file = ROOT / "datasets" / "reference" / "companies.parquet"
    register = [_company(row) for row in pq.read_table(file).to_pylist()]
    written = [
        {
            "entity": each.siren, "name": each.row["RAISON_SOCIALE"], "number": each.row["SIRET"],
            "address": each.row["ADRESSE"], "postal_code": str(each.row["CP"] or "").zfill(5), "city": each.row["VILLE"],
        }
        for each in suppliers.draw(file)
    ]  # fmt: skip
    return linked(connection, recipe("company"), written, register)


def _company(row: dict[str, Any]) -> dict[str, Any]:
    person = " ".join(part for part in (row["last_name"], row["first_name"]) if part)
    others = [each for each in (row["usual_name"], row["former_name"]) if each]
    address = " ".join(part for part in (row["street_number"], row["street_type"], row["street_name"]) if part)
    return {
        "entity": row["merged_into"] or row["siren"], "name": row["legal_name"] or person, "other_names": "; ".join(others),
        "acronym": row["acronym"], "siren": row["siren"], "siret": row["siren"] + (row["nic"] or ""), "address": address,
        "postal_code": row["postal_code"], "city": row["commune_name"], "commune_code": row["commune_code"],
    }  # fmt: skip


CASES: dict[str, Callable[[duckdb.DuckDBPyConnection], dict[str, Any]]] = {
    "suppliers": _suppliers,
    "companies": _companies,
    "companies without numbers": _unnumbered,
    "addresses": _addresses,
}
