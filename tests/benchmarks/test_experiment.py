"""A whole experiment with both frameworks, small: the logs, the turns, and what an interruption keeps."""

import dataclasses
import math

import numpy as np
import psutil
import pytest

from cnn_physics77 import datasets
from cnn_physics77.benchmarks.experiment import experiment as module
from cnn_physics77.benchmarks.experiment.experiment import Experiment, Progress
from cnn_physics77.benchmarks.helper import ExperimentConfig
from cnn_physics77.benchmarks.instruments.measure import MeasurementError
from cnn_physics77.benchmarks.process.shared_inputs import digest, draw_order, draw_weights
from cnn_physics77.results import Disturbance, ProofRecord, read_logs

SMALL = {
    "channels": 2,
    "hidden": 16,
    "batch_size": 32,
    "train_size": 300,
    "test_size": 100,
    "lr": 0.01,
    "proof_steps": 3,
    "memory_steps": 5,
    "warmup_steps": 2,
    "dataset": "digits",
    "threads": 1,
}
PROOF = ProofRecord(3, 1e-9, 1e-15, 1e-15, 1e-14)
PROOFS = {"numpy77": PROOF, "numpy77_compiled": dataclasses.replace(PROOF, loss=2e-15)}


class Kept(Progress):
    """Keeps what it is given to show; raises KeyboardInterrupt at a line with certain words."""

    def __init__(self, interrupt_at="\0"):
        self.notes, self.stages, self.done, self.interrupt_at = [], [], [], interrupt_at

    def stage(self, title, total):
        self.stages.append((title, total))
        self.done.append(0)
        if self.interrupt_at in title:
            raise KeyboardInterrupt

    def advance(self, done):
        assert done >= self.done[-1]
        self.done[-1] = done

    def note(self, text):
        self.notes.append(text)
        if self.interrupt_at in text:
            raise KeyboardInterrupt


def no_children():
    return [child for child in psutil.Process().children() if "worker" in " ".join(child.cmdline())] == []


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """One experiment of two epochs with diagnostics: (settings, what was shown, logs, folder).

    The proof has tests of its own, and is part of the whole run in the command's tests.
    """
    folder = tmp_path_factory.mktemp("logs")
    settings = ExperimentConfig(epochs=2, diagnostics=True, log_dir=str(folder), **SMALL)
    shown = Kept()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "prove", lambda *arguments: PROOFS)
        logs = Experiment(settings, datasets.load("digits"), shown).run()
    assert no_children()
    return settings, shown, logs, folder


@pytest.mark.needs_torch
def test_one_log_for_each_framework_read_back_as_written(done):
    _, _, logs, folder = done
    assert [log.label for log in logs] == ["Custom-Adam", "Compiled-Adam", "Torch-Adam"]
    assert read_logs(folder) == sorted(logs, key=lambda log: log.run_id)
    assert {log.group for log in logs} == {logs[0].group} and len({log.run_id for log in logs}) == 3
    assert len({log.pair_key for log in logs}) == 1
    assert all((folder / f"{log.run_id}.txt").read_text().startswith(log.label) for log in logs)


@pytest.mark.needs_torch
def test_all_were_given_the_same(done):
    settings, _, logs, _ = done
    ours, compiled, theirs = logs
    for other in (compiled, theirs):
        assert ours.initial_weights_sha256 == other.initial_weights_sha256
        assert ours.permutation_sha256 == other.permutation_sha256
        assert ours.architecture.parameters == other.architecture.parameters
    weights = draw_weights(ours.architecture.parameters, settings.seed)
    assert ours.initial_weights_sha256 == digest({k: v.astype("float32") for k, v in weights.items()})
    assert ours.permutation_sha256 == [digest(draw_order(300, settings.seed, epoch)) for epoch in (1, 2)]
    assert ours.proof == theirs.proof == PROOF and compiled.proof == PROOFS["numpy77_compiled"]


@pytest.mark.needs_torch
def test_they_took_turns(done):
    _, shown, logs, _ = done
    assert [[record.turn for record in log.epochs] for log in logs] == [[0, 5], [1, 4], [2, 3]]
    epochs = [note.split(":")[0] for note in shown.notes if " epoch " in note]
    assert epochs == [
        "Custom-Adam epoch 1/2",
        "Compiled-Adam epoch 1/2",
        "Torch-Adam epoch 1/2",
        "Torch-Adam epoch 2/2",
        "Compiled-Adam epoch 2/2",
        "Custom-Adam epoch 2/2",
    ]


