"""The schema of a log: what is written is read back, and what is damaged is named, never half read."""

import dataclasses
import errno
import json
import math
import os
from pathlib import Path

import pytest

from cnn_physics77 import results
from cnn_physics77.benchmarks.instruments.measure import environment
from cnn_physics77.results import (
    EpochRecord,
    LogError,
    ProofRecord,
    example_log,
    from_json,
    read_log,
    read_logs,
    read_profile,
    read_speed,
    to_json,
    to_text,
    validate,
    write_atomically,
    write_log,
    write_report,
)


@pytest.mark.parametrize("framework", results.FRAMEWORKS)
def test_round_trip_through_a_file(tmp_path, framework):
    log = example_log(framework)
    path = write_log(log, tmp_path / "new" / "folder")
    assert path.name == f"{log.run_id}.json" and read_log(path) == log
    assert path.with_suffix(".txt").read_text() == to_text(log)
    assert sorted(item.name for item in path.parent.iterdir()) == [f"{log.run_id}.json", f"{log.run_id}.txt"]


def test_the_json_is_strict_and_holds_what_readers_of_other_languages_expect():
    content = json.loads(to_json(example_log()), parse_constant=lambda word: pytest.fail(word))
    assert content["schema"] == "cnn_physics77.run" and content["version"] == 1
    expected = {"config", "environment", "parameter_count", "architecture", "epochs", "steps", "labels"}
    assert expected <= content.keys()
    assert {"loss", "gradient_norm", "seconds"} <= content["steps"].keys()
    epoch = {"seconds", "train_loss", "test_loss", "test_accuracy", "peak_memory_bytes", "mean_gradient_norm"}
    assert epoch <= content["epochs"][0].keys()


def test_numbers_that_json_does_not_have():
    log = example_log()
    log.steps.loss[1:4] = [math.nan, math.inf, -math.inf]
    log.epochs[1].test_loss = math.nan
    text = to_json(log)
    assert "NaN" not in text and "Infinity" not in text
    found = from_json(text)
    assert math.isnan(found.steps.loss[1]) and found.steps.loss[2:4] == [math.inf, -math.inf]
    assert math.isnan(found.epochs[1].test_loss) and math.isnan(found.final_loss)


def changed(path, value):
    """The example's content with one place changed; `...` removes it."""
    content = json.loads(to_json(example_log()))
    place = content
    *way, last = path
    for key in way:
        place = place[key]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["group"], ..., r"file: group: field is missing"),
        (["config", "lr"], ..., r"file: config\.lr: field is missing"),
        (["colour"], "red", r"file: colour: unknown field"),
        (["config", "lr"], "fast", r"file: config\.lr: expected a valid number, found 'fast'"),
        (["config", "epochs"], 2.0, r"file: config\.epochs: expected a valid integer, found 2\.0"),
        (["config", "epochs"], True, r"file: config\.epochs: expected a valid integer, found True"),
        (["config", "lr"], True, r"file: config\.lr: expected a valid number, found True"),
        (["config", "diagnostics"], 1, r"config\.diagnostics: expected a valid boolean, found 1"),
        (["config"], None, r"file: config: expected an object, found None"),
        (["epochs", 1, "seconds"], None, r"file: epochs\[1\]\.seconds: expected a valid number, found None"),
        (["steps", "loss", 3], [], r"file: steps\.loss\[3\]: expected a valid number, found \[\]"),
        (["steps", "loss"], 3, r"file: steps\.loss: expected a valid array, found 3"),
        (["memory"], 5, r"file: memory: expected an object, found 5"),
        (
            ["environment", "packages", "numpy"],
            2,
            r"packages\.numpy: expected a valid string, found 2",
        ),
        (["framework"], "jax", r"framework: expected one of numpy77, numpy77_compiled, pytorch, found 'jax'"),
        (["status"], "running", r"status: expected 'finished' or 'interrupted'"),
        (["config", "dtype"], "float16", r"config\.dtype: expected float32 or float64"),
        (["predictions"], [1], r"predictions: expected 4, found 1"),
        (["epochs", 0, "epoch"], 3, r"epochs: expected epochs 1, 2, \.\.\. in order, found \[3, 2\]"),
        (["epochs"], [], r"epochs: expected 2 epochs, found 0"),
        (["parameter_count"], 91, r"parameter_count: expected 90"),
        (["steps", "gradient_norm"], [1.0], r"steps\.gradient_norm: expected 6 entries, found 1"),
        (["steps", "layer_gradient_norm"], {"fc": [1.0]}, r"layer_gradient_norm\['fc'\]: expected 6 entries"),
        (["steps", "seconds"], [1.0], r"steps\.seconds: expected 6, found 1"),
        (["version"], 2, r"version: expected 1, found 2"),
        (["version"], ..., r"version: expected 1, found None"),
        (["schema"], "other", r"file: schema: expected 'cnn_physics77\.run', found 'other'"),
    ],
)
def test_what_differs_from_the_schema_is_named(path, value, message):
    with pytest.raises(LogError, match=message):
        from_json(changed(path, value), "file")


