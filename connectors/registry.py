"""What every connector is: a registry that can be asked for one record, scanned as a table, or both.

A kind of registry is a module or a package here with one subclass of `Registry`; `kinds()` walks them, so there
is nothing to register. The file of a real registry opens with a docstring of fixed terms (`TERMS`).
"""

import datetime as dt
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Self, TypeAlias

import pyarrow as pa
from pydantic import Field, model_validator

import connectors
from connectors import credentials
from connectors.carried import NOTHING, Carried
from connectors.credentials import Credential
from connectors.deadline import Deadline
from connectors.declared import Declared
from connectors.errors import Down, Misconfigured
from connectors.guard import Guard, begun
from connectors.identities import SCHEME
from connectors.limits import Limits, LimitsSettings, Window
from connectors.pacing import Pace
from connectors.records import Record
from connectors.sandbox import SandboxNotStarted
from connectors.sandbox import address as sandbox_address
from connectors.tls import Identity

__all__ = [
    "FAULT",
    "TERMS",
    "Answer",
    "Credential",
    "CsvFile",
    "Increment",
    "Limits",
    "LimitsSettings",
    "Registry",
    "Scan",
    "Settings",
    "Stamp",
    "stamped",
]
__all__ += ["TlsSettings", "kinds"]

TERMS = ("Owner", "Documentation", "Access", "Limits", "Caveats", "Last verified live")
"""What the docstring of a real registry's file tells, in this order."""

FAULT = "beffroi_fault"
"""A column that a scan may have: why a row cannot be taken as it came, null where it can. Such rows are quarantined."""


READ_SECONDS = 60.0
"""How long the beginning of a scan may be asked for again and again; each attempt has its own deadlines."""


Stamp: TypeAlias = tuple[int, int, int]


def stamped(file: Path) -> Stamp:
    """Return what tells whether a file changed: its size, when it was written, and which file of the disk it is."""
    found = file.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


