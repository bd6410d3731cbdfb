"""Small WSDLs for tests: one operation, Ask, whose answer a test writes as a schema."""

from pathlib import Path
from typing import Any

from connectors.deadline import Deadline
from connectors.soap.client import SoapClient
from tests.peers.canned import Canned

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'

WSDL = """<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="{binding}" xmlns:t="urn:t"
    xmlns:o="urn:o" xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:t">
  <wsdl:types>
    {schemas}
    <xsd:schema targetNamespace="urn:t" elementFormDefault="qualified">
      {imports}
      <xsd:element name="Ask"><xsd:complexType><xsd:sequence>
        <xsd:element name="number" type="xsd:int"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      <xsd:element name="Answer">{answer}</xsd:element>
      <xsd:element name="Trouble"><xsd:complexType><xsd:sequence>
        <xsd:element name="code" type="xsd:string"/>
      </xsd:sequence></xsd:complexType></xsd:element>
      {more}
    </xsd:schema>
  </wsdl:types>
  <wsdl:message name="in"><wsdl:part name="parameters" element="t:Ask"/></wsdl:message>
  <wsdl:message name="out"><wsdl:part name="parameters" element="t:Answer"/></wsdl:message>
  <wsdl:message name="fault"><wsdl:part name="fault" element="t:Trouble"/></wsdl:message>
  <wsdl:portType name="port"><wsdl:operation name="Ask">
    <wsdl:input message="t:in"/><wsdl:output message="t:out"/><wsdl:fault name="trouble" message="t:fault"/>
  </wsdl:operation></wsdl:portType>
  <wsdl:binding name="binding" type="t:port">
    <soap:binding style="{style}" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="Ask"><soap:operation soapAction="urn:t:Ask"/>
      <wsdl:input><soap:body use="{use}"/></wsdl:input><wsdl:output><soap:body use="{use}"/></wsdl:output>
      <wsdl:fault name="trouble"><soap:fault name="trouble" use="literal"/></wsdl:fault>
    </wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="service"><wsdl:port name="port" binding="t:binding">
    <soap:address location="http://register.invalid/"/>
  </wsdl:port></wsdl:service>
</wsdl:definitions>"""


def write(folder: Path, **parts: str) -> SoapClient:
    plain = dict(schemas="", imports="", more="", style="document", use="literal")
    plain["binding"] = "http://schemas.xmlsoap.org/wsdl/soap/"
    (folder / "t.wsdl").write_text(WSDL.format(**{**plain, **parts}))
    return SoapClient(folder / "t.wsdl", "r")


def sequence(content: str, rest: str = "") -> str:
    return f"<xsd:complexType><xsd:sequence>{content}</xsd:sequence>{rest}</xsd:complexType>"


def envelope(content: str, version: str = SOAP_11) -> bytes:
    return f'<s:Envelope xmlns:s="{version}" {XSI}><s:Body>{content}</s:Body></s:Envelope>'.encode()


def element(name: str, kind: str = "xsd:string", rest: str = "") -> str:
    return f'<xsd:element name="{name}" type="{kind}" {rest}/>'


def ask(client: SoapClient, canned: Canned, content: str, names: str = "") -> Any:
    canned.say(envelope(f'<Answer xmlns="urn:t" {names}>{content}</Answer>'), "text/xml; charset=utf-8")
    return client.call("Ask", {"number": 1}, address=canned.url, deadline=Deadline.after(5)).value


A, B = element("a"), element("b")
