"""WSDLs as they are written: each thing right, and each thing missing, which loses its own operation only."""

import time
from pathlib import Path

import pytest
from lxml import etree

from connectors.errors import Misconfigured
from connectors.soap import names
from connectors.soap.documents import CATALOGUE, STANDARD, Documents, standard_schemas
from connectors.soap.wsdl import Message, Part, Wsdl, read

NS = (
    'xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"'
    ' xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:h="http://schemas.xmlsoap.org/wsdl/http/"'
    ' xmlns:m="http://schemas.xmlsoap.org/wsdl/mime/" xmlns:x="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:t="urn:t"'
)
HTTP = "http://schemas.xmlsoap.org/soap/http"
SCHEMA = """<x:schema targetNamespace="urn:t"><x:element name="Ask" type="x:string"/><x:element name="Answer" type="x:string"/>
<x:element name="Trouble" type="x:string"/><x:element name="Token" type="x:string"/><x:complexType name="Kind"/></x:schema>"""
MESSAGES = """<w:message name="in"><w:part name="p" element="t:Ask"/></w:message>
<w:message name="out"><w:part name="p" element="t:Answer"/></w:message>
<w:message name="heads"><w:part name="token" element="t:Token"/></w:message>
<w:message name="bad"><w:part name="fault" element="t:Trouble"/></w:message>"""
SERVICE = '<w:service name="S"><w:port name="P" binding="t:B"><s:address location=" http://r.invalid/ "/></w:port></w:service>'
SOAP = f'<s:binding transport="{HTTP}"/>'
BODY = '<s:body use="literal"/>'
ASK, ANSWER = (Part("p", f"{{urn:t}}{name}", None) for name in ("Ask", "Answer"))


def declared(name: str = "Do", faults: str = "") -> str:
    return f'<w:operation name="{name}"><w:input message="t:in"/><w:output message="t:out"/>{faults}</w:operation>'


def bound(name: str = "Do", body: str = BODY, operation: str = '<s:operation soapAction="urn:do"/>') -> str:
    return f'<w:operation name="{name}">{operation}<w:input>{body}</w:input><w:output>{BODY}</w:output></w:operation>'


def wsdl(*parts: str, schema: str = SCHEMA, messages: str = MESSAGES, service: str = SERVICE) -> str:
    return (
        f'<w:definitions {NS} targetNamespace="urn:t"><w:types>{schema}</w:types>{messages}{"".join(parts)}{service}'
        "</w:definitions>"
    )


def port_type(*operations: str) -> str:
    return f'<w:portType name="T">{"".join(operations)}</w:portType>'


def binding(*operations: str, soap: str = SOAP) -> str:
    return f'<w:binding name="B" type="t:T">{soap}{"".join(operations)}</w:binding>'


def reading(folder: Path, main: str, **others: str) -> Wsdl:
    """Write `main` as main.wsdl, and others by their names with _ for a dot, and read it."""
    for name, content in {"main.wsdl": main, **{name.replace("_", "."): text for name, text in others.items()}}.items():
        (folder / name).write_text(content)
    return read(Documents(folder / "main.wsdl"))


def one(folder: Path, body: str, messages: str = MESSAGES, style: str = "document") -> Message:
    operation = f'<s:operation style="{style}"/>'
    found = reading(
        folder, wsdl(port_type(declared()), binding(bound(body=body, operation=operation)), messages=messages)
    )
    assert not found.ports[0].broken
    return found.ports[0].operations["Do"].input


def test_a_plain_operation(tmp_path: Path) -> None:
    faults = '<w:fault name="bad" message="t:bad"/>'
    text = wsdl("<w:documentation>All\n of it</w:documentation>", port_type(declared(faults=faults)), binding(bound()))
    found = reading(
        tmp_path,
        text.replace(
            '<w:operation name="Do"><w:input m',
            '<w:operation name="Do"><w:documentation>Does\n it</w:documentation><w:input m',
        ),
    )
    assert found.broken == ()
    assert found.documentation == "All of it"
    port = found.ports[0]
    assert (port.service, port.name, port.address, port.envelope) == ("S", "P", "http://r.invalid/", names.SOAP_11)
    operation = port.operations["Do"]
    assert (operation.name, operation.style, operation.action) == ("Do", "document", "urn:do")
    assert operation.input == Message("literal", "", (ASK,), (), ())
    assert operation.output == Message("literal", "", (ANSWER,), (), ())
    assert operation.faults == (Part("fault", "{urn:t}Trouble", None),)
    assert operation.documentation == "Does it"
    assert [(schema.url, schema.namespace) for schema in found.schemas] == [("main.wsdl#schema-1", "urn:t")]


