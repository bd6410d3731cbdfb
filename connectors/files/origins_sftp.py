"""Files of an SFTP server, whose host key is declared: a server that shows another is not spoken to.

Nothing of this machine is used besides the declaration: no known_hosts, no configuration, no agent, no key of its
user. Everything ends within one deadline.
"""

import asyncio
import datetime as dt
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import asyncssh

from connectors.deadline import Deadline
from connectors.errors import BeffroiError, Down, Late, Misconfigured, RefusedUs, Unreadable
from connectors.files.origins_http import MAX_FILE
from connectors.files.reading import Hold, LocalFile, fits
from connectors.files.settings import FilesSettings
from connectors.pacing import Pace
from connectors.variables import filled

T = TypeVar("T")

MOST_FILES = 10_000

_CHUNK = 1 << 20

# What asyncssh raises, and what it is; the first that fits.
ERRORS: Mapping[type[Exception], tuple[type[BeffroiError], str]] = {
    asyncssh.HostKeyNotVerifiable: (
        Misconfigured,
        "the server shows another host key than host_key: declares: ask its operator whether it was replaced",
    ),
    asyncssh.PermissionDenied: (RefusedUs, "the server refuses our user name, password or key"),
    asyncssh.KeyExchangeFailed: (Down, "the server and we have no way of encryption in common"),
    asyncssh.ProtocolNotSupported: (Down, "the server speaks another protocol than SSH 2"),
    asyncssh.ConnectionLost: (Unreadable, "the server closed the connection before it was done"),
    asyncssh.SFTPConnectionLost: (Unreadable, "the server closed the connection before it was done"),
    asyncssh.SFTPNoConnection: (Unreadable, "the server closed the connection before it was done"),
    asyncssh.SFTPPermissionDenied: (RefusedUs, "the server lets us read no such file"),
    asyncssh.SFTPError: (Unreadable, "the server cannot give its files"),
    asyncssh.ChannelOpenError: (RefusedUs, "the server gives us no SFTP"),
    asyncssh.Error: (Down, "the server ended the conversation"),
    OSError: (Down, "no connection (refused, unreachable or closed)"),
}  # fmt: skip


