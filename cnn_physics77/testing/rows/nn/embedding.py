"""Rows: embedding."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

rows = [
    Row(
        "nn.functional.embedding",
        lambda rng: [
            Sample(np.array([2, 0, 2, 1]), draw(rng, 4, 3)),
            Sample(np.array([[2, 0], [3, 3]]), draw(rng, 4, 3), padding_idx=3),
            Sample(np.array([[2, 0], [3, 3]]), draw(rng, 4, 3), padding_idx=-2),
            Sample(np.array(1), draw(rng, 4, 3)),
            Sample(np.array([0, 1], np.int32), draw(rng, 4, 3)),
        ],
        bad=[
            Bad(IndexError, "index out of range", np.array([0, 4]), np.ones((4, 3))),
            Bad(IndexError, "index out of range", np.array([-1]), np.ones((4, 3))),
            Bad(ValueError, "Padding_idx", np.array([0]), np.ones((4, 3)), 4),
            Bad(RuntimeError, "2-D", np.array([0]), np.ones(4)),
            Bad(TypeError, "integer indices", np.array([0.5]), np.ones((4, 3))),
        ],
    ),
]
