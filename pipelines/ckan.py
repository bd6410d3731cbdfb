"""Publication of open datasets to CKAN, through its Action API.

A dataset becomes a package with the same name, in the organisation that the workspace names: its files as uploaded
resources, and the CSV's DataStore table with types and data dictionary. Publishing twice changes nothing; the ids of
package and resources stay; a new version is brought into the table as the rows that changed. The table is made anew
only where its columns changed, where it does not hold the rows that it should, or where an earlier publication was cut
short: then readers may find it short of rows for a moment. A package is private until it is whole. What somebody else
changes inside a row is not seen. Nothing personal gets here: see `check_open`.
Source: https://docs.ckan.org/en/2.12/api/
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ckanapi
from ckanapi.errors import CKANAPIError

from connectors import http_session
from connectors.errors import BeffroiError, Down, InvalidRequest, Misconfigured, RefusedUs, Unreadable
from connectors.http import USER_AGENT
from pipelines import datastore, versions
from pipelines.declarations import Dataset
from pipelines.versions import Version
from pipelines.workspace import Workspace

SECONDS = 120.0
"""One request to CKAN, an upload included, ends within this."""

UPDATING = "beffroi_updating"
"""An extra of the package while it is being changed."""

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
        """`url` and `token` come from the operator's environment.

        Raises Misconfigured without a publication section, or where `url` is no address.
        """
        if not re.match(r"https?://[^/]", url):
            raise Misconfigured("BEFFROI_CKAN_URL must be CKAN's whole address, like https://data.example.org")
        declared = workspace.configuration.publication.ckan
        if declared is None:
            raise Misconfigured("beffroi.yaml says nothing of publication.ckan: name the organisation to publish as")
        self.workspace, self.url, self.organisation = workspace, url.rstrip("/"), declared.organisation
        session = http_session.session(self.url, "CKAN", SECONDS)
        self._remote = ckanapi.RemoteCKAN(self.url, apikey=token, session=session, user_agent=USER_AGENT)

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
        elif package["state"] == "deleted":
            self._call("package_patch", id=package["id"], state="active")
            changed = True
        interrupted = bool(_extra(package, UPDATING))
        uploaded = self._resources(dataset, version, package)
        # a table under the same number may be of another lake, whose files were others
        known = None if interrupted or (uploaded and _published_version(package) == version.number) else package
        changed = self._table(dataset, version, package, self._held(dataset, known)) or uploaded or changed
        self._hold_table(dataset, version, package)
        changed = self._finish(dataset, version, package) or changed
        self._hold_package(dataset, version)
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
        mine = self._call("organization_list_for_user", permission="create_dataset")
        if self.organisation not in [each["name"] for each in mine]:
            raise RefusedUs(
                f"CKAN does not let us publish as {self.organisation}: check BEFFROI_CKAN_TOKEN and its user's role",
                registry="CKAN",
            )
        return found is None or found["title"] != title

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
            self._mark(package)
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

    def _table(self, dataset: Dataset, version: Version, package: dict[str, Any], old: Version | None) -> bool:
        """Bring the DataStore table of the CSV resource to `version`; return whether anything was changed.

        `old` is the version that the table should hold now, None where that is not known.
        """
        resource = _csv_of(package, dataset)
        held = self._show("datastore_info", id=resource["id"])
        fields, has = datastore.fields(dataset), datastore.known_fields(held) if held else []
        if held is None or old is None or held["meta"]["count"] != old.rows:
            old = None
        elif old == version and has == fields:
            return False
        self._mark(package)
        if held is None or old is None or [f["id"] for f in has] != [f["id"] for f in fields]:
            if held is not None:
                self._call("datastore_delete", resource_id=resource["id"], force=True)
            create = {"resource_id": resource["id"], "fields": fields, "primary_key": list(dataset.key)}
            self._call("datastore_create", **create, force=True)
            self._upsert(resource["id"], datastore.all_rows(version), "insert")
            return True
        if has != fields:
            self._call("datastore_create", resource_id=resource["id"], fields=fields, force=True)
        added, removed = datastore.difference(dataset, old, version)
        self._upsert(resource["id"], added, "upsert")
        for keys in datastore.filters(dataset, removed):
            self._call("datastore_delete", resource_id=resource["id"], filters=keys, force=True)
        return True

    def _held(self, dataset: Dataset, package: dict[str, Any] | None) -> Version | None:
        """Return the version that was published last, if we still have it."""
        before = _published_version(package) if package else None
        made = [v for v in versions.history(self.workspace, dataset.name) if v.number == before]
        return made[0] if made and made[0].parquet.is_file() else None

    def _mark(self, package: dict[str, Any]) -> None:
        """Note on the package that it is being changed, so that a publication cut short is seen by the next."""
        if not _extra(package, UPDATING):
            package["extras"].append({"key": UPDATING, "value": "yes"})
            self._call("package_patch", id=package["id"], extras=package["extras"])

    def _upsert(self, resource_id: str, query: str, method: str) -> None:
        batch: list[dict[str, Any]] = []
        for row in datastore.rows(query):
            batch.append(row)
            if len(batch) == datastore.BATCH:
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

    def _hold_table(self, dataset: Dataset, version: Version, package: dict[str, Any]) -> None:
        """Read back the number of rows before the package says that it holds `version`."""
        held = self._call("datastore_search", resource_id=_csv_of(package, dataset)["id"], limit=0)
        if held["total"] != version.rows:
            raise _not_as_sent(dataset)

    def _hold_package(self, dataset: Dataset, version: Version) -> None:
        """Read back that the package is public, says its version and has its files."""
        package = self._show("package_show", id=dataset.name) or {"resources": [], "extras": [], "private": True}
        names = {resource["name"] for resource in package["resources"]}
        wanted = {f"{dataset.name}.{form}" for form in MIMETYPES}
        if package["private"] or _published_version(package) != version.number or not wanted <= names:
            raise _not_as_sent(dataset)


def _not_as_sent(dataset: Dataset) -> Unreadable:
    return Unreadable(f"CKAN does not show {dataset.name} as it was sent: publish it again", registry="CKAN")


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


def _extra(package: dict[str, Any], key: str) -> str:
    return next((str(extra["value"]) for extra in package["extras"] if extra["key"] == key), "")


def _published_version(package: dict[str, Any]) -> int | None:
    number = _extra(package, "beffroi_version")
    return int(number) if number.isdigit() else None


def _csv_of(package: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    found = _resource(package, dataset, "csv")
    if found is None:
        raise Unreadable(f"CKAN did not keep the resource {dataset.name}.csv", registry="CKAN")
    return found


def _resource(package: dict[str, Any], dataset: Dataset, form: str) -> dict[str, Any] | None:
    return next((r for r in package["resources"] if r["name"] == f"{dataset.name}.{form}"), None)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
