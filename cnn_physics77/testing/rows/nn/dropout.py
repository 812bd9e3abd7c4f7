"""Rows: dropout, where it is not random; what is random is in tests/core/operations/nn."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

F = "nn.functional."


def _row(name: str, *shape: int, bad=(), more=()):
    return Row(
        F + name,
        lambda rng: [
            Sample(draw(rng, *shape), 0.5, False),
            Sample(draw(rng, *shape), p=0.0, training=True),
            Sample(draw(rng, *shape), p=1.0, training=True),
            Sample(rng.integers(-9, 10, shape), 0.5, False),
            Sample(rng.random(shape) < 0.5, 0.5, False),
            *more,
        ],
        bad=[
            Bad(ValueError, "between 0 and 1", np.ones(shape), 1.5),
            Bad(TypeError, "floating", np.ones(shape, int), 0.5, True),
            *bad,
        ],
    )


rows = [
    _row("dropout", 3, 4),
    _row("dropout1d", 2, 3, 4, bad=[Bad(RuntimeError, "2D or 3D", np.ones(3))]),
    _row("dropout2d", 2, 3, 2, 2),
    _row("dropout3d", 2, 3, 2, 2, 2),
    _row("alpha_dropout", 3, 4),
    _row(
        "feature_alpha_dropout",
        2,
        3,
        4,
        bad=[Bad(RuntimeError, "at least 2", np.ones(3), 0.5, True)],
        more=[Sample(np.ones(3), 0.5, False), Sample(np.ones(3), p=0.0, training=True)],
    ),
]
