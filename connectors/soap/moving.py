"""Rows moved out of an answer keep what their types are called."""

from collections.abc import Sequence

from lxml import etree

from connectors.soap.decode import TYPE
from connectors.soap.names import XSI, prefixed, qualified

_TYPED = etree.XPath("//*[@x:type]", namespaces={"x": XSI})


def move(holder: etree._Element, rows: Sequence[etree._Element], *, typed: bool) -> None:
    """Put `rows`, which stand in one place, into `holder`; `typed` where one of them may have an xsi:type.

    A declaration of a namespace that has another prefix in `holder` is lost on the way (lxml takes it for redundant),
    and an xsi:type by that prefix would mean nothing: it is written anew.
    """
    names: dict[etree._Element, str] = {}
    for root in {row.getroottree().getroot() for row in rows} if typed else ():
        for node in _TYPED(root):
            try:
                names[node] = qualified(node, node.get(TYPE, ""))
            except KeyError:  # validation says so
                continue
    holder.extend(rows)
    for node, tag in names.items():
        if next(node.iterancestors(str(holder.tag)), None) is holder and _lost(node, tag):
            node.set(TYPE, prefixed(node, tag))


def _lost(node: etree._Element, tag: str) -> bool:
    try:
        return qualified(node, node.get(TYPE, "")) != tag
    except KeyError:
        return True
