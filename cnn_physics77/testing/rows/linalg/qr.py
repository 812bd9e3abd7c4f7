"""Rows of :mod:`cnn_physics77.core.operations.linalg.qr`."""

import numpy as np

from cnn_physics77.core.errors import ArgumentError
from cnn_physics77.testing.rows.linalg.svd import any_matrices, bad_matrices
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def decompositions(rng):
    return [
        *any_matrices(rng),
        Sample(draw(rng, 2, 3), "complete"),
        Sample(Constant(draw(rng, 3, 2)), "complete"),
        Sample(Constant(draw(rng, 3, 2)), mode="r"),
    ]


rows = [
    Row(
        "linalg.qr",
        decompositions,
        bad=[*bad_matrices, Bad(ArgumentError, "found 'full'", np.eye(2), "full")],
        rtol=1e-8,
        float32_rtol=1e-5,
    ),
]
