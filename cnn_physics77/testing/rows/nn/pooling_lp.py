"""Rows: power-average pooling."""

import math

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, distinct, draw

F = "nn.functional."

rows = [
    Row(
        F + "lp_pool1d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 7, low=0.1), 3, 2),
            Sample(draw(rng, 3, 4), 2, 2, ceil_mode=True),
            Sample(distinct(rng, 2, 2, 7), math.inf, 3, 2),
        ],
    ),
    Row(
        F + "lp_pool2d",
        lambda rng: [
            Sample(draw(rng, 2, 2, 5, 4), 2, (2, 3), stride=1),
            Sample(draw(rng, 1, 5, 5, low=0.1), 1.5, 2, (2, 1), True),
            Sample(np.zeros((1, 2, 2)), 2, 2),
            Sample(distinct(rng, 1, 2, 4, 4), -math.inf, 2),
            Sample(draw(rng, 0, 2, 4, 4), 2, 2),
        ],
        bad=[
            Bad(RuntimeError, "batched", np.ones((4, 4)), 2, 2),
            Bad(RuntimeError, "2 ints", np.ones((1, 4, 4)), 2, (2, 2, 2)),
            Bad(TypeError, "floating", np.ones((1, 4, 4), int), 2, 2),
        ],
    ),
    Row(F + "lp_pool3d", lambda rng: [Sample(draw(rng, 1, 2, 3, 4, 3, low=0.1), 3, 2, stride=(1, 2, 1))]),
]
