"""The words of a run's report, in French and English, and its numbers and moments as each of the two writes them.

A name stands where no word before it depends on how it begins: between «…», or before a comma. A word that depends on
a number stands twice, for one and for many: `several` chooses.
"""

import datetime as dt
from collections.abc import Mapping

Words = Mapping[str, str]

ENGLISH: Words = {
    "language": "en",
    "thousands": ",",
    "point": ".",
    "bytes": "B kB MB GB TB",
    "title": "Run of {dataset}",
    "began": "began on {moment}",
    "new": "A new version: {version}.",
    "unchanged": "Nothing has changed: version {version} stands.",
    "made": "The run of {moment} made it: `beffroi report {dataset} --run {run}` tells what changed then.",
    "failed": "The run failed. The last version stays as it was.",
    "preview_new": "A preview: nothing was committed. A run would make version {version}.",
    "preview_same": "A preview: nothing was committed. A run would change nothing.",
    "replayed": "No source was asked: what the last run had read was judged anew.",
    "sum": "The sum of the rows",
    "sum_holds": "{rows_in} in = {rows_out} out + {quarantined} + {merged}. Each was counted by itself.",
    "sum_open": "The sum does not hold: {rows_in} in, but {rows_out} out + {quarantined} + {merged}.",
    "some_quarantined": "{count} refused|{count} refused",
    "some_merged": "{count} merged|{count} merged",
    "some_rows": "{count} row|{count} rows",
    "sum_none": "The run ended before its rows were counted.",
    "rows_heads": "What became of the rows|Rows|Share",
    "out": "Out: they make the version",
    "quarantined": "Refused: they are in quarantine",
    "merged": "Merged into another row of the same key",
    "in": "In: what the sources gave",
    "sources": "Sources",
    "sources_heads": "Source|Where from|Rows|Refused|Merged|Size|Raw file",
    "version_of": "{dataset}, version {version}",
    "not_read": "«{source}» was not read: {reason}. Its rows are those of {moment}, {age} before this run.",
    "not_read_down": "it did not answer",
    "not_read_late": "it did not finish its answer in time",
    "not_read_busy": "it was busy",
    "not_read_maintenance": "it was under planned maintenance",
    "not_read_unreadable": "what it gave could not be read",
    "not_read_not-delivered": "its file has not come",
    "not_read_refused-us": "it refused us",
    "not_read_misconfigured": "it no longer has what it is asked for",
    "some_hours": "{count} hour|{count} hours",
    "some_days": "{count} day|{count} days",
    "why_whole": "All rows were judged, not only those that came, since {reason}.",
    "changes": "Against the version before",
    "changes_heads": "What|Rows",
    "added": "Rows added",
    "changed": "Rows changed",
    "removed": "Rows removed",
    "corrected": "Rows taken as a person corrected them",
    "conflicts": "Values not kept: another row of the same key has another",
    "differing": "Values not kept, by column and source",
    "differing_lines": "`beffroi conflicts {dataset}` tells the rows.",
    "differing_heads": "Column|Rule|Kept: the value of|Not kept: that of|Values",
    "differing_most": "Shown are the {shown} most frequent of {all} pairs of sources in a column.",
    "differing_columns": "Values not kept, by column",
    "differing_rows": "Sources differ in {rows} of {all} rows.",
    "differing_columns_heads": "Column|Rule|Rows|Values not kept",
    "differing_sources": "Values not kept, by source",
    "differing_source_lines": "`beffroi conflicts {dataset} --source NAME` tells those of one.",
    "differing_sources_heads": "Source|Its values not kept|Kept over others|Most often not kept",
    "schema": "The columns are of version {version}.",
    "schema_patch": "The columns are of version {version}: what is said of them has changed.",
    "schema_minor": "The columns are of version {version}: more can be read than before, and nothing less.",
    "schema_major": "The columns are of version {version}: whoever reads them must see what has changed.",
    "refused": "Why rows were refused",
    "refused_heads": "Column|Rule|Why|Rows|Share",
    "refused_several": "A row that several rules refuse is counted at each.",
    "whole_row": "(whole row)",
    "row_reason": "could not be taken as it came",
    "expectations": "Expectations of the version",
    "expectations_heads": "Expectation|Column|Measured|Allowed|Met",
    "expect_rows": "Number of rows",
    "expect_refused": "Share of refused rows",
    "expect_freshness": "Age of the newest value, in days",
    "expect_drift_rows": "Change of the number of rows",
    "expect_drift_keys": "Rows of the last version that are gone",
    "expect_drift_sources": "Rows that a source has lost",
    "expect_drift_empty": "Change of the share of empty values",
    "expect_drift_values": "Change of the values",
    "expect_drift_columns": "Columns that the source no longer has",
    "accepted": "accepted as it is",
    "expect_unread": "Unread columns that were not expected",
    "least": "at least {least}",
    "most": "at most {most}",
    "between": "{least} to {most}",
    "yes": "✓ yes",
    "no": "✗ no",
    "unread": "Columns of the source that nothing reads",
    "needed": "Other datasets that were read",
    "needed_heads": "Dataset|Version",
    "columns": "The columns of the version",
    "columns_heads": "Column|Empty|Distinct|Least|Greatest|Most frequent",
    "personal": "personal data: not shown",
    "took": "What it took",
    "took_heads": "Stage|Seconds",
    "stage_scan": "Reading the sources",
    "stage_clean": "Cleaning and judging",
    "stage_link": "Linking",
    "stage_expect": "Counting and comparing",
    "stage_write": "Writing",
    "stage_faces": "Making files and index",
    "stage_commit": "Committing",
    "all": "In all",
    "resources": "CPU of the process until then: {cpu} s; memory at most: {memory} MB, with the runs beside it.",
    "by": "Written by Beffroi. No value of a refused row stands on this page.",
}

