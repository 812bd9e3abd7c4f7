"""Rows of :mod:`cnn_physics77.core.operations.linalg.determinant`."""

import numpy as np

from cnn_physics77.testing.rows.linalg.inverse import bad_squares, regular, squares
from cnn_physics77.testing.table import Row, Sample, draw


def negative(rng):
    return [*squares(rng), Sample(regular(rng, 3, 3) * np.array([-1, 1, 1]))]


rows = [
    Row("linalg.det", lambda rng: [*negative(rng), Sample(draw(rng, 1, 1))], bad=bad_squares()),
    Row("linalg.slogdet", negative, bad=bad_squares()),
    Row("logdet", negative, bad=bad_squares()),
]
