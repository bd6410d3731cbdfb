"""Steps that check identifiers with their check digits: companies, associations, persons, VAT.

Where nearly every value is another one (SIREN, SIRET, NIR), the check is integer arithmetic over the column, and a test
holds that it agrees with python-stdnum on any text, but for a SIREN of zeros, of which the check digit is right: accounts
have it for what nobody knows. Elsewhere python-stdnum looks at the distinct values.
"""

from collections.abc import Callable
from typing import Any

from stdnum import lei as stdnum_lei
from stdnum.es import nif as stdnum_nif
from stdnum.eu import vat as stdnum_vat

from pipelines.sql import is_written
from pipelines.steps.clean import Cleaning, Reason, Value
from pipelines.steps.step import BLANKS, REFUSED, Step, by_library, convert

LOOKALIKES = {
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    ".": "\u00b7\u02d9\u0387\u06d4\u0701\u0702\u0830\u0f0b\u0f0c\u16eb\u2022\u2024\u2027\u2219\u22c5\u2e31\u2e33\u3002"
    "\u30fb\ufbb2\ufbb3\ufe52\uff0e\uff65\U00010101\U0001091f\U00010a50",
    **{str(n): "".join(map(chr, (0xFF10 + n, *range(0x1D7CE + n, 0x1D800, 10)))) for n in range(10)},
}
"""What python-stdnum takes for a blank, a point or a digit."""

STRIPPED = r"[\t-\r\x1c-\x20\x85\xa0\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"
"""White space as Python strips it."""


def _compact(sql: str) -> str:
    """Return SQL for a number without blanks and points, as python-stdnum compacts it; most have neither."""
    narrow = "".join(plain * len(wide) for plain, wide in LOOKALIKES.items())
    plain = f"translate({sql}, '{''.join(LOOKALIKES.values())}', '{narrow}')"
    text = rf"regexp_replace(regexp_replace({plain}, '[ .]+', '', 'g'), '^{STRIPPED}+|{STRIPPED}+$', '', 'g')"
    return f"CASE WHEN regexp_full_match({sql}, '[0-9]*') THEN {sql} ELSE {text} END"


def _luhn(number: str, digits: int) -> str:
    """Return SQL for what the sum of Luhn over an integer leaves when divided by ten.

    From the right every second digit counts double, less 9 where it is over 4. Of a digit d at the place p only what it
    leaves by ten counts, and there `n // 10^p` is d, and `n // (5 * 10^p) - n // 10^(p + 1) * 2` is 1 where d is over 4:
    half the divisions that taking out each digit costs.
    """
    terms = (
        f"2 * ({number} // {power}) + {number} // {5 * power} - {number} // {10 * power}"
        for power in (10**place for place in range(1, digits, 2))
    )
    return f"({' + '.join([number, *terms])}) % 10"


def _sum(number: str, digits: int) -> str:
    return f"({' + '.join(f'{number} // {10**place} % 10' for place in range(digits))})"


def _digits(sql: str, digits: int) -> str:
    """Return SQL for a text of so many digits, null where it is none; most have nothing to be compacted."""
    compact = f"nullif(regexp_extract({_compact(sql)}, '^[0-9]{{{digits}}}$'), '')"
    usual = f"strlen({sql}) = {digits} AND {is_written(f'TRY_CAST({sql} AS UBIGINT)', sql)}"
    return f"CASE WHEN {usual} THEN {sql} ELSE {compact} END"


def _siren(cleaning: Cleaning, value: Value, _: Any) -> None:
    reason = Reason(
        "is not a SIREN: nine digits, the last a check digit",
        "n'est pas un SIREN : neuf chiffres, le dernier étant une clé de contrôle",
    )

    def checked(sql: str) -> str:
        return f"CASE WHEN {_luhn(f'CAST({sql} AS BIGINT)', 9)} = 0 AND {sql} <> '000000000' THEN {sql} END"

    convert(cleaning, value, "siren", reason, lambda sql: _digits(sql, 9), checked)


def _siret(cleaning: Cleaning, value: Value, _: Any) -> None:
    reason = Reason(
        "is not a SIRET: fourteen digits, the last a check digit",
        "n'est pas un SIRET : quatorze chiffres, le dernier étant une clé de contrôle",
    )

    def checked(sql: str) -> str:
        number = f"CAST({sql} AS BIGINT)"
        post = f"{number} // 100000 = 356000000 AND {number} <> 35600000000048"  # La Poste's offices but for its seat
        whole = f"CASE WHEN {post} THEN {_sum(number, 14)} % 5 = 0 ELSE {_luhn(number, 14)} = 0 END"
        return f"CASE WHEN {_luhn(f'({number} // 100000)', 9)} = 0 AND {number} > 99999 AND {whole} THEN {sql} END"

    convert(cleaning, value, "siret", reason, lambda sql: _digits(sql, 14), checked)


