"""Sentences about questions, one or many, and addresses, in French: each by its English template."""

from collections.abc import Mapping

WRONG: Mapping[str, str] = {
    "Field required": "manque",
    "Field required, or identity, where the lookup takes one": "manque, ou identity, où la consultation en prend une",
    "ask by identifier or by identity, not by both": "demandez par identifier ou par identity, non par les deux",
    "there is an unknown key": "il y a une clé inconnue",
    "Input should be a valid string": "un texte est attendu",
    "Input should be a valid list": "une liste est attendue",
    "Input should be a valid array": "une liste est attendue",
    "Input should be a valid dictionary": "un objet est attendu",
    "Input should be an object": "un objet est attendu",
    "Input should be a valid boolean": "true ou false est attendu",
    "String should have at most {most} characters": "le texte a plus de {most} caractères",
    "String should have at least {least} character": "le texte est vide",
    "List should have at least 1 item after validation, not 0": "la liste est vide",
    "List should have at most {most} items after validation, not {count}": "la liste a plus de {most} éléments",
    "Dictionary should have at least 1 item after validation, not 0": "l'objet est vide",
    "Invalid JSON: {why:any} at line {line} column {column}": "le JSON n'est pas valable, ligne {line}, colonne {column}",
    "a date that exists is expected, written YYYY-MM-DD": "une date qui existe est attendue, écrite AAAA-MM-JJ",
}
"""What a validator says of the values of a body."""

