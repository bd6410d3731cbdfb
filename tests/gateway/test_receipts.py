"""Receipts: others verify them without us, and none can be changed, forged, or shown for another lookup."""

import asyncio
import base64
import contextlib
import hmac
import json
import re
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.errors import InvalidRequest, Misconfigured, NotFound
from gateway import receipts
from gateway.callers.access import Caller
from gateway.journal import Entry
from gateway.journal.chain import GENESIS, Content, Row, chained
from gateway.receipt_keys import VARIABLE, ReceiptKeys, public
from gateway.receipt_signing import SIGNED, Receipts
from pipelines.workspace import Workspace
from tests.commands import beffroi
from tests.gateway.conftest import Gateway, Reply, ask
from tests.gateway.test_journal import entries
from tests.peers import node_packages, sd_jwt
from tests.peers.fault_proxy import FaultProxy

PEER = Path(node_packages.__file__).parent / "oidc"
"""It has npm `jose`."""

FIRST = json.loads((Path(__file__).parent / "first_receipt.json").read_text(encoding="utf-8"))
"""A receipt of the first form, and the keys that it is verified with."""


def asked(gateway: Gateway, path: str, body: Any = None, application: str = "mairie", said: str = "yes") -> Reply:
    headers = gateway.headers(application) | {"Beffroi-Receipt": said}
    return ask(gateway.url, "GET" if body is None else "POST", path, headers, body)


def commune(gateway: Gateway, code: str = "80021") -> str:
    return str(asked(gateway, f"/lookups/commune/{code}").json["meta"]["receipt"])


def keys(gateway: Gateway) -> Any:
    return ask(gateway.url, "GET", "/.well-known/jwks.json").json


