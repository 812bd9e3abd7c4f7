"""Rows: unfold and fold."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

rows = [
    Row(
        "nn.functional.unfold",
        lambda rng: [
            Sample(draw(rng, 2, 3, 5, 4), 2),
            Sample(draw(rng, 3, 5, 6), (2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2)),
            Sample(draw(rng, 1, 2, 3, 3), 3),
            Sample(draw(rng, 1, 1, 3, 3) + 1j * draw(rng, 1, 1, 3, 3), 2, 1, 1, 2),
            Sample(draw(rng, 1, 1, 3, 3) > 0, 2),
        ],
        bad=[
            Bad(RuntimeError, "padded input", np.ones((1, 1, 3, 3)), 4),
            Bad(RuntimeError, "batched", np.ones((3, 3)), 2),
            Bad(TypeError, "floating", np.ones((1, 1, 3, 3), int), 2),
        ],
    ),
    Row(
        "nn.functional.fold",
        lambda rng: [
            Sample(draw(rng, 2, 12, 12), (5, 4), 2),
            Sample(draw(rng, 6, 10), (5, 6), (2, 3), dilation=(2, 1), padding=(1, 0), stride=(1, 2)),
            Sample(draw(rng, 0, 4, 4), 3, 2),
        ],
        bad=[
            Bad(RuntimeError, "columns", np.ones((1, 4, 5)), 3, 2),
            Bad(RuntimeError, "columns", np.ones((1, 5, 4)), 3, 2),
            Bad(RuntimeError, "2D or 3D", np.ones(4), 3, 2),
        ],
    ),
    Row(
        "Tensor.unfold",
        lambda rng: [
            Sample(draw(rng, 7), 0, 3, 2),
            Sample(draw(rng, 2, 5, 3), 1, 2, 1),
            Sample(draw(rng, 2, 5), -1, 5, 1),
            Sample(draw(rng, 3, 4), 0, 2, 3),
            Sample(draw(rng), 0, 1, 1),
            Sample(draw(rng, 3), 0, 0, 1),
        ],
        bad=[
            Bad(RuntimeError, "maximum size", np.ones(3), 0, 4, 1),
            Bad(RuntimeError, "must be > 0", np.ones(3), 0, 2, 0),
            Bad(IndexError, "out of range", np.ones(3), 1, 2, 1),
        ],
    ),
]
