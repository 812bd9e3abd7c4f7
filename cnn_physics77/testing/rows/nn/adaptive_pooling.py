"""Rows: adaptive pooling."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, distinct, draw

F = "nn.functional."

_BAD = [
    Bad(RuntimeError, "batched", np.ones((4, 4)), 2),
    Bad(RuntimeError, "2 of them", np.ones((1, 4, 4)), (2, 2, 2)),
    Bad(RuntimeError, "not below 0", np.ones((1, 4, 4)), -1),
    Bad(TypeError, "ints and None", np.ones((1, 4, 4)), 1.5),
    Bad(RuntimeError, "non-zero size", np.ones((1, 0, 4)), 2),
    Bad(TypeError, "floating", np.ones((1, 4, 4), int), 2),
]

rows = [
    Row(
        F + "adaptive_avg_pool1d", lambda rng: [Sample(draw(rng, 2, 3, 7), 3), Sample(draw(rng, 3, 4), (4,))]
    ),
    Row(
        F + "adaptive_avg_pool2d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 7, 5), (3, 2)),
            Sample(draw(rng, 3, 4, 6), (None, 4)),
            Sample(draw(rng, 2, 3, 4, 4), 1),
            Sample(draw(rng, 1, 2, 2, 3), 5),
            Sample(draw(rng, 0, 2, 4, 4), 2),
        ],
        bad=_BAD,
    ),
    Row(F + "adaptive_avg_pool3d", lambda rng: [Sample(draw(rng, 2, 2, 4, 5, 3), (2, 3, None))]),
    Row(F + "adaptive_max_pool1d", lambda rng: [Sample(distinct(rng, 2, 3, 7), 3, return_indices=True)]),
    Row(
        F + "adaptive_max_pool2d",
        lambda rng: [
            Sample(distinct(rng, 2, 3, 7, 5), (3, 2), return_indices=True),
            Sample(distinct(rng, 3, 4, 6), (None, 4)),
            Sample(distinct(rng, 2, 3, 4, 4), 1),
            Sample(distinct(rng, 1, 2, 2, 3), 5, True),
            Sample(np.zeros((1, 4, 4)), 3, True),
            Sample(draw(rng, 0, 2, 4, 4), 2),
        ],
        bad=_BAD,
    ),
    Row(F + "adaptive_max_pool3d", lambda rng: [Sample(distinct(rng, 2, 2, 4, 5, 3), (2, 3, None), True)]),
]
