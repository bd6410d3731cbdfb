"""Steps that make a text of a text: white space, case, accents, parts."""

from typing import Any

from pipelines.sql import quote, unaccented
from pipelines.steps.clean import Cleaning, Reason, Value
from pipelines.steps.step import BLANKS, REFUSED, Argument, Step

CONTROLS = "\t\n\v\f\r"
UNUSUAL = r"[\x{85}\x{A0}\x{1680}\x{2000}-\x{200B}\x{2028}\x{2029}\x{202F}\x{205F}\x{2060}\x{3000}\x{FEFF}]"
"""White space beyond ASCII: a regular expression over every value would cost more than all else that a run does."""


def _trim(cleaning: Cleaning, value: Value, _: Any) -> None:
    text = value.sql
    ends = " OR ".join(f"ends_with({text}, {quote(blank)})" for blank in " " + CONTROLS)
    trimmed = f"nullif(regexp_replace({text}, '^{BLANKS}+|{BLANKS}+$', '', 'g'), '')"
    matters = (
        f"{text} < '!' OR {ends} OR CASE WHEN {_wide(text)} THEN regexp_matches({text}, '^{UNUSUAL}|{UNUSUAL}$') END"
    )
    cleaning.make(value, f"CASE WHEN {matters} THEN {trimmed} ELSE {text} END")


def _squeeze(cleaning: Cleaning, value: Value, _: Any) -> None:
    """Look for what is unusual first: of ordinary blanks, three replacements make one of up to eight.

    Most texts are words with one blank between any two: a single expression knows them.
    """
    text, word = value.sql, r"[^\s\v\pZ\x{0085}\x{200B}\x{2060}\x{FEFF}]+"
    usual = f"regexp_full_match({text}, '{word}( {word})*')"
    odd = " OR ".join(f"contains({text}, {quote(blank)})" for blank in (*CONTROLS, " " * 9))
    odd += f" OR CASE WHEN {_wide(text)} THEN regexp_matches({text}, '{UNUSUAL}') END"
    once = f"trim(replace(replace(replace({text}, '  ', ' '), '  ', ' '), '  ', ' '))"
    ordinary = f"{text} < '!' OR ends_with({text}, ' ') OR contains({text}, '  ')"
    cleaning.make(
        value,
        f"CASE WHEN {usual} THEN {text} WHEN {odd} THEN nullif(trim(regexp_replace({text}, '{BLANKS}+', ' ', 'g')), '')"
        f" WHEN {ordinary} THEN nullif({once}, '') ELSE {text} END",
    )


def _wide(sql: str) -> str:
    """Return SQL that tells whether a text has characters beyond ASCII."""
    return f"strlen({sql}) <> length({sql})"


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
    without = f"nullif({unaccented(value.sql)}, '')"  # of accents alone nothing is left
    cleaning.make(value, f"CASE WHEN {_wide(value.sql)} THEN {without} ELSE {value.sql} END")


def _digits(cleaning: Cleaning, value: Value, _: Any) -> None:
    cleaning.make(value, rf"nullif(regexp_replace({value.sql}, '[^0-9]+', '', 'g'), '')")


def _pad(cleaning: Cleaning, value: Value, width: int) -> None:
    fits = rf"regexp_full_match({value.sql}, '\d{{1,{width}}}')"
    filled = f"CASE WHEN strlen({value.sql}) = {width} THEN {value.sql} ELSE lpad({value.sql}, {width}, '0') END"
    sql = f"CASE WHEN {fits} THEN {filled} END"
    reason = Reason(f"is not a number of at most {width} digits", f"n'est pas un nombre d'au plus {width} chiffres")
    cleaning.convert(value, sql, "pad", reason)


def _empty(cleaning: Cleaning, value: Value, words: list[str]) -> None:
    cleaning.make(value, f"CASE WHEN {value.sql} NOT IN ({', '.join(map(quote, words))}) THEN {value.sql} END")


def _replace(cleaning: Cleaning, value: Value, table: dict[str, str]) -> None:
    sql = value.sql
    for old, new in table.items():
        sql = f"replace({sql}, {quote(old)}, {quote(new)})"
    cleaning.make(value, sql)


