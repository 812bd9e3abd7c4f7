"""Rows of :mod:`cnn_physics77.core.operations.linalg.eigen`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError, LinAlgError
from cnn_physics77.testing.rows.linalg.inverse import bad_squares
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def hermitians(rng):
    x = draw(rng, 3, 3) + np.diag([0.0, 4.0, 8.0])  # eigenvalues apart
    return [
        Sample(x),
        Sample(x, "U"),
        Sample(draw(rng, 2, 2, 2)),
        Sample(complex_draw(rng, 2, 2), UPLO="l"),
        Sample(draw(rng, 0, 0)),
    ]


def general(rng):
    x = np.array([[1.0, 2.0], [-2.0, 1.5]])  # a pair of conjugate eigenvalues
    return [
        Sample(draw(rng, 3, 3) + np.diag([0.0, 4.0, 8.0])),
        Sample(np.array([x, x.T])),
        Sample(complex_draw(rng, 2, 2) + np.diag([0.0, 4.0])),
        Sample(draw(rng, 0, 0)),
    ]


def without_phase(result):
    """The vectors are unique up to a sign, or a phase."""
    return result.eigenvalues, abs(result.eigenvectors)


def key(values):
    return (values.real + 0.3 * values.imag).argsort(-1)


def in_order(values):
    return values.gather(-1, key(values))


def in_order_without_phase(result):
    order = key(result.eigenvalues)
    vectors = abs(result.eigenvectors)
    return in_order(result.eigenvalues), vectors.gather(-1, order.unsqueeze(-2).expand(vectors.shape))


not_finite = Bad(LinAlgError, "finite", np.full((2, 2), np.nan))
uplo = Bad(ArgumentError, "'L' or 'U'", np.eye(2), "X")

rows = [
    Row("linalg.eigh", hermitians, invariant=without_phase, bad=[*bad_squares(), not_finite, uplo]),
    Row("linalg.eigvalsh", hermitians, bad=[*bad_squares(), not_finite, uplo]),
    Row(
        "linalg.eig",
        general,
        invariant=in_order_without_phase,
        bad=[*bad_squares(), not_finite],
        float32_rtol=1e-5,
    ),
    Row("linalg.eigvals", general, invariant=in_order, bad=[*bad_squares(), not_finite], float32_rtol=1e-5),
]
