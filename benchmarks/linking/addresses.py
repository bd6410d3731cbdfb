"""Addresses as a register has them and as people write them: real communes, made-up streets, damage that is frozen.

The damage was written before the recipes were tuned and is not to be changed afterwards: `tests/linking/test_addresses.py`
holds the digest of what it makes. No street here is known to stand in the commune that it is drawn into.
"""

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pyarrow.parquet as pq

REFERENCE = Path(__file__).parents[2] / "datasets" / "reference"

FRENCH_TYPES = (
    ("rue", 60), ("avenue", 12), ("chemin", 8), ("impasse", 6), ("boulevard", 5), ("place", 5), ("route", 5), ("allée", 5),
    ("quai", 1), ("cours", 1), ("square", 1), ("passage", 1), ("faubourg", 1), ("zone industrielle", 1), ("lotissement", 1),
)  # fmt: skip
FRENCH_NAMES = (
    "de la République,du Général de Gaulle,Victor Hugo,Jean Jaurès,Pasteur,de l'Église,de la Mairie,des Écoles,Gambetta,"
    "du Moulin,de la Gare,du 8 Mai 1945,du 11 Novembre 1918,Jules Ferry,Émile Zola,du Maréchal Foch,des Lilas,des Tilleuls,"
    "des Acacias,du Château,de la Fontaine,des Jardins,Saint-Martin,Saint-Jean,Sainte-Anne,Pierre Curie,Marie Curie,"
    "Anatole France,Voltaire,Molière,Jean Moulin,du Stade,du Cimetière,des Vignes,des Prés,du Lavoir,de Verdun,de la Paix,"
    "de la Liberté,Aristide Briand,Léon Blum,Louis Pasteur,Ambroise Paré,Claude Debussy,Frédéric Chopin,des Frères Lumière,"
    "de l'Abbé Grégoire,du Docteur Roux,du Docteur Calmette,du Professeur Langevin,Alphonse de Lamartine,George Sand,"
    "Édouard Vaillant,Georges Clemenceau,Salvador Allende,Pablo Picasso,Nelson Mandela,Simone Veil,Louise Michel,"
    "Olympe de Gouges,Antoine de Saint-Exupéry,Blaise Pascal,René Descartes,Denis Papin,Ampère,Becquerel,Lavoisier,"
    "des Artisans,des Entrepreneurs,de l'Industrie,du Commerce,des Halles,du Marché,de la Poste,du Port,du Pont,du Canal,"
    "de la Somme,de l'Oise,de la Marne,de Paris,d'Abbeville,d'Amiens,de Rouen,de Beauvais,de Lille,de Bordeaux,"
    "de la Croix Blanche,de la Croix Rouge,du Chêne,du Chêne Vert,du Petit Bois,du Grand Clos,du Clos Fleuri,"
    "des Primevères,des Coquelicots,des Bleuets,des Hirondelles,des Mésanges,des Alouettes,du Rossignol,de la Source,"
    "du Puits,de la Chapelle,de l'Ermitage,du Prieuré,de l'Abbaye,Notre-Dame,Saint-Nicolas,Saint-Pierre,Saint-Fuscien"
)
SPANISH_TYPES = (
    ("calle", 65),
    ("avenida", 14),
    ("plaza", 9),
    ("paseo", 5),
    ("camino", 3),
    ("carretera", 2),
    ("ronda", 2),
)
SPANISH_NAMES = (
    "Mayor,Real,de la Constitución,de España,del Sol,de la Iglesia,Nueva,San Juan,San José,San Pedro,Santa María,del Carmen,"
    "Cervantes,Miguel de Unamuno,Federico García Lorca,Antonio Machado,Ramón y Cajal,Goya,Velázquez,Picasso,de la Paz,"
    "de la Libertad,de la Estación,del Puente,del Río,de la Fuente,de las Flores,de los Olivos,del Prado,de Gracia,"
    "Isabel la Católica,Reyes Católicos,Cristóbal Colón,Hernán Cortés,Magallanes,Gran Vía,de Madrid,de Zaragoza,de Bilbao,"
    "de Vitoria,del Mercado,del Ayuntamiento,de la Concepción,Doctor Fleming,Doctor Marañón,Rosalía de Castro,Jovellanos,"
    "Severo Ochoa,Clara Campoamor,Concepción Arenal,de la Industria,de los Artesanos,del Trabajo,Primero de Mayo"
)
BASQUE_NAMES = (
    "Nagusia,Kale Barria,Askatasuna,Zumalakarregi,Gernikako Arbola,Iparragirre,Sabino Arana,Lehendakari Aguirre,San Mames,"
    "Elkano,Ibaizabal,Ametzaga,Zubiaurre,Txomin Agirre,Bizkaia,Gipuzkoa,Herriko,Elizalde,Errekalde,Bidebarrieta,Santa Maria"
)
SHORT = {
    "rue": ("R", "R.", "RUE"), "avenue": ("AV", "AV.", "AVE"), "boulevard": ("BD", "BLD", "BVD"), "place": ("PL", "PL."),
    "chemin": ("CH", "CHE", "CHEM."), "impasse": ("IMP", "IMP."), "route": ("RTE",), "allée": ("ALL", "AL."),
    "square": ("SQ",), "passage": ("PAS", "PASS"), "faubourg": ("FG", "FBG"), "zone industrielle": ("ZI", "Z.I."),
    "lotissement": ("LOT", "LOT."), "cours": ("CRS",), "calle": ("C/", "C.", "CL", "Cl."), "avenida": ("AVDA", "Av.", "AVDA."),
    "plaza": ("PZA", "PL.", "Plza."), "paseo": ("PSO", "P.º"), "carretera": ("CTRA", "Ctra."), "camino": ("CNO", "CMNO"),
}  # fmt: skip
SHORT_WORDS = {
    "Saint": "St", "Sainte": "Ste", "Général": "Gal", "Maréchal": "Mal", "Docteur": "Dr", "Professeur": "Pr", "Doctor": "Dr.",
    "Santa": "Sta.", "San": "S.", "Notre": "N", "Frères": "Fres",
}  # fmt: skip
BASQUE_PROVINCES = ("01", "20", "48")
KEYS = ("azertyuiop", "qsdfghjklm", "wxcvbn")


