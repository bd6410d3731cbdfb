"""What comes back by HTTP: read whole, or as it arrives, in bounded memory. Only `connectors/http.py` makes these."""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import urllib3
from urllib3.exceptions import HTTPError

from connectors.errors import BeffroiError, Busy, Down, Late, RefusedUs, Unreadable
from connectors.ledgers import MOST_AWAY
from connectors.sockets import Call

_CHUNK = 65536

_BEARER_ERROR = re.compile(r"""\berror\s*=\s*"?([a-z_]+)""", re.IGNORECASE)
_LACKS: Mapping[str, str] = {
    "invalid_token": "the token is expired, revoked or not one of its own",
    "insufficient_scope": "the token has not the scope that this needs",
    "401": "it does not know the key, password or token, or no longer",
    "403": "it knows who asks, who may not do this: a right or a scope is missing",
}


@dataclass(frozen=True)
class Response:
    """An HTTP answer, read whole. The status alone says nothing: the registry's file decides what it means.

    `headers` are found by their names in whatever case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """Return the media type in lower case, without parameters."""
        return media_type(self.headers)


class Streamed:
    """An HTTP answer whose body is still arriving; a file to read from, for parsers. For one thread at a time.

    As a context manager it hands its connection back: kept where the body was read to its end, closed otherwise.
    """

    def __init__(self, answer: urllib3.BaseHTTPResponse, call: Call, registry: str, most: int) -> None:
        """`most` is the size in bytes, after decompression, beyond which the answer is refused."""
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self._answer, self._call, self._registry, self._most = answer, call, registry, most
        self._chunks = answer.stream(_CHUNK, decode_content=True)
        self._chunk = memoryview(b"")
        self._size = 0
        self._ended = False
        self._failed: Late | Unreadable | None = None

    @property
    def content_type(self) -> str:
        """Return the media type in lower case, without parameters."""
        return media_type(self.headers)

    def read(self, n: int) -> bytes:
        """Return the next bytes of the body, decompressed: from 1 to `n` of them, none at its end.

        Raises Late, and Unreadable where the body was cut or garbled on its way or is larger than `most`.
        """
        if not self._chunk:
            self._chunk = memoryview(self._next())
        given, self._chunk = self._chunk[:n], self._chunk[n:]
        return bytes(given)

    def rest(self, most: int | None = None) -> bytes:
        """Return all that has not been read yet, an answer of `most` bytes at most. Raises as `read` does."""
        self._most = self._most if most is None else min(self._most, most)
        chunks = [bytes(self._chunk)]
        self._chunk = memoryview(b"")
        while chunk := self._next():
            chunks.append(chunk)
        return b"".join(chunks)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._ended:
            self._answer.close()
        self._answer.release_conn()

    def _next(self) -> bytes:
        if self._failed:  # whoever reads on after an error must not take the nothing that follows for the end
            raise self._failed
        try:
            chunk = next(self._chunks, b"")
        except (HTTPError, OSError) as error:
            self._failed = late(self._registry) if self._call.shut else self._cut(error)
            raise self._failed from error
        self._size += len(chunk)
        if self._call.shut:  # a body without a length ends quietly when the connection is shut
            self._failed = late(self._registry)
        elif self._size > self._most:
            self._failed = Unreadable(
                f"the answer of {self._registry} is larger than {_amount(self._most)} and was refused",
                registry=self._registry,
            )
        if self._failed:
            raise self._failed
        self._ended = not chunk
        return chunk

    def _cut(self, error: Exception) -> Unreadable:
        return Unreadable(
            f"the answer of {self._registry} was cut or garbled on its way ({type(error).__name__})",
            registry=self._registry,
        )


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type that headers tell, in lower case, without parameters; empty where they tell none."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return in how many seconds headers ask us to come again; None where they do not say, or say it in no known form.

    Seconds or a date (RFC 9110, 10.2.3), from 0 to MOST_AWAY. A date counts from the answer's own, if it has one:
    clocks differ.
    """
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return min(float(said.lstrip("0")[:10] or "0"), MOST_AWAY)
    until = _moment(said)
    if until is None:
        return None
    now = _moment(headers.get("Date", "")) or dt.datetime.now(dt.UTC)
    return min(max(0.0, (until - now).total_seconds()), MOST_AWAY)


def _moment(text: str) -> dt.datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def refusal(response: Response | Streamed, registry: str) -> BeffroiError | None:
    """Return the error that a status means by itself, where the body holds nothing better: 401, 403, 429, 5xx.

    What a bearer token lacks is told by RFC 6750 (3.1); else 401 is about who we are, 403 about what we may do
    (RFC 9110, 15.5.2 and 15.5.4).
    """
    status = response.status
    if status in (401, 403):
        said = response.headers.get("WWW-Authenticate", "")
        word = _BEARER_ERROR.search(said)
        why = _LACKS.get(word[1].lower() if word else "", _LACKS[str(status)])
        return RefusedUs(f"{registry} refuses our credentials (HTTP {status}): {why}", registry=registry)
    retry_in = retry_after(response.headers)
    if status == 429:
        return Busy(f"{registry} asks us to slow down (HTTP 429)", registry=registry, retry_in=retry_in)
    if status >= 500:
        return Down(f"{registry} says that it is out of order (HTTP {status})", registry=registry, retry_in=retry_in)
    return None


def late(registry: str) -> Late:
    """Return the error of an answer that was not there in time."""
    return Late(f"{registry} did not finish its answer within the deadline", registry=registry)


def _amount(size: int) -> str:
    return f"{size // 2**20} MiB" if size >= 2**20 else f"{size} bytes"
