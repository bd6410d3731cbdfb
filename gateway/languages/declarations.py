"""What is wrong with a declaration, in French: each sentence by its English template, without the `file:line:` before it.

These are the sentences on its form and on names in it. What only one kind of registry says of its own keys is English.
"""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    # keys and values
    "unknown key «{key:any}»{end:said}": "clé inconnue «{key}»{end}",
    "the key «{key:any}» is missing{end:said}": "il manque la clé «{key}»{end}",
    "kind «{kind:any}» is unknown{end:said}": "kind «{kind}» est inconnu{end}",
    "expected keys and values here": "des clés et des valeurs sont attendues ici",
    "expected the keys title, registries, organisations, …": "les clés title, registries, organisations, … sont attendues",
    "expected {wanted:or} for «{name:any}»": "attendu pour «{name}» : {wanted}",
    "expected {wanted:or} or text for «{name:any}»": "attendu pour «{name}» : {wanted} ou un texte",
    "expected {values:list} or {last} for «{name:any}»": "attendu pour «{name}» : {values} ou {last}",
    "expected {value} for «{name:any}»": "attendu pour «{name}» : {value}",
    "expected text for «{name:any}»": "attendu pour «{name}» : un texte",
    "true or false": "true ou false",
    "a whole number": "un nombre entier",
    "a number": "un nombre",
    "a date such as 2026-12-31": "une date comme 2026-12-31",
    "a list": "une liste",
    "keys and values": "des clés et des valeurs",
    "expected a text that is not empty for «{name:any}»": "attendu pour «{name}» : un texte qui n'est pas vide",
    "expected at least {least} here for «{name:any}»": "attendu ici pour «{name}» : au moins {least}",
    "expected a number above {bound} for «{name:any}»": "attendu pour «{name}» : un nombre supérieur à {bound}",
    "expected a number of at least {bound} for «{name:any}»": "attendu pour «{name}» : un nombre d'au moins {bound}",
    "expected a number below {bound} for «{name:any}»": "attendu pour «{name}» : un nombre inférieur à {bound}",
    "expected a number of at most {bound} for «{name:any}»": "attendu pour «{name}» : un nombre d'au plus {bound}",
    "«{name:any}» is no name: small letters a to z, digits and _, a letter first":
        "«{name}» n'est pas un nom : des lettres minuscules de a à z, des chiffres et _, une lettre d'abord",
    "«{name:any}» is no name: small letters a to z, digits, - and _, a letter first":
        "«{name}» n'est pas un nom : des lettres minuscules de a à z, des chiffres, - et _, une lettre d'abord",
    "«{name:any}» is no name: letters a to z and A to Z, digits and _, a letter first":
        "«{name}» n'est pas un nom : des lettres de a à z et de A à Z, des chiffres et _, une lettre d'abord",
    "«{name:any}» is no name: letters a to z and A to Z, digits, - and _, a letter first":
        "«{name}» n'est pas un nom : des lettres de a à z et de A à Z, des chiffres, - et _, une lettre d'abord",
    # YAML
    "is not UTF-8: save the file in that encoding": "n'est pas en UTF-8 : enregistrez le fichier dans cet encodage",
    "not valid YAML: {why:any}": "n'est pas du YAML valable : {why}",
    "anchors and aliases (& and *) are not used here: write the value itself":
        "les ancres et les alias (& et *) ne servent pas ici : écrivez la valeur elle-même",
    "a key must be plain text": "une clé doit être un simple texte",
    "write the key {key:any} in quotes: keys are text": "écrivez la clé {key} entre guillemets : les clés sont des textes",
    "the key «{key:any}» stands here a second time": "la clé «{key}» est ici pour la seconde fois",
    "write '{text:any}' in quotes: with a leading zero it is a code, not a number":
        "écrivez '{text}' entre guillemets : avec un zéro en tête c'est un code, pas un nombre",
    "«{text:any}» is not used here: write it in quotes, or as a plain number":
        "«{text}» ne sert pas ici : écrivez-le entre guillemets, ou comme un simple nombre",
    # files
    "name it {name}": "nommez-le {name}",
    "{name} stands in beffroi.yaml too: keep one": "{name} est dans beffroi.yaml aussi : gardez-en un",
    "take name: out, the file's own name is the dataset's": "retirez name: : le nom du fichier est celui du jeu de données",
    "{path}: no such file in this workspace; a path begins at its folder":
        "{path} : il n'y a pas ce fichier dans cet espace de travail ; un chemin commence à son dossier",
    # names of what is declared elsewhere
    "no registry «{name:any}»{end:said}": "il n'y a pas de registre «{name}»{end}",
    "no organisation «{name:any}»{end:said}": "il n'y a pas d'organisation «{name}»{end}",
    "no purpose «{name:any}»{end:said}": "il n'y a pas de finalité «{name}»{end}",
    "no lookup «{name:any}»{end:said}": "il n'y a pas de consultation «{name}»{end}",
    "no dataset «{name:any}»{end:said}": "il n'y a pas de jeu de données «{name}»{end}",
    "no field «{name:any}»{end:said}": "il n'y a pas de champ «{name}»{end}",
    "no application «{name:any}»{end:said}": "il n'y a pas d'application «{name}»{end}",
    "record {name} is unknown{end:said}": "record {name} est inconnu{end}",
    # a dataset against itself
    "say either record: or schema:, and not both": "dites record: ou schema:, et pas les deux",
    "say either source: or sources:, and not both": "dites source: ou sources:, et pas les deux",
    "the key «source» is missing: say where the rows come from, by source: or sources:":
        "il manque la clé «source» : dites d'où viennent les lignes, par source: ou sources:",
    "an open dataset needs a licence:": "un jeu de données ouvert a besoin de licence:",
    "audience: open is refused, these columns are personal data: {columns:list}":
        "audience: open est refusé, ces colonnes sont des données personnelles : {columns}",
    "{key} names «{name:any}», which is no column{end:said}": "{key} nomme «{name}», qui n'est pas une colonne{end}",
    "the foreign key names «{name:any}», which is no column{end:said}":
        "la clé étrangère nomme «{name}», qui n'est pas une colonne{end}",
    "two fields of the schema are called «{name:any}»": "deux champs du schéma s'appellent «{name}»",
    "say which columns identify a row: the schema has no primaryKey, and there is no key:":
        "dites quelles colonnes identifient une ligne : le schéma n'a pas de primaryKey, et il n'y a pas de key:",
    # its links
    "the recipe {recipe} has no field «{field:any}»{end:said}": "la recette {recipe} n'a pas de champ «{field}»{end}",
    "no column has a field of the recipe {recipe}: say fields: {{FIELD: COLUMN}}":
        "aucune colonne n'a de champ de la recette {recipe} : dites fields: {{FIELD: COLUMN}}",
    "the key is filled in by linking: say identity:, the columns that identify a record within its source":
        "la clé est remplie par le rapprochement : dites identity:, les colonnes qui identifient un enregistrement dans sa source",
    "review {review} is above link {link}: no pair could be left to a person":
        "review {review} est au-dessus de link {link} : aucune paire ne pourrait être laissée à une personne",
    "blocks names «{name:any}», no field that the rows have{end:said}":
        "blocks nomme «{name}», qui n'est pas un champ des lignes{end}",
}  # fmt: skip
