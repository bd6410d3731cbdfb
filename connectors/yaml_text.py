"""YAML for people, written by hand: comments, short values in one line, foreign texts that can become nothing else."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 118
_WORDS = ("true", "false", "null", "yes", "no", "on", "off", "nan", "inf")
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*|https?://[\w./?=&%~+:-]+[\w/]", re.ASCII)


def prose(text: str, indent: str = "") -> Iterator[str]:
    """Yield a text as comments, each line wrapped; what cannot be printed, and could end a comment, is a blank."""
    for line in text.split("\n"):
        plain = "".join(each if each.isprintable() else " " for each in line)
        for part in textwrap.wrap(plain, WIDTH - 2 - len(indent), break_on_hyphens=False):
            yield f"# {indent}{part}"


def scalar(value: Any) -> str:
    """Return a value as YAML: a text bare where it can be nothing else, otherwise in quotes.

    What cannot be printed is escaped; half a pair of surrogates, which no file holds, becomes U+FFFD.
    """
    if not isinstance(value, str):
        return json.dumps(value)
    if _BARE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if "\\" in value and value.isprintable():
        return quoted(value)
    whole = re.sub("[\ud800-\udfff]", "\ufffd", value)
    return "".join(
        each if each.isprintable() else json.dumps(each)[1:-1] for each in json.dumps(whole, ensure_ascii=False)
    )


def quoted(text: str) -> str:
    """Return a text that can be printed in single quotes, in which a backslash is itself."""
    return "'" + text.replace("'", "''") + "'"


def block(value: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Yield keys and values, one to a line; an object or a list that is short and has no other in it stays on its line."""
    for key, each in value.items():
        if isinstance(each, Mapping) and each and not _short(each, indent, key):
            yield f"{indent}{scalar(key)}:"
            yield from block(each, indent + "  ")
        elif isinstance(each, list):
            yield f"{indent}{scalar(key)}:"
            yield from (f"{indent}  - {flow(item)}" for item in each)
        else:
            yield f"{indent}{scalar(key)}: {flow(each)}"


def flow(value: Any) -> str:
    """Return a value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def commented(lines: Iterator[str]) -> Iterator[str]:
    """Yield lines of YAML as comments that stand at their places once the # is taken away."""
    return (f"#{line}" for line in lines)


def _short(value: Mapping[str, Any], indent: str, key: str) -> bool:
    nested = any(
        isinstance(each, Mapping) and any(isinstance(e, Mapping | list) for e in each.values())
        for each in value.values()
    )
    several = sum(isinstance(each, Mapping) for each in value.values()) > 1
    return not nested and not several and len(indent) + len(scalar(key)) + len(flow(value)) < WIDTH - 2
