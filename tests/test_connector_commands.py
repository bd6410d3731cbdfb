"""`beffroi connector`: a WSDL becomes a declaration that loads, is shown in words, and its operations are tried."""

import json
import os
import pty
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from connectors import drafts, sandbox
from connectors.errors import InvalidRequest, Misconfigured
from connectors.patterns import NotRead, in_python, matching, takes_long
from connectors.registry import Registry
from connectors.soap.client import SoapClient
from connectors.soap.describe import describe
from connectors.soap.names import XSD
from connectors.soap.words import looks_personal
from pipelines.workspace import Workspace
from tests.commands import beffroi

ROOT = Path(__file__).parents[1]
CIVIL = ROOT / "connectors" / "wsdl" / "civil_register.wsdl"
PARCELS = ROOT / "tests" / "peers" / "php" / "parcels_literal.wsdl"
WSDLS = sorted(
    path
    for folder in ("tests/soap/corpus", "tests/peers", "connectors/wsdl")
    for path in (ROOT / folder).rglob("*.wsdl")
    if "node_modules" not in path.parts and b"portType" in path.read_bytes() and b"service" in path.read_bytes()
)
MAIN = """
title: Town
organisations:
  town:
    title: Town
purposes:
  school: {title: School, procedure: Enrolment, legal_basis: Code}
"""
PERSON = {"birthName", "usualName", "givenNames", "sex", "birth", "death", "address", "nir"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace that declares nothing yet."""
    folder = tmp_path / "town"
    folder.mkdir()
    (folder / "beffroi.yaml").write_text(MAIN, encoding="utf-8")
    return folder


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if ".beffroi" not in path.parts}


# --- every WSDL that we have -----------------------------------------------------------------------------------------


def registry(root: Path, name: str) -> Registry:
    return Workspace(root, sources=True).registries[name]


def taken_on(text: str) -> str:
    """Return a declaration with all its drafts taken on."""
    lines, draft = [], False
    for line in text.splitlines():
        draft = bool(line) and (draft or re.match(r"#[a-z]+:$", line) is not None)
        lines.append(line.removeprefix("#") if draft else line)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("wsdl", WSDLS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_wsdl_becomes_a_declaration_that_loads(root: Path, wsdl: Path) -> None:
    try:
        drafts.add_soap(root, "it", str(wsdl), port=None, allow=(), keep=False)
    except InvalidRequest as error:  # an import that nobody has, a construct in its one operation that is not read
        assert "import" in error.detail or "no operation of it can be used: Ask" in error.detail  # noqa: PT017
        assert files(root) == {"beffroi.yaml"}
        return
    declared = registry(root, "it")
    for operation in drafts.describe(declared).operations:
        assert not operation.no_example
        assert operation.example is not None
        drafts.Call(declared, operation.name, (), operation.example, {})  # libxml2 has judged it
        words = shlex.split(drafts.command(declared, operation))
        assert words[:5] == ["beffroi", "connector", "call", "it", operation.name]
        pairs = [(name, value) for name, equals, value in (word.partition("=") for word in words[5:]) if equals]
        if "--parameters" not in words:
            drafts.Call(declared, operation.name, pairs, {}, {})
        assert operation.answer is None or operation.answer_example is not None
    file = root / "registries" / "it.yaml"
    file.write_text(taken_on(file.read_text("utf-8")), encoding="utf-8")
    try:
        registry(root, "it")
    except Misconfigured as error:  # what only a person knows, and nothing else
        assert [each for each in error.detail.splitlines() if "FILL_IN is no value" not in each] == []  # noqa: PT017


# --- add -------------------------------------------------------------------------------------------------------------


def test_the_declaration_says_all_that_there_is(root: Path) -> None:
    added = json.loads(beffroi(root, "connector", "add", "soap", str(PARCELS), "--name", "parcels", "--json").stdout)
    assert (added["wsdl"], added["declaration"]) == ("wsdl/parcels/parcels_literal.wsdl", "registries/parcels.yaml")
    text = (root / "registries" / "parcels.yaml").read_text("utf-8")
    assert "\nport: ParcelsSoap11\n" in text
    assert "#   ParcelsSoap12, SOAP 1.2" in text, "the choice is explained"
    assert "\npersonal: true\n" in text
    assert "#     beffroi connector call parcels GetParcel reference=00000-AA-0000 --purpose PURPOSE\n" in text
    assert "#    rows: parcel\n" in text
    assert beffroi(root, "check", "--json").stdout == "[]\n"


def test_another_port(root: Path) -> None:
    add = ("connector", "add", "soap", str(PARCELS), "--name", "parcels")
    done = beffroi(root, *add, "--port", "Nowhere", status=1)
    assert "no port Nowhere; it has: ParcelsSoap11, ParcelsSoap12" in done.stderr
    assert files(root) == {"beffroi.yaml"}
    beffroi(root, *add, "--port", "ParcelsSoap12")
    assert "\nport: ParcelsSoap12\n" in (root / "registries" / "parcels.yaml").read_text("utf-8")


@pytest.mark.parametrize("name", ["Parcels", "1a", "../a", "", "a b", "é"])
def test_a_name_that_is_none_is_refused(root: Path, name: str) -> None:
    assert "small letters" in beffroi(root, "connector", "add", "soap", str(CIVIL), "--name", name, status=1).stderr
    assert files(root) == {"beffroi.yaml"}


@pytest.mark.parametrize("content", ["", "<a", "<html/>", "<a/>", "<!DOCTYPE a []><a/>"])
def test_what_is_no_wsdl_leaves_nothing_behind(root: Path, tmp_path: Path, content: str) -> None:
    file = tmp_path / "it.wsdl"
    file.write_text(content, encoding="utf-8")
    beffroi(root, "connector", "add", "soap", str(file), "--name", "it", status=1)
    assert files(root) == {"beffroi.yaml"}


def test_a_wsdl_without_a_port_leaves_nothing_behind(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "it.wsdl"
    file.write_text(re.sub("<wsdl:service.*</wsdl:service>", "", CIVIL.read_text("utf-8"), flags=re.DOTALL), "utf-8")
    done = beffroi(root, "connector", "add", "soap", str(file), "--name", "it", status=1)
    assert "no SOAP port that can be used" in done.stderr
    assert files(root) == {"beffroi.yaml"}


def test_outside_a_workspace(tmp_path: Path) -> None:
    done = beffroi(tmp_path, "connector", "add", "soap", str(CIVIL), "--name", "it", status=1)
    assert "beffroi init" in done.stderr
    assert files(tmp_path) == set()


def test_a_name_that_exists_is_refused_and_force_renews_the_wsdl_alone(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "civil.wsdl"
    shutil.copyfile(CIVIL, source)
    add = ("connector", "add", "soap", str(source), "--name", "civil")
    beffroi(root, *add)
    declaration, copy = root / "registries" / "civil.yaml", root / "wsdl" / "civil" / "civil.wsdl"
    declaration.write_text(declaration.read_text("utf-8") + "# ours\n", encoding="utf-8")
    before = declaration.read_bytes(), files(root)
    assert "--force" in beffroi(root, *add, status=1).stderr
    source.write_text(CIVIL.read_text("utf-8").replace("GetPerson", "FindPerson"), encoding="utf-8")
    assert beffroi(root, *add, "--force").stdout == "wsdl/civil/civil.wsdl\n"
    assert "FindPerson" in copy.read_text("utf-8")
    source.write_text("<a/>", encoding="utf-8")
    beffroi(root, *add, "--force", status=1)
    assert "FindPerson" in copy.read_text("utf-8"), "a renewal that fails changes nothing"
    assert (declaration.read_bytes(), files(root)) == before


def test_a_registry_in_the_main_file_exists_too(root: Path) -> None:
    inside = "registries: {civil: {kind: soap, wsdl: wsdl/civil/civil_register.wsdl, url: 'sandbox:civil'}}\n"
    (root / "beffroi.yaml").write_text(MAIN + inside, encoding="utf-8")
    add = ("connector", "add", "soap", str(CIVIL), "--name", "civil")
    beffroi(root, *add, status=1)
    beffroi(root, *add, "--force")
    assert "registries/civil.yaml" not in files(root)
    assert beffroi(root, "check", "--json").stdout == "[]\n"


def test_names_of_a_wsdl_are_never_more_than_names(root: Path, tmp_path: Path) -> None:
    text = CIVIL.read_text("utf-8").replace('"GetPerson"', '"Get&#10;kind: files&#10;#tables:&#9;Person"')
    text = text.replace("The person registered", "The\n\u009b31mperson\u202e registered\nkind: sql\n")
    text = re.sub(r'location="[^"]*"', 'location="http://a/&#10;kind: sql #"', text)
    file = tmp_path / "it.wsdl"
    file.write_text(text.replace('soapAction="urn:', 'soapAction="&#10;urn:'), encoding="utf-8")
    try:
        drafts.add_soap(root, "it", str(file), port=None, allow=(), keep=False)
    except InvalidRequest:
        assert files(root) == {"beffroi.yaml"}
        return
    written = (root / "registries" / "it.yaml").read_text("utf-8")
    assert [line for line in written.splitlines() if line.startswith("kind")] == ["kind: soap"]
    assert all(sign.isprintable() or sign == "\n" for sign in written)


def test_add_and_show_print_names_only(root: Path, tmp_path: Path) -> None:
    evil = "A&#10;beffroi.yaml: all is well&#x9b;2J"
    text = CIVIL.read_text("utf-8").replace('name="ListPersons"', f'name="{evil}"')
    text = text.replace("The person registered", f"The {evil} person").replace(
        'message="tns:GetPerson"', f'message="{evil}"'
    )
    port = f'<wsdl:port name="{evil}" binding="tns:{evil}"/><wsdl:port name="P2" binding="tns:{evil}"/></wsdl:service>'
    broken = ROOT / "tests" / "soap" / "corpus" / "broken-operations" / "service.wsdl"
    for number, content in enumerate((text, broken.read_text("utf-8").replace('name="Prefix"', f'name="{evil}"'))):
        file = tmp_path / f"it{number}.wsdl"
        file.write_text(content.replace("</wsdl:service>", port), encoding="utf-8")
        add = ("connector", "add", "soap", str(file), "--name", f"it{number}")
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *add], cwd=root, capture_output=True, text=True, check=False
        )
        shown = beffroi(root, "connector", "show", f"it{number}") if done.returncode == 0 else done
        for line in (done.stdout + done.stderr + shown.stdout + shown.stderr).split("\n"):
            assert line.isprintable()
            assert not line.startswith("beffroi.yaml: all is well")


@pytest.mark.parametrize("way", ["../common", "absolute"])
def test_a_file_may_import_from_another_folder_only_where_it_is_said(root: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "common").mkdir()
    (tmp_path / "in").mkdir()
    (tmp_path / "common" / "o.xsd").write_text(f'<schema xmlns="{XSD}" targetNamespace="urn:o"/>', encoding="utf-8")
    location = f"{tmp_path}/common/o.xsd" if way == "absolute" else f"{way}/o.xsd"
    said = f'<xsd:import namespace="urn:o" schemaLocation="{location}"/>'
    text = re.sub("(<xsd:schema[^>]*>)", rf"\1{said}", CIVIL.read_text("utf-8"), count=1)
    (tmp_path / "in" / "it.wsdl").write_text(text, encoding="utf-8")
    add = ("connector", "add", "soap", str(tmp_path / "in" / "it.wsdl"), "--name", "it")
    refused = beffroi(root, *add, status=1).stderr
    assert "lies outside the WSDL's folder, which it.wsdl, line" in refused
    assert "--allow-folder DIR" in refused
    assert files(root) == {"beffroi.yaml"}
    beffroi(root, *add, "--allow-folder", str(tmp_path / "common"))
    assert "wsdl/it/1-o.xsd" in files(root)


# --- show ------------------------------------------------------------------------------------------------------------


def test_show_prints_every_operation_in_words(root: Path) -> None:
    beffroi(root, "connector", "add", "soap", str(PARCELS), "--name", "parcels")
    lines = beffroi(root, "connector", "show", "parcels").stdout.splitlines()
    assert "GetParcel" in lines
    assert (
        "      area: decimal, as text, required, 0 or more, at most 12 digits, at most 2 of them after the point"
        in lines
    )
    assert "      note: text, required, may be null" in lines
    assert "      building: list of object" in lines
    assert "          kind: text, required, one of: person, company, commune" in lines
    found = json.loads(beffroi(root, "connector", "show", "parcels", "--operation", "GetParcel", "--json").stdout)
    [operation] = found["operations"]
    assert operation["example"] == {"reference": "00000-AA-0000"}
    assert operation["parameters"][0]["rules"] == ["pattern [0-9AB]{5}-[A-Z]{2}-[0-9]{4}"]
    assert [port["soap"] for port in found["ports"]] == ["1.1", "1.2"]
    assert (
        "has no operation Nope" in beffroi(root, "connector", "show", "parcels", "--operation", "Nope", status=1).stderr
    )


def test_show_tells_what_cannot_be_used(root: Path) -> None:
    broken = ROOT / "tests" / "soap" / "corpus" / "broken-operations" / "service.wsdl"
    done = beffroi(root, "connector", "add", "soap", str(broken), "--name", "it")
    assert "Prefix cannot be used: the part body of the message NoSuchPrefix names zz:Ask" in done.stderr
    assert "Prefix cannot be used" in beffroi(root, "connector", "show", "it").stdout
    assert "#   Prefix: the part body" in (root / "registries" / "it.yaml").read_text("utf-8")


def test_show_is_a_tree_on_a_terminal(root: Path) -> None:
    beffroi(root, "connector", "add", "soap", str(CIVIL), "--name", "civil")
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "150", "TERM": "xterm"}
    command = [sys.executable, "-m", "gateway", "connector", "show", "civil"]
    with subprocess.Popen(command, cwd=root, stdout=theirs, stderr=subprocess.DEVNULL, env=environment) as process:
        os.close(theirs)
        printed = b""
        try:
            while chunk := os.read(ours, 65536):
                printed += chunk
        except OSError:  # the other end is closed: it has ended
            pass
        os.close(ours)
    assert process.returncode == 0
    tree = re.sub(r"\x1b\[[0-9;]*m", "", printed.decode())
    assert "└── try\r\n" in tree
    assert "└── nir text, required, pattern" in tree
    assert "│   └── person object, required" in tree


def test_what_is_not_of_kind_soap_has_nothing_to_show(root: Path) -> None:
    (root / "beffroi.yaml").write_text(MAIN + "registries: {it: {kind: files, path: a}}\n", encoding="utf-8")
    for arguments in (("show", "it"), ("call", "it", "ask")):
        said = beffroi(root, "connector", *arguments, status=1).stderr
        assert "not of kind soap" in said
        assert "`beffroi check --online` tells whether it is there" in said
        assert "kind soap" in beffroi(root, "connector", arguments[0], "--help").stdout
    assert "is no database" in beffroi(root, "connector", "test", "it", status=1).stderr
    assert "kind sql" in beffroi(root, "connector", "test", "--help").stdout
    assert "no registry «ti»" in beffroi(root, "connector", "show", "ti", status=1).stderr


# --- call ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def civil(served: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that has asked the sandbox's civil register for its WSDL, and has taken the drafts on."""
    root = tmp_path_factory.mktemp("civil")
    (root / "beffroi.yaml").write_text(MAIN, encoding="utf-8")
    beffroi(root, "connector", "add", "soap", f"{sandbox.address(served, 'civil')}/?wsdl", "--name", "civil")
    file = root / "registries" / "civil.yaml"
    file.write_text(taken_on(file.read_text("utf-8")), encoding="utf-8")
    return root


def entries(root: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(root / ".beffroi" / "journal.db") as connection:
        return [
            json.loads(row)
            for (row,) in connection.execute("SELECT entry FROM entries WHERE kind != 'change' ORDER BY number")
        ]


def test_call_asks_as_the_operator_and_is_journaled(civil: Path) -> None:
    done = beffroi(civil, "connector", "call", "civil", "ListPersons", "limit=2", "--purpose", "school")
    persons = json.loads(done.stdout)["persons"]["person"]
    assert len(persons) == 2
    assert persons[0].keys() <= PERSON
    last = entries(civil)[-1]
    assert (last["action"], last["resource"], last["via"]) == ("call", "registry:civil/ListPersons", "command")
    assert (last["purpose"], last["outcome"], last["identifier"]) == ("school", "found", None)
    assert set(last["fields"]) == {"persons", "next"}
    typed = json.dumps({"nir": persons[0]["nir"]})
    call = ("connector", "call", "civil", "GetPerson", "--parameters", "-", "--purpose", "school")
    done = beffroi(civil, *call, typed=typed)
    assert json.loads(done.stdout)["person"] == persons[0]
    assert "can be seen" not in done.stderr
    last = entries(civil)[-1]
    assert last["identifier"], "a call of the lookup's operation is found by who was read"
    assert persons[0]["nir"] not in json.dumps(entries(civil))


def test_call_is_refused_without_a_purpose_where_data_is_personal(civil: Path) -> None:
    done = beffroi(civil, "connector", "call", "civil", "ListPersons", "limit=2", status=1)
    assert "say why with --purpose" in done.stderr
    assert entries(civil)[-1]["outcome"] == "not-granted"
    beffroi(civil, "connector", "call", "civil", "ListPersons", "limit=2", "--purpose", "fun", status=1)
    assert entries(civil)[-1]["outcome"] == "not-granted"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ListPersons", "limit=0"), "limit"),
        (("ListPersons", "limit=S3CRET"), "limit"),
        (("ListPersons", "limit=1", "limit=2"), "limit is said twice"),
        (("ListPersons", "limit=1", "--parameters", '{"limit": 2}'), "limit is said twice"),
        (("ListPersons", "limit"), "PARAM=VALUE"),
        (("ListPersons", "limit=1", "more=S3CRET"), "more has no place here; there are: after, limit"),
        (("ListPersons", "--parameters", "[S3CRET"), "--parameters must be a JSON object"),
        (("ListPersons", "limit=1", "--headers", '{"x": "S3CRET"}'), "the header x is not declared"),
        (("ListPersons",), "ListPersons"),
        (("Nope",), "has no operation Nope; it has: GetPerson, ListPersons"),
    ],
)
def test_what_the_schema_does_not_allow_is_the_callers_to_mend(
    civil: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = beffroi(civil, "connector", "call", "civil", *arguments, "--purpose", "school", "--json", status=1)
    error = json.loads(done.stderr.splitlines()[-1])
    assert error["code"] == "invalid-request"
    assert says in error["detail"]
    assert "S3CRET" not in error["detail"]


def test_a_fault_is_what_it_means_and_says_what_to_declare(civil: Path) -> None:
    call = ("connector", "call", "civil", "GetPerson", "nir=100000000000000", "--purpose", "school", "--json")
    done = beffroi(civil, *call, status=1)
    error = json.loads(done.stderr.splitlines()[-1])
    assert error["code"] == "not-found"
    assert "the code in its detail: PERSON_UNKNOWN" in error["detail"]
    assert entries(civil)[-1]["outcome"] == "not-found"


# --- words and patterns ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "pattern",
    [
        "[1-478][0-9]{4}([0-9]{2}|2A|2B)[0-9]{8}", r"[A-Z]{2}\-[1-9][0-9]?", r"\-\-\-", "a|b", "|a", "a?b*c+", ".{3,5}",
        r"\d{5}", r"\p{L}+\s\w", r"\i\c*", "[^0-9]{2}", "[^a-zA-Z]", "(ab){2,}x{0}", r"[\-+]?\d+(\.\d{1,2})?", "a{0,3}",
        r"[a\]b]", "[-a]", r"\p{Lu}\p{Nd}", r"[^\s]+", "é{2}", r"\(\)\[\]\{\}",
    ],
)  # fmt: skip
def test_a_text_that_a_pattern_takes(pattern: str) -> None:
    schema = etree.Element(f"{{{XSD}}}schema")
    restriction = etree.SubElement(schema, f"{{{XSD}}}element", name="a")
    for kind, attributes in (
        ("simpleType", {}),
        ("restriction", {"base": "xsd:string"}),
        ("pattern", {"value": pattern}),
    ):
        restriction = etree.SubElement(restriction, f"{{{XSD}}}{kind}", attributes, {"xsd": XSD})
    element = etree.Element("a")
    element.text = matching(pattern)
    assert etree.XMLSchema(schema).validate(element), element.text


