"""What a registry bears, and when it is not there: limits and maintenance windows, as data."""

import dataclasses
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a registry bears: calls at once, and seconds until a lookup is given up; calls a second and a minute."""

    concurrency: int = 8
    deadline: float = 5.0
    per_second: float | None = None
    per_minute: float | None = None


class LimitsSettings(BaseModel):
    """What a workspace says of a registry's limits; what it does not say stays as the kind has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrency: Annotated[int, Field(ge=1, le=100)] | None = None
    deadline: Annotated[float, Field(gt=0, le=120)] | None = None
    per_second: Annotated[float, Field(gt=0)] | None = None
    per_minute: Annotated[float, Field(gt=0)] | None = None

    def over(self, limits: Limits) -> Limits:
        """Return `limits` with what is said here."""
        return dataclasses.replace(limits, **self.model_dump(exclude_none=True))
