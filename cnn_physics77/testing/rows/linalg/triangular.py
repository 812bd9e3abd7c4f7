"""Rows of :mod:`cnn_physics77.core.operations.linalg.triangular`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.linalg.inverse import bad_squares, regular
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def triangular_systems(rng):
    a = regular(rng, 2, 3, 3)
    return [
        Sample(a[0], draw(rng, 3, 2), upper=True),
        Sample(a[0], draw(rng, 3, 2), upper=False),
        Sample(a, draw(rng, 4, 1, 3, 2), upper=False, unitriangular=True),
        Sample(a, draw(rng, 2, 3), upper=True, left=False, unitriangular=True),
        Sample(regular(rng, 2, 2, make=complex_draw), complex_draw(rng, 2, 1), upper=True),
        Sample(draw(rng, 0, 0), draw(rng, 0, 2), upper=True),
    ]


rows = [
    Row(
        "linalg.solve_triangular",
        triangular_systems,
        bad=[
            *[Bad(b.error, b.message, *b.args, upper=True) for b in bad_squares(np.ones((2, 2)))],
            Bad(ShapeError, "B of at least 2", np.eye(2), np.ones(2), upper=True),
            Bad(ShapeError, "2 by 2 and 3 by 1", np.eye(2), np.ones((3, 1)), upper=True),
            Bad(DtypeError, "one dtype", np.eye(2), np.ones((2, 2), np.float32), upper=True),
        ],
    ),
]
