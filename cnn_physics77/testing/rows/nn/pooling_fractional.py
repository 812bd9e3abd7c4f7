"""Rows: fractional max-pooling, with given random numbers."""

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, distinct, draw

F = "nn.functional."


def _random(rng, *shape):
    return {"_random_samples": Constant(draw(rng, *shape, low=0.0, high=1.0))}


rows = [
    Row(
        F + "fractional_max_pool2d",
        lambda rng: [
            Sample(distinct(rng, 2, 3, 9, 7), 2, (4, 5), return_indices=True, **_random(rng, 2, 3, 2)),
            Sample(distinct(rng, 2, 9, 8), (3, 2), output_ratio=(0.5, 0.6), **_random(rng, 1, 2, 2)),
            Sample(distinct(rng, 1, 1, 4, 5), 2, 1, return_indices=True, **_random(rng, 1, 1, 2)),
            Sample(np.zeros((1, 5, 5)), 2, 3, None, True, **_random(rng, 1, 1, 2)),
            Sample(draw(rng, 0, 2, 4, 4), 2, 2, **_random(rng, 0, 2, 2)),
        ],
        order=1,  # PyTorch's has no second derivative
        bad=[
            Bad(ValueError, "requires specifying", np.ones((1, 4, 4)), 2),
            Bad(ValueError, "a number or 2", np.ones((1, 4, 4)), 2, output_ratio=(0.5, 0.5, 0.5)),
            Bad(RuntimeError, "batched", np.ones((4, 4)), 2, 2),
            Bad(RuntimeError, "too large", np.ones((1, 4, 4)), 3, 3),
            Bad(RuntimeError, "too large", np.ones((1, 4, 4)), 3, 0),
            Bad(RuntimeError, "_random_samples", np.ones((1, 4, 4)), 2, 2, _random_samples=np.ones((1, 1))),
            Bad(TypeError, "floating", np.ones((1, 4, 4), int), 2, 2),
        ],
    ),
    Row(
        F + "fractional_max_pool3d",
        lambda rng: [
            Sample(distinct(rng, 1, 2, 5, 7, 6), (2, 3, 2), (2, 3, 4), None, True, **_random(rng, 1, 2, 3)),
            Sample(distinct(rng, 2, 5, 4, 6), 2, output_ratio=0.5, **_random(rng, 1, 2, 3)),
        ],
        order=1,
    ),
]
