"""Make the tables of linking that are too long to be written: `pipelines/linking/recipes/tables/*.parquet`.

Run by a developer when the reference files have changed; from the repository's root:

    python -m tools.make_linking_tables

Out: `towns.parquet`, names of communes of France and Spain, each with its code of today: country, area (department,
province), postal (null in Spain), town (as `pipelines.linking.preparing.places.town` makes it), code, and part: the code of
the commune that has become part of that one where the name is its, null where it is that of the commune of today.
`company_words.parquet`, words that several names of companies have: word (as `preparing.companies` makes it) and weight,
from 1 (every tenth name) to 8 (six names). The same input gives the same bytes.
"""

from pathlib import Path

import anyascii
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.linking.preparing import companies
from pipelines.linking.preparing.places import BY_DATE, TOWNS, town

REFERENCE = Path(__file__).parents[1] / "datasets" / "reference"
ABOUT_TOWNS = {
    "title": "Names of communes of France and Spain, each with its code of today",
    "source": "INSEE, La Poste, DGFiP, INE: by datasets/reference/communes, commune_parts, postal_codes and municipios",
    "date": "2026 (Spain: 2021)",
    "licence": "Licence Ouverte (communes), MIT (postal codes, Spain)",
}


ABOUT_WORDS = {
    "title": "Words of the names of companies of France and Spain, by how many names have them",
    "source": "GLEIF (real names) and the synthetic companies: datasets/reference/legal_entities and companies",
    "date": "2026",
    "licence": "CC0-1.0",
}
FEWEST = 6
"""A word of fewer names is as rare as one that is in no name."""


def rows() -> list[tuple[str, str | None, str, str, str | None]]:
    """Return (country, postal, name, code, part), names as they are written; of one commune there are several.

    The part is its own code where the name is that of the commune of today, None where it is not known whose it is.
    """

    def read(name: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = pq.read_table(REFERENCE / f"{name}.parquet").to_pylist()
        return found

    communes = pq.read_table(REFERENCE / "communes.parquet").to_pylist()
    today = {row["code"]: row["code"] for row in communes}
    ended = sorted(pq.read_table(BY_DATE).to_pylist(), key=lambda row: row["since"])
    today = {row["code"]: row["commune_code"] for row in ended} | today
    today |= {row["code"]: row["commune_code"] for row in read("commune_parts")}
    postal = {row["code"]: row["postal_codes"] for row in communes}
    found = [
        ("FR", each, row["name"], row["code"], row["code"])
        for row in communes
        for each in row["postal_codes"] or [None]
    ]
    for row in read("commune_parts"):
        part = row["code"] if row["kind"] != "arrondissement" else None
        found += [("FR", each, row["name"], row["commune_code"], part) for each in postal[row["commune_code"]]]
    for row in read("postal_codes"):
        if code := today.get(row["commune_code"]):
            part = row["commune_code"] if row["commune_code"] != code else None
            found += [("FR", row["postal_code"], name, code, part) for name in (row["commune_name"], row["label"])]
    for row in read("municipios"):
        names = {row["nombre"], *row["nombre"].split("/"), *row["nombre"].split("-")}
        found += [("ES", None, name, f"ES{row['codigo']}", None) for name in names]
    return found


def make_towns(connection: duckdb.DuckDBPyConnection) -> None:
    """Write towns.parquet."""
    names = pa.table(
        {name: [anyascii.anyascii(row[2]).lower() if name == "name" else row[at] for row in rows()]
         for at, name in enumerate(("country", "postal", "name", "code", "part"))}
    )  # fmt: skip
    connection.register("names", names)
    department = (
        "CASE WHEN code[:2] IN ('97', '98') THEN code[:3] WHEN code[:2] IN ('2A', '2B') THEN '20' ELSE code[:2] END"
    )
    postal = "CASE WHEN postal[:2] IN ('97', '98') THEN postal[:3] ELSE postal[:2] END"
    made = connection.sql(
        f"""SELECT DISTINCT country, CASE country WHEN 'ES' THEN code[3:4] ELSE coalesce({postal}, {department}) END AS area,
        postal, {town("name")} AS town, code, CASE WHEN bool_and(part <> code) OVER called THEN min(part) OVER called END AS part
        FROM names WHERE {town("name")} IS NOT NULL WINDOW called AS (PARTITION BY code, {town("name")}) ORDER BY ALL"""
    ).to_arrow_table()
    pq.write_table(made.replace_schema_metadata(ABOUT_TOWNS), TOWNS, compression="zstd")


def make_words(connection: duckdb.DuckDBPyConnection) -> None:
    """Write company_words.parquet: one and a half bits are a step of weight."""
    empty = pa.table({"word": pa.array([], pa.string()), "weight": pa.array([], pa.int64())})
    pq.write_table(empty, companies.WEIGHTS)
    connection.execute(
        f"""CREATE TABLE records AS SELECT row_number() OVER () AS n, name, NULL::VARCHAR AS other_names,
        NULL::VARCHAR AS acronym, NULL::VARCHAR AS legal_form, NULL::VARCHAR AS city FROM (
            SELECT name FROM read_parquet('{REFERENCE}/legal_entities.parquet')
            UNION ALL SELECT legal_name FROM read_parquet('{REFERENCE}/companies.parquet') WHERE legal_name IS NOT NULL)"""
    )
    companies.prepare(connection, "records", "prepared")
    made = connection.sql(
        f"""SELECT word, greatest(1, least({companies.UNKNOWN - 1}, round(log2(total / held) / 1.5)::BIGINT)) AS weight FROM (
            SELECT word[:-2] AS word, count(*) AS held, any_value(total) AS total
            FROM (SELECT unnest(words) AS word FROM prepared), (SELECT count(*) AS total FROM prepared) GROUP BY ALL)
        WHERE held >= {FEWEST} ORDER BY ALL"""
    ).to_arrow_table()
    pq.write_table(made.replace_schema_metadata(ABOUT_WORDS), companies.WEIGHTS, compression="zstd")


def main() -> None:
    """Write the files."""
    with duckdb.connect() as connection:
        make_towns(connection)
        make_words(connection)


if __name__ == "__main__":
    main()
