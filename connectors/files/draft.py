"""A declaration of files out of the files: `registries/NAME.yaml` says all that was believed, with the evidence.

Nothing is sniffed later. Each table has a draft of its dataset, whose types were held against all of its values.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.deadline import Deadline
from connectors.drafting import FILL_IN, Draft, Seen, entry_name
from connectors.errors import InvalidRequest
from connectors.files.draft_columns import Column
from connectors.files.draft_tables import Table, tables_of
from connectors.files.folder import Folder
from connectors.files.formats import by_name
from connectors.files.origins import origin
from connectors.files.reading import Hold, LocalFile
from connectors.files.settings import FilesSettings
from connectors.limits import Limits
from connectors.pacing import Pace

SECONDS = 600.0
"""How long bringing a file from an address may take."""

MOST_FILES = 100
"""Files of a folder that are looked at."""

_KEPT = ("beffroi_", "file_row_number")


def draft(source: str, name: str, root: Path, **options: Any) -> Draft:
    """Return a declaration of the registry `name` for a file, a folder or an address, and a dataset for each table.

    `root` is the workspace; `options` are settings of the kind that an address needs (`username`, `key`, `host_key`,
    `endpoint`, `region`, `headers`; a `password` only as `${NAME}`). Raises InvalidRequest where there is nothing to
    read, and what an address raises.
    """
    said = {key: value for key, value in options.items() if value}
    if "password" in said and not re.fullmatch(r"\$\{\w+\}", str(said["password"])):
        raise InvalidRequest("a password is not written into a declaration: give the variable that has it, as ${NAME}")
    hold = Hold()
    try:
        where, files = _brought(source, name, root, said, hold)
        found = list(_together([each for file in files for each in tables_of(file, hold, name)]))
    finally:
        hold.close()
    names = _names([each.name for each in found])
    good = [(key, each) for key, each in zip(names, found, strict=True) if each.columns]
    return Draft(
        declaration=_declaration(name, source, where, list(zip(names, found, strict=True))),
        datasets={key: _dataset(key, name, table) for key, table in good},
        seen=tuple(_seen(key, table) for key, table in zip(names, found, strict=True)),
        notes=tuple(f"{each.settings['file']}: {each.trouble}" for each in found if each.trouble),
    )


# --- where files are -------------------------------------------------------------------------------------------------


def _brought(
    source: str, name: str, root: Path, said: dict[str, Any], hold: Hold
) -> tuple[dict[str, Any], list[LocalFile]]:
    """Return how the place of the files is declared, and the files."""
    if "://" in source:
        return _from_address(source, name, root, said, hold)
    path = Path(source)
    path = path if path.is_absolute() or path.exists() else root / path
    if not path.exists():
        raise InvalidRequest(f"there is no file or folder {source}")
    folder = path if path.is_dir() else path.parent
    try:
        shown = folder.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        shown = str(folder.resolve())
    if path.is_file():
        return {"path": shown}, [LocalFile(path, path.name)]
    files = [each for each in Folder(path, name).files("*", hold, Deadline.after(SECONDS)) if _is_read(each.name)]
    if not files:
        raise InvalidRequest(f"the folder {source} has no file of a format that Beffroi reads")
    return {"path": shown}, files[:MOST_FILES]


def _is_read(name: str) -> bool:
    return by_name(name) is not None or name.casefold().endswith((".zip", ".gz"))


def _from_address(
    source: str, name: str, root: Path, said: dict[str, Any], hold: Hold
) -> tuple[dict[str, Any], list[LocalFile]]:
    if urlsplit(source).password is not None:
        raise InvalidRequest("a password stands in the address: give it as --password '${NAME}'")
    base, _, last = source.rpartition("/")
    web = source.startswith("http")
    pattern = unquote(last) if web else (last or "*")
    if not pattern or base.endswith("/"):
        raise InvalidRequest("name the file: the list of a web server cannot be read")
    where = {"url": f"{base}/", **said}
    settings = FilesSettings.model_validate({**where, "tables": {"t": {"file": pattern}}})
    found = origin(settings, name, root, Pace(name, Limits(), root)).files(pattern, hold, Deadline.after(SECONDS))
    if not found:
        raise InvalidRequest(f"there is no file at {base}/{last}")
    return where, [each for each in found if web or _is_read(each.name)][:MOST_FILES]


# --- tables ----------------------------------------------------------------------------------------------------------


def _together(tables: list[Table]) -> Iterator[Table]:
    """Yield tables, those of files that differ by numbers in their names and have the same columns as one."""
    groups = dict[tuple[str, ...], list[Table]]()
    for number, table in enumerate(tables):
        names = tuple(column.name for column in table.columns)
        pattern = re.sub(r"\d+", "*", str(table.settings["file"]))
        alike = json.dumps({key: each for key, each in table.settings.items() if key != "file"}, default=str)
        groups.setdefault((pattern, alike, *names) if names else (str(number),), []).append(table)
    for (pattern, *_), group in groups.items():
        if len(group) == 1:
            yield group[0]
            continue
        first = group[0]
        columns = [_of_all([table.columns[at] for table in group]) for at in range(len(first.columns))]
        yield Table(
            re.sub(r"\d+", "", first.name).strip(" -_.") or first.name,
            {**first.settings, "file": pattern},
            (f"{len(group)} files have these columns: one table", *first.evidence),
            columns,
            sum(table.rows for table in group),
            sum(table.faults for table in group),
        )


def _of_all(columns: list[Column]) -> Column:
    """Return what a column is in several files: text where they differ. Whether it is a key is not known."""
    first = columns[0]
    same = all((each.type, each.steps) == (first.type, first.steps) for each in columns)
    return Column(
        first.name,
        first.type if same else "string",
        first.steps if same else ["trim"],
        next((each.personal for each in columns if each.personal), ""),
        first.evidence if same else "the files differ in what it holds: kept as text",
        sum(each.rows for each in columns),
        sum(each.filled for each in columns),
        unique=False,
    )


def _names(names: Iterable[str]) -> list[str]:
    """Return names of entries, each once."""
    found = list[str]()
    for name in names:
        base = entry_name(name)
        base = f"t_{base}" if base.startswith(_KEPT) else base
        number, each = 2, base
        while each in found:
            each, number = f"{base}_{number}", number + 1
        found.append(each)
    return found


def _seen(key: str, table: Table) -> Seen:
    if table.trouble:
        return Seen(key, f"cannot be read as it is: {table.trouble}", table.evidence)
    about = f"{table.rows:,} rows of {len(table.columns)} columns from {table.settings['file']}"
    faults = (f"{table.faults:,} rows cannot be taken as they are: they will be in quarantine",) if table.faults else ()
    columns = (f"{each.name}: {each.type}; {each.evidence}{_person(each)}" for each in table.columns)
    return Seen(key, about, (*table.evidence, *faults, *columns))


def _person(column: Column) -> str:
    return f"; looks personal: {column.personal}" if column.personal else ""


# --- texts -----------------------------------------------------------------------------------------------------------


def _yaml(value: Any) -> str:
    """Return a value as YAML on one line: JSON, which YAML 1.2 is a superset of, with plain words left bare."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(key)}: {_yaml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, str) and re.fullmatch(r"[a-z_][a-z0-9_-]*", value) and value not in _NOT_WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_NOT_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "y", "n")


