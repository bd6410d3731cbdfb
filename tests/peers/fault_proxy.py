"""A TCP proxy that breaks connections as networks and servers do, for tests. One thread, one event loop.

`fault` may be set at any time to one of:

    none             pass everything on
    latency:SECONDS  pass everything on, the answer that much later
    refuse           close the connection as soon as it is accepted
    reset            half of the answer's body, then a TCP reset
    cut              half of the answer's body, then a clean close
    drip             the answer, a byte a second
    blackhole        accept, read, never answer
    garbage          answer with bytes that are no HTTP
    html             answer HTTP 200 with a block page
    short            half of the answer's body, as if it were all of it
    double           the answer, and the same once more
    other            the answer to the question before this one
    type             the answer, said to be text/html
    status:CODE      answer with that HTTP status and an error page

Of a target that does not speak HTTP, these break a connection once so many bytes of answers have passed:

    cut:BYTES, reset:BYTES, garbage:BYTES, blackhole:BYTES, drip:BYTES

Setting it closes the connections there are, so that none that a client keeps is left on the fault before. `seen`
counts the connections accepted since.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from types import TracebackType
from typing import Self

FAULTS = (
    "none", "latency", "refuse", "reset", "cut", "drip", "blackhole", "garbage", "html", "short", "double", "other", "type",
    "status",
)  # fmt: skip

PAGE = b"<!DOCTYPE html>\n<html><head><title>Blocked</title></head><body><h1>Request blocked</h1></body></html>\n"
HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
    len(PAGE),
    PAGE,
)
ERROR = b"HTTP/1.1 %b Told\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%b"
GARBAGE = random.Random(0).randbytes(4096)


class FaultProxy:
    """Context manager: listens on `port` of this machine and passes on to `target_host:target_port`."""

    port: int

    def __init__(self, target_host: str, target_port: int) -> None:
        self._target = (target_host, target_port)
        self._fault = "none"
        self._before = b""
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._ready = threading.Event()
        self.seen = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fault(self) -> str:
        return self._fault

    @fault.setter
    def fault(self, fault: str) -> None:
        if fault.partition(":")[0] not in FAULTS:
            raise ValueError(f"no such fault: {fault}; there are: {', '.join(FAULTS)}")
        asyncio.run_coroutine_threadsafe(self._set(fault), self._loop).result()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await self._hang_up()

    async def _set(self, fault: str) -> None:
        self._fault, self.seen, self._before = fault, 0, b""
        await self._hang_up()

    async def _hang_up(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen += 1
        task = asyncio.create_task(self._serve(reader, writer, self._fault))
        self._tasks.add(task)
        task.add_done_callback(lambda _: writer.close())  # also where it is cancelled before it has begun
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: str) -> None:
        kind, _, measure = fault.partition(":")
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            if kind == "refuse":
                return
            if kind in {"none", "latency"}:
                await self._pass_on(reader, writer, float(measure or 0))
            elif kind in {"short", "double", "other", "type", "status"}:
                await self._pretend(kind, measure, reader, writer)
            elif measure:
                await self._break_after(kind, int(measure), reader, writer)
            else:
                await self._break(kind, reader, writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency: float) -> None:
        """Pass both directions on until one side closes; the answer `latency` seconds late."""
        there, thither = await asyncio.open_connection(*self._target)
        ways = [asyncio.create_task(_copy(reader, thither, 0)), asyncio.create_task(_copy(there, writer, latency))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            thither.close()

    async def _break(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await _message(reader)
        if kind == "blackhole":
            await asyncio.Event().wait()
        answer = {"garbage": GARBAGE, "html": HTML}.get(kind) or await self._answer(request)
        if kind == "drip":
            for byte in answer:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
            return
        if kind in {"cut", "reset"}:
            body = answer.index(b"\r\n\r\n") + 4
            answer = answer[: body + (len(answer) - body) // 2]
        writer.write(answer)
        await writer.drain()
        if kind == "reset":
            await _reset(writer)

    async def _break_after(
        self, kind: str, spared: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass both directions on, `spared` bytes of what the target says; then what `kind` says."""
        there, thither = await asyncio.open_connection(*self._target)
        asking = asyncio.create_task(_copy(reader, thither, 0))
        try:
            while spared and (piece := await there.read(spared)):
                spared -= len(piece)
                writer.write(piece)
                await writer.drain()
            if kind == "garbage":
                writer.write(GARBAGE)
                await writer.drain()
            if kind == "drip":
                while byte := await there.read(1):
                    writer.write(byte)
                    await writer.drain()
                    await asyncio.sleep(1)
            if kind in {"blackhole", "garbage"}:
                await asyncio.wait([asking])
            if kind == "reset":
                await _reset(writer)
        finally:
            asking.cancel()
            thither.close()

    async def _pretend(
        self, kind: str, measure: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer question after question with what is whole HTTP, and wrong."""
        while request := await _message(reader):
            answer = await self._answer(request)
            head, _, body = answer.partition(b"\r\n\r\n")
            if kind == "status":
                answer = ERROR % (measure.encode(), len(PAGE), PAGE)
            elif kind == "short":
                answer = _headed(head, b"Content-Length", b"%d" % (len(body) // 2)) + body[: len(body) // 2]
            elif kind == "type":
                answer = _headed(head, b"Content-Type", b"text/html") + body
            elif kind == "double":
                answer += answer
            elif kind == "other":
                self._before, answer = answer, self._before or answer
            writer.write(answer)
            await writer.drain()

    async def _answer(self, request: bytes) -> bytes:
        there, thither = await asyncio.open_connection(*self._target)
        try:
            thither.write(request)
            return await _message(there)
        finally:
            thither.close()


def _headed(head: bytes, name: bytes, value: bytes) -> bytes:
    """Return the head of an answer, its end included, with another value of a header that it has."""
    lines = head.split(b"\r\n")
    changed = [b"%b: %b" % (name, value) if line.lower().startswith(name.lower() + b":") else line for line in lines]
    return b"\r\n".join(changed) + b"\r\n\r\n"


async def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset, once what was sent is read: the reset would throw it away."""
    await asyncio.sleep(0.05)
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, latency: float) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            if latency:  # of every piece from its own arrival: an answer in many pieces is not late many times
                asyncio.get_running_loop().call_later(latency, writer.write, piece)
            else:
                writer.write(piece)
                await writer.drain()
        await asyncio.sleep(latency)


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Read one HTTP/1.1 message whole: its head, and a body of the length or in the chunks that the head says."""
    head = await reader.readuntil(b"\r\n\r\n")
    headers = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"chunked" in headers.get(b"transfer-encoding", b""):
        return head + await reader.readuntil(b"\r\n0\r\n\r\n")
    return head + await reader.readexactly(int(headers.get(b"content-length", 0)))
