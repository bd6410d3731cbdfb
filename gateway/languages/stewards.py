"""Sentences that only the command line tells, of runs, refused rows and links, in French: each by its English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    # datasets and runs
    "{name} has no version yet: `beffroi run {name}`": "{name} n'a pas encore de version : `beffroi run {name}`",
    "{name} has no version yet: see `beffroi versions {name}`":
        "{name} n'a pas encore de version : voyez `beffroi versions {name}`",
    "{name} has no version {number}, or it is no longer kept: see `beffroi versions {name}`":
        "{name} n'a pas de version {number}, ou elle n'est plus conservée : voyez `beffroi versions {name}`",
    "{name} was never run: `beffroi run {name}`": "{name} n'a jamais été exécuté : `beffroi run {name}`",
    "--all is all datasets: leave it out, or {names:list}": "--all est tous les jeux de données : retirez-le, ou {names}",
    "--release and --accept are for datasets that are named": "--release et --accept valent pour des jeux de données nommés",
    "a preview releases nothing: leave one of --release and --preview out":
        "un aperçu ne libère rien : retirez --release ou --preview",
    "another run of {name} is under way: `beffroi run {name} --wait SECONDS` waits for it":
        "une autre exécution de {name} est en cours : `beffroi run {name} --wait SECONDS` l'attend",
    "another run of {name} is under way and did not end within {seconds} s":
        "une autre exécution de {name} est en cours et ne s'est pas achevée en {seconds} s",
    "the versions of {name} cannot be read: its Delta log is damaged, or of another Beffroi":
        "les versions de {name} ne se lisent pas : son journal Delta est abîmé, ou d'un autre Beffroi",
    "{name} needs {others:list}, whose run failed, and which never had a version: mend that first":
        "{name} a besoin de {others}, dont l'exécution a échoué et qui n'a jamais eu de version : corrigez cela d'abord",
    "a file cannot be used: {reason:said}": "un fichier ne peut pas être utilisé : {reason}",
    "nothing can be written in its folder": "rien ne peut être écrit dans son dossier",
    "whoever runs this may not write in its folder, or may not read a version: grant that":
        "la personne qui exécute ceci n'a pas le droit d'écrire dans son dossier, ou de lire une version : donnez-le-lui",
    "{error}, see `beffroi doctor`: a version may be damaged":
        "{error}, voyez `beffroi doctor` : une version est peut-être abîmée",
    "{file} was not rebuilt, the last one stays: {reason:said}":
        "{file} n'a pas été reconstruit, le dernier reste : {reason}",
    "{file:any} cannot be used: {reason:said}": "{file} ne peut pas être utilisé : {reason}",
    "it is not there, or the folder that it is to be in: make that, or name another":
        "il n'est pas là, ou le dossier où il doit être : créez-le, ou nommez-en un autre",
    "whoever runs this may not: grant it, or name another":
        "la personne qui exécute ceci n'en a pas le droit : donnez-le-lui, ou nommez-en un autre",
    "nothing can be written there: name another": "rien ne peut y être écrit : nommez-en un autre",
    "it is a folder: name a file": "c'est un dossier : nommez un fichier",
    "what should be its folder is a file: name another": "ce qui devrait être son dossier est un fichier : nommez-en un autre",
    "the disk is full: make room": "le disque est plein : faites de la place",
    "{name}: {problems:each}": "{name} : {problems}",
    "{resource:said} may hold personal data: say why with --purpose{end:said}":
        "{resource} peut contenir des données personnelles : dites pourquoi avec --purpose{end}",
    "; the workspace declares no purpose yet, under purposes:":
        " ; l'espace de travail ne déclare encore aucune finalité, sous purposes:",
    "the purpose {purpose} wants a case: say by --case the number of its case file":
        "la finalité {purpose} veut un dossier : dites par --case le numéro du dossier",
    "{name} {none:said}: `beffroi report {name} --list` tells which there are":
        "{name} {none} : `beffroi report {name} --list` dit lesquels il y a",
    "has no report of a run yet": "n'a pas encore de rapport d'exécution",
    "has no report of a run that began at {run:any}": "n'a pas de rapport d'une exécution commencée à {run}",
    "{count} runs of {name} began at {run:any}: say more of it, as {whole} has it":
        "{count} exécutions de {name} ont commencé à {run} : dites-en davantage, comme dans {whole}",
    # versions
    "there is no version {number} of {name}, or it is no longer kept: `beffroi versions {name}`":
        "il n'y a pas de version {number} de {name}, ou elle n'est plus conservée : `beffroi versions {name}`",
    "version {number} of {name} was made under another declaration: its files are gone":
        "la version {number} de {name} a été faite sous une autre déclaration : ses fichiers ne sont plus là",
    "there is no version {number} of {name} to go back to; kept before the latest: none":
        "il n'y a pas de version {number} de {name} à laquelle revenir ; aucune n'est conservée avant la dernière",
    "there is no version {number} of {name} to go back to; kept before the latest: {kept:list}":
        "il n'y a pas de version {number} de {name} à laquelle revenir ; conservées avant la dernière : {kept}",
    "version {number} of {name} is the latest: there is nothing to roll back":
        "la version {number} de {name} est la dernière : il n'y a rien à quoi revenir",
    "version {number} of {name} was made under another declaration: its audience, key, columns or personal data are not"
    " those of {file}. Put that file back as it was then, and roll back":
        "la version {number} de {name} a été faite sous une autre déclaration : son public, sa clé, ses colonnes ou ses données"
        " personnelles ne sont pas ceux de {file}. Remettez ce fichier tel qu'il était alors, et revenez en arrière",
    # what changed more than it may
    "if that is right, take it once with {command:any}, or declare {declared:any}":
        "si c'est juste, acceptez-le une fois par {command}, ou déclarez {declared}",
    "if that is right, take it once with {command}": "si c'est juste, acceptez-le une fois par {command}",
    "{name:any}: rows: {rows}, and {last} for the last version: {remedy:said}":
        "{name} : lignes : {rows}, et {last} pour la dernière version : {remedy}",
    "rows: {rows}, and the last version has {last}: a change of {changed}, expected at most {most}; {remedy:said}":
        "lignes : {rows}, et la dernière version en a {last} : un écart de {changed}, au plus {most} attendu ; {remedy}",
    "rows: {rows}, fewer than half of the last version's {last}: {remedy:said}":
        "lignes : {rows}, moins de la moitié des {last} de la dernière version : {remedy}",
    "rows gone: {gone} of the last version's {last} ({share}), expected at most {most}; {remedy:said}":
        "lignes disparues : {gone} des {last} de la dernière version ({share}), au plus {most} attendues ; {remedy}",
    # what was expected of a version
    "rows: {shown}, expected at least {bound}": "lignes : {shown}, au moins {bound} attendu",
    "rows: {shown}, expected at most {bound}": "lignes : {shown}, au plus {bound} attendu",
    "share of refused rows: {shown}, expected at least {bound}": "part de lignes refusées : {shown}, au moins {bound} attendu",
    "share of refused rows: {shown}, expected at most {bound}": "part de lignes refusées : {shown}, au plus {bound} attendu",
    "{column}: no row says when it is from": "{column} : aucune ligne ne dit de quand elle date",
    "{column}: the newest is older than {days} days": "{column} : la plus récente a plus de {days} jours",
    "{column}: the newest is {age} days old, expected at most {days}":
        "{column} : la plus récente a {age} jours, au plus {days} attendus",
    # rows: where they are from, why they were refused
    "say the KEY of a row, or --place N (and --source NAME) of a raw row":
        "dites KEY, la clé d'une ligne, ou --place N (et --source NAME), la place d'une ligne brute",
    "{source} had {rows:any} for version {number} of {name}: no row {place}":
        "{source} n'avait pas de ligne {place} pour la version {number} de {name}",
    "version {number} of {name} has no row of that key": "la version {number} de {name} n'a pas de ligne de cette clé",
    "where the rows of version {number} of {name} are from is not kept":
        "d'où viennent les lignes de la version {number} de {name} n'est pas conservé",
    "where the rows of {name} are from is being written anew, or the run that did so was killed: ask again when no run of it"
    " is under way, or after `beffroi run {name}`":
        "d'où viennent les lignes de {name} est en train d'être réécrit, ou l'exécution qui le faisait a été interrompue :"
        " redemandez quand aucune exécution n'est en cours, ou après `beffroi run {name}`",
    "what that run of {name} was made from is no longer known: `beffroi run {name}`":
        "de quoi cette exécution de {name} a été faite n'est plus connu : `beffroi run {name}`",
    "the raw input of {source} is no longer kept: run the dataset, and it is read anew":
        "les données brutes de {source} ne sont plus conservées : exécutez le jeu de données, et elles sont relues",
    "{source} had no row {place} then": "{source} n'avait alors pas de ligne {place}",
    "a file of an earlier run cannot be read ({error})": "un fichier d'une exécution précédente ne se lit pas ({error})",
    "what the last run of {name} refused was removed: `beffroi run {name}` makes it anew":
        "ce que la dernière exécution de {name} a refusé a été supprimé : `beffroi run {name}` le refait",
    "the last run of {name} refused no row {place} of {source}: see `beffroi quarantine list`":
        "la dernière exécution de {name} n'a pas refusé de ligne {place} dans {source} : voyez `beffroi quarantine list`",
    "{source} is no source of {name} any longer: `beffroi run {name}`":
        "{source} n'est plus une source de {name} : `beffroi run {name}`",
    "{name} is made from several sources: say which with --source{end:said}":
        "{name} est fait de plusieurs sources : dites laquelle avec --source{end}",
    "{name} has no source «{source:any}»{end:said}": "{name} n'a pas de source «{source}»{end}",
    "{name} has no column «{column:any}»{end:said}": "{name} n'a pas de colonne «{column}»{end}",
    "nothing of row {place} could be read: it must be mended where it comes from":
        "rien de la ligne {place} n'a pu être lu : c'est là d'où elle vient qu'il faut la corriger",
    "{column} is {type:any} in the source, and that value is none":
        "{column} est {type} dans la source, et cette valeur n'en est pas une",
    "say DATASET PLACE COLUMN=VALUE --why TEXT, or DATASET PLACE --drop, or --list":
        "dites DATASET PLACE COLUMN=VALUE --why TEXT, ou DATASET PLACE --drop, ou --list",
    "no value of {column} came on standard input": "aucune valeur de {column} n'est venue par l'entrée standard",
    "say with --why what makes the value the right one: whoever comes after you will ask":
        "dites avec --why ce qui fait que la valeur est la bonne : qui viendra après vous le demandera",
    ".beffroi/corrections/{file}, line {line}: it is no correction; put the file back as it was":
        ".beffroi/corrections/{file}, ligne {line} : ce n'est pas une correction ; remettez le fichier tel qu'il était",
    "the conflicts of version {number} of {name} are no longer kept":
        "les conflits de la version {number} de {name} ne sont plus conservés",
    # lookups
    "--receipt FILE has the receipt of one question, --receipts those of all rows of --file":
        "--receipt FILE a le reçu d'une question, --receipts ceux de toutes les lignes de --file",
    "many questions are asked with --file and --out, and no identifier beside them":
        "plusieurs questions se posent avec --file et --out, sans identifiant à côté",
    "no identifier came on standard input": "aucun identifiant n'est venu par l'entrée standard",
    # links
    "say one of --why RECORD [RECORD], --doubtful, --sample N --into FILE, --check FILE, or none":
        "dites l'un de --why RECORD [RECORD], --doubtful, --sample N --into FILE, --check FILE, ou rien",
    "{name} declares no link: nothing of it is linked": "{name} ne déclare pas link: : rien n'y est rapproché",
    "{name} declares no link:": "{name} ne déclare pas link:",
    "{name} has several links: say which with --column: {names:list}":
        "{name} a plusieurs rapprochements : dites lequel avec --column : {names}",
    "{name} has no link «{column:any}»: there is {names:list}": "{name} n'a pas de rapprochement «{column}» : il y a {names}",
    "say one RECORD, whose cluster is explained, or two":
        "dites un RECORD, dont le groupe est expliqué, ou deux",
    "say with --into FILE where the sample goes: it holds values of records":
        "dites avec --into FILE où va l'échantillon : il contient des valeurs d'enregistrements",
    "the links of version {number} of {name} are no longer kept: `beffroi link {name}`":
        "les rapprochements de la version {number} de {name} ne sont plus conservés : `beffroi link {name}`",
    "the links of {column} are being written just now, or are damaged: try again; if it lasts, `beffroi doctor` tells":
        "les rapprochements de {column} sont en train d'être écrits, ou sont abîmés : réessayez ; si cela dure,"
        " `beffroi doctor` le dit",
    "what that version was linked by is no longer kept: `beffroi link {name}`":
        "ce d'après quoi cette version a été rapprochée n'est plus conservé : `beffroi link {name}`",
    "a key of {name} is a cluster, and one of these has {count} records: say which are meant, by their identities; `beffroi"
    " link {name} --column {column} --why KEY --raw` names them":
        "une clé de {name} est celle d'un groupe, et l'un de ceux-ci a {count} enregistrements : dites lesquels, par leurs"
        " identités ; `beffroi link {name} --column {column} --why KEY --raw` les nomme",
    "version {number} of {name} has no such record: say its key, or its identity, which is a JSON array as"
    ' ["source", "key"]':
        "la version {number} de {name} n'a pas cet enregistrement : dites sa clé, ou son identité, un tableau JSON comme"
        ' ["source", "clé"]',
    "the first record: {wrong:said}": "le premier enregistrement : {wrong}",
    "the second record: {wrong:said}": "le second enregistrement : {wrong}",
    'several sources have a record of that key: say the identity, as ["source", "key"]':
        'plusieurs sources ont un enregistrement de cette clé : dites son identité, comme ["source", "clé"]',
    "both are the same record": "les deux sont le même enregistrement",
    "{column} links records of {name} to those of {to}: say one of each":
        "{column} relie les enregistrements de {name} à ceux de {to} : dites-en un de chaque",
    "{name} has no pair to judge: no two of its records are alike":
        "{name} n'a pas de paire à juger : il n'y a pas deux enregistrements qui se ressemblent",
    "who was in which cluster of «{column:any}» in version {number} of {name} is lost, and all ids would be others: put {file}"
    " back into .beffroi/versions/{name}/{number}, or take it once with `beffroi link {name} --accept`":
        "qui était dans quel groupe de «{column}» dans la version {number} de {name} est perdu, et tous les numéros seraient"
        " autres : remettez {file} dans .beffroi/versions/{name}/{number}, ou acceptez-le une fois par"
        " `beffroi link {name} --accept`",
    "what «{column:any}» of version {number} of {name} was linked to is lost, and no change could be told: put {file} back into"
    " .beffroi/versions/{name}/{number}, or take it once with `beffroi link {name} --accept`":
        "ce à quoi «{column}» de la version {number} de {name} était rapproché est perdu, et aucun changement ne pourrait être"
        " dit : remettez {file} dans .beffroi/versions/{name}/{number}, ou acceptez-le une fois par"
        " `beffroi link {name} --accept`",
    ".beffroi/decisions/{file} is gone, which tells the highest id that was given, and an id could be given twice: put it back;"
    " where there is no copy, `beffroi link {name} --accept` goes on after {number}, the highest that a kept version has":
        ".beffroi/decisions/{file} a disparu, qui dit le plus grand numéro donné, et un numéro pourrait être donné deux fois :"
        " remettez-le ; s'il n'y en a pas de copie, `beffroi link {name} --accept` continue après {number}, le plus grand"
        " qu'ait une version conservée",
    "{name}: {column}: all records of the source «{gone:any}» are gone, and the source «{came:any}» came. Ids and people's"
    " decisions are of a record of a source with its name: if it is the same one, give it its old name with"
    " `name: {gone:any}`; if it is another, take it once with `beffroi run {name} --accept`":
        "{name} : {column} : tous les enregistrements de la source «{gone}» ont disparu, et la source «{came}» est venue. Les"
        " numéros et les décisions des personnes tiennent à un enregistrement d'une source de ce nom : si c'est la même,"
        " redonnez-lui son nom par `name: {gone}` ; si c'en est une autre, acceptez-la une fois par"
        " `beffroi run {name} --accept`",
    "{name}: {column}: records were known by `identity: [{was:any}]`, and are now by [{now:any}]: {others} of {count} would be"
    " others, and lose what rests on that: the ids of clusters, and decisions of people ({decided}). Put back what it was; if"
    " it is to change, take it once with `beffroi run {name} --accept`":
        "{name} : {column} : les enregistrements étaient connus par `identity: [{was}]`, et le sont à présent par [{now}] :"
        " nombre de ceux qui en deviendraient d'autres : {others} sur {count}. Ce qui en dépend serait perdu : les numéros des"
        " groupes, et des décisions de personnes ({decided}). Remettez ce qui y était ; si cela doit changer, acceptez-le une"
        " fois par `beffroi run {name} --accept`",
    "{name}: {column}: records were known by `identity: [{was:any}]`, and are now by [{now:any}]: {others} of {count} would be"
    " others, and lose what rests on that: decisions of people ({decided}). Put back what it was; if it is to change, take it"
    " once with `beffroi run {name} --accept`":
        "{name} : {column} : les enregistrements étaient connus par `identity: [{was}]`, et le sont à présent par [{now}] :"
        " nombre de ceux qui en deviendraient d'autres : {others} sur {count}. Ce qui en dépend serait perdu : des décisions"
        " de personnes ({decided}). Remettez ce qui y était ; si cela doit changer, acceptez-le une fois par"
        " `beffroi run {name} --accept`",
    "the block [{block:any}] would compare {pairs} pairs of {records} records: add another field to it, that tells these"
    " records apart, or take blocks: out and let the recipe choose":
        "le bloc [{block}] comparerait {pairs} paires de {records} enregistrements : ajoutez-lui un autre champ, qui les"
        " distingue, ou retirez blocks: et laissez choisir la recette",
    # decisions and samples
    "a review is for a person: `beffroi decide list --json` lists what waits":
        "une revue est pour une personne : `beffroi decide list --json` énumère ce qui attend",
    "say two records, A and B": "dites deux enregistrements, A et B",
    "no decision on these two records holds": "aucune décision sur ces deux enregistrements n'est en vigueur",
    "no decision names that record": "aucune décision ne nomme cet enregistrement",
    'several sources have a record of that key: say the identity, as ["source","key"]':
        'plusieurs sources ont un enregistrement de cette clé : dites son identité, comme ["source","clé"]',
    ".beffroi/decisions/{file}, line {line}: it is no decision; put the file back from a backup, or take that line out: what it"
    " decided is lost, an earlier word on its pair holds again, all other lines hold":
        ".beffroi/decisions/{file}, ligne {line} : ce n'est pas une décision ; remettez le fichier depuis une sauvegarde, ou"
        " retirez cette ligne : ce qu'elle décidait est perdu, ce qui avait été dit avant de sa paire vaut de nouveau, toutes les"
        " autres lignes valent",
    "{file} is there already: it may hold verdicts; name another file":
        "{file} est déjà là : il contient peut-être des verdicts ; nommez un autre fichier",
    "{file} is no sample that `beffroi link --sample` drew: it has no {names:list}":
        "{file} n'est pas un échantillon tiré par `beffroi link --sample` : il n'a pas {names}",
    "{file}, line {line}: stratum and of are not as they were drawn":
        "{file}, ligne {line} : stratum et of ne sont pas tels qu'ils ont été tirés",
    "{file}, line {line}: pairs of two samples stand in it: check each by itself":
        "{file}, ligne {line} : des paires de deux échantillons y figurent : vérifiez chacun à part",
    "{file}, line {line}: a verdict is {names:list}, or empty": "{file}, ligne {line} : un verdict est {names}, ou vide",
    "{file}, line {line}: line {first} says something else of the same pair":
        "{file}, ligne {line} : la ligne {first} dit autre chose de la même paire",
    "{where:any}: probability is no number from 0 to 1; leave it as it was drawn":
        "{where} : probability n'est pas un nombre de 0 à 1 ; laissez-le tel qu'il a été tiré",
    "{file} is not in UTF-8: save it as «CSV UTF-8»": "{file} n'est pas en UTF-8 : enregistrez-le en «CSV UTF-8»",
    "the file is not in UTF-8: save it as «CSV UTF-8»": "le fichier n'est pas en UTF-8 : enregistrez-le en «CSV UTF-8»",
    "say the format with --format ({names:list}): the name does not end in .csv or .jsonl":
        "dites le format avec --format ({names}) : le nom ne finit pas par .csv ou .jsonl",
    "line 1: there is no column {names:list}": "ligne 1 : il n'y a pas de colonne {names}",
    "nothing was taken over: {problems:each}": "rien n'a été repris : {problems}",
    "and {count} more": "et {count} de plus",
    "line {line} says something else of the same pair": "la ligne {line} dit autre chose de la même paire",
    "a record is always the same as itself": "un enregistrement est toujours le même que lui-même",
    "line {line}: it is no JSON object of texts": "ligne {line} : ce n'est pas un objet JSON de textes",
    "line {line}: {wrong:said}": "ligne {line} : {wrong}",
    "the verdict is none of {names:list}": "le verdict n'est aucun de {names}",
    "both records are of one dataset, and the link leads to another":
        "les deux enregistrements sont d'un même jeu de données, et le lien mène à un autre",
    "a digest is 64 hexadecimal digits": "une empreinte est faite de 64 chiffres hexadécimaux",
    "a digest is of fields: there are none": "une empreinte porte sur des champs : il n'y en a pas",
    '{name} is no identity of a record, as ["source","key"]':
        '{name} n\'est pas l\'identité d\'un enregistrement, comme ["source","clé"]',
    "when is no moment with its zone, as 2026-11-22T19:40:00+00:00":
        "when n'est pas un instant avec son fuseau, comme 2026-11-22T19:40:00+00:00",
    "when is in the future": "when est dans le futur",
}  # fmt: skip
