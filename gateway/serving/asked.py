"""The short way of a lookup: the usual question, by an identifier, from its bytes to its answer in one go.

It does what the layers of the application, the routes and `answering.answer` do, by the same functions, where nobody need
be waited for but the journal: a token of ours, a purpose, a dataset of our own or an answer that is kept. What is unusual,
wrong or not there takes the long way, before anything of it was counted or written.
"""

import functools
import time
from asyncio import Future
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec
from starlette.datastructures import Headers

from connectors.errors import BeffroiError
from connectors.identities import SCHEME
from connectors.json_names import once
from connectors.records import canonical
from gateway.callers.access import Caller, Resource, decide, identify, of_lookup
from gateway.callers.credentials import Credential
from gateway.callers.tokens import PREFIX
from gateway.journal import Entry
from gateway.languages import LANGUAGE, preferred
from gateway.lookups import at_hand, incoming, providers
from gateway.lookups.answering import data_of, meta_of
from gateway.lookups.at_hand import Local
from gateway.lookups.cache import Found
from gateway.lookups.carried import told_of
from gateway.lookups.hiding import fields_of
from gateway.lookups.plainly import Plainly, reader
from gateway.problems import internal, problem
from gateway.receipt_signing import Proven, wanted
from gateway.service import Service
from gateway.serving.front import ALWAYS, MAX_BODY, line
from gateway.serving.short import PLAIN, UNUSUAL
from gateway.serving.turn import Together
from pipelines.declarations.configuration import Lookup, Provider

if TYPE_CHECKING:
    from starlette.responses import Response

    from gateway.callers.decision import Decision
    from gateway.journal.chain import Row

Raw = list[tuple[bytes, bytes]]
Said = Mapping[bytes, bytes]
Tell = Callable[[int, bytes, bytes], None]
"""Who hears an answer: its status, its headers behind the server's own, each with its end of line, and its body."""

LONG = UNUSUAL - {b"authorization", b"content-length"} | {b"cache-control"}
"""Headers of a question that takes the long way."""

OURS = (b"beffroi-purpose", b"beffroi-agent", b"beffroi-case", b"beffroi-receipt")
MOST_OURS = 512
"""Headers that tell of a caller, and bytes of them together that are remembered; more is no usual question."""

DAY = 86_400

OK = b"cache-control: no-store\r\nage: %d\r\ncontent-length: %d\r\ncontent-type: application/json\r\n"
END = b"".join(b"%b: %b\r\n" % each for each in ALWAYS)


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    """A question as it mostly comes; `gateway/lookups/question.py` says what is wrong with any other."""

    identifier: Annotated[str, msgspec.Meta(max_length=200)]
    fields: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None


class _Lookup(NamedTuple):
    """A lookup that may be asked, what reads a row of it, and the provider that is asked first, by scheme."""

    name: str
    declared: Lookup
    resource: Resource
    plainly: Plainly | None
    first: dict[str, Provider]


@dataclass
class _Asked:
    """A question whose answer waits for its entry."""

    line: tuple[str, str, float]
    language: bytes
    caller: Caller
    entry: Entry
    text: str
    data: dict[str, Any]
    meta: dict[str, Any]
    counted: Raw


_READ = msgspec.json.Decoder(_Question).decode
_WRITTEN = msgspec.json.Encoder().encode


