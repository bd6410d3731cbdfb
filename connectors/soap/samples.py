"""Example values by their shapes: a call that may be sent as it stands, and what an answer looks like.

Every example is written as XML and judged by libxml2, like any request; where none could be made that is valid, the
reason is told instead of one that only looks like it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from connectors.patterns import NotRead, matching
from connectors.soap.encode import BadParameter, encode
from connectors.soap.names import local
from connectors.soap.prepared import Prepared
from connectors.soap.shapes import Element, Group, Shape, Simple, Wildcard
from connectors.soap.values import BUILTINS, json_of

DEEPEST = 12
"""Levels of objects within each other that an example goes down to."""

LARGE, TOO_LARGE = 500, 10_000
"""Values in an example from which on it has no more than must be there, and from which on it is none."""

_TEXTS: Mapping[str, str] = {
    "boolean": "true",
    "float": "1.5",
    "double": "1.5",
    "date": "2026-01-31",
    "dateTime": "2026-01-31T08:00:00Z",
    "time": "08:00:00",
    "duration": "P1D",
    "gYear": "2026",
    "gYearMonth": "2026-01",
    "gMonth": "--01",
    "gMonthDay": "--01-31",
    "gDay": "---31",
    "hexBinary": "74657874",
    "base64Binary": "dGV4dA==",
    "anyURI": "https://example.org/",
    "language": "fr",
}
_NUMBERS = {name for name, builtin in BUILTINS.items() if builtin.json_schema.get("type") == "integer"} | {"decimal"}


class NoSample(Exception):
    """No valid example could be made; the message says for what, and why."""


def sample_parameters(asked: Prepared) -> dict[str, Any]:
    """Return parameters that make a valid request, in their JSON form: what must be said, and no more.

    Where nothing must be said, the texts that may be are. Raises NoSample.
    """
    if asked.asks.attached:
        raise NoSample(f"it takes {', '.join(asked.asks.attached)} as attachments")
    found = {name: _Maker(full=False).value(part) for name, part in asked.asks.parts.items()}
    element = asked.asks.element
    if element is not None:
        [value] = found.values()
        found = {local(element.tag): value} if element.shape.is_text else value or _said(element)
    _judge(asked, found)
    return found


def sample_answer(asked: Prepared) -> Any:
    """Return what an answer looks like in JSON, everything in it that may be; None where no valid one could be made."""
    answers = asked.answers
    try:
        values = [_Maker(full=True).value(part) for part in answers.parts.values()]
        for part, value in zip(answers.parts.values(), values, strict=True):
            if asked.reading.schema.errors(encode(part, value)):
                return None
        return json_of(answers.value(values, {}))
    except (NoSample, BadParameter):
        return None


def _said(element: Element) -> Any:
    """Return a first level of what may be said, where nothing must be."""
    found = {}
    for child in element.shape.children.values():
        if child.shape.is_text and not child.many:
            found[child.key] = _Maker(full=False).value(child)
    return found


def _judge(asked: Prepared, parameters: Mapping[str, Any]) -> None:
    try:
        wrong = [each for element in asked.asks.write(parameters) for each in asked.reading.schema.errors(element)]
    except BadParameter as error:
        wrong = [str(error)]
    if wrong:
        raise NoSample(wrong[0])


# --- values by their shape -------------------------------------------------------------------------------------------


class _Maker:
    """Makes one example. `full`: with all that may be there, until it is large."""

    def __init__(self, *, full: bool) -> None:
        self.full, self.left = full, LARGE

    def value(self, element: Element, inside: tuple[Shape, ...] = ()) -> Any:
        """Return a value of an element that stands inside types. Raises NoSample."""
        self.left -= 1
        if self.left < LARGE - TOO_LARGE:
            raise NoSample("it is too large")
        shape = element.shape
        if shape.is_text and shape.simple is not None:
            return json_of(sample(shape.simple, element.default))
        if any(shape is each for each in inside) or len(inside) >= DEEPEST:
            raise NoSample(f"{local(element.tag)} holds itself")
        return self.object(shape, element.default, (*inside, shape))

    def object(self, shape: Shape, default: str | None, inside: tuple[Shape, ...]) -> Any:
        """Return a value of a type that is no text; `default` is that of its element. Raises NoSample."""
        if shape.anything:
            return {"_xml": "text"}
        value: dict[str, Any] = {}
        actual = shape
        if shape.variants:
            actual = shape if not shape.abstract else next(iter(shape.variants.values()))
            value["_type"] = actual.type
        for attribute in actual.attributes.values():
            if attribute.required or self.full:
                value[attribute.key] = json_of(sample(attribute.simple, attribute.default))
        if actual.mixed:
            value["_xml"] = "text"
        elif actual.simple is not None:
            value["_value"] = json_of(sample(actual.simple, default))
        elif actual.content is not None:
            self.fill(value, actual.content, inside)
        return value.get("item", []) if shape.array else value

    def fill(self, value: dict[str, Any], group: Group, inside: tuple[Shape, ...]) -> None:
        """Put the keys of one occurrence of a group into an object; of a choice, those of the first that can be made."""
        if group.kind != "choice":
            for part in group.parts:
                self.particle(value, part, inside)
            return
        reason = NoSample("a choice of nothing")
        for part in group.parts:
            made: dict[str, Any] = {}
            try:
                self.particle(made, part, inside)
            except NoSample as error:
                reason = error
                continue
            value |= made
            return
        if group.minimum:
            raise reason

    def particle(self, value: dict[str, Any], part: Element | Wildcard | Group, inside: tuple[Shape, ...]) -> None:
        """Put what a particle brings into an object. Raises NoSample where it must be there and cannot be made."""
        if isinstance(part, Element):
            self.element(value, part, inside)
        elif isinstance(part, Wildcard):
            if part.minimum:
                raise NoSample("an element of any kind is wanted")
            value[part.key] = []
        elif part.minimum > 0 or (self.full and self.left >= 0):
            made: list[dict[str, Any]] = []
            for _ in range(_times(part.minimum)):
                made.append({} if part.key is not None else value)
                self.fill(made[-1], part, inside)
            if part.key is not None:
                value[part.key] = made
        elif part.key is not None:
            value[part.key] = []

    def element(self, value: dict[str, Any], part: Element, inside: tuple[Shape, ...]) -> None:
        """Put what an element brings into an object, if anything. Raises NoSample as `particle` does."""
        if part.many:
            value.setdefault(part.key, [])
        if part.minimum == 0 and (not self.full or self.left < 0 or part.maximum == 0):
            return
        try:
            made = self.value(part, inside)
        except NoSample:
            if part.minimum == 0:
                return
            raise
        if part.many:
            value[part.key] += [made] * _times(part.minimum)
        else:
            value[part.key] = made


def _times(least: int) -> int:
    """Return how often something is written that must come so often. Raises NoSample."""
    if least > TOO_LARGE:
        raise NoSample("it is too large")
    return max(least, 1)


# --- texts -----------------------------------------------------------------------------------------------------------


def sample(simple: Simple, default: str | None = None) -> Any:
    """Return a value of a simple type: its default, its first enumerated value, one made by its pattern or bounds.

    Raises NoSample.
    """
    if simple.base == "list" and simple.item is not None:
        return [sample(simple.item)] * _times(int(simple.facets.get("length", simple.facets.get("minLength", 1))))
    if simple.base == "union" and "enumeration" not in simple.facets:
        return sample(simple.members[0])
    text = default if default is not None else _text(simple)
    try:
        return simple.read(text)
    except (ValueError, ArithmeticError):
        raise NoSample(f"no value of {local(simple.name)} could be made") from None


def _text(simple: Simple) -> str:
    facets = simple.facets
    if "enumeration" in facets:
        return str(facets["enumeration"][0])
    for pattern in facets.get("pattern", ()):
        try:
            return matching(pattern)
        except NotRead:
            continue
    if "pattern" in facets:
        raise NoSample(f"its pattern for {local(simple.name)} is beyond what examples are made by")
    if simple.base in _NUMBERS:
        return _number(simple)
    for name in ("minInclusive", "maxInclusive"):
        if name in facets:
            return str(facets[name])
    text = _TEXTS.get(simple.base, "text")
    if simple.base in ("hexBinary", "base64Binary"):
        return text
    length = int(facets.get("length", facets.get("minLength", 0)))
    _times(length)
    most = int(facets.get("length", facets.get("maxLength", len(text) + length)))
    return (text * (length // len(text) + 1))[: max(length, min(len(text), most))]


def _number(simple: Simple) -> str:
    """Return 1, or the number nearest to it within the bounds."""
    facets = simple.facets
    step = Decimal(1).scaleb(-int(facets.get("fractionDigits", 0 if simple.base != "decimal" else 1)))
    value = Decimal(-1 if simple.base in ("nonPositiveInteger", "negativeInteger") else 1)
    if "minInclusive" in facets:
        value = max(value, Decimal(facets["minInclusive"]))
    if "minExclusive" in facets and value <= Decimal(facets["minExclusive"]):
        value = Decimal(facets["minExclusive"]) + step
    if "maxInclusive" in facets:
        value = min(value, Decimal(facets["maxInclusive"]))
    if "maxExclusive" in facets and value >= Decimal(facets["maxExclusive"]):
        value = Decimal(facets["maxExclusive"]) - step
    return f"{value:f}"
