"""Names of companies and associations, without legal form, branch, remarks and short forms, and how rare their words are.

Columns: legal_form (its family), name (the words in one), sorted (in the order of the alphabet), telling (that, where the
words are rare), stem (without what tells houses of one group apart), kind (that, with numbers), numbers (those alone, and
titles of persons), names (every name that is known, each in one), words (each with its weight from 1 to 9 as the last
letter: `tables/company_words.parquet` tells what words weigh in names of companies), total (of the weights), rare (the
rarest word), start (four letters), bones (the consonants), shorts (what acronyms it has, and itself where it may be one),
named (the town that the name ends with, behind a preposition, and the codes of the communes of that name).
"""

import functools
from typing import Any

import duckdb

from pipelines.declarations import strict_yaml
from pipelines.linking.preparing.addresses import any_of
from pipelines.linking.preparing.places import TOWNS, town
from pipelines.linking.preparing.text import plain_columns
from pipelines.linking.recipe import FOLDER
from pipelines.sql import quote

WEIGHTS = FOLDER / "tables" / "company_words.parquet"
APART = "[0-9]+|[ivx]{2,}|m|mr|mme|mlle|monsieur|madame"
"""Words that never are one misspelt: numbers, and who is a person."""

TELLING = 13
"""Names of such a weight are no chance."""

PREPOSITIONS = ("de", "d", "du", "des", "a", "au", "aux", "en", "del")
"""What stands before the town in a name: without one a word that is a town's name, too, may be anybody's."""

LONGEST_TOWN = 6
"""Words of a town's name at most, about."""

UNKNOWN = 9
"""The weight of a word that no name of the table has."""


@functools.cache
def tables() -> dict[str, Any]:
    """Return what `legal_forms.yaml` and `company_words.yaml` say: texts with commas as lists."""

    def parted(data: Any) -> Any:
        return {key: parted(each) for key, each in data.items()} if isinstance(data, dict) else data.strip().split(", ")

    found: dict[str, Any] = {}
    for name in ("legal_forms", "company_words"):
        found |= parted(strict_yaml.load(FOLDER / "tables" / f"{name}.yaml").data)
    return found


