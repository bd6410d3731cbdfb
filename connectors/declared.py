"""What every part of a declaration is: strict, and never changed."""

from pydantic import BaseModel, ConfigDict


class Declared(BaseModel):
    """Base of every declaration: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
