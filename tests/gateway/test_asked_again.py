"""Questions whose head came before are not read again: they are answered, and journaled, as if each was read."""

import asyncio
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import receipts
from gateway.journal import Entry
from gateway.receipt_keys import public
from gateway.receipt_signing import SIGNED
from gateway.service import Service
from gateway.serving.asked import Asked
from gateway.serving.askers import MOST_OURS, MOST_TEXTS
from gateway.serving.short import Rows
from pipelines.workspace import Workspace
from tests.effort import some
from tests.gateway.test_again import Clock, Wire, connected, cut, turns
from tests.gateway.test_journal import entries


class Forgetful(Asked):
    """What reads every head."""

    def again(self, _request: bytes, _tell: object) -> bool:
        return False


@pytest.fixture(scope="module")
def service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("asked-again") / "workspace"))
    with closing(Service(Workspace(root))) as made:
        yield made


@pytest.fixture(scope="module")
def token(service: Service) -> str:
    return service.tokens.issue("mairie")


async def waited(wire: Wire) -> None:
    """Wait until nothing is left to be answered."""
    for _ in range(20_000):
        cycle = wire.protocol.cycle
        if wire.closed or ((cycle is None or cycle.response_complete) and not getattr(wire.protocol, "pipeline", ())):
            return
        await asyncio.sleep(0)
        time.sleep(0.0001)  # noqa: ASYNC251  # the journal writes in a thread, whatever the clock of the loop says
    raise TimeoutError


async def sent(asked: Asked, service: Service, segments: Sequence[bytes]) -> tuple[bytes, bool]:
    """Send segments over one connection; return what was told, but for ages, and whether it was closed."""
    wire, _ = connected(Rows(service), asked)
    for segment in segments:
        if segment and not wire.closed:
            wire.protocol.data_received(segment)
            await asyncio.sleep(0)
    if getattr(wire.protocol, "_between", True):  # else what has not come whole is waited for
        await waited(wire)
    await turns()
    await service.journal.write(Entry("lookup", "lookup:last", "api"))  # by then all that came before is written
    wire.protocol.connection_lost(None)
    return re.sub(rb'"age_seconds": ?\d+|content-length: \d+|age: \d+', b"", wire.told), wire.closed


def head(token: str, more: bytes = b"") -> bytes:
    said = f"Host: x\r\nAuthorization: Bearer {token}\r\nBeffroi-Purpose: inscription-scolaire\r\n"
    return said.encode() + more + b"\r\n"


GET, POST = b"GET /lookups/copy/%b HTTP/1.1\r\n", b"POST /lookups/copy HTTP/1.1\r\n"
BODY, OTHER = b'{"identifier":"01001"}', b'{"identifier":"01002"}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
WITHIN = GET % b"01004" + b"Host: x\r\n\r\n"
"""What is no request where it stands within another."""

