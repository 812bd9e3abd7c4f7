"""Rows of :mod:`cnn_physics77.core.operations.reduction.renorm`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw

matrix = np.ones((2, 3))

rows = [
    Row(
        "renorm",
        lambda rng: [
            Sample(draw(rng, 3, 4, apart=0.1), 2, 0, 2.0),
            Sample(draw(rng, 2, 3, 4, apart=0.1), 1.5, -1, 3.0),
            Sample(draw(rng, 2, 3), np.inf, 1, 1.0),
            Sample(draw(rng, 0, 3), 2, 0, 1.0),
            Sample(complex_draw(rng, 2, 3), 3, 0, 1.0),
        ],
        bad=[
            Bad(ShapeError, "at least 2 dimensions", np.ones(3), 2, 0, 1.0),
            Bad(ShapeError, "out of range", matrix, 2, 5, 1.0),
            Bad(ValueError, "p > 0", matrix, 0, 0, 1.0),
            Bad(ValueError, "maxnorm", matrix, 2, 0, -1.0),
            Bad(DtypeError, "floating", np.ones((2, 3), int), 2, 0, 1.0),
        ],
        rtol=1e-9,
    ),
]
