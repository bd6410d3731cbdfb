"""Steps that read numbers: whole, with a decimal comma, of money, of per cent; and true or false."""

from typing import Any

from pipelines.sql import as_integer, exact_number, finite, quote
from pipelines.steps.clean import Cleaning, Reason, Value
from pipelines.steps.step import BLANKS, REFUSED, Step, convert, one_of

TRUE = ("1", "true", "t", "vrai", "v", "verdadero", "oui", "o", "sí", "si", "s", "yes", "y")
FALSE = ("0", "false", "f", "faux", "falso", "non", "no", "n")

INEXACT = Reason(
    "has more digits than a number keeps: declare type: string, and no step that makes a number",
    "a plus de chiffres qu'un nombre n'en garde : déclarez type: string, et aucune étape qui en fasse un nombre",
)


def _integer(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.convert(
        value, as_integer(value.sql), "integer", Reason("is not a whole number", "n'est pas un nombre entier")
    )


def _decimal(cleaning: Cleaning, value: Value, mark: str | None) -> None:
    reason = Reason("is not a number", "n'est pas un nombre")
    convert(cleaning, value, "decimal", reason, lambda sql: _plain(sql, mark))
    convert(cleaning, value, "decimal", INEXACT, _number, finite)


def _plain(sql: str, mark: str | None) -> str:
    """Return SQL for a number as a cast reads it, null where marks do not stand as they should.

    Without a declared mark, a point and a comma are both the decimal mark, and blanks alone stand between thousands.
    Most numbers are plain already: the longer expressions see the others only.
    """
    point = {"comma": ",", "point": r"\.", None: "[.,]"}[mark]
    usual = rf"[-+]?\d+({point}\d+)?([eE][-+]?\d+)?"
    blanks = rf"({BLANKS}\d{{3}})+"
    between = {"comma": rf"{blanks}|(\.\d{{3}})+", "point": rf"{blanks}|(,\d{{3}})+", None: blanks}[mark]
    form = rf"[-+]?\d{{1,3}}({between})({point}\d+)?"
    thousands = {"comma": rf"{BLANKS}|[.]", "point": f"{BLANKS}|,", None: BLANKS}[mark]
    grouped = f"CASE WHEN regexp_full_match({sql}, '{form}') THEN regexp_replace({sql}, '{thousands}', '', 'g') END"
    return f"replace(CASE WHEN regexp_full_match({sql}, '{usual}') THEN {sql} ELSE {grouped} END, ',', '.')"


def _number(sql: str) -> str:
    """Return SQL for a plain number, which may be infinite, null where it has more digits than a number keeps."""
    return f"TRY_CAST({exact_number(sql)} AS DOUBLE)"


def _money(cleaning: Cleaning, value: Value, mark: str | None) -> None:
    reason = Reason("is not an amount in euros", "n'est pas un montant en euros")
    sign, both = rf"(?i)^(€|eur(os?)?){BLANKS}*|{BLANKS}*(€|eur(os?)?)$", "(?i)^(€|eur).*(€|eur|euros?)$"

    def spelt(sql: str) -> str:
        bare = f"CASE WHEN NOT regexp_matches({sql}, '{both}') THEN regexp_replace({sql}, '{sign}', '') END"
        return f"CASE WHEN regexp_full_match({sql}, '[-0-9.]*') THEN {sql} ELSE {bare} END"

    convert(cleaning, value, "money", reason, spelt, lambda sql: _plain(sql, mark))
    convert(cleaning, value, "money", INEXACT, _number, finite)


def _percent(cleaning: Cleaning, value: Value, kind: str) -> None:
    if kind == "share":
        text = rf"regexp_extract({value.sql}, '^(.*[^ ]) ?{BLANKS}*%$', 1)"
        reason = Reason(
            "is not a percentage with its sign (without it, 0.5 may be a half or half a hundredth)",
            "n'est pas un pourcentage avec son signe (sans lui, 0,5 peut être une moitié ou un demi-centième)",
        )
    else:
        text = f"regexp_replace({value.sql}, '{BLANKS}*%$', '')"
        reason = Reason("is not a percentage", "n'est pas un pourcentage")
    convert(cleaning, value, "percent", reason, lambda _: text, lambda sql: _plain(sql, None))
    hundredth = "" if kind == "points" else " / 100"
    convert(cleaning, value, "percent", INEXACT, _number, lambda sql: f"{finite(sql)}{hundredth}")


def _boolean(cleaning: Cleaning, value: Value, _: Any) -> None:
    text, cases = f"lower({value.sql})", ((TRUE, "true"), (FALSE, "false"))
    whens = " ".join(f"WHEN {text} IN ({', '.join(map(quote, words))}) THEN '{said}'" for words, said in cases)
    reason = Reason(
        "is neither yes nor no (oui, non, true, false, 1, 0)", "n'est ni oui ni non (oui, non, vrai, faux, 1, 0)"
    )
    cleaning.convert(value, f"CASE {whens} END", "boolean", reason)


MARK = one_of("comma", "point", optional=True)

NUMBERS = {
    "integer": Step("Reads a whole number.", _integer, ((None, "-12", "-12"), (None, "1.5", REFUSED)), gives="number"),
    "decimal": Step(
        "Reads a number with a decimal point or comma, and blanks between thousands. With `comma`, points may stand"
        " between thousands as well; with `point`, commas.",
        _decimal,
        (
            (None, "1 234,5", "1234.5"), (None, "48.858", "48.858"), (None, "1.234,5", REFUSED), (None, "12 34", REFUSED),
            (None, "n/a", REFUSED), ("comma", "1.234", "1234"), ("comma", "1.234.567,8", "1234567.8"),
            ("comma", "1.5", REFUSED), ("point", "1,234.5", "1234.5"), ("point", "1,5", REFUSED),
        ),
        MARK, "number",
    ),
    "money": Step(
        "Reads an amount in euros: a number as `decimal` reads it, with the sign before or after it, or none. An amount in"
        " thousands (k€) is refused.",
        _money,
        (
            (None, "1 234,50 €", "1234.5"), (None, "€12", "12"), (None, "12 EUR", "12"), (None, "12 k€", REFUSED),
            (None, "12 $", REFUSED), ("comma", "1.234,50 euros", "1234.5"),
        ),
        MARK, "number",
    ),
    "percent": Step(
        "Reads a percentage: as it is written with `points` (12,5 % is 12.5), as a share of one with `share` (12,5 % is"
        " 0.125), where the sign must stand.",
        _percent,
        (
            ("points", "12,5 %", "12.5"), ("points", "12.5", "12.5"), ("share", "12,5 %", "0.125"),
            ("share", "12,5", REFUSED), ("points", "12 ‰", REFUSED),
        ),
        one_of("points", "share"), "number",
    ),
    "boolean": Step(
        f"Reads yes and no in French, Spanish and English, whatever the case: {', '.join(TRUE)}; {', '.join(FALSE)}.",
        _boolean,
        ((None, "Oui", "true"), (None, "N", "false"), (None, "sí", "true"), (None, "0", "false"), (None, "?", REFUSED)),
    ),
}  # fmt: skip
