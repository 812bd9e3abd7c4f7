"""Rows of :mod:`cnn_physics77.core.operations.pointwise.complex`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def complexes(rng):
    return [Sample(complex_draw(rng, 2, 3)), Sample(complex_draw(rng, 0)), Sample(complex_draw(rng))]


def pairs(rng):
    return [
        Sample(draw(rng, 2, 3), draw(rng, 2, 3)),
        Sample(draw(rng, 3), draw(rng, 2, 1)),
        Sample(draw(rng), draw(rng, 0)),
    ]


def magnitudes(rng):
    return [Sample(draw(rng, *shape, low=0.1), draw(rng, 2, 1)) for shape in ((2, 3), (1,), (0,))]


bad_pairs = [
    Bad(DtypeError, "float64", np.ones(2), np.ones(2, np.float32)),
    Bad(DtypeError, "float64", np.ones(2, int), np.ones(2, int)),
    Bad(ShapeError, "broadcast", np.ones(2), np.ones(3)),
]

rows = [
    Row("real", lambda rng: [*complexes(rng), Sample(draw(rng, 3))]),
    Row("imag", complexes, bad=[Bad(DtypeError, "non-complex", np.ones(2))]),
    Row("complex", pairs, bad=bad_pairs),
    Row("polar", magnitudes, bad=bad_pairs),
    Row(
        "angle",
        lambda rng: [*complexes(rng), Sample(np.array([1.0, -2.0, 0.0, np.nan])), Sample(np.array([1, -2]))],
    ),
    Row("view_as_real", lambda rng: complexes(rng)[::2], bad=[Bad(DtypeError, "complex", np.ones(2))]),
]
