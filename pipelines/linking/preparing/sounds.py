"""How a name sounds, roughly: one spelling for what romanisations and languages write in several ways.

Georgian ხ is kh, x or h, Cyrillic ж zh, j or dj, Basque tx what Spanish writes ch, v and b are one in Spanish. This is
for keys and for one level of a comparison, never for what is shown.
"""

import re

FOLDED = (
    ("shch", "s"), ("tsch", "c"), ("tch", "c"), ("dzh", "j"), ("sch", "s"), ("kh", "h"), ("gh", "g"), ("zh", "j"),
    ("dj", "j"), ("tx", "c"), ("ch", "c"), ("sh", "s"), ("ph", "f"), ("th", "t"), ("ts", "s"), ("tz", "s"), ("dz", "s"),
    ("ck", "k"), ("cz", "c"), ("gn", "n"), ("ny", "n"), ("nh", "n"), ("ll", "l"), ("qu", "k"), ("q", "k"), ("x", "s"),
    ("z", "s"), ("w", "v"), ("b", "v"), ("y", "i"), ("iu", "u"), ("ou", "u"), ("oo", "u"), ("eau", "o"), ("au", "o"),
    ("ae", "e"), ("oe", "o"), ("ai", "e"), ("ei", "e"), ("ee", "i"), ("ia", "a"), ("ii", "i"),
)  # fmt: skip
"""What is written in several ways, and how it is written here; in this order."""

SOFT = re.compile("c(?=[eiy])(?!h)")
SILENT = re.compile("(?<!^)h|^h(?=[aeiou])")
TWICE = re.compile(r"(.)\1+")
VOWELS = re.compile("(?<!^)[aeiou]+")


def sound(name: str) -> str:
    """Return how a name in small ASCII letters sounds."""
    name = re.sub("[^a-z]", "", name)
    name = SOFT.sub("s", name)
    for written, here in FOLDED:
        if written in name:
            name = name.replace(written, here)
    return TWICE.sub(r"\1", SILENT.sub("", name))


def skeleton(name: str) -> str:
    """Return a short key of a name in small ASCII letters: its first sound, and the consonants that follow."""
    sounds = sound(name)
    return TWICE.sub(r"\1", VOWELS.sub("", sounds).replace("c", "s").replace("j", "s"))[:5] or sounds[:1]
