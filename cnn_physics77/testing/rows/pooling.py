"""Rows: max and average pooling."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, distinct, draw

F = "nn.functional."

_BAD_WINDOWS = [
    Bad(RuntimeError, "batched", np.ones((4, 4)), 2),
    Bad(RuntimeError, "half of the kernel", np.ones((1, 4, 4)), 2, padding=2),
    Bad(RuntimeError, "too small", np.ones((1, 4, 4)), 5),
    Bad(RuntimeError, "> 0", np.ones((1, 4, 4)), 2, 0),
    Bad(RuntimeError, "2 of them", np.ones((1, 4, 4)), (2, 2, 2)),
    Bad(TypeError, "kernel_size to be an int", np.ones((1, 4, 4)), "two"),
    Bad(TypeError, "real", np.ones((1, 4, 4), complex), 2),
]

rows = [
    Row(
        F + "max_pool1d",
        lambda rng: [
            Sample(distinct(rng, 2, 3, 8), 2),
            Sample(distinct(rng, 3, 7), 3, 1, 1, 2),
            Sample(distinct(rng, 2, 2, 7), 3, 2, ceil_mode=True, return_indices=True),
        ],
    ),
    Row(
        F + "max_pool2d",
        lambda rng: [
            Sample(distinct(rng, 2, 3, 6, 4), 2),
            Sample(distinct(rng, 3, 5, 6), (2, 3), return_indices=True),
            Sample(distinct(rng, 2, 2, 7, 7), 3, 2, 1),
            Sample(distinct(rng, 2, 2, 7, 8), 3, (1, 2), (0, 1), (2, 1), return_indices=True),
            Sample(distinct(rng, 1, 2, 6, 7), 3, 2, 1, ceil_mode=True, return_indices=True),
            Sample(distinct(rng, 1, 2, 6, 7), kernel_size=2, stride=3, ceil_mode=True),
            Sample(np.zeros((1, 1, 4, 4)), 2, 1, return_indices=True),
            Sample(np.full((1, 1, 3, 3), -np.inf), 2, 1, 1, return_indices=True),
            Sample(np.array([[[np.nan, 1.0], [2.0, np.nan]]]), 2, return_indices=True),
            Sample(draw(rng, 0, 2, 4, 4), 2),
            Sample(np.arange(16).reshape(1, 4, 4), 2),
        ],
        bad=_BAD_WINDOWS,
    ),
    Row(
        F + "max_pool3d",
        lambda rng: [
            Sample(distinct(rng, 2, 2, 4, 4, 5), 2, return_indices=True),
            Sample(distinct(rng, 2, 5, 4, 5), (3, 2, 3), (1, 2, 2), 1, ceil_mode=True),
        ],
    ),
]
