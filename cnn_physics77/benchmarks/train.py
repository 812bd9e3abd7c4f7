"""Training of one network in one framework, on given weights and batches.

The same code drives every framework, through its adapter, with the one training loop of `core.training`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ..core.training import PassTimes, train_epoch
from ..results import Config, ParameterShape
from .adapters.base import Adapter
from .instruments.measure import MeasurementError
from .process.shared_inputs import SharedInputs, digest

EVALUATION_BATCH = 1000
"""Images per batch when the network is evaluated on the test set."""

CALLS_TO_SETTLE = 5
"""Calls of a step with each number of images before it is timed. `torch.compile` makes two as always,
compares the third with a replay and tries which lanes are faster; the others are replays."""


class Evaluation(NamedTuple):
    """The network on the test set."""

    loss: float
    accuracy: float
    predictions: np.ndarray


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Sum over the batch of ``log(sum_j exp(logits_ij)) - logits_i,label_i``, computed in float64.

    Both frameworks' test losses are computed by this function.

    >>> round(cross_entropy(np.zeros((3, 10), np.float32), np.array([0, 1, 2])) / 3, 6)  # log 10
    2.302585
    """
    logits = logits.astype(np.float64)
    highest = logits.max(axis=1)
    total = np.log(np.exp(logits - highest[:, None]).sum(axis=1)) + highest
    return float((total - logits[np.arange(len(labels)), labels]).sum())


def squared_norm(gradient: np.ndarray) -> float:
    """Sum of squares, in the gradient's dtype within a row and in float64 over the rows.

    >>> squared_norm(np.array([[3.0, 4.0]], np.float32))
    25.0
    """
    rows = gradient.reshape(len(gradient) if gradient.ndim > 1 and gradient.size else 1, -1)
    return float(np.vecdot(rows, rows).sum(dtype=np.float64))


