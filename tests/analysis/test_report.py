"""The tables and sentences of a report, and that terminal and text hold the same."""

import io
import math

import pytest
from rich.console import Console

from cnn_physics77.analysis.report import (
    as_text,
    findings,
    format_spread,
    frontier_table,
    report,
    results_table,
)
from cnn_physics77.analysis.statistics import spread
from cnn_physics77.results import Disturbance, ProofRecord


def _cells(table):
    """Rows of a rich table as text."""
    return list(zip(*[list(column.cells) for column in table.columns], strict=True))


def test_results_table_of_a_pair(invented):
    ours, theirs = logs = invented.pair()
    table = results_table(logs)
    rows = _cells(table)
    assert [column.header for column in table.columns][:4] == [
        "run",
        "test\nloss",
        "accuracy\n(%)",
        "s /\nepoch",
    ]
    assert rows[0][:3] == ("Custom-Adam", f"{ours.final_loss:.4f}", f"{100 * ours.final_accuracy:.2f}")
    assert rows[1][0] == "Torch-Adam" and rows[1][4] == rows[1][6] == "1"
    times = sorted(record.seconds for record in ours.epochs)
    assert rows[0][3].startswith(f"{times[1]:.3f}\n[")
    assert rows[0][4].startswith("0.4") and "[" in rows[0][4]
    assert rows[0][5] == f"{ours.memory.above_baseline_bytes / 1e6:.1f}"
    ratio = ours.memory.above_baseline_bytes / theirs.memory.above_baseline_bytes
    assert rows[0][6] == f"{ratio:.2f}"


def test_results_of_both_of_ours(invented):
    ours, compiled, theirs = logs = invented.trio()
    rows = _cells(results_table(logs))
    assert [row[0] for row in rows] == ["Custom-Adam", "Compiled-Adam", "Torch-Adam"]
    for row, log in zip(rows, (ours, compiled)):
        ratios = sorted(a.seconds / b.seconds for a, b in zip(log.epochs, theirs.epochs))
        assert row[4].startswith(f"{ratios[1]:.2f}\n[")
        assert row[6] == f"{log.memory.above_baseline_bytes / theirs.memory.above_baseline_bytes:.2f}"
    sentences = findings(logs)
    assert "(Custom and Compiled, each against PyTorch, step by step over 50 steps;" in sentences[0]
    assert sentences[1] == "Compiled-Adam: the captured step used lanes in processes."
    assert [sentence.split(".")[0] for sentence in sentences[2:]] == ["Custom-Adam", "Compiled-Adam"]
    compiled.proof = ProofRecord(50, 1e-9, 1e-3, 0.0, 0.0)
    assert "withheld" in _cells(results_table(logs))[1]


def test_what_did_not_train_has_no_ratio(invented):
    rows = _cells(results_table(invented.grid()))
    assert [row[0] for row in rows] == [
        "Custom-Adam",
        "Torch-Adam",
        "Custom-SGD\n(did not train)",
        "Torch-SGD\n(did not train)",
    ]
    assert rows[2][4] == rows[2][6] == "not\ncompared" and rows[3][4] == "-"


def test_speed_is_withheld_when_the_proof_failed(invented):
    logs = invented.pair()
    logs[0].proof = ProofRecord(500, 1e-9, 1e-15, math.nan, 0.0)
    rows = _cells(results_table(logs))
    assert {rows[0][3], rows[0][4], rows[1][3]} == {"withheld"}
    sentence = findings(logs)[0]
    assert sentence.startswith("Proof in float64: FAILED; speed is withheld")
    assert "largest relative difference inf, in the gradient norm" in sentence
    assert "The float64 proof FAILED" in as_text(report(logs))


def test_a_terminal_of_80_columns_shows_every_word(invented):
    logs = invented.seeds(3) + invented.seeds(3, optimizer="SGD", trains=False)
    for disturbance in (None, Disturbance(0.93, 3, True)):
        for record in (record for log in logs for record in log.epochs):
            record.disturbance = disturbance
        said = as_text(report(logs), width=80)
        assert "…" not in said and max(map(len, said.splitlines())) <= 80
        assert sum(row.split().count("DISTURBED") for row in said.splitlines()) == (5 if disturbance else 0)