QUESTIONS = [
    (GET % b"01001", b"", b""), (GET % b"01002", b"", b""), (GET % b"insee:01001", b"", b""), (GET % b"01999", b"", b""),
    (POST, LENGTH, BODY), (POST, LENGTH, OTHER), (POST, b"Beffroi-Agent: a\r\n" + LENGTH, OTHER),
    (POST, b"Content-Length: %d\r\n" % (len(BODY) + 4), BODY + b"\r\n\r\n"), (POST, b"Content-Length: 26\r\n", b"\r\n\r\n" + BODY),
]  # fmt: skip
ODD = [
    (GET % b"01001", LENGTH, BODY), (POST, b"", b""), (POST, b"", BODY), (POST, LENGTH, BODY[:-1]), (POST, LENGTH, BODY + b"x"),
    (POST, LENGTH, BODY + WITHIN), (POST, b"Content-Length: 0\r\n", b""), (POST, LENGTH + LENGTH, BODY), (POST, LENGTH, b"{}" + b" " * 20),
    (POST, b"Transfer-Encoding: chunked\r\n", b"16\r\n" + BODY + b"\r\n0\r\n\r\n"), (POST, b"Content-Type: text/csv\r\n" + LENGTH, BODY),
    (GET % b"01001", b"Connection: close\r\n", b""), (GET % b"01001", b"Authorization: Bearer x\r\n", b""),
    (GET % b"01001", b"Cache-Control: no-cache\r\n", b""), (GET % b"01001", b"Client-Cert: :AA:\r\n", b""),
    (GET % b"01001", b"Expect: 100-continue\r\n", b""), (GET % b"01001", b"Beffroi-Purpose: x\r\n", b""), (GET % b"01001", b"A: b\n", b""),
    (GET % b"01001", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b""), (GET % b"01001", b"A: " + WITHIN, b""), (GET % b"01001", b"A: b\r\n c\r\n", b""),
    (GET % b"01001?fields=name", b"", b""), (GET % b"0100%31", b"", b""), (GET % b"01001/x", b"", b""), (GET % b"", b"", b""), (GET % b"01001 ", b"", b""),
    (b"GET /lookups/copy/01001 HTTP/1.0\r\n", b"", b""), (b"HEAD /lookups/copy/01001 HTTP/1.1\r\n", b"", b""), (b"PUT /lookups/copy HTTP/1.1\r\n", LENGTH, BODY),
    (b"GET  /lookups/copy/01001 HTTP/1.1\r\n", b"", b""), (b"GET /lookups/copy/01001 HTTP/1.1\n", b"", b""), (b"get /lookups/copy/01001 HTTP/1.1\r\n", b"", b""),
    (b"GET http://x/lookups/copy/01001 HTTP/1.1\r\n", b"", b""), (b"\r\n" + GET % b"01001", b"", b""), (GET % b"01001\0", b"", b""), (GET % b"\xc3\xa9", b"", b""),
    (b"GET /lookups/nope/01001 HTTP/1.1\r\n", b"", b""), (b"GET /datasets/things/rows/7 HTTP/1.1\r\n", b"", b""), (b"GET /slow HTTP/1.1\r\n", b"", b""),
]  # fmt: skip
CUTS = st.lists(st.integers(0, 400), max_size=3)


@given(st.lists(st.tuples(st.sampled_from(QUESTIONS * 6 + ODD), CUTS), min_size=1, max_size=6))
@some(60)
def test_it_makes_no_difference(
    service: Service, token: str, several: list[tuple[tuple[bytes, bytes, bytes], list[int]]]
) -> None:
    """Each head comes first by itself, so that it is known where it may be; then all, over one connection."""
    asked, segments, journal = Asked(service), list[bytes](), service.workspace.state
    for (line, more, body), cuts in several:
        asyncio.run(sent(asked, service, [(POST if body else GET % b"01003") + head(token, more) + body]))
        segments += cut(line + head(token, more) + body, cuts)
    counts, told = [len(entries(journal))], []
    for way in (asked, Forgetful(service)):
        told.append(asyncio.run(sent(way, service, segments)))
        counts.append(len(entries(journal)))
    assert told[0] == told[1], segments
    assert counts[1] - counts[0] == counts[2] - counts[1], segments


def test_what_is_known_is_usual(service: Service, token: str) -> None:
    """Else the test above holds nothing."""
    asked = Asked(service)

    async def known(line: bytes, more: bytes, body: bytes) -> bool:
        await sent(asked, service, [line + head(token, more) + body])
        taken = asked.again(line + head(token, more) + body, lambda *_: None)
        await asyncio.sleep(0.01)
        return taken

    for each in QUESTIONS:
        assert asyncio.run(known(*each)) == (b"01999" not in each[0]), each
    for each in ODD:
        assert not asyncio.run(known(*each)), each


