"""Rows of :mod:`cnn_physics77.core.operations.indexing.combinations`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw

rows = [
    Row(
        "cartesian_prod",
        lambda rng: [
            Sample(draw(rng, 2), draw(rng, 3), draw(rng, 1)),
            Sample(draw(rng, 2)),
            Sample(draw(rng, 2), draw(rng, 0)),
        ],
        bad=[Bad(ShapeError, "one or more vectors, found (1, 1)", np.ones((1, 1)))],
    ),
    Row(
        "combinations",
        lambda rng: [
            Sample(draw(rng, 4)),
            Sample(draw(rng, 3), 3, True),
            Sample(draw(rng, 2), r=3),
            Sample(whole(rng, 3), 1),
            Sample(whole(rng, 3), 0),
        ],
        bad=[
            Bad(ShapeError, "a vector", np.ones((2, 2))),
            Bad(ArgumentError, "found -1", np.ones(2), -1),
        ],
    ),
    Row(
        "block_diag",
        lambda rng: [
            Sample(draw(rng, 2, 3), draw(rng, 1, 2), draw(rng), draw(rng, 2)),
            Sample(draw(rng, 2, 2)),
            Sample(whole(rng, 2), complex_draw(rng, 1, 1)),
            Sample(draw(rng, 0, 2), draw(rng, 1, 1)),
            Sample(),
        ],
        bad=[Bad(ShapeError, "as number 1", np.ones(1), np.ones((1, 1, 1)))],
    ),
]
