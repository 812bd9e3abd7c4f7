"""Rows of :mod:`cnn_physics77.core.operations.comparison.sort_topk`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.rows.reduction.sum_mean import bad_dims
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, distinct, draw

NAN = np.array([3.0, np.nan, 2, 1, np.nan])
TIED = np.array([3, 1, 3, 1, 2])


def ordered(rng):
    return [
        Sample(distinct(rng, 2, 3, 4)),
        Sample(distinct(rng, 2, 3, 4), 1),
        Sample(distinct(rng, 2, 3, 4), dim=0, descending=True),
        Sample(distinct(rng, 5), -1, True),
        Sample(draw(rng)),
        Sample(draw(rng), 0, True),
        Sample(draw(rng, 0)),
        Sample(draw(rng, 2, 0), 0),
        Sample(NAN, stable=True),
        Sample(NAN, descending=True, stable=True),
        Sample(TIED, stable=True),
        Sample(TIED, descending=True, stable=True),
        Sample(np.array([True, False, True]), stable=True),
    ]


def middles(rng):
    return [
        Sample(distinct(rng, 5)),
        Sample(distinct(rng, 2, 3, 2)),
        Sample(distinct(rng, 2, 3, 4), 1),
        Sample(distinct(rng, 2, 3, 4), -1, keepdim=True),
        Sample(distinct(rng, 2, 5), dim=0),
        Sample(np.array([1.0, 1, 2, 2])),
        Sample(draw(rng)),
        Sample(draw(rng), 0),
        Sample(Constant(draw(rng, 0))),
        Sample(draw(rng, 3, 0), 0),
        Sample(distinct(rng, 1, 4), 0),
        Sample(rng.permutation(7)),
        Sample(rng.permutation(8), 0),
        Sample(np.array([[3.0, np.nan, 1.0, 2.0], [4.0, 1.0, 2.0, 3.0]]), 1),
        Sample(NAN),
    ]


no_order = Bad(DtypeError, "order", 1j * np.ones(2))
empty = Bad(ShapeError, "non-zero size", np.ones((0, 2)), 0)

rows = [
    Row("sort", ordered, bad=[bad_dims[0], no_order]),
    Row("argsort", lambda rng: ordered(rng), order=0, bad=[bad_dims[0], no_order]),
    Row("msort", lambda rng: [Sample(distinct(rng, 3, 4)), Sample(draw(rng)), Sample(draw(rng, 0))]),
    Row(
        "topk",
        lambda rng: [
            Sample(distinct(rng, 5), 3),
            Sample(distinct(rng, 2, 3, 4), 2, 1),
            Sample(distinct(rng, 2, 3, 4), 2, dim=0, largest=False),
            Sample(distinct(rng, 4), 4, -1, True, True),
            Sample(distinct(rng, 4), 0),
            Sample(draw(rng), 1),
            Sample(draw(rng, 2, 0), 1, 0),
            Sample(whole(rng, 1), 1),
            Sample(NAN[1:4], 2),
        ],
        bad=[
            Bad(ShapeError, "Dimension out of range", np.ones(3), 1, 1),
            Bad(ShapeError, "out of range", np.ones(3), 4),
            Bad(DtypeError, "order", 1j * np.ones(2), 1),
        ],
    ),
    Row(
        "kthvalue",
        lambda rng: [
            Sample(distinct(rng, 5), 2),
            Sample(distinct(rng, 2, 3, 4), 3, 1),
            Sample(distinct(rng, 2, 3), 1, dim=0, keepdim=True),
            Sample(draw(rng), 1),
        ],
        bad=[Bad(ShapeError, "out of range", np.ones(3), 0), Bad(ShapeError, "non-zero size", np.ones(0), 1)],
    ),
    Row("median", middles, bad=[bad_dims[0], no_order, empty]),
    Row("nanmedian", middles, bad=[bad_dims[0], no_order, empty]),
]