def elsewhere(receipt: str, known: Any, identifier: str, data: Any = None) -> Any:
    """What npm `jose` says of a receipt."""
    node, modules = node_packages.program("node", "oidc"), node_packages.install(PEER)
    said = {"receipt": receipt, "keys": known, "identifier": identifier, "data": data}
    done = subprocess.run(
        [node, PEER / "receipt.js", modules], input=json.dumps(said), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read(receipt: str, known: Any) -> tuple[receipts.Claims, bytes | None]:
    return receipts.read(receipt, public(json.dumps(known).encode()))


def segment(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def opened(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


# --- what a receipt says ---------------------------------------------------------------------------------------------


def test_an_answer_has_a_receipt_that_others_verify(gateway: Gateway, nirs: list[str]) -> None:
    identifier = f"nir:{nirs[0]}"
    reply = asked(gateway, "/lookups/person", {"identifier": identifier, "fields": ["birth_name", "given_names"]})
    told = elsewhere(reply.json["meta"]["receipt"], keys(gateway), identifier, reply.json["data"])
    entry, row = last(gateway.root)
    assert (told["identifier"], told["data"]) == (True, True)
    assert told["header"]["typ"] == receipts.TYPE
    assert {name: told["claims"][name] for name in told["claims"] if name not in ("identifier", "data")} == {
        "iss": "Ville <de> test",
        "time": entry["time"],
        "action": "lookup",
        "lookup": "person",
        "record": "Person",
        "organisation": "ville",
        "application": "mairie",
        "purpose": "inscription-scolaire",
        "on": None,
        "outcome": "found",
        "fields": entry["fields"],
        "source": "civil",
        "as_of": reply.json["meta"]["as_of"],
        "journal": {"number": row[0], "hash": row[1]},
    }


def claims_of(receipt: str) -> Any:
    """What a receipt says, whoever signed it."""
    return opened(receipt.split("~")[1])[2]


def last(root: Path) -> tuple[dict[str, Any], tuple[int, str]]:
    with contextlib.closing(sqlite3.connect(root / ".beffroi/journal.db")) as database:
        found = database.execute("SELECT entry, number, hash FROM entries ORDER BY number DESC LIMIT 1").fetchone()
    return json.loads(found[0]), found[1:]


def test_a_receipt_names_nobody(gateway: Gateway, nirs: list[str]) -> None:
    reply = asked(gateway, "/lookups/person", {"identifier": nirs[0]})
    claims = claims_of(reply.json["meta"]["receipt"])
    said = json.dumps(claims, ensure_ascii=False)
    assert nirs[0] not in said
    assert reply.json["data"]["birth_name"] not in said
    again = asked(gateway, "/lookups/person", {"identifier": nirs[0]}).json["meta"]["receipt"]
    assert claims_of(again)["identifier"] != claims["identifier"], "two of one person do not match"


def test_not_found_has_one_too(gateway: Gateway) -> None:
    reply = asked(gateway, "/lookups/commune/01999")
    assert reply.code == "not-found"
    told = elsewhere(reply.json["receipt"], keys(gateway), "insee:01999")
    assert (told["identifier"], told["data"]) == (True, True)
    assert (told["claims"]["outcome"], told["claims"]["source"]) == ("not-found", "communes")
    assert (told["claims"]["fields"], told["claims"]["as_of"]) == ([], None)
    reply = asked(gateway, "/lookups/copy/80021")
    assert read(reply.json["receipt"], keys(gateway))[0].source == "dataset:communes"


def test_a_verification_has_one_of_what_was_asked_and_answered(gateway: Gateway, nirs: list[str]) -> None:
    verify = {"birth_name": "Nobody", "birth_date": "1900-01-01"}
    reply = asked(gateway, "/lookups/person", {"identifier": nirs[0], "verify": verify})
    both = {"verify": verify, "verified": reply.json["verified"]}
    told = elsewhere(reply.json["meta"]["receipt"], keys(gateway), f"nir:{nirs[0]}", both)
    assert (told["claims"]["action"], told["identifier"], told["data"]) == ("verify", True, True)


def test_no_receipt_unless_it_is_wanted(gateway: Gateway) -> None:
    assert "receipt" not in gateway.get("/lookups/commune/80021", "mairie").json["meta"]
    assert "receipt" not in asked(gateway, "/lookups/commune/80021", said="no").json["meta"]
    assert "receipt" not in gateway.get("/lookups/commune/01999", "mairie").json
    refused = asked(gateway, "/lookups/commune/80021", said="please")
    assert refused.code == "invalid-request"
    assert "Beffroi-Receipt" in refused.json["detail"]
    assert entries(gateway.root / ".beffroi")[-1]["outcome"] == "invalid-request"
    for path, application in (("/lookups/commune/80021", "rien"), ("/lookups/commune/1", "mairie")):
        assert "receipt" not in asked(gateway, path, application=application).json, "a refusal is not an answer"


def test_each_of_those_who_share_a_call_has_a_receipt_of_its_own(root: Path, faults: dict[str, FaultProxy]) -> None:
    faults["communes"].fault = "latency:0.3"
    with Gateway(root) as gateway, ThreadPoolExecutor(6) as pool:
        for application in ("mairie", "ecole"):
            gateway.headers(application)  # its token is issued before
        names = ["mairie", "ecole"] * 3
        replies = list(pool.map(lambda name: asked(gateway, "/lookups/commune/01999", application=name), names))
        told = [read(reply.json["receipt"], keys(gateway))[0] for reply in replies]
    assert [claims.application for claims in told] == names
    assert len({claims.journal.number for claims in told}) == len(names)


def test_an_error_that_is_the_answer_to_several_keeps_no_receipt(root: Path) -> None:
    """One call upstream may be the answer to callers of two organisations: what one is given stays with that one."""
    shared, caller = NotFound("no such commune", registry="communes"), Caller("api", receipt=True)
    made = Receipts(Workspace(root))
    entry = Entry("lookup", "lookup:commune", "api")
    entry.written = Row(1, "", "", "", "", "", "")

    async def told() -> str | None:
        with pytest.raises(NotFound) as caught:
            async with made.of_absence(caller, entry, "insee:01999", None):
                raise shared
        return caught.value.receipt

    first, second = asyncio.run(told()), asyncio.run(told())
    assert first != second
    assert shared.receipt is None


def test_a_number_that_json_cannot_say_has_no_digest() -> None:
    assert receipts.keyed_data(b"s" * 16, {"n": 2**53}) is None
    assert receipts.keyed_data(b"s" * 16, {"n": 2**53 - 1}) is not None


# --- what nobody can do with one -------------------------------------------------------------------------------------


def taken_apart(receipt: str) -> tuple[str, str, str, str]:
    """Header, payload and signature of a receipt, and all that stands behind them."""
    text, tilde, more = receipt.partition("~")
    header, payload, signature = text.split(".")
    return header, payload, signature, tilde + more


def alg_none(receipt: str) -> str:
    header, payload, _, more = taken_apart(receipt)
    return f"{segment({**opened(header), 'alg': 'none'})}.{payload}.{more}"


def hs256(receipt: str) -> str:
    """Sign with the public key as if it were a shared secret."""
    header, payload, _, more = taken_apart(receipt)
    signed = f"{segment({**opened(header), 'alg': 'HS256'})}.{payload}"
    return f"{signed}.{segment(hmac.digest(b'public', signed.encode(), 'sha256'))}{more}"


def another_payload(receipt: str) -> str:
    header, payload, signature, more = taken_apart(receipt)
    said = opened(payload)
    changed = {"_sd": [*said["_sd"], segment(b"0" * 32)]} if "_sd" in said else {"application": "ecole"}
    return f"{header}.{segment({**said, **changed})}.{signature}{more}"


def another_key(receipt: str) -> str:
    """Sign with a key of one's own, under the name of the gateway's."""
    header, payload, _, more = taken_apart(receipt)
    return f"{header}.{payload}.{segment(Ed25519PrivateKey.generate().sign(f'{header}.{payload}'.encode()))}{more}"


def another_name(receipt: str) -> str:
    """Sign with a key of one's own, under its own name."""
    header, payload, _, more = taken_apart(receipt)
    signed = f"{segment({**opened(header), 'kid': 'mine'})}.{payload}"
    return f"{signed}.{segment(Ed25519PrivateKey.generate().sign(signed.encode()))}{more}"


def own_key_inside(receipt: str) -> str:
    """Bring the key along, as RFC 7515 has it in 4.1.3."""
    header, payload, signature, more = taken_apart(receipt)
    return f"{segment({**opened(header), 'jwk': {'kty': 'OKP'}})}.{payload}.{signature}{more}"


def another_type(receipt: str) -> str:
    header, payload, signature, more = taken_apart(receipt)
    return f"{segment({**opened(header), 'typ': 'at+jwt'})}.{payload}.{signature}{more}"


def another_signature(receipt: str) -> str:
    header, payload, signature, more = taken_apart(receipt)
    return f"{header}.{payload}.{signature[:-4]}{'AAAA' if signature[-4:] != 'AAAA' else 'BBBB'}{more}"


def other_form(receipt: str) -> str:
    """Have what was signed read as the other form."""
    header, payload, signature, more = taken_apart(receipt)
    typ = receipts.TYPE if opened(header)["typ"] == receipts.FIRST_TYPE else receipts.FIRST_TYPE
    return (
        f"{segment({**opened(header), 'typ': typ})}.{payload}.{signature}{more if '~' in more[1:] else '~e30' + more}"
    )


FORGERIES = [
    (alg_none, "signed with EdDSA, and nothing else is taken"),
    (hs256, "signed with EdDSA, and nothing else is taken"),
    (another_payload, "changed or forged"),
    (another_key, "changed or forged"),
    (another_signature, "changed or forged"),
    (another_name, "a key that is not among the known ones"),
    (own_key_inside, "no receipt"),
    (another_type, "no receipt"),
    (lambda receipt: receipt.split(".")[0], "no receipt"),
    (lambda receipt: receipt.replace("~", "~x"), "no receipt"),
    (lambda receipt: receipt + "00", "no receipt"),
    (lambda receipt: receipt + "~", "no receipt"),
]


@pytest.mark.parametrize(("forge", "said"), FORGERIES)
def test_what_was_forged_is_refused(gateway: Gateway, forge: Callable[[str], str], said: str) -> None:
    for receipt, known in ((commune(gateway), keys(gateway)), (FIRST["receipt"], FIRST)):
        assert read(receipt, known)
        forged = forge(receipt)
        assert forged != receipt
        with pytest.raises(InvalidRequest, match=re.escape(said)):
            read(forged, known)


def test_neither_form_is_read_as_the_other(gateway: Gateway) -> None:
    for receipt, known in ((commune(gateway), keys(gateway)), (FIRST["receipt"], FIRST)):
        with pytest.raises(InvalidRequest, match=r"changed or forged|no receipt"):
            read(other_form(receipt), known)


@pytest.mark.parametrize("forge", [alg_none, hs256, another_payload, another_key, another_signature, another_name])
def test_what_was_forged_is_refused_elsewhere(gateway: Gateway, forge: Callable[[str], str]) -> None:
    assert "error" in elsewhere(forge(commune(gateway)), keys(gateway), "insee:80021")


def test_a_receipt_of_the_first_form_holds_for_ever() -> None:
    """One that a gateway gave before lookups were signed for together."""
    claims, salt = read(FIRST["receipt"], FIRST)
    assert (claims.application, claims.journal.number) == ("mairie", 7)
    assert receipts.asked_for(claims, salt, "80021")
    assert receipts.told(claims, salt, {"code": "80021", "name": "Amiens"})
    assert read(FIRST["receipt"].split("~")[0], FIRST) == (claims, None)
    told = elsewhere(FIRST["receipt"], {"keys": FIRST["keys"]}, "insee:80021", {"code": "80021", "name": "Amiens"})
    assert (told["identifier"], told["data"]) == (True, True)


# --- one signature for several ---------------------------------------------------------------------------------------


def signed_together(root: Path, count: int) -> tuple[list[str], Any]:
    """Receipts that are wanted in one turn of the event loop, each of another commune, and the keys."""
    made = Receipts(Workspace(root))

    async def several() -> list[str]:
        return await asyncio.gather(*(one(number) for number in range(count)))

    async def one(number: int) -> str:
        entry = Entry("lookup", "lookup:commune", "api", "ville", "mairie", time="2026-11-22T09:30:00.000000+00:00")
        entry.written = Row(number + 1, "", "", "5f" * 32, "", "", "")
        return await made.make(entry, f"insee:{number + 1000:05}", None, None, {"code": f"{number + 1000:05}"})

    return asyncio.run(several()), made.keys.jwks()


@pytest.mark.parametrize("count", [1, 2, SIGNED, SIGNED + 1, 3 * SIGNED + 5])
def test_each_of_those_signed_for_together_says_its_own(root: Path, count: int) -> None:
    made, known = signed_together(root, count)
    assert len({receipt.split("~")[0] for receipt in made}) == -(-count // SIGNED), "signatures"
    for number, receipt in enumerate(made):
        claims, salt = read(receipt, known)
        assert claims.journal.number == number + 1
        assert receipts.asked_for(claims, salt, f"insee:{number + 1000:05}")
        assert receipts.told(claims, salt, {"code": f"{number + 1000:05}"})
    jws, shown, _ = made[-1].split("~")
    assert len(opened(jws.split(".")[1])["_sd"]) == (count - 1) % SIGNED + 1
    assert len(opened(shown)[0]) == 22, "of 128 random bits"


@pytest.fixture(scope="module")
def reference() -> Path:
    return sd_jwt.installed()


def test_the_reference_implementation_reads_it(reference: Path, root: Path) -> None:
    """Of SD-JWT: a receipt is one, up to its salt."""
    made, known = signed_together(root, 3)
    tokens = [receipt[: receipt.rindex("~") + 1] for receipt in made]
    jws, mine, other = tokens[0].split("~")[0], made[0].split("~")[1], signed_together(root, 3)[0][1].split("~")[1]
    forged = [f"{jws}~{other}~", f"{jws}~{mine[:-4]}AAAA~", another_signature(tokens[0]), another_payload(tokens[0])]
    *found, others, changed, signature, payload = sd_jwt.read(reference, [*tokens, *forged], known)
    assert [told["receipt"] for told in found] == [claims_of(receipt) for receipt in made]
    assert [others, changed, signature, payload] == [{}, None, None, None], "of another's it discloses nothing"


def test_what_is_shown_is_what_was_signed(root: Path) -> None:
    (first, second), known = signed_together(root, 2)
    (other, _), _ = signed_together(root, 2)
    (jws, shown, salt), (_, its, its_salt) = first.split("~"), second.split("~")
    content = opened(shown)
    changed = [content[0], content[1], {**content[2], "application": "ecole"}]
    others = [other.split("~")[1], segment(changed), segment(["0" * 22, *content[1:]]), f"{shown}=", shown[:-1], ""]
    for each in others:
        with pytest.raises(InvalidRequest, match="changed or forged"):
            read(f"{jws}~{each}~{salt}", known)
    claims, its_own = read(f"{jws}~{its}~{its_salt}", known)
    assert claims.journal.number == 2, "what one signature is for is one receipt each"
    mixed, salted = read(f"{jws}~{its}~{salt}", known)
    assert (mixed, receipts.asked_for(mixed, salted, "01001")) == (claims, False)
    assert receipts.asked_for(claims, its_own, "01001")


def test_a_receipt_tells_nothing_of_those_beside_it(root: Path) -> None:
    """Not their order, and not what they say to whoever would try it: each digest is of a random salt as well."""
    made, _ = signed_together(root, SIGNED)
    digests = opened(made[0].split("~")[0].split(".")[1])["_sd"]
    shown = [receipt.split("~")[1] for receipt in made]
    assert digests == sorted(receipts.digest(each.encode()) for each in shown)
    assert len({opened(each)[0] for each in shown}) == SIGNED
    assert len({receipt.split("~")[2] for receipt in made}) == SIGNED
    assert set(opened(made[0].split("~")[0].split(".")[1])) == {"_sd", "_sd_alg"}


def test_who_goes_away_keeps_nobody_from_a_receipt(root: Path) -> None:
    made = Receipts(Workspace(root))
    entry = Entry("lookup", "lookup:commune", "api")
    entry.written = Row(1, "", "", "", "", "", "")

    async def both() -> list[Any]:
        waiting = [asyncio.create_task(made.make(entry, "insee:01999", None, None, None)) for _ in range(2)]
        await asyncio.sleep(0)  # both want one
        waiting[0].cancel()
        return await asyncio.gather(*waiting, return_exceptions=True)

    gone, there = asyncio.run(both())
    assert isinstance(gone, asyncio.CancelledError)
    assert read(there, made.keys.jwks())[0].journal.number == 1


@given(st.one_of(st.text(), st.binary().map(lambda raw: f"{segment(raw)}.{segment(raw)}.{segment(raw)}~00")))
def test_what_is_no_receipt_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidRequest):
        receipts.read(text, {})


@given(st.binary())
@example(b'{"keys":[],"x":' + b"[" * 100_000)
def test_what_are_no_keys_are_refused_in_words(content: bytes) -> None:
    with contextlib.suppress(InvalidRequest):
        public(content)


def test_shown_for_another_identifier_it_tells(gateway: Gateway) -> None:
    reply = asked(gateway, "/lookups/commune/80021")
    claims, salt = read(reply.json["meta"]["receipt"], keys(gateway))
    assert receipts.asked_for(claims, salt, "80021")
    assert not receipts.asked_for(claims, salt, "insee:01001")
    assert receipts.told(claims, salt, dict(reversed(reply.json["data"].items())))
    assert not receipts.told(claims, salt, {**reply.json["data"], "population": 1})
    other = commune(gateway, "01001").split("~")[2]
    assert not receipts.asked_for(claims, bytes.fromhex(other), "80021"), "another's salt"
    without = reply.json["meta"]["receipt"].rpartition("~")
    for cut in (without[0], without[0] + without[1]):
        bare, none = read(cut, keys(gateway))
        assert bare == claims
    with pytest.raises(InvalidRequest, match="was cut off"):
        receipts.asked_for(bare, none, "80021")


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_rotated_key_signs_nothing_more_and_its_receipts_hold(root: Path) -> None:
    with Gateway(root) as gateway:
        before, known = commune(gateway), keys(gateway)
        secret = (root / ".beffroi/receipts/key").read_text()
        told = json.loads(beffroi(root, "receipt", "rotate-key", "--json").stdout)
        after = commune(gateway)
        names = [key["kid"] for key in keys(gateway)["keys"]]
        assert names == [told["key"], told["before"]] == [opened(each.split(".")[0])["kid"] for each in (after, before)]
        assert read(before, keys(gateway))[0].outcome == read(after, keys(gateway))[0].outcome == "found"
        with pytest.raises(InvalidRequest, match="not among the known ones"):
            read(after, known)
    with contextlib.closing(sqlite3.connect(root / ".beffroi/journal.db")) as database:
        kinds = database.execute("SELECT kind FROM entries WHERE entry LIKE '%\"key-rotate\"%'").fetchall()
    assert kinds == [("change",)]
    for path in (root / ".beffroi/receipts").iterdir():
        assert secret not in path.read_text(), "the old private key is gone"
        assert path.stat().st_mode & 0o077 == 0
    assert all(set(key) == {"kty", "crv", "x", "kid", "alg", "use"} for key in known["keys"]), "nothing private is told"


def test_all_who_come_first_agree_on_one_key(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)

    def name(_: int) -> str:
        barrier.wait()
        return ReceiptKeys(tmp_path).current()[0]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(name, range(8)))) == 1
    assert [path.name for path in (tmp_path / "receipts").iterdir()] == ["key"]


def test_a_key_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"{'ab' * 32}, {'cd' * 32}")
    found = ReceiptKeys(tmp_path)
    names = {key["kid"] for key in found.jwks()["keys"]}
    assert len(names) == 2
    assert found.jwks()["keys"][0]["kid"] == found.current()[0]
    assert not (tmp_path / "receipts/key").exists(), "a private key in the environment stays there"
    with pytest.raises(Misconfigured, match="NEW,OLD"):
        found.rotate()
    monkeypatch.setenv(VARIABLE, "ef" * 32)
    assert names < {key["kid"] for key in ReceiptKeys(tmp_path).jwks()["keys"]}, "what was published stays so"
    monkeypatch.setenv(VARIABLE, "secret")
    with pytest.raises(Misconfigured, match="64 hexadecimal digits") as caught:
        ReceiptKeys(tmp_path).current()
    assert "secret" not in str(caught.value)


