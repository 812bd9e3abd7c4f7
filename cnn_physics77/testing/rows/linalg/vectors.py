"""Rows of :mod:`cnn_physics77.core.operations.linalg.vectors`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw

rows = [
    Row(
        "linalg.cross",
        lambda rng: [
            Sample(draw(rng, 3), draw(rng, 3)),
            Sample(draw(rng, 2, 1, 3), draw(rng, 4, 3)[None]),
            Sample(draw(rng, 3, 2), draw(rng, 3, 1), dim=0),
            Sample(complex_draw(rng, 3), complex_draw(rng, 3)),
            Sample(whole(rng, 2, 3), whole(rng, 2, 3)),
        ],
        bad=[
            Bad(ShapeError, "3 elements along dim 0", np.ones(2), np.ones(2)),
            Bad(ShapeError, "as many dimensions", np.ones(3), np.ones((1, 3))),
            Bad(ShapeError, "out of range", np.ones(3), np.ones(3), dim=1),
        ],
    ),
    Row(
        "linalg.vecdot",
        lambda rng: [
            Sample(draw(rng, 2, 3), draw(rng, 3)),
            Sample(complex_draw(rng, 3, 2), complex_draw(rng, 3, 2), dim=0),
            Sample(draw(rng, 0), draw(rng, 0)),
        ],
        bad=[
            Bad(DtypeError, "one dtype", np.ones(2), np.ones(2, np.float32)),
            Bad(ShapeError, "linalg.vecdot: expected shapes that broadcast", np.ones(2), np.ones(3)),
        ],
    ),
]
