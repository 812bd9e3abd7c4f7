"""Rows of :mod:`cnn_physics77.core.operations.masked.rows`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.masked.reductions import MASK, bad, ordered
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def running(rng):
    x = draw(rng, 2, 3, 4)
    return [
        Sample(x, 1, mask=MASK),
        Sample(x, -1, mask=MASK[0]),
        Sample(draw(rng, 4), 0),
        Sample(complex_draw(rng, 3, 4), 0, mask=MASK),
        Sample(whole(rng, 3, 4), 0, mask=MASK),
        Sample(draw(rng, 0, 2), 0, mask=MASK[0, :2]),
        Sample(Constant(draw(rng, 3, 4)), 1, dtype=np.float32, mask=MASK),
    ]


def probabilities(rng):
    x = draw(rng, 2, 3, 4)
    return [
        Sample(x, 1, mask=MASK),
        Sample(x[:, :2], -1, mask=MASK[:2]),
        Sample(draw(rng, 4), 0),
        Sample(Constant(x), 0, dtype=np.float32, mask=MASK[0]),
        Sample(draw(rng, 0, 2), 0, mask=MASK[0, :2]),
    ]


rows = [
    Row("masked.cumsum", running, bad=bad),
    Row("masked.cumprod", running, bad=bad),
    *[Row(f"masked.{name}", probabilities, bad=ordered) for name in ("softmax", "log_softmax", "softmin")],
    Row(
        "masked.normalize",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4), 2, 1, mask=MASK),
            Sample(draw(rng, 3, 4), 3.0, -1, eps=2.0, mask=MASK[0]),
            Sample(draw(rng, 4), 1, 0),
            Sample(complex_draw(rng, 3, 4), 2.0, 0, mask=MASK[:, :1]),
        ],
        bad=[
            Bad(ShapeError, "out of range", np.ones(2), 2, 1),
            Bad(ShapeError, "at most 1 dimensions", np.ones(2), 2, 0, mask=np.array([[True, True]])),
            Bad(DtypeError, "floating or complex", np.ones(2, int), 2, 0),
        ],
    ),
    Row(
        "masked.logaddexp",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 4), input_mask=MASK, other_mask=MASK[0]),
            Sample(draw(rng, 3, 4), draw(rng, 3, 1)),
            Sample(Constant(draw(rng, 4)), Constant(draw(rng, 4)), dtype=np.float32, other_mask=MASK[1]),
        ],
        bad=[
            Bad(ShapeError, "at most 1", np.ones(2), np.ones(2), input_mask=np.array([[True, True]])),
            Bad(DtypeError, "real numbers", 1j * np.ones(2), np.ones(2)),
        ],
    ),
]
