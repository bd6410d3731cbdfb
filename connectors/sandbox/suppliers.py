"""The suppliers of a municipality as its accounts have them: the same companies as in the register, written by people.

Every supplier is a synthetic company of `datasets/reference/companies.parquet`, or one that no register knows. Its
number is right, wrong, half there or missing; its name is shortened, misspelt or an old one. Which company it is stands
nowhere in the table: `draw` tells it beside each row, for whoever wants to know how well rows were linked.

Some are real legal entities of `datasets/reference/legal_entities.parquet`, by their name alone: no address, number or
payment is made up for them.
"""

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from connectors.sandbox.names import folded, spaced

ROWS = 444
REAL = 24
UNKNOWN = 20
DUPLICATES = 40
MERGED = 6
WRONG_NUMBERS = 18
SHORT_NUMBERS = 12

COLUMNS = ("CODE_TIERS", "RAISON_SOCIALE", "SIRET", "ADRESSE", "CP", "VILLE", "MONTANT_TTC", "DERNIER_MANDAT")

# Without types, as tables grown out of a spreadsheet have none.
TABLE = f"CREATE TABLE suppliers ({', '.join(COLUMNS)})"

SHORTER = {
    "ETABLISSEMENTS": "ETS",
    "SOCIETE": "STE",
    "ENTREPRISE": "ENT",
    "ET": "&",
    "IMMOBILIERE": "IMMO",
    "TRAVAUX": "TX",
    "PUBLICS": "PUB",
    "GENERALE": "GLE",
    "PLOMBERIE": "PLOMB",
    "TRANSPORTS": "TRANSP",
}
ACCENTED = {
    "ELECTRICITE": "Électricité",
    "MACONNERIE": "Maçonnerie",
    "PROPRETE": "Propreté",
    "SECURITE": "Sécurité",
    "HOTEL": "Hôtel",
    "PATISSERIE": "Pâtisserie",
    "SOCIETE": "Société",
    "PEPINIERES": "Pépinières",
    "INGENIERIE": "Ingénierie",
    "RESEAUX": "Réseaux",
    "DELICES": "Délices",
    "GENERALE": "Générale",
}
WAYS = {"RUE": "R.", "AVENUE": "AV", "BOULEVARD": "BD", "PLACE": "PL", "CHEMIN": "CH", "ZONE INDUSTRIELLE": "ZI"}
NOBODY = ("Comptoir du Test", "Atelier Sans Nom", "Fournil Imaginaire", "Garage Fictif", "Papeterie Inventée")

Row = dict[str, Any]


class Supplier(NamedTuple):
    """A row of the table, with the SIREN of the company that it is, or the LEI; neither for one that no register knows."""

    row: Row
    siren: str | None
    lei: str | None = None


