"""Rows of :mod:`cnn_physics77.core.operations.pointwise.normal_distribution`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

bad = [Bad(DtypeError, "not defined", 1j * np.ones(2))]


def everywhere(rng):
    return [
        Sample(2 * draw(rng, 3, 4)),
        Sample(draw(rng, 0)),
        Sample(draw(rng)),
        Sample(whole(rng, 3)),
        Sample(Constant(np.array([0.0, np.inf, -np.inf, np.nan, -12.0, 9.0]))),
    ]


def inside(low, high):
    def samples(rng):
        return [
            Sample(draw(rng, 3, 4, low=low + 0.01, high=high - 0.01)),
            Sample(draw(rng, 0)),
            Sample(Constant(np.array([low, high, high + 1, np.nan, low + 1e-10]))),
        ]

    return samples


rows = [
    Row("special.ndtr", everywhere, bad=bad),
    Row("special.log_ndtr", everywhere, bad=bad),
    Row("special.erfcx", everywhere, bad=bad, rtol=1e-9),
    Row("special.ndtri", inside(0, 1), bad=bad, float32_rtol=1e-5),
    Row("erfinv", inside(-1, 1), bad=bad, rtol=1e-9),
]
