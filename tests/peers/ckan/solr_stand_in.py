"""A stand-in for the part of Apache Solr that CKAN 2.12 talks to while Beffroi's tests publish to it.

It is NOT Solr: one core in memory, and **no claim about ranking or relevance may rest on it** (a hit's score is the
sum of the boosts of the fields that hold its words). CKAN knows no other search backend, and Solr is in no package.

What it answers, over HTTP: CKAN's own schema file, which drives the indexing here too; adding, deleting, committing;
`select` with CKAN's (e)dismax search and Lucene's `field:value`, phrases, `*` and `?`, AND, OR, NOT, +, -, groups;
filters, sorting, paging, field lists and facets. Everything else (ranges, boosts, fuzzy words, local parameters, other
request parameters) is Solr's 400 with a sentence, never a silent match-all.
"""

import json
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import snowballstemmer
from luqum import tree
from luqum.exceptions import ParseError
from luqum.parser import parser as lucene_parser

SELECT_PARAMETERS = {"q", "q.op", "df", "defType", "qf", "mm", "tie", "fq", "fl", "rows", "start", "sort", "wt"}
SELECT_PARAMETERS |= {"facet", "facet.field", "facet.limit", "facet.mincount", "fq_list"}  # CKAN adds fq_list to fq


class BadRequest(Exception):
    """The request is wrong, or outside what the stand-in knows; rendered as HTTP 400."""


class Schema:
    """CKAN's schema.xml: what a field is, and which fields are copied into which."""

    def __init__(self, path: Path) -> None:
        self.xml = path.read_text()
        root = ET.fromstring(self.xml)
        self._fields = {el.attrib["name"]: el.attrib for el in root.iter("field")}
        dynamic = [(el.attrib["name"], el.attrib) for el in root.iter("dynamicField")]
        self._dynamic = sorted(dynamic, key=lambda item: -len(item[0]))  # Solr lets the longest pattern win
        self.copies = [(el.attrib["source"], el.attrib["dest"]) for el in root.iter("copyField")]

    def attributes(self, name: str) -> dict[str, str]:
        """Return a field's attributes; raises `BadRequest` for what cannot be a field's name."""
        if not re.fullmatch(r"[\w.-]+", name):
            raise BadRequest(f"not a field name: {name}")
        if name in self._fields:
            return self._fields[name]
        return next(attributes for pattern, attributes in self._dynamic if fnmatchcase(name, pattern))

    def is_text(self, name: str) -> bool:
        """Say whether a field is cut into words; raises `BadRequest` for n-gram fields, which nothing here needs."""
        if name.endswith("_ngram"):
            raise BadRequest(f"n-gram fields are not supported by the stand-in for Solr: {name}")
        return self.attributes(name)["type"].startswith("text")


@dataclass
class Document:
    """One indexed dataset: what is given back, and per field its values as searched (each a list of words)."""

    stored: dict[str, Any] = field(default_factory=dict)
    indexed: dict[str, list[list[str]]] = field(default_factory=dict)


Score = Callable[[Document], float]
_stem = snowballstemmer.stemmer("english").stemWord


def words(text: str) -> list[str]:
    """Cut text nearly as CKAN's `text` type does: letters and digits apart, lower case, English stems, no accents."""
    stems = " ".join(_stem(word.lower()) for word in re.findall(r"[^\W\d_]+|\d+", text))
    return "".join(c for c in unicodedata.normalize("NFKD", stems) if not unicodedata.combining(c)).split()


def minimum_match(specification: str, clauses: int) -> int:
    """Return how many of the clauses must match by dismax's `mm`: `2`, `75%`, `-1`, or `2<-1 5<80%`."""
    wanted = "100%" if "<" in specification else specification
    for condition in specification.split():
        above, _, then = condition.rpartition("<")
        if above and clauses > int(above):
            wanted = then
    count = int(clauses * int(wanted[:-1]) / 100) if wanted.endswith("%") else int(wanted)
    return min(clauses, count if count >= 0 else clauses + count)


