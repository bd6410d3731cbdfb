"""A WSDL in words, from its shapes: what each operation is asked with and answers, as `beffroi connector show` says it.

Names, types and documentation come from the registry: they are put on one line, without control characters.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.errors import Misconfigured
from connectors.soap.annotations import Annotations
from connectors.soap.client import SoapClient
from connectors.soap.messages import Layout
from connectors.soap.names import SOAP_11, local
from connectors.soap.prepared import Prepared
from connectors.soap.samples import NoSample, sample_answer, sample_parameters
from connectors.soap.shapes import Attribute, Element, Group, Shape, Wildcard
from connectors.soap.words import looks_personal, plain, rules_of, type_in_words

MOST_FIELDS = 1_500
"""Fields of one message that are written out: types that hold each other would otherwise never end to be told."""


@dataclass(frozen=True)
class Described:
    """A key of an object: what stands under it. `type` is in words, `rules` what its values must meet."""

    key: str
    type: str
    required: bool = True
    many: bool = False
    rules: tuple[str, ...] = ()
    documentation: str = ""
    personal: bool = False
    fields: tuple["Described", ...] = ()

    def all(self) -> Iterator["Described"]:
        """Yield it and all that stands in it."""
        yield self
        for each in self.fields:
            yield from each.all()


@dataclass(frozen=True)
class DescribedOperation:
    """An operation. `example` is a valid call, None where none could be made, and then `no_example` says why."""

    name: str
    port: str
    documentation: str
    parameters: tuple[Described, ...]
    answer: Described | None
    headers: tuple[Described, ...] = ()
    answer_headers: tuple[Described, ...] = ()
    faults: tuple[Described, ...] = ()
    example: Mapping[str, Any] | None = None
    no_example: str = ""
    answer_example: Any = None


@dataclass(frozen=True)
class DescribedPort:
    """A port of the WSDL, and how many operations it has that can be used."""

    name: str
    service: str
    soap: str
    address: str
    operations: int


@dataclass(frozen=True)
class Description:
    """A WSDL in words. `broken` says of operations, imports and ports why they cannot be used."""

    documentation: str
    ports: tuple[DescribedPort, ...]
    operations: tuple[DescribedOperation, ...]
    broken: Mapping[str, str]
    left_out: tuple[str, ...]


def describe(client: SoapClient, only: str | None = None) -> Description:
    """Return what the WSDL of `client` says of its operations, or of the one named.

    Raises Misconfigured where the WSDL cannot be read, or has no operation of that name.
    """
    wsdl = client.description()
    chosen = [port for port in wsdl.ports if client.port in (None, port.name, f"{port.service}/{port.name}")]
    broken = {plain(name): plain(why) for port in reversed(chosen) for name, why in port.broken.items()}
    names = dict.fromkeys(name for port in chosen for name in port.operations)
    operations = []
    for name in [only] if only is not None else names:
        try:
            operations.append(describe_operation(client.prepare(name)))
        except Misconfigured as error:
            if only is not None:
                raise
            broken[name] = plain(error.detail)
    ports = tuple(
        DescribedPort(port.name, port.service, "1.1" if port.envelope == SOAP_11 else "1.2", plain(port.address),
                      len(port.operations))
        for port in wsdl.ports
    )  # fmt: skip
    broken = {name: why for name, why in broken.items() if name not in {each.name for each in operations}}
    return Description(plain(wsdl.documentation), ports, tuple(operations), broken, tuple(map(plain, wsdl.broken)))


def describe_operation(asked: Prepared) -> DescribedOperation:
    """Return one operation in words."""
    annotations = Annotations(asked.reading.schemas)
    words, asking = _Words(annotations), _Words(annotations, asking=True)
    answers = asked.answers
    answer = None
    if answers.parts or answers.attached:
        answer = words.root(answers)
    example, no_example = None, ""
    try:
        example = sample_parameters(asked)
    except NoSample as reason:
        no_example = str(reason)
    return DescribedOperation(
        name=asked.operation.name,
        port=asked.port.name,
        documentation=plain(asked.operation.documentation),
        parameters=asking.parameters(asked.asks),
        answer=answer,
        headers=_headers(asking, asked.asked_headers),
        answer_headers=_headers(words, asked.answered_headers),
        faults=tuple(_Words(annotations).element(each, local(tag)) for tag, each in asked.faults.items()),
        example=example,
        no_example=no_example,
        answer_example=sample_answer(asked),
    )


def _headers(words: "_Words", elements: Mapping[str, Element]) -> tuple[Described, ...]:
    return tuple(replace(words.element(element, name), required=False) for name, element in elements.items())


@dataclass
class _Words:
    """Puts the shapes of one message into words."""

    annotations: Annotations
    left: int = MOST_FIELDS
    inside: list[Shape] = field(default_factory=list)
    asking: bool = False  # a question, in which `_type` may be left out

    def parameters(self, message: Layout) -> tuple[Described, ...]:
        """Return what a call takes: the children of its one element, or its parts."""
        element = message.element
        found = [Described(name, "bytes, as an attachment") for name in message.attached]
        if element is None or (message.attached and message.wrapper is None):
            return (*(self.element(part, name) for name, part in message.parts.items()), *found)
        if element.shape.is_text:
            return (replace(self.element(element, local(element.tag)), required=True, many=False), *found)
        return (*self.element(element, "").fields, *found)

    def root(self, message: Layout) -> Described:
        """Return what an answer is."""
        element = message.element
        if element is not None and not message.attached:
            return replace(self.element(element, ""), required=True, many=False)
        return Described("", "object", fields=self.parameters(message))

    def element(self, element: Element, key: str) -> Described:
        """Return an element, and all that is in it."""
        shape, documentation = element.shape, self.annotations.of_element(element)
        self.left -= 1
        rules = list(self._rules(element))
        fields: tuple[Described, ...] = ()
        if self.left < 0:
            rules.append("not written out here: the message is too large")
        elif any(shape is each for each in self.inside):
            rules.append(f"{_type_name(shape)} again")
        elif not shape.is_text:
            self.inside.append(shape)
            fields = tuple(self._fields(shape))
            self.inside.pop()
        return Described(
            key=key,
            type=type_in_words(shape),
            required=element.minimum > 0,
            many=element.many,
            rules=tuple(rules),
            documentation=documentation,
            personal=looks_personal(key, documentation),
            fields=fields,
        )

    def _rules(self, element: Element) -> Iterator[str]:
        shape = element.shape
        if element.nillable:
            yield "may be null"
        if element.default is not None:
            yield f"{plain(element.default)} where it comes empty"
        if element.maximum not in (0, 1, float("inf")):
            yield f"at most {element.maximum:.0f}"
        if element.many and element.minimum > 1:
            yield f"at least {element.minimum}"
        if shape.simple is not None and shape.is_text:
            yield from rules_of(shape.simple, self.annotations.of_values(element))

    def _fields(self, shape: Shape) -> Iterator[Described]:
        """Yield the keys of an object, those of the types derived from its type last."""
        if shape.variants:
            names = ", ".join(sorted(map(plain, shape.variants)))
            required = shape.abstract or not self.asking
            yield Described("_type", "text", required, rules=(f"which type it is: {names}",))
        own = list(self._own(shape))
        yield from own
        keys = {each.key for each in own}
        found: dict[str, Described] = {}
        owners: dict[str, list[str]] = {}
        for tag, variant in shape.variants.items():
            for each in self._own(variant) if variant is not shape else ():
                if each.key not in keys:
                    found.setdefault(each.key, each)
                    owners.setdefault(each.key, []).append(plain(local(tag)))
        for key, each in found.items():
            yield replace(each, required=False, rules=(f"of {', '.join(owners[key])} only", *each.rules))

    def _own(self, shape: Shape) -> Iterator[Described]:
        for attribute in shape.attributes.values():
            yield self._attribute(shape, attribute)
        if shape.any_attribute:
            yield Described("_attributes", "object", required=False, rules=("any other attributes, by their tags",))
        if shape.mixed or shape.anything:
            yield Described("_xml", "text", rules=("text and elements as they stand",))
        elif shape.simple is not None:
            yield Described("_value", type_in_words(Shape("", shape.simple)), rules=tuple(rules_of(shape.simple)))
        elif shape.content is not None:
            yield from _once(self._content(shape.content, optional=False))

    def _attribute(self, shape: Shape, attribute: Attribute) -> Described:
        documentation = self.annotations.of_attribute(shape, attribute.key.lstrip("@"))
        rules = tuple(rules_of(attribute.simple))
        if attribute.default is not None:
            rules = (f"{plain(attribute.default)} where it is absent", *rules)
        return Described(
            attribute.key,
            type_in_words(Shape("", attribute.simple)),
            required=attribute.required,
            rules=rules,
            documentation=documentation,
            personal=looks_personal(attribute.key, documentation),
        )

    def _content(self, group: Group, *, optional: bool) -> Iterator[Described]:
        """Yield the keys that a group brings; those of a choice say between what."""
        optional = optional or group.minimum == 0
        one_of = group.kind == "choice" and len(group.parts) > 1
        either = f"one of: {'; '.join(_names(part) for part in group.parts)}" if one_of else ""
        for part in group.parts:
            for each in self._particle(part, optional=optional or one_of):
                yield replace(each, rules=(either, *each.rules)) if either else each

    def _particle(self, part: Element | Wildcard | Group, *, optional: bool) -> Iterator[Described]:
        if isinstance(part, Element):
            found = self.element(part, part.key)
            yield replace(found, required=found.required and not optional)
        elif isinstance(part, Wildcard):
            yield Described(part.key, "any elements", required=False, many=True,
                            rules=('each {"name": …, "value": …}, or {"name": …, "xml": …}',))  # fmt: skip
        elif part.key is not None:
            fields = tuple(_once(self._content(replace(part, minimum=1), optional=False)))
            yield Described(part.key, "object", part.minimum > 0 and not optional, many=True, fields=fields)
        else:
            yield from self._content(part, optional=optional)


def _once(found: Iterable[Described]) -> Iterator[Described]:
    """Yield the first of each key: an element may stand in several places."""
    seen = set()
    for each in found:
        if each.key not in seen:
            seen.add(each.key)
            yield each


def _names(part: Element | Wildcard | Group) -> str:
    if isinstance(part, Group) and part.key is None:
        return " and ".join(_names(each) for each in part.parts)
    return str(part.key)


def _type_name(shape: Shape) -> str:
    return plain(local(shape.type).strip("()"))