def test_what_stands_behind_an_empty_line_is_no_head(service: Service, token: str) -> None:
    """Servers pass over one before a request: what follows it begins with the request's own line, which is no header."""
    asked, question = Asked(service), GET % b"01001" + head(token)
    told, _ = asyncio.run(sent(asked, service, [b"\r\n" + question]))
    assert told.count(b'"code":"01001"') == 1
    assert not asked._askers._known
    told, closed = asyncio.run(sent(asked, service, [GET % b"01002" + question]))
    assert told.startswith(b"HTTP/1.1 400")
    assert closed


def test_a_head_that_is_known_is_good_as_long_as_its_token(service: Service) -> None:
    asked, token = Asked(service), service.tokens.issue("mairie")
    question = GET % b"01001" + head(token)

    async def taken() -> bool:
        found = asked.again(question, lambda *_: None)
        await asyncio.sleep(0.01)
        return found

    assert not asyncio.run(taken()), "it never came"
    told, _ = asyncio.run(sent(asked, service, [question]))
    assert told.count(b'"code":"01001"') == 1
    assert asyncio.run(taken())
    with closing(Service(Workspace(service.workspace.root))) as other:  # as the command line, in another process
        other.tokens.revoke(other.tokens.known(token).id)
    assert not asyncio.run(taken())


def test_a_token_that_is_bound_to_networks_is_held_against_each_call(service: Service) -> None:
    asked, token = Asked(service), service.tokens.issue("mairie", networks=["127.0.0.0/8"])
    told, _ = asyncio.run(sent(asked, service, [GET % b"01001" + head(token)]))
    assert told.count(b'"code":"01001"') == 1
    assert not asked.again(GET % b"01001" + head(token), lambda *_: None)


def test_of_a_head_no_token_is_kept(service: Service, token: str) -> None:
    asked = Asked(service)
    asyncio.run(sent(asked, service, [GET % b"01001" + head(token)]))
    assert asked._askers._known
    assert token not in repr(asked._askers._known)


def test_so_many_heads_are_known(service: Service, token: str) -> None:
    asked = Asked(service)
    [asker] = [asked._askers.read([(b"authorization", f"Bearer {token}".encode())], None)]
    assert asker is not None
    for number in range(MOST_TEXTS + 5):
        asked.remember(b"GET /lookups/ HTTP/1.1\r\nA: %d\r\n\r\n" % number, asker)
    assert len(asked._askers._known) == MOST_TEXTS


def test_what_a_caller_says_of_itself_is_remembered_only_as_long_as_it_is_usual(service: Service, token: str) -> None:
    askers = Asked(service)._askers

    def read(purpose: bytes, case: bytes) -> object:
        more = [(b"beffroi-purpose", purpose), (b"beffroi-case", case)]
        return askers.read([(b"authorization", f"Bearer {token}".encode()), *more], None)

    purpose = b"inscription-scolaire"
    assert read(purpose, b"c" * 64) is not None
    known = askers._who.cache_info().currsize
    for number in range(5):
        long = b"%d" % number + b"p" * (MOST_OURS - 64)
        assert read(long, b"c" * 64) is None, "the long way judges it"
    assert askers._who.cache_info().currsize == known
    assert read(b"p" * (MOST_OURS - 64), b"c" * 64) is not None, "it is as long as may be"
    assert askers._who.cache_info().currsize == known + 1


def test_an_idle_connection_is_closed(service: Service, token: str) -> None:
    """Five seconds after the last answer, and not while one is waited for."""
    loop, asked, question = Clock(), Asked(service), GET % b"01001" + head(token)

    async def answered() -> None:
        wire, protocol = connected(Rows(service), asked, timeout_keep_alive=5)
        for place in range(3):
            protocol.data_received(question)
            loop.now += 6
            await asyncio.sleep(0)
            assert not wire.closed, "it waits for its answer"
            await waited(wire)
            assert wire.told.count(b"HTTP/1.1 200") == place + 1
            loop.now += 4.5
            await turns()
            assert not wire.closed
        loop.now += 6
        await turns()
        assert wire.closed

    with closing(loop):
        loop.run_until_complete(asyncio.wait_for(answered(), 60))


