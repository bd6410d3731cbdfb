"""Recipes: what is compared of a kind of record, and how much it tells; data, one YAML file a kind in `recipes/`.

A recipe names fields (what a declaration may give), the preparing that makes columns of them, comparisons of those
columns, blocks (which pairs are looked at at all) and thresholds. Its m and u (how often records of the same entity, and
of two, are at a level) hold where the data are too few to tell.
"""

import functools
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from connectors.declared import Declared
from pipelines.declarations import strict_yaml

FOLDER = Path(__file__).parent / "recipes"

WORD = re.compile("[a-z_0-9]+")

Share = Annotated[float, Field(gt=0, le=1)]


class Words(Declared):
    """What a thing is called, in both languages of reports."""

    en: str
    fr: str


class Level(Declared):
    """How near two values are: the first level of a comparison whose `sql` holds is theirs; the last has none.

    `sql` speaks of prepared columns with `_l` and `_r`. `m` and `u` are how often pairs of the same entity and of two
    are at this level. `rare` is a column: the rarer its value, the more the level tells. What is told `elsewhere`, by a
    level of another comparison, weighs nothing here. A level `as_last` weighs what the last one does: it is how kin
    differ, so that pairs like it teach nothing of mistakes. `group` is a name for some levels, which kin are `only` at;
    one `as_first` says, as the first level does, that both are one value, written otherwise. A level `of_one`, where only
    one of the two records has a value, weighs nothing: what is missing is no evidence. At a level that `tells` another
    comparison that one weighs nothing: who has the same given name is of the same sex, whoever it is. A level is a `form`
    where one value may be another form of the other, or the name of a twin.
    """

    label: Words
    sql: str | None = None
    m: Share
    u: Share
    rare: str | None = None
    elsewhere: bool = False
    as_last: bool = False
    group: str | None = None
    as_first: bool = False
    of_one: bool = False
    tells: str | None = None
    form: bool = False

    def is_equal_in(self, column: str) -> bool:
        """Tell whether only pairs that are equal in a column are at this level."""
        return f"{column}_l = {column}_r" in (self.sql or "").split(" AND ") and " OR " not in (self.sql or "")


