"""Shapes: an XML Schema as the decoder and the encoder see it.

libxml2 judges what is valid; a shape only says which name is which key, what is a list, how a text becomes a value,
and in which order things are written. The rules by which XML becomes keys and values stand in docs/soap.md.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

RESERVED = frozenset({"_any", "_attributes", "_nil", "_text", "_type", "_value", "_xml"})
"""Keys that mean something of their own: whatever has such a name gets another."""


class Unsupported(Exception):
    """The schema uses a construct that is not read; the message names it. It costs the operations that reach it."""


@dataclass(slots=True)
class Simple:
    """A simple type: how its text is read and written. `base` is the builtin it goes back to, `list` or `union`."""

    name: str  # the tag of the nearest type that has one, for messages
    base: str
    read: Callable[[str], Any]  # from the text as it stands; ValueError where Python has no value for it
    write: Callable[[Any], str]  # ValueError or TypeError, whose message names the kind wanted and no value
    facets: Mapping[str, Any] = field(default_factory=dict)  # enumeration and pattern are lists
    item: "Simple | None" = None
    members: tuple["Simple", ...] = ()


@dataclass(slots=True)
class Attribute:
    """An attribute of a complex type; `finish` gives it its key."""

    simple: Simple
    required: bool
    default: str | None
    key: str = ""


@dataclass(slots=True)
class Shape:
    """A type. With `simple` it has a text; otherwise `content` says what elements it holds, if any."""

    type: str  # its tag; the element's in brackets where it has no name
    simple: Simple | None = None
    content: "Group | None" = None
    attributes: dict[str, Attribute] = field(default_factory=dict)  # by tag
    any_attribute: Callable[[str | None], bool] | None = None  # tells of a namespace whether xsd:anyAttribute takes it
    mixed: bool = False
    anything: bool = False  # xsd:anyType
    find: "Callable[[str], Shape | None] | None" = None  # of xsd:anyType: the type of a tag
    abstract: bool = False
    array: bool = False  # of the SOAP encoding: its one element's list stands for it
    variants: dict[str, "Shape"] = field(default_factory=dict)  # the types derived from it, by tag, and itself
    base: "Shape | None" = None  # the finished type that it extends or restricts
    extends: bool = False
    # what follows is made of `content`, for the decoder
    children: dict[str, "Element"] = field(default_factory=dict)  # every element within, by tag
    wildcard: "Wildcard | None" = None
    grouped: bool = False  # a group of several elements repeats
    positional: bool = False  # a tag alone does not say which key it is: a group, a wildcard, a tag of two keys
    keys: set[str] = field(default_factory=set)  # of its object

    @property
    def has_attributes(self) -> bool:
        """Tell whether it, or a type derived from it, may have attributes."""
        family = (self, *self.variants.values())
        return any(bool(each.attributes) or each.any_attribute is not None for each in family)

    @property
    def is_text(self) -> bool:
        """Tell whether its value is a text's value alone, not an object."""
        return self.simple is not None and not (self.attributes or self.variants) and self.any_attribute is None


@dataclass(slots=True)
class Element:
    """An element: declared for all, or at its place in a type. `key` and `many` hold at that place."""

    tag: str
    shape: Shape
    nillable: bool = False
    default: str | None = None
    minimum: int = 1
    maximum: float = 1  # math.inf where unbounded
    key: str = ""
    many: bool = False
    source: Any = None  # the node that it is written at, where it is written


@dataclass(slots=True)
class Wildcard:
    """xsd:any, for elements of the namespaces that it `admits`.

    `find` returns the declared element of a tag, None where it is not declared or not to be looked at.
    """

    find: Callable[[str], Element | None]
    admits: Callable[[str | None], bool]
    minimum: int = 1
    maximum: float = 1
    key: str = "_any"
    many: bool = True


@dataclass(slots=True)
class Group:
    """A sequence, choice or all. `key` is set where several elements repeat together: a list of objects."""

    kind: Literal["sequence", "choice", "all"]
    parts: list["Particle"]
    minimum: int = 1
    maximum: float = 1
    key: str | None = None
    first: frozenset[str] = frozenset()  # tags that one occurrence may begin with
    first_any: tuple[Wildcard, ...] = ()  # and wildcards whose elements it may
    keys: frozenset[str] = frozenset()  # of an object that holds it
    lists: frozenset[str] = frozenset()  # those of them that are lists of occurrences, there even where none is


Particle: TypeAlias = Element | Wildcard | Group


def elements(group: Group) -> Iterable[Element | Wildcard]:
    """Yield every element and wildcard within, in their order."""
    for part in group.parts:
        if isinstance(part, Group):
            yield from elements(part)
        else:
            yield part


def finish(shape: Shape) -> None:
    """Name the keys of a shape whose content is complete, and make what the decoder wants of it. Raises Unsupported."""
    base, own = shape.base, shape.content
    names = _Names(base, extends=shape.extends)
    if own is not None:
        _name(own, names, repeated=False)
    whole = [each for each in (base.content if base is not None and shape.extends else None, own) if each is not None]
    if whole:
        _content(shape, whole[0] if len(whole) == 1 else Group("sequence", list(whole)))
    for tag, attribute in shape.attributes.items():
        if not attribute.key and base is not None and tag in base.attributes:
            attribute.key = base.attributes[tag].key
        elif not attribute.key:
            name = tag.rpartition("}")[2]
            attribute.key = names.free(f"@{name}" if name in names.keys else name)
    shape.keys = names.keys


