"""Rows of :mod:`cnn_physics77.core.operations.linalg.householder`."""

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.testing.rows.linalg.svd import any_matrices, bad_matrices
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def reflections(rng, *shape, k=None, make=draw):
    """Vectors and factors of reflections, as geqrf gives them."""
    v = make(rng, *shape)
    below = np.tril(v, -1)[..., : shape[-1] if k is None else k]
    size = 1 + (below * below.conj()).real.sum(-2)
    tau = (1 + np.exp(1j * make(rng, *size.shape).real)) / size if make is complex_draw else 2 / size
    return v, tau


def products(rng):
    return [
        Sample(*reflections(rng, 4, 3)),
        Sample(*reflections(rng, 2, 3, 3, k=2)),
        Sample(*reflections(rng, 3, 2, make=complex_draw)),
    ]


def applied(rng):
    return [
        Sample(*reflections(rng, 3, 2), draw(rng, 3, 2)),
        Sample(*reflections(rng, 2, 3, 2), draw(rng, 2, 3, 2), transpose=True),
        Sample(*reflections(rng, 3, 2), draw(rng, 2, 3), left=False),
        Sample(*reflections(rng, 3, 2, make=complex_draw), complex_draw(rng, 2, 3), False),
    ]


bad = [
    Bad(ShapeError, "K <= min(M, N)", np.ones((3, 2)), np.ones(3)),
    Bad(ShapeError, "K <= min(M, N)", np.ones((2, 3, 2)), np.ones(2)),
]
wide = Bad(ShapeError, "at least as many rows", np.ones((2, 3)), np.ones(2))

rows = [
    Row(
        "geqrf",
        lambda rng: [Sample(Constant(s.args[0])) for s in any_matrices(rng)],
        order=0,
        bad=bad_matrices,
    ),
    Row("linalg.householder_product", products, bad=[*bad, wide], rtol=1e-8),
    Row("orgqr", lambda rng: products(rng)[:1], bad=[*bad, wide], rtol=1e-8),
    Row(
        "ormqr",
        applied,
        bad=[
            *[Bad(b.error, b.message, *b.args, np.ones((3, 1))) for b in bad],
            Bad(ShapeError, "C with 3 rows, found 2", np.ones((3, 2)), np.ones(2), np.ones((2, 3))),
        ],
        rtol=1e-8,
    ),
]
