"""A zoo of files as they come, each with what must be made of it beside it: NAME.expected.json.

A new animal is two files and no code. `by` is who reads a CSV: the engine, or our own reader row by row.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import BeffroiError
from connectors.files import dialects, formats
from connectors.files.settings import TableSettings
from connectors.registry import FAULT, CsvFile
from tests.files.engine import by_engine, cells

ZOO = Path(__file__).parent / "zoo"
ANIMALS = sorted(path for path in ZOO.iterdir() if not path.name.endswith(".expected.json"))


@pytest.mark.parametrize("path", ANIMALS, ids=lambda path: path.name)
def test_zoo(path: Path) -> None:
    expected = json.loads(path.with_name(f"{path.name}.expected.json").read_text("utf-8"))
    settings = TableSettings(file=path.name, **expected.get("settings", {}))
    if "error" in expected:
        with pytest.raises(BeffroiError) as caught:
            _table(path, settings)
        assert (type(caught.value).__name__, caught.value.detail) == (expected["error"], expected["says"])
        assert caught.value.registry == "zoo"
        return
    found = _table(path, settings)
    faults = {str(number): row[-1] for number, row in enumerate(found["rows"]) if row[-1] is not None}
    assert found["columns"] == expected["columns"]
    assert [row[:-1] for row in found["rows"]] == expected["rows"]
    assert faults == expected.get("faults", {})
    assert found.get("by") == expected.get("by")
    if "by" in expected:
        told = dialects.found(path, path.name, settings.csv, "zoo").beliefs
        assert {each.key: each.value for each in told} == expected["stated"]
        assert all(each.evidence for each in told)


def _table(path: Path, settings: TableSettings) -> dict[str, Any]:
    scan = formats.read(path, path.name, settings, "zoo")
    assert not isinstance(scan, Path)
    if isinstance(scan, CsvFile):
        found: dict[str, Any] = {"by": "engine", "columns": list(scan.columns), "rows": cells(scan.rows())}
        engine = by_engine(scan)
        if engine is not None:  # it did not refuse
            assert [[*row, None] for row in engine] == found["rows"]
        return found
    own = {"by": "rows"} if formats.format_of(path.name, settings, "zoo") == "csv" else {}
    return {**own, "columns": [name for name in scan.schema.names if name != FAULT], "rows": cells(scan)}


def test_every_expectation_has_its_file() -> None:
    expected = {path.name.removesuffix(".expected.json") for path in ZOO.glob("*.expected.json")}
    assert expected == {path.name for path in ANIMALS}
    assert len(ANIMALS) >= 60
