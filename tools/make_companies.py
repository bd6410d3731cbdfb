"""Make the synthetic companies of the demo, for `make_reference.py`: the same communes and codes give the same companies.

A SIREN begins here with 002, a range in which none is known to be given out, and is right by its check digit (Luhn);
an establishment has the order number 0000, and real ones are counted from 0001: no SIRET made here can be a real one.
Names are put together from trades, common family names and made-up words, as those of real companies are, so that many
are alike: a likeness to one that exists is chance.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from stdnum import luhn

Row = dict[str, Any]

SEED = 732829320
COMPANIES = 20_000
MERGED = 150  # of them: entered twice, and led to the one that stays
AS_OF = date(2026, 1, 1)
SOMME, AMIENS = "80", "80021"
BY_ARRONDISSEMENT = {"75056", "69123", "13055"}  # the register knows their arrondissements, communes.parquet does not

ABOUT_COMPANIES = {
    "title": "SYNTHETIC companies of France: none exists",
    "source": f"synthetic: seed {SEED}; every SIREN begins with 002, every establishment has order number 0000, which"
    " no real one has; codes of activity by npm @socialgouv/codes-naf@1.1.1",
    "date": AS_OF.isoformat(),
    "licence": "Apache-2.0",
}

TRADES: Mapping[str, tuple[str, ...]] = {
    "10.71C": ("BOULANGERIE", "BOULANGERIE PATISSERIE", "AU FOURNIL", "AUX DELICES"),
    "43.21A": ("ELECTRICITE", "ELECTRICITE GENERALE", "ELEC"),
    "43.22A": ("PLOMBERIE", "PLOMBERIE CHAUFFAGE", "SANITAIRE"),
    "43.32A": ("MENUISERIE", "MENUISERIES", "ATELIER DU BOIS"),
    "43.34Z": ("PEINTURE", "PEINTURE ET DECORATION", "RAVALEMENT"),
    "43.91A": ("CHARPENTE", "COUVERTURE", "TOITURES"),
    "43.99C": ("MACONNERIE", "BATIMENT", "CONSTRUCTIONS"),
    "42.11Z": ("TRAVAUX PUBLICS", "TERRASSEMENT", "VOIRIE ET RESEAUX"),
    "45.20A": ("GARAGE", "CARROSSERIE", "AUTOMOBILES"),
    "47.73Z": ("PHARMACIE",),
    "47.11B": ("SUPERETTE", "ALIMENTATION GENERALE"),
    "49.41B": ("TRANSPORTS", "MESSAGERIES"),
    "49.39A": ("AUTOCARS", "VOYAGES"),
    "56.10A": ("RESTAURANT", "BRASSERIE", "AUBERGE"),
    "56.29A": ("RESTAURATION COLLECTIVE", "CUISINE CENTRALE"),
    "55.10Z": ("HOTEL",),
    "62.01Z": ("LOGICIELS", "INFORMATIQUE", "NUMERIQUE"),
    "62.02A": ("CONSEIL INFORMATIQUE", "SYSTEMES"),
    "68.20A": ("SCI", "IMMOBILIERE"),
    "69.20Z": ("EXPERTISE COMPTABLE", "CABINET"),
    "70.22Z": ("CONSEIL", "CONSULTANTS"),
    "71.12B": ("INGENIERIE", "BUREAU D'ETUDES"),
    "71.11Z": ("ARCHITECTES", "ATELIER D'ARCHITECTURE"),
    "81.21Z": ("NETTOYAGE", "PROPRETE"),
    "81.30Z": ("ESPACES VERTS", "PAYSAGES", "PEPINIERES"),
    "80.10Z": ("SECURITE", "GARDIENNAGE"),
    "86.90A": ("AMBULANCES",),
    "18.12Z": ("IMPRIMERIE",),
    "46.49Z": ("FOURNITURES SCOLAIRES", "PAPETERIE"),
    "01.50Z": ("EARL", "GAEC", "FERME"),
}  # the words by which a trade is known
FAMILY_NAMES = (
    "MARTIN", "BERNARD", "THOMAS", "PETIT", "ROBERT", "RICHARD", "DURAND", "DUBOIS", "MOREAU", "LAURENT", "SIMON",
    "MICHEL", "LEFEBVRE", "LEROY", "ROUX", "DAVID", "BERTRAND", "MOREL", "FOURNIER", "GIRARD", "BONNET", "DUPONT",
    "LAMBERT", "FONTAINE", "ROUSSEAU", "VINCENT", "MULLER", "LEFEVRE", "FAURE", "ANDRE", "MERCIER", "BLANC", "GUERIN",
    "BOYER", "GARNIER", "CHEVALIER", "FRANCOIS", "LEGRAND", "GAUTHIER", "GARCIA", "PERRIN", "ROBIN", "CLEMENT", "MORIN",
    "NICOLAS", "HENRY", "ROUSSEL", "MATHIEU", "GAUTIER", "MASSON", "MARCHAND", "DUVAL", "DENIS", "DUMONT", "MARIE",
    "LEMAIRE", "NOEL", "MEYER", "DUFOUR", "MEUNIER", "BRUN", "BLANCHARD", "GIRAUD", "JOLY", "RIVIERE", "LUCAS",
    "BRUNET", "GAILLARD", "BARBIER", "ARNAUD", "MARTINEZ", "GERARD", "ROCHE", "RENARD", "SCHMITT", "ROY", "LEROUX",
    "COLIN", "VIDAL", "CARON", "PICARD", "ROGER", "FABRE", "AUBERT", "LEMOINE", "RENAUD", "DUMAS", "LACROIX", "OLIVIER",
    "PHILIPPE", "BOURGEOIS", "PIERRE", "BENOIT", "REY", "LECLERC", "PAYET", "ROLLAND", "LECLERCQ", "GUILLAUME", "LECOMTE",
)  # fmt: skip
GIVEN_NAMES = (
    "JEAN", "MARIE", "PIERRE", "CATHERINE", "MICHEL", "NATHALIE", "PHILIPPE", "ISABELLE", "ALAIN", "SYLVIE", "NICOLAS",
    "SANDRINE", "CHRISTOPHE", "STEPHANIE", "JULIEN", "CELINE", "KARIM", "AURELIE", "THOMAS", "EMILIE", "MEHDI", "CAMILLE",
)  # fmt: skip
SYLLABLES = ("AL", "BRI", "CO", "DEL", "EKO", "FLO", "GRA", "HEL", "IN", "JUR", "KAP", "LUM", "MA", "NEO", "OP", "PRO")
ENDINGS = ("BAT", "CLIM", "DIS", "ENERGIE", "FRANCE", "GEST", "LOG", "MAT", "NET", "PRINT", "SERVICES", "TEC", "VERT")
TREES = ("TILLEULS", "CHENES", "PEUPLIERS", "ACACIAS", "MARRONNIERS", "PLATANES", "CERISIERS", "GLYCINES")
FORMS = (("5499", 40), ("5710", 35), ("6540", 12), ("5599", 4), ("5498", 6), ("9220", 3))
FORM_WORDS = {"5499": "SARL", "5710": "SAS", "5599": "SA", "5498": "EURL"}
STREETS = (
    ("RUE", "DE LA REPUBLIQUE"), ("RUE", "JEAN JAURES"), ("RUE", "VICTOR HUGO"), ("AVENUE", "DE LA GARE"),
    ("RUE", "PASTEUR"), ("PLACE", "DE L EGLISE"), ("CHEMIN", "DES ECOLIERS"), ("ZONE INDUSTRIELLE", "NORD"),
    ("BOULEVARD", "GAMBETTA"), ("ROUTE", "D ABBEVILLE"), ("IMPASSE", "DES LILAS"), ("ALLEE", "DES ARTISANS"),
    ("RUE", "DU MOULIN"), ("QUAI", "DE LA SOMME"), ("RUE", "DU GENERAL LECLERC"), ("COURS", "NATIONAL"),
)  # fmt: skip

COMPANY_COLUMNS = (
    *("siren", "nic", "diffusion", "state", "created", "legal_category", "legal_name", "usual_name", "acronym"),
    *("last_name", "first_name", "former_name", "renamed", "activity", "street_number", "street_type", "street_name"),
    *("postal_code", "commune_code", "commune_name", "merged_into"),
)


def make_companies(communes: Sequence[Row], codes: Sequence[Row]) -> list[Row]:
    """Synthetic companies by SIREN, out of the rows of communes.parquet and of the codes of activity (NAF rév. 2).

    Ends the program with one sentence where a trade has a code that there is not.
    """
    activities = sorted(row["id"] for row in codes if len(row["id"]) == 6)
    if missing := sorted(TRADES.keys() - set(activities)):
        raise SystemExit(f"No code of activity: {', '.join(missing)}.")
    chance = Random(SEED)
    towns = [row for row in communes if row["population"] and row["postal_codes"]]
    towns = [row for row in towns if row["code"] not in BY_ARRONDISSEMENT]
    weights = list(accumulate(_weight(row) for row in towns))
    homes = chance.choices(towns, cum_weights=weights, k=COMPANIES)
    numbers = sorted(chance.sample(range(100_000), COMPANIES))
    rows = [_company(chance, make_siren(number), home, activities) for number, home in zip(numbers, homes, strict=True)]
    gone = set(chance.sample(range(COMPANIES), MERGED))
    stay = [row for place, row in enumerate(rows) if place not in gone and row["diffusion"] == "O"]
    for place in sorted(gone):
        known = {"siren": rows[place]["siren"], "merged_into": chance.choice(stay)["siren"]}
        rows[place] = dict.fromkeys(COMPANY_COLUMNS) | known
    return rows


def make_siren(number: int) -> str:
    """Return the SIREN of a synthetic company, the `number`-th of 100,000."""
    digits = f"002{number:05}"
    return digits + str(luhn.calc_check_digit(digits))


def plain(name: str) -> str:
    """Return a name as the register writes it: capitals without accents."""
    text = unicodedata.normalize("NFKD", name.upper().replace("Œ", "OE").replace("Æ", "AE"))
    return "".join(character for character in text if character.isascii())


def _weight(town: Row) -> int:
    population: int = town["population"]
    return population * (150 if town["code"] == AMIENS else 30 if town["department_code"] == SOMME else 1)


def _company(chance: Random, siren: str, home: Row, activities: Sequence[str]) -> Row:
    trade = chance.choice(sorted(TRADES)) if chance.random() < 0.75 else None
    natural = chance.random() < 0.1
    created = AS_OF - timedelta(days=int(chance.triangular(30, 60 * 365, 6 * 365)))
    category = "1000" if natural else chance.choices(*zip(*FORMS, strict=True))[0]
    digits = f"{siren}0000"
    return {
        "siren": siren,
        "nic": f"0000{luhn.calc_check_digit(digits)}",
        "diffusion": chance.choices("OPN", (78, 20, 2) if natural else (985, 10, 5))[0],
        "state": "C" if chance.random() < 0.12 else "A",
        "created": created,
        "legal_category": category,
        **_names(chance, natural, category, trade),
        **_renamed(chance, natural, created),
        "activity": trade or chance.choice(activities),
        **_address(chance, home),
        "merged_into": None,
    }


def _names(chance: Random, natural: bool, category: str, trade: str | None) -> Row:
    """Return what it is called: a sole trader by the own name, any other by a name of its own."""
    if natural:
        person = {"last_name": chance.choice(FAMILY_NAMES), "first_name": chance.choice(GIVEN_NAMES)}
        return {"legal_name": None, "usual_name": None, "acronym": None, **person}
    name = _legal_name(chance, category, trade)
    usual = _brand(chance) if chance.random() < 0.08 else None
    words = [word for word in name.replace("'", " ").split() if len(word) > 2]
    acronym = "".join(word[0] for word in words) if len(words) > 2 and chance.random() < 0.3 else None
    return {"legal_name": name, "usual_name": usual, "acronym": acronym, "last_name": None, "first_name": None}


def _legal_name(chance: Random, category: str, trade: str | None) -> str:
    if category == "6540":
        return f"SCI {chance.choice((f'LES {chance.choice(TREES)}', chance.choice(FAMILY_NAMES), _brand(chance)))}"
    if category == "9220":
        return f"ASSOCIATION {chance.choice(('LES AMIS DE', 'POUR', 'LOISIRS ET'))} {_brand(chance)}"
    word, family = chance.choice(TRADES[trade] if trade else ("SOCIETE", "ETABLISSEMENTS", "HOLDING")), chance.choice
    name = chance.choice((
        f"{word} {family(FAMILY_NAMES)}", f"{family(FAMILY_NAMES)} {word}", f"{word} {_brand(chance)}", _brand(chance),
        f"{word} {family(FAMILY_NAMES)} ET FILS", f"{word} {family(FAMILY_NAMES)} {family(FAMILY_NAMES)}",
    ))  # fmt: skip
    form = FORM_WORDS.get(category)
    return f"{form} {name}" if form and chance.random() < 0.15 else name


def _brand(chance: Random) -> str:
    return "".join(chance.sample(SYLLABLES, chance.choice((1, 2)))) + chance.choice(ENDINGS)


def _renamed(chance: Random, natural: bool, created: date) -> Row:
    """Return an earlier name and the day on which it ended, for one company in twelve."""
    if natural or chance.random() > 0.08:
        return {"former_name": None, "renamed": None}
    return {"former_name": _brand(chance), "renamed": created + (AS_OF - created) // chance.choice((2, 3, 4))}


def _address(chance: Random, home: Row) -> Row:
    kind, street = chance.choice(STREETS)
    return {
        "street_number": str(chance.randint(1, 180)) if chance.random() < 0.93 else None,
        "street_type": kind,
        "street_name": street,
        "postal_code": chance.choice(home["postal_codes"]),
        "commune_code": home["code"],
        "commune_name": plain(home["name"]),
    }
