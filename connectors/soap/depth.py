"""How deep an answer may be: what is nested deeper is nobody's record, but an attack on whoever reads it."""

from typing import Any

from lxml import etree

MOST_DEPTH = 60
"""Elements within one another, the envelope among them: reading them recurses."""
MOST_LEVELS = 240
"""Objects and lists within one another: what writes JSON stops at 255. An element is two, or more by groups that repeat."""
TOO_DEEP = f"deeper than {MOST_DEPTH} elements"

# Steps to children are linear, and run in C; counting each node's ancestors is neither.
_DEEPER = etree.XPath(f"boolean(./*{'/*' * (MOST_DEPTH - 1)})")
_DEEP = etree.XPath(f"boolean(./*{'/*' * (MOST_DEPTH // 2)})")


def too_deep(root: etree._Element) -> bool:
    """Tell whether an element holds more than MOST_DEPTH levels, itself included."""
    return bool(_DEEPER(root))


def value_too_deep(root: etree._Element, value: Any) -> bool:
    """Tell whether the value of an answer has more than MOST_LEVELS; one of a tree of no great depth is not looked at."""
    levels, within = 0, [value]
    while within and levels <= MOST_LEVELS and (levels or _DEEP(root)):
        levels += 1
        within = [
            inner
            for each in within
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
    return levels > MOST_LEVELS
