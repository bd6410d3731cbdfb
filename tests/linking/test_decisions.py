"""Decisions as they are kept, and as files that others read and write."""

import json
import resource
import signal
from pathlib import Path

import pytest

from connectors.errors import InvalidRequest, Unavailable
from gateway.languages import in_french
from pipelines.linking.deciding import decisions, exchange
from pipelines.linking.deciding.decisions import Decision, said_of
from pipelines.workspace import Workspace
from tests.pipelines.bench import Bench

A, B, C = '["source","1"]', '["source","2"]', '["source","3"]'
WHEN = "2026-11-01T10:00:00+00:00"
DUPONT = {"name": "Dupont", "born": "1980-02-03", "town": None}


@pytest.fixture
def workspace(bench: Bench) -> Workspace:
    return bench.workspace


def add(workspace: Workspace, *said: Decision) -> None:
    decisions.add(workspace, "persons", "person", said)


def load(workspace: Workspace) -> list[Decision]:
    return decisions.load(workspace, "persons", "person")


def test_the_last_word_on_a_pair_holds(workspace: Workspace) -> None:
    assert load(workspace) == []
    first, other = said_of(B, A, "same", "seen", "m.dupont", WHEN), said_of(A, C, "unsure")
    add(workspace, first, other)
    assert load(workspace) == [first, other]
    assert (first.pair, first.note, first.author) == ((A, B), "seen", "m.dupont")
    last = said_of(A, B, "different")
    add(workspace, last)
    assert load(workspace) == [other, last]
    add(workspace, said_of(B, A, "withdrawn"))
    assert load(workspace) == [other]
    with pytest.raises(ValueError, match="itself"):
        said_of(A, A, "same")


def test_the_file_is_for_its_owner_alone_and_only_added_to(workspace: Workspace) -> None:
    add(workspace, said_of(A, B, "same"))
    file = decisions.file(workspace, "persons", "person")
    assert (file.name, file.stat().st_mode & 0o777) == ("persons.person.jsonl", 0o600)
    before = file.read_bytes()
    with file.open("ab") as opened:
        opened.write(b'{"a": "half of a li')  # as a process that was killed leaves it
    assert len(load(workspace)) == 1
    add(workspace, said_of(A, C, "same"))
    assert file.read_bytes().startswith(before)
    assert [each.pair for each in load(workspace)] == [(A, B), (A, C)]


def test_a_last_line_without_its_end_counts_where_it_is_whole(workspace: Workspace) -> None:
    add(workspace, said_of(A, B, "same"), said_of(B, C, "unsure"))
    file = decisions.file(workspace, "persons", "person")
    file.write_bytes(file.read_bytes().rstrip(b"\n"))  # as an editor or a restore leaves it
    assert [each.pair for each in load(workspace)] == [(A, B), (B, C)]
    add(workspace, said_of(A, C, "different"))
    assert [each.pair for each in load(workspace)] == [(A, B), (B, C), (A, C)]
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert decisions.forget(workspace, "persons", "person", {C}) == 2
    assert [each.pair for each in load(workspace)] == [(A, B)]


@pytest.mark.parametrize(
    "line",
    [
        "no JSON", "[]", "{}", json.dumps({"a": A, "b": B, "verdict": "same"}),
        json.dumps({**vars(said_of(A, B, "same")), "verdict": "maybe"}), json.dumps({**vars(said_of(A, B, "same")), "a": C}),
    ],
)  # fmt: skip
def test_a_damaged_file_stops_the_run_until_its_line_is_taken_out(workspace: Workspace, line: str) -> None:
    add(workspace, said_of(A, B, "same"))
    file = decisions.file(workspace, "persons", "person")
    with file.open("a") as opened:
        opened.write(line + "\n")
    add(workspace, said_of(A, C, "different"))
    with pytest.raises(Unavailable, match=r"persons\.person\.jsonl, line 2: it is no decision; .* take that line out"):
        load(workspace)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join([lines[0], *lines[2:]]))
    assert [each.verdict for each in load(workspace)] == ["same", "different"]


def test_without_its_last_line_the_word_before_holds_again(workspace: Workspace) -> None:
    add(workspace, said_of(A, B, "same"), said_of(A, B, "different"))
    file = decisions.file(workspace, "persons", "person")
    first, last = file.read_text().splitlines(keepends=True)
    file.write_text(first + last.replace("different", "diff\0rent"))
    with pytest.raises(Unavailable, match="an earlier word on its pair holds again"):
        load(workspace)
    file.write_text(first)
    assert [each.verdict for each in load(workspace)] == ["same"]


