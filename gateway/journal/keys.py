"""The keys that identifiers are hashed with: the one in use, and those that were before it.

They stand in `.beffroi/journal.key` and, under their names, in `.beffroi/journal.keys/`; or all of them in
BEFFROI_JOURNAL_KEY, the one in use first. A key's name is the start of its own hash, and stands in every entry's hash
of an identifier, so that each is found by the key that it was made with.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import threading
from pathlib import Path

from filelock import FileLock

from connectors.errors import Misconfigured
from gateway.store import own_file, unavailable
from pipelines.whole import on_disk

VARIABLE = "BEFFROI_JOURNAL_KEY"
Key = tuple[str, bytes]
"""A key and its name."""


class Keys:
    """The keys of a workspace's state. The first call of a new workspace makes one, for all processes."""

    def __init__(self, folder: Path) -> None:
        """Read the keys. Raises Misconfigured where one is none, Unavailable where they cannot be read."""
        self._folder = folder
        self.in_environment = VARIABLE in os.environ
        self._inode = 0
        self.all = self._read()

    def renew(self) -> None:
        """Take a key that another process has put in the place of ours; where it cannot be read, ours stays."""
        with contextlib.suppress(OSError, Misconfigured):
            if not self.in_environment and self._path.stat().st_ino != self._inode:
                self.all = self._read()

    def keyed(self, identifier: str) -> str:
        """Return the hash of an identifier by the key in use: its name and the HMAC-SHA256."""
        return _keyed(self.all[0], identifier)

    def every(self, identifier: str) -> list[str]:
        """Return the hashes of an identifier by every key there is, the one in use first."""
        return [_keyed(key, identifier) for key in self.all]

    def names(self) -> list[str]:
        """Return the keys' names, that of the one in use first."""
        return [name for name, _ in self.all]

    def rotate(self) -> str:
        """Make a new key and take it into use, keeping those before it; return its name.

        Every process that writes takes it after its next entry. Raises Misconfigured where the keys are the
        environment's, Unavailable where the files cannot be written.
        """
        if self.in_environment:
            raise Misconfigured(
                f"the keys are those of {VARIABLE}: put a new one before them there, separated by a comma"
                f" (NEW,OLD), and start every gateway anew; `openssl rand -hex 32` makes one"
            )
        old = self._folder / "journal.keys"
        try:
            old.mkdir(mode=0o700, exist_ok=True)
            with FileLock(old / "lock"):  # whoever rotates at the same time must keep the key that we make
                name, key = self._read()[0]
                if not (old / name).exists():
                    own_file(old / f"{name}.{os.getpid()}", key.hex()).rename(old / name)
                    on_disk(old)
                own_file(self._aside(), secrets.token_hex(32)).rename(self._path)
                on_disk(self._folder)
        except OSError as error:
            raise unavailable(self._path, error) from error
        self.all = self._read()
        return self.all[0][0]

    @property
    def _path(self) -> Path:
        return self._folder / "journal.key"

    def _aside(self) -> Path:
        return self._folder / f"journal.key.{os.getpid()}.{threading.get_ident()}"

    def _read(self) -> list[Key]:
        found = []
        if self.in_environment:
            found = [_key(text, VARIABLE) for text in os.environ[VARIABLE].split(",")]
        try:
            if not self.in_environment and not self._path.exists():
                self._make()
            if not self.in_environment:
                self._inode = self._path.stat().st_ino
            old = sorted((self._folder / "journal.keys").glob("?" * 8))
            for path in [self._path, *old] if self._path.exists() else old:
                key = _key(path.read_text(encoding="ascii"), str(path))
                if key not in found:
                    found.append(key)
        except OSError as error:
            raise unavailable(self._path, error) from error
        except UnicodeDecodeError:
            raise Misconfigured(f"{self._path}, or a key beside it, is no key: put it back") from None
        return found

    def _make(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        aside = own_file(self._aside(), secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):  # another process was first: its key holds
            os.link(aside, self._path)
        aside.unlink()


def _keyed(key: Key, identifier: str) -> str:
    text = identifier.encode("utf-8", "surrogatepass")  # the command line may hand over what is no text
    return f"{key[0]}:{hmac.digest(key[1], text, 'sha256').hex()}"


def _key(text: str, place: str) -> Key:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) < 32:
        raise Misconfigured(
            f"{place} must be a key of at least 32 bytes, written as hexadecimal digits; `openssl rand -hex 32` makes one"
        )
    return hashlib.sha256(key).hexdigest()[:8], key
