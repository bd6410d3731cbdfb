"""Companies as a register has them and as the accounts of towns write them, with truth: damage that is frozen.

Names are those of real legal entities of France and Spain (`datasets/reference/legal_entities.parquet`, CC0), and some in
Georgian; numbers and addresses are made up. The damage was written before the recipe was tuned and is not to be changed
afterwards: `tests/linking/test_companies.py` holds the digest of what it makes.

    python -m benchmarks.linking.companies OUT.parquet [ROWS] [SEED]
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from anyascii import anyascii
from stdnum import luhn
from stdnum.es import cif

from benchmarks.linking.addresses import (
    REFERENCE,
    Address,
    cased,
    draw,
    official,
    plain,
    towns,
    typo,
    typo_digit,
    written,
)

FIELDS = ("name", "other_names", "siren", "siret", "nif", "address", "postal_code", "city", "commune_code", "country")

MOST = 95_000

FORMS = {
    "SARL": (
        "SARL",
        "S.A.R.L.",
        "(SARL)",
        "Société à responsabilité limitée",
        "STE A RESPONSABILITE LIMITEE",
        "S A R L",
    ),
    "SAS": ("SAS", "S.A.S.", "Société par actions simplifiée", "S A S"),
    "SA": ("SA", "S.A.", "Société anonyme", "S A"),
    "SCI": ("SCI", "S.C.I.", "Société civile immobilière"),
    "EURL": ("EURL", "E.U.R.L."),
    "S.L.": ("SL", "S.L.", ", S.L", "Sociedad Limitada", "S.L.U.", "S L"),
    "S.A.": ("SA", "S.A.", ", S.A", "Sociedad Anónima", "S.A.U."),
    "შპს": ("შპს", "შ.პ.ს.", "LLC", "Ltd", "შეზღუდული პასუხისმგებლობის საზოგადოება"),
}
FORM_AT_ALL = re.compile(
    r"(?i)[, ]+(S\.?A\.?R\.?L\.?|S\.?A\.?S\.?U?\.?|S\.?L\.?U?\.?|S\.?A\.?U?\.?|SOCIEDAD LIMITADA|SOCIEDAD AN[OÓ]NIMA)$"
)
SHORTER = {
    "ETABLISSEMENTS": "ETS", "ÉTABLISSEMENTS": "Ets", "SOCIETE": "STE", "SOCIÉTÉ": "Sté", "ENTREPRISE": "ENT", "ET": "&",
    "Y": "&", "IMMOBILIERE": "IMMO", "IMMOBILIER": "IMMO", "INTERNATIONAL": "INTL", "GENERALE": "GLE", "FRANCE": "FR",
    "COMPAGNIE": "CIE", "SERVICES": "SCES", "TRANSPORTS": "TPTS", "CONSTRUCTION": "CONST", "CONSTRUCTIONS": "CONST",
    "DEVELOPPEMENT": "DEV", "ASSOCIATION": "ASSO", "INVERSIONES": "INV", "CONSTRUCCIONES": "CONST", "HERMANOS": "HNOS",
    "INDUSTRIAL": "IND", "SAINT": "ST", "TECHNOLOGIES": "TECHNO", "PARTICIPATIONS": "PARTICIP", "GESTION": "GEST",
}  # fmt: skip
SIBLINGS = (
    "HOLDING",
    "IMMOBILIER",
    "PARTICIPATIONS",
    "SERVICES",
    "DISTRIBUTION",
    "FINANCE",
    "TRANSPORTS",
    "2",
    "NORD",
    "SUD",
)
BRANCHES = ("AGENCE DE {}", "AGENCE {}", "ETABLISSEMENT DE {}", "SUCCURSALE DE {}", "- {}", "({})")
SPANISH_BRANCHES = ("DELEGACION {}", "SUCURSAL {}", "- {}", "({})")
NOTES = (" (NE PLUS UTILISER)", " - COMPTE CLOS", " *", " (DOUBLON)")
GEORGIAN = (
    "თბილისი,ბათუმი,კოლხეთი,იბერია,ქართული,ღვინო,მშენებელი,ენერგია,ჯეო,კავკასია,ალავერდი,კახეთი,სვანეთი,მარანი,ტრანსპორტი,"
    "სერვისი,ჯგუფი,ინვესტი,ტექნოლოგია,წყალი,მეტალი,აგრო,პლუსი,თელავი,რუსთავი,მედია,ფარმა,საწარმო,სამშენებლო,კომპანია"
)

Row = dict[str, str | None]


class Company(NamedTuple):
    """A company of the register: its row there, and what its written rows are made of."""

    entity: str
    row: Row
    core: str
    form: str
    other: str | None
    address: Address


def case(rows: int, seed: int = 11, numbers: bool = True) -> tuple[list[Row], list[Row]]:
    """Return (register, written): `rows` companies, and half as many written rows, `entity` being the truth.

    A tenth of the written ones are companies that the register has not, most of them relatives of one that it has. With
    `numbers` false no written row has a number. The same arguments give the same rows. Raises ValueError over 95,000
    rows: there are no more numbers that are nobody's.
    """
    if rows > MOST:
        raise ValueError(f"at most {MOST:,} companies: there are no more numbers that are nobody's")
    chance = Random(seed)
    known = _companies(chance, rows + rows // 20)
    strangers, known = known[rows:], known[:rows]
    chosen = [chance.choice(known) for _ in range(rows // 2 - rows // 20)]
    left = [_written(chance, company, known, numbers) for company in chosen]
    left += [{**_written(chance, company, known, numbers), "entity": None} for company in strangers]
    chance.shuffle(left)
    return [company.row for company in known], left


def _companies(chance: Random, many: int) -> list[Company]:
    """Return that many companies of different names; a sixth are relatives of another at its address or elsewhere."""
    entities = pq.read_table(REFERENCE / "legal_entities.parquet").to_pylist()
    entities = [(" ".join(row["name"].split()), row["country"]) for row in entities if row["category"] == "GENERAL"]
    places = {"FR": towns("FR"), "ES": towns("ES")}
    places["FR"] = [*chance.sample(places["FR"], 1500), *([town for town in places["FR"] if town.code == "80021"] * 40)]
    found: dict[str, Company] = {}
    chance.shuffle(entities)
    at = 0
    while len(found) < many:
        name, country = entities[at] if at < len(entities) else _crossed(chance, entities)
        at += 1
        if chance.random() < 0.03:
            name, country = _georgian(chance), "GE"
        company = _company(chance, len(found), name, country, draw(chance, places["ES" if country == "ES" else "FR"]))
        if found.setdefault(plain(company.core).upper(), company) is company and chance.random() < 0.2:
            relative = f"{company.core} {chance.choice(SIBLINGS)}"
            address = (
                company.address if chance.random() < 0.5 else draw(chance, places["ES" if country == "ES" else "FR"])
            )
            found.setdefault(plain(relative).upper(), _company(chance, len(found), relative, country, address))
    companies = list(found.values())
    chance.shuffle(companies)
    return companies[:many]


def _crossed(chance: Random, entities: list[tuple[str, str]]) -> tuple[str, str]:
    """Return a name of the first words of one and the last of another: there are no more real ones."""
    name, country = chance.choice(entities)
    other, _ = chance.choice(entities)
    words, more = name.split(), other.split()
    return " ".join([*words[: (len(words) + 1) // 2], *more[len(more) // 2 :]]), country


def _georgian(chance: Random) -> str:
    return " ".join(chance.sample(GEORGIAN.split(","), chance.choice((1, 2, 2, 3))))


def _company(chance: Random, number: int, name: str, country: str, address: Address) -> Company:
    core = FORM_AT_ALL.sub("", name).rstrip(",. ") or name
    forms = {"FR": ("SARL", "SAS", "SA", "EURL", "SCI"), "ES": ("S.L.", "S.A."), "GE": ("შპს",)}[country]
    form = chance.choices(forms, (40, 30, 15, 10, 5)[: len(forms)])[0]
    siren = siret = nif = None
    if country == "FR":
        siren = f"002{number:05}"
        siren += luhn.calc_check_digit(siren)
        siret = f"{siren}0000" + luhn.calc_check_digit(f"{siren}0000")
    elif country == "ES":
        nif = f"B00{number % 100000:05}"
        nif += cif.calc_check_digits(nif)[0]
    other = _acronym(core) if chance.random() < 0.08 else None
    if other is None and chance.random() < 0.08:
        other = f"{chance.choice(('ALPHA', 'EURO', 'NEO', 'SUD', 'TECHNI', 'ECO', 'MULTI'))}{chance.choice(core.split())[:6]}".upper()
    legal = f"{form} {core}" if country == "GE" or (country == "FR" and chance.random() < 0.2) else f"{core}, {form}"
    row: Row = {"entity": f"c{number}", "name": core if country == "FR" and chance.random() < 0.5 else legal}
    row |= {"other_names": other, "siren": siren, "siret": siret, "nif": nif, "country": country, **official(address)}
    return Company(f"c{number}", row, core, form, other, address)


def _acronym(core: str) -> str | None:
    letters = [word[0] for word in core.split() if word[0].isalpha() and len(word) > 2]
    return "".join(letters).upper() if len(letters) > 2 else None


def _written(chance: Random, company: Company, known: list[Company], numbers: bool) -> Row:
    address = company.address
    if chance.random() < 0.06:
        address = (
            chance.choice(known).address if chance.random() < 0.4 else address._replace(number=chance.randint(1, 300))
        )
    lines = written(chance, address)
    if chance.random() < 0.1:
        lines["address"] = None
    if chance.random() < 0.05:
        lines = dict.fromkeys(lines)
    name = _name(chance, company)
    row: Row = {"entity": company.entity, "name": name, "other_names": None, "siren": None, "siret": None, "nif": None}
    row |= {"country": company.row["country"] if chance.random() < 0.5 else None, **lines}
    if numbers and chance.random() < 0.6:
        row |= _number(chance, company, known)
    return row


def _number(chance: Random, company: Company, known: list[Company]) -> Row:
    """Return the number as it was typed: right, another establishment's, of another company, wrong, or the half of it."""
    way = chance.random()
    source = chance.choice(known).row if way < 0.01 else company.row
    if source["siren"] is None:
        number = source["nif"]
        return {"nif": number if number is None or way > 0.12 else number[0] + typo_digit(chance, number[1:])}
    siren, siret = source["siren"], source["siret"] or ""
    if way < 0.10:
        return {"siret": typo_digit(chance, siret)}
    if way < 0.20:
        branch = f"{siren}0{chance.randint(2, 9)}{chance.randint(10, 99)}"
        return {"siret": branch + luhn.calc_check_digit(branch)}
    if way < 0.25:
        return {"siret": siren}
    spaced = f"{siret[:3]} {siret[3:6]} {siret[6:9]} {siret[9:]}"
    return {"siret": chance.choice((siret, siret, spaced, f" {siret}"))}