def test_a_full_disk_leaves_nothing_of_what_was_to_come_together(workspace: Workspace) -> None:
    add(workspace, said_of(A, B, "same"))
    size = decisions.file(workspace, "persons", "person").stat().st_size
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 300, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            add(workspace, said_of(A, C, "same"), said_of(B, C, "same"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [each.pair for each in load(workspace)] == [(A, B)]


def test_what_changed_materially() -> None:
    said = said_of(B, A, "same", values=({**DUPONT, "name": "Dupond"}, DUPONT))
    assert said.fields == ("born", "name"), "what neither had was not compared"
    now = {A: DUPONT, B: {**DUPONT, "name": "Dupond"}}
    assert decisions.changed(said, now) == []
    assert decisions.changed(said, {**now, A: {**DUPONT, "name": "DÛPONT ", "town": "Brest"}}) == [], "no other name"
    assert decisions.changed(said, {**now, A: {**DUPONT, "born": "1981-02-03"}}) == [A]
    assert decisions.changed(said, {B: now[B]}) == [], "a record that is gone has not changed"
    assert decisions.changed(said_of(A, B, "same"), now) == [], "what it was is not known"


def test_erasure_takes_every_word_on_a_record(workspace: Workspace) -> None:
    add(workspace, said_of(A, B, "same"), said_of(B, C, "same"), said_of(A, B, "withdrawn"))
    assert decisions.forget(workspace, "persons", "person", {A}) == 2
    file = decisions.file(workspace, "persons", "person")
    assert A not in file.read_text()
    assert (file.stat().st_mode & 0o777, [each.pair for each in load(workspace)]) == (0o600, [(B, C)])
    assert decisions.forget(workspace, "persons", "person", {A}) == 0
    assert decisions.forget(workspace, "others", "person", {A}) == 0


def test_what_a_run_rests_on(workspace: Workspace) -> None:
    empty = decisions.state_digest(workspace, "persons", "person")
    add(workspace, said_of(A, B, "same"))
    assert decisions.state_digest(workspace, "persons", "person") != empty
    add(workspace, said_of(A, B, "withdrawn"))
    assert decisions.state_digest(workspace, "persons", "person") == empty


# --- files -----------------------------------------------------------------------------------------------------------

SAID = [
    said_of(A, B, "same", '=1+1; «vu», "au" guichet\nle 3', "m.dupont", WHEN, (DUPONT, {**DUPONT, "name": "ß"})),
    said_of('["დედაქალაქი","-1"]', C, "unsure", when=WHEN),
]


def read(text: str, form: exchange.Format = "csv", holding: list[Decision] | None = None) -> exchange.Taken:
    return exchange.read(text.encode(), form, holding or [], {A: DUPONT, B: DUPONT}, "m.petit")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_says_what_was_decided(form: exchange.Format) -> None:
    text = exchange.written(SAID, form)
    assert "\n=" not in text
    assert ",=" not in text, "no spreadsheet takes a note for a formula"
    taken = read(text, form)
    assert [vars(each) | {"author": None} for each in taken.new] == [vars(each) | {"author": None} for each in SAID]
    assert taken.new[0].author == "m.dupont"
    again = read(text, form, taken.new)
    assert (again.new, again.known, again.older, taken.strange) == ([], 2, 0, 1), "twice is once"


def test_older_words_do_not_undo_newer_ones() -> None:
    holding = [said_of(A, B, "different", when="2026-11-02T10:00:00+00:00")]
    taken = read(exchange.written(SAID[:1], "csv"), holding=holding)
    assert (taken.new, taken.older) == ([], 1)
    text = f'identity_a;identity_b;verdict;when\n"{q(A)}";"{q(B)}";SAME;2026-11-03T12:00:00+02:00\n'
    (new,) = read(text, holding=holding).new
    assert (new.verdict, new.when, new.author) == ("same", "2026-11-03T10:00:00+00:00", "m.petit")
    assert new.digest_a == decisions.digest(DUPONT, new.fields), "by what the records have now"


def test_a_withdrawn_word_comes_back_by_a_newer_one_alone(workspace: Workspace) -> None:
    add(workspace, said_of(A, B, "same", when=WHEN), said_of(A, B, "withdrawn", when="2026-11-02T10:00:00+00:00"))
    assert load(workspace) == []
    last = decisions.last(workspace, "persons", "person")
    taken = read(exchange.written([said_of(A, B, "same", when=WHEN)], "csv"), holding=last)
    assert (taken.new, taken.older) == ([], 1)
    newer = said_of(A, B, "same", when="2026-11-03T10:00:00+00:00")
    assert len(read(exchange.written([newer], "csv"), holding=last).new) == 1


def q(text: str) -> str:
    return text.replace('"', '""')


def test_a_sample_is_read_where_somebody_judged() -> None:
    head = "identity_a,identity_b,verdict,note,name_a,name_b,weight,probability,stratum,of,version\n"
    rows = (
        f'"{q(A)}","{q(B)}",different,,Dupont,Dupont,3.1,0.9,doubtful,9,2\n"{q(A)}","{q(C)}",,,x,y,3,0.9,doubtful,9,2\n'
    )
    taken = read("\ufeff" + head + rows)
    assert ([each.verdict for each in taken.new], taken.empty) == (["different"], 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("identity_a,verdict\n", "line 1: there is no column identity_b"),
        ("identity_a,identity_b,verdict\n1,2,same\n", "line 2: identity_a is no identity of a record"),
        (f'identity_a,identity_b,verdict\n"{q(A)}","[""x""]",same\n', "line 2: identity_b is no identity of a record"),
        (f'identity_a,identity_b,verdict\n"{q(A)}","{q(B)}",yes\n', "line 2: the verdict is none of same, different, unsure"),
        (f'identity_a,identity_b,verdict\n"{q(A)}","{q(A)}",same\n', "line 2: a record is always the same as itself"),
        (f'identity_a,identity_b,verdict\n"{q(A)}","{q(B)}",same\n"{q(B)}","{q(A)}",unsure\n', "line 3: line 2 says something else"),
        (f'identity_a,identity_b,verdict,when\n"{q(A)}","{q(B)}",same,2026-11-01\n', "line 2: when is no moment with its zone"),
        (f'identity_a,identity_b,verdict,when\n"{q(A)}","{q(B)}",same,2126-11-01T00:00:00Z\n', "line 2: when is in the future"),
        (f'identity_a,identity_b,verdict,digest_a\n"{q(A)}","{q(B)}",same,12\n', "line 2: a digest is 64 hexadecimal digits"),
        (f'identity_a,identity_b,verdict,digest_a\n"{q(A)}","{q(B)}",same,{"a" * 64}\n', "line 2: a digest is of fields: there are none"),
    ],
)  # fmt: skip
def test_a_file_with_an_error_is_not_taken(text: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(text)
    assert said in refused.value.detail
    assert "source" not in refused.value.detail.replace('["source","key"]', ""), "no value of the file is told"


@pytest.mark.parametrize("line", ["[]", "no", '{"identity_a": 1}', '"x"'])
def test_json_lines_with_an_error(line: str) -> None:
    good = exchange.written(SAID[:1], "jsonl")
    with pytest.raises(InvalidRequest, match="line 2: it is no JSON object of texts"):
        read(f"{good}{line}\n", "jsonl")


def test_many_errors_are_told_as_many() -> None:
    lines = "1,2,same\n" * 30
    with pytest.raises(InvalidRequest, match=r"nothing was taken over.*and 10 more"):
        read("identity_a,identity_b,verdict\n" + lines)
    with pytest.raises(InvalidRequest, match="not in UTF-8"):
        exchange.read(b"\xff\xfe", "csv", [], {}, None)


def test_whatever_is_wrong_with_a_file_has_french_words() -> None:
    rows = ["1,2,same", f'"{q(A)}","{q(A)}",same', *[f'"{q(A)}","{q(B)}",perhaps'] * 20]
    with pytest.raises(InvalidRequest) as refused:
        read("identity_a,identity_b,verdict\n" + "\n".join(rows))
    french = in_french(refused.value.detail, of_command=True)
    assert french is not None
    assert french.startswith("rien n'a été repris : ligne 2 : identity_a n'est pas l'identité")
    assert "ligne 4 : le verdict n'est aucun de same, different, unsure, même, différent, incertain ; " in french
    assert french.endswith(" ; et 2 de plus")
    lines = f'"{q(A)}","{q(B)}",same\n"{q(A)}","{q(B)}",different\n'
    with pytest.raises(InvalidRequest) as refused:
        read("identity_a,identity_b,verdict\n" + lines)
    french = "rien n'a été repris : ligne 3 : la ligne 2 dit autre chose de la même paire"
    assert in_french(refused.value.detail, of_command=True) == french


def test_the_format_is_that_of_the_name() -> None:
    assert [exchange.format_of(Path(name)) for name in ("a.csv", "a.JSONL", "a.ndjson")] == ["csv", "jsonl", "jsonl"]
    assert exchange.format_of(Path("a.txt"), "csv") == "csv"
    with pytest.raises(InvalidRequest, match="--format"):
        exchange.format_of(Path("a.txt"))
