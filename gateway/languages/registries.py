"""Sentences about registries and what they answer, in French: each by its English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    "{registry} is told the agent in a header, where no letter has an accent: write the agent without":
        "{registry} apprend quel agent demande par un en-tête, où aucune lettre n'a d'accent : écrivez l'agent sans accent",
    "{registry} has no such record": "{registry} n'a pas cet enregistrement",
    "{registry} has no {record} of that {scheme}": "{registry} n'a pas de {record} de ce {scheme}",
    "{registry} has no {record} of that identity": "{registry} n'a personne de cette identité ({record})",
    "{registry} has no person under this number": "{registry} n'a personne sous ce numéro",
    "{registry} has this person and may not tell": "{registry} a cette personne et ne peut rien en dire",
    "{registry} says that this is no valid VAT number for trade within the Union":
        "{registry} dit que ce n'est pas un numéro de TVA valable pour les échanges dans l'Union",
    "{registry} has purged this unit: it keeps the number alone": "{registry} a purgé cette unité : il n'en garde que le numéro",
    "{registry} does not tell about this company": "{registry} ne communique pas cette entreprise",
    "{registry} tells this company in part only, and not to others":
        "{registry} ne communique cette entreprise qu'en partie, et non à des tiers",
    "{registry} asks us to come back later": "{registry} nous demande de revenir plus tard",
    "{registry} asks us to slow down (HTTP {status})": "{registry} nous demande de ralentir (HTTP {status})",
    "{registry} says that it is out of order": "{registry} dit être en panne",
    "{registry} says that it is out of order (HTTP {status})": "{registry} dit être en panne (HTTP {status})",
    "{registry} says that the member state's register is out of order":
        "{registry} dit que le registre de l'État membre est en panne",
    "{registry} did not get the member state's answer in time":
        "{registry} n'a pas reçu à temps la réponse de l'État membre",
    "{registry} did not finish its answer within the deadline": "{registry} n'a pas fini sa réponse dans le délai",
    "{registry} did not answer within the deadline": "{registry} n'a pas répondu dans le délai",
    "{registry} did not answer {count} times in a row and is not asked for now":
        "{registry} n'a pas répondu {count} fois de suite et n'est pas interrogé pour l'instant",
    "{registry} has too much to do and asks us to come back later": "{registry} a trop à faire et nous demande de revenir plus tard",
    "{registry} is asked too much at once and asks us to come back later":
        "{registry} est trop sollicité à la fois et nous demande de revenir plus tard",
    "{registry} is asked too much in a short time and asks us to come back later":
        "{registry} est trop sollicité en peu de temps et nous demande de revenir plus tard",
    "{registry} asks us to come back later: the member state's register is asked too much at once":
        "{registry} nous demande de revenir plus tard : le registre de l'État membre est trop sollicité à la fois",
    "{registry} asks us to come back later: the member state's register is asked too often":
        "{registry} nous demande de revenir plus tard : le registre de l'État membre est trop souvent sollicité",
    "{registry} has blocked the VAT number": "{registry} a bloqué le numéro de TVA",
    "{registry} has blocked the address that we ask from": "{registry} a bloqué l'adresse d'où nous l'interrogeons",
    "{registry} could not be asked: {error}": "{registry} n'a pas pu être interrogé : {error}",
    "{registry} could not be asked: its host name is unknown": "{registry} n'a pas pu être interrogé : son nom d'hôte est inconnu",
    "{registry} could not be asked: no connection (refused or unreachable)":
        "{registry} n'a pas pu être interrogé : aucune connexion (refusée, ou hôte injoignable)",
    "{registry} could not be asked: its TLS certificate or handshake is not valid":
        "{registry} n'a pas pu être interrogé : son certificat TLS ou l'échange TLS n'est pas valable",
    "{registry} could not be asked: it closed the connection without an answer":
        "{registry} n'a pas pu être interrogé : il a fermé la connexion sans réponse",
    "{registry} asked us not to come again before a time that has not come (HTTP {status})":
        "{registry} nous a demandé de ne pas revenir avant une heure qui n'est pas encore venue (HTTP {status})",
    "{registry} refuses our TLS certificate: {why:said}": "{registry} refuse notre certificat TLS : {why}",
    "it wants one and was given none": "il en veut un et n'en a pas reçu",
    "it is damaged, or signed in a way that it does not take": "il est abîmé, ou signé d'une manière qu'il n'accepte pas",
    "it is of a kind that it does not take": "il est d'un type qu'il n'accepte pas",
    "it was revoked": "il a été révoqué",
    "it has expired": "il a expiré",
    "it does not say why": "il ne dit pas pourquoi",
    "it does not know the authority that gave it, or was given none":
        "il ne connaît pas l'autorité qui l'a délivré, ou n'en a pas reçu",
    "it knows it, and denies access": "il le connaît et refuse l'accès",
    "the token endpoint of {registry} did not answer in time": "le serveur de jetons de {registry} n'a pas répondu à temps",
    "{registry} did not answer in time": "{registry} n'a pas répondu à temps",
    "{registry} did not finish its answer in the time it had": "{registry} n'a pas fini sa réponse dans le temps qu'il avait",
    "{registry} broke the connection in the middle of an answer": "{registry} a rompu la connexion au milieu d'une réponse",
    "{registry} does not answer": "{registry} ne répond pas",
    "{source:any} no longer has «{columns:any}»: have its owner put that back, or say the new name in {file}":
        "{source} n'a plus «{columns}» : demandez à son propriétaire de rétablir cela, ou indiquez le nouveau nom dans {file}",
    "{source:any} no longer has «{columns:any}»: have its owner put that back, or say the new name in {file}; if it is right so, take it"
    " once with `{command:any}`":
        "{source} n'a plus «{columns}» : demandez à son propriétaire de rétablir cela, ou indiquez le nouveau nom dans {file} ; si"
        " c'est juste, acceptez-le une fois par `{command}`",
    "{registry} is busy": "{registry} est occupé",
    "{registry} refuses our account": "{registry} refuse notre compte",
    # a database, whose state may stand behind
    "{told:said} (SQLSTATE {state})": "{told} (SQLSTATE {state})",
    "{told:said} (error {number})": "{told} (erreur {number})",
    "{registry} cannot be reached, or the connection was lost":
        "{registry} ne peut pas être joint, ou la connexion a été perdue",
    "{registry} is out of order": "{registry} est en panne",
    "{registry} broke the connection": "{registry} a rompu la connexion",
    "{registry} has no connection left for us": "{registry} n'a plus de connexion libre pour nous",
    "{registry} has reached one of its limits": "{registry} a atteint une de ses limites",
    "{registry} holds that locked": "{registry} tient ces données verrouillées",
    "{registry} did not finish the statement in the time it had": "{registry} n'a pas fini la requête dans le temps qu'il avait",
    "{registry} does not grant our account what it asks": "{registry} n'accorde pas à notre compte ce qu'il demande",
    "{registry} does not know the role of our account": "{registry} ne connaît pas le rôle de notre compte",
    "{registry} refuses our user name or password": "{registry} refuse notre nom d'utilisateur ou notre mot de passe",
    "{registry} does not let our account read that": "{registry} ne laisse pas notre compte lire cela",
    "{registry} is at an address that cannot be resolved": "l'adresse de {registry} est introuvable",
    "{registry} shows a certificate that is not of its name or of an authority that we believe":
        "{registry} présente un certificat qui n'est pas à son nom, ou d'une autorité que nous ne reconnaissons pas",
    "{registry} does not speak TLS, which tls: demands": "{registry} ne parle pas TLS, que tls: exige",
    "{registry} is starting or stopping": "{registry} démarre ou s'arrête",
    "{registry} refuses our user name or password, or the machine that we ask from":
        "{registry} refuse notre nom d'utilisateur, notre mot de passe, ou la machine d'où nous l'interrogeons",
    "{registry} has this as a sole trader, whose data are personal: a Company is a legal person":
        "{registry} connaît là un entrepreneur individuel, dont les données sont personnelles : une Company est une personne"
        " morale",
    "{registry} has this as a sole proprietor, whose data are personal: a Company is a legal person":
        "{registry} connaît là un entrepreneur individuel, dont les données sont personnelles : une Company est une personne"
        " morale",
    "{registry} is asked as often as its limits allow, and no turn comes within the deadline":
        "{registry} est interrogé autant que ses limites le permettent, et aucun tour ne vient dans le délai",
    "{registry} is under planned maintenance until {until} and was not asked: {reason:any}":
        "{registry} est en maintenance prévue jusqu'à {until} et n'a pas été interrogé : {reason}",
    "all places with {registry} are taken, and many wait for one":
        "toutes les places auprès de {registry} sont prises, et beaucoup en attendent une",
    "no place with {registry} came free within the deadline": "aucune place auprès de {registry} ne s'est libérée dans le délai",
    "all {count} places with {registry} are taken, here or in another process":
        "les {count} places auprès de {registry} sont toutes prises, ici ou dans un autre processus",
    "{registry} refuses our credentials (HTTP {status}): {why:said}": "{registry} refuse notre accès (HTTP {status}) : {why}",
    "the token is expired, revoked or not one of its own": "le jeton est expiré, révoqué ou n'est pas un des siens",
    "the token has not the scope that this needs": "le jeton n'a pas le droit (scope) qu'il faut ici",
    "it does not know the key, password or token, or no longer": "il ne connaît pas, ou plus, la clé, le mot de passe ou le jeton",
    "it knows who asks, who may not do this: a right or a scope is missing":
        "il sait qui demande, mais le droit de le faire (scope) manque",
    "no row of {dataset} has that identity (version {version}): it may be written otherwise there, or be in quarantine":
        "aucune ligne de {dataset} n'a cette identité (version {version}) : elle y est peut-être écrite autrement, ou est en"
        " quarantaine",
    "several rows of {dataset} have that identity (version {version})":
        "plusieurs lignes de {dataset} ont cette identité (version {version})",
    "not in version {version} of {dataset}, a copy: its absence there proves nothing":
        "absent de la version {version} de {dataset}, une copie : cette absence ne prouve rien",
    "no row of {dataset} has that {key} (version {version}); it may be in quarantine":
        "aucune ligne de {dataset} n'a ce {key} (version {version}) ; elle est peut-être en quarantaine",
}  # fmt: skip