SENTENCES: Mapping[str, str] = {
    # questions
    'the body must be JSON like {{"identifier": "…", "fields": ["…"]}}: {wrong:wrong}':
        'le corps doit être du JSON comme {{"identifier": "…", "fields": ["…"]}} : {wrong}',
    'a row must be JSON like {{"identifier": "…", "fields": ["…"]}}: {wrong:wrong}':
        'une ligne doit être du JSON comme {{"identifier": "…", "fields": ["…"]}} : {wrong}',
    'the body must be JSON like {{"identifier": "nir:…"}}: {wrong:wrong}':
        'le corps doit être du JSON comme {{"identifier": "nir:…"}} : {wrong}',
    'the body must be a JSON list like [{{"lookup": "…", "identifier": "…", "fields": ["…"]}}, …]: {wrong:wrong}':
        'le corps doit être une liste JSON comme [{{"lookup": "…", "identifier": "…", "fields": ["…"]}}, …] : {wrong}',
    "a POST takes nothing in the query: identifier and fields stand in the body, the purpose in Beffroi-Purpose":
        "un POST ne prend rien dans l'adresse : l'identifiant et les champs sont dans le corps, la finalité dans Beffroi-Purpose",
    "a POST of CSV or NDJSON takes fields alone in the query, once, with commas between their names; the purpose stands in"
    " Beffroi-Purpose":
        "un POST de CSV ou de NDJSON ne prend dans l'adresse que fields, une fois, des virgules entre les noms ; la finalité est"
        " dans Beffroi-Purpose",
    "a POST takes nothing in the query: the purpose stands in Beffroi-Purpose":
        "un POST ne prend rien dans l'adresse : la finalité est dans Beffroi-Purpose",
    "a POST takes nothing in the query: all parameters stand in the body":
        "un POST ne prend rien dans l'adresse : tous les paramètres sont dans le corps",
    "the query holds something else than fields, on and purpose, each at most once":
        "l'adresse contient autre chose que fields, on et purpose, chacun une fois au plus",
    "the body is longer than {size} KiB": "le corps dépasse {size} Kio",
    "the body is longer than {size} KiB, and is not many questions":
        "le corps dépasse {size} Kio et n'est pas une suite de questions",
    "the body did not arrive within {seconds} s": "le corps n'est pas arrivé en {seconds} s",
    "ask by POST /lookups/{name}": "demandez par POST /lookups/{name}",
    "ask by POST /lookups/{name} or GET /lookups/{other}/IDENTIFIER":
        "demandez par POST /lookups/{name} ou GET /lookups/{other}/IDENTIFIANT",
    '{name} is personal data, whose identifiers never stand in a URL: POST /lookups/{name} with {{"identifier": "…"}}':
        '{name} est une donnée personnelle, dont l\'identifiant ne figure jamais dans une adresse : POST /lookups/{name} avec'
        ' {{"identifier": "…"}}',
    "ask for fields, or to verify some, not both at once": "demandez des champs, ou d'en vérifier, non les deux à la fois",
    "{name} is verified against {wanted:said}": "{name} se vérifie avec {wanted}",
    "nothing: it is no text, number or date": "rien : ce n'est ni un texte, ni un nombre, ni une date",
    "a date, written YYYY-MM-DD": "une date, écrite AAAA-MM-JJ",
    "a moment, written YYYY-MM-DDThh:mm:ss and its offset, such as +00:00":
        "un instant, écrit AAAA-MM-JJThh:mm:ss et son décalage, comme +00:00",
    "true or false": "true ou false",
    "a number": "un nombre",
    "a text with a letter or a digit in it, of at most {most} characters":
        "un texte avec une lettre ou un chiffre, de {most} caractères au plus",
    "a text or a list of texts, with a letter or a digit in it, of at most {most} characters":
        "un texte ou une liste de textes, avec une lettre ou un chiffre, de {most} caractères au plus",
    "{application} has tried {most} different values of {field} for this identifier today, and guessing is collecting: ask"
    " the person concerned. Another value can be tried tomorrow (UTC)":
        "{application} a essayé aujourd'hui {most} valeurs différentes de {field} pour cet identifiant, et deviner, c'est"
        " collecter : demandez à la personne concernée. Une autre valeur peut être essayée demain (UTC)",
    "{name} knows no history: on is for lookups of communes by {scheme}; leave it out":
        "{name} ne connaît pas d'historique : on est pour les communes demandées par {scheme} ; retirez-le",
    "on is a date from {first} to {last}: of others it is not known what a code meant":
        "on est une date du {first} au {last} : on ignore ce qu'un code désignait à d'autres dates",
    "on: {wrong:said}": "on : {wrong}",
    "nobody who is asked here knows a {record} by {scheme}": "aucun registre interrogé ici ne connaît de {record} par {scheme}",
    "no commune had that code on {day}": "aucune commune n'avait ce code le {day}",
    "no commune had that code on {day}; its land is in {code} today":
        "aucune commune n'avait ce code le {day} ; son territoire est aujourd'hui dans {code}",
    "the commune that had that code on {day} was divided since: no commune of today has all of it":
        "la commune qui avait ce code le {day} a été divisée depuis : aucune commune d'aujourd'hui ne l'a tout entière",
    "an object in that JSON has one name twice, so that each reader may take another value":
        "un objet de ce JSON a deux fois le même nom, si bien que chaque lecteur peut en prendre une autre valeur",
    # many questions
    'many questions in JSON are {{"identifiers": ["…", "…"]}}, or a list of questions such as {{"identifier": "…"}}: the body'
    " must be JSON like that":
        'des questions en JSON s\'écrivent {{"identifiers": ["…", "…"]}}, ou une liste de questions comme'
        ' {{"identifier": "…"}} : le corps doit être un tel JSON',
    "there is no row: nothing came but blank lines": "il n'y a aucune ligne : rien n'est venu que des lignes vides",
    "there are more than {most} rows, or what takes the room of more: send them in several parts":
        "il y a plus de {most} lignes, ou ce qui en prend la place : envoyez-les en plusieurs fois",
    "the first line of the CSV is not in UTF-8: save the file as «CSV UTF-8»":
        "la première ligne du CSV n'est pas en UTF-8 : enregistrez le fichier en «CSV UTF-8»",
    "the first line of CSV names the columns, and exactly one of them «{name}», or in its place the fields of an identity,"
    " such as «{field}»":
        "la première ligne d'un CSV nomme les colonnes, et exactement l'une d'elles «{name}», ou à sa place les champs d'une"
        " identité, comme «{field}»",
    "two columns of the CSV have the same name": "deux colonnes du CSV ont le même nom",
    "line {at} is not in UTF-8": "la ligne {at} n'est pas en UTF-8",
    "a quotation mark of line {at} is out of place, or is never closed":
        "un guillemet de la ligne {at} est mal placé, ou n'est jamais fermé",
    "line {at} has another number of columns ({count}) than the first line ({width})":
        "la ligne {at} n'a pas le même nombre de colonnes ({count}) que la première ligne ({width})",
    "{application} has {count} jobs under way, and may have no more: wait for one, or delete one":
        "{application} a {count} traitements en cours et ne peut en avoir davantage : attendez-en un, ou supprimez-en un",
    "there is no job of yours with that ID: it never was, was deleted, or its day is over":
        "vous n'avez pas de traitement de ce numéro : il n'a jamais été, a été supprimé, ou son jour est passé",
    "something went wrong that was not foreseen: the gateway's log says where":
        "quelque chose d'imprévu s'est produit : le journal technique de la passerelle dit où",
    "Something went wrong that was not foreseen. Nothing of what you asked is kept in the log.":
        "Quelque chose d'imprévu s'est produit. Rien de votre demande n'est gardé dans le journal technique.",
    # addresses, and the journal
    "there is nothing at this address; / and /docs tell what there is":
        "il n'y a rien à cette adresse ; / et /docs disent ce qu'il y a",
    "this address takes {methods:list}": "cette adresse prend {methods}",
    "there is no lookup «{name:any}»{end:said}": "il n'y a pas de consultation «{name}»{end}",
    "write the identifier as scheme:value, or dataset:NAME:KEY{end:said}":
        "écrivez l'identifiant sous la forme type:valeur, ou dataset:NOM:CLÉ{end}",
    "write a row as dataset:NAME:KEY, by the name of a dataset and the row's key":
        "écrivez une ligne sous la forme dataset:NOM:CLÉ, par le nom d'un jeu de données et la clé de la ligne",
}  # fmt: skip
