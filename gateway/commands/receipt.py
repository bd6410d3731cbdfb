"""`beffroi receipt`: receipts verified, offline, and the key that signs them replaced."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from connectors.errors import InvalidRequest
from connectors.json_names import once
from gateway import console
from gateway.commands.command import command
from gateway.commands.help import Group
from gateway.french import told
from gateway.languages import as_read

if TYPE_CHECKING:
    from gateway.journal.chain import Row
    from gateway.receipts import Claims

FILE = click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True)
COMPARED = {
    "identifier": ("it is the one asked for", "it is ANOTHER than was asked for", "not compared: see --identifier"),
    "data": ("they are those given", "they are NOT those given", "not compared: see --data"),
    "journal": (
        "the entry is in it, whole, and says the same",
        "the entry is NOT in it, or says something ELSE, or the journal is BROKEN",
        "not compared: see --journal; or the content of the entry is erased",
    ),
}
"""What is said of what was held against a receipt: it is the same, it is not, or it was not held against it."""

PROVES = "It proves that this gateway gave this answer. Whether the source was right, and who holds the receipt now, it does not."


@click.group("receipt", cls=Group)
def receipt_group() -> None:
    """Verify receipts of lookups, and look after the key that signs them."""


@receipt_group.command("verify")
@click.argument("file", type=FILE, default="-")
@click.option(
    "--keys", type=FILE, help="The gateway's keys, as /.well-known/jwks.json has them; those here, if left out."
)
@click.option(
    "--identifier", help="Was it this one that was asked for (scheme:value)? «-» reads it from standard input."
)
@click.option("--data", type=FILE, help="Were these the data, as JSON? For a verification: the question.")
@click.option("--journal", "in_journal", is_flag=True, help="Is it what this workspace's journal says?")
@command
def receipt_verify_command(
    root: Path,
    as_json: bool,
    file: Path,
    keys: Path | None,
    identifier: str | None,
    data: Path | None,
    in_journal: bool,
) -> None:
    """Verify the receipt in FILE, or on standard input; exit status 1 where something is not as it says.

    FILE has the receipt, or the whole answer that it came with: then its data are compared too; what was verified needs
    the question with --data. With --keys nothing but these files is needed: no workspace, no network.
    """
    from gateway import receipts

    text, answer = _receipt(_content(file))
    claims, salt = receipts.read(text, _keys(root, keys))
    held = _held(answer, None if data is None else _json(_content(data)))
    typed = None if identifier is None else _typed(identifier, file)
    asked = None if typed is None else receipts.asked_for(claims, salt, typed)
    found: dict[str, bool | None] = {
        "identifier": asked,
        "data": None if held is None else receipts.told(claims, salt, held),
        "journal": _in_journal(root, claims, typed if asked else None) if in_journal else None,
    }
    if as_json:
        console.show_json({"claims": receipts.as_dict(claims), **found})
    else:
        _show(claims, found)
    sys.exit(1 if False in found.values() else 0)


@receipt_group.command("rotate-key")
@command
def receipt_rotate_key_command(root: Path, as_json: bool) -> None:
    """Take a new key into use; the public part of the one before it stays published, so that its receipts hold."""
    from gateway.journal import Journal
    from gateway.journal.settings import change
    from gateway.receipt_keys import ReceiptKeys
    from pipelines.workspace import Workspace

    workspace = Workspace(root)
    with closing(Journal.of(workspace)) as journal:
        new, old = ReceiptKeys(workspace.state).rotate()
        change(workspace, journal, "key-rotate", "receipts", fields=[], source=f"key {new}, before it {old}")
    if as_json:
        console.show_json({"key": new, "before": old})
    else:
        console.note(told()("key {key}, before it {before}", key=new, before=old))


def _content(file: Path) -> bytes:
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def _receipt(content: bytes) -> tuple[str, dict[str, Any]]:
    """Return the receipt, and the answer that it came in: an empty one where it came alone. Raises InvalidRequest."""
    text = content.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return text, {}
    said = _json(content)
    found = said.get("receipt") or (said["meta"].get("receipt") if isinstance(said.get("meta"), dict) else None)
    if not isinstance(found, str):
        raise InvalidRequest("the file is JSON and holds no receipt: ask with the header «Beffroi-Receipt: yes»")
    return found, said


def _held(answer: dict[str, Any], given: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what is to be held against the receipt: what was given with --data, or else what the answer has, if any.

    An answer to `verify` does not repeat what was asked, which its receipt is of too. Raises InvalidRequest without it.
    """
    if "verified" in answer:
        if given is None or "verify" not in given or "data" in answer:
            raise InvalidRequest(
                "what was verified cannot be held against the receipt without what was asked: give the question with"
                ' --data, as it was sent, {"verify": …}; or the receipt alone as FILE, and nothing is compared'
            )
        return {"verify": given["verify"], "verified": answer["verified"]}
    said = given if given is not None else answer if "data" in answer else None
    return said["data"] if said is not None and isinstance(said.get("data"), dict) and "meta" in said else said