def _name(chance: Random, company: Company) -> str:
    """Return the name as somebody typed it. Each kind of damage is drawn by itself, in this order."""
    core = company.other if company.other and chance.random() < 0.5 else company.core
    if company.row["country"] == "GE" and chance.random() < 0.6:
        core = anyascii(core)
    for share, change in DAMAGE:
        if chance.random() < share:
            core = change(chance, core, company)
    way = chance.random()
    if way < 0.35:
        core = f"{core} {chance.choice(FORMS[company.form])}"
    elif way < 0.45:
        core = f"{chance.choice(FORMS[company.form])} {core}"
    if chance.random() < 0.02:
        core += chance.choice(NOTES)
    core = core[:30] if chance.random() < 0.08 else core
    return cased(chance, core) if core.isascii() or core[0] < "ა" else core


def _abbreviated(_: Random, core: str, __: Company) -> str:
    return " ".join(SHORTER.get(word.upper(), word) for word in core.split())


def _acronymed(_: Random, core: str, __: Company) -> str:
    return _acronym(core) or core


def _reordered(chance: Random, core: str, _: Company) -> str:
    words = core.split()
    at = chance.randrange(len(words))
    return " ".join(words[at:] + words[:at])


def _branch(chance: Random, core: str, company: Company) -> str:
    ways = SPANISH_BRANCHES if company.row["country"] == "ES" else BRANCHES
    return f"{core} {chance.choice(ways).format((company.row['city'] or '').split('/')[0].upper())}"


