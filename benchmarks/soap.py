"""What SOAP costs, side by side with what a user would take instead, in one run.

`python -m benchmarks.soap` prints a Markdown table; `--quick` leaves out what takes minutes. Each row has the least CPU
and wall time of several turns of ours and of the other (of one, where a turn takes a minute), and their ratios. CPU time
is this process's own: the servers are others, on another SOAP stack. Memory is what a process of its own needs at most,
beyond what it needed for ten rows (Linux: VmHWM, since ru_maxrss inherits the parent's).
"""

import argparse
import datetime as dt
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import urllib3
import zeep
from lxml import etree

from connectors.deadline import Deadline
from connectors.soap import bulk
from connectors.soap.client import SoapClient
from tests.peers import ports
from tests.peers.soap_server.peer import BULK_WSDL, WSDL, BulkServer, SoapServer

ROOT = Path(__file__).parents[1]
CALLS = 200
BULK = "{urn:beffroi:bulk:1}"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSD = "http://www.w3.org/2001/XMLSchema"


def main() -> None:
    """Run every comparison and print the table, or one measurement in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="leave out what takes minutes")
    parser.add_argument("--memory", nargs=3, metavar=("WHO", "COUNT", "URL"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.memory:
        who, count, url = asked.memory
        print(memory(WAYS[who], int(count), url))
        return
    print("| job | ours: CPU, wall | instead: CPU, wall | CPU ratio | wall ratio | wanted |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder:
        calls(Path(folder))
        tables(quick=asked.quick)
        loading(Path(folder))
        starting(Path(folder))


# --- measuring -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cost:
    """Seconds of CPU and of wall time, each the least seen."""

    cpu: float = math.inf
    wall: float = math.inf

    def __str__(self) -> str:
        return f"{_seconds(self.cpu)}, {_seconds(self.wall)}"


def _seconds(spent: float) -> str:
    return f"{spent:.3g} s" if spent >= 1 else f"{spent * 1000:.3g} ms"


def spent(work: Callable[[], object], times: int) -> Cost:
    """Return the cost of one `work`, done `times` times."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(times):
        work()
    return Cost((time.process_time() - cpu) / times, (time.perf_counter() - wall) / times)


def least(works: Mapping[str, Callable[[], object]], turns: int, times: int = 1) -> dict[str, Cost]:
    """Return the least cost of each of `works`, taken in turn; where there are several turns, after a warm-up."""
    found = dict.fromkeys(works, Cost())
    for turn in range(turns + (turns > 1)):
        for name, work in works.items():
            cost = spent(work, times)
            if turn or turns == 1:
                found[name] = Cost(min(found[name].cpu, cost.cpu), min(found[name].wall, cost.wall))
    return found


def line(job: str, ours: Cost, other: str, theirs: Cost, wanted: str) -> None:
    """Print a row."""
    ratios = f"{ours.cpu / theirs.cpu:.2f} | {ours.wall / theirs.wall:.2f}"
    print(f"| {job} | {ours} | {other}: {theirs} | {ratios} | {wanted} |", flush=True)


# --- one record, and a list of a hundred -----------------------------------------------------------------------------


