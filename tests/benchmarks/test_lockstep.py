"""The proof: both frameworks agree in float64, and the proof fails where they do not."""

import math

import numpy as np
import pytest
import torch

from cnn_physics77 import datasets
from cnn_physics77.benchmarks.adapters.numpy77 import ADAPTER as OURS
from cnn_physics77.benchmarks.adapters.numpy77_compiled import ADAPTER as COMPILED
from cnn_physics77.benchmarks.adapters.pytorch import ADAPTER as THEIRS
from cnn_physics77.benchmarks.experiment import lockstep
from cnn_physics77.benchmarks.helper import ExperimentConfig
from cnn_physics77.benchmarks.process.shared_inputs import SharedInputs
from cnn_physics77.benchmarks.train import Trainer


@pytest.fixture(autouse=True)
def one_thread_and_the_default_dtypes():
    before = [adapter.torch.get_default_dtype() for adapter in (OURS, THEIRS)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two that spin on a busy machine take many times as long
    yield
    torch.set_num_threads(threads)
    for adapter, dtype in zip((OURS, THEIRS), before):
        adapter.torch.set_default_dtype(dtype)


@pytest.fixture
def inputs(tmp_path):
    place = SharedInputs(tmp_path)
    place.write_data(datasets.load("digits"), 200, 50)
    place.write_order(200, 67, 1)
    return place


def trainers(inputs, *adapters, **changes):
    settings = {"channels": 2, "hidden": 16, "lr": 0.01, "dtype": "float64"} | changes
    config = ExperimentConfig(**settings).run()
    found = [Trainer(adapter, config, 10, inputs) for adapter in adapters]
    shapes = [trainer.build() for trainer in found]
    assert shapes[0] == shapes[1]
    return found, inputs.write_weights(shapes[0], 67, config.model)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("model", ["CNN", "MLP", "LeNet5"])
def test_the_frameworks_agree(inputs, optimizer, model):
    pair, weights = trainers(inputs, OURS, THEIRS, optimizer=optimizer, model=model, lr=0.001, batch_size=16)
    before = pair[0].inputs.read_weights(weights)
    proof = lockstep.compare(pair, weights, 20)
    assert proof.passed and proof.steps == 20
    assert proof.loss < 1e-12 and proof.gradient_norm < 1e-12
    moved = OURS.parameters(pair[0].model)
    assert all((moved[name] != value).any() for name, value in before.items())  # it was not idle


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_a_captured_step_agrees(inputs, optimizer):
    pair, weights = trainers(inputs, COMPILED, THEIRS, optimizer=optimizer, lr=0.001, batch_size=16)
    proof = lockstep.compare(pair, weights, 10)
    assert proof.passed and proof.loss < 1e-12 and proof.gradient_norm < 1e-12
    assert len(pair[0].step.captures()) == 1


def test_a_captured_step_that_goes_wrong_later_fails(inputs):
    pair, weights = trainers(inputs, COMPILED, THEIRS, optimizer="SGD")
    right = COMPILED.training_step
    calls = []

    class Late(type(COMPILED)):
        def training_step(self, model, optimizer):
            step = right(model, optimizer)

            def late(images, labels):
                calls.append(optimizer.param_groups[0].update(lr=0.01 if len(calls) < 6 else 0.010001))
                return step(images, labels)

            return late

    pair[0].adapter = Late(
        "numpy77_compiled", COMPILED.torch, COMPILED.torch.nn.functional, COMPILED.optim, COMPILED.models
    )
    assert lockstep.compare(pair, weights, 6).passed
    calls.clear()
    assert not lockstep.compare(pair, weights, 8).passed


def test_a_framework_agrees_with_itself_exactly(inputs):
    pair, weights = trainers(inputs, THEIRS, THEIRS)
    proof = lockstep.compare(pair, weights, 5)
    assert (proof.loss, proof.gradient_norm, proof.parameters) == (0, 0, 0)


def test_a_slightly_wrong_update_fails(inputs):
    pair, weights = trainers(inputs, OURS, THEIRS)

    class Eager(type(THEIRS)):
        def optimizer(self, model, config):
            return torch.optim.Adam(model.parameters(), lr=config.lr, eps=1.01e-8)  # 1 % in the epsilon

    pair[1].adapter = Eager("pytorch", torch, torch.nn.functional, torch.optim, THEIRS.models)
    proof = lockstep.compare(pair, weights, 10)
    assert not proof.passed and proof.parameters > 1e-9


def test_a_slightly_wrong_gradient_fails(inputs):
    pair, weights = trainers(inputs, OURS, THEIRS, optimizer="SGD")
    right = THEIRS.criterion
    pair[1].adapter = type(THEIRS)("pytorch", torch, torch.nn.functional, torch.optim, THEIRS.models)
    pair[1].adapter.criterion = lambda logits, labels: right(logits, labels) + 1e-5 * logits.square().mean()
    assert not lockstep.compare(pair, weights, 5).passed


def test_nan_stays_and_fails():
    differences = lockstep.Differences()
    for value in (1e-12, math.nan, 1e-13):
        differences.see("loss", value)
    assert math.isnan(differences.largest["loss"])
    differences.see("parameters", 2.0)
    differences.see("parameters", 1.0)
    assert differences.largest["parameters"] == 2.0


def test_relative_difference():
    assert lockstep.relative_difference(np.zeros(3), np.zeros(3)) == 0
    assert lockstep.relative_difference(np.array([3.0, 4.0]), np.zeros(2)) == 5
    assert lockstep.relative_difference(1.5, 1.0) == 0.5
    assert math.isnan(lockstep.relative_difference(math.nan, 1.0))


def test_the_command(capsys):
    assert lockstep.main(["--steps", "3", "--dataset", "digits"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "Custom-SGD",
        "Compiled-SGD",
        "Custom-Adam",
        "Compiled-Adam",
    ]
    assert all("3 steps" in line and line.endswith("tolerance 1e-09: passed") for line in lines)


def test_the_command_complains_in_one_line(capsys):
    assert lockstep.main(["--steps", "0"]) == 1
    assert capsys.readouterr().err == "error: proof_steps: expected a positive integer, found 0\n"
