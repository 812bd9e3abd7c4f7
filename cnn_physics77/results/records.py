"""The schema of a log: the one contract between running an experiment and drawing it.

A log describes one *run*: one framework, one optimizer, one network, one seed. Runs that took turns in one
invocation share a `group`. Inside a group, the runs of two frameworks whose `pair_key` is equal had the same
initial weights and the same batches, and only their times may be divided by one another.

Units: seconds, bytes, and accuracies as fractions from 0 to 1. Lists over epochs and steps run in time order.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, with_config

SCHEMA = "cnn_physics77.run"
VERSION = 1

FRAMEWORKS = {"numpy77": "Custom", "numpy77_compiled": "Compiled", "pytorch": "Torch"}
"""Each framework's name in a log, and the word that labels it on the screen and in plots. Ours is there
twice: as Python runs it, and with its training step captured by ``torch.compile``."""

OURS, REFERENCE = "numpy77", "pytorch"
"""Ours as the speed suite measures it, and the framework that all of ours are compared with."""

_NOT_FINITE = ("nan", "inf", "-inf")

Real = Annotated[
    float,
    Field(allow_inf_nan=True),
    BeforeValidator(lambda value: float(value) if value in _NOT_FINITE else value),
    PlainSerializer(lambda value: value if math.isfinite(value) else str(value), when_used="json"),
]
"""A number that may be NaN or infinite (a diverged loss). JSON has neither: the strings "nan", "inf", "-inf"
stand for them. All other numbers are finite."""


Seconds = Annotated[float, Field(gt=0)]
"""A time that passed."""

Size = Annotated[int, Field(gt=0, le=2**62)]
"""Bytes, at least one."""

strict = with_config(ConfigDict(strict=True, extra="forbid", allow_inf_nan=False))
"""Decorator for a schema, and for what it holds: no other types, no unknown fields, finite numbers."""


@dataclass
class Config:
    """What was asked for."""

    mode: str  # "basic", "grid", "frontier"
    model: str  # name of the network's class, "CNN" for the specification's
    channels: int  # output channels of the convolution
    kernel_size: int  # side of the square kernel, pixels
    hidden: int  # width of the hidden dense layer
    optimizer: str  # "SGD" or "Adam"
    lr: float  # learning rate
    epochs: int
    batch_size: int  # images per step
    seed: int  # drives initial weights and the order of the batches
    dtype: str  # "float32" or "float64", of parameters, gradients, optimizer state and images
    threads: int  # threads that each framework was allowed
    diagnostics: bool  # whether per-layer gradient norms were recorded
    warmup_steps: int  # training steps before the first timed one, discarded


@dataclass
class DataRecord:
    """What the network was trained on."""

    name: str  # "mnist", "fashion-mnist", "digits"
    title: str  # for titles of plots; says so when the data stand in for what was not to be had
    fallback: bool  # True when the data stand in for MNIST, which could not be had
    source: str  # folder or package that the files came from
    sha256: dict[str, str]  # hash of each file as found
    train_size: int  # images
    test_size: int  # images
    image_shape: list[int]  # channels, height, width
    classes: int


@dataclass
class Environment:
    """The machine and the software of the process that ran the framework."""

    started: str  # ISO 8601, UTC
    command_line: list[str]
    commit: str | None  # of the source, "+" appended when it has uncommitted changes; None outside a checkout
    python: str
    platform: str
    cpu: str
    cores: int  # logical processors that the process may use
    caches: dict[str, str]  # as the kernel reports them, such as {"L2": "1024K"}
    memory_bytes: int  # physical memory of the machine
    packages: dict[str, str]  # versions
    thread_variables: dict[str, str]  # environment variables set before import
    thread_pools: list[dict[str, Any]]  # what each native pool reports (threadpoolctl)
    framework_threads: int  # what the framework itself reports
    denormals: str  # "kept" or "flushed", as tested in the process
    freed_memory: str = "returned"  # or "kept", where the C library was told to keep it
    performance: list[str] = field(
        default_factory=list
    )  # lines of `performance.status()`; [] before it was kept


@dataclass
class ParameterShape:
    """One parameter of the network."""

    name: str  # key in the state_dict
    shape: list[int]


@dataclass
class Architecture:
    """The network as the framework describes it."""

    description: str  # repr of the model
    parameters: list[ParameterShape]


@dataclass
class Disturbance:
    """What other programs did while something was on the clock."""

    others: float | None  # processors that they kept busy (1.0: one of them all the time); None: unknown
    attempts: int  # measurements, of which the least disturbed counts
    disturbed: bool  # whether others took too much in every attempt; then the time enters no comparison

    def __str__(self) -> str:
        if self.others is None:
            return "unknown"
        return f"{self.others:.2f}"


@dataclass
class EpochRecord:
    """One pass over the training set. Times come from the timed run, all that is None when a run was
    interrupted comes from its untimed replay (same weights, same batches)."""

    epoch: int  # from 1
    turn: int  # place in the order in which the frameworks of the group took turns, from 0
    # wall time of the pass: batches gathered, forward, backward, update; no evaluation
    seconds: Seconds
    test_loss: Real  # mean cross-entropy on the test set after the pass
    test_accuracy: Annotated[float, Field(ge=0, le=1)]  # fraction
    train_loss: Real | None = None  # mean over the steps of the pass
    mean_gradient_norm: Real | None = None  # mean over the steps of the pass
    peak_memory_bytes: int | None = None  # peak resident memory of the replay in this pass, above baseline
    disturbance: Disturbance | None = None  # None in logs from before it was recorded

    @property
    def disturbed(self) -> bool:
        """Whether other programs disturbed the timed run in this pass."""
        return self.disturbance is not None and self.disturbance.disturbed


@dataclass
class StepRecords:
    """One entry for each training step, epochs one after another."""

    seconds: list[float] = field(default_factory=list)  # timed run: forward, backward, update of one step
    loss: list[Real] = field(default_factory=list)  # replay: cross-entropy of the batch before the update
    gradient_norm: list[Real] = field(default_factory=list)  # replay: 2-norm of all gradients together
    # replay, with diagnostics: parameter name -> 2-norm of its gradient at each step
    layer_gradient_norm: dict[str, list[Real]] = field(default_factory=dict)


@dataclass
class MemoryRecord:
    """Peak resident memory of a process of its own, apart from timing."""

    # resident after importing the framework and loading the data, before the network
    baseline_bytes: Size
    peak_bytes: Size  # highest resident while training
    steps: int  # training steps run between the two readings
    ruler: str  # how the peak was read
    # beside it: bytes that one training step's graph keeps for its backward pass, by the name of the
    # derivative, apart from the parameters and the batch, which live anyway
    kept_bytes: dict[str, int] = field(default_factory=dict)

    @property
    def above_baseline_bytes(self) -> int:
        """Peak minus baseline."""
        return self.peak_bytes - self.baseline_bytes


@dataclass
class ProofRecord:
    """Both frameworks in float64, step by step: largest relative differences over all steps."""

    steps: int
    tolerance: float
    loss: Real
    gradient_norm: Real
    parameters: Real  # 2-norm of the difference over the 2-norm, the worst parameter

    @property
    def passed(self) -> bool:
        """Whether no difference exceeds the tolerance (a NaN does)."""
        return all(value <= self.tolerance for value in (self.loss, self.gradient_norm, self.parameters))


@strict
@dataclass
class RunLog:
    """One run. See the module's docstring for what is shared inside a group."""

    run_id: str  # unique, also the files' stem
    group: str  # shared by the runs of one invocation
    status: str  # "finished" or "interrupted"
    framework: str  # a key of FRAMEWORKS
    config: Config
    data: DataRecord
    environment: Environment
    parameter_count: int
    architecture: Architecture
    initial_weights_sha256: str  # of the parameters as read back from the framework before step 1
    final_weights_sha256: str | None  # of the parameters after the last timed epoch
    permutation_sha256: list[str]  # order of the training images, one hash for each epoch
    accuracy_floor: float  # below it a run "did not train" and enters no comparison
    epochs: list[EpochRecord]
    steps: StepRecords
    memory: MemoryRecord | None = None
    proof: ProofRecord | None = None
    lanes: str = ""  # of a captured step: "threads" or "processes"
    replay_equal: bool | None = None  # whether the replay ended with the timed run's weights, bit for bit
    labels: list[int] = field(default_factory=list)  # of the test images
    predictions: list[int] = field(default_factory=list)  # for the test images after the last epoch
    schema: str = SCHEMA
    version: int = VERSION

    @property
    def label(self) -> str:
        """Framework and optimizer as one word, such as ``Custom-Adam``."""
        return f"{FRAMEWORKS[self.framework]}-{self.config.optimizer}"

    @property
    def pair_key(self) -> tuple[object, ...]:
        """Equal for the runs of two frameworks that may be compared: everything but the framework."""
        return (self.group, *dataclasses.astuple(self.config))

    @property
    def disturbed_epochs(self) -> int:
        """Number of epochs whose time other programs disturbed."""
        return sum(record.disturbed for record in self.epochs)

    def step_seconds(self, *, disturbed: bool = False) -> list[float]:
        """Seconds of the steps of all epochs that were not disturbed, or of those that were."""
        count = len(self.steps.seconds) // max(1, len(self.epochs))
        return [
            seconds
            for number, record in enumerate(self.epochs)
            if record.disturbed == disturbed
            for seconds in self.steps.seconds[number * count : (number + 1) * count]
        ]

    @property
    def final_accuracy(self) -> float:
        """Test accuracy after the last epoch; NaN when no epoch was finished."""
        return self.epochs[-1].test_accuracy if self.epochs else math.nan

    @property
    def final_loss(self) -> float:
        """Test loss after the last epoch; NaN when no epoch was finished."""
        return self.epochs[-1].test_loss if self.epochs else math.nan

    @property
    def trained(self) -> bool:
        """Whether the run is finished and its accuracy reached the floor."""
        return self.status == "finished" and self.final_accuracy >= self.accuracy_floor


