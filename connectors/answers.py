"""What comes back by HTTP: read whole, or as it arrives, in bounded memory. Only `connectors/http.py` makes these."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import urllib3
from urllib3.exceptions import HTTPError

from connectors.errors import Late, Unreadable
from connectors.sockets import Call

_CHUNK = 65536


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


def late(registry: str) -> Late:
    """Return the error of an answer that was not there in time."""
    return Late(f"{registry} did not finish its answer within the deadline", registry=registry)


def _amount(size: int) -> str:
    return f"{size // 2**20} MiB" if size >= 2**20 else f"{size} bytes"
