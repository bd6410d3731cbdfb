"""The documentation is true: what it shows is run, what is made from the code is up to date, keys and links exist."""

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

import click
import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connectors import sandbox
from connectors.registry import Settings, kinds
from gateway.cli import main
from pipelines.declarations import Dataset
from pipelines.declarations.configuration import Configuration
from pipelines.declarations.sentences import read
from pipelines.declarations.strict_yaml import load
from pipelines.workspace import Workspace
from tests.demonstration import ROOT, Demo, environment, lay_out, running_demo
from tests.warm import warm
from tools import make_pages, rooms
from tools.words import default_of, type_of

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
LANGUAGES = {"sh", "text", "console", "yaml", "python", "mermaid", "csv", "json", "crontab", "nginx", "typescript"}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# --- what is shown is run --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its first line's number, its text, and the text of a `text` block right after."""

    language: str
    line: int
    text: str
    printed: str | None = None


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a page, a `text` block that tells what the one before prints joined to that."""
    found: list[Block] = []
    for fence in re.finditer(r"^```(\w*)\n(.*?)^```$(\n\n?(?=```text$))?", text, re.DOTALL | re.MULTILINE):
        line = text.count("\n", 0, fence.start()) + 2
        after = found and found[-1].printed == ""
        if fence[1] == "text" and after:
            found[-1] = Block(found[-1].language, found[-1].line, found[-1].text, fence[2])
        else:
            found.append(Block(fence[1], line, fence[2], "" if fence[3] and fence[1] in ("sh", "console") else None))
    return found


def as_expected(expected: str, printed: str) -> bool:
    """Tell whether `expected` is what standard output had; in it `…` is anything in a line, alone in one any lines."""
    pattern = ""
    for line in expected.strip("\n").split("\n"):
        parts = [re.escape(part) for part in line.rstrip().split("…")]
        pattern += r"(?:[^\n]*\n)*?" if line.strip() == "…" else r"[^\n]*".join(parts) + r"\n"
    plain = "\n".join(line.rstrip() for line in printed.strip("\n").split("\n")) + "\n"
    return re.fullmatch(pattern, plain) is not None


@pytest.fixture(scope="session")
def served_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    root = tmp_path_factory.mktemp("docs") / "workspace"
    lay_out(root)
    home = root.parent / "home"
    with running_demo(root) as demo, warm(home / "commands", environment(home)):
        yield demo


@pytest.fixture
def demo(served_demo: Demo) -> Demo:
    """The demo as a page's reader has it: files as in a clone, both registries running, whatever a page before did."""
    lay_out(served_demo.root)
    if not all(registry.running for registry in sandbox.status(served_demo.root)):
        run("beffroi sandbox start", served_demo)
    return served_demo


def run(script: str, demo: Demo) -> subprocess.CompletedProcess[str]:
    home = demo.root.parent / "home"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", on_port(script, demo)],
        cwd=demo.root, env=environment(home, home / "commands"), text=True, timeout=240, check=False,
        stdin=subprocess.DEVNULL, capture_output=True,
    )  # fmt: skip


def on_port(text: str, demo: Demo) -> str:
    return re.sub(r"\b8000\b", str(demo.port), text)


@pytest.mark.parametrize("page", [page for page in PAGES if "\n```sh\n" in TEXTS[page]], ids=name)
def test_what_a_page_shows_is_what_happens(page: Path, demo: Demo) -> None:
    for block in blocks(TEXTS[page]):
        if block.language != "sh":
            continue
        done = run(block.text, demo)
        if done.returncode != 0:
            said = f"{done.stdout}\n{done.stderr}"
            pytest.fail(f"{name(page)}:{block.line}: exit status {done.returncode}\n{said}", pytrace=False)
        expected = on_port(block.printed or "…", demo)
        if not as_expected(expected, done.stdout):
            pytest.fail(f"{name(page)}:{block.line}: it prints\n{done.stdout}\nnot\n{expected}", pytrace=False)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_block_escapes(page: Path) -> None:
    found = blocks(TEXTS[page])
    assert len(re.findall(r"^\s*```", TEXTS[page], re.MULTILINE)) == 2 * len(found) + 2 * sum(
        block.printed is not None for block in found
    ), "every fence begins at the margin and ends with three signs alone"
    for block in found:
        assert block.language in LANGUAGES, f"{name(page)}:{block.line}: say which language it is"
        assert block.language != "text", f"{name(page)}:{block.line}: no sh block right before it prints this"


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\nd", "a\nd\n", True),
        ("a … c", "a b c", True),
        ("a  b", "a  b   \n", True),
        ("a\nc", "a\nb\nc", False),
        ("a", "a b", False),
        ("a.c", "abc", False),
        ("a…d", "a\nd", False),
    ],
)
def test_the_comparison_knows_what_is_the_same(expected: str, printed: str, same: bool) -> None:
    assert as_expected(expected, printed) is same


