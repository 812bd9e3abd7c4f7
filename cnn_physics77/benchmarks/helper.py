"""What to run: the experiment as a dataclass, and the runs of each mode."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..datasets import NAMES
from .instruments.processors import available_cores

if TYPE_CHECKING:
    from ..results import Config

OPTIMIZERS = ("SGD", "Adam")
DTYPES = ("float32", "float64")

ENGINES = {
    "eager": ["numpy77"],
    "compiled": ["numpy77_compiled"],
    "both": ["numpy77", "numpy77_compiled"],
}
"""What ``--engine`` may be, and which of ours it trains, by the names of `results.FRAMEWORKS`."""

FRONTIER_SIZES = ((1, 4), (2, 4), (2, 8), (2, 16), (4, 16), (4, 32), (8, 32), (8, 64), (8, 128))
"""(channels, hidden) of the frontier. With 28 x 28 images and 3 x 3 kernels they have 2,767 to 693,714
parameters, each about twice as many as the one before."""


class ConfigError(ValueError):
    """An invalid argument."""


@dataclass
class ExperimentConfig:
    """One invocation: the arguments of `main.py` with their defaults.

    Raises:
        ConfigError: naming the argument, what was expected and what was found.

    >>> ExperimentConfig(epochs=0)
    Traceback (most recent call last):
    ...
    cnn_physics77.benchmarks.helper.ConfigError: epochs: expected a positive integer, found 0
    """

    mode: str = "basic"
    optimizer: str = "Adam"
    engine: str = "both"
    epochs: int = 5
    batch_size: int = 64
    lr: float = 0.001
    seed: int = 67
    diagnostics: bool = False
    dataset: str = "auto"
    data_dir: str | None = None
    threads: int = field(default_factory=available_cores)
    dtype: str = "float32"
    log_dir: str = "logs"
    fig_dir: str = "fig"
    seeds: int = 1  # paired repetitions, with seeds seed, seed + 1, ...
    model: str = "CNN"
    channels: int = 8
    kernel_size: int = 3
    hidden: int = 128
    warmup_steps: int = 20  # discarded before the first timed step, in each framework
    memory_steps: int = 100  # run for the peak of memory
    proof_steps: int = 50  # of the float64 lockstep before anything is timed
    accuracy_floor: float = 0.5  # below it a run "did not train"
    train_size: int | None = None  # use only so many training images
    test_size: int | None = None  # use only so many test images

    def __post_init__(self) -> None:
        positive = ("epochs", "batch_size", "threads", "seeds", "channels", "kernel_size", "hidden")
        for name in (*positive, "memory_steps", "proof_steps"):
            self._require(name, getattr(self, name) >= 1, "a positive integer")
        self._require("warmup_steps", self.warmup_steps >= 0, "an integer of at least 0")
        self._require("seed", self.seed >= 0, "an integer of at least 0")
        self._require("lr", math.isfinite(self.lr) and self.lr > 0, "a positive number")
        self._require("optimizer", self.optimizer in OPTIMIZERS, f"one of {', '.join(OPTIMIZERS)}")
        self._require("engine", self.engine in ENGINES, f"one of {', '.join(ENGINES)}")
        self._require("dtype", self.dtype in DTYPES, f"one of {', '.join(DTYPES)}")
        self._require("dataset", self.dataset in NAMES, f"one of {', '.join(NAMES)}")
        self._require("kernel_size", self.kernel_size <= 28, "at most the image's side, 28")
        cores = available_cores()
        self._require("threads", self.threads <= cores, f"at most the {cores} processors that may be used")
        for name in ("train_size", "test_size"):
            value = getattr(self, name)
            self._require(name, value is None or value >= 1, "a positive integer")

    def _require(self, name: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigError(f"{name}: expected {expected}, found {getattr(self, name)}")

    def run(self, **changes: object) -> Config:
        """The configuration of one pair of runs, with some fields changed."""
        from ..results import Config  # needs pydantic, which the arguments do without

        names = [item.name for item in dataclasses.fields(Config)]
        return Config(**({name: getattr(self, name) for name in names} | changes))

    def frameworks(self) -> list[str]:
        """What takes turns, by the names of `results.FRAMEWORKS`: ours as `engine` says, then PyTorch.

        The modes with several networks or optimizers compare one engine, and ``both`` is the eager one.

        >>> ExperimentConfig().frameworks()
        ['numpy77', 'numpy77_compiled', 'pytorch']
        >>> ExperimentConfig(mode="grid").frameworks()
        ['numpy77', 'pytorch']
        """
        eager = self.engine == "both" and self.mode != "basic"
        return [*ENGINES["eager" if eager else self.engine], "pytorch"]

    def runs(self) -> list[Config]:
        """The configurations of all pairs of runs of this experiment, seed by seed.

        Raises:
            ConfigError: the mode trains no pairs.
        """
        self._require("mode", self.mode in MODES, f"one of {', '.join(MODES)}")
        return [
            dataclasses.replace(config, seed=self.seed + repetition)
            for repetition in range(self.seeds)
            for config in MODES[self.mode](self)
        ]


def pairs(experiment: ExperimentConfig) -> list[Config]:
    """`basic`: one network, one optimizer."""
    return [experiment.run()]


def grid(experiment: ExperimentConfig) -> list[Config]:
    """`grid`: Custom-SGD, Torch-SGD, Custom-Adam, Torch-Adam.

    >>> [config.optimizer for config in grid(ExperimentConfig(mode="grid"))]
    ['SGD', 'Adam']
    """
    return [experiment.run(optimizer=optimizer) for optimizer in OPTIMIZERS]


def frontier(experiment: ExperimentConfig) -> list[Config]:
    """`frontier`: the network in nine sizes over more than two decades of parameters.

    >>> len(frontier(ExperimentConfig(mode="frontier")))
    9
    """
    return [experiment.run(channels=channels, hidden=hidden) for channels, hidden in FRONTIER_SIZES]


MODES = {"basic": pairs, "grid": grid, "frontier": frontier}
"""The lists of runs by name."""
