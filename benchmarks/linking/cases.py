"""What is linked: a table of records with the truth beside, and how bare Splink is told to link it."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.linking import known, registers

ROOT = Path(__file__).resolve().parents[2]

OURS = {
    "family_name": ("family_name",),
    "given_name": ("given_name", "given_names"),
    "middle_name": ("middle_name",),
    "birth_date": ("birth_date",),
    "birth_place": ("birth_place",),
    "sex": ("sex",),
    "personal_number": ("number",),
    "address": ("address",),
    "postal_code": ("postal_code",),
    "city": ("city", "commune"),
}
"""A field of the recipe, and what it is called here."""


@dataclass(frozen=True)
class Case:
    """Records with the columns `entity` and `origin`, and fields; `plain` names the settings of bare Splink.

    `across` says that records of one origin are not linked to each other.
    """

    name: str
    records: pa.Table
    plain: str
    across: bool = False


@dataclass(frozen=True)
class Data:
    """Where data are, or are made: a folder, the file of RLdata10000, a Python that has pseudopeople; and of which seed."""

    folder: Path
    rldata: Path | None = None
    python: Path | None = None
    seed: int = registers.SEED


SYNTHETIC = registers.ALL
NAMES = (
    "febrl1", "febrl2", "febrl3", "febrl4", "rldata10000", *(f"pseudopeople: {pair}" for pair in known.SEVERAL),
    *(f"{name}-100000" for name in SYNTHETIC),
)  # fmt: skip
"""Every case that a run measures if it is told none; `fr-1000000` and the like are cases too."""


def case(name: str, data: Data) -> Case:
    """Return a case of its name. Raises ValueError where there is none, FileNotFoundError where its data are missing."""
    if name.startswith("febrl"):
        return Case(
            name, known.febrl(int(name[5:])), "febrl4" if name == "febrl4" else "febrl3", across=name == "febrl4"
        )
    if name == "rldata10000":
        if data.rldata is None:
            raise FileNotFoundError("RLdata10000 is in no package index: name its file by --rldata")
        return Case(name, known.rldata(data.rldata), "rldata")
    if name.startswith("pseudopeople: "):
        known.noised(data.folder / "pseudopeople", data.python)
        records = known.pseudopeople(name.partition(": ")[2], data.folder / "pseudopeople")
        return Case(name, records, "pseudopeople", across=True)
    register, _, rows = name.rpartition("-")
    if register not in SYNTHETIC or not rows.isdigit():
        raise ValueError(f"there is no case {name}: there are {', '.join(NAMES)}")
    return Case(name, synthetic(registers.make(register, int(rows), data.folder / "registers", data.seed)), "persons")


def synthetic(file: Path) -> pa.Table:
    """Return the records of a file of `registers`, the register as origin."""
    with duckdb.connect() as connection:
        return connection.sql(
            f"SELECT *, (dense_rank() OVER (ORDER BY source) - 1)::USMALLINT AS origin FROM '{file}' ORDER BY id"
        ).to_arrow_table()


def true_pairs(connection: duckdb.DuckDBPyConnection, records: str, *, across: bool) -> int:
    """Return how many pairs of `records` (n, entity, origin) are of one entity."""
    every = f"sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM {records} GROUP BY entity)"
    within = f"sum(n * (n - 1) // 2) FROM (SELECT count(*) AS n FROM {records} GROUP BY entity, origin)"
    found = connection.execute(f"SELECT coalesce((SELECT {every}), 0), coalesce((SELECT {within}), 0)").fetchall()[0]
    return int(found[0] - found[1]) if across else int(found[0])
