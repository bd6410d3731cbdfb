"""Problems in the language that their reader prefers, French or English: words by code, sentences by their templates.

A sentence is put into French whole or not at all: where a part of it has no French words, it stays in English, and
`Content-Language` says so. Sources: RFC 9110, 12.5.4 (Accept-Language) and 8.5 (Content-Language).
"""

import functools
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from string import Formatter
from typing import Any

from gateway.languages import (
    callers,
    datasets,
    declarations,
    drafts,
    identifiers,
    identities,
    operations,
    operators,
    questions,
    registries,
    stewards,
    usage,
)  # fmt: skip
from gateway.languages.codes import CODES
from gateway.languages.questions import WRONG
from gateway.preferences import preferences

Templates = list[tuple[re.Pattern[str], dict[str, str], str]]

LANGUAGES = ("en", "fr")
LANGUAGE: ContextVar[str] = ContextVar("language", default="en")
"""What the request under way is answered in; `gateway/serving/front.py` sets it."""

SENTENCES: Mapping[str, str] = {
    **callers.SENTENCES, **datasets.SENTENCES, **identifiers.SENTENCES, **identities.SENTENCES, **questions.SENTENCES,
    **registries.SENTENCES, **stewards.SENTENCES, **usage.SENTENCES, **WRONG,
}  # fmt: skip
"""The French of each sentence, by its English template.

`{name}` is a word that stays as it is, `{name:list}` several, `{name:any}` whatever it is, `{name:quoted}` whatever stands
in quotes; `{name:said}` is a sentence that is put into French in turn, `{name:each}` several, `{name:or}`,
`{name:and}` and `{name:listed}` two and more, `{name:wrong}` what is wrong with a body.
"""

OF_COMMANDS: Mapping[str, str] = {
    **SENTENCES, **declarations.SENTENCES, **drafts.SENTENCES, **operations.SENTENCES, **operators.SENTENCES,
}  # fmt: skip
"""The same, of what commands say too: many of these begin with anything, and would cost time on what strangers wrote."""

LONGEST = 2000
"""Characters of a sentence that is put into French: longer ones repeat what somebody made long on purpose."""

DEEPEST = 5
"""How deep a sentence has sentences in it; none of ours has as many."""

_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_JOINED = {"each": ("; ", " ; "), "or": (" or ", " ou "), "and": (" and ", " et "), "listed": (", ", ", ")}
_PARTS: Mapping[str, str] = {
    "": r"[^\s;(]+",
    "list": r"[^\s;(]+(?:,? [^\s;(,]+)*",
    "any": r".+?",
    "quoted": r"'.*'|\".*\"",
    "said": r".*",
    **dict.fromkeys(_JOINED, r".+"),
    "listed": r".+?",  # what follows is somebody's text, which may go on as the template does
    "wrong": r".+",
}
"""What a part of a template may be: a word, words with commas, anything, a text in quotes, a sentence or complaints to be put into
French."""


@functools.lru_cache(256)
def preferred(accept_language: str) -> str:
    """Choose `fr` or `en` by the header: the one of greater quality, of equals the one named first; else `en`."""
    best = (0.0, "en")
    for tag, quality in preferences(accept_language):
        primary = tag.partition("-")[0]
        if primary in LANGUAGES and quality > best[0]:
            best = quality, primary
    return best[1]


@functools.lru_cache(1024)  # of many rows, most have the same thing wrong
def in_french(sentence: str, *, of_command: bool = False) -> str | None:
    """Return a sentence in French; None where it, or a part of it, has no French words, or it is longer than LONGEST.

    `of_command` is whether the command line says it.
    """
    return None if len(sentence) > LONGEST else _french(sentence, of_command, 0)


@functools.lru_cache(4096)  # of what is long, the same parts are met again and again
def _french(sentence: str, of_command: bool, depth: int) -> str | None:
    if not sentence:
        return ""
    if depth > DEEPEST:
        return None
    for pattern, names, french in _templates(of_command):
        if (found := pattern.fullmatch(sentence)) is not None:
            parts = {name: _part(kind, found[name], of_command, depth + 1) for name, kind in names.items()}
            if None not in parts.values():
                return french.format(**parts)
    return None


def translated(code: str, told: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return a problem or the part of one in French, where French is asked for, and the languages that it is in.

    Of its members `title`, `todo`, `detail` and the `detail` of each of `tried` are put into French.
    """
    if LANGUAGE.get() != "fr" or code not in CODES:
        return dict(told), "en"
    title, todo = CODES[code]
    found = {**told, **{name: text for name, text in (("title", title), ("todo", todo)) if name in told}}
    detail = in_french(told["detail"])
    found["detail"] = told["detail"] if detail is None else detail
    if told.get("tried"):
        found["tried"] = retold(told["tried"])
    whole = detail is not None and all(in_french(each["detail"]) is not None for each in told.get("tried") or ())
    return found, "fr" if whole else "fr, en"


def retold(tried: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return what was tried, each `detail` in French where that is asked for and has words: what is kept is English."""
    if LANGUAGE.get() != "fr":
        return [dict(each) for each in tried]
    return [{**each, "detail": in_french(each["detail"]) or each["detail"]} for each in tried]


def as_read(sentence: str) -> str:
    """Return what a command says as its reader has it: in French where that is wanted and has words for all of it."""
    return sentence if LANGUAGE.get() != "fr" else in_french(sentence, of_command=True) or sentence


def _part(kind: str, text: str, of_command: bool, depth: int) -> str | None:
    if kind == "said":
        return _french(text, of_command, depth)
    if kind in _JOINED:
        english, french = _JOINED[kind]
        parts = [_french(each, of_command, depth) for each in text.split(english)]
        return None if None in parts else french.join(map(str, parts))
    if kind == "" and _THOUSANDS.fullmatch(text):
        return text.replace(",", "\u202f")  # 1,234, which would be less than two in French
    return _complaints(text, of_command, depth) if kind == "wrong" else text


def _complaints(text: str, of_command: bool, depth: int) -> str | None:
    """Put pydantic's complaints, as `problems.sentences` joins them, into French: `place: what is wrong; …`."""
    said = []
    for each in text.split("; "):
        place, colon, wrong = (
            each.partition(": ") if re.match(r"[\w.]+: ", each) and each not in WRONG else ("", "", each)
        )
        french = _french(wrong, of_command, depth)
        if french is None:
            return None
        said.append(f"{place} : {french}" if colon else french)
    return " ; ".join(said)


@functools.cache
def _templates(of_command: bool) -> Templates:
    """Return each template as a pattern, the kinds of its parts, and its French; those with most words come first."""
    found = []
    for english, french in (OF_COMMANDS if of_command else SENTENCES).items():
        pattern, names, literal = "", dict[str, str](), 0
        for text, name, kind, _ in Formatter().parse(english):
            pattern += re.escape(text)
            literal += len(text)
            if name is not None:
                pattern += f"(?P={name})" if name in names else f"(?P<{name}>{_PARTS[kind or '']})"
                names.setdefault(name, kind or "")
        found.append((literal, (re.compile(pattern, re.DOTALL), names, french)))
    return [each for _, each in sorted(found, key=lambda pair: -pair[0])]
