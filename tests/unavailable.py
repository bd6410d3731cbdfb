"""What a test does without a part that it needs: it says which and why, and in CI that is a failure."""

import os
from typing import NoReturn

import pytest


def unavailable(part: str, reason: object) -> NoReturn:
    """Skip with the reason, or fail with it where CI=true."""
    said = f"{part} cannot be had here: {reason}"
    if os.environ.get("CI") == "true":
        pytest.fail(said, pytrace=False)
    pytest.skip(said)