def _part(cleaning: Cleaning, value: Value, argument: dict[str, Any]) -> None:
    separator, number = quote(argument["by"]), argument["number"]
    cleaning.make(value, f"nullif(trim(string_split({value.sql}, {separator})[{number}]), '')")


def _prefix(cleaning: Cleaning, value: Value, prefix: str) -> None:
    text = quote(prefix)
    cleaning.make(value, f"CASE WHEN starts_with({value.sql}, {text}) THEN {value.sql} ELSE {text} || {value.sql} END")


def _is_width(given: Any) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= 100


def _are_texts(given: Any) -> bool:
    return isinstance(given, list) and bool(given) and all(isinstance(word, str) for word in given)


def _is_replacement(given: Any) -> bool:
    plain = isinstance(given, dict) and bool(given) and all(isinstance(new, str) for new in given.values())
    return plain and all(isinstance(old, str) and old for old in given)


MOST_PARTS = 1000


def _is_part(given: Any) -> bool:
    if not isinstance(given, dict) or set(given) != {"by", "number"}:
        return False
    by, number = given["by"], given["number"]
    counted = isinstance(number, int) and not isinstance(number, bool) and 1 <= abs(number) <= MOST_PARTS
    return isinstance(by, str) and bool(by) and counted


TEXT = {
    "trim": Step(
        "Takes white space off both ends, no-break spaces too; nothing left is no value.",
        _trim,
        ((None, "  a b \u00a0", "a b"), (None, "   ", None)),
    ),
    "squeeze": Step(
        "Trims, and makes one blank of any white space inside.",
        _squeeze,
        ((None, " a \u00a0  b\n", "a b"), (None, "", None)),
    ),
    "upper": Step("Upper case.", _upper, ((None, "été", "ÉTÉ"),)),
    "lower": Step("Lower case.", _lower, ((None, "ÉTÉ", "été"),)),
    "capitalise": Step(
        "First letter of every word upper, the others lower case.",
        _capitalise,
        ((None, "LES AMIS du PARC", "Les Amis Du Parc"),),
    ),
    "unaccent": Step("Takes accents and ligatures off.", _unaccent, ((None, "Œuvre à Noël", "OEuvre a Noel"),)),
    "digits": Step(
        "Keeps the digits only; none left is no value.", _digits, ((None, "01.22 33", "012233"), (None, "-", None))
    ),
    "pad": Step(
        "Puts back lost leading zeros, up to this many digits.",
        _pad,
        ((5, "1400", "01400"), (5, "01400", "01400"), (5, "123456", REFUSED), (5, "2A004", REFUSED)),
        Argument("a number of digits", _is_width),
    ),
    "empty": Step(
        "These words mean that there is no value.",
        _empty,
        ((["NC", "-"], "NC", None), (["NC", "-"], "x", "x")),
        Argument("a list of texts", _are_texts),
    ),
    "replace": Step(
        "Replaces parts of the text, wherever they stand, one after the other in the order written.",
        _replace,
        (({";": ",", "St ": "Saint "}, "St Leu; St Acheul", "Saint Leu, Saint Acheul"), ({"-": ""}, "12-34", "1234")),
        Argument("the new text for each old one", _is_replacement),
    ),
    "part": Step(
        "Takes one part of a text that is split by another; −1 is the last one. A part that is not there is no value.",
        _part,
        (
            ({"by": ",", "number": 2}, "48.85, 2.35", "2.35"),
            ({"by": " - ", "number": -1}, "Mairie - État civil", "État civil"),
            ({"by": ",", "number": 3}, "48.85, 2.35", None),
        ),
        Argument(f"two values {{by: TEXT, number: NUMBER}}, the number up to {MOST_PARTS}", _is_part),
    ),
    "prefix": Step(
        "Puts a text before those that do not begin with it.",
        _prefix,
        (("80", "021", "80021"), ("80", "80021", "80021")),
        Argument("a text", lambda given: isinstance(given, str) and bool(given)),
    ),
}