def test_a_damaged_key_is_said_and_nothing_is_signed(root: Path) -> None:
    with Gateway(root) as gateway:
        (root / ".beffroi/receipts").mkdir()
        (root / ".beffroi/receipts/key").write_text("no key")
        assert asked(gateway, "/lookups/commune/80021").code == "misconfigured"
        assert ask(gateway.url, "GET", "/.well-known/jwks.json").code == "misconfigured"
        assert gateway.get("/lookups/commune/80021", "mairie").status == 200


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.fixture
def apart(gateway: Gateway, tmp_path: Path) -> Path:
    """A folder elsewhere, no workspace, with the keys and an answer."""
    (tmp_path / "keys.json").write_text(json.dumps(keys(gateway)), encoding="utf-8")
    reply = asked(gateway, "/lookups/commune/80021")
    (tmp_path / "answer.json").write_bytes(reply.body)
    (tmp_path / "receipt").write_text(reply.json["meta"]["receipt"] + "\n", encoding="utf-8")
    (tmp_path / "data.json").write_text(json.dumps(reply.json["data"]), encoding="utf-8")
    return tmp_path


def test_it_is_verified_offline_by_the_command(apart: Path) -> None:
    told = beffroi(apart, "receipt", "verify", "receipt", "--keys", "keys.json", "--json").stdout
    found = json.loads(told)
    assert (found["identifier"], found["data"], found["journal"]) == (None, None, None)
    assert found["claims"]["lookup"] == "commune"
    more = ("--keys", "keys.json", "--identifier", "insee:80021")
    done = beffroi(apart, "receipt", "verify", "answer.json", *more)
    assert "identifier: it is the one asked for" in done.stderr
    assert "data: they are those given" in done.stderr, "an answer brings its own"
    done = beffroi(apart, "receipt", "verify", "receipt", "--data", "data.json", *more)
    assert "data: they are those given" in done.stderr
    assert "It proves that this gateway gave this answer." in done.stderr