def _check(log: RunLog) -> RunLog:
    """What the types of single fields do not say."""

    def check(holds: bool, place: str, expected: str, found: object) -> None:
        if not holds:
            raise ValueError(f"{place}: expected {expected}, found {found!r:.60}")

    check(log.framework in FRAMEWORKS, "framework", f"one of {', '.join(FRAMEWORKS)}", log.framework)
    check(log.status in ("finished", "interrupted"), "status", "'finished' or 'interrupted'", log.status)
    check(log.config.dtype in ("float32", "float64"), "config.dtype", "float32 or float64", log.config.dtype)
    for name, classes in {"labels": log.labels, "predictions": log.predictions}.items():
        outside = [value for value in classes if not 0 <= value < log.data.classes]
        check(not outside, name, f"classes from 0 to {log.data.classes - 1}", outside)
    check(len(log.labels) == len(log.predictions), "predictions", f"{len(log.labels)}", len(log.predictions))
    numbers = [record.epoch for record in log.epochs]
    check(numbers == list(range(1, len(numbers) + 1)), "epochs", "epochs 1, 2, ... in order", numbers)
    total = sum(math.prod(parameter.shape) for parameter in log.architecture.parameters)
    check(
        log.parameter_count == total,
        "parameter_count",
        f"{total} (the sum of architecture)",
        log.parameter_count,
    )
    steps = log.steps
    columns = {"gradient_norm": steps.gradient_norm} | {
        f"layer_gradient_norm[{name!r}]": norms for name, norms in steps.layer_gradient_norm.items()
    }
    for name, column in columns.items():
        check(len(column) == len(steps.loss), f"steps.{name}", f"{len(steps.loss)} entries", len(column))
    if log.status == "finished":
        right = sum(label == found for label, found in zip(log.labels, log.predictions, strict=True))
        check(
            not log.epochs or abs(right - log.final_accuracy * len(log.labels)) < 0.5,
            "epochs[-1].test_accuracy",
            f"{right} of {len(log.labels)}, as the predictions say",
            log.final_accuracy,
        )
        check(len(numbers) == log.config.epochs, "epochs", f"{log.config.epochs} epochs", len(numbers))
        check(
            len(steps.seconds) == len(steps.loss), "steps.seconds", f"{len(steps.loss)}", len(steps.seconds)
        )
    return log


RunSchema = Annotated[RunLog, AfterValidator(_check)]
"""A `RunLog` whose fields fit each other; what `files` reads and writes."""
