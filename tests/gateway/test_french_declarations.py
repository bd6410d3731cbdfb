"""What `beffroi check --lang fr` says of the form of a declaration, and of the names in it."""

from pathlib import Path

import pytest

from gateway.languages import in_french
from pipelines.declarations.sentences import EXPECTED, LIMITS
from tests import commands
from tests.pipelines.bench import CONFIGURATION, SHOPS

from .test_french import english


def checked(root: Path, dataset: str, configuration: str = CONFIGURATION) -> str:
    (root / "datasets").mkdir()
    (root / "beffroi.yaml").write_text(configuration, encoding="utf-8")
    (root / "datasets" / "shops.yaml").write_text(dataset, encoding="utf-8")
    return commands.beffroi(root, "check", "--lang", "fr", status=1).output


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        (SHOPS + "titel: X\n", "clé inconnue «titel» (vouliez-vous dire «title» ?) ; possibles : "),
        (SHOPS.replace("title: Shops\n", ""), "datasets/shops.yaml:1 : il manque la clé «title»"),
        (SHOPS.replace("title: Shops\n", "title: [1]\n"), "datasets/shops.yaml:1 : attendu pour «title» : un texte"),
        (SHOPS.replace("audience: open", "audience: all"), "attendu pour «audience» : open, agents ou owner"),
        (SHOPS + "expect: {rows: {min: many}}\n", "attendu pour «min» : un nombre"),
        (SHOPS + "merge: no\n", "attendu pour «merge» : des clés et des valeurs"),
        (SHOPS + "title: again\n", "la clé «title» est ici pour la seconde fois"),
        (SHOPS.replace("owner: ville", "owner: vile"), "il n'y a pas d'organisation «vile» (vouliez-vous dire «ville» ?)"),
        (SHOPS.replace("registry: source", "registry: nothing"), "il n'y a pas de registre «nothing» ; possibles : source"),
        (SHOPS.replace("primaryKey: id", "primaryKey: ident"), "primaryKey nomme «ident», qui n'est pas une colonne"),
        ("[", "n'est pas du YAML valable : "),
        ("a", "des clés et des valeurs sont attendues ici"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_told_in_french(tmp_path: Path, dataset: str, said: str) -> None:
    told = checked(tmp_path, dataset)
    assert said in told
    assert said.startswith("n'est pas du YAML") or english(told) == []


def test_all_that_is_wrong_with_the_form_of_a_declaration_has_french_words() -> None:
    place = "datasets/shops.yaml:3: "
    for wanted in dict.fromkeys(EXPECTED.values()):
        assert in_french(f"{place}expected {wanted} for «x»", of_command=True), wanted
        assert in_french(f"{place}expected {wanted} or text for «x»", of_command=True), wanted
    for limit in LIMITS.values():
        assert in_french(f"{place}expected a number {limit} 10 for «x»", of_command=True), limit