# --- declarations that are shown are declarations --------------------------------------------------------------------

REST = "kind: rest\nurl: https://api.example.org\n"


def of_a_dataset(block: Block) -> bool:
    """Tell whether a block declares a dataset, or a part of one: by the key that it begins with."""
    return block.text.partition(":")[0] in {"title", *Dataset.model_fields, "schema"}


def declarations() -> Iterator[Any]:
    """Yield what pages show of registries: whole declarations, ways to say who we are, ways to page."""
    for page, text in TEXTS.items():
        for block in blocks(text):
            if block.language == "yaml" and not of_a_dataset(block):
                whole = block.text.startswith(("kind:", "registries:"))
                yield pytest.param(block.text if whole else REST + block.text, id=f"{name(page)}:{block.line}")
        for paging in re.findall(r"^\| `(\{by: .+?\})` \|", text, re.MULTILINE):
            yield pytest.param(f"{REST}tables: {{rows: {{paging: {paging}}}}}\n", id=paging)


@pytest.mark.parametrize("declaration", list(declarations()))
def test_a_declaration_that_is_shown_is_one(declaration: str, tmp_path: Path) -> None:
    for path in re.findall(r"\b(?:keys|certificates)/[\w.]+", declaration):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "registries").mkdir()
    if declaration.startswith("registries:"):
        (tmp_path / "beffroi.yaml").write_text(f"title: Shown\n{declaration}", encoding="utf-8")
    else:
        (tmp_path / "beffroi.yaml").write_text("title: Shown\n", encoding="utf-8")
        (tmp_path / "registries" / "shown.yaml").write_text(declaration, encoding="utf-8")
    assert Workspace(tmp_path).registries


SHOWN = [
    pytest.param(block.text, id=f"{name(page)}:{block.line}")
    for page, text in TEXTS.items()
    for block in blocks(text)
    if block.language == "yaml" and of_a_dataset(block)
]


@pytest.mark.parametrize("declaration", SHOWN)
def test_a_dataset_that_is_shown_is_one(declaration: str, tmp_path: Path) -> None:
    path = tmp_path / "shown.yaml"
    path.write_text(declaration, encoding="utf-8")
    document = load(path, Path("shown.yaml"))
    assert isinstance(document.data, dict)
    data: dict[str, Any] = {"name": "shown", "title": "Shown", "owner": "ville", "audience": "owner"} | document.data
    if "sources" not in data:
        data.setdefault("source", {"registry": "shown"})
    if "record" not in data and not isinstance(data.get("schema"), dict):
        data["schema"] = {"fields": [{"name": "id"}], "primaryKey": "id"}
    assert read(Dataset, data, lambda *keys: str(keys))[1] == []


# --- what is made from the code is up to date ------------------------------------------------------------------------


def test_pages_made_from_the_code_are_up_to_date() -> None:
    for path, wanted in make_pages.wanted().items():
        stands = path.read_text(encoding="utf-8") if path.is_file() else ""
        assert uncounted(stands) == uncounted(wanted), f"{name(path)} is out of date: python -m tools.make_pages"


def uncounted(page: str) -> str:
    """Return a page without the counts of lines, which move with every change."""
    return page.replace(counts(page), "")


def counts(page: str) -> str:
    found = re.search(r"<!-- made: lines -->\n(.*?)<!-- end -->", page, re.DOTALL)
    return found[1] if found else ""


def test_the_counts_of_lines_are_not_far_off() -> None:
    stands = re.findall(r"\| `(\w+)/` \| .* \| ([\d,]+) \|", counts(TEXTS[DOCS / "house.md"]))
    now = re.findall(r"\| `(\w+)/` \| .* \| ([\d,]+) \|", rooms.lines())
    assert [room for room, _ in stands] == [room for room, _ in now]
    for (room, told), (_, real) in zip(stands, now, strict=True):
        there, is_now = int(told.replace(",", "")), int(real.replace(",", ""))
        assert abs(there - is_now) <= is_now / 5, f"{room} has {is_now} lines: python -m tools.make_pages"


# --- every key of a workspace is told --------------------------------------------------------------------------------

Key = tuple[str, str]
"""The kind of registry, where the key is of one kind only, and the way to the key."""