def _json(content: bytes) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise InvalidRequest("data and answers must be JSON objects, as the gateway gave them")
    once(content)
    return said


def _keys(root: Path, keys: Path | None) -> dict[str, Any]:
    from gateway import receipt_keys

    if keys is not None:
        return receipt_keys.public(_content(keys))
    from pipelines.workspace import Workspace

    return receipt_keys.public(json.dumps(receipt_keys.ReceiptKeys(Workspace(root).state).jwks()).encode())


def _typed(identifier: str, file: Path) -> str:
    if identifier != "-":
        return identifier
    if str(file) == "-":
        raise InvalidRequest("standard input is the receipt already: name its FILE")
    import getpass

    return (getpass.getpass(told()("Identifier: ")) if sys.stdin.isatty() else sys.stdin.readline()).strip()


def _in_journal(root: Path, claims: "Claims", identifier: str | None) -> bool | None:
    """Tell whether the entry is in the workspace's journal and says the same; None where its content is erased.

    The entry's hash covers all before it, as that of an anchor does. Only what differs is told, not how.
    """
    from gateway.journal.keys import Keys
    from gateway.journal.stores import store_of
    from gateway.journal.verification import Anchor, verify_rows
    from gateway.receipts import named, unlike
    from pipelines.workspace import Workspace

    workspace, number, seen = Workspace(root), claims.journal.number, list["Row"]()
    keys = Keys(workspace.state)
    rows = _noticed(store_of(workspace).rows(), number, seen)
    found = verify_rows(rows, [Anchor(number, claims.journal.hash, claims.time)], keys)
    for problem in found.problems:
        console.note(as_read(problem))
    if not found.whole or found.anchored != number:
        return False
    hashes = None if identifier is None else dict(zip(keys.names(), keys.every(named(claims, identifier)), strict=True))
    if other := unlike(claims, seen[0], hashes):
        unlikely = "entry {number} is of something else ({names}): the gateway's key signed what it never told"
        console.note(told()(unlikely, number=number, names=", ".join(other)))
        return False
    return True if seen[0].entry else None


def _noticed(rows: "Iterable[Row]", number: int, seen: "list[Row]") -> "Iterator[Row]":
    """Pass rows on, and keep the one of that number."""
    for row in rows:
        if row.number == number:
            seen.append(row)
        yield row


def _show(claims: "Claims", found: dict[str, bool | None]) -> None:
    from gateway import receipts

    said = told()
    rows = [(name, _cell(value)) for name, value in receipts.as_dict(claims).items()]
    console.show_table((said("claim"), said("value")), rows)
    console.note(f"{said('The receipt is genuine.')} {said(PROVES)}")
    for name, result in found.items():
        console.note(f"{said(name)}{said(': ')}{said(COMPARED[name][2 if result is None else 0 if result else 1])}")


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return told()("entry {number}, hash {hash}", **value)
    return ", ".join(value) if isinstance(value, list) else str(value if value is not None else "")