@dataclass(frozen=True)
class CsvFile:
    """A plain CSV file in UTF-8, for the engine to read itself: every column as text, an empty cell as null.

    `columns` are the names in order, `skip` the lines before the first row. Where the engine refuses the file (a
    ragged row, a quote amiss), `rows` gives the same table row by row, those amiss with their FAULT. `stamp` is the file's
    (`stamped`) when it was judged: whoever reads it compares, for it is not the same table if it changed since.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    quote: str
    skip: int
    rows: Callable[[], pa.RecordBatchReader]
    stamp: Stamp


Scan: TypeAlias = pa.RecordBatchReader | Path | CsvFile
"""A table as Arrow batches in constant memory, or a Parquet or plain CSV file for the engine to read itself."""


@dataclass(frozen=True)
class Increment:
    """A table of which a run asks only what changed: rows whose `column` is not below the greatest value there is.

    `key` are the columns by which a row that came replaces the one that was there. All are names of the scan.
    """

    column: str
    key: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """A record found. `merged_from` is the identifier asked for, where the registry led us on to its successor."""

    record: Record
    merged_from: str | None = None


class Settings(Declared):
    """What the workspace says of one registry under `registries`, beside its `kind`. Each kind adds its own.

    `maintenance` are windows in which it is not asked, `probe` is an identifier that it is known to have (which may be
    `${NAME}`), `expires` the day that our credential ends, where nothing else tells.
    """

    limits: LimitsSettings = LimitsSettings()
    maintenance: tuple[Window, ...] = ()
    probe: Annotated[str | None, Field(min_length=1, max_length=200, repr=False)] = None
    expires: dt.date | None = None


class TlsSettings(Declared):
    """Files in PEM, relative to the workspace: our certificate and its key, and the authority that the registry has."""

    certificate: str | None = None
    key: str | None = None
    authority: str | None = None

    @model_validator(mode="after")
    def _says_whole(self) -> Self:
        if self.key is not None and self.certificate is None:
            raise ValueError("a key goes with its certificate: say certificate: too")
        return self

    def identity(self, root: Path) -> Identity:
        """Return who we are in TLS; `root` is the workspace."""
        return Identity(
            *(None if each is None else root / each for each in (self.certificate, self.key, self.authority))
        )


class Registry:
    """One source, as the workspace declares it. Thread-safe: one object serves all callers."""

    record: type[Record] | None = None
    schemes: tuple[str, ...] | None = None  # those of its record's identifiers that it is asked by; None for all
    names_are_data: bool = False  # whether the columns of its tables are called by what stands in the data
    personal: bool = False  # whether all that it tells is personal data, whatever its fields say
    limits: Limits = Limits()
    carries: frozenset[str] = frozenset()  # words of `connectors.carried` that it is told with each lookup
    probe: str | None = None  # an identifier that it is known to have, public: `beffroi check --online` asks for it
    settings_model: ClassVar[type[Settings]] = Settings

    def __init__(self, name: str, settings: Settings, root: Path) -> None:
        """`root` is the workspace, against which relative paths are read."""
        self.name = name
        self.settings = settings
        self.root = root
        self.limits = settings.limits.over(type(self).limits)
        self.pace = Pace(name, self.limits, root)
        self.guard = Guard(name, settings.maintenance, self.limits.deadline)
        self.probe = settings.probe or type(self).probe
        self.extras: set[str] = set()  # names that it answered and nobody knows; never a value

    def problems(self) -> Iterable[tuple[tuple[str | int, ...], str]]:
        """Return what is wrong with the settings beyond their form, each with the keys where it stands."""
        return ()

    @property
    def example(self) -> str | None:
        """Return an identifier that may be shown, `scheme:value`; None where the settings say none."""
        asked = getattr(getattr(self.settings, "lookup", None), "identifier", None)
        return None if asked is None or asked.example is None else f"{asked.scheme}:{asked.example}"

    def doubts(self) -> Iterable[str]:
        """Return what is allowed in the settings, and yet may be wrong in a way that nobody would notice."""
        lookup = getattr(self.settings, "lookup", None)
        if getattr(lookup, "same", "") is None and self.schemes != (SCHEME,):
            yield (
                "its lookup says no same: (where a record repeats the identifier), so that another record than was asked"
                " for would be given on without anybody noticing"
            )

    def ask(self, identifier: str, deadline: Deadline, carried: Carried = NOTHING) -> Answer:
        """Return what `lookup` returns: where the registry is there to be asked, and more than once where that is safe.

        Of what is `carried` the registry is told the words that it `carries`. Raises what `lookup` raises, Maintenance,
        and Down where it is out of order: neither makes a call.
        """
        if not self.carries:
            return self.guard.call(lambda: self.lookup(identifier, deadline), deadline)
        own = {word: text for word, text in carried.items() if word in self.carries}
        return self.guard.call(lambda: self.lookup_for(own, identifier, deadline), deadline)

    def read(self, table: str | None, after: str | None = None) -> Scan:
        """Return what `scan` returns, as `ask` does for `lookup`. Its first batch is there: after it, nothing is retried."""
        scan: Scan = self.guard.call(lambda: begun(self.scan(table, after)), Deadline.after(READ_SECONDS))
        return scan

    def credentials(self) -> Iterable[Credential]:
        """Return what is known of our credentials: the day that is declared, and our certificate's under `tls`.

        Nothing is asked for it. Raises Misconfigured where a file is no certificate.
        """
        if self.settings.expires is not None:
            yield credentials.declared(self.settings.expires)
        tls = getattr(self.settings, "tls", None)
        if isinstance(tls, TlsSettings) and tls.certificate is not None:
            yield from credentials.certificates(self.root / tls.certificate, self.name)

    def lookup(self, identifier: str, deadline: Deadline) -> Answer:
        """Return the record of a canonical identifier, or raise the error that its outcome is."""
        raise Misconfigured(f"the registry {self.name} answers no lookups, it can only be scanned", registry=self.name)

    def lookup_for(self, carried: Carried, identifier: str, deadline: Deadline) -> Answer:
        """Return what `lookup` returns, once the registry is told what it `carries`: kinds that can tell it write this."""
        said = f"the registry {self.name} cannot be told {', '.join(carried)}: its kind has no place for it"
        raise Misconfigured(said, registry=self.name)

    def increment(self, table: str | None) -> Increment | None:
        """Return how `table` is asked for what changed only; None where it is read whole each time."""
        return None

    def scan(self, table: str | None, after: str | None = None) -> Scan:
        """Return the table; its columns are those of the record, or the source's own where it has none.

        `after` is given for a table that has an `increment` only: the greatest value, as text, that its column has in
        what was read before. Rows that have it, that are beyond it or that have none are returned.
        """
        raise Misconfigured(f"the registry {self.name} cannot be scanned", registry=self.name)

    def reach(self, deadline: Deadline) -> bool:
        """Ask the least that proves that the source is there and knows us, where it has no probe; False if nothing does.

        No table is read whole for it. Raises as `lookup` and `scan` do.
        """
        return False

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


@cache
def kinds() -> Mapping[str, Callable[[], type[Registry]]]:
    """Return every kind of registry by name, with a function that loads its class."""

    def loader(module: str) -> Callable[[], type[Registry]]:
        return lambda: _class_of(module)

    modules = (info.name for info in pkgutil.iter_modules(connectors.__path__))
    return {name: loader(name) for name in modules if name not in _PLUMBING}


_PLUMBING = {
    *("columns", "deadline", "errors", "records", "registry", "extras", "sandbox"),
    *("http", "sockets", "answers", "tls", "drafts", "drafting", "derived", "identifiers", "limits", "pacing"),
    *("http_session", "guard", "credentials", "identities", "ledgers", "timestamps", "openid", "carried"),
    *("patterns", "variables", "yaml_text", "outcomes", "declared", "json_names"),
}
"""Modules and packages of this package that are no kind of registry."""


def _class_of(module: str) -> type[Registry]:
    loaded = importlib.import_module(f"connectors.{module}")
    for value in vars(loaded).values():
        if isinstance(value, type) and issubclass(value, Registry) and value.__module__ == loaded.__name__:
            return value
    raise TypeError(f"connectors.{module} defines no Registry")
