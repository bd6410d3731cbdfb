"""What commands for stewards print besides results, in French: each sentence by its English one.

Errors have their French in `gateway/languages/`, as those that the gateway answers with, and so has what a command says
of itself (`--help`). Errors as JSON stay English.
"""

from collections.abc import Callable, Mapping

from gateway.languages import LANGUAGE as LANGUAGE  # noqa: PLC0414  # commands know it from here
from gateway.languages import printed

LANGUAGES = ("en", "fr")
"""What `--lang` can be."""

FRENCH: Mapping[str, str] = {
    **printed.FRENCH,
    ": ": " : ",
    "dataset": "jeu de données",
    "source": "source",
    "row": "ligne",
    "rows": "lignes",
    "column": "colonne",
    "rule": "règle",
    "reason": "raison",
    "step": "étape",
    "value": "valeur",
    "corrected": "corrigée",
    "refused": "refusée",
    "by": "par",
    "when": "quand",
    "why": "pourquoi",
    "columns": "colonnes",
    "for example": "par exemple",
    "as the source has it": "telle que la source l'a",
    "column of the source": "colonne de la source",
    "makes of it": "en fait",
    "as corrected": "telle que corrigée",
    "as it comes": "telle qu'elle vient",
    "not kept": "non conservée",
    "no more": "plus aucune",
    "version {version}": "version {version}",
    "a run that failed": "une exécution qui a échoué",
    "row {place} of {source}": "ligne {place} dans {source}",
    "{dataset}: row {place} of {source} ({of})": "{dataset} : ligne {place} dans {source} ({of})",
    ", line {line} of its file": ", ligne {line} du fichier",
    "{dataset}: more rows follow: --limit 0 shows all": "{dataset} : d'autres lignes suivent : --limit 0 les montre toutes",
    "The quarantine is empty.": "La quarantaine est vide.",
    "No correction holds.": "Aucune correction n'est en vigueur.",
    "corrected in {columns}": "corrigée dans {columns}",
    "as it came again": "de nouveau telle qu'elle est venue",
    "{dataset}: row {place} of {source} is {what}": "{dataset} : la ligne {place} dans {source} est {what}",
    "By itself it passes now: `beffroi quarantine replay {dataset}` brings it in.":
        "Prise seule, elle passe à présent : `beffroi quarantine replay {dataset}` la fait entrer.",
    "It would be refused still.": "Elle serait encore refusée.",
    "{dataset}: row {row}{key} of version {version}{back}": "{dataset} : ligne {row}{key} de la version {version}{back}",
    ", the content of version {version}": ", le contenu de la version {version}",
    "made by the run of {run}, committed {committed}": "faite par l'exécution du {run}, validée le {committed}",
    "made by a run that is not known, committed {committed}":
        "faite par une exécution qui n'est pas connue, validée le {committed}",
    "conflict in {column}: {kept_source} kept by «{rule}», not row {place} of {other_source}":
        "conflit dans {column} : {kept_source} retenue par «{rule}», non la ligne {place} dans {other_source}",
    "row {place} of {source} and row {other_place} of {other_source} are one: {reason}":
        "la ligne {place} dans {source} et la ligne {other_place} dans {other_source} n'en font qu'une : {reason}",
    ": {kept} kept, not {other}": " : {kept} retenue, non {other}",
    "{file} of that version is no longer kept": "{file} de cette version n'est plus conservé",
    "from row {place} of {source}, of {where}": "de la ligne {place} dans {source}, {where}",
    "merged with row {place} of {source}, of {where}": "fusionnée avec la ligne {place} dans {source}, {where}",
    "the registry {registry}": "du registre {registry}",
    "the dataset {dataset}": "du jeu de données {dataset}",
    ", table {table}": ", table {table}",
    "raw file {raw}{seen}, {there}": "fichier brut {raw}{seen}, {there}",
    ", first seen {seen}": ", vu pour la première fois le {seen}",
    "kept": "conservé",
    "no longer kept": "plus conservé",
    "version {version} of {dataset}, {there}": "{dataset}, version {version}, {there}",
    "as it came: {values}": "telle qu'elle est venue : {values}",
    "judged as corrected by a person; the correction was taken back since":
        "jugée telle qu'une personne l'a corrigée ; la correction a été retirée depuis",
    "corrected in {columns}{values} by {by}, {when}: {why}": "corrigée dans {columns}{values} par {by}, le {when} : {why}",
    " to {values}": " en {values}",
    "{dataset}: row {place} of {source}, in version {version}": "{dataset} : ligne {place} dans {source}, dans la version {version}",
    "is row {row}{key}": "est la ligne {row}{key}",
    "was merged into row {place} of {source}, which is row {row}{key}":
        "a été fusionnée avec la ligne {place} dans {source}, qui est la ligne {row}{key}",
    "was refused": "a été refusée",
    "why is no longer kept": "la raison n'est plus conservée",
    "name": "nom",
    "application": "application",
    "credentials": "justificatifs",
    "purpose": "finalité",
    "may see": "peut voir",
    "send": "envoyer",
    "until": "jusqu'au",
    "procedure": "procédure",
    "legal basis": "base légale",
    "agreement": "convention",
    "EXPIRED": "EXPIRÉE",
    "all": "toutes",
    "nothing": "rien",
    "no credential": "aucun",
    "no limit": "aucune",
    "token": "jeton",
    "certificate": "certificat",
    "openid": "client OpenID",
    "minute": "minute",
    "day": "jour",
    "verify only: {fields}": "vérifier seulement : {fields}",
    " until {day}": " jusqu'au {day}",
    " from {networks}": " depuis {networks}",
    "{resource} is open: everybody may see all of it, without a credential":
        "{resource} est ouvert : tout le monde peut tout en voir, sans justifier de son identité",
    "{application} of {organisation} may ask {resource}": "{application} ({organisation}) peut interroger {resource}",
    "{application} of {organisation} may not ask {resource}": "{application} ({organisation}) ne peut pas interroger {resource}",
    "{application} of {organisation} has a grant on {resource}, but no credential: it cannot ask yet":
        "{application} ({organisation}) a une habilitation sur {resource}, mais aucun justificatif : elle ne peut pas encore"
        " interroger",
    "there is no grant": "il n'y a aucune habilitation",
    "whole files: yes": "fichiers entiers : oui",
    "credentials in force: {credentials}": "justificatifs en vigueur : {credentials}",
    "limits: {limits}": "limites : {limits}",
    "{most} calls a {window} ({left} left)": "{most} demandes par {window} (il en reste {left})",
    "{application} has no grant on it. Write one in {file}, under {at}: {grant}. Its fields: {fields}":
        "{application} n'a pas d'habilitation dessus. Écrivez-en une dans {file}, sous {at} : {grant}. Ses champs : {fields}",
    "no grant for a purpose in force gives it {fields}: add what it needs to fields: in {file}, under {at}":
        "aucune habilitation pour une finalité en vigueur ne lui donne {fields} : ajoutez ce qu'il lui faut à fields: dans {file},"
        " sous {at}",
    "the purpose {purpose} expired on {day}: once it is agreed anew, write its new expires: in {file}":
        "la finalité {purpose} a expiré le {day} : une fois la convention renouvelée, écrivez le nouvel expires: dans {file}",
    "nobody can call as {application}, which has no credential in force: `beffroi token issue {application}`":
        "personne ne peut demander au nom de {application}, qui n'a aucun justificatif en vigueur :"
        " `beffroi token issue {application}`",
    "field": "champ",
    "records": "enregistrements",
    "decision": "décision",
    "same": "même",
    "different": "différent",
    "unsure": "incertain",
    "withdrawn": "retirée",
    "doubtful": "douteux",
    "changed": "changements",
    "contradiction": "contradiction",
    "there": "présents",
    "gone": "disparus",
    "aside": "écartée : elle contredit d'autres décisions",
    "What was found or decided contradicts a decision, and was set aside: --raw names the way between.":
        "Ce qui a été trouvé ou décidé contredit une décision et a été écarté : --raw nomme le chemin entre les deux.",
    "Note": "Note",
    "Note: {note}": "Note : {note}",
    "{place} of {count}": "{place} sur {count}",
    "rows that «same» would move: {rows}": "lignes que « même » ferait changer : {rows}",
    "[s]ame, [d]ifferent, [u]nsure, s[k]ip, [n]ote, [b]ack, [q]uit":
        "[m]ême, [d]ifférent, [i]ncertain, [p]asser, [n]ote, [r]etour, [q]uitter",
    "That is none of the answers: type one of their letters.":
        "Ce n'est aucune des réponses : tapez une de leurs lettres.",
    "Decided: {verdict}, by {author} on {when}.": "Décidé : {verdict}, par {author} le {when}.",
    "Since then {record} has changed.": "Depuis, {record} a changé.",
    "Set aside, as it contradicts what {author} decided on {when}. The way between: {way}":
        "Mis de côté, car cela contredit ce que {author} a décidé le {when}. Le chemin entre les deux : {way}",
    "No pair waits for a person.": "Aucune paire n'attend une personne.",
    "Nothing was decided yet.": "Rien n'a encore été décidé.",
    "Decided: {verdicts}. Waiting: {left}.": "Décidé : {verdicts}. En attente : {left}.",
    "{dataset}: {count} pairs wait: --limit 0 shows all": "{dataset} : {count} paires attendent : --limit 0 les montre toutes",
    "Kept: {verdict}.": "Enregistré : {verdict}.",
    "Decisions take effect at the next run: `beffroi link {dataset}`.":
        "Les décisions prennent effet à la prochaine exécution : `beffroi link {dataset}`.",
    "Erased: {count} of the decisions. The next run links without them: `beffroi link {dataset}`.":
        "Décisions effacées : {count}. La prochaine exécution rapproche sans elles : `beffroi link {dataset}`.",
    "{file}: {counted}.": "{file} : {counted}.",
    "Taken over: {new}. Known already: {known}, older than what holds: {older}, without a verdict: {empty}.":
        "Reprises : {new}. Déjà connues : {known}, plus anciennes que ce qui est en vigueur : {older}, sans verdict : {empty}.",
    "{gone} of them are on records that the version does not have.":
        "{gone} d'entre elles portent sur des enregistrements que la version n'a pas.",
    # errors: whose they are, and what to do
    "yours to mend": "à vous de corriger",
    "the registry's fault": "la faute du registre",
    "this workspace's or Beffroi's own": "de cet espace de travail ou de Beffroi même",
    "That is worth trying in {seconds} seconds.": "Vous pouvez réessayer dans {seconds} secondes.",
    "Mend what the detail names; `beffroi token issue APPLICATION` makes a token.":
        "Corrigez ce que le détail nomme ; `beffroi token issue APPLICATION` crée un jeton.",
    "The operator needs no grant, only what the detail asks for.":
        "L'exploitant n'a pas besoin d'habilitation, seulement de ce que le détail demande.",
    "Nothing was guessed. Try later; if it lasts, tell the registry's owner, or correct its declaration.":
        "Rien n'a été deviné. Réessayez plus tard ; si cela dure, prévenez qui tient le registre, ou corrigez sa déclaration.",
    "Try again later.": "Réessayez plus tard.",
    "Try again later: `beffroi check --online` tells whether the registry is there again.":
        "Réessayez plus tard : `beffroi check --online` dit si le registre est revenu.",
    "Try again later: the outage is planned, and the detail says until when.":
        "Réessayez plus tard : l'arrêt est prévu, et le détail dit jusqu'à quand.",
    "Renew this workspace's access to the registry, as the detail says; then try `beffroi check --online`.":
        "Renouvelez l'accès de cet espace de travail au registre, comme le détail l'indique ; puis essayez"
        " `beffroi check --online`.",
    "Correct what the detail names; `beffroi check` points at file and line where it can tell.":
        "Corrigez ce que le détail nomme ; `beffroi check` indique le fichier et la ligne quand il le peut.",
    "Mend what the detail names, or try again later.": "Corrigez ce que le détail nomme, ou réessayez plus tard.",
    "Try again later; where it is too little, raise the limit in beffroi.yaml.":
        "Réessayez plus tard ; si c'est trop peu, relevez la limite dans beffroi.yaml.",
    # lookups
    "Identifier: ": "Identifiant : ",
    "The command line is kept and can be seen: better leave the identifier out and type it.":
        "La ligne de commande est conservée et visible : omettez plutôt l'identifiant et tapez-le.",
    "the receipt is in {file}": "le reçu est dans {file}",
    "from {source}, {age} s old": "de {source}, âge : {age} s",
    "{provider} was asked first: {detail}": "{provider} a été interrogé d'abord : {detail}",
    "outcome": "résultat",
    # runs
    "rows in": "entrées",
    "rows out": "sorties",
    "quarantined": "refusées",
    "merged": "fusions",
    "added": "ajouts",
    "removed": "retraits",
    "version": "version",
    "seconds": "secondes",
    "new": "nouvelle",
    "unchanged": "inchangée",
    "preview": "aperçu",
    "run": "exécution",
    "failed": "échouée",
    "would be new": "serait nouvelle",
    "would be unchanged": "serait inchangée",
    "new version": "nouvelle version",
    "unchanged, version": "inchangé, version",
    "a preview of version": "aperçu de la version",
    "{outcome} {version}: {rows_in} in, {rows_out} out, {quarantined} quarantined, {merged} merged, {seconds} s":
        "{outcome} {version} : {rows_in} en entrée, {rows_out} en sortie, {quarantined} en quarantaine, {merged} par fusion,"
        " {seconds} s",
    "{dataset}: begins": "{dataset} : commence",
    "{dataset}: {note}": "{dataset} : {note}",
    "{count} row": "{count} ligne",
    "{count} rows": "{count} lignes",
    "{count} record": "{count} enregistrement",
    "{count} records": "{count} enregistrements",
    "{count} pair": "{count} paire",
    "{count} pairs": "{count} paires",
    "{count} cluster": "{count} groupe",
    "{count} clusters": "{count} groupes",
    "{rows}, {before} before: is the source whole?": "{rows}, {before} auparavant : la source est-elle entière ?",
    "{source} was not read ({why}): {day}'s rows stand":
        "{source} n'a pas été lue ({why}) : ses lignes du {day} restent en vigueur",
    "judged as a person has corrected it: {rows}": "jugées telles qu'une personne les a corrigées : {rows}",
    "nothing reads the source's columns {columns}": "rien ne lit les colonnes {columns} de la source",
    "{column}: of {records} {count} linked to {to}; doubtful: {doubtful}":
        "{column} : sur {records}, {count} liés à {to} ; en doute : {doubtful}",
    "{column}: {records}, {clusters}; doubtful: {doubtful}": "{column} : {records}, {clusters} ; en doute : {doubtful}",
    "the last version": "la dernière version",
    "{dataset} was made from {which} of {other}, whose own run failed":
        "{dataset} a été fait à partir de {which} de {other}, dont l'exécution a échoué",
    "Nothing is due.": "Rien n'est à exécuter.",
    "Stopped. What was under way left the last versions as they were; the next run sweeps the rest.":
        "Arrêté. Ce qui était en cours a laissé les dernières versions telles quelles ; la prochaine exécution nettoie le reste.",
    # links, conflicts, keys
    "{dataset}: more pairs follow: --limit 0 shows all": "{dataset} : d'autres paires suivent : --limit 0 les montre toutes",
    "{file}: {pairs}. Say in `verdict` same, different or unsure; then `--check {file}`.":
        "{file} : {pairs}. Dites dans `verdict` même, différent ou incertain ; puis `--check {file}`.",
    "{dataset}: more conflicts follow: --limit 0 shows all":
        "{dataset} : d'autres conflits suivent : --limit 0 les montre tous",
    "No value was in conflict with another.": "Aucune valeur n'était en conflit avec une autre.",
    "kept source": "source retenue",
    "other source": "autre source",
    "other place": "autre place",
    "key": "clé",
    "other": "autre",
    "The command line is kept and can be seen: better type personal keys, each on a line, for «-».":
        "La ligne de commande est conservée et visible : tapez plutôt les clés personnelles, une par ligne, avec «-».",
    "The command line is kept and can be seen: better type a personal key, for «-».":
        "La ligne de commande est conservée et visible : tapez plutôt une clé personnelle, avec «-».",
    "The command line is kept and can be seen: better leave personal values out and type them.":
        "La ligne de commande est conservée et visible : omettez plutôt les valeurs personnelles et tapez-les.",
    "The gateway reads the workspace when it starts: after a change, start it again.":
        "La passerelle lit l'espace de travail à son démarrage : après un changement, redémarrez-la.",
}  # fmt: skip


def language_of(environ: Mapping[str, str]) -> str:
    """Return the language that the environment asks for, as POSIX has it; English unless it is French."""
    said = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "fr" if said.lower().partition(".")[0].partition("_")[0] == "fr" else "en"


def told(lang: str | None = None) -> Callable[..., str]:
    """Return what puts a sentence, with what it names, into a language, `en` or `fr`; by default that of `LANGUAGE`.

    What stands behind a bar in a sentence is not said: it tells apart what is one word in English and several in French.
    """
    chosen = lang or LANGUAGE.get()

    def said(english: str, **named: object) -> str:
        return (FRENCH[english] if chosen == "fr" else english.partition("|")[0]).format(**named)

    return said
