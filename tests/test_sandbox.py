"""The sandbox's registries over sockets: their protocols, and the example answers that they serve."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import requests
import zeep
from lxml import etree
from zeep.exceptions import Fault
from zeep.transports import Transport

from connectors import sandbox
from connectors.records import Commune, Company, Person, Record, check_insee, check_lei, check_nir, check_siren
from connectors.sandbox import examples
from connectors.sandbox.civil import REGISTER
from connectors.soap.names import SOAP_11 as SOAP

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "datasets" / "reference"
WSDL = ROOT / "connectors" / "wsdl" / "civil_register.wsdl"
RECORDS: dict[str, tuple[type[Record], Callable[[str], str]]] = {
    "api_geo": (Commune, check_insee),
    "civil_register": (Person, check_nir),
    "gleif": (Company, check_lei),
    "sirene": (Company, check_siren),
}
OUTCOMES = {"not-found", "withheld", "busy", "unreadable", "down", "refused-us"}
EXAMPLES = [
    pytest.param(registry, each, id=f"{registry}/{each.name}")
    for registry in RECORDS
    for each in examples.load(registry)
]


@pytest.fixture(scope="module")
def registries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The address of each registry, on the repository's own reference data."""
    root = tmp_path_factory.mktemp("workspace")
    (root / "datasets").symlink_to(ROOT / "datasets")
    yield sandbox.start(root, tied=True)
    sandbox.stop(root)


@pytest.fixture(scope="module")
def persons() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(REFERENCE / "persons.parquet").to_pylist()
    return sorted(rows, key=lambda row: str(row["nir"]))


def client(wsdl: str, session: requests.Session) -> zeep.Client:
    """An independent client, as strict as it gets."""
    transport = Transport(session=session)  # type: ignore[no-untyped-call]
    return zeep.Client(wsdl, transport=transport, settings=zeep.Settings(forbid_dtd=True))  # type: ignore[no-untyped-call]


@contextlib.contextmanager
def service(url: str) -> Iterator[Any]:
    """The operations of the civil register at `url`, by the WSDL that it serves."""
    with requests.Session() as session:
        binding = f"{{{REGISTER}}}CivilRegisterSoap11"
        yield client(f"{url}?wsdl", session).create_service(binding, url)  # type: ignore[no-untyped-call]


def as_row(person: Any) -> dict[str, Any]:
    """A person as zeep gives it, in the columns of persons.parquet."""
    return {
        "nir": person.nir,
        "birth_name": person.birthName,
        "usual_name": person.usualName,
        "given_names": person.givenNames.givenName,
        "sex": person.sex,
        "birth_date": person.birth.date,
        "birth_commune_code": person.birth.communeCode,
        "death_date": person.death and person.death.date,
        "address_line": person.address.line,
        "postal_code": person.address.postalCode,
        "commune_code": person.address.communeCode,
    }


# Communes


def test_all_communes_at_once(registries: dict[str, str]) -> None:
    expected = pq.read_table(REFERENCE / "communes.parquet")
    began = time.monotonic()
    rows = requests.get(f"{registries['communes']}/communes", timeout=10).json()
    assert time.monotonic() - began < 3
    assert len(rows) == expected.num_rows == 34_969
    assert [row["code"] for row in rows] == expected["code"].to_pylist()
    assert [row["codesPostaux"] for row in rows] == expected["postal_codes"].to_pylist()
    assert [row.get("population") for row in rows] == expected["population"].to_pylist()
    assert list(rows[0]) == [
        "nom",
        "code",
        "codeDepartement",
        "siren",
        "codeEpci",
        "codeRegion",
        "codesPostaux",
        "population",
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("codePostal=01500&codeDepartement=01", {"Ambérieu-en-Bugey", "Ambronay"}),
        ("code=01004", {"Ambérieu-en-Bugey"}),
        ("siren=210100046", {"Ambérieu-en-Bugey"}),
        ("nom=amberieu%20EN", {"Ambérieu-en-Bugey"}),
        ("nom=lyon&boost=population&limit=1", {"Lyon"}),
        ("codeDepartement=75&codeRegion=11", {"Paris"}),
        ("codeEpci=200054781&nom=boulogne", {"Boulogne-Billancourt"}),
        ("codePostal=99999", set()),
        ("limit=0", set()),
    ],
)
def test_filters(registries: dict[str, str], query: str, names: set[str]) -> None:
    rows = requests.get(f"{registries['communes']}/communes?{query}", timeout=10).json()
    found = {row["nom"] for row in rows}
    assert names <= found
    assert found == names or query.startswith("codePostal=01500")


