"""Rows of :mod:`cnn_physics77.core.operations.linalg.svd`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, LinAlgError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def any_matrices(rng):
    return [
        Sample(draw(rng, 3, 3)),
        Sample(draw(rng, 2, 4, 2)),
        Sample(draw(rng, 2, 3)),
        Sample(complex_draw(rng, 3, 2)),
        Sample(draw(rng, 0, 3)),
        Sample(draw(rng, 0, 2, 2)),
    ]


def thin(rng):
    return [Sample(*sample.args, full_matrices=False) for sample in any_matrices(rng)]


def without_phase(result):
    """Pairs of singular vectors are unique up to a sign, or a phase."""
    U, S, V = result
    return abs(U), S, abs(V)


bad_matrices = [
    Bad(ShapeError, "at least 2 dimensions", np.ones(3)),
    Bad(DtypeError, "floating point", np.ones((2, 2), int)),
]
not_finite = Bad(LinAlgError, "finite", np.full((2, 2), np.inf))

rows = [
    Row(
        "linalg.svd",
        lambda rng: [*thin(rng), any_matrices(rng)[0]],
        invariant=without_phase,
        bad=[*bad_matrices, not_finite],
        float32_rtol=1e-5,
    ),
    Row("linalg.svdvals", any_matrices, bad=[*bad_matrices, not_finite]),
]
