"""Files of a web server. What did not change since it was brought is not brought again (RFC 9110, 13.1).

A server's list of files cannot be read, so each is named. Redirects are followed on the declared origin only; the
name of a file is ours, whatever a Content-Disposition says.
"""

import base64
import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from connectors import http
from connectors.answers import Streamed
from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from connectors.files.origins_cache import Cache, Kept
from connectors.files.reading import Hold, LocalFile
from connectors.files.settings import FilesSettings
from connectors.pacing import Pace
from connectors.variables import filled

MAX_FILE = 8 * 1024**3
"""Bytes of one file, at most."""

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_CHUNK = 1 << 20


class HttpOrigin:
    """Files below an address of the web."""

    def __init__(self, settings: FilesSettings, name: str, root: Path, pace: Pace) -> None:
        """Raise Misconfigured where a password stands in the address. Nothing is called yet."""
        self._settings, self._name, self._pace = settings, name, pace
        url = settings.url or ""
        if urlsplit(url).password is not None:
            raise Misconfigured(
                f"{name}: a password stands in the address: say username: and password: as a variable, ${{NAME}}",
                registry=name,
            )
        self._base = url if url.endswith("/") else f"{url}/"
        self._identity = settings.tls.identity(root) if settings.tls else None
        self._cache = Cache(root, name)

    def files(self, pattern: str, hold: Hold, deadline: Deadline) -> Sequence[LocalFile]:
        """Return the file of a name, brought here; none where the server has none. Raises as `http.stream` does."""
        found = self._brought(self._url(pattern), pattern, self._headers(), hold, deadline)
        return [] if found is None else [found]

    def reach(self, pattern: str, deadline: Deadline) -> None:
        """Ask for the file of a name, and let it go once its first bytes come. Raises as `files`, and Misconfigured.

        HEAD would be less, and is what servers answer wrongly.
        """
        with self._asked(self._url(pattern), self._headers(), deadline) as answer:
            if answer.status in (404, 410):
                raise Misconfigured(
                    f"{self._name}: its server has no file {pattern} (HTTP {answer.status}): look at url: and file:, or ask"
                    " its owner",
                    registry=self._name,
                )
            if answer.status != 200:
                raise http.refusal(answer, self._name) or self._unexpected(answer)
            _no_page(answer, pattern, self._name)
            answer.read(1)

    def _url(self, pattern: str) -> str:
        """Return the address of the file of a name. Raises Misconfigured for a glob."""
        if "*" in pattern or "[" in pattern:
            raise Misconfigured(
                f"{self._name}: files of a web server cannot be listed: name one, without * or [", registry=self._name
            )
        path, _, query = pattern.partition("?")
        return urljoin(self._base, quote(path)) + (f"?{query}" if query else "")

    def _headers(self) -> dict[str, str]:
        settings = self._settings
        headers = {key: filled(value, self._name) for key, value in settings.headers.items()}
        if settings.username is not None:
            user, password = filled(settings.username, self._name), filled(settings.password or "", self._name)
            headers["Authorization"] = f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
        return headers

    def _brought(
        self, url: str, name: str, headers: Mapping[str, str], hold: Hold, deadline: Deadline
    ) -> LocalFile | None:
        kept = self._cache.kept(url)
        with self._asked(url, {**headers, **_conditions(kept)}, deadline) as answer:
            if answer.status == 304 and kept is not None:
                path = self._cache.link(kept, hold)
                if path is not None:
                    return LocalFile(path, name, _moment(kept.modified))
            elif answer.status in (404, 410):
                return None
            elif answer.status == 200:
                return brought(answer, url, name, self._cache, hold, self._name)
            else:
                raise http.refusal(answer, self._name) or self._unexpected(answer)
        with self._asked(url, headers, deadline) as answer:  # what was kept has gone meanwhile
            if answer.status != 200:
                raise http.refusal(answer, self._name) or self._unexpected(answer)
            return brought(answer, url, name, self._cache, hold, self._name)

    @contextmanager
    def _asked(self, url: str, headers: Mapping[str, str], deadline: Deadline) -> Iterator[Streamed]:
        """Ask for a file, wherever on its origin the server says that it is."""
        for _ in range(_MOST_REDIRECTS + 1):
            with http.stream(
                "GET", url, base=self._base, registry=self._name, deadline=deadline, headers=headers,
                identity=self._identity, pace=self._pace, most=MAX_FILE,
            ) as answer:  # fmt: skip
                if answer.status not in _REDIRECTS or "Location" not in answer.headers:
                    yield answer
                    return
                url = urljoin(url, answer.headers["Location"])
        raise Unreadable(f"{self._name} redirects without an end", registry=self._name)

    def _unexpected(self, answer: Streamed) -> Unreadable:
        return Unreadable(f"{self._name} answered HTTP {answer.status} instead of a file", registry=self._name)


def brought(answer: Streamed, address: str, name: str, cache: Cache, hold: Hold, registry: str) -> LocalFile:
    """Return the file that an answer is, kept under its address. Raises Unreadable where it was cut, or is a web page."""
    _no_page(answer, name, registry)
    modified = answer.headers.get("Last-Modified")
    with cache.new() as (written, part):
        while piece := answer.read(_CHUNK):
            written.write(piece)
        written.flush()
        kept = cache.keep(address, part, answer.headers.get("ETag"), modified)
    path = cache.link(kept, hold)
    hold.spend(kept.size, registry)
    if path is None:
        raise Unreadable(f"{registry}: {name} changed while it was read", registry=registry)
    return LocalFile(path, name, _moment(modified))


def _no_page(answer: Streamed, name: str, registry: str) -> None:
    """Raise Unreadable where an answer is a web page (a sign-in, most often) instead of the file `name`."""
    if answer.content_type == "text/html" and not name.casefold().endswith((".html", ".htm")):
        raise Unreadable(f"{registry} answered a web page instead of {name}", registry=registry)


def _conditions(kept: Kept | None) -> dict[str, str]:
    told = {"If-None-Match": kept.etag, "If-Modified-Since": kept.modified} if kept else {}
    return {name: value for name, value in told.items() if value}


def _moment(text: str | None) -> dt.datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=dt.UTC)