class Core:
    """The documents and the queries over them. Not thread-safe: the server holds a lock."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._documents: dict[str, Document] = {}

    def update(self, content_type: str, body: str) -> None:
        """Add (JSON) or delete (XML); a commit changes nothing, every change being seen at once."""
        if "json" in content_type:
            for values in json.loads(body):
                self._documents[values["index_id"]] = self._document(values)
            return
        root = ET.fromstring(body)
        if root.tag == "delete" and all(el.tag == "query" for el in root):
            for el in root:
                score = self._lucene(el.text or "", "text", "OR")
                self._documents = {key: doc for key, doc in self._documents.items() if not score(doc)}
        elif root.tag != "commit":
            raise BadRequest(f"unsupported update: {body[:100]}")

    def _document(self, values: dict[str, Any]) -> Document:
        given = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
        for name, several in given.items():
            given[name] = [v if isinstance(v, str) else json.dumps(v) for v in several if v is not None]
        given.setdefault("indexed_ts", [datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")])
        document = Document()
        for name, plain in given.items():
            attributes = self.schema.attributes(name)
            multiple = attributes.get("multiValued") == "true"
            if len(plain) > 1 and not multiple:
                raise BadRequest(f"multiple values encountered for non multiValued field {name}")
            if plain and attributes.get("stored") == "true":
                document.stored[name] = plain if multiple else plain[0]
        searched = {name: list(plain) for name, plain in given.items()}
        for source, target in self.schema.copies:  # Solr copies what came in, not what was copied
            for name, plain in given.items():
                if fnmatchcase(name, source) and name != target:
                    searched.setdefault(target, []).extend(plain)
        for name in (name for name, plain in searched.items() if plain and not name.endswith("_ngram")):
            document.indexed[name] = [words(v) if self.schema.is_text(name) else [v] for v in searched[name]]
        return document

    def select(self, parameters: dict[str, list[str]]) -> dict[str, Any]:
        """Answer a search in Solr's JSON; raises `BadRequest` for what is wrong or unsupported."""
        if unknown := sorted(parameters.keys() - SELECT_PARAMETERS):
            raise BadRequest(f"parameters not supported by the stand-in for Solr: {unknown}")
        one = {name: values[0] for name, values in parameters.items()}
        query, df, operator = one.get("q", "*:*"), one.get("df", "text"), one.get("q.op", "OR")
        if one.get("defType", "lucene") == "lucene" or ":" in query:
            score = self._lucene(query, df, operator)
        else:
            score = self._dismax(query, one.get("qf", df), one.get("mm", "100%"))
        filters = [self._lucene(text, df, operator) for text in parameters.get("fq", [])]
        kept = [doc for doc in self._documents.values() if all(passes(doc) for passes in filters)]
        hits = self._sorted([(points, doc) for doc in kept if (points := score(doc))], one.get("sort", "score desc"))
        start, rows = int(one.get("start", 0)), int(one.get("rows", 10))
        names = set(re.split(r"[,\s]+", one.get("fl", "*")))
        shown = [_shown(doc, points, names) for points, doc in hits[start : start + rows]]
        answer: dict[str, Any] = {"response": {"numFound": len(hits), "start": start, "docs": shown}}
        if one.get("facet") == "true":
            least, most = int(one.get("facet.mincount", 0)), int(one.get("facet.limit", 100))
            documents = [doc for _, doc in hits]
            facets = {name: self._facet(name, documents, least, most) for name in parameters.get("facet.field", [])}
            answer["facet_counts"] = {"facet_fields": facets}
        return answer

    def _sorted(self, hits: list[tuple[float, Document]], order: str) -> list[tuple[float, Document]]:
        for part in reversed(order.split(",")):
            match = re.fullmatch(r"\s*(\S+)\s+(asc|desc)\s*", part, re.IGNORECASE)
            if not match:
                raise BadRequest(f"Can't determine a Sort Order (asc or desc) in sort spec '{order}'")
            name, reverse = match[1], match[2].lower() == "desc"
            if name == "score":
                hits = sorted(hits, key=lambda hit: hit[0], reverse=reverse)
                continue
            having = [hit for hit in hits if name in hit[1].indexed]
            having.sort(key=lambda hit: hit[1].indexed[name][0], reverse=reverse)
            hits = having + [hit for hit in hits if name not in hit[1].indexed]
        return hits

    def _facet(self, name: str, documents: list[Document], least: int, most: int) -> list[str | int]:
        if self.schema.is_text(name):
            raise BadRequest(f"facets on text fields are not supported by the stand-in for Solr: {name}")
        counts = Counter(value for doc in documents for value in {v[0] for v in doc.indexed.get(name, [])})
        items = sorted((item for item in counts.items() if item[1] >= least), key=lambda item: (-item[1], item[0]))
        return [part for item in (items if most < 0 else items[:most]) for part in item]

    def _lucene(self, query: str, df: str, operator: str) -> Score:
        try:
            node = lucene_parser.parse(query)
        except ParseError as error:
            raise BadRequest(f"org.apache.solr.search.SyntaxError: Cannot parse '{query}': {error}") from error
        return self._compiled(node, df, operator)

    def _compiled(self, node: tree.Item, name: str, operator: str) -> Score:
        """Turn a parsed query into a function that gives 1 for a document that matches, else 0."""
        match node:
            case tree.SearchField(name="*", expr=tree.Word(value="*")):
                return lambda _: 1
            case tree.SearchField():
                return self._compiled(node.expr, node.name, operator)
            case tree.Group() | tree.FieldGroup() | tree.Plus():
                return self._compiled(node.children[0], name, operator)
            case tree.Not() | tree.Prohibit():
                excluded = self._compiled(node.a, name, operator)
                return lambda doc: not excluded(doc)
            case tree.Phrase() | tree.Word():
                return self._held(name, node.value)
            case tree.AndOperation() | tree.OrOperation() | tree.UnknownOperation():
                return self._combined(node, name, operator)
        raise BadRequest(f"not supported by the stand-in for Solr: {type(node).__name__} in '{node}'")

    def _combined(self, node: tree.BaseOperation, name: str, operator: str) -> Score:
        every = isinstance(node, tree.AndOperation) or (isinstance(node, tree.UnknownOperation) and operator == "AND")
        firm = (tree.Plus, tree.Not, tree.Prohibit)
        must = [self._compiled(k, name, operator) for k in node.children if every or isinstance(k, firm)]
        may = [self._compiled(k, name, operator) for k in node.children if not (every or isinstance(k, firm))]
        needs_one = bool(may) and not any(isinstance(k, tree.Plus) for k in node.children)
        return lambda doc: all(s(doc) for s in must) and (not needs_one or any(s(doc) for s in may))

    def _held(self, name: str, text: str) -> Score:
        """Say whether a field holds a word, a phrase in quotes or, unquoted, a pattern with `*` and `?`."""
        is_text, plain = self.schema.is_text(name), re.sub(r"\\(.)", r"\1", text.strip('"'))
        if not text.startswith('"') and re.search(r"(?<!\\)[*?]", text):
            pattern = plain.lower() if is_text else plain
            return lambda doc: any(fnmatchcase(word, pattern) for v in doc.indexed.get(name, []) for word in v)
        wanted = words(plain) if is_text else [plain]
        size = len(wanted)
        return lambda doc: (
            size > 0
            and any(wanted == value[i : i + size] for value in doc.indexed.get(name, []) for i in range(len(value)))
        )

    def _dismax(self, query: str, qf: str, mm: str) -> Score:
        weights = {name: float(boost or 1) for name, _, boost in (part.partition("^") for part in qf.split())}
        clauses = [(sign, phrase or word) for sign, phrase, word in re.findall(r'([+-]?)(?:"([^"]*)"|(\S+))', query)]
        tests = [(sign, {n: self._held(n, f'"{text}"') for n in weights}) for sign, text in clauses]
        least = minimum_match(mm, sum(sign != "-" for sign, _ in tests))

        def score(doc: Document) -> float:
            points = [(sign, max(weights[n] if held(doc) else 0 for n, held in by.items())) for sign, by in tests]
            found = [p for sign, p in points if sign != "-" and p]
            broken = any((sign == "-" and p) or (sign == "+" and not p) for sign, p in points)
            return 0 if broken or len(found) < least else sum(found)

        return score


