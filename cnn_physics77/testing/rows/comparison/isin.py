"""Rows of :mod:`cnn_physics77.core.operations.comparison.isin`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError
from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Row, Sample

rows = [
    Row(
        "isin",
        lambda rng: [
            Sample(whole(rng, 3, 4), whole(rng, 2)),
            Sample(whole(rng, 3, 4), whole(rng, 2), invert=True),
            Sample(whole(rng, 3, 4), 2),
            Sample(2, whole(rng, 3)),
            Sample(whole(rng, 3), np.array([1.0, 2.5])),
            Sample(np.array([np.nan, 1.0]), np.array([np.nan])),
            Sample(whole(rng, 2, 0), whole(rng, 2)),
            Sample(whole(rng, 2), np.array([])),
            Sample(np.array([3, 1]), np.array([1, 2]), assume_unique=True),
        ],
        order=0,
        bad=[
            Bad(TypeError, "two numbers", 1, 2),
            Bad(DtypeError, "real", np.array([True]), np.array([True])),
            Bad(DtypeError, "real", np.array([1j]), 1),
        ],
    ),
]
