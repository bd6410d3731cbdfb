"""A permit register on spyne, which spyne's own interpreter runs: `python server.py`.

/soap11 and /soap12 answer SOAP 1.1 and 1.2; `?wsdl` there gives the WSDL that spyne makes of the declarations below.
Says on which port it is ready, and ends when its standard input does.
"""

# mypy: disable-error-code="import-not-found, import-untyped, misc, untyped-decorator"
# spyne has no types, and is not in the environment that is checked.

import datetime as dt
import decimal
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import spyne
import waitress
from spyne.protocol.soap import Soap11, Soap12
from spyne.server.wsgi import WsgiApplication

NAMESPACE = "urn:beffroi:permits:1"
TOKEN = "open sesame"
DECLARED = {"min_occurs": 1, "nillable": False}


State = spyne.Enum("asked", "granted", "refused", type_name="State")


class Credentials(spyne.ComplexModel):
    """The header of every request."""

    __namespace__ = NAMESPACE
    token = spyne.Unicode(**DECLARED)


class Applicant(spyne.ComplexModel):
    """Who asks for a permit."""

    __namespace__ = "urn:beffroi:permits:persons:1"
    kind = spyne.XmlAttribute(spyne.Enum("person", "company", type_name="ApplicantKind"), use="required")
    name = spyne.Unicode(**DECLARED)
    email = spyne.Unicode


class Permit(spyne.ComplexModel):
    """A building permit."""

    __namespace__ = NAMESPACE
    number = spyne.Unicode(pattern=r"PC[0-9]{3}", **DECLARED)
    state = State.customize(**DECLARED)
    surface = spyne.Decimal(9, 2, **DECLARED)
    asked = spyne.Date(**DECLARED)
    decided = spyne.DateTime
    delay = spyne.Duration
    opens = spyne.Time
    levels = spyne.Integer32
    cost = spyne.Integer
    ratio = spyne.Double
    listed = spyne.Boolean
    seal = spyne.ByteArray
    page = spyne.AnyUri
    applicants = spyne.Array(Applicant)
    remarks = spyne.Unicode(max_occurs="unbounded", nillable=False)


class Extension(Permit):
    """A permit that extends an earlier one: sent with xsi:type where a Permit is declared."""

    __namespace__ = NAMESPACE
    extends = spyne.Unicode(**DECLARED)


class Closed(spyne.Fault):
    """The register is closed: a fault that the WSDL declares."""

    __namespace__ = NAMESPACE


PERMITS = (
    Permit(
        number="PC001",
        state="granted",
        surface=decimal.Decimal("120.50"),
        asked=dt.date(2024, 2, 29),
        decided=dt.datetime(2024, 5, 2, 14, 30, 0, 125000, dt.UTC),
        delay=dt.timedelta(days=63, seconds=5),
        opens=dt.time(8, 30),
        levels=2,
        cost=10**25,
        ratio=0.1,
        listed=True,
        seal=[b"\x00\x01\xff"],
        page="https://permits.example/PC001",
        applicants=[
            Applicant(kind="person", name="Goulven & <Fils>"),
            Applicant(kind="company", name="SARL Roz", email=""),
        ],
        remarks=["première", "seconde"],
    ),
    Permit(number="PC002", state="asked", surface=decimal.Decimal("0.10"), asked=dt.date(2024, 3, 1), applicants=[]),
    Extension(number="PC003", state="refused", surface=decimal.Decimal(9), asked=dt.date(2024, 3, 2), extends="PC001"),
)


class Permits(spyne.ServiceBase):
    """The operations, whose header must hold the token."""

    __in_header__ = Credentials

    @spyne.rpc(spyne.Unicode(**DECLARED), _returns=Permit, _throws=[Closed])
    def GetPermit(ctx: Any, number: str) -> Permit:  # noqa: N802, N805
        """Return the permit of a number."""
        check(ctx)
        if number == "CLOSED":
            raise Closed(faultcode="Server.Closed", faultstring="The register is closed.")
        for permit in PERMITS:
            if permit.number == number:
                return permit
        raise spyne.Fault(faultcode="Client.PermitUnknown", faultstring="No such permit.", detail={"code": "UNKNOWN"})

    @spyne.rpc(State, _returns=spyne.Iterable(Permit))
    def ListPermits(ctx: Any, state: str | None) -> Iterator[Permit]:  # noqa: N802, N805
        """Return the permits of a state, or all, one by one."""
        check(ctx)
        return (permit for permit in PERMITS if state is None or str(state) == str(permit.state))

    @spyne.rpc(Permit, _returns=Permit, _body_style="bare")
    def EchoPermit(ctx: Any, permit: Permit) -> Permit:  # noqa: N802, N805
        """Return what was sent; document/literal bare."""
        check(ctx)
        return permit

    @spyne.rpc(_returns=spyne.Unicode)
    def Crash(ctx: Any) -> str:  # noqa: N802, N805
        """Fail by a defect of the register."""
        check(ctx)
        raise ZeroDivisionError


def check(ctx: Any) -> None:
    """Raise the fault of a request without the token."""
    if ctx.in_header is None or ctx.in_header.token != TOKEN:
        raise spyne.Fault(faultcode="Client.Credentials", faultstring="The token is missing or wrong.")


def service(protocol: type[Soap11]) -> WsgiApplication:
    """Return the register over one version of SOAP."""
    return WsgiApplication(
        spyne.Application([Permits], NAMESPACE, "Permits", protocol(validator="lxml"), protocol(polymorphic=True))
    )


def main() -> None:
    """Serve until standard input closes."""
    services: dict[str, Callable[..., Any]] = {"/soap11": service(Soap11), "/soap12": service(Soap12)}

    def route(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if (chosen := services.get(environ["PATH_INFO"])) is None:
            start_response("404 Not Found", [])
            return []
        return chosen(environ, start_response)

    server = waitress.create_server(route, host="127.0.0.1", port=0, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    print(f"ready {server.effective_port}", flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
