"""Every dataset that the repository declares, picked up without a test of its own."""

from pathlib import Path

import pytest

from pipelines.declarations import Dataset
from pipelines.declarations.contradictions import contradictions
from pipelines.declarations.sentences import read
from pipelines.declarations.strict_yaml import load
from pipelines.steps.vocabulary import STEPS, parts
from pipelines.workspace import Workspace

ROOT = Path(__file__).parents[2]
DATASETS = sorted((ROOT / "datasets").glob("*.yaml"))


@pytest.fixture(params=DATASETS, ids=lambda path: path.stem)
def dataset(request: pytest.FixtureRequest) -> Dataset:
    path: Path = request.param
    document = load(path, path.relative_to(ROOT))
    found, problems = read(Dataset, {**document.data, "name": path.stem}, document.at)
    assert problems == []
    assert found is not None
    return found


def test_there_are_datasets() -> None:
    assert {"associations", "communes", "postal_codes", "residents"} <= {path.stem for path in DATASETS}


def test_a_dataset_loads_without_contradiction(dataset: Dataset) -> None:
    assert list(contradictions(dataset)) == []


def test_a_dataset_says_what_it_is(dataset: Dataset) -> None:
    assert dataset.title
    assert dataset.description.endswith("."), "whole sentences: the catalogue shows them"
    untitled = [column.name for column in dataset.columns if not column.title]
    assert untitled == [], "every column has a title: the data dictionary shows it"


def test_the_steps_of_a_dataset_exist(dataset: Dataset) -> None:
    used = {parts(step)[0] for clean in dataset.clean.values() for step in clean.steps}
    assert used <= set(STEPS)


def test_an_open_dataset_has_licence_keywords_and_nothing_personal(dataset: Dataset) -> None:
    if dataset.audience == "open":
        assert dataset.licence
        assert dataset.keywords
        assert not [column.name for column in dataset.columns if column.personal]
    else:
        assert [column.name for column in dataset.columns if column.personal], "then why is it not open?"


def test_the_repository_is_a_workspace() -> None:
    workspace = Workspace(ROOT)
    assert sorted(workspace.datasets) == [path.stem for path in DATASETS]
    assert len(workspace.in_order([])) == len(DATASETS)


def test_there_is_no_python_under_datasets() -> None:
    found = [str(path.relative_to(ROOT)) for path in (ROOT / "datasets").rglob("*.py*")]
    assert found == [], "a package called datasets would shadow a popular library; declarations need no code"
