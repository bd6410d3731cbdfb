"""Functions that make prepared columns, a module a kind: each makes a temp table of n and its columns, from records.

A function gives one row for every record. It reads the fields it knows, all texts that may be null, and looks at one
record at a time: nothing that it makes may rest on other records, since new ones are prepared alone.
"""

from collections.abc import Callable

import duckdb

from pipelines.linking.preparing import addresses, companies, dates, names, numbers, parcels, persons

Function = Callable[[duckdb.DuckDBPyConnection, str, str], None]
"""connection, records, into."""

FUNCTIONS: dict[str, Function] = {
    "addresses": addresses.prepare,
    "companies": companies.prepare,
    "dates": dates.prepare,
    "names": names.prepare,
    "numbers": numbers.prepare,
    "parcels": parcels.prepare,
    "persons": persons.prepare,
}
