"""CPU per million values of every cleaning step, as a run uses it: `python -m benchmarks.steps [STEP …]`.

Every step cleans one column of a million values made from its own examples' kind, nearly all of them different where
they are in real tables. Prints a Markdown table; timing stands in no test.
"""

import json
import sys
import time
from typing import Any

import duckdb

from pipelines.steps.clean import Cleaning
from pipelines.steps.vocabulary import STEPS, apply_steps

ROWS = 1_000_000

WORDS = "CASE WHEN i % 50 = 0 THEN ' Rue de l''Église  n° ' || i || ' ' WHEN i % 7 = 0 THEN 'Été à la plage ' || i"
WORDS += " ELSE 'LES AMIS DU PARC ' || i END"
DIGITS = "printf('%09d', i * 7919 % 1000000000)"
STREETS = "(i % 300) || ' bis rue du Général ' || chr((65 + i % 26)::INT) || ' de Gaulle, bât. ' || (i // 26)"
LUHN_9 = "list_sum([CAST(n[p] AS INT) * (2 - p % 2) - 9 * CAST(p % 2 = 0 AND n[p] > '4' AS INT) FOR p IN range(1, 9)])"
SIREN = f"(SELECT n || (10 - {LUHN_9} % 10) % 10 FROM (SELECT printf('%08d', i * 79 % 100000000) AS n))"

VALUES: dict[str, list[tuple[Any, str]]] = {
    "trim": [(None, WORDS)], "squeeze": [(None, WORDS)], "upper": [(None, WORDS)], "lower": [(None, WORDS)],
    "capitalise": [(None, WORDS)], "unaccent": [(None, WORDS)], "digits": [(None, WORDS)],
    "pad": [(9, "CAST(i AS VARCHAR)")], "empty": [(["NC", "-"], WORDS)], "replace": [({"-": ""}, WORDS)],
    "part": [({"by": " ", "number": 2}, WORDS)], "prefix": [("80", DIGITS)],
    "map": [({"O": True, "N": False}, "CASE i % 2 WHEN 0 THEN 'O' ELSE 'N' END")],
    "naf": [("rev2", "CASE i % 2 WHEN 0 THEN '62.01Z' ELSE '4711B' END")], "nace": [("rev2", "'62.01'")],
    "integer": [(None, "CAST(i AS VARCHAR)")],
    "decimal": [(None, "(i / 100)::VARCHAR"), (None, "printf('%d,%02d', i // 100, i % 100)"), ("comma", "format('{:t.}', i)")],
    "money": [(None, "printf('%d,%02d €', i // 100, i % 100)")], "percent": [("points", "printf('%d,%02d %%', i // 100000, i % 100)")],
    "boolean": [(None, "CASE i % 2 WHEN 0 THEN 'Oui' ELSE 'non' END")],
    "date": [
        (None, "strftime(DATE '1950-01-01' + (i % 25000)::INT, '%d/%m/%Y')"),
        (None, "'1er mars ' || (1950 + i % 70)"),
        (["DD/MM/YYYY", "YYYYMMDD"], "strftime(DATE '1950-01-01' + (i % 25000)::INT, '%d/%m/%Y')"),
    ],
    "siren": [(None, SIREN)], "siret": [(None, DIGITS + " || '00013'")], "rna": [(None, "'W' || " + DIGITS)],
    "nir": [(None, "printf('%013d%02d', i * 1000003, 97 - i * 1000003 % 97)")],
    "nif": [(None, "printf('%08d', i) || 'TRWAGMYFPDXBNJZSQVHLCKE'[i % 23 + 1]")],
    "lei": [(None, "printf('213800KUD8LAJW%06d', i % 10000)")], "vat": [(None, "printf('FR%011d', i % 10000)")],
    "phone": [("FR", "printf('03 22 %02d %02d %02d', i // 10000, i // 100 % 100, i % 100)"), ("FR", "printf('+34 944 %06d', i % 10000)")],
    "email": [(None, "printf('p.nom%d@Mairie-%d.fr', i, i % 100)"), (None, "printf('nom%d@mairie-étaples.fr', i % 10000)")],
    "postal_code": [("FR", "printf('%05d', 1000 + i % 90000)")],
    "follow": [({"as_of": "2020-01-01"}, "printf('%05d', 1000 + i % 90000)")],
    "address": [("number", STREETS)],
}  # fmt: skip


def main() -> None:
    """Measure the steps named on the command line, or all."""
    print("| step | CPU s | refused |\n|---|---|---|")
    for name, calls in VALUES.items():
        for argument, sql in calls if not sys.argv[1:] or name in sys.argv[1:] else ():
            seconds, refused = measured(name, argument, sql)
            told = name if argument is None else f"{name}: {json.dumps(argument, ensure_ascii=False)}"
            print(f"| `{told}` | {seconds:.2f} | {refused} |", flush=True)
    print(f"\nWithout a step here: {', '.join(STEPS.keys() - VALUES.keys()) or 'none'}.")


def measured(name: str, argument: Any, sql: str) -> tuple[float, int]:
    """Return the CPU seconds of a step over a million values, without those of reading them, and how many it refused."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE staged AS SELECT {sql} AS x FROM range({ROWS}) t(i)")
        spent = []
        for steps in ([], [name if argument is None else {name: argument}]):
            cleaning = Cleaning(connection, "staged", lambda other: other)
            value, clock = cleaning.source("x"), time.process_time()
            apply_steps(cleaning, value, steps)
            failed = " OR ".join(f"({failure.condition})" for failure in value.failures) or "false"
            counted = f"SELECT count(*) FILTER ({failed}), bit_xor(hash({value.sql})) FROM {cleaning.relation()}"
            refused = connection.execute(counted).fetchall()[0][0]
            spent.append(time.process_time() - clock)
    return spent[1] - spent[0], refused


if __name__ == "__main__":
    main()
