"""The one place through which HTTP leaves, for libraries that want a requests.Session."""

from typing import Any

import requests
import requests.adapters

from connectors.answers import late
from connectors.deadline import Deadline
from connectors.errors import Down, Misconfigured
from connectors.http import USER_AGENT, check_origin
from connectors.sockets import pool_manager, watched


class _Adapter(requests.adapters.HTTPAdapter):
    """Sends through our guarded connections, to `base` only, each request under its own total deadline."""

    def __init__(self, base: str, name: str, seconds: float) -> None:
        self.base, self.name, self.seconds = base, name, seconds
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        self.poolmanager = pool_manager(num_pools=connections, maxsize=maxsize, block=block, **options)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        check_origin(request.url or "", self.base, self.name)
        kwargs.update(timeout=self.seconds, stream=False)
        with watched(Deadline.after(self.seconds)) as call:
            try:
                answer = super().send(request, *args, **kwargs)
                _ = answer.content  # read under the watch
            except requests.RequestException as error:
                if call.shut or isinstance(error, requests.Timeout):
                    raise late(self.name) from error
                raise Down(f"{self.name} could not be asked: {type(error).__name__}", registry=self.name) from error
            if call.shut:
                raise late(self.name)
            if answer.is_redirect:
                raise Misconfigured(
                    f"{self.name} redirects elsewhere (HTTP {answer.status_code}), which is not followed:"
                    " declare the address that it redirects to",
                    registry=self.name,
                )
            return answer


def session(base: str, name: str, seconds: float) -> requests.Session:
    """Return a session for a library that brings its own protocol (ckanapi): each request ends within `seconds`.

    It reaches the origin of `base` only, and reads no proxy or credentials from the environment. Requests raise Late,
    Down or Misconfigured instead of requests' own errors.
    """
    made = requests.Session()
    made.trust_env = False
    made.max_redirects = 0
    made.headers["User-Agent"] = USER_AGENT
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter(base, name, seconds))
    return made