def test_the_command_tells_what_is_not_so(apart: Path) -> None:
    known = ("--keys", "keys.json")
    done = beffroi(apart, "receipt", "verify", "receipt", *known, "--identifier", "01001", status=1)
    assert "identifier: it is ANOTHER than was asked for" in done.stderr
    (apart / "data.json").write_text('{"name": "Abbeville"}', encoding="utf-8")
    done = beffroi(apart, "receipt", "verify", "receipt", *known, "--data", "data.json", status=1)
    assert "data: they are NOT those given" in done.stderr
    (apart / "receipt").write_text(another_payload((apart / "receipt").read_text()), encoding="utf-8")
    assert "changed or forged" in beffroi(apart, "receipt", "verify", "receipt", *known, status=1).stderr
    for content in ("{}", "[1]", "{", '{"meta": 1}'):
        (apart / "receipt").write_text(content, encoding="utf-8")
        done = beffroi(apart, "receipt", "verify", "receipt", *known, status=1)
        assert "receipt" in done.stderr or "must be JSON objects" in done.stderr
    (apart / "keys.json").write_text("[]", encoding="utf-8")
    assert "JWK Set" in beffroi(apart, "receipt", "verify", "answer.json", *known, status=1).stderr


def test_the_entry_is_looked_for_in_the_journal(root: Path) -> None:
    with Gateway(root) as gateway:
        (root / "receipt").write_text(commune(gateway), encoding="utf-8")
        commune(gateway, "01001")
    verify = ("receipt", "verify", "receipt", "--journal")
    assert "journal: the entry is in it, whole" in beffroi(root, *verify).stderr
    other = Path(shutil.copytree(root, root.parent / "cut"))
    with contextlib.closing(sqlite3.connect(other / ".beffroi/journal.db")) as database, database:
        database.execute("DELETE FROM entries WHERE number >= ?", (last(other)[1][0] - 1,))
    done = beffroi(other, *verify, status=1)
    assert "were removed from the end" in done.stderr or "was removed from the end" in done.stderr
    assert "journal: the entry is NOT in it, or says something ELSE, or the journal is BROKEN" in done.stderr


