"""A new workspace to start from: `beffroi init DIR`. What it writes stands in `gateway/template/`."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from connectors.errors import InvalidRequest


def make(folder: Path) -> list[Path]:
    """Write the template into `folder` and return what was written.

    Raises InvalidRequest, having written nothing, where one of the files is there already or cannot be written.
    """
    wanted = {folder / target: source for target, source in _template()}
    for target in wanted:
        if target.exists():
            raise InvalidRequest(f"{target} is there already: nothing was written")
    try:
        for target, source in wanted.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    except OSError as error:
        raise InvalidRequest(f"{folder} cannot be written: {error.strerror}") from error
    return list(wanted)


def _template() -> list[tuple[Path, Traversable]]:
    template = files("gateway") / "template"
    datasets = [(Path("datasets") / item.name, item) for item in (template / "datasets").iterdir()]
    return [
        (Path("beffroi.yaml"), template / "beffroi.yaml"),
        (Path(".gitignore"), template / "gitignore"),  # a dot file is easily lost when a package is built
        *datasets,
    ]
