"""YAML 1.2, strictly, with the line of every value.

Duplicate keys, tags, anchors, a second document and unquoted numbers with leading zeros are errors (`01001` is a
commune, not a number); dates stay text. Source: YAML 1.2.2, https://yaml.org/spec/1.2.2/
"""

import contextlib
import copy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

from connectors.errors import Misconfigured

DEEPEST = 50
"""Levels of lists and keys inside each other."""

REMEMBERED = 500
"""Files that are not parsed again while they say the same: a gateway that loads its workspace anew reads what changed."""

Keys = tuple[str | int, ...]
"""The way to a value inside a document: `("clean", "rna", "steps", 0)`."""


@dataclass(frozen=True)
class Document:
    """One file: its data (dicts, lists, text, numbers, booleans, None) and the line where each value stands."""

    path: Path
    data: Any
    lines: dict[Keys, int]

    def at(self, *keys: str | int) -> str:
        """Return `file:line` of a value, or of its nearest parent where it is missing."""
        while keys and keys not in self.lines:
            keys = keys[:-1]
        return f"{self.path}:{self.lines.get(keys, 1)}"


def load(path: Path, shown_as: Path | None = None) -> Document:
    """Read one YAML file. `shown_as` is the path that messages show.

    Raises Misconfigured, naming file and line.
    """
    shown = shown_as or path
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Misconfigured(f"{shown}:1: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise Misconfigured(f"{shown}:{line}: is not UTF-8: save the file in that encoding") from error
    data, lines = _parsed(text, shown)
    return Document(shown, copy.deepcopy(data), lines)


@lru_cache(REMEMBERED)
def _parsed(text: str, shown: Path) -> tuple[Any, dict[Keys, int]]:
    """Return what a text says, with its lines; of nobody's to change. Raises Misconfigured."""
    try:
        yaml = YAML(typ="safe", pure=True)
        events = list(_used(shown, yaml.parse(text)))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Misconfigured(f"{shown}:{line}: not valid YAML: {error.problem or error.context}") from error
    except YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise Misconfigured(f"{shown}:{line}: not valid YAML: {str(error).splitlines()[0]}") from error
    reader = _Reader(shown, yaml.resolver, iter(events))
    data = reader.read(next(reader.events), ()) if events else None
    return data, reader.lines


def _used(shown: Path, events: Iterable[Event]) -> Iterator[NodeEvent | CollectionEndEvent]:
    """Yield the events of values; refuse what YAML has and declarations do not: it could hide what a file says, or never end."""
    documents = depth = 0
    for event in events:
        said = None
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if isinstance(event, DocumentStartEvent):
            documents += 1
            if documents > 1:
                said = "a second document begins here: one file is one document"
            elif event.version not in (None, (1, 2)):
                said = "this file is read as YAML 1.2: take that line out"
        elif depth > DEEPEST:
            said = "values are nested too deeply here"
        elif isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor is not None):
            said = "anchors and aliases (& and *) are not used here: write the value itself"
        elif getattr(event, "ctag", None) is not None:
            said = "tags (!) are not used here: write the value alone"
        if said:
            raise Misconfigured(f"{shown}:{event.start_mark.line + 1}: {said}")
        if isinstance(event, NodeEvent | CollectionEndEvent):
            yield event


class _Reader:
    """Turns the events of a document into plain data and notes lines; `resolver` tells what a plain scalar is."""

    def __init__(self, path: Path, resolver: Any, events: Iterator[Any]) -> None:
        self.path, self.events = path, events
        self.lines: dict[Keys, int] = {}
        self._resolver = resolver

    def read(self, event: Any, keys: Keys) -> Any:
        """Return the value that begins with `event`."""
        self.lines.setdefault(keys, event.start_mark.line + 1)
        if isinstance(event, MappingStartEvent):
            return self._mapping(keys)
        if isinstance(event, SequenceStartEvent):
            found: list[Any] = []
            while not isinstance(item := next(self.events), SequenceEndEvent):
                found.append(self.read(item, (*keys, len(found))))
            return found
        return self._scalar(event)

    def _mapping(self, keys: Keys) -> dict[str, Any]:
        data: dict[str, Any] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self._error(event, "a key must be plain text")
            key = self._scalar(event)
            if not isinstance(key, str):
                raise self._error(event, f"write the key {event.value} in quotes: keys are text")
            if key in data:
                raise self._error(event, f"the key «{key}» stands here a second time")
            self.lines[(*keys, key)] = event.start_mark.line + 1
            data[key] = self.read(next(self.events), (*keys, key))
        return data

    def _scalar(self, event: Any) -> str | int | float | bool | None:
        text = str(event.value)
        if event.style is not None:
            return text
        kind = str(self._resolver.resolve(ScalarNode, text, event.implicit)).rpartition(":")[2]
        if kind in ("str", "timestamp"):
            return text
        if kind in ("int", "float") and re.match(r"[-+]?0\d", text):
            raise self._error(event, f"write '{text}' in quotes: with a leading zero it is a code, not a number")
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        with contextlib.suppress(ValueError):
            if "_" not in text:  # with one it is a number in YAML 1.1, a text in 1.2
                return int(text, 0) if kind == "int" else float(re.sub(r"\.(?=[a-z])", "", text.lower()))
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise self._error(event, f"«{shown}» is not used here: write it in quotes, or as a plain number")

    def _error(self, event: Event, message: str) -> Misconfigured:
        return Misconfigured(f"{self.path}:{event.start_mark.line + 1}: {message}")
