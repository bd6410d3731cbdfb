"""Which application an access token of an OpenID provider stands for, and which agent, as the workspace declares."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from connectors.errors import Unauthenticated
from pipelines.declarations.callers import IdentityProvider
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from connectors.openid import Provider


class Identities:
    """The OpenID providers of one workspace. A provider is asked for keys in a thread of its own; close it."""

    def __init__(self, workspace: Workspace) -> None:
        """Nobody is asked before the first token."""
        self._providers: dict[str, tuple[IdentityProvider, Provider, ThreadPoolExecutor]] = {}
        declared = workspace.configuration.identity.providers
        if not declared:
            return
        from connectors import openid  # slow to load, and not every workspace needs it

        for name, each in declared.items():
            authority = workspace.root / each.authority if each.authority else None
            made = openid.Provider(name, each.issuer, each.audience, keys=each.keys, authority=authority)
            self._providers[each.issuer] = each, made, ThreadPoolExecutor(1, f"identity-{name}")

    def close(self) -> None:
        """Wait for a provider that is being asked; what it answers is of no use any more."""
        for _, _, thread in self._providers.values():
            thread.shutdown(cancel_futures=True)

    async def known(self, text: str) -> tuple[str, str | None]:
        """Return the application that an access token stands for, and the agent that it names.

        Raises Unauthenticated for a token that is not good, Down or Misconfigured where its key could not be had.
        """
        if not self._providers:
            raise Unauthenticated("the token is unknown, expired or revoked")
        from connectors.openid import Presented

        presented = Presented.read(text)
        if presented.issuer not in self._providers:
            raise Unauthenticated("the access token is of an issuer that this gateway does not know")
        declared, provider, thread = self._providers[presented.issuer]
        if not provider.knows(presented):
            await asyncio.get_running_loop().run_in_executor(thread, provider.renew)
        elif provider.old():
            thread.submit(provider.renew)
        claims = provider.claims(presented)
        if claims["client_id"] not in declared.applications:
            raise Unauthenticated("the access token is good, but its client is no application of this gateway")
        agent = claims.get(declared.agent) if declared.agent else None
        if agent is not None and not isinstance(agent, str):
            raise Unauthenticated(
                f"the access token names the agent, in {declared.agent}, by something that is no text"
            )
        return declared.applications[claims["client_id"]], agent
