"""Schemas are compiled whole or not at all, whatever other threads do to libxml2's resolving meanwhile."""

from typing import Any

import pytest
from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap import validation
from connectors.soap.names import XSD

OTHER = f'<x:schema xmlns:x="{XSD}" targetNamespace="urn:other"><x:element name="e" type="x:int"/></x:schema>'


class Deaf(etree.Resolver):
    """Finds nothing the first `times` times, as libxml2 does where another thread ends its resolving."""

    def __init__(self, times: int) -> None:
        self.times = times

    def resolve(self, system_url: str | None, public_id: str | None, context: Any) -> Any:
        self.times -= 1
        return None if self.times >= 0 else self.resolve_string(OTHER, context, base_url=system_url)


def compiled(element: str, times: int) -> etree.XMLSchema:
    parser = etree.XMLParser()
    parser.resolvers.add(Deaf(times))
    whole = f'<x:schema xmlns:x="{XSD}" targetNamespace="urn:all">{element}</x:schema>'
    return validation._compiled(etree.fromstring(whole, parser))


IMPORTED = '<x:import namespace="urn:other" schemaLocation="namespace:0"/>'


@pytest.mark.parametrize("times", [0, 1, 3])
def test_an_import_that_was_not_found_is_sought_again(times: int) -> None:
    """libxml2 only warns of it, and would judge every element of that namespace as unknown ever after."""
    schema = compiled(IMPORTED, times)
    assert schema.validate(etree.fromstring('<e xmlns="urn:other">1</e>'))
    assert not schema.validate(etree.fromstring('<e xmlns="urn:other">x</e>'))


def test_what_is_never_found_is_no_schema() -> None:
    with pytest.raises(Misconfigured, match="ask again"):
        compiled(IMPORTED, 10 * validation.COMPILING_TRIES)
