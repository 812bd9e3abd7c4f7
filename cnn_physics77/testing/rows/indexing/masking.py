"""Rows of masking."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

X, M = np.ones((2, 3)), np.array([[True, False, True], [False, False, True]])

rows = [
    Row(
        "masked_fill",
        lambda rng: [
            Sample(draw(rng, 2, 3), M, 7),
            Sample(draw(rng, 2, 3), M[0], draw(rng)),
            Sample(draw(rng, 3), M, -np.inf),
            Sample(draw(rng), np.array(True), 1.5),
            Sample(draw(rng, 0), np.zeros(0, bool), 1.5),
        ],
        bad=[
            Bad(TypeError, "boolean mask", X, np.ones((2, 3)), 1),
            Bad(RuntimeError, "0-dimensional value", X, M, np.ones(1)),
            Bad(RuntimeError, "broadcast", X, np.ones(4, bool), 1),
            Bad(RuntimeError, "complex", X, M, 1j),
        ],
    ),
    Row(
        "masked_select",
        lambda rng: [
            Sample(draw(rng, 2, 3), M),
            Sample(draw(rng, 2, 1), M),
            Sample(draw(rng, 4, 2, 3), M),
            Sample(draw(rng), np.array(True)),
            Sample(draw(rng, 3), np.zeros(3, bool)),
        ],
        bad=[Bad(TypeError, "boolean mask", X, np.ones((2, 3)))],
    ),
    Row(
        "masked_scatter",
        lambda rng: [
            Sample(draw(rng, 2, 3), M, draw(rng, 2, 2)),
            Sample(draw(rng, 2, 3), M[0], draw(rng, 4)),
            Sample(draw(rng), np.array(True), draw(rng, 1)),
        ],
        bad=[
            Bad(RuntimeError, "number of ones in mask", X, M, np.ones(2)),
            Bad(RuntimeError, "same dtypes", X, M, np.arange(3)),
        ],
    ),
    Row(
        "nonzero",
        lambda rng: [
            Sample(M * 1.0),
            Sample(M, as_tuple=True),
            Sample(np.array(3)),
            Sample(np.zeros((0, 2))),
        ],
        order=0,
    ),
    Row("argwhere", lambda rng: [Sample(M * 1.0), Sample(np.array(3)), Sample(np.array(0))], order=0),
]
