"""From page to page: whatever the style, the records come back equal; what contradicts itself is refused."""

import itertools
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.deadline import Deadline
from connectors.errors import Busy, Down, Late, Misconfigured, Unreadable
from connectors.registry import FAULT
from connectors.rest import Rest
from connectors.rest.settings import RestSettings
from tests.rest.conftest import Declare
from tests.rest.peer import PAGINGS, Asked, Peer, Told, pages, told

ROWS = [{"id": number} for number in range(7)]
COLUMNS = {"id": "id"}


def table(**said: Any) -> dict[str, Any]:
    return {"rows": {"path": "rows", "rows": "data", "columns": COLUMNS, "seconds": 20} | said}


def ids(registry: Rest) -> list[str]:
    found = registry.scan("rows").read_all()
    assert found[FAULT].null_count == len(found)
    return list(found["id"].to_pylist())


# --- the law ---------------------------------------------------------------------------------------------------------

VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(VALUES, max_size=12),
    size=st.integers(1, 5),
    style=st.sampled_from(sorted(PAGINGS)),
    until=st.sampled_from(["empty", "short", "total"]),
    counted=st.booleans(),
)
def test_any_records_come_back_equal_through_any_paging(
    peer: Peer, tmp_path: Path, values: list[Any], size: int, style: str, until: str, counted: bool
) -> None:
    records = [{"id": number, "value": value} for number, value in enumerate(values)]
    peer.tell = pages(records, style, size, peer.url)
    paging = PAGINGS[style] | {"size": {"parameter": "size", "value": size}}
    if style in ("page", "offset"):
        paging |= {"until": until}
        counted = counted or until == "total"
    said = table(columns={"id": "id", "value": "value"}, paging=paging) | {}
    if counted:
        said["rows"]["total"] = "meta.total"
    registry = Rest("town", RestSettings.model_validate({"url": peer.url, "tables": said}), tmp_path)
    assert not list(registry.problems())
    assert registry.scan("rows").read_all().drop_columns(FAULT).to_pylist() == [
        {"id": str(each["id"]), "value": written(each["value"])} for each in records
    ]