def prepare(connection: duckdb.DuckDBPyConnection, records: str, into: str) -> None:
    """Make the temp table `into` of n and the columns of names, from name, other_names, acronym, legal_form and city."""
    plain, texts, words, forms, named = (f"{into}_{name}" for name in ("plain", "texts", "words", "forms", "named"))
    plain_columns(connection, records, ("name", "other_names", "acronym", "legal_form", "city"), plain)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {texts} AS {_texts(plain)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {words} AS {_words(texts)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {forms} AS {_forms(words)}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {named} AS {_named(texts)}")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {into} AS
        WITH every AS (SELECT n, list(DISTINCT name ORDER BY name) AS names FROM {forms} GROUP BY n)
        SELECT r.n, coalesce(t.form, {_form_of("r.legal_form")}) AS legal_form, f.name, f.sorted, f.stem, f.kind, f.numbers, e.names,
        f.words, f.total, f.rare, f.telling, f.start, f.bones, {_shorts("f", "t.form")} AS shorts, d.named FROM {plain} r LEFT JOIN {named} d ON d.n = r.n LEFT JOIN {forms} f ON f.n = r.n AND f.nth = 0
        LEFT JOIN every e ON e.n = r.n LEFT JOIN (SELECT n, form FROM {texts} WHERE nth = 0) t ON t.n = r.n"""
    )
    for made in (plain, texts, words, forms, named):
        connection.execute(f"DROP TABLE {made}")


def _texts(plain: str) -> str:
    """Return SQL for n, nth (0 is the name, 1 and up others), form (its family) and text (what is left of the name).

    A name that ends with its own town stands here without it, and with it 1000 places later: branches are told so.
    """
    others = """CASE WHEN starts_with(other_names, '["') THEN string_split(other_names[3:-3], '","')
        WHEN starts_with(other_names, '[') THEN string_split(other_names[2:-2], ', ')
        ELSE string_split_regex(other_names, ' *[;|] *') END"""
    every, sure = any_of(_spellings()), any_of(set(_spellings()) - set(tables()["unsure"]))
    patterns = (f"^({sure}) (.+)$", f"^({every}) (.+ .+)$", f"^(.+?) ({every})$", f"^(.+?) ({sure}) (.+)$")
    return f"""
        WITH named AS (SELECT n, unnest(list_concat([name], coalesce({others}, []), [acronym])) AS said,
            generate_subscripts(list_concat([name], coalesce({others}, []), [acronym]), 1) - 1 AS nth, {_squeezed("city")} AS town
            FROM {plain}),
        clean AS (SELECT n, nth, town, {_whole("said")} AS text FROM named WHERE said IS NOT NULL),
        once AS (SELECT n, nth, town, {_without_form("text", patterns)} AS cut FROM clean WHERE text <> ''),
        twice AS (SELECT n, nth, town, cut.form AS form, {_without_form("cut.text", patterns)} AS cut FROM once),
        whole AS MATERIALIZED (SELECT n, nth, {_form_of("coalesce(form, cut.form)")} AS form, {_without_branch("cut.text")} AS text,
            ends_with(cut.text, ' ' || town) AND strlen(cut.text) > strlen(town) + 4 AS is_longer, town FROM twice)
        SELECT n, nth + 1000 AS nth, form, text FROM whole WHERE is_longer UNION ALL SELECT n, nth, form,
            CASE WHEN is_longer AND ends_with(text, ' ' || town) THEN text[: strlen(text) - strlen(town) - 1] ELSE text END FROM whole"""


@functools.cache
def _spellings() -> dict[str, str]:
    """Return each way to write a legal form, with its family; those of one word with their letters apart, too."""
    found = {spelt: family for family, several in tables()["forms"].items() for spelt in several}
    apart = {" ".join(spelt): family for spelt, family in found.items() if " " not in spelt and len(spelt) < 6}
    return found | apart


def _form_of(sql: str) -> str:
    pairs = ", ".join(f"{quote(spelt)}: {quote(family)}" for spelt, family in _spellings().items())
    return f"map_extract_value(MAP {{{pairs}}}, trim(regexp_replace({sql}, '[^a-z0-9]+', ' ', 'g')))"


def _squeezed(said: str) -> str:
    notes = any_of(tables()["notes"])
    steps = (
        (r"[&+]", " et "),
        (r"\b([dljcmsn]|qu)['`\x{2019}]", r"\1 "),
        (r"['`\x{2019}]", ""),  # of Georgian letters
        (r"[^a-z0-9]+", " "),
        (rf"\b{notes}\b", " "),
        (r"([a-z])([0-9])|([0-9])([a-z])", r"\1\3 \2\4"),
        (" +", " "),
    )
    for pattern, instead in steps:
        said = f"regexp_replace({said}, {quote(pattern)}, {quote(instead)}, 'g')"
    return f"trim({said})"


def _whole(said: str) -> str:
    """Return SQL for a squeezed name, of one that is nothing but letters with points (A.S.C.A.) these in one: no form is in it."""
    return rf"CASE WHEN regexp_full_match({said}, '(?:[a-z] ?\. ?){{2,6}}[a-z]?') THEN regexp_replace({said}, '[^a-z]', '', 'g') ELSE {_squeezed(said)} END"


def _without_form(text: str, patterns: tuple[str, ...]) -> str:
    """Return SQL for {form, text}: a name without the first legal form that is found, by the first pattern that fits."""
    names = (("form", "text"), ("form", "text"), ("text", "form"), ("text", "form", "rest"))
    cases = f" WHEN NOT regexp_matches({text}, {quote(rf'(?:^| ){any_of(_spellings())}(?: |$)')}) THEN {{'form': NULL, 'text': {text}}}"
    for pattern, groups in zip(patterns, names, strict=True):
        found = f"regexp_extract({text}, {quote(pattern)}, [{', '.join(map(quote, groups))}])"
        left = "f.text || ' ' || f.rest" if "rest" in groups else "f.text"
        once = f"list_transform([{found}], lambda f: {{'form': f.form, 'text': {left}}})[1]"
        cases += f" WHEN regexp_matches({text}, {quote(pattern)}) THEN {once}"  # without groups it is much faster
    return f"CASE{cases} ELSE {{'form': NULL, 'text': {text}}} END"


def _without_branch(text: str) -> str:
    branch = rf"^(.{{4,}}?) {any_of(tables()['branch'])} (?:(?:de|d|du) )?.*$"
    return f"regexp_replace({text}, {quote(branch)}, '\\1')"


def _named(texts: str) -> str:
    """Return SQL for n and named: the longest end of the name that is a town's and stands behind a preposition."""
    towns, before = f"read_parquet({quote(str(TOWNS))})", any_of(PREPOSITIONS)
    return f"""
        WITH whole AS (SELECT n, string_split(arg_max(text, nth), ' ') AS said FROM {texts} WHERE nth % 1000 = 0 GROUP BY n),
        ends AS (SELECT n, length, array_to_string(said[len(said) - length + 1 :], ' ') AS text
            FROM whole, range(1, {LONGEST_TOWN + 1}) lengths(length)
            WHERE len(said) > length + 1 AND regexp_full_match(said[len(said) - length], '{before}')),
        asked AS (SELECT text, {town("text")} AS town FROM (SELECT DISTINCT text FROM ends)),
        known AS (SELECT text, list_prepend(town, list(DISTINCT code ORDER BY code)) AS named
            FROM asked JOIN {towns} USING (town) WHERE strlen(town) > 2 GROUP BY text, town)
        SELECT n, arg_max(named, length) AS named FROM ends JOIN known USING (text) GROUP BY n"""


def _words(texts: str) -> str:
    """Return SQL for n, nth, place, word, weight, is_kind: the words of names, long, without those of no meaning."""
    long = {short: name for name, several in tables()["long"].items() for short in several}
    single = "CASE WHEN strlen(said) > 3 THEN regexp_replace(said, '[sx]$', '') ELSE said END"
    listed = {name: "(" + ", ".join(map(quote, tables()[name])) + ")" for name in ("without", "low", "kind")}
    pairs = ", ".join(f"({quote(short)}, {quote(name)})" for short, name in long.items())
    return f"""
        WITH said AS (SELECT n, nth, unnest(string_split(text, ' ')) AS said,
            generate_subscripts(string_split(text, ' '), 1) AS place FROM {texts}),
        plural AS (SELECT n, nth, place, said, {single} AS single FROM said),
        long AS (SELECT n, nth, place, said, coalesce(whole.name, short.name, single) AS word FROM plural
            LEFT JOIN (VALUES {pairs}) whole(short, name) ON whole.short = said
            LEFT JOIN (VALUES {pairs}) short(short, name) ON short.short = single),
        judged AS (SELECT *, (said IN {listed["without"]})::INT * 2 + (word IN {listed["low"]})::INT AS low FROM long)
        SELECT n, nth, place, word, low, coalesce(w.weight, {UNKNOWN}) AS weight,
            word IN {listed["kind"]} OR regexp_full_match(word, '{APART}') AS is_kind FROM judged
        LEFT JOIN read_parquet({quote(str(WEIGHTS))}) w USING (word)"""


def _forms(words: str) -> str:
    """Return SQL for n, nth and what is made of the words of each name; where only words of no meaning are left, they stay."""
    return f"""
        WITH least AS (SELECT n, nth, min(low) AS least FROM {words} GROUP BY ALL),
        made AS (SELECT n, nth,
            string_agg(word, '' ORDER BY place) FILTER (low <= least) AS name,
            list(word ORDER BY place) FILTER (low <= least) AS listed,
            coalesce(string_agg(word, '' ORDER BY place) FILTER (low <= least AND NOT is_kind), '') AS stem,
            coalesce(string_agg(word, ' ' ORDER BY word) FILTER (low <= least AND is_kind), '') AS kind,
            coalesce(string_agg(word, ' ' ORDER BY word) FILTER (regexp_full_match(word, '{APART}')), '') AS numbers,
            list(DISTINCT word || weight) FILTER (low <= least) AS words,
            arg_max(word, weight * 100 + strlen(word)) FILTER (low <= least) AS rare,
            string_agg(word[1], '' ORDER BY place) FILTER (low < 2) AS initials, len(words) = 1 AS alone
            FROM {words} JOIN least USING (n, nth) GROUP BY n, nth)
        SELECT n, nth, name, array_to_string(list_sort(listed), '') AS sorted, stem, kind,
            numbers, words, list_sum(list_transform(words, lambda w: w[-1]::INTEGER))::INTEGER AS total, rare,
            CASE WHEN total >= {TELLING} THEN sorted END AS telling, name[:4] AS start, CASE WHEN strlen(translate(name, 'aeiouyhw', '')) > 3
                THEN translate(name, 'aeiouyhw', '') END AS bones, initials, alone FROM made"""


def _shorts(of: str, form: str) -> str:
    """Return SQL for what a name may be called in short: its first letters, with that of an association too, or itself."""
    first = f"{of}.initials, {of}.initials[:-2], CASE WHEN {form} = 'association' THEN 'a' || {of}.initials END"
    return (
        f"CASE WHEN {of}.n IS NOT NULL THEN list_distinct(list_filter([{first}, CASE WHEN {of}.alone THEN {of}.name END],"
        " lambda w: strlen(w) BETWEEN 3 AND 7)) END"
    )