def _content(shape: Shape, content: Group) -> None:
    """Make of a content whose keys are named what the decoder wants of it."""
    shape.content = _tidy(content)
    _sets(shape.content)
    for part in elements(shape.content):
        if isinstance(part, Wildcard):
            shape.wildcard = part if shape.wildcard is None else _either(shape.wildcard, part)
        else:
            other = shape.children.setdefault(part.tag, part)
            shape.positional |= other.key != part.key
    shape.grouped = any(group.key is not None for group in _groups(shape.content))
    shape.positional |= shape.grouped or shape.wildcard is not None


def _either(one: Wildcard, other: Wildcard) -> Wildcard:
    return Wildcard(one.find, lambda space: one.admits(space) or other.admits(space))


class _Names:
    """The keys of one object: a tag keeps its key, a second tag of the same local name gets another."""

    def __init__(self, base: Shape | None = None, *, extends: bool = False) -> None:
        """Names of a type's `base` stay its own; what restricts it has the same keys, what extends it has others."""
        self.by_tag: dict[str, list[Element]] = {}
        self.keys = set(RESERVED)
        if base is not None:
            self.keys |= base.keys
            if not extends and not base.positional:
                self.by_tag = {tag: [each] for tag, each in base.children.items()}

    def free(self, name: str) -> str:
        key, number = name, 2
        while key in self.keys:
            key, number = f"{name}_{number}", number + 1
        self.keys.add(key)
        return key


def _name(group: Group, names: _Names, *, repeated: bool) -> None:
    """Give every element of `group` its key in an object, and find what is a list: `repeated`, by a group around it."""
    for part in group.parts:
        if isinstance(part, Group):
            again = part.maximum > 1
            if again and len(_tags(part)) > 1:
                part.key = names.free("_group")
                _name(part, _Names(), repeated=False)
            else:
                _name(part, names, repeated=repeated or again)
        elif isinstance(part, Element):
            part.many = repeated or part.maximum > 1
            _key(part, names)
    if group.kind != "choice":
        _together(group)


def _key(part: Element, names: _Names) -> None:
    same = names.by_tag.setdefault(part.tag, [])
    part.key = same[0].key if same else names.free(part.tag.rpartition("}")[2])
    same.append(part)


def _together(group: Group) -> None:
    """Make lists of elements that stand in more than one place of a sequence, since both may come."""
    seen: dict[str, list[Element]] = {}
    for part in group.parts:
        inside = [part] if isinstance(part, Element) else _open(part) if isinstance(part, Group) else []
        for tag in {each.tag for each in inside} & seen.keys():
            for each in [*seen[tag], *(each for each in inside if each.tag == tag)]:
                each.many = True
        for each in inside:
            seen.setdefault(each.tag, []).append(each)


def _open(group: Group) -> list[Element]:
    """Return the elements of a group that are keys of the object around it."""
    if group.key is not None:
        return []
    found: list[Element] = []
    for part in group.parts:
        found += [part] if isinstance(part, Element) else _open(part) if isinstance(part, Group) else []
    return found


def _tags(group: Group) -> set[str]:
    return {part.tag if isinstance(part, Element) else "" for part in elements(group)}


def _tidy(group: Group) -> Group:
    """Drop groups that hold nothing, and let all places of an element agree on whether it is a list."""
    group.parts = [_tidy(part) if isinstance(part, Group) else part for part in group.parts]
    group.parts = [part for part in group.parts if not isinstance(part, Group) or part.parts]
    opened = _open(group)
    lists = {part.key for part in opened if part.many}
    for part in opened:
        part.many = part.key in lists
    return group


def _groups(group: Group) -> Iterable[Group]:
    yield group
    for part in group.parts:
        if isinstance(part, Group):
            yield from _groups(part)


def _sets(group: Group) -> None:
    for part in group.parts:
        if isinstance(part, Group):
            _sets(part)
    first, wildcards = set[str](), list[Wildcard]()
    for part in group.parts:
        if isinstance(part, Wildcard):
            wildcards.append(part)
        elif isinstance(part, Element):
            first.add(part.tag)
        else:
            first |= part.first
            wildcards += part.first_any
        if group.kind == "sequence" and not _emptiable(part):
            break
    group.first, group.first_any = frozenset(first), tuple(wildcards)
    keys, lists = set[str](), set[str]()
    for part in group.parts:
        if isinstance(part, Group) and part.key is None:
            keys |= part.keys
            lists |= part.lists
        else:
            keys.add(part.key or "")
            lists |= {part.key or ""} if isinstance(part, Group) or part.many else set()
    group.keys, group.lists = frozenset(keys), frozenset(lists)


def _emptiable(part: Particle) -> bool:
    if part.minimum == 0:
        return True
    if not isinstance(part, Group):
        return False
    if part.kind == "choice":
        return any(_emptiable(each) for each in part.parts) or not part.parts
    return all(_emptiable(each) for each in part.parts)
