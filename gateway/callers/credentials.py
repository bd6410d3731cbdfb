"""By what a call proves which application makes it: a token of ours, one of an OpenID provider, or a certificate.

Found once for each call, before any route: what is wrong is raised where something is decided (`access`),
and journaled there. A call that is good counts against the limits of its application.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from connectors.errors import BeffroiError, Unauthenticated
from gateway.callers.identity import Identities
from gateway.callers.limits import Counted, Limits
from gateway.callers.proxies import Address, Certificate, Reporting, network_of, within
from gateway.callers.tokens import PREFIX, Tokens
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from starlette.datastructures import Headers
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY = "beffroi.credential"
"""Where the credential of a call stands in its scope."""


@dataclass(frozen=True)
class Credential:
    """Which application calls, the agent that its provider names, and what is wrong with either.

    Where something is wrong the application is the one whose credential it is, as far as that is known: a stolen token
    is journaled as what it is. Where the call is refused for it, `origin` is what that counts for: where the call comes
    from, or the application that is beyond its limits.
    """

    application: str | None = None
    agent: str | None = None
    refusal: BeffroiError | None = None
    origin: str | None = None


class Credentials:
    """The credentials that one workspace takes."""

    def __init__(self, workspace: Workspace, tokens: Tokens) -> None:
        """Nobody is asked and nothing written before the first call."""
        self._workspace, self._tokens = workspace, tokens
        self._reporting = Reporting(workspace.configuration.proxies)
        self._identities = Identities(workspace)
        self.limits = Limits(workspace.state)
        self._certificates = _certificates(workspace)

    def close(self) -> None:
        """Let go of the providers."""
        self._identities.close()

    def address(self, peer: str | None, headers: "Headers") -> Address | None:
        """Return the address that a call comes from, as a proxy reports it; None where one that is not declared does."""
        return None if self._reporting.unheard(headers) else self._reporting.address(peer, headers)

    async def of(self, peer: str | None, headers: "Headers") -> tuple[Credential, Counted | None]:
        """Return the credential of a call from the address `peer`, and what it counts for.

        Never raises for what the caller did, or a provider did not: it becomes the credential's `refusal`.
        """
        try:
            found = await self._known(peer, headers)
        except BeffroiError as error:
            found = Credential(refusal=error)
        if found.application is None or found.refusal is not None:
            return replace(found, origin=network_of(self._reporting.address(peer, headers))), None
        limits = self._workspace.applications[found.application][1].limits
        if limits is None:
            return found, None
        try:
            counted = await self.limits.count(found.application, limits)
        except BeffroiError as error:
            return replace(found, refusal=error), None
        origin = found.application if counted.refusal is not None else None
        return replace(found, refusal=counted.refusal, origin=origin), counted

    async def _known(self, peer: str | None, headers: "Headers") -> Credential:
        certificate = self._reporting.certificate(peer, headers)
        shown = self._of_certificate(certificate)
        texts = headers.getlist("authorization")
        if not texts and certificate is not None:
            if shown is None:
                raise Unauthenticated("no application of this gateway has the client certificate of the call")
            return Credential(shown)
        found = await self._of_bearer(texts, peer, headers)
        if shown is not None and shown != found.application:
            said = "the token and the client certificate of the call are those of two applications"
            return replace(found, refusal=Unauthenticated(said))
        return found

    async def _of_bearer(self, texts: list[str], peer: str | None, headers: "Headers") -> Credential:
        if not texts:
            raise Unauthenticated("no token came with the call: send «Authorization: Bearer …»")
        scheme, _, text = texts[0].partition(" ")
        if len(texts) > 1 or scheme.lower() != "bearer":
            raise Unauthenticated("the header Authorization must read «Bearer», a blank, and the token, once")
        text = text.strip()
        if text.count(".") == 2 and not text.startswith(PREFIX):
            application, agent = await self._identities.known(text)
            return Credential(application, agent)
        return self.of_token(text, peer, headers)

    def of_token(self, text: str, peer: str | None, headers: "Headers") -> Credential:
        """Return the credential that a token of ours is, for a call from the address `peer`. Raises Unauthenticated, Unavailable."""
        token = self._tokens.verify(text)
        if token.networks and not within(self._reporting.address(peer, headers), token.networks):
            said = "the token is good only from the networks that it was issued for, and this call comes from elsewhere"
            return Credential(token.application, refusal=Unauthenticated(said))
        return Credential(token.application)

    def _of_certificate(self, certificate: Certificate | None) -> str | None:
        if certificate is None or not self._certificates:
            return None
        by_hash = self._certificates.get(certificate.sha256) if certificate.sha256 else None
        return by_hash or (self._certificates.get(_name(certificate.subject)) if certificate.subject else None)


class Presented:
    """An ASGI layer that puts the credential of a call into its scope, and tells in its answer what is left of limits."""

    def __init__(self, app: "ASGIApp", credentials: Credentials) -> None:
        """`app` is what answers."""
        self._app, self._credentials = app, credentials

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        from starlette.datastructures import Headers  # the command line starts without what serves HTTP

        peer = scope["client"][0] if scope.get("client") else None
        headers = Headers(scope=scope)
        credential, counted = await self._credentials.of(peer, headers)
        scope[KEY] = credential
        if counted is None:
            await self._app(scope, receive, send)
            return
        told = [(name.lower().encode(), value.encode()) for name, value in counted.headers.items()]

        async def forward(message: "Message") -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *told]
            await send(message)

        await self._app(scope, receive, forward)


def credential_of(scope: "Scope") -> Credential:
    """Return the credential that `Presented` found."""
    found: Credential = scope[KEY]
    return found


def _certificates(workspace: Workspace) -> dict[Any, str]:
    """Return which application is known by which SHA-256, and by which subject."""
    return {
        each.sha256 or _name(each.subject or ""): name
        for name, (_, application) in workspace.applications.items()
        for each in application.certificates
    }


def _name(subject: str) -> Any:
    """Read a subject, so that two ways to write one are the same; what is none is nobody's."""
    from cryptography import x509  # slow to load, and few workspaces need it

    try:
        return x509.Name.from_rfc4514_string(subject)
    except ValueError:
        return None
