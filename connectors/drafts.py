"""Registries from their own descriptions: a WSDL becomes a declaration, is told in words, and its operations are tried.

This is the plain face of `connectors/soap` for the command line; nothing here is needed to answer a lookup.
"""

import base64
import binascii
import contextlib
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, InvalidRequest, Misconfigured
from connectors.registry import Registry
from connectors.soap import Soap, catalogue, outcomes, outline
from connectors.soap import describe as words
from connectors.soap.client import SoapClient
from connectors.soap.declaration import ports_of, text_of
from connectors.soap.describe import Described, DescribedOperation, Description
from connectors.soap.faults import SoapFault
from connectors.soap.identity import who
from connectors.soap.names import local
from connectors.soap.places import Place, keys_at, of_message
from connectors.soap.prepared import Prepared
from connectors.soap.values import json_of
from connectors.soap.words import plain

__all__ = ["Added", "Call", "Described", "DescribedOperation", "Description", "Told", "add_soap", "command", "describe"]
__all__ += ["in_words", "lines", "plain"]

SECONDS = 60.0
"""How long an operation that is tried may take."""


# --- add -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Added:
    """What was written, relative to the workspace, and what the WSDL has. `declaration` is None where it was kept."""

    wsdl: str
    declaration: str | None
    operations: tuple[str, ...]
    broken: Mapping[str, str]
    ports: tuple[str, ...]


def add_soap(
    root: Path,
    name: str,
    source: str,
    *,
    port: str | None,
    allow: Collection[str],
    keep: bool,
    folders: Collection[Path] = (),
) -> Added:
    """Bring a WSDL, a file or an address, into the workspace `root` and declare the registry `name` by it.

    With `keep` the declaration stays and an earlier copy of the WSDL is replaced. On failure nothing has changed.
    Raises InvalidRequest (name, port, what is no WSDL) and what bringing it raises (`catalogue.add`).
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
        raise InvalidRequest("a registry's name is small letters a to z, digits, - and _, a letter first")
    folder, declaration = root / "wsdl" / name, root / "registries" / f"{name}.yaml"
    if folder.exists() and not keep:
        raise InvalidRequest(f"wsdl/{name} is there already, and no registry {name}: take it away, or another name")
    folder.parent.mkdir(exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}-") as aside:
            brought = catalogue.add(source, Path(aside, name), allow=allow, folders=folders)
            client = _chosen(brought, name, port)
            wsdl = f"wsdl/{name}/{brought.name}"
            try:
                text, found = text_of(client, wsdl), words.describe(client)
            except Misconfigured as error:
                raise InvalidRequest(plain(error.detail)) from error
            if not found.operations:
                raise InvalidRequest(_nothing(found))
            _swap(brought.parent, folder, Path(aside, "before"), None if keep else (declaration, text))
    finally:
        with contextlib.suppress(OSError):  # it holds something
            folder.parent.rmdir()
    names = tuple(each.name for each in found.operations)
    told = None if keep else f"registries/{name}.yaml"
    return Added(wsdl, told, names, found.broken, tuple(map(plain, ports_of(client))))


def _nothing(found: Description) -> str:
    """Return why no operation can be used, of three at most."""
    reasons = [*(f"{operation}: {why}" for operation, why in found.broken.items()), *found.left_out]
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return f"no operation of it can be used: {'; '.join(reasons[:3]) or 'it has none'}{more}"


def _chosen(wsdl: Path, name: str, port: str | None) -> SoapClient:
    """Return a client of the port, the WSDL's first where none is named. Raises InvalidRequest."""
    try:
        client = SoapClient(wsdl, name)
        ports = ports_of(client)
        whole = [f"{port.service}/{port.name}" for port in client.description().ports]
    except Misconfigured as error:
        raise InvalidRequest(plain(error.detail)) from error
    if port is not None and port not in (*ports, *whole):
        raise InvalidRequest(f"the WSDL has no port {port}; it has: {', '.join(map(plain, ports))}")
    return SoapClient(wsdl, name, port or ports[0])


def _swap(new: Path, folder: Path, aside: Path, write: tuple[Path, str] | None) -> None:
    """Put a folder in the place of another, and write a file; where that fails, the folder is as before."""
    if folder.exists():
        folder.rename(aside)
    try:
        new.rename(folder)
        if write is not None:
            file, text = write
            file.parent.mkdir(exist_ok=True)
            written = aside.with_name("declaration")
            written.write_text(text, encoding="utf-8")
            written.rename(file)
    except OSError:
        if folder.exists():
            folder.rename(new)
        if aside.exists():
            aside.rename(folder)
        raise


# --- show ------------------------------------------------------------------------------------------------------------


def describe(registry: Registry, operation: str | None = None) -> Description:
    """Return what a registry's WSDL says in words. Raises InvalidRequest for one without, or without that operation."""
    client = _client(registry)
    if operation is not None:
        _prepared(client, operation)
    return words.describe(client, operation)


