"""The experiment as a dataclass: documented defaults, what cannot be meant is refused, modes as lists."""

import dataclasses
import math

import pytest

from cnn_physics77.benchmarks.helper import FRONTIER_SIZES, ConfigError, ExperimentConfig
from cnn_physics77.benchmarks.instruments.processors import available_cores
from cnn_physics77.results import FRAMEWORKS


def test_defaults_are_the_documented_ones():
    config = ExperimentConfig()
    assert (config.mode, config.optimizer, config.epochs, config.batch_size) == ("basic", "Adam", 5, 64)
    assert (config.lr, config.seed, config.diagnostics, config.dataset) == (0.001, 67, False, "auto")
    assert (config.channels, config.kernel_size, config.hidden) == (8, 3, 128)
    assert config.dtype == "float32" and config.threads == available_cores()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs: expected a positive integer, found 0"),
        ({"batch_size": -1}, "batch_size: expected a positive integer, found -1"),
        ({"lr": 0.0}, "lr: expected a positive number, found 0.0"),
        ({"lr": math.nan}, "lr: expected a positive number, found nan"),
        ({"lr": math.inf}, "lr: expected a positive number, found inf"),
        ({"seed": -1}, "seed: expected an integer of at least 0"),
        ({"seeds": 0}, "seeds: expected a positive integer"),
        ({"threads": 0}, "threads: expected a positive integer"),
        ({"threads": 10**6}, "threads: expected at most the .* processors that may be used"),
        ({"kernel_size": 29}, "kernel_size: expected at most the image's side, 28"),
        ({"warmup_steps": -1}, "warmup_steps: expected an integer of at least 0"),
        ({"optimizer": "adam"}, "optimizer: expected one of SGD, Adam, found adam"),
        ({"engine": "lazy"}, "engine: expected one of eager, compiled, both, found lazy"),
        ({"dtype": "float16"}, "dtype: expected one of float32, float64"),
        ({"dataset": "cifar"}, "dataset: expected one of auto, mnist"),
        ({"train_size": 0}, "train_size: expected a positive integer"),
    ],
)
def test_what_cannot_be_meant(changes, message):
    with pytest.raises(ConfigError, match=message):
        ExperimentConfig(**changes)


def test_an_unknown_mode_trains_nothing():
    with pytest.raises(ConfigError, match="mode: expected one of basic, grid, frontier, found other"):
        ExperimentConfig(mode="other").runs()


@pytest.mark.parametrize("mode", ["basic", "grid", "frontier"])
def test_the_engine_says_which_of_ours_takes_turns_with_pytorch(mode):
    def labels(engine):
        return [FRAMEWORKS[name] for name in ExperimentConfig(mode=mode, engine=engine).frameworks()]

    assert labels("eager") == ["Custom", "Torch"] and labels("compiled") == ["Compiled", "Torch"]
    assert labels("both") == (["Custom", "Compiled", "Torch"] if mode == "basic" else ["Custom", "Torch"])


def test_runs_are_paired_over_seeds():
    runs = ExperimentConfig(mode="grid", seeds=3, seed=5).runs()
    assert [(run.seed, run.optimizer) for run in runs] == [
        (seed, optimizer) for seed in (5, 6, 7) for optimizer in ("SGD", "Adam")
    ]
    assert len({dataclasses.astuple(dataclasses.replace(run, seed=0)) for run in runs}) == 2


def test_the_frontier_spans_two_decades_in_at_least_eight_sizes():
    def count(config):
        side = 28 - config.kernel_size + 1
        flat = config.channels * side * side
        return config.channels * 9 + flat * config.hidden + config.hidden + config.hidden * 10 + 10

    counts = [count(config) for config in ExperimentConfig(mode="frontier").runs()]
    assert len(counts) == len(FRONTIER_SIZES) >= 8 and counts == sorted(set(counts))
    assert counts[-1] / counts[0] > 100
    assert counts[-1] == 693_714  # the specification's network is the largest
