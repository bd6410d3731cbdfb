"""From where an incremental table is read on, and by which columns it may be."""

import pyarrow as pa
import pytest

from connectors.errors import Misconfigured
from connectors.sql.engine import Column
from connectors.sql.watermarks import beginning, fit


@pytest.mark.parametrize(
    ("after", "overlap", "lowest"),
    [
        ("5000", None, "4000"),
        ("1200", None, "0200"),  # a text of digits keeps its order
        ("7", None, "0"),
        ("-5", 10, "-15"),
        ("20240131", 0, "20240131"),
        ("2024-01-31", None, "2024-01-30"),
        ("2024-01-31 10:00:00", None, "2024-01-31 09:50:00"),
        ("2024-01-31 10:00:00.5+00", 1, "2024-01-31 09:59:59.500000+00:00"),
        ("2024-02-00 00:00:00", None, "2024-02-00 00:00:00"),
        ("0001-01-01", None, "0001-01-01"),
        ("A-17", 5, "A-17"),
    ],
)
def test_where_it_begins(after: str, overlap: float | None, lowest: str) -> None:
    assert beginning(after, overlap) == lowest


@pytest.mark.parametrize("declared", ["bytea", "BINARY(8)", "rowversion", "text[]", "jsonb", "double precision"])
def test_what_tells_no_order_is_refused(declared: str) -> None:
    with pytest.raises(Misconfigured, match="by which rows cannot be told to be new"):
        fit("town", Column("w", declared, pa.string(), "w"))


@pytest.mark.parametrize("declared", ["bigint", "timestamp with time zone", "DATETIME(3)", "character varying(20)"])
def test_what_tells_an_order_is_taken(declared: str) -> None:
    fit("town", Column("w", declared, pa.string(), "w"))