def calls(folder: Path) -> None:
    """Compare single calls with zeep's, on the same server."""
    [person] = pq.read_table(ROOT / "datasets/reference/persons.parquet").slice(0, 1).to_pylist()
    (folder / "persons.json").write_text(json.dumps([person], default=str))
    with SoapServer(folder / "persons.json") as server:
        works = _both(WSDL, server.url, "GetPerson", {"nir": person["nir"]})
        found = least(works, 5, CALLS)
    line("one record, validated", found["ours"], "zeep, not validated", found["zeep"], "≤ 1")
    with BulkServer() as bulk_server:
        found = least(_both(BULK_WSDL, bulk_server.url, "ListItems", {"count": 100}), 5, CALLS // 2)
    line("a list of 100, validated", found["ours"], "zeep, not validated", found["zeep"], "≤ 0.77")


def _both(wsdl: Path, url: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Callable[[], object]]:
    ours = SoapClient(wsdl, "bench")
    theirs = _zeep(wsdl, url)
    return {
        "ours": lambda: ours.call(operation, parameters, address=url, deadline=Deadline.after(30)),
        "zeep": lambda: theirs[operation](**parameters),
    }


def _zeep(wsdl: Path, url: str) -> Any:
    client = zeep.Client(str(wsdl), transport=zeep.Transport(operation_timeout=600))  # type: ignore[no-untyped-call]
    return client.create_service(next(iter(client.wsdl.bindings)), url)  # type: ignore[no-untyped-call]


# --- tables ----------------------------------------------------------------------------------------------------------


def ours(url: str) -> Callable[[int], int]:
    """Return what reads a table of a number of rows by our own scan."""
    client = SoapClient(BULK_WSDL, "bench")
    scanned = bulk.scanned(client, "ListItems", "items/item")

    def read(count: int) -> int:
        batches = bulk.scan(client, scanned, {"count": count}, address=url, deadline=Deadline.after(600))
        return sum(batch.num_rows for batch in batches)

    return read


def with_zeep(url: str) -> Callable[[int], int]:
    """Return what reads it as zeep's user does."""
    service = _zeep(BULK_WSDL, url)
    return lambda count: len(service.ListItems(count=count)["items"]["item"])


def by_hand(url: str) -> Callable[[int], int]:
    """Return what reads it by `iterparse` with the schema, every text as an exact Python value."""
    schema, pool = _envelope_schema(), urllib3.PoolManager()
    read_text: dict[str, Callable[[str], object]] = {
        f"{BULK}number": int,
        f"{BULK}amount": Decimal,
        f"{BULK}day": dt.date.fromisoformat,
        f"{BULK}at": dt.datetime.fromisoformat,
        f"{BULK}active": lambda text: text in ("true", "1"),
        f"{BULK}label": str,
        f"{BULK}note": str,
    }

    def read(count: int) -> int:
        body = (
            f'<s:Envelope xmlns:s="{SOAP}"><s:Body><ListItems xmlns="urn:beffroi:bulk:1"><count>{count}</count>'
            "</ListItems></s:Body></s:Envelope>"
        )
        answer = pool.request("POST", url, body=body, preload_content=False, headers={"Content-Type": "text/xml"})
        found = 0
        for _, item in etree.iterparse(answer, events=("end",), tag=f"{BULK}item", schema=schema):
            row: dict[str, object] = {"code": item.get("code")}
            for child in item:
                tag: Any = child.tag
                row[tag] = read_text[tag](child.text or "")
            found += 1
            item.clear()
            parent: Any = item.getparent()
            while item.getprevious() is not None:
                del parent[0]
        answer.release_conn()
        return found

    return read


def _envelope_schema() -> etree.XMLSchema:
    """Return the schema of an envelope that holds the answer of `bulk.wsdl`."""
    written = etree.parse(BULK_WSDL).find(f".//{{{XSD}}}schema")
    assert written is not None
    with tempfile.TemporaryDirectory(prefix="beffroi-bench-") as folder:
        place = Path(folder) / "bulk.xsd"
        place.write_bytes(etree.tostring(written))
        (Path(folder) / "envelope.xsd").write_text(
            f'<xsd:schema xmlns:xsd="{XSD}" xmlns:b="urn:beffroi:bulk:1" xmlns:s="{SOAP}" targetNamespace="{SOAP}"'
            ' elementFormDefault="qualified"><xsd:import namespace="urn:beffroi:bulk:1" schemaLocation="bulk.xsd"/>'
            '<xsd:element name="Envelope"><xsd:complexType><xsd:sequence><xsd:element name="Body"><xsd:complexType>'
            '<xsd:sequence><xsd:element ref="b:ListItemsResponse"/></xsd:sequence></xsd:complexType></xsd:element>'
            "</xsd:sequence></xsd:complexType></xsd:element></xsd:schema>"
        )
        return etree.XMLSchema(etree.parse(Path(folder) / "envelope.xsd"))


WAYS: dict[str, Callable[[str], Callable[[int], int]]] = {"ours": ours, "zeep": with_zeep, "iterparse": by_hand}


def tables(*, quick: bool) -> None:
    """Compare the reading of tables, in time and in memory."""
    with BulkServer() as server:
        for count in (45_000, 100_000, 500_000):
            many = count > 100_000
            found = least(
                {who: _reading(WAYS[who](server.url), count) for who in ("ours", "iterparse")}, 2 if many else 5
            )
            job = f"a table of {count:,} rows, validated and typed"
            if not (quick and count > 45_000):
                turns = {45_000: 3, 100_000: 2}.get(count, 1)
                theirs = least({"zeep": _reading(with_zeep(server.url), count)}, turns)["zeep"]
                line(job, found["ours"], "zeep, not validated", theirs, "≤ 0.2")
            line(job, found["ours"], "`iterparse` with the schema, by hand", found["iterparse"], "≤ 1.4")
        for count in (45_000, 500_000):
            grown = {
                who: _grown(who, count, server.url) for who in WAYS if who != "zeep" or count < 500_000 or not quick
            }
            others = ", ".join(f"{who} {size:.0f} MB" for who, size in grown.items() if who != "ours")
            job = f"memory for a table of {count:,} rows"
            print(f"| {job} | {grown['ours']:.0f} MB | {others} | | | < 30 MB |", flush=True)


def _reading(read: Callable[[int], int], count: int) -> Callable[[], None]:
    def work() -> None:
        assert read(count) == count

    return work


def _grown(who: str, count: int, url: str) -> float:
    command = [sys.executable, "-m", "benchmarks.soap", "--memory", who, str(count), url]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)