def _comment(text: str, indent: int) -> str:
    plain = "".join(each if each.isprintable() else " " for each in text)
    return f"{' ' * indent}# {plain[:400]}\n"


def _declaration(name: str, source: str, where: dict[str, Any], tables: list[tuple[str, Table]]) -> str:
    lines = [_comment(f"{name}: drafted from {source}; what is believed of each file stands above it.", 0)]
    lines.append("kind: files\n")
    lines += [f"{key}: {_yaml(value)}\n" for key, value in where.items()]
    if where.get("url", "").startswith("sftp") and "host_key" not in where:
        lines.append(f"host_key: {FILL_IN}\n")
    lines.append("tables:\n")
    for key, table in tables:
        if table.trouble:
            lines.append(_comment(f"cannot be read as it is: {table.trouble}", 2))
            settings = {**table.settings, "format": table.settings.get("format", FILL_IN)}
            lines += [_comment(f"{key}: {_yaml(settings)}", 2)]
            continue
        lines += [_comment(said, 2) for said in table.evidence]
        lines.append(f"  {key}:\n")
        lines += [f"    {each}: {_yaml(value)}\n" for each, value in table.settings.items()]
    if all(table.trouble for _, table in tables):
        lines.append(f"  {FILL_IN.lower()}: {{file: {FILL_IN}, format: csv}}\n")
    return "".join(lines)


def _dataset(key: str, registry: str, table: Table) -> str:
    names = _names([each.name for each in table.columns])
    lines = [f"title: {_yaml(table.name)}\n", f"owner: {FILL_IN}\n"]
    personal = [name for name, column in zip(names, table.columns, strict=True) if column.personal]
    why = f" (columns that look personal: {', '.join(personal)})" if personal else ""
    lines.append(_comment(f"open where everyone may see it, which needs a licence: too{why}", 0))
    lines += ["audience: owner\n", f"source: {{registry: {registry}, table: {key}}}\n", "schema:\n", "  fields:\n"]
    for name, column in zip(names, table.columns, strict=True):
        lines.append(_comment(f"{column.evidence}{_person(column)}", 4))
        said = {"name": name, "type": column.type, "title": column.name.strip() or name}
        if column.personal:
            said["personal"] = True  # type: ignore[assignment]
        lines.append(f"    - {_yaml(said)}\n")
    lines += _key(names, table)
    lines.append("clean:\n")
    for name, column in zip(names, table.columns, strict=True):
        lines.append(f"  {name}: {_yaml({'from': column.name} | ({'steps': column.steps} if column.steps else {}))}\n")
    return "".join(lines)


def _key(names: list[str], table: Table) -> list[str]:
    """Return the line of the key: the first column of which each row has a value of its own."""
    pairs = list(zip(names, table.columns, strict=True))
    keys = [name for name, column in pairs if column.is_key]
    if keys:
        more = f"; so has: {', '.join(keys[1:4])}" if keys[1:] else ""
        return [
            _comment(f"each of the {table.rows:,} rows has a {keys[0]} of its own{more}", 2),
            f"  primaryKey: {keys[0]}\n",
        ]
    said = "no single column has a value of its own in each row: name one or several that together have"
    return [_comment(said, 2), f"  primaryKey: [{FILL_IN}]\n"]
