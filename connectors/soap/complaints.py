"""Tells what libxml2 found not valid without telling any value: its own messages quote it, which may be personal data."""

import re

from lxml import etree

from connectors.soap.names import local

_KINDS = {
    "SCHEMAV_ELEMENT_CONTENT": "not expected here, or an element within is missing",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_1": "content where the schema wants none",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_2": "elements where the schema wants a text",
    "SCHEMAV_CVC_COMPLEX_TYPE_2_3": "a text where the schema wants elements",
    "SCHEMAV_CVC_COMPLEX_TYPE_3_2_1": "an attribute that the schema does not know",
    "SCHEMAV_CVC_COMPLEX_TYPE_4": "an attribute is missing",
    "SCHEMAV_CVC_TYPE_3_1_1": "an attribute that the schema does not know",
    "SCHEMAV_CVC_TYPE_2": "an abstract type: its xsi:type must name another",
    "SCHEMAV_CVC_TYPE_3_1_2": "elements where the schema wants a text",
    "SCHEMAV_CVC_ELT_1": "an element that the schema does not know",
    "SCHEMAV_CVC_ELT_3_1": "xsi:nil where the schema does not allow it",
    "SCHEMAV_CVC_ELT_3_2_1": "xsi:nil on an element that is not empty",
    "SCHEMAV_CVC_ELT_4_2": "an xsi:type that the schema does not know",
    "SCHEMAV_CVC_ELT_4_3": "an xsi:type that does not fit",
    "SCHEMAV_CVC_PATTERN_VALID": "a value that does not match the pattern",
    "SCHEMAV_CVC_ENUMERATION_VALID": "a value that is not one of those allowed",
}


_OTHERS = {"SCHEMAV_CVC_DATATYPE_VALID_1_2_1": "a name whose prefix is not declared"}


def told(log: etree._ListErrorLog) -> list[str]:
    """Return our own sentences of a validation's error log, one for each element and line: its name, the line, the kind."""
    found: dict[tuple[str, int], list[str]] = {}
    for entry in log:
        # The names of elements, attributes and types stand at fixed places of the message, before and after the value.
        place = re.match(
            r"Element '(?:\{[^}']*\})?([^'{}]*)'(?:, attribute '(?:\{[^}']*\})?([^'{}]*)')?", entry.message
        )
        name = "?" if place is None else f"{place[1]}/@{place[2]}" if place[2] else place[1]
        kind = _KINDS.get(entry.type_name)
        if kind is None:
            wanted = re.search(r" of the \w+ type '(?:\{[^}']*\})?([\w.:-]+)'\.$", entry.message)
            kind = (
                f"a value that is not a valid {wanted[1]}"
                if wanted
                else _OTHERS.get(entry.type_name, f"not valid ({entry.type_name})")
            )
        found.setdefault((name, entry.line), []).append(kind + _expected(entry))
    return [f"{name}{f', line {line}' if line else ''}: {kinds[0]}" for (name, line), kinds in found.items()]


def _expected(entry: etree._LogEntry) -> str:
    """Return the names that the schema expects at a place, which libxml2 puts at the end of its message."""
    if entry.type_name == "SCHEMAV_CVC_COMPLEX_TYPE_4":
        missing = re.search(r"The attribute '(?:\{[^}']*\})?([^'{}]*)' is required but missing\.$", entry.message)
        return f": {missing[1]}" if missing else ""
    if entry.type_name != "SCHEMAV_ELEMENT_CONTENT":
        return ""
    expected = re.search(r" Expected is (?:one of )?\( ([^()']*) \)\.$", entry.message)
    names = [local(name.strip()) for name in expected[1].split(",")] if expected else []
    what = "missing within" if "Missing child element" in entry.message else "expected"
    return f" ({what}: {', '.join(names)})" if names else ""
