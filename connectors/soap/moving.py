"""Rows moved out of an answer keep what their types are called."""

from collections.abc import Sequence

from lxml import etree

from connectors.soap.decode import TYPE
from connectors.soap.names import XSI, prefixed, qualified

_TYPED = etree.XPath("//*[@x:type]", namespaces={"x": XSI})


def move(rows: Sequence[etree._Element], holder: etree._Element) -> None:
    """Put `rows`, which stand in one place, into `holder`.

    A declaration of a namespace that has another prefix in `holder` is lost on the way (lxml takes it for redundant),
    and an xsi:type by that prefix would mean nothing: it is written anew.
    """
    typed = {}
    for root in {row.getroottree().getroot() for row in rows}:
        for node in _TYPED(root):
            try:
                typed[node] = qualified(node, node.get(TYPE, ""))
            except KeyError:  # validation says so
                continue
    holder.extend(rows)
    for node, tag in typed.items():
        if next(node.iterancestors(holder.tag), None) is holder and _lost(node, tag):
            node.set(TYPE, prefixed(node, tag))


def _lost(node: etree._Element, tag: str) -> bool:
    try:
        return qualified(node, node.get(TYPE, "")) != tag
    except KeyError:
        return True
