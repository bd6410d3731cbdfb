"""Publication of open datasets to CKAN, through its Action API.

A dataset becomes a package with the same name, in the organisation that the workspace names: its files as uploaded
resources, and the CSV's DataStore table with types and data dictionary. Publishing twice changes nothing; the ids of
package and resources stay; a new version is brought in as the rows that changed, so that a reader never finds the
table empty. A package is private until it is whole. Nothing personal gets here: see `check_open`.
Source: https://docs.ckan.org/en/2.12/api/
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ckanapi
import duckdb
from ckanapi.errors import CKANAPIError

from connectors import http
from connectors.errors import BeffroiError, Down, InvalidRequest, Misconfigured, RefusedUs, Unreadable
from pipelines import versions
from pipelines.declarations import Dataset
from pipelines.sql import identifier, quote
from pipelines.versions import Version
from pipelines.workspace import Workspace

SECONDS = 120.0
"""One request to CKAN, an upload included, ends within this."""

BATCH = 5_000
"""Rows per DataStore request."""

TYPES = {
    "string": "text",
    "integer": "int8",
    "number": "float8",
    "boolean": "bool",
    "date": "date",
    "datetime": "timestamptz",
    "array": "_text",
}
"""What a column's type is in the DataStore, in the words that it answers with."""

MIMETYPES = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv"}


@dataclass(frozen=True)
class Published:
    """What publishing one dataset did: `changed` is False when CKAN had it all already."""

    dataset: str
    version: int
    changed: bool
    url: str