def test_questions_of_one_turn_have_their_own_answers(service: Service, token: str) -> None:
    """Each its own entry and receipt, if it wants one; those that want one share signatures."""
    asked, codes = Asked(service), ["01001", "01002", "01004", "01005", "01006"] * 5

    async def answered() -> list[bytes]:
        wires = [connected(Rows(service), asked)[0] for _ in codes]
        for place, (wire, code) in enumerate(zip(wires, codes, strict=True)):
            more = b"Beffroi-Receipt: yes\r\n" if place % 4 else b""
            wire.protocol.data_received(GET % code.encode() + head(token, more))
        for wire in wires:
            await waited(wire)
        return [wire.told for wire in wires]

    told = [json.loads(each.partition(b"\r\n\r\n")[2]) for each in asyncio.run(answered())]
    keys, signed, numbers = public(json.dumps(service.receipts.keys.jwks()).encode()), set(), set()
    for place, (code, each) in enumerate(zip(codes, told, strict=True)):
        assert each["data"]["code"] == code
        assert ("receipt" in each["meta"]) == bool(place % 4)
        if place % 4:
            claims, salt = receipts.read(each["meta"]["receipt"], keys)
            assert receipts.asked_for(claims, salt, code)
            assert receipts.told(claims, salt, each["data"])
            signed.add(each["meta"]["receipt"].split("~")[0])
            numbers.add(claims.journal.number)
    assert len(numbers) == sum(1 for place in range(len(codes)) if place % 4)
    assert len(signed) == -(-len(numbers) // SIGNED)


def test_where_nothing_can_be_signed_who_wants_no_receipt_is_answered(template: Path, tmp_path: Path) -> None:
    """Of those whose entries were written together."""
    root = Path(shutil.copytree(template, tmp_path / "workspace"))
    (root / ".beffroi/receipts").mkdir()
    (root / ".beffroi/receipts/key").write_text("no key")

    async def answered(service: Service) -> list[bytes]:
        asked, token = Asked(service), service.tokens.issue("mairie")
        wires = [connected(Rows(service), asked)[0] for _ in range(4)]
        for wire, more in zip(wires, [b"", b"Beffroi-Receipt: yes\r\n"] * 2, strict=True):
            wire.protocol.data_received(GET % b"01001" + head(token, more))
        for wire in wires:
            await waited(wire)
        return [wire.told for wire in wires]

    with closing(Service(Workspace(root))) as service:
        told = asyncio.run(answered(service))
    assert [b'"code":"01001"' in each for each in told] == [True, False] * 2, told
    assert [b"misconfigured" in each for each in told] == [False, True] * 2


def test_what_goes_wrong_for_one_is_not_the_others_loss(
    service: Service, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a connection that takes no answer, nor an entry that cannot be made, leaves anybody waiting."""

    async def answered(spoil: Callable[[list[Wire]], None]) -> list[bytes]:
        asked = Asked(service)
        wires = [connected(Rows(service), asked)[0] for _ in range(3)]
        for wire in wires:
            wire.protocol.data_received(GET % b"01001" + head(token))
        spoil(wires)
        for wire in wires:
            await waited(wire)
        return [wire.told for wire in wires]

    def refuse(_: bytes) -> None:
        raise RuntimeError("no such wire")

    told = asyncio.run(answered(lambda wires: setattr(wires[0], "write", refuse)))
    assert [b'"code":"01001"' in each for each in told] == [False, True, True]
    with monkeypatch.context() as patched:
        patched.setattr(Entry, "canonical", lambda _: refuse(b""))
        told = asyncio.run(answered(lambda _: None))
    assert [each.startswith(b"HTTP/1.1 500") for each in told] == [True] * 3, told