def memory(way: Callable[[str], Callable[[int], int]], count: int, url: str) -> float:
    """Return by how many MB this process's peak grows with a table of `count` rows, after one of ten."""
    read = way(url)
    read(10)
    before = _peak()
    assert read(count) == count
    return (_peak() - before) / 1000


def _peak() -> int:
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
    return int(status.split()[0])


# --- WSDLs -----------------------------------------------------------------------------------------------------------


def loading(folder: Path) -> None:
    """Compare the reading of WSDLs, up to where one operation can be called."""
    large = folder / "large.wsdl"
    large.write_text(_wsdl(450))
    found = least({"ours": lambda: _load(large), "zeep": lambda: zeep.Client(str(large))}, 5)  # type: ignore[no-untyped-call]
    line("a WSDL of 450 types and 90 operations, ready for one", found["ours"], "zeep", found["zeep"], "< 300 ms")
    several = [folder / f"w{number}.wsdl" for number in range(30)]
    for number, each in enumerate(several):
        each.write_text(_wsdl(60 + number))
    works: dict[str, Callable[[], object]] = {
        "ours": lambda: [_load(each) for each in several],
        "zeep": lambda: [zeep.Client(str(each)) for each in several],  # type: ignore[no-untyped-call]
    }
    found = least(works, 3)
    line("30 WSDLs of 60 to 89 types, each ready for one operation", found["ours"], "zeep", found["zeep"], "< 2 s")


def _load(wsdl: Path) -> SoapClient:
    client = SoapClient(wsdl, "bench")
    client.description()
    client.prepare("Get0")
    return client


def starting(folder: Path) -> None:
    """Time the gateway's start, from the command to its first answer, with 30 registries of their own and with none."""
    found = {count: min(_started(folder / f"start{count}-{turn}", count) for turn in range(3)) for count in (0, 30)}
    print(f"| the gateway's start with 30 such registries, a lookup each | {_seconds(found[30])} wall | with none:"
          f" {_seconds(found[0])} wall | | {found[30] / found[0]:.2f} | < 2 s |", flush=True)  # fmt: skip