def test_services_ports_and_bindings_in_one_file(tmp_path: Path) -> None:
    other = binding(bound(), soap='<s12:binding transport="http://www.w3.org/2003/05/soap/bindings/HTTP/"/>')
    get = '<w:binding name="G" type="t:T"><h:binding verb="GET"/><w:operation name="Do"/></w:binding>'
    none = '<w:binding name="N" type="t:T"/>'
    mail = binding(bound(), soap='<s:binding transport="http://schemas.xmlsoap.org/soap/smtp"/>')
    services = """<w:service name="S"><w:port name="P" binding="t:B"/><w:port name="P12" binding="t:B12"><s12:address location="u"/></w:port>
      <w:port name="G" binding="t:G"><h:address location="g"/></w:port></w:service>
      <w:service name="S2"><w:port name="P" binding="t:B"/><w:port name="gone" binding="t:Gone"/><w:port name="none" binding="t:N"/>
      <w:port name="mail" binding="t:M"/><w:port name="unnamed"/></w:service>"""
    text = wsdl(
        port_type(declared()),
        binding(bound()),
        other.replace('"B"', '"B12"'),
        get,
        none,
        mail.replace('"B"', '"M"'),
        service=services,
    )
    found = reading(tmp_path, text)
    assert [(port.service, port.name, port.address, port.envelope) for port in found.ports] == [
        ("S", "P", "", names.SOAP_11),
        ("S", "P12", "u", names.SOAP_12),
        ("S2", "P", "", names.SOAP_11),
    ]
    assert found.broken == (
        "service S2, port gone: it names the binding t:Gone, which is not defined",
        "service S2, port none: its binding N has no soap:binding",
        "service S2, port mail: its transport is not HTTP but http://schemas.xmlsoap.org/soap/smtp",
        "service S2, port unnamed: it names no binding",
    )


def test_rpc(tmp_path: Path) -> None:
    messages = MESSAGES.replace(
        '<w:part name="p" element="t:Ask"/>',
        '<w:part name="a" type="x:int"/><w:part name="b" type="t:Kind"/><w:part name="c" type="enc:Array"/>',
    )
    parts = (
        Part("a", None, f"{{{names.XSD}}}int"),
        Part("b", None, "{urn:t}Kind"),
        Part("c", None, f"{{{names.ENC_11}}}Array"),
    )
    body = f'<s:body use="encoded" namespace="urn:wrap" encodingStyle="{names.ENC_11}"/>'
    assert one(tmp_path, body, messages, "rpc") == Message("encoded", "urn:wrap", parts, (), ())
    assert one(tmp_path, BODY, messages, "rpc") == Message("literal", "urn:t", parts, (), ())  # the WSDL's own


def test_the_style_of_an_operation_goes_before_its_bindings(tmp_path: Path) -> None:
    text = wsdl(
        port_type(declared("Do"), declared("Other")),
        binding(
            bound("Do", operation='<s:operation style="document"/>'),
            bound("Other", operation=""),
            soap='<s:binding style="rpc"/>',
        ),
    )
    found = reading(tmp_path, text).ports[0].operations
    assert (found["Do"].style, found["Other"].style, found["Other"].action) == ("document", "rpc", "")


HEADER = '<s:header message="t:heads" part="token" use="literal"/>'
TOKEN = Part("token", "{urn:t}Token", None)
TWO = MESSAGES.replace('element="t:Ask"/>', 'element="t:Ask"/><w:part name="q" element="t:Token"/>')
IMAGES = '<m:content part="q" type="image/png"/><m:content part="q" type="image/jpeg"/>'
Q = Part("q", "{urn:t}Token", None)


@pytest.mark.parametrize(
    ("body", "messages", "parts", "headers", "attached"),
    [
        (HEADER + BODY, MESSAGES, (ASK,), (TOKEN,), ()),
        (
            BODY + '<s12:header message="t:heads" part="token"><s:headerfault message="t:gone" part="x"/></s12:header>',
            MESSAGES,
            (ASK,),
            (TOKEN,),
            (),
        ),
        (BODY, TWO, (ASK, Q), (), ()),
        ('<s:body parts="q p"/>', TWO, (ASK, Q), (), ()),
        ('<s:body parts="q"/>', TWO, (Q,), (), ()),
        ('<s:body parts=""/>', TWO, (), (), ()),
        (BODY + '<s:header message="t:in" part="q"/>', TWO, (ASK,), (Q,), ()),
        (
            f"<m:multipartRelated><m:part>{BODY}{HEADER}</m:part><m:part>{IMAGES}</m:part></m:multipartRelated>",
            TWO,
            (ASK,),
            (TOKEN,),
            (Q,),
        ),
        (
            '<m:multipartRelated><m:part><s:body parts=""/></m:part><m:part><m:content type="*/*"/></m:part></m:multipartRelated>',
            MESSAGES,
            (),
            (),
            (ASK,),
        ),
    ],
    ids=[
        "header",
        "other version",
        "all parts",
        "all listed",
        "one listed",
        "none listed",
        "header of it",
        "mime",
        "only mime",
    ],
)
def test_where_parts_stand(
    tmp_path: Path,
    body: str,
    messages: str,
    parts: tuple[Part, ...],
    headers: tuple[Part, ...],
    attached: tuple[Part, ...],
) -> None:
    assert one(tmp_path, body, messages) == Message("literal", "", parts, headers, attached)


