"""What is wrong with a declaration, in one sentence that opens with `file:line:` and says what is allowed."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipelines.declarations.strict_yaml import Keys

LIMITS = {
    "greater_than": "above",
    "greater_than_equal": "of at least",
    "less_than": "below",
    "less_than_equal": "of at most",
}

Model = TypeVar("Model", bound=BaseModel)

EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "date_type": "a date such as 2026-12-31",
    "date_parsing": "a date such as 2026-12-31",
    "date_from_datetime_parsing": "a date such as 2026-12-31",
    "date_from_datetime_inexact": "a date such as 2026-12-31",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
}
"""What should stand there, for each of the library's errors that mean that something else does."""


def read(
    model: type[Model], data: Any, at: Callable[..., str], *keys: str | int, context: Any = None
) -> tuple[Model | None, list[str]]:
    """Check `data` against `model`; `at` gives the `file:line` of the value at some keys, `data` being at `keys`.

    `context` is what the model's validators want to know.

    Returns the model and no problems, or None and one sentence for each problem.
    """
    if not isinstance(data, dict):
        return None, [f"{at(*keys)}: expected keys and values here"]
    try:
        return model.model_validate(data, context=context), []
    except ValidationError as error:
        return None, [f"{at(*keys, *loc)}: {said}" for loc, said in _problems(model, data, error)]


def among(wrong: str, allowed: Iterable[str]) -> str:
    """Return the end of a sentence that says what is allowed, and the nearest name if one is near."""
    names = sorted(allowed)
    near = difflib.get_close_matches(wrong.casefold(), [name.casefold() for name in names], n=1)
    hint = f" (did you mean «{next(name for name in names if name.casefold() == near[0])}»?)" if near else ""
    return f"{hint}; allowed: {', '.join(names)}" if names else ""


def is_above(low: object, high: object) -> bool:
    """Tell whether of two bounds the lower is above the upper; dates are texts that sort as they should."""
    if isinstance(low, str) and isinstance(high, str):
        return low > high
    return isinstance(low, int | float) and isinstance(high, int | float) and low > high


def _problems(model: type[BaseModel], data: Any, error: ValidationError) -> list[tuple[Keys, str]]:
    """Return one problem per place: where each member of a union complains, what would have been right is joined."""
    found: dict[Keys, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        found.setdefault(_written(details, data), []).append(details)
    deeper = {keys[:length] for keys in found for length in range(len(keys))}
    problems = []
    for keys, all_details in found.items():
        wanted = [_expected(details) for details in all_details]
        if None not in wanted:
            if keys not in deeper:  # else another member of the union got further, and says what is wrong there
                problems.append((keys, f"expected {' or '.join(dict.fromkeys(map(str, wanted)))}{_named(keys)}"))
            continue
        others = (details for details, known in zip(all_details, wanted, strict=True) if known is None)
        problems += [(keys, _sentence(model, keys, details)) for details in others]
    return list(dict.fromkeys(problems))


def _written(details: ErrorDetails, data: Any) -> Keys:
    """Return the keys of an error as they stand in the file, without what the library adds for members of unions."""
    keys: list[str | int] = []
    loc = details["loc"][:-1] if details["loc"][-1:] == ("[key]",) else details["loc"]
    for part in loc:
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if inside:
            keys.append(part)
            data = data[part]
    if details["type"] == "missing":
        keys.append(loc[-1])
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        keys.append(details["ctx"]["discriminator"].strip("'"))
    return tuple(keys)


def _expected(details: ErrorDetails) -> str | None:
    if details["type"] == "literal_error":
        return str(details["ctx"]["expected"]).replace("'", "")
    if details["type"] == "union_tag_invalid":
        return " or ".join(str(details["ctx"]["expected_tags"]).replace("'", "").rsplit(", ", 1))
    return EXPECTED.get(details["type"])


def _named(keys: Keys) -> str:
    """Return the name of the last key, to be read without the file."""
    name = next((key for key in reversed(keys) if isinstance(key, str)), None)
    return f" for «{name}»" if name else ""


def _sentence(model: type[BaseModel], keys: Keys, details: ErrorDetails) -> str:
    context, last = details.get("ctx", {}), keys[-1] if keys else ""
    match details["type"]:
        case "extra_forbidden":
            said = f"unknown key «{last}»{among(str(last), _keys_at(model, details['loc'][:-1]))}"
        case "missing" | "union_tag_not_found":
            said = f"the key «{last}» is missing"
        case "value_error":
            said = details["msg"].removeprefix("Value error, ")
        case "string_pattern_mismatch":
            pattern = str(context["pattern"])
            letters = "letters a to z and A to Z" if "A-Za-z" in pattern else "small letters a to z"
            signs = "digits, - and _" if "_-" in pattern else "digits and _"
            said = f"«{details['input']}» is no name: {letters}, {signs}, a letter first"
        case "string_too_short":
            said = f"expected a text that is not empty{_named(keys)}"
        case "too_short":
            said = f"expected at least {context['min_length']} here{_named(keys)}"
        case rule if rule in LIMITS:
            said = f"expected a number {LIMITS[rule]} {next(iter(context.values())):g}{_named(keys)}"
        case _:
            said = details["msg"].removeprefix("Input should be ")
            said = f"{said[:1].lower()}{said[1:]}{_named(keys)}"
    return said


def _keys_at(model: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    """Return the keys that may be written at `loc`, by walking the model along it.

    Of a union whose members have a tag each, the tag stands in `loc` where the library chose that member.
    """
    found: list[Any] = [model]
    for part in loc:
        tagged = [each for each in found if part in _tags(each)]
        fields = found[0].model_fields if found else {}
        field = next((f for name, f in fields.items() if part == (f.alias or name)), None)
        if tagged:
            found = tagged
        elif field is not None:
            found = _models(field.annotation)
    fields = found[0].model_fields if found else {}
    return [f.alias or name for name, f in fields.items() if f.json_schema_extra != {"file": True}]


def _tags(model: type[BaseModel]) -> set[str]:
    """Return the texts that a field of `model` can be alone: the tag of a union's member is among them."""
    return {tag for field in model.model_fields.values() if get_origin(field.annotation) is Literal
            for tag in get_args(field.annotation)}  # fmt: skip


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models within an annotation, in their order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]
