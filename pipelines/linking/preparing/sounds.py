"""How a name sounds, roughly: one spelling for what romanisations and languages write in several ways.

Georgian ხ is kh, x or h, Cyrillic ж zh, j or dj, Basque tx what Spanish writes ch, v and b are one in Spanish. This is
for keys and for one level of a comparison, never for what is shown.
"""

import re

FOLDED = (
    ("shch", "s"), ("tsch", "s"), ("tch", "s"), ("dzh", "s"), ("sch", "s"), ("kh", "h"), ("gh", "g"), ("zh", "s"),
    ("dj", "s"), ("tx", "s"), ("ch", "s"), ("sh", "s"), ("ph", "f"), ("th", "t"), ("ts", "s"), ("tz", "s"), ("dz", "s"),
    ("ck", "k"), ("cz", "s"), ("gn", "n"), ("ny", "n"), ("nh", "n"), ("qu", "k"), ("q", "k"), ("x", "s"), ("z", "s"),
    ("ce", "se"), ("ci", "si"), ("cy", "si"), ("c", "k"), ("j", "s"), ("w", "v"), ("b", "v"), ("y", "i"), ("iu", "u"),
    ("ou", "u"), ("oo", "u"), ("eau", "o"), ("au", "o"), ("ae", "e"), ("oe", "o"), ("ai", "e"), ("ei", "e"), ("ee", "i"),
    ("ia", "a"),
)  # fmt: skip
"""What is written in several ways, and how it is written here; in this order."""

OTHERS = re.compile("[^a-z0-9]")
SILENT = re.compile("(?<!^)h|^h(?=[aeiou])")
TWICE = re.compile(r"([a-z])\1+")
VOWELS = re.compile("(?<!^)[aeiou]+")


def sound(name: str) -> str:
    """Return how a name in small ASCII letters sounds."""
    if not name.isalnum():
        name = OTHERS.sub("", name)
    for written, here in FOLDED:
        if written in name:
            name = name.replace(written, here)
    return TWICE.sub(r"\1", SILENT.sub("", name) if "h" in name else name)


def skeleton(sounds: str) -> str:
    """Return a short key of a name that `sounds` so: its first sound, and the consonants that follow."""
    return TWICE.sub(r"\1", VOWELS.sub("", sounds))[:5] or sounds[:1]
