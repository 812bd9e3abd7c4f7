"""Rows of :mod:`cnn_physics77.core.operations.linalg.diagonal`."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def triangles(rng):
    return [
        Sample(draw(rng, 3, 4)),
        Sample(draw(rng, 2, 3, 3), 1),
        Sample(draw(rng, 4, 3), diagonal=-2),
        Sample(draw(rng, 0, 3)),
        Sample(whole(rng, 3, 3)),
        Sample(complex_draw(rng, 2, 2)),
    ]


vector = Bad(ShapeError, "at least 2 dimensions", np.ones(3))

rows = [
    Row(
        "diagonal",
        lambda rng: [
            Sample(draw(rng, 3, 4)),
            *[Sample(draw(rng, 3, 4), offset) for offset in (1, -1, 3, -2, 5, -5)],
            Sample(draw(rng, 2, 3, 4), 0, 1, 2),
            Sample(draw(rng, 2, 3, 4), offset=1, dim1=-1, dim2=0),
            Sample(draw(rng, 0, 3)),
            Sample(complex_draw(rng, 2, 2)),
        ],
        bad=[
            vector,
            Bad(ShapeError, "cannot be identical", np.ones((2, 2)), 0, 1, -1),
            Bad(ShapeError, "out of range", np.ones((2, 2)), 0, 0, 2),
        ],
    ),
    Row(
        "diag_embed",
        lambda rng: [
            Sample(draw(rng, 3)),
            Sample(draw(rng, 2, 3), 1),
            Sample(draw(rng, 2, 3), offset=-2, dim1=0, dim2=2),
            Sample(draw(rng, 2, 3), 0, -1, 0),
            Sample(draw(rng, 0)),
        ],
        bad=[
            Bad(ShapeError, "at least 1 dimension", np.ones(())),
            Bad(ShapeError, "cannot be identical", np.ones(2), 0, 1, 1),
        ],
    ),
    Row(
        "diag",
        lambda rng: [Sample(draw(rng, *shape), k) for shape in ((3,), (3, 4), (0,)) for k in (0, 1, -1)],
        bad=[Bad(ShapeError, "a vector or a matrix", np.ones((1, 1, 1)))],
    ),
    Row(
        "diagflat",
        lambda rng: [
            *[Sample(draw(rng, *shape), k) for shape in ((3,), (2, 2), (0,), ()) for k in (0, 1, -1)],
            Sample(whole(rng, 2), offset=2),
        ],
    ),
    Row(
        "trace",
        lambda rng: [Sample(draw(rng, 3, 4)), Sample(draw(rng, 0, 3)), Sample(whole(rng, 2, 2))],
        bad=[Bad(ShapeError, "a matrix", np.ones(3))],
    ),
    Row("tril", triangles, bad=[vector]),
    Row("triu", triangles, bad=[vector]),
]
