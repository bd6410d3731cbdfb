"""Make the synthetic persons of the demo, for `make_reference.py`: the same communes give the same persons.

A real NIR has an order number from 001 to 999 within its month and commune of birth (its parts:
https://xml.insee.fr/schema/nir.html): those made here all have 000, so none can be a living or dead person's, although
their check digits are right.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

import faker
from stdnum.fr import nir as stdnum_nir

Row = dict[str, Any]

FAKER_VERSION = "40.54.0"
SEED = 80021
PERSONS = 3_000
DRAWS = 2 * PERSONS  # birthplaces: some are drawn again, see make_birth
AS_OF = date(2026, 1, 1)
SOMME, AMIENS = "80", "80021"
# Births in these three are numbered by municipal arrondissement, which communes.parquet does not have.
BORN_BY_ARRONDISSEMENT = {"75056", "69123", "13055"}
OVERSEAS_DEPARTMENTS = {"971", "972", "973", "974"}
# The years when departments of today were made by dividing others.
DIVIDED = {"2A": 1976, "2B": 1976, "78": 1968, "91": 1968, "92": 1968, "93": 1968, "94": 1968, "95": 1968}
# faker has no French name with an apostrophe, a ligature or a particle in lower case.
RARE_NAMES = (
    "N'Diaye", "M'Barek", "O'Connor", "D'Almeida", "L'Hostis", "L'Huillier", "d'Hérouville", "de L'Épine",
    "de La Tour", "du Plessis", "des Essarts", "Le Guénédal", "Saint-Aubin", "Lebœuf", "Vaïsse", "Lançon",
)  # fmt: skip
ABOUT_PERSONS = {
    "title": "SYNTHETIC persons of the Somme: none exists",
    "source": f"synthetic: faker {FAKER_VERSION} fr_FR, seed {SEED}; every NIR has order number 000, which no "
    "real one has",
    "date": AS_OF.isoformat(),
    "licence": "Apache-2.0",
}


def weigh_homes(communes: Sequence[Row]) -> dict[str, int]:
    """Communes of the Somme by population; Amiens counts three times, so about half of all live there."""
    return {
        row["code"]: row["population"] * (3 if row["code"] == AMIENS else 1)
        for row in communes
        if row["department_code"] == SOMME
    }


def weigh_birthplaces(communes: Sequence[Row]) -> dict[str, int]:
    """Communes by population; those of the Somme count a hundred times, so about half of all are born there.

    Left out: births numbered by arrondissement, and what lies overseas beyond departments 971 to 974.
    """
    return {
        row["code"]: row["population"] * (100 if row["department_code"] == SOMME else 1)
        for row in communes
        if row["code"] not in BORN_BY_ARRONDISSEMENT
        and (row["code"] < "97" or row["department_code"] in OVERSEAS_DEPARTMENTS)
    }


def draw(random: Random, weights: Mapping[str, int], count: int) -> Iterator[str]:
    """`count` commune codes, each as likely as its weight."""
    return iter(random.choices(list(weights), list(weights.values()), k=count))


def make_nir(sex: str, born: date, commune: str) -> str:
    """The 15 characters of a NIR with the impossible order number 000 and right check digits."""
    number = f"{1 if sex == 'M' else 2}{born:%y%m}{commune}000"
    return stdnum_nir.validate(number + stdnum_nir.calc_check_digits(number))


def had_this_code(commune: str, year: int) -> bool:
    """Whether a birth of that year was numbered with today's code of its commune, not an older department's."""
    return year >= DIVIDED.get(commune[:2], 0)


def make_birth(random: Random, communes: Iterator[str], taken: set[str]) -> Row:
    """Sex, date and commune of a birth and their NIR, drawn again until the NIR is not `taken`; adds it to `taken`.

    No one is a hundred years old, so that the two digits of the year say which year.
    """
    for commune in communes:
        sex = random.choice("FM")
        born = AS_OF - timedelta(days=1 + int(random.triangular(0, 99, 38) * 365.25))
        if had_this_code(commune, born.year) and (nir := make_nir(sex, born, commune)) not in taken:
            taken.add(nir)
            return {"nir": nir, "sex": sex, "birth_date": born, "birth_commune_code": commune}
    raise SystemExit("Too few birthplaces were drawn: raise DRAWS.")


def make_family_name(fake: faker.Faker) -> str:
    """A family name: most are faker's, some double, some with a particle, some rare."""
    name: str = fake.last_name()
    chance = fake.random.random()
    if chance < 0.04:
        return str(fake.random.choice(RARE_NAMES))
    if chance < 0.07 and " " not in name:
        return f"d'{name}" if name[0] in "AEIOUÉÈÊ" else f"de {name}"
    return f"{name}-{fake.last_name()}" if chance < 0.12 else name


