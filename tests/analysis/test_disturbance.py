"""A time that other programs disturbed is in no summary, and every table and picture says so."""

import dataclasses
import math

import numpy as np
import pytest

from cnn_physics77.analysis import comparison, frontier, visuals
from cnn_physics77.analysis.profile_report import profile_table
from cnn_physics77.analysis.report import as_text, report
from cnn_physics77.analysis.speed import OperationCost
from cnn_physics77.analysis.speed_report import (
    as_speed_cases,
    disturbance_warning,
    speed_tables,
    time_ratio,
)
from cnn_physics77.results import (
    CaseRecord,
    Disturbance,
    OperationRecord,
    ProfileReport,
    SpeedReport,
    example_log,
    to_text,
)

QUIET, BUSY = Disturbance(0.01, 1, False), Disturbance(0.93, 3, True)


def disturb(log, *epochs):
    """Mark these epochs as disturbed and make their times absurd."""
    for number, record in enumerate(log.epochs):
        record.disturbance = BUSY if number in epochs else QUIET
        if number in epochs:
            record.seconds *= 1000
    return log


def words(figure):
    texts = [*figure.texts, *(text for axes in figure.axes for text in axes.texts)]
    return " ".join(" ".join(text.get_text().split()) for text in texts)


def test_a_pair_with_a_disturbed_member_enters_no_ratio(invented):
    ours, theirs = invented.pair()
    quiet = comparison.epoch_time_ratio([(ours, theirs)])
    expected = np.median([ours.epochs[0].seconds / theirs.epochs[0].seconds])
    disturb(ours, 1)
    disturb(theirs, 2)
    found = comparison.epoch_time_ratio([(ours, theirs)])
    assert quiet.pairs == 3 and (found.pairs, found.estimate) == (1, expected)
    disturb(ours, 0, 1, 2)
    assert comparison.epoch_time_ratio([(ours, theirs)]) is None


def test_the_report_says_so_and_has_no_ratio(invented):
    ours, theirs = invented.pair()
    assert "DISTURBED" not in as_text(report([ours, theirs]))
    mine, middle = (sorted(record.seconds for record in log.epochs)[1] for log in (ours, theirs))
    disturb(ours, 0, 1, 2)
    said = " ".join(as_text(report([ours, theirs]), width=200).split())
    assert said.count("3 of 3") == 1 and said.count("none") == 2 and f"{middle:.3f}" in said
    assert f"{1000 * mine:.3f}" not in said
    assert "up to 0.93 processors busy during 3 of 6 timed epochs, also when repeated (Custom-Adam 3)" in said


def test_the_log_for_the_eye_says_so():
    log = disturb(example_log(), 1)
    said = to_text(log)
    assert "DISTURBED in every attempt: epochs 2" in said and "0.93" in said and "0.01" in said
    assert "DISTURBED" not in to_text(example_log())


def test_bars_are_of_undisturbed_epochs(invented):
    ours, theirs = invented.pair()
    kept = [ours.epochs[0].seconds, ours.epochs[1].seconds]
    steps = ours.steps.seconds[: 2 * 25]
    disturb(ours, 2)
    figure = visuals.speed_bars([ours, theirs])
    epoch_axes, step_axes = figure.axes
    assert epoch_axes.patches[0].get_height() == pytest.approx(np.median(kept))
    assert step_axes.patches[0].get_height() == pytest.approx(1e3 * np.median(steps))
    (cross,) = [line for line in epoch_axes.lines if line.get_gid() == "disturbed"]
    assert list(cross.get_ydata()) == [ours.epochs[2].seconds]
    assert "DISTURBED" in words(figure)
    disturb(ours, 0, 1, 2)
    figure = visuals.speed_bars([ours, theirs])
    assert "not compared: disturbed" in words(figure)
    names = [[tick.get_text() for tick in axes.get_xticklabels()] for axes in figure.axes]
    assert names == [["Custom-Adam\n(disturbed)", "Torch-Adam"]] * 2


def test_an_axis_without_a_bar_has_no_ticks(invented):
    logs = [disturb(log, 0, 1, 2) for log in invented.pair()]
    epoch_axes, step_axes = visuals.speed_bars(logs).axes
    assert len(epoch_axes.get_yticks()) and not len(step_axes.get_yticks())


def test_a_pair_that_did_not_train_is_not_left_out_for_others(invented):
    logs = [disturb(log, 0, 1, 2) for log in invented.grid()]
    assert words(visuals.speed_bars(logs)).count("not compared: disturbed") == 1
    said = words(visuals.memory_bars(logs))
    assert "not compared" in said and "disturbed" not in said


def test_a_disturbed_time_is_on_no_frontier(invented):
    logs = invented.frontier()
    fastest = min(logs, key=lambda log: sum(record.seconds for record in log.epochs))
    for record in fastest.epochs:
        record.seconds /= 100
    fastest.epochs[0].disturbance = BUSY
    points, _ = frontier.model_points(logs)
    (marked,) = [point for point in points if point.disturbed]
    ours = [point for point in points if point.label == marked.label]
    assert ours.index(marked) not in frontier.non_dominated(ours)
    figure = visuals.efficiency_frontier(logs)
    stairs = next(line for line in figure.axes[1].lines if line.get_gid() == "front")
    assert min(stairs.get_xdata()) > marked.seconds.median
    assert [line.get_gid() for line in figure.axes[1].lines].count("disturbed") == 1
    assert "Crosses" in words(figure) and "DISTURBED" in words(figure)
    said = as_text(report(logs), width=200)
    assert said.count("none: DISTURBED") == 1 and f" {marked.seconds.median:.2f} " not in said
    for log in logs:
        disturb(log, 0, 1)
    assert all(line.get_gid() != "front" for line in visuals.efficiency_frontier(logs).axes[1].lines)