@pytest.mark.parametrize(
    "pattern",
    [r"\p{IsGreek}", "[a-z-[aeiou]]", "(?:a)", "a{2", "(a", "[a", "*", "a{1001}", r"\P{L}", "(" * 9_999 + ")" * 9_999,
     f"a{{{'9' * 9_999}}}"],
)  # fmt: skip
def test_a_pattern_that_is_not_read_is_told(pattern: str) -> None:
    with pytest.raises(NotRead):
        matching(pattern)


@pytest.mark.parametrize(
    ("pattern", "same"),
    [("[0-9]{5}", True), (r"[^\s]+\.\d{2,}", True), (r"\-\$\_", True), ("^a", False), (r"\i\c*", False), ("a$", False),
     (r"\w{3}", False), (r"\W", False), (r"[\w-]+", False), (r"\Z", False), (r"\b", False), (r"(a)\1", False),
     (r"\x41", False), ("[a&&b]", False), ("(a|a)*b", False), (r"(\d+)*x", False)],
)  # fmt: skip
def test_patterns_that_python_reads_otherwise_are_not_taken_over(pattern: str, same: bool) -> None:
    if same:
        assert in_python(pattern) == pattern
    else:
        with pytest.raises(NotRead):
            in_python(pattern)


@pytest.mark.parametrize(
    ("pattern", "long"),
    [
        ("(a|a)*b", True), ("(?P<number>(a|a)*b)", True), ("(a+)+", True), ("(a*)*", True), ("(a+)+{}", True), ("(a|b){,}", True), ("(?:x+x+)+y", True),
        ("(a?){30}a{30}", True), ("(a{0,100}){0,100}", True), ("a*a*a*a*b", True), ("((a|b)|c){2,}", True),
        ("(a|b|ab)*?c", True), ("(?i:(?=(a+)+))", True), ("((((", True),
        ("[0-9]{5}-[A-Z]{2}-[0-9]{4}", False), ("[^@]+@[^@]+", False), (r"(\d{1,3}\.){3}\d{1,3}", False),
        ("(?P<a>[^/ ]{1,100})/(?P<b>[^/ ]{1,100})", False), (r"[](+*]{3}\(\|\*", False), ("A|B|C" * 50, False),
        ("(?P<n>[1-478][0-9]{4}([0-9]{2}|2A|2B)[0-9]{8})", False), ("(?<!a)(?:b)(?P=n)?", False), ("(ab){200}", False),
    ],
)  # fmt: skip
def test_a_pattern_that_a_caller_could_make_us_hang_with(pattern: str, long: bool) -> None:
    assert takes_long(pattern) is long


