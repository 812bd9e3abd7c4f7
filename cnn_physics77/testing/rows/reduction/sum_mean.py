"""Rows of :mod:`cnn_physics77.core.operations.reduction.sum_mean`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def dims(rng, make=draw):
    """Every way to say which dimensions."""
    x = make(rng, 2, 3, 4)
    return [
        Sample(x),
        Sample(x, None),
        Sample(x, 1),
        Sample(x, -1),
        Sample(x, dim=(0, 2)),
        Sample(x, dim=[-1, 0], keepdim=True),
        Sample(x, 0, True),
        Sample(x, dim=(0, 1, 2)),
        Sample(x, dim=()),
        Sample(x, None, True),
        Sample(make(rng), 0),
        Sample(make(rng), dim=-1, keepdim=True),
        Sample(make(rng, 1), 0),
        Sample(make(rng, 1, 3), 0),
    ]


def empties(rng):
    return [
        Sample(draw(rng, 0)),
        Sample(draw(rng, 0, 3), 0),
        Sample(draw(rng, 3, 0), 0),
        Sample(draw(rng, 2, 0, 3), (0, 1)),
    ]


def integers(rng):
    return [
        Sample(whole(rng, 2, 3)),
        Sample(whole(rng, 2, 3), 1),
        Sample(np.array([True, True, False])),
        Sample(whole(rng, 3).astype(np.uint8)),
        Sample(whole(rng, 3).astype(np.int32), 0, dtype=np.int32),
        Sample(whole(rng, 3), 0, dtype=np.float64),
    ]


def with_nan(rng, none_left=True):
    x = draw(rng, 3, 4)
    x[0, 1] = x[2, 2:] = np.nan
    if none_left:
        x[2] = np.nan
    return [Sample(x), Sample(x, 1), Sample(x, dim=0, keepdim=True)]


def complex_dims(rng):
    return [Sample(complex_draw(rng, 2, 3)), Sample(complex_draw(rng, 2, 3), 1)]


def booleans(rng):
    x = draw(rng, 2, 3, 4) > -0.5
    return [
        Sample(x),
        Sample(x, 1),
        Sample(x, dim=(0, -1)),
        Sample(x, 2, keepdim=True),
        Sample(np.array([0.0, np.nan])),
        Sample(whole(rng, 3, low=0).astype(np.uint8)),
        Sample(draw(rng, 0)),
        Sample(draw(rng, 0, 3), 0),
        Sample(draw(rng)),
    ]


bad_dims = [
    Bad(ShapeError, "Dimension out of range", np.ones((2, 3)), 2),
    Bad(ShapeError, "Dimension out of range", np.ones(()), 1),
    Bad(ShapeError, "appears multiple times", np.ones((2, 3)), (1, -1)),
    Bad(ShapeError, "as an integer", np.ones((2, 3)), "rows"),
]

rows = [
    Row("sum", lambda rng: [*dims(rng), *empties(rng), *integers(rng), *complex_dims(rng)], bad=bad_dims),
    Row(
        "nansum",
        lambda rng: [*dims(rng), *empties(rng), *with_nan(rng), *integers(rng)],
        bad=[*bad_dims, Bad(DtypeError, "real", 1j * np.ones(2))],
    ),
    Row(
        "mean",
        lambda rng: [
            *dims(rng),
            *empties(rng),
            *complex_dims(rng),
            Sample(whole(rng, 3), 0, dtype=np.float64),
        ],
        bad=[*bad_dims, Bad(DtypeError, "floating or complex dtype", np.ones(2, int))],
    ),
    Row(
        "nanmean",
        lambda rng: [*dims(rng), *with_nan(rng, none_left=False)],
        bad=[*bad_dims, Bad(DtypeError, "floating", np.ones(2, int))],
    ),
    Row(
        "logsumexp",
        lambda rng: [
            Sample(draw(rng, 2, 3), 1),
            Sample(draw(rng, 2, 3, 4), (0, -1), keepdim=True),
            Sample(draw(rng), 0),
            Sample(draw(rng, 0), 0),
            Sample(draw(rng, 0, 3), 0),
            Sample(1000 * draw(rng, 2, 3), 0),
            Sample(np.array([[-np.inf, 0.0], [np.inf, 1.0]]), 1),
            Sample(whole(rng, 3), 0),
            Sample(complex_draw(rng, 2, 3), 1),
            Sample(800 * complex_draw(rng, 3), 0, keepdim=True),
        ],
        bad=bad_dims[:1],
    ),
    Row("all", booleans, order=0, bad=bad_dims[:3]),
    Row("any", booleans, order=0, bad=bad_dims[:3]),
    Row(
        "count_nonzero",
        lambda rng: [
            Sample(whole(rng, 2, 3, low=-1)),
            Sample(whole(rng, 2, 3, low=-1), 1),
            Sample(whole(rng, 2, 3, low=-1), dim=(0, 1)),
            Sample(draw(rng, 0)),
            Sample(np.array([0.0, np.nan, -0.0])),
        ],
        order=0,
        bad=bad_dims[:1],
    ),
]
