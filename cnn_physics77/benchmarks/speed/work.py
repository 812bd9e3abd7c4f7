"""The kinds of cases in the speed suite, each written once and run by every framework.

A case defines its inputs (drawn in float64 with NumPy's Generator, so that every process has the same values)
and the call that is timed. It is written in PyTorch's names and runs in a framework through its adapter.
Before anything is timed, the values that it computes in both frameworks are compared
(`CaseRecord.difference`).

Both frameworks get arrays in PyTorch's default memory order (contiguous, NCHW). Ours runs with an allocator
that keeps freed memory, PyTorch as its users have it. The column "PyTorch, same allocator" gives PyTorch our
setting of the allocator; the column "PyTorch at its best" also its fastest memory order (channels_last) and
its fused optimizer. Ours runs as before in both.
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ... import datasets
from ...core.training import training_step
from ...results import OURS, ParameterShape
from ..adapters.base import Adapter
from ..helper import ExperimentConfig
from ..process.shared_inputs import draw_weights

Arrays = dict[str, np.ndarray]

SEED = 67
"""Seed of all inputs."""

TOLERANCES = {"float32": 1e-4, "float64": 1e-9}
"""Largest relative differences (2-norms) that count as equal."""

NETWORK_TOLERANCE = 2e-2
"""The same for each gradient of a network in float32. Where a difference of 1e-6 flips the decision of a ReLU
or a maximum, a gradient changes by far more: with ResNet-20 the gradients of both frameworks differ by up to
0.005 from those in float64 at batch 128. At batch 16 ours differ by 0.011 with Winograd's larger tiles, and
by 0.000003 with im2col or F(4x1), which decide everywhere as float64 does. The comparison in float64 is what
proves that both compute the same."""


class Work(NamedTuple):
    """A case prepared in one framework."""

    call: Callable[[], Any]
    """What is timed."""
    values: Callable[[], Arrays]
    """Computes the compared values from the initial state; called once, before any `call`."""


@dataclass(frozen=True, kw_only=True)
class Case(abc.ABC):
    """One case of the suite: the settings common to all kinds. Subclasses define the computation.

    Attributes:
        name: unique in its family.
        row, column: if the case repeats another one with a changed setting: the other's name, and the setting
            ("one thread").
        dtype: of all inputs.
        threads: of each framework; None: those of the suite.
        same_allocator: give PyTorch our setting of the allocator, which keeps freed memory.
        best: the same, and give PyTorch its channels_last memory and its fused optimizer.
        captured: ours runs as a captured step (``torch.compile``) in these lanes, the other as before.
        reference: what ours is compared with, by the names of `results.REFERENCES`.
        target, memory_target: upper limits that the ratios of time and memory should meet.
        memory: whether peak memory is measured as well, in separate processes.
        quick: whether the case belongs to the quick choice.
    """

    family: ClassVar[str] = ""

    name: str
    row: str = ""
    column: str = ""
    dtype: str = "float32"
    threads: int | None = None
    same_allocator: bool = False
    best: bool = False
    captured: str = ""
    reference: str = "pytorch"
    target: float | None = None
    memory_target: float | None = None
    memory: bool = False
    quick: bool = False

    @property
    def key(self) -> str:
        """Family and name, which identify the case."""
        return f"{self.family}/{self.name}"

    @property
    def against_compiler(self) -> bool:
        """Whether ours is compared with what a compiler has made."""
        return self.reference != "pytorch"

    @property
    def own_process(self) -> bool:
        """Whether the case gets processes of its own; cases of a sweep share theirs."""
        return False

    @property
    def tolerance(self) -> float:
        """Largest relative difference of the values that counts as equal."""
        return TOLERANCES[self.dtype]

    @abc.abstractmethod
    def draw(self, generator: np.random.Generator) -> Arrays:
        """Draw the inputs, in float64 or as integers."""

    def given(self) -> Arrays:
        """The inputs in the case's dtype."""
        drawn = self.draw(np.random.default_rng(SEED))
        return {
            name: array.astype(self.dtype) if array.dtype.kind == "f" else array
            for name, array in drawn.items()
        }

    @abc.abstractmethod
    def prepare(self, adapter: Adapter, given: Arrays) -> Work:
        """Prepare the case in a framework."""

    def rehearse(self, adapter: Adapter) -> None:  # noqa: B027 (most need none)
        """Do work of the same kind on tiny arrays, so that code which the framework loads on first use counts
        as part of its memory baseline."""

    def shares_allocator(self, adapter: Adapter) -> bool:
        """Whether this framework is PyTorch and gets our setting of the allocator."""
        return (self.best or self.same_allocator) and adapter.name == "pytorch"

    def favours(self, adapter: Adapter) -> bool:
        """Whether this framework is PyTorch and is to be at its best."""
        return self.best and adapter.name == "pytorch"

    def as_called(self, adapter: Adapter, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function that is timed: captured, where this is asked for and the framework is ours; or
        compiled by PyTorch."""
        if self.captured and adapter.name == OURS:
            return adapter.torch.compile(function, fullgraph=True, lanes=self.captured)
        return adapter.torch.compile(function) if adapter.name == "pytorch_compiled" else function

    def tensors(self, adapter: Adapter, given: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """The inputs as tensors of the framework, which share the arrays' memory."""
        found = {name: adapter.from_numpy(array) for name, array in given.items()}
        if self.favours(adapter):
            last = adapter.torch.channels_last
            found = {name: t.to(memory_format=last) if t.ndim == 4 else t for name, t in found.items()}
        return found


def draw_gradient(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """The gradient g with respect to a result of this shape."""
    return np.array(np.random.default_rng([SEED, 1]).standard_normal(shape)).astype(dtype)


def values_of(**tensors: Any) -> Arrays:
    """Copies of the tensors' values, in logical order."""
    return {name: np.array(tensor.detach().numpy(), order="C") for name, tensor in tensors.items()}


# ------------------------------------------------------------------------------------------------ networks

IMAGE_SHAPES = {
    "CNN": (1, 28, 28),
    "LeNet5": (1, 28, 28),
    "VGG": (1, 28, 28),
    "ResNet20": (3, 32, 32),
    "MLP": (1, 28, 28),
}
"""The networks of `core.model`, with the shape of one image."""

CLASSES = 10
"""Number of logits of each network."""

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "Adam": ("Adam", {"lr": 0.001}),
    "SGD": ("SGD", {"lr": 0.01, "momentum": 0.9}),
}
"""Class and arguments of each optimizer; SGD has momentum."""


@dataclass(frozen=True, kw_only=True)
class NetworkCase(Case):
    """A network of `core.model` and the size of its batches."""

    model: str
    batch: int
    sizes: Mapping[str, int] = field(default_factory=dict)  # of the CNN, where not the specification's

    @property
    def own_process(self) -> bool:
        return True

    @property
    def tolerance(self) -> float:
        return NETWORK_TOLERANCE if self.dtype == "float32" else super().tolerance

    def build(self, adapter: Adapter) -> Any:
        """The network with weights drawn as the experiments draw them."""
        config = ExperimentConfig(model=self.model).run(dtype=self.dtype, **self.sizes)
        network = adapter.build(config, list(IMAGE_SHAPES[self.model]), CLASSES)
        shapes = [ParameterShape(name, list(p.shape)) for name, p in network.named_parameters()]
        adapter.load(network, draw_weights(shapes, SEED, self.model), self.dtype)
        if self.favours(adapter):
            network = network.to(memory_format=adapter.torch.channels_last)
        return network


class Training(NamedTuple):
    """A training step in one framework."""

    network: Any
    optimizer: Any
    call: Callable[[], Any]
    """Runs one step and returns its loss."""
    step: Callable[..., Any]
    """What it calls with a batch."""


_REHEARSAL_IMAGE = np.ones((1, 1, 3, 3), np.float32)


def _rehearsal_network(adapter: Adapter) -> Any:
    nn = adapter.torch.nn
    return nn.Sequential(nn.Conv2d(1, 1, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 2))


NOISE = 0.01  # added to images of a data set


@dataclass(frozen=True, kw_only=True)
class TrainingCase(NetworkCase):
    """A training step: clear gradients, forward, cross-entropy, backward, update. Consecutive calls cycle
    through several batches.

    Attributes:
        dataset: whose images are taken, by its name in `datasets`; "" for random numbers. Where values decide
            about algorithms, random numbers are not like images. The images get noise: in the constant
            background of a digit rounding would decide which of equal values max pooling takes, and so whose
            gradient is not zero.
    """

    family: ClassVar[str] = "training step"

    optimizer: str = "Adam"
    dataset: str = ""

    def draw(self, generator: np.random.Generator) -> Arrays:
        batches = max(2, min(64, 256 // self.batch))
        if self.dataset:
            data = datasets.load(self.dataset)
            chosen = generator.integers(0, len(data.train_labels), (batches, self.batch))
            images = data.train_images[chosen].reshape(batches, self.batch, *IMAGE_SHAPES[self.model]) / 255.0
            images += NOISE * generator.random(images.shape)
            return {"images": images, "labels": data.train_labels[chosen]}
        return {
            "images": generator.random((batches, self.batch, *IMAGE_SHAPES[self.model])),
            "labels": generator.integers(0, CLASSES, (batches, self.batch)),
        }

    def training(self, adapter: Adapter, given: Arrays) -> Training:
        """The network, its optimizer, and the step that is timed."""
        network = self.build(adapter)
        kind, arguments = OPTIMIZERS[self.optimizer]
        if self.favours(adapter):
            arguments = arguments | {"fused": True}
        optimizer = getattr(adapter.optim, kind)(network.parameters(), **arguments)
        batches = [
            tuple(self.tensors(adapter, {"images": images, "labels": labels}).values())
            for images, labels in zip(given["images"], given["labels"], strict=True)
        ]
        cycle = itertools.cycle(batches)
        step = self.as_called(adapter, training_step(network, adapter.criterion, optimizer))
        return Training(network, optimizer, lambda: step(*next(cycle)), step)

    def prepare(self, adapter: Adapter, given: Arrays) -> Work:
        network, _, call, _ = self.training(adapter, given)

        def values() -> Arrays:
            loss = call()
            found = values_of(
                loss=loss, **{f"gradient of {name}": p.grad for name, p in network.named_parameters()}
            )
            del loss  # otherwise its graph stays alive
            found |= values_of(second_loss=call())
            if self.captured:  # the first calls are not replays yet
                for _ in range(4):
                    loss = call()
                found |= values_of(sixth_loss=loss)
            return found

        return Work(call, values)

    def rehearse(self, adapter: Adapter) -> None:
        network = _rehearsal_network(adapter)
        kind, arguments = OPTIMIZERS[self.optimizer]
        optimizer = getattr(adapter.optim, kind)(network.parameters(), **arguments)
        step = training_step(network, adapter.criterion, optimizer)
        step(adapter.from_numpy(_REHEARSAL_IMAGE), adapter.from_numpy(np.array([0])))


@dataclass(frozen=True, kw_only=True)
class InferenceCase(NetworkCase):
    """The logits of one batch of images, without a graph, in evaluation mode."""

    family: ClassVar[str] = "inference"

    def draw(self, generator: np.random.Generator) -> Arrays:
        return {"images": generator.random((self.batch, *IMAGE_SHAPES[self.model]))}

    def prepare(self, adapter: Adapter, given: Arrays) -> Work:
        network = self.build(adapter)
        network.eval()
        images = self.tensors(adapter, given)["images"]

        def call() -> Any:
            with adapter.torch.no_grad():
                return network(images)

        return Work(call, lambda: values_of(logits=call()))

    def rehearse(self, adapter: Adapter) -> None:
        with adapter.torch.no_grad():
            _rehearsal_network(adapter)(adapter.from_numpy(_REHEARSAL_IMAGE))


# ------------------------------------------------------------------------------------------------ functions


@dataclass(frozen=True, kw_only=True)
class FunctionCase(Case):
    """A function of tensors, forward and backward: y = f(...) and the gradients of g·y with respect to every
    floating input."""

    family: ClassVar[str] = "forward and backward"

    function: Callable[..., Any]  # (torch, tensors by name) -> y
    shapes: Mapping[str, tuple[int, ...]]
    labels: int = 0  # number of class labels among the inputs

    def draw(self, generator: np.random.Generator) -> Arrays:
        drawn: Arrays = {name: generator.standard_normal(shape) for name, shape in self.shapes.items()}
        if self.labels:
            drawn["labels"] = generator.integers(0, self.shapes["x"][1], self.labels)
        return drawn

    def prepare(self, adapter: Adapter, given: Arrays) -> Work:
        torch = adapter.torch
        tensors = self.tensors(adapter, given)
        inputs = [tensor.requires_grad_() for name, tensor in tensors.items() if name != "labels"]
        with torch.no_grad():
            shape = tuple(self.function(torch, **tensors).shape)
        g = adapter.from_numpy(draw_gradient(shape, self.dtype))

        def function(**given: Any) -> tuple[Any, ...]:
            y = self.function(torch, **given)
            return (y, *torch.autograd.grad(y, inputs, g))

        called = self.as_called(adapter, function)

        def call() -> tuple[Any, ...]:
            return called(**tensors)

        def values() -> Arrays:
            for _ in range(4 if self.captured else 1):  # the first calls are not replays yet
                y, *gradients = call()
            names = [name for name in tensors if name != "labels"]
            return values_of(
                y=y, **{f"gradient of {n}": found for n, found in zip(names, gradients, strict=True)}
            )

        return Work(call, values)


@dataclass(frozen=True, kw_only=True)
class ChainCase(FunctionCase):
    """Many operations on few numbers: the cost of recording the graph and of the backward pass."""

    family: ClassVar[str] = "small graph"


@dataclass(frozen=True, kw_only=True)
class ConvolutionCase(Case):
    """One of the three maps of a convolution: forward, input gradient or weight gradient."""

    family: ClassVar[str] = "convolution"

    of: str  # "forward", "input gradient", "weight gradient"
    batch: int
    channels: tuple[int, int]  # in, out
    pixels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    groups: int = 1

    def draw(self, generator: np.random.Generator) -> Arrays:
        size = (self.pixels + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) // self.stride + 1
        inputs, outputs = self.channels
        weight = (outputs, inputs // self.groups, self.kernel, self.kernel)
        return {
            "x": generator.standard_normal((self.batch, inputs, self.pixels, self.pixels)),
            "weight": generator.standard_normal(weight) / prod(weight[1:]) ** 0.5,
            "g": generator.standard_normal((self.batch, outputs, size, size)),
        }

    def prepare(self, adapter: Adapter, given: Arrays) -> Work:
        torch, tensors = adapter.torch, self.tensors(adapter, given)
        x, weight, g = tensors["x"], tensors["weight"], tensors["g"]
        convolve = torch.nn.functional.conv2d

        def forward() -> Any:
            return convolve(x, weight, None, self.stride, self.padding, self.dilation, self.groups)

        if self.of == "forward":

            def call() -> Any:
                with torch.no_grad():
                    return forward()

        else:
            variable = (x if self.of == "input gradient" else weight).requires_grad_()
            y = forward()

            def call() -> Any:
                return torch.autograd.grad(y, variable, g, retain_graph=True)[0]

        return Work(call, lambda: values_of(result=call()))
