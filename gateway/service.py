"""What the gateway holds while it runs, and the command line for one lookup: workspace, tokens, journal, pools."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gateway.access import Caller, identify
from gateway.health import Health
from gateway.journal import Journal
from gateway.pools import Pool
from gateway.rows import Rows
from gateway.tokens import Tokens
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from starlette.requests import Request


class Service:
    """Everything that answers need. Close it, or use it in a `with`."""

    def __init__(self, workspace: Workspace) -> None:
        """Open the stores of `workspace`. Raises Unavailable, Misconfigured."""
        self.workspace = workspace
        self.journal = Journal(workspace.state)
        self.tokens = Tokens(workspace)
        self.pools = {name: Pool(registry) for name, registry in workspace.registries.items()}
        self.health = Health(list(workspace.registries))
        self.rows = Rows(workspace.state)

    def caller(self, request: "Request") -> Caller:
        """Tell who makes this request. A purpose in the query counts on GET only: a POST has headers."""
        purpose: Any = request.query_params.get("purpose") if request.method in ("GET", "HEAD") else None
        return identify(self.workspace, self.tokens, request.headers, purpose)

    def close(self) -> None:
        """Close the stores; what waits for the journal is written first."""
        for pool in self.pools.values():
            pool.close()
        self.rows.close()
        self.journal.close()
        self.tokens.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
