"""The short way of a lookup: it answers, journals and signs as the long way does, or leaves the question to that."""

import asyncio
import fcntl
import json
import shutil
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from connectors.errors import Unavailable
from connectors.records import RECORDS
from gateway import receipts
from gateway.callers import access
from gateway.callers.limits import Limits
from gateway.lookups.plainly import reader
from gateway.service import Service
from gateway.serving import asked as asked_module
from gateway.serving.app import application
from pipelines import index, versions
from pipelines.declarations.callers import CallLimits
from pipelines.workspace import Workspace
from tests.effort import some
from tests.gateway.conftest import Gateway, ask
from tests.gateway.test_journal import entries
from tests.gateway.test_short import Answered, Headers, _alike, _answer, _asked, _timeless, in_segments

LOOKUPS = """
  own:
    record: Person
    providers: [{dataset: residents}]
  kept:
    record: Commune
    cache: {seconds: 600}
    providers: [{registry: communes}]
organisations:
"""
PURPOSES = "purposes:\n  suivi: {title: Suivi, procedure: Suivi, legal_basis: L1}\n"
GRANTS = """
          - {lookup: own, fields: [nir, birth_name], purposes: [inscription-scolaire, suivi]}
          - {lookup: kept, fields: '*', purposes: [inscription-scolaire]}
      part:
        title: En partie
        grants:
          - {lookup: copy, fields: [name, code], rows: {code: ['01001']}, purposes: [inscription-scolaire]}
      few:
        title: Limitée
        limits: {per_minute: 100000, per_day: 1000000}
        grants: [{lookup: copy, fields: [name], purposes: [inscription-scolaire]}]
      ecole:
"""
WHO = ("mairie", "ecole", "part", "few", "rien")


