"""Rows of :mod:`cnn_physics77.core.operations.pointwise.special`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import mismatch, numbers, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def samples(rng):
    return [
        Sample(2 * draw(rng, 3, 4)),
        Sample(draw(rng, 0)),
        Sample(draw(rng)),
        Sample(whole(rng, 3)),
        Sample(Constant(np.array([0.0, np.inf, -np.inf, np.nan]))),
    ]


bad = [Bad(DtypeError, "complex", 1j * np.ones(2))]

rows = [
    Row("erf", samples, bad=bad),
    Row("erfc", samples, bad=bad),
    Row(
        "xlogy",
        lambda rng: [
            Sample(draw(rng, 3), draw(rng, 2, 3, low=0.1)),
            Sample(draw(rng, 3), 2.0),
            Sample(2, draw(rng, 3, low=0.1)),
            Sample(whole(rng, 3), whole(rng, 3)),
            Sample(Constant(np.array([0.0, 0.0, 0.0, 1.0])), Constant(np.array([0.0, np.nan, -1.0, 0.0]))),
        ],
        bad=[mismatch, numbers, Bad(DtypeError, "complex", 1j * np.ones(2), 1.0)],
    ),
]
