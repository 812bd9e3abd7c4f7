"""Rows of :mod:`cnn_physics77.core.operations.reduction.max_min`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.rows.reduction.sum_mean import bad_dims
from cnn_physics77.testing.table import Bad, Row, Sample, distinct, draw

TIED = np.array([[1.0, 3, 3], [2, 2, 2], [5, 0, 0]])
NAN = np.array([[1.0, np.nan, np.nan], [2, 3, 1]])


def one_dim(rng):
    return [
        Sample(distinct(rng, 2, 3, 4), 1),
        Sample(distinct(rng, 2, 3, 4), -1, keepdim=True),
        Sample(distinct(rng, 2, 3, 4), dim=0),
        Sample(TIED, 1),
        Sample(TIED, 0, True),
        Sample(draw(rng), 0),
        Sample(draw(rng), -1, keepdim=True),
        Sample(draw(rng, 1), 0),
        Sample(draw(rng, 3, 0), 0),
        Sample(whole(rng, 5), 0),
        Sample(NAN, 1),
    ]


def whole_tensor(rng):
    return [Sample(distinct(rng, 2, 3)), Sample(TIED), Sample(draw(rng)), Sample(whole(rng, 5)), Sample(NAN)]


def two(rng):
    return [Sample(draw(rng, 3), draw(rng, 2, 3)), Sample(np.array([1.0, 2, 3]), np.array([1.0, 3, 2]))]


def several_dims(rng):
    x = distinct(rng, 2, 3, 4)
    return [
        Sample(x),
        Sample(x, (0, 2)),
        Sample(x, [-1], keepdim=True),
        Sample(x, dim=1),
        Sample(TIED),
        Sample(TIED, 0),
        Sample(TIED, (0, 1), True),
        Sample(draw(rng)),
        Sample(draw(rng), 0),
        Sample(draw(rng, 3, 0), 0),
        Sample(whole(rng, 2, 3), 1),
        Sample(np.array([True, False])),
        Sample(NAN),
    ]


nothing = Bad(ShapeError, "non-zero size", np.ones((0, 2)), 0)
no_order = Bad(DtypeError, "order", 1j * np.ones(2))
bad_one = [nothing, no_order, bad_dims[0], Bad(ShapeError, "non-zero size", np.ones(0))]

rows = [
    Row("max", lambda rng: [*one_dim(rng), *whole_tensor(rng), *two(rng)], bad=bad_one),
    Row("min", lambda rng: [*one_dim(rng), *whole_tensor(rng), *two(rng)], bad=bad_one),
    Row("amax", several_dims, bad=[*bad_one, bad_dims[2]]),
    Row("amin", several_dims, bad=[*bad_one, bad_dims[2]]),
    Row(
        "aminmax",
        lambda rng: [
            Sample(distinct(rng, 2, 3)),
            Sample(distinct(rng, 2, 3), dim=1),
            Sample(TIED, dim=0, keepdim=True),
            Sample(draw(rng), dim=0),
        ],
        bad=[no_order],
    ),
    *[
        Row(
            name,
            lambda rng: [*one_dim(rng), *whole_tensor(rng), Sample(TIED, None, True)],
            order=0,
            bad=[*bad_one, Bad(DtypeError, "booleans", np.array([True]))],
        )
        for name in ("argmax", "argmin")
    ],
]
