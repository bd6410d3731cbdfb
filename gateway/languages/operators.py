"""Sentences on what a workspace keeps (versions, state, journal, receipts, tokens), in French: each by its English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    # versions: what changed in their columns, which are held, which cannot be compared
    "the key was {old:list} and is {new:list}": "la clé était {old} et est à présent {new}",
    "the column {name} is gone": "la colonne {name} a disparu",
    "the column {name} is new": "la colonne {name} est nouvelle",
    "the columns stand in another order": "les colonnes sont dans un autre ordre",
    "{name} was of the type {old} and is of the type {new}": "{name} était du type {old} et est à présent du type {new}",
    "{name} is required now": "{name} est obligatoire à présent",
    "{name} is unique now": "{name} est unique à présent",
    "{name} is no longer required": "{name} n'est plus obligatoire",
    "{name} is no longer unique": "{name} n'est plus unique",
    "{name} has no {rule} any more": "{name} n'a plus de {rule}",
    "{name} has a {rule} now: {bound:any}": "{name} a un {rule} à présent : {bound}",
    "the {rule} of {name} was {old:any} and is {new:any}": "{rule} pour {name} était {old} et est à présent {new}",
    "the {rule} of {name} is written otherwise: {new:any}": "{rule} pour {name} s'écrit autrement : {new}",
    "{name} may look like anything now": "{name} peut avoir n'importe quelle forme à présent",
    "the pattern of {name} changed: it must look like {pattern:any}": "la forme de {name} a changé : {pattern}",
    "the pattern of {name} is new: a value must look like {pattern:any}": "{name} doit à présent avoir la forme {pattern}",
    "{name} no longer has the format {format}": "{name} n'a plus le format {format}",
    "{name} must have the format {format} now": "{name} doit à présent avoir le format {format}",
    "{column:any} must stand in {other} now, as {target:any}":
        "{column} doit à présent se trouver dans {other}, comme {target}",
    "{column:any} need not stand in {other} any more, as {target:any}":
        "{column} n'a plus à se trouver dans {other}, comme {target}",
    "{name} may be any value now": "{name} peut avoir n'importe quelle valeur à présent",
    "{name} may only be one of {values:any} now": "{name} ne peut plus être que l'un de {values}",
    "{name} may no longer be {values:any}": "{name} ne peut plus être {values}",
    "{name} may also be {values:any}": "{name} peut être aussi {values}",
    "the {word:any} of {name} changed": "{word} a changé pour {name}",
    "{name} is held at version {version} since {since:any}, when it was rolled back to version {content}{how:said}: `beffroi"
    " run {name} --release` lets it go on":
        "{name} est retenu à la version {version} depuis {since}, quand il a été ramené à la version {content}{how} :"
        " `beffroi run {name} --release` le laisse repartir",
    " by {who:any} ({why:any})": " par {who} ({why})",
    " by {who:any}": " par {who}",
    " ({why:any})": " ({why})",
    "only in version {number}": "seulement dans la version {number}",
    "{old} in version {number}, {new} in {other}": "{old} dans la version {number}, {new} dans la {other}",
    "versions {old} and {new} of {name} cannot be compared by key: it was {before:any} and is {now:any}":
        "les versions {old} et {new} de {name} ne peuvent pas être comparées par clé : elle était {before} et est {now}",
    "there is no version {number} of {name}; kept: {kept:list}":
        "il n'y a pas de version {number} de {name} ; conservées : {kept}",
    "there is no version {number} of {name}; kept: none": "il n'y a pas de version {number} de {name} ; aucune n'est conservée",
    "{name} has no two versions to compare; kept: none": "{name} n'a pas deux versions à comparer : il n'en a aucune",
    "version {number} of {name} is no longer kept; kept: {kept:list}":
        "la version {number} de {name} n'est plus conservée ; conservées : {kept}",
    "{name} has no two versions to compare; kept: {kept:list}":
        "{name} n'a pas deux versions à comparer ; conservées : {kept}",
    "the versions of {name} cannot be compared ({error})": "les versions de {name} ne peuvent pas être comparées ({error})",
    "{what:said}: a file could not be read or written ({why:any})": "{what} : un fichier n'a pas pu être lu ou écrit ({why})",
    "{name} was not rolled back": "{name} n'a pas été ramené en arrière",
    "the files of version {number} of {name} were not made": "les fichiers de la version {number} de {name} n'ont pas été faits",
    "{name}: a breaking change of its columns: {changes:each}. Whoever reads it relies on schema version {before}: undo the"
    " change, or declare `schema_version: {wanted}` in {file}":
        "{name} : un changement de ses colonnes rompt la compatibilité : {changes}. Qui le lit compte sur la version {before}"
        " du schéma : défaites ce changement, ou déclarez `schema_version: {wanted}` dans {file}",
    "{name}: schema_version: {declared} goes back: the last version has {before}. Declare {wanted} or more, or take the key out:"
    " what breaks nothing is counted up by itself":
        "{name} : schema_version: {declared} revient en arrière : la dernière version a {before}. Déclarez {wanted} ou"
        " davantage, ou retirez la clé : ce qui ne rompt rien est compté tout seul",
    "{name}: schema_version: {declared} is too small for a {kind} change ({changes:each}): declare {wanted} or more, or take the"
    " key out: what breaks nothing is counted up by itself":
        "{name} : schema_version: {declared} est trop petit pour un changement {kind} ({changes}) : déclarez {wanted} ou"
        " davantage, ou retirez la clé : ce qui ne rompt rien est compté tout seul",
    # what is amiss in the state, and what to do
    "{place} belongs to nothing any more": "{place} n'appartient plus à rien",
    "{why:said}: it was not looked at": "{why} : non examiné",
    "{why:said}: it was not removed": "{why} : non supprimé",
    "the databases are being made: they were not looked at": "les bases de données sont en cours de fabrication : non examinées",
    "{why:said}: put .beffroi/lake/{name} back from a backup; where there is none, move that folder away and `beffroi run {name}"
    " --full`: the versions begin anew":
        "{why} : remettez .beffroi/lake/{name} depuis une sauvegarde ; s'il n'y en a pas, déplacez ce dossier ailleurs et"
        " `beffroi run {name} --full` : les versions recommencent",
    "what the last runs of {name} were made from is not there any more: `beffroi run {name} --full` reads its sources anew;"
    " until then its quarantine cannot be replayed":
        "ce dont les dernières exécutions de {name} ont été faites n'est plus là : `beffroi run {name} --full` relit ses"
        " sources ; jusque-là sa quarantaine ne peut pas être rejugée",
    "version {number} of {name}: its Parquet file {wrong:said}: it cannot be rolled back to; put it back from a backup, or"
    " remove {file}":
        "version {number} de {name} : son fichier Parquet {wrong} : on ne peut pas y revenir ; remettez-le depuis une"
        " sauvegarde, ou supprimez {file}",
    "version {number} of {name}, its latest: its Parquet file {wrong:said}: {remedy:said}`beffroi run {name} --full` makes a new"
    " one":
        "version {number} de {name}, sa dernière : son fichier Parquet {wrong} : {remedy}`beffroi run {name} --full` en fait"
        " une nouvelle",
    "is gone": "n'est plus là",
    "is damaged": "est abîmé",
    "has {rows} rows, and was committed with {committed}": "a {rows} lignes, et a été validé avec {committed}",
    "remove {file}, then {more:said}": "supprimez {file}, puis {more}",
    "`beffroi rollback {name} {number}` brings the one before back, or ":
        "`beffroi rollback {name} {number}` ramène la précédente, ou ",
    "version {number} of {name}: {wrong:said}: `beffroi run {name}` makes it anew":
        "version {number} de {name} : {wrong} : `beffroi run {name}` le refait",
    "its CSV file is gone": "son fichier CSV n'est plus là",
    "its index is gone or damaged": "son index n'est plus là ou est abîmé",
    "its index has {entries} rows, and it has {rows}": "son index a {entries} lignes, et elle en a {rows}",
    "its index by columns is gone or damaged, or not of the columns that index: names":
        "son index par colonnes n'est plus là, est abîmé, ou n'est pas celui des colonnes que nomme index:",
    "its report is gone or damaged": "son rapport n'est plus là ou est abîmé",
    "version {number} of {name}: what its links were made from is damaged or gone: `beffroi link {name} --full` makes it anew":
        "version {number} de {name} : ce dont ses rapprochements ont été faits est abîmé ou n'est plus là : `beffroi link"
        " {name} --full` le refait",
    "{place} is damaged: remove it and `beffroi run {name} --full`": "{place} est abîmé : supprimez-le et `beffroi run {name} --full`",
    "{name} is declared no more": "{name} n'est plus déclaré",
    "{name} is declared no more, and its state is still there{more:said}: `beffroi doctor --mend {name}` removes it for good":
        "{name} n'est plus déclaré, et son état est encore là{more} : `beffroi doctor --mend {name}` le supprime définitivement",
    ", with people's decisions on its links and the highest id given (ids would be given again)":
        ", avec les décisions des personnes sur ses rapprochements et le plus grand numéro donné (des numéros seraient donnés"
        " une seconde fois)",
    "what people decided on the link «{column:any}» of {name} is still there, and the link is declared no more: declare it again,"
    " or remove {files}":
        "ce que des personnes ont décidé du rapprochement «{column}» de {name} est encore là, et ce rapprochement n'est plus"
        " déclaré : déclarez-le de nouveau, ou supprimez {files}",
    # what `beffroi check` warns of, and what a registry did with its probe
    "{name}: {warning:said}": "{name} : {warning}",
    "the purpose {name}: {warning:said}": "la finalité {name} : {warning}",
    "expired on {day}, and its grants give nothing: have what was agreed renewed":
        "a expiré le {day}, et ses habilitations ne donnent plus rien : faites renouveler la convention",
    "expires on {day}, its last day: have what was agreed renewed before":
        "expire le {day}, son dernier jour : faites renouveler la convention avant",
    "{credential:said} ends on {day}: renew it before": "{credential} prend fin le {day} : renouvelez-le avant",
    "{credential:said} ended on {day}: renew it": "{credential} a pris fin le {day} : renouvelez-le",
    "{credential:said} is refused by the registry": "{credential} est refusé par le registre",
    "the credential declared": "le justificatif déclaré",
    "our certificate": "notre certificat",
    "our certificate for the token endpoint": "notre certificat pour le serveur de jetons",
    "the token in {name}": "le jeton de {name}",
    "the client {client} of the token endpoint": "le client {client} du serveur de jetons",
    "what we ask with": "ce avec quoi nous demandons",
    "its lookup says no same: (where a record repeats the identifier), so that another record than was asked for would be given"
    " on without anybody noticing":
        "sa consultation ne dit pas same: (où un enregistrement répète l'identifiant), si bien qu'un autre enregistrement que"
        " celui qui a été demandé serait transmis sans que personne le remarque",
    "recent names «{column:any}», whose own value is merged by the rule {rule}: a row may keep an older «{column:any}» than that"
    " of the values taken by it. Merge it by recent too: merge: {remedy:any}":
        "recent nomme «{column}», dont la valeur est elle-même fusionnée par la règle {rule} : une ligne peut garder un"
        " «{column}» plus ancien que celui des valeurs qu'il fait retenir. Fusionnez-le aussi par recent : merge: {remedy}",
    "blocks: of the link {column} stands for all {count} blocks of the recipe {recipe}: two records that have none of these alike"
    " are never compared: {blocks:any}. Take it out, unless a run takes too long with the recipe's":
        "blocks: du rapprochement {column} remplace les {count} blocs de la recette {recipe} : deux enregistrements qui n'en"
        " ont aucun en commun ne sont jamais comparés : {blocks}. Retirez-le, sauf si une exécution dure trop longtemps avec"
        " ceux de la recette",
    "it is told {names:list} with each question: ask by a lookup":
        "chaque question doit lui dire {names} : interrogez-le par une consultation",
    "it is there and knows us": "il est là et nous connaît",
    "it answers no lookups": "il ne répond à aucune consultation",
    "say by probe: an identifier that it has, which need not be anybody's":
        "dites par probe: un identifiant qu'il a, et qui peut n'être celui de personne",
    "{registry} answers no lookups: take out its probe:": "{registry} ne répond à aucune consultation : retirez son probe:",
    "it answers, but has not what it is known to have: is the probe still right?":
        "il répond, mais n'a pas ce qu'on sait qu'il a : l'identifiant d'essai est-il toujours le bon ?",
    "there is no database {file:any} where {url} says": "il n'y a pas de base de données {file} là où le dit {url}",
    # the journal
    "nothing can be read after entry {number}: {error:any}": "rien ne peut être lu après l'entrée {number} : {error}",
    "entry {number} was removed": "l'entrée {number} a été retirée",
    "entry {first} to {last} was removed": "les entrées {first} à {last} ont été retirées",
    "entry {number} does not follow the one before it: an entry was removed here, or moved":
        "l'entrée {number} ne suit pas celle d'avant : une entrée a été retirée ici, ou déplacée",
    "entry {number} was changed": "l'entrée {number} a été modifiée",
    "{which:said} of {day} ({kind}) lost the content, and no erasure on the journal says so":
        "contenu perdu sans qu'aucun effacement au journal le dise : {which}, du {day} ({kind})",
    "entry {number}": "l'entrée {number}",
    "entries {first} to {last}": "les entrées {first} à {last}",
    "{count} entries from {first} to {last}": "{count} entrées, de {first} à {last}",
    "{gone:said} were removed from the end: an anchor of {time} has entry {last}, and the journal ends with {number}. An older"
    " copy was put in its place, or it was cut":
        "il manque à la fin {gone} : une ancre du {time} a l'entrée {last}, et le journal s'arrête à {number}. Une copie plus"
        " ancienne a pris sa place, ou il a été coupé",
    "entries {first} to {last} are not those that an anchor of {time} was made of: they were written anew, with whatever changes":
        "les entrées {first} à {last} ne sont pas celles dont une ancre du {time} a été faite : elles ont été réécrites, avec"
        " des changements qu'on ignore",
    "{kind} before {day}": "{kind} avant le {day}",
    "line {number} of {file} {reason:said}: it says nothing about the journal":
        "la ligne {number} de {file} {reason} : elle ne dit rien du journal",
    "is no anchor": "n'est pas une ancre",
    "was sealed with the key {key:any}, which is not here: it was forged, or the key is missing":
        "a été scellée avec la clé {key}, qui n'est pas ici : elle a été contrefaite, ou la clé manque",
    "was forged or damaged: its seal is not that of its number, hash and time":
        "a été contrefaite ou abîmée : son sceau n'est pas celui de son numéro, de son empreinte et de son heure",
    "has no time-stamp of the authority": "n'a pas d'horodatage de l'autorité",
    "says that it is of {time}, and was time-stamped at {stamped}": "dit être du {time}, et a été horodatée le {stamped}",
    "has a time-stamp that is not one of it: {error:any}": "a un horodatage qui n'est pas le sien : {error}",
    "has a time that is none, or is of no zone": "a une heure qui n'en est pas une, ou qui est sans fuseau",
    "there are no anchors at {path:any}": "il n'y a pas d'ancres dans {path}",
    "the journal is broken, and gets no anchor: {problem:said}; keep it as it is: docs/security.md tells what to do («When it is"
    " broken»)":
        "le journal est rompu, et ne reçoit pas d'ancre : {problem} ; gardez-le tel qu'il est : docs/security.md dit quoi faire"
        " («When it is broken»)",
    "what {name:any} answered is no time-stamp": "ce que {name} a répondu n'est pas un horodatage",
    "{name:any} gave no time-stamp, or one of something else": "{name} n'a pas donné d'horodatage, ou celui d'autre chose",
    "{name:any} refuses us: it answered {status}": "{name} nous refuse : réponse {status}",
    "{name:any} answered {status}, and no time-stamp": "{name} a répondu {status}, sans horodatage",
    "{path:any} holds no certificates in PEM, or cannot be read": "{path} ne contient pas de certificats en PEM, ou ne se lit pas",
    "there is no journal at {path:any}: nothing was journaled yet, or it was removed":
        "il n'y a pas de journal dans {path} : rien n'a encore été journalisé, ou il a été supprimé",
    "there is no journal in {name:any}: nothing was journaled yet, or it was removed":
        "il n'y a pas de journal dans {name} : rien n'a encore été journalisé, ou il a été supprimé",
    "{name:any} is no longer where it was: put it back, or start Beffroi anew":
        "{name} n'est plus où il était : remettez-le, ou redémarrez Beffroi",
    "entries after {number} were removed from {name:any}: put them back":
        "les entrées après {number} ont été retirées de {name} : remettez-les",
    "no lookup here takes an identity: write an identifier, as scheme:value":
        "aucune consultation ne prend ici une identité : écrivez un identifiant, sous la forme type:valeur",
    # keys
    "the keys are those of {variable}: put a new one before them there, separated by a comma (NEW,OLD), and start every gateway"
    " anew; `openssl rand -hex 32` makes one":
        "les clés sont celles de {variable} : mettez-en une nouvelle avant elles, séparée par une virgule (NEW,OLD), et"
        " redémarrez chaque passerelle ; `openssl rand -hex 32` en fait une",
    "the key is that of {variable}: put the new one before the old there, separated by a comma (NEW,OLD), and start every gateway"
    " anew; `openssl rand -hex 32` makes one":
        "la clé est celle de {variable} : mettez la nouvelle avant l'ancienne, séparées par une virgule (NEW,OLD), et"
        " redémarrez chaque passerelle ; `openssl rand -hex 32` en fait une",
    "{path:any}, or a key beside it, is no key: put it back": "{path}, ou une clé à côté, n'est pas une clé : remettez-la",
    "{path:any} is no public key: put it back from a backup, or take it away":
        "{path} n'est pas une clé publique : remettez-la depuis une sauvegarde, ou retirez-la",
    "{place:any} must be a key of at least 32 bytes, written as hexadecimal digits; `openssl rand -hex 32` makes one":
        "{place} doit être une clé d'au moins 32 octets, écrite en chiffres hexadécimaux ; `openssl rand -hex 32` en fait une",
    "{place:any} must be a key of 32 bytes, written as 64 hexadecimal digits; `openssl rand -hex 32` makes one":
        "{place} doit être une clé de 32 octets, écrite en 64 chiffres hexadécimaux ; `openssl rand -hex 32` en fait une",
    # receipts
    'the keys must be a JWK Set, {{"keys": […]}}, as /.well-known/jwks.json has it':
        'les clés doivent être un JWK Set, {{"keys": […]}}, comme le donne /.well-known/jwks.json',
    "this is no receipt of Beffroi: its form or its header is another":
        "ce n'est pas un reçu de Beffroi : sa forme ou son en-tête est autre",
    "a receipt is signed with {algorithm}, and nothing else is taken: it was forged":
        "un reçu est signé par {algorithm}, et rien d'autre n'est accepté : il a été contrefait",
    "the receipt was signed with a key that is not among the known ones: it proves nothing":
        "le reçu a été signé avec une clé qui n'est pas parmi celles qui sont connues : il ne prouve rien",
    "the receipt was changed or forged: its signature is not that of what it says":
        "le reçu a été changé ou contrefait : sa signature n'est pas celle de ce qu'il dit",
    "this receipt is of no data: none were given, or they hold a number beyond 2**53":
        "ce reçu ne porte sur aucune donnée : aucune n'a été donnée, ou elles contiennent un nombre au-delà de 2**53",
    "the entry's identifier was hashed with the journal's key {key}, which is not here":
        "l'empreinte de l'identifiant de l'entrée a été faite avec la clé {key} du journal, qui n'est pas ici",
    "the salt, the part after ~, was cut off this receipt: it no longer says of whom it is":
        "le sel, la partie après ~, a été coupé de ce reçu : il ne dit plus de qui il est",
    "the file is JSON and holds no receipt: ask with the header «Beffroi-Receipt: yes»":
        "le fichier est du JSON et ne contient pas de reçu : demandez avec l'en-tête «Beffroi-Receipt: yes»",
    "what was verified cannot be held against the receipt without what was asked: give the question with --data, as it was sent,"
    ' {{"verify": …}}; or the receipt alone as FILE, and nothing is compared':
        "ce qui a été vérifié ne peut pas être confronté au reçu sans ce qui a été demandé : donnez la question par --data,"
        ' telle qu\'elle a été envoyée, {{"verify": …}} ; ou le reçu seul dans FILE, et rien n\'est comparé',
    "data and answers must be JSON objects, as the gateway gave them":
        "les données et les réponses doivent être des objets JSON, telles que la passerelle les a données",
    "standard input is the receipt already: name its FILE": "l'entrée standard est déjà le reçu : nommez son FILE",
    # applications and tokens
    "there is no application «{name:any}»{end:said}": "il n'y a pas d'application «{name}»{end}",
    "there is no lookup and no dataset «{name:any}»{end:said}":
        "il n'y a ni consultation ni jeu de données «{name}»{end}",
    "a token is valid for 1 to {days} days": "un jeton est valable de 1 à {days} jours",
    "there is no token with the id «{token:any}»; `beffroi token list` shows them":
        "il n'y a pas de jeton d'identifiant «{token}» ; `beffroi token list` les montre",
    "«{text:any}» is not a network: its network is {network}": "«{text}» n'est pas un réseau : son réseau est {network}",
    "«{text:any}» is not a network: expected one such as 10.0.0.0/8, 192.0.2.7 or 2001:db8::/32":
        "«{text}» n'est pas un réseau : il en faut un comme 10.0.0.0/8, 192.0.2.7 ou 2001:db8::/32",
    # CKAN
    "BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not both set: nothing was published":
        "BEFFROI_CKAN_URL et BEFFROI_CKAN_TOKEN ne sont pas donnés tous les deux : rien n'a été publié",
    "{name} has no version yet: `beffroi run {name}` makes one": "{name} n'a pas encore de version : `beffroi run {name}` en fait une",
    "{name} is never published: {why:said}": "{name} n'est jamais publié : {why}",
    "BEFFROI_CKAN_URL must be CKAN's whole address, like https://data.example.org":
        "BEFFROI_CKAN_URL doit être l'adresse entière de CKAN, comme https://data.example.org",
    "beffroi.yaml says nothing of publication.ckan: name the organisation to publish as":
        "beffroi.yaml ne dit rien de publication.ckan : nommez l'organisation au nom de laquelle publier",
    "CKAN does not let us do {action}: check BEFFROI_CKAN_TOKEN":
        "CKAN ne nous laisse pas faire {action} : vérifiez BEFFROI_CKAN_TOKEN",
    "CKAN does not let us publish as {organisation}: check BEFFROI_CKAN_TOKEN and its user's role":
        "CKAN ne nous laisse pas publier au nom de {organisation} : vérifiez BEFFROI_CKAN_TOKEN et le rôle de son utilisateur",
    "CKAN has a package «{name:any}» that Beffroi did not make (organisation: {owner:any}): rename the dataset, or remove that"
    " package":
        "CKAN a un paquet «{name}» que Beffroi n'a pas fait (organisation : {owner}) : renommez le jeu de données, ou supprimez"
        " ce paquet",
    "CKAN does not show {name} as it was sent: publish it again": "CKAN ne montre pas {name} tel qu'il a été envoyé : publiez-le de nouveau",
    "CKAN refuses {action}: {fields:any} not valid there": "CKAN refuse {action} : {fields} non valable pour lui",
    "CKAN's answer to {action} is not CKAN's: check BEFFROI_CKAN_URL":
        "la réponse à {action} n'est pas celle d'un CKAN : vérifiez BEFFROI_CKAN_URL",
    "CKAN failed at {action} ({error})": "CKAN a échoué à {action} ({error})",
    "CKAN did not keep the resource {file}": "CKAN n'a pas gardé la ressource {file}",
    "it has personal columns: {columns:list}": "il a des colonnes personnelles : {columns}",
    "its audience is {audience}": "son public est {audience}",
}  # fmt: skip
