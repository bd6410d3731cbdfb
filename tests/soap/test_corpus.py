"""Every construct of a WSDL that we read, each with calls and expected JSON: `corpus/NAME/` is a WSDL of our own.

`cases.yaml` says what is asked and answered; what stands beside `cases` holds where a case does not say otherwise:
  operation, port, parameters, headers_sent   what is asked (`operation` is Ask by default)
  request, request_headers, request_type      what is then sent: content of soap:Body, of soap:Header, the media type
  answer                                      what the registry answers: content of soap:Body, or with
  answer_type: multipart                      the file of a whole MIME message
  envelope                                    the whole body of the HTTP answer instead, in `encoding`
  status, content_type, soap                  of the HTTP answer; "1.2" where its envelope is SOAP 1.2
  expected, headers, extras                   the answer in JSON, its headers, what is set aside
  value                                       parameters and expected alike; where no answer is given, the request is
                                              the answer, its element Ask renamed Answer
  error, says                                 or the error's kind, and what its sentence holds
The prefixes s (SOAP), e (its encoding), c (urn:c), xsi and xsd are declared around every piece of XML.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from ruamel.yaml import YAML

from connectors.deadline import Deadline
from connectors.errors import Misconfigured, RegistryError, Unreadable
from connectors.soap.client import Reply, SoapClient
from connectors.soap.faults import SoapFault
from connectors.soap.names import ENC_11, SOAP_11, SOAP_12, XSD, XSI, qualified
from connectors.soap.values import json_of
from tests.peers.canned import Canned

CORPUS = Path(__file__).parent / "corpus"
ERRORS = {"unreadable": Unreadable, "misconfigured": Misconfigured, "fault": SoapFault, "registry": RegistryError}
KNOWN = {
    "name",
    "operation",
    "port",
    "parameters",
    "headers_sent",
    "request",
    "request_headers",
    "request_type",
    "answer",
    "answer_type",
    "envelope",
} | {"encoding", "status", "content_type", "soap", "expected", "headers", "extras", "value", "error", "says"}
"""What a case may say: a word that nobody reads would test nothing."""
NAMES = {f"{{{XSI}}}type", f"{{{ENC_11}}}arrayType"}
"""Attributes that hold a qualified name."""


def cases() -> Iterator[Any]:
    for file in sorted(CORPUS.glob("*/cases.yaml")):
        written = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
        common = {name: value for name, value in written.items() if name != "cases"}
        for case in written["cases"]:
            assert not case.keys() - KNOWN, f"{file.parent.name}: {case['name']}: {case.keys() - KNOWN}"
            yield pytest.param(file.parent, {**common, **case}, id=f"{file.parent.name}: {case['name']}")


def enveloped(content: str, soap: str, header: str = "") -> bytes:
    """Return an envelope around `content`, with the prefixes of the corpus."""
    prefixes = {"s": soap, "e": ENC_11, "xsi": XSI, "xsd": XSD, "c": "urn:c"}
    declared = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in prefixes.items())
    return f"<s:Envelope {declared}><s:Header>{header}</s:Header><s:Body>{content}</s:Body></s:Envelope>".encode()


def answer(folder: Path, case: Mapping[str, Any], soap: str) -> tuple[bytes, str]:
    """Return body and content type of the registry's answer."""
    if case.get("answer_type") == "multipart":
        head, _, body = (folder / case["answer"]).read_bytes().partition(b"\r\n\r\n")
        return body, head.decode().partition("Content-Type: ")[2]
    kind = case.get("content_type", "text/xml" if soap == SOAP_11 else "application/soap+xml")
    if "envelope" in case:
        return case["envelope"].encode(case.get("encoding", "utf-8")), kind
    if "answer" not in case and "request" in case:
        return re.sub(rb"(</?)((?:\w+:)?)Ask\b", rb"\1\2Answer", enveloped(case["request"], soap)), kind
    return enveloped(case.get("answer", ""), soap), kind


def tree(node: etree._Element) -> tuple[Any, ...]:
    """Return what an element says, whatever its prefixes and the white space between its children."""
    named = {name: qualified(node, text) if name in NAMES else text for name, text in node.attrib.items()}
    children = [tree(each) for each in node]
    texts = [node.text or "", *(each.tail or "" for each in node)]
    blank = bool(children) and not any(text.strip() for text in texts)
    return node.tag, named, children, [] if blank else texts


def trees(envelope: bytes, part: str) -> list[tuple[Any, ...]]:
    """Return the children of the Header or Body of an envelope."""
    found = etree.fromstring(envelope).findall(f"{{*}}{part}")
    return [tree(each) for node in found for each in node]


def text(value: Any) -> str:
    return json.dumps(json_of(value), sort_keys=True)


CASES = list(cases())


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_the_corpus(folder: Path, case: dict[str, Any], canned: Canned) -> None:
    soap = SOAP_12 if case.get("soap") == "1.2" else SOAP_11
    client = SoapClient(folder / "service.wsdl", "registry", case.get("port"))
    operation = case.get("operation", "Ask")
    body, kind = answer(folder, case, soap)
    canned.say(body, kind, case.get("status", 200))

    def call(parameters: Any) -> Reply:
        late, headers = Deadline.after(10), case.get("headers_sent")
        return client.call(operation, parameters, address=canned.url, deadline=late, headers=headers)

    parameters = case.get("value", case.get("parameters", {}))

    if "error" in case:
        with pytest.raises(ERRORS[case["error"]]) as raised:
            call(parameters)
        told = " ".join([str(raised.value), *map(str, vars(raised.value).values())])
        assert [each for each in case.get("says", []) if each not in told] == [], told
        assert "S3CRET" not in str(raised.value)
        assert bool(canned.requests) == (case["error"] != "misconfigured"), "asked only where the question is right"
        return
    reply = call(parameters)
    alike = "value" in case and "expected" not in case
    assert text(reply.value) == text(case["value" if alike else "expected"])
    assert text(reply.headers) == text(case.get("headers", {}))
    assert client.extras == {f"{operation}: {path}" for path in case.get("extras", [])}
    [(_, _, headers, sent)] = canned.requests
    assert headers["Content-Type"] == case.get("request_type", headers["Content-Type"])
    if "request" in case:
        assert trees(sent, "Body") == trees(enveloped(case["request"], soap), "Body")
    if "request_headers" in case:
        assert trees(sent, "Header") == trees(enveloped("", soap, case["request_headers"]), "Header")
    if alike:
        call(reply.value)
        assert trees(canned.requests[1][3], "Body") == trees(sent, "Body"), "Python values and JSON are written alike"