def _shown(document: Document, points: float, names: set[str]) -> dict[str, Any]:
    shown = {name: value for name, value in document.stored.items() if name in names or "*" in names}
    return shown | ({"score": points} if "score" in names else {})


class SolrServer(ThreadingHTTPServer):
    """A server bound to a free port of 127.0.0.1, its core at `/solr/ckan`, to be run by `serve_forever`."""

    def __init__(self, schema_file: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.core, self.lock = Core(Schema(schema_file)), threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """The three calls that CKAN makes."""

    server: SolrServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        content_type = self.headers.get("Content-Type", "")
        parameters = parse_qs(url.query, keep_blank_values=True)
        if "x-www-form-urlencoded" in content_type:
            parameters |= parse_qs(body, keep_blank_values=True)
        try:
            with self.server.lock:
                result = self._result(url.path.rstrip("/"), parameters, content_type, body)
            self._answer(200, result)
        except BadRequest as error:
            self._answer(400, {"error": {"msg": str(error), "code": 400}})

    def do_POST(self) -> None:
        self.do_GET()

    def _result(self, path: str, parameters: dict[str, list[str]], content_type: str, body: str) -> Any:
        match path.removeprefix("/solr/ckan/"):
            case "schema":
                return self.server.core.schema.xml
            case "select":
                return self.server.core.select(parameters)
            case "update":
                self.server.core.update(content_type, body)
                return {"responseHeader": {"status": 0}}
        raise BadRequest(f"the stand-in for Solr has no handler for {path}")

    def _answer(self, status: int, payload: Any) -> None:
        data = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/xml" if isinstance(payload, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Log nothing: CKAN logs each query that fails, with the answer."""
