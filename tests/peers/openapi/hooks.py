"""What schemathesis must be told of our media types: questions in NDJSON are sent as the text that they are."""

from typing import Any

import schemathesis  # type: ignore[import-not-found]  # it stands in the peer's own environment


@schemathesis.serializer("application/x-ndjson")  # type: ignore[untyped-decorator]
def as_it_is(_: Any, value: Any) -> Any:
    """Return the bytes of a text; what a negative case puts in its place is sent as text too."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