class Town(NamedTuple):
    """A commune under one of its postal codes; `old` is the name and code of one that has become part of it."""

    country: str
    code: str
    name: str
    postal_code: str
    old: tuple[str, str] | None


class Address(NamedTuple):
    """An address in the parts that its register keeps."""

    number: int
    suffix: str
    type: str
    name: str
    town: Town


def towns(country: str) -> list[Town]:
    """Return the communes of FR or ES; in Spain postal codes are made up within the province."""
    if country == "ES":
        found = pq.read_table(REFERENCE / "municipios.parquet").to_pylist()
        return [
            Town("ES", r["codigo"], r["nombre"], f"{r['codigo'][:2]}{int(r['codigo'][2:]) % 900:03}", None)
            for r in found
        ]
    parts: dict[str, list[tuple[str, str]]] = {}
    for row in pq.read_table(REFERENCE / "commune_parts.parquet").to_pylist():
        if row["kind"] != "arrondissement":
            parts.setdefault(row["commune_code"], []).append((row["name"], row["code"]))
    found = []
    for row in pq.read_table(REFERENCE / "communes.parquet").to_pylist():
        for postal in row["postal_codes"]:
            found += [Town("FR", row["code"], row["name"], postal, old) for old in parts.get(row["code"], [None])]
    return found


def draw(chance: Random, places: Sequence[Town]) -> Address:
    """Return an address in one of these communes."""
    town = chance.choice(places)
    number = min(int(chance.lognormvariate(3, 1.1)) + 1, 2999)
    suffix = chance.choices(("", "bis", "ter", "B"), (92, 5, 1, 2))[0]
    if town.country == "ES" and town.code[:2] in BASQUE_PROVINCES and chance.random() < 0.6:
        return Address(number, suffix, "kalea", chance.choice(BASQUE_NAMES.split(",")), town)
    types, names = (SPANISH_TYPES, SPANISH_NAMES) if town.country == "ES" else (FRENCH_TYPES, FRENCH_NAMES)
    kind = chance.choices([name for name, _ in types], [weight for _, weight in types])[0]
    return Address(number, suffix, kind, chance.choice(names.split(",")), town)


def official(address: Address) -> dict[str, str | None]:
    """Return the address as its register writes it."""
    number = f"{address.number}{f' {address.suffix}' if address.suffix else ''}"
    if address.type == "kalea":
        line = f"{address.name} kalea, {number}"
    elif address.town.country == "ES":
        line = f"{address.type} {address.name}, {number}"
    else:
        line = f"{number} {address.type} {address.name}".upper()
    town = address.town
    return {"address": line, "postal_code": town.postal_code, "city": town.name, "commune_code": town.code}


