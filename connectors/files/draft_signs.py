"""By what is told what a column of a file is: patterns of values, words of names, days that a calendar has."""

import datetime as dt
import re
import unicodedata

_BLANK = r"[ \x{00a0}\x{202f}]"
_NUMBER = rf"[-+]?([0-9]+|[0-9]{{1,3}}({_BLANK}[0-9]{{3}})+)([.,][0-9]+)?"
_ONE_WAY = rf"[-+]?([0-9]+|[0-9]{{1,3}}({_BLANK}[0-9]{{3}})+)([.,]([0-9]{{1,2}}|[0-9]{{4,}}))?"
"""A number of which a comma or point can only part decimals."""
_DAY, _MONTH, _YEAR = "(0?[1-9]|[12][0-9]|3[01])", "(0?[1-9]|1[0-2])", "[1-9][0-9]{3}"
_MONTHS = "janvier|f[eé]vrier|mars|avril|mai|juin|juillet|ao[uû]t|septembre|octobre|novembre|d[eé]cembre"
_NAMED = f"({_MONTHS})"
_HOUR = "([01]?[0-9]|2[0-3])"
PATTERNS = {
    "blank": r"^\s*$",
    "integer": r"^[-+]?(0|[1-9][0-9]{0,17})$",
    "zeros": r"^0[0-9]+$",
    "number": rf"^{_NUMBER}$",
    "threes": r"^[-+]?([1-9][0-9]{0,2}[.,][0-9]{3}|[0-9]{1,3})$",
    "comma": r"[0-9],[0-9]+$",
    "point": r"[0-9]\.[0-9]+$",
    "day": rf"^(?i:{_YEAR}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])|(1er|{_DAY})(/{_MONTH}/| {_NAMED} ){_YEAR})$",
    "moment": rf"^{_YEAR}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?$",
    "month first": rf"^({_DAY}/{_MONTH}|{_MONTH}/{_DAY})/{_YEAR}$",
    "day and hour": rf"^{_DAY}[/.-]{_MONTH}[/.-]{_YEAR}( à)?[T ]+{_HOUR}[:hH]([0-5][0-9](:[0-5][0-9])?)?$",
    "money": rf"^((€|\$|£) ?)?{_NUMBER}{_BLANK}?((?i:€|\$|£|eur|euros?))?$",
    "percent": rf"^{_NUMBER}{_BLANK}?%?$",
    "euros": rf"^((?i:€|eur(os?)?){_BLANK}?{_ONE_WAY}|{_ONE_WAY}({_BLANK}?(?i:€|eur(os?)?))?)$",
    "percentages": rf"^{_ONE_WAY}{_BLANK}?%$",
    "truth": r"^(true|false)$",
    "yes": r"^(?i)(o|n|oui|non)$",
    "siren": r"^[0-9]{3} ?[0-9]{3} ?[0-9]{3}$",
    "siret": r"^[0-9]{3} ?[0-9]{3} ?[0-9]{3} ?[0-9]{5}$",
    "rna": r"^W[0-9A-Z][0-9]{8}$",
    "nir": r"^[1-478] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9AB] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}$",
    "commune": r"^([0-9]{5}|2[AB][0-9]{3})$",
    "e-mail": r"^[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}$",
    "telephone": r"^(0|\+33 ?|00 ?33 ?)[1-9]([ .-]?[0-9]{2}){4}$",
}
"""What a value may look like (RE2)."""

PERSONAL = re.compile(
    r"\b(nom|noms|prenom|prenoms|naissance|ne le|nee le|courriel|e ?mail|mail|tel|telephone|portable|mobile|adresse|rue"
    r"|nir|secu|securite sociale|iban|rib|sexe|civilite|genre|age|nationalite|conjoint|parent|enfant|responsable"
    r"|representant|president|contact|last ?name|first ?name|birth|phone|address|apellidos?|nombre|nacimiento|dni|nif)\b"
)
CODE = re.compile(
    r"\b(code|cp|dep|departement|fax|insee|mobile|nic|portable|postal|siren|siret|tel|telephone|telefono|zip)\b"
)
"""Names of what is written in digits and is no number: the next file may have one that begins with a zero."""
THING = re.compile(r"\bnom (de la|de l|du|des) (?!(personne|agent|usager|eleve|enfant|client|contact|responsable))")
COMMUNE = re.compile(r"\b(insee|commune|com|cog|depcom)\b")
POSTAL = re.compile(r"\b(cp|postal|postaux)\b")


def words_of(name: str) -> str:
    """Return the words of a name or a text, in small letters without accents."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)
    return re.sub(r"[^a-z0-9]+", " ", apart.lower()).strip()


def is_day(value: str) -> bool:
    """Tell whether a calendar has what has the form of a day: 31/02/2026 has it too."""
    parts = re.split("[-/ ]", value.strip())
    day, month, year = reversed(parts) if "-" in value else parts
    if not month.isdecimal():
        month = str(_BY_NAME.index(words_of(month)) + 1)
    try:
        dt.date(int(year), int(month), int(day.lower().removesuffix("er")))
    except ValueError:
        return False
    return True


_BY_NAME = [re.sub(r"\[(.).\]", r"\1", each) for each in _MONTHS.split("|")]