def test_the_command_line_gives_receipts_too(root: Path) -> None:
    """The same, of the operator's own questions; of what is not there as of what is."""
    shown = beffroi(root, "lookup", "copy", "01004", "--fields", "name", "--receipt", "proof", "--json").stdout
    (root / "answer.json").write_text(shown, encoding="utf-8")
    assert f"{json.loads(shown)['meta']['receipt']}\n" == (root / "proof").read_text()
    assert (root / "proof").stat().st_mode & 0o077 == 0
    verify = ("receipt", "verify", "proof", "--journal", "--json", "--identifier")
    told = json.loads(beffroi(root, *verify, "insee:01004", "--data", "answer.json").stdout)
    assert (told["identifier"], told["data"], told["journal"]) == (True, True, True)
    claims = told["claims"]
    assert (claims["application"], claims["fields"], claims["source"]) == (None, ["name"], "dataset:communes")
    beffroi(root, "lookup", "copy", "01999", "--receipt", "proof", status=1)
    told = json.loads(beffroi(root, *verify, "01999").stdout)
    assert (told["identifier"], told["journal"], told["claims"]["outcome"]) == (True, True, "not-found")
    assert beffroi(root, *verify, "01998", status=1).stdout
    known = entries(root / ".beffroi")
    beffroi(root, "lookup", "copy", "1", "--receipt", "refused", status=1)
    nowhere = beffroi(root, "lookup", "copy", "01004", "--receipt", "nowhere/proof", status=1).stderr
    assert (
        "\nnowhere/proof cannot be used: it is not there, or the folder that it is to be in: make that, or name"
        in nowhere
    )
    nowhere = beffroi(root, "lookup", "copy", "01004", "--receipt", "proof/x", "--lang", "fr", status=1).stderr
    assert "\nproof/x ne peut pas être utilisé : ce qui devrait être son dossier est un fichier" in nowhere
    assert not (root / "refused").exists(), "a refusal proves nothing"
    assert len(entries(root / ".beffroi")) == len(known) + 1, "nobody is asked where the receipt has no place"


