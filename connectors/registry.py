"""What every connector is: a registry that can be asked for one record, scanned as a table, or both.

A kind of registry is a module or a package here with one subclass of `Registry`; `kinds()` walks them, so there
is nothing to register. The file of a real registry opens with a docstring of fixed terms (`TERMS`).
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeAlias

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

import connectors
from connectors.deadline import Deadline
from connectors.errors import Down, Misconfigured
from connectors.records import Record
from connectors.sandbox import SandboxNotStarted
from connectors.sandbox import address as sandbox_address

TERMS = ("Owner", "Documentation", "Access", "Limits", "Caveats", "Last verified live")
"""What the docstring of a real registry's file tells, in this order."""

Scan: TypeAlias = pa.RecordBatchReader | Path
"""A table as Arrow batches in constant memory, or a Parquet file for the engine to read itself."""


@dataclass(frozen=True)
class Limits:
    """What a registry bears: calls at once, and seconds until a lookup is given up."""

    concurrency: int = 8
    deadline: float = 5.0


@dataclass(frozen=True)
class Answer:
    """A record found. `merged_from` is the identifier asked for, where the registry led us on to its successor."""

    record: Record
    merged_from: str | None = None


class Settings(BaseModel):
    """What the workspace says of one registry under `registries`, beside its `kind`. Each kind adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Registry:
    """One source, as the workspace declares it. Thread-safe: one object serves all callers."""

    record: type[Record] | None = None
    personal: bool = False  # whether all that it tells is personal data, whatever its fields say
    limits: Limits = Limits()
    settings_model: ClassVar[type[Settings]] = Settings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """`root` is the workspace, against which relative paths are read."""
        self.name = name
        self.settings = settings
        self.root = root
        self.extras: set[str] = set()  # names that it answered and nobody knows; never a value

    def problems(self) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Return what is wrong with the settings beyond their form, each with the keys where it stands."""
        return ()

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the record of a canonical identifier, or raise the error that its outcome is."""
        raise Misconfigured(f"the registry {self.name} answers no lookups, it can only be scanned", registry=self.name)

    def scan(self, table: str | None) -> Scan:
        """Return the whole table; its columns are those of the record, or the source's own where it has none."""
        raise Misconfigured(f"the registry {self.name} cannot be scanned", registry=self.name)

    def check(self, table: str | None) -> str | None:
        """Return what is wrong with reading `table`, as far as this machine can tell: no network is asked.

        A database or folder that is not there yet is no error: whoever fills it may come later.
        """
        return None

    def columns(self, table: str | None) -> Mapping[str, frozenset[str]] | None:
        """Return the columns of `table`, each with the types of column that hold its values as they come.

        None where that is known only when the table is read.
        """
        return None

    def address(self, url: str) -> str:
        """Return the address to ask: `url`, or where the sandbox serves it for `sandbox:NAME`. Raises Down."""
        scheme, _, name = url.partition(":")
        if scheme != "sandbox":
            return url
        try:
            return sandbox_address(self.root, name)
        except SandboxNotStarted as error:
            raise Down(str(error), registry=self.name) from error


def kinds() -> dict[str, Callable[[], type[Registry]]]:
    """Return every kind of registry by name, with a function that loads its class."""

    def loader(module: str) -> Callable[[], type[Registry]]:
        return lambda: _class_of(module)

    modules = (info.name for info in pkgutil.iter_modules(connectors.__path__))
    return {name: loader(name) for name in modules if name not in _PLUMBING}


_PLUMBING = {"columns", "deadline", "errors", "records", "registry", "extras", "sandbox"} | {
    *("http", "sockets", "answers", "tls", "rest", "drafts")
}
"""Modules and packages of this package that are no kind of registry."""


def _class_of(module: str) -> type[Registry]:
    loaded = importlib.import_module(f"connectors.{module}")
    for value in vars(loaded).values():
        if isinstance(value, type) and issubclass(value, Registry) and value.__module__ == loaded.__name__:
            return value
    raise TypeError(f"connectors.{module} defines no Registry")
