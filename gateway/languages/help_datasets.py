"""What commands on datasets say of themselves (`--help`), in French: paragraph by paragraph, by the English."""

from collections.abc import Mapping

HELP: Mapping[str, str] = {
    "Show the rows that runs refused, correct them, and judge them anew.":
        "Montrer les lignes que les exécutions ont refusées, les corriger, et les juger de nouveau.",
    "List the refused rows of DATASETS (all, where none is named), each with its place and reasons.":
        "Énumérer les lignes refusées de DATASETS (de tous, si aucun n'est nommé), chacune avec sa place et ses raisons.",
    "The rows themselves come with --raw: an access like any other, for which data that are personal or not open need a"
    " --purpose.":
        "Les lignes elles-mêmes s'affichent avec --raw : un accès comme un autre, pour lequel des données personnelles ou non"
        " ouvertes demandent --purpose.",
    "Show the refused row at PLACE of a source of DATASET: its values, what is wrong, and what can be done.":
        "Montrer la ligne refusée à la place PLACE d'une source de DATASET : ses valeurs, ce qui ne va pas, et ce qu'on peut y"
        " faire.",
    "Of each column that failed it is told what its cleaning steps made of it, up to the one that refused it. The row is an"
    " access like any other: journaled, for which data that are personal or not open need a --purpose.":
        "De chaque colonne en faute, la commande dit ce que ses étapes de nettoyage en ont fait, jusqu'à celle qui l'a"
        " refusée. La ligne est un accès comme un autre : journalisé, et pour lequel des données personnelles ou non ouvertes"
        " demandent --purpose.",
    "Correct the refused row at PLACE of a source of DATASET: COLUMN, of the source, should have held VALUE.":
        "Corriger la ligne refusée à la place PLACE d'une source de DATASET : COLUMN, colonne de la source, aurait dû contenir"
        " VALUE.",
    "COLUMN alone, or COLUMN=@-, reads the value from standard input, where others do not see it and no shell keeps it;"
    " COLUMN= is no value at all. The correction holds in each later run while that row comes as it came. It is told at once"
    " whether the row would pass; `beffroi quarantine replay` brings it in.":
        "COLUMN seul, ou COLUMN=@-, lit la valeur sur l'entrée standard, où personne d'autre ne la voit et qu'aucun shell ne"
        " conserve ; COLUMN= est l'absence de valeur. La correction vaut à chaque exécution suivante tant que la ligne arrive"
        " telle qu'elle est venue. La commande dit aussitôt si la ligne passerait ; `beffroi quarantine replay` la fait"
        " entrer.",
    "Judge anew what the last run of DATASETS read: no source is asked.":
        "Juger de nouveau ce que la dernière exécution de DATASETS a lu : aucune source n'est interrogée.",
    "For after a row was corrected, or the declaration or a value map was mended. Each dataset gets a new version where its"
    " rows are other ones now.":
        "À faire quand une ligne a été corrigée, ou que la déclaration ou une table de valeurs l'a été. Chaque jeu de données"
        " dont les lignes ont alors changé reçoit une nouvelle version.",
    "Run DATASET, whose declaration has `link:`, and show the figures of its links.":
        "Exécuter DATASET, dont la déclaration contient `link:`, et montrer les chiffres de ses rapprochements.",
    "It is the run that `beffroi run` makes. Records that are as they were keep what was found of them: only what is new is"
    " compared, unless --full says otherwise.":
        "C'est l'exécution que fait `beffroi run`. Les enregistrements qui n'ont pas changé gardent ce qui a été trouvé d'eux"
        " : seul le nouveau est comparé, sauf si --full le demande.",
    "With --why, --doubtful, --sample or --check nothing is run: the links of the latest version are explained, and judged. A"
    ' RECORD is named by its key, or by its identity, as ["source", "key"]. Values, and identities that you have not named,'
    " come with --raw, and with --sample: an access like any other, for which data that are personal or not open need a"
    " --purpose.":
        "Avec --why, --doubtful, --sample ou --check rien n'est exécuté : les liens de la dernière version sont expliqués, et"
        ' jugés. RECORD est nommé par sa clé, ou par son identité, comme ["source", "clé"]. Les valeurs, et les identités que'
        " vous n'avez pas nommées, s'affichent avec --raw, et avec --sample : un accès comme un autre, pour lequel des données"
        " personnelles ou non ouvertes demandent --purpose.",
    "Say of pairs of records whether they are the same; `beffroi decide DATASET` asks, one pair after the other.":
        "Dire de paires d'enregistrements s'ils sont le même ; `beffroi decide DATASET` pose la question, une paire après"
        " l'autre.",
    "A decision takes effect at the next run, and holds in every later one.":
        "Une décision prend effet à l'exécution suivante, et vaut pour toutes celles d'après.",
    "Ask for the doubtful pairs of DATASET, the best first: both records side by side, and why they are doubtful.":
        "Interroger sur les paires douteuses de DATASET, les plus utiles d'abord : les deux enregistrements côte à côte, et"
        " pourquoi ils sont douteux.",
    "The best are contradictions of what was decided, then decisions whose records have changed, then the pairs whose answer"
    " is likely to move the most rows. The records of a sitting are one access: journaled, for which data that are personal or"
    " not open need a --purpose. Each answer is kept at once.":
        "Les plus utiles sont ce qui contredit une décision, puis les décisions dont les enregistrements ont changé, puis les"
        " paires dont la réponse ferait sans doute changer le plus de lignes. Les enregistrements d'une séance sont un seul"
        " accès : journalisé, et pour lequel des données personnelles ou non ouvertes demandent --purpose. Chaque réponse est"
        " conservée aussitôt.",
    "List the pairs of DATASET that wait for a person, the best first, each with its reasons.":
        "Énumérer les paires de DATASET qui attendent une personne, les plus utiles d'abord, chacune avec ses raisons.",
    "Which records they are, and what these have, comes with --raw: an access like any other, for which data that are personal"
    " or not open need a --purpose.":
        "De quels enregistrements il s'agit, et ce qu'ils contiennent, s'affiche avec --raw : un accès comme un autre, pour"
        " lequel des données personnelles ou non ouvertes demandent --purpose.",
    "Say that A and B of DATASET are the same.": "Dire que A et B de DATASET sont le même.",
    "Each of A and B is the key of a record, or, where several sources have one of that key, its identity: a JSON array as"
    ' ["source","key"]. With «-» they are read from standard input, a line each.':
        "A et B sont chacun la clé d'un enregistrement, ou, si plusieurs sources en ont un de cette clé, son identité : un"
        ' tableau JSON comme ["source","clé"]. Avec «-» ils sont lus sur l\'entrée standard, un par ligne.',
    "Say that A and B of DATASET are different.": "Dire que A et B de DATASET sont différents.",
    "Say that nobody knows whether A and B of DATASET are the same: no run links that pair by itself.":
        "Dire que personne ne sait si A et B de DATASET sont le même : aucune exécution ne lie d'elle-même cette paire.",
    "Take back what was decided on A and B of DATASET; records that are gone are told by their identities.":
        "Retirer ce qui a été décidé de A et B de DATASET ; des enregistrements disparus se nomment par leur identité.",
    "Erase every decision on RECORD of DATASET, with its note, also such as hold no longer; it cannot be taken back.":
        "Effacer toute décision sur RECORD de DATASET, avec sa note, même si elle n'est plus en vigueur ; c'est sans retour.",
    'RECORD is its key, or, where several sources have one of that key, its identity: a JSON array as ["source","key"]. With'
    " «-» it is read from standard input. The next run links by what is left. That it was erased is on the journal.":
        "RECORD est sa clé, ou, si plusieurs sources en ont un de cette clé, son identité : un tableau JSON comme"
        ' ["source","clé"]. Avec «-» il est lu sur l\'entrée standard. L\'exécution suivante rapproche d\'après ce qui reste.'
        " L'effacement est inscrit au journal.",
    "Write the decisions of DATASET that hold to FILE (standard output, where none is named): CSV or JSON Lines.":
        "Écrire les décisions de DATASET en vigueur dans FILE (sur la sortie standard, si aucun n'est nommé) : CSV ou JSON"
        " Lines.",
    "They name records: an access like any other, for which data that are personal or not open need a --purpose.":
        "Elles nomment des enregistrements : un accès comme un autre, pour lequel des données personnelles ou non ouvertes"
        " demandent --purpose.",
    "Take over the decisions of FILE on records of DATASET, all or none: CSV or JSON Lines, as export writes them.":
        "Reprendre les décisions de FILE sur des enregistrements de DATASET, toutes ou aucune : CSV ou JSON Lines, comme"
        " export les écrit.",
    "A sample that `beffroi link --sample` drew is read too: lines without a verdict are passed over. What holds already, or"
    " is older than what holds, changes nothing.":
        "Un échantillon tiré par `beffroi link --sample` se lit aussi : ses lignes sans verdict sont passées. Ce qui vaut"
        " déjà, ou est plus ancien que ce qui vaut, ne change rien.",
    "Run the pipelines of DATASETS (all of them, where none is named), each after those it refers to.":
        "Exécuter les traitements de DATASETS (de tous, si aucun n'est nommé), chacun après ceux auxquels il se réfère.",
    "Several are run at once. One that fails stops no other: those that depend on it are made from its last version.":
        "Plusieurs s'exécutent à la fois. Un échec n'en arrête aucun autre : ceux qui en dépendent sont faits à partir de sa"
        " dernière version.",
    "Show what a run of DATASET did: the sum of its rows, where they came from, what was refused and why, what it took.":
        "Montrer ce qu'a fait une exécution de DATASET : la somme de ses lignes, d'où elles viennent, ce qui a été refusé et"
        " pourquoi, ce que cela a coûté.",
    "It never has the values of a row. `beffroi quarantine` shows refused rows.":
        "Les valeurs d'une ligne n'y figurent jamais. `beffroi quarantine` montre les lignes refusées.",
    "Publish DATASETS (every open one, where none is named) to CKAN.":
        "Publier DATASETS (tous ceux qui sont ouverts, si aucun n'est nommé) sur CKAN.",
    "CKAN's address and an API token come from BEFFROI_CKAN_URL and BEFFROI_CKAN_TOKEN.":
        "L'adresse de CKAN et un jeton d'API viennent de BEFFROI_CKAN_URL et BEFFROI_CKAN_TOKEN.",
    "List the versions of DATASET, the latest last.": "Énumérer les versions de DATASET, la dernière à la fin.",
    "Of a version that retention let go, the history is told. Ready files (CSV, key index) are kept of the last two; with"
    " --rebuild, those of another are made again, and stay until the next run.":
        "D'une version que la conservation a laissée partir, l'histoire est dite. Les fichiers prêts (CSV, index des clés)"
        " sont gardés pour les deux dernières ; avec --rebuild, ceux d'une autre sont refaits, et restent jusqu'à la prochaine"
        " exécution.",
    "Show what differs between versions A and B of DATASET: rows added, changed and removed, by key.":
        "Montrer ce qui diffère entre les versions A et B de DATASET : les lignes ajoutées, changées et retirées, par clé.",
    "B is the latest and A the one before it, where they are not said. Counts come first; with --json each line is an object."
    " Rows that are personal or not open are an access like any other: journaled, the personal ones for a --purpose.":
        "B est la dernière et A celle d'avant, si elles ne sont pas dites. Les nombres viennent d'abord ; avec --json, chaque"
        " ligne est un objet. Des lignes personnelles ou non ouvertes sont un accès comme un autre : journalisé, et pour une"
        " --purpose si elles sont personnelles.",
    "Bring DATASET back to VERSION: table, files, index, databases, answers and publication together.":
        "Ramener DATASET à VERSION : table, fichiers, index, bases de données, réponses et publication ensemble.",
    "The content of VERSION becomes a new version, and the dataset is held there: runs of it are refused until `beffroi run"
    " DATASET --release`. An open dataset is published to CKAN too, where its address and token are set.":
        "Le contenu de VERSION devient une nouvelle version, et le jeu de données y est retenu : ses exécutions sont refusées"
        " jusqu'à `beffroi run DATASET --release`. Un jeu de données ouvert est aussi publié sur CKAN, si son adresse et son"
        " jeton sont donnés.",
    "Trace the row of DATASET whose key is KEY back to run, source, raw file and place; «-» reads KEY from standard input.":
        "Remonter de la ligne de DATASET dont la clé est KEY à son exécution, sa source, son fichier brut et sa place ; «-»"
        " lit KEY sur l'entrée standard.",
    "A key of several columns has a comma between them. With --place it goes the other way: what became of that row of the"
    " source. Without --raw places and columns are told and no value; with it, it is an access like any other, for which data"
    " that are personal or not open need a --purpose.":
        "Dans une clé de plusieurs colonnes, une virgule les sépare. Avec --place la commande va dans l'autre sens : ce qu'est"
        " devenue cette ligne de la source. Sans --raw, les places et les colonnes sont dites, et aucune valeur ; avec, c'est"
        " un accès comme un autre, pour lequel des données personnelles ou non ouvertes demandent --purpose.",
    "List the values that the latest version of DATASET did not keep, each with whose it was and whose stayed.":
        "Énumérer les valeurs que la dernière version de DATASET n'a pas retenues, chacune avec sa source et celle qui l'a"
        " emporté.",
    "`beffroi report` counts them by column and source. Keys and values come with --raw: an access like any other, for which"
    " data that are personal or not open need a --purpose.":
        "`beffroi report` les compte par colonne et par source. Les clés et les valeurs s'affichent avec --raw : un accès"
        " comme un autre, pour lequel des données personnelles ou non ouvertes demandent --purpose.",
    "Look for leftovers and damage in the state of DATASETS (of everything, where none is named), and tell its sizes.":
        "Chercher des restes et des dégâts dans l'état de DATASETS (de tout, si aucun n'est nommé), et en dire les tailles.",
    "The exit status is 1 where something is broken: what to do about it is told, and not done.":
        "Le code de sortie est 1 si quelque chose est cassé : ce qu'il faut y faire est dit, et n'est pas fait.",
}  # fmt: skip
