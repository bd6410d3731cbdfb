"""SQL that several modules write: texts and names, what a column's type is in DuckDB, how a text is read.

The one place where declared names and texts enter a query.
"""

DUCKDB = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "TIMESTAMPTZ",
    "array": "VARCHAR[]",
    "geopoint": "VARCHAR",
    "geojson": "VARCHAR",
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


def double(value: float) -> str:
    """Return a finite number as an SQL literal of type DOUBLE: one without an exponent is a DECIMAL, far slower to reckon with."""
    text = repr(float(value))
    return text if "e" in text else f"{text}e0"


def is_kept(name: str) -> bool:
    """Tell whether a run needs that name for itself (SQL's names know no case)."""
    return name.casefold().startswith(KEPT_NAMES)


def unaccented(sql: str) -> str:
    """Return SQL for a text without accents and ligatures (strip_accents alone leaves œ, æ and ß)."""
    for ligature, letters in (("œ", "oe"), ("Œ", "OE"), ("æ", "ae"), ("Æ", "AE"), ("ß", "ss"), ("ẞ", "SS")):
        sql = f"replace({sql}, '{ligature}', '{letters}')"
    return f"strip_accents({sql})"


def as_integer(sql: str) -> str:
    """Return SQL for a text as a whole number (a cast alone would round 1.5 and read 1_0, 0x10 and 1e3).

    Most are written as the engine writes them: to see that costs half of what an expression does.
    """
    number = f"TRY_CAST({sql} AS BIGINT)"
    other = rf"TRY_CAST(regexp_extract({sql}, '^[-+]?\d+$') AS BIGINT)"
    return f"CASE WHEN {is_written(number, sql)} THEN {number} ELSE {other} END"


def is_written(number: str, sql: str) -> str:
    """Return SQL that tells whether a text is just what the engine writes for a whole number."""
    return f"CAST({number} AS VARCHAR) = {sql}"


def as_number(sql: str) -> str:
    """Return SQL for a text as a finite number (a cast alone would read 0x10 and infinity)."""
    text = rf"regexp_extract({sql}, '^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?$')"
    return finite(f"TRY_CAST({text} AS DOUBLE)")


def exact_number(sql: str) -> str:
    """Return SQL for a text that is null where it is a number of more digits than a binary64 keeps."""
    mantissa = f"regexp_replace({sql}, '[eE].*$', '')"
    digits = f"CASE WHEN contains({sql}, '.') THEN rtrim({mantissa}, '0') ELSE {mantissa} END"
    digits = f"ltrim(regexp_replace({digits}, '[^0-9]', '', 'g'), '0')"
    kept = f"coalesce(TRY_CAST({sql} AS HUGEINT) = TRY_CAST(TRY_CAST({sql} AS DOUBLE) AS HUGEINT), false)"
    kept = f"CASE WHEN regexp_full_match({sql}, '[-+]?[0-9]+') THEN {kept} ELSE length({digits}) <= 17 END"
    return f"CASE WHEN strlen({sql}) <= 15 OR {as_number(sql)} IS NULL OR {kept} THEN {sql} END"


def finite(sql: str) -> str:
    """Return SQL for a number, date or moment that is null where it is no number or infinite: JSON has no such value."""
    return f"CASE WHEN isfinite({sql}) THEN {sql} END"
