"""What is known of our own credentials with a registry: when they end. Never what they are."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from connectors.errors import Misconfigured

SOON = dt.timedelta(days=30)
"""How long before its end a credential is warned of."""

Standing = Literal["ok", "ends soon", "expired", "refused"]


@dataclass(frozen=True)
class Credential:
    """One credential: what it is called, when it ends where that is known, and whether the registry refused it."""

    name: str
    expires: dt.datetime | None = None
    refused: bool = False

    def standing(self, now: dt.datetime) -> Standing:
        """Return how it stands at `now`."""
        if self.refused:
            return "refused"
        if self.expires is None or self.expires - now > SOON:
            return "ok"
        return "ends soon" if self.expires > now else "expired"

    def warning(self, now: dt.datetime) -> str | None:
        """Return in words what an operator must see to; None where it is well, as far as is known."""
        day = "" if self.expires is None else f"{self.expires:%Y-%m-%d}"
        return {
            "ok": None,
            "ends soon": f"{self.name} ends on {day}: renew it before",
            "expired": f"{self.name} ended on {day}: renew it",
            "refused": f"{self.name} is refused by the registry",
        }[self.standing(now)]

    def told(self, now: dt.datetime) -> dict[str, str | None]:
        """Return it as /health shows it."""
        expires = None if self.expires is None else self.expires.isoformat(timespec="seconds")
        return {"name": self.name, "status": self.standing(now), "expires": expires}


def declared(expires: dt.date) -> Credential:
    """Return the credential of which a declaration says the day that it `expires`: that day counts as too late."""
    return Credential("the credential declared", dt.datetime.combine(expires, dt.time(), dt.UTC))


def certificates(path: Path, registry: str, name: str = "our certificate") -> Iterator[Credential]:
    """Yield the certificate that stands first in a PEM file: ours, before its chain. Nothing where there is no file.

    Raises Misconfigured where the file holds no certificate.
    """
    from cryptography import x509  # most registries do without

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except FileNotFoundError:  # the first call says so; or it is brought later
        return
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path.name} of {registry} cannot be read as a certificate", registry=registry) from error
    yield Credential(name, found[0].not_valid_after_utc)