class Ckan:
    """One CKAN, for one workspace."""

    def __init__(self, workspace: Workspace, url: str, token: str) -> None:
        """`url` and `token` come from the operator's environment. Raises Misconfigured without a publication section."""
        declared = workspace.configuration.publication.ckan
        if declared is None:
            raise Misconfigured("beffroi.yaml says nothing of publication.ckan: name the organisation to publish as")
        self.workspace, self.url, self.organisation = workspace, url.rstrip("/"), declared.organisation
        session = http.session(self.url, "CKAN", SECONDS)
        self._remote = ckanapi.RemoteCKAN(self.url, apikey=token, session=session, user_agent=http.USER_AGENT)

    def publish(self, name: str) -> Published:
        """Bring CKAN's package of a dataset to its latest version.

        Raises InvalidRequest for a dataset that is not open or has no version, Down, Late, RefusedUs and Unreadable.
        """
        dataset = self.workspace.dataset(name)
        check_open(dataset)
        version = versions.latest(self.workspace, name)
        if version is None:
            raise InvalidRequest(f"{name} has no version yet: `beffroi run {name}` makes one")
        changed = self._organisation()
        package = self._package(dataset)
        if package is None:
            package = self._call("package_create", **self._metadata(dataset), private=True)
            changed = True
        before = _published_version(package)
        changed = self._resources(dataset, version, package) or changed
        changed = self._table(dataset, version, before, package) or changed
        changed = self._finish(dataset, version, package) or changed
        self._read_back(dataset, version)
        return Published(name, version.number, changed, f"{self.url}/dataset/{name}")

    def _call(self, action: str, **parameters: Any) -> Any:
        files = parameters.pop("files", None)
        try:
            return self._remote.call_action(action, parameters, files=files)
        except ckanapi.NotAuthorized as error:
            raise RefusedUs(f"CKAN does not let us do {action}: check BEFFROI_CKAN_TOKEN", registry="CKAN") from error
        except ckanapi.NotFound:
            raise
        except CKANAPIError as error:
            raise _told(action, error) from error

    def _show(self, action: str, **parameters: Any) -> dict[str, Any] | None:
        try:
            shown: dict[str, Any] = self._call(action, **parameters)
        except ckanapi.NotFound:
            return None
        return shown

    def _organisation(self) -> bool:
        title = self.workspace.configuration.organisations[self.organisation].title
        found = self._show("organization_show", id=self.organisation, include_users=False)
        if found is None:
            self._call("organization_create", name=self.organisation, title=title)
        elif found["title"] != title:
            self._call("organization_patch", id=self.organisation, title=title)
        else:
            return False
        return True

    def _package(self, dataset: Dataset) -> dict[str, Any] | None:
        """Return our package, or None; one of that name that is another's is never touched."""
        found = self._show("package_show", id=dataset.name)
        if found is None:
            return None
        owner = (found.get("organization") or {}).get("name")
        if owner != self.organisation or _published_version(found) is None:
            raise InvalidRequest(
                f"CKAN has a package «{dataset.name}» that Beffroi did not make (organisation: {owner or 'none'}):"
                " rename the dataset, or remove that package"
            )
        if found["state"] == "deleted":
            self._call("package_patch", id=found["id"], state="active")
        return found

    def _metadata(self, dataset: Dataset, number: int = 0) -> dict[str, Any]:
        return {
            "name": dataset.name,
            "title": dataset.title,
            "notes": dataset.description,
            "owner_org": self.organisation,
            "tags": [{"name": keyword} for keyword in sorted(dataset.keywords)],
            "license_id": dataset.licence,  # CKAN shows an id that it does not know as it stands
            "extras": [{"key": "beffroi_version", "value": str(number)}],
        }

    def _resources(self, dataset: Dataset, version: Version, package: dict[str, Any]) -> bool:
        """Upload each distribution whose content CKAN does not have; the resource keeps its id."""
        changed = False
        for form, path in (("parquet", version.parquet), ("csv", version.csv)):
            digest = f"sha256:{_sha256(path)}"
            found = _resource(package, dataset, form)
            if found is not None and found.get("hash") == digest:
                continue
            changed = True
            values = {
                "name": f"{dataset.name}.{form}",
                "format": form.upper() if form == "csv" else "Parquet",
                "mimetype": MIMETYPES[form],
                "hash": digest,
                "description": dataset.title,
            }
            with path.open("rb") as file:
                upload = {"upload": (f"{dataset.name}.{form}", file, MIMETYPES[form])}
                if found is None:
                    made = self._call("resource_create", package_id=package["id"], **values, files=upload)
                    package["resources"].append(made)
                else:
                    self._call("resource_update", id=found["id"], **values, files=upload)
        return changed

    def _table(self, dataset: Dataset, version: Version, before: int | None, package: dict[str, Any]) -> bool:
        """Bring the DataStore table of the CSV resource to `version`; `before` is the version that it holds."""
        resource = _resource(package, dataset, "csv")
        if resource is None:
            raise Unreadable(f"CKAN did not keep the resource {dataset.name}.csv", registry="CKAN")
        held = self._show("datastore_info", id=resource["id"])
        fields = _fields(dataset)
        same_fields = held is not None and _known_fields(held) == fields
        old = versions.find(self.workspace, dataset.name, before) if before else None
        if held is not None and same_fields and before == version.number and held["meta"]["count"] == version.rows:
            return False
        if held is None or old is None or [f["id"] for f in _known_fields(held)] != [f["id"] for f in fields]:
            if held is not None:
                self._call("datastore_delete", resource_id=resource["id"], force=True)
            self._call(
                "datastore_create", resource_id=resource["id"], fields=fields, primary_key=list(dataset.key), force=True
            )
            self._upsert(resource["id"], dataset, _all_rows(version), "insert")
            return True
        if not same_fields:
            self._call("datastore_create", resource_id=resource["id"], fields=fields, force=True)
        added, removed = _difference(dataset, old, version)
        self._upsert(resource["id"], dataset, added, "upsert")
        for key in _rows(removed):
            self._call("datastore_delete", resource_id=resource["id"], filters=key, force=True)
        return True

    def _upsert(self, resource_id: str, dataset: Dataset, query: str, method: str) -> None:
        batch: list[dict[str, Any]] = []
        for row in _rows(query):
            batch.append(row)
            if len(batch) == BATCH:
                self._call("datastore_upsert", resource_id=resource_id, records=batch, method=method, force=True)
                batch = []
        self._call(
            "datastore_upsert",
            resource_id=resource_id,
            records=batch,
            method=method,
            force=True,
            calculate_record_count=True,
        )

    def _finish(self, dataset: Dataset, version: Version, package: dict[str, Any]) -> bool:
        """Write the metadata with the version now held, and make the package public; only if something differs."""
        wanted = self._metadata(dataset, version.number)
        held = {
            **{name: package.get(name) or "" for name in ("name", "title", "notes", "license_id")},
            "owner_org": (package.get("organization") or {}).get("name"),
            "tags": [{"name": tag["name"]} for tag in sorted(package["tags"], key=lambda tag: str(tag["name"]))],
            "extras": sorted(
                ({"key": e["key"], "value": e["value"]} for e in package["extras"]), key=lambda e: str(e["key"])
            ),
        }
        if held == wanted and not package["private"]:
            return False
        self._call("package_patch", id=package["id"], private=False, **wanted)
        return True

    def _read_back(self, dataset: Dataset, version: Version) -> None:
        """Hold CKAN to what was sent: version, files, number of rows."""
        package = self._show("package_show", id=dataset.name) or {"resources": [], "extras": []}
        csv = _resource(package, dataset, "csv")
        held = self._show("datastore_search", resource_id=csv["id"], limit=0) if csv else None
        whole = (
            _published_version(package) == version.number
            and not package["private"]
            and _resource(package, dataset, "parquet") is not None
            and held is not None
            and held["total"] == version.rows
        )
        if not whole:
            raise Unreadable(f"CKAN does not show {dataset.name} as it was sent: publish it again", registry="CKAN")