def make_usual_name(fake: faker.Faker, birth: Row, birth_name: str) -> str | None:
    """A name by marriage or of both parents, for about one person in four; None for the others."""
    adult = AS_OF.year - birth["birth_date"].year > 20
    likely = 0.07 if not adult else 0.42 if birth["sex"] == "F" else 0.12
    if fake.random.random() >= likely:
        return None
    other = make_family_name(fake)
    return other if adult and fake.random.random() < 0.8 else f"{birth_name}-{other}"


def make_given_names(fake: faker.Faker, sex: str) -> list[str]:
    """One to three different given names, nearly half of the time just one; some are compound."""
    first_name = fake.first_name_female if sex == "F" else fake.first_name_male
    prefixes = ("Marie", "Anne") if sex == "F" else ("Jean", "Pierre")
    wanted = fake.random.choices((1, 2, 3), weights=(45, 25, 30))[0]
    names: dict[str, None] = {}  # in order, each once
    while len(names) < wanted:
        name, prefix = first_name(), fake.random.choice(prefixes)
        compound = fake.random.random() < 0.08 and prefix != name
        names[f"{prefix}-{name}" if compound else name] = None
    return list(names)


def make_death_date(random: Random, born: date) -> date | None:
    """A day of the last ten years for about three persons in a hundred, the old most; None for the living."""
    if random.random() >= (0.11 if AS_OF.year - born.year >= 60 else 0.006):
        return None
    earliest = max(born, AS_OF.replace(year=AS_OF.year - 10))
    return earliest + timedelta(days=random.randrange((AS_OF - earliest).days))


def make_persons(communes: Sequence[Row]) -> list[Row]:
    """Synthetic persons who live in the Somme, by NIR, out of the rows of communes.parquet.

    Ends the program with one sentence when faker has another version, since its names would be others.
    """
    if faker.VERSION != FAKER_VERSION:
        raise SystemExit(f"faker is {faker.VERSION}. Run: pip install faker=={FAKER_VERSION}")
    fake = faker.Faker("fr_FR")
    fake.seed_instance(SEED)
    births = draw(fake.random, weigh_birthplaces(communes), DRAWS)
    homes = draw(fake.random, weigh_homes(communes), PERSONS)
    postal_codes = {row["code"]: row["postal_codes"] for row in communes}
    taken: set[str] = set()
    rows = []
    for commune in homes:
        birth, name = make_birth(fake.random, births, taken), make_family_name(fake)
        rows.append(
            {
                "nir": birth["nir"],
                "birth_name": name,
                "usual_name": make_usual_name(fake, birth, name),
                "given_names": make_given_names(fake, birth["sex"]),
                "sex": birth["sex"],
                "birth_date": birth["birth_date"],
                "birth_commune_code": birth["birth_commune_code"],
                "death_date": make_death_date(fake.random, birth["birth_date"]),
                "address_line": fake.street_address(),
                "postal_code": fake.random.choice(postal_codes[commune]),
                "commune_code": commune,
            }
        )
    return sorted(rows, key=lambda row: str(row["nir"]))
