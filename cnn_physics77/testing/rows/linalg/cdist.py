"""Rows of :mod:`cnn_physics77.core.operations.linalg.cdist`."""

from math import inf

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def pairs(rng):
    x, z = draw(rng, 3, 2), draw(rng, 4, 2)
    return [
        *[Sample(x, z, p) for p in (0, 0.5, 1, 2, 3, inf)],
        Sample(draw(rng, 2, 1, 3, 2), draw(rng, 3, 1, 2), p=1.5),
        Sample(x, np.array([x[0], x[1] + 1]), compute_mode="donot_use_mm_for_euclid_dist"),
        Sample(draw(rng, 2, 0), draw(rng, 3, 0)),
        Sample(draw(rng, 0, 2), z),
    ]


a = np.ones((2, 2))

rows = [
    Row(
        "cdist",
        pairs,
        order=1,
        bad=[
            Bad(ShapeError, "at least 2 dimensions", np.ones(2), a),
            Bad(ShapeError, "same number of columns, found 2 and 3", a, np.ones((2, 3))),
            Bad(ArgumentError, "at least 0, found -1", a, a, -1),
            Bad(ArgumentError, "compute_mode", a, a, compute_mode="fast"),
            Bad(DtypeError, "one dtype", a, a.astype(np.float32)),
            Bad(ShapeError, "cdist: expected shapes that broadcast", np.ones((2, 1, 2)), np.ones((3, 1, 2))),
        ],
    ),
]
