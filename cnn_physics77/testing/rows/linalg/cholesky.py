"""Rows of :mod:`cnn_physics77.core.operations.linalg.cholesky`."""

import numpy as np

from cnn_physics77.core.errors import LinAlgError, ShapeError
from cnn_physics77.testing.rows.linalg.inverse import bad_squares, regular
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def positive(rng, *shape, make=draw):
    """Positive-definite matrices."""
    x = make(rng, *shape)
    return x @ np.swapaxes(x, -1, -2).conj() + np.eye(shape[-1])


def positives(rng):
    return [
        Sample(positive(rng, 3, 3)),
        Sample(positive(rng, 2, 2, 2)),
        Sample(positive(rng, 3, 3, make=complex_draw)),
        Sample(positive(rng, 2, 2, make=complex_draw), upper=True),
        Sample(draw(rng, 0, 0)),
    ]


def factors(rng):
    """Cholesky factors, with numbers in the other triangle that are not read."""
    z = regular(rng, 2, 2, make=complex_draw)
    return [regular(rng, 3, 3), regular(rng, 2, 2, 2), z - np.diag(1j * z.diagonal().imag)]


def read_triangle(name):
    """PyTorch's function, of the triangle that it reads: its gradient is not zero elsewhere."""

    def function(*args, upper=False):
        import torch

        *first, factor = args
        return getattr(torch, name)(*first, factor.triu() if upper else factor.tril(), upper)

    return function


indefinite = np.array([np.eye(2), np.diag([1.0, -1.0])])

rows = [
    Row(
        "linalg.cholesky",
        positives,
        bad=[
            *bad_squares(),
            Bad(LinAlgError, "(matrix 1 of the batch): The factorization could not", indefinite),
            Bad(LinAlgError, "leading minor of order 2 is not positive", indefinite),
            Bad(LinAlgError, "leading minor of order 1 is not positive", np.zeros((3, 3))),
            Bad(LinAlgError, "leading minor of order 2 is not positive", np.diag([1.0, np.nan, -1.0])),
        ],
    ),
    Row(
        "linalg.cholesky_ex",
        positives,
        bad=[*bad_squares(), Bad(LinAlgError, "order 2", indefinite, check_errors=True)],
    ),
    Row(
        "cholesky_solve",
        lambda rng: [
            *[Sample(draw(rng, 3, 2), factor) for factor in factors(rng)[:1]],
            Sample(draw(rng, 1, 2, 3), factors(rng)[1], upper=True),
            Sample(complex_draw(rng, 2, 1), factors(rng)[2]),
        ],
        reference=read_triangle("cholesky_solve"),
        bad=[
            Bad(ShapeError, "square matrices", np.ones((2, 1)), np.ones((2, 3))),
            Bad(ShapeError, "2 by 2 and 3 by 1", np.ones((3, 1)), np.ones((2, 2))),
        ],
    ),
    Row(
        "cholesky_inverse",
        lambda rng: [*map(Sample, factors(rng)), Sample(factors(rng)[0], upper=True)],
        reference=read_triangle("cholesky_inverse"),
        bad=bad_squares(),
    ),
]
