"""Rows: the cross-entropy of a linear map."""

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

_X, _A = np.ones((2, 3)), np.ones((4, 3))

rows = [
    Row(
        "nn.functional.linear_cross_entropy",
        lambda rng: [
            Sample(draw(rng, 5, 3), draw(rng, 4, 3), np.array([0, 3, 1, 1, 2]), linear_bias=draw(rng, 4)),
            Sample(
                *(draw(rng, 3), draw(rng, 4, 3), np.array(2)),
                weight=Constant(draw(rng, 4, low=0.1)),
                label_smoothing=0.1,
            ),
            Sample(
                *(draw(rng, 2, 3), draw(rng, 4, 2, 3), np.array([[0, -7], [3, 1]])),
                reduction="none",
                ignore_index=-7,
            ),
            Sample(draw(rng, 2, 3), draw(rng, 4, 3), draw(rng, 2, 4, low=0.0), reduction="sum"),
        ],
        bad=[
            Bad(RuntimeError, "(C, ..., I)", np.ones((1, 2, 3)), _A, np.zeros(2, int)),
            Bad(RuntimeError, "(C, ..., I)", _X, np.ones(3), np.zeros(2, int)),
            Bad(RuntimeError, "(C, ..., I)", _X, np.ones((4, 2)), np.zeros(2, int)),
            Bad(RuntimeError, "linear_bias", _X, _A, np.zeros(2, int), linear_bias=np.ones(3)),
            Bad(RuntimeError, "requires batched", np.ones(3), np.ones((4, 2, 3)), np.zeros(2, int)),
            Bad(RuntimeError, "probabilities", _X, _A, np.ones((2, 4)), ignore_index=1),
        ],
    ),
]
