"""Bare Splink: the settings of its documentation's examples, as somebody would take them over.

Names are in lower case without accents, as its documentation advises; nothing else is done to the data. febrl3 and febrl4
are its examples of these names, `rldata` is febrl3's with what there is, `pseudopeople` its tutorial "Linking the
pseudopeople Census and ACS datasets", `persons` its example "Deduplicate 50k rows historical persons".
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

Comparisons = dict[str, Any]
"""Of Splink's, by the column without which each is left out."""


@dataclass(frozen=True)
class Settings:
    """What a linker of Splink is told: comparisons, blocks, deterministic rules with their recall, blocks of training."""

    comparisons: Callable[[Any], Comparisons]
    blocks: list[tuple[str, ...]]
    rules: list[tuple[str, ...]] = field(default_factory=list)
    recall: float = 0.8
    training: tuple[tuple[str, ...], ...] = (("birth_date",), ("family_name",))
    samples: float = 1e6
    prior: bool = True
    """Whether the prior is estimated by the rules; else one in as many as the larger side has, as the tutorial does."""


def _febrl3(cl: Any) -> Comparisons:
    return {
        "given_name": cl.NameComparison("given_name"),
        "family_name": cl.NameComparison("family_name"),
        "date_of_birth": cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
        "number": cl.DamerauLevenshteinAtThresholds("number", [2]),
        "street_number": cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
        "postal_code": cl.ExactMatch("postal_code").configure(term_frequency_adjustments=True),
    }


def _febrl4(cl: Any) -> Comparisons:
    return {
        "given_name": cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
        "family_name": cl.NameComparison("family_name").configure(term_frequency_adjustments=True),
        "date_of_birth": cl.DateOfBirthComparison(
            "date_of_birth", input_is_string=True, datetime_format="%Y%m%d", invalid_dates_as_null=True
        ),
        "number": cl.DamerauLevenshteinAtThresholds("number", [1, 2]),
        "street_number": cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
        "postal_code": cl.DamerauLevenshteinAtThresholds("postal_code", [1, 2]).configure(
            term_frequency_adjustments=True
        ),
    }


def _persons(cl: Any) -> Comparisons:
    return {
        "family_name": cl.ForenameSurnameComparison(
            "given_name", "family_name", forename_surname_concat_col_name="both_names"
        ),
        "birth_date": cl.DateOfBirthComparison("birth_date", input_is_string=True),
        "postal_code": cl.DamerauLevenshteinAtThresholds("postal_code", [1]).configure(term_frequency_adjustments=True),
        "address": cl.JaroWinklerAtThresholds("address", [0.9]).configure(term_frequency_adjustments=True),
        "birth_place": cl.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
        "sex": cl.ExactMatch("sex"),
    }


def _pseudopeople(cl: Any) -> Comparisons:
    return {
        "given_name": cl.NameComparison("given_name", jaro_winkler_thresholds=[0.9]).configure(
            term_frequency_adjustments=True
        ),
        "middle_name": cl.ExactMatch("middle_name").configure(term_frequency_adjustments=True),
        "family_name": cl.NameComparison("family_name", jaro_winkler_thresholds=[0.9]).configure(
            term_frequency_adjustments=True
        ),
        "birth_date": cl.DamerauLevenshteinAtThresholds("birth_date", [1]),
        "address": cl.DamerauLevenshteinAtThresholds("address").configure(term_frequency_adjustments=True),
        "sex": cl.ExactMatch("sex"),
        "number": cl.DamerauLevenshteinAtThresholds("number", [1, 2]),
    }


SETTINGS = {
    "febrl3": Settings(
        _febrl3, [("number",), ("given_name",), ("family_name",), ("date_of_birth",), ("postal_code",)],
        [("number",), ("given_name", "family_name", "date_of_birth")], 0.9, (("date_of_birth",), ("postal_code",)),
    ),
    "febrl4": Settings(
        _febrl4,
        [("given_name", "family_name"), ("date_of_birth",), ("number",), ("state", "address_1"),
         ("street_number", "address_1"), ("postal_code",)],
        [("number",), ("given_name", "family_name", "date_of_birth")], 0.8, (("date_of_birth",), ("postal_code",)),
    ),
    "persons": Settings(
        _persons,
        [("substr(given_name,1,3)", "substr(family_name,1,4)"), ("family_name", "birth_date"), ("given_name", "birth_date"),
         ("postal_code", "family_name"), ("substr(postal_code,1,3)", "birth_date"),
         ("substr(given_name,1,2)", "substr(family_name,1,2)", "substr(birth_date,1,4)")],
        [("given_name", "family_name", "birth_date"), ("substr(given_name,1,2)", "family_name", "substr(postal_code,1,2)"),
         ("birth_date", "postal_code")], 0.6, (("given_name", "family_name"), ("birth_date",)), 1e7,
    ),
    "rldata": Settings(
        _febrl3, [("given_name",), ("family_name",), ("date_of_birth",)], [("given_name", "date_of_birth"), ("family_name", "date_of_birth")], 0.8, (("date_of_birth",), ("family_name",)),
    ),
    "pseudopeople": Settings(
        _pseudopeople, [("given_name",), ("family_name",), ("birth_date",), ("street_name",), ("street_number",)],
        training=(("birth_date",), ("family_name",)), prior=False,
    ),
}  # fmt: skip
"""Of the rules of the 50,000 persons those on a postal code's first letters with a name alone are left out: of a million
records they make a hundred million pairs."""