def signed_anew(root: Path, receipt: str, **said: Any) -> str:
    """Change what a receipt says and sign it with the gateway's own key, as whoever stole that can."""
    text, shown, salt = receipt.split("~")
    header, payload, _ = text.split(".")
    _, key = ReceiptKeys(root / ".beffroi").current()
    random, name, claims = opened(shown)
    changed = segment([random, name, {**claims, **said}])
    signed = f"{header}.{segment({**opened(payload), '_sd': [receipts.digest(changed.encode())]})}"
    return f"{signed}.{segment(key.sign(signed.encode()))}~{changed}~{salt}"


def in_journal(root: Path, receipt: str, *more: str, status: int = 0) -> str:
    (root / "receipt").write_text(receipt, encoding="utf-8")
    return str(beffroi(root, "receipt", "verify", "receipt", "--journal", *more, status=status).stderr)


def test_a_stolen_key_invents_no_lookup_that_the_journal_has(root: Path) -> None:
    with Gateway(root) as gateway:
        genuine = commune(gateway)
        absent = asked(gateway, "/lookups/commune/01999").json["receipt"]
    for receipt, identifier in ((genuine, "80021"), (absent, "01999")):
        assert "journal: the entry is in it, whole, and says the same" in in_journal(
            root, receipt, "--identifier", identifier
        )
    others = {
        "time": "2026-01-01T00:00:00.000000+00:00",
        "action": "verify",
        "lookup": "person",
        "outcome": "not-found",
    }
    others |= {"organisation": "autre", "application": "ecole", "purpose": "p", "source": "civil"}
    for name, value in {**others, "fields": ["code"]}.items():
        said = in_journal(root, signed_anew(root, genuine, **{name: value}), status=1)
        assert f"is of something else ({name}):" in said, name
        assert "journal: the entry is NOT in it, or says something ELSE" in said
    salt = bytes.fromhex(genuine.split("~")[2])
    forged = signed_anew(root, genuine, identifier=receipts.keyed(salt, "insee:01001"))
    said = in_journal(root, forged, "--identifier", "01001", status=1)
    assert "identifier: it is the one asked for" in said
    assert "is of something else (identifier):" in said
    rotated = json.loads(beffroi(root, "journal", "rotate-key", "--json").stdout)["before"]
    assert "says the same" in in_journal(root, genuine, "--identifier", "80021"), "by the key that it was hashed with"
    (root / ".beffroi/journal.keys" / rotated).unlink()
    beffroi(root, "receipt", "verify", "receipt", "--journal")
    said = in_journal(root, genuine, "--identifier", "80021", status=1)
    assert f"hashed with the journal's key {rotated}, which is not here" in said


