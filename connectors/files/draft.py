"""A declaration of files out of the files: `registries/NAME.yaml` says all that was believed, with the evidence.

Nothing is sniffed later. Each table has a draft of its dataset, whose types were held against all of its values.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from connectors.deadline import Deadline
from connectors.drafting import EXPECT, FILL_IN, Draft, Seen, counted, entry_name, lookup_of_rows
from connectors.errors import InvalidRequest
from connectors.files.draft_columns import Column
from connectors.files.draft_tables import Table, tables_of, together
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
        where, files, left = _brought(source, name, root, said, hold)
        found = list(_together([each for file in files for each in tables_of(file, hold, name)], name))
    finally:
        hold.close()
    names = _names([each.name for each in found])
    good = [(key, each) for key, each in zip(names, found, strict=True) if each.columns]
    return Draft(
        declaration=_declaration(name, source, where, list(zip(names, found, strict=True))),
        datasets={key: _dataset(key, name, table) for key, table in good},
        lookups={key: lookup_of_rows(key) for key, table in good if any(each.is_key for each in table.columns)},
        seen=tuple(_seen(key, table) for key, table in zip(names, found, strict=True)),
        notes=(*left, *(_trouble(each) for each in found if each.trouble)),
    )


# --- where files are -------------------------------------------------------------------------------------------------


def _brought(
    source: str, name: str, root: Path, said: dict[str, Any], hold: Hold
) -> tuple[dict[str, Any], list[LocalFile], list[str]]:
    """Return how the place of the files is declared, the files, and in words what is left out there."""
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
        return {"path": shown}, [LocalFile(path, path.name)], []
    every = Folder(path, name).files("*", hold, Deadline.after(SECONDS))
    files = [each for each in every if _is_read(each.name)]
    if not files:
        raise InvalidRequest(f"the folder {source} has no file of a format that Beffroi reads")
    return {"path": shown}, files[:MOST_FILES], [*_left(every), *_below(path, source)]


def _left(every: Sequence[LocalFile]) -> Iterator[str]:
    """Yield in words which files of a folder are not looked at."""
    unread = [each.name for each in every if not _is_read(each.name)]
    if unread:
        yield f"not read, since Beffroi reads no such format: {_listed(unread)}; save workbooks as .xlsx or .ods"
    more = [each.name for each in every if _is_read(each.name)][MOST_FILES:]
    if more:
        yield f"not looked at, beyond the first {MOST_FILES} files: {_listed(more)}"


def _below(folder: Path, source: str) -> Iterator[str]:
    """Yield in words which folders stand below a folder: a table of theirs is another draft, or a glob."""
    below = sorted(each.name for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    if below:
        yield (
            f"folders below are not looked into: {_listed([f'{each}/' for each in below])}; draft each by itself"
            f" (beffroi connector add file {source.rstrip('/')}/{below[0]}), or name their files under file: as {below[0]}/NAME"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _is_read(name: str) -> bool:
    return by_name(name) is not None or name.casefold().endswith((".zip", ".gz"))


def _from_address(
    source: str, name: str, root: Path, said: dict[str, Any], hold: Hold
) -> tuple[dict[str, Any], list[LocalFile], list[str]]:
    if urlsplit(source).password is not None:
        raise InvalidRequest("a password stands in the address: name the variable that has it: --password-variable")
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
    files = [each for each in found if web or _is_read(each.name)][:MOST_FILES]
    return where, files, [] if web else list(_left(found))


# --- tables ----------------------------------------------------------------------------------------------------------


def _together(tables: list[Table], registry: str) -> Iterator[Table]:
    """Yield tables, those of files that differ by numbers in their names and have the same columns as one."""
    groups = dict[tuple[str, ...], list[Table]]()
    for number, table in enumerate(tables):
        names = tuple(column.name for column in table.columns)
        pattern = re.sub(r"\d+", "*", str(table.settings["file"]))
        alike = json.dumps(_without_numbers(table.settings) | {"file": None}, default=str)
        groups.setdefault((pattern, alike, *names) if names else (str(number),), []).append(table)
    for (pattern, *_), group in groups.items():
        taken = [column.name.casefold() for column in group[0].columns]
        column = next(each for each in ("file", *(f"file_{at}" for at in range(2, 1000))) if each not in taken)
        settings = {**group[0].settings, "file": pattern, "file_column": column}
        if written := list(
            dict.fromkeys(each for one in group for each in one.settings.get("csv", {}).get("numbers", ()))
        ):
            settings["csv"] = {**settings["csv"], "numbers": written}
        whole = together(group, settings, registry) if len(group) > 1 else None
        if whole is None:
            yield from group
        else:
            yield replace(whole, name=re.sub(r"\d+", "", whole.name).strip(" -_.") or whole.name)


def _without_numbers(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings without the columns of numbers: those of all the files are named together."""
    csv = {key: each for key, each in settings.get("csv", {}).items() if key != "numbers"}
    return {**settings, "csv": csv}


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


def _trouble(table: Table) -> str:
    """Return what is amiss with a file, whose name is said once."""
    file = str(table.settings["file"])
    return table.trouble if file in table.trouble else f"{file}: {table.trouble}"


def _seen(key: str, table: Table) -> Seen:
    if table.trouble:
        return Seen(key, f"cannot be read as it is: {table.trouble}", table.evidence)
    many = f"{counted(table.rows, 'row')} of {counted(len(table.columns), 'column')}"
    about = f"{many} from {table.settings['file']}"
    them = "it" if table.faults == 1 else "they"
    faults = f"{counted(table.faults, 'row')} cannot be taken as {them} came: quarantine will have {them.replace('they', 'them')}"
    columns = (f"{each.name}: {each.type}; {each.evidence}{_person(each)}" for each in table.columns)
    return Seen(key, about, (*table.evidence, *([faults] if table.faults else []), *columns))


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
    if any("file_column" in table.settings for _, table in tables):
        lines.append(
            _comment(
                "file_column: tells of each row which file it is from, and which row of it; nothing need read it.", 0
            )
        )
    if where.get("url", "").startswith("sftp") and "host_key" not in where:
        lines.append(f"host_key: {FILL_IN}\n")
    lines.append("tables:\n")
    for key, table in tables:
        if table.trouble:
            lines.append(_comment(f"cannot be read as it is: {table.trouble}", 2))
            settings = dict(table.settings)
            if "format" not in settings and by_name(str(settings.get("member", settings["file"]))) is None:
                settings["format"] = FILL_IN
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
    return "".join([*lines, *(f"{line}\n" for line in EXPECT)])


def _key(names: list[str], table: Table) -> list[str]:
    """Return the line of the key: the first column of which each row has a value of its own."""
    pairs = list(zip(names, table.columns, strict=True))
    keys = [name for name, column in pairs if column.is_key]
    if keys:
        more = f"; so has: {', '.join(keys[1:4])}" if keys[1:] else ""
        good = table.rows - table.faults
        whole = "each of the" if good > 1 else "the"
        return [
            _comment(f"{whole} {counted(good, 'row')} has a {keys[0]} of its own{more}", 2),
            f"  primaryKey: {keys[0]}\n",
        ]
    said = "no single column has a value of its own in each row: name one or several that together have"
    return [_comment(said, 2), f"  primaryKey: [{FILL_IN}]\n"]
