"""Registries that have a REST interface, declared without Python: one record by an identifier, and tables in pages.

A real registry with quirks has a file of its own, which asks by `Client` too. The keys stand in docs/rest.md.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pyarrow as pa

from connectors.carried import NOTHING, Carried, words_in
from connectors.credentials import Credential
from connectors.deadline import Deadline
from connectors.derived import record_of
from connectors.errors import Misconfigured
from connectors.guard import begun
from connectors.registry import READ_SECONDS, Answer, Registry, Settings
from connectors.registry import Scan as RegistryScan
from connectors.rest.auth import auth_of
from connectors.rest.client import Client
from connectors.rest.contradictions import Problem, problems
from connectors.rest.lookups import Lookup
from connectors.rest.scanning import Scan
from connectors.rest.settings import RestSettings

TEXT = frozenset({"string", "integer", "number", "boolean", "date", "datetime"})
"""What a column of texts may be declared as: each is judged row by row."""

MOST_REACHED = 5
"""Tables of which a first page proves that all is well: one may want another right than the others."""


class Rest(Registry):
    """Any registry that answers JSON, NDJSON, CSV or XML to GET."""

    settings_model = RestSettings
    settings: RestSettings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """As every registry. What is wrong with the settings is in `problems`; no secret is read here."""
        super().__init__(name, settings, root)
        said = self.settings
        self.personal = said.personal
        identity = None if said.tls is None else said.tls.identity(root)
        self._auth = None if said.auth is None else auth_of(said.auth, name, root, identity, self.pace)
        self._client = Client(
            name,
            lambda: self.address(said.url),
            auth=self._auth,
            identity=identity,
            pace=self.pace,
            headers={header: text for header, text in said.headers.items() if not words_in(text)},
        )
        self._lookup: Lookup | None = None
        self._problems = list(problems(said, root))
        if said.lookup is not None and not any(keys[0] == "lookup" for keys, _ in self._problems):
            asked = said.lookup
            self.carries = words_in([said.headers, asked.path, asked.query, asked.body])
            self.record = record_of(asked.record, asked.identifier, asked.fields, asked.key, personal=said.personal)
            self.schemes = (asked.identifier.scheme,)
            self._lookup = Lookup(self._client, said, asked, self.record, self.extras)

    def problems(self) -> Iterator[Problem]:
        """Yield what the declaration says against itself, each with the keys where it stands."""
        yield from self._problems

    def credentials(self) -> Iterable[Credential]:
        """Yield what every registry tells of its credentials, and what is known of those under `auth`."""
        yield from super().credentials()
        if self._auth is not None:
            yield from self._auth.credentials()

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the record of an identifier. Raises what `Lookup.ask` raises."""
        return self.lookup_for(NOTHING, identifier, deadline)

    def lookup_for(self, carried: Carried, identifier: str, deadline: Deadline) -> Answer:
        """Return the record of an identifier, the registry being told what is carried. Raises what `Lookup.ask` raises."""
        if self._lookup is None:
            return super().lookup(identifier, deadline)
        return self._lookup.ask(identifier, deadline, carried)

    def scan(self, table: str | None, after: str | None = None) -> pa.RecordBatchReader:
        """Return the rows of a declared table, page after page. Raises Misconfigured, and what `Scan.reader` raises."""
        if (wrong := self.check(table)) is not None:
            raise Misconfigured(wrong, registry=self.name)
        name = table or ""
        return self._scan(name, Deadline.after(self.settings.tables[name].seconds))

    def read(self, table: str | None, after: str | None = None) -> RegistryScan:
        """Return what `scan` returns, as every registry does; `seconds` are those of all that is asked, again too."""
        if self.check(table) is not None:
            return super().read(table, after)
        name = table or ""
        deadline = Deadline.after(self.settings.tables[name].seconds)
        scan: RegistryScan = self.guard.call(lambda: begun(self._scan(name, deadline)), deadline.within(READ_SECONDS))
        return scan

    def _scan(self, name: str, deadline: Deadline) -> pa.RecordBatchReader:
        table = self.settings.tables[name]
        return Scan(self._client, name, table, self.settings.answers, self.extras, deadline).reader()

    def reach(self, deadline: Deadline) -> bool:
        """Ask for the first page of each table, MOST_REACHED of them; False where there is none. Raises as `scan` does.

        Of what is read as it arrives only the beginning is.
        """
        for name in list(self.settings.tables)[:MOST_REACHED]:
            self._scan(name, deadline).close()
        return bool(self.settings.tables)

    def check(self, table: str | None) -> str | None:
        """Return what is wrong with a table's name, None if it is one of `tables`."""
        if table in self.settings.tables:
            return None
        said = "say which table to read" if table is None else f"no table {table}"
        return f"{self.name}: {said}; it has: {', '.join(self.settings.tables) or 'none'}"

    def columns(self, table: str | None) -> Mapping[str, frozenset[str]] | None:
        """Return the columns that a table declares, each with the types of column that can hold it."""
        columns = self.settings.tables[table].columns if table in self.settings.tables else {}
        return {name: frozenset({"array"}) if said.type == "array" else TEXT for name, said in columns.items()} or None
