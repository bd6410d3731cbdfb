"""What a dataset's declaration says against itself or its sources: each told in one sentence, with file and line."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connectors.errors import Misconfigured
from gateway.online import warnings
from pipelines.workspace import Workspace
from tests.effort import some

MAIN = """\
title: Test
registries:
  source: {kind: files, path: source}
  secret: {kind: rest, url: 'sandbox:x', tables: {t: {path: t}}}
organisations:
  ville: {title: Ville}
  voisine: {title: Voisine}
"""
SHOPS = """\
title: Shops
owner: ville
audience: open
licence: LO
source:
  registry: source
  table: shops
schema:
  fields:
    - name: id
    - {name: town, type: string}
    - {name: opened, type: date}
    - {name: workers, type: integer}
    - {name: tags, type: array}
    - {name: place, type: geopoint}
  primaryKey: id
expect:
  rows: {min: 1}
"""
COLUMNS = "id, opened, place, tags, town, workers"
PEOPLE = """\
title: People
owner: ville
audience: owner
source: {registry: source, table: people}
schema:
  fields:
    - {name: id}
    - {name: surname, personal: direct}
    - {name: town}
  primaryKey: id
"""
COPY = """\
title: Copy
owner: ville
audience: open
licence: LO
source: {dataset: people}
schema:
  fields:
    - {name: id}
    - {name: town}
  primaryKey: id
