"""What connectors of JSON interfaces share, and no more: an answer judged by its status and read strictly."""

from collections.abc import Callable
from typing import Any

from connectors import http
from connectors.errors import NotFound
from connectors.rest.reading import check_type, json_value, unreadable


def text_in(value: Any) -> str | None:
    """Return a value that is a text, None for anything else and for half a character, which Arrow does not take."""
    return value if isinstance(value, str) and value == value.encode(errors="replace").decode() else None


def json_of(response: http.Response, registry: str, is_absence: Callable[[http.Response], bool]) -> Any:
    """Return the JSON of an answer.

    `is_absence` tells the registry's own word for «no such record» from anybody else's 404 (a proxy's, a moved path):
    a status alone proves nothing. Raises NotFound; RefusedUs, Busy and Down by the status; Unreadable for anything
    that is not the registry's JSON.
    """
    if response.status == 404 and is_absence(response):
        raise NotFound(f"{registry} has no such record", registry=registry)
    if response.status != 200:
        raise http.refusal(response, registry) or unreadable(registry, "json", f"HTTP status {response.status}")
    check_type(response.content_type, "json", registry)
    return json_value(response.body, registry)
