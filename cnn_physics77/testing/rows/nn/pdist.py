"""Rows: distances between all pairs of rows."""

import math

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

rows = [
    Row(
        "nn.functional.pdist",
        lambda rng: [
            Sample(draw(rng, 5, 3)),
            Sample(draw(rng, 4, 3), 1.0),
            Sample(draw(rng, 4, 3), 3.5),
            Sample(draw(rng, 4, 3), math.inf),
            Sample(draw(rng, 4, 3), 0.0),
            Sample(np.zeros((3, 2))),
            Sample(Constant(draw(rng, 1, 3))),
            Sample(Constant(draw(rng, 0, 3))),
        ],
        order=1,  # PyTorch's has no second derivative
        bad=[
            Bad(RuntimeError, "2D", np.ones(2)),
            Bad(ValueError, "non-negative", np.ones((2, 2)), -1.0),
            Bad(TypeError, "floating", np.ones((2, 2), int)),
        ],
    ),
]