"""
END_OF_SHOPS = SHOPS.count("\n")

# what is written at the end of shops.yaml, and what is told of it: after + the line among those
ADDED = [
    ("sources: [{registry: source, table: a}]\n", "+1: say either source: or sources:, and not both"),
    ("merge: {columns: {twon: recent}}\n", f"+1: merge names «twon», which is no column (did you mean «town»?); allowed: {COLUMNS}"),
    ("merge: {columns: {id: majority}}\n", "+1: «id» is part of the key: rows that are merged have the same there"),
    ("merge: {columns: {town: recent}}\n", "+1: the rule recent needs recent:, the column that tells which row is the most recent"),
    ("merge: {default: recent}\n", "+1: the rule recent needs recent:, the column that tells which row is the most recent"),
    ("merge:\n  default: recent\n  recent: updated\n", f"+3: recent names «updated», which is no column; allowed: {COLUMNS}"),
    ("merge: {default: recent, recent: town}\n", "+1: «town» is of the type string, and which row is the most recent is told by a date, datetime or integer"),
    ("merge: {recent: opened}\n", "+1: no column is merged by the rule recent: say so of some, or take recent: out"),
    ("merge: {default: last}\n", "+1: expected first, recent or majority for «default»"),
    ("merge: {columns: {town: last}}\n", "+1: expected first, recent or majority for «town»"),
    ("key: [id, twn]\n", f"+1: key names «twn», which is no column (did you mean «town»?); allowed: {COLUMNS}"),
    ("key: []\n", "+1: key names one column, or several different ones"),
    ("key: [town, town]\n", "+1: key names one column, or several different ones"),
    ("key: tags\n", "+1: «tags» cannot be part of a key: it is of the type array"),
    ("index: [town, opend]\n", f"+1: index names «opend», which is no column (did you mean «opened»?); allowed: {COLUMNS}"),
    ("index: [town, town]\n", "+1: index names «town» twice"),
    ("index: [id]\n", "+1: «id» is the key, by which rows are found anyway: take it out"),
    ("index: [tags]\n", "+1: «tags» cannot be in the index: it is of the type array"),
    ("index: town\n", "+1: expected a list for «index»"),
    ("retention: {versions: 0}\n", "+1: expected a number of at least 1 for «versions»"),
    ("retention: {days: -1}\n", "+1: expected a number of at least 1 for «days»"),
    ("retention: {raw: 0}\n", "+1: expected a number of at least 1 for «raw»"),
    ("retention: {versions: many}\n", "+1: expected a whole number for «versions»"),
    ('schedule: "15 25 * * *"\n', '+1: not a cron line (bad hour): minute, hour, day, month, weekday, such as "15 3 * * *"'),
    ('schedule: "15 3 * *"\n', '+1: not a cron line (wrong number of fields): minute, hour, day, month, weekday, such as "15 3 * * *"'),
    ('schedule: "0 15 3 * * *"\n', '+1: not a cron line (wrong number of fields): minute, hour, day, month, weekday, such as "15 3 * * *"'),
    ("schedule: daily\n", '+1: not a cron line (wrong number of fields): minute, hour, day, month, weekday, such as "15 3 * * *"'),
    ('schedule: "0 3 30 2 *"\n', '+1: not a cron line (bad day-of-month): minute, hour, day, month, weekday, such as "15 3 * * *"'),
    ("schedule: 3\n", "+1: expected text for «schedule»"),
    ("deadline: 0\n", "+1: expected a number above 0 for «deadline»"),
    ("deadline: 604801\n", "+1: expected a number of at most 604800 for «deadline»"),
    ("publication: {ckn: false}\n", "+1: unknown key «ckn» (did you mean «ckan»?); allowed: ckan"),
    ("schema_version: '2.0'\n", "+1: «2.0» is no semantic version: three numbers, such as 2.0.1"),
    ("schema_version: v2.0.1\n", "+1: «v2.0.1» is no semantic version: three numbers, such as 2.0.1"),
    ("schema_version: 2.0\n", "+1: expected text for «schema_version»"),
    ("  freshness: {column: opned, days: 7}\n", f"+1: freshness names «opned», which is no column (did you mean «opened»?); allowed: {COLUMNS}"),
    ("  freshness: {column: town, days: 7}\n", "+1: «town» is of the type string: how fresh rows are is told by a date or a datetime"),
    ("  freshness: {column: opened, days: 0}\n", "+1: expected a number above 0 for «days»"),
    ("  freshness: {column: opened}\n", "+1: the key «days» is missing"),
    ("  drift: {rows: 1.5}\n", "+1: rows is 1.5: a share is from 0 to 1, 20 % is 0.2"),
    ("  drift: {values: -0.1}\n", "+1: values is -0.1: a share is from 0 to 1, 20 % is 0.2"),
    ("  drift: {columns: {town: 20}}\n", "+1: town is 20: a share is from 0 to 1, 20 % is 0.2"),
    ("  drift: {columns: {twon: 0.2}}\n", f"+1: drift names «twon», which is no column (did you mean «town»?); allowed: {COLUMNS}"),
    ("  unread: [street, street]\n", "+1: unread names «street» twice"),
    ("  unread: [town]\n", "+1: «town» is read: town is made of it"),
    ("clean: {opened: {from: TOWN}}\nkey: [id]\nindex: []\n", ""),
    ("clean: {town: {steps: [{map: maps/none.csv}]}}\n", "+1: maps/none.csv: no such file in this workspace; a path begins at its folder"),
    ("clean: {town: {steps: [{map: ../none.csv}]}}\n", "+1: the step map takes *"),
    ("columns: {twon: {personal: direct}}\n", f"+1: columns names «twon», which is no column (did you mean «town»?); allowed: {COLUMNS}"),
    ("columns: {town: {personal: private}}\n", "+1: expected true or false or direct, indirect or sensitive for «personal»"),
    ("columns: {town: {personal: false}}\n", "+1: personal: false is what a column is that says nothing: take it out"),
    ("columns: {town: {crs: 'EPSG:2154'}}\n", "+1: crs is for places, and «town» is of the type string"),
    ("columns: {place: {crs: 'EPSG:27572'}}\n", "+1: expected EPSG:4326 or EPSG:2154 for «crs»"),
    ("columns: {town: {personal: sensitive}}\n", "3: audience: open is refused, these columns are personal data: town"),
]  # fmt: skip

# what is written in shops.yaml, what stands there instead, and what is told
REPLACED = [
    ("audience: open\n", "audience: owner\npublication: {ckan: false}\n", "4: only an open dataset is published, and the audience of this one is owner"),
    ("source:\n  registry: source\n  table: shops\n", "", "1: the key «source» is missing: say where the rows come from, by source: or sources:"),
    ("source:\n  registry: source\n  table: shops\n", "sources: []\n", "1: the key «source» is missing: say where the rows come from, by source: or sources:"),
    ("  registry: source\n", "  registry: source\n  dataset: x\n", "5: a source is one registry: or one dataset:"),
    ("  registry: source\n", "  dataset: people\n", "5: a source that is a dataset has no table:"),
    ("source:\n  registry: source\n  table: shops\n", "source: {dataset: peple}\n", "5: no dataset «peple» (did you mean «people»?); allowed: copy, people, shops"),
    ("source:\n  registry: source\n  table: shops\n", "source: {dataset: shops}\n", "1: these refer to each other in a circle: shops → shops"),
    ("source:\n  registry: source\n  table: shops\n", "sources:\n  - {registry: source, table: a}\n  - {registry: source, table: a}\n", "7: two sources are called «source/a»: give one another name:"),
    ("source:\n  registry: source\n  table: shops\n", "sources:\n  - {registry: source, table: a}\n  - {registry: sorce, table: b}\n", "7: no registry «sorce» (did you mean «source»?); allowed: secret, source"),
    ("source:\n  registry: source\n  table: shops\n", "sources:\n  - {registry: source, table: a, clean: {twn: {}}}\n", f"6: clean names «twn», which is no column (did you mean «town»?); allowed: {COLUMNS}"),
    ("source:\n  registry: source\n  table: shops\n", "sources:\n  - {registry: source, table: a, clean: {town: {steps: [strip]}}}\n", "6: there is no cleaning step «strip»*"),
    ("  primaryKey: id\n", "", "8: say which columns identify a row: the schema has no primaryKey, and there is no key:"),
    ("    - {name: town, type: string}\n", "    - {name: ID, type: string}\n", "11: «ID» and «id» are one name to SQL, which knows no case: rename one"),
    ("{name: town, type: string}", "{name: town, type: string, constraints: {minLength: 3, maxLength: 2}}", "11: minLength 3 is above maxLength 2: no value can meet both"),
    ("{name: workers, type: integer}", "{name: workers, type: integer, constraints: {maxLength: 2}}", "13: a length is for texts and lists, and «workers» is of the type integer"),
    ("{name: workers, type: integer}", "{name: workers, type: integer, constraints: {maxLength: -2}}", "13: expected a number of at least 0 for «maxLength»"),
    ("{name: workers, type: integer}", "{name: workers, type: integer, decimalChar: ','}", "13: decimalChar is for numbers, and «workers» is of the type integer"),
    ("{name: workers, type: integer}", "{name: workers, type: number, decimalChar: ',', groupChar: ','}", "13: groupChar and decimalChar are the same: no number can be read"),
    ("{name: workers, type: integer}", "{name: workers, type: number, decimalChar: ', '}", "13: string should have at most 1 character for «decimalChar»"),
    ("{name: workers, type: integer}", "{name: workers, type: integer, trueValues: [x]}", "13: trueValues is for true and false, and «workers» is of the type integer"),
    ("{name: workers, type: integer}", "{name: workers, type: boolean, trueValues: [x], falseValues: [x]}", "13: «x» stands among trueValues too: it can mean one only"),
    ("{name: opened, type: date}", "{name: opened, type: date, format: '%d/%m/%Q'}", "12: the format has %Q, which is not read here: %, A, B, H, I, M, S, Y, Z, a, b, d, f, j, m, p, y, z are"),
    ("{name: opened, type: date}", "{name: opened, type: date, format: dmy}", "12: a column of the type date has no format «dmy»: default, any, or a pattern such as %d/%m/%Y"),
    ("{name: place, type: geopoint}", "{name: place, type: geopoint, format: wkt}", "15: a column of the type geopoint has no format «wkt»: default, array, object"),
    ("{name: place, type: geopoint}", "{name: place, type: geopoint, constraints: {enum: ['1,2']}}", "15: a column of the type geopoint has no enum"),
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "beffroi.yaml").write_text(MAIN)
    for name, text in (("shops", SHOPS), ("people", PEOPLE)):
        (tmp_path / f"datasets/{name}.yaml").write_text(text)
    (tmp_path / "datasets/copy.yaml").write_text(COPY)
    return tmp_path


def problems(root: Path) -> list[str]:
    try:
        Workspace(root)
    except Misconfigured as error:
        return error.detail.split("\n")
    return []


def like(found: list[str], wanted: list[str]) -> bool:
    ends = zip(found, wanted, strict=False)
    return len(found) == len(wanted) and all(
        one.startswith(start[:-1]) if start.endswith("*") else one == start for one, start in ends
    )


def test_the_workspace_that_is_broken_below_is_whole(root: Path) -> None:
    assert problems(root) == []


@pytest.mark.parametrize(("added", "said"), ADDED)
def test_what_is_said_of_runs_is_held_against_the_columns(root: Path, added: str, said: str) -> None:
    (root / "datasets/shops.yaml").write_text(SHOPS + added)
    line, _, sentence = said.partition(": ")
    at = END_OF_SHOPS + int(line) if line.startswith("+") else line
    found = problems(root)
    assert like(found, [f"datasets/shops.yaml:{at}: {sentence}"] if said else []), found


@pytest.mark.parametrize(("old", "new", "said"), REPLACED)
def test_a_contradiction_is_told_in_one_sentence(root: Path, old: str, new: str, said: str) -> None:
    assert old in SHOPS, "the test itself is out of date"
    (root / "datasets/shops.yaml").write_text(SHOPS.replace(old, new, 1))
    found = problems(root)
    assert like(found, [f"datasets/shops.yaml:{said}"]), found


@pytest.mark.parametrize(
    ("merge", "rule"),
    [
        ("{columns: {town: recent}, recent: opened}", "first"),
        ("{default: recent, columns: {opened: majority}, recent: opened}", "majority"),
        ("{columns: {town: recent, opened: recent}, recent: opened}", None),
        ("{default: recent, recent: opened}", None),
        ("{default: majority}", None),
    ],
)
def test_a_newer_date_that_may_be_lost_is_warned_of(root: Path, merge: str, rule: str | None) -> None:
    (root / "datasets/shops.yaml").write_text(SHOPS + f"merge: {merge}\n")
    said = (
        f"shops: recent names «opened», whose own value is merged by the rule {rule}: a row may keep an older «opened»"
        " than that of the values taken by it. Merge it by recent too: merge: {columns: {opened: recent}}"
    )
    assert [line for line in warnings(Workspace(root)) if line.startswith("shops")] == ([said] if rule else [])


def test_a_record_has_its_own_key(root: Path) -> None:
    text = "title: C\nowner: ville\naudience: open\nlicence: LO\nrecord: Commune\nsource: {registry: source, table: c}\nkey: siren\n"
    (root / "datasets/communes.yaml").write_text(text)
    assert problems(root) == ["datasets/communes.yaml:7: take key: out: a row of Commune is known by code"]


# --- what is not open never becomes so through a second dataset ------------------------------------------------------

PERSONAL = "it stays so, say personal: of it here too"
CLOSED = [
    ("{name: town}", "{name: surname}", f"9: surname is read from «surname» of people, which is personal data: {PERSONAL}"),
    ("  primaryKey: id\n", "  primaryKey: id\nclean: {town: {from: surname, steps: [upper]}}\n", f"11: town is read from «surname» of people, which is personal data: {PERSONAL}"),
    ("{name: town}", "{name: surname, personal: true}", "3: audience: open is refused, these columns are personal data: surname"),
    ("owner: ville", "owner: voisine", "3: audience: open is refused: the rows of people are ville's, and not open"),
    ("{name: town}", "{name: street}", "9: street is read from «street», which the source does not have; allowed: id, surname, town"),
    ("{name: town}", "{name: town, type: array}", None),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), CLOSED)
def test_a_dataset_made_of_another_keeps_its_secrets(root: Path, old: str, new: str, said: str | None) -> None:
    (root / "datasets/copy.yaml").write_text(COPY.replace(old, new, 1))
    assert problems(root) == ([f"datasets/copy.yaml:{said}"] if said else [])


def test_a_secret_is_kept_through_any_number_of_datasets(root: Path) -> None:
    middle = COPY.replace("audience: open\nlicence: LO", "audience: agents").replace("owner: ville", "owner: voisine")
    (root / "datasets/middle.yaml").write_text(middle)
    (root / "datasets/copy.yaml").write_text(COPY.replace("people", "middle").replace("owner: ville", "owner: voisine"))
    said = "datasets/copy.yaml:3: audience: open is refused: the rows of people are ville's, and not open"
    assert problems(root) == [said]
    (root / "datasets/middle.yaml").write_text(
        middle.replace("town", "surname").replace("owner: voisine", "owner: ville")
    )
    found = problems(root)
    assert [p for p in found if p.startswith("datasets/middle.yaml:8: surname is read from «surname» of people")], found


def test_what_a_record_says_is_personal_is_so_in_any_schema(root: Path) -> None:
    main = MAIN.replace("organisations:", "  civil: {kind: civil_register, url: 'sandbox:civil'}\norganisations:")
    (root / "beffroi.yaml").write_text(main)
    text = COPY.replace("{dataset: people}", "{registry: civil}").replace("name: town", "name: birth_name")
    (root / "datasets/copy.yaml").write_text(text)
    said = "birth_name is read from «birth_name» of civil, which is personal data"
    assert problems(root) == [f"datasets/copy.yaml:9: {said}: {PERSONAL}"]


def test_all_that_a_personal_registry_tells_stays_closed_through_a_dataset(root: Path) -> None:
    (root / "datasets/people.yaml").write_text(
        PEOPLE.replace("source, table: people", "secret, table: t").replace(", personal: direct", "")
    )
    found = problems(root)
    assert [
        p for p in found if "datasets/copy.yaml:3: audience: open is refused: all that the registry secret tells" in p
    ], found


def test_datasets_that_are_made_of_each_other_are_a_circle(root: Path) -> None:
    (root / "datasets/people.yaml").write_text(
        PEOPLE.replace("{registry: source, table: people}", "{dataset: copy, clean: {surname: {from: town}}}")
    )
    found = [problem for problem in problems(root) if "circle" in problem]
    assert len(found) == 1
    assert re.fullmatch(r"datasets/(\w+)\.yaml:1: these refer to each other in a circle: \1 → \w+ → \1", found[0])


def test_several_sources_have_names_and_cleaning_of_their_own(root: Path) -> None:
    sources = """\