class Comparison(Declared):
    """One thing that is compared; where one of the columns `missing` is null on a side, or `absent` holds, nothing is.

    It is left out of a model where one of `missing` tells no records apart (with `absent`: where none does).

    An exact one is an identifier: records at its first level are linked without the model, and its m and u are never
    trained. It is exclusive where one entity can have one value only.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
    label: Words
    fields: list[str]
    missing: Annotated[list[str], Field(min_length=1)]
    absent: str | None = None
    exact: bool = False
    exclusive: bool = False
    trained: bool = True
    levels: Annotated[list[Level], Field(min_length=2)]

    @model_validator(mode="after")
    def _last_is_else(self) -> "Comparison":
        if [level.sql is None for level in self.levels] != [False] * (len(self.levels) - 1) + [True]:
            raise ValueError("the last level, and it alone, has no sql")
        return self

    @property
    def is_missing(self) -> str:
        """Return SQL that tells that nothing can be compared."""
        return self.absent or " OR ".join(f"{column}_{side} IS NULL" for column in self.missing for side in "lr")

    @property
    def is_equality(self) -> bool:
        """Tell whether its first level is that one column is equal, and nothing else."""
        return self.levels[0].sql == f"{self.missing[0]}_l = {self.missing[0]}_r"

    def telling(self, name: str) -> list[int]:
        """Return the numbers of its levels that tell the comparison of this name."""
        return [at for at, level in enumerate(self.levels, 1) if level.tells == name]

    def tells(self, telling: set[str]) -> bool:
        """Tell whether it can tell records apart, where these columns can."""
        return bool(telling & set(self.missing)) if self.absent else set(self.missing) <= telling

    @property
    def level(self) -> str:
        """Return SQL for the level of a pair: 0 where nothing can be compared, else 1 and up as in `levels`."""
        cases = "".join(f" WHEN {level.sql} THEN {at}" for at, level in enumerate(self.levels[:-1], 1))
        return f"CASE WHEN {self.is_missing} THEN 0{cases} ELSE {len(self.levels)} END"


class Block(Declared):
    """Pairs that are alike in all columns `on` (of a list: in one element) are looked at.

    Keys that more than `most` records have are made narrower by `then`, one column after the other, and where that does
    not help left out.
    """

    on: Annotated[list[str], Field(min_length=1)]
    then: list[str] = []
    most: Annotated[int, Field(ge=2)] = 100


class Training(Declared):
    """Pairs that are alike in all columns `on` train every comparison but those of `leaves`, which hold by choice."""

    on: Annotated[list[str], Field(min_length=1)]
    leaves: list[str]


class Kin(Declared):
    """Pairs of two entities that are alike in several things for one reason: a household shares name, address and phone.

    There are about `per_record` of them for each record, so what they are `alike` in weighs no more, all together, than
    it takes to find such a pair. `perhaps` they are alike in something: one half of them is, the other as any two are;
    nearly all are `only` at the levels of a group, as a child has one of the two names of each parent; what they are alike
    in as well, as a son is a man like his father, they are at these levels as often as the same. `seldom` they are the same in something: so many times as often as any two, as no two children of a family have one name.
    """

    label: Words
    alike: Annotated[list[str], Field(min_length=1)]
    perhaps: list[str] = []
    only: dict[str, str] = {}
    seldom: dict[str, Share] = {}
    per_record: Annotated[float, Field(gt=0)]

    @property
    def shared(self) -> list[str]:
        """Return the comparisons in which they are alike for one reason: wholly, perhaps, or at some levels only."""
        return [*self.alike, *self.perhaps, *self.only]


class Asked(Declared):
    """Links that a person is asked of, whatever they weigh: those for which `sql` holds, of level_NAME of comparisons."""

    why: Annotated[str, Field(pattern=r"^[a-z]+$")]
    sql: str


class Thresholds(Declared):
    """From which probability on a pair is linked, and from which one a person is asked."""

    link: Share
    review: Share


class Recipe(Declared):
    """How one kind of record is linked."""

    record: str
    label: Words
    fields: dict[str, Words]
    columns: dict[str, str] = {}
    """The prepared column that a declared block by a field is alike in; a field without one cannot block."""
    preparing: Annotated[list[str], Field(min_length=1)]
    comparisons: Annotated[list[Comparison], Field(min_length=1)]
    blocks: Annotated[list[Block], Field(min_length=1, max_length=64)]
    training: list[Training]
    kin: list[Kin] = []
    asked: list[Asked] = []
    prior: Annotated[float, Field(gt=0)]
    """Pairs of the same entity expected per record, where the data do not tell."""
    thresholds: Thresholds
    contradiction: float = -6
    """Weight of all other comparisons under which an equal identifier is doubted."""

    def reads(self, column: str) -> bool:
        """Tell whether anything in it reads a prepared column: others need not be kept."""
        return column in self._read

    @functools.cached_property
    def _read(self) -> frozenset[str]:
        sql = " ".join(f"{each.level} {' '.join(each.missing)}" for each in self.comparisons)
        named = {column for block in self.blocks for column in (*block.on, *block.then)} | set(self.columns.values())
        named |= {column for training in self.training for column in training.on}
        named |= {level.rare for each in self.comparisons for level in each.levels if level.rare}
        return frozenset(named | {word.removesuffix("_l").removesuffix("_r") for word in WORD.findall(sql)})

    @property
    def identifiers(self) -> list[Comparison]:
        """Return the comparisons that link by themselves."""
        return [each for each in self.comparisons if each.exact]

    @property
    def exclusive(self) -> list[str]:
        """Return the prepared columns of which one entity has one value only."""
        return [each.missing[0] for each in self.comparisons if each.exclusive]

    @model_validator(mode="after")
    def _names(self) -> "Recipe":
        names = [each.name for each in self.comparisons]
        unknown = {name for each in self.training for name in each.leaves} - set(names)
        unknown |= {name for each in self.kin for name in (*each.shared, *each.seldom)} - set(names)
        unknown |= {at.tells for each in self.comparisons for at in each.levels if at.tells} - set(names)
        unknown |= {name for each in self.comparisons for name in each.fields} - set(self.fields)
        unknown |= set(self.columns) - set(self.fields)
        if unknown or len(set(names)) < len(names):
            raise ValueError(f"comparisons stand twice, or nothing is called {', '.join(sorted(unknown))}")
        return self


def names() -> list[str]:
    """Return the kinds of record that can be linked."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


@functools.cache
def recipe(name: str) -> Recipe:
    """Read the recipe of a kind of record. Raises KeyError where there is none, ValueError where it is not in order."""
    if name not in names():
        raise KeyError(name)
    data: Any = strict_yaml.load(FOLDER / f"{name}.yaml").data
    return Recipe.model_validate({"record": name, **_with_shared(data)})


def _with_shared(data: dict[str, Any]) -> dict[str, Any]:
    """Put comparisons that several recipes have, `{shared: NAME}`, in their place: `tables/NAME.yaml`."""
    found = []
    for each in data["comparisons"]:
        if "shared" in each:
            shared = strict_yaml.load(FOLDER / "tables" / f"{each['shared']}.yaml").data
            found.append({**shared, **{key: value for key, value in each.items() if key != "shared"}})
        else:
            found.append(each)
    return {**data, "comparisons": found}
