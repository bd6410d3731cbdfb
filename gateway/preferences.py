"""What a header of preferences asks for: `Accept`, `Accept-Language` (RFC 9110, 12.4.2)."""

from collections.abc import Iterator


def preferences(header: str) -> Iterator[tuple[str, float]]:
    """Yield what a header names, in small letters, each with its quality: 0 where that is no number."""
    for part in header.lower().split(","):
        name, *parameters = (each.strip() for each in part.split(";"))
        yield name, next((_number(each[2:]) for each in parameters if each.startswith("q=")), 1.0)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
