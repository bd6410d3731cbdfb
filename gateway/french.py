"""What commands for stewards print besides results, in French: each sentence by its English one.

Errors, and what a command says of itself, stay English. Who is asked for `--lang` gives `told` the language.
"""

from collections.abc import Callable, Mapping

LANGUAGES = ("en", "fr")
"""What `--lang` can be."""

FRENCH: Mapping[str, str] = {
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
    "changed": "changé depuis",
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
    "{count} decisions are in {file}.": "{count} décisions sont dans {file}.",
    "Taken over: {new}. Known already: {known}, older than what holds: {older}, without a verdict: {empty}.":
        "Reprises : {new}. Déjà connues : {known}, plus anciennes que ce qui est en vigueur : {older}, sans verdict : {empty}.",
    "{gone} of them are on records that the version does not have.":
        "{gone} d'entre elles portent sur des enregistrements que la version n'a pas.",
    "The gateway reads the workspace when it starts: after a change, start it again.":
        "La passerelle lit l'espace de travail à son démarrage : après un changement, redémarrez-la.",
}  # fmt: skip


def told(lang: str) -> Callable[..., str]:
    """Return what puts a sentence, with what it names, into a language, `en` or `fr`."""

    def said(english: str, **named: object) -> str:
        return (FRENCH[english] if lang == "fr" else english).format(**named)

    return said
