"""Rows of :mod:`cnn_physics77.core.operations.comparison.quantile_mode`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.rows.reduction.sum_mean import bad_dims
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, distinct, draw

WAYS = ("linear", "lower", "higher", "midpoint", "nearest")
Q = np.array([0.0, 0.3, 0.5, 1.0])


def quantiles(rng):
    x = distinct(rng, 3, 4)
    with_nan = x.copy()
    with_nan[0, 1] = with_nan[2, :] = np.nan
    return [
        Sample(x, 0.3),
        Sample(x, Constant(Q), 1),
        *[Sample(x, Constant(Q), 0, keepdim=True, interpolation=way) for way in WAYS],
        Sample(x, Constant(np.array(0.5)), keepdim=True),
        Sample(distinct(rng, 5), np.array([0.1, 0.6])),
        Sample(draw(rng), Constant(Q), 0, True),
        Sample(Constant(with_nan), Constant(Q), 1),
        Sample(Constant(with_nan), 0.5),
        Sample(Constant(np.array([1.0, 2.0, np.inf])), 0.5),
        Sample(x, Constant(np.array([]))),
    ]


bad = [
    Bad(DtypeError, "float64", np.ones(2, int), 0.5),
    Bad(DtypeError, "same dtype", np.ones(2), np.ones(2, np.float32)),
    Bad(ShapeError, "non-empty", np.ones(0), 0.5),
    Bad(ShapeError, "1D", np.ones(2), np.ones((1, 1))),
    Bad(ShapeError, "out of range", np.ones(2), 0.5, 1),
    Bad(ValueError, "[0, 1]", np.ones(2), 1.5),
    Bad(ValueError, "must be one of", np.ones(2), 0.5, interpolation="cubic"),
]

rows = [
    Row("quantile", quantiles, bad=bad),
    Row("nanquantile", quantiles, bad=bad),
    Row(
        "mode",
        lambda rng: [
            Sample(whole(rng, 2, 3, 8), 2),
            Sample(whole(rng, 3, 8), dim=0, keepdim=True),
            Sample(np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 1.0], [0.5, -0.5, np.inf]])),
            Sample(Constant(np.array([np.nan, np.nan, 2.0, 2.0]))),
            Sample(Constant(np.array([np.nan, np.nan]))),
            Sample(draw(rng), 0),
            Sample(draw(rng, 3, 0), 0),
            Sample(np.array([True, False, True])),
        ],
        bad=[
            bad_dims[0],
            Bad(ShapeError, "non-zero size", np.ones((3, 0))),
            Bad(DtypeError, "order", np.ones(2) * 1j),
        ],
    ),
]
