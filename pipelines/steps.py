"""The cleaning steps: a small closed vocabulary, each a set operation over the whole column.

A step is SQL, or a kept library over the column's distinct values. Every step carries examples, which are its tests
and its documentation.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.fr import siren as stdnum_siren
from stdnum.fr import siret as stdnum_siret

from pipelines.clean import Cleaning, Value
from pipelines.sql import as_integer, as_number, quote, unaccented

BLANKS = r"[\s\v\pZ\x{0085}\x{200B}\x{2060}\x{FEFF}]"
"""White space as it is found in tables: ordinary, no-break, of any width or none, line ends, byte-order mark."""

MONTHS = (
    "janvier", "fevrier", "mars", "avril", "mai", "juin",
    "juillet", "aout", "septembre", "octobre", "novembre", "decembre",
)  # fmt: skip

REFUSED = object()
"""In a step's examples: this value is refused."""


@dataclass(frozen=True)
class Step:
    """One word of the vocabulary. `argument` says what a declaration must give it (None: nothing)."""

    about: str
    apply: Callable[[Cleaning, Value, Any], None]
    argument: str | None
    examples: tuple[tuple[Any, Any, Any], ...]  # (argument, value in, value out or REFUSED)
    gives: str | None = None  # what it makes of the text, where that is no text: no step can follow it


