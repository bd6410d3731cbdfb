"""Ready-made files of a version over HTTP: ranges, conditions, validators.

Source: RFC 9110, sections 8.8, 13 and 14, https://www.rfc-editor.org/rfc/rfc9110
"""

import datetime as dt
import re
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from connectors.errors import NotFound, NotGranted, Unavailable
from gateway.callers.access import Caller, decide, of_dataset
from gateway.datasets.open_data import FILES, access, current
from gateway.service import Service
from pipelines import faces
from pipelines.versions import Version

RANGE = re.compile(r"bytes=\s*(\d{1,18}-\d{0,18}|-\d{1,18})(\s*,\s*(\d{1,18}-\d{0,18}|-\d{1,18}))*", re.ASCII)
PUBLIC = "public, no-cache"
PRIVATE = "private, no-store"
"""An open file may be kept, and asked after each time it is used; any other may not be kept."""


async def latest_file(service: Service, caller: Caller, name: str, file: str, request_headers: Headers) -> Response:
    """Answer with a file of the latest version, or that it has not changed; on the journal unless it is open.

    Raises NotFound, Unavailable, and NotGranted unless every field is granted, since a file holds them all.
    """
    async with access(service, caller, name, "download") as (dataset, entry):
        resource = of_dataset(dataset)
        granted = decide(service.workspace, caller, resource, None).fields
        kind = file.removeprefix(f"{name}.")
        known = faces.kinds(dataset)
        if kind not in known or file != f"{name}.{kind}":
            raise NotFound(f"there is no such file; there are {', '.join(f'{name}.{each}' for each in known)}")
        if granted != resource.fields:
            raise NotGranted(f"{file} holds fields that are not granted: ask for rows, which come without them")
        version = current(service, dataset)
        entry.fields, entry.source = list(granted), f"version {version.number}"
    path = faces.path(version, kind)
    headers = _validators(version, kind) | {
        "Cache-Control": PUBLIC if resource.open else PRIVATE,
        "Beffroi-Version": str(version.number),
    }
    if unchanged(request_headers, headers["ETag"], version.committed):
        return Response(status_code=304, headers=headers)
    return _whole_or_part(path, headers, FILES[kind], file)


def _validators(version: Version, kind: str) -> dict[str, str]:
    """Return the strong ETag and the date; the commit's time tells versions apart whose number began anew."""
    moment = int(version.committed.timestamp() * 1000)
    return {
        "ETag": f'"{version.dataset}-{version.number}-{moment}.{kind}"',
        "Last-Modified": format_datetime(version.committed.replace(microsecond=0), usegmt=True),
    }


def unchanged(headers: Headers, etag: str, committed: dt.datetime) -> bool:
    """Tell whether the asker's copy is still good (RFC 9110, 13.2.2: the tag first, else the date)."""
    tags = headers.get("if-none-match")
    if tags is not None:
        known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
        return tags.strip() == "*" or etag.removeprefix("W/") in known
    since = headers.get("if-modified-since")
    try:
        return since is not None and committed.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (ValueError, TypeError):  # not a date, or one without a zone: as if it was not there
        return False


def _whole_or_part(path: Path, headers: dict[str, str], media_type: str, file: str) -> "Download":
    try:
        found = path.stat()
    except OSError as error:
        raise Unavailable(f"{file} is not there ({error.strerror}): run the dataset again") from error
    return Download(path, headers=headers, media_type=media_type, filename=file, stat_result=found)


class Download(FileResponse):
    """A file, or the ranges of it that are asked for on GET and make sense; others are ignored (RFC 9110, 14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises HTTPException 416 where no range lies in the file."""
        wanted = self._wanted(Headers(scope=scope)) if scope["method"] == "GET" else None
        kept = [(name, value) for name, value in scope["headers"] if name != b"range"]
        if wanted is not None:
            kept.append((b"range", wanted.encode()))
        await super().__call__({**scope, "headers": kept}, receive, send)

    def _wanted(self, headers: Headers) -> str | None:
        """Return the ranges that lie in the file, or None for all of it."""
        asked, unchanged_if = headers.get("range"), headers.get("if-range")
        if asked is None or not RANGE.fullmatch(asked):
            return None
        if unchanged_if is not None and unchanged_if not in (self.headers["etag"], self.headers["last-modified"]):
            return None
        size = int(self.headers["content-length"])
        ranges = [part.strip() for part in asked.removeprefix("bytes=").split(",")]
        inside = [part for part in ranges if _lies_inside(part, size)]
        if not inside:
            raise HTTPException(416, f"the file has {size} bytes", {"Content-Range": f"bytes */{size}"})
        return f"bytes={','.join(inside)}"


def _lies_inside(part: str, size: int) -> bool:
    """Tell whether a range begins inside the file; one that ends before it begins is none."""
    first, _, last = part.partition("-")
    if not first:
        return int(last) > 0 and size > 0
    return int(first) < size and (not last or int(first) <= int(last))
