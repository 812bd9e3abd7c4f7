"""Rows of :mod:`cnn_physics77.core.operations.pointwise.polynomials`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.operations.pointwise import polynomials
from cnn_physics77.testing.rows.pointwise.arithmetic import numbers
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def samples(rng):
    return [
        Sample(Constant(draw(rng, 3, 4)), 3),
        Sample(Constant(draw(rng, 3, 1)), np.array([-1, 0, 1, 2, 5])),
        Sample(0.5, np.array([1, 2])),
        Sample(Constant(draw(rng, 0)), 2),
        Sample(np.array([1, 2]), 2),
    ]


rows = [
    Row(f"special.{name}", samples, order=0, bad=[Bad(DtypeError, "real", 1j * np.ones(2), 2), numbers])
    for name in polynomials.__all__
]
