"""The four rooms as `docs/house.md` shows them: each module with its first line, and how many lines there are."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]

ROOMS = ("gateway", "pipelines", "connectors", "datasets")
"""From the outermost to the one that imports nothing."""

BESIDE = ("tests", "tools")


def modules(room: str) -> str:
    """Return the table of a room: what each of its files is, in its own words."""
    if room == "datasets":
        rows = [f"| `{path.name}` | {_title(path)} |\n" for path in sorted((ROOT / room).glob("*.yaml"))]
        rows.append(
            "| `reference/` | real files that come with Beffroi: [source, date, licence](../datasets/reference/README.md) |\n"
        )
        return "| declaration | title |\n|---|---|\n" + "".join(rows)
    rows = []
    for path in python_files(room):
        summary = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]
        if path.name != "__init__.py" or path.parent != ROOT / room:
            rows.append(f"| `{path.relative_to(ROOT / room).as_posix()}` | {summary} |\n")
    return "| module | what it does |\n|---|---|\n" + "".join(rows)


def lines() -> str:
    """Return the table of files and lines, blank lines and docstrings included."""
    rows = []
    for room in (*ROOMS, *BESIDE):
        kind, found = (
            ("YAML", sorted((ROOT / room).glob("*.yaml"))) if room == "datasets" else ("Python", python_files(room))
        )
        counted = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in found)
        rows.append(f"| `{room}/` | {len(found)} {kind} | {counted:,} |\n")
    return "| room | files | lines |\n|---|---|---|\n" + "".join(rows)


def python_files(folder: str) -> list[Path]:
    """Return the Python files of a folder of the repository, those of installed packages left out."""
    return [path for path in sorted((ROOT / folder).rglob("*.py")) if "node_modules" not in path.parts]


def _title(path: Path) -> str:
    found = re.search(r"^title: (.+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""
