"""Rows of :mod:`cnn_physics77.core.operations.linalg.norm`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.testing.rows.reduction.var_std_norm import bad_norms, norms
from cnn_physics77.testing.table import Bad, Row, Sample, draw

rows = [
    Row(
        "norm",
        lambda rng: [
            *norms("p")(rng),
            Sample(draw(rng, 2, 3), "fro"),
            Sample(draw(rng, 2, 3), "fro", 1),
            Sample(draw(rng, 2, 3), "nuc"),
            Sample(draw(rng, 2, 3, 2), "nuc", (2, 1), keepdim=True),
        ],
        bad=[
            *bad_norms,
            Bad(ArgumentError, "'fro' or 'nuc'", np.ones(2), "two"),
            Bad(ShapeError, "two dimensions for p='nuc', found 1", np.ones(2), "nuc"),
        ],
    ),
    Row(
        "dist",
        lambda rng: [
            Sample(draw(rng, 3), draw(rng, 2, 3)),
            Sample(draw(rng, 3), draw(rng, 3), 1),
            Sample(draw(rng, 3), draw(rng, 3), p=3),
        ],
    ),
]