def written(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    return value if value is None or isinstance(value, str) else repr(value)


def test_pages_are_asked_as_declared(peer: Peer, declare: Declare) -> None:
    peer.tell = pages(ROWS, "offset", 3, peer.url)
    paging = PAGINGS["offset"] | {"size": {"parameter": "limit", "value": 3}, "until": "short"}
    assert ids(declare(tables=table(query={"active": "true", "in": ["a", "b"]}, paging=paging))) == list("0123456")
    assert [each.target for each in peer.asked] == [
        f"/api/rows?active=true&in=a&in=b&limit=3&offset={start}" for start in (0, 3, 6)
    ]


def test_an_offset_moves_on_by_the_rows_that_came(peer: Peer, declare: Declare) -> None:
    peer.tell = pages(ROWS, "offset", 2, peer.url)  # a server that gives two, though asked for five
    paging = PAGINGS["offset"] | {"size": {"parameter": "limit", "value": 5}}
    assert ids(declare(tables=table(paging=paging))) == list("0123456")


@pytest.mark.parametrize("link", ["?cursor=3", "/api/rows?cursor=3", "rows?cursor=3", {"href": "?cursor=3"}])
def test_a_next_address_may_be_relative_and_an_object(peer: Peer, declare: Declare, link: Any) -> None:
    peer.tell = lambda asked: told(
        {"data": ROWS[3:], "links": {}} if asked.query else {"data": ROWS[:3], "links": {"next": link}}
    )
    assert ids(declare(tables=table(paging=PAGINGS["next"]))) == list("0123456")
    assert peer.asked[1].target == "/api/rows?cursor=3"


def test_a_server_that_gives_fewer_rows_than_asked_is_read_to_its_end(peer: Peer, declare: Declare) -> None:
    peer.tell = pages(ROWS, "page", 2, peer.url)
    paging = PAGINGS["page"] | {"size": {"parameter": "size", "value": 5}, "until": "short"}
    assert ids(declare(tables=table(paging=paging))) == list("0123456")
    assert len(peer.asked) == 4
    peer.asked.clear()
    peer.tell = pages(ROWS[:2], "page", 5, peer.url)
    assert ids(declare(tables=table(paging=paging, total="meta.total"))) == list("01")
    assert len(peer.asked) == 1


NEXT = [
    '<?cursor=3>; rel="next"',
    "<?cursor=3>; rel=next",
    '<?cursor=3;v=1,2>; rel="next"',
    '<?cursor=3>; title="a=b"; rel="next"',
    '<?cursor=3>; title="x; y, <z>; \\"rel=" ; REL = "prev NEXT"',
    '<?cursor=9>; rel=prev, , <?cursor=3>;rel="next";rel="prev";;crossorigin',
    "<?cursor=9>;title*=UTF-8''x%20y;rel=\"last\",\t<?cursor=3> ; rel=next ,",
]


@pytest.mark.parametrize("header", NEXT)
def test_a_next_page_is_read_in_a_header_of_any_form(peer: Peer, declare: Declare, header: str) -> None:
    peer.tell = lambda asked: told({"data": ROWS[3:]}) if asked.query else told({"data": ROWS[:3]}, Link=header)
    assert ids(declare(tables=table(paging=PAGINGS["link"]))) == list("0123456")


@pytest.mark.parametrize(
    "header",
    [
        "x",
        "<?cursor=3; rel=next",
        '<?cursor=3> rel="next"',
        '<?cursor=3>; rel="next',
        '<?cursor=3>; title="; rel="next"',
        "<>; rel=next",
        "<?cursor=3>; rel=next, <?cursor=4>; rel=next",
        "<?cursor=3>; rel=next; anchor=other",
        "<?cursor=3>; rel=next <?cursor=4>",
    ],
)
def test_a_header_that_cannot_be_read_is_no_end(peer: Peer, declare: Declare, header: str) -> None:
    peer.tell = lambda _: told({"data": ROWS[:3]}, Link=header)
    assert "does not tell its next page: its header Link" in refused(declare(tables=table(paging=PAGINGS["link"])))


# --- what contradicts itself -----------------------------------------------------------------------------------------


def refused(registry: Rest, kind: type[Exception] = Unreadable) -> str:
    with pytest.raises(kind) as error:
        ids(registry)
    return str(error.value)


@pytest.mark.parametrize(
    ("total", "style"), list(itertools.product([6, 8, 0, "seven", None, -1], ["page", "cursor", "next"]))
)
def test_a_total_that_lies_is_refused(peer: Peer, declare: Declare, total: Any, style: str) -> None:
    honest = pages(ROWS, style, 3, peer.url)

    def lying(asked: Asked) -> Told:
        answer = honest(asked)
        assert isinstance(answer.body, bytes)
        return Told(answer.body.replace(b'"total": 7', b'"total": ' + told(total).body))  # type: ignore[operator]

    peer.tell = lying
    said = refused(declare(tables=table(paging=PAGINGS[style], total="meta.total")))
    assert "rows, and sent" in said or "tells no number of rows at «meta.total»" in said


def test_an_end_before_the_total_is_refused(peer: Peer, declare: Declare) -> None:
    honest = pages(ROWS, "page", 3, peer.url)
    peer.tell = lambda asked: told({"data": [], "meta": {"total": 7}}) if asked.query["page"] == "2" else honest(asked)
    said = refused(declare(tables=table(paging=PAGINGS["page"] | {"until": "total"}, total="meta.total")))
    assert said == "town says that there are 7 rows, and sent 3: nothing of the table was kept"


@pytest.mark.parametrize("style", ["page", "offset"])
def test_a_page_that_repeats_is_refused(peer: Peer, declare: Declare, style: str) -> None:
    count = itertools.count()
    peer.tell = lambda _: told({"data": ROWS[:3], "asked": next(count)})  # whatever it is asked
    size = {"size": {"value": 3}}
    assert "sent the same page twice" in refused(declare(tables=table(paging=PAGINGS[style] | size)))
    assert len(peer.asked) == 2


def test_a_page_that_repeats_is_refused_however_each_was_decoded(peer: Peer, declare: Declare) -> None:
    bodies = itertools.chain(
        [b'{"data": [{"id": 1, "x": 2.50}]}'], itertools.repeat(b'{"data": [{"id": 1, "x": 2.50}], "y": -0}')
    )
    peer.tell = lambda _: Told(next(bodies))  # -0 takes the strict decoder
    assert "sent the same page twice" in refused(declare(tables=table(paging=PAGINGS["page"])))
    assert len(peer.asked) == 2


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_page_that_comes_again_later_is_refused(peer: Peer, declare: Declare, kind: str) -> None:
    def tell(asked: Asked) -> Told:
        number = int(asked.query["page"]) % 3
        return told({"data": [{"id": number}]}) if kind == "json" else Told(b"id\n%d\n" % number, kind="text/csv")

    peer.tell = tell
    said = table(paging=PAGINGS["page"], format=kind, rows="data" if kind == "json" else None)
    assert "sent the same page twice" in refused(declare(tables=said))
    assert len(peer.asked) == 4


def test_equal_pages_of_rows_without_a_key_are_held_against_the_total(peer: Peer, declare: Declare) -> None:
    peer.tell = pages([{"id": 0}] * 6, "page", 2, peer.url)
    assert ids(declare(tables=table(paging=PAGINGS["page"], total="meta.total"))) == ["0"] * 6
    assert "sent the same page twice" in refused(declare(tables=table(paging=PAGINGS["page"])))
    peer.tell = lambda _: told({"data": ROWS[:2], "meta": {"total": 4}})  # two pages of two, but the same two
    assert "sent the same page twice" in refused(declare(tables=table(paging=PAGINGS["page"], total="meta.total")))


@pytest.mark.parametrize(
    ("values", "size", "honest"),
    [
        ([1, 2, 2, 3], 1, True),
        ([1, 1, 2], 1, True),
        ([1, 1, 1], 1, False),  # it knows no pages
        ([1, 2, 3, 4, 5, 6, 3, 4, 9], 2, True),
        ([1, 2, 3, 4, 1, 2, 5], 2, False),  # it began anew
        ([1, 2, 3, 4, 3, 4, 5], 2, False),  # it went no further
        ([1, 1, 2, 2, 2, 2], 2, True),
    ],
)
def test_an_equal_page_may_be_honest_where_the_total_is_told(
    peer: Peer, declare: Declare, values: list[int], size: int, honest: bool
) -> None:
    peer.tell = pages([{"id": each} for each in values], "page", size, peer.url)
    registry = declare(tables=table(paging=PAGINGS["page"], total="meta.total"))
    if honest:
        assert ids(registry) == [str(each) for each in values]
    else:
        assert "sent the same page twice" in refused(registry)
    assert "sent the same page twice" in refused(declare(tables=table(paging=PAGINGS["page"])))


@pytest.mark.parametrize("period", [1, 2, 3])
def test_cursors_that_loop_are_refused(peer: Peer, declare: Declare, period: int) -> None:
    count = itertools.count()

    def tell(_: Asked) -> Told:
        number = next(count)
        return told({"data": [{"id": number}], "meta": {"cursor": f"c{number % period}"}})

    peer.tell = tell
    assert "in a circle: a cursor" in refused(declare(tables=table(paging=PAGINGS["cursor"])))
    assert len(peer.asked) == period + 1


@pytest.mark.parametrize("style", ["next", "link"])
def test_addresses_that_loop_are_refused(peer: Peer, declare: Declare, style: str) -> None:
    count = itertools.count()

    def tell(_: Asked) -> Told:
        number = next(count)
        url = f"{peer.url}/api/rows?at={number % 2}"
        return told({"data": [{"id": number}], "links": {"next": url}}, Link=f'<{url}>; rel="next"')

    peer.tell = tell
    assert "in a circle: an address" in refused(declare(tables=table(paging=PAGINGS[style])))
    assert len(peer.asked) == 3


@pytest.mark.parametrize(
    "url",
    [
        "http://elsewhere.example/api/rows",
        "http://127.0.0.1:1/api/rows",
        "//elsewhere.example/api/rows",
        "PEER/other/rows",
        "PEER/api/../other",
        "PEER/api/%2e%2e/other",
        "PEER/apis/rows",
        "http://elsewhere.example\\@PEERHOST/api/rows",
        "http://PEERHOST@elsewhere.example/api/rows",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://[",
    ],
)
@pytest.mark.parametrize("style", ["next", "link"])
def test_a_page_elsewhere_is_not_asked(peer: Peer, declare: Declare, url: str, style: str) -> None:
    url = url.replace("PEERHOST", peer.url.removeprefix("http://")).replace("PEER", peer.url)
    peer.tell = lambda _: told({"data": ROWS[:1], "links": {"next": url}}, Link=f'<{url}>; rel="next"')
    said = refused(declare(tables=table(paging=PAGINGS[style])), Misconfigured)
    assert "link" in said
    assert "rows" not in said
    assert len(peer.asked) == 1


def test_a_ceiling_is_told_before_it_is_met(peer: Peer, declare: Declare) -> None:
    peer.tell = pages(ROWS, "page", 3, peer.url)
    paging = PAGINGS["page"] | {"size": {"value": 3}, "most": 6}
    said = refused(declare(tables=table(paging=paging)), Misconfigured)
    assert said.startswith("town pages through its first 6 rows only (most:), and has more for this question")
    assert len(peer.asked) == 2
    peer.asked.clear()
    refused(declare(tables=table(paging=paging, total="meta.total")), Misconfigured)
    assert len(peer.asked) == 1
    peer.tell = pages(ROWS[:6], "page", 3, peer.url)
    assert len(ids(declare(tables=table(paging=paging, total="meta.total")))) == 6


# --- waiting ---------------------------------------------------------------------------------------------------------


def test_a_page_is_asked_again_when_the_registry_says_so(peer: Peer, declare: Declare) -> None:
    honest, count = pages(ROWS, "page", 3, peer.url), itertools.count(1)

    def tell(asked: Asked) -> Told:
        number = next(count)
        if number in (2, 4):
            return told({}, 429, Retry_After="1") if number == 2 else told({}, 502)
        return honest(asked)

    peer.tell = tell
    began = time.monotonic()
    assert ids(declare(tables=table(paging=PAGINGS["page"]))) == list("0123456")
    assert 2 <= time.monotonic() - began < 10
    assert [each.query["page"] for each in peer.asked] == ["1", "2", "2", "3", "3", "4"]


@pytest.mark.parametrize(("status", "wait", "kind"), [(429, "3600", Busy), (503, "3600", Down), (503, None, Down)])
def test_a_wait_beyond_the_scan_is_not_begun(
    peer: Peer, declare: Declare, status: int, wait: str | None, kind: type[Exception]
) -> None:
    peer.say({}, status, **({} if wait is None else {"Retry_After": wait}))
    began = time.monotonic()
    refused(declare(tables=table(paging=PAGINGS["page"])), kind)
    assert time.monotonic() - began < 2
    assert len(peer.asked) == 1


def test_a_first_page_is_asked_again_within_the_seconds_of_the_table(peer: Peer, declare: Declare) -> None:
    peer.say({}, 429, Retry_After="3")
    with pytest.raises(Busy):
        declare(tables=table(paging=PAGINGS["page"], seconds=2)).read("rows")
    assert len(peer.asked) == 1, "another attempt would have been later than they end"


def test_a_scan_ends_with_its_seconds(peer: Peer, declare: Declare) -> None:
    count = itertools.count()

    def tell(_: Asked) -> Told:
        time.sleep(0.1)
        return told({"data": [{"id": next(count)}]})  # without an end

    peer.tell = tell
    began = time.monotonic()
    refused(declare(tables=table(paging=PAGINGS["page"], seconds=1)), Late)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_whoever_works_on_a_page_that_is_read_keeps_nobody_out(peer: Peer, declare: Declare, kind: str) -> None:
    def tell(asked: Asked) -> Told:
        rows = ROWS if asked.query.get("page") == "1" else []
        return told({"data": rows}) if kind == "json" else Told(b"id\n" + b"%d\n" * len(rows) % tuple(range(len(rows))), kind="text/csv")  # fmt: skip

    peer.tell = tell
    said = table(paging=PAGINGS["page"], format=kind, rows="data" if kind == "json" else None, seconds=5)
    registry = declare(tables=said, limits={"concurrency": 1})
    one = registry.read("rows")
    assert isinstance(one, pa.RecordBatchReader)
    if kind == "json":
        assert ids(registry) == list("0123456")
    assert one.read_all().num_rows == 7


def test_every_call_of_a_scan_holds_a_turn(peer: Peer, declare: Declare) -> None:
    peer.tell = pages(ROWS, "page", 3, peer.url)
    began = time.monotonic()
    registry = declare(tables=table(paging=PAGINGS["page"]), limits={"per_second": 2})
    assert ids(registry) == list("0123456")
    assert Deadline(began + 0.9).passed()
