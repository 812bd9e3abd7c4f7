"""Training in one framework, with PyTorch as the framework, against a training loop written out by hand."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cnn_physics77 import datasets
from cnn_physics77.benchmarks.adapters.numpy77 import ADAPTER as OURS
from cnn_physics77.benchmarks.adapters.numpy77_compiled import ADAPTER as COMPILED
from cnn_physics77.benchmarks.adapters.pytorch import ADAPTER
from cnn_physics77.benchmarks.helper import ExperimentConfig
from cnn_physics77.benchmarks.instruments.measure import MeasurementError
from cnn_physics77.benchmarks.process.shared_inputs import SharedInputs, digest, draw_order
from cnn_physics77.benchmarks.train import Trainer, cross_entropy, squared_norm
from cnn_physics77.compile.replay.processes import can_use_processes

SEED, IMAGES = 67, 150


@pytest.fixture(autouse=True)
def leave_the_default_dtype():
    before = torch.get_default_dtype()
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def inputs(tmp_path):
    place = SharedInputs(tmp_path)
    place.write_data(datasets.load("digits"), IMAGES, 60)
    place.write_order(IMAGES, SEED, 1)
    return place


def config(**changes):
    return ExperimentConfig(channels=2, hidden=8, lr=0.01, batch_size=64, **changes).run()


def make_side(inputs, settings):
    trainer = Trainer(ADAPTER, settings, 10, inputs)
    weights = inputs.write_weights(trainer.build(), SEED, "CNN")
    held = trainer.reset(weights)
    return trainer, weights, held


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_epoch_is_what_a_user_would_write(inputs, optimizer, dtype):
    trainer, weights, held = make_side(inputs, config(optimizer=optimizer, dtype=dtype))
    assert held == digest({k: v.astype(dtype) for k, v in inputs.read_weights(weights).items()})
    losses, norms = [], []

    def look(number, loss):
        losses.append(loss.item())
        norms.append(trainer.gradient_norms())

    times = trainer.train(trainer.batches(1), look)
    assert len(times.steps) == len(losses) == 3  # 64 + 64 + 22

    model = torch.nn.ModuleDict(
        {
            "conv": torch.nn.Conv2d(1, 2, 3, bias=False),
            "fc1": torch.nn.Linear(1352, 8),
            "fc2": torch.nn.Linear(8, 10),
        }
    ).to(getattr(torch, dtype))
    values = inputs.read_weights(weights)
    model.load_state_dict(
        {name: torch.from_numpy(value).to(getattr(torch, dtype)) for name, value in values.items()}
    )
    by_hand = getattr(torch.optim, optimizer)(model.parameters(), lr=0.01)
    data = datasets.load("digits")
    images = (data.train_images[:IMAGES] / np.array(255, dtype)).astype(dtype)
    order = draw_order(IMAGES, SEED, 1)
    for step, index in enumerate((order[:64], order[64:128], order[128:])):
        hidden = F.relu(model["conv"](torch.from_numpy(images[index]))).flatten(1)
        logits = model["fc2"](F.relu(model["fc1"](hidden)))
        loss = F.cross_entropy(logits, torch.from_numpy(data.train_labels[index]))
        by_hand.zero_grad()
        loss.backward()
        by_hand.step()
        assert losses[step] == loss.item()
        for name, parameter in model.named_parameters():
            expected = parameter.grad.double().norm().item()
            assert norms[step][name] == pytest.approx(expected, rel=1e-6 if dtype == "float32" else 1e-14)
    for name, parameter in model.named_parameters():
        np.testing.assert_array_equal(
            trainer.adapter.parameters(trainer.model)[name], parameter.detach().numpy()
        )


def test_evaluation_is_over_the_whole_test_set(inputs, monkeypatch):
    monkeypatch.setattr("cnn_physics77.benchmarks.train.EVALUATION_BATCH", 25)  # 60 images: 25 + 25 + 10
    trainer, _, _ = make_side(inputs, config())
    trainer.train(trainer.batches(1))
    found = trainer.evaluate()
    images, labels = inputs.read_data("test", "float32")
    with torch.no_grad():
        logits = trainer.model(torch.from_numpy(images))
    targets = torch.from_numpy(labels)
    assert found.loss == pytest.approx(F.cross_entropy(logits, targets).item(), rel=1e-6)
    assert found.accuracy == (logits.argmax(1) == targets).double().mean().item()
    np.testing.assert_array_equal(found.predictions, logits.argmax(1).numpy())
    assert trainer.model.training


@pytest.mark.parametrize("adapter", [ADAPTER, OURS, COMPILED], ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_warm_up_leaves_no_trace(inputs, adapter, optimizer):
    trainer = Trainer(adapter, config(optimizer=optimizer), 10, inputs)
    weights = inputs.write_weights(trainer.build(), SEED, "CNN")
    trainer.reset(weights)
    trainer.train(trainer.batches(1))
    expected = digest(trainer.adapter.parameters(trainer.model))
    trainer.reset(weights)
    trainer.warm_up(5, weights)  # more than an epoch has
    assert digest(trainer.adapter.parameters(trainer.model)) == digest(
        {k: v.astype("float32") for k, v in inputs.read_weights(weights).items()}
    )
    trainer.train(trainer.batches(1))
    assert digest(trainer.adapter.parameters(trainer.model)) == expected


@pytest.mark.parametrize("lanes", ["threads", "processes"])
def test_timed_epochs_of_a_captured_step_are_replays(inputs, monkeypatch, lanes):
    """Also the last batch, which is shorter, also after the evaluation and after going back; and they train
    as the eager step does. The network is large enough for a second process."""
    if lanes == "processes" and not can_use_processes():
        pytest.skip("no lanes in processes here")
    monkeypatch.setattr(COMPILED, "lanes", lanes)
    inputs.write_order(IMAGES, SEED, 2)
    ends, kept = [], []
    for adapter in (OURS, COMPILED):
        trainer = Trainer(adapter, ExperimentConfig(threads=1).run(), 10, inputs)
        weights = inputs.write_weights(trainer.build(), SEED, "CNN")
        trainer.reset(weights)
        trainer.warm_up(5, weights)
        if adapter is COMPILED:
            assert trainer.lanes == lanes and len(trainer.step.captures()) == 2
            monkeypatch.setattr(trainer.step, "_function", None)  # whatever is no replay calls it
        for epoch in (1, 2):
            trainer.keep()
            trainer.train(trainer.batches(epoch))
            trainer.go_back()
            trainer.train(trainer.batches(epoch))
            trainer.evaluate()
        ends.append({name: value.copy() for name, value in adapter.parameters(trainer.model).items()})
        kept.append(trainer.kept_bytes())
    assert kept[0] == kept[1] and sum(kept[0].values()) > 10**5  # the eager graph's
    for name, value in ends[0].items():
        np.testing.assert_allclose(ends[1][name], value, rtol=1e-4, atol=1e-6)


def test_one_thread_has_no_second_process(monkeypatch):
    for threads, tried in ((1, "threads"), (2, "auto")):
        monkeypatch.setattr(COMPILED, "torch", SimpleNamespace(get_num_threads=lambda count=threads: count))
        assert COMPILED._lanes_to_try() == tried


def test_no_two_batches_of_the_warm_up_are_equal(inputs):
    trainer, _, _ = make_side(inputs, config())
    for size in (64, 22, IMAGES):
        batches = [images.numpy().tobytes() for images, _ in trainer.batches_of(size, 5)]
        assert len(set(batches)) == 5


def test_endless_batches_begin_again(inputs):
    trainer, _, _ = make_side(inputs, config())
    batches = [labels.tolist() for _, labels in trainer.batches_endless(7)]
    assert [len(batch) for batch in batches] == [64, 64, 22, 64, 64, 22, 64]
    assert batches[0] == batches[3] == batches[6]


def test_other_arithmetic_than_configured_is_refused(inputs):
    trainer, weights, _ = make_side(inputs, config())
    trainer.config = dataclasses.replace(trainer.config, dtype="float64")  # the model was built in float32
    with pytest.raises(MeasurementError, match=r"pytorch: expected the initial weights .* in float64, found"):
        trainer.reset(weights)

    trainer, weights, _ = make_side(inputs, config())

    class Doubled(type(ADAPTER)):
        def state_dtypes(self, optimizer):
            return {"float32", "float64"}

    trainer.adapter = Doubled(**adapter_parts())
    with pytest.raises(MeasurementError, match="expected float32 in optimizer state, found float32, float64"):
        trainer.warm_up(1, weights)


def adapter_parts():
    return {
        "name": "pytorch",
        "torch": torch,
        "functional": F,
        "optim": torch.optim,
        "models": ADAPTER.models,
    }


def test_weights_that_were_not_loaded_are_noticed(inputs):
    trainer, weights, _ = make_side(inputs, config())

    class Forgetful(type(ADAPTER)):
        def load(self, model, weights, dtype):
            pass

    trainer.adapter = Forgetful(**adapter_parts())
    trainer.train(trainer.batches(1))
    with pytest.raises(MeasurementError, match="expected the initial weights"):
        trainer.reset(weights)


def test_cross_entropy_and_norm_against_pytorch():
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 50, (40, 10)).astype(np.float32)  # large enough for a naive exp to overflow
    labels = draw.integers(0, 10, 40)
    expected = F.cross_entropy(torch.from_numpy(logits).double(), torch.from_numpy(labels), reduction="sum")
    assert cross_entropy(logits, labels) == pytest.approx(expected.item(), rel=1e-12)
    assert cross_entropy(logits[:0], labels[:0]) == 0
    for shape in [(5,), (3, 4), (2, 3, 2, 2), (0, 4)]:
        array = draw.normal(size=shape)
        assert squared_norm(array) == pytest.approx(np.sum(array**2), rel=1e-14)


@pytest.mark.parametrize("adapter", [ADAPTER, OURS, COMPILED], ids=lambda adapter: adapter.name)
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_an_epoch_repeated_from_the_kept_state_is_the_same_epoch(inputs, adapter, optimizer):
    """From the start, and from the middle, where the optimizer has a state; as often as one likes."""
    trainer = Trainer(adapter, config(optimizer=optimizer), 10, inputs)
    trainer.reset(inputs.write_weights(trainer.build(), SEED, "CNN"))

    def end():
        trainer.train(trainer.batches(1))
        return digest(trainer.adapter.parameters(trainer.model))

    for _ in range(2):
        trainer.keep()
        first = end()
        for _ in range(2):
            trainer.go_back()
            assert end() == first
    trainer.reset(inputs.write_weights(trainer.build(), SEED, "CNN"))
    assert end() != first and end() == first