def _nir(cleaning: Cleaning, value: Value, _: Any) -> None:
    reason = Reason(
        "is not a NIR: thirteen characters and a key of two digits",
        "n'est pas un NIR : treize caractères et une clé de deux chiffres",
    )

    def parted(sql: str) -> str:
        corse = f"replace(replace(upper({sql}), '2A', '19'), '2B', '18')"
        fits = f"regexp_full_match({sql}, '[0-9]{{5}}([0-9]{{2}}|2[AaBb])[0-9]{{8}}')"
        return f"CASE WHEN {fits} THEN {{'text': upper({sql}), 'number': CAST({corse} AS BIGINT)}} END"

    def checked(sql: str) -> str:
        return f"CASE WHEN 97 - {sql}.number // 100 % 97 = {sql}.number % 100 THEN {sql}.text END"

    convert(cleaning, value, "nir", reason, _compact, parted, checked)


def _rna(cleaning: Cleaning, value: Value, _: Any) -> None:
    text = (
        f"CASE WHEN strlen({value.sql}) = 10 THEN {value.sql} ELSE regexp_replace({value.sql}, '{BLANKS}', '', 'g') END"
    )
    reason = Reason(
        "is not a number of the Répertoire national des associations",
        "n'est pas un numéro du Répertoire national des associations",
    )
    cleaning.convert(value, rf"nullif(regexp_extract(upper({text}), '^W[0-9A-Z]\d{{8}}$'), '')", "rna", reason)


def _nif(cleaning: Cleaning, value: Value, _: Any) -> None:
    """Check numbers of persons by SQL, eight digits or X, Y, Z and seven, modulo 23; the library has the others."""

    def valid(text: str) -> str | None:
        try:
            return stdnum_nif.validate(text)
        except ValueError:
            return None

    digits = f"CAST(translate({value.sql}[:8], 'XYZ', '012') AS INTEGER) % 23 + 1"
    fits = f"regexp_full_match({value.sql}, '[0-9XYZ][0-9]{{7}}[A-Z]')"
    letter = f"'TRWAGMYFPDXBNJZSQVHLCKE'[{digits}] = {value.sql}[9]"
    known = f"CASE WHEN {fits} THEN CASE WHEN {letter} THEN {value.sql} END END"
    reason = Reason(
        "is not a NIF: its check letter or digit does not fit", "n'est pas un NIF : sa clé de contrôle ne convient pas"
    )
    by_library(cleaning, value, "nif", reason, known, valid)


def _library(rule: str, validate: Callable[[str], str], english: str, french: str) -> Callable[..., None]:
    """Return how a step has python-stdnum look at the distinct values."""

    def valid(text: str) -> str | None:
        try:
            return validate(text)
        except ValueError:  # stdnum's own refusals are; so is what a few of its checks say of a line end inside
            return None

    def apply(cleaning: Cleaning, value: Value, _: Any) -> None:
        by_library(cleaning, value, rule, Reason(english, french), "CAST(NULL AS VARCHAR)", valid)

    return apply


IDENTIFIERS = {
    "siren": Step(
        "Checks a SIREN with its check digit; one of zeros is none.",
        _siren, ((None, "552 100 554", "552100554"), (None, "552100555", REFUSED)),
    ),
    "siret": Step(
        "Checks a SIRET with its check digits; those of La Poste's offices follow a rule of their own.",
        _siret,
        (
            (None, "552 100 554 00013", "55210055400013"), (None, "55210055400014", REFUSED),
            (None, "35600000049837", "35600000049837"), (None, "35600000049838", REFUSED),
        ),
    ),
    "rna": Step(
        "Checks a number of the Répertoire national des associations: W and nine characters, eight of them digits.",
        _rna, ((None, " w801 000 123", "W801000123"), (None, "W80100012", REFUSED)),
    ),
    "nir": Step(
        "Checks a NIR with its key; those of Corsica have 2A or 2B.",
        _nir,
        (
            (None, "2 95 10 99 126 000 10", "295109912600010"), (None, "295109912600011", REFUSED),
            (None, "2 53 07 2b 073 000 74", "253072B07300074"),
        ),
    ),
    "nif": Step(
        "Checks a Spanish NIF with its check letter or digit: DNI, NIE, or the CIF of a legal person (python-stdnum).",
        _nif,
        ((None, "54362315-k", "54362315K"), (None, "B-58378431", "B58378431"), (None, "B64717839", REFUSED)),
    ),
    "lei": Step(
        "Checks a LEI with its check digits (python-stdnum).",
        _library("lei", stdnum_lei.validate, "is not a LEI: twenty characters, the last two check digits",
                 "n'est pas un LEI : vingt caractères, les deux derniers étant une clé de contrôle"),
        ((None, "213800KUD8LAJWSQ9D15", "213800KUD8LAJWSQ9D15"), (None, "213800KUD8LXJWSQ9D15", REFUSED)),
    ),
    "vat": Step(
        "Checks a VAT number of the European Union, with its country, by that country's own rule (python-stdnum).",
        _library("vat", stdnum_vat.validate, "is not a VAT number of the European Union, country first",
                 "n'est pas un numéro de TVA de l'Union européenne, précédé du pays"),
        (
            (None, "FR 83 404 833 048", "FR83404833048"), (None, "ESB58378431", "ESB58378431"),
            (None, "83404833048", REFUSED), (None, "FR84404833048", REFUSED),
        ),
    ),
}  # fmt: skip
