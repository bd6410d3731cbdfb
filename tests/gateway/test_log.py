"""The log of a gateway that runs: why a registry failed stands there, once, like every other line of it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from connectors.errors import NotFound, Unreadable
from connectors.extras import MOST
from gateway.health import Health
from tests.gateway.test_soap_lookup import ENVELOPE, NOTE, PARCEL, REFERENCE
from tests.peers.canned import Canned
from tests.soap.cadastre import workspace

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (INFO|WARNING) (.+)")


def test_every_line_has_time_and_level_and_a_failure_its_reason(canned: Canned, tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", canned.url)
    beffroi = (sys.executable, "-m", "gateway")
    done = subprocess.run((*beffroi, "token", "issue", "desk"), cwd=root, capture_output=True, text=True, check=True)
    headers = {"Authorization": f"Bearer {done.stdout.strip()}", "Beffroi-Purpose": "survey"}
    command = (*beffroi, "serve", "--port", "0", "--json")
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            said = ""
            while not said.endswith("}\n"):
                said += serving.stdout.readline()
            url = f"{json.loads(said)['url']}/lookups/parcel"

            def ask(content: str) -> int:
                canned.say(ENVELOPE.format(content).encode(), "text/xml")
                question = {"identifier": REFERENCE}
                return requests.post(url, json=question, headers=headers, timeout=10).status_code

            whole = PARCEL.format(note=NOTE, more="<colour>MARTIN</colour>")
            asked = (whole, whole.replace("0.10", "n/a"), whole.replace("0.10", "n/a"), whole.replace(">1<", ">x<", 1))
            assert [ask(each) for each in asked] == [200, 502, 502, 502]
        finally:
            serving.terminate()
            _, log = serving.communicate(timeout=20)
    lines = [LINE.fullmatch(line) for line in log.splitlines()]
    assert all(lines), log
    warnings = [line[2] for line in lines if line is not None and line[1] == "WARNING"]
    assert len(warnings) == 3, log
    assert warnings[0].startswith("cadastre answers more than is known of it, set aside: ")
    for warning, element in zip(warnings[1:], ("area", "number"), strict=True):
        assert warning.startswith("registry cadastre, unreadable: the answer of cadastre to GetParcel is not what")
        assert element in warning
    assert not [each for each in ("MARTIN", "n/a", REFERENCE) if each in log], log


def test_reasons_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    health = Health(["r"])
    health.note("r", NotFound("r has no such record"))
    for number in range(MOST + 5):
        for _ in range(2):
            health.note("r", Unreadable(f"line {number}", registry="r"))
    assert len(caplog.messages) == MOST
    assert caplog.messages[0] == "registry r, unreadable: line 0"


def test_the_command_line_says_it_once(canned: Canned, tmp_path: Path) -> None:
    root = workspace(tmp_path / "w", canned.url)
    canned.say(b"<html/>", "text/html")
    command = (sys.executable, "-m", "gateway", "lookup", "parcel", "-", "--purpose", "survey")
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, input=f"{REFERENCE}\n", check=False)
    assert done.returncode == 1
    assert "registry cadastre, unreadable" not in done.stderr
    assert "the registry's fault" in done.stderr
