"""How letters stand in words of the languages that our municipalities write: by that an encoding is known.

Of the encodings with one byte per letter each takes (almost) any byte. Two things are asked of what stands around each
byte beyond ASCII: how likely it is, which tells one of our encodings from another, and whether the letters stand as in
our languages at all: in Czech, Turkish or Russian, read in ours, some never do.
"""

import re
from collections import Counter

SINGLE = ("windows-1252", "iso-8859-15", "mac-roman", "cp850")
OLD = ("mac-roman", "cp850")
"""Encodings that programs no longer write: believed only where a letter makes a word in them, never for signs alone."""

CODECS = {"utf-8": "utf-8-sig", "windows-1252": "cp1252"}
"""What Python calls an encoding, where it is not what we call it."""

LETTERS = set("éèêëàâäáãçîïíìôöóòõùûüúñœæÿ·")
LETTERS |= {letter.upper() for letter in LETTERS} | set("ß")
SIGNS = set("€°«»–—’‘“”…²³§£\xa0\u202f½¼¾ªº¿¡×±µ·©®™•†‰")
COMMON = set("éèàçêôîâûñóíáúÉÀ")
"""Letters that are common; the others count for less, so that é is believed rather than Ú."""

ENOUGH = 0.8
"""Share of the letters that stand as in words of our languages, at least: others have many of the same letters."""

_STRANGE = re.compile(r".[øðþý].|.ì\w|.õ[^e]|.ã(?![oesz])\w")
"""A letter, between its neighbours, that our languages do not have there: in another encoding it is one of another's."""

_LETTERS_ELSEWHERE = set("³¹£¿¡¾½¼")
"""Signs that are letters in the encodings of other languages: between letters they are."""

_PAIRS = {"«": "»", "»": "«", "“": "”", "”": "“"}


def score(contexts: dict[int, list[bytes]], counts: Counter[int], encoding: str) -> float:
    """Return which share of the letters beyond ASCII stand where they would; -1 if a byte means nothing."""
    likely, words = 0.0, encoding not in OLD
    there = {decoded(bytes([byte]), encoding) for byte in contexts}
    for byte, around in contexts.items():
        shares = [_likely(decoded(each.ljust(3, b"\n"), encoding)) for each in around]
        letter = decoded(bytes([byte]), encoding)
        if None in shares or letter is None:
            return -1.0
        words = words or (letter in LETTERS and max(filter(None, shares), default=0.0) >= 0.5)
        if _PAIRS.get(letter, letter) not in there:  # a quote that opens and none that closes
            continue
        likely += counts[byte] * sum(filter(None, shares)) / len(shares)
    if not words:
        return 0.0
    return likely / sum(counts.values())


def share_of_ours(contexts: dict[int, list[bytes]], counts: Counter[int], encoding: str) -> float:
    """Return which share of the letters stand as in our languages, those that never do so counted against the others."""
    ours, total = 0.0, 0.0
    for byte, around in contexts.items():
        texts = [decoded(each.ljust(3, b"\n"), encoding) for each in around]
        told = [how for how in (_of_ours(text) for text in texts if text is not None) if how is not None]
        weight = counts[byte] / len(around)  # of which only so many were looked at
        ours, total = ours + weight * sum(told), total + weight * len(told)
    return ours / total if total else 1.0


def _of_ours(around: str) -> float | None:
    """Return 1 for a letter that stands as in our languages, 0 or less where not; None where nothing tells."""
    before, letter, after = tuple(around)
    beside = [each for each in (before, after) if each.isalpha()]
    if letter in SIGNS or not letter.isalpha():
        return -1.0 if letter in _LETTERS_ELSEWHERE and len(beside) == 2 else None
    if not beside:
        return None
    accents = [each for each in beside if not each.isascii() and each not in SIGNS]
    apart = {letter, *accents} & set("éÉçÇñÑüÜ") or "ß" in (letter, after)  # théâtre, ações, montañés, größte
    if _STRANGE.fullmatch(around.lower()) or len(accents) == 2 or (accents and not apart):
        return -2.0
    if letter in "œŒ":
        return 1.0 if after in "uU" or not before.isalpha() else 0.0
    return 0.0 if letter not in LETTERS or _is_misplaced(before, letter, after) else 1.0


def _is_misplaced(before: str, letter: str, after: str) -> bool:
    """Tell whether a capital stands within small letters, or a small letter among capitals."""
    inside = letter.isupper() and (before.islower() or (before.isalpha() and after.islower()))
    return inside or (letter.islower() and before.isupper() and after.isupper())


def decoded(data: bytes, encoding: str) -> str | None:
    """Return bytes as text in an encoding, None where one of them means nothing there."""
    try:
        text = data.decode(CODECS.get(encoding, encoding))
    except UnicodeDecodeError:
        return None
    return None if any("\x80" <= letter < "\xa0" for letter in text) else text


def _likely(around: str | None) -> float | None:
    """Return how likely a letter is between its neighbours, from 0 to 1; None where a byte means nothing."""
    if around is None:
        return None
    before, letter, after = tuple(around)
    beside = [each for each in (before, after) if each.isalpha()]
    if letter in LETTERS and letter.isalpha():
        weight = (1.0 if letter in COMMON else 0.6) if beside else 0.2
        weight = 0.3 if letter in "œŒ" and after not in "uU" else weight
        return 0.0 if _is_misplaced(before, letter, after) else weight
    if letter in SIGNS:
        if letter in "’·":
            return 1.0 if len(beside) == 2 else 0.4
        return 0.0 if len(beside) == 2 else 0.5 if letter in "½¼¾±×©®™•†‰" else 1.0
    return 0.0
