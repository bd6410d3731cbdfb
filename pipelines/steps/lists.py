"""Steps that hold values against a list: a value map, the codes of activity of NAF and NACE."""

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa

from connectors.errors import Misconfigured
from pipelines.sql import quote
from pipelines.steps.clean import Cleaning, Failure, Reason, Value
from pipelines.steps.step import REFUSED, Argument, Step, convert, own, without_blanks

ACTIVITIES = Path(__file__).parent / "reference" / "activities.parquet"


def _map(cleaning: Cleaning, value: Value, table: dict[str, Any] | str) -> None:
    if isinstance(table, str):
        _map_file(cleaning, value, table)
        return
    cases = " ".join(f"WHEN {quote(old)} THEN {quote(_text(new))}" for old, new in table.items())
    reason = Reason(f"is none of {', '.join(table)}", f"n'est aucun de : {', '.join(table)}")
    cleaning.convert(value, f"CASE {value.sql} {cases} END", "map", reason)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _map_file(cleaning: Cleaning, value: Value, file: str) -> None:
    """Join a value map of the workspace; in it, an empty new value means that there is none."""
    found = read_map(cleaning.folder, file)
    name, kinds = own("map"), pa.schema([("old", pa.string()), ("new", pa.string())])
    pairs = pa.table({"old": list(found), "new": [new or None for new in found.values()]}, schema=kinds)
    cleaning.connection.register(name, pairs)
    before = value.sql
    join = f"LEFT JOIN {name} ON {name}.old = {before}"
    cleaning.make(value, f"CASE WHEN {name}.old IS NOT NULL THEN {{'new': {name}.new}} END", join)
    reason = Reason(
        f"is not in {file}: add it there, or correct the row",
        f"ne figure pas dans {file} : l'y ajouter, ou corriger la ligne",
    )
    value.failures.append(Failure(f"{before} IS NOT NULL AND {value.sql} IS NULL", "map", reason))
    cleaning.make(value, f"{value.sql}.new")


def read_map(folder: Path, file: str) -> dict[str, str]:
    """Return the old and new values of a value map: a CSV of UTF-8, whose first line is from,to (or from;to).

    Raises Misconfigured, with the line, when it is not there, is no such file, or gives one old value two new ones.
    """
    try:
        text = (folder / file).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"{file}: the value map is not there, or is no text in UTF-8") from None
    found: dict[str, str] = {}
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if text.startswith("from;to") else ",", strict=True)
    try:
        if next(rows, None) != ["from", "to"]:
            raise Misconfigured(f"{file}:1: a value map begins with the line from,to")
        for row in (row for row in rows if row):
            if len(row) != 2:
                raise Misconfigured(f"{file}:{rows.line_num}: {len(row)} values, where a value map has two: from,to")
            if found.setdefault(row[0], row[1]) != row[1]:
                raise Misconfigured(f"{file}:{rows.line_num}: «{row[0]}» has another new value above")
    except csv.Error as error:
        raise Misconfigured(f"{file}:{rows.line_num}: not CSV ({error})") from None
    return found


def _naf(cleaning: Cleaning, value: Value, wanted: str) -> None:
    reason = Reason(
        "is not a code of NAF rev. 2 (four digits and a letter)"
        if wanted == "rev2"
        else "does not look like a NAF code",
        "n'est pas un code de la NAF rév. 2 (quatre chiffres et une lettre)"
        if wanted == "rev2"
        else "ne ressemble pas à un code NAF",
    )
    form = r"'^(\d\d)\.?(\d\d)([A-Z])$', '\1.\2\3'"
    _listed(cleaning, value, "naf", reason, f"regexp_replace({{0}}, {form})", r"\d\d\.\d\d[A-Z]", f"naf_{wanted}")


def _nace(cleaning: Cleaning, value: Value, wanted: str) -> None:
    told = {"rev2": "NACE rev. 2", "rev2.1": "NACE rev. 2.1", "form": "NACE"}[wanted]
    reason = Reason(
        f"is not a code of {told} (01, 01.1 or 01.11)", f"n'est pas un code de la {told} (01, 01.1 ou 01.11)"
    )
    form = r"'^(\d\d)\.?(\d\d?)$', '\1.\2'"
    _listed(cleaning, value, "nace", reason, f"regexp_replace({{0}}, {form})", r"\d\d(\.\d\d?)?", f"nace_{wanted}")


def _listed(cleaning: Cleaning, value: Value, rule: str, reason: Reason, spelt: str, form: str, wanted: str) -> None:
    """Hold the value, written as it should be, against one classification, or against its form alone."""
    layers = [lambda sql: f"upper({without_blanks(sql)})", spelt.format]
    if wanted.endswith("_form"):
        convert(
            cleaning,
            value,
            rule,
            reason,
            *layers,
            lambda sql: f"CASE WHEN regexp_full_match({sql}, '{form}') THEN {sql} END",
        )
        return
    codes = f"(SELECT list(code) FROM read_parquet({quote(str(ACTIVITIES))}) WHERE classification = {quote(wanted)})"
    known = cleaning.connection.execute(f"SELECT unnest({codes})").fetchall()
    among = ", ".join(quote(code) for (code,) in known)  # some hundred: DuckDB hashes them once
    convert(cleaning, value, rule, reason, *layers, lambda sql: f"CASE WHEN {sql} IN ({among}) THEN {sql} END")


def _is_map(given: Any) -> bool:
    if isinstance(given, str):
        plain = given.endswith(".csv") and not Path(given).is_absolute()
        return plain and ".." not in Path(given).parts
    return (
        isinstance(given, dict)
        and bool(given)
        and all(isinstance(new, str | int | float | bool) for new in given.values())
    )


LISTS = {
    "map": Step(
        "Replaces each value as the table says, or a CSV file of the workspace with the columns from and to; a value that is"
        " not in it is refused. In the file, nothing after the comma means no value.",
        _map,
        (({"O": True, "N": False}, "O", "true"), ({"O": True}, "peut-être", REFUSED)),
        Argument("the new value for each old one, or a file (maps/NAME.csv)", _is_map),
    ),
    "naf": Step(
        "Writes a code of activity of the NAF with its point and letter: against the list of rev. 2, or its form alone.",
        _naf,
        (("rev2", "6201z", "62.01Z"), ("rev2", "62.01 Z", "62.01Z"), ("rev2", "99.99Z", REFUSED),
         ("form", "9999Z", "99.99Z"), ("form", "62.01", REFUSED)),
        Argument("rev2 or form", lambda given: given in ("rev2", "form")),
    ),
    "nace": Step(
        "Writes a code of activity of the NACE (division, group or class) with its point: against the list of rev. 2 or of"
        " rev. 2.1, or its form alone.",
        _nace,
        (("rev2", "6201", "62.01"), ("rev2", "62", "62"), ("rev2.1", "62.03", REFUSED), ("rev2", "62.03", "62.03"),
         ("form", "9999", "99.99"), ("form", "6201Z", REFUSED)),
        Argument("rev2, rev2.1 or form", lambda given: given in ("rev2", "rev2.1", "form")),
    ),
}  # fmt: skip
