"""The arguments of the command. NumPy is enough to read them; `command`, which obeys them, needs more."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from . import datasets
from .benchmarks.helper import DTYPES, ENGINES, OPTIMIZERS, ConfigError, ExperimentConfig

PROGRAM = "cnn-physics77"
"""The command's name, which begins each of its messages."""

MODES = {
    "basic": "ours against PyTorch, one optimizer",
    "grid": "Custom-SGD, Custom-Adam, Torch-SGD, Torch-Adam",
    "frontier": "nine sizes of the network in both frameworks",
    "profile": "one training step, operation by operation, in both frameworks",
}
"""What ``--mode`` may be, and what each mode does."""


class _Parser(argparse.ArgumentParser):
    """A parser whose error message is one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}; see --help\n")


def build_parser() -> argparse.ArgumentParser:
    """The arguments, each with hyphens or underscores between its words.

    >>> build_parser().parse_args(["--batch-size", "32"]).batch_size
    32
    """
    parser = _Parser(
        prog=PROGRAM,
        description="Train one network in cnn_physics77 (NumPy) and in PyTorch, and show how they compare.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )

    def add(name: str, help: str, **details: Any) -> None:
        spellings = dict.fromkeys([f"--{name}", f"--{name.replace('_', '-')}"])
        default = getattr(defaults, name)
        if details.get("action") is None:
            details = {"type": type(default) if default is not None else str} | details
        parser.add_argument(*spellings, dest=name, default=default, help=help, **details)

    defaults = ExperimentConfig()
    add("mode", "; ".join(f"{name}: {what}" for name, what in MODES.items()), choices=list(MODES))
    add("optimizer", "the optimizer, in modes that use one", choices=OPTIMIZERS)
    add(
        "engine",
        "ours: eager, as Python runs it; compiled, its step captured by torch.compile(step, lanes='auto'); "
        "or both. In grid and frontier, both is eager; profile shows the eager step, and the captured one "
        "beside it unless eager is given",
        choices=list(ENGINES),
    )
    add("epochs", "passes over the training set")
    add("batch_size", "images per step")
    add("lr", "learning rate")
    add("seed", "seed of the initial weights and of the order of the batches")
    add(
        "diagnostics",
        "step-level analysis: step loss, gradient norms of every layer, confusion matrix",
        action="store_true",
    )
    add(
        "dataset",
        "auto: MNIST, or a named stand-in if it cannot be had",
        choices=datasets.NAMES,
    )
    add(
        "data_dir",
        f"folder searched first; then ${datasets.VARIABLE}, data/, the cache, mirrors",
    )
    add("threads", "threads for each framework")
    add("dtype", "dtype of parameters, gradients, optimizer state and images", choices=DTYPES)
    add("log_dir", "folder for logs, JSON and TXT")
    add("fig_dir", "folder for figures, PNG and SVG")
    add("seeds", "paired repetitions, with seeds SEED, SEED + 1, ...")
    add("channels", "output channels of the convolution")
    add("kernel_size", "side of the convolution's kernel")
    add("hidden", "width of the hidden dense layer")
    return parser


def parse(arguments: Sequence[str] | None = None) -> ExperimentConfig:
    """What the arguments ask for.

    Args:
        arguments: as given after the command's name; None takes them from the command line.
    Raises:
        SystemExit: with status 0 after ``--help``, and 2 after one line about a bad argument.
    """
    parser = build_parser()
    try:
        return ExperimentConfig(**vars(parser.parse_args(arguments)))
    except ConfigError as error:
        parser.error(f"--{error}")
