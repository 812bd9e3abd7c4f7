"""Rows of :mod:`cnn_physics77.core.operations.pointwise.gcd_lcm`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Row, Sample


def integers(rng):
    return [
        Sample(12 * whole(rng, 3, 4, low=-5), 8 * whole(rng, 4, low=-2)),
        Sample(whole(rng, 0), whole(rng)),
        Sample(np.array([0, 0, 6]), np.array([0, 4, 0])),
        Sample(whole(rng, 2).astype(np.uint8), whole(rng, 2).astype(np.int16)),
    ]


bad = [
    Bad(DtypeError, "found the number", np.ones(2, int), 2),
    Bad(DtypeError, "not defined", np.ones(2), np.ones(2)),
    Bad(DtypeError, "not defined", np.array([True]), np.array([True])),
    Bad(ShapeError, "broadcast", np.ones(2, int), np.ones(3, int)),
]

rows = [Row("gcd", integers, order=0, bad=bad), Row("lcm", integers, order=0, bad=bad)]
