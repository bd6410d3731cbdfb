"""What commands on registries, callers, the journal and the gateway say of themselves (`--help`), in French."""

from collections.abc import Mapping

HELP: Mapping[str, str] = {
    "Beffroi: registries asked in one way, data made clean and versioned, open datasets published.":
        "Beffroi : des registres interrogés d'une seule manière, des données nettoyées et versionnées, des jeux de données"
        " ouverts publiés.",
    "Declare a registry from its own description, see what it can be asked, and try it.":
        "Déclarer un registre d'après sa propre description, voir ce qu'on peut lui demander, et l'essayer.",
    "Declare a registry: by its WSDL, its OpenAPI document, its database, or its files.":
        "Déclarer un registre : par son WSDL, son document OpenAPI, sa base de données ou ses fichiers.",
    "Bring the WSDL at FILE or URL, with all that it imports, into the workspace, and declare a registry by it.":
        "Apporter le WSDL qui est à FILE ou URL, avec tout ce qu'il importe, dans l'espace de travail, et déclarer par lui un"
        " registre.",
    "It writes wsdl/NAME/ and registries/NAME.yaml, which lists every operation and holds drafts of a lookup and of tables."
    " When the registry is asked, nothing is fetched.":
        "La commande écrit wsdl/NAME/ et registries/NAME.yaml, qui énumère chaque opération et contient des ébauches d'une"
        " consultation et de tables. Quand le registre est interrogé, rien n'est téléchargé.",
    "Declare a REST registry by the OpenAPI document (3 or 2) at FILE or URL.":
        "Déclarer un registre REST par le document OpenAPI (3 ou 2) qui est à FILE ou URL.",
    "It writes registries/NAME.yaml, which holds drafts of a lookup and of tables and lists every other operation. Where NAME"
    " is declared already, its file stays, and only what --dataset and --lookup name is written.":
        "La commande écrit registries/NAME.yaml, qui contient des ébauches d'une consultation et de tables et énumère toutes"
        " les autres opérations. Si NAME est déjà déclaré, son fichier reste tel quel, et seul ce que --dataset et --lookup"
        " nomment est écrit.",
    "Declare the database at URL, such as postgresql://reader@db.ville.example/gestion or sqlite:bases/culture.sqlite.":
        "Déclarer la base de données qui est à URL, comme postgresql://reader@db.ville.example/gestion ou"
        " sqlite:bases/culture.sqlite.",
    "It lists the tables with their sizes, their keys and the columns that look personal, and writes registries/NAME.yaml. The"
    " password is read from a variable of the environment, by default NAME_PASSWORD. Where NAME is declared already, its file"
    " stays, and only what --dataset and --lookup name is written.":
        "La commande énumère les tables avec leur taille, leurs clés et les colonnes qui semblent personnelles, et écrit"
        " registries/NAME.yaml. Le mot de passe est lu dans une variable d'environnement, NAME_PASSWORD par défaut. Si NAME"
        " est déjà déclaré, son fichier reste tel quel, et seul ce que --dataset et --lookup nomment est écrit.",
    "Declare a file or a folder of them: CSV, spreadsheets, JSON, XML, GeoJSON, Parquet; zipped or not.":
        "Déclarer un fichier ou un dossier de fichiers : CSV, tableurs, JSON, XML, GeoJSON, Parquet ; compressés (zip) ou non.",
    "PATH is here, URL is https://…, sftp://… or s3://…. It shows what it believes (encoding, separator, header, types) and by"
    " what evidence, and writes it down in registries/NAME.yaml, so that nothing is guessed later. Where NAME is declared"
    " already, its file stays, and only what --dataset and --lookup name is written.":
        "PATH est ici même, URL est https://…, sftp://… ou s3://…. La commande montre ce qu'elle croit (encodage, séparateur,"
        " en-tête, types) et sur quels indices, et l'écrit dans registries/NAME.yaml, pour que rien ne soit deviné ensuite. Si"
        " NAME est déjà déclaré, son fichier reste tel quel, et seul ce que --dataset et --lookup nomment est écrit.",
    "Show what the registry NAME, of kind soap, can be asked: each operation, its parameters, answer, a call to try.":
        "Montrer ce qu'on peut demander au registre NAME, de genre soap : chaque opération, ses paramètres, sa réponse, un"
        " appel à essayer.",
    "Of other kinds there is nothing to show: their files under registries/ say all that they are asked.":
        "Pour les autres genres, il n'y a rien à montrer : leurs fichiers dans registries/ disent tout ce qui leur est"
        " demandé.",
    "Ask OPERATION of the registry NAME, of kind soap, as the operator; its answer is printed as JSON, and journaled.":
        "Demander OPERATION au registre NAME, de genre soap, en tant qu'exploitant ; la réponse est affichée en JSON, et"
        " journalisée.",
    "Registries of other kinds are tried by `beffroi lookup` and `beffroi run`, all of them by `beffroi check --online`. A"
    " parameter that is a list may be said several times. What is personal is better read from standard input than written on"
    " the command line, which others can see and the shell keeps.":
        "Les registres des autres genres s'essaient par `beffroi lookup` et `beffroi run`, tous par `beffroi check --online`."
        " Un paramètre qui est une liste peut être dit plusieurs fois. Ce qui est personnel se lit mieux sur l'entrée standard"
        " que sur la ligne de commande, que d'autres voient et que le shell conserve.",
    "Test the database NAME (kind sql) as declared: read only, streaming, exact in its types, ending in time.":
        "Éprouver la base de données NAME (genre sql) telle que déclarée : lecture seule, lue au fil de l'eau, types exacts,"
        " fin dans les temps.",
    "Registries of other kinds are asked whether they are there and know us by `beffroi check --online`.":
        "Pour les registres des autres genres, `beffroi check --online` demande s'ils sont là et s'ils nous connaissent.",
    "Nothing is written to it and no row of it is shown. For SQL Server and Oracle, which are experimental, this is how to"
    " know that they work on your server.":
        "Rien n'y est écrit et aucune de ses lignes n'est montrée. Pour SQL Server et Oracle, qui sont expérimentaux, c'est le"
        " moyen de savoir s'ils fonctionnent sur votre serveur.",
    "Bring a published Table Schema into the workspace, for datasets to have its columns.":
        "Apporter un schéma Table Schema publié dans l'espace de travail, pour que des jeux de données en aient les colonnes.",
    "Bring the Table Schema at FILE or URL into the workspace, byte for byte; a Data Package may hold it.":
        "Apporter le Table Schema qui est à FILE ou URL dans l'espace de travail, octet pour octet ; un Data Package peut le"
        " contenir.",
    "It writes schemas/NAME.json, and beside it schemas/NAME.origin.yaml: where it is from, when, its digest. Nothing is"
    " fetched when a dataset runs. With --dataset it drafts a dataset with that schema: its key, and cleaning steps that"
    " follow from types and formats. What no dataset can have of it is told, and nothing is written then. A schema that is"
    " there as it is published stays, and drafts a dataset; another one of its name is renewed with --force only.":
        "La commande écrit schemas/NAME.json, et à côté schemas/NAME.origin.yaml : d'où il vient, quand, son empreinte. Rien"
        " n'est téléchargé quand un jeu de données s'exécute. Avec --dataset elle ébauche un jeu de données de ce schéma : sa"
        " clé, et les étapes de nettoyage qui découlent des types et des formats. Ce qu'un jeu de données ne peut pas en avoir"
        " est dit, et rien n'est alors écrit. Un schéma qui est là tel que publié reste, et sert à l'ébauche ; un autre du"
        " même nom n'est renouvelé qu'avec --force.",
    "Ask RECORD (commune, person…) for IDENTIFIER; «-» reads it from standard input.":
        "Demander à RECORD (commune, person…) ce qu'il sait de IDENTIFIER ; «-» le lit sur l'entrée standard.",
    "A personal identifier is better typed than written on the command line, which others can see and the shell keeps.":
        "Un identifiant personnel se tape plutôt qu'il ne s'écrit sur la ligne de commande, que d'autres voient et que le"
        " shell conserve.",
    "Tell what APPLICATION may see of the lookup or dataset NAME, and why; without APPLICATION, who may see it at all.":
        "Dire ce que APPLICATION peut voir de la consultation ou du jeu de données NAME, et pourquoi ; sans APPLICATION, qui"
        " peut le voir.",
    "NAME alone may be an application too: then it is all that this one may see.":
        "NAME seul peut aussi être une application : c'est alors tout ce que celle-ci peut voir.",
    "For each purpose that a grant names: the fields, of which rows, until when and by what agreement, and what a call must"
    " send; then credentials (never the secrets), limits, and what to write where for more. Where a lookup and a dataset have"
    " the same name both are told: lookup:NAME or dataset:NAME is one. NAME may be who-read.":
        "Pour chaque finalité que nomme une habilitation : les champs, de quelles lignes, jusqu'à quand et par quelle"
        " convention, et ce qu'une demande doit envoyer ; puis les justificatifs (jamais les secrets), les limites, et ce"
        " qu'il faut écrire, et où, pour davantage. Si une consultation et un jeu de données ont le même nom, les deux sont"
        " dits : lookup:NAME ou dataset:NAME en désigne un. NAME peut être who-read.",
    "Issue, list and revoke the tokens of applications.": "Délivrer, énumérer et révoquer les jetons des applications.",
    "Issue a token for APPLICATION and print it: it is shown this once and stored only as a hash.":
        "Délivrer un jeton à APPLICATION et l'afficher : il n'est montré que cette fois, et n'est conservé que sous forme"
        " d'empreinte.",
    "List every token: its id, application and dates, never the token itself.":
        "Énumérer tous les jetons : leur identifiant, leur application et leurs dates, jamais le jeton lui-même.",
    "Revoke the token with this ID (see `beffroi token list`), at once and for good.":
        "Révoquer le jeton dont c'est l'ID (voyez `beffroi token list`), aussitôt et définitivement.",
    "Look after the journal of accesses.": "S'occuper du journal des accès.",
    "Find any entry of the journal that was changed, removed or moved; exit status 1 where there is one.":
        "Trouver toute entrée du journal qui a été changée, retirée ou déplacée ; le code de sortie est 1 s'il y en a une.",
    "That entries were cut off at the end, that an older copy was put in the journal's place, or that all of it was written"
    " anew, only anchors tell: see `beffroi journal anchor`. A line of theirs that was forged is told too, and is not counted"
    " against the journal. Content erased under retention is no break, where the journal has the erasure.":
        "Que des entrées aient été coupées à la fin, qu'une copie plus ancienne ait pris la place du journal, ou qu'il ait été"
        " entièrement réécrit, seules des ancres le disent : voyez `beffroi journal anchor`. Une de leurs lignes qui serait"
        " contrefaite est dite aussi, et n'est pas comptée contre le journal. Un contenu effacé au terme de sa conservation"
        " n'est pas une rupture, si l'effacement est au journal.",
    "Note the journal's head: the number and the hash of its last entry, with the time, as one line of JSON.":
        "Noter la tête du journal : le numéro et l'empreinte de sa dernière entrée, avec l'heure, en une ligne de JSON.",
    "What is noted outside can be neither rewritten nor cut off unseen: `beffroi journal verify --anchor FILE` tells. The"
    " journal is verified first; one that is broken gets no anchor. Without --file the line is printed only.":
        "Ce qui est noté au dehors ne peut être ni réécrit ni coupé sans que cela se voie : `beffroi journal verify --anchor"
        " FILE` le dit. Le journal est d'abord vérifié ; s'il est rompu, il ne reçoit pas d'ancre. Sans --file, la ligne est"
        " seulement affichée.",
    "Take a new key for the hashes of identifiers into use; those before it are kept, so that who-read finds all.":
        "Mettre en service une nouvelle clé pour les empreintes des identifiants ; les précédentes sont conservées, pour que"
        " who-read trouve tout.",
    "Erase the content of entries past the retention declared for their class; their links stay, and prove the chain.":
        "Effacer le contenu des entrées qui ont dépassé la durée de conservation déclarée pour leur classe ; leurs maillons"
        " restent, et prouvent la chaîne.",
    "Run it daily. What it erases is on the journal itself, so that verification tells it from a change.":
        "À exécuter chaque jour. Ce qui est effacé est inscrit au journal lui-même, pour que la vérification le distingue"
        " d'une altération.",
    "Tell who read the data of one person, company…: every access by API, page and command line.":
        "Dire qui a lu les données d'une personne, d'une entreprise… : chaque accès par l'API, par une page ou par la ligne de"
        " commande.",
    "The identifier comes on standard input, as scheme:value (`nir:…`), as dataset:NAME:KEY for a row of a dataset that"
    " mirrors no record, or as the fields of an identity, in JSON on one line. Told too is who took a whole file, which may"
    " have had that row. Asking is journaled itself. The table is for reading: --csv and --json have all of each access.":
        "L'identifiant vient par l'entrée standard, comme schéma:valeur (`nir:…`), comme dataset:NAME:KEY pour une ligne d'un"
        " jeu de données qui ne reflète aucun enregistrement, ou comme les champs d'une identité, en JSON sur une ligne. Est"
        " dit aussi qui a pris un fichier entier, où cette ligne a pu se trouver. Cette demande est elle-même journalisée. La"
        " table est faite pour être lue : --csv et --json ont tout de chaque accès.",
    "Verify receipts of lookups, and look after the key that signs them.":
        "Vérifier les reçus de consultations, et s'occuper de la clé qui les signe.",
    "Verify the receipt in FILE, or on standard input; exit status 1 where something is not as it says.":
        "Vérifier le reçu contenu dans FILE, ou venu par l'entrée standard ; le code de sortie est 1 si quelque chose n'est"
        " pas comme il le dit.",
    "FILE has the receipt, or the whole answer that it came with: then its data are compared too; what was verified needs the"
    " question with --data. With --keys nothing but these files is needed: no workspace, no network.":
        "FILE contient le reçu, ou toute la réponse avec laquelle il est venu : ses données sont alors comparées aussi ; pour"
        " une vérification, il faut donner la question par --data. Avec --keys rien d'autre que ces fichiers n'est nécessaire"
        " : ni espace de travail, ni réseau.",
    "Take a new key into use; the public part of the one before it stays published, so that its receipts hold.":
        "Mettre en service une nouvelle clé ; la partie publique de la précédente reste publiée, pour que ses reçus restent"
        " valables.",
    "Run the main job on this workspace with the sandbox's registries, then serve it.":
        "Faire tourner le scénario principal sur cet espace de travail avec les registres du bac à sable, puis le servir.",
    "Make a new workspace in FOLDER: a beffroi.yaml and a first dataset to start from.":
        "Créer un nouvel espace de travail dans FOLDER : un beffroi.yaml et un premier jeu de données pour commencer.",
    "Check the whole workspace; every problem is told with its file and line, those of form before all others.":
        "Vérifier tout l'espace de travail ; chaque problème est dit avec son fichier et sa ligne, ceux de forme avant tous"
        " les autres.",
    "Warned of, with exit status 0, are credentials and purposes that end within 30 days or have ended, where their end is"
    " known, and lookups that could give another record on than was asked for.":
        "Sont signalés, avec le code de sortie 0, les justificatifs et les finalités qui prennent fin dans les 30 jours ou ont"
        " pris fin, si leur fin est connue, et les consultations qui pourraient rendre un autre enregistrement que celui qui a"
        " été demandé.",
    "Serve the gateway until Ctrl-C or SIGTERM, which let what is under way end.":
        "Servir la passerelle jusqu'à Ctrl-C ou SIGTERM, qui laissent s'achever ce qui est en cours.",
    "With several --workers one that dies is replaced, and SIGHUP has all of them read the settings anew.":
        "Avec plusieurs --workers, celui qui meurt est remplacé, et SIGHUP leur fait à tous relire les réglages.",
    "Start and stop local servers that speak the registries' own protocols.":
        "Démarrer et arrêter des serveurs locaux qui parlent les protocoles mêmes des registres.",
    "Start NAMES (all, where none is named) on the workspace's reference data.":
        "Démarrer NAMES (tous, si aucun n'est nommé) sur les données de référence de l'espace de travail.",
    "Stop NAMES (all, where none is named); their ports then refuse connections, as those of a registry that is down.":
        "Arrêter NAMES (tous, si aucun n'est nommé) ; leurs ports refusent alors les connexions, comme ceux d'un registre en"
        " panne.",
    "Tell which of the sandbox's registries run, and where.": "Dire quels registres du bac à sable tournent, et où.",
}  # fmt: skip
