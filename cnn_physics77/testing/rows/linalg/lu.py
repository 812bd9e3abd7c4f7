"""Rows of :mod:`cnn_physics77.core.operations.linalg.lu`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, LinAlgError, ShapeError
from cnn_physics77.testing.rows.linalg.inverse import singular
from cnn_physics77.testing.rows.linalg.svd import any_matrices, bad_matrices
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def packed(rng, *shape, make=draw):
    """What lu_factor might give: the exchanges, and a well-conditioned matrix."""
    *batch, m, n = shape
    pivots = np.arange(1, min(m, n) + 1, dtype=np.int32) + 1
    pivots[-1:] = m
    return make(rng, *shape) + 4 * np.eye(m, n), np.broadcast_to(pivots, (*batch, min(m, n)))


def systems(rng):
    return [
        Sample(*packed(rng, 3, 3), draw(rng, 3, 2)),
        Sample(*packed(rng, 2, 3, 3), draw(rng, 3, 2), adjoint=True),
        Sample(*packed(rng, 2, 2), draw(rng, 2, 1, 2), left=False),
        Sample(*packed(rng, 2, 2, make=complex_draw), complex_draw(rng, 2, 2), adjoint=True),
        Sample(*packed(rng, 2, 2, make=complex_draw), complex_draw(rng, 1, 2), left=False),
        Sample(*packed(rng, 2, 2, make=complex_draw), complex_draw(rng, 1, 2), left=False, adjoint=True),
    ]


bad_singular = Bad(LinAlgError, "linalg.lu_factor (matrix 1 of the batch): expected a regular", singular)
bad_pivots = [
    Bad(DtypeError, "pivots of torch.int32", np.eye(2), np.array([1, 2])),
    Bad(ShapeError, "pivots of shape (2,)", np.eye(2), np.array([1], np.int32)),
]

rows = [
    Row("linalg.lu", any_matrices, bad=bad_matrices),
    Row("linalg.lu_factor", lambda rng: any_matrices(rng)[1:4], bad=[*bad_matrices, bad_singular]),
    Row(
        "linalg.lu_factor_ex",
        lambda rng: [*any_matrices(rng)[:2], Sample(singular)],
        order=0,
        bad=[*bad_matrices, Bad(LinAlgError, "matrix 1", singular, check_errors=True)],
    ),
    Row(
        "linalg.lu_solve",
        systems,
        bad=[
            *[Bad(b.error, b.message, *b.args, np.eye(2)) for b in bad_pivots],
            Bad(ShapeError, "square", np.ones((2, 3)), np.array([1, 2], np.int32), np.eye(2)),
            Bad(ShapeError, "sizes fit in AX = B", np.eye(2), np.array([1, 2], np.int32), np.eye(3)),
        ],
    ),
    Row(
        "lu_unpack",
        lambda rng: [
            Sample(*packed(rng, 2, 3, 3)),
            Sample(*packed(rng, 4, 2)),
            Sample(*packed(rng, 2, 3, make=complex_draw), unpack_pivots=False),
            Sample(Constant(packed(rng, 2, 2)[0]), packed(rng, 2, 2)[1], unpack_data=False),
        ],
        bad=bad_pivots,
    ),
]