LARGE = 50_000
"""Records from which on pairs of a weight under -6 are not kept."""


def link(
    connection: duckdb.DuckDBPyConnection,
    records: pa.Table,
    name: str,
    into: str,
    *,
    across: bool,
    clusters: bool = False,
) -> int:
    """Link records by the settings of a name, into a table (l, r, weight, probability, same); return how many pairs.

    With `clusters` it clusters them too, at a probability of 0.99, and makes no table.
    """
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    from splink.internals import comparison_library as cl

    logging.disable(logging.WARNING)
    said = SETTINGS[name]
    held = _clean(connection, records, across=across)
    comparisons = [each for column, each in said.comparisons(cl).items() if column in held]

    def rule(columns: tuple[str, ...]) -> Any:
        return block_on(*columns)

    def there(columns: tuple[str, ...]) -> bool:
        return all(any(each in column for each in held) for column in columns)

    api = DuckDBAPI(connection=connection)
    sides = [connection.table(f"plain_{side}") for side in ((0, 1) if across else (0,))]
    settings: dict[str, Any] = {
        "link_type": "link_only" if across else "dedupe_only", "unique_id_column_name": "n", "comparisons": comparisons,
        "blocking_rules_to_generate_predictions": [rule(each) for each in said.blocks if there(each)],
    }  # fmt: skip
    if not said.prior:
        settings["probability_two_random_records_match"] = 1 / max(side.shape[0] for side in sides)
    linker = Linker([api.register(side) for side in sides], SettingsCreator(**settings))
    if said.prior:
        rules = [rule(each) for each in said.rules if there(each)]
        linker.training.estimate_probability_two_random_records_match(rules, recall=said.recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=said.samples, seed=1)
    training = [each for each in said.training if there(each)]
    for block in training if len(training) > 1 else [*training, ("given_name",)]:
        linker.training.estimate_parameters_using_expectation_maximisation(
            rule(block), estimate_without_term_frequencies=True
        )
    found = linker.inference.predict(threshold_match_weight=-15 if len(records) < LARGE else -6)
    if clusters:
        linker.clustering.cluster_pairwise_predictions_at_threshold(found, threshold_match_probability=0.99)
        return found.as_duckdbpyrelation().shape[0]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {into} AS SELECT p.n_l AS l, p.n_r AS r, p.match_weight AS weight,"
        f" p.match_probability AS probability, a.entity = b.entity AS same FROM {found.physical_name} p"
        " JOIN plain_truth a ON a.n = p.n_l JOIN plain_truth b ON b.n = p.n_r"
    )
    return connection.table(into).shape[0]


def _clean(connection: duckdb.DuckDBPyConnection, records: pa.Table, *, across: bool) -> set[str]:
    """Make the tables that Splink is given; return the columns of which both sides have something."""
    connection.register("plain_records", records)
    names = {"given_names": "given_name", "commune": "city"}
    fields = [name for name in records.column_names if name not in ("id", "source", "entity", "origin", "n")]
    written = ", ".join(f"nullif(trim(lower(strip_accents({name}))), '') AS {names.get(name, name)}" for name in fields)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE plain_all AS SELECT *, given_name || ' ' || family_name AS both_names FROM"
        f" (SELECT row_number() OVER () AS n, entity, origin, {written} FROM plain_records)"
    )
    connection.unregister("plain_records")
    for side in (0, 1) if across else (0,):
        where = f"WHERE origin = {side}" if across else ""
        connection.execute(
            f"CREATE OR REPLACE TABLE plain_{side} AS SELECT * EXCLUDE (entity, origin) FROM plain_all {where}"
        )
    connection.execute("CREATE OR REPLACE TEMP TABLE plain_truth AS SELECT n, entity, origin FROM plain_all")
    columns = [names.get(name, name) for name in fields] + ["both_names"]
    counted = ", ".join(f"count({name})" for name in columns)
    sides = connection.execute(f"SELECT {counted} FROM plain_all {'GROUP BY origin' if across else ''}").fetchall()
    return {name for place, name in enumerate(columns) if all(side[place] for side in sides)}
