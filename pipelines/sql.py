"""SQL's texts and names, and what a column's type is in DuckDB. The one place where declared names enter a query."""

DUCKDB = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMPTZ",
    "array": "VARCHAR[]",
}
"""What a column's type is in DuckDB."""

KEPT_NAMES = ("beffroi_", "file_row_number")
"""How the names begin that a run needs for itself: no dataset, column or source may use them."""


def quote(text: str) -> str:
    """Return `text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def is_kept(name: str) -> bool:
    """Tell whether a run needs that name for itself (SQL's names know no case)."""
    return name.casefold().startswith(KEPT_NAMES)