@pytest.mark.parametrize(
    ("path", "status", "answer"),
    [
        (
            "/communes/01004?fields=population,unknown",
            200,
            {"population": 15934, "nom": "Ambérieu-en-Bugey", "code": "01004"},
        ),
        (
            "/communes?code=01004&fields=siren",
            200,
            [{"siren": "210100046", "nom": "Ambérieu-en-Bugey", "code": "01004"}],
        ),
        ("/communes/98412?fields=siren", 200, {"nom": "Archipel des Kerguelen", "code": "98412"}),
    ],
)
def test_fields(registries: dict[str, str], path: str, status: int, answer: object) -> None:
    got = requests.get(registries["communes"] + path, timeout=10)
    assert (got.status_code, got.json()) == (status, answer)


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/communes/01999", 404, "Not Found"),
        ("/communes?limit=many", 400, "Bad Request"),
        ("/communes?format=geojson", 400, "no geometry"),
        ("/communes/01004?geometry=contour", 400, "no geometry"),
        ("/communes?fields=nom,contour", 400, "no geometry"),
    ],
)
def test_refusals(registries: dict[str, str], path: str, status: int, says: str) -> None:
    got = requests.get(registries["communes"] + path, timeout=10)
    assert got.status_code == status
    assert says in got.text


# The civil register


def test_wsdl_loads_offline() -> None:
    with requests.Session() as session:
        session.adapters.clear()  # whatever it tried to fetch would raise
        offline = client(str(WSDL), session)
    assert set(offline.wsdl.services["CivilRegister"].ports["CivilRegisterSoap11"].binding.all()) == {
        "GetPerson",
        "ListPersons",
    }


def test_every_person_by_pages(registries: dict[str, str], persons: list[dict[str, Any]]) -> None:
    with service(f"{registries['civil']}/") as register:
        rows, after = [], None
        while True:
            answer = register.ListPersons(limit=1000, **({"after": after} if after else {}))
            rows += [as_row(person) for person in answer.persons.person]
            after = answer.next
            if after is None:
                break
        assert rows == persons
        beyond = register.ListPersons(after=persons[-1]["nir"], limit=10)
        assert (beyond.persons, beyond.next) == (None, None), "zeep's word for an empty element"
        for row in (
            persons[0],
            next(row for row in persons if row["death_date"]),
            next(row for row in persons if row["usual_name"]),
        ):
            assert as_row(register.GetPerson(nir=row["nir"])) == row


def test_person_unknown(registries: dict[str, str]) -> None:
    with service(f"{registries['civil']}/") as register, pytest.raises(Fault) as raised:
        register.GetPerson(nir="101010100100033")
    assert raised.value.detail.findtext(f".//{{{REGISTER}}}code") == "PERSON_UNKNOWN"
    assert "101010100100033" not in etree.tostring(raised.value.detail).decode()


def envelope(body: str, head: str = "", soap: str = SOAP) -> str:
    return f'{head}<s:Envelope xmlns:s="{soap}" xmlns="{REGISTER}"><s:Body>{body}</s:Body></s:Envelope>'


