"""Which link of a dataset a steward asks about, which records she means, and what these have: journaled where it is shown."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.errors import InvalidRequest, NotFound, Unavailable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.linking.telling.explained import Values
    from pipelines.versions import Version
    from pipelines.workspace import Workspace


@dataclass(frozen=True)
class Asked:
    """Of which link of which version something is asked, by whom (for which purpose), and in which language it is told.

    `folder` has the files of the link, which no run changes meanwhile.
    """

    workspace: "Workspace"
    dataset: str
    column: str
    version: "Version"
    folder: Path
    language: str
    raw: bool = False
    purpose: str | None = None

    def is_theirs(self, identity: str) -> bool:
        """Tell whether an identity is that of a record of the dataset which is linked to; it may be gone."""
        to = self.workspace.dataset(self.dataset).link[self.column].to
        return to is not None and bool(json.loads(identity)[0] == to)


@contextmanager
def asked(
    workspace: "Workspace",
    dataset: str,
    column: str | None,
    language: str,
    *,
    raw: bool = False,
    purpose: str | None = None,
) -> Iterator[Asked]:
    """Find the link that is meant, and hold its files as they are.

    Raises InvalidRequest, NotFound without a link or a version, Unavailable where its files are gone or just being written.
    """
    from pipelines import versions
    from pipelines.linking import files

    links = list(workspace.dataset(dataset).link)
    if not links:
        raise InvalidRequest(f"{dataset} declares no link:")
    if column is None and len(links) > 1:
        raise InvalidRequest(f"{dataset} has several links: say which with --column: {', '.join(links)}")
    if column is not None and column not in links:
        raise InvalidRequest(f"{dataset} has no link «{column}»: there is {', '.join(links)}")
    chosen, version = column or links[0], versions.newest(workspace, dataset)
    if version is None:
        raise NotFound(f"{dataset} has no version yet: `beffroi run {dataset}`")
    with files.held(version.folder, chosen) as folder:
        if not files.pairs(folder, chosen).is_file() or not files.records(folder, chosen).is_file():
            raise Unavailable(
                f"the links of version {version.number} of {dataset} are no longer kept: `beffroi link {dataset}`"
            )
        yield Asked(workspace, dataset, chosen, version, folder, language, raw, purpose)


def numbered(of: Asked) -> bool:
    """Tell whether a row's key is the number of its cluster: then the key means any of its records."""
    return of.workspace.dataset(of.dataset).key == (of.column,)


def resolved(connection: "DuckDBPyConnection", of: Asked, text: str, *, any_of_cluster: bool = False) -> str:
    """Return the identity that a text means: it is one, or the key alone of a record that no other source has too.

    A key that is the number of a cluster means none of several records, except where any of them will do. What was typed
    may be personal: no error says it.
    """
    from pipelines.linking.telling import looking

    found = looking.numbered(connection, of.folder, of.column, text) if numbered(of) else []
    if len(found) > 1 and not any_of_cluster:
        raise InvalidRequest(
            f"a key of {of.dataset} is a cluster, and one of these has {len(found)} records: say which are meant, by their"
            f" identities; `beffroi link {of.dataset} --column {of.column} --why KEY --raw` names them"
        )
    found = found[:1] or looking.called(connection, of.folder, of.column, text)
    if not found:
        raise NotFound(
            f"version {of.version.number} of {of.dataset} has no such record: say its key, or its identity, which is a"
            ' JSON array as ["source", "key"]'
        )
    if len(found) > 1:
        raise InvalidRequest('several sources have a record of that key: say the identity, as ["source", "key"]')
    return found[0]


def meant(connection: "DuckDBPyConnection", of: Asked, texts: Sequence[str], known: Collection[str] = ()) -> list[str]:
    """Return the identities that one text or two mean, those `known` as they are; one alone may be that of a cluster.

    Raises what `resolved` does, and says of which of two.
    """
    if len(texts) == 1:
        return [resolved(connection, of, texts[0], any_of_cluster=True)]
    found = []
    for place, text in zip(("first", "second"), texts, strict=True):
        try:
            found.append(text if text in known else resolved(connection, of, text))
        except (InvalidRequest, NotFound) as error:
            raise type(error)(f"the {place} record: {error.detail}") from None
    return found


def one_of_each(of: Asked, one: str, other: str) -> None:
    """Raise InvalidRequest where the link leads to another dataset and both records are of one."""
    from pipelines.linking.deciding import decisions

    to = of.workspace.dataset(of.dataset).link[of.column].to
    if not decisions.is_of_link(one, other, to):
        raise InvalidRequest(f"{of.column} links records of {of.dataset} to those of {to}: say one of each")


async def values_of(
    connection: "DuckDBPyConnection", of: Asked, identities: Collection[str], action: str = "link"
) -> dict[str, "Values"]:
    """Return what records have in the recipe's fields, once that is on the journal. Raises what `decide` raises."""
    from pipelines.declarations import linked
    from pipelines.linking.telling import looking

    dataset = of.workspace.dataset(of.dataset)
    link = dataset.link[of.column]
    read = [linked.columns(link, dataset)]
    read += [linked.others(link, of.workspace.dataset(link.to))] if link.to is not None else []
    await noted(of, identities, action, [list(each.values()) for each in read])
    return looking.fields(connection, of.folder, of.column, identities)


async def noted(
    of: Asked, identities: Collection[str], action: str, fields: Sequence[Collection[str]] | None = None
) -> None:
    """Put on the journal that records are named: an entry for each dataset that they may be of, with their keys.

    `fields` are the columns that are read of this dataset, and of that which it links to; by default those of the key.
    Raises what `decide` raises.
    """
    from gateway.callers.access import decide, of_refused, operator
    from gateway.journal import Entry, Journal
    from pipelines.declarations import linked

    caller, dataset = operator(of.purpose), of.workspace.dataset(of.dataset)
    other = of.workspace.datasets.get(dataset.link[of.column].to or "")
    keys = [linked.identity(dataset, of.column), *([other.key] if other is not None else [])]
    with closing(Journal.of(of.workspace)) as journal:
        for each, columns in zip((dataset, *([other] if other is not None else [])), fields or keys, strict=True):
            entry = Entry.begin(of.workspace, caller, action, f"dataset:{each.name}")
            named = sorted(name for name in identities if of.is_theirs(name) == (each is other))
            async with journal.access(entry):
                decide(of.workspace, caller, of_refused(each), None)
                entry.identifiers = [journal.keyed(f"dataset:{each.name}:{_key(name)}") for name in named]
                entry.fields = sorted(columns)
                entry.source = f"version {of.version.number} of {of.dataset}"


def _key(identity: str) -> str:
    """Return the key in an identity, as the journal has keys."""
    return ",".join(map(str, json.loads(identity)[1:]))
