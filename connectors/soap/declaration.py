"""The text of a new `registries/NAME.yaml`: what must be said, drafts to take on, and every operation as a comment.

What comes from the WSDL is put on one line and quoted: a name in it can never become a key of the file.
"""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.drafting import FILL_IN
from connectors.soap import outline
from connectors.soap.blanks import continuations, headers_of
from connectors.soap.client import SoapClient
from connectors.soap.describe import Description, describe
from connectors.soap.guesses import LookupGuess, TableGuess, faults_of, lookup_of, table_of
from connectors.soap.words import plain
from connectors.yaml_text import WIDTH, flow, prose, quoted, scalar

MOST_LINES = 200
"""Lines of one operation; `beffroi connector show` has them all."""
NOWHERE = "https://registry.invalid/"
"""Stands for an address that the WSDL does not give: no host can have it (RFC 2606, 2)."""

HEAD = """\
{name}: a registry asked over SOAP. Written by `beffroi connector add soap`; from here on it is yours to change.
`beffroi connector show {name}` prints the operations listed below for people.
A draft begins at a line such as «#tables:» and ends at the next empty line: take the # away from each of its lines,
check what they say against what the registry's owner documents, and run `beffroi check`."""
LOOKUP = """\
Draft of a lookup: one record by an identifier, whose named groups are the parameters. {why}
Who asks it stands in lookups/…yaml: {{record: {record}, providers: [{{registry: {name}}}]}}"""
TABLES = """\
Draft of tables: operations that answer a list. One answer is one table: of what comes in pages it is the first one.{more}
A dataset is read from one by source: {{registry: {name}, table: {table}}}"""
MORE = (
    "\nBeware: {table} may not be whole. Beside its rows stands {keys}, which looks as if there were more of them; only"
    " what the one answer holds is read, and nothing tells what is missing."
)
BLANKS = f"Where {FILL_IN} stands only you know the value: `beffroi check` tells as long as one is left."
FAULTS = "What a fault means. One that does not stand here makes the answer unreadable: nothing is guessed."
ANSWERS = "What an answer means that has no record in it."


def text_of(client: SoapClient, wsdl: str) -> str:
    """Return the file's text for the registry of `client`; `wsdl` is its path in the workspace. Raises Misconfigured."""
    name, found = client.registry, describe(client)
    lines = [*prose(HEAD.format(name=name)), "kind: soap", f"wsdl: {scalar(wsdl)}", *_address(client, found)]
    lines += ["", *_personal(found), "personal: true", ""]
    asked = [client.prepare(each.name) for each in found.operations]
    lookups = [guess for each in asked if (guess := lookup_of(each, name)) is not None]
    tables = [table for each in asked if (table := table_of(client, each)) is not None]
    if lookups:
        lines += [*_lookup(name, lookups, client), ""]
    if lookups and lookups[0].answers:
        lines += [*prose(ANSWERS), "#answers:", *(f"#  - {flow(rule)}" for rule in lookups[0].answers), ""]
    if tables:
        lines += [*_tables(name, tables, client), ""]
    codes = {code: outcome for each in asked for code, outcome in faults_of(each).items()}
    if codes:
        lines += [*_faults(codes), ""]
    return "\n".join([*lines, *_operations(name, found)]) + "\n"


def ports_of(client: SoapClient) -> list[str]:
    """Return the WSDL's ports by the names that choose one: `service/port` where two services have one of the name."""
    ports = client.description().ports
    names = [port.name for port in ports]
    return [port.name if names.count(port.name) == 1 else f"{port.service}/{port.name}" for port in ports]


def _address(client: SoapClient, found: Description) -> Iterator[str]:
    chosen = next(port for port in found.ports if client.port in (None, port.name, f"{port.service}/{port.name}"))
    if chosen.address:
        yield f"url: {scalar(chosen.address)}"
    else:
        yield from prose("The WSDL does not say where it answers: write that here.")
        yield f"url: {NOWHERE}"
    if len(found.ports) > 1:
        others = [
            f"{plain(name)}, SOAP {port.soap}, {port.operations} operations, at {port.address or 'no address'}"
            for name, port in zip(ports_of(client), found.ports, strict=True)
            if port is not chosen
        ]
        yield ""
        yield from prose(
            f"The WSDL has several ports. This one is asked: SOAP {chosen.soap}, {chosen.operations} operations. Others,"
            " any of which a registry of its own can ask (--port):"
        )
        yield from prose("\n".join(others), "  ")
        yield f"port: {scalar(client.port or chosen.name)}"


