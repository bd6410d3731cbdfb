"""Why a row could not be taken as it came, in French: registries say it in English, mostly with its place.

What stands here is what readers of files say often; of what does not, the sentence stays as it came, in a French one.
"""

from pipelines.sql import quote

FRENCH = (
    (r"^line (\d+): ", r"ligne \1 : "),
    (r"^rows? (\d+): ", r"ligne \1 : "),
    (r"(\d+) cells over several lines, the header has (\d+)", r"\1 cellules sur plusieurs lignes, l'en-tête en a \2"),
    (r"(\d+) cells?, the header has (\d+)", r"\1 cellule(s), l'en-tête en a \2"),
    (r"the quote of cell (\d+) is never closed", r"le guillemet de la cellule \1 n'est jamais fermé"),
    (r"a quote stands amiss in cell (\d+)", r"un guillemet est mal placé dans la cellule \1"),
    (
        "(.*) is a number, but not written as decimal: and thousands: say",
        r"\1 est un nombre, mais pas écrit comme le disent decimal: et thousands:",
    ),
    ("a NUL character", "un caractère NUL"),
    ("the row is no object", "la ligne n'est pas un objet"),
    ("properties that are no object", "des propriétés qui ne sont pas un objet"),
    ("a key twice in one object", "une clé deux fois dans un objet"),
)
"""What is said, as a pattern of RE2, and what it is in French."""


def french(fault: str) -> str:
    """Return SQL for the French sentence of a fault, for whose text `fault` is the SQL."""
    for said, in_french in FRENCH:
        fault = f"regexp_replace({fault}, {quote(said)}, {quote(in_french)})"
    return f"'n''a pas pu être prise telle qu''elle est venue : ' || {fault}"