def test_an_undisturbed_seed_speaks_for_its_size(invented):
    first, second = invented.log(seed=67), disturb(invented.log(seed=68), 0)
    (point,), _ = frontier.model_points([first, second])
    assert not point.disturbed and point.seconds.count == 1
    assert point.seconds.median == sum(record.seconds for record in first.epochs)


def a_case(ours, theirs):
    return CaseRecord(
        family="work", name="w", row="w", column="", dtype="float32", threads=2, calls=1, warmup_calls=1,
        given_sha256="", difference=0.0, differs_most="y", tolerance=1e-4, exact_difference=None,
        exact_tolerance=1e-9, ours=[1.0, 8.0, 1.2], theirs=[2.0, 2.0, 0.1], target=0.7,
        our_disturbance=ours, their_disturbance=theirs,
    )  # fmt: skip


def test_a_case_of_the_speed_suite():
    case = a_case([QUIET, BUSY, QUIET], [QUIET, QUIET, BUSY])
    assert time_ratio(case).estimate == 0.5 and case.disturbed_pairs == 2
    lost = dataclasses.replace(case, name="lost", our_disturbance=[BUSY] * 3)
    assert time_ratio(lost) is None
    report = SpeedReport({}, 2, 3, 0.1, 0.2, None, [case, lost])
    said = " ".join(as_text(speed_tables(report), width=150).split())
    assert "2 of 3 DISTURBED" in said and "3 of 3 DISTURBED" in said and "not judged" in said
    assert disturbance_warning(report).startswith("DISTURBED: in 5 of 6 pairs of blocks")
    figure = visuals.speed_ratios(as_speed_cases(report), "", disturbance_warning(report))
    assert "no ratio 3 of 3 DISTURBED" in words(figure) and "0.50 2 of 3 DISTURBED" in words(figure)
    assert [line.get_gid() for line in figure.axes[0].lines].count("case") == 1
    quiet = SpeedReport({}, 2, 3, 0.1, 0.2, None, [a_case([QUIET] * 3, [QUIET] * 3)])
    assert disturbance_warning(quiet) == "" and "DISTURBED" not in as_text(speed_tables(quiet))


def a_profile(**changes):
    row = OperationRecord("linear", "forward", "2x2", 1, 1.0, 0.5, 0.5, 133.0, 50.0, their_seconds=2.0)
    report = ProfileReport(
        None, "CNN", 1, "2x2", "float32", "Adam", 2, 5, 100.0, 100.0, 1.0, 1.1, [row],
        their_step_seconds=2.0, our_disturbance=[QUIET, BUSY], their_disturbance=[QUIET, QUIET],
    )  # fmt: skip
    return dataclasses.replace(report, **changes)


def test_a_profile():
    said = " ".join(as_text(profile_table(a_profile()), width=150).split())
    assert "1 of 2 turns of ours" in said and "a ratio of 0.50" in said
    lost = a_profile(their_disturbance=[BUSY, BUSY])
    said = " ".join(as_text(profile_table(lost), width=150).split())
    assert "2 of 2 turns of PyTorch's" in said and "no ratio, DISTURBED" in said and "0.50" not in said


def test_no_share_of_a_peak_above_100_percent_without_a_note():
    said = " ".join(as_text(profile_table(a_profile()), width=150).split())
    assert "(133%!)" in said and "! Above the measured peak." in said and "(50%)" in said
    high = a_profile(peak_flops=200.0)
    assert "Above the measured peak" not in as_text(profile_table(high), width=150)
    cost = OperationCost("linear", "BLAS", 133.0, 50.0, 1.0)
    assert "Above a ceiling: linear" in words(visuals.roofline([cost], 100.0, 100.0))
    assert "Above a ceiling" not in words(visuals.roofline([cost], 200.0, 100.0))
    assert math.isclose(cost.rate, 133.0)


def test_where_the_system_does_not_count_the_reports_say_unknown(invented):
    unknown = Disturbance(None, 1, False)
    words = "It is unknown whether other programs disturbed the times"
    ours, theirs = invented.pair()
    assert words not in as_text(report([ours, theirs]))
    ours.epochs[0].disturbance = unknown
    assert words in as_text(report([ours, theirs]), width=150)
    case = a_case([unknown] * 3, [unknown] * 3)
    said = as_text(speed_tables(SpeedReport({}, 2, 3, 0.1, 0.2, None, [case])), width=150)
    assert words in " ".join(said.split()) and time_ratio(case).pairs == 3
    said = as_text(profile_table(a_profile(our_disturbance=[unknown], their_disturbance=[])), width=150)
    assert words in " ".join(said.split()) and "DISTURBED" not in said