def written(chance: Random, address: Address) -> dict[str, str | None]:
    """Return the address as somebody writes it: shortened, misspelt, half there, with an old commune or a CEDEX."""
    town, name = address.town, address.name
    kind = chance.choice(SHORT.get(address.type, (address.type,))) if chance.random() < 0.5 else address.type
    if chance.random() < 0.25:
        name = " ".join(SHORT_WORDS.get(word, word) for word in name.replace("-", " ").split())
    if chance.random() < 0.12:
        name = typo(chance, name)
    if chance.random() < 0.04:
        kind = ""
    number = _number(chance, address)
    if town.country == "ES":
        line = _spanish(chance, kind, name, number)
    else:
        line = f"{number}{chance.choice((' ', ' ', ', '))}{kind} {name}" if number else f"{kind} {name}"
        line = chance.choice(("", "", "", "", "", "BAT A ", "RESIDENCE LES TILLEULS ", "APPT 12, ")) + line
    if chance.random() < 0.05:
        line += f" BP {chance.randint(1, 900)}"
    line = cased(chance, line.replace("  ", " ").strip())
    city, code, postal = town.name, town.code, town.postal_code
    if town.old and chance.random() < 0.5:
        city, code = town.old
    if "/" in city and chance.random() < 0.7:
        city = chance.choice(city.split("/"))
    if chance.random() < 0.06 and town.country == "FR":
        city, postal = f"{city} CEDEX {chance.randint(1, 9)}", f"{postal[:3]}{chance.randint(1, 99):02}"
    if chance.random() < 0.05:
        city = typo(chance, city)
    city = plain(city).upper().replace("-", " ").replace("SAINT ", "ST ") if chance.random() < 0.6 else city
    return {
        "address": line if chance.random() > 0.03 else None,
        "postal_code": (postal if chance.random() > 0.03 else typo_digit(chance, postal))
        if chance.random() > 0.06
        else None,
        "city": city if chance.random() > 0.04 else None,
        "commune_code": code if chance.random() < 0.2 else None,
    }


def _number(chance: Random, address: Address) -> str:
    way = chance.random()
    if way < 0.07:
        return ""
    if way < 0.10:
        return str(address.number + chance.choice((-2, 2, 1, 10)))
    if way < 0.13:
        return f"{address.number}-{address.number + 2}"
    suffix = {"bis": ("bis", "B", " bis", " BIS"), "ter": ("ter", " T"), "B": ("B", " b")}.get(address.suffix, ("",))
    return f"{address.number}{chance.choice(suffix) if chance.random() < 0.8 else ''}"


def _spanish(chance: Random, kind: str, name: str, number: str) -> str:
    floor = chance.choice(("", "", "", ", 2º izda", ", 3º B", ", bajo", " 1 dcha"))
    street = (
        f"{name} {chance.choice(('kalea', 'k.'))}" if kind == "kalea" and chance.random() < 0.6 else f"{kind} {name}"
    )
    if kind == "kalea" and street.startswith("kalea"):
        street = f"{chance.choice(('C/', 'calle'))} {name}"
    return f"{street}{chance.choice((', ', ' ', ', nº ', ' nº'))}{number or 's/n'}{floor}"


def cased(chance: Random, text: str) -> str:
    """Return the text in one of the cases that people write, with or without accents."""
    text = plain(text) if chance.random() < 0.5 else text
    return chance.choice((text, text.upper(), text.upper(), text.title()))


def plain(text: str) -> str:
    """Return the text without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def typo(chance: Random, text: str) -> str:
    """Return the text with one letter left out, doubled, swapped with the next, or hit beside."""
    places = [place for place, letter in enumerate(text) if letter.isalpha()]
    if len(places) < 4:
        return text
    at = chance.choice(places[1:])
    way = chance.randrange(4)
    if way == 0:
        return text[:at] + text[at + 1 :]
    if way == 1:
        return text[:at] + text[at] + text[at:]
    if way == 2:
        return text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
    row = next((row for row in KEYS if text[at].lower() in row), "aeiou")
    return text[:at] + chance.choice(row) + text[at + 1 :]


def typo_digit(chance: Random, digits: str) -> str:
    """Return the number with one digit of it another."""
    at = chance.randrange(len(digits))
    return digits[:at] + str((int(digits[at]) + chance.randint(1, 9)) % 10) + digits[at + 1 :]


def case(many: int, seed: int = 7) -> tuple[list[dict[str, str | None]], list[dict[str, str | None]]]:
    """Return a register of addresses and a list of written ones; `entity` in both is the truth, None where unknown.

    A tenth of the written ones is in no register; neighbours (the same street, another number) are in it many times.
    """
    chance = Random(seed)
    places = chance.sample(towns("FR"), 250) + chance.sample(towns("ES"), 150)
    known: dict[tuple[str, ...], Address] = {}
    while len(known) < many:
        address = draw(chance, places)
        for neighbour in (address, address._replace(number=address.number + 2, suffix=""))[: chance.choice((1, 2))]:
            known.setdefault((str(neighbour.number), *neighbour[1:4], neighbour.town.code), neighbour)
    ours = list(known.values())
    register = [{"entity": f"a{place}", **official(each)} for place, each in enumerate(ours)]
    left = [{"entity": f"a{place}", **written(chance, ours[place])} for place in chance.sample(range(many), many // 2)]
    strangers = [draw(chance, places) for _ in range(many // 20)]
    left += [{"entity": None, **written(chance, each)} for each in strangers
             if (str(each.number), *each[1:4], each.town.code) not in known]  # fmt: skip
    chance.shuffle(left)
    return register, left


def digest(rows: object) -> str:
    """Return a digest of generated rows: what holds that the damage has stayed as it was frozen."""
    return hashlib.sha256(json.dumps(rows, ensure_ascii=False, sort_keys=True, default=str).encode()).hexdigest()[:16]
