"""What commands for operators print besides results, in French: each sentence by its English one, as `french.FRENCH` has."""

from collections.abc import Mapping

FRENCH: Mapping[str, str] = {
    # counts
    "{count} access": "{count} accès",
    "{count} accesses": "{count} accès",
    "{count} application": "{count} application",
    "{count} applications": "{count} applications",
    "{count} decision": "{count} décision",
    "{count} decisions": "{count} décisions",
    "{count} dataset": "{count} jeu de données",
    "{count} datasets": "{count} jeux de données",
    "{count} entry": "{count} entrée",
    "{count} entries": "{count} entrées",
    "{count} field": "{count} champ",
    "{count} fields": "{count} champs",
    "{count} lookup": "{count} consultation",
    "{count} lookups": "{count} consultations",
    "{count} operation": "{count} opération",
    "{count} operations": "{count} opérations",
    "{count} outcome": "{count} résultat",
    "{count} outcomes": "{count} résultats",
    "{count} problem": "{count} problème",
    "{count} problems": "{count} problèmes",
    "{count} registry": "{count} registre",
    "{count} registries": "{count} registres",
    # stages of a run
    "scan|stage": "lecture",
    "clean|stage": "nettoyage",
    "expect|stage": "contrôle",
    "link|stage": "rapprochement",
    "write|stage": "écriture",
    "faces|stage": "fichiers",
    "commit|stage": "validation",
    # versions
    "committed": "validée le",
    "schema": "schéma",
    "files": "fichiers",
    "all|files": "tous",
    "none|files": "aucun",
    "back to {version}": "retour à la version {version}",
    "held": "retenue",
    "The files of version {version} are in {folder}": "Les fichiers de la version {version} sont dans {folder}",
    "version {version}, schema {schema}: {change}": "version {version}, schéma {schema} : {change}",
    "{dataset}: version {old} to {new}: {added} added, {changed} changed, {removed} removed":
        "{dataset} : de la version {old} à la version {new}, lignes ajoutées : {added}, changées : {changed}, retirées :"
        " {removed}",
    "not compared: {column} ({why})": "non comparée : {column} ({why})",
    "More rows follow: --limit 0 shows all.": "D'autres lignes suivent : --limit 0 les montre toutes.",
    "{dataset} is at version {version}, with the content of version {content}: {rows}":
        "{dataset} est à la version {version}, avec le contenu de la version {content} : {rows}",
    "It is held there: `beffroi run {dataset} --release` lets it go on.":
        "Le jeu de données y est retenu : `beffroi run {dataset} --release` le laisse repartir.",
    "Made from another version of it, directly or not: {names}. `beffroi run {words}` makes them anew; of those with a"
    " schedule, `beffroi run --due` does too.":
        "Faits à partir d'une autre de ses versions, directement ou non : {names}. `beffroi run {words}` les refait ; pour"
        " ceux qui ont un horaire, `beffroi run --due` aussi.",
    # publication
    "Not published: BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN are not set; where CKAN has it, `beffroi publish` brings it back"
    " there too":
        "Non publié : BEFFROI_CKAN_URL et BEFFROI_CKAN_TOKEN ne sont pas donnés ; si CKAN l'a, `beffroi publish` l'y ramène"
        " aussi",
    "published": "publié",
    "published: {address}": "publié : {address}",
    "unchanged|publication": "inchangé",
    "failed|publication": "échec",
    "state": "état",
    "address": "adresse",
    # doctor
    "bytes in the lake": "octets dans le lac",
    "ready-made files": "fichiers prêts",
    "raw inputs": "données brutes",
    " ({count} bytes)": " ({count} octets)",
    "leftover": "reste",
    "undeclared": "non déclaré",
    "broken": "cassé",
    "busy": "occupé",
    "mended": "supprimé",
    "Nothing is amiss.": "Tout est en ordre.",
    "`beffroi doctor --mend` removes the leftovers; the next run of a dataset does so too.":
        "`beffroi doctor --mend` supprime les restes ; la prochaine exécution d'un jeu de données le fait aussi.",
    # tokens
    "id": "identifiant",
    "issued": "délivré le",
    "expires": "expire le",
    "from": "depuis",
    "valid": "valable",
    "not valid": "non valable",
    "everywhere": "n'importe où",
    "revoked: {token} of {application}": "révoqué : {token} ({application})",
    # the journal
    "{entries}{erased}, head {head}: {whole}{held}": "{entries}{erased}, tête {head} : {whole}{held}",
    ", {count} entries erased under retention": ", dont {count} effacées au terme de leur conservation",
    ", anchored to entry {number}": ", ancré jusqu'à l'entrée {number}",
    ", and no anchor holds it": ", et aucune ancre ne le tient",
    "whole": "intact",
    "BROKEN": "ROMPU",
    "{file}: entry {number}, head {head}": "{file} : entrée {number}, tête {head}",
    "key {key}, before it {before}": "clé {key}, auparavant {before}",
    "class": "classe",
    "kept|entries": "durée de conservation",
    "erased before": "effacées avant le",
    "erased": "effacées",
    "would be erased": "seraient effacées",
    "The workspace declares no journal: retention:, so that everything is kept.":
        "L'espace de travail ne déclare pas journal: retention:, si bien que tout est conservé.",
    "time (UTC)": "heure (UTC)",
    "who": "qui",
    "what": "quoi",
    "command line": "ligne de commande",
    "nobody known": "inconnu",
    "whole file": "fichier entier",
    "Entries made with the keys {keys} cannot be searched: those keys are not here.":
        "Les entrées faites avec les clés {keys} ne peuvent pas être cherchées : ces clés ne sont pas ici.",
    # receipts
    "claim": "ce que dit le reçu",
    "entry {number}, hash {hash}": "entrée {number}, empreinte {hash}",
    "entry {number} is of something else ({names}): the gateway's key signed what it never told":
        "l'entrée {number} porte sur autre chose ({names}) : la clé de la passerelle a signé ce que celle-ci n'a jamais dit",
    "The receipt is genuine.": "Le reçu est authentique.",
    "It proves that this gateway gave this answer. Whether the source was right, and who holds the receipt now, it does not.":
        "Il prouve que cette passerelle a donné cette réponse. Que la source ait eu raison, et qui détient le reçu"
        " aujourd'hui, il ne le prouve pas.",
    "identifier": "identifiant",
    "it is the one asked for": "c'est celui qui a été demandé",
    "it is ANOTHER than was asked for": "c'est un AUTRE que celui qui a été demandé",
    "not compared: see --identifier": "non comparé : voyez --identifier",
    "data": "données",
    "they are those given": "ce sont celles qui ont été données",
    "they are NOT those given": "ce ne sont PAS celles qui ont été données",
    "not compared: see --data": "non comparées : voyez --data",
    "journal": "journal",
    "the entry is in it, whole, and says the same": "l'entrée y est, intacte, et dit la même chose",
    "the entry is NOT in it, or says something ELSE, or the journal is BROKEN":
        "l'entrée n'y est PAS, ou dit AUTRE chose, ou le journal est ROMPU",
    "not compared: see --journal; or the content of the entry is erased":
        "non comparé : voyez --journal ; ou le contenu de l'entrée est effacé",
    # the workspace, the gateway, the sandbox
    "Next: {line}": "Ensuite : {line}",
    "WARN {warning}": "ATTENTION {warning}",
    "registry": "registre",
    "status": "état",
    "no probe": "sans essai",
    "{name}: {counts}: no problem": "{name} : {counts} : aucun problème",
    "The gateway is at {url}; Ctrl-C ends it.": "La passerelle est à l'adresse {url} ; Ctrl-C l'arrête.",
    "running": "en marche",
    "stopped": "arrêté",
    "stopped: {names}": "arrêté : {names}",
    "none was running": "aucun n'était en marche",
    "Written: {file}": "Écrit : {file}",
    # registries and schemas
    "Its file has another name now: say wsdl: {wsdl} in registries/{name}.yaml":
        "Son fichier a un autre nom à présent : dites wsdl: {wsdl} dans registries/{name}.yaml",
    "The WSDL has several ports ({ports}): {port} is asked.": "Le WSDL a plusieurs ports ({ports}) : {port} est interrogé.",
    "{operation} cannot be used: {why}": "{operation} ne peut pas servir : {why}",
    "soap: {operations}. Next: beffroi connector show {name} && beffroi check":
        "soap : {operations}. Ensuite : beffroi connector show {name} && beffroi check",
    "Read it, then: {line}": "Relisez-le, puis : {line}",
    "Read them, then: {line}": "Relisez-les, puis : {line}",
    "no address": "sans adresse",
    "port {name}: SOAP {soap}, {operations}, {address}": "port {name} (SOAP {soap}) : {operations}, {address}",
    "an answer, for example": "une réponse, par exemple",
    "left out: {why}": "laissé de côté : {why}",
    "The command line is kept and can be seen: better give personal data by --parameters -":
        "La ligne de commande est conservée et visible : donnez plutôt les données personnelles par --parameters -",
    "set aside, since the schema does not know it: {extra}": "écarté, car le schéma ne le connaît pas : {extra}",
    "headers: {headers}": "en-têtes : {headers}",
    "ok  ": "bon  ",
    "FAIL": "ÉCHEC",
    "Next: say schema: schemas/{name}.json in a dataset; --show, or --dataset, drafts one":
        "Ensuite : dites schema: schemas/{name}.json dans un jeu de données ; --show, ou --dataset, en ébauche un",
}  # fmt: skip
