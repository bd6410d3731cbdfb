"""One place that builds every request to a REST registry: its address, who we are, how fast, and whither it may lead.

A registry's file of its own uses this too. Sources: URIs, RFC 3986; redirects, RFC 9110 §15.4. A redirect and a link
are followed under the declared address only: another path of a shared host may be somebody else's.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote, unquote, unquote_plus, urlencode, urljoin

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import Misconfigured, Unreadable
from connectors.pacing import Pace
from connectors.rest.sent import header_of
from connectors.tls import Identity

Query = Sequence[tuple[str, str]]
JSON_TYPE = "application/json"

MOST_OF_A_RECORD = 4 * 2**20
"""Bytes of the answer to a lookup: one record, which is made into objects at once, in many threads."""
MOST_REDIRECTS = 3
MOST_DECODED = 4  # times that a path is decoded to see where it leads: nobody encodes one so often
_WHOLE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")  # a scheme, RFC 3986 §3.1

REDIRECTS = (301, 302, 307, 308)


class Auth(Protocol):
    """What a client needs of `connectors/rest/auth.py`."""

    def apply(self, headers: dict[str, str], query: list[tuple[str, str]], deadline: Deadline) -> None:
        """Add our credentials to a request that is about to be sent."""

    def renew(self, deadline: Deadline) -> bool:
        """Renew them after a 401; tell whether there is anything new to try."""

    def accepted(self) -> None:
        """Note that what was renewed was not answered by another 401."""


@dataclass(frozen=True)
class Reply(http.Response):
    """An answer read whole, `url` being where it came from. `moved` tells that a redirect led there."""

    url: str
    moved: bool


@dataclass(frozen=True)
class Arriving:
    """An answer whose body is still arriving; otherwise as `Reply`."""

    answer: http.Streamed
    url: str
    moved: bool


class Client:
    """Asks one REST registry. Thread-safe."""

    def __init__(
        self,
        name: str,
        base: Callable[[], str],
        *,
        headers: Mapping[str, str] | None = None,
        auth: Auth | None = None,
        identity: Identity | None = None,
        pace: Pace | None = None,
    ) -> None:
        """`name` is the registry's; `base` gives the declared address when it is needed (the sandbox's may not be yet).

        `headers` go with every request, a `${NAME}` in them being a variable of the environment; `auth` adds our
        credentials, and `identity` is who we are in TLS.
        """
        self.name, self._base = name, base
        self._headers, self._auth, self._identity, self._pace = dict(headers or {}), auth, identity, pace

    def get(
        self,
        path: str,
        query: Query = (),
        *,
        deadline: Deadline,
        accept: str = JSON_TYPE,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
        most: int = http.MAX_BYTES,
    ) -> Reply:
        """Ask, and return the whole answer whatever its status; the arguments are those of `stream`.

        Raises what `http.request` raises; Misconfigured for a redirect that leads elsewhere, and what `auth` raises.
        """
        with self.stream(
            path, query, deadline=deadline, accept=accept, headers=headers, method=method, body=body, most=most
        ) as came:
            answer = came.answer
            return Reply(answer.status, answer.headers, answer.rest(), came.url, came.moved)

    @contextmanager
    def stream(
        self,
        path: str,
        query: Query = (),
        *,
        deadline: Deadline,
        accept: str = JSON_TYPE,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        body: bytes | None = None,
        most: int,
    ) -> Iterator[Arriving]:
        """Ask, and give the answer to be read as it arrives, `most` bytes of it. Raises as `get` does.

        `path` is relative to the base (its parts percent-encoded: see `segment`), or a whole URL that the registry told,
        which must lie under the base. A GET is redirected under the base three times at most; after a 401 our
        credentials are renewed once where they can be. A request with a `body` is sent as JSON unless `headers` say.
        """
        base = self._base()
        url, hops, renewed = self._url(base, path, query), 0, False
        sent = {"Accept": accept} | ({} if body is None else {"Content-Type": JSON_TYPE})
        sent |= {name: header_of(text, self.name, f"the header {name} of") for name, text in self._headers.items()}
        sent |= dict(headers or {})
        while True:
            with self._opened(method, url, base, sent, body, deadline, most) as answer:
                location = answer.headers.get("Location", "") if answer.status in REDIRECTS else ""
                refused = answer.status == 401 and not renewed
                if renewed and self._auth is not None and 401 != answer.status < 500:
                    self._auth.accepted()
                if not (location and method == "GET") and not (refused and self._auth is not None):
                    yield Arriving(answer, url, hops > 0)
                    return
                told = http.refusal(answer, self.name)
            # Outside of the block, whose turn of the pace a token's own request may need.
            if location:
                url, hops = self._led(base, joined(url, location), hops), hops + 1
            elif self._auth is not None and self._auth.renew(deadline):
                renewed = True
            else:
                raise told or Unreadable(f"{self.name} answered HTTP 401", registry=self.name)

    def _opened(
        self,
        method: str,
        url: str,
        base: str,
        headers: Mapping[str, str],
        body: bytes | None,
        deadline: Deadline,
        most: int,
    ) -> AbstractContextManager[http.Streamed]:
        sent, added = dict(headers), list[tuple[str, str]]()
        if self._auth is not None:
            self._auth.apply(sent, added, deadline)
        return http.stream(
            method,
            _with(url, added),
            base=base,
            registry=self.name,
            deadline=deadline,
            headers=sent,
            body=body,
            identity=self._identity,
            pace=self._pace,
            most=most,
        )

    def _url(self, base: str, path: str, query: Query) -> str:
        """Return the address of a path, or a told URL as we ask it. Raises Misconfigured where it lies elsewhere."""
        if _WHOLE.match(path):
            return _with(self.under(base, path, "a link"), list(query))
        whole = f"{base.rstrip('/')}/{path}" if path else base
        return _with(self.under(base, whole, "a path"), list(query))

    def _led(self, base: str, url: str, hops: int) -> str:
        if hops == MOST_REDIRECTS:
            raise Unreadable(f"{self.name} redirects more than {MOST_REDIRECTS} times", registry=self.name)
        return self.under(base, url, "a redirect")

    def under(self, base: str, url: str, what: str) -> str:
        """Return `url` as it may be asked. Raises Misconfigured, naming its host only, where it is not under `base`.

        A link that says http: of a registry declared with https: is asked by https: (servers behind a proxy do not know
        better).
        """
        try:
            wanted, declared = parse_url(url), _parsed(base)
        except LocationParseError as error:
            raise Misconfigured(f"{self.name} tells {what} that is not a URL", registry=self.name) from error
        if (wanted.scheme, declared.scheme, wanted.host) == ("http", "https", declared.host) and wanted.port in (
            None,
            80,
        ):
            wanted = wanted._replace(scheme="https", port=None)
        folder = (declared.path or "").rstrip("/")
        path = wanted.path or ""
        if _origin(wanted) != _origin(declared) or climbs(path) or not f"{path}/".startswith(f"{folder}/"):
            where = "another host" if wanted.host != declared.host else "another part of its host"
            raise Misconfigured(
                f"{self.name} is asked at {declared.host} under the declared address only, and {what} leads to {where}"
                f" ({wanted.host}): nothing was asked there; declare it under url: if it is the registry's",
                registry=self.name,
            )
        return wanted._replace(auth=None, fragment=None).url


def segment(text: str) -> str:
    """Return a value as part of a path, percent-encoded. Raises ValueError for one that would climb in the path."""
    if climbs(text):
        raise ValueError("a part of a path that is . or .. leads elsewhere")
    return quote(text, safe="")


def climbs(path: str) -> bool:
    """Tell whether a path leads upwards for some server: by `..`, however encoded, before a `;` or between backslashes."""
    for _ in range(MOST_DECODED):
        if any(part.partition(";")[0].strip() in (".", "..") for part in re.split(r"[/\\]", path)):
            return True
        encoded, path = path, unquote(path)
        if path == encoded:
            return False
    return True


def joined(url: str, link: str) -> str:
    """Return the whole address of a link that was told at `url`; one that is no URL comes back as it is."""
    try:
        return urljoin(url, link)
    except ValueError:
        return link


@lru_cache(maxsize=256)
def _parsed(base: str) -> Url:
    """Return a declared address in its parts: it is held against each call."""
    return parse_url(base)


def _origin(url: Url) -> tuple[str | None, str | None, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme or "")


def _with(url: str, query: Query) -> str:
    """Return a URL with parameters added. Those of these names that it has are taken out (a link may tell our key)."""
    if not query:
        return url
    path, _, had = url.partition("?")
    names = {name for name, _ in query}
    kept = [part for part in had.split("&") if part and unquote_plus(part.partition("=")[0]) not in names]
    return f"{path}?{'&'.join([*kept, urlencode(list(query), quote_via=quote, safe='')])}"
