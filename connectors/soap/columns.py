"""Which columns the rows of an answer have, by the schema alone.

- An element or attribute that comes once is a column, named by its path with dots: `birth.date`.
- A list of values is a list column. A list of objects is one column of JSON text, and so is whatever has no fixed
  columns: a type that holds itself, groups that repeat, xsd:any. JSON texts are as in an answer that is read whole.
- Rows whose type others derive from have the columns of all of them, and `_type`.
- A column declared as text holds the text that came, without the blanks that its type does not count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from connectors.soap.shapes import Element, Group, Particle, Shape, Simple
from connectors.soap.values import arrow_of


@dataclass
class TableColumn:
    """A column: its name, the keys that lead to it in a row's value, its type.

    `simple` is the type of its texts. `straight` are those whose texts are taken from the row as they stand; the others
    hold decoded values, as JSON where `json` says so. `default` is that of an empty element. `many`: a list of texts.
    `raw`: declared as text.
    """

    name: str
    path: tuple[str, ...]
    type: pa.DataType
    simple: Simple | None = None
    default: str | None = None
    straight: bool = False
    many: bool = False
    json: bool = False
    raw: bool = False


@dataclass
class Level:
    """Where the columns of one element stand below it: numbers of columns by tag."""

    attributes: list[tuple[str, int, str | None]] = field(default_factory=list)  # with their defaults
    own: int | None = None  # its own text
    texts: list[tuple[str, int]] = field(default_factory=list)
    lists: list[tuple[str, int]] = field(default_factory=list)
    decoded: list[tuple[str, int, Element]] = field(default_factory=list)
    nested: list[tuple[str, "Level"]] = field(default_factory=list)
    nillable: bool = False  # one of the texts


class Columns:
    """The columns of a row, in the order of the schema, and where each is found.

    `level` is the way to those that stand at a place of their own; `whole` are the numbers of those that only the
    decoded row has.
    """

    def __init__(self, row: Element, texts: Sequence[str] = ()) -> None:
        """`row` is the element of a row; columns named in `texts` keep the text that came."""
        self.all: list[TableColumn] = []
        self.level = Level()
        self.whole: list[int] = []
        self._texts = frozenset(texts)
        shape = row.shape
        if shape.variants:
            self._variants(list(shape.variants.values()))
        elif shape.anything:
            self._whole("value", pa.string(), path=(), json=True)
        elif shape.is_text and shape.simple is not None and shape.simple.base != "QName":
            self.level.own = self._add(TableColumn("value", (), _type(shape.simple), shape.simple, row.default))
        elif shape.is_text:
            self._whole("value", pa.string(), path=())
        else:
            self._fill(self.level, row, (), (shape,))
            if row.nillable and (shape.attributes or shape.any_attribute is not None):
                self._whole("_nil", pa.bool_())

    def _add(self, column: TableColumn, *, straight: bool = True) -> int:
        taken, name, number = {each.name for each in self.all}, column.name, 2
        while column.name in taken:
            column.name, number = f"{name}_{number}", number + 1
        column.straight = straight
        if column.name in self._texts and column.simple is not None:
            column.raw, column.type = True, pa.list_(pa.string()) if column.many else pa.string()
        self.all.append(column)
        return len(self.all) - 1

    def _whole(
        self, key: str, kind: pa.DataType, path: tuple[str, ...] | None = None, simple: Simple | None = None, *,
        json: bool = False,
    ) -> None:  # fmt: skip
        column = TableColumn(key, (key,) if path is None else path, kind, simple, json=json)
        self.whole.append(self._add(column, straight=False))

    def _variants(self, shapes: list[Shape]) -> None:
        """Put the columns of all `shapes` side by side; where two disagree on one, it is JSON."""
        if any(shape.anything for shape in shapes):
            self._whole("value", pa.string(), path=(), json=True)
            return
        self._whole("_type", pa.string())
        found: dict[str, TableColumn] = {}
        for shape in shapes:
            alone = Shape(shape.type, shape.simple, shape.content, attributes=shape.attributes, mixed=shape.mixed,
                          any_attribute=shape.any_attribute, children=shape.children)  # fmt: skip
            columns = Columns(Element("", alone), tuple(self._texts)).all
            if alone.is_text:  # it is an object nevertheless, as all of its family
                columns = [TableColumn("_value", ("_value",), each.type, each.simple) for each in columns]
            for column in columns:
                other = found.setdefault(column.name, column)
                if (other.type, other.many, other.json) != (column.type, column.many, column.json):
                    found[column.name] = TableColumn(column.name, column.path, pa.string(), json=True)
        for column in found.values():
            self.whole.append(self._add(column, straight=False))

    def _fill(self, level: Level, element: Element, path: tuple[str, ...], inside: tuple[Shape, ...]) -> None:
        """Add the columns of an element; those without a place of their own only come at the top."""
        shape = element.shape
        for tag, attribute in shape.attributes.items():
            keys, simple = (*path, attribute.key), attribute.simple
            if simple.base == "QName":
                self._whole(attribute.key, pa.string(), simple=simple)
                continue
            column = TableColumn(".".join(keys), keys, _type(simple), simple)
            level.attributes.append((tag, self._add(column), attribute.default))
        if shape.any_attribute is not None:
            self._whole("_attributes", pa.string(), json=True)
        if shape.mixed:
            self._whole("_xml", pa.string())
            self._whole("_text", pa.string())
        elif shape.simple is not None:
            keys = (*path, "_value")
            level.own = self._add(TableColumn(".".join(keys), keys, _type(shape.simple), shape.simple, element.default))
        elif shape.content is not None:
            self._content(level, shape.content, path, inside)

    def _content(self, level: Level, content: Group, path: tuple[str, ...], inside: tuple[Shape, ...]) -> None:
        keys = set()
        for part in _open(content):
            key = part.key or ""
            if key in keys:  # one element, in two places
                continue
            keys.add(key)
            if isinstance(part, Element):
                self._child(level, part, (*path, key), inside)
            else:
                self._whole(key, pa.string(), json=True)

    def _child(self, level: Level, child: Element, path: tuple[str, ...], inside: tuple[Shape, ...]) -> None:
        shape, name = child.shape, ".".join(path)
        if shape.is_text and shape.simple is not None and not shape.variants:
            kind = pa.list_(_type(shape.simple)) if child.many else _type(shape.simple)
            column = TableColumn(name, path, kind, shape.simple, child.default, many=child.many)
            if shape.simple.base == "QName":
                level.decoded.append((child.tag, self._add(column, straight=False), child))
            elif child.many:
                level.lists.append((child.tag, self._add(column)))
            else:
                level.texts.append((child.tag, self._add(column)))
                level.nillable |= child.nillable
        elif child.many or not _fixed(child) or any(shape is each for each in inside):
            column = TableColumn(name, path, pa.string(), json=True)
            level.decoded.append((child.tag, self._add(column, straight=False), child))
        else:
            below = Level()
            self._fill(below, child, path, (*inside, shape))
            level.nested.append((child.tag, below))


def _open(group: Group) -> Iterator[Particle]:
    """Yield what has a key in the object around a group."""
    for part in group.parts:
        if isinstance(part, Group) and part.key is None:
            yield from _open(part)
        else:
            yield part


def _fixed(element: Element) -> bool:
    """Tell whether the value of an element has the same keys always, none of which needs more than its text."""
    shape = element.shape
    if element.nillable and shape.attributes:
        return False
    if any(attribute.simple.base == "QName" for attribute in shape.attributes.values()):
        return False
    if shape.grouped or shape.mixed or shape.anything or shape.variants or shape.array:
        return False
    return (
        shape.any_attribute is None
        and shape.wildcard is None
        and (shape.simple is None or shape.simple.base != "QName")
    )


def _type(simple: Simple) -> pa.DataType:
    if simple.base == "list":
        return pa.list_(_type(simple.item)) if simple.item is not None else pa.string()
    return pa.string() if simple.base == "union" else arrow_of(simple.base, simple.facets)
