"""A long training run that watches its memory: what leaks a little at each step is seen after thousands.

Run by hand::

    python -m cnn_physics77.benchmarks.speed.soak --steps 10000

It trains the specification's network with Adam on real MNIST batches. After a tenth of the steps (by then
pools, caches and optimizer state have their final size) it notes resident memory and the number of Python
objects; at the end neither may have grown by more than the tolerance. It exits with 1 if they have.
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
"""Growth of resident memory that is allowed between the two notes: the allocator's own coming and going."""

TOLERANCE_OBJECTS = 200
"""Growth of the number of Python objects that is allowed."""


def soak(steps: int, batch_size: int = 64, seed: int = 67) -> bool:
    """Train for ``steps`` steps, print memory ten times on the way, and say whether it stayed."""
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
    """The command: 0 if memory stayed."""
    parser = argparse.ArgumentParser(
        prog="python -m cnn_physics77.benchmarks.speed.soak", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch_size", "--batch-size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=67)
    options = parser.parse_args(arguments)
    return 0 if soak(options.steps, options.batch_size, options.seed) else 1


if __name__ == "__main__":
    sys.exit(main())
