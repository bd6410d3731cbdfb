"""Sentences about datasets, their rows and versions, in French: each by its English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "there is no dataset «{name:any}»{end:said}": "il n'y a pas de jeu de données «{name}»{end}",
    "the dataset {name} has no version yet: `beffroi run {name}` makes one":
        "le jeu de données {name} n'a pas encore de version : `beffroi run {name}` en fait une",
    "there is no version {number} of {dataset} to read: it is no longer kept, was made under another declaration, or never"
    " was; /datasets/{dataset}/versions tells which can be read":
        "il n'y a pas de version {number} de {dataset} à lire : elle n'est plus conservée, a été faite sous une autre"
        " déclaration, ou n'a jamais été ; /datasets/{dataset}/versions dit lesquelles se lisent",
    "version {number} of {dataset} has no {names:list}, or not of today's type: leave it out":
        "la version {number} de {dataset} n'a pas {names}, ou pas du type d'aujourd'hui : retirez-le",
    "version {number} of {dataset} has no row with that key": "la version {number} de {dataset} n'a pas de ligne de cette clé",
    "version {number} of {dataset} has no row with that key; it is {columns:list}, a comma between the values":
        "la version {number} de {dataset} n'a pas de ligne de cette clé, qui est {columns}, une virgule entre les valeurs",
    "{refusal:said}; no open dataset is called «{name:any}»{end:said}":
        "{refusal} ; aucun jeu de données ouvert ne s'appelle «{name}»{end}",
    "version {number} of {dataset} is its first: there is none before to compare with":
        "la version {number} de {dataset} est la première : il n'y en a pas d'avant à comparer",
    "{names:list}: personal data never stand in a URL: POST /datasets/{dataset}/rows with the same parameters in a JSON"
    " object, like {example:any}":
        "{names} : une donnée personnelle ne figure jamais dans une adresse : POST /datasets/{dataset}/rows avec les mêmes"
        " paramètres dans un objet JSON, comme {example}",
    "rows of {dataset} are granted to {application} by {columns:list}, which version {number} has not, or not of"
    " today's type: ask for a later one":
        "les lignes de {dataset} sont accordées à {application} par {columns}, que la version {number} n'a pas, ou pas du type"
        " d'aujourd'hui : demandez-en une plus récente",
    "there is no such file; there are {files:list}": "ce fichier n'existe pas ; il y a {files}",
    "{file} holds fields that are not granted: ask for rows, which come without them":
        "{file} contient des champs non autorisés : demandez des lignes, qui viennent sans eux",
    "there is no column «{name:any}»{end:said}": "il n'y a pas de colonne «{name}»{end}",
    "there is no parameter «{name:any}»: columns, limit, cursor, version, format, purpose, or a filter written"
    " column__operator=value{end:said}":
        "il n'y a pas de paramètre «{name}» : columns, limit, cursor, version, format, purpose, ou un filtre écrit"
        " colonne__opérateur=valeur{end}",
    "the column {column} ({type}) has no operator «{operator:any}»{end:said}":
        "la colonne {column} ({type}) n'a pas d'opérateur «{operator}»{end}",
    "a filter says how it compares: {name:any}__exact=… for what is equal":
        "un filtre dit comment il compare : {name}__exact=… pour ce qui est égal",
    "{filter} takes no value": "{filter} ne prend pas de valeur",
    "the column {column} is compared with {wanted:said}": "la colonne {column} se compare avec {wanted}",
    "a text": "un texte",
    "a whole number of 64 bits": "un nombre entier de 64 bits",
    "a number: 12.5": "un nombre : 12.5",
    "true or false": "true ou false",
    "a date: 2026-01-31": "une date : 2026-01-31",
    "a moment: 2026-01-31T12:00:00Z": "un instant : 2026-01-31T12:00:00Z",
    "unknown parameter; allowed: {names:list}": "paramètre inconnu ; possibles : {names}",
    "the body must be a JSON object of texts and numbers, like {example:any}":
        "le corps doit être un objet JSON de textes et de nombres, comme {example}",
    "there is no such format; allowed: {names:list}": "ce format n'existe pas ; possibles : {names}",
    "limit is a whole number from 1 to {most}; {usual} if it is not said":
        "limit est un nombre entier de 1 à {most} ; {usual} s'il n'est pas dit",
    "{name} is the number of a version: 1, 2, 3…; without it the latest is read":
        "{name} est le numéro d'une version : 1, 2, 3… ; sans lui la dernière est lue",
    "that cursor is not one of ours: take it from links.next, or start again without it":
        "ce curseur n'est pas un des nôtres : prenez-le dans links.next, ou recommencez sans lui",
    "that cursor is not one of ours, or of other versions: take it from links.next":
        "ce curseur n'est pas un des nôtres, ou est d'autres versions : prenez-le dans links.next",
    "that cursor reads another version: start again without it": "ce curseur lit une autre version : recommencez sans lui",
    "the version that this cursor reads is no longer kept: start again without it":
        "la version que lit ce curseur n'est plus conservée : recommencez sans lui",
    "many ask for rows at once, and no more may wait for a place":
        "beaucoup demandent des lignes à la fois, et aucune demande de plus ne peut attendre",
    "that took more than {seconds} s: ask for less, or take the whole file":
        "cela a pris plus de {seconds} s : demandez moins, ou prenez le fichier entier",
}  # fmt: skip
