"""Rows of :mod:`cnn_physics77.core.operations.indexing.view_scatter`."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

zeros = np.zeros((4, 3))

rows = [
    Row(
        "select_scatter",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 3), 1, -1),
            Sample(draw(rng, 2, 3, 4), draw(rng, 3, 4), 0, 1),
            Sample(draw(rng, 3, 2), draw(rng, 2).astype(np.float32), 0, 0),
            Sample(Constant(complex_draw(rng, 3)), Constant(complex_draw(rng)), 0, 2),
            Sample(whole(rng, 3), whole(rng), 0, 0),
        ],
        bad=[
            Bad(ShapeError, "size equal to the slice", zeros, np.ones(3), 1, 0),
            Bad(ShapeError, "out of range", zeros, np.ones(3), 0, 4),
            Bad(ShapeError, "out of range", zeros, np.ones(3), 2, 0),
            Bad(ShapeError, "0-dim", np.zeros(()), np.zeros(()), 0, 0),
        ],
    ),
    Row(
        "slice_scatter",
        lambda rng: [
            Sample(draw(rng, 4, 3), draw(rng, 2, 3), 0, 1, None, 2),
            Sample(draw(rng, 4, 3), draw(rng, 4, 3)),
            Sample(draw(rng, 4, 3), draw(rng, 4, 1), dim=-1, end=-2),
            Sample(draw(rng, 4, 3), draw(rng, 2, 3), start=-2),
            Sample(draw(rng, 4), draw(rng, 0), start=9),
            Sample(whole(rng, 3), whole(rng, 2), end=2),
        ],
        bad=[
            Bad(ShapeError, "size equal to the slice", zeros, np.ones((3, 3)), start=-2),
            Bad(ShapeError, "step must be positive", zeros, np.ones((2, 3)), step=0),
            Bad(ShapeError, "out of range", zeros, zeros, 2),
        ],
    ),
]