def _personal(found: Description) -> Iterator[str]:
    fields = [
        each
        for operation in found.operations
        for top in (*operation.parameters, *([operation.answer] if operation.answer else []))
        for each in top.all()
    ]
    names = list(dict.fromkeys(plain(each.key) for each in fields if each.personal and each.key))
    told = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    looks = f"These names look like it: {told}." if names else "No name here looks like it: say false if there is none."
    yield from prose(f"Personal data is asked by POST only, for a purpose, and never published. {looks}")


# --- drafts ----------------------------------------------------------------------------------------------------------


def _lookup(name: str, found: Sequence[LookupGuess], client: SoapClient) -> Iterator[str]:
    guess, others = found[0], ", ".join(plain(each.operation) for each in found[1:])
    why = f"These operations look like lookups too: {others}." if others else ""
    headers = headers_of(client.prepare(guess.operation))
    yield from prose(LOOKUP.format(name=name, record=guess.record, why=why))
    yield from prose(BLANKS) if FILL_IN in str(headers) else ()
    said: dict[str, Any] = {"record": guess.record, "operation": guess.operation}
    yield "#lookup:"
    yield from (f"#  {key}: {scalar(value)}" for key, value in said.items())
    yield "#  identifier:"
    yield f"#    scheme: {scalar(guess.scheme)}"
    yield f"#    pattern: {quoted(guess.pattern)}"
    if guess.check:
        yield f"#    check: {guess.check}"
    if guess.parameters:
        yield f"#  parameters: {flow(guess.parameters)}"
    yield from _headers(headers, "#  ")
    if guess.path:
        yield f"#  path: {scalar(guess.path)}"
    if guess.same:
        yield f"#  same: {scalar(guess.same)}"


def _tables(name: str, found: Sequence[TableGuess], client: SoapClient) -> Iterator[str]:
    names: dict[str, TableGuess] = {}
    for guess in found:
        table = guess.name
        while table in names:
            table += "_"
        names[table] = guess
    asked = {table: client.prepare(guess.operation) for table, guess in names.items()}
    beware = ""
    for table, guess in names.items():
        if keys := continuations(asked[table], guess.rows):
            beware += MORE.format(table=plain(table), keys=", ".join(map(plain, keys)))
    yield from prose(TABLES.format(name=name, table=found[0].name, more=beware))
    lines = [line for table, guess in names.items() for line in _table(table, guess, headers_of(asked[table]))]
    yield from prose(BLANKS) if any(FILL_IN in line for line in lines) else ()
    yield "#tables:"
    yield from lines


def _table(table: str, guess: TableGuess, headers: Mapping[str, Any]) -> Iterator[str]:
    yield f"#  {scalar(table)}:"
    yield f"#    operation: {scalar(guess.operation)}"
    if guess.parameters:
        yield f"#    parameters: {flow(guess.parameters)}"
    yield from _headers(headers, "#    ")
    yield f"#    rows: {scalar(guess.rows)}"


def _headers(headers: Mapping[str, Any], indent: str) -> Iterator[str]:
    if headers:
        yield f"{indent}headers:"
        yield from (f"{indent}  {scalar(key)}: {flow(value)}" for key, value in headers.items())


def _faults(codes: dict[str, str | None]) -> Iterator[str]:
    yield from prose(FAULTS)
    unsaid = [plain(code) for code, outcome in codes.items() if outcome is None]
    if unsaid:
        yield from prose(f"These look like nothing known: {', '.join(unsaid)}")
    guessed = {code: outcome for code, outcome in codes.items() if outcome is not None}
    if guessed:
        yield "#faults:"
        yield from (f"#  - {flow({'detail': code, 'is': outcome})}" for code, outcome in guessed.items())


# --- operations ------------------------------------------------------------------------------------------------------


def _operations(name: str, found: Description) -> Iterator[str]:
    yield from prose(f"Operations, what they are asked with and what they answer. {found.documentation}")
    for operation in found.operations:
        lines = list(outline.of_operation(operation, outline.call_of(name, operation, personal=True)))
        if len(lines) > MOST_LINES:
            more = f"    … `beffroi connector show {name} --operation {plain(operation.name)}` has the rest"
            lines = [*lines[: MOST_LINES - 3], more, *lines[-2:]]
        yield "#"
        for line in lines:
            deeper = " " * (len(line) - len(line.lstrip()) + 4)
            wrapped = textwrap.wrap(line, WIDTH - 2, subsequent_indent=deeper, break_long_words=False)
            yield from (f"# {each}" for each in ([line] if line is lines[-1] else wrapped))
    if found.broken or found.left_out:
        yield "#"
        yield "# Cannot be used:"
        yield from (f"#   {plain(operation)}: {why}" for operation, why in found.broken.items())
        yield from (f"#   {why}" for why in found.left_out)
