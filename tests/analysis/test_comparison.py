"""Which runs are paired, and what enters a comparison."""

import dataclasses

import numpy as np
import pytest

from cnn_physics77.analysis import comparison


def test_runs_come_by_optimizer_framework_and_seed(invented):
    logs = invented.seeds(2, optimizer="SGD")[::-1] + invented.seeds(2)[::-1]
    found = comparison.runs_by_label(logs, "demo")
    assert list(found) == ["Custom-Adam", "Torch-Adam", "Custom-SGD", "Torch-SGD"]
    assert [log.config.seed for log in found["Torch-SGD"]] == [67, 68]


def test_pairs_share_everything_but_the_framework(invented):
    ours, theirs = invented.pair()
    other_seed = invented.log("pytorch", seed=99)
    other_group = dataclasses.replace(theirs, group="another")
    other_size = invented.log("pytorch", hidden=64)
    logs = [other_seed, other_group, other_size, ours, theirs]
    assert comparison.pair_runs(logs) == [(ours, theirs)]
    assert comparison.pair_runs([ours, other_seed, other_group]) == []
    assert comparison.pair_runs(logs, "pytorch") == []


def test_both_of_ours_are_compared_with_pytorch(invented):
    ours, compiled, theirs = logs = invented.trio()
    assert list(comparison.runs_by_label(logs[::-1], "demo")) == [
        "Custom-Adam",
        "Compiled-Adam",
        "Torch-Adam",
    ]
    assert comparison.pair_runs(logs) == [(ours, theirs)]
    assert comparison.pair_runs(logs, "numpy77_compiled") == [(compiled, theirs)]
    assert comparison.compared(logs) == ["numpy77", "numpy77_compiled"]
    assert comparison.compared([ours, compiled]) == []


def test_time_ratio_is_the_median_over_paired_epochs(invented):
    logs = invented.seeds(3)
    pairs = comparison.pair_runs(logs)
    ratios = [a.seconds / b.seconds for x, y in pairs for a, b in zip(x.epochs, y.epochs, strict=True)]
    found = comparison.epoch_time_ratio(pairs)
    assert found.estimate == pytest.approx(np.median(ratios)) and found.pairs == 9
    assert min(ratios) <= found.low <= found.estimate <= found.high <= max(ratios)


def test_memory_ratio_is_above_baseline(invented):
    ours, theirs = invented.pair()
    found = comparison.memory_ratio([(ours, theirs)])
    assert found.estimate == pytest.approx(
        ours.memory.above_baseline_bytes / theirs.memory.above_baseline_bytes
    )
    assert comparison.memory_ratio(comparison.pair_runs(invented.pair(memory=False))) is None


@pytest.mark.parametrize("failure", [{"trains": False}, {"finished": False}, {"nan_from": 10}])
def test_what_did_not_train_enters_no_ratio(invented, failure):
    good, bad = invented.log(), invented.log("pytorch", **failure)
    pairs = [(good, bad)]
    assert comparison.epoch_time_ratio(pairs) is None
    assert comparison.memory_ratio(pairs) is None
    with_another = pairs + comparison.pair_runs(invented.pair(seed=1))
    assert comparison.epoch_time_ratio(with_another).pairs == 3  # the epochs of the pair that trained


def test_shortfall_counts(invented):
    good, dead, cut = invented.log(), invented.log(trains=False), invented.log(finished=False)
    assert comparison.shortfall([good]) == ""
    assert comparison.shortfall([dead]) == comparison.shortfall([dead, dead]) == "did not train"
    assert comparison.shortfall([cut]) == "interrupted"
    assert comparison.shortfall([good, dead, cut]) == "1 of 3 did not train, 1 of 3 interrupted"


def test_equivalence_is_tested_for_each_setting(invented):
    logs = invented.seeds(4) + invented.seeds(4, optimizer="SGD", trains=False)
    found = comparison.equivalences(logs)
    assert set(found) == {"Adam", "SGD"}
    accuracy, loss, norm = found["Adam"]
    ours = [100 * log.final_accuracy for log in logs if log.label == "Custom-Adam"]
    theirs = [100 * log.final_accuracy for log in logs if log.label == "Torch-Adam"]
    assert accuracy.difference == pytest.approx(np.mean(ours) - np.mean(theirs))
    assert (accuracy.pairs, loss.pairs, norm.pairs) == (4, 4, 4)
    assert loss.margin.relative and norm.margin.relative
    assert all(test.pairs == 0 and test.failed == 4 for test in found["SGD"])


def test_settings_of_several_sizes_are_named_by_parameters(invented):
    logs = invented.pair(hidden=16) + invented.pair(hidden=32)
    assert list(comparison.equivalences(logs)) == ["Adam, 21,648 parameters", "Adam, 43,296 parameters"]
