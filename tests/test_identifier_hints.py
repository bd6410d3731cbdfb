"""An identifier that is another number: the refusal says which, and never repeats it."""

import pytest

from connectors.errors import MalformedIdentifier
from connectors.records import RECORDS, canonical


@pytest.mark.parametrize(
    ("record", "came", "read"),
    [
        ("Company", "siren:55210055400013", "a SIRET"),
        ("Company", "siren:552 100 554 00013", "a SIRET"),
        ("Company", "552100554", "a SIREN"),
        ("Company", "siret:55210055400013", "a SIRET"),
        ("Company", "lei:FR7630006000011234567890189", "an IBAN"),
        ("Company", "siren:969500FGPVJ45YZ8A095", None),
        ("Company", "siren:9598009RW5MTG44K2824", "an LEI"),
        ("Person", "FR23001000009", "a VAT number"),
        ("Commune", "210100012", "a SIREN"),
        ("Commune", "100015948200015", "a NIR"),
        ("VatNumber", "100015948200015", "a NIR"),
        ("Commune", "1400", None),
        ("Person", "1", None),  # its remainder is that of an LEI, its length is not
        ("Person", "²" * 15, None),
        ("Person", "5" * 200, None),
        ("Person", "nir:500015948200015", None),  # its form and its check digits are right: only that no NIR begins so
    ],
)
def test_what_else_it_is(record: str, came: str, read: str | None) -> None:
    with pytest.raises(MalformedIdentifier) as raised:
        canonical(RECORDS[record], came)
    told = str(raised.value)
    assert ("; what came reads as " in told) == (read is not None), told
    assert told.endswith(f"; what came reads as {read}" if read else "")
    assert came.partition(":")[2] not in told or ":" not in came