NO_DOCUMENT = [
    ("message", declared("Bad").replace("t:in", "t:gone"), bound("Bad"), "its input names the message t:gone, which is not defined"),
    ("no message", declared("Bad").replace(' message="t:in"', ""), bound("Bad"), "its input names no message"),
    ("output", declared("Bad").replace("t:out", "t:gone"), bound("Bad"), "its output names the message t:gone, which is not defined"),
    ("prefix", declared("Bad").replace("t:in", "q:in"), bound("Bad"), "its input names q:in, whose prefix is not declared"),
    ("element", declared("Bad").replace("t:in", "t:lost"), bound("Bad"), "the part p of the message lost names the element t:Gone, which no schema at hand declares"),
    ("type", declared("Bad").replace("t:in", "t:typed"), bound("Bad"), "the part p of the message typed names the type x:strng, which no schema at hand declares"),
    ("neither", declared("Bad").replace("t:in", "t:neither"), bound("Bad"), "the part p of the message neither has neither an element nor a type"),
    ("both", declared("Bad").replace("t:in", "t:both"), bound("Bad"), "the part p of the message both has both an element and a type"),
    ("binding operation", declared("Bad"), "", "the binding B binds it not"),
    ("bound twice", declared("Bad"), bound("Bad") * 2, "the binding B binds it more than once"),
    ("operation", "", bound("Bad"), "the port type T has no such operation"),
    ("body", declared("Bad"), bound("Bad", body=""), "the binding of its input has no soap:body"),
    ("binding input", declared("Bad"), bound("Bad").replace(f"<w:input>{BODY}</w:input>", ""), "its binding has no input"),
    ("binding output", declared("Bad"), bound("Bad").replace(f"<w:output>{BODY}</w:output>", ""), "its binding has no output"),
    ("part", declared("Bad"), bound("Bad", body='<s:body parts="p z"/>'), "the binding of its input names the part z; the message in has none of that name"),
    ("mime part", declared("Bad"), bound("Bad", body=BODY + '<m:content part="z"/>'), "the binding of its input names the part z; the message in has none of that name"),
    ("header message", declared("Bad"), bound("Bad", body=BODY + '<s:header message="t:gone" part="a"/>'), "a soap:header of its input names the message t:gone, which is not defined"),
    ("header part", declared("Bad"), bound("Bad", body=BODY + '<s:header message="t:heads" part="a"/>'), "a soap:header of its input names the part a; the message heads has none of that name"),
    ("header element", declared("Bad"), bound("Bad", body=BODY + '<s:header message="t:lost" part="p"/>'), "the part p of the message lost names the element t:Gone, which no schema at hand declares"),
    ("fault message", declared("Bad", '<w:fault name="f" message="t:gone"/>'), bound("Bad"), "its fault f names the message t:gone, which is not defined"),
    ("fault parts", declared("Bad", '<w:fault name="f" message="t:none"/>'), bound("Bad"), "the message none of its fault f has 0 parts instead of one"),
    ("style", declared("Bad"), bound("Bad", operation='<s:operation style="odd"/>'), "its style is odd, neither document nor rpc"),
    ("use", declared("Bad"), bound("Bad", body='<s:body use="odd"/>'), "the use of its input is odd, neither literal nor encoded"),
    ("notification", '<w:operation name="Bad"><w:output message="t:out"/></w:operation>', bound("Bad"), "it does not begin with an input: the registry sends it, nobody asks it"),
    ("solicitation", '<w:operation name="Bad"><w:output message="t:out"/><w:input message="t:in"/></w:operation>', bound("Bad"), "it does not begin with an input: the registry sends it, nobody asks it"),
    ("twice", declared("Bad") * 2, bound("Bad") * 2, None),
    ("extension", declared("Bad"), bound("Bad", body=BODY + '<e:odd xmlns:e="urn:e" w:required="true"/>'), "it requires the extension {urn:e}odd, which is not known here"),
]  # fmt: skip
BAD_MESSAGES = """<w:message name="lost"><w:part name="p" element="t:Gone"/></w:message><w:message name="none"/>
<w:message name="typed"><w:part name="p" type="x:strng"/></w:message><w:message name="neither"><w:part name="p"/></w:message>
<w:message name="both"><w:part name="p" type="x:int" element="t:Ask"/></w:message>"""