@pytest.mark.needs_torch
def test_everything_is_recorded(done):
    settings, shown, logs, _ = done
    assert [log.lanes for log in logs] == ["", "threads", ""]
    for log in logs:
        assert log.status == "finished" and log.replay_equal
        steps = log.steps
        assert len(steps.seconds) == len(steps.loss) == len(steps.gradient_norm) == 2 * 10  # 300 / 32
        assert set(steps.layer_gradient_norm) == {item.name for item in log.architecture.parameters}
        assert steps.loss[0] == pytest.approx(math.log(10), rel=0.02)  # tiny weights: all classes alike
        for number, record in enumerate(log.epochs):
            part = slice(10 * number, 10 * number + 10)
            assert record.train_loss == pytest.approx(np.mean(steps.loss[part]))
            assert record.mean_gradient_norm == pytest.approx(np.mean(steps.gradient_norm[part]))
            assert record.seconds >= sum(steps.seconds[part]) > 0
            assert record.peak_memory_bytes is not None
        assert len(log.labels) == 100 and log.labels == datasets.load("digits").test_labels[:100].tolist()
        assert log.final_accuracy == np.mean(np.array(log.labels) == log.predictions)
        # PyTorch imports 70 MB of code with its first optimizer, which is not memory of training
        assert 0 < log.memory.above_baseline_bytes < 40_000_000 and log.memory.steps == 5
        # the inputs of the two dense layers: 32 images of 2 channels of 26 x 26, and of 16 values, float32
        dense = next(size for name, size in log.memory.kept_bytes.items() if name[:6] in ("Linear", "AddmmB"))
        assert dense == 32 * (2 * 26 * 26 + 16) * 4
        environment = log.environment
        assert environment.framework_threads == settings.threads and environment.denormals == "kept"
        assert all(pool["num_threads"] <= settings.threads for pool in environment.thread_pools)
        assert log.data.train_size == 300 and log.data.test_size == 100 and not log.data.fallback
    for (_, total), advanced in zip(shown.stages, shown.done, strict=True):
        assert advanced == total


@pytest.mark.needs_torch
def test_the_frameworks_tell_the_same_story(done):
    """float32 with the same weights and batches: equal at first, and still close after twenty steps."""
    *ours, theirs = (log.steps for log in done[2])
    for steps in ours:
        np.testing.assert_allclose(steps.loss[:3], theirs.loss[:3], rtol=1e-5)
        np.testing.assert_allclose(steps.gradient_norm[:3], theirs.gradient_norm[:3], rtol=1e-4)
        np.testing.assert_allclose(steps.loss, theirs.loss, rtol=0.05)


@pytest.mark.needs_torch
def test_an_interruption_keeps_what_was_finished(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "prove", lambda *arguments: PROOFS)
    endless = 10**15  # begins at once, for what an epoch needs is drawn when it comes
    settings = ExperimentConfig(mode="grid", epochs=endless, log_dir=str(tmp_path), **SMALL)
    experiment = Experiment(settings, datasets.load("digits"), Kept("Torch-SGD epoch 2/"))
    with pytest.raises(KeyboardInterrupt):
        experiment.run()
    assert no_children()
    logs = read_logs(tmp_path)
    assert logs == experiment.logs
    assert {log.label: len(log.epochs) for log in logs} == {"Custom-SGD": 1, "Torch-SGD": 2}
    assert all(log.status == "interrupted" and not log.trained for log in logs)
    used = [digest(draw_order(300, settings.seed, epoch)) for epoch in (1, 2)]
    assert [log.permutation_sha256 for log in logs] == [used, used]


def test_no_speed_without_proof(tmp_path, monkeypatch):
    failed = ProofRecord(3, 1e-9, 1e-3, 0.0, math.nan)
    monkeypatch.setattr(module, "prove", lambda *arguments: PROOFS | {"numpy77_compiled": failed})
    settings = ExperimentConfig(epochs=1, log_dir=str(tmp_path), **SMALL)
    shown = Kept()
    with pytest.raises(
        MeasurementError, match=r"differ by more than 1e-09 \(Compiled: loss 1\.0e-03.*nothing was timed"
    ):
        Experiment(settings, datasets.load("digits"), shown).run()
    assert list(tmp_path.iterdir()) == [] and not any("epoch" in note for note in shown.notes)


def test_groups_of_the_same_second_do_not_collide(tmp_path):
    """Two runs at once share a folder of logs, in which neither has written anything yet."""
    settings, data = ExperimentConfig(log_dir=str(tmp_path), **SMALL), datasets.load("digits")
    assert len({Experiment(settings, data).group for _ in range(20)}) == 20


def test_frontier_runs_have_names_of_their_own(tmp_path):
    settings = ExperimentConfig(mode="frontier", log_dir=str(tmp_path), **SMALL)
    configs = settings.runs()
    assert len({dataclasses.astuple(config) for config in configs}) == len(configs) == 9


@pytest.mark.needs_torch
def test_a_disturbed_epoch_is_repeated_and_marked(tmp_path, monkeypatch):
    """The second epoch of ours is disturbed in every attempt; the run ends with the weights of its replay.
    Ours is the captured step, which goes back in place."""
    monkeypatch.setattr(module, "prove", lambda *arguments: PROOFS)
    calls = []

    def stubborn(measure, settle):
        calls.append([measure(attempt) for attempt in (1, 2, 3)])
        return calls[-1][1], Disturbance(0.9, 3, len(calls) == 4)

    monkeypatch.setattr(module, "undisturbed", stubborn)
    settings = ExperimentConfig(epochs=2, engine="compiled", log_dir=str(tmp_path), **SMALL)
    shown = Kept()
    ours, theirs = Experiment(settings, datasets.load("digits"), shown).run()
    assert [record.disturbed for record in ours.epochs] == [False, True] and theirs.disturbed_epochs == 0
    assert ours.epochs[1].seconds == calls[3][1]["seconds"]
    assert ours.replay_equal and theirs.replay_equal
    assert [note for note in shown.notes if "DISTURBED in 3 attempts, others kept 0.90" in note]
    assert read_logs(tmp_path)[0].epochs[1].disturbance == Disturbance(0.9, 3, True)