FRENCH: Words = {
    "language": "fr",
    "thousands": "\u202f",
    "point": ",",
    "bytes": "o ko Mo Go To",
    "title": "Exécution de «\u00a0{dataset}\u00a0»",
    "began": "commencée le {moment}",
    "new": "Une nouvelle version : {version}.",
    "unchanged": "Rien n'a changé : la version {version} demeure.",
    "made": "L'exécution du {moment} l'a faite : `beffroi report {dataset} --run {run}` dit ce qui a changé alors.",
    "failed": "L'exécution a échoué. La dernière version reste ce qu'elle était.",
    "preview_new": "Un aperçu : rien n'a été validé. Une exécution ferait la version {version}.",
    "preview_same": "Un aperçu : rien n'a été validé. Une exécution ne changerait rien.",
    "replayed": "Aucune source n'a été interrogée : ce que la dernière exécution avait lu a été jugé de nouveau.",
    "sum": "La somme des lignes",
    "sum_holds": "{rows_in} en entrée = {rows_out} en sortie + {quarantined} + {merged}."
    " Chaque nombre a été compté à part.",
    "sum_open": "La somme n'est pas juste : {rows_in} en entrée, mais {rows_out} en sortie + {quarantined} + {merged}.",
    "some_quarantined": "{count} refusée|{count} refusées",
    "some_merged": "{count} fusionnée|{count} fusionnées",
    "some_rows": "{count} ligne|{count} lignes",
    "sum_none": "L'exécution s'est terminée avant que ses lignes soient comptées.",
    "rows_heads": "Ce que sont devenues les lignes|Lignes|Part",
    "out": "En sortie : elles font la version",
    "quarantined": "Refusées : elles sont en quarantaine",
    "merged": "Fusionnées avec une autre ligne de même clé",
    "in": "En entrée : ce que les sources ont donné",
    "sources": "Sources",
    "sources_heads": "Source|Origine|Lignes|Refusées|Fusionnées|Taille|Fichier brut",
    "version_of": "{dataset}, version {version}",
    "not_read": "«\u00a0{source}\u00a0» n'a pas été lue : {reason}. Ses lignes sont celles du {moment}, {age} avant cette"
    " exécution.",
    "not_read_down": "elle n'a pas répondu",
    "not_read_late": "elle n'a pas fini de répondre à temps",
    "not_read_busy": "elle était occupée",
    "not_read_maintenance": "elle était en maintenance prévue",
    "not_read_unreadable": "ce qu'elle a donné n'a pas pu être lu",
    "not_read_not-delivered": "son fichier n'est pas venu",
    "not_read_refused-us": "elle nous a refusé l'accès",
    "not_read_misconfigured": "elle n'a plus ce qui lui est demandé",
    "some_hours": "{count} heure|{count} heures",
    "some_days": "{count} jour|{count} jours",
    "why_whole": "Toutes les lignes ont été jugées, et pas seulement celles qui sont venues, car {reason}.",
    "changes": "Par rapport à la version précédente",
    "changes_heads": "Quoi|Lignes",
    "added": "Lignes ajoutées",
    "changed": "Lignes modifiées",
    "removed": "Lignes retirées",
    "corrected": "Lignes prises comme une personne les a corrigées",
    "conflicts": "Valeurs écartées : une autre ligne de même clé en a une autre",
    "differing": "Valeurs écartées, par colonne et par source",
    "differing_lines": "`beffroi conflicts {dataset}` dit de quelles lignes.",
    "differing_heads": "Colonne|Règle|Retenue : celle de|Écartée : celle de|Valeurs",
    "differing_most": "Sont montrées les {shown} paires de sources les plus fréquentes, sur {all} par colonne.",
    "differing_columns": "Valeurs écartées, par colonne",
    "differing_rows": "Les sources diffèrent dans {rows} lignes sur {all}.",
    "differing_columns_heads": "Colonne|Règle|Lignes|Valeurs écartées",
    "differing_sources": "Valeurs écartées, par source",
    "differing_source_lines": "`beffroi conflicts {dataset} --source NOM` dit celles de l'une d'elles.",
    "differing_sources_heads": "Source|Ses valeurs écartées|Retenues contre d'autres|Le plus souvent écartées",
    "schema": "Les colonnes sont de la version {version}.",
    "schema_patch": "Les colonnes sont de la version {version} : ce qui en est dit a changé.",
    "schema_minor": "Les colonnes sont de la version {version} : on y lit davantage qu'avant, et rien de moins.",
    "schema_major": "Les colonnes sont de la version {version} : qui les lit doit voir ce qui a changé.",
    "refused": "Pourquoi des lignes ont été refusées",
    "refused_heads": "Colonne|Règle|Pourquoi|Lignes|Part",
    "refused_several": "Une ligne que plusieurs règles refusent est comptée pour chacune.",
    "whole_row": "(ligne entière)",
    "row_reason": "n'a pas pu être prise telle qu'elle est venue",
    "expectations": "Ce qui est attendu de la version",
    "expectations_heads": "Attente|Colonne|Mesuré|Permis|Tenue",
    "expect_rows": "Nombre de lignes",
    "expect_refused": "Part de lignes refusées",
    "expect_freshness": "Âge de la valeur la plus récente, en jours",
    "expect_drift_rows": "Variation du nombre de lignes",
    "expect_drift_keys": "Lignes de la dernière version qui ont disparu",
    "expect_drift_sources": "Lignes qu'une source a perdues",
    "expect_drift_empty": "Variation de la part de valeurs vides",
    "expect_drift_values": "Variation des valeurs",
    "expect_drift_columns": "Colonnes que la source n'a plus",
    "accepted": "acceptée telle quelle",
    "expect_unread": "Colonnes non lues et non prévues",
    "least": "au moins {least}",
    "most": "au plus {most}",
    "between": "de {least} à {most}",
    "yes": "✓ oui",
    "no": "✗ non",
    "unread": "Colonnes de la source que rien ne lit",
    "needed": "Autres jeux de données lus",
    "needed_heads": "Jeu de données|Version",
    "columns": "Les colonnes de la version",
    "columns_heads": "Colonne|Vides|Distinctes|Minimum|Maximum|Les plus fréquentes",
    "personal": "donnée personnelle : non montrée",
    "took": "Ce que cela a pris",
    "took_heads": "Étape|Secondes",
    "stage_scan": "Lecture des sources",
    "stage_clean": "Nettoyage et contrôle",
    "stage_link": "Liaison",
    "stage_expect": "Décompte et comparaison",
    "stage_write": "Écriture",
    "stage_faces": "Fichiers et index",
    "stage_commit": "Validation",
    "all": "En tout",
    "resources": "Processeur du processus jusque-là : {cpu} s ; mémoire au plus : {memory} Mo, exécutions parallèles"
    " comprises.",
    "by": "Écrit par Beffroi. Aucune valeur d'une ligne refusée ne figure sur cette page.",
}

LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "fr": FRENCH}


def count(value: float, said: Words) -> str:
    """Return a number as the language writes it, without a fraction."""
    return f"{value:,.0f}".replace(",", said["thousands"])


def several(key: str, value: float, said: Words) -> str:
    """Return a number with its word: in English the singular is for 1 alone, in French for 0 too."""
    one, many = said[key].split("|")
    return (one if value == 1 or (value == 0 and said["language"] == "fr") else many).format(count=count(value, said))


def decimal(value: float, said: Words, places: int = 2) -> str:
    """Return a number as the language writes it."""
    whole, _, fraction = f"{value:,.{places}f}".partition(".")
    return whole.replace(",", said["thousands"]) + (said["point"] + fraction if fraction else "")


def plain(value: object, said: Words) -> str:
    """Return a value as it is, the sign of its decimals as the language has it; nothing for none."""
    told = "" if value is None else str(value)
    return told.replace(".", said["point"]) if isinstance(value, float) else told


def share(part: float, whole: float, said: Words) -> str:
    """Return a share in percent; nothing of nothing. What is there is never told to be 0 %."""
    if not whole:
        return ""
    percent = 100 * part / whole
    blank = "\u00a0" if said["language"] == "fr" else ""
    if 0 < percent < 0.01:
        return f"< {decimal(0.01, said)}{blank}%"
    return f"{decimal(percent, said)}{blank}%"


def size(value: float, said: Words) -> str:
    """Return a number of bytes with its unit."""
    units = said["bytes"].split()
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units = units[1:]
    return f"{decimal(value, said, 0 if units[0] in ('B', 'o') else 1)} {units[0]}"


def moment(value: dt.datetime, zone: dt.tzinfo) -> str:
    """Return a moment for people of both languages, on the clocks of a zone, which is said: `2026-11-22 14:25 CET`."""
    return f"{value.astimezone(zone):%Y-%m-%d %H:%M %Z}"
