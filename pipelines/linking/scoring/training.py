"""What training finds: u among pairs taken at random, and m by expectation and maximisation, which Splink does.

Splink works on the connection of the run. It speaks of comparison levels by number, the last of a comparison as 0.
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.linking.recipe import Comparison
from pipelines.linking.scoring.levels import columns

SEED = 1


@dataclass(frozen=True)
class Found:
    """What pairs that are alike in something told.

    m of each level of each comparison (None: no such pair), and how many of the pairs are of the same entity.
    """

    m: dict[str, list[float | None]]
    same: float


def u(connection: duckdb.DuckDBPyConnection, records: str, used: list[Comparison]) -> dict[str, list[float | None]]:
    """Return how often two different records of a table are at each level; what the level says where no pair is.

    Counted here: Splink, whose figures are the same, makes a table of all pairs first, which takes ten times as long.
    """
    read = [f"{side}.{column} AS {column}_{side}" for side in "lr" for column in columns(connection, used, records)]
    levels = ", ".join(f"({each.level})::UTINYINT AS {each.name}" for each in used)
    names = ", ".join(each.name for each in used)
    if not used:
        return {}
    counted = connection.execute(
        f"""SELECT {names}, count(*) FROM (SELECT {levels} FROM
        (SELECT {", ".join(read)} FROM {records} l JOIN {records} r ON l.n < r.n)) GROUP BY ALL"""
    ).fetchall()
    found: dict[str, list[float | None]] = {}
    for at, each in enumerate(used):
        held = [sum(row[-1] for row in counted if row[at] == place) for place in range(1, len(each.levels) + 1)]
        levels_of = zip(held, each.levels, strict=True)
        found[each.name] = [many / sum(held) if many else level.u for many, level in levels_of]
    return found


def m(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    used: list[Comparison],
    known: dict[str, list[tuple[float, float]]],
    on: str,
    pairs: int,
) -> Found | None:
    """Find m among the pairs for which the SQL `on` (of l and r) holds, starting from m and u that are known.

    Return None where it ends in none of them being the same: where half of all records are one row again and again, two
    that are alike tell nothing.
    """
    with _linker(connection, records, used, known, on) as linker:
        try:
            session = linker.training.estimate_parameters_using_expectation_maximisation(
                on, estimate_without_term_frequencies=True
            )
        except ValueError:  # an m too small to be a number
            return None
        share = session.core_model_settings.probability_two_random_records_match
        return Found(_probabilities(linker, used, "_m_probability"), share * pairs)


@contextlib.contextmanager
def _linker(
    connection: duckdb.DuckDBPyConnection,
    records: str,
    used: list[Comparison],
    known: dict[str, list[tuple[float, float]]],
    on: str,
) -> Iterator[Any]:
    from splink import DuckDBAPI, Linker
    from splink.internals.exceptions import SplinkException

    logging.getLogger("splink").setLevel(logging.CRITICAL)
    api = DuckDBAPI(connection)
    before = _tables(connection)
    try:
        settings = _settings(used, known, on)
        yield Linker(api.register(connection.table(records)), settings, validate_settings=False, log_level=None)
    except SplinkException as error:  # what the engine says is known to whoever runs it: no room, no time
        raise error.__cause__ or error from None
    finally:
        for name, kind in _tables(connection) - before:
            connection.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} IF EXISTS "{name}"')


def _tables(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    return set(connection.execute("SELECT table_name, table_type FROM information_schema.tables").fetchall())


def _settings(used: list[Comparison], known: dict[str, list[tuple[float, float]]], on: str) -> dict[str, Any]:
    comparisons = []
    for each in used:
        levels: list[dict[str, Any]] = [
            {"sql_condition": each.is_missing, "label_for_charts": "0", "is_null_level": True}
        ]
        for at, (level, (m_said, u_said)) in enumerate(zip(each.levels, known[each.name], strict=True), 1):
            levels.append(
                {
                    "sql_condition": level.sql or "ELSE",
                    "label_for_charts": str(at),
                    "m_probability": m_said,
                    "u_probability": u_said,
                }
            )
        comparisons.append({"output_column_name": each.name, "comparison_levels": levels})
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": "n",
        "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [on],
        "probability_two_random_records_match": 0.01,
        "em_convergence": 0.001,
        "max_iterations": 25,
    }


def _probabilities(linker: Any, used: list[Comparison], which: str) -> dict[str, list[float | None]]:
    found: dict[str, list[float | None]] = {}
    by_name = {each.output_column_name: each for each in linker._settings_obj.comparisons}  # noqa: SLF001  # no public way
    for each in used:
        levels = [level for level in by_name[each.name].comparison_levels if not level.is_null_level]
        values = [getattr(level, which) for level in levels]
        found[each.name] = [value if isinstance(value, float) else None for value in values]
    return found