def test_findings_of_several_seeds(invented):
    sentences = findings(invented.seeds(4) + invented.seeds(4, optimizer="SGD", trains=False))
    assert sentences[0] == (
        "Proof in float64: passed (both frameworks step by step over 50 steps; largest relative difference "
        "3.0e-12, in the parameters; tolerance 1e-09)."
    )
    assert sentences[1] == (
        "Custom-SGD did not train: 4 of 4 runs ended below the floor of 50 % and enter no comparison."
    )
    told = [sentence for sentence in sentences if sentence.startswith("Adam. ")]
    assert [sentence.split(":")[0] for sentence in told] == [
        "Adam. Test accuracy",
        "Adam. Final loss",
        "Adam. Gradient norm",
    ]
    assert not any(sentence.startswith("SGD. ") for sentence in sentences)


def test_findings_of_one_seed_claim_nothing(invented):
    logs = invented.pair()
    for log in logs:
        log.proof = None
    sentences = findings(logs)
    assert sentences[0].startswith("Proof: none in these logs")
    assert sentences[1].startswith("Adam. One pair of runs cannot show equivalence (ours minus PyTorch's: ")
    assert len(sentences) == 2


def test_frontier_report_counts_verdicts(invented):
    logs = invented.frontier(2)
    rows = _cells(frontier_table(logs))
    assert len(rows) == 18 and [row[5] for row in rows[:9]] == ["*"] * 7 + ["", "*"]
    assert rows[0][:3] == ("Custom-Adam", "1x8", "5,416")
    text = as_text(report(logs))
    assert "Efficiency frontier" in text and " of 9 networks." in text
    told = findings([log for log in logs if log.config.seed == 67])
    assert told[1:] == ["One pair of runs of each of 9 networks cannot show equivalence; use several seeds."]
    dead = frontier_table([*logs, invented.log(channels=1, hidden=2, trains=False)])
    assert dead.caption == "left out: Custom-Adam 1x2 (did not train)"


def test_terminal_and_text_hold_the_same(invented):
    logs = invented.grid(fallback=True)
    buffer = io.StringIO()
    Console(file=buffer, width=118, force_terminal=True, color_system="truecolor").print(report(logs))
    coloured = buffer.getvalue()
    assert "\x1b[" in coloured
    text = as_text(report(logs))
    assert "\x1b" not in text
    plain = io.StringIO()
    Console(file=plain, width=118, color_system=None).print(report(logs))
    assert [line.rstrip() for line in plain.getvalue().splitlines()] == text.splitlines()
    assert "NOT MNIST" in text and max(map(len, text.splitlines())) <= 118


def test_no_logs_is_a_clear_error():
    for make in (results_table, frontier_table, findings, report):
        with pytest.raises(ValueError, match="expected at least one log, found none"):
            make([])


def test_spreads_say_what_failed():
    assert format_spread(spread([1.5]), ".2f") == "1.50"
    assert format_spread(spread([math.nan]), ".2f") == "not finite"
    assert format_spread(spread([1.0, 2.0, math.inf]), ".1f") == "1.5 [1.2, 1.8], 1 not finite"


def test_interrupted_before_the_first_epoch(invented):
    log = invented.log(finished=False)
    log.epochs, log.memory = [], None
    rows = _cells(results_table([log]))
    assert rows[0] == ("Custom-Adam\n(interrupted)", "-", "-", "-", "not\ncompared", "-", "not\ncompared")


def test_what_the_performance_policy_did_is_printed(invented):
    ours, theirs = invented.pair()
    assert "performance.status()" not in as_text(report([ours, theirs]))
    ours.environment.performance = ["threads    2", "allocator  keeps freed memory"]
    theirs.environment.performance = ["allocator  untouched"]
    compiled = invented.log("numpy77_compiled")
    compiled.environment.performance = ["threads    3"]
    said = as_text(report([ours, compiled, theirs]))
    assert "threads    3" not in said and "threads    3" in as_text(report([compiled, theirs]))
    assert "performance.status()" in said and "keeps freed memory" in said and "untouched" not in said
