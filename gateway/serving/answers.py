"""How questions are answered whose entries are on disk, those of one commit together: each with its receipt, if wanted."""

from asyncio import Future
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from connectors.errors import BeffroiError
from gateway.callers.access import Caller
from gateway.journal import Entry
from gateway.languages import LANGUAGE, preferred
from gateway.problems import internal, problem
from gateway.receipt_signing import Proven
from gateway.service import Service
from gateway.serving.askers import Raw
from gateway.serving.front import ALWAYS, line

if TYPE_CHECKING:
    from starlette.responses import Response

    from gateway.journal.chain import Row

Tell = Callable[[int, bytes, bytes], None]
"""Who hears an answer: its status, its headers behind the server's own, each with its end of line, and its body."""

OK = b"cache-control: no-store\r\nage: %d\r\ncontent-length: %d\r\ncontent-type: application/json\r\n"
END = b"".join(b"%b: %b\r\n" % each for each in ALWAYS)


@dataclass
class Begun:
    """A question whose answer waits for its entry."""

    line: tuple[str, str, float]
    language: bytes
    caller: Caller
    entry: Entry
    text: str
    data: dict[str, Any]
    meta: dict[str, Any]
    counted: Raw
    tell: Tell


_WRITTEN = msgspec.json.Encoder().encode


def end(service: Service, groups: list[tuple[list[Begun], "Future[list[Row]]"]]) -> None:
    """Tell the answers to questions whose entries are written, or why there are none."""
    begun = []
    for several, written in groups:
        try:
            for asked, row in zip(several, written.result(), strict=True):
                asked.entry.written = row
            begun += several
        except Exception as error:  # noqa: BLE001  # whatever it is: nothing is told that is not journaled
            for asked in several:
                _fail(asked, error)
    proven = [asked for asked in begun if asked.caller.receipt]
    try:
        made = service.receipts.together([Proven(a.entry, a.text, None, a.meta["as_of"], a.data) for a in proven])
        for asked, receipt in zip(proven, made, strict=True):
            asked.meta["receipt"] = receipt
    except Exception as error:  # noqa: BLE001  # those who want none are answered
        for asked in proven:
            _fail(asked, error)
        begun = [asked for asked in begun if not asked.caller.receipt]
    for asked in begun:
        _answer(asked)


def _answer(asked: Begun) -> None:
    try:
        body = _WRITTEN({"data": asked.data, "meta": asked.meta})
    except Exception as error:  # noqa: BLE001  # the last resort
        _fail(asked, error)
    else:
        _tell(asked, 200, OK % (asked.meta["age_seconds"], len(body)), body)


def _fail(asked: Begun, error: Exception) -> None:
    response = copy_context().run(_failed, asked, error)
    _tell(asked, response.status_code, _lines(response.raw_headers), bytes(response.body))


def _tell(asked: Begun, status: int, head: bytes, body: bytes) -> None:
    line(*asked.line[:2], status, asked.line[2])
    try:
        asked.tell(status, head + _lines(asked.counted) + END if asked.counted else head + END, body)
    except Exception as error:  # noqa: BLE001  # what is wrong with one connection keeps nobody else from an answer
        internal(error)


def _failed(asked: Begun, error: Exception) -> "Response":
    LANGUAGE.set(preferred(asked.language.decode("latin-1")[:200]))
    return problem(error) if isinstance(error, BeffroiError) else internal(error)


def _lines(headers: Raw) -> bytes:
    return b"".join(b"%b: %b\r\n" % each for each in headers)