def test_a_pattern_that_takes_long_is_no_draft_and_no_identifier_is_endless(root: Path, tmp_path: Path) -> None:
    text = CIVIL.read_text("utf-8")
    assert "[1-478]" in text
    file = tmp_path / "it.wsdl"
    file.write_text(re.sub(r'(<xsd:pattern value=")\[1-478\][^"]*', r"\1(a|a)*b", text), encoding="utf-8")
    drafts.add_soap(root, "it", str(file), port=None, allow=(), keep=False)
    declared = root / "registries" / "it.yaml"
    declared.write_text(re.sub("(?m)^#    check: .*\n", "", declared.read_text("utf-8")), encoding="utf-8")
    declared.write_text(taken_on(declared.read_text("utf-8")), encoding="utf-8")
    assert "(?P<nir>[^/ ]{1,100})" in declared.read_text("utf-8")
    record = registry(root, "it").record
    assert record is not None
    with pytest.raises(ValueError, match="more than 200 characters"):
        record.identifiers["nir"]("1" * 201)


@pytest.mark.parametrize(
    ("name", "documentation", "personal"),
    [
        ("birthName", "", True),
        ("NIR", "", True),
        ("dateNaissance", "", True),
        ("givenNames", "", True),
        ("givenName", "", True),
        ("code", "NIR of the person", True),
        ("parcel", "", False),
        ("nirvana", "", False),
        ("area", "of a commune", False),
    ],
)
def test_what_looks_personal(name: str, documentation: str, personal: bool) -> None:
    assert looks_personal(name, documentation) is personal


