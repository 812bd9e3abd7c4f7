"""Rows of :mod:`cnn_physics77.core.operations.reduction.cummax_logcumsumexp`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.rows.reduction.sum_mean import bad_dims
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, distinct, draw

NAN = np.array([[1.0, np.nan, 3.0, np.nan], [-np.inf, 2.0, np.inf, 0.0]])


def records(rng):
    return [
        Sample(distinct(rng, 2, 3, 4), 1),
        Sample(distinct(rng, 2, 3), dim=-1),
        Sample(draw(rng), 0),
        Sample(draw(rng, 2, 0), 1),
        Sample(NAN, 1),
        Sample(np.array([1.0, 1.0, 0.0, 0.0]), 0),
        Sample(whole(rng, 5), 0),
        Sample(np.array([True, False, True]), 0),
    ]


no_order = Bad(DtypeError, "order", 1j * np.ones(2), 0)

rows = [
    Row("cummax", records, bad=[*bad_dims[:2], no_order]),
    Row("cummin", records, bad=[*bad_dims[:2], no_order]),
    Row(
        "logcumsumexp",
        lambda rng: [
            Sample(draw(rng, 2, 3), 1),
            Sample(draw(rng, 3, 2), dim=0),
            Sample(draw(rng), 0),
            Sample(draw(rng, 2, 0), 1),
            Sample(500 * draw(rng, 4), 0),
            Sample(Constant(np.array([-np.inf, -np.inf, 0.0, np.inf, np.nan])), 0),
            Sample(complex_draw(rng, 2, 4), 1),
            Sample(300 * complex_draw(rng, 3), 0),
        ],
        bad=[*bad_dims[:1], Bad(DtypeError, "floating", np.ones(2, int), 0)],
    ),
]