def _started(root: Path, count: int) -> float:
    for each in ("wsdl", "registries", "lookups"):
        (root / each).mkdir(parents=True, exist_ok=True)
    (root / "beffroi.yaml").write_text("title: benchmark\n")
    for number in range(count):
        (root / "wsdl" / f"w{number}.wsdl").write_text(_wsdl(60 + number))
        (root / "registries" / f"r{number}.yaml").write_text(
            f"kind: soap\nwsdl: wsdl/w{number}.wsdl\nurl: http://127.0.0.1:9/\nlookup:\n  record: R{number}\n"
            "  operation: Get10\n  identifier: {scheme: id, pattern: '(?P<id>[a-z]+)'}\n"
        )
        (root / "lookups" / f"l{number}.yaml").write_text(f"record: R{number}\nproviders: [{{registry: r{number}}}]\n")
    [port] = ports.free()
    began = time.perf_counter()
    command = [sys.executable, "-m", "gateway", "--workspace", str(root), "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as gateway:
        try:
            while gateway.poll() is None:
                try:
                    answer = urllib3.request("GET", f"http://127.0.0.1:{port}/health", retries=False)
                    assert len(answer.json()["registries"]) == count
                    return time.perf_counter() - began
                except urllib3.exceptions.HTTPError:
                    time.sleep(0.01)
            raise RuntimeError("the gateway did not start")
        finally:
            gateway.terminate()


def _wsdl(types: int) -> str:
    """Return a WSDL with so many types, that hold and extend one another, and an operation for every fifth."""
    asked = range(0, types, 5)
    schema = [part for number in range(types) for part in _type(number)]
    schema += [
        f'<xsd:element name="Get{n}"><xsd:complexType><xsd:sequence><xsd:element name="id" type="xsd:string"/>'
        f'</xsd:sequence></xsd:complexType></xsd:element><xsd:element name="Get{n}Response" type="t:T{n}"/>'
        for n in asked
    ]
    messages = [
        f'<message name="Get{n}{out}"><part name="p" element="t:Get{n}{out}"/></message>'
        for n in asked
        for out in ("", "Response")
    ]
    port = [
        f'<operation name="Get{n}"><input message="t:Get{n}"/><output message="t:Get{n}Response"/></operation>'
        for n in asked
    ]
    binding = [
        f'<operation name="Get{n}"><soap:operation soapAction="urn:large:Get{n}"/><input><soap:body use="literal"/>'
        '</input><output><soap:body use="literal"/></output></operation>'
        for n in asked
    ]
    return (
        '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"'
        f' xmlns:t="urn:large" xmlns:xsd="{XSD}" targetNamespace="urn:large"><types>'
        f'<xsd:schema targetNamespace="urn:large" elementFormDefault="qualified">{"".join(schema)}</xsd:schema></types>'
        f'{"".join(messages)}<portType name="P">{"".join(port)}</portType><binding name="B" type="t:P">'
        f'<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>{"".join(binding)}</binding>'
        '<service name="S"><port name="P" binding="t:B"><soap:address location="http://x.invalid/"/></port></service>'
        "</definitions>"
    )


def _type(number: int) -> Iterator[str]:
    """Yield a type: an enumeration now and then, an extension, or an object that holds two types before it."""
    if number % 10 == 9:
        values = "".join(f'<xsd:enumeration value="V{each}"/>' for each in range(12))
        yield f'<xsd:simpleType name="T{number}"><xsd:restriction base="xsd:token">{values}</xsd:restriction></xsd:simpleType>'
        return
    kinds = ("string", "int", "decimal", "date", "dateTime", "boolean", "anyURI", "base64Binary")
    fields = "".join(
        f'<xsd:element name="f{place}" type="xsd:{kind}" minOccurs="0"/>' for place, kind in enumerate(kinds)
    )
    held = "".join(f'<xsd:element name="h{each}" type="t:T{each}" minOccurs="0" maxOccurs="5"/>'
                   for each in (number - 1, number - 2) if each >= 0)  # fmt: skip
    body = f"<xsd:sequence>{fields}{held}</xsd:sequence>" + f'<xsd:attribute name="a{number}" type="xsd:int"/>'
    if number % 10 == 8:
        body = f'<xsd:complexContent><xsd:extension base="t:T{number - 4}"><xsd:sequence><xsd:element name="more{number}" type="xsd:string"/></xsd:sequence></xsd:extension></xsd:complexContent>'
    yield f'<xsd:complexType name="T{number}">{body}</xsd:complexType>'


if __name__ == "__main__":
    main()