def test_of_an_erased_entry_its_class_and_day_are_left(root: Path) -> None:
    with Gateway(root) as gateway:
        genuine = commune(gateway)
    number = claims_of(genuine)["journal"]["number"]
    with contextlib.closing(sqlite3.connect(root / ".beffroi/journal.db")) as database, database:
        rows = database.execute("SELECT entry, kind, '2020-01-01' FROM entries ORDER BY number").fetchall()
        made = chained([Content(*row) for row in rows], 0, GENESIS)
        database.execute("DELETE FROM entries")
        database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", made)
    with (root / "beffroi.yaml").open("a", encoding="utf-8") as file:
        file.write("journal: {retention: {lookup: 1 year}}\n")
    beffroi(root, "journal", "erase")
    held = {"journal": {"number": number, "hash": made[number - 1].hash}, "time": "2020-01-01T00:00:00.000000+00:00"}
    said = in_journal(root, signed_anew(root, genuine, **held))
    assert "journal: not compared: see --journal; or the content of the entry is erased" in said
    for name, value in (("time", "2020-01-02T00:00:00.000000+00:00"), ("outcome", "not-found")):
        forged = signed_anew(root, genuine, **{**held, name: value})
        assert f"is of something else ({name}):" in in_journal(root, forged, status=1)