class Both:
    """The gateway's two ways over one workspace."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.service = Service(Workspace(root))
        self.app = application(self.service)
        self.tokens = {name: self.service.tokens.issue(name) for name in WHO}
        self.tokens["near"] = self.service.tokens.issue("mairie", networks=["127.0.0.0/8"])
        self.tokens["far"] = self.service.tokens.issue("mairie", networks=["192.0.2.0/24"])

    async def short(self, method: str, target: str, headers: Headers, body: bytes) -> Answered | None:
        """Ask by the short way; None where it leaves the question."""
        done: asyncio.Future[tuple[int, bytes, bytes]] = asyncio.get_running_loop().create_future()

        def tell(*told: Any) -> None:
            done.set_result(told)

        begin = self.app.state.asked.begin
        if not begin(method.encode(), target.encode(), headers, body, "127.0.0.1", tell):
            return None
        status, head, content = await done
        lines = [line.split(b": ", 1) for line in head.removesuffix(b"\r\n").split(b"\r\n")]
        return Answered(status, [(name, value) for name, value in lines], content, "", by_framework=False)

    async def long(self, method: str, path: str, headers: Headers, body: bytes) -> Answered:
        return await _asked(self.app, method, path, b"", headers, body, "127.0.0.1")

    def headers(self, who: str | None, **more: str) -> Headers:
        said = {"host": "x", "beffroi_purpose": "inscription-scolaire"} | more
        if who is not None:
            said["authorization"] = f"Bearer {self.tokens.get(who, who)}"
        return [(name.replace("_", "-").encode(), value.encode()) for name, value in said.items()]


@pytest.fixture(scope="module")
def both(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    root = Path(shutil.copytree(template, tmp_path_factory.mktemp("asked") / "workspace"))
    declared = (root / "beffroi.yaml").read_text(encoding="utf-8")
    declared = declared.replace("\norganisations:\n", LOOKUPS).replace("purposes:\n", PURPOSES, 1)
    (root / "beffroi.yaml").write_text(declared.replace("\n      ecole:\n", GRANTS), encoding="utf-8")
    made = Both(root)
    with closing(made.service):
        yield made


class Case(NamedTuple):
    """A question, and whether the short way takes it."""

    taken: bool
    target: str
    who: str | None = "mairie"
    body: Any = None
    more: dict[str, str] = {}  # nobody writes to it

    @property
    def method(self) -> str:
        return "GET" if self.body is None else "POST"


GET, POST, NIR = "/lookups/copy/01001", "/lookups/copy", "(a number)"
CASES = [
    Case(True, GET), Case(True, "/lookups/copy/insee:01001"), Case(True, GET, more={"accept_language": "fr"}),
    Case(True, POST, body={"identifier": "01001"}), Case(True, POST, body={"identifier": " 01001 ", "fields": ["name", "code"]}),
    Case(True, GET, more={"beffroi_receipt": "yes"}), Case(True, GET, "near"), Case(True, GET, "part"), Case(True, GET, "few"),
    Case(True, POST, body={"identifier": "01001"}, more={"beffroi_receipt": "yes", "content_type": "application/json"}),
    Case(True, GET, more={"x_forwarded_for": "192.0.2.1"}), Case(True, "/lookups/kept/01001"),
    Case(True, GET, more={"beffroi_agent": "m.dupont", "beffroi_case": "2026-1"}),
    Case(True, "/lookups/own", body={"identifier": NIR}),
    Case(True, "/lookups/own", body={"identifier": NIR},
         more={"beffroi_purpose": "suivi", "beffroi_agent": "a", "beffroi_case": "1"}),
    Case(False, "/lookups/own", body={"identifier": NIR}, more={"beffroi_purpose": "suivi", "beffroi_agent": "a"}),
    Case(False, f"/lookups/own/{NIR}"), Case(False, "/lookups/own", body={"identifier": NIR, "fields": ["sex"]}),
    Case(False, "/lookups/own", body={"identifier": NIR, "verify": {"birth_name": "X"}}),
    Case(False, "/lookups/copy/01999"), Case(False, "/lookups/copy/xx"), Case(False, "/lookups/copy/"), Case(False, POST),
    Case(False, "/lookups/copy/01002", "part"), Case(False, GET, "rien"), Case(False, GET, "far"), Case(False, GET, None),
    Case(False, GET, "ecole"), Case(False, GET, "bft_forged"), Case(False, GET, "a.b.c"),
    Case(False, GET, more={"beffroi_purpose": "etat-civil"}), Case(False, GET, more={"beffroi_purpose": "ancienne"}),
    Case(False, GET, more={"beffroi_purpose": "nope"}), Case(False, GET, more={"beffroi_receipt": "maybe"}),
    Case(False, GET, more={"beffroi_agent": "?"}), Case(False, GET, more={"beffroi_case": "Mme Martin"}),
    Case(False, GET, more={"cache_control": "no-cache"}), Case(False, GET, more={"client_cert": ":AAAA:"}),
    Case(False, "/lookups/commune/01001"), Case(False, "/lookups/unmade/01001"), Case(False, "/lookups/nope/01001"),
    Case(False, POST, body={"identifier": "01001", "on": "2020-01-01"}), Case(False, POST, body={"identifiers": ["01001"]}),
    Case(False, POST, body=[{"identifier": "01001"}]), Case(False, POST, body={"identifier": 1}), Case(False, POST, body={}),
    Case(False, POST, body={"identifier": "01001", "fields": []}), Case(False, POST, body={"identifier": "1" * 201}),
    Case(False, POST, body=b'{"identifier": "01002", "identifier": "01001"}'), Case(False, POST, body=b"{"),
    Case(False, POST, body=b'{"identifier": "\xff"}'), Case(False, GET, body={"identifier": "01001"}),
    Case(False, POST, body=b"identifier\n01001\n", more={"content_type": "text/csv"}),
    Case(False, POST, body=b'{"identifier": "01001"}\n', more={"content_type": "application/x-ndjson"}),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.method} {case.target} {case.who} {case.body} {case.more}"
)
def test_both_ways_are_the_same(both: Both, nirs: list[str], case: Case) -> None:
    target = case.target.replace(NIR, nirs[0])
    body = case.body if isinstance(case.body, bytes) else b"" if case.body is None else json.dumps(case.body).encode()
    body, headers = body.replace(NIR.encode(), nirs[0].encode()), both.headers(case.who, **case.more)
    headers += [] if case.body is None else [(b"content-length", b"%d" % len(body))]

    if "kept" in target:
        asyncio.run(both.long(case.method, target, headers, body))
    before = len(entries(both.root / ".beffroi"))
    one = asyncio.run(both.short(case.method, target, headers, body))
    assert (one is not None) == case.taken
    if one is None:
        assert len(entries(both.root / ".beffroi")) == before, "what is left to the long way leaves nothing"
        return
    other = asyncio.run(both.long(case.method, target, headers, body))
    written = entries(both.root / ".beffroi")[before:]
    assert (one.status, _timeless(one.body)) == (other.status, other.body) == (200, other.body)
    assert _alike(_unlimited(one.headers)) == _alike(_unlimited(other.headers))
    assert (b"ratelimit" in dict(one.headers)) == (case.who == "few")
    entry, same = ({**each, "time": "", "salt": ""} for each in written[-2:])
    assert entry == same
    assert entry["outcome"] == "found"
    assert entry["application"] == {"near": "mairie"}.get(str(case.who), case.who)
    if "beffroi_receipt" in case.more:
        _proven(both, json.loads(one.body), written[-2])


def _unlimited(headers: Headers) -> Headers:
    """What is left of limits is less each time."""
    return [(name, b"" if name == b"ratelimit" else value) for name, value in headers]


def _proven(both: Both, answer: dict[str, Any], entry: dict[str, Any]) -> None:
    """Verify a receipt by the public keys, and hold it against the answer and its entry."""
    public = {each["kid"]: each for each in both.service.receipts.keys.jwks()["keys"]}
    assert public
    name, key = both.service.receipts.keys.current()
    claims, salt = receipts.read(answer["meta"]["receipt"], {name: key.public_key()})
    assert receipts.told(claims, salt, answer["data"])
    assert receipts.asked_for(claims, salt, "insee:01001")
    assert (claims.time, claims.outcome, claims.fields) == (entry["time"], "found", entry["fields"])
    assert claims.journal.number > 0


def test_a_token_that_is_revoked_is_good_for_no_more(both: Both) -> None:
    token = both.service.tokens.issue("mairie")
    headers = both.headers(token)
    assert asyncio.run(both.short("GET", GET, headers, b"")) is not None
    other = Service(Workspace(both.root))  # as the command line, in another process
    with closing(other):
        other.tokens.revoke(other.tokens.known(token).id)
    assert asyncio.run(both.short("GET", GET, headers, b"")) is None
    assert asyncio.run(both.long("GET", GET, headers, b"")).status == 401


def test_a_decision_is_kept_for_the_day_alone(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last day of a purpose may be today."""
    calls = []

    def decide(*said: Any, **how: Any) -> Any:
        calls.append(said)
        return access.decide(*said, **how)

    monkeypatch.setattr(asked_module, "decide", decide)
    both.app.state.asked._day = 0
    for _ in range(3):
        assert asyncio.run(both.short("GET", GET, both.headers("mairie"), b"")) is not None
    assert len(calls) == 1
    both.app.state.asked._day -= 1
    assert asyncio.run(both.short("GET", GET, both.headers("mairie"), b"")) is not None
    assert len(calls) == 2


