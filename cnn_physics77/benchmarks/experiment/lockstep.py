"""The proof before any timing: ours and PyTorch must agree in float64, step by step.

Run by hand over 500 steps of each optimizer::

    python -m cnn_physics77.benchmarks.experiment.lockstep --steps 500

Differences are relative: ``|a - b| / |b|`` for the loss and the norm of the whole gradient, and for the
parameters the 2-norm of the difference over the 2-norm, of the worst parameter. In float64 two correct
implementations differ by rounding, about 1e-15, which Adam's division by small second moments magnifies. A
difference above the tolerance means that they compute different things.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
import tempfile
from typing import Any

import numpy as np

from ... import datasets
from ...core.errors import DataError
from ...core.training import train_epoch
from ...results import FRAMEWORKS, Config, ProofRecord
from ..helper import OPTIMIZERS, ConfigError, ExperimentConfig
from ..instruments.measure import MeasurementError
from ..process.shared_inputs import SharedInputs
from ..process.worker import EXPERIMENT, Worker, WorkerError, parameter_shapes
from ..train import Trainer

TOLERANCE = 1e-9
"""Largest relative difference that passes."""


def relative_difference(a: Any, b: Any) -> float:
    """2-norm of a - b over the 2-norm of b; the norm of `a` where `b` is zero.

    >>> relative_difference(np.array([3.0, 4.5]), np.array([3.0, 4.0]))
    0.1
    """
    scale = float(np.linalg.norm(b))
    return float(np.linalg.norm(np.subtract(a, b))) / (scale or 1.0)


class Differences:
    """The largest differences so far; a NaN counts as the largest."""

    def __init__(self) -> None:
        self.largest = {"loss": 0.0, "gradient_norm": 0.0, "parameters": 0.0}

    def see(self, name: str, value: float) -> None:
        """Add one difference."""
        if not math.isnan(self.largest[name]) and not value <= self.largest[name]:
            self.largest[name] = value


def compare(trainers: list[Trainer], weights: str, steps: int, tolerance: float = TOLERANCE) -> ProofRecord:
    """Train two trainers from the same weights on the same batches, and compare them after every step.

    Args:
        trainers: ours and the reference, both in float64.
        weights: name of the initial weights in the shared inputs.
        steps: number of steps, on the batches of epoch 1, repeated if necessary.
        tolerance: recorded with the result.
    """
    differences = Differences()
    for trainer in trainers:
        trainer.reset(weights)

    def step(*batches: tuple[Any, Any]) -> list[float]:
        return [trainer.step(*batch).item() for trainer, batch in zip(trainers, batches, strict=True)]

    def look(number: int, losses: list[float]) -> None:
        differences.see("loss", relative_difference(*losses))
        norms = [np.linalg.norm(list(trainer.gradient_norms().values())) for trainer in trainers]
        differences.see("gradient_norm", relative_difference(*norms))
        ours, theirs = (trainer.adapter.parameters(trainer.model) for trainer in trainers)
        for name, value in theirs.items():
            differences.see("parameters", relative_difference(ours[name], value))

    train_epoch(step, zip(*(trainer.batches_endless(steps) for trainer in trainers), strict=True), look)
    return ProofRecord(steps, tolerance, **differences.largest)


def prove(
    worker: Worker, inputs: SharedInputs, config: Config, classes: int, steps: int
) -> dict[str, ProofRecord]:
    """Compare each of ours with PyTorch for `config` in float64, in `worker`, a process that holds all."""
    config = dataclasses.replace(config, dtype="float64")
    built = worker.ask(
        "build_all", config=dataclasses.asdict(config), inputs=str(inputs.folder), classes=classes
    )
    shapes = parameter_shapes(built["parameters"])
    weights = inputs.write_weights(shapes, config.seed, config.model)
    proofs = worker.ask("prove", weights=weights, steps=steps)
    return {framework: ProofRecord(**proof) for framework, proof in proofs.items()}


def main(arguments: list[str] | None = None) -> int:
    """Run the command: prove each optimizer in each of ours, a line each. Exit status 1 if one fails."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.experiment.lockstep", description=__doc__
    )
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--steps", type=int, default=500, help="compared steps (default: 500)")
    parser.add_argument("--lr", type=float, default=0.001, help="learning rate (default: 0.001)")
    parser.add_argument("--seed", type=int, default=67, help="seed of weights and batches (default: 67)")
    parser.add_argument("--batch_size", "--batch-size", type=int, default=64, help="images (default: 64)")
    parser.add_argument("--model", default="CNN", help="a class of cnn_physics77.core.model (default: CNN)")
    parser.add_argument("--dataset", default="auto", choices=datasets.NAMES, help="default: auto")
    parser.add_argument("--data_dir", "--data-dir", help="folder searched first for the data")
    args = parser.parse_args(arguments)
    try:
        experiment = ExperimentConfig(
            lr=args.lr, seed=args.seed, batch_size=args.batch_size, model=args.model, proof_steps=args.steps
        )
        data = datasets.load(args.dataset, args.data_dir)
        for note in data.notes:
            print(note, file=sys.stderr)
        passed = True
        with (
            tempfile.TemporaryDirectory() as folder,
            Worker(list(FRAMEWORKS), experiment.threads, EXPERIMENT) as worker,
        ):
            inputs = SharedInputs(folder)
            inputs.write_data(data)
            inputs.write_order(len(data.train_labels), experiment.seed, 1)
            for optimizer in OPTIMIZERS:
                config = experiment.run(optimizer=optimizer)
                proofs = prove(worker, inputs, config, len(data.classes), args.steps)
                for framework, proof in proofs.items():
                    passed &= proof.passed
                    verdict = "passed" if proof.passed else "FAILED"
                    print(
                        f"{FRAMEWORKS[framework]}-{optimizer}: {proof.steps} steps in float64 on "
                        f"{data.title}; largest relative differences: loss {proof.loss:.2e}, gradient norm "
                        f"{proof.gradient_norm:.2e}, parameters {proof.parameters:.2e}; tolerance "
                        f"{proof.tolerance:.0e}: {verdict}"
                    )
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ConfigError, DataError, MeasurementError, WorkerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
