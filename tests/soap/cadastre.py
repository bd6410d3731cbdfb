"""A parcel register that is declared in a workspace without Python; PHP's SOAP extension serves it (tests/peers/php)."""

import shutil
from pathlib import Path

from tests.peers.php.peer import LITERAL_WSDL

DECLARED = """\
kind: soap
wsdl: wsdl/parcels.wsdl
url: 'URL'
port: ParcelsSoap11
lookup:
  record: Parcel
  operation: GetParcel
  identifier:
    scheme: reference
    pattern: '(?P<reference>[0-9]{5}-[A-Z]{2}-[0-9]{4})'
  path: parcel
  same: reference
tables:
  parcels:
    operation: FindParcels
    parameters:
      commune: "22214"
    rows: parcel
    texts: [plan]
faults:
  - detail: PARCEL_UNKNOWN
    is: not-found
answers:
  - path: parcel
    absent: true
    is: not-found
"""

MAIN = """\
title: Town
organisations:
  town:
    title: Town
    applications:
      desk:
        title: Desk
        grants:
          - lookup: parcel
            fields: "*"
            purposes: [survey]
purposes:
  survey: {title: Survey, procedure: Survey, legal_basis: "1", requires: []}
lookups:
  parcel:
    record: Parcel
    providers:
      - registry: cadastre
"""

DATASET = """\
title: Parcels
owner: town
audience: owner
source: {registry: cadastre, table: parcels}
schema:
  fields:
    - {name: reference}
    - {name: number, type: integer}
    - {name: area, type: number}
    - {name: built, type: boolean}
    - {name: surveyed, type: date}
    - {name: updated, type: datetime}
    - {name: note}
    - {name: owners}
    - {name: plan}
  primaryKey: reference
clean:
  owners: {from: owners.owner}
"""


def workspace(root: Path, url: str, declared: str = DECLARED, main: str = MAIN, dataset: str = "") -> Path:
    """Write the workspace to `root`, a new folder, and return it."""
    for folder in ("wsdl", "registries", "datasets"):
        (root / folder).mkdir(parents=True)
    shutil.copy(LITERAL_WSDL, root / "wsdl" / "parcels.wsdl")
    (root / "beffroi.yaml").write_text(main, encoding="utf-8")
    (root / "registries" / "cadastre.yaml").write_text(declared.replace("URL", url), encoding="utf-8")
    if dataset:
        (root / "datasets" / "parcels.yaml").write_text(dataset, encoding="utf-8")
    return root
