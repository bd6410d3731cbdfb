"""The cleaning steps: a small closed vocabulary, each a set operation over the whole column.

A step is SQL, or a kept library over the column's distinct values. A value that a step cannot make sense of is
refused, never guessed: its row goes to quarantine with column, step and reason. Nothing here runs per row in Python.
Every step carries examples, which are its tests and its documentation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret

BLANKS = r"[\s\x{00A0}\x{202F}\x{200B}\x{FEFF}]"
"""White space as it is found in tables: ordinary, no-break, narrow no-break, zero-width, byte-order mark."""

MONTHS = (
    "janvier", "fevrier", "mars", "avril", "mai", "juin",
    "juillet", "aout", "septembre", "octobre", "novembre", "decembre",
)  # fmt: skip

REFUSED = object()
"""In a step's examples: this value is refused."""


@dataclass(frozen=True)
class Failure:
    """A condition (SQL, true where a value is refused), and what is told of it."""

    condition: str
    rule: str
    reason: str


@dataclass
class Value:
    """A column on its way through its steps: its SQL, what it refuses on the way, and the joins it needs."""

    sql: str
    failures: list[Failure] = field(default_factory=list)
    joins: list[str] = field(default_factory=list)

    def convert(self, sql: str, rule: str, reason: str) -> None:
        """Go on with `sql`; a value that was there and is null afterwards is refused."""
        self.failures.append(Failure(f"({self.sql}) IS NOT NULL AND ({sql}) IS NULL", rule, reason))
        self.sql = sql


@dataclass(frozen=True)
class Context:
    """What steps may need: the connection, the table they clean, columns already cleaned, other datasets' files."""

    connection: duckdb.DuckDBPyConnection
    table: str
    cleaned: Mapping[str, Value]
    parquet_of: Callable[[str], str]


@dataclass(frozen=True)
class Step:
    """One word of the vocabulary. `argument` is what the declaration must give it (None: nothing)."""

    about: str
    apply: Callable[[Value, Any, Context], None]
    argument: type | None
    examples: tuple[tuple[Any, Any, Any], ...]  # (argument, value in, value out or REFUSED)


def _trim(value: Value, _: Any, __: Context) -> None:
    value.sql = f"nullif(regexp_replace({value.sql}, '^{BLANKS}+|{BLANKS}+$', '', 'g'), '')"


def _squeeze(value: Value, _: Any, __: Context) -> None:
    value.sql = f"nullif(trim(regexp_replace({value.sql}, '{BLANKS}+', ' ', 'g')), '')"


def _upper(value: Value, _: Any, __: Context) -> None:
    value.sql = f"upper({value.sql})"


def _lower(value: Value, _: Any, __: Context) -> None:
    value.sql = f"lower({value.sql})"


def _capitalise(value: Value, _: Any, __: Context) -> None:
    words = f"string_split(lower({value.sql}), ' ')"
    value.sql = f"array_to_string(list_transform({words}, lambda w: upper(w[1]) || w[2:]), ' ')"


def _unaccent(value: Value, _: Any, __: Context) -> None:
    value.sql = unaccented(value.sql)


def unaccented(sql: str) -> str:
    """Return SQL for a text without accents and ligatures (strip_accents alone leaves œ, æ and ß)."""
    for ligature, letters in (("œ", "oe"), ("Œ", "OE"), ("æ", "ae"), ("Æ", "AE"), ("ß", "ss")):
        sql = f"replace({sql}, '{ligature}', '{letters}')"
    return f"strip_accents({sql})"


def _digits(value: Value, _: Any, __: Context) -> None:
    value.sql = rf"nullif(regexp_replace({value.sql}, '[^0-9]', '', 'g'), '')"


def _pad(value: Value, width: int, _: Context) -> None:
    fits = rf"regexp_full_match({value.sql}, '\d{{1,{width}}}')"
    sql = f"CASE WHEN {fits} THEN lpad({value.sql}, {width}, '0') END"
    value.convert(sql, "pad", f"is not a number of at most {width} digits")


def _empty(value: Value, words: list[str], _: Context) -> None:
    value.sql = f"CASE WHEN {value.sql} NOT IN ({', '.join(map(quote, words))}) THEN {value.sql} END"