@pytest.mark.parametrize(
    ("bad", "binds", "why"), [case[1:] for case in NO_DOCUMENT], ids=[case[0] for case in NO_DOCUMENT]
)
def test_what_is_missing_loses_its_own_operation_only(tmp_path: Path, bad: str, binds: str, why: str | None) -> None:
    text = wsdl(
        port_type(declared(), bad, declared("Last")),
        binding(bound(), binds, bound("Last")),
        messages=MESSAGES + BAD_MESSAGES,
    )
    found = reading(tmp_path, text)
    assert list(found.ports[0].operations) == ["Do", "Last"]
    assert found.broken == ()
    overloaded = "it is declared more than once and the input names do not tell which is which"
    assert found.ports[0].broken == {"Bad": why or overloaded}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (wsdl(port_type(declared()), binding(bound()).replace("t:T", "t:Gone")), "names the portType t:Gone, which is not defined"),
        (wsdl(port_type(declared()), binding(bound()).replace(' type="t:T"', "")), "its binding B names no portType"),
        (wsdl(port_type(declared()), binding(bound(), soap=SOAP + '<e:odd xmlns:e="urn:e" w:required="1"/>')), "it requires the extension {urn:e}odd"),
        (wsdl(port_type(declared()), binding(bound()), service=""), "it declares no service with a SOAP binding"),
        (wsdl(port_type(declared()), binding(bound(), soap='<h:binding verb="POST"/>')), "it declares no service with a SOAP binding"),
    ],
)  # fmt: skip
def test_a_wsdl_without_any_port_is_misconfigured(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=r"main.wsdl has no SOAP port that can be used: ") as caught:
        reading(tmp_path, text)
    assert why in caught.value.detail


def test_an_extension_that_the_whole_wsdl_requires_is_told(tmp_path: Path) -> None:
    found = reading(
        tmp_path, wsdl('<e:odd xmlns:e="urn:e" w:required="true"/>', port_type(declared()), binding(bound()))
    )
    assert found.broken == ("main.wsdl: it requires the extension {urn:e}odd, which is not known here",)
    assert found.ports[0].operations


def test_overloaded_operations_are_told_apart_by_their_inputs(tmp_path: Path) -> None:
    more = declared().replace("<w:input ", '<w:input name="ByToken" ').replace("t:in", "t:heads")
    binds = bound(operation='<s:operation soapAction="2"/>').replace("<w:input>", '<w:input name="ByToken">')
    found = reading(tmp_path, wsdl(port_type(declared(), more), binding(binds, bound()))).ports[0]
    assert found.broken == {}
    assert {key: (at.name, at.action, at.input.parts) for key, at in found.operations.items()} == {
        "Do:DoRequest": ("Do", "urn:do", (ASK,)),
        "Do:ByToken": ("Do", "2", (TOKEN,)),
    }


def test_whatever_is_taken_out_the_rest_is_read_or_the_reason_is_said(tmp_path: Path) -> None:
    faults = '<w:fault name="bad" message="t:bad"/>'
    body = f"<m:multipartRelated><m:part>{BODY}{HEADER}</m:part><m:part>{IMAGES}</m:part></m:multipartRelated>"
    operations = declared(faults=faults), declared("Other").replace("t:in", "t:heads")
    schema = SCHEMA.replace(
        '"urn:t">', f'"urn:t"><x:import namespace="{names.ENC_11}"/><x:include schemaLocation="a.xsd"/>'
    )
    whole = wsdl(
        port_type(*operations), binding(bound(body=body), bound("Other")), messages=TWO, schema=schema
    ).encode()
    (tmp_path / "a.xsd").write_text(xsd(""))
    count = len(list(etree.fromstring(whole).iter()))
    read_anyway = 0
    for number in range(1, count):
        for attribute in [None, *list(etree.fromstring(whole).iter())[number].attrib]:
            root = etree.fromstring(whole)
            node = list(root.iter())[number]
            if attribute is None:
                node.getparent().remove(node)  # type: ignore[union-attr]
            else:
                del node.attrib[attribute]
            (tmp_path / "main.wsdl").write_bytes(etree.tostring(root))
            try:
                found = read(Documents(tmp_path / "main.wsdl")).ports[0]
            except Misconfigured:
                continue
            assert all(found.broken.values())
            read_anyway += bool(found.operations)
    assert read_anyway > 80


def test_one_way(tmp_path: Path) -> None:
    text = wsdl(port_type(declared().replace('<w:output message="t:out"/>', "")), binding(bound()))
    assert reading(tmp_path, text).ports[0].operations["Do"].output is None