def declared() -> dict[Key, tuple[str, str]]:
    """Return every key that a workspace may have, with its type and default in words."""
    found: dict[Key, tuple[str, str]] = {("", "registries.NAME.kind"): ("text", "required")}
    for prefix, model in (("", Configuration), ("dataset:", Dataset), ("registries.NAME.", Settings)):
        found |= {("", f"{prefix}{path}"): told for path, told in keys([model])}
    del found["", "dataset:name"]  # it is the name of the file
    for kind, made in kinds().items():
        for path, told in keys([made().settings_model]):
            if re.split(r"[.[]", path)[0] not in Settings.model_fields:  # what all kinds share is told once
                found[kind, f"registries.NAME.{path}"] = told
    return found


def keys(models: Sequence[type[BaseModel]], above: str = "") -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield the keys of a model, or of several any of which may stand in one place: what they share once."""
    fields: dict[str, list[FieldInfo]] = {}
    for model in models:
        for name, field in model.model_fields.items():
            fields.setdefault(field.alias or name, []).append(field)
    for name, several in fields.items():
        path = f"{above}{name}"
        yield path, (type_of(*(each.annotation for each in several)), default_of(*several))
        below: dict[str, list[type[BaseModel]]] = {}
        for field in several:
            for place, model in models_in(field.annotation, path):
                below.setdefault(place, []).append(model)
        for place, inside in below.items():
            yield from keys(list(dict.fromkeys(inside)), f"{place}.")


def models_in(annotation: Any, path: str) -> Iterator[tuple[str, type[BaseModel]]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield path, annotation
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    step = ".NAME" if origin is dict else "[]" if origin in (list, tuple) else ""
    for part in arguments[1:] if origin is dict else arguments:
        yield from models_in(part, f"{path}{step}")


def told_on_the_page() -> Iterator[tuple[Key, tuple[str, str]]]:
    """Yield what docs/workspace.md says: tables of key, type, default and meaning, under their headings."""
    kind, prefix = "", ""
    for line in TEXTS[DOCS / "workspace.md"].splitlines():
        if line.startswith("#"):
            named = re.search(r"kind: (\w+)", line)
            kind = named[1] if named else ""
            prefix = "dataset:" if line.startswith("## datasets/") else "" if line.startswith("## ") else prefix
        elif row := re.fullmatch(r"\| `([^`]+)` \| (.+?) \| (.+?) \| .{10,} \|", line):
            yield (kind, f"{prefix}{row[1]}"), (row[2], row[3])


def test_the_page_of_keys_tells_every_key_its_type_and_its_default() -> None:
    rows = list(told_on_the_page())
    told: Mapping[Key, tuple[str, str]] = dict(rows)
    real = declared()
    assert len(told) == len(rows), "a key is told once"
    assert told.keys() - real.keys() == set(), "on the page, but not in the code"
    assert real.keys() - told.keys() == set(), "in the code, but not on the page"
    assert {key: words for key, words in told.items() if words != real[key]} == {}, "type and default"


def test_every_variable_of_the_environment_is_told() -> None:
    code = "".join(
        path.read_text("utf-8") for room in ("gateway", "pipelines", "connectors") for path in rooms.python_files(room)
    )
    real = set(re.findall(r"\bBEFFROI_[A-Z_]+", code))
    assert set(re.findall(r"^\| `(BEFFROI_[A-Z_]+)` \|", TEXTS[DOCS / "workspace.md"], re.MULTILINE)) == real


# --- links, files and commands exist ---------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", TEXTS[page]):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f"{name(page)}: {target}: no such file"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {slug(heading) for heading in headings}, f"{name(page)}: {target}: no such heading"


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_named_exists(page: Path) -> None:
    named = re.findall(r"`((?:gateway|pipelines|connectors|tests|tools|docs)/[\w./-]+\.\w+)`", TEXTS[page])
    assert [path for path in named if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_named_exists(page: Path) -> None:
    code = re.findall(r"`(beffroi [^`]+)`", TEXTS[page])
    shown = [block.text for block in blocks(TEXTS[page]) if block.language != "crontab"]  # where it is a user too
    code += [line for text in shown for line in re.findall(r"\bbeffroi .*", text)]
    for line in code:
        command: click.Command = main
        for word in line.split()[1:]:
            if not isinstance(command, click.Group) or word.startswith(("-", "…", "COMMAND")):
                break
            if command.name == "decide" and word not in command.commands:  # `beffroi decide DATASET` reviews it
                break
            assert word in command.commands, f"{name(page)}: there is no command «{line}»"
            command = command.commands[word]
