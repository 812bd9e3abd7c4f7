"""Rows of :mod:`cnn_physics77.core.operations.linalg.inverse`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, LinAlgError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def regular(rng, *shape, make=draw):
    """Well-conditioned square matrices."""
    return make(rng, *shape) + 4 * np.eye(shape[-1])


def squares(rng):
    return [
        Sample(regular(rng, 3, 3)),
        Sample(regular(rng, 2, 2, 2)),
        Sample(regular(rng, 2, 2, make=complex_draw)),
        Sample(draw(rng, 0, 0)),
        Sample(draw(rng, 0, 2, 2)),
    ]


def systems(rng):
    a = regular(rng, 2, 3, 3)
    return [
        Sample(a[0], draw(rng, 3, 2)),
        Sample(a[0], draw(rng, 3)),
        Sample(a, draw(rng, 2, 3)),
        Sample(a, draw(rng, 4, 1, 3, 2)),
        Sample(a, draw(rng, 3, 2)),
        Sample(a, draw(rng, 2, 4, 3), left=False),
        Sample(regular(rng, 2, 2, make=complex_draw), complex_draw(rng, 2, 1)),
        Sample(draw(rng, 0, 0), draw(rng, 0, 2)),
        Sample(a[0], draw(rng, 3, 0)),
    ]


def bad_squares(*others):
    """Wrong first arguments, followed by others."""
    return [
        Bad(ShapeError, "at least 2 dimensions", np.ones(3), *others),
        Bad(ShapeError, "found 2 by 3", np.ones((2, 3)), *others),
        Bad(DtypeError, "floating point", np.ones((2, 2), int), *others),
        Bad(DtypeError, "floating point", np.ones((2, 2), np.float16), *others),
    ]


singular = np.array([np.eye(2), np.ones((2, 2))])
bad_systems = [
    *bad_squares(np.ones(2)),
    Bad(ShapeError, "2 by 2 and 3 by 1", np.eye(2), np.ones((3, 1))),
    Bad(ShapeError, "XA = B, found 2 by 2 and 2 by 3", np.eye(2), np.ones((2, 3)), left=False),
    Bad(ShapeError, "leading dimensions", np.ones((2, 2, 2)), np.ones((3, 2, 2))),
    Bad(DtypeError, "one dtype", np.eye(2), np.ones(2, np.float32)),
]

rows = [
    Row(
        "linalg.inv",
        squares,
        bad=[
            *bad_squares(),
            Bad(LinAlgError, "linalg.inv (matrix 1 of the batch): expected a regular", singular),
            Bad(LinAlgError, "found a singular one: element 1 on", np.zeros((2, 2))),
        ],
    ),
    Row(
        "linalg.inv_ex",
        squares,
        bad=[*bad_squares(), Bad(LinAlgError, "matrix 1", singular, check_errors=True)],
    ),
    Row(
        "linalg.solve",
        systems,
        bad=[*bad_systems, Bad(LinAlgError, "singular", np.zeros((2, 2)), np.ones(2))],
    ),
    Row(
        "linalg.solve_ex",
        lambda rng: systems(rng)[:3],
        bad=[*bad_systems, Bad(LinAlgError, "singular", singular, np.ones((2, 1)), check_errors=True)],
    ),
]
