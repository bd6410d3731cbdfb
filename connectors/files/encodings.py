"""In which encoding a file of text is: found on the whole of it, with the evidence, or refused.

What is valid UTF-8 throughout, beyond ASCII, is UTF-8: no text in another encoding is, by chance. Of the encodings
with one byte per letter, which all take (almost) any byte, the one is taken that makes words of the languages that
our municipalities write; where two would, none is.
"""

import os
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

import pyarrow as pa

from connectors.drafting import counted
from connectors.errors import Misconfigured, Unreadable
from connectors.files.habits import CODECS, ENOUGH, OLD, SINGLE, decoded, score, share_of_ours
from connectors.files.reading import WEB_PAGE, beginning

CHUNK = 4_000_000

T = TypeVar("T")

MARKS = {b"\xef\xbb\xbf": "utf-8", b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
CONTEXTS = 300
"""Places looked at of each byte that is no ASCII."""

_IN_UTF8 = re.compile(rb"[\xc2\xc3\xc5][\x80-\xbf]")
"""Most letters of our languages in UTF-8; in other encodings, pairs that no word has."""

_LEADS = set(b"\xc2\xc3\xc5")
_ASCII = bytes(range(128))


@dataclass(frozen=True)
class Detected:
    """An encoding of the file, by what evidence, and whether a NUL stands in the file (as bytes of UTF-8 are read)."""

    encoding: str
    evidence: str
    nul: bool = False

    @property
    def codec(self) -> str:
        """Its name in Python."""
        return CODECS.get(self.encoding, self.encoding)


def detect(path: Path, name: str, registry: str, declared: str | None = None) -> Detected:
    """Return the encoding of a file: the one `declared`, if so. Reads the whole file once, twice where it is no UTF-8.

    Raises Unreadable for a file that is empty, no text, a web page, a mixture, or not in the encoding that its mark (or
    the declaration) says, and Misconfigured where the encoding is not certain. UTF-8 that is declared as an encoding
    of one byte per letter is refused too: that takes any byte, and makes `Ã©` of each `é`.
    """
    head = _head(path)
    if not head:
        raise Unreadable(f"{registry}: {name} is empty", registry=registry)
    if beginning(head).startswith(WEB_PAGE):
        said = "is a web page (HTML) and no CSV, whatever its name says: ask for the file itself"
        raise Unreadable(f"{registry}: {name} {said}", registry=registry)
    mark = next((encoding for mark, encoding in MARKS.items() if head.startswith(mark)), None)
    if declared is not None and mark not in (None, declared):
        raise Unreadable(
            f"{registry}: {name} is declared as {declared}, but begins with the byte order mark of {mark}: have it sent"
            " as before, or leave encoding: out",
            registry=registry,
        )
    wide = mark or _wide(head)
    if declared in (None, "utf-8") and not (declared is None and wide and wide.startswith("utf-16")):
        return _bytes(path, name, registry, mark=mark == "utf-8", declared=declared is not None)
    encoding = declared or wide or "utf-8"
    if not encoding.startswith("utf-16") and _is_utf8_after_all(path):
        raise Unreadable(
            f"{registry}: {name} is declared as {encoding}, but is UTF-8 throughout: read as declared, each letter with"
            " an accent would be two others; have it sent as before, or say encoding: utf-8 under csv:",
            registry=registry,
        )
    said = "as declared" if declared else "by its byte order mark" if mark else "every second byte is zero"
    return Detected(
        encoding, said, nul=not encoding.startswith("utf-16") and any(b"\0" in each for each in _chunks(path))
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def _wide(head: bytes) -> str | None:
    """Return which UTF-16 a beginning without a mark is in, if one: then its ASCII has a zero in each second byte."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if half >= 2 and odd > half * 0.5 and even < half * 0.1:
        return "utf-16-le"
    return "utf-16-be" if half >= 2 and even > half * 0.5 and odd < half * 0.1 else None


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def pieces(path: Path, look: Callable[[bytes, int], T], more: int) -> Iterator[T]:
    """Yield what `look` makes of each CHUNK of a file with `more` bytes after it, told at which byte it begins.

    Two are looked at at once, since Arrow does so without holding Python's lock.
    """
    with path.open("rb", buffering=0) as file, ThreadPoolExecutor(2, thread_name_prefix="beffroi-csv") as threads:
        handle, size = file.fileno(), os.fstat(file.fileno()).st_size
        for start in range(0, size, 16 * CHUNK):
            places = range(start, min(size, start + 16 * CHUNK), CHUNK)
            yield from threads.map(lambda at: look(os.pread(handle, CHUNK + more, at), at), places)


def as_one(data: bytes, kind: pa.DataType, start: int, end: int) -> pa.Array:
    """Return `data[start:end]` as the one value of an array, without a copy."""
    return pa.Array.from_buffers(kind, 1, [None, pa.py_buffer(struct.pack("ii", start, end)), pa.py_buffer(data)])


def _bytes(path: Path, name: str, registry: str, *, mark: bool, declared: bool) -> Detected:
    """Return UTF-8 for what is so throughout, else what the bytes are by their habits."""
    valid, ascii_only, nul = True, True, False
    for each in pieces(path, _looked_at, 4):
        ascii_only, valid, nul = ascii_only and each.ascii_only, valid and each.valid, nul or each.nul
    if valid:
        said = "by its byte order mark" if mark else "ASCII only" if ascii_only else "valid UTF-8 throughout"
        return Detected("utf-8", "as declared" if declared else said, nul)
    if mark or declared:
        said = "begins with the byte order mark of UTF-8" if mark else "is declared as UTF-8"
        raise Unreadable(f"{registry}: {name} {said}, but line {bad_line(path)} is not UTF-8", registry=registry)
    return Detected(*_single(path, name, registry), nul)


class _Look(NamedTuple):
    ascii_only: bool
    valid: bool
    nul: bool


def _looked_at(data: bytes, at: int) -> _Look:
    """Return what is told of a piece and 4 bytes more. A letter over its end is its own, and not the next one's."""
    nul = b"\0" in data
    if data.isascii():
        return _Look(ascii_only=True, valid=True, nul=nul)
    return _Look(ascii_only=False, valid=_is_utf8(data, _letter(data, 0) if at else 0, _letter(data, CHUNK)), nul=nul)


def _letter(data: bytes, at: int) -> int:
    """Return where the first letter begins from `at` on; 4 bytes that go on with one are none."""
    end = min(at + 4, len(data))
    return next((place for place in range(at, end) if not 0x80 <= data[place] < 0xC0), end)


def _is_utf8(data: bytes, start: int, end: int) -> bool:
    """Tell whether `data[start:end]` is UTF-8, as Arrow judges it: at several GB a second."""
    try:
        as_one(data, pa.string(), start, end).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_utf8_after_all(path: Path) -> bool:
    """Tell whether a file is UTF-8 with letters beyond ASCII, as no text with one byte per letter is by chance."""
    beyond = False
    for each in pieces(path, _looked_at, 4):
        if not each.valid:
            return False
        beyond = beyond or not each.ascii_only
    return beyond


def bad_line(path: Path) -> int:
    """Return the number of the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.isascii() and not _is_utf8(line, 0, len(line)):
                return number
    return 0


# --- one byte per letter ---------------------------------------------------------------------------------------------


def _single(path: Path, name: str, registry: str) -> tuple[str, str]:
    """Return an encoding of one byte per letter, and the evidence."""
    counts, contexts, in_utf8 = _habits(path)
    total = sum(counts.values())
    if in_utf8 * 10 >= total and in_utf8 > 2:
        raise Unreadable(
            f"{registry}: {name} is a mixture of encodings: UTF-8, but line {bad_line(path)} is not: save it anew in one",
            registry=registry,
        )
    scores = {encoding: score(contexts, counts, encoding) for encoding in SINGLE}
    best = max(scores, key=lambda encoding: scores[encoding])
    high = bytes(counts)
    same = [each for each in SINGLE if each != best and decoded(high, each) == decoded(high, best)]
    rivals = [each for each in SINGLE if each not in (best, *same) and scores[each] > scores[best] - 0.15]
    rivals += [each for each in SINGLE if best in OLD and each not in OLD and scores[each] > 0.25]
    ours = {encoding: share_of_ours(contexts, counts, encoding) for encoding in SINGLE}
    if scores[best] < 0.5 or rivals or ours[best] < ENOUGH:
        alike = dict[str | None, list[str]]()  # those that read the file the same are one
        for each in sorted(scores, key=lambda encoding: -scores[encoding]):
            alike.setdefault(decoded(high, each) or each, []).append(each)
        shares = {each: max(min(scores[each], ours[each]), 0) for each in SINGLE}
        told = ", ".join(f"{' or '.join(each)} {shares[each[0]]:.0%}" for each in alike.values())
        raise Misconfigured(
            f"{registry}: the encoding of {name} is not certain: it is no UTF-8 (line {bad_line(path)}), and of its"
            f" {counted(total, 'letter')} beyond ASCII so many make words: {told}; say encoding: under csv:, or save it as"
            " UTF-8",
            registry=registry,
        )
    besides = f" ({' and '.join(same)} would read the same)" if same else ""
    return (
        best,
        f"no UTF-8; {scores[best]:.0%} of its {counted(total, 'letter')} beyond ASCII make words in {best}{besides}",
    )


def _habits(path: Path) -> tuple[Counter[int], dict[int, list[bytes]], int]:
    """Return how often each byte beyond ASCII occurs, what stands around it, and how many are within valid UTF-8."""
    counts, contexts, in_utf8 = Counter[int](), dict[int, list[bytes]](), 0
    for chunk in _chunks(path):
        high = chunk.translate(None, _ASCII)
        counts.update(high)
        in_utf8 += 2 * len(_IN_UTF8.findall(chunk)) if set(high) & _LEADS else 0
        for byte in set(high):
            around = contexts.setdefault(byte, [])
            for found in re.finditer(re.escape(bytes([byte])), chunk):
                if len(around) >= CONTEXTS:
                    break
                around.append(chunk[max(found.start() - 1, 0) : found.start() + 2].rjust(3, b"\n"))
    return counts, contexts, in_utf8
