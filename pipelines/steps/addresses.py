"""The step that takes one part out of a postal address of one line, in the common French and Spanish forms.

French addresses begin with the number (12 bis rue X, bât. B), Spanish ones with the type of the street (Calle X 12, 3º B);
a post box may stand anywhere. A line that can be cut in two ways, or has a number that fits nowhere, is refused.
"""

from pipelines.sql import quote
from pipelines.steps.clean import Cleaning, Reason, Value
from pipelines.steps.step import BLANKS, REFUSED, Step, convert, one_of

PARTS = ("number", "repetition", "street", "type", "name", "complement", "box")

FRENCH = (
    r"rue|avenue|av\.?|boulevard|bou?le?v?d?\.?|bl?d\.?|place|pl\.?|chemin|che?m?\.|impasse|imp\.?|all[ée]es?|all\.|route"
    r"|rte\.?|quai|cours|square|sq\.?|passage|ruelle|sentier|sente|mont[ée]e|c[ôo]te|esplanade|promenade|faubourg|fbg?\.?"
    r"|rond[- ]point|venelle|traverse|villa|cit[ée]|hameau|lotissement|lot\.|mail|parvis|voie|porte|galerie|rocade"
    r"|zone (?:industrielle|artisanale|commerciale|d'activit[ée]s)|z\.?[aic]\.?|clos|cour|chauss[ée]e|domaine|parc"
)
SPANISH = (
    r"calle|c/|c\.|avenida|av(?:da)?\.?|plaza|pl?za\.?|paseo|p[º]\.?|carretera|ctra\.?|camino|cno\.?|ronda|traves[íi]a"
    r"|callej[óo]n|glorieta|barrio|urbanizaci[óo]n|urb\.?|pol[íi]gono|pol\.|alameda|cuesta|rambla|gran v[íi]a"
)
INSIDE = r"b[âa]t(?:iment)?\.?|esc(?:alier)?\.?|[ée]tage|app(?:artement|t)?\.?|entr[ée]e|r[ée]s(?:idence)?\.?|immeuble|tour|chez|c/o"
BOX = r"(bo[iî]te postale|b\.? ?p\.?|c\.? ?s\.?|tsa|apartado de correos|apartado|apdo\.?) ?(?:n[°º] ?)?(\d[\d ]*\d|\d)"
DATED = "janvier|f[ée]vrier|mars|avril|mai|juin|juillet|ao[ûu]t|septembre|octobre|novembre|d[ée]cembre"
ROADS = r"nationale|d[ée]partementale|rn|rd|cd|n|d|autoroute|europe"

NUMBER = r"(\d{1,4}(?:[-/]\d{1,4})?)"
FRENCH_LINE = (
    rf"(?i)^(?:([^\d,]+|(?:{INSIDE}) [^,]*), ?|((?:{INSIDE}) [^,]*?) )?{NUMBER}(?: ?(bis|ter|quater|quinquies|[a-z]))?,? +"
    r"([^\d ,][^,]*)(?:, ?(.+))?$"
)
SPANISH_LINE = rf"(?i)^((?:{SPANISH}) ?[^,\d]*?[^,\d ]),? (?:n(?:[º°.]|[úu]m\.?) ?)?(?:{NUMBER}(?: ?(bis|ter|[a-z]))?|s/n)(?:, ?(.+))?$"
NO_NUMBER = r"(?i)^([^\d ,][^,]*)(?:, ?(.+))?$"


def _address(cleaning: Cleaning, value: Value, part: str) -> None:
    reason = Reason(
        "is an address that can be read in several ways: write it as «12 bis rue X, bât. B» or «Calle X 12, 3º B»",
        "est une adresse qui se lit de plusieurs façons : l'écrire « 12 bis rue X, bât. B » ou « Calle X 12, 3º B »",
    )
    convert(cleaning, value, "address", reason, _squeezed, _without_box, _matched, _cut)
    cleaning.make(value, f"nullif({_taken(value.sql, part)}, '')")


def _squeezed(sql: str) -> str:
    plain = f"replace(replace(trim(regexp_replace({sql}, '{BLANKS}+', ' ', 'g')), ' - ', ', '), ' ,', ',')"
    return f"CASE WHEN regexp_full_match({sql}, '[!-~]+(?: [!-+.-~][!-~]*)*') THEN {sql} ELSE {plain} END"


def _without_box(sql: str) -> str:
    """Return SQL for {text, box}: the line without its post box; two of them fit nowhere."""
    box = rf"(?i)(^|[ ,]){BOX}(?:$|[ ,])"
    has = f"regexp_matches({sql}, {quote(box)})"
    text = f"regexp_replace(trim(regexp_replace({sql}, {quote(box)}, '\\1'), ', '), '(, *)+', ', ', 'g')"
    kind = f"upper(replace(replace(regexp_extract({sql}, {quote(box)}, 2), '.', ''), ' ', ''))"
    found = f"CASE {kind} WHEN 'BOÎTEPOSTALE' THEN 'BP' WHEN 'BOITEPOSTALE' THEN 'BP' WHEN 'APARTADODECORREOS' THEN 'APARTADO'"
    found += f" WHEN 'APDO' THEN 'APARTADO' ELSE {kind} END || ' ' || replace(regexp_extract({sql}, {quote(box)}, 3), ' ', '')"
    return f"CASE WHEN {has} THEN {{'text': {text}, 'box': {found}}} ELSE {{'text': {sql}, 'box': ''}} END"


