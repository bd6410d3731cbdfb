"""What is wrong with a civil identity, field by field, in French: each sentence by its English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "not a valid identity: {wrong:each}": "identité non valable : {wrong}",
    "what came reads as {number:or}": "ce qui est venu se lit comme {number}",
    "{field} is missing: it is {wanted:said}": "{field} manque (attendu : {wanted})",
    "{field} must be {wanted:said}": "{field} doit être {wanted}",
    "{field} has more than {most} characters": "{field} a plus de {most} caractères",
    "it is written as a JSON object with the fields {fields:list}": "elle s'écrit comme un objet JSON avec les champs {fields}",
    "a field stands in it twice": "un champ y figure deux fois",
    "there is a field that this lookup does not ask for: it takes {fields:list}":
        "il y a un champ que cette consultation ne demande pas : elle prend {fields}",
    "there are {count} fields that this lookup does not ask for: it takes {fields:list}":
        "il y a {count} champs que cette consultation ne demande pas : elle prend {fields}",
    "a name of letters, blanks, hyphens, apostrophes and points": "un nom en lettres, espaces, traits d'union, apostrophes et points",
    "names of letters, blanks, hyphens, apostrophes and points: a text, or a list of texts":
        "des prénoms en lettres, espaces, traits d'union, apostrophes et points : un texte, ou une liste de textes",
    "a date that exists, written YYYY-MM-DD": "une date qui existe, écrite AAAA-MM-JJ",
    "a date that exists, written YYYY-MM-DD, with 00 for a day or a month and day that nobody knows":
        "une date qui existe, écrite AAAA-MM-JJ, avec 00 pour un jour, ou un mois et un jour, que personne ne connaît",
    "the INSEE code of a commune (75056, 2A004) or of a country (99109), five characters (a postal code is another number)":
        "le code INSEE d'une commune (75056, 2A004) ou d'un pays (99109), cinq caractères (un code postal est un autre numéro)",
    "F or M": "F ou M",
    "a text without control characters": "un texte sans caractères de commande",
    "{registry} has several records of what was asked": "{registry} a plusieurs enregistrements de ce qui est demandé",
}  # fmt: skip
