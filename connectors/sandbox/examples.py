"""Example answers of registries: what they really send, good and bad, and what a connector must make of it.

One YAML file under `connectors/examples/<registry>/` is one example:

    description: a sentence
    identifier: insee:01001            what is asked
    answer: {status, content_type, body}   what the registry sends, verbatim
    then: [{status, content_type, body}]   what it sends to further calls of the same lookup, if it takes more than one
    expect: record: {…}                the fields of the record, or
            outcome: not-found         the code of an error, see connectors/errors.py
    settings: {…}                      what the registry's settings say beside its address, if anything

They are the tests of a connector, and the sandbox serves those whose identifier its reference data do not have.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any

from ruamel.yaml import YAML
from starlette.responses import Response


@dataclass(frozen=True)
class Sent:
    """What a registry sends."""

    status: int
    content_type: str
    body: bytes

    def response(self) -> Response:
        """Return the answer, to be sent as it stands."""
        # The header is set by hand: Starlette would add a charset that the registry did not send.
        return Response(self.body, self.status, headers={"content-type": self.content_type})


@dataclass(frozen=True)
class Example(Sent):
    """One example answer, and those to further calls. Either `record` or `outcome` says what is expected of it."""

    name: str
    description: str
    identifier: str
    then: tuple[Sent, ...]
    record: dict[str, Any] | None
    outcome: str | None
    settings: dict[str, Any]


def load(registry: str) -> list[Example]:
    """Return the examples of `registry` in the order of their names. Raises KeyError for a file that lacks a part."""
    folder = resources.files("connectors") / "examples" / registry
    names = sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))
    return [one(registry, name) for name in names]


def one(registry: str, name: str) -> Example:
    """Return one example of `registry`. Raises FileNotFoundError, and KeyError for a file that lacks a part."""
    file = resources.files("connectors") / "examples" / registry / f"{name}.yaml"
    return _example(name, YAML(typ="safe").load(file.read_text(encoding="utf-8")))


def by_value(registry: str) -> dict[str, Example]:
    """Return the examples of `registry` by the value of the identifier asked, without its scheme."""
    return {example.identifier.partition(":")[2]: example for example in load(registry)}


def _example(name: str, content: dict[str, Any]) -> Example:
    answer, expect = _sent(content["answer"]), content["expect"]
    return Example(
        **vars(answer),
        name=name,
        description=content["description"],
        identifier=content["identifier"],
        then=tuple(map(_sent, content.get("then", []))),
        record=expect.get("record"),
        outcome=expect.get("outcome"),
        settings=content.get("settings", {}),
    )


def _sent(answer: dict[str, Any]) -> Sent:
    return Sent(answer["status"], answer["content_type"], answer["body"].encode())
