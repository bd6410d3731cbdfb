"""YAML 1.2, strictly: what a file says is what is read, or an error that points at its line."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from connectors.errors import Misconfigured
from pipelines.declarations.strict_yaml import Document, load


def loaded(folder: Path, text: str | bytes) -> Document:
    file = folder / "file.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file, Path("file.yaml"))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-12", -12),
        ("0o17", 15),
        ("0x1F", 31),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("-.INF", float("-inf")),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("NO", "NO"),
        ("null", None),
        ("~", None),
        ("", None),
        ("2001-12-31", "2001-12-31"),
        ("2001-12-31T10:00:00Z", "2001-12-31T10:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("2A004", "2A004"),
        ("'01001'", "01001"),
        ('"010"', "010"),
        ("'true'", "true"),
        ("'é\u2028x'", "é\u2028x"),
    ],
)
def test_scalars_are_those_of_yaml_1_2_and_dates_stay_text(tmp_path: Path, text: str, value: Any) -> None:
    found = loaded(tmp_path, f"a: {text}\n").data["a"]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 01001", "file.yaml:2: write '01001' in quotes: with a leading zero it is a code, not a number"),
        ("- 1\n- -08", "file.yaml:2: write '-08' in quotes"),
        ("a: 01.5", "file.yaml:1: write '01.5' in quotes"),
        ("01001: a", "file.yaml:1: write '01001' in quotes"),
        ("a: 1_000", "file.yaml:1: «1_000» is not used here: write it in quotes, or as a plain number"),
        ("a: 1" + "0" * 5000, "file.yaml:1: «1000000000000000000000000000000000000000…» is not used here"),
        ("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3", "file.yaml:5: the key «c» stands here a second time"),
        ("a: {b: 1, 'b': 2}", "file.yaml:1: the key «b» stands here a second time"),
        ("a:\n- !foo bar", "file.yaml:2: tags (!) are not used here"),
        ("a: !foo 'bar'", "file.yaml:1: tags (!) are not used here"),
        ("a: !!str 01", "file.yaml:1: tags (!) are not used here"),
        ("a: !!python/object:os.system {}", "file.yaml:1: tags (!) are not used here"),
        ("a: &x 1\nb: *x", "file.yaml:1: anchors and aliases (& and *) are not used here"),
        ("a: &x [*x]", "file.yaml:1: anchors and aliases"),
        ("a: 1\nb:\n  <<: {c: 1}", "file.yaml:3: «<<» is not used here"),
        ("a: 1\n---\nb: 2", "file.yaml:2: a second document begins here: one file is one document"),
        ("%YAML 1.1\n---\na: yes", "file.yaml:2: this file is read as YAML 1.2: take that line out"),
        ("1: a", "file.yaml:1: write the key 1 in quotes: keys are text"),
        ("true: a", "file.yaml:1: write the key true in quotes: keys are text"),
        ("~: a", "file.yaml:1: write the key ~ in quotes: keys are text"),
        ("? [a]\n: b", "file.yaml:1: a key must be plain text"),
        ("a:\n\tb: 1", "file.yaml:2: not valid YAML: found character '\\t'"),
        ("a:\n  b: [1\nc: 2", "file.yaml:3: not valid YAML"),
        ("a: 1\nb: \x00", "file.yaml:2: not valid YAML"),
        (b"a: 1\nb: \xff", "file.yaml:2: is not UTF-8: save the file in that encoding"),
        ("a: 1\nb: é".encode("utf-16"), "file.yaml:1: is not UTF-8"),
        ("[" * 100_000 + "]" * 100_000, "file.yaml:1: values are nested too deeply here"),
    ],
)
def test_what_could_be_misread_is_an_error_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        loaded(tmp_path, text)
    assert caught.value.detail.startswith(said)
    assert "\n" not in caught.value.detail


def test_a_bomb_of_aliases_is_refused_at_once(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    with pytest.raises(Misconfigured, match="anchors"):
        loaded(tmp_path, bomb)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "\ufeff"])
def test_an_empty_file_is_no_value(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text).data is None


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read: No such file"):
        load(tmp_path / "none.yaml")


def test_every_value_knows_its_line(tmp_path: Path) -> None:
    document = loaded(
        tmp_path,
        "# a comment\n"
        "title: T\n"
        "schema:\n"
        "  fields:\n"
        "    - name: a\n"
        "      title: A\n"
        "    - {name: b,\n"
        "       title: B}\n"
        "text: |\n"
        "  two\n"
        "  lines\n"
        "after: 1\n",
    )
    lines = {keys: document.at(*keys) for keys in document.lines}
    assert lines[("title",)] == "file.yaml:2"
    assert lines[("schema", "fields")] == "file.yaml:4"
    assert lines[("schema", "fields", 0)] == "file.yaml:5"
    assert lines[("schema", "fields", 0, "title")] == "file.yaml:6"
    assert lines[("schema", "fields", 1, "name")] == "file.yaml:7"
    assert lines[("schema", "fields", 1, "title")] == "file.yaml:8"
    assert lines[("after",)] == "file.yaml:12"
    assert document.at("schema", "fields", 1, "missing") == "file.yaml:7", "a missing value stands at its parent"
    assert document.at() == "file.yaml:2"


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
MANY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def written(data: Any) -> str:
    """Write data as YAML; words stand bare, other texts in quotes (bare, the writer itself mistakes some)."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.width = 10**6
    writer.representer.ignore_aliases = lambda _: True
    writer.representer.add_representer(
        str,
        lambda representer, text: representer.represent_scalar(
            "tag:yaml.org,2002:str", text, style=None if re.fullmatch(r"\w[\w. -]{0,50}", text) else '"'
        ),
    )
    out = io.StringIO()
    writer.dump(data, out)
    return out.getvalue()


@MANY
@given(PLAIN)
def test_plain_data_written_as_yaml_reads_back_equal(tmp_path: Path, data: Any) -> None:
    assert loaded(tmp_path, written(data)).data == data


@MANY
@given(st.dictionaries(TEXT, PLAIN.filter(lambda data: not isinstance(data, float)), max_size=5))
def test_json_is_yaml_too(tmp_path: Path, data: dict[str, Any]) -> None:
    text = json.dumps(data, ensure_ascii=False, indent=1)
    if "Infinity" not in text:
        assert loaded(tmp_path, text).data == data