def _matched(sql: str) -> str:
    """Return SQL for what each form makes of the line, empty where it does not fit."""
    french = f"regexp_extract({sql}.text, {quote(FRENCH_LINE)}, ['before', 'inside', 'number', 'repetition', 'street', 'after'])"
    spanish = f"regexp_extract({sql}.text, {quote(SPANISH_LINE)}, ['street', 'number', 'repetition', 'after'])"
    plain = f"regexp_extract({sql}.text, {quote(NO_NUMBER)}, ['street', 'after'])"
    return f"{{'line': {sql}, 'fr': {french}, 'es': {spanish}, 'no': {plain}}}"


def _cut(sql: str) -> str:
    """Return SQL for the parts, null where several readings are left."""
    typed = quote(f"(?i)^({FRENCH}|{SPANISH})( |$)")
    another = quote(rf"(?i)(^|[ ,])\d+ ?(bis|ter)?,? +({FRENCH})( |$)")
    last = quote(r"(?i)(^|[ ,])\d+( ?([a-z]|bis|ter|quater))?$")
    town = quote(r"(^|, ?)\d{5}( |$)")
    named = quote(rf"(?i)(({DATED}) \d{{4}}|({ROADS}) ?\d+)$")

    def fits(street: str, after: str) -> str:
        plain = f"NOT regexp_matches({street}, {last}) OR regexp_matches({street}, {named})"
        whole = f"{street} || ', ' || {after}"
        return f"({plain}) AND NOT regexp_matches({whole}, {another}) AND NOT regexp_matches({after}, {town})"

    def parts(number: str, repetition: str, street: str, complement: str) -> str:
        return (
            f"{{'number': {number}, 'repetition': lower({repetition}), 'street': {street},"
            f" 'complement': {complement}, 'box': {sql}.line.box}}"
        )

    french = parts(f"{sql}.fr.number", f"{sql}.fr.repetition", f"trim({sql}.fr.street)",
                   f"concat_ws(', ', nullif({sql}.fr.before || {sql}.fr.inside, ''), nullif({sql}.fr.after, ''))")  # fmt: skip
    spanish = parts(f"{sql}.es.number", f"{sql}.es.repetition", f"{sql}.es.street", f"{sql}.es.after")
    plain = parts("''", "''", f"{sql}.no.street", f"{sql}.no.after")
    behind = parts("''", "''", f"{sql}.no.after", f"{sql}.no.street")  # Mairie, place X
    turned = f"regexp_matches({sql}.no.after, {typed}) AND NOT regexp_matches({sql}.no.street, {typed})"
    dated = f"regexp_matches({sql}.fr.street, '(?i)^({DATED})( |$)')"  # 8 mai 1945 (rue du)
    return (
        f"CASE WHEN {sql}.line.text = '' THEN {parts(*(chr(39) * 2,) * 4)}"
        f" WHEN {sql}.es.street <> '' AND NOT regexp_matches({sql}.es.after, {town}) THEN {spanish}"
        f" WHEN {sql}.fr.number <> '' AND NOT {dated} AND {fits(f'{sql}.fr.street', f'{sql}.fr.after')} THEN {french}"
        f" WHEN {sql}.fr.number = '' AND {sql}.no.street <> '' AND NOT regexp_matches({sql}.no.after, '^[0-9]')"
        f" AND {fits(f'{sql}.no.street', f'{sql}.no.after')} THEN CASE WHEN {turned} THEN {behind} ELSE {plain} END END"
    )


def _taken(sql: str, part: str) -> str:
    typed = quote(rf"(?i)^(?:({FRENCH}|{SPANISH}) +|(c/))(.+)$")
    street = f"{sql}.street"
    match part:
        case "type":
            return f"regexp_extract({street}, {typed}, 1) || regexp_extract({street}, {typed}, 2)"
        case "name":
            return f"CASE WHEN regexp_matches({street}, {typed}) THEN regexp_extract({street}, {typed}, 3) ELSE {street} END"
        case _:
            return f"{sql}.{part}"


FULL = "Bât. A, 12 bis rue de la République, 2e étage, BP 40123"

ADDRESSES = {
    "address": Step(
        "Takes one part out of an address of one line, French or Spanish: its number, repetition (bis, ter, A), street with"
        " its type, type, name, complement or post box. A part that is not there is no value; a line that can be read in"
        " several ways is refused.",
        _address,
        (
            ("number", FULL, "12"), ("repetition", FULL, "bis"), ("street", FULL, "rue de la République"),
            ("type", FULL, "rue"), ("name", FULL, "de la République"), ("complement", FULL, "Bât. A, 2e étage"),
            ("box", FULL, "BP 40123"), ("number", "12-14, av. Foch", "12-14"), ("repetition", "7B place Vogel", "b"),
            ("number", "Place du 8 mai 1945", None), ("street", "3 place du 8 mai 1945", "place du 8 mai 1945"),
            ("name", "Calle Mayor, 12, 3º B", "Mayor"), ("number", "Avda. de la Constitución 5 bis", "5"),
            ("complement", "C/ Mayor nº 12, 3º B", "3º B"), ("name", "C/ Mayor nº 12, 3º B", "Mayor"), ("box", "Apartado de correos 123", "APARTADO 123"),
            ("street", "Mairie - place de l'Hôtel de Ville", "place de l'Hôtel de Ville"),
            ("street", "1 rue X, 80000 Amiens", REFUSED), ("number", "rue de Paris 12", REFUSED), ("number", "12 rue X 14 rue Y", REFUSED),
        ),
        one_of(*PARTS),
    ),
}  # fmt: skip