sources:
  - {name: mine, registry: source, table: a, clean: {town: {from: VILLE}}}
  - {registry: source, table: b}
  - {dataset: people}
clean: {town: {steps: [trim]}}
"""
    text = SHOPS.replace("source:\n  registry: source\n  table: shops\n", sources).replace(
        "audience: open", "audience: owner"
    )
    columns = "    - {name: opened, type: date}\n    - {name: workers, type: integer}\n    - {name: tags, type: array}\n    - {name: place, type: geopoint}\n"
    (root / "datasets/shops.yaml").write_text(text.replace(columns, ""))
    dataset = Workspace(root).dataset("shops")
    assert [source.name for source in dataset.inputs] == ["mine", "source/b", "people"]
    assert dataset.depends_on == {"people"}
    mine, other, _ = dataset.inputs
    assert dataset.read_from(mine, "town") == "VILLE"
    assert dataset.cleaning(mine)["town"].steps == ["trim"], "the steps hold where a source says its column alone"
    assert dataset.cleaning(other)["town"].steps == ["trim"]
    assert Workspace(root).in_order([]).index("people") < Workspace(root).in_order([]).index("shops")


@pytest.mark.parametrize(
    ("own", "column", "steps"),
    [
        ("{from: VILLE}", "VILLE", ["trim"]), ("{steps: [upper]}", "commune", ["upper"]), ("{steps: []}", "commune", []),
        ("{from: VILLE, steps: [upper]}", "VILLE", ["upper"]), ("{}", "commune", ["trim"]),
    ],
)  # fmt: skip
def test_what_a_source_does_not_say_of_a_column_the_dataset_says(
    root: Path, own: str, column: str, steps: list[str]
) -> None:
    text = SHOPS.replace("  table: shops\n", f"  table: shops\n  clean: {{town: {own}}}\n")
    clean = "clean: {town: {from: commune, steps: [trim]}}\n"
    (root / "datasets/shops.yaml").write_text(text + clean if "clean:\n" not in text else text)
    dataset = Workspace(root).dataset("shops")
    (source,) = dataset.inputs
    assert dataset.read_from(source, "town") == column
    assert dataset.cleaning(source)["town"].steps == steps


# --- whatever is written, no crash -----------------------------------------------------------------------------------

WHOLE: dict[str, Any] = YAML(typ="safe").load(SHOPS) | {
    "index": ["town"], "key": ["id"], "merge": {"default": "recent", "columns": {"town": "majority"}, "recent": "opened"},
    "retention": {"versions": 3, "days": 30, "raw": 2}, "schedule": "15 3 * * *", "deadline": 60, "schema_version": "1.0.0",
    "publication": {"ckan": False}, "keywords": ["a"], "columns": {"place": {"crs": "EPSG:2154", "unit": "m"}},
    "clean": {"town": {"from": "TOWN", "steps": ["trim", {"map": {"a": "b"}}]}},
    "expect": {
        "rows": {"min": 1, "max": 9}, "refused": {"max": 0.1}, "freshness": {"column": "opened", "days": 7},
        "drift": {"rows": 0.5, "values": 0.2, "columns": {"town": 0.5}}, "unread": ["street"],
    },
}  # fmt: skip
LEAF = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["town", "schemas/x.json", "../x", "people", "first", "open", "%Q", "(", "0 0 * * *"])
)  # fmt: skip
INSIDE = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(st.text(max_size=10), LEAF, max_size=3)
ANYTHING = INSIDE | st.lists(INSIDE, max_size=3) | st.dictionaries(st.text(max_size=10), INSIDE, max_size=3)


def ways(data: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [way for key, value in pairs for way in ((*above, key), *ways(value, (*above, key)))]


@pytest.mark.soak
@some(60)
@given(way=st.sampled_from(ways(WHOLE)), value=ANYTHING, how=st.sampled_from(["replace", "remove", "rename"]))
def test_a_declaration_with_one_key_mangled_gives_sentences(
    root: Path, way: tuple[Any, ...], value: Any, how: str
) -> None:
    data = copy.deepcopy(WHOLE)
    place = data
    for key in way[:-1]:
        place = place[key]
    if how == "replace" or isinstance(place, list):
        place[way[-1]] = value
    else:
        there = place.pop(way[-1])
        place |= {str(value): there} if how == "rename" else {}
    (root / "datasets/shops.yaml").write_text(json.dumps(data), encoding="utf-8")
    for sentence in problems(root):
        assert re.match(r"(beffroi|datasets/\w+)\.yaml:\d+: .", sentence), sentence
        assert not re.search(r"pydantic|type=|Traceback|\bdict\[", sentence), sentence
