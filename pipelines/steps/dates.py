"""The step that reads dates: in declared forms, and only where no two of them read a value differently."""

from typing import Any

from pipelines.steps.clean import Cleaning, Reason, Value
from pipelines.steps.step import REFUSED, Argument, Step, convert

MONTHS = (
    ("janvier", "enero"), ("fevrier", "febrero"), ("mars", "marzo"), ("avril", "abril"), ("mai", "mayo"),
    ("juin", "junio"), ("juillet", "julio"), ("aout", "agosto"), ("septembre", "septiembre", "setiembre"),
    ("octobre", "octubre"), ("novembre", "noviembre"), ("decembre", "diciembre"),
)  # fmt: skip
"""The months without accents, in French and Spanish."""

WORDS = "D MONTH YYYY"
FORMS = {
    "YYYY-MM-DD": ("%Y-%m-%d", "{0}[5] = '-'"),
    "YYYY/MM/DD": ("%Y/%m/%d", "{0}[5] = '/'"),
    "YYYYMMDD": ("%Y%m%d", "strlen({0}) = 8"),
    "DD/MM/YYYY": ("%d/%m/%Y", "{0}[-5] = '/'"),
    "DD-MM-YYYY": ("%d-%m-%Y", "{0}[-5] = '-'"),
    "DD.MM.YYYY": ("%d.%m.%Y", "{0}[-5] = '.'"),
    "DDMMYYYY": ("%d%m%Y", "strlen({0}) = 8"),
    "MM/DD/YYYY": ("%m/%d/%Y", "{0}[-5] = '/'"),
    WORDS: ("", "regexp_matches({0}, '[a-zA-Z]')"),
}
"""The forms that can be declared, for strptime, and what a text of each has at least: that it has not is dear to learn
from strptime. None has a year of two digits: 01/02/03 can be read in six ways."""

RIVALS = ({"DD/MM/YYYY", "MM/DD/YYYY"}, {"YYYYMMDD", "DDMMYYYY"})
"""Forms that a text can be of both of."""

UNDECLARED = ("YYYY-MM-DD", "DD/MM/YYYY", WORDS)
"""What `date` alone reads. No text is of two of these forms."""

ENGLISH = "is not a date of the calendar in the form {}, or two of these forms read it differently"
FRENCH = "n'est pas une date du calendrier sous la forme {}, ou deux de ces formes la lisent différemment"


def _date(cleaning: Cleaning, value: Value, forms: list[str] | None) -> None:
    wanted = list(forms or UNDECLARED)
    told = " / ".join(wanted) if forms else "1998-03-01, 01/03/1998, 1er mars 1998"
    reason = Reason(ENGLISH.format(told), FRENCH.format(told))
    convert(cleaning, value, "date", reason, lambda sql: _read(sql, wanted), _of_four_digits)


def _read(sql: str, forms: list[str]) -> str:
    """Return SQL for the moment that a text of one of the forms says, null where two read it differently."""
    read = [f"CASE WHEN {FORMS[form][1].format(sql)} THEN {_parsed(sql, form)} END" for form in forms]
    found = f"coalesce({', '.join(read)}, NULL)"
    if any(rivals <= set(forms) for rivals in RIVALS):
        found = f"CASE WHEN least({', '.join(read)}) = greatest({', '.join(read)}) THEN {found} END"
    return f"CASE WHEN {sql} >= '0' THEN {found} END"  # strptime passes over white space in front


def _of_four_digits(sql: str) -> str:
    """Return SQL for the date of a moment; the years before 1000 are refused, a year of two digits would be one."""
    return f"CAST(CASE WHEN {sql} >= TIMESTAMP '1000-01-01' THEN {sql} END AS DATE)"


def _parsed(sql: str, form: str) -> str:
    if form == WORDS:
        return _in_words(sql)
    return f"try_strptime({sql} || '|', '{FORMS[form][0]}|')"  # the bar: it passes over white space behind, too


def _in_words(sql: str) -> str:
    """Return SQL for a date with the month's name, in French (1er mars 1998) or Spanish (1 de marzo de 1998)."""
    form = r"^(\d{1,2})(?:er|º)? (?:de )?([a-z]+) (?:del? )?(\d{4})$"
    found = f"regexp_extract(strip_accents(lower({sql})), '{form}', ['day', 'month', 'year'])"
    cases = " ".join(f"WHEN '{name}' THEN '{number}'" for number, names in enumerate(MONTHS, 1) for name in names)
    date = f"beffroi_d.day || '/' || CASE beffroi_d.month {cases} END || '/' || beffroi_d.year"
    return f"list_transform([{found}], lambda beffroi_d: try_strptime({date}, '%d/%m/%Y'))[1]"


def _are_forms(given: Any) -> bool:
    several = isinstance(given, list) and bool(given) and all(isinstance(form, str) and form in FORMS for form in given)
    return several and len(set(given)) == len(given)


DATES = {
    "date": Step(
        "Reads a date of the calendar: alone, 1998-03-01, 01/03/1998 (day first) and 1er mars 1998 or 1 de marzo de 1998;"
        " or in the forms listed. Years of two digits are refused, and so is what two of the forms read differently.",
        _date,
        (
            (None, "1998-03-01", "1998-03-01"), (None, "01/03/1998", "1998-03-01"), (None, "1er mars 1998", "1998-03-01"),
            (None, "12 Août 2001", "2001-08-12"), (None, "3 de Septiembre de 2020", "2020-09-03"),
            (None, "31/02/2001", REFUSED), (None, "01/02/03", REFUSED), (None, "0000-00-00", REFUSED),
            (None, "0000-01-01", REFUSED), (["MM/DD/YYYY"], "03/25/1998", "1998-03-25"),
            (["YYYYMMDD", "DD-MM-YYYY"], "19980301", "1998-03-01"),
            (["DD/MM/YYYY", "MM/DD/YYYY"], "25/03/1998", "1998-03-25"),
            (["DD/MM/YYYY", "MM/DD/YYYY"], "03/03/1998", "1998-03-03"),
            (["DD/MM/YYYY", "MM/DD/YYYY"], "02/03/1998", REFUSED), (["YYYY-MM-DD"], "01/03/1998", REFUSED),
        ),
        Argument(f"a list of forms, of {', '.join(FORMS)}", _are_forms, optional=True), "date",
    ),
}  # fmt: skip