def test_what_was_verified_is_held_against_the_receipt(gateway: Gateway, nirs: list[str], tmp_path: Path) -> None:
    question = {"identifier": nirs[0], "verify": {"birth_name": "Nobody"}}
    answer = asked(gateway, "/lookups/person", question).json
    (tmp_path / "keys.json").write_text(json.dumps(keys(gateway)), encoding="utf-8")
    (tmp_path / "question.json").write_text(json.dumps(question), encoding="utf-8")
    (tmp_path / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    verify = ("receipt", "verify", "answer.json", "--keys", "keys.json")
    asking = (*verify, "--data", "question.json")
    assert "give the question with --data" in beffroi(tmp_path, *verify, status=1).stderr
    assert "data: they are those given" in beffroi(tmp_path, *asking).stderr
    (tmp_path / "answer.json").write_text(json.dumps({**answer, "data": {"birth_name": "Nobody"}}), encoding="utf-8")
    beffroi(tmp_path, *asking, status=1)
    answer["verified"]["birth_name"]["match"] = "yes"
    (tmp_path / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    assert "data: they are NOT those given" in beffroi(tmp_path, *asking, status=1).stderr


def test_json_with_a_name_twice_is_refused(apart: Path) -> None:
    """One reader takes the first value, another the last: what is verified would not be what is read."""
    answer = (apart / "answer.json").read_text()
    for twice in (answer.replace('"data":{', '"data":{"name":"forged",'), answer.replace("{", '{"data":{},', 1)):
        assert twice != answer
        (apart / "answer.json").write_text(twice, encoding="utf-8")
        done = beffroi(apart, "receipt", "verify", "answer.json", "--keys", "keys.json", status=1)
        assert "one name twice" in done.stderr