@pytest.mark.parametrize("error", [Unavailable("journal.db cannot be used: disk full"), RuntimeError("unforeseen")])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_is_not_journaled_is_not_told(
    both: Both, monkeypatch: pytest.MonkeyPatch, error: Exception, language: str
) -> None:
    """A disk that is full for real: `test_full_disk.py`."""

    def add(*_: Any) -> Any:
        raise error

    headers = both.headers("few", accept_language=language)
    with monkeypatch.context() as patched:
        patched.setattr(both.service.journal._store, "add", add)
        one = asyncio.run(both.short("GET", GET, headers, b""))
        other = asyncio.run(both.long("GET", GET, headers, b""))
    assert one is not None
    assert (one.status, one.body) == (other.status, other.body) == (503, other.body)
    assert _alike(_unlimited(one.headers)) == _alike(_unlimited(other.headers))
    assert asyncio.run(both.short("GET", GET, headers, b"")) is not None, "and the journal goes on"


def test_a_call_too_many_is_left_to_the_long_way(tmp_path: Path) -> None:
    """And so is one that another worker keeps from being counted at once; neither is counted here."""
    limits, most = Limits(tmp_path), CallLimits(per_day=2)
    assert limits.count_now("app", most) is not None
    with (tmp_path / "limits" / "app").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert limits.count_now("app", most) is None
    assert limits.count_now("app", most) is not None
    assert limits.count_now("app", most) is None
    refused = asyncio.run(limits.count("app", most))
    assert refused.refusal is not None
    assert [each.left for each in refused.windows] == [0]


# --- over a socket ---------------------------------------------------------------------------------------------------


def _requests(gateway: Gateway) -> list[bytes]:
    said = "".join(f"{name}: {value}\r\n" for name, value in gateway.headers("mairie").items()).encode()
    body = b'{"identifier": "01002"}'
    post = b"POST /lookups/copy HTTP/1.1\r\nHost: x\r\n%b" % said
    return [
        b"GET /lookups/copy/01001 HTTP/1.1\r\nHost: x\r\n%b\r\n" % said,
        b"%bContent-Length: %d\r\n\r\n%b" % (post, len(body), body),
        b"%bTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (post, len(body), body),
        b"%bContent-Length: 2\r\n\r\n{}" % post,
        b"GET /lookups/copy/01999 HTTP/1.1\r\nHost: x\r\n%b\r\n" % said,
        b"GET /datasets/things/rows/7 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n",
    ]


TOLD = [
    b'"code":"01001"',
    b'"code":"01002"',
    b'"code":"01002"',
    b"invalid-request",
    b"not-found",
    b'"id":7',
    b'"journal"',
]
"""What the answers to those are known by."""


