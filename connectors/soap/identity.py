"""Who we are to a declared SOAP registry: its certificates and its secrets, read when they are first needed."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap.client import Who
from connectors.soap.settings import SecuritySettings, SoapSettings
from connectors.variables import variable

if TYPE_CHECKING:  # it brings cryptography along, which most registries do without
    from connectors.soap.security import Security


def who(settings: SoapSettings, root: Path, registry: str) -> Who:
    """Return who we are by a declaration; `root` is the workspace, which its files are relative to."""
    identity = None if settings.tls is None else settings.tls.identity(root)
    security = None if settings.security is None else SecurityLater(settings.security, root, registry)
    return Who(identity, security, settings.mtom)


def misplaced(settings: SoapSettings, root: Path) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield which files of a declaration are not there, or not where they may be, with the keys that name them."""
    if not Path(os.path.normpath(root / settings.wsdl)).is_relative_to(root):
        yield ("wsdl",), f"{settings.wsdl} is outside the workspace: bring it in by `beffroi connector add soap FILE`"
    for section in ("tls", "security"):
        for key in ("certificate", "key", "authority", "trusted"):
            name = getattr(getattr(settings, section), key, None)
            if name is not None and not (root / name).is_file():
                yield (section, key), f"there is no file {name}; a path is relative to the workspace"


class SecurityLater:
    """WS-Security as it is declared. Its secrets are wanted by the first call, not by whoever checks a workspace."""

    def __init__(self, settings: SecuritySettings, root: Path, registry: str) -> None:
        self._settings, self._root, self._registry = settings, root, registry

    def apply(self, envelope: etree._Element) -> None:
        """Add to a request what the registry wants. Raises Misconfigured where a file or a variable is missing."""
        self._security.apply(envelope)

    def verify(self, envelope: etree._Element) -> None:
        """Check an answer. Raises SignatureInvalid."""
        self._security.verify(envelope)

    @property
    def trusted(self) -> str | None:
        """Whom an answer's signature is believed from: with it, only whole answers can be read."""
        return self._settings.trusted

    @cached_property
    def _security(self) -> "Security":
        from connectors.soap.security import Signature, UsernameToken

        said = self._settings
        if said.username is not None and said.password_variable is not None:
            return UsernameToken(said.username, variable(said.password_variable, self._registry), said.digest)
        certificate, key = self._read(said.certificate or ""), self._read(said.key or "")
        return Signature(certificate, key, None if said.trusted is None else self._read(said.trusted))

    def _read(self, name: str) -> bytes:
        try:
            return (self._root / name).read_bytes()
        except OSError as error:
            raise Misconfigured(
                f"WS-Security for {self._registry}: {name} cannot be read: it is missing or not ours to read",
                registry=self._registry,
            ) from error
