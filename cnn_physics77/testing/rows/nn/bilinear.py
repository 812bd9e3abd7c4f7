"""Rows: bilinear forms."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

_SIZES = np.ones((2, 3)), np.ones((2, 4))

rows = [
    Row(
        "nn.functional.bilinear",
        lambda rng: [
            Sample(draw(rng, 5, 3), draw(rng, 5, 4), draw(rng, 2, 3, 4), draw(rng, 2)),
            Sample(draw(rng, 2, 5, 3), draw(rng, 2, 5, 1), draw(rng, 2, 3, 1)),
            Sample(draw(rng, 3), draw(rng, 4), draw(rng, 2, 3, 4), draw(rng, 2)),
            Sample(draw(rng, 0, 3), draw(rng, 0, 4), draw(rng, 2, 3, 4), draw(rng, 2)),
        ],
        bad=[
            Bad(RuntimeError, "(..., J)", np.ones((3, 3)), np.ones((2, 4)), np.ones((2, 3, 4))),
            Bad(RuntimeError, "(..., J)", *_SIZES, np.ones((2, 4, 3))),
            Bad(RuntimeError, "(..., J)", *_SIZES, np.ones((3, 4))),
            Bad(RuntimeError, "(..., J)", *_SIZES, np.ones((2, 3, 4)), np.ones(3)),
            Bad(TypeError, "one dtype", np.ones((2, 3), np.float32), np.ones((2, 4)), np.ones((2, 3, 4))),
        ],
    ),
]