@pytest.mark.parametrize("text", ["", "[1, 2]", "{}", to_json(example_log())[:-100], "\0"])
def test_what_is_no_log(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(LogError, match=r"x\.json: "):
        read_log(path)


def test_a_binary_file_is_no_log(tmp_path):
    path = tmp_path / "x.json"
    path.write_bytes(b"\x1f\x8b\xff")
    with pytest.raises(LogError, match="not UTF-8"):
        read_log(path)


def test_an_interrupted_run_may_have_less():
    log = example_log(status="interrupted", epochs=example_log().epochs[:1])
    log.steps.loss, log.steps.gradient_norm = [], []
    log.epochs[0] = EpochRecord(1, 0, 3.5, 0.3, 0.75)
    assert from_json(to_json(log)) == log and not log.trained


def test_nothing_invalid_is_written(tmp_path):
    with pytest.raises(LogError, match="framework"):
        write_log(dataclasses.replace(example_log(), framework="jax"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_writing_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomically(path, "old")

    def fail(*_):
        raise KeyboardInterrupt

    for name in ("fsync", "replace"):
        with monkeypatch.context() as context, pytest.raises(KeyboardInterrupt):
            context.setattr(os, name, fail)
            write_atomically(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    write_atomically(path, "new")
    assert path.read_text() == "new"


def test_a_full_disk_is_named_with_the_file(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"No space left on device: .*file\.txt'"):
        write_atomically(tmp_path / "file.txt", "content")
    assert list(tmp_path.iterdir()) == []


def test_reading_a_folder(tmp_path):
    for name in ("b", "a", "c"):
        write_log(example_log(run_id=name, group="g" if name == "a" else "h"), tmp_path)
    assert [log.run_id for log in read_logs(tmp_path)] == ["a", "b", "c"]
    assert [log.run_id for log in read_logs(tmp_path, group="h")] == ["b", "c"]


def test_what_may_be_compared():
    ours, theirs = example_log("numpy77"), example_log("pytorch")
    assert ours.pair_key == theirs.pair_key and (ours.label, theirs.label) == ("Custom-Adam", "Torch-Adam")
    for other in (
        example_log(group="later"),
        example_log(config=dataclasses.replace(ours.config, seed=68)),
        example_log(config=dataclasses.replace(ours.config, dtype="float64")),
    ):
        assert other.pair_key != ours.pair_key


def test_trained_means_finished_and_above_the_floor():
    assert example_log().trained
    assert not example_log(status="interrupted").trained
    assert not example_log(accuracy_floor=1.01).trained
    diverged = example_log()
    diverged.epochs[-1].test_accuracy = math.nan
    assert not diverged.trained


@pytest.mark.parametrize(
    ("values", "passed"),
    [((1e-10, 1e-10, 1e-9), True), ((1e-10, 1.1e-9, 0), False), ((0, 0, math.nan), False)],
)
def test_a_proof_passes_only_within_its_tolerance(values, passed):
    assert ProofRecord(50, 1e-9, *values).passed is passed


def test_text_says_what_must_not_be_overlooked():
    assert "DID NOT TRAIN" in to_text(example_log(accuracy_floor=1.01))
    log = example_log(proof=ProofRecord(50, 1e-9, 1.0, 0.0, 0.0))
    log.data.fallback = True
    assert "FAILED" in to_text(log) and "figures are not MNIST's" in to_text(log)
    bare = example_log(
        status="interrupted", memory=None, proof=None, replay_equal=None, final_weights_sha256=None
    )
    bare.epochs[0] = EpochRecord(1, 0, 3.5, 0.3, 0.75)
    validate(bare)
    assert "interrupted" in to_text(bare)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"seconds": 3.6', '"seconds": -3.6', r"epochs\[1\]\.seconds: expected greater than 0, found -3\.6"),
        ('"seconds": 3.6', '"seconds": "nan"', r"epochs\[1\]\.seconds: expected a valid number, found 'nan'"),
        (
            '"test_accuracy": 0.75',
            '"test_accuracy": 1.5',
            r"accuracy: expected less than or equal to 1, found 1\.5",
        ),
        ('"predictions": [7', '"predictions": [1', "expected 3 of 4, as the predictions say, found 1.0"),
        ('"labels": [7', '"labels": [10', r"labels: expected classes from 0 to 9, found \[10\]"),
        ('"baseline_bytes": 3', '"baseline_bytes": -3', r"memory\.baseline_bytes: expected greater than 0"),
        ('"lr": 0.001', '"lr": 1' + "0" * 400, "lr: expected a finite number"),
    ],
)
def test_figures_that_cannot_be_are_refused(before, after, message):
    text = to_json(example_log())
    assert before in text
    with pytest.raises(LogError, match=message):
        from_json(text.replace(before, after))


def test_deep_nesting_is_damage():
    with pytest.raises(LogError, match="not JSON"):
        from_json("[" * 100_000)


def test_a_command_line_that_is_not_text_is_escaped(tmp_path):
    """Bytes of a file name that are not UTF-8 reach Python as lone surrogates, which JSON does not have. Logs
    of before have them all the same."""
    log = example_log()
    log.environment.command_line = ["main.py", "--log_dir", "\udcff"]
    path = write_log(log, tmp_path)
    assert "--log_dir \\udcff" in path.with_suffix(".txt").read_text()
    assert read_log(path).environment.command_line == ["main.py", "--log_dir", "?"]
    recorded = environment("now", ["main.py", "\udcff"], None, 1, "kept")
    assert recorded.command_line == ["main.py", "\\udcff"]


OLD = Path(__file__).parent / "logs_of_version_1"


@pytest.mark.parametrize("name", ["run_custom", "run_torch", "run_not_finite"])
def test_logs_of_the_first_version_are_read(name, tmp_path):
    """Files that an earlier release wrote, in which nothing tells who disturbed what."""
    path = OLD / f"{name}.json"
    log = read_log(path)
    assert log.label in ("Custom-Adam", "Torch-Adam") and log.disturbed_epochs == 0
    content, again = json.loads(path.read_text()), json.loads(to_json(log))
    assert [epoch.pop("disturbance") for epoch in again["epochs"]] == [None, None]
    assert again["environment"].pop("performance") == [] and again.pop("lanes") == ""
    assert again == content
    assert "DISTURBED" not in to_text(log)


def test_numbers_that_json_does_not_have_in_a_log_of_the_first_version():
    log = read_log(OLD / "run_not_finite.json")
    assert math.isnan(log.final_loss) and log.epochs[1].train_loss == math.inf
    assert math.isnan(log.proof.parameters) and not log.proof.passed
    assert math.isnan(log.steps.loss[4]) and log.steps.loss[5] == math.inf


def test_reports_of_the_first_version_are_read(tmp_path):
    report = read_speed(OLD / "speed.json")
    assert report.busy is not None and report.cases[0].disturbed_pairs == 0
    assert report.cases[0].times() == (report.cases[0].ours, report.cases[0].theirs)
    assert read_speed(write_report(report, tmp_path / "speed.json")) == report
    found = read_profile(OLD / "profile.json")
    assert not any(found.turns.values()) and len(found.operations) > 5
    assert read_profile(write_report(found, tmp_path / "profile.json")) == found


def test_a_report_names_what_is_wrong(tmp_path):
    text = (OLD / "speed.json").read_text().replace('"rounds": 2', '"rounds": "two"')
    (tmp_path / "speed.json").write_text(text)
    with pytest.raises(LogError, match=r"speed\.json: rounds: expected a valid integer, found 'two'"):
        read_speed(tmp_path / "speed.json")
    with pytest.raises(LogError, match=r"schema: expected 'cnn_physics77\.profile'"):
        read_profile(OLD / "speed.json")