def test_names_without_prefix_and_prefixes_declared_where_they_are_used(tmp_path: Path) -> None:
    text = f"""<definitions xmlns="{names.WSDL}" targetNamespace="urn:t">
      <types><schema xmlns="{names.XSD}" xmlns:z="urn:t" targetNamespace="urn:t"><element name="Ask" type="z:Kind"/>
        <complexType name="Kind"/></schema></types>
      <message name="in"><part name="p" xmlns:q="urn:t" element="q:Ask"/></message>
      <message name="out"><part name="p" element="Ask"/></message>
      <portType name="T"><operation name="Do"><input message="in"/><output xmlns:in="urn:t" message="in:out"/></operation></portType>
      <binding name="B" type="T"><binding xmlns="{names.WSDL_SOAP_11}"/><operation name="Do">
        <input><body xmlns="{names.WSDL_SOAP_11}"/></input><output><body xmlns="{names.WSDL_SOAP_11}"/></output></operation></binding>
      <service name="S"><port name="P" binding="B"/></service></definitions>"""
    found = reading(tmp_path, text)
    assert found.ports[0].broken == {}
    operation = found.ports[0].operations["Do"]
    assert operation.output is not None
    assert operation.input.parts[0].element == operation.output.parts[0].element == "{urn:t}Ask"
    root = found.schemas[0].root
    assert names.qualified(root[0], root[0].attrib["type"]) == "{urn:t}Kind"
    assert root.sourceline == 2


def test_prefixes_from_further_up_stay_with_a_schema(tmp_path: Path) -> None:
    schema = SCHEMA.replace("x:string", "t:Kind")
    root = reading(tmp_path, wsdl(port_type(declared()), binding(bound()), schema=schema)).schemas[0].root
    assert root.nsmap["t"] == "urn:t"
    assert root.getparent() is None
    etree.XMLSchema(etree.fromstring(etree.tostring(root)))


