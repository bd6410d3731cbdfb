"""The short way of a lookup: the usual question, by an identifier, from its bytes to its answer in one go.

It does what the layers of the application, the routes and `answering.answer` do, by the same functions, where nobody need
be waited for but the journal: a token of ours, a purpose, a dataset of our own or an answer that is kept. What is unusual,
wrong or not there takes the long way, before anything of it was counted or written.
"""

import asyncio
import functools
import time
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

from connectors.carried import NOTHING
from connectors.identities import SCHEME
from connectors.json_names import once
from connectors.records import canonical
from gateway.callers.access import Caller, Resource, decide, of_lookup
from gateway.journal import Entry
from gateway.lookups import at_hand, incoming, providers
from gateway.lookups.answering import data_of, meta_of
from gateway.lookups.at_hand import Local
from gateway.lookups.cache import Found
from gateway.lookups.carried import told_of, words_of
from gateway.lookups.hiding import fields_of
from gateway.lookups.plainly import Plainly, reader
from gateway.service import Service
from gateway.serving.answers import Begun, Tell, end
from gateway.serving.askers import Asker, Askers, Raw
from gateway.serving.front import MAX_BODY
from gateway.serving.short import PLAIN
from gateway.serving.turn import Together
from pipelines.declarations.configuration import Lookup, Provider

if TYPE_CHECKING:
    from gateway.callers.decision import Decision
    from gateway.journal.chain import Row

DAY = 86_400


class _Question(msgspec.Struct, forbid_unknown_fields=True):
    """A question as it mostly comes; `gateway/lookups/question.py` says what is wrong with any other."""

    identifier: Annotated[str, msgspec.Meta(max_length=200)]
    fields: Annotated[list[str], msgspec.Meta(min_length=1)] | None = None


class _Lookup(NamedTuple):
    """A lookup that may be asked, what reads a row of it, the provider that is asked first, by scheme, if any is told who asks."""

    name: str
    declared: Lookup
    resource: Resource
    plainly: Plainly | None
    first: dict[str, Provider]
    tells: bool


_READ = msgspec.json.Decoder(_Question).decode


