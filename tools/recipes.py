"""The recipes of linking as `docs/linking.md` shows them: fields, what is compared, which records meet, thresholds."""

from collections.abc import Mapping

from pipelines.linking import recipe

ORDER = ("person", "company", "address", "parcel")

SHOWN = 4
"""Levels of a comparison that a table has, between the first and the last."""

ALIKE: Mapping[str, str] = {
    "address_key": "address",
    "area": "department or province",
    "birth_key": "date of birth, day and month in either order",
    "birth_year": "year of birth",
    "bones": "consonants of the name",
    "family_keys": "a family name as it sounds",
    "given_keys": "a given name as it sounds",
    "house": "number of the house",
    "name_keys": "a family and a given name, in either order",
    "names": "one of the names",
    "place": "town",
    "postal": "postal code",
    "shorts": "acronym",
    "start": "first letters of the name",
    "street_key": "street and town",
    "town": "town (or none is told of either)",
    "words": "a rare word of the name",
}
"""What prepared columns are that no field or comparison is called like."""


def recipes() -> str:
    """Return each recipe: its fields, what is compared, which records meet, thresholds. Raises KeyError for a column unnamed."""
    return "\n".join(_recipe(recipe.recipe(name)) for name in sorted(recipe.names(), key=ORDER.index))


def _recipe(of: recipe.Recipe) -> str:
    fields = ", ".join(f"`{name}`{_meaning(name, words.en)}" for name, words in of.fields.items())
    called = {**ALIKE, **{each.name: each.label.en for each in of.comparisons}}
    called |= {name: words.en for name, words in of.fields.items()}
    wide = [block.on for block in of.blocks if not any(set(other.on) < set(block.on) for other in of.blocks)]
    blocks = "; ".join(" and ".join(called[column] for column in on) for on in wide)
    return (
        f"### Recipe `{of.record}`\n\nLinked from {of.thresholds.link:g}; a person is asked from {of.thresholds.review:g}.\n\n"
        f"- **Fields**: {fields}.\n- **Compared at all** are records with the same: {blocks}.\n\n"
        f"| what is compared | read from | beside «same» and «different» it knows |\n|---|---|---|\n"
        f"{''.join(_comparison(each) for each in of.comparisons)}"
    )


def _meaning(name: str, words: str) -> str:
    told = words.replace(" (", ", ").replace(")", "")
    return "" if told.lower() == name.replace("_", " ") else f" ({told})"


def _comparison(of: recipe.Comparison) -> str:
    between = [level.label.en for level in of.levels[1:-1]]
    more = f"; {len(between) - SHOWN} more" if len(between) > SHOWN else ""
    known = "; ".join(between[:SHOWN]) + more
    if of.exact:
        known = "**identifier**: links by itself" + (f"; {known}" if known else "")
    return f"| {of.label.en} | {', '.join(f'`{each}`' for each in of.fields)} | {known} |\n"
