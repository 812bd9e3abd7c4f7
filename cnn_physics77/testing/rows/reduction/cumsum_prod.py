"""Rows of :mod:`cnn_physics77.core.operations.reduction.cumsum_prod`."""

import numpy as np

from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.rows.reduction.sum_mean import bad_dims
from cnn_physics77.testing.table import Row, Sample, draw

ZEROS = np.array([[2.0, 0.0, 3.0, -1.5], [0.0, 4.0, 0.0, 1.0], [1.0, 2.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]])


def running(rng):
    return [
        Sample(draw(rng, 2, 3, 4), 1),
        Sample(draw(rng, 2, 3, 4), dim=-1),
        Sample(draw(rng, 5), 0),
        Sample(draw(rng), 0),
        Sample(draw(rng, 1), 0),
        Sample(draw(rng, 0), 0),
        Sample(draw(rng, 2, 0), 0),
        Sample(whole(rng, 3), 0),
        Sample(whole(rng, 3), 0, dtype=np.float64),
        Sample(np.array([True, True]), 0),
        Sample(complex_draw(rng, 4), 0),
    ]


rows = [
    Row("cumsum", running, bad=bad_dims[:1]),
    Row("cumprod", lambda rng: [*running(rng), Sample(ZEROS, 0), Sample(ZEROS, 1)], bad=bad_dims[:1]),
    Row(
        "prod",
        lambda rng: [
            *running(rng),
            Sample(ZEROS, 0),
            Sample(ZEROS, 1, keepdim=True),
            Sample(ZEROS),
            Sample(ZEROS[1]),
            Sample(draw(rng, 2, 3)),
            Sample(draw(rng)),
            Sample(draw(rng, 0)),
            Sample(draw(rng, 2, 3), 0, True),
            Sample(whole(rng, 3)),
        ],
        bad=bad_dims[:1],
    ),
]
