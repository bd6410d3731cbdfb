"""The parameters of questions for rows and for versions, read from a query or a body."""

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.errors import InvalidRequest
from gateway.datasets.rows import decode_cursor

LIMIT = 20
MAX_LIMIT = 1000
FORMATS = ("json", "csv")


@dataclass(frozen=True)
class Asked:
    """The parameters of a question for rows; `filters` are not yet checked against the columns."""

    columns: list[str] | None
    limit: int
    cursor: tuple[int, int] | None
    version: int | None
    format: str | None
    filters: list[tuple[str, str]]


def read_parameters(parameters: Iterable[tuple[str, str]]) -> Asked:
    """Read the parameters of a question for rows. Raises InvalidRequest."""
    reserved: dict[str, str] = {}
    filters = []
    for name, text in parameters:
        if name in ("columns", "limit", "cursor", "version", "format", "purpose"):
            reserved[name] = text
        else:
            filters.append((name, text))
    limit = read_limit(reserved.get("limit"))
    if reserved.get("format", "json") not in FORMATS:
        raise InvalidRequest(f"there is no such format; allowed: {', '.join(FORMATS)}")
    cursor = decode_cursor(reserved["cursor"]) if "cursor" in reserved else None
    version = read_number("version", reserved["version"]) if "version" in reserved else None
    if cursor is not None and version not in (None, cursor[0]):
        raise InvalidRequest("that cursor reads another version: start again without it")
    columns = reserved["columns"].split(",") if "columns" in reserved else None
    return Asked(columns, limit, cursor, version, reserved.get("format"), filters)


def read_limit(text: str | None) -> int:
    """Read how many rows a page has. Raises InvalidRequest."""
    limit = str(LIMIT) if text is None else text
    if not (limit.isascii() and limit.isdecimal() and len(limit) < 6 and 1 <= int(limit) <= MAX_LIMIT):
        raise InvalidRequest(f"limit is a whole number from 1 to {MAX_LIMIT}; {LIMIT} if it is not said")
    return int(limit)


def read_number(name: str, text: str) -> int:
    """Read the number of a version. Raises InvalidRequest."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise InvalidRequest(f"{name} is the number of a version: 1, 2, 3…; without it the latest is read")
    return int(text)