def test_a_wsdl_in_three_files_that_import_each_other(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    head = f'<w:definitions {NS} targetNamespace="urn:t">'
    abstract = (
        head + '<w:import namespace="urn:t" location="../main.wsdl"/><w:types>' + SCHEMA + "</w:types>" + MESSAGES
    )
    (tmp_path / "deep/abstract.wsdl").write_text(abstract + port_type(declared()) + "</w:definitions>")
    bindings = (
        head + '<w:import namespace="urn:t" location="deep/./abstract.wsdl"/>' + binding(bound()) + "</w:definitions>"
    )
    main = head + '<w:import namespace="urn:t" location="bindings.wsdl"/>' + SERVICE + "</w:definitions>"
    found = reading(tmp_path, main, bindings_wsdl=bindings)
    assert list(found.ports[0].operations) == ["Do"]
    assert (found.broken, [schema.url for schema in found.schemas]) == ((), ["deep/abstract.wsdl#schema-1"])


def test_a_wsdl_import_may_lead_to_a_schema(tmp_path: Path) -> None:
    text = wsdl('<w:import namespace="urn:t" location="a.xsd"/>', port_type(declared()), binding(bound()), schema="")
    found = reading(tmp_path, text, a_xsd=SCHEMA.replace("<x:schema", f"<x:schema {NS}", 1))
    assert [(schema.url, schema.namespace) for schema in found.schemas] == [("a.xsd", "urn:t")]
    assert list(found.ports[0].operations) == ["Do"]


def xsd(content: str, target: str = "") -> str:
    attribute = f'targetNamespace="{target}"' if target else ""
    return f"<x:schema {NS} {attribute}>{content}</x:schema>"


def test_schemas_by_import_include_and_redefine_each_once_per_namespace(tmp_path: Path) -> None:
    schema = (
        SCHEMA.replace(
            '"urn:t">',
            '"urn:t"><x:include schemaLocation="same.xsd"/><x:import namespace="urn:o" schemaLocation="other.xsd"/>',
        )
        + '<x:schema targetNamespace="urn:u"><x:import namespace="urn:t"/><x:include schemaLocation="bare.xsd"/></x:schema>'
        + '<x:schema><x:import namespace="urn:o" schemaLocation="./other.xsd"/></x:schema>'
    )
    found = reading(
        tmp_path,
        wsdl(port_type(declared()), binding(bound()), schema=schema),
        same_xsd=xsd('<x:include schemaLocation="bare.xsd"/><x:include schemaLocation="same.xsd"/>', "urn:t"),
        other_xsd=xsd('<x:redefine schemaLocation="old.xsd"><x:complexType name="K"/></x:redefine><x:import schemaLocation="none.xsd"/>', "urn:o"),
        old_xsd=xsd('<x:import namespace="urn:t" schemaLocation="same.xsd"/>', "urn:o"),
        bare_xsd=xsd('<x:include schemaLocation="bare2.xsd"/><x:element name="Bare"/>'),
        bare2_xsd=xsd('<x:include schemaLocation="bare.xsd"/>'),
        none_xsd=xsd('<x:element name="None"/>'),
    )  # fmt: skip
    assert found.broken == ()
    assert sorted((schema.url, schema.namespace or "") for schema in found.schemas) == [
        ("bare.xsd", "urn:t"),
        ("bare.xsd", "urn:u"),
        ("bare2.xsd", "urn:t"),
        ("bare2.xsd", "urn:u"),
        ("main.wsdl#schema-1", "urn:t"),
        ("main.wsdl#schema-2", "urn:u"),
        ("main.wsdl#schema-3", ""),
        ("none.xsd", ""),
        ("old.xsd", "urn:o"),
        ("other.xsd", "urn:o"),
        ("same.xsd", "urn:t"),
    ]
    assert len({id(schema.root) for schema in found.schemas}) == len(found.schemas)


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        ('<x:include schemaLocation="gone.xsd"/>', "xsd:include: gone.xsd cannot be read in the WSDL's folder: there is no such file"),
        ("<x:include/>", "xsd:include: it gives no location"),
        ('<x:include schemaLocation="other.xsd"/>', "xsd:include: other.xsd is of another namespace, urn:o, and cannot be included"),
        ('<x:import namespace="urn:z" schemaLocation="other.xsd"/>', "xsd:import: other.xsd is of the namespace urn:o, not of urn:z as asked"),
        ('<x:import namespace="urn:o" schemaLocation="main.wsdl"/>', "xsd:import: main.wsdl is not an XML Schema"),
        ('<x:import namespace="urn:o" schemaLocation="../above.xsd"/>', "lies outside the WSDL's folder"),
        ('<x:import namespace="urn:o" schemaLocation="http://h.invalid/a.xsd"/>', "http://h.invalid/a.xsd is not in catalog.xml beside main.wsdl, and nothing is fetched"),
        ('<x:import namespace="urn:o" schemaLocation="broken.xsd"/>', "broken.xsd, line 1: not well-formed XML"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_had_loses_the_operations_that_need_it(tmp_path: Path, inside: str, why: str) -> None:
    (tmp_path.parent / "above.xsd").write_text(xsd("", "urn:o"))
    messages = MESSAGES + '<w:message name="far"><w:part name="p" xmlns:o="urn:o" element="o:Far"/></w:message>'
    text = wsdl(
        port_type(declared(), declared("Bad").replace("t:in", "t:far")),
        binding(bound(), bound("Bad")),
        schema=SCHEMA.replace('"urn:t">', f'"urn:t">{inside}'),
        messages=messages,
    )
    found = reading(tmp_path, text, other_xsd=xsd("", "urn:o"), broken_xsd="<x:schema")
    assert list(found.ports[0].operations) == ["Do"]
    assert "o:Far, which no schema at hand declares" in found.ports[0].broken["Bad"]
    assert len(found.broken) == 1
    assert found.broken[0].startswith("main.wsdl#schema-1, line 1, xsd:")
    assert why in found.broken[0]


def test_a_wsdl_import_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    imports = '<w:import location="gone.wsdl"/><w:import namespace="urn:t"/><w:import location="new.wsdl"/>'
    found = reading(
        tmp_path,
        wsdl(imports, port_type(declared()), binding(bound())),
        new_wsdl='<d xmlns="http://www.w3.org/ns/wsdl"/>',
    )
    assert [why.partition(", ")[2] for why in found.broken] == [
        "line 5, wsdl:import: gone.wsdl cannot be read in the WSDL's folder: there is no such file",
        "line 5, wsdl:import: it gives no location",
        "line 5, wsdl:import: new.wsdl is neither a WSDL 1.1 document nor a schema",
    ]


# --- the standard schemas ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", standard_schemas(), ids=list(standard_schemas().values()))
def test_a_standard_schema_compiles_and_is_what_it_says(target: str) -> None:
    path = STANDARD / standard_schemas()[target]
    root = etree.parse(path).getroot()
    assert root.get("targetNamespace") == target
    etree.XMLSchema(file=str(path))
    assert f"`{path.name}` | `{target}`" in (STANDARD / "README.md").read_text()
    assert b"pecification: " in path.read_bytes()


def test_every_standard_file_is_listed() -> None:
    assert {path.name for path in STANDARD.glob("*.xsd")} == set(standard_schemas().values())


@pytest.mark.parametrize("location", ['schemaLocation="http://x.invalid/x.xsd"', 'schemaLocation="copy.xsd"', ""])
def test_a_standard_namespace_is_answered_by_ours(tmp_path: Path, location: str) -> None:
    road = "http://x-road.eu/xsd/xroad.xsd"
    schema = SCHEMA.replace('"urn:t">', f'"urn:t"><x:import namespace="{road}" {location}/>')
    messages = MESSAGES + f'<w:message name="road"><w:part name="p" xmlns:r="{road}" element="r:client"/></w:message>'
    text = wsdl(
        port_type(declared()),
        binding(bound(body=BODY + '<s:header message="t:road" part="p"/>')),
        schema=schema,
        messages=messages,
    )
    found = reading(tmp_path, text, copy_xsd="<!DOCTYPE x><x/>")
    assert found.ports[0].operations["Do"].input.headers == (Part("p", f"{{{road}}}client", None),)
    assert [schema.url for schema in found.schemas] == [
        "main.wsdl#schema-1",
        "standard:xroad.xsd",
        "standard:xroad-identifiers.xsd",
        "standard:xml.xsd",
    ]


def test_a_standard_namespace_that_the_wsdl_writes_itself_stays_its_own(tmp_path: Path) -> None:
    road = "http://x-road.eu/xsd/xroad.xsd"
    own = f'<x:schema targetNamespace="{road}"><x:element name="client" type="x:string"/></x:schema>'
    schema = SCHEMA.replace('"urn:t">', f'"urn:t"><x:import namespace="{road}" schemaLocation="{road}"/>') + own
    found = reading(tmp_path, wsdl(port_type(declared()), binding(bound()), schema=schema))
    assert [schema.url for schema in found.schemas] == ["main.wsdl#schema-1", "main.wsdl#schema-2"]


def test_swaref_reads_as_the_attachments_content() -> None:
    schema = etree.XMLSchema(
        etree.fromstring(
            f'<x:schema {NS}><x:import namespace="{names.SWAREF}" schemaLocation="{(STANDARD / "swaref.xsd").as_uri()}"/>'
            f'<x:element name="e" xmlns:r="{names.SWAREF}" type="r:swaRef"/></x:schema>'
        )
    )
    assert schema.validate(etree.fromstring("<e>QmVmZnJvaQ==</e>"))
    assert not schema.validate(etree.fromstring("<e>cid:a@b</e>"))


# --- documents --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "main.wsdl is empty"),
        ("<a>\n<b></a>", "main.wsdl, line 2: not well-formed XML"),
        ("<!DOCTYPE html><html><meta></html>", "main.wsdl is an HTML page, not XML"),
        ('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "main.wsdl is an HTML page"),
        ('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>', "a document type declaration"),
        ("<!DOCTYPE a><a/>", "a document type declaration"),
        (
            '<description xmlns="http://www.w3.org/ns/wsdl"/>',
            "main.wsdl is a WSDL 2.0 description; only WSDL 1.1 is read",
        ),
        (f'<schema xmlns="{names.XSD}"/>', "main.wsdl is an XML Schema, which says no operations"),
        ("<a/>", "main.wsdl is not a WSDL: its root is a, not wsdl:definitions"),
    ],
)
def test_what_is_no_wsdl_is_said(tmp_path: Path, content: str, why: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        reading(tmp_path, content)
    assert why in caught.value.detail


@pytest.mark.parametrize("where", ["text", "attribute"])
def test_entities_that_swell_end_at_once(tmp_path: Path, where: str) -> None:
    bombs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 100}">' for n in range(1, 12))
    use = "<a>&e11;</a>" if where == "text" else '<a b="&e11;"/>'
    before = time.perf_counter()
    with pytest.raises(Misconfigured):
        reading(tmp_path, f'<!DOCTYPE a [<!ENTITY e0 "x">{bombs}]>{use}')
    assert time.perf_counter() - before < 30, "it would have hung: a hundred million million million letters"


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.xsd").write_text(xsd("", "urn:o"))
    (inside / "a.xsd").symlink_to(tmp_path / "secret.xsd")
    schema = SCHEMA.replace('"urn:t">', '"urn:t"><x:import namespace="urn:o" schemaLocation="a.xsd"/>')
    found = reading(inside, wsdl(port_type(declared()), binding(bound()), schema=schema))
    assert "lies outside the WSDL's folder" in found.broken[0]


def test_a_catalogue_says_where_an_address_lies_and_nothing_outside_its_folder(tmp_path: Path) -> None:
    entries = {
        "http://h.invalid/a.xsd": "here.xsd",
        "http://h.invalid/b.xsd": "../x.xsd",
        "http://h.invalid/m?wsdl": "main.wsdl",
    }
    rows = "".join(f'<uri name="{name}" uri="{uri}"/>' for name, uri in entries.items())
    (tmp_path / CATALOGUE).write_text(f'<catalog xmlns="urn:oasis:names:tc:entity:xmlns:xml:catalog">{rows}</catalog>')
    (tmp_path.parent / "x.xsd").write_text(xsd(""))
    (tmp_path / "here.xsd").write_text(xsd("", "urn:o"))
    schema = SCHEMA.replace(
        '"urn:t">', '"urn:t"><x:import namespace="urn:o" schemaLocation="a.xsd"/><x:include schemaLocation="b.xsd"/>'
    )
    found = reading(tmp_path, wsdl(port_type(declared()), binding(bound()), schema=schema))
    assert [schema.url for schema in found.schemas] == ["http://h.invalid/m?wsdl#schema-1", "http://h.invalid/a.xsd"]
    assert "../x.xsd lies outside the WSDL's folder" in found.broken[0]


def test_a_folder_without_the_wsdl(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"main.wsdl cannot be read in the WSDL's folder: there is no such file"):
        Documents(tmp_path / "main.wsdl")


def test_a_wsdl_of_450_types_is_read(tmp_path: Path) -> None:
    field = '<x:element name="f{}" type="x:string" minOccurs="0"/>'
    fields = "".join(field.format(number) for number in range(12))
    types = "".join(
        f'<x:complexType name="K{n}"><x:sequence>{fields}</x:sequence></x:complexType><x:element name="E{n}" type="t:K{n}"/>'
        for n in range(450)
    )
    messages = "".join(f'<w:message name="m{n}"><w:part name="p" element="t:E{n}"/></w:message>' for n in range(450))
    operations = [
        declared(f"Do{n}").replace("t:in", f"t:m{2 * n}").replace("t:out", f"t:m{2 * n + 1}") for n in range(225)
    ]
    text = wsdl(
        port_type(*operations),
        binding(*(bound(f"Do{n}") for n in range(225))),
        schema=f'<x:schema targetNamespace="urn:t">{types}</x:schema>',
        messages=messages,
    )
    (tmp_path / "main.wsdl").write_text(text)
    found = read(Documents(tmp_path / "main.wsdl"))
    assert len(found.ports[0].operations) == 225


EVIL = "A&#10;all is well&#x9b;2J"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('name="Do"', f'name="{EVIL}"', "the operation «A all is well 2J» has no name by the rules of XML"),
        ('name="Do"', 'name="Do it"', "the operation «Do it» has no name by the rules of XML"),
        ('name="p"', f'name="{EVIL}"', "a part «A all is well 2J» has no name"),
        ('"t:Ask"', f'"t:{EVIL}"', "names the element t:A all is well 2J, which no schema"),
        ('<w:input message="t:in"', f'<w:input name="{EVIL}" message="t:in"', "its input «A all is well 2J» has no name"),
        ('"urn:do"', '"x&#13;&#10;Evil: 1"', "its soapAction «x Evil: 1» cannot stand in an HTTP header"),
        ('"urn:do"', '"urn:€"', "its soapAction «urn:€» cannot stand in an HTTP header"),
        ('"urn:do"', "'urn:a\"b'", "cannot stand in an HTTP header"),
    ],
)  # fmt: skip
def test_what_is_no_name_or_action_loses_its_operation_and_forges_no_line(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    text = wsdl(port_type(declared()), binding(bound()))
    [port] = reading(tmp_path, text.replace(old, new)).ports
    assert port.operations == {}
    [(name, said)] = port.broken.items()
    assert why in said
    assert (name + said).isprintable()
    assert reading(tmp_path, text.replace('"urn:do"', '"urn:é&#x20;x"')).ports[0].operations["Do"].action == "urn:é x"


@pytest.mark.parametrize(("old", "what"), [('name="P"', "the port"), ('name="S"', "its service")])
def test_a_port_that_has_no_name_is_left_out_with_its_reason(tmp_path: Path, old: str, what: str) -> None:
    good = '<w:service name="S2"><w:port name="Good" binding="t:B"/></w:service></w:definitions>'
    text = wsdl(port_type(declared()), binding(bound())).replace("</w:definitions>", good)
    found = reading(tmp_path, text.replace(old, f'name="{EVIL}"'))
    assert [port.name for port in found.ports] == ["Good"]
    assert f"{what} «A all is well 2J» has no name by the rules of XML" in found.broken[0]
    assert found.broken[0].isprintable()


def test_an_import_forges_no_line(tmp_path: Path) -> None:
    schema = SCHEMA.replace('"urn:t">', f'"urn:t"><x:import namespace="urn:o" schemaLocation="{EVIL}"/>')
    [said] = reading(tmp_path, wsdl(port_type(declared()), binding(bound()), schema=schema)).broken
    assert said.isprintable()