def _word_lost(chance: Random, core: str, _: Company) -> str:
    words = core.split()
    if len(words) > 2:
        del words[chance.randrange(1, len(words))]
    return " ".join(words)


def _glued(chance: Random, core: str, _: Company) -> str:
    words = core.split()
    if len(words) == 1:
        return f"{core[: len(core) // 2]} {core[len(core) // 2 :]}" if len(core) > 6 else core
    at = chance.randrange(len(words) - 1)
    return " ".join([*words[:at], words[at] + words[at + 1], *words[at + 2 :]])


Damage = Callable[[Random, str, Company], str]
DAMAGE: tuple[tuple[float, Damage], ...] = (
    (0.04, _acronymed), (0.35, _abbreviated), (0.05, _word_lost), (0.06, _reordered), (0.04, _glued), (0.18, lambda chance, core, _: typo(chance, core)),
    (0.03, lambda chance, core, _: typo(chance, core)), (0.06, _branch),
)  # fmt: skip


def table(rows: list[Row]) -> pa.Table:
    """Return rows as a table, whose columns are `entity` and FIELDS."""
    names = ("entity", *FIELDS)
    return pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})


def main(out: str, rows: str = "20000", seed: str = "11") -> None:
    """Write register and written rows into one file, `side` 1 and 0."""
    register, left = case(int(rows), int(seed))
    parts: list[Any] = [
        table(each).append_column("side", pa.array([side] * len(each), pa.uint8()))
        for side, each in ((0, left), (1, register))
    ]
    pq.write_table(pa.concat_tables(parts), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:])
