"""What registers do to what is true: the rates of it, with the reason of each, and what is done to a text.

Frozen: rates and functions are as they were written before anything was linked by them, and stay.
"""

import random
import unicodedata
from collections.abc import Sequence

from benchmarks.linking.locales import Locale

RATES: dict[str, float] = {
    "family_typo": 0.025,  # hand-keyed names: one to three in a hundred differ from the civil act
    "given_typo": 0.020,
    "address_typo": 0.030,  # longer, and nobody proves it by a paper
    "commune_typo": 0.008,  # mostly chosen from a list
    "accents": 0.060,  # left out by hand; registers in capitals leave all out, see SOURCES
    "truncated": 0.004,  # fields of fifteen or twenty places of older software
    "nickname": 0.020,  # on forms that people fill in themselves
    "other_language": 0.060,  # Basque or Castilian form of a name or a street, where there are two
    "swapped_names": 0.006,  # family name in the given name's place: two blanks on one form
    "hyphen": 0.040,  # Jean-Pierre as Jean Pierre or Jeanpierre; particle glued, split off or left out
    "surname_lost": 0.060,  # of two surnames one left out, mostly by forms of another country
    "date_swapped": 0.006,  # day and month, where both can be
    "date_digit": 0.012,  # a digit of the day, the month or the year
    "date_january": 0.008,  # 1 January of the year: the day was not known
    "date_missing": 0.020,
    "sex_wrong": 0.003,
    "sex_missing": 0.010,
    "given_missing": 0.002,
    "given_initial": 0.006,  # the first letter alone
    "address_missing": 0.035,
    "address_short": 0.120,  # Bd for boulevard, and so on; flat and building left out in half of it
    "number_wrong": 0.010,
    "postal_missing": 0.020,
    "postal_wrong": 0.010,
    "commune_missing": 0.010,
    "birth_place_missing": 0.050,
    "birth_place_other": 0.010,  # the town of the hospital, or of the parents
    "before": 0.450,  # of who moved: the register still has where he or she lived before
}
"""Of every 100 records of a register of ordinary care, how many are so, over 100; a source's care multiplies them."""

SOURCES: dict[str, dict[str, float]] = {
    # the town's own register, kept from civil acts: the care of two pairs of eyes
    "residents": {"share": 0.34, "care": 0.5, "capitals": 0, "all_given": 1, "birth_place": 1, "sex": 1, "use": 0.02, "script": 0},
    # taxes: capitals without accents, as its files have had since punched cards
    "taxes": {"share": 0.24, "care": 0.8, "capitals": 1, "all_given": 0.7, "birth_place": 1, "sex": 1, "use": 0.15, "script": 0},
    # schools and sports: forms of families, typed by a clerk
    "schools": {"share": 0.16, "care": 1.0, "capitals": 0, "all_given": 0.1, "birth_place": 0.7, "sex": 1, "use": 0.10, "script": 1},
    # the library: people type it themselves
    "library": {"share": 0.14, "care": 1.6, "capitals": 0, "all_given": 0, "birth_place": 0, "sex": 0, "use": 0.25, "script": 2},
    # social aid: paper files, scanned
    "social": {"share": 0.12, "care": 1.6, "capitals": 0.5, "all_given": 0.3, "birth_place": 0.8, "sex": 1, "use": 0.10, "script": 0},
}  # fmt: skip
"""Registers: which share of all records, how much more than ordinary goes wrong, and what each of them records at all:
`use` is how often a married name, `script` which romanisation (0 the country's own letters)."""

OF_ONE = (0.62, 0.24, 0.09, 0.04, 0.01)
"""How many records a person has: one, two, three, four, five."""

NEAR = {
    key: near
    for row in ("azertyuiop", "qsdfghjklm", "wxcvbn", "qwertyuiop", "asdfghjklñ", "zxcvbnm")
    for place, key in enumerate(row)
    for near in [row[max(0, place - 1) : place] + row[place + 1 : place + 2]]
}
"""Of a key those beside it, on the keyboards of France and of Spain."""

SCANNED = (("m", "rn"), ("rn", "m"), ("l", "i"), ("i", "l"), ("o", "0"), ("e", "c"), ("cl", "d"), ("u", "n"), ("n", "u"), ("h", "b"), ("é", "e"), ("t", "f"), ("v", "y"), ("ი", "o"), ("ვ", "კ"), ("ნ", "წ"))  # fmt: skip
"""What a scanner takes for what."""


def typo(chance: random.Random, text: str, of: Locale, *, scanned: bool = False) -> str:  # noqa: PLR0911 (a way a line)
    """Return a text with one slip in it: of hand, of ear, or of a scanner. A single character stays."""
    if len(text) < 2:
        return text
    way = chance.random()
    if scanned and way < 0.6 and (found := _replaced(chance, text, SCANNED)) != text:
        return found
    if way < 0.25 and (found := _replaced(chance, text, of.phonetic)) != text:
        return found
    at = chance.randrange(len(text))
    if way < 0.45:
        return text[:at] + text[at + 1 :]
    if way < 0.6 and at:
        return text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
    if way < 0.75:
        return text[:at] + text[at] + text[at:]
    letter = text[at].lower()
    wrong = chance.choice(NEAR.get(letter, "ანისედ" if "ა" <= letter <= "ჰ" else "aeinrst"))
    return text[:at] + (wrong.upper() if text[at].isupper() else wrong) + text[at + 1 :]


