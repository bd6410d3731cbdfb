"""API Géo: the communes of France, as the Code officiel géographique has them.

Owner: État français (DINUM); data of INSEE, DGCL, IGN and La Poste, Licence Ouverte 2.0.
Documentation: https://geo.api.gouv.fr, and the specification in its public repository
    (https://github.com/datagouv/api-geo, definition.yml and server.js).
Access: open, without credentials.
Limits: none published; at most 8 calls at once from here, 5 seconds for a lookup, 60 for the whole list.
Caveats: a commune that was merged into another answers 404 under its old code, and does not name its successor;
    what a commune does not have (SIREN, EPCI, population overseas) is left out of the answer; a 404 of the service
    itself says "Not Found" in plain text, any other is somebody else's.
Last verified live: never from here; the protocol was read in the public specification.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from connectors.columns import arrow_schema, columns_of
from connectors.deadline import Deadline
from connectors.errors import NotFound, Unreadable
from connectors.extras import report
from connectors.http import MAX_BYTES, Response
from connectors.records import Commune
from connectors.registry import Answer, Registry, Settings
from connectors.rest.answers import json_of
from connectors.rest.client import MOST_OF_A_RECORD, Client, segment

FIELDS = {
    "nom": "name",
    "code": "code",
    "siren": "siren",
    "codesPostaux": "postal_codes",
    "population": "population",
    "codeDepartement": "department_code",
    "codeRegion": "region_code",
    "codeEpci": "epci_code",
}
"""The names in the protocol, and the fields of the record that they are."""

SCAN_SECONDS = 60.0

_COMMUNES = TypeAdapter(list[Commune])


class ApiGeoSettings(Settings):
    """`url` is where the service answers."""

    url: str = "https://geo.api.gouv.fr"


def _is_absence(response: Response) -> bool:
    return response.content_type == "text/plain" and response.body.strip() == b"Not Found"


class ApiGeo(Registry):
    """Communes, one by its INSEE code or all of them."""

    record = Commune
    probe = "insee:75056"  # Paris
    settings_model = ApiGeoSettings
    settings: ApiGeoSettings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """As every registry."""
        super().__init__(name, settings, root)
        self._client = Client(name, lambda: self.address(self.settings.url), pace=self.pace)

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the commune of an INSEE code. Raises what `Client.get` and `json_of` raise, Unreadable for another."""
        commune = self._communes([self._get(f"communes/{segment(identifier)}", deadline, MOST_OF_A_RECORD)])[0]
        if commune.code != identifier:
            raise Unreadable(f"{self.name} answered about another commune than the one asked for", registry=self.name)
        return Answer(commune)

    def scan(self, table: str | None, after: str | None = None) -> pa.RecordBatchReader:
        """Return all communes, every one checked. Raises as `lookup` does; an empty list is Unreadable."""
        try:
            rows = self._get("communes", Deadline.after(SCAN_SECONDS))
        except NotFound as error:
            raise Unreadable(f"{self.name} has no list of communes at its address", registry=self.name) from error
        if not isinstance(rows, list) or not rows:
            raise Unreadable(f"{self.name} answered no list of communes, or an empty one", registry=self.name)
        communes = self._communes(rows)
        schema = arrow_schema(columns_of(Commune))
        try:
            columns = [pa.array([getattr(each, field.name) for each in communes], field.type) for field in schema]
        except (pa.ArrowInvalid, OverflowError) as error:
            raise Unreadable(f"{self.name} answered a number beyond 64 bits", registry=self.name) from error
        return pa.table(columns, schema=schema).to_reader()

    def _get(self, path: str, deadline: Deadline, most: int = MAX_BYTES) -> Any:
        answer = self._client.get(path, [("fields", ",".join(FIELDS))], deadline=deadline, most=most)
        return json_of(answer, self.name, _is_absence)

    def _communes(self, rows: list[Any]) -> list[Commune]:
        """Make records of the answer's objects, strictly. Raises Unreadable, naming place and field, never a value."""
        if not all(isinstance(row, dict) for row in rows):
            raise Unreadable(f"{self.name} answered something that is no object for a commune", registry=self.name)
        for name in sorted(set().union(*rows) - FIELDS.keys()):
            report(self.extras, self.name, name)
        try:
            return _COMMUNES.validate_python(
                [{FIELDS[name]: value for name, value in row.items() if name in FIELDS} for row in rows], strict=True
            )
        except ValidationError as error:
            defects = [
                f"commune {defect['loc'][0]}, {'.'.join(map(str, defect['loc'][1:]))}: {defect['type']}"
                for defect in error.errors(include_url=False, include_context=False, include_input=False)[:3]
            ]
            raise Unreadable(
                f"{self.name} answered a commune that is none ({'; '.join(defects)})", registry=self.name
            ) from None
