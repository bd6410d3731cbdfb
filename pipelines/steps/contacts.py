"""Steps for telephone numbers and e-mail addresses: plain ones by SQL, exactly as the library would, others by it."""

from typing import Any

from pipelines.sql import quote
from pipelines.steps.clean import Cleaning, Reason, Value
from pipelines.steps.step import REFUSED, Argument, Step, by_library

BETWEEN = " .-"
"""What stands between the digits of a plain number, at most one at a time."""

KINDS = (
    "fixed_line",
    "mobile",
    "toll_free",
    "premium_rate",
    "shared_cost",
    "personal_number",
    "voip",
    "pager",
    "uan",
    "voicemail",
)
"""The kinds of number that the library knows patterns of."""


def _phone(cleaning: Cleaning, value: Value, region: str) -> None:
    import phonenumbers

    def valid(text: str) -> str | None:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            return None
        whole = phonenumbers.is_valid_number(number) and not number.extension
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if whole else None

    reason = Reason(
        f"is not a telephone number of {region}, nor one with its country in front, or has an extension",
        f"n'est pas un numéro de téléphone ({region}), ni un numéro précédé de son pays, ou a un poste",
    )
    by_library(cleaning, value, "phone", reason, _plain(value.sql, region), valid)


def _plain(sql: str, region: str) -> str:
    """Return SQL for the E.164 form of a plain number of the region by the library's own pattern, null for any other.

    A number costs the library some 40 µs. A region whose national numbers are rewritten as they are read is left to it.
    """
    import phonenumbers

    known = phonenumbers.PhoneMetadata.metadata_for_region(region)
    trunk = (known and known.national_prefix) or ""
    if known is None or (known.national_prefix_for_parsing or "") != trunk or known.national_prefix_transform_rule:
        return "CAST(NULL AS VARCHAR)"
    described = [getattr(known, kind) for kind in KINDS]
    patterns = [kind.national_number_pattern for kind in described if kind and kind.national_number_pattern]
    national = "|".join(f"(?:{pattern})" for pattern in patterns)
    plain = sql
    for between in BETWEEN:
        plain = f"replace({plain}, '{between}', '')"
    country = f"+{known.country_code}"
    lead = rf"(?:\{country}|{trunk})" if trunk else rf"(?:\{country})?"
    looks = f"regexp_full_match({sql}, '[+]?[0-9](?:[{BETWEEN}]?[0-9])*')"
    fits = f"regexp_full_match({plain}, {quote(f'{lead}(?:{national})')})"
    home = f"CASE WHEN starts_with({sql}, '+') THEN {plain} ELSE '{country}' || {plain}[{len(trunk) + 1}:] END"
    return f"CASE WHEN {looks} AND {fits} THEN {home} END"


def _email(cleaning: Cleaning, value: Value, _: Any) -> None:
    from email_validator import EmailNotValidError, validate_email

    def valid(text: str) -> str | None:
        try:
            return validate_email(text, check_deliverability=False).normalized
        except EmailNotValidError:
            return None

    reason = Reason("is not an e-mail address", "n'est pas une adresse électronique")
    by_library(cleaning, value, "email", reason, _ordinary(value.sql), valid)


def _ordinary(sql: str) -> str:
    """Return SQL for an address of plain letters as the library normalises it (domain in lower case), null for others.

    Left to the library: domains that are kept for special uses, and labels with two hyphens (other scripts).
    """
    from email_validator import SPECIAL_USE_DOMAIN_NAMES

    label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    form = rf"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:{label}\.)+[a-z]{{2,63}}"
    address = f"split_part({sql}, '@', 1) || '@' || lower(split_part({sql}, '@', 2))"
    special = "|".join(name.replace(".", r"\.") for name in SPECIAL_USE_DOMAIN_NAMES)
    plain = f"regexp_full_match({address}, '{form}') AND strpos({sql}, '@') <= 65 AND strlen({sql}) <= 254"
    kept = f"regexp_matches({address}, '[@.](?:{special})$') OR contains({sql}, '--')"
    return f"CASE WHEN {plain} AND NOT ({kept}) THEN {address} END"


def _is_region(given: Any) -> bool:
    import phonenumbers

    return isinstance(given, str) and given in phonenumbers.SUPPORTED_REGIONS


CONTACTS = {
    "phone": Step(
        "Makes of a telephone number its international form (E.164); one without a country is of the region given. Refuses"
        " what no operator gives out, and extensions (phonenumbers).",
        _phone,
        (
            ("FR", "03.22.97.40.40", "+33322974040"), ("FR", "+34 944 20 40 00", "+34944204000"),
            ("FR", "0033 3 22 97 40 40", "+33322974040"), ("ES", "944 204 000", "+34944204000"),
            ("FR", "322974040", "+33322974040"), ("FR", "03 22 97 40", REFUSED), ("FR", "0000000000", REFUSED),
            ("FR", "03 22 97 40 40 poste 12", REFUSED), ("FR", "Mairie", REFUSED),
        ),
        Argument("a country of two letters (FR, ES)", _is_region),
    ),
    "email": Step(
        "Checks the form of an e-mail address, and writes its domain in lower case; nobody is asked whether it exists"
        " (email-validator).",
        _email,
        (
            (None, "Mairie@Amiens.FR", "Mairie@amiens.fr"), (None, "etat-civil@bilbao.eus", "etat-civil@bilbao.eus"),
            (None, "accueil@mairie-étaples.fr", "accueil@mairie-étaples.fr"), (None, "mairie@amiens", REFUSED),
            (None, "mairie@@amiens.fr", REFUSED), (None, "a@b.fr, c@d.fr", REFUSED), (None, "x@poste.local", REFUSED),
        ),
    ),
}  # fmt: skip
