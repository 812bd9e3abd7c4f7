"""A long training run that watches its memory: a small leak per step shows after thousands of steps.

Run by hand::

    python -m cnn_physics77.benchmarks.speed.soak --steps 10000

It trains the specification's network with Adam on MNIST. After a tenth of the steps, when pools, caches and
optimizer state have their final size, it notes resident memory and the number of Python objects. At the end
neither may have grown by more than its tolerance; otherwise the exit status is 1.
"""

from __future__ import annotations

import argparse
import gc
import sys

import numpy as np
import psutil

from ... import datasets, nn, optim
from ...core.model import CNN
from ...core.tensor import from_numpy

TOLERANCE_BYTES = 2 << 20
"""Allowed growth of resident memory: the allocator's own fluctuation."""

TOLERANCE_OBJECTS = 200
"""Allowed growth of the number of Python objects."""


def soak(steps: int, batch_size: int = 64, seed: int = 67) -> bool:
    """Train for `steps` steps, print memory ten times on the way, return whether it stayed."""
    data = datasets.load("mnist")
    images = data.train_images / np.float32(255)
    labels = data.train_labels
    rng = np.random.default_rng(seed)
    model, criterion = CNN(), nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    process = psutil.Process()
    note = max(1, steps // 10)
    start = (0, 0)
    size, objects = 0, 0
    for step in range(1, steps + 1):
        index = rng.integers(len(labels), size=batch_size)
        optimizer.zero_grad()
        loss = criterion(model(from_numpy(images[index])), from_numpy(labels[index]))
        loss.backward()
        optimizer.step()
        if step % note == 0:
            gc.collect()
            size, objects = process.memory_info().rss, len(gc.get_objects())
            if step == note:
                start = (size, objects)
            print(
                f"step {step:6d}  loss {loss.item():.4f}  resident {size / 2**20:8.2f} MiB  objects {objects}"
            )
    growth, more = size - start[0], objects - start[1]
    stayed = growth <= TOLERANCE_BYTES and more <= TOLERANCE_OBJECTS
    print(f"{'stayed' if stayed else 'GREW'}: {growth / 2**20:+.2f} MiB, {more:+d} objects since step {note}")
    return stayed


def main(arguments: list[str] | None = None) -> int:
    """Run the command; exit status 0 if memory stayed, 1 if it grew."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.speed.soak", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--steps", type=int, default=10_000, help="training steps (default: 10000)")
    parser.add_argument("--batch_size", "--batch-size", type=int, default=64, help="images (default: 64)")
    parser.add_argument("--seed", type=int, default=67, help="seed of the batches (default: 67)")
    args = parser.parse_args(arguments)
    return 0 if soak(args.steps, args.batch_size, args.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
