"""Time-stamps of an authority (RFC 3161): that a message existed at a time, provable to those who trust neither of us.

Sources: RFC 3161, https://www.rfc-editor.org/rfc/rfc3161 (§2.4 request and response, §3.4 over HTTP); the library,
https://github.com/trailofbits/rfc3161-client
"""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response

from connectors import http
from connectors.deadline import Deadline
from connectors.errors import Down, Misconfigured, RefusedUs, Unreadable

Certificate = x509.Certificate
NAME = "the time-stamping authority"
SECONDS = 20.0
"""How long an authority may take."""


def stamp(url: str, message: bytes) -> bytes:
    """Have the authority at `url` time-stamp the hash of a message, and return its response (DER).

    It is held to be about our message and nonce; whether the authority is to be believed is told by `verify`.
    Raises Down, Late, Unreadable, RefusedUs, Misconfigured as `http.request` does, and where the answer is no time-stamp.
    """
    deadline = Deadline.after(SECONDS)
    try:
        return _asked(url, message, deadline, certificates=True)
    except Unreadable:  # OpenSSL's authority sends a chain in an order that DER forbids: then without
        return _asked(url, message, deadline, certificates=False)


def _asked(url: str, message: bytes, deadline: Deadline, *, certificates: bool) -> bytes:
    asked = TimestampRequestBuilder().data(message).nonce(nonce=True).cert_request(cert_request=certificates).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    body = asked.as_bytes()
    answer = http.request("POST", url, base=url, registry=NAME, deadline=deadline, headers=headers, body=body)
    if answer.status in (401, 403):
        raise RefusedUs(f"{NAME} refuses us: it answered {answer.status}", registry=NAME)
    if answer.status != 200:
        raise Down(f"{NAME} answered {answer.status}, and no time-stamp", registry=NAME)
    try:
        given = decode_timestamp_response(answer.body)
        granted = given.status in (0, 1)  # §2.4.2: granted, or granted with modifications
        same = granted and given.tst_info.message_imprint.message == asked.message_imprint.message
        ours = same and given.tst_info.nonce == asked.nonce
    except ValueError as error:
        raise Unreadable(f"what {NAME} answered is no time-stamp", registry=NAME) from error
    if not ours:
        raise Unreadable(f"{NAME} gave no time-stamp, or one of something else", registry=NAME)
    return answer.body


def certificates(path: Path) -> list[Certificate]:
    """Return the certificates of a file in PEM. Raises Misconfigured where it holds none."""
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise Misconfigured(f"{path} holds no certificates in PEM, or cannot be read") from error


def verify(response: bytes, message: bytes, trusted: Sequence[Certificate]) -> dt.datetime:
    """Return when an authority that one of `trusted` vouches for says that a message existed, in UTC.

    A response without the authority's own certificate is verified by the one among `trusted`. Raises Unreadable where
    the response is no time-stamp, or is of another message or authority.
    """
    try:
        given = decode_timestamp_response(response)
        wrong: Exception = VerificationError("no certificate of its authority is there")
        own: Sequence[Certificate | None] = [None] if given.signed_data.certificates else trusted
        for certificate in own:
            try:
                VerifierBuilder(roots=list(trusted), tsa_certificate=certificate).build().verify_message(given, message)
            except (ValueError, VerificationError) as error:
                wrong = error
            else:
                return given.tst_info.gen_time
    except ValueError as error:
        wrong = error
    raise Unreadable(f"the time-stamp does not verify: {wrong}", registry=NAME) from wrong
