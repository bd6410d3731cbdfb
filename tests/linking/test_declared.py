"""What `link:` says against its own dataset, its recipe or the dataset that it links to: one sentence, file and line."""

from pathlib import Path

import pytest

from connectors.errors import Misconfigured
from pipelines.declarations import linked
from pipelines.declarations.conditions import doubts
from pipelines.workspace import Workspace

MAIN = """\
title: Test
registries:
  source: {kind: files, path: source}
organisations:
  ville: {title: Ville}
  voisine: {title: Voisine}
"""
PEOPLE = """\
title: People
owner: ville
audience: owner
sources:
  - {name: desk, registry: source, table: people}
  - {name: school, registry: source, table: pupils}
schema:
  fields:
    - {name: local_id}
    - {name: family_name, personal: direct}
    - {name: prenom, personal: direct}
    - {name: born, type: date, personal: indirect}
    - {name: tags, type: geojson}
    - {name: person, type: integer, personal: indirect}
  primaryKey: local_id
link:
  person:
    record: person
    fields: {given_name: prenom, birth_date: born}
"""
REGISTER = """\
title: Register
owner: ville
audience: owner
source: {registry: source, table: register}
schema:
  fields:
    - {name: number, type: integer}
    - {name: name}
    - {name: given_name, personal: direct}
    - {name: place, type: geojson}
  primaryKey: number
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "beffroi.yaml").write_text(MAIN)
    (tmp_path / "datasets/people.yaml").write_text(PEOPLE)
    return tmp_path


def problems(root: Path) -> list[str]:
    try:
        Workspace(root)
    except Misconfigured as error:
        return error.detail.splitlines()
    return []


def test_what_is_in_order_is_no_problem(root: Path) -> None:
    assert problems(root) == []
    dataset = Workspace(root).dataset("people")
    link = dataset.link["person"]
    said = {"family_name": "family_name", "given_name": "prenom", "birth_date": "born"}
    assert linked.columns(link, dataset) == said, "a field whose column has its name needs no line"
    assert linked.identity(dataset, "person") == ("local_id",)


WRONG = [
    ("  person:\n    record", "  persn:\n    record", "17: link names «persn», which is no column (did you mean «person»?)"),
    ("name: person, type: integer", "name: person, type: date", "17: «person» is of the type date: linking fills in a string or integer"),
    ("link:\n", "clean: {person: {steps: [trim]}}\nlink:\n", "16: «person» is filled in by link:, from no source: take it out of clean:"),
    ("name: person, type: integer", "name: person, type: integer, constraints: {unique: true}", "17: «person» is filled in by link:, and no rule holds of it but required: take unique out"),
    ("record: person", "record: persons", "18: expected person, company, address or parcel for «record»"),
    ("given_name: prenom", "givn_name: prenom", "19: the recipe person has no field «givn_name»"),
    ("given_name: prenom", "given_name: prenoms", "19: fields names «prenoms», which is no column"),
    ("given_name: prenom", "given_name: person", "19: «person» is filled in by linking: nothing is linked by it"),
    ("given_name: prenom", "given_name: tags", "19: the field given_name is read from «tags», which is of the type geojson"),
    ("    record: person\n", "    record: person\n    identity: [local_id, local_id]\n", "19: identity names «local_id» twice"),
    ("    record: person\n", "    record: person\n    identity: [number]\n", "19: identity names «number», which is no column"),
    ("    record: person\n", "    record: person\n    identity: [person]\n", "19: «person» is filled in by linking: no record is known by it before"),
    ("primaryKey: local_id", "primaryKey: person", "17: the key is filled in by linking: say identity:"),
    ("    record: person\n", "    record: person\n    to_fields: {name: a}\n", "19: to_fields are of the dataset that is linked to, and there is no to:"),
    ("    record: person\n", "    record: person\n    to: nowhere\n", "19: no dataset «nowhere»"),
    ("    record: person\n", "    record: person\n    thresholds: {link: 0.4, review: 0.5}\n", "19: review 0.5 is above link 0.4: no pair could be left to a person"),
    ("    record: person\n", "    record: person\n    thresholds: {link: 1}\n", "19: expected a number below 1 for «link»"),
    ("    record: person\n", "    record: person\n    blocks: [[street]]\n", "19: blocks names «street», no field that the rows have"),
    ("    record: person\n", "    record: person\n    blocks: [[]]\n", "19: expected at least 1 here"),
    ("link:\n", "merge: {recent: person, columns: {prenom: recent}}\nlink:\n", "16: «person» is filled in by link:, and tells of no row that it is the more recent"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), WRONG)
def test_what_is_wrong_is_told(root: Path, old: str, new: str, said: str) -> None:
    assert PEOPLE.count(old) == 1
    (root / "datasets/people.yaml").write_text(PEOPLE.replace(old, new))
    found = problems(root)
    assert len(found) == 1, found
    assert found[0].startswith(f"datasets/people.yaml:{said}"), found


def test_the_key_may_be_what_linking_fills_in(root: Path) -> None:
    text = PEOPLE.replace("primaryKey: local_id", "primaryKey: person").replace(
        "record: person\n", "record: person\n    identity: [local_id]\n"
    )
    (root / "datasets/people.yaml").write_text(text)
    assert problems(root) == []
    assert linked.identities(Workspace(root).dataset("people")) == {"local_id"}


def test_no_step_reads_what_linking_fills_in(root: Path) -> None:
    text = PEOPLE.replace(
        "    - {name: tags, type: geojson}\n    - {name: person, type: integer, personal: indirect}\n",
        "    - {name: person}\n    - {name: tags}\n",
    )
    text += "clean:\n  tags: {steps: [{find_commune: {postal_code: person, among: people}}]}\n"
    (root / "datasets/people.yaml").write_text(text)
    assert any("which linking fills in after all steps" in each for each in problems(root)), problems(root)


TO = PEOPLE.replace(
    "    record: person\n", "    record: person\n    to: register\n    to_fields: {family_name: name}\n"
)
PERSONAL = "which is personal data: it stays so, say personal: indirect of"
LINKED = [
    ("given_name, personal: direct", "given_name", None),
    ("{name: number, type: integer}", "{name: number}", "19: this column is of the type integer, and the key of register is of the type string: make them the same"),
    ("primaryKey: number", "primaryKey: [number, name]", "19: the key of register has several columns: what is linked gets one value"),
    ("name: name", "name: nom", "20: register has no column «nom»"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), LINKED)
def test_what_is_linked_to_must_bear_it(root: Path, old: str, new: str, said: str | None) -> None:
    (root / "datasets/people.yaml").write_text(TO)
    changed = REGISTER.replace(old, new) if "nom" not in new else REGISTER
    (root / "datasets/register.yaml").write_text(changed)
    if "nom" in new:
        (root / "datasets/people.yaml").write_text(TO.replace("family_name: name}", "family_name: nom}"))
    found = [each for each in problems(root) if said is None or said in each]
    assert len(found) == (said is not None), problems(root)
    if said is None:
        assert Workspace(root).dataset("people").depends_on == {"register"}
        assert Workspace(root).in_order(["people", "register"]) == ["register", "people"]


def test_what_linking_fills_in_from_personal_data_is_personal(root: Path) -> None:
    bare = ", personal: indirect}\n  primaryKey"
    (root / "datasets/people.yaml").write_text(PEOPLE.replace(bare, "}\n  primaryKey"))
    own = "person is filled in by linking «family_name» and «prenom» and «born»"
    said = f"datasets/people.yaml:17: {own}, {PERSONAL} person at least"
    assert problems(root) == [said], "a number of a cluster lasts, and is of one person"
    (root / "datasets/people.yaml").write_text(TO.replace(bare, "}\n  primaryKey"))
    register = REGISTER.replace("given_name, personal: direct", "given_name")
    (root / "datasets/register.yaml").write_text(register)
    said = f"datasets/people.yaml:19: {own}, {PERSONAL} person at least"
    assert problems(root) == [said], "the key of what is open tells of a person too, where her own columns lead to it"
    (root / "datasets/register.yaml").write_text(register.replace("number, type", "number, personal: indirect, type"))
    said = f"datasets/people.yaml:19: {own} and «number» of register, {PERSONAL} person at least"
    assert problems(root) == [said]
    plain = TO.replace(", personal: direct", "").replace(", personal: indirect", "")
    (root / "datasets/people.yaml").write_text(plain)
    said = "datasets/people.yaml:19: person is filled in by linking «number» of register"
    assert problems(root) == [f"{said}, {PERSONAL} person at least"]
    identity = plain.replace("local_id}", "local_id, personal: direct}")
    (root / "datasets/register.yaml").write_text(register)
    (root / "datasets/people.yaml").write_text(identity)
    assert "by linking «local_id», which" in problems(root)[0]


OPEN = """\
title: Streets
owner: voisine
audience: open
licence: LO
source: {registry: source, table: streets}
schema:
  fields:
    - {name: id}
    - {name: name}
    - {name: number, type: integer}
  primaryKey: id
