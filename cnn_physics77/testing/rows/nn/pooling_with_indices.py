"""Rows: pooling that always gives the places of the largest values."""

import numpy as np

from cnn_physics77.testing.table import Constant, Row, Sample, distinct, draw

F = "nn.functional."


def _random(rng, *shape):
    return {"_random_samples": Constant(draw(rng, *shape, low=0.0, high=1.0))}


rows = [
    Row(F + "max_pool1d_with_indices", lambda rng: [Sample(distinct(rng, 2, 2, 7), 3, 2, 1)]),
    Row(F + "max_pool2d_with_indices", lambda rng: [Sample(distinct(rng, 1, 2, 5, 6), (2, 3), dilation=2)]),
    Row(F + "max_pool3d_with_indices", lambda rng: [Sample(distinct(rng, 1, 3, 4, 3), 2, ceil_mode=True)]),
    Row(F + "adaptive_max_pool1d_with_indices", lambda rng: [Sample(distinct(rng, 2, 2, 7), 3)]),
    Row(F + "adaptive_max_pool2d_with_indices", lambda rng: [Sample(distinct(rng, 1, 2, 5, 6), (2, None))]),
    Row(F + "adaptive_max_pool3d_with_indices", lambda rng: [Sample(np.zeros((1, 3, 4, 3)), 2)]),
    Row(
        F + "fractional_max_pool2d_with_indices",
        lambda rng: [Sample(distinct(rng, 1, 2, 7, 6), 2, 3, **_random(rng, 1, 2, 2))],
        order=1,  # PyTorch's has no second derivative
    ),
    Row(
        F + "fractional_max_pool3d_with_indices",
        lambda rng: [Sample(distinct(rng, 1, 2, 5, 6, 5), 2, 3, **_random(rng, 1, 2, 3))],
        order=1,
    ),
]