def _map(value: Value, table: dict[str, Any], _: Context) -> None:
    cases = " ".join(f"WHEN {quote(old)} THEN {quote(_text(new))}" for old, new in table.items())
    value.convert(f"CASE {value.sql} {cases} END", "map", f"is none of {', '.join(table)}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date(value: Value, _: Any, __: Context) -> None:
    text = unaccented(f"lower({value.sql})")
    for number, month in enumerate(MONTHS, 1):
        text = f"regexp_replace({text}, '^(1er|[0-9]{{1,2}}) {month} ', '\\1/{number:02d}/')"
    text = f"replace({text}, '1er/', '1/')"
    whole = rf"regexp_full_match({text}, '\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}/\d{{1,2}}/\d{{4}}')"
    parsed = f"CAST(try_strptime(CASE WHEN {whole} THEN {text} END, ['%Y-%m-%d', '%d/%m/%Y']) AS DATE)"
    value.convert(parsed, "date", "is not a date (1998-03-01, 01/03/1998, 1er mars 1998), or not one of the calendar")


def _integer(value: Value, _: Any, __: Context) -> None:
    whole = rf"regexp_full_match({value.sql}, '[-+]?\d+')"
    value.convert(f"CASE WHEN {whole} THEN TRY_CAST({value.sql} AS BIGINT) END", "integer", "is not a whole number")


def _decimal(value: Value, _: Any, __: Context) -> None:
    plain = rf"replace(regexp_replace({value.sql}, '{BLANKS}', '', 'g'), ',', '.')"
    whole = rf"regexp_full_match({plain}, '[-+]?\d+(\.\d+)?')"
    value.convert(f"CASE WHEN {whole} THEN TRY_CAST({plain} AS DOUBLE) END", "decimal", "is not a number")


def _rna(value: Value, _: Any, __: Context) -> None:
    number = rf"regexp_extract(upper(regexp_replace({value.sql}, '{BLANKS}', '', 'g')), '^W[0-9A-Z]\d{{8}}$')"
    value.convert(f"nullif({number}, '')", "rna", "is not a number of the Répertoire national des associations")


def _siren(value: Value, _: Any, context: Context) -> None:
    _by_library(value, context, "siren", stdnum_siren.validate, "is not a SIREN: nine digits, the last a check digit")


def _siret(value: Value, _: Any, context: Context) -> None:
    _by_library(
        value, context, "siret", stdnum_siret.validate, "is not a SIRET: fourteen digits, the last a check digit"
    )


def _by_library(value: Value, context: Context, rule: str, validate: Callable[[str], str], reason: str) -> None:
    """Have a library look at the distinct values, and join its findings back."""
    select = f"SELECT DISTINCT {value.sql} FROM {context.table} {' '.join(value.joins)} WHERE ({value.sql}) IS NOT NULL"
    seen = [row[0] for row in context.connection.execute(select).fetchall()]
    name = f"checked_{rule}_{len(value.joins)}_{abs(hash(value.sql)) % 10**8}"
    found = pa.table(
        {"seen": pa.array(seen, pa.string()), "good": pa.array([_valid(validate, v) for v in seen], pa.string())}
    )
    context.connection.register(name, found)
    value.joins.append(f"LEFT JOIN {name} ON {name}.seen = {value.sql}")
    value.convert(f"{name}.good", rule, reason)


def _valid(validate: Callable[[str], str], value: str) -> str | None:
    try:
        return validate(value)
    except StdnumError:
        return None


def _find_commune(value: Value, argument: dict[str, str], context: Context) -> None:
    """Join the town's name and postal code to the communes; two communes that fit equally are none."""
    postal = context.cleaned[argument["postal_code"]]
    towns = f"""(SELECT postal, town, min(code) AS code FROM (
        SELECT code, unnest(postal_codes) AS postal, {_town("name")} AS town
        FROM read_parquet({quote(context.parquet_of(argument["among"]))})) GROUP BY ALL HAVING count(*) = 1)"""
    name = f"commune_{len(value.joins)}"
    value.joins += [join for join in postal.joins if join not in value.joins]
    value.joins.append(f"LEFT JOIN {towns} {name} ON {name}.town = {_town(value.sql)} AND {name}.postal = {postal.sql}")
    value.convert(f"{name}.code", "find_commune", "is no commune with that postal code, or there are two of that name")


def _follow(value: Value, dataset: str, context: Context) -> None:
    """Join the code to the parts of communes; a code that is none of them stays as it is."""
    name = f"part_{len(value.joins)}"
    parquet = quote(context.parquet_of(dataset))
    value.joins.append(
        f"LEFT JOIN (SELECT code, commune_code FROM read_parquet({parquet})) {name} ON {name}.code = {value.sql}"
    )
    value.sql = f"coalesce({name}.commune_code, {value.sql})"


def _town(sql: str) -> str:
    """Return SQL for a town's name as it can be compared: no accents, case, hyphens, article marks or CEDEX."""
    plain = f"regexp_replace(upper({unaccented(sql)}), '[^A-Z0-9]+', ' ', 'g')"
    plain = f"regexp_replace({plain}, ' CEDEX( [0-9]+)?$', '')"
    plain = f"regexp_replace(' ' || trim({plain}) || ' ', ' ST ', ' SAINT ', 'g')"
    plain = f"regexp_replace({plain}, ' STE ', ' SAINTE ', 'g')"
    return f"trim({plain})"


STEPS: Mapping[str, Step] = {
    "trim": Step(
        "Takes white space off both ends, no-break spaces too; nothing left is no value.",
        _trim, None, ((None, "  a b \u00a0", "a b"), (None, "   ", None)),
    ),
    "squeeze": Step(
        "Trims, and makes one blank of any white space inside.",
        _squeeze, None, ((None, " a \u00a0  b\n", "a b"), (None, "", None)),
    ),
    "upper": Step("Upper case.", _upper, None, ((None, "été", "ÉTÉ"),)),
    "lower": Step("Lower case.", _lower, None, ((None, "ÉTÉ", "été"),)),
    "capitalise": Step(
        "First letter of every word upper, the others lower case.",
        _capitalise, None, ((None, "LES AMIS du PARC", "Les Amis Du Parc"),),
    ),
    "unaccent": Step("Takes accents and ligatures off.", _unaccent, None, ((None, "Œuvre à Noël", "OEuvre a Noel"),)),
    "digits": Step(
        "Keeps the digits only; none left is no value.", _digits, None, ((None, "01.22 33", "012233"), (None, "-", None))
    ),
    "pad": Step(
        "Puts back lost leading zeros, up to this many digits.",
        _pad, int, ((5, "1400", "01400"), (5, "01400", "01400"), (5, "123456", REFUSED), (5, "2A004", REFUSED)),
    ),
    "empty": Step(
        "These words mean that there is no value.", _empty, list, ((["NC", "-"], "NC", None), (["NC", "-"], "x", "x"))
    ),
    "map": Step(
        "Replaces each value as the table says; a value that is not in it is refused.",
        _map, dict, (({"O": True, "N": False}, "O", "true"), ({"O": True}, "peut-être", REFUSED)),
    ),
    "date": Step(
        "Reads 1998-03-01, 01/03/1998 (day first) and 1er mars 1998; years of two digits are refused as ambiguous.",
        _date, None,
        (
            (None, "1998-03-01", "1998-03-01"), (None, "01/03/1998", "1998-03-01"), (None, "1er mars 1998", "1998-03-01"),
            (None, "12 Août 2001", "2001-08-12"), (None, "31/02/2001", REFUSED), (None, "01/03/98", REFUSED),
            (None, "0000-00-00", REFUSED),
        ),
    ),
    "integer": Step("Reads a whole number.", _integer, None, ((None, "-12", "-12"), (None, "1.5", REFUSED))),
    "decimal": Step(
        "Reads a number with a decimal point or comma, and blanks between thousands.",
        _decimal, None, ((None, "1 234,5", "1234.5"), (None, "n/a", REFUSED)),
    ),
    "rna": Step(
        "Checks a number of the Répertoire national des associations: W and nine characters, eight of them digits.",
        _rna, None, ((None, " w801 000 123", "W801000123"), (None, "W80100012", REFUSED)),
    ),
    "siren": Step(
        "Checks a SIREN with its check digit (python-stdnum).",
        _siren, None, ((None, "552 100 554", "552100554"), (None, "552100555", REFUSED)),
    ),
    "siret": Step(
        "Checks a SIRET with its check digits (python-stdnum).",
        _siret, None, ((None, "552 100 554 00013", "55210055400013"), (None, "55210055400014", REFUSED)),
    ),
    "follow": Step(
        "Replaces the INSEE code of a commune that became part of another by the commune of today, as the named dataset"
        " (columns code and commune_code) tells; any other code stays.",
        _follow, str, (),
    ),
    "find_commune": Step(
        "Finds the INSEE code from a town's name and a cleaned column with its postal code, among a dataset that mirrors"
        " Commune: {postal_code: COLUMN, among: DATASET}.",
        _find_commune, dict, (),
    ),
}  # fmt: skip


def quote(text: str) -> str:
    """Return `text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def check_step(step: str | dict[str, Any]) -> None:
    """Raise ValueError if a declared step is not of the vocabulary, or its argument is not what it takes."""
    name, argument = parts(step)
    known = STEPS.get(name)
    if known is None:
        raise ValueError(f"there is no cleaning step «{name}»; allowed: {', '.join(STEPS)}")
    if known.argument is None and argument is not None:
        raise ValueError(f"the step {name} takes no argument")
    if known.argument is not None and not isinstance(argument, known.argument):
        wanted = {int: "a number", str: "a name", list: "a list", dict: "keys and values"}[known.argument]
        raise ValueError(f"the step {name} takes {wanted}: `- {name}: …`")
    if name == "find_commune" and set(argument or {}) != {"postal_code", "among"}:
        raise ValueError("the step find_commune takes the two keys postal_code: COLUMN and among: DATASET")


def parts(step: str | dict[str, Any]) -> tuple[str, Any]:
    """Return a declared step's name and argument."""
    if isinstance(step, str):
        return step, None
    if len(step) != 1:
        raise ValueError("a cleaning step is one name, or one name with its argument")
    return next(iter(step.items()))


def dataset_of(step: str | dict[str, Any]) -> str | None:
    """Return the dataset that a step reads, if it reads one."""
    name, argument = parts(step)
    if name == "follow":
        return str(argument)
    return str(argument["among"]) if name == "find_commune" else None


def apply_steps(value: Value, steps: list[str | dict[str, Any]], context: Context) -> Value:
    """Take a column through its declared steps; returns the same Value, now with their SQL."""
    for step in steps:
        name, argument = parts(step)
        STEPS[name].apply(value, argument, context)
    return value