@given(st.lists(st.integers(0, len(TOLD) - 1), min_size=1, max_size=9), st.lists(st.integers(1, 400), max_size=6))
@some(40)
def test_answers_come_in_the_order_of_questions(gateway: Gateway, asked: list[int], cuts: list[int]) -> None:
    """Whatever stands in one segment, and wherever segments are cut; and each has its entry."""
    requests, address = _requests(gateway), urlsplit(gateway.url)
    whole, before = b"".join(requests[each] for each in asked), len(entries(gateway.root / ".beffroi"))
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        in_segments(connection, whole, cuts)
        found = [_answer(connection, head=False)[1] for _ in asked]
    assert [TOLD[each] in body for each, body in zip(asked, found, strict=True)] == [True] * len(asked), found
    journaled = len(entries(gateway.root / ".beffroi")) - before
    assert journaled == sum(each < 5 for each in asked)


def test_whoever_asks_and_never_reads_is_waited_for(root: Path) -> None:
    """What is answered meanwhile would stand in memory."""
    taken = 0
    with Gateway(root) as gateway, socket.socket() as connection:
        gateway._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((urlsplit(gateway.url).hostname or "", urlsplit(gateway.url).port or 0))
        connection.settimeout(0.5)
        with suppress(TimeoutError):
            while taken < 20_000_000:
                taken += connection.send(_requests(gateway)[0] * 100)
        assert ask(gateway.url, "GET", "/lookups/copy/01001", gateway.headers("mairie")).status == 200, (
            "nobody else waits"
        )
        assert len(entries(root / ".beffroi")) < 5_000, "no more is asked for whoever does not read"
    assert taken < 20_000_000


def test_what_is_no_request_ends_the_connection(gateway: Gateway) -> None:
    """Also where a question before it still waits for its entry."""
    before, address = len(entries(gateway.root / ".beffroi")), urlsplit(gateway.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
        connection.sendall(_requests(gateway)[0] + b"\0\r\n\r\n")
        answer = b""
        with suppress(ConnectionError):
            while got := connection.recv(65536):
                answer += got
    assert answer.startswith(b"HTTP/1.1 400")
    assert ask(gateway.url, "GET", "/lookups/copy/01001", gateway.headers("mairie")).status == 200
    assert len(entries(gateway.root / ".beffroi")) == before + 2


def test_a_gateway_that_ends_answers_what_it_has_begun(root: Path) -> None:
    with Gateway(root) as gateway:
        store, address, request = gateway.service.journal._store, urlsplit(gateway.url), _requests(gateway)[0]
        add = store.add

        def slow(contents: Sequence[Any]) -> Any:
            gateway._server.should_exit = True
            asyncio.run(asyncio.sleep(0.5))  # while the server looks which connections still wait
            return add(contents)

        store.add = slow  # type: ignore[method-assign]
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=30) as connection:
            connection.sendall(request)
            answer = b""
            while got := connection.recv(65536):
                answer += got
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close\r\n" in answer
    assert entries(root / ".beffroi")[-1]["outcome"] == "found"


# --- rows without a record -------------------------------------------------------------------------------------------

VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, "x", "", "é\u2028", "2026-01-31", "2026-02-30", "2026-01-31T00:00:00", "12", 0, -1, 12, 2**70, 1.0, 1.5, 1e300, True, [], ["a"], [1], {}]
)  # fmt: skip


@given(st.data())
@some(200)
def test_a_row_that_is_read_plainly_is_what_its_record_tells(data: st.DataObject) -> None:
    model = RECORDS[data.draw(st.sampled_from(sorted(RECORDS)))]
    plainly = reader(model)
    assert plainly is not None
    row = {
        name: data.draw(VALUES)
        for name in [*model.model_fields, "more"]
        if data.draw(st.booleans()) or data.draw(st.booleans())
    }
    if data.draw(st.booleans()):
        row.pop("more", None)
    text = json.dumps(row).encode()
    try:
        told = plainly(text)
    except ValueError:  # it is left to the record, whatever that makes of it
        return
    try:
        record = model.model_validate_json(text)
    except ValidationError:
        pytest.fail(f"the record would refuse {row}")
    assert json.dumps(told) == json.dumps(record.model_dump(mode="json"))


def test_the_rows_of_a_dataset_are_read_plainly(both: Both) -> None:
    """Else the test above holds nothing."""
    plainly, version = reader(RECORDS["Commune"]), versions.latest(both.service.workspace, "communes")
    assert plainly is not None
    assert version is not None
    assert plainly(index.row(version, "01001") or b"")["code"] == "01001"