def test_no_description_is_without_end() -> None:
    client = SoapClient(ROOT / "tests" / "soap" / "corpus" / "mutually-recursive" / "service.wsdl", "it")
    [operation] = describe(client).operations
    assert any("again" in rule for top in operation.parameters for each in top.all() for rule in each.rules)


def test_no_example_is_without_end(tmp_path: Path) -> None:
    """Types that branch twelve deep would have billions of values; a list of a billion is never made."""
    kinds = ""
    for level in range(20):
        inner = "".join(
            f'<xsd:element name="{each}" type="tns:T{level + 1}" minOccurs="0" maxOccurs="unbounded"/>'
            for each in "abcd"
        )
        kinds += f'<xsd:complexType name="T{level}"><xsd:sequence>{inner}</xsd:sequence></xsd:complexType>'
    kinds += '<xsd:simpleType name="T20"><xsd:restriction base="xsd:string"/></xsd:simpleType>'
    kinds += '<xsd:element name="Deep" type="tns:T0"/>'
    kinds += (
        '<xsd:element name="Long"><xsd:complexType><xsd:sequence>'
        '<xsd:element name="a" type="xsd:string" minOccurs="99999" maxOccurs="unbounded"/>'
        "</xsd:sequence></xsd:complexType></xsd:element></xsd:schema>"
    )
    text = CIVIL.read_text("utf-8").replace("</xsd:schema>", kinds, 1)
    text = text.replace('element="tns:GetPersonResponse"', 'element="tns:Deep"')
    text = text.replace('element="tns:ListPersons"', 'element="tns:Long"')
    (tmp_path / "it.wsdl").write_text(text, encoding="utf-8")
    deep, long = describe(SoapClient(tmp_path / "it.wsdl", "it")).operations
    assert deep.answer is not None
    assert len(list(deep.answer.all())) < 2_000
    assert deep.answer_example is not None
    assert (long.example, long.no_example) == (None, "it is too large")
