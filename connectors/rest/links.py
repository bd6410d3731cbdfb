"""The next page, as the `Link` header of an answer tells it. Source: Web Linking, RFC 8288 (3, and B.2 to read it)."""

import re

_LINK = re.compile(r"<[ \t]*([^<>\s]+)[ \t]*>")
_PARAMETER = re.compile(
    r"""[ \t]*;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]+)))?)?"""
)
_BETWEEN = re.compile(r"[ \t]*(?:,[ \t]*)*")


def next_link(header: str) -> str | None:
    """Return the address of the one link whose `rel` has `next`, None where there is none.

    Raises ValueError, which tells nothing of the header, where it cannot be read for certain: a next page that is
    overlooked would be rows lost.
    """
    found, at = set[str](), _past(_BETWEEN, header, 0)
    while at < len(header):
        link = _LINK.match(header, at)
        if link is None:
            raise ValueError("its header Link is not in the form of RFC 8288")
        parameters, end = _parameters(header, link.end())
        at = _past(_BETWEEN, header, end)
        if at < len(header) and "," not in header[end:at]:
            raise ValueError("its header Link is not in the form of RFC 8288")
        if "next" in parameters.get("rel", "").lower().split():
            if "anchor" in parameters:
                raise ValueError("its header Link tells what comes next to something else (anchor)")
            found.add(link[1])
    if len(found) > 1:
        raise ValueError("its header Link tells several next pages")
    return found.pop() if found else None


def _parameters(header: str, at: int) -> tuple[dict[str, str], int]:
    """Return the parameters of a link, the first of each name, and where they end."""
    said = dict[str, str]()
    while parameter := _PARAMETER.match(header, at):
        name, quoted, bare = parameter.groups()
        if name is not None:
            said.setdefault(name.lower(), bare or re.sub(r"\\(.)", r"\1", quoted or ""))
        at = parameter.end()
    return said, at


def _past(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()
