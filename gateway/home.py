"""The page at `/`: what this gateway is, what may be asked, where. Plain HTML that loads nothing.

In French or English, as the browser prefers.
"""

from collections.abc import Mapping
from html import escape

from gateway.callers import offered
from gateway.callers.access import visible
from gateway.health import beffroi_version, shown_version
from gateway.languages import preferred
from gateway.service import Service
from pipelines import pages
from pipelines.report import words

STYLE = (
    pages.STYLE
    + """
@media (max-width: 45rem) {
  thead { position: absolute; left: -100rem } tr, th, td { display: block } th, td { border: 0; padding: .1rem 0 }
  tbody tr { border-bottom: 1px solid #999; padding: .5rem 0 }
}
"""
)

ENGLISH = {
    "language": "en",
    "about": "This gateway asks registries in one way, and serves open data. Its answers are for programs:",
    "docs": "how to ask",
    "openapi": "the same for machines",
    "health": "its health",
    "lookups": "Lookups",
    "journaled": "Each needs a token and a declared purpose. Every one is kept in a journal.",
    "datasets": "Open datasets",
    "heads": "Lookup|About|Ask|Dataset|Version|Take|Follow",
    "version": "version {number}, {committed}, {rows}",
    "none": "no version yet",
    "rows": "rows",
    "report": "report",
    "versions": "versions",
    "feed": "feed (Atom)",
}
FRENCH = {
    "language": "fr",
    "about": "Cette passerelle interroge les registres d'une seule manière et sert des données ouvertes."
    " Ses réponses sont faites pour des programmes :",
    "docs": "comment interroger",
    "openapi": "la même chose pour les machines",
    "health": "son état",
    "lookups": "Consultations",
    "journaled": "Chacune demande un jeton et une finalité déclarée. Toutes sont inscrites au journal.",
    "datasets": "Jeux de données ouverts",
    "heads": "Consultation|Objet|Demander|Jeu de données|Version|Prendre|Suivre",
    "version": "version {number}, {committed}, {rows}",
    "none": "pas encore de version",
    "rows": "lignes",
    "report": "rapport",
    "versions": "versions",
    "feed": "fil (Atom)",
}
SAID: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "fr": FRENCH}


def page(service: Service, accept_language: str) -> str:
    """Return the page, in the language that the header `Accept-Language` puts first among ours."""
    said = SAID[preferred(accept_language)]
    title = escape(service.workspace.configuration.title)
    lookup, about, ask, dataset, version, take, follow = said["heads"].split("|")
    return f"""<!doctype html>
<html lang="{said["language"]}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="/favicon.svg" type="image/svg+xml"><style>{STYLE}</style></head>
<body>
<header><h1>{title}</h1>
<p>{said["about"]}
<a href="/docs">{said["docs"]}</a>, <a href="/openapi.json">{said["openapi"]}</a>,
<a href="/health">{said["health"]}</a>.</p>
</header>
<main>
<h2 id="lookups">{said["lookups"]}</h2>
<p>{said["journaled"]}</p>
<table aria-labelledby="lookups"><thead><tr><th scope="col">{lookup}</th><th scope="col">{about}</th>
<th scope="col">{ask}</th></tr></thead><tbody>{_lookups(service)}</tbody></table>
<h2 id="datasets">{said["datasets"]}</h2>
<table aria-labelledby="datasets"><thead><tr><th scope="col">{dataset}</th><th scope="col">{about}</th>
<th scope="col">{version}</th><th scope="col">{take}</th><th scope="col">{follow}</th></tr></thead><tbody>{_datasets(service, said)}</tbody></table>
</main>
<footer><p>Beffroi {escape(beffroi_version())}</p></footer>
</body></html>
"""


def _lookups(service: Service) -> str:
    rows = []
    for name, lookup in offered.lookups(service.workspace, offered.NOBODY).items():
        personal = lookup.record_model.is_personal()
        ask = f"POST /lookups/{name}" if personal else f"GET /lookups/{name}/{{identifier}}"
        rows.append(
            f'<tr><th scope="row"><a href="/lookups/{name}">{name}</a></th><td>{escape(lookup.title)}</td>'
            f"<td><code>{escape(ask)}</code></td></tr>"
        )
    return "".join(rows)


def _datasets(service: Service, said: Mapping[str, str]) -> str:
    rows, zone = [], service.workspace.configuration.zone
    for name in sorted(visible(service.workspace, offered.NOBODY)):
        dataset = service.workspace.datasets[name]
        version = shown_version(service.workspace, name)
        about = "<br>".join(escape(each) for each in (dataset.title, dataset.description, dataset.licence) if each)
        told, take, follow = said["none"], "", ""
        if version is not None:
            counted = words.several("some_rows", version.rows, words.LANGUAGES[said["language"]])
            committed = words.moment(version.committed, zone)
            told = said["version"].format(number=version.number, committed=committed, rows=counted)
            files = {said["rows"]: "rows", "Parquet": f"latest/{name}.parquet", "CSV": f"latest/{name}.csv"}
            take = _links(name, files)
            news = {said["report"]: "report", said["versions"]: "versions", said["feed"]: "changes.atom"}
            follow = _links(name, news)
        rows.append(
            f'<tr><th scope="row"><a href="/datasets/{name}">{name}</a></th><td>{about}</td><td>{told}</td>'
            f"<td>{take}</td><td>{follow}</td></tr>"
        )
    return "".join(rows)


def _links(name: str, texts: Mapping[str, str]) -> str:
    """Return links to addresses of a dataset by their texts; who hears one alone hears of which dataset it is."""
    return " ".join(
        f'<a href="/datasets/{name}/{href}" aria-label="{name}: {text}">{text}</a>' for text, href in texts.items()
    )
