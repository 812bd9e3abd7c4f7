"""The schema of a log: what is written is read back, and what is damaged is named, never half read."""

import dataclasses
import json
import math
import os

import pytest

from cnn_physics77 import results
from cnn_physics77.results import (
    EpochRecord,
    LogError,
    ProofRecord,
    example_log,
    from_json,
    read_log,
    read_logs,
    to_json,
    to_text,
    validate,
    write_atomically,
    write_log,
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
        (["group"], ..., r"field 'group' is missing"),
        (["config", "lr"], ..., r"file\.config: field 'lr' is missing"),
        (["colour"], "red", r"unknown field 'colour'"),
        (["config", "lr"], "fast", r"file\.config\.lr: expected float, found 'fast'"),
        (["config", "epochs"], 2.0, r"file\.config\.epochs: expected int, found 2\.0"),
        (["config", "epochs"], True, r"file\.config\.epochs: expected int, found True"),
        (["config", "lr"], True, r"file\.config\.lr: expected float, found True"),
        (["config", "diagnostics"], 1, r"expected bool, found 1"),
        (["config"], None, r"file\.config: expected Config, found None"),
        (["epochs", 1, "seconds"], None, r"file\.epochs\[1\]\.seconds: expected float, found None"),
        (["steps", "loss", 3], [], r"file\.steps\.loss\[3\]: expected float"),
        (["steps", "loss"], 3, r"file\.steps\.loss: expected list\[float\], found 3"),
        (["memory"], 5, r"file\.memory: expected MemoryRecord, found 5"),
        (["environment", "packages", "numpy"], 2, r"packages\['numpy'\]: expected str, found 2"),
        (["framework"], "jax", r"framework: expected one of numpy77, pytorch, found 'jax'"),
        (["status"], "running", r"status: expected 'finished' or 'interrupted'"),
        (["config", "dtype"], "float16", r"config\.dtype: expected float32 or float64"),
        (["predictions"], [1], r"predictions: expected 4, found 1"),
        (["epochs", 0, "epoch"], 3, r"epochs: expected epochs 1, 2, \.\.\. in order, found \[3, 2\]"),
        (["epochs"], [], r"epochs: expected 2 epochs, found 0"),
        (["parameter_count"], 91, r"parameter_count: expected 90"),
        (["steps", "gradient_norm"], [1.0], r"steps\.gradient_norm: expected 6 entries, found 1"),
        (["steps", "layer_gradient_norm"], {"fc": [1.0]}, r"layer_gradient_norm\['fc'\]: expected 6 entries"),
        (["steps", "seconds"], [1.0], r"steps\.seconds: expected 6, found 1"),
        (["version"], 2, r"expected version 1 of the schema, found 2"),
        (["version"], ..., r"expected version 1 of the schema, found None"),
        (["schema"], "other", r"expected a log with schema 'cnn_physics77\.run'"),
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
        ('"seconds": 3.6', '"seconds": -3.6', r"epochs\[1\]\.seconds: expected a positive time, found -3\.6"),
        ('"seconds": 3.6', '"seconds": "nan"', r"epochs\[1\]\.seconds: expected a positive time, found nan"),
        ('"test_accuracy": 0.75', '"test_accuracy": 1.5', r"test_accuracy: expected 0 to 1, found 1\.5"),
        ('"predictions": [7', '"predictions": [1', "expected 3 of 4, as the predictions say, found 1.0"),
        ('"labels": [7', '"labels": [10', r"labels: expected classes from 0 to 9, found \[10\]"),
        ('"baseline_bytes": 3', '"baseline_bytes": -3', "memory: expected positive sizes"),
        ('"lr": 0.001', '"lr": 1' + "0" * 400, "lr: expected float"),
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
    """Bytes of a file name that are not UTF-8 reach Python as lone surrogates."""
    log = example_log()
    log.environment.command_line = ["main.py", "--log_dir", "\udcff"]
    path = write_log(log, tmp_path)
    assert read_log(path) == log and "--log_dir \\udcff" in path.with_suffix(".txt").read_text()
