"""Sentences about who calls and what is granted, in French: each by its English template."""

from collections.abc import Mapping

SENTENCES: Mapping[str, str] = {
    # the caller and its credential
    "no token came with the call: send «Authorization: Bearer …»":
        "aucun jeton n'accompagne la demande : envoyez «Authorization: Bearer …»",
    "no credential came with the call": "la demande ne dit pas qui la fait : aucun jeton ni certificat ne l'accompagne",
    "the header Authorization must read «Bearer», a blank, and the token, once":
        "l'en-tête Authorization doit contenir «Bearer», une espace et le jeton, une seule fois",
    "the token is unknown, expired or revoked": "le jeton est inconnu, expiré ou révoqué",
    "the token and the client certificate of the call are those of two applications":
        "le jeton et le certificat client de la demande sont ceux de deux applications différentes",
    "no application of this gateway has the client certificate of the call":
        "aucune application de cette passerelle n'a le certificat client de la demande",
    "a client certificate counts only in the header {header}": "un certificat client ne compte que dans l'en-tête {header}",
    "the header {header} must come once: it says who calls": "l'en-tête {header} doit venir une seule fois : il dit qui demande",
    "the header {header} cannot be read as a client certificate":
        "l'en-tête {header} ne se lit pas comme un certificat client",
    "the header {header} counts only from a proxy that is declared to set it; this call is none":
        "l'en-tête {header} ne compte que s'il vient d'un mandataire déclaré pour l'écrire, ce qui n'est pas le cas ici",
    "the token is neither one of ours nor an access token that names issuer and key":
        "le jeton n'est ni un des nôtres, ni un jeton d'accès qui nomme son émetteur et sa clé",
    "the access token is longer than {size} KiB": "le jeton d'accès dépasse {size} Kio",
    "the access token names its issuer or its key (kid) by something that is no text":
        "le jeton d'accès nomme son émetteur ou sa clé (kid) par autre chose qu'un texte",
    "the access token is of an issuer that this gateway does not know":
        "le jeton d'accès vient d'un émetteur que cette passerelle ne connaît pas",
    "the access token is good, but its client is no application of this gateway":
        "le jeton d'accès est bon, mais son client n'est pas une application de cette passerelle",
    "the access token names the agent, in {claim}, by something that is no text":
        "le jeton d'accès nomme l'agent, dans {claim}, par autre chose qu'un texte",
    "the token is no access token: its type (typ) must be at+jwt (RFC 9068)":
        "le jeton n'est pas un jeton d'accès : son type (typ) doit être at+jwt (RFC 9068)",
    "the access token is signed by a key that {provider:said} does not publish":
        "le jeton d'accès est signé par une clé que {provider} ne publie pas",
    "the access token is not signed as {provider:said} signs: it is damaged or forged":
        "le jeton d'accès n'est pas signé comme {provider} signe : il est abîmé ou contrefait",
    "the access token is not from {provider:said}": "le jeton d'accès ne vient pas de {provider}",
    "the identity provider {name}": "le fournisseur d'identité {name}",
    "the access token is for another audience (aud) than this gateway":
        "le jeton d'accès est destiné à un autre public (aud) que cette passerelle",
    "the access token has expired: ask its provider for a new one":
        "le jeton d'accès a expiré : demandez-en un nouveau à son fournisseur",
    "the access token is not in force yet: one of the two clocks is wrong":
        "le jeton d'accès n'est pas encore en vigueur : l'une des deux horloges est fausse",
    "the access token does not say {claim} (RFC 9068)": "le jeton d'accès ne dit pas {claim} (RFC 9068)",
    "the access token says no time in {claim} (RFC 9068)": "le jeton d'accès ne donne pas d'heure dans {claim} (RFC 9068)",
    "the agent (Beffroi-Agent) is the name of an account: at most 100 letters, digits and .@+-_":
        "l'agent (Beffroi-Agent) est le nom d'un compte : 100 lettres, chiffres et .@+-_ au plus",
    "the agent (Beffroi-Agent) is the name of an account, and what came is the number of a person":
        "l'agent (Beffroi-Agent) est le nom d'un compte, et ce qui est venu est le numéro d'une personne",
    "the case ({where}) is the number of a case file: {wanted:said}": "le dossier ({where}) est un numéro : {wanted}",
    "at most 64 letters without accents, digits and ./:_+-, no blank":
        "64 lettres sans accent, chiffres et ./:_+- au plus, sans espace",
    "the case ({where}) is the number of a case file, and what came is the number of a person":
        "le dossier ({where}) est un numéro de dossier, et ce qui est venu est le numéro d'une personne",
    "Beffroi-Agent names another agent than the access token: leave it out":
        "Beffroi-Agent nomme un autre agent que le jeton d'accès : retirez-le",
    "the header Beffroi-Receipt says yes or no: whether a receipt of each answer is wanted":
        "l'en-tête Beffroi-Receipt dit yes ou no : si un reçu de chaque réponse est voulu",
    "{application} has made its {most} calls of this minute": "{application} a fait ses {most} demandes de cette minute",
    "{application} has made its {most} calls of this day": "{application} a fait ses {most} demandes de ce jour",
    "{most} calls like this one were refused in this minute: without a good credential from its address, or"
    " beyond the limits of its application":
        "{most} demandes comme celle-ci ont été refusées dans cette minute : sans justificatif valable venant de son adresse, ou"
        " au-delà des limites de son application",
    # grants
    "the lookup {name}": "la consultation {name}",
    "the dataset {name}": "le jeu de données {name}",
    "the journal's {name}": "{name} du journal",
    "; allowed: {names:list}": " ; possibles : {names}",
    " (did you mean «{near:any}»?); allowed: {names:list}": " (vouliez-vous dire «{near}» ?) ; possibles : {names}",
    "there is no field «{field:any}»{end:said}": "il n'y a pas de champ «{field}»{end}",
    "{application} has no grant on the field {field} of {resource:said} for that purpose":
        "{application} n'a pas d'habilitation sur le champ {field} ({resource}) pour cette finalité",
    "{application} has no grant on {resource:said}": "{application} n'a pas d'habilitation sur {resource}",
    "{application} has no grant on {resource:said}, only one to verify what it knows already: ask with verify":
        "{application} n'a pas d'habilitation sur {resource}, sinon pour vérifier ce qu'elle sait déjà : demandez avec verify",
    "no purpose came with the call: say it in the header Beffroi-Purpose, or ?purpose= on GET{end:said}":
        "la demande ne dit pas sa finalité : indiquez-la dans l'en-tête Beffroi-Purpose, ou par ?purpose= avec GET{end}",
    "{application} has a grant on {resource:said}, but not for the purpose {purpose}{end:said}":
        "{application} a une habilitation sur {resource}, mais non pour la finalité {purpose}{end}",
    "that purpose is not declared{end:said}": "cette finalité n'est pas déclarée{end}",
    "the purpose {purpose} expired on {day}: its agreement must be renewed":
        "la finalité {purpose} a expiré le {day} : sa convention doit être renouvelée",
    "the purpose {purpose} wants to know who asks, and for what: send {missing:and}":
        "la finalité {purpose} veut savoir qui demande, et pour quoi : envoyez {missing}",
    "Beffroi-Agent (the account of whoever asks, as the application knows it, such as m.dupont)":
        "Beffroi-Agent (le compte de qui demande, tel que l'application le connaît, comme m.dupont)",
    "Beffroi-Case (the number of the case file that it is asked for, such as 2026-0142, never a name)":
        "Beffroi-Case (le numéro du dossier pour lequel on demande, comme 2026-0142, jamais un nom)",
    "{application} has a grant on some rows of {resource:said} only, and this tells of all of them: ask for rows"
    " (/datasets/{name}/rows) or what changed in them (…/diff), which come without the others":
        "{application} n'a d'habilitation que sur certaines lignes ({resource}), et ceci parle de toutes : demandez des"
        " lignes (/datasets/{name}/rows) ou ce qui y a changé (…/diff), qui viennent sans les autres",
    "{resource:said} has nothing under that identifier of which {application} may see what was asked: it is not there, or"
    " no grant covers it":
        "sous cet identifiant, {application} ne peut rien voir de ce qui est demandé ({resource}) : cela n'existe pas, ou"
        " aucune habilitation ne le couvre",
    "the metrics are for the networks that the workspace declares: this call comes from elsewhere":
        "les mesures sont pour les réseaux que la configuration déclare, et cette demande vient d'ailleurs",
    "a registry of this lookup is told the {what} of each call: say it in {header:any}":
        "un registre de cette consultation reçoit ceci de chaque demande ({what}) : indiquez-le dans {header}",
    "the job was made for the purpose {purpose}: send that one in Beffroi-Purpose":
        "ce traitement a été demandé pour la finalité {purpose} : envoyez celle-ci dans Beffroi-Purpose",
    "the job was made by another agent, or for another case: ask anew to read it":
        "ce traitement a été demandé par un autre agent, ou pour un autre dossier : redemandez pour le lire",
    "the grants have changed since the job was made: delete it, and ask anew":
        "les habilitations ont changé depuis que ce traitement a été demandé : supprimez-le et redemandez",
}  # fmt: skip
