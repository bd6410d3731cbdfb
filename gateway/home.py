"""The page at `/`: what this gateway is, what may be asked, where. Plain HTML that loads nothing."""

from html import escape

from gateway.health import beffroi_version
from gateway.service import Service
from pipelines import versions

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#1f4e79" d="M8 0l4 5v11H4V5z"/>'
    '<circle cx="8" cy="7" r="2" fill="#fff"/></svg>'
)
"""A belfry and its clock."""

STYLE = """
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #1b1b1b;
  background: #fff }
a { color: #1f4e79 } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #999 }
code { font-size: .95em }
"""


def page(service: Service) -> str:
    """Return the page."""
    title = escape(service.workspace.configuration.title)
    return f"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="icon" href="/favicon.svg" type="image/svg+xml"><style>{STYLE}</style></head>
<body>
<header><h1>{title}</h1>
<p>This gateway asks registries in one way, and serves open data. Its answers are for programs:
<a href="/docs">how to ask</a>, <a href="/openapi.json">the same for machines</a>, <a href="/health">its health</a>.</p>
</header>
<main>
<h2 id="lookups">Lookups</h2>
<p>Each needs a token and a declared purpose. Every one is kept in a journal.</p>
<table aria-labelledby="lookups"><thead><tr><th scope="col">Lookup</th><th scope="col">About</th>
<th scope="col">Ask</th></tr></thead><tbody>{_lookups(service)}</tbody></table>
<h2 id="datasets">Open datasets</h2>
<table aria-labelledby="datasets"><thead><tr><th scope="col">Dataset</th><th scope="col">About</th>
<th scope="col">Version</th><th scope="col">Take</th></tr></thead><tbody>{_datasets(service)}</tbody></table>
</main>
<footer><p>Beffroi {escape(beffroi_version())}</p></footer>
</body></html>
"""


def _lookups(service: Service) -> str:
    rows = []
    for name, lookup in sorted(service.workspace.configuration.lookups.items()):
        personal = lookup.record_model.is_personal()
        ask = f"POST /lookups/{name}" if personal else f"GET /lookups/{name}/{{identifier}}"
        rows.append(
            f'<tr><th scope="row">{name}</th><td>{escape(lookup.title)}</td><td><code>{escape(ask)}</code></td></tr>'
        )
    return "".join(rows)


def _datasets(service: Service) -> str:
    rows = []
    for name, dataset in sorted(service.workspace.datasets.items()):
        if dataset.audience != "open":
            continue
        version = versions.latest(service.workspace, name)
        about = f"{escape(dataset.title)}<br>{escape(dataset.description)}<br>{escape(dataset.licence or '')}"
        told = (
            f"{version.number}, {version.committed:%Y-%m-%d %H:%M} UTC, {version.rows:,} rows"
            if version
            else "none yet"
        )
        files = "".join(
            f' <a href="/datasets/{name}/latest/{name}.{kind}">{label}<span hidden> of {name}</span></a>'
            for kind, label in (("parquet", "Parquet"), ("csv", "CSV"))
        )
        take = f'<a href="/datasets/{name}/rows">rows</a>{files}' if version else ""
        rows.append(
            f'<tr><th scope="row"><a href="/datasets/{name}">{name}</a></th><td>{about}</td><td>{told}</td><td>{take}</td></tr>'
        )
    return "".join(rows)
