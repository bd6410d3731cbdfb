"""The French words of each code of an error: its title, and what to do."""

from collections.abc import Mapping

CODES: Mapping[str, tuple[str, str]] = {
    "malformed-identifier": (
        "Identifiant mal formé",
        "Vérifiez l'identifiant : sa forme ou sa clé de contrôle est fausse. Aucun registre n'a été interrogé.",
    ),
    "invalid-request": ("Demande non valable", "Corrigez la demande comme le détail l'indique."),
    "not-found": ("Introuvable", "Vérifiez ce que vous demandez : la forme est juste, mais cela n'existe pas."),
    "ambiguous": (
        "Plusieurs enregistrements y répondent",
        (
            "Donnez davantage de l'identité (tous les prénoms, le lieu de naissance), ou demandez par un numéro ; aucun"
            " d'eux n'a été communiqué."
        ),
    ),
    "withheld": (
        "Non communicable pour des raisons légales",
        (
            "Le registre ne peut pas communiquer cette donnée : adressez-vous à la personne concernée ou à l'administration"
            " qui tient le registre."
        ),
    ),
    "unauthenticated": (
        "Jeton absent ou non valable",
        (
            "Envoyez un jeton valable : «Authorization: Bearer …» ; l'exploitant de la passerelle le crée"
            " (`beffroi token issue APPLICATION`)."
        ),
    ),
    "not-granted": (
        "Non autorisé",
        (
            "Si le détail dit quoi envoyer, envoyez-le ; sinon, demandez une habilitation à l'exploitant de cette passerelle,"
            " ou retirez ce qui n'est pas autorisé."
        ),
    ),
    "limit-reached": (
        "Limite atteinte",
        (
            "Redemandez après le délai de Retry-After ; s'il faut davantage à une application, demandez pour elle à"
            " l'exploitant une limite plus élevée."
        ),
    ),
    "method-not-allowed": ("Méthode non admise", "Utilisez la méthode que le détail indique."),
    "unreadable": (
        "La réponse du registre est illisible",
        (
            "Rien n'a été deviné. Réessayez plus tard ; si cela dure, prévenez l'exploitant de la passerelle, qui préviendra"
            " le registre."
        ),
    ),
    "not-delivered": (
        "Le fichier n'est pas arrivé",
        "Demandez-le à qui le livre ; s'il a changé de nom, indiquez-le dans la déclaration du registre.",
    ),
    "busy": ("Le registre est occupé", "Redemandez après le délai de Retry-After."),
    "down": (
        "Le registre est en panne",
        "Redemandez plus tard ; pour un registre, /health de la passerelle indique quand il répond de nouveau.",
    ),
    "maintenance": (
        "Le registre est en maintenance prévue",
        "Redemandez après le délai de Retry-After : l'arrêt est prévu, et le détail dit jusqu'à quand.",
    ),
    "late": ("Le registre a répondu trop tard", "Redemandez plus tard."),
    "refused-us": (
        "Le registre refuse notre accès",
        (
            "Votre demande n'est pas en cause : prévenez l'exploitant de la passerelle, qui doit renouveler son accès au"
            " registre."
        ),
    ),
    "misconfigured": (
        "La configuration est erronée",
        "Son exploitant corrige ce que le détail nomme ; `beffroi check` indique le fichier et la ligne quand il le peut.",
    ),
    "run-failed": (
        "L'exécution a échoué",
        "Corrigez ce que dit le détail et relancez ; la dernière version valable reste servie.",
    ),
    "unavailable": (
        "Beffroi ne peut pas répondre pour l'instant",
        "Redemandez plus tard ; si cela dure, prévenez l'exploitant de la passerelle.",
    ),
    "internal": (
        "Une erreur interne de Beffroi",
        "Dites à l'exploitant de la passerelle quand c'est arrivé : le journal technique dit où.",
    ),
}
