"""The paper's tables against themselves, against numbers that other places state, and beside ours."""

from dataclasses import replace

import pytest

from spar.errors import DataError
from spar.experiments.paper_tables.published import TABLES, PublishedTable, beside, gains, mismatches, read_table

LISTED = {(8, "SPaR-7B-SFT", "llmbar.adversarial.f1", 56.1)}
"""The one printed mean that its parts do not give (they give 55.975)."""


def value(table: int, model: str, column: str) -> float:
    return next(row for row in read_table(table).rows if row.model == model).values[column]


SHAPES = {1: (17, 11), 2: (14, 14), 3: (5, 2), 4: (4, 3), 5: (3, 4), 6: (19, 11), 7: (19, 5), 8: (8, 14)}


@pytest.mark.parametrize("number", TABLES)
def test_every_table_is_whole(number: int) -> None:
    table = read_table(number)
    rows, columns = SHAPES[number]
    assert (table.number, len(table.rows), len(table.columns)) == (number, rows, columns)
    assert all(tuple(row.values) == table.columns for row in table.rows)
    assert len({row.model for row in table.rows}) == rows


def test_printed_means_are_those_of_their_parts_or_listed() -> None:
    found = {(item.table, item.model, item.column, item.printed) for n in TABLES for item in mismatches(read_table(n))}
    assert found == LISTED
    checked = sum(len(table.means) * len(table.rows) for table in map(read_table, TABLES))
    assert checked == 2 * (17 + 19) + 4 * (14 + 8) + 19


def test_printed_gains_are_against_the_instruct_model_of_the_backbone() -> None:
    table = read_table(7)
    first = {}
    for row in table.rows:
        base = first.setdefault(row.backbone, row.values["general.average"])
        if row.gain is not None:
            assert row.values["general.average"] - base == pytest.approx(row.gain, abs=0.1 + 1e-9)
    assert sum(row.gain is not None for row in table.rows) == 15


def test_what_the_ablations_start_from_is_what_the_main_tables_print() -> None:
    for ablation, main in ((4, 1), (5, 2)):
        base = read_table(ablation).rows[0]
        for column, printed in base.values.items():
            assert value(main, base.model, column) == printed


def test_models_in_tables_1_and_6_are_the_same_in_both() -> None:
    first = {row.model: row.values for row in read_table(1).rows if row.backbone in ("GLM-4-9B", "LLaMA3-70B")}
    full = {row.model: row.values for row in read_table(6).rows}
    assert len(first) == 6
    assert all(full[model] == values for model, values in first.items())


def test_ablations_are_read_as_values() -> None:
    """Stated: -2.0 -0.8 -1.7 against iteration 3; for the refiner -0.5 -1.2 -4.3 -8.2."""
    rows = {row.model: row for row in read_table(4).rows}
    row = rows["w/o Tree Search"]
    assert list(row.values.values()) == [76.0, 82.9, 67.1]
    assert row.stated is not None
    assert list(row.stated.values()) == [-2.0, -0.8, -1.7]
    refiner = next(row for row in read_table(5).rows if row.model == "w/o Tree Search")
    assert list(refiner.values.values()) == [70.0, 64.7, 63.5, 54.2]


@pytest.mark.parametrize(
    ("table", "model", "column", "printed"),
    [
        (1, "LLaMA3-8B-Instruct", "ifeval.average", 77.9),
        (1, "SPaR-8B-DPO-iter3", "ifeval.average", 81.8),
        (1, "SPaR-8B-DPO-iter3 w/ tree search", "followbench.ssr.average", 69.4),
        (1, "AutoIF-8B", "ifeval.average", 42.5),
        (3, "SPaR-8B-RFT-iter3", "refinement.acc_spar", 90.5),
        (3, "SPaR-8B-RFT-iter3", "refinement.acc_gpt", 79.0),
        (7, "SPaR-70B-DPO-iter3", "general.humaneval", 79.9),
        (8, "SPaR-7B-RFT-iter3", "llmbar.average.accuracy", 66.0),
    ],
)
def test_numbers_as_the_text_states_them(table: int, model: str, column: str, printed: float) -> None:
    assert value(table, model, column) == printed


def test_ours_stands_beside_theirs_and_a_gap_stays_a_gap() -> None:
    table = read_table(3)
    cells = beside(table, {"SPaR-8B-SFT": {"refinement.acc_gpt": 75.0, "ifeval.average": 1.0}})
    row = cells[[row.model for row in table.rows].index("SPaR-8B-SFT")]
    assert row["refinement.acc_gpt"].difference == 1.5
    assert row["refinement.acc_spar"].difference is None
    assert "ifeval.average" not in row


def test_a_row_that_the_table_lacks_is_an_error() -> None:
    with pytest.raises(DataError, match="Table 3 has no row 'SPaR-8B-sft'"):
        beside(read_table(3), {"SPaR-8B-sft": {}})
    with pytest.raises(DataError, match="no published table 9"):
        read_table(9)


def test_a_planted_wrong_mean_is_found() -> None:
    table = read_table(1)
    row = table.rows[0]
    wrong = replace(row, values={**row.values, "ifeval.average": 78.1})
    planted = PublishedTable(1, "", table.columns, table.means, (wrong,))
    assert [item.column for item in mismatches(planted)] == ["ifeval.average"]


def test_gains_of_table_7_are_over_our_own_instruct_model() -> None:
    table, mean = read_table(7), "general.average"
    ours = {"LLaMA3-8B-Instruct": {mean: 50.0}, "SPaR-8B-SFT": {mean: 51.5}, "SPaR-7B-SFT": {mean: 60.0}}
    by_row = dict(zip([row.model for row in table.rows], gains(table, beside(table, ours)), strict=True))
    assert by_row["LLaMA3-8B-Instruct"] is None
    found, alone = by_row["SPaR-8B-SFT"], by_row["SPaR-7B-SFT"]
    assert found is not None
    assert (found.theirs, found.ours) == (1.7, 1.5)
    assert alone is not None
    assert alone.ours is None  # our Mistral-7B-Instruct was not measured
    assert gains(read_table(1), beside(read_table(1), {})) == [None] * 17