def draw(companies: Path, seed: int = 1901) -> list[Supplier]:
    """Return the rows in the order of the table, each with the company that it is. The same seed gives the same.

    `companies` is the reference file, beside which stands legal_entities.parquet. Raises FileNotFoundError where one is
    missing.
    """
    chance = random.Random(seed)  # noqa: S311 (nothing secret)
    rows: list[Row] = pq.read_table(companies).to_pylist()
    found = [row for row in rows if row["diffusion"] == "O"]
    here = [row for row in found if row["commune_code"].startswith("80")]
    many = ROWS - UNKNOWN - DUPLICATES - MERGED - REAL
    chosen = {row["siren"]: row for row in chance.sample(here, many * 2 // 3)}
    while len(chosen) < many:
        row = chance.choice(found)
        chosen[row["siren"]] = row
    known = [Supplier(_row(chance, row), row["siren"]) for row in chosen.values()]
    again = [Supplier(_row(chance, chosen[each.siren or ""]), each.siren) for each in chance.sample(known, DUPLICATES)]
    numbered = [each.row for each in known + again if each.row["SIRET"]]
    for place, row in enumerate(chance.sample(numbered, WRONG_NUMBERS + SHORT_NUMBERS)):
        digits = "".join(row["SIRET"].split())
        wrong = f"{digits[:-1]}{(int(digits[-1]) + 1) % 10}"
        row["SIRET"] = wrong if place < WRONG_NUMBERS else digits[:9]
    suppliers = known + again + _merged(chance, rows) + [Supplier(_nobody(chance, found), None) for _ in range(UNKNOWN)]
    suppliers += _real(companies.with_name("legal_entities.parquet"), seed)
    chance.shuffle(suppliers)
    for number, each in enumerate(suppliers, 1):
        each.row["CODE_TIERS"] = f"F{number:05}"
    return suppliers


def _merged(chance: random.Random, rows: list[Row]) -> list[Supplier]:
    """Return companies that are still known by a number which has been merged into another."""
    stays = {row["siren"]: row for row in rows}
    gone = chance.sample([row for row in rows if row["merged_into"]], MERGED)
    found = []
    for row in gone:
        successor = stays[row["merged_into"]]
        written = _row(chance, successor)
        found.append(Supplier({**written, "SIRET": row["siren"]}, successor["siren"]))
    return found


def _real(entities: Path, seed: int) -> list[Supplier]:
    """Return real legal entities of France, their names as people write them; drawn apart, so that the others stay."""
    chance = random.Random(seed)  # noqa: S311 (nothing secret)
    rows = [
        row for row in pq.read_table(entities).to_pylist() if row["country"] == "FR" and row["category"] == "GENERAL"
    ]
    found = []
    for row in chance.sample([row for row in rows if len(row["name"].split()) > 1], REAL):
        words = row["name"].upper().split()
        way = chance.random()
        if way < 0.3:
            words = [SHORTER.get(word, word) for word in words]
        elif way < 0.5:
            words = _misspelt(chance, words)
        elif way < 0.7:
            words = [ACCENTED.get(word, word.capitalize()) for word in words]
        elif way < 0.85:
            words = [*words, chance.choice(("SA", "SAS", "SARL"))]
        found.append(Supplier(dict.fromkeys(COLUMNS) | {"RAISON_SOCIALE": " ".join(words)}, None, row["lei"]))
    return found


def _nobody(chance: random.Random, found: list[Row]) -> Row:
    row = _row(chance, chance.choice(found))
    return {**row, "RAISON_SOCIALE": f"{chance.choice(NOBODY)} {chance.randint(1, 99)}", "SIRET": None}


def _row(chance: random.Random, company: Row) -> Row:
    siret = company["siren"] + company["nic"]
    return {
        "CODE_TIERS": None,
        "RAISON_SOCIALE": _name(chance, company),
        "SIRET": chance.choice((siret, siret, spaced(siret), f"{siret} ", None, "")),
        "ADRESSE": _address(chance, company),
        "CP": int(company["postal_code"]) if chance.random() < 0.4 else company["postal_code"],
        "VILLE": folded(company["commune_name"]) + chance.choice(("", "", "", "", " CEDEX", " ")),
        "MONTANT_TTC": _amount(chance),
        "DERNIER_MANDAT": _day(chance),
    }


def _name(chance: random.Random, company: Row) -> str:
    """Return a name as somebody typed it: by the trading name, shortened, accented, misspelt."""
    if company["legal_name"] is None:
        return chance.choice((f"{company['last_name']} {company['first_name'].title()}", f"M. {company['last_name']}"))
    name = company["usual_name"] if company["usual_name"] and chance.random() < 0.5 else company["legal_name"]
    words = name.split()
    way = chance.random()
    if way < 0.3:
        words = [SHORTER.get(word, word) for word in words]
    elif way < 0.5:
        words = [ACCENTED.get(word, word.capitalize()) for word in words]
    elif way < 0.65:
        words = _misspelt(chance, words)
    elif way < 0.75 and company["legal_category"] == "5499":
        words = [*words, chance.choice(("SARL", "(SARL)", "S.A.R.L."))]
    return " ".join(words)


def _misspelt(chance: random.Random, words: list[str]) -> list[str]:
    """Swap two letters of a word, or leave one out."""
    place = max(range(len(words)), key=lambda each: len(words[each]))
    word = words[place]
    at = chance.randrange(1, max(2, len(word) - 1))
    wrong = chance.choice((word[:at] + word[at + 1 :], word[:at] + word[at : at + 2][::-1] + word[at + 2 :]))
    return [*words[:place], wrong, *words[place + 1 :]]


def _address(chance: random.Random, company: Row) -> str | None:
    if chance.random() < 0.15:
        return None
    way = company["street_type"]
    way = WAYS.get(way, way) if chance.random() < 0.5 else way
    parts = (company["street_number"], way, company["street_name"])
    text = " ".join(part for part in parts if part)
    return chance.choice((text, text.title(), text.replace(" ", ", ", 1)))


def _amount(chance: random.Random) -> str:
    """Return an amount as a spreadsheet shows it: decimal comma, blanks between thousands."""
    whole, cents = divmod(int(chance.lognormvariate(13.5, 1.3)), 100)
    grouped = f"{whole:,}".replace(",", chance.choice((" ", "", "\u00a0", "\u202f")))
    return chance.choice((f"{grouped},{cents:02}", f"{grouped},{cents:02}", grouped))


def _day(chance: random.Random) -> str:
    day = date(2025, 12, 31) - timedelta(days=chance.randrange(1_000))
    return chance.choice((day.isoformat(), f"{day:%d/%m/%Y}"))