@pytest.mark.parametrize(
    ("request_body", "faultcode"),
    [
        ("not XML", "Client"),
        (envelope("<GetPerson><nir>1</nir></GetPerson>"), "Client"),
        (envelope("<GetPerson><nir>101010100100033</nir><more/></GetPerson>"), "Client"),
        (envelope("<ListPersons><limit>1001</limit></ListPersons>"), "Client"),
        (envelope("<ListPersons><limit>0</limit></ListPersons>"), "Client"),
        (envelope("<ListPersonsResponse><persons/></ListPersonsResponse>"), "Client"),
        (envelope(""), "Client"),
        (
            envelope("<GetPerson><nir>&x;</nir></GetPerson>", '<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
            "Client",
        ),
        (envelope("", soap="http://www.w3.org/2003/05/soap-envelope"), "VersionMismatch"),
        (envelope("").replace("<s:Body>", '<s:Header><t s:mustUnderstand="1"/></s:Header><s:Body>'), "MustUnderstand"),
    ],
)
def test_bad_requests(registries: dict[str, str], request_body: str, faultcode: str) -> None:
    got = requests.post(registries["civil"], data=request_body, headers={"Content-Type": "text/xml"}, timeout=10)
    answer = etree.fromstring(got.content)
    assert got.status_code == 500
    assert answer.findtext(".//faultcode") == f"soap:{faultcode}"
    assert answer.findtext(f".//detail/{{{REGISTER}}}registerFault/{{{REGISTER}}}code") == "BAD_REQUEST"
    assert "root:" not in got.text


# Legal entities


def test_entities_by_number_and_by_cursor(registries: dict[str, str]) -> None:
    url, query = f"{registries['gleif']}/lei-records", "filter[entity.legalAddress.country]=FR,ES&page[size]=200"
    refused = requests.get(f"{url}?{query}&page[number]=51", timeout=10)
    assert refused.status_code == 400
    assert "must not exceed 10000" in refused.json()["errors"][0]["detail"]
    by_number = requests.get(f"{url}?{query}&page[number]=50", timeout=10).json()
    assert by_number["meta"]["pagination"] == {
        "currentPage": 50,
        "perPage": 200,
        "from": 9_801,
        "to": 10_000,
        "total": 24_497,
        "lastPage": 123,
    }
    link, seen = f"{url}?{query}&page[cursor]=*", []
    while link:
        page = requests.get(link, timeout=10).json()
        assert page["meta"]["pagination"]["from"] is None
        seen += [record["id"] for record in page["data"]]
        link = page["links"].get("next")
    assert seen == pq.read_table(REFERENCE / "legal_entities.parquet")["lei"].to_pylist()
    assert by_number["data"][-1]["id"] == seen[9_999]


@pytest.mark.parametrize(
    ("query", "status", "total"),
    [
        ("filter[lei]=969500GFPVJ45YZ8A095", 200, 1),
        ("filter[lei]=969500GFPVJ45YZ8A000", 200, 0),
        ("filter[entity.legalName]=lfpi global", 200, 1),
        ("filter[entity.category]=BRANCH", 200, 29),
        ("filter[entity.legalAddress.city]=PARIS", 400, None),
        ("page[size]=201", 400, None),
        ("page[number]=0", 400, None),
        ("page[cursor]=é", 400, None),
    ],
)
def test_searches_for_entities(registries: dict[str, str], query: str, status: int, total: int | None) -> None:
    got = requests.get(f"{registries['gleif']}/lei-records?{query}", timeout=10)
    assert (got.status_code, got.headers["content-type"]) == (status, "application/vnd.api+json")
    assert got.json().get("meta", {}).get("pagination", {}).get("total") == total


def test_one_entity(registries: dict[str, str]) -> None:
    one = requests.get(f"{registries['gleif']}/lei-records/969500GFPVJ45YZ8A095", timeout=10)
    [found] = requests.get(f"{registries['gleif']}/lei-records?filter[lei]=969500GFPVJ45YZ8A095", timeout=10).json()[
        "data"
    ]
    assert one.json()["data"] == found
    assert found["attributes"]["entity"]["legalName"]["name"] == "LFPI GLOBAL BOND"
    missing = requests.get(f"{registries['gleif']}/lei-records/969500GFPVJ45YZ8A000", timeout=10)
    assert (missing.status_code, missing.json()["errors"][0]["status"]) == (404, "404")


# Companies


@pytest.fixture(scope="module")
def companies() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(REFERENCE / "companies.parquet").to_pylist()
    return rows


def test_every_company_is_answered_by_what_it_is(registries: dict[str, str], companies: list[dict[str, Any]]) -> None:
    def ask(row: dict[str, Any]) -> requests.Response:
        return requests.get(f"{registries['sirene']}/siren/{row['siren']}", timeout=10, allow_redirects=False)

    merged = next(row for row in companies if row["merged_into"])
    assert ask(merged).status_code == 301
    assert ask(merged).headers["location"] == f"{registries['sirene']}/siren/{merged['merged_into']}"
    kept = ask(next(row for row in companies if row["diffusion"] == "N"))
    assert (kept.status_code, kept.json()["header"]["statut"]) == (403, 403)
    trader = next(row for row in companies if row["diffusion"] == "P" and row["legal_category"] == "1000")
    [period] = ask(trader).json()["uniteLegale"]["periodesUniteLegale"]
    assert (period["nomUniteLegale"], period["denominationUniteLegale"]) == ("[ND]", None)
    renamed = next(row for row in companies if row["renamed"] and row["diffusion"] == "O")
    current, former = ask(renamed).json()["uniteLegale"]["periodesUniteLegale"]
    assert (current["dateFin"], current["denominationUniteLegale"]) == (None, renamed["legal_name"])
    assert (former["dateFin"], former["denominationUniteLegale"]) == (str(renamed["renamed"]), renamed["former_name"])
    unknown = requests.get(f"{registries['sirene']}/siren/003999990", timeout=10)
    assert (unknown.status_code, unknown.json()["header"]["statut"]) == (404, 404)


def test_head_offices_by_cursor(registries: dict[str, str], companies: list[dict[str, Any]]) -> None:
    url, cursor, seen = f"{registries['sirene']}/siret?q=codeCommuneEtablissement:80*&nombre=1000", "*", []
    while True:
        page = requests.get(url, {"curseur": cursor}, timeout=10).json()
        assert page["header"]["nombre"] == len(page["etablissements"])
        seen += [office["siren"] for office in page["etablissements"]]
        if page["header"]["curseurSuivant"] == cursor:
            break
        cursor = page["header"]["curseurSuivant"]
    somme = [row for row in companies if (row["commune_code"] or "").startswith("80") and row["diffusion"] != "N"]
    assert seen == [row["siren"] for row in somme]
    assert page["header"]["total"] == len(seen) > 1_000


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("q=siren:002000081", 200),
        ("q=siren:003999990", 404),
        ("q=-etablissementSiege:true", 404),
        ("q=denominationUniteLegale:X", 400),
        ("q=siren:1 OR siren:2", 400),
        ("nombre=1001", 400),
        ("debut=x", 400),
        ("curseur=é", 400),
    ],
)
def test_searches_for_companies(registries: dict[str, str], query: str, status: int) -> None:
    got = requests.get(f"{registries['sirene']}/siret?{query}", timeout=10)
    assert (got.status_code, got.json()["header"]["statut"]) == (status, status)


