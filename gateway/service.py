"""What the gateway holds while it runs, and the command line for one lookup: workspace, tokens, journal, pools."""

from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from connectors.errors import InvalidRequest
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
from gateway.receipt_signing import Receipts, wanted
from gateway.serving.turn import Turn
from pipelines import versions
from pipelines.workspace import Workspace

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from starlette.requests import Request

    from gateway.metrics import Metrics
    from pipelines.versions import Version


ONCE = ("Beffroi-Purpose", "Beffroi-Agent", "Beffroi-Case")
"""Headers of which one alone counts: what an integration adds must not be outvoted by what its user has sent."""


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
        self.latest = Turn(self._latest)
        self.metrics: Metrics | None = None

    def caller(self, request: "Request") -> Caller:
        """Tell who makes this request. A purpose in the query counts on GET only: a POST has headers."""
        scope, purpose = request.scope, None
        if scope["query_string"] and scope["method"] in ("GET", "HEAD"):
            purpose = request.query_params.get("purpose")
        ours = [pair for pair in scope["headers"] if pair[0].startswith(b"beffroi-")]
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in ours}
        caller = wanted(identify(self.workspace, credential_of(scope), said, purpose), said)
        return caller if len(said) == len(ours) else _once(caller, [name for name, _ in ours])

    def _latest(self, name: str) -> "tuple[Version, dt.datetime] | None":
        """Return the version of a dataset that may be shown, and of when its source is. Raises Unavailable."""
        version = versions.latest(self.workspace, name)
        return None if version is None else (version, version.as_of)

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


def _once(caller: Caller, names: "Sequence[bytes]") -> Caller:
    """Return the caller that headers of these names have told of, refused where one came twice."""
    twice = [name for name in ONCE if names.count(name.lower().encode()) > 1]
    if not twice:
        return caller
    wrong = InvalidRequest(f"the header {twice[0]} must come once: it says who calls")
    return replace(caller, agent=None, case=None, refusal=caller.refusal or wrong)
