"""Sentences on drafts of registries, tables and schemas, and on what was found in a source, in French: by English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    # which files are written, and which are not
    "there is no registry «{name:any}»{end:said}": "il n'y a pas de registre «{name}»{end}",
    "a registry's name is small letters a to z, digits, - and _, a letter first":
        "le nom d'un registre est fait de minuscules de a à z, de chiffres, de - et de _, une lettre d'abord",
    "the name of a schema or a dataset is small letters a to z, digits, - and _, a letter first":
        "le nom d'un schéma ou d'un jeu de données est fait de minuscules de a à z, de chiffres, de - et de _, une lettre d'abord",
    "{name} is no database: `beffroi check --online` asks every other registry":
        "{name} n'est pas une base de données : `beffroi check --online` interroge tous les autres registres",
    "there is a registry {name} already: take another --name, or --force to renew its WSDL":
        "il y a déjà un registre {name} : prenez un autre --name, ou --force pour renouveler son WSDL",
    "there is a registry {name} already: take another --name, or say by --dataset and --lookup what to write for it":
        "il y a déjà un registre {name} : prenez un autre --name, ou dites par --dataset et --lookup ce qu'il faut écrire pour"
        " lui",
    "the registry {name} is of kind {there}, not {kind}: take another --name":
        "le registre {name} est de genre {there}, non {kind} : prenez un autre --name",
    "say --owner, an organisation of the workspace{end:said}": "dites --owner, une organisation de l'espace de travail{end}",
    "{path:any} is there already: take it away, or leave it out": "{path} est déjà là : retirez-le, ou n'en demandez pas",
    "nothing is written, since {path} and the like cannot be: {why:any}":
        "rien n'est écrit, car {path} et les autres ne peuvent pas l'être : {why}",
    "there is no beffroi.yaml in {root:any}: `beffroi init DIR` makes a workspace":
        "il n'y a pas de beffroi.yaml dans {root} : `beffroi init DIR` crée un espace de travail",
    "{path:any} is there already: nothing was written": "{path} est déjà là : rien n'a été écrit",
    "registries/{name}.yaml stays as it is.": "registries/{name}.yaml reste tel quel.",
    "there is no table «{table:any}» in it{end:said}": "il n'y a pas de table «{table}» dedans{end}",
    "registries/{name}.yaml has no table {table}: add it there first, as --show without --dataset prints it":
        "registries/{name}.yaml n'a pas de table {table} : ajoutez-l'y d'abord, comme --show l'affiche sans --dataset",
    "datasets/{table}.yaml: fill in what only you know: {names:list}":
        "datasets/{table}.yaml : remplissez ce que vous seul savez : {names}",
    "datasets/{table}.yaml refers to {names:list}: write that too (--dataset {one})":
        "datasets/{table}.yaml se réfère à {names} : écrivez-le aussi (--dataset {one})",
    "datasets/{table}.yaml is not written: {reason:said}": "datasets/{table}.yaml n'est pas écrit : {reason}",
    "lookups/{lookup}.yaml is not written: {reason:said}": "lookups/{lookup}.yaml n'est pas écrit : {reason}",
    "only you know {names:list}: --dataset {table} writes it to be filled in":
        "vous seul savez {names} : --dataset {table} l'écrit, à remplir",
    "it is there already": "il est déjà là",
    "the registry has no such table: add it there first": "le registre n'a pas cette table : ajoutez-l'y d'abord",
    "it refers to {other}, which is not written": "il se réfère à {other}, qui n'est pas écrit",
    "there is no lookup in it: no table has a key of one column, no operation asks for one record":
        "il n'y a pas de consultation dedans : aucune table n'a de clé d'une seule colonne, aucune opération ne demande un seul"
        " enregistrement",
    "there is no lookup «{lookup:any}» in it{end:said}": "il n'y a pas de consultation «{lookup}» dedans{end}",
    "it answers rows of the dataset {dataset}: say --dataset {dataset} too":
        "elle répond par des lignes du jeu de données {dataset} : dites aussi --dataset {dataset}",
    "registries/{name}.yaml has no lookup: take the drafted one on there first, as --show prints it":
        "registries/{name}.yaml n'a pas de lookup: : prenez-y d'abord celui qui est ébauché, comme --show l'affiche",
    "a parameter is written PARAM=VALUE; what is nested goes by --parameters":
        "un paramètre s'écrit PARAM=VALUE ; ce qui est imbriqué passe par --parameters",
    '--{option} must be a JSON object: {{"name": value}}': '--{option} doit être un objet JSON : {{"nom": valeur}}',
    "{name} is not of kind soap: it has no operations to show or to call; `beffroi lookup` and `beffroi run` ask it, `beffroi"
    " check --online` tells whether it is there":
        "{name} n'est pas de genre soap : il n'a pas d'opérations à montrer ni à appeler ; `beffroi lookup` et `beffroi run`"
        " l'interrogent, `beffroi check --online` dit s'il est là",
    "wsdl/{name} is there already, and no registry {name}: take it away, or another name":
        "wsdl/{name} est déjà là, sans registre {name} : retirez-le, ou prenez un autre nom",
    "the WSDL has no port {port}; it has: {ports:list}": "le WSDL n'a pas de port {port} ; il a : {ports}",
    "{name} is said twice, and is no list": "{name} est dit deux fois, et n'est pas une liste",
    "{name}: bytes as base64 are expected": "{name} : des octets en base64 sont attendus",
    # a source that cannot be drafted
    "a password is not written into a declaration: give the variable that has it, as ${{NAME}}":
        "un mot de passe ne s'écrit pas dans une déclaration : donnez la variable qui le contient, comme ${{NAME}}",
    "a password stands in the address: name the variable that has it: --password-variable":
        "un mot de passe figure dans l'adresse : nommez la variable qui le contient : --password-variable",
    "name the file: the list of a web server cannot be read":
        "nommez le fichier : la liste d'un serveur web ne se lit pas",
    "{registry}: the name {file:any} does not tell its format": "{registry} : le nom {file} ne dit pas son format",
    "the password is read from the variable {name} of the environment, which is not set: export it, or name another by"
    " --password-variable":
        "le mot de passe est lu dans la variable d'environnement {name}, qui n'est pas donnée : exportez-la, ou nommez-en une"
        " autre par --password-variable",
    "not an address: expected such as postgresql://USER@HOST:5432/DATABASE":
        "ce n'est pas une adresse : il en faut une comme postgresql://USER@HOST:5432/DATABASE",
    "no table {table}; the database has: {tables:any}": "pas de table {table} ; la base de données a : {tables}",
    "it is no OpenAPI document: it says neither openapi: 3.0, openapi: 3.1 nor swagger: 2.0, with paths:":
        "ce n'est pas un document OpenAPI : il ne dit ni openapi: 3.0, ni openapi: 3.1, ni swagger: 2.0, avec paths:",
    "the document is neither JSON nor YAML, or nested too deeply":
        "le document n'est ni du JSON ni du YAML, ou est imbriqué trop profondément",
    "the document is neither JSON nor YAML, line {line}, or nested too deeply":
        "le document n'est ni du JSON ni du YAML (ligne {line}), ou est imbriqué trop profondément",
    "there is no document at that address: it answers HTTP {status}":
        "il n'y a pas de document à cette adresse : elle répond HTTP {status}",
    "the document is nested too deeply": "le document est imbriqué trop profondément",
    "{source:any} cannot be read: {why:any}": "{source} ne se lit pas : {why}",
    "{source:any} cannot be written: {why:any}": "{source} ne peut pas être écrit : {why}",
    "{source:any} is no regular file": "{source} n'est pas un fichier ordinaire",
    "an address on {host} holds a user name or a password: save the file, and add that":
        "une adresse chez {host} contient un nom d'utilisateur ou un mot de passe : enregistrez le fichier, et ajoutez celui-ci",
    "the address is none: its host or its port cannot be read":
        "l'adresse n'en est pas une : son hôte ou son port ne se lit pas",
    "an address is not one: its host or its port cannot be read":
        "une adresse n'en est pas une : son hôte ou son port ne se lit pas",
    "{source:any} redirects to {there:any}, which is not followed: give that address, where you trust it":
        "{source} renvoie à {there}, ce qui n'est pas suivi : donnez cette adresse, si vous lui faites confiance",
    "{source:any} redirects to {there:any}, which is not followed: give that address":
        "{source} renvoie à {there}, ce qui n'est pas suivi : donnez cette adresse",
    "the file {source:any} does not exist": "le fichier {source} n'existe pas",
    "{source:any} leads to more than {most} documents, and none was kept":
        "{source} mène à plus de {most} documents, et aucun n'a été gardé",
    "{source:any} leads to more than {most} MiB, and none was kept":
        "{source} mène à plus de {most} Mio, et rien n'a été gardé",
    "{source:any} is neither a WSDL 1.1 nor a schema, but {tag}": "{source} n'est ni un WSDL 1.1 ni un schéma, mais {tag}",
    "{source:any} is neither a file beside the WSDL nor an http address":
        "{source} n'est ni un fichier à côté du WSDL ni une adresse http",
    "{source:any} is on the host {host}: where you trust it, repeat with --allow-host {host}":
        "{source} est chez l'hôte {host} : si vous lui faites confiance, recommencez avec --allow-host {host}",
    # what was found in files
    "{rows} rows of {columns} columns from {file:any}": "{rows} lignes de {columns} colonnes, dans {file}",
    "{rows} rows of {columns} column from {file:any}": "{rows} lignes de {columns} colonne, dans {file}",
    "{rows} row of {columns} columns from {file:any}": "{rows} ligne de {columns} colonnes, dans {file}",
    "{rows} row of {columns} column from {file:any}": "{rows} ligne de {columns} colonne, dans {file}",
    "cannot be read as it is: {trouble:any}": "ne se lit pas tel quel : {trouble}",
    "{rows} rows cannot be taken as they came: quarantine will have them":
        "{rows} lignes ne peuvent pas être prises telles qu'elles sont venues : elles iront en quarantaine",
    "{rows} row cannot be taken as it came: quarantine will have it":
        "{rows} ligne ne peut pas être prise telle qu'elle est venue : elle ira en quarantaine",
    "not read, since Beffroi reads no such format: {files:any}; save workbooks as .xlsx or .ods":
        "non lus, car Beffroi ne lit pas ce format : {files} ; enregistrez les classeurs en .xlsx ou .ods",
    "not looked at, beyond the first {most} files: {files:any}": "non examinés, au-delà des {most} premiers fichiers : {files}",
    "folders below are not looked into: {folders:any}; draft each by itself ({line:any}), or name their files under file: as"
    " {file:any}":
        "les dossiers en dessous ne sont pas examinés : {folders} ; ébauchez chacun à part ({line}), ou nommez leurs fichiers"
        " sous file: comme {file}",
    "there is no file or folder {source:any}": "il n'y a ni fichier ni dossier {source}",
    "the folder {source:any} has no file of a format that Beffroi reads":
        "le dossier {source} n'a aucun fichier d'un format que Beffroi lit",
    "encoding: {value}, {why:said}": "encodage : {value}, {why}",
    "by its byte order mark": "d'après son indicateur d'ordre des octets",
    "ASCII only": "de l'ASCII seulement",
    "valid UTF-8 throughout": "de l'UTF-8 valable partout",
    "as declared": "comme déclaré",
    "separator: {value:any}, {why:said}": "séparateur : {value}, {why}",
    "header: {value}, {why:said}": "en-tête : {value}, {why}",
    "skip: {value}, {why:said}": "lignes sautées : {value}, {why}",
    "quote: {value:any}, {why:said}": "guillemets : {value}, {why}",
    "decimal: {value:any}, {why:said}": "signe décimal : {value}, {why}",
    "thousands: {value:any}, {why:said}": "signe des milliers : {value}, {why}",
    "numbers: {value:any}, {why:said}": "nombres : {value}, {why}",
    "columns[{place}]: {value:any}, {why:said}": "columns[{place}] : {value}, {why}",
    "its first line says so: sep=": "sa première ligne le dit : sep=",
    "the line of sep=": "la ligne de sep=",
    "line {line} holds names, not values": "la ligne {line} contient des noms, non des valeurs",
    "one column: no separator parts its lines": "une seule colonne : aucun séparateur ne coupe ses lignes",
    "{share}% of the first {lines} lines have {cells} cells as the header has":
        "{share} % des {lines} premières lignes ont {cells} cellules, comme l'en-tête",
    "{count} cells of the first lines stand between them": "{count} cellules des premières lignes sont entre eux",
    "{count} line of one cell before the first of {width} cells": "{count} ligne d'une cellule avant la première de {width} cellules",
    "{count} lines of one cell before the first of {width} cells":
        "{count} lignes d'une cellule avant la première de {width} cellules",
    "column {place} has no name": "la colonne {place} n'a pas de nom",
    "column {place} has the name of another": "la colonne {place} a le nom d'une autre",
    "the columns that are written so": "les colonnes écrites ainsi",
    "{count} column is a number when read so: {names:any}": "{count} colonne est un nombre, lue ainsi : {names}",
    "{count} columns are numbers when read so: {names:any}": "{count} colonnes sont des nombres, lues ainsi : {names}",
    "{count} files have these columns: one table": "{count} fichiers ont ces colonnes : une seule table",
    "the file is one list of objects": "le fichier est une seule liste d'objets",
    "sheet: {name:any}": "feuille : {name}",
    "a block of cells at {range}": "un bloc de cellules en {range}",
    "row {row} above is narrower: a title": "la ligne {row} au-dessus est plus étroite : un titre",
    "rows {first} to {last} above are narrower: titles": "les lignes {first} à {last} au-dessus sont plus étroites : des titres",
    "{count} lines of header: cells merged over several columns stand in the first":
        "{count} lignes d'en-tête : des cellules fusionnées sur plusieurs colonnes sont dans la première",
    "rows at the end that begin as {names:any} are left out": "les lignes de la fin qui commencent par {names} sont laissées de côté",
    # what is believed of a column, and why
    "{name:any}: {type}; {evidence:said}; looks personal: {why:said}":
        "{name} : {type} ; {evidence} ; semble personnelle : {why}",
    "{name:any}: {type}; {evidence:said}": "{name} : {type} ; {evidence}",
    "its name says so": "son nom le dit",
    "all are {what:said}": "ce sont toutes des {what}",
    "most are {what:said}": "la plupart sont des {what}",
    "e-mail addresses": "adresses électroniques",
    "telephone numbers": "numéros de téléphone",
    "numbers of associations (RNA)": "numéros d'associations (RNA)",
    "social security numbers (NIR)": "numéros de sécurité sociale (NIR)",
    "the source holds it as {kind:any}": "la source l'a comme {kind}",
    "no row has a value in it": "aucune ligne n'y a de valeur",
    "{evidence:said}; its name looks like one of them: if the first line is no header, say header: 0 and columns:":
        "{evidence} ; son nom ressemble à l'une d'elles : si la première ligne n'est pas un en-tête, dites header: 0 et columns:",
    "{count} of {values} values begin with a zero: a code, and no number":
        "{count} valeurs sur {values} commencent par un zéro : un code, et non un nombre",
    "digits, which its name says are a code: kept as text ({values:said})":
        "des chiffres, dont son nom dit qu'ils sont un code : gardés comme texte ({values})",
    "three digits after each comma or point, thousands or decimals: kept as text ({values:said})":
        "trois chiffres après chaque virgule ou point, milliers ou décimales : gardés comme texte ({values})",
    "numbers, some with a comma and some with a point, which may be thousands: kept as text":
        "nombres, les uns avec une virgule, les autres avec un point, peut-être des milliers : gardés comme texte",
    "{what:said}: kept as text ({values:said})": "{what} : gardés comme texte ({values})",
    "{what:said}, but not all": "{what}, mais pas tous",
    "{what:said} ({values:said})": "{what} ({values})",
    "all {count} values": "toutes les {count} valeurs",
    "its only value": "sa seule valeur",
    "{count} of {values} values": "{count} valeurs sur {values}",
    "all {count} values; of the {different} different ones, {wrong} no calendar has":
        "toutes les {count} valeurs ; des {different} différentes, {wrong} ne sont dans aucun calendrier",
    "{count} of {values} values have the check digits of a {number}: kept as text":
        "{count} valeurs sur {values} ont les chiffres de contrôle d'un {number} : gardées comme texte",
    "{count} of {values} different values have the check digits of a {number}: kept as text":
        "{count} valeurs sur {values} différentes ont les chiffres de contrôle d'un {number} : gardées comme texte",
    "{count} of {values} values are {what:said}: kept as text": "{count} valeurs sur {values} sont des {what} : gardées comme texte",
    "check digits of a {number}": "chiffres de contrôle d'un {number}",
    "five places, and a name that says {what:said}": "cinq signes, et un nom qui dit {what}",
    "postal codes": "codes postaux",
    "INSEE codes of communes": "codes INSEE de communes",
    "whole numbers": "nombres entiers",
    "numbers": "nombres",
    "dates": "dates",
    "dates with a time": "dates avec une heure",
    "yes or no": "oui ou non",
    "amounts in euros": "montants en euros",
    "percentages, 12,5 % as 12.5: {{percent: share}} makes it 0.125":
        "pourcentages, 12,5 % devenant 12.5 : {{percent: share}} en fait 0.125",
    "texts": "textes",
    "texts, {count} different": "textes, {count} différents",
    # a published Table Schema
    "not judged, since Beffroi does not know these rules: {rules:any}":
        "non jugées, car Beffroi ne connaît pas ces règles : {rules}",
    "its foreign keys need the dataset {name} in this workspace":
        "ses clés étrangères ont besoin du jeu de données {name} dans cet espace de travail",
    "{path} is there already, byte for byte, and stays": "{path} est déjà là, octet pour octet, et reste",
    "{there:said} is there, {brought:said} is brought": "ici : {there} ; apporté : {brought}",
    "version {number}": "version {number}",
    "one without a version": "un schéma sans version",
    "what is no JSON": "ce qui n'est pas du JSON",
    "renewed: {versions:said}; `beffroi check` tells what its datasets say that no longer fits":
        "renouvelé ({versions}) ; `beffroi check` dit ce que ses jeux de données disent qui ne convient plus",
    "{path} is there already, and says something else ({versions:said}): --force renews it, for all datasets that have it; or take"
    " another --name":
        "{path} est déjà là, et dit autre chose ({versions}) : --force le renouvelle, pour tous les jeux de données qui l'ont ;"
        " ou prenez un autre --name",
    "{source:any} is no Table Schema{instead:said}: that has fields, each with a name":
        "{source} n'est pas un Table Schema{instead} : celui-ci a des champs, chacun avec un nom",
    ", but a JSON Schema, which is for documents and not for tables":
        ", mais un JSON Schema, qui est fait pour des documents et non pour des tables",
    ", and no resource in it has a schema": ", et aucune ressource n'y a de schéma",
    "{source:any} has no resource «{name:any}» with a schema{end:said}":
        "{source} n'a pas de ressource «{name}» avec un schéma{end}",
    "{source:any} has several resources with a schema, say --resource: {names:list}":
        "{source} a plusieurs ressources avec un schéma, dites --resource : {names}",
    "{source:any} is a page or XML, and no Table Schema: give the address of the JSON file itself":
        "{source} est une page ou du XML, et non un Table Schema : donnez l'adresse du fichier JSON lui-même",
    "{source:any} is not UTF-8: Table Schema is written in that encoding":
        "{source} n'est pas en UTF-8 : un Table Schema s'écrit dans cet encodage",
    "{source:any} is no Table Schema: line {line} is not valid JSON: {why:any}":
        "{source} n'est pas un Table Schema : la ligne {line} n'est pas du JSON valable",
    "{source:any} is no Table Schema: that is an object, which has fields":
        "{source} n'est pas un Table Schema : celui-ci est un objet, qui a des champs",
    "nothing is written, since no dataset can have this schema as it is:":
        "rien n'est écrit, car aucun jeu de données ne peut avoir ce schéma tel qu'il est :",
    "the schema in {source:any} cannot be taken out: save it as a file of its own":
        "le schéma dans {source} ne peut pas en être sorti : enregistrez-le comme un fichier à part",
    "{source:any} has several resources with a schema that have one name, or none, so that none can be named: save the schema"
    " that is meant as a file of its own":
        "{source} a plusieurs ressources avec un schéma qui ont un même nom, ou n'en ont pas, si bien qu'aucune ne peut être"
        " nommée : enregistrez le schéma voulu comme un fichier à part",
    "the schema is not below the folder of {source:any}: add {path:any}, where you trust it":
        "le schéma n'est pas sous le dossier de {source} : ajoutez {path}, si vous lui faites confiance",
    "the schema is elsewhere: add {there:any}, where you trust it":
        "le schéma est ailleurs : ajoutez {there}, si vous lui faites confiance",
    "{source:any} has more than {most} MiB, which no Table Schema has":
        "{source} a plus de {most} Mio, ce qu'aucun Table Schema n'a",
    "{source:any} is a Table Schema, and has no resources: leave --resource out":
        "{source} est un Table Schema, et n'a pas de ressources : retirez --resource",
    "{source:any} is no Table Schema: its values are nested too deeply":
        "{source} n'est pas un Table Schema : ses valeurs sont imbriquées trop profondément",
    "there is no file {source:any}": "il n'y a pas de fichier {source}",
    "{source:any} was answered with HTTP {status}": "{source} a répondu HTTP {status}",
    "{source:any} was not had: {why:said}": "{source} n'a pas pu être obtenu : {why}",
}  # fmt: skip
