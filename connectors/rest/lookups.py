"""One record of a declared REST registry: asked for, found in the answer, held against what was asked, and read."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from connectors.carried import NOTHING, Carried, words_in
from connectors.deadline import Deadline
from connectors.derived import filled_record
from connectors.errors import Unreadable
from connectors.extras import report, told_key
from connectors.outcomes import of_outcome
from connectors.records import Record
from connectors.registry import Answer
from connectors.rest.client import MOST_OF_A_RECORD, Client, Reply
from connectors.rest.outcomes import judge
from connectors.rest.paths import NotEvaluated, Place, place
from connectors.rest.reading import check_type, json_value
from connectors.rest.sent import header_of
from connectors.rest.settings import LookupSettings, RestSettings
from connectors.rest.templates import Blanks

MOST_MERGERS = 3
"""A record that was merged into another, which was merged itself, and so on: so many times at most."""


class Lookup:
    """How one registry is asked for a record. Thread-safe."""

    def __init__(
        self, client: Client, settings: RestSettings, lookup: LookupSettings, record: type[Record], extras: set[str]
    ) -> None:
        """`extras` takes the names in an answer that nothing reads."""
        self._client, self._rules, self._lookup, self._record = client, settings.answers, lookup, record
        self._registry, self._extras = client.name, extras
        self._headers = {name: text for name, text in settings.headers.items() if words_in(text)}
        self._places = {name: place(said.source or name) for name, said in lookup.fields.items()}
        others = [place(path) for path in (lookup.same, lookup.merged_to) if path is not None]
        self._read = _tree([*self._places.values(), *others])

    def ask(self, identifier: str, deadline: Deadline, carried: Carried = NOTHING) -> Answer:
        """Return the record of a canonical identifier, of its successor where the registry leads on to one.

        The registry is told what is `carried`. Raises what an answer means by `answers` and by its status, and what `Client.get` raises; Unreadable where there
        is no record in it, or another one than was asked for; Ambiguous where an identity has several;
        MalformedIdentifier.
        """
        asked, seen = identifier, {identifier}
        for _ in range(MOST_MERGERS + 1):
            reply = self._reply(asked, deadline, carried)
            found = self._found(reply)
            told, successor = self._told(found, asked, reply), self._successor(found)
            if successor in (None, told):
                return Answer(self._made(found), None if told == identifier else identifier)
            if successor in seen:
                break
            seen |= {told, successor}
            asked = successor
        raise self._unreadable("that it was merged into another record, and so on without an end")

    def _reply(self, identifier: str, deadline: Deadline, carried: Carried) -> Reply:
        lookup = self._lookup
        blanks = Blanks(self._registry, identifier, lookup.identifier.groups(identifier), carried)
        headers = {
            name: header_of(text, self._registry, f"the header {name} of", carried)
            for name, text in self._headers.items()
        }
        body = None if lookup.body is None else json.dumps(blanks.body(lookup.body)).encode()
        return self._client.get(
            blanks.path(lookup.path),
            blanks.query(lookup.query),
            deadline=deadline,
            headers=headers,
            method=lookup.method,
            body=body,
            most=MOST_OF_A_RECORD,
        )

    def _found(self, reply: Reply) -> Mapping[str, Any]:
        """Return the object that is the record. Raises the error that an answer without one is."""
        judge(self._rules, reply, self._registry)
        check_type(reply.content_type, "json", self._registry, self._lookup.content_type)
        value = json_value(reply.body, self._registry)
        if self._lookup.record_at is not None:
            value = self._value(place(self._lookup.record_at), value)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, list) and value:
            if self._lookup.identifier.fields is not None:
                raise of_outcome("ambiguous", self._registry)
            raise self._unreadable("several records instead of one")
        if not isinstance(value, Mapping):
            where = "" if self._lookup.record_at is None else f" at «{self._lookup.record_at}»"
            raise self._unreadable(f"no record{where}, which no rule under `answers` explains")
        return value

    def _successor(self, found: Mapping[str, Any]) -> str | None:
        if self._lookup.merged_to is None:
            return None
        told = self._value(place(self._lookup.merged_to), found)
        if told in (None, ""):
            return None
        successor = self._canonical(told)
        if successor is None:
            raise self._unreadable(f"at «{self._lookup.merged_to}» something that is no {self._scheme}")
        return successor

    def _told(self, found: Mapping[str, Any], asked: str, reply: Reply) -> str:
        """Return which record a found one says to be, `asked` where nothing is declared that says it.

        Raises Unreadable for another one, unless a redirect led to that by its name.
        """
        if self._lookup.same is None:
            return asked
        told = self._canonical(self._value(place(self._lookup.same), found))
        if told is None or (told != asked and not (reply.moved and self._names(reply.url, told))):
            raise self._unreadable("about another record than the one asked for")
        return told

    def _names(self, url: str, identifier: str) -> bool:
        """Tell whether an address has an identifier as a part of its path or query, or all that it is made of."""
        parts = [unquote_plus(part) for part in re.split(r"[/?&=#]", url)]
        made_of = self._lookup.identifier.groups(identifier).values()
        return identifier in map(self._canonical, parts) or bool(made_of and set(made_of) <= set(parts))

    def _canonical(self, told: Any) -> str | None:
        """Return an identifier that an answer tells in its canonical form, None for what is none."""
        if isinstance(told, bool) or not isinstance(told, str | int):
            return None
        try:
            return self._record.identifiers[self._scheme](str(told))
        except ValueError:
            return None

    def _made(self, found: Mapping[str, Any]) -> Record:
        for name in _unread(found, self._read):
            report(self._extras, self._registry, told_key(name))
        values = {name: self._value(each, found) for name, each in self._places.items()}
        return filled_record(
            self._record, {name: value for name, value in values.items() if value is not None}, self._registry
        )

    @property
    def _scheme(self) -> str:
        return self._lookup.identifier.scheme

    def _value(self, at: Place, value: Any) -> Any:
        try:
            return at.of(value)
        except NotEvaluated as error:
            raise self._unreadable(f"a record that is not as declared: {error}") from error

    def _unreadable(self, what: str) -> Unreadable:
        return Unreadable(f"{self._registry} answered {what}", registry=self._registry)


Tree = dict[str, "Tree"]
"""Names that are read in an object, each with those read in the object under it; all of it where there are none."""


def _tree(places: list[Place]) -> Tree:
    tree: Tree = {}
    whole = {name for each in places if each.expression is not None for name in each.read}
    for each in places:
        below = tree
        for key in each.keys[:1] if each.keys[:1] and each.keys[0] in whole else each.keys:
            below = below.setdefault(key, {})
    for name in whole:
        tree[name] = {}
    return tree


def _unread(value: Mapping[str, Any], tree: Tree) -> Iterator[str]:
    for name, each in value.items():
        if name not in tree:
            yield name
        elif tree[name] and isinstance(each, Mapping):
            yield from (f"{name}.{below}" for below in _unread(each, tree[name]))