def _replaced(chance: random.Random, text: str, pairs: Sequence[tuple[str, str]]) -> str:
    folded = text.lower()
    met = [(old, new) for old, new in pairs if old in folded]
    if not met:
        return text
    old, new = chance.choice(met)
    at = folded.index(old)
    made = new.capitalize() if text[at].isupper() else new
    made = text[:at] + made + text[at + len(old) :]
    return made[:1].upper() + made[1:] if text[:1].isupper() else made


def capitals(text: str) -> str:
    """Return a text in capitals without accents. Georgian letters stay: registers have used their capitals never."""
    return "".join(each if "ა" <= each <= "ჰ" else each.upper() for each in plain(text))


def plain(text: str) -> str:
    """Return a text without accents: `Cœur` Coeur, `Núñez` Nunez."""
    split = unicodedata.normalize(
        "NFKD", text.replace("œ", "oe").replace("Œ", "Oe").replace("æ", "ae").replace("ß", "ss")
    )
    return unicodedata.normalize("NFC", "".join(each for each in split if not unicodedata.combining(each)))


def romanised(text: str, letters: dict[str, str]) -> str:
    """Return a text in Latin letters, each word with a capital."""
    made = "".join(letters.get(each, each) for each in text)
    return " ".join(word[:1].upper() + word[1:] for word in made.split(" "))


def nickname(text: str, of: Locale) -> str:
    """Return the first given name as friends say it, or all of it (José Luis: Joselu); the same where there is none."""
    head = text.split(" ", maxsplit=1)[0]
    return of.nicknames.get(text) or of.nicknames.get(head) or text


def other_language(text: str, of: Locale) -> str:
    """Return given names in the other language of the country."""
    return of.both.get(text) or " ".join(of.both.get(word, word) for word in text.split(" "))


def castilian(text: str, of: Locale) -> str:
    """Return surnames as registers in Castilian spell them: `Etxeberria` Echeberría."""
    for old, new in of.castilian:
        text = text.replace(old, new).replace(old.capitalize(), new.capitalize())
    return text


def hyphen(chance: random.Random, text: str) -> str:
    """Return a compound name otherwise: hyphen as blank or nothing, particle glued or left out; the same if it is none."""
    if "-" in text:
        return text.replace("-", chance.choice((" ", " ", "")), 1)
    head, _, rest = text.partition(" ")
    if rest and head in {"Le", "La", "De", "Du", "Da", "Dos", "Del", "El", "Van", "San"}:
        return chance.choice((head + rest.replace(" ", ""), rest, head + rest.lower().replace(" ", "")))
    if rest and head in {"Jean", "Marie", "Anne", "María", "José", "Juan", "Ana", "Miren"}:
        return text.replace(" ", "-", 1)
    if "'" in text:
        return text.replace("'", chance.choice((" ", "")), 1)
    return text


def lost(chance: random.Random, text: str) -> str:
    """Return one of two surnames, mostly the first; with its particles, as far as those can be told."""
    parts = text.split(" ")
    if len(parts) < 2:
        return text
    cut = 1
    while cut < len(parts) - 1 and (
        parts[cut - 1] in {"De", "Del", "San", "Da", "El", "Dos", "de", "la", "los"} or parts[cut] == "de"
    ):
        cut += 1
    return " ".join(parts[:cut]) if chance.random() < 0.8 else " ".join(parts[cut:])


def shorter(chance: random.Random, address: str, of: Locale) -> str:
    """Return an address as people shorten it: street types and titles abbreviated, in half of them flat and stair left out."""
    if chance.random() < 0.5:
        parts = address.split(", ")
        address = parts[0] if of.code in {"fr", "ka"} else ", ".join(parts[:2])
    for long, short in of.shorter.items():
        if long in address:
            address = address.replace(long, chance.choice(short))
    return address


def in_castilian(address: str, of: Locale) -> str:
    """Return `Urbieta kalea, 5` as `Calle Urbieta, 5`."""
    street, comma, rest = address.partition(",")
    name, _, way = street.rpartition(" ")
    return f"{of.castilian_ways[way]} {name}{comma}{rest}" if way in of.castilian_ways else address


def digit(chance: random.Random, text: str) -> str:
    """Return a text with one digit of it changed, or two that stand together swapped; the same where it has none."""
    places = [at for at, each in enumerate(text) if each.isdigit()]
    if not places:
        return text
    at = chance.choice(places)
    if chance.random() < 0.4 and at + 1 in places:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text[:at] + str((int(text[at]) + chance.choice((1, 9, 5))) % 10) + text[at + 1 :]
