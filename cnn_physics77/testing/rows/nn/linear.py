"""Rows: the affine map."""

import numpy as np

from cnn_physics77.testing.rows.pointwise.arithmetic import whole
from cnn_physics77.testing.table import Bad, Row, Sample, draw

rows = [
    Row(
        "nn.functional.linear",
        lambda rng: [
            Sample(draw(rng, 4, 3), draw(rng, 5, 3), draw(rng, 5)),
            Sample(draw(rng, 4, 3), draw(rng, 5, 3)),
            Sample(draw(rng, 3), draw(rng, 5, 3), draw(rng, 5)),
            Sample(draw(rng, 2, 4, 3), draw(rng, 5, 3), bias=draw(rng, 5)),
            Sample(draw(rng, 2, 1, 2, 3), draw(rng, 1, 3)),
            Sample(draw(rng, 0, 3), draw(rng, 5, 3), draw(rng, 5)),
            Sample(draw(rng, 4, 3), draw(rng, 0, 3), draw(rng, 0)),
            Sample(draw(rng, 4, 0), draw(rng, 5, 0), draw(rng, 5)),
            Sample(draw(rng, 2, 2, 0), draw(rng, 5, 0), draw(rng, 5)),
            Sample(draw(rng, 4, 3), draw(rng, 3)),
            Sample(draw(rng, 4, 3) + 1j * draw(rng, 4, 3), draw(rng, 2, 3) + 1j * draw(rng, 2, 3)),
            Sample(whole(rng, 4, 3), whole(rng, 2, 3), whole(rng, 2)),
            *[Sample(draw(rng, 4, 3), draw(rng, 5, 3), draw(rng, *b)) for b in ((), (1,), (1, 5), (4, 1))],
            Sample(draw(rng, 2, 4, 3), draw(rng, 5, 3), draw(rng, 4, 5)),
        ],
        bad=[
            Bad(RuntimeError, "in_features", np.ones((2, 3)), np.ones((4, 5))),
            Bad(RuntimeError, "in_features", np.ones(()), np.ones((4, 5))),
            Bad(RuntimeError, "cannot be multiplied (6x3 and 5x4)", np.ones((2, 3, 3)), np.ones((4, 5))),
            Bad(RuntimeError, "bias of shape (4,)", np.ones((2, 3)), np.ones((4, 3)), np.ones(3)),
            Bad(RuntimeError, "one that expands", np.ones((2, 3)), np.ones((4, 3)), np.ones((2, 2, 4))),
            Bad(RuntimeError, "one dtype", np.ones((2, 3)), np.ones((4, 3), np.float32)),
            Bad(TypeError, "expected a tensor", [[1.0]], np.ones((4, 3))),
            Bad(TypeError, "one dtype", np.ones((2, 3), int), np.ones((4, 3))),
            Bad(TypeError, "floating or complex or integer", np.ones((2, 3), bool), np.ones((4, 3), bool)),
        ],
    ),
]
