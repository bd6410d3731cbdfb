"""What connectors of JSON interfaces share, and no more: one GET, its answer read strictly.

Source: JSON, RFC 8259; what it leaves open (a name twice, NaN, infinities) is an error here.
"""

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import NotFound, Unreadable


def get_json(
    url: str, *, base: str, registry: str, deadline: Deadline, is_absence: Callable[[http.Response], bool]
) -> Any:
    """Return what `url` answers as JSON.

    `is_absence` tells the registry's own word for «no such record» from anybody else's 404 (a proxy's, a moved path):
    a status alone proves nothing. Raises what `http.request` raises; NotFound; RefusedUs, Busy and Down by the
    status; Unreadable for anything that is not the registry's JSON.
    """
    response = http.request(
        "GET", url, base=base, registry=registry, deadline=deadline, headers={"Accept": "application/json"}
    )
    page = response.content_type in ("text/html", "application/xhtml+xml")
    if response.status == 404 and is_absence(response):
        raise NotFound(f"{registry} has no such record", registry=registry)
    if response.status != 200:
        raise http.refusal(response, registry) or _unreadable(registry, f"HTTP status {response.status}")
    if not (response.content_type == "application/json" or response.content_type.endswith("+json")):
        raise _unreadable(registry, "a web page" if page else "its content type is not that of JSON")
    try:
        return json.loads(response.body, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:  # its message quotes nothing, but may hold a name: not repeated
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise _unreadable(registry, f"no well-formed JSON{where}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name twice in one object")
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number beyond what a float holds")
    return value


def _unreadable(registry: str, what: str) -> Unreadable:
    return Unreadable(f"the answer of {registry} is not its JSON: {what}", registry=registry)
