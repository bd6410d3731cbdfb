"""Who we are, by a document's security schemes: the `auth:` of a draft, its secrets as variables of the environment."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from connectors.drafting import FILL_IN
from connectors.rest.auth_settings import AuthSettings
from connectors.rest.openapi import Document, text
from connectors.rest.openapi_operations import Operation


@dataclass(frozen=True)
class AuthGuess:
    """What stands under `auth:` in a draft, if anything; whether calls need it; and what could not be written."""

    said: Mapping[str, Any] | None
    needed: bool
    notes: tuple[str, ...]

    @property
    def query(self) -> dict[str, str]:
        """Return the parameter of the query that says who we are, which no operation must ask for itself."""
        return {} if self.said is None or "query" not in self.said else {self.said["query"]: ""}


def auth_of(document: Document, operations: Sequence[Operation], registry: str) -> AuthGuess:
    """Return who the operations want us to be: the first way that can be declared, of the most of them."""
    holder = document.at(document.data.get("components")).get("securitySchemes")
    schemes = {str(name): document.at(node) for name, node in
               document.at(document.data.get("securityDefinitions", holder)).items()}  # fmt: skip
    asked = [each.security for each in operations if isinstance(each.security, list)]
    needed = any(each and {} not in each for each in asked)
    wanted = [
        (str(name), scopes)
        for security in asked
        for way in security
        if isinstance(way, dict)
        for name, scopes in way.items()
    ]
    ways: dict[str, Any] = {}
    for name, scopes in [*wanted, *((name, []) for name in schemes)]:
        ways.setdefault(name, scopes)
    notes = list[str]()
    for name, scopes in ways.items():
        said = next(_said(schemes.get(name, {}), scopes, registry), None)
        if said is not None and _loads(said):
            others = sorted(set(schemes) - {name})
            notes += [f"other ways to say who we are: {', '.join(others)}"] if others else []
            return AuthGuess(said, needed, tuple(notes))
        notes.append(
            f"the security scheme {name} ({text(schemes.get(name, {}).get('type')) or 'unknown'}) cannot be drafted"
        )
    return AuthGuess(None, needed, tuple(dict.fromkeys(notes)))


def _said(scheme: Mapping[str, Any], scopes: Any, registry: str) -> Iterator[dict[str, Any]]:
    """Yield what one scheme is under `auth:`, nothing where it is none that we have."""
    kind, prefix = scheme.get("type"), re.sub(r"[^A-Z0-9]", "_", registry.upper())
    basic = {"kind": "basic", "username": f"${{{prefix}_USERNAME}}", "password": f"${{{prefix}_PASSWORD}}"}
    if kind == "apiKey" and scheme.get("in") in ("header", "query"):
        if text(scheme.get("name")).lower() == "authorization" and "bearer" in text(scheme.get("description")).lower():
            yield {"kind": "bearer", "token": f"${{{prefix}_TOKEN}}"}
        yield {"kind": "api-key", str(scheme["in"]): text(scheme.get("name")), "value": f"${{{prefix}_KEY}}"}
    elif kind == "basic":
        yield basic
    elif kind == "http":
        way = text(scheme.get("scheme")).lower()
        yield from [basic] if way == "basic" else []
        yield from [{"kind": "bearer", "token": f"${{{prefix}_TOKEN}}"}] if way == "bearer" else []
    elif kind == "oauth2":
        flows = scheme.get("flows") if isinstance(scheme.get("flows"), dict) else {}
        flow = flows.get("clientCredentials") if isinstance(flows, dict) else None
        flow = scheme if scheme.get("flow") == "application" else flow
        if isinstance(flow, dict):
            url = flow.get("tokenUrl")
            said = {"kind": "oauth2", "token_url": url if _absolute(url) else f"https://{FILL_IN}.invalid/"}
            said |= {"client_id": f"${{{prefix}_CLIENT_ID}}", "client_secret": f"${{{prefix}_CLIENT_SECRET}}"}
            named = " ".join(map(text, scopes)) if isinstance(scopes, list) else ""
            yield said | ({"scope": named} if named and named.isprintable() else {})


def _absolute(url: Any) -> bool:
    return isinstance(url, str) and url.isprintable() and url.startswith(("https://", "http://"))


def _loads(said: Mapping[str, Any]) -> bool:
    try:
        TypeAdapter(AuthSettings).validate_python(said)
    except ValidationError:
        return False
    return all(str(value).isprintable() for value in said.values())