link:
  number: {record: person, fields: {family_name: name}, to: register, to_fields: {family_name: name}}
"""


def test_what_is_open_links_to_nothing_that_is_another_s_and_closed(root: Path) -> None:
    (root / "datasets/streets.yaml").write_text(OPEN)
    (root / "datasets/register.yaml").write_text(REGISTER.replace(", personal: direct", ""))
    said = "datasets/streets.yaml:3: audience: open is refused: the rows of register are ville's, and not open"
    assert problems(root) == [said]


def test_what_is_open_has_no_key_of_a_person(root: Path) -> None:
    (root / "datasets/streets.yaml").write_text(OPEN.replace("voisine", "ville"))
    (root / "datasets/register.yaml").write_text(REGISTER.replace("number,", "number, personal: indirect,"))
    assert any("number is filled in by linking «number» of register" in each for each in problems(root)), problems(root)
    personal = OPEN.replace("voisine", "ville").replace("type: integer", "type: integer, personal: indirect")
    (root / "datasets/streets.yaml").write_text(personal)
    said = "datasets/streets.yaml:3: audience: open is refused, these columns are personal data: number"
    assert said in problems(root)


def test_links_make_no_circle(root: Path) -> None:
    (root / "datasets/people.yaml").write_text(TO)
    text = REGISTER.replace("    - {name: place, type: geojson}\n", "    - {name: other, personal: indirect}\n")
    text += "link:\n  other: {record: person, fields: {family_name: name}, to: people}\n"
    (root / "datasets/register.yaml").write_text(text)
    assert any("these refer to each other in a circle" in each for each in problems(root)), problems(root)


def test_a_foreign_key_is_of_what_is_linked_to(root: Path) -> None:
    key = "  foreignKeys:\n    - fields: person\n      reference: {resource: register, fields: number}\n"
    text = TO.replace("link:\n", f"{key}link:\n")
    (root / "datasets/register.yaml").write_text(REGISTER.replace(", personal: direct", ""))
    (root / "datasets/people.yaml").write_text(text)
    assert problems(root) == []
    (root / "datasets/people.yaml").write_text(PEOPLE.replace("link:\n", f"{key}link:\n"))
    said = "«person» is filled in by link:, with keys of no other dataset: take this out"
    assert any(said in each for each in problems(root)), problems(root)


def test_blocks_that_stand_for_all_of_the_recipe_are_warned_of(root: Path) -> None:
    assert list(doubts(Workspace(root).datasets["people"])) == []
    own = PEOPLE.replace(
        "    record: person\n", "    record: person\n    blocks: [[birth_date], [family_name, given_name]]\n"
    )
    (root / "datasets/people.yaml").write_text(own)
    (said,) = doubts(Workspace(root).datasets["people"])
    assert "alike are never compared: birth_date; family_name and given_name." in said
