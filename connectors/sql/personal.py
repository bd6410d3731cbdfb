"""Columns that look personal by their name or comment, in French, Spanish and English: a hint for people, no proof."""

import re
import unicodedata
from collections.abc import Mapping
from itertools import pairwise

_SIGNS = {
    "a person's name": "prenom prenoms patronyme apellido apellidos surname firstname lastname forename conjoint"
    " nomusage nomnaissance nomjeunefille nommarital",
    "a birth": "naissance nais nele neele ddn nacimiento nac birth birthdate dob born",
    "a death": "deces fallecimiento death deceased",
    "an address": "adresse rue voie domicile domicilio direccion calle address street residence",
    "a telephone number": "telephone tel telefono movil portable mobile phone fax gsm",
    "an e-mail address": "email mail courriel mel correo",
    "a number of a person": "nir numsecu securite secu numinsee numeroinsee noinsee dni nif nie passeport pasaporte passport ssn matricule",
    "money of a person": "iban rib bic compte cuenta salaire salario salary revenu revenus ingresos income quotient",
    "sex or title": "sexe sexo sex gender genre civilite",
    "origin or belief": "nationalite nacionalidad nationality religion ethnie",
    "health": "sante salud health handicap discapacidad allergie allergies medecin vaccin",
    "a family": "enfant enfants hijo hijos children mere pere madre padre tuteur situationfamiliale",
    "a person's image or mark": "photo foto signature firma empreinte",
    "a person's computer": "ip ipaddress adresseip login password motdepasse mdp contrasena",
}
"""By what is told: words, without accents; a word of several is the words of a name after each other."""
_WEAK = {"nom", "nombre", "name", "noms", "usager", "habitant", "personne", "persona", "person"}
"""Words that are a person's only beside others: an association has a name too."""

_BY_WORD = {word: about for about, words in _SIGNS.items() for word in words.split()}


def looks_personal(columns: Mapping[str, str]) -> dict[str, str]:
    """Return the columns that look personal, each with the evidence; `columns` are names with their comments."""
    found, weak = dict[str, str](), dict[str, str]()
    for name, comment in columns.items():
        for place, text in (("name", name), ("comment", comment)):
            words = _words(text)
            joined = [*words, *(first + second for first, second in pairwise(words))]
            if sign := next((word for word in joined if word in _BY_WORD), None):
                found.setdefault(name, f"its {place} says «{sign}»: {_BY_WORD[sign]}")
            elif place == "name" and (signs := [word for word in dict.fromkeys(words) if word in _WEAK]):
                weak[name] = f"its name says «{signs[0]}», beside columns that look personal"
                if signs[1:]:
                    found.setdefault(name, f"its name says «{' '.join(signs)}»: a person's name")
    return found | {name: why for name, why in weak.items() if found and name not in found}


def _words(text: str) -> list[str]:
    """Return the words of a name: `dateNaissance_2` is date, naissance."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    plain = unicodedata.normalize("NFKD", parted).encode("ascii", "ignore").decode().lower()
    return re.findall(r"[a-z]+", plain)
