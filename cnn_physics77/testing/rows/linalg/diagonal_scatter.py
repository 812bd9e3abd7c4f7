"""Rows of :mod:`cnn_physics77.core.operations.linalg.diagonal_scatter`."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

square = np.ones((3, 3))

rows = [
    Row(
        "diagonal_scatter",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 3)),
            Sample(draw(rng, 3, 4), draw(rng, 2), -1),
            Sample(draw(rng, 2, 3, 4), draw(rng, 3, 1), offset=1, dim1=-1, dim2=0),
            Sample(Constant(complex_draw(rng, 2, 2)), Constant(complex_draw(rng, 2))),
            Sample(draw(rng, 0, 2), draw(rng, 0)),
            Sample(whole(rng, 2, 2), whole(rng, 1), 1),
        ],
        bad=[
            Bad(ShapeError, "size equal to the slice", square, np.ones(3), 1),
            Bad(ShapeError, "identical", square, np.ones(3), 0, 0, -2),
            Bad(ShapeError, "at least 2", np.ones(3), np.ones(3)),
        ],
    ),
]