class Asked:
    """What answers a question to a lookup, from when it is read."""

    def __init__(self, service: Service) -> None:
        """`service` is what the gateway answers from."""
        self._service, self._workspace = service, service.workspace
        declared = self._workspace.configuration.lookups
        self._lookups = {
            name.encode(): _Lookup(
                name,
                lookup,
                of_lookup(name, lookup),
                reader(lookup.record_model),
                {},
                bool(words_of(self._workspace, lookup)),
            )
            for name, lookup in declared.items()
        }
        self._askers, self._locals = Askers(service), at_hand.Locals(service)
        self._decided: dict[tuple[object, ...], Decision] = {}
        self._day = 0
        self._begun = Together(self._hand_over)
        self._written: Together[tuple[list[Begun], asyncio.Future[list[Row]]]] = Together(
            functools.partial(end, service)
        )

    def begin(
        self, method: bytes, target: bytes, headers: Raw, body: bytes, peer: str | None, tell: Tell
    ) -> Asker | None:
        """Take a question, to `tell` its answer once that is journaled, and return who asks.

        None, and nothing was done, for the long way. `target` is what stands behind the method, `headers` have names in
        lower case.
        """
        started = time.monotonic()
        try:
            asker = self._askers.read(headers, peer)
            taken = asker is not None and self._take(asker, method, target, body, tell, started)
        except Exception:  # noqa: BLE001  # the long way says what is wrong, and whose fault
            return None
        return asker if taken else None

    def again(self, request: bytes, tell: Tell) -> bool:
        """Take a question as `begin` does, of all that a segment holds, where its headers came before."""
        started = time.monotonic()
        line, _, rest = request.partition(b"\r\n")
        headers, _, body = rest.partition(b"\r\n\r\n")
        if not _asks(line):
            return False
        method, _, target = line.removesuffix(b" HTTP/1.1").partition(b" ")
        try:
            asker = self._askers.again(headers)
            if asker is None or len(body) != (asker.length or 0):
                return False
            return self._take(asker, method, target, body, tell, started)
        except Exception:  # noqa: BLE001  # the same
            return False

    def remember(self, request: bytes, asker: Asker) -> None:
        """Remember who asked by the headers of a request that was taken, and was all that its segment held."""
        line, _, rest = request.partition(b"\r\n")
        headers, end, body = rest.partition(b"\r\n\r\n")
        if end and _asks(line) and len(body) == (asker.length or 0):  # else the server saw it begin or end elsewhere
            self._askers.remember(headers, asker)

    def _take(self, asker: Asker, method: bytes, target: bytes, body: bytes, tell: Tell, started: float) -> bool:
        """Take a question; False for the long way. Raises what that raises."""
        parts = target.split(b"/", 3)  # "", lookups, name, identifier
        lookup = self._lookups.get(parts[2]) if len(parts) > 2 and parts[1] == b"lookups" else None
        if lookup is None or (question := _question(method, parts[3:], asker, body, lookup)) is None:
            return False
        caller = asker.caller
        scheme, value = canonical(lookup.declared.asked_model, question.identifier)
        if scheme == SCHEME:
            return False
        decision = self._decision(caller, lookup, question.fields)
        began = time.perf_counter()
        if (found := self._found(lookup, scheme, value, caller)) is None:
            return False
        took = time.perf_counter() - began
        granted, data = _given(lookup, decision, found)
        entry = Entry.begin(self._workspace, caller, "lookup", f"lookup:{lookup.name}")
        text = f"{scheme}:{value}"
        entry.identifier, entry.source, entry.fields = self._service.journal.keyed(text), found.source, list(granted)
        about = method.decode(), f"/lookups/{lookup.name}" + ("/{identifier}" if parts[3:] else ""), started
        meta = meta_of(found, (), granted)
        counted = self._counted(caller)
        if counted is None:  # last, for whatever fails before it takes the long way uncounted
            return False
        at_hand.count(self._service, lookup.name, found, took)
        self._begun.add(Begun(about, asker.language, caller, entry, text, data, meta, counted, tell))
        return True

    def _hand_over(self, begun: list[Begun]) -> None:
        """Hand over the entries of the questions that came in one turn, to answer them once those are on disk."""
        try:
            written = self._service.journal.together([asked.entry for asked in begun])
        except Exception as error:  # noqa: BLE001  # each of them is told
            written = asyncio.get_running_loop().create_future()
            written.set_exception(error)
        written.add_done_callback(lambda done: self._written.add((begun, done)))  # one commit may be of several turns

    def _found(self, lookup: _Lookup, scheme: str, value: str, caller: Caller) -> Found | Local | None:
        """Return what is kept, or the row of a dataset that is asked before anybody else."""
        carried = told_of(self._workspace, lookup.declared, caller) if lookup.tells else NOTHING
        if lookup.declared.cache is not None:
            return at_hand.kept(self._service, lookup.name, lookup.declared, scheme, value, carried)
        if (provider := lookup.first.get(scheme)) is None:
            provider = lookup.first[scheme] = providers.asked_by(self._service, lookup.declared, scheme)[0]
        return None if provider.dataset is None else self._locals.of(provider, value)

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


def _asks(line: bytes) -> bool:
    """Tell whether the first line of what came is that of a question: an empty one may stand before it."""
    return line.startswith((b"GET /lookups/", b"POST /lookups/")) and line.endswith(b" HTTP/1.1")


def _question(method: bytes, rest: list[bytes], asker: Asker, body: bytes, lookup: _Lookup) -> _Question | None:
    """Read what is asked. Raises ValueError for what is no such question."""
    if method == b"GET" and rest and asker.length is None and not lookup.resource.personal:
        return _Question(rest[0].decode()) if not rest[0].translate(None, PLAIN) else None
    if method != b"POST" or rest or incoming.form_of(asker.content_type, body) is not None or len(body) > MAX_BODY:
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
            whole = len(decision.fields) == len(told)  # both are in the record's order
            return decision.fields, told if whole else {name: told[name] for name in decision.fields}
        record = lookup.declared.record_model.model_validate_json(found.row)
        found = Found(record, found.source, found.as_of, lacks=found.lacks)
    granted = fields_of(decision, found, ())
    return granted, data_of(found.record, granted)