class Asked:
    """What answers a question to a lookup, from when it is read."""

    def __init__(self, service: Service) -> None:
        """`service` is what the gateway answers from."""
        self._service, self._workspace = service, service.workspace
        declared = self._workspace.configuration.lookups
        self._lookups = {
            name.encode(): _Lookup(name, lookup, of_lookup(name, lookup), reader(lookup.record_model), {})
            for name, lookup in declared.items()
        }
        self._who = functools.lru_cache(maxsize=4096)(self._identified)
        self._decided: dict[tuple[object, ...], Decision] = {}
        self._day = 0
        self._begun = Together(self._hand_over)

    def begin(self, method: bytes, target: bytes, headers: Raw, body: bytes, peer: str | None, tell: Tell) -> bool:
        """Take a question, to `tell` its answer once that is journaled; False, and nothing was done, for the long way.

        `target` is what stands behind the method, `headers` have names in lower case.
        """
        started, said = time.monotonic(), dict(headers)
        if len(said) != len(headers) or not LONG.isdisjoint(said):
            return False
        try:
            asked = self._asked(method, target, said, headers, body, peer, started)
        except Exception:  # noqa: BLE001  # the long way says what is wrong, and whose fault
            return False
        if asked is None:
            return False
        self._begun.add((asked, tell))
        return True

    def _hand_over(self, begun: list[tuple[_Asked, Tell]]) -> None:
        """Hand over the entries of the questions that came in one turn, to answer them once those are on disk."""
        written = self._service.journal.together([asked.entry for asked, _ in begun])
        written.add_done_callback(functools.partial(_end, self._service, begun))

    def _asked(
        self, method: bytes, target: bytes, said: Said, headers: Raw, body: bytes, peer: str | None, started: float
    ) -> _Asked | None:
        """Return a question with what answers it, to be journaled; None for the long way. Raises what that raises."""
        parts = target.split(b"/", 3)  # "", lookups, name, identifier
        lookup = self._lookups.get(parts[2]) if len(parts) > 2 and parts[1] == b"lookups" else None
        if lookup is None or (question := _question(method, parts[3:], said, body, lookup)) is None:
            return None
        if (caller := self._caller(said, headers, peer)) is None:
            return None
        scheme, value = canonical(lookup.declared.asked_model, question.identifier)
        if scheme == SCHEME:
            return None
        decision = self._decision(caller, lookup, question.fields)
        began = time.perf_counter()
        if (found := self._found(lookup, scheme, value, caller)) is None:
            return None
        took = time.perf_counter() - began
        granted, data = _given(lookup, decision, found)
        entry = Entry.begin(self._workspace, caller, "lookup", f"lookup:{lookup.name}")
        text = f"{scheme}:{value}"
        entry.identifier, entry.source, entry.fields = self._service.journal.keyed(text), found.source, list(granted)
        about = method.decode(), f"/lookups/{lookup.name}" + ("/{identifier}" if parts[3:] else ""), started
        meta = meta_of(found, (), granted)
        if (
            counted := self._counted(caller)
        ) is None:  # last, for whatever fails before it takes the long way uncounted
            return None
        at_hand.count(self._service, lookup.name, found, took)
        return _Asked(about, said.get(b"accept-language", b""), caller, entry, text, data, meta, counted)

    def _caller(self, said: Said, headers: Raw, peer: str | None) -> Caller | None:
        """Return who asks by a token of ours that is good, and says of the call what is right."""
        scheme, _, token = said.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or not (token := token.strip()).startswith(PREFIX):
            return None
        credential = self._service.credentials.of_token(token, peer, Headers(raw=headers))
        if credential.refusal is not None:
            return None
        ours = tuple([(name, said[name]) for name in OURS if name in said])
        if sum(len(value) for _, value in ours) > MOST_OURS:
            return None
        caller = self._who(credential, ours)
        return caller if caller.refusal is None else None

    def _identified(self, credential: Credential, headers: tuple[tuple[bytes, bytes], ...]) -> Caller:
        """Return the caller whom the headers tell of that are ours. Who says the same is the same while we run."""
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        return wanted(identify(self._workspace, credential, said, None), said)

    def _found(self, lookup: _Lookup, scheme: str, value: str, caller: Caller) -> Found | Local | None:
        """Return what is kept, or the row of a dataset that is asked before anybody else."""
        carried = told_of(self._workspace, lookup.declared, caller)
        if lookup.declared.cache is not None:
            return at_hand.kept(self._service, lookup.name, lookup.declared, scheme, value, carried)
        if (provider := lookup.first.get(scheme)) is None:
            provider = lookup.first[scheme] = providers.asked_by(self._service, lookup.declared, scheme)[0]
        return None if provider.dataset is None else at_hand.local(self._service, provider, value)

    def _counted(self, caller: Caller) -> Raw | None:
        """Count a call; return the headers that tell it, none where nothing is limited. None for the long way."""
        application = caller.application or ""
        limits = self._workspace.applications[application][1].limits
        if limits is None:
            return []
        counted = self._service.credentials.limits.count_now(application, limits)
        if counted is None:
            return None
        return [(name.lower().encode(), value.encode()) for name, value in counted.headers.items()]

    def _decision(self, caller: Caller, lookup: _Lookup, fields: list[str] | None) -> "Decision":
        """Return what `decide` says, asked once a day for all it looks at: declarations do not change while we run.

        Raises what it raises, which is not kept.
        """
        if (day := int(time.time()) // DAY) != self._day:  # the last of a purpose may have come
            self._decided, self._day = {}, day
        if fields is not None:
            return decide(self._workspace, caller, lookup.resource, fields, by_row=True)
        key = (lookup.name, caller.application, caller.purpose, caller.agent is None, caller.case is None)
        if (found := self._decided.get(key)) is None:
            found = self._decided[key] = decide(self._workspace, caller, lookup.resource, None, by_row=True)
        return found


def _question(method: bytes, rest: list[bytes], said: Said, body: bytes, lookup: _Lookup) -> _Question | None:
    """Read what is asked. Raises ValueError for what is no such question."""
    if method == b"GET" and rest and b"content-length" not in said and not lookup.resource.personal:
        return _Question(rest[0].decode()) if not rest[0].translate(None, PLAIN) else None
    form = incoming.form_of(said.get(b"content-type", b"").decode("latin-1"), body)
    if method != b"POST" or rest or form is not None or len(body) > MAX_BODY:
        return None
    once(body)
    return _READ(body)


def _given(lookup: _Lookup, decision: "Decision", found: Found | Local) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the fields that are given of what was found, and them as JSON has them. Raises what `fields_of` raises.

    ValueError is for a row that is to be read by its record.
    """
    if isinstance(found, Local):
        if lookup.plainly is not None and not any(share.rows for share in decision.shares) and decision.fields:
            told = lookup.plainly(found.row)
            return decision.fields, {name: told[name] for name in decision.fields}
        record = lookup.declared.record_model.model_validate_json(found.row)
        found = Found(record, found.source, found.as_of, lacks=found.lacks)
    granted = fields_of(decision, found, ())
    return granted, data_of(found.record, granted)


def _end(service: Service, begun: list[tuple[_Asked, Tell]], written: "Future[list[Row]]") -> None:
    """Tell the answers to questions whose entries are written, or why there are none."""
    try:
        for (asked, _), row in zip(begun, written.result(), strict=True):
            asked.entry.written = row
    except Exception as error:  # noqa: BLE001  # whatever it is: nothing is told that is not journaled
        for asked, tell in begun:
            _fail(asked, tell, error)
        return
    proven = [each for each in begun if each[0].caller.receipt]
    try:
        made = service.receipts.together([Proven(a.entry, a.text, None, a.meta["as_of"], a.data) for a, _ in proven])
        for (asked, _), receipt in zip(proven, made, strict=True):
            asked.meta["receipt"] = receipt
    except Exception as error:  # noqa: BLE001  # those who want none are answered
        for asked, tell in proven:
            _fail(asked, tell, error)
        begun = [each for each in begun if not each[0].caller.receipt]
    for asked, tell in begun:
        _answer(asked, tell)


def _answer(asked: _Asked, tell: Tell) -> None:
    try:
        body = _WRITTEN({"data": asked.data, "meta": asked.meta})
    except Exception as error:  # noqa: BLE001  # the last resort
        _fail(asked, tell, error)
    else:
        _tell(asked, tell, 200, OK % (asked.meta["age_seconds"], len(body)), body)


def _fail(asked: _Asked, tell: Tell, error: Exception) -> None:
    response = copy_context().run(_failed, asked, error)
    _tell(asked, tell, response.status_code, _lines(response.raw_headers), bytes(response.body))


def _tell(asked: _Asked, tell: Tell, status: int, head: bytes, body: bytes) -> None:
    line(*asked.line[:2], status, asked.line[2])
    tell(status, head + _lines(asked.counted) + END if asked.counted else head + END, body)


def _failed(asked: _Asked, error: Exception) -> "Response":
    LANGUAGE.set(preferred(asked.language.decode("latin-1")[:200]))
    return problem(error) if isinstance(error, BeffroiError) else internal(error)


def _lines(headers: Raw) -> bytes:
    return b"".join(b"%b: %b\r\n" % each for each in headers)
