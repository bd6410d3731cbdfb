"""Stands a node SOAP server up for a test: the civil register, any other WSDL, or a bulk answer of any size."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from tests.peers import node_packages
from tests.peers.process import Process

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
WSDL = ROOT / "connectors" / "wsdl" / "civil_register.wsdl"
BULK_WSDL = HERE / "bulk.wsdl"


class SoapServer(Process):
    """Context manager: the civil register with the persons of a JSON file (a list of rows as in persons.parquet).

    `url` is its address while it runs. Raises PeerUnavailable when node or npm is missing or the install fails.
    """

    def __init__(self, persons: Path) -> None:
        self._script, self._arguments = "server.js", (WSDL, persons)
        super().__init__(self._node)

    @classmethod
    def serving(cls, wsdl: Path, answers: Path) -> Self:
        """Return a server of any WSDL: each operation of each port answers what the JSON file says by its name.

        An answer is an object in the form of npm `soap`: keys are local names, a list repeats its element,
        `attributes` holds attributes, `$value` a text beside them; `{"Fault": {...}}` is thrown as a SOAP fault. An
        operation without an answer faults. GET `?wsdl` gives the WSDL with the true address.
        """
        server = cls(answers)
        server._script, server._arguments = "any.js", (wsdl, answers)
        return server

    def _node(self) -> list[str]:
        node, modules = node_packages.program("node", HERE.name), node_packages.install(HERE)
        self._environment = {"NODE_PATH": str(modules)}
        return [node, str(HERE / self._script), *map(str, self._arguments)]


class BulkServer(Process):
    """Context manager: `bulk.wsdl` served by plain node; ListItems(count) streams that many items in constant memory.

    `url` answers as it is, `url + "gzip"` compressed. `item` says what the n-th item (from 0) holds.
    """

    def __init__(self) -> None:
        super().__init__(lambda: [node_packages.program("node", HERE.name), str(HERE / "bulk.js")])

    @staticmethod
    def item(n: int) -> dict[str, Any]:
        """Return the values of the item at `n`, by local name; a `note` is in every fourth one only."""
        values = {
            "code": f"P{n:07d}",
            "number": n - 1000,
            "amount": Decimal(n * 7919 % 10_000_000).scaleb(-2),
            "day": dt.date(2000, 1, 1) + dt.timedelta(days=n % 9000),
            "at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=n),
            "active": n % 3 == 0,
            "label": f"Parcelle n° {n}",
        }
        return values | ({"note": f"à vérifier & <{n}>"} if n % 4 == 0 else {})
