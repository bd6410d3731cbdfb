"""What PostgreSQL's errors mean here. A state of SQL decides, never the words: those are in the server's language.

What the server says is told only where it speaks of the declaration (names, syntax): elsewhere its words may hold values.
Source: PostgreSQL error codes, https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from collections.abc import Mapping

from psycopg import pq

from connectors.errors import BeffroiError, Busy, Down, Late, Misconfigured, RefusedUs, Unreadable
from connectors.sql.engine import Login

Meaning = tuple[type[BeffroiError], str]
_OUT: Meaning = (Down, "is out of order")
_WRONG: Meaning = (Misconfigured, "cannot do what the declaration asks")
_VALUE: Meaning = (Unreadable, "could not compute a value")

STATES: Mapping[str, Meaning] = {
    "08": (Down, "broke the connection"),
    "0L": (RefusedUs, "does not grant our account what it asks"),
    "0P": (RefusedUs, "does not know the role of our account"),
    "22": _VALUE,
    "22021": (Unreadable, "holds a text that is none in its own encoding"),
    "22P05": (Unreadable, "holds a character that UTF-8 does not have"),
    "22003": (Unreadable, "could not take a number that is too great for its column"),
    **dict.fromkeys(
        ("22007", "22008", "22P02", "22P03"),
        (Misconfigured, "could not read a parameter as a value of the type of its column"),
    ),
    "25": _OUT,
    "25006": (Misconfigured, "is only read here: the declared query writes"),
    "28": (RefusedUs, "refuses our user name or password"),
    "3D": (Misconfigured, "has no database of the declared name"),
    "3F": (Misconfigured, "has no schema of that name"),
    "42": _WRONG,
    "42501": (RefusedUs, "does not let our account read that"),
    "53300": (Busy, "has no connection left for us"),
    "53400": (Busy, "has reached one of its limits"),
    "54": _WRONG,
    "55P03": (Late, "holds that locked"),
    "57014": (Late, "did not finish the statement in the time it had"),
    **dict.fromkeys(("0A", "0Z", "10", "20", "21", "23", "26", "34", "39", "44"), _WRONG),
    **dict.fromkeys(("01", "02", "03", "09", "0B", "0F", "24", "27", "2B", "2D", "2F", "38", "3B", "40"), _OUT),
    **dict.fromkeys(("53", "55", "57", "58", "72", "F0", "HV", "P0", "XX"), _OUT),
}
"""By a whole state or its class (the first two characters), the more exact first."""

_SPEAKS = ("42", "0A", "21", "54", "3F")
"""Classes whose messages speak of the declaration alone."""


def of_state(registry: str, state: str, said: str) -> BeffroiError:
    """Return the error that a state of SQL is; `said` is the server's own sentence."""
    error, means = STATES.get(state) or STATES.get(state[:2], _OUT)
    told = f": {said.splitlines()[0]}" if state[:2] in _SPEAKS and state != "42501" and said else ""
    return error(f"{registry} {means} (SQLSTATE {state}){told}", registry=registry)


_CONNECTING: tuple[tuple[tuple[str, ...], Meaning], ...] = (
    (("could not translate host name",), (Down, "is at an address that cannot be resolved")),
    (("root certificate", "could not read certificate", "private key file", "could not load"),
     (Misconfigured, "cannot be asked: a file that tls: names is missing, not ours to read or not PEM")),
    (("certificate verify failed", "does not match host name", "could not be verified"),
     (Down, "shows a certificate that is not of its name or of an authority that we believe")),
    (("does not support SSL",), (Down, "does not speak TLS, which tls: demands")),
    (("too many clients", "too many connections", "connection slots"), (Busy, "has no connection left for us")),
    (("starting up", "shutting down", "recovery mode"), (Down, "is starting or stopping")),
    (("authentication failed", "no password supplied", "pg_hba.conf", 'role "', "not permitted to log in"),
     (RefusedUs, "refuses our user name or password, or the machine that we ask from")),
)  # fmt: skip


def of_connecting(login: Login, libpq: pq.abc.PGconn) -> BeffroiError:
    """Return why no connection came about. libpq gives words alone here, which may hold the address: they are not told.

    Words of another language are known by what they name in quotes: the database, or our account.
    """
    said = libpq.get_error_message()
    database, user = (part.decode("utf-8", "replace") for part in (libpq.db or b"", libpq.user or b""))
    reached = f'"{user}"' in said or f'"{database}"' in said or "FATAL" in said
    meaning: Meaning = (Down, "does not answer")
    if f'"{database}"' in said and "pg_hba.conf" not in said and f'"{user}"' not in said:
        meaning = (Misconfigured, f"has no database {database}, or it takes no connections")
    else:
        words = (means for texts, means in _CONNECTING if any(text in said for text in texts))
        foreign: Meaning = (RefusedUs, "refuses our account") if reached and libpq.used_password else meaning
        meaning = next(words, foreign)
    error, means = meaning
    return error(f"{login.registry} {means}", registry=login.registry)
