"""Archives: which of their files are taken, and which archives are refused."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.errors import BeffroiError, Misconfigured, Unreadable
from connectors.files import archives
from connectors.files.archives import unpacked
from connectors.files.reading import Hold, LocalFile
from connectors.files.settings import TableSettings

CONTENT = b"a;b\n1;2\n"


def packed(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


def taken(folder: Path, content: bytes, name: str = "x.zip", member: str | None = None) -> dict[str, bytes]:
    path = folder / name
    path.write_bytes(content)
    hold = Hold()
    try:
        said = TableSettings(file=name, member=member)
        return {file.name: file.path.read_bytes() for file in unpacked(LocalFile(path, name), said, hold, "mairie")}
    finally:
        hold.close()


def test_what_is_no_archive_is_itself(tmp_path: Path) -> None:
    assert taken(tmp_path, CONTENT, "x.csv") == {"x.csv": CONTENT}
    workbook = packed(**{"[Content_Types].xml": b"<Types/>"})
    assert taken(tmp_path, workbook, "x.xlsx") == {"x.xlsx": workbook}
    assert taken(tmp_path, b"PK\x03\x04 cut", "x.ods") == {"x.ods": b"PK\x03\x04 cut"}


def test_members_are_taken_by_their_names(tmp_path: Path) -> None:
    both = packed(**{"d/b.csv": b"b", "a.csv": b"a", "__MACOSX/a.csv": b"x", ".DS_Store": b"x", "d/": b""})
    assert taken(tmp_path, both) == {"x.zip/a.csv": b"a", "x.zip/d/b.csv": b"b"}
    assert taken(tmp_path, both, member="B.csv") == {"x.zip/d/b.csv": b"b"}
    assert taken(tmp_path, both, member="*.csv") == {"x.zip/a.csv": b"a", "x.zip/d/b.csv": b"b"}
    assert taken(tmp_path, both, member="d/*.csv") == {"x.zip/d/b.csv": b"b"}
    workbook = packed(**{"[Content_Types].xml": b"<Types/>"})
    assert taken(tmp_path, packed(**{"w.xlsx": workbook})) == {"x.zip/w.xlsx": workbook}
    assert taken(tmp_path, gzip.compress(CONTENT), "x.csv.gz") == {"x.csv.gz/x.csv": CONTENT}


@pytest.mark.parametrize(
    ("make", "member", "expected", "said"),
    [
        (lambda: packed(**{"a.csv": b"", "b.json": b""}), None, Misconfigured, "say which to read, as member: …; it has: a.csv, b.json"),
        (lambda: packed(**{"a.csv": b""}), "b.csv", Misconfigured, "holds no file called b.csv; it has: a.csv"),
        (lambda: packed(), None, Unreadable, "holds no file"),
        (lambda: packed(**{"../a.csv": b""}), None, Unreadable, "names a file outside of itself"),
        (lambda: packed(**{"/a.csv": b""}), None, Unreadable, "names a file outside of itself"),
        (lambda: packed(**{"a.zip": packed(a=b"1")}), None, Unreadable, "an archive within an archive"),
        (lambda: packed(**{"a.csv": gzip.compress(b"1")}), None, Unreadable, "an archive within an archive"),
        (lambda: gzip.compress(packed(a=b"1")), None, Unreadable, "an archive within an archive"),
        (lambda: gzip.compress(CONTENT)[:-3], None, Unreadable, "a gzip that is damaged, or was cut"),
        (lambda: b"\x1f\x8b\x08 no more", None, Unreadable, "a gzip that is damaged, or was cut"),
        (lambda: packed(**{"a.csv": CONTENT})[:-30], None, Unreadable, "a zip archive that is damaged, or was cut"),
        (lambda: packed(**{"a.csv": CONTENT}).replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01").replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"), None, Unreadable, "protected by a password"),
        (lambda: packed(**{"a.csv": bytes(100_000_000)}), None, Unreadable, "unpacks to more than 64 MiB"),
        (lambda: gzip.compress(bytes(100_000_000)), None, Unreadable, "unpacks to more than 64 MiB"),
    ],
)  # fmt: skip
def test_archives_that_are_refused(
    tmp_path: Path, make: Callable[[], bytes], member: str | None, expected: type[BeffroiError], said: str
) -> None:
    with pytest.raises(expected, match=said):
        taken(tmp_path, make(), member=member)


def test_a_zip_of_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with pytest.raises(Unreadable, match="holds more than 2 files"):
        taken(tmp_path, packed(**{f"{at}.csv": b"" for at in range(3)}))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.csv", b"1")
        archive.writestr("a.csv", b"2")
    with pytest.raises(Unreadable, match="two files of the same name"):
        taken(tmp_path, made.getvalue())


def test_a_damaged_member(tmp_path: Path) -> None:
    whole = bytearray(packed(**{"a.csv": b"".join(b"%d;x\n" % at for at in range(10_000))}))
    whole[len(whole) // 2] ^= 255
    with pytest.raises(Unreadable, match="damaged, or was cut"):
        taken(tmp_path, bytes(whole))
