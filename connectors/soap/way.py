"""The way to the rows of an answer, by its schema."""

from collections.abc import Iterator

from connectors.soap.names import local
from connectors.soap.prepared import Prepared
from connectors.soap.shapes import Element, Group, Unsupported


def way_to(asked: Prepared, path: str) -> tuple[list[Element], tuple[int, float]]:
    """Return the elements that lead to the rows at `path` (keys joined by `/`), and how many of these may come.

    The first number is that of rows in an answer that has any. Raises Unsupported, which says why there are none.
    """
    element = asked.answers.element
    if element is None or asked.answers.encoded:
        raise Unsupported("it is not one literal element")
    way, places = [element], list[tuple[int, float]]()
    for key in path.split("/"):
        holder, name = way[-1], local(asked.answers.wrapper if len(way) == 1 and asked.answers.wrapper else way[-1].tag)
        there = {each.key: each for each in holder.shape.children.values()}
        places = list(_places(holder.shape.content, there[key].tag)) if key in there else []
        if len(places) > 1:
            raise Unsupported(f"{key} stands in several places of {name}")
        if not places:
            raise Unsupported(f"{name} has no {key}, but {', '.join(there) or 'nothing'}")
        if holder.many or holder.shape.mixed:
            raise Unsupported(f"{name} {'comes more than once' if holder.many else 'has text between its elements'}")
        way.append(there[key])
    if not way[-1].many:
        raise Unsupported(f"{local(way[-1].tag)} comes once at most")
    return way, places[0]


def _places(group: Group | None, tag: str) -> Iterator[tuple[int, float]]:
    """Yield for each place of an element how many of it come at least where any come, and how many at most."""
    for part in [] if group is None else group.parts:
        found = [(1, 1.0)] if isinstance(part, Element) and part.tag == tag else []
        if isinstance(part, Group) and part.key is None:
            found = list(_places(part, tag))
        for least, most in found:
            yield least * max(1, part.minimum), most * part.maximum
