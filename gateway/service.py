"""What the gateway holds while it runs, and the command line for one lookup: workspace, tokens, journal, pools."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from gateway.callers.access import Caller, identify
from gateway.callers.credentials import Credentials, credential_of
from gateway.callers.tokens import Tokens
from gateway.datasets.compared import Differences
from gateway.datasets.rows import Rows
from gateway.health import Health
from gateway.journal import Journal
from gateway.lookups.cache import Cache
from gateway.lookups.guesses import Guesses
from gateway.lookups.once import Once
from gateway.pools import Pool
from gateway.receipts import Receipts, wanted
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    from starlette.requests import Request

    from gateway.metrics import Metrics


class Service:
    """Everything that answers need. Close it, or use it in a `with`."""

    def __init__(self, workspace: Workspace, workers: int = 1) -> None:
        """Open the stores of `workspace`; so many processes answer from it. Raises Unavailable, Misconfigured."""
        self.workspace = workspace
        self.workers = workers
        self.journal = Journal.of(workspace)
        self.tokens = Tokens(workspace)
        self.credentials = Credentials(workspace, self.tokens)
        self.pools = {name: Pool(registry) for name, registry in workspace.registries.items()}
        self.health = Health(list(workspace.registries))
        self.rows = Rows(workspace.state)
        self.cache = Cache(workspace.state)
        self.once: Once[Any] = Once(workspace.state / "cache")
        self.guesses = Guesses(workspace.state, self.journal.keyed)
        self.differences = Differences()
        self.receipts = Receipts(workspace)
        self.metrics: Metrics | None = None

    def caller(self, request: "Request") -> Caller:
        """Tell who makes this request. A purpose in the query counts on GET only: a POST has headers."""
        purpose: Any = request.query_params.get("purpose") if request.method in ("GET", "HEAD") else None
        return wanted(identify(self.workspace, credential_of(request.scope), request.headers, purpose), request.headers)

    def close(self) -> None:
        """Close the stores; what waits for the journal is written first."""
        for pool in self.pools.values():
            pool.close()
        self.rows.close()
        self.cache.close()
        self.once.close()
        self.guesses.close()
        self.journal.close()
        self.credentials.close()
        self.tokens.close()
        counted, self.metrics, self.journal.metrics = self.metrics, None, None
        if counted is not None:  # whoever is still asking is counted no more
            counted.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
