"""Files of an S3 bucket, addressed by path at the declared endpoint, by the one way out that all HTTP takes.

Requests are signed by botocore's signer with the declared keys alone: no environment, no metadata service, no
profile is looked at. A bucket without `username:` is read without a signature. Source: Amazon S3 API, ListObjectsV2 and
GetObject; Signature Version 4.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from lxml import etree

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Busy, Misconfigured, Unreadable
from connectors.files.origins_cache import Cache
from connectors.files.origins_http import MAX_FILE, brought
from connectors.files.reading import Hold, LocalFile, fits
from connectors.files.settings import FilesSettings
from connectors.pacing import Pace
from connectors.variables import filled

MOST_PAGES = 1000
"""Pages of a list, at most, of a thousand names each: a bucket that never ends is not one of files to read."""

MOST_FILES = 10_000


class S3Origin:
    """Files below a prefix of a bucket: `url: s3://BUCKET/PREFIX`."""

    def __init__(self, settings: FilesSettings, name: str, root: Path, pace: Pace) -> None:
        """Raise Misconfigured where no endpoint is declared. Nothing is called yet."""
        if settings.endpoint is None or urlsplit(settings.endpoint).scheme not in ("http", "https"):
            raise Misconfigured(f"{name}: say endpoint: the address of the S3 server, https://…", registry=name)
        where = urlsplit(settings.url or "")
        self._settings, self._name, self._pace = settings, name, pace
        self._endpoint = settings.endpoint.rstrip("/")
        self._bucket, self._prefix = where.netloc, where.path.strip("/") + "/" * bool(where.path.strip("/"))
        self._identity = settings.tls.identity(root) if settings.tls else None
        self._cache = Cache(root, name)

    def files(self, pattern: str, hold: Hold, deadline: Deadline) -> Sequence[LocalFile]:
        """Return the files that fit a name or glob below the prefix, each as the list told it. Raises as `http` does."""
        found = []
        for key, etag in self._listed(deadline):
            name = key.removeprefix(self._prefix)
            if fits(name, pattern) and not name.endswith("/"):
                found.append((key, name, etag))
        if len(found) > MOST_FILES:
            raise Misconfigured(f"{self._name}: more than {MOST_FILES:,} files fit {pattern}", registry=self._name)
        return [self._brought(key, name, etag, hold, deadline) for key, name, etag in found]

    def reach(self, pattern: str, deadline: Deadline) -> None:
        """List the bucket, and let the first file that fits go once its first bytes come.

        Raises as `files` does, and Misconfigured where none fits.
        """
        for key, _ in self._listed(deadline):
            name = key.removeprefix(self._prefix)
            if fits(name, pattern) and not name.endswith("/"):
                with self._asked(self._url_of(key), {}, deadline, MAX_FILE) as answer:
                    if answer.status != 200:
                        raise self._refused(answer)
                    answer.read(1)
                return
        raise Misconfigured(
            f"{self._name}: its server has no file {pattern}: look at url: and file:, or ask its owner",
            registry=self._name,
        )

    def _listed(self, deadline: Deadline) -> Iterator[tuple[str, str]]:
        """Yield the keys below the prefix, each with its ETag."""
        token, seen = None, set[str]()
        for _ in range(MOST_PAGES):
            query = {"list-type": "2", "prefix": self._prefix} | ({"continuation-token": token} if token else {})
            url = f"{self._endpoint}/{quote(self._bucket)}?" + "&".join(
                f"{key}={quote(value, safe='')}" for key, value in sorted(query.items())
            )
            with self._asked(url, {}, deadline, http.MAX_BYTES) as answer:
                if answer.status != 200:
                    raise self._refused(answer)
                page = self._parsed(answer.rest())
            for each in page.iterfind("{*}Contents"):
                yield each.findtext("{*}Key") or "", each.findtext("{*}ETag") or ""
            token = page.findtext("{*}NextContinuationToken")
            if page.findtext("{*}IsTruncated") != "true":
                return
            if not token or token in seen:
                break
            seen.add(token)
        raise Unreadable(f"{self._name}: the list of the bucket does not end", registry=self._name)

    def _brought(self, key: str, name: str, etag: str, hold: Hold, deadline: Deadline) -> LocalFile:
        """Return a file as it was when it was listed. Raises Unreadable where it has changed since."""
        url = self._url_of(key)
        kept = self._cache.kept(url)
        if kept is not None and kept.etag and kept.etag == etag:
            path = self._cache.link(kept, hold)
            hold.spend(kept.size, self._name)
            if path is not None:
                return LocalFile(path, name)
        with self._asked(url, {"If-Match": etag} if etag else {}, deadline, MAX_FILE) as answer:
            if answer.status in (404, 412):
                raise Unreadable(f"{self._name}: {name} changed while it was read", registry=self._name)
            if answer.status != 200:
                raise self._refused(answer)
            return brought(answer, url, name, self._cache, hold, self._name)

    def _url_of(self, key: str) -> str:
        return f"{self._endpoint}/{quote(self._bucket)}/{quote(key)}"

    def _asked(
        self, url: str, headers: Mapping[str, str], deadline: Deadline, most: int
    ) -> AbstractContextManager[http.Streamed]:
        """Ask, signed with the declared keys where there are some."""
        return http.stream(
            "GET", url, base=self._endpoint, registry=self._name, deadline=deadline, headers=self._signed(url, headers),
            identity=self._identity, pace=self._pace, most=most,
        )  # fmt: skip

    def _signed(self, url: str, headers: Mapping[str, str]) -> dict[str, str]:
        plain = {"Accept-Encoding": "identity"}  # unsigned: a proxy may change it
        if self._settings.username is None:
            return {**headers, **plain}
        keys = Credentials(
            filled(self._settings.username, self._name), filled(self._settings.password or "", self._name)
        )
        request = AWSRequest("GET", url, headers=dict(headers))
        S3SigV4Auth(keys, "s3", self._settings.region or "us-east-1").add_auth(request)
        return {**dict(request.headers.items()), **plain}

    def _parsed(self, body: bytes) -> etree._Element:
        try:
            page = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError:
            page = None
        if page is None or etree.QName(page).localname != "ListBucketResult":
            raise Unreadable(f"{self._name} answered something that is no list of files", registry=self._name)
        return page

    def _refused(self, answer: http.Streamed) -> BeffroiError:
        status = answer.status
        if status == 404:
            return Misconfigured(f"{self._name}: the server has no bucket {self._bucket}", registry=self._name)
        if status in (301, 307, 308):
            return Misconfigured(
                f"{self._name}: the bucket {self._bucket} is at another endpoint or region: declare it",
                registry=self._name,
            )
        if status == 503:
            return Busy(f"{self._name} asks us to slow down (HTTP 503)", registry=self._name)
        said = http.refusal(answer, self._name)
        return said or Unreadable(f"{self._name} answered HTTP {status} instead of a file", registry=self._name)
