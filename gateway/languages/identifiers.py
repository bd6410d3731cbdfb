"""Sentences about identifiers that are none, in French: each by its English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "say which number it is: {schemes:list}": "dites quel numéro c'est : {schemes}",
    "say which number it is: {schemes:list}; what came reads as {number:or}":
        "dites quel numéro c'est : {schemes} ; ce qui est venu se lit comme {number}",
    "a {record} is not asked for by that scheme; allowed: {schemes:list}":
        "un enregistrement {record} ne se demande pas par ce type d'identifiant ; possibles : {schemes}",
    "a {record} is not asked for by that scheme; allowed: {schemes:list}; what came reads as {number:or}":
        "un enregistrement {record} ne se demande pas par ce type d'identifiant ; possibles : {schemes} ; ce qui est venu se"
        " lit comme {number}",
    "not a valid {scheme}: {why:said}": "{scheme} non valable : {why}",
    "not a valid {scheme}: {why:said}; what came reads as {number:or}":
        "{scheme} non valable : {why} ; ce qui est venu se lit comme {number}",
    "a SIREN": "un SIREN",
    "a SIRET": "un SIRET",
    "a NIR": "un NIR",
    "an LEI": "un LEI",
    "an IBAN": "un IBAN",
    "a VAT number": "un numéro de TVA",
    "an INSEE commune code is five characters, département first: 01001, 2A004, 97411 (a postal code is another number)":
        "un code INSEE de commune a cinq caractères, le département d'abord : 01001, 2A004, 97411 (un code postal est un"
        " autre numéro)",
    "a NIR is 15 digits, the last two being its check digits": "un NIR a 15 chiffres, dont les deux derniers sont sa clé",
    "a NIR begins with 1 or 2, or with 3, 4, 7 or 8 where it is provisional":
        "un NIR commence par 1 ou 2, ou par 3, 4, 7 ou 8 s'il est provisoire",
    "a SIREN is nine digits, the last of which checks the others (of a SIRET, take the first nine)":
        "un SIREN a neuf chiffres, dont le dernier contrôle les autres (d'un SIRET, prenez les neuf premiers)",
    "an LEI is 20 letters and digits, the last two being its check digits":
        "un LEI a 20 lettres et chiffres, dont les deux derniers sont sa clé",
    "a French VAT number is FR, two check digits and the SIREN; a SIREN or a SIRET alone is another number":
        "un numéro de TVA français est FR, une clé de deux chiffres et le SIREN ; un SIREN ou un SIRET seul est un autre numéro",
    "Great Britain has left VIES; a number of Northern Ireland begins with XI":
        "la Grande-Bretagne a quitté VIES ; un numéro d'Irlande du Nord commence par XI",
    "a number of the one-stop shop (EU…, IM…) is not in VIES": "un numéro du guichet unique (EU…, IM…) n'est pas dans VIES",
    "a VAT number begins with the two letters of a country of the Union (Greece is EL, Northern Ireland XI) and goes on as"
    " that country writes it, check digits included":
        "un numéro de TVA commence par les deux lettres d'un pays de l'Union (EL pour la Grèce, XI pour l'Irlande du Nord) et"
        " continue comme ce pays l'écrit, clé comprise",
    "no lookup here takes an identity: write an identifier, as scheme:value":
        "aucune consultation ne prend ici une identité : écrivez un identifiant, sous la forme type:valeur",
    "its form is {form:any}": "sa forme est {form}",
    "its form or its check digits are not those of {check}": "sa forme ou sa clé de contrôle n'est pas celle de {check}",
    "it has more than {most} characters": "il a plus de {most} caractères",
    "it holds half a character": "il contient la moitié d'un caractère",
    "it has a part that is only dots": "il a une partie qui n'est que de points",
}  # fmt: skip