def lines(registry: Registry, operation: DescribedOperation) -> list[str]:
    """Return an operation as lines of text."""
    return list(outline.of_operation(operation, command(registry, operation)))


def command(registry: Registry, operation: DescribedOperation) -> str:
    """Return the command that calls an operation with its example."""
    return outline.call_of(registry.name, operation, personal=registry.personal)


def in_words(described: Described) -> str:
    """Return what stands under a key, in a line."""
    return outline.in_words(described)


# --- call ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """An answer and its headers as JSON has them, and the names in it that its schema does not know."""

    value: Any
    headers: Mapping[str, Any]
    extras: tuple[str, ...]


class Call:
    """An operation of a registry with its parameters, ready to be asked."""

    def __init__(
        self,
        registry: Registry,
        operation: str,
        texts: Sequence[tuple[str, str]],
        given: Mapping[str, Any],
        headers: Mapping[str, Any],
    ) -> None:
        """`texts` are parameters as typed, `given` those that JSON holds.

        Raises InvalidRequest, which names what does not fit the schema and no value.
        """
        self._client = _client(registry)
        self._asked = _prepared(self._client, operation)
        self.registry, self.operation = registry, operation
        self.parameters, self.headers = {**given, **_typed(self._asked, texts, given)}, headers
        for name in self._asked.asks.attached:
            if isinstance(self.parameters.get(name), str):
                self.parameters[name] = _bytes(name, self.parameters[name])
        try:
            self._client.request(self._asked, self.parameters, self.headers)
        except Misconfigured as error:
            raise InvalidRequest(error.detail) from error

    @property
    def identifier(self) -> str | None:
        """Return `scheme:value` where it asks as the declared lookup does, by an identifier that is one parameter."""
        lookup = self.registry.settings.lookup if isinstance(self.registry, Soap) else None
        if lookup is None or lookup.operation != self.operation:
            return None
        names = list(re.compile(lookup.identifier.pattern).groupindex)
        value = self.parameters.get(names[0]) if len(names) == 1 else None
        return None if value is None else f"{lookup.identifier.scheme}:{value}"

    def ask(self) -> Told:
        """Ask, and return the answer. Raises as `SoapClient.call` does, and what a fault means by `faults`."""
        registry = self.registry
        if not isinstance(registry, Soap):
            raise TypeError(f"{registry.name} has no operations")
        try:
            reply = self._client.call(
                self.operation,
                self.parameters,
                address=registry.address(registry.settings.url),
                deadline=Deadline.after(SECONDS),
                headers=self.headers,
            )
        except SoapFault as fault:
            raise _outcome(registry, fault, self.operation) from fault
        return Told(json_of(reply.value), json_of(dict(reply.headers)), tuple(sorted(self._client.extras)))


def _outcome(registry: Soap, fault: SoapFault, operation: str) -> BeffroiError:
    """Return what a fault means, and what the operator must know to declare its meaning."""
    error = outcomes.of_fault(registry.settings.faults, fault, registry.name, operation)
    return type(error)(f"{error.detail} ({fault.told()})", registry=registry.name)


def _client(registry: Registry) -> SoapClient:
    if not isinstance(registry, Soap):
        raise InvalidRequest(
            f"{registry.name} is not of kind soap: it has no operations to show or to call; `beffroi lookup` and `beffroi run`"
            " ask it, `beffroi check --online` tells whether it is there"
        )
    settings = registry.settings
    return SoapClient(
        registry.root / settings.wsdl, registry.name, settings.port, who(settings, registry.root, registry.name)
    )


def _prepared(client: SoapClient, operation: str) -> Prepared:
    client.description()  # what is wrong with the WSDL itself is not the caller's
    try:
        return client.prepare(operation)
    except Misconfigured as error:
        raise InvalidRequest(plain(error.detail)) from error


def _typed(asked: Prepared, texts: Sequence[tuple[str, str]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return typed parameters: one that the schema has as a list is one, whether it is said once or more."""
    whole, element = of_message(asked, asked.asks), asked.asks.element
    places: Mapping[str, Place] = keys_at(whole)
    if whole.simple is not None and element is not None:  # the message is one text
        places = {local(element.tag): whole}
    found: dict[str, Any] = {}
    for name, text in texts:
        place = places.get(name)
        several = place is not None and place.many
        if name in given or (name in found and not several):
            raise InvalidRequest(f"{name} is said twice, and is no list")
        if several:
            found.setdefault(name, []).append(text)
        else:
            is_list = place is not None and place.simple is not None and place.simple.base == "list"
            found[name] = text.split() if is_list else text
    return found


def _bytes(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidRequest(f"{name}: bytes as base64 are expected") from error
