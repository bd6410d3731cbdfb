"""What options say of themselves, and the headings of `--help`, in French: each by the English."""

from collections.abc import Mapping

HELP: Mapping[str, str] = {
    "Usage:": "Usage :",
    "Options": "Options ",
    "Commands": "Commandes ",
    "Show the version and exit.": "Afficher la version et terminer.",
    "The workspace to work on; the current folder by default.": "L'espace de travail ; par défaut le dossier courant.",
    "The registry's name in the workspace.": "Le nom du registre dans l'espace de travail.",
    "The WSDL's port to ask; by default its first.": "Le port du WSDL à interroger ; par défaut le premier.",
    "A host besides the URL's own that imports may be on.": "Un hôte, outre celui de l'URL, où des imports peuvent se trouver.",
    "A folder besides the FILE's own that imports may lie in.":
        "Un dossier, outre celui de FILE, où des imports peuvent se trouver.",
    "Where NAME is declared already, renew its WSDL; its declaration stays.":
        "Si NAME est déjà déclaré, renouveler son WSDL ; sa déclaration reste.",
    "Print the result as JSON.": "Afficher le résultat en JSON.",
    "Only show what is found, with the evidence; write nothing.":
        "Montrer seulement ce qui est trouvé, avec les indices ; ne rien écrire.",
    "Write lookups/NAME.yaml too; «all» for all.": "Écrire aussi lookups/NAME.yaml ; «all» pour tous.",
    "Write datasets/TABLE.yaml too; «all» for all that load as they stand.":
        "Écrire aussi datasets/TABLE.yaml ; «all» pour toutes les tables qui se chargent telles quelles.",
    "Who owns the datasets; needed where there are several.":
        "À qui appartiennent les jeux de données ; nécessaire s'il y a plusieurs organisations.",
    "The address to ask, where the document tells several or none.":
        "L'adresse à interroger, si le document en dit plusieurs ou aucune.",
    "Only this table; may be said several times.": "Seulement cette table ; peut être dit plusieurs fois.",
    "The variable of the environment that has the password.": "La variable d'environnement qui contient le mot de passe.",
    "As whom to ask: HTTPS, SFTP; for S3 the access key.": "En tant que qui demander : HTTPS, SFTP ; pour S3 la clé d'accès.",
    "The private key for SFTP.": "La clé privée pour SFTP.",
    "The public key of the SFTP server, as in known_hosts: its type and it.":
        "La clé publique du serveur SFTP, comme dans known_hosts : son type et elle.",
    "Where S3 answers, if not at Amazon's.": "Où S3 répond, si ce n'est pas chez Amazon.",
    "The region of S3.": "La région de S3.",
    "Only this operation, with an example of its answer.": "Seulement cette opération, avec un exemple de sa réponse.",
    "Parameters as JSON, for what is nested; «-» reads them from standard input.":
        "Les paramètres en JSON, pour ce qui est imbriqué ; «-» les lit sur l'entrée standard.",
    "SOAP headers that the WSDL declares, as JSON.": "Les en-têtes SOAP que le WSDL déclare, en JSON.",
    "What the answer is for, one of the workspace's purposes.":
        "À quoi servira la réponse : une des finalités de l'espace de travail.",
    "Rows shown per dataset; 0 for all.": "Lignes montrées par jeu de données ; 0 pour toutes.",
    "Show how many rows broke each rule, and where one of them stands.":
        "Montrer combien de lignes ont enfreint chaque règle, et où se trouve l'une d'elles.",
    "Show the rows too, as the source has them; it is journaled.":
        "Montrer aussi les lignes, telles que la source les a ; c'est journalisé.",
    "What the rows are wanted for, one of the workspace's purposes.":
        "À quoi serviront les lignes : une des finalités de l'espace de travail.",
    "By default that of LANG.": "La langue ; par défaut celle de LANG.",
    "Which source PLACE is in, where there are several.": "Dans quelle source se trouve PLACE, s'il y en a plusieurs.",
    "Why the value is the right one; it is kept with the correction.":
        "Pourquoi la valeur est la bonne ; c'est conservé avec la correction.",
    "Take the correction of that row back.": "Retirer la correction de cette ligne.",
    "List the corrections that hold, and where their rows stand.":
        "Énumérer les corrections en vigueur, et où en sont leurs lignes.",
    "The schema's name in the workspace: schemas/NAME.json.": "Le nom du schéma dans l'espace de travail : schemas/NAME.json.",
    "Of a Data Package: the resource whose schema is meant, where several have one.":
        "D'un Data Package : la ressource dont le schéma est voulu, si plusieurs en ont un.",
    "Write datasets/DATASET.yaml too, which has the schema's columns.":
        "Écrire aussi datasets/DATASET.yaml, avec les colonnes du schéma.",
    "The registry of the workspace that the dataset's rows are from.":
        "Le registre de l'espace de travail d'où viennent les lignes du jeu de données.",
    "The registry's table, where it has several.": "La table du registre, s'il en a plusieurs.",
    "Who owns the dataset; needed where there are several.":
        "À qui appartient le jeu de données ; nécessaire s'il y a plusieurs organisations.",
    "Where NAME is there already and says something else, renew it.": "Si NAME est déjà là et dit autre chose, le renouveler.",
    "Only show the draft of a dataset; write nothing.": "Montrer seulement l'ébauche d'un jeu de données ; ne rien écrire.",
    "Link all records anew, with models that are trained anew; ids stay.":
        "Rapprocher tous les enregistrements à nouveau, avec des modèles réentraînés ; les identifiants restent.",
    "Do all but commit, and show what would change.": "Tout faire sauf valider, et montrer ce qui changerait.",
    "Take this version although it differs from the last one more than it may.":
        "Accepter cette version bien qu'elle diffère de la dernière plus qu'il n'est permis.",
    "Wait so long for another run of the dataset to end; by default it is said at once.":
        "Attendre autant la fin d'une autre exécution du jeu de données ; par défaut, elle est dite aussitôt.",
    "Run nothing: explain RECORD's cluster, or two RECORDs; «-» reads them.":
        "Ne rien exécuter : expliquer le groupe de RECORD, ou deux RECORD ; «-» les lit.",
    "Run nothing: list the pairs that wait for a person, the likeliest first.":
        "Ne rien exécuter : énumérer les paires qui attendent une personne, les plus probables d'abord.",
    "Run nothing: draw N pairs to be judged, into --into.": "Ne rien exécuter : tirer N paires à juger, dans --into.",
    "The CSV file of --sample.": "Le fichier CSV de --sample.",
    "Run nothing: tell what the verdicts in a file of --sample say of precision and recall.":
        "Ne rien exécuter : dire ce que les verdicts d'un fichier de --sample apprennent de la précision et du rappel.",
    "The link that is meant, where a dataset has several.": "Le rapprochement voulu, si un jeu de données en a plusieurs.",
    "Pairs that --doubtful lists; 0 for all.": "Paires qu'énumère --doubtful ; 0 pour toutes.",
    "Show identities and values too; it is journaled.": "Montrer aussi les identités et les valeurs ; c'est journalisé.",
    "What the values are wanted for, one of the workspace's purposes.":
        "À quoi serviront les valeurs : une des finalités de l'espace de travail.",
    "Which link, where the dataset has several.": "Quel rapprochement, si le jeu de données en a plusieurs.",
    "Pairs asked in one sitting.": "Paires demandées en une séance.",
    "What the records are wanted for, one of the workspace's purposes.":
        "À quoi serviront les enregistrements : une des finalités de l'espace de travail.",
    "Pairs shown; 0 for all.": "Paires montrées ; 0 pour toutes.",
    "List the decisions that hold instead, and what became of their records.":
        "Énumérer plutôt les décisions en vigueur, et ce que sont devenus leurs enregistrements.",
    "Name the records and show what they have; it is journaled.":
        "Nommer les enregistrements et montrer ce qu'ils contiennent ; c'est journalisé.",
    "Why; it is kept with the decision.": "Pourquoi ; c'est conservé avec la décision.",
    "By default as the name of FILE ends; else jsonl.": "Par défaut comme finit le nom de FILE ; sinon jsonl.",
    "By default as the name of FILE ends.": "Par défaut comme finit le nom de FILE.",
    "The number of the case file that it is asked for, which personal data want: 2026-0142.":
        "Le numéro du dossier pour lequel c'est demandé, que veulent les données personnelles : 2026-0142.",
    "Only these fields, separated by commas.": "Seulement ces champs, séparés par des virgules.",
    "Ask for every row of this file (.json, .ndjson, or .csv with a column identifier).":
        "Demander pour chaque ligne de ce fichier (.json, .ndjson, ou .csv avec une colonne identifier).",
    "Where the outcomes of its rows go (.json, .ndjson, .csv).": "Où vont les résultats de ses lignes (.json, .ndjson, .csv).",
    "Write the signed proof of this answer into this file, for `beffroi receipt verify`; --json shows it too.":
        "Écrire la preuve signée de cette réponse dans ce fichier, pour `beffroi receipt verify` ; --json la montre aussi.",
    "With --file: a receipt in the outcome of every row.": "Avec --file : un reçu dans le résultat de chaque ligne.",
    "How long it is valid.": "Combien de jours il est valable.",
    "A network it is good from, as 10.0.0.0/8; may be repeated.":
        "Un réseau d'où il est valable, comme 10.0.0.0/8 ; peut être répété.",
    "The file of anchors to hold the journal against.": "Le fichier d'ancres auquel confronter le journal.",
    "Certificates in PEM of the authority whose time-stamps the anchors have.":
        "Les certificats, en PEM, de l'autorité dont les ancres ont l'horodatage.",
    "Add the anchor to this file: best one on another machine.":
        "Ajouter l'ancre à ce fichier : de préférence sur une autre machine.",
    "Have the authority at this address time-stamp it (RFC 3161).":
        "La faire horodater par l'autorité qui est à cette adresse (RFC 3161).",
    "Only tell how many entries it would be.": "Dire seulement combien d'entrées ce serait.",
    "Print the result as CSV.": "Afficher le résultat en CSV.",
    "The gateway's keys, as /.well-known/jwks.json has them; those here, if left out.":
        "Les clés de la passerelle, comme les donne /.well-known/jwks.json ; à défaut, celles d'ici.",
    "Was it this one that was asked for (scheme:value)? «-» reads it from standard input.":
        "Est-ce bien lui qui a été demandé (schéma:valeur) ? «-» le lit sur l'entrée standard.",
    "Were these the data, as JSON? For a verification: the question.":
        "Étaient-ce ces données, en JSON ? Pour une vérification : la question.",
    "Is it what this workspace's journal says?": "Est-ce bien ce que dit le journal de cet espace de travail ?",
    "All datasets, as where none is named.": "Tous les jeux de données, comme si aucun n'est nommé.",
    "Only those whose schedule says so: never run, or not since their last hour.":
        "Seulement ceux dont l'horaire le dit : jamais exécutés, ou pas depuis leur dernière heure.",
    "Read whole what is asked for changes only: rows that are gone go too. Link all anew.":
        "Lire en entier ce dont on ne demande que les changements : les lignes disparues partent aussi. Tout rapprocher à"
        " nouveau.",
    "Take this version although more than half is refused, or it differs from the last one more than it may.":
        "Accepter cette version bien que plus de la moitié soit refusée, ou qu'elle diffère de la dernière plus qu'il n'est"
        " permis.",
    "Let the datasets named go on, which a rollback holds at a version.":
        "Laisser repartir les jeux de données nommés, qu'un retour en arrière retient à une version.",
    "Run so many at once, which share the memory; by default as many as there are cores, at most 4.":
        "En exécuter autant à la fois, qui se partagent la mémoire ; par défaut autant que de cœurs, au plus 4.",
    "Wait so long for another run of the same dataset to end; by default it is said at once.":
        "Attendre autant la fin d'une autre exécution du même jeu de données ; par défaut, elle est dite aussitôt.",
    "Of the run that began then, as the report says it; of the last by default.":
        "De l'exécution commencée alors, comme le rapport le dit ; par défaut, de la dernière.",
    "List the runs whose reports are kept, the latest first.":
        "Énumérer les exécutions dont les rapports sont conservés, la dernière d'abord.",
    "Write it as a page, whole in one file.": "L'écrire comme une page, entière dans un seul fichier.",
    "Make that version's ready files again.": "Refaire les fichiers prêts de cette version.",
    "Rows shown; 0 for all. 20 by default, with --json all.":
        "Lignes montrées ; 0 pour toutes. 20 par défaut, toutes avec --json.",
    "Why: the next run says so.": "Pourquoi : la prochaine exécution le dit.",
    "The version to look in; the latest by default.": "La version où chercher ; par défaut la dernière.",
    "Trace forward from this source, with --place.": "Descendre à partir de cette source, avec --place.",
    "Trace forward from this row of the source, from 1.": "Descendre à partir de cette ligne de la source, la première étant 1.",
    "Show keys and values too; it is journaled.": "Montrer aussi les clés et les valeurs ; c'est journalisé.",
    "Of this column only.": "De cette colonne seulement.",
    "Of this source only: its values that were not kept, and for whose.":
        "De cette source seulement : ses valeurs qui n'ont pas été retenues, et pour lesquelles.",
    "Conflicts shown; 0 for all.": "Conflits montrés ; 0 pour tous.",
    "Remove leftovers, and all of a dataset that is named and declared no more.":
        "Supprimer les restes, et tout d'un jeu de données qui est nommé et n'est plus déclaré.",
    "End after the pipelines and the publication; serve nothing.":
        "Terminer après les traitements et la publication ; ne rien servir.",
    "Where the gateway listens.": "Où la passerelle écoute.",
    "Ask each registry too: for its probe, an identifier that it has, or for a first page.":
        "Demander aussi à chaque registre : pour son essai, un identifiant qu'il a, ou pour une première page.",
    "How many processes answer: one for each core that the gateway may use.":
        "Combien de processus répondent : un par cœur dont la passerelle peut se servir.",
    "Show this message and exit.": "Afficher ce message et terminer.",
}  # fmt: skip
