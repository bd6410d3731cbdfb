"""What a registry's schemas say in words, and which of their names look like personal data."""

import re
from collections.abc import Mapping, Sequence

from lxml import etree

from connectors.soap.names import XSD, named
from connectors.soap.shapes import Element, Shape
from connectors.soap.wsdl import SchemaDocument

X = f"{{{XSD}}}"
LONGEST = 600
"""Characters of one documentation that are told."""


def plain(text: str) -> str:
    """Return a foreign text as one line without control characters, of bounded length."""
    line = "".join(each if each.isprintable() else " " for each in text)
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"


class Annotations:
    """The documentation in a set of schemas, by the names of what it is of."""

    def __init__(self, schemas: Sequence[SchemaDocument]) -> None:
        """Note where global elements and types stand."""
        self._global: dict[tuple[str, str], etree._Element] = {}
        for document in schemas:
            for node in document.root.iterchildren(f"{X}element", f"{X}complexType", f"{X}simpleType"):
                kind = "element" if node.tag == f"{X}element" else "type"
                self._global.setdefault((kind, named(document.namespace, node.get("name", ""))), node)

    def of_element(self, element: Element) -> str:
        """Return what is said at an element, else at the global one that it refers to, else at its type."""
        return next((said for node in self._nodes(element) if (said := _documentation(node))), "")

    def of_values(self, element: Element) -> Mapping[str, str]:
        """Return what is said of the enumerated values of an element's simple type."""
        for node in self._nodes(element):
            values = node.iterfind(f".//{X}restriction/{X}enumeration")
            if found := {each.get("value", ""): said for each in values if (said := _documentation(each))}:
                return found
        return {}

    def of_attribute(self, shape: Shape, name: str) -> str:
        """Return what is said at an attribute of a named type."""
        node = self._global.get(("type", shape.type))
        found = None if node is None else node.find(f".//{X}attribute[@name='{name}']") if name.isidentifier() else None
        return "" if found is None else _documentation(found)

    def _nodes(self, element: Element) -> list[etree._Element]:
        places = [("element", element.tag), ("type", element.shape.type)]
        if element.shape.simple is not None:
            places.append(("type", element.shape.simple.name))
        own = [] if element.source is None else [element.source.xml]
        if own and own[0].get("ref") is None:
            places = places[1:]  # a local element is not the global one of its name
        return own + [self._global[place] for place in places if place in self._global]


def _documentation(node: etree._Element) -> str:
    said = node.findall(f"{X}annotation/{X}documentation")
    return plain(" ".join("".join(each.itertext()) for each in said))


# --- personal data ---------------------------------------------------------------------------------------------------

_PERSONAL = frozenset(
    [
        "nir",
        "insee",
        "ssn",
        "nin",
        "inn",
        "niss",
        "person",
        "personal",
        "personne",
        "citizen",
        "individual",
        "surname",
        "forename",
        "firstname",
        "lastname",
        "givenname",
        "birthname",
        "usualname",
        "maidenname",
        "nom",
        "prenom",
        "naissance",
        "birth",
        "born",
        "dob",
        "death",
        "deces",
        "sex",
        "sexe",
        "gender",
        "civilite",
        "salutation",
        "nationality",
        "nationalite",
        "passport",
        "passeport",
        "email",
        "mail",
        "courriel",
        "phone",
        "telephone",
        "tel",
        "mobile",
        "fax",
        "iban",
        "bic",
        "address",
        "adresse",
        "street",
        "rue",
        "residence",
        "domicile",
        "spouse",
        "conjoint",
        "child",
        "enfant",
        "father",
        "mother",
        "pere",
        "mere",
        "married",
        "matrimonial",
        "photo",
        "signature",
        "taxpayer",
        "beneficiary",
        "beneficiaire",
        "holder",
        "titulaire",
        "owner",
        "proprietaire",
        "trader",
        "driver",
        "patient",
    ]
)
_PERSONAL_PAIRS = frozenset(
    [
        "given_name",
        "first_name",
        "last_name",
        "family_name",
        "birth_name",
        "usual_name",
        "trader_name",
        "owner_name",
        "holder_name",
        "full_name",
        "national_number",
        "postal_code",
    ]
)


def looks_personal(key: str, documentation: str = "") -> bool:
    """Tell whether a name, or what is said of it, looks like personal data. It is a hint to a person, no proof."""
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", key)]
    pairs = {f"{one}_{two.removesuffix('s')}" for one, two in zip(words, words[1:], strict=False)}
    said = set(re.findall(r"[a-z]+", documentation.lower()))
    named = any(word in _PERSONAL or word.removesuffix("s") in _PERSONAL for word in words)
    return named or bool(pairs & _PERSONAL_PAIRS) or bool(said & {"nir", "person", "personne", "citizen", "birth"})