def check_open(dataset: Dataset) -> None:
    """Refuse what may not be published: the disclosure gate that stands before every publication."""
    personal = [column.name for column in dataset.columns if column.personal]
    if dataset.audience != "open" or personal:
        why = f"it has personal columns: {', '.join(personal)}" if personal else f"its audience is {dataset.audience}"
        raise InvalidRequest(f"{dataset.name} is never published: {why}")


def _told(action: str, error: CKANAPIError) -> BeffroiError:
    """Say an error of CKAN by its kind; its own text may quote rows, so that it is not repeated."""
    if isinstance(error, ckanapi.ValidationError):
        fields = ", ".join(sorted(key for key in getattr(error, "error_dict", {}) if not key.startswith("__")))
        return InvalidRequest(f"CKAN refuses {action}: {fields or 'the values'} not valid there")
    if type(error) in (
        CKANAPIError,
        ckanapi.ServerIncompatibleError,
    ):  # what ckanapi raises for an answer in no form of CKAN's
        return Unreadable(f"CKAN's answer to {action} is not CKAN's: check BEFFROI_CKAN_URL", registry="CKAN")
    return Down(f"CKAN failed at {action} ({type(error).__name__})", registry="CKAN")


def _published_version(package: dict[str, Any]) -> int | None:
    values = {extra["key"]: extra["value"] for extra in package["extras"]}
    return int(values["beffroi_version"]) if values.get("beffroi_version", "").isdigit() else None


def _resource(package: dict[str, Any], dataset: Dataset, form: str) -> dict[str, Any] | None:
    return next((r for r in package["resources"] if r["name"] == f"{dataset.name}.{form}"), None)


def _fields(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the DataStore's fields with their data dictionary."""
    return [
        {"id": c.name, "type": TYPES[c.type], "info": {"label": c.title, "notes": c.description}}
        for c in dataset.columns
    ]


def _known_fields(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "id": field["id"],
            "type": field["type"],
            "info": {key: (field.get("info") or {}).get(key, "") for key in ("label", "notes")},
        }
        for field in held["fields"]
        if field["id"] != "_id"
    ]


def _all_rows(version: Version) -> str:
    return f"FROM read_parquet({quote(str(version.parquet))})"


def _difference(dataset: Dataset, old: Version, new: Version) -> tuple[str, str]:
    """Return two queries: the rows added or changed since `old`, and the keys of those removed."""
    key = ", ".join(identifier(name) for name in dataset.key)
    changed = f"{_all_rows(new)} EXCEPT {_all_rows(old)}"
    removed = f"(SELECT {key} {_all_rows(old)}) EXCEPT (SELECT {key} {_all_rows(new)})"
    return changed, removed


def _rows(query: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a query as JSON objects."""
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT to_json(r)::VARCHAR FROM ({query}) r")
        while batch := found.fetchmany(BATCH):
            for (row,) in batch:
                yield json.loads(row)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
