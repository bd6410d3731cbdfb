"""What signs receipts: those that are wanted in one turn of the event loop together, for a signature costs as a lookup does."""

import asyncio
import contextlib
import copy
import datetime as dt
import functools
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from connectors.errors import Ambiguous, InvalidRequest, NotFound, Withheld
from gateway.journal import Entry
from gateway.receipt_keys import ALGORITHM, ReceiptKeys
from gateway.receipts import NAME, SALT, TYPE, Claims, Digests, Journaled, base64url, digest, keyed, keyed_data
from gateway.serving.turn import Together, Turn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from gateway.callers.access import Caller
    from pipelines.workspace import Workspace

SIGNED = 16
"""Receipts that one signature is for at most: each has the digests of all, of 60 characters each."""

_ENCODER = msgspec.json.Encoder()


class Proven(NamedTuple):
    """A lookup that is on the journal, of which a receipt is wanted: what was asked for, as `scheme:value`, and given."""

    entry: Entry
    identifier: str
    on: dt.date | None
    as_of: str | None
    data: "Mapping[str, Any] | None"


class Receipts:
    """What makes the receipts of one workspace."""

    def __init__(self, workspace: "Workspace") -> None:
        """Nothing is read or made until the first receipt is wanted."""
        self._workspace = workspace
        self._keys: ReceiptKeys | None = None
        self._now: Turn[None, tuple[str, Ed25519PrivateKey]] = Turn(lambda _: self.keys.current())
        self._wanted = Together(self._sign)

    @property
    def keys(self) -> ReceiptKeys:
        """Return the keys. Raises Misconfigured, Unavailable."""
        if self._keys is None:
            self._keys = ReceiptKeys(self._workspace.state)
        return self._keys

    async def make(
        self, entry: Entry, identifier: str, on: dt.date | None, as_of: str | None, data: "Mapping[str, Any] | None"
    ) -> str:
        """Return the receipt of a lookup that is on the journal; `identifier` is the canonical `scheme:value`.

        It is signed with all that are wanted in this turn of the event loop. Raises Misconfigured, Unavailable where there
        is no key to sign with.
        """
        signed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._wanted.add((Proven(entry, identifier, on, as_of, data), signed))
        return await signed

    def _sign(self, wanted: "list[tuple[Proven, asyncio.Future[str]]]") -> None:
        """Sign what was wanted in one turn, for those who have not gone away."""
        wanted = [(proven, signed) for proven, signed in wanted if not signed.done()]
        try:
            made = self.together([proven for proven, _ in wanted])
        except Exception as error:  # noqa: BLE001  # each of them hears of it
            for _, signed in wanted:
                signed.set_exception(copy.copy(error))
            return
        for (_, signed), receipt in zip(wanted, made, strict=True):
            signed.set_result(receipt)

    def together(self, lookups: "Sequence[Proven]") -> list[str]:
        """Return the receipts of lookups that are on the journal, in their order, signed together. Raises as `make` does."""
        shown, salts = [], []
        random = secrets.token_bytes(2 * SALT * len(lookups))
        for at, each in enumerate(lookups):
            salt = random[2 * SALT * at :][:SALT]
            own = base64url(random[2 * SALT * at + SALT :][:SALT]).decode()
            shown.append(base64url(_ENCODER.encode((own, NAME, self._claims(each, salt)))))
            salts.append(salt.hex())
        receipts = []
        for at in range(0, len(shown), SIGNED):
            several = shown[at : at + SIGNED]
            signed = self._signed([digest(each) for each in several])
            receipts += [f"{signed}~{each.decode()}~" for each in several]
        return [receipt + salt for receipt, salt in zip(receipts, salts, strict=True)]

    def _signed(self, digests: list[str]) -> str:
        """Return the JWS of several receipts, of whose order nothing is told."""
        name, key = self._now.of(None)
        text = b"%b.%b" % (_header(name), base64url(_ENCODER.encode(Digests(sorted(digests)))))
        return f"{text.decode()}.{base64url(key.sign(text)).decode()}"

    def _claims(self, proven: Proven, salt: bytes) -> Claims:
        entry, data = proven.entry, proven.data
        if entry.written is None:
            raise ValueError("a receipt is of what is on the journal")
        name = entry.resource.removeprefix("lookup:")
        return Claims(
            iss=self._workspace.configuration.title, time=entry.time, action=entry.action, lookup=name,
            record=self._workspace.lookup(name).record_model.__name__,
            organisation=entry.organisation, application=entry.application, purpose=entry.purpose,
            identifier=keyed(salt, proven.identifier), on=None if proven.on is None else proven.on.isoformat(),
            outcome=entry.outcome, fields=entry.fields, data=None if data is None else keyed_data(salt, data),
            source=entry.source, as_of=proven.as_of, journal=Journaled(entry.written.number, entry.written.hash),
        )  # fmt: skip

    @contextlib.asynccontextmanager
    async def of_absence(
        self, caller: "Caller", entry: Entry, identifier: str, on: dt.date | None
    ) -> AsyncIterator[None]:
        """Give «not found», «withheld» and «ambiguous», which are answers too, their receipt once they are on the journal.

        The error that leaves is a copy: one call upstream may be the answer to several callers.
        """
        try:
            yield
        except (NotFound, Withheld, Ambiguous) as error:
            if not caller.receipt:
                raise
            said_by = [attempt.provider for attempt in error.tried if attempt.code == error.code]
            entry.source = error.registry or next(reversed(said_by), None)
            told = copy.copy(error)
            told.receipt = await self.make(entry, identifier, on, None, None)
            raise told from error


def wanted(caller: "Caller", headers: "Mapping[str, str]") -> "Caller":
    """Return the caller, who wants receipts or not as the header `Beffroi-Receipt` says; what is wrong is its refusal."""
    said = headers.get("beffroi-receipt", "no")
    if said in ("yes", "no"):
        return caller if said == "no" else replace(caller, receipt=True)
    wrong = InvalidRequest("the header Beffroi-Receipt says yes or no: whether a receipt of each answer is wanted")
    return replace(caller, refusal=caller.refusal or wrong)


@functools.cache
def _header(name: str) -> bytes:
    """Return the header of receipts signed with the key of that name."""
    return base64url(msgspec.json.encode({"alg": ALGORITHM, "kid": name, "typ": TYPE}))