class SftpOrigin:
    """Files below a folder of a server: `url: sftp://USER@HOST:PORT/FOLDER`."""

    def __init__(self, settings: FilesSettings, name: str, root: Path, pace: Pace) -> None:
        """Raise Misconfigured where the declaration lacks the host key or a user name. Nothing is called yet."""
        where = urlsplit(settings.url or "")
        self._settings, self._name, self._root, self._pace = settings, name, root, pace
        self._host, self._port = where.hostname or "", where.port or 22
        self._folder = unquote(where.path) or "."
        self._user = settings.username or unquote(where.username or "")
        if where.password is not None:
            raise self._wrong("a password stands in the address: say password: as a variable, ${NAME}")
        if not self._user:
            raise self._wrong("say username:, or sftp://USER@…")
        if settings.host_key is None:
            raise self._wrong(
                "say host_key: the server's public key, such as `ssh-ed25519 AAAA…`; its operator tells it, `ssh-keyscan`"
                " shows what to compare"
            )

    def files(self, pattern: str, hold: Hold, deadline: Deadline) -> Sequence[LocalFile]:
        """Return the files that fit a name or glob below the folder. Raises by `ERRORS`, and Late."""
        options = self._options()
        return self._done(lambda: self._brought(pattern, hold, options), deadline)

    def reach(self, pattern: str, deadline: Deadline) -> None:
        """Connect, and open the first file that fits. Raises as `files` does, and Misconfigured where none fits."""
        options = self._options()
        self._done(lambda: self._opened(pattern, options), deadline)

    def _done(self, work: Callable[[], Coroutine[Any, Any, T]], deadline: Deadline) -> T:
        """Return what is done at the server in a turn of ours, by the deadline. Raises by `ERRORS`, and Late."""
        with self._pace.turn(self._host, deadline):
            try:
                return _run(work(), deadline)
            except TimeoutError as error:
                raise Late(f"{self._name} did not finish within the deadline", registry=self._name) from error
            except (asyncssh.Error, OSError) as error:
                kind, said = next(found for parent, found in ERRORS.items() if isinstance(error, parent))
                raise kind(f"{self._name}: {said}", registry=self._name) from error

    def _options(self) -> dict[str, Any]:
        """Return how to connect, by the declaration alone."""
        settings = self._settings
        password = None if settings.password is None else filled(settings.password, self._name)
        keys = None
        if settings.key is not None:
            try:
                keys = [asyncssh.read_private_key(self._root / settings.key, password)]
            except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, OSError) as error:
                raise self._wrong(
                    f"the key {settings.key} cannot be used: is it there, is its password right?"
                ) from error
        try:
            words = (settings.host_key or "").split()
            at = next(at for at, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-", "sk-")))
            trusted = asyncssh.import_public_key(" ".join(words[at : at + 2]))
        except (StopIteration, asyncssh.KeyImportError, ValueError) as error:
            raise self._wrong("host_key: is no public key such as `ssh-ed25519 AAAA…`") from error
        return {
            "host": self._host, "port": self._port, "username": filled(self._user, self._name),
            "password": None if keys else password, "client_keys": keys, "agent_path": None, "config": None,
            "known_hosts": ([trusted], [], []), "server_host_key_algs": _algorithms(trusted),
            "preferred_auth": "publickey" if keys else "password,keyboard-interactive",
            "gss_auth": False, "gss_kex": False, "x509_trusted_certs": None,
        }  # fmt: skip

    async def _brought(self, pattern: str, hold: Hold, options: dict[str, Any]) -> list[LocalFile]:
        async with asyncssh.connect(**options) as connection, connection.start_sftp_client() as sftp:
            names = [name async for name in self._names(sftp, pattern)]
            return [await self._one(sftp, name, hold) for name in sorted(names)]

    async def _opened(self, pattern: str, options: dict[str, Any]) -> None:
        async with asyncssh.connect(**options) as connection, connection.start_sftp_client() as sftp:
            async for name in self._names(sftp, pattern):
                async with sftp.open(_joined(self._folder, name), "rb") as opened:
                    await opened.read(1)
                return
        raise self._wrong(f"its server has no file {pattern}: look at url: and file:, or ask its owner")

    async def _names(self, sftp: asyncssh.SFTPClient, pattern: str) -> AsyncIterator[str]:
        """Yield the names of files that fit, folder by folder; hidden ones are passed over."""
        folders, count = [""], 0
        depth = pattern.count("/")
        for level in range(depth + 1):
            below = []
            for folder in folders:
                async for entry in sftp.scandir(_joined(self._folder, folder)):
                    each = str(entry.filename)
                    if each.startswith((".", "~$")) or "/" in each:
                        continue
                    name = f"{folder}/{each}".lstrip("/")
                    if not fits(name, "/".join(pattern.split("/")[: level + 1])):
                        continue
                    if level < depth:
                        below.append(name)
                    elif await sftp.isfile(_joined(self._folder, name)):
                        count += 1
                        if count > MOST_FILES:
                            raise self._wrong(f"more than {MOST_FILES:,} files fit {pattern}")
                        yield name
            folders = [name for name in below if await sftp.isdir(_joined(self._folder, name))]

    async def _one(self, sftp: asyncssh.SFTPClient, name: str, hold: Hold) -> LocalFile:
        """Bring one file. Raises Unreadable where it changed meanwhile, or is too large."""
        number, path = tempfile.mkstemp(dir=hold.folder())
        size = 0
        with os.fdopen(number, "wb") as written:
            async with sftp.open(_joined(self._folder, name), "rb") as opened:
                before = await opened.stat()
                while piece := await opened.read(_CHUNK):
                    data = piece if isinstance(piece, bytes) else piece.encode()
                    size += len(data)
                    hold.spend(len(data), self._name)
                    if size > MAX_FILE:
                        raise Unreadable(f"{self._name}: {name} is larger than 8 GiB", registry=self._name)
                    written.write(data)
            after = await sftp.stat(_joined(self._folder, name))
        if (before.size, before.mtime) != (after.size, after.mtime) or size != before.size:
            raise Unreadable(f"{self._name}: {name} changed while it was read", registry=self._name)
        moment = None if after.mtime is None else dt.datetime.fromtimestamp(after.mtime, dt.UTC)
        return LocalFile(Path(path), name, moment)

    def _wrong(self, what: str) -> Misconfigured:
        return Misconfigured(f"{self._name}: {what}", registry=self._name)


def _joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}" if name else folder


def _algorithms(key: asyncssh.SSHKey) -> list[str]:
    """Return the ways of signing of the declared host key, so that the server shows that one and no other."""
    return [each.decode() for each in key.sig_algorithms]


def _run(work: Coroutine[Any, Any, T], deadline: Deadline) -> T:
    """Run to the end or the deadline. A name that is still being resolved then is not waited for."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(asyncio.wait_for(work, max(deadline.remaining(), 0.001)))
    finally:
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
