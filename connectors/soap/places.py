"""What stands where in a message, by its schema: the keys of each object, with their types, for whoever names one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from connectors.soap.messages import Layout
from connectors.soap.names import XSD
from connectors.soap.prepared import Prepared
from connectors.soap.shapes import Element, Group, Shape, Simple, Wildcard

_TEXT = ("_xml", "_text")


class NoSuchKey(ValueError):
    """A path that leads nowhere; the message names the key and lists what there is."""


@dataclass(frozen=True)
class Place:
    """A value: of an element (`element` and its `shape`), of a text (`simple`), or of a `group` of several elements.

    `many`: a list of such. Without any of the three it is a piece of XML that the schema does not describe.
    """

    shape: Shape | None = None
    simple: Simple | None = None
    group: Group | None = None
    element: Element | None = None
    many: bool = False
    required: bool = False
    nillable: bool = False
    nil_list: bool = False  # the whole list may be nil, as an array of the SOAP encoding may
    types: tuple[str, ...] = ()  # of `_type`: what it can be
    also: tuple["Place", ...] = ()  # what else stands there in types that are derived from the one that has it

    @property
    def is_text(self) -> bool:
        """Tell whether its value is one text's, or a list of them."""
        return self.simple is not None


def of_message(asked: Prepared, layout: Layout) -> Place:
    """Return the place of a whole message: what `SoapClient.call` takes, or what it gives."""
    element = layout.element
    if element is not None and not layout.attached:
        return of_element(element)
    parts = [replace(part, key=name) for name, part in layout.parts.items()]
    if layout.wrapper is not None and element is not None:
        parts = list(element.shape.children.values())
    binary = asked.reading.components.type(f"{{{XSD}}}base64Binary")
    attached = [Element(name, binary, key=name) for name in layout.attached]
    return Place(Shape("(message)", content=Group("sequence", [*parts, *attached])), required=True)


def of_element(element: Element, *, required: bool = True) -> Place:
    """Return the place of an element."""
    shape = element.shape
    if shape.array:  # its one element's list stands for it
        [item] = shape.children.values()
        inner = Place() if item.shape.array else of_element(item)  # a list of lists is described no further
        return replace(inner, required=required, nil_list=element.nillable)
    simple = shape.simple if shape.is_text else None
    needed = element.many or required
    return Place(shape, simple, None, element, element.many, needed, element.nillable)


def keys_of(shape: Shape) -> dict[str, Place]:
    """Return the keys of an object of this type, or of any derived from it, in their order.

    A key that is not in every one of those types is not required; where it is not the same thing in all, the place
    has the others as `also`.
    """
    if not shape.variants:
        return own_keys(shape)
    found = {"_type": Place(required=True, types=tuple(shape.variants))}
    variants = [own_keys(each) for each in shape.variants.values()]
    for key in dict.fromkeys(key for keys in [own_keys(shape), *variants] for key in keys):
        places = [keys[key] for keys in variants if key in keys] or [own_keys(shape)[key]]
        apart = {_identity(place): place for place in places}
        required = len(places) == len(variants) and all(place.required for place in places)
        first, *others = apart.values()
        found[key] = replace(first, required=required, also=tuple(others))
    return found


def _identity(place: Place) -> tuple[object, ...]:
    """Return what two places have in common that are the same thing; shapes hold themselves, and are not compared."""
    return id(place.shape), id(place.simple), id(place.group), place.many, place.nillable, place.nil_list


def own_keys(shape: Shape) -> dict[str, Place]:
    """Return the keys of an object of this type and of none derived from it, without `_type`."""
    found: dict[str, Place] = {}
    for attribute in shape.attributes.values():
        needed = attribute.required or attribute.default is not None
        found[attribute.key] = Place(simple=attribute.simple, required=needed)
    if shape.any_attribute is not None:
        found["_attributes"] = Place(required=True)
    if shape.mixed:
        return found | {key: Place(required=True) for key in _TEXT}
    if shape.simple is not None:
        found["_value"] = Place(simple=shape.simple, required=True)
    elif shape.content is not None:
        for key, place in _parts(shape.content, required=shape.content.minimum > 0):
            found.setdefault(key, place)
    return found


def keys_at(place: Place) -> dict[str, Place]:
    """Return the keys of the object, or of each object of the list, that stands at a place."""
    found: dict[str, Place] = {}
    if place.group is not None:
        found = dict(_parts(place.group, required=True))
    elif place.shape is not None and place.simple is None:
        found = keys_of(place.shape)
    for other in place.also:
        for key, each in keys_at(other).items():
            found.setdefault(key, replace(each, required=False))
    return found


def _parts(group: Group, *, required: bool) -> Iterator[tuple[str, Place]]:
    required = required and group.kind != "choice"
    for part in group.parts:
        if isinstance(part, Element):
            yield part.key, of_element(part, required=required and part.minimum > 0)
        elif isinstance(part, Wildcard):
            yield "_any", Place(many=True, required=True)
        elif part.key is not None:
            yield part.key, Place(group=part, many=True, required=True)
        else:
            yield from _parts(part, required=required and part.minimum > 0)


# --- paths -----------------------------------------------------------------------------------------------------------


def place_at(place: Place, path: str | None, *, through_lists: bool) -> Place:
    """Return the place at a path of keys joined by `/`. Raises NoSuchKey, also for a way through a list if told so."""
    required = True
    for number, key in enumerate(path.split("/") if path else ()):
        there = keys_at(place)
        if number and place.many and not through_lists:
            raise NoSuchKey(f"«{key}» stands in a list: a field is the whole list, or nothing of it")
        if key not in there:
            keys = ", ".join(there) or "no key, it is no object"
            raise NoSuchKey(f"there is no «{key}» {_before(path, number)}; there: {keys}")
        place = there[key]
        required = required and place.required
    return replace(place, required=required)


def _before(path: str | None, number: int) -> str:
    above = "/".join((path or "").split("/")[:number])
    return f"in {above}" if above else "at its beginning"


class Absent:
    """What `taken` returns where nothing is."""


ABSENT = Absent()


class Several(ValueError):
    """A list of several where one is wanted."""


def taken(value: Any, path: str | None, *, one: bool = False) -> Any:
    """Return what stands at a path of an answer, ABSENT where a key on the way is not there or nil.

    A list on the way, and with `one` at its end, counts as the one thing it holds; an empty one as absent. Raises
    Several where it holds more.
    """
    for key in path.split("/") if path else ():
        value = _single(value)
        if not isinstance(value, Mapping) or key not in value:
            return ABSENT
        value = value[key]
    return _single(value) if one else value


def _single(value: Any) -> Any:
    if isinstance(value, list):
        if len(value) > 1:
            raise Several("several where one is expected")
        value = value[0] if value else None
    return ABSENT if value is None or (isinstance(value, Mapping) and value.get("_nil") is True) else value
