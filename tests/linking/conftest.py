"""`bench`: an empty workspace of its own for each test."""

from tests.pipelines.conftest import bench as bench  # noqa: PLC0414  # pytest finds it here
