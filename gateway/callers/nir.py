"""Whether a text holds a French national number (NIR) in some spelling: agents and cases stand in the journal as they came.

Source: https://xml.insee.fr/schema/nir.html
"""

import re
import unicodedata

from connectors.records import check_nir

_WITH_KEY = re.compile(r"(?=([1-478]\d\d(?:0[1-9]|1[0-2]|20|3\d|4[0-2]|[5-9]\d)(?:\d\d|2[AB])\d{8}))", re.ASCII)
"""Sex, year and month of birth (from 20 on where nobody knows it), département, commune, number, key: from any sign on."""

_ALONE = re.compile(r"(?:NIR\W?)?[1-478](\W?)\d\d\1(?:0[1-9]|1[0-2])\1(?:\d\d|2[AB])\1\d{3}\1\d{3}", re.ASCII)
"""The same without the key, which would tell it from the numbers of files: so with a month, and nothing but it."""


def holds_nir(text: str) -> bool:
    """Tell whether there is a NIR with its key in a text, whatever stands around it and between its digits, or one alone."""
    plain = "".join(str(unicodedata.digit(sign, sign)) for sign in text.upper())
    signs = "".join(filter(str.isalnum, plain))
    return _ALONE.fullmatch(plain) is not None or any(map(_checked, _WITH_KEY.findall(signs)))


def _checked(run: str) -> bool:
    try:
        check_nir(run)
    except ValueError:
        return False
    return True