def test_companies_are_marked_as_nobodys(companies: list[dict[str, Any]]) -> None:
    assert len({row["siren"] for row in companies}) == len(companies) == 20_000
    assert all(row["siren"].startswith("002") and check_siren(row["siren"]) for row in companies)
    assert all(row["nic"].startswith("0000") for row in companies if row["nic"])
    communes = {row["code"]: row for row in pq.read_table(REFERENCE / "communes.parquet").to_pylist()}
    located = [row for row in companies if row["commune_code"]]
    assert all(row["postal_code"] in communes[row["commune_code"]]["postal_codes"] for row in located)


# Example answers


@pytest.mark.parametrize(("registry", "example"), EXAMPLES)
def test_examples_are_sound(registry: str, example: examples.Example) -> None:
    model, check = RECORDS[registry]
    value = example.identifier.partition(":")[2]
    assert check(value) == value
    if example.record is None:
        assert example.outcome in OUTCOMES
    else:
        assert set(example.record) == set(model.model_fields)
        assert getattr(model.model_validate(example.record), model.key) == value
    if registry == "civil_register":
        assert value[10:13] == "000", "an order number that is never given out: nobody's number"


@pytest.mark.parametrize("registry", RECORDS)
def test_each_example_has_its_own_identifier(registry: str) -> None:
    assert len(examples.by_value(registry)) == len(examples.load(registry))


@pytest.mark.parametrize(("registry", "example"), EXAMPLES)
def test_examples_are_served_verbatim(registries: dict[str, str], registry: str, example: examples.Example) -> None:
    value = example.identifier.partition(":")[2]
    plain = {
        "api_geo": f"{registries['communes']}/communes/{value}",
        "gleif": f"{registries['gleif']}/lei-records?filter[lei]={value}",
        "sirene": f"{registries['sirene']}/siren/{value}",
    }
    if registry in plain:
        got = requests.get(plain[registry], timeout=10)
    else:
        question = envelope(f"<GetPerson><nir>{value}</nir></GetPerson>")
        got = requests.post(registries["civil"], data=question, headers={"Content-Type": "text/xml"}, timeout=10)
    if registry == "api_geo" and example.name.startswith("found"):
        assert got.json() == json.loads(example.body), "the reference data say the same"
    else:
        assert (got.status_code, got.headers["content-type"], got.content) == (
            example.status,
            example.content_type,
            example.body,
        )