def _trim(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.make(value, f"nullif(regexp_replace({value.sql}, '^{BLANKS}+|{BLANKS}+$', '', 'g'), '')")


def _squeeze(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.make(value, f"nullif(trim(regexp_replace({value.sql}, '{BLANKS}+', ' ', 'g')), '')")


def _upper(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.make(value, f"upper({value.sql})")


def _lower(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.make(value, f"lower({value.sql})")


def _capitalise(cleaning: Cleaning, value: Value, _: Any) -> None:
    words = f"string_split(lower({value.sql}), ' ')"
    cleaning.make(
        value, f"array_to_string(list_transform({words}, lambda beffroi_w: upper(beffroi_w[1]) || beffroi_w[2:]), ' ')"
    )


def _unaccent(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.make(value, unaccented(value.sql))


def _digits(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.make(value, rf"nullif(regexp_replace({value.sql}, '[^0-9]', '', 'g'), '')")


def _pad(cleaning: Cleaning, value: Value, width: int) -> None:
    fits = rf"regexp_full_match({value.sql}, '\d{{1,{width}}}')"
    sql = f"CASE WHEN {fits} THEN lpad({value.sql}, {width}, '0') END"
    cleaning.convert(value, sql, "pad", f"is not a number of at most {width} digits")


def _empty(cleaning: Cleaning, value: Value, words: list[str]) -> None:
    cleaning.make(value, f"CASE WHEN {value.sql} NOT IN ({', '.join(map(quote, words))}) THEN {value.sql} END")


def _map(cleaning: Cleaning, value: Value, table: dict[str, Any]) -> None:
    cases = " ".join(f"WHEN {quote(old)} THEN {quote(_text(new))}" for old, new in table.items())
    cleaning.convert(value, f"CASE {value.sql} {cases} END", "map", f"is none of {', '.join(table)}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date(cleaning: Cleaning, value: Value, _: Any) -> None:
    text = unaccented(f"lower({value.sql})")
    for number, month in enumerate(MONTHS, 1):
        text = f"regexp_replace({text}, '^(1er|[0-9]{{1,2}}) {month} ', '\\1/{number:02d}/')"
    text = f"regexp_replace({text}, '^1er/', '1/')"
    form = r"[1-9]\d{3}-\d{2}-\d{2}|\d{1,2}/\d{1,2}/[1-9]\d{3}"
    text = f"regexp_extract({text}, '^({form})$')"
    parsed = f"CAST(try_strptime({text}, ['%Y-%m-%d', '%d/%m/%Y']) AS DATE)"
    reason = "is not a date (1998-03-01, 01/03/1998, 1er mars 1998), or not one of the calendar"
    cleaning.convert(value, parsed, "date", reason)


def _integer(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.convert(value, as_integer(value.sql), "integer", "is not a whole number")


def _decimal(cleaning: Cleaning, value: Value, _: Any) -> None:
    plain = f"replace(regexp_replace({value.sql}, '{BLANKS}', '', 'g'), ',', '.')"
    cleaning.convert(value, as_number(plain), "decimal", "is not a number")


def _rna(cleaning: Cleaning, value: Value, _: Any) -> None:
    number = rf"regexp_extract(upper(regexp_replace({value.sql}, '{BLANKS}', '', 'g')), '^W[0-9A-Z]\d{{8}}$')"
    reason = "is not a number of the Répertoire national des associations"
    cleaning.convert(value, f"nullif({number}, '')", "rna", reason)


def _siren(cleaning: Cleaning, value: Value, _: Any) -> None:
    reason = "is not a SIREN: nine digits, the last a check digit"
    _by_library(cleaning, value, "siren", stdnum_siren.validate, reason)


def _siret(cleaning: Cleaning, value: Value, _: Any) -> None:
    reason = "is not a SIRET: fourteen digits, the last a check digit"
    _by_library(cleaning, value, "siret", stdnum_siret.validate, reason)


def _by_library(cleaning: Cleaning, value: Value, rule: str, validate: Callable[[str], str], reason: str) -> None:
    """Have a library look at the distinct values, and join its findings back."""
    select = f"SELECT DISTINCT {value.sql} FROM {cleaning.relation(value.depth)} WHERE {value.sql} IS NOT NULL"
    seen = [row[0] for row in cleaning.connection.execute(select).fetchall()]
    good = pa.array([_valid(validate, text) for text in seen], pa.string())
    name = cleaning.name("checked")
    cleaning.connection.register(name, pa.table({"seen": pa.array(seen, pa.string()), "good": good}))
    cleaning.convert(value, f"{name}.good", rule, reason, f"LEFT JOIN {name} ON {name}.seen = {value.sql}")


def _valid(validate: Callable[[str], str], value: str) -> str | None:
    try:
        return validate(value)
    except StdnumError:
        return None


def _find_commune(cleaning: Cleaning, value: Value, argument: dict[str, str]) -> None:
    """Join the town's name and postal code to the communes; two communes that fit equally are none."""
    postal = cleaning.done[argument["postal_code"]]
    value.depth = max(value.depth, postal.depth)
    name = cleaning.name("commune")
    join = f"""LEFT JOIN (SELECT postal, town, min(code) AS code FROM (
        SELECT code, unnest(postal_codes) AS postal, {_town("name")} AS town
        FROM read_parquet({quote(cleaning.parquet_of(argument["among"]))})) GROUP BY ALL HAVING count(*) = 1) {name}
        ON {name}.town = {_town(value.sql)} AND {name}.postal = {postal.sql}"""
    reason = "is no commune with that postal code, or there are two of that name"
    cleaning.convert(value, f"{name}.code", "find_commune", reason, join)


def _follow(cleaning: Cleaning, value: Value, dataset: str) -> None:
    """Join the code to the parts of communes; a code that is none of them stays as it is."""
    name, parquet = cleaning.name("part"), quote(cleaning.parquet_of(dataset))
    parts = f"(SELECT code, min(commune_code) AS commune_code FROM read_parquet({parquet}) GROUP BY code)"
    join = f"LEFT JOIN {parts} {name} ON {name}.code = {value.sql}"
    cleaning.make(value, f"coalesce({name}.commune_code, {value.sql})", join)


def _town(sql: str) -> str:
    """Return SQL for a town's name as it can be compared: no accents, case, hyphens, article marks or CEDEX."""
    plain = f"regexp_replace(upper({unaccented(sql)}), '[^A-Z0-9]+', ' ', 'g')"
    plain = f"regexp_replace(trim({plain}), ' CEDEX( [0-9]+)?$', '')"
    plain = f"regexp_replace(' ' || {plain} || ' ', ' ST ', ' SAINT ', 'g')"
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
        _pad, "a number of digits", ((5, "1400", "01400"), (5, "01400", "01400"), (5, "123456", REFUSED), (5, "2A004", REFUSED)),
    ),
    "empty": Step(
        "These words mean that there is no value.", _empty, "a list of texts", ((["NC", "-"], "NC", None), (["NC", "-"], "x", "x"))
    ),
    "map": Step(
        "Replaces each value as the table says; a value that is not in it is refused.",
        _map, "the new value for each old one", (({"O": True, "N": False}, "O", "true"), ({"O": True}, "peut-être", REFUSED)),
    ),
    "date": Step(
        "Reads 1998-03-01, 01/03/1998 (day first) and 1er mars 1998; years of two digits are refused as ambiguous.",
        _date, None,
        (
            (None, "1998-03-01", "1998-03-01"), (None, "01/03/1998", "1998-03-01"), (None, "1er mars 1998", "1998-03-01"),
            (None, "12 Août 2001", "2001-08-12"), (None, "31/02/2001", REFUSED), (None, "01/03/98", REFUSED),
            (None, "0000-00-00", REFUSED), (None, "0000-01-01", REFUSED),
        ),
        "date",
    ),
    "integer": Step("Reads a whole number.", _integer, None, ((None, "-12", "-12"), (None, "1.5", REFUSED)), "number"),
    "decimal": Step(
        "Reads a number with a decimal point or comma, and blanks between thousands.",
        _decimal, None, ((None, "1 234,5", "1234.5"), (None, "n/a", REFUSED)), "number",
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
        _follow, "the name of a dataset", (),
    ),
    "find_commune": Step(
        "Finds the INSEE code from a town's name and a cleaned column above it with its postal code, among a dataset"
        " that mirrors Commune: {postal_code: COLUMN, among: DATASET}.",
        _find_commune, "two names {postal_code: COLUMN, among: DATASET}", (),
    ),
}  # fmt: skip


def check_steps(steps: list[str | dict[str, Any]]) -> Iterator[tuple[int, str]]:
    """Yield the position of every declared step that is not of the vocabulary, or misused, and what is wrong."""
    for position, step in enumerate(steps):
        if isinstance(step, dict) and len(step) != 1:
            yield position, "a cleaning step is one name, or one name with its argument"
            continue
        name, argument = parts(step)
        known = STEPS.get(name)
        if known is None:
            yield position, f"there is no cleaning step «{name}»; allowed: {', '.join(STEPS)}"
        elif not _fits(known.argument, argument):
            taken = f"takes {known.argument}: `- {name}: …`" if known.argument else "takes no argument"
            yield position, f"the step {name} {taken}"
        elif known.gives and position < len(steps) - 1:
            yield position, f"the step {name} makes a {known.gives} of the text: it must be the last one"


def _fits(wanted: str | None, argument: Any) -> bool:
    """Tell whether a declared argument is of the kind that a step takes."""
    match wanted:
        case None:
            return argument is None
        case "a number of digits":
            return isinstance(argument, int) and not isinstance(argument, bool) and 1 <= argument <= 100
        case "a list of texts":
            return isinstance(argument, list) and bool(argument) and all(isinstance(word, str) for word in argument)
        case "the new value for each old one":
            plain = isinstance(argument, dict) and bool(argument)
            return plain and all(isinstance(new, str | int | float | bool) for new in argument.values())
        case "the name of a dataset":
            return isinstance(argument, str)
        case _:
            two = isinstance(argument, dict) and set(argument) == {"postal_code", "among"}
            return two and all(isinstance(name, str) for name in argument.values())


def parts(step: str | dict[str, Any]) -> tuple[str, Any]:
    """Return a declared step's name and argument."""
    return (step, None) if isinstance(step, str) else next(iter(step.items()))


def dataset_of(step: str | dict[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """Return the dataset that a step reads, and which of its columns, if it reads one."""
    name, argument = parts(step)
    if name == "follow":
        return str(argument), ("code", "commune_code")
    return (str(argument["among"]), ("code", "name", "postal_codes")) if name == "find_commune" else None


def apply_steps(cleaning: Cleaning, value: Value, steps: list[str | dict[str, Any]]) -> None:
    """Take a column through its declared steps."""
    for step in steps:
        name, argument = parts(step)
        STEPS[name].apply(cleaning, value, argument)