class Trainer:
    """A framework with its network, optimizer and data.

    Args:
        adapter: the framework.
        config: what to train.
        classes: number of the network's outputs.
        inputs: the folder with images, weights and orders.

    `build` makes the network and `reset` its optimizer and step; both must be called before training. `lanes`
    is what the step has found in the warm-up: see `Adapter.settle`.
    """

    model: Any
    optimizer: Any
    step: Callable[[Any, Any], Any]
    lanes: str

    def __init__(self, adapter: Adapter, config: Config, classes: int, inputs: SharedInputs) -> None:
        self.adapter, self.config, self.classes, self.inputs = adapter, config, classes, inputs
        self.images, self.labels = inputs.read_data("train", config.dtype)
        self.test_images, self.test_labels = inputs.read_data("test", config.dtype)

    def build(self) -> list[ParameterShape]:
        """Make the network; return names and shapes of its parameters."""
        self.model = self.adapter.build(self.config, list(self.images.shape[1:]), self.classes)
        return [
            ParameterShape(name, list(value.shape))
            for name, value in self.adapter.parameters(self.model).items()
        ]

    def reset(self, weights: str) -> str:
        """Load the stored weights, make an optimizer and a step; return the hash of the loaded parameters.

        Raises:
            MeasurementError: the parameters are not bit for bit the stored values in the configured dtype.
        """
        held = self._load(weights)
        self.optimizer = self.adapter.optimizer(self.model, self.config)
        self.step = self.adapter.training_step(self.model, self.optimizer)
        return held

    def _load(self, weights: str) -> str:
        stored = self.inputs.read_weights(weights)
        self.adapter.load(self.model, stored, self.config.dtype)
        held = digest(self.adapter.parameters(self.model))
        expected = digest({name: value.astype(self.config.dtype) for name, value in stored.items()})
        if held != expected:
            raise MeasurementError(
                f"{self.adapter.name}: expected the initial weights {expected} in {self.config.dtype}, "
                f"found {held} after loading them"
            )
        return held

    def batches(self, epoch: int, limit: int | None = None) -> Iterator[tuple[Any, Any]]:
        """The batches of an epoch, or the first `limit` of them."""
        order, size = self.inputs.read_order(self.config.seed, epoch), self.config.batch_size
        convert = self.adapter.from_numpy
        for start in range(0, len(order), size)[:limit]:
            index = order[start : start + size]
            yield convert(self.images[index]), convert(self.labels[index])

    def batches_endless(self, count: int) -> Iterator[tuple[Any, Any]]:
        """`count` batches of epoch 1, which starts again when it ends."""
        while count > 0:
            for batch in self.batches(1, count):
                count -= 1
                yield batch

    def batches_of(self, images: int, count: int) -> Iterator[tuple[Any, Any]]:
        """`count` batches of so many images of epoch 1, no two with the same images in the same order: a
        capture is proved by a call with other values."""
        order, convert = self.inputs.read_order(self.config.seed, 1), self.adapter.from_numpy
        for number in range(count):
            index = np.take(order, number * (images + 1) + np.arange(images), mode="wrap")
            yield convert(self.images[index]), convert(self.labels[index])

    def train(
        self, batches: Iterator[tuple[Any, Any]], on_step: Callable[[int, Any], None] | None = None
    ) -> PassTimes:
        """Run the training loop on `batches`."""
        return train_epoch(self.step, batches, on_step)

    def warm_up(self, steps: int, weights: str) -> None:
        """Train at least `steps` steps, check the resulting dtypes, and return to the initial state, with the
        same optimizer and step, so that what they have prepared stays.

        An epoch's last batch has fewer images as a rule. That is another call for what is prepared once
        (captures, primitives), so some of these steps have as many images as it has.

        Raises:
            MeasurementError: a parameter, gradient or optimizer state is not of the configured dtype.
        """
        fresh = copy.deepcopy(self.optimizer.state_dict())
        size, count = self.config.batch_size, len(self.labels)
        self.train(self.batches_of(min(size, count), max(steps, CALLS_TO_SETTLE)))
        self.lanes = self.adapter.settle(self.step)
        self.train(self.batches_of((count - 1) % size + 1, CALLS_TO_SETTLE))
        found = {
            "parameters": {str(value.dtype) for value in self.adapter.parameters(self.model).values()},
            "gradients": {str(value.dtype) for value in self.adapter.gradients(self.model).values()},
            "optimizer state": self.adapter.state_dtypes(self.optimizer),
        }
        for what, dtypes in found.items():
            if dtypes - {self.config.dtype}:
                raise MeasurementError(
                    f"{self.adapter.name}: expected {self.config.dtype} in {what}, "
                    f"found {', '.join(sorted(dtypes))}"
                )
        self._load(weights)
        self.adapter.restore(self.optimizer, fresh)

    def keep(self) -> None:
        """Keep a copy of the parameters, buffers and optimizer state, for `go_back`."""
        self._kept = copy.deepcopy((self.model.state_dict(), self.optimizer.state_dict()))

    def go_back(self) -> None:
        """Return to the state at the last `keep`, bit for bit."""
        model, optimizer = copy.deepcopy(self._kept)  # loading may take the given arrays over
        self.model.load_state_dict(model)
        self.adapter.restore(self.optimizer, optimizer)

    def gradient_norms(self) -> dict[str, float]:
        """2-norm of each parameter's gradient after the last step."""
        return {
            name: squared_norm(gradient) ** 0.5
            for name, gradient in self.adapter.gradients(self.model).items()
        }

    def kept_bytes(self) -> dict[str, int]:
        """Bytes that the graph of the first batch keeps for its backward pass: see `Adapter.kept_bytes`."""
        images, labels = next(self.batches(1))
        loss = self.adapter.criterion(self.model(images), labels)
        return self.adapter.kept_bytes(loss, [images, labels, *self.model.parameters()])

    def evaluate(self) -> Evaluation:
        """Loss, accuracy and predictions on the test set."""
        loss, predictions = 0.0, []
        for start in range(0, len(self.test_labels), EVALUATION_BATCH):
            stop = start + EVALUATION_BATCH
            logits = self.adapter.predict(self.model, self.test_images[start:stop])
            loss += cross_entropy(logits, self.test_labels[start:stop])
            predictions.append(logits.argmax(axis=1))
        predicted = np.concatenate(predictions)
        return Evaluation(
            loss / len(self.test_labels), float(np.mean(predicted == self.test_labels)), predicted
        )
