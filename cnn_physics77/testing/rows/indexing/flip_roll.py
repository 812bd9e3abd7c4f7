"""Rows of rearrangement: flip, roll, rot90, repeat, tile."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

X = np.ones((2, 3))

rows = [
    Row(
        "flip",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4), (0, -1)),
            Sample(draw(rng, 2, 3), ()),
            Sample(draw(rng, 0, 2), (0,)),
        ],
        bad=[Bad(IndexError, "out of range", X, (2,)), Bad(RuntimeError, "multiple times", X, (0, 0))],
    ),
    Row(
        "Tensor.flip",
        lambda rng: [
            Sample(draw(rng, 2, 3), 0, 1),
            Sample(draw(rng, 2, 3), [1]),
            Sample(draw(rng, 2, 3), dims=(0, 1)),
        ],
    ),
    Row(
        "fliplr",
        lambda rng: [Sample(draw(rng, 2, 3)), Sample(draw(rng, 2, 3, 2))],
        bad=[Bad(RuntimeError, "must be >= 2-d", np.ones(3))],
    ),
    Row("flipud", lambda rng: [Sample(draw(rng, 3))], bad=[Bad(RuntimeError, "must be >= 1-d", np.ones(()))]),
    Row(
        "roll",
        lambda rng: [
            Sample(draw(rng, 2, 3), 1),
            Sample(draw(rng, 2, 3), (1, -2), (0, 1)),
            Sample(draw(rng, 2, 3), shifts=5, dims=-1),
            Sample(draw(rng, 0), 1),
        ],
        bad=[
            Bad(RuntimeError, "must align", X, (1, 2), (0,)),
            Bad(RuntimeError, "required", X, ()),
            Bad(IndexError, "out of range", X, 1, 2),
        ],
    ),
    Row(
        "rot90",
        lambda rng: (
            [Sample(draw(rng, 2, 3), k) for k in (-1, 0, 1, 2, 3)] + [Sample(draw(rng, 2, 3, 2), 1, (-1, 0))]
        ),
        bad=[
            Bad(RuntimeError, "total rotation dims == 2", X, 1, (0,)),
            Bad(RuntimeError, "total dims >= 2", np.ones(3), 1, (0, 1)),
            Bad(RuntimeError, "multiple times", X, 1, (0, 0)),
        ],
    ),
    Row(
        "Tensor.repeat",
        lambda rng: [
            Sample(draw(rng, 2, 3), 2, 3),
            Sample(draw(rng, 2, 3), (2, 1, 1)),
            Sample(draw(rng, 1), 3),
            Sample(draw(rng), 2),
            Sample(draw(rng, 2), 0),
            Sample(draw(rng, 2), 1),
            Sample(draw(rng, 2), repeats=(2, 1)),
        ],
        bad=[
            Bad(RuntimeError, "can not be smaller", X, 2),
            Bad(RuntimeError, "non-negative", X, -1, 2),
        ],
    ),
    Row(
        "tile",
        lambda rng: [Sample(draw(rng, 2, 3), (2,)), Sample(draw(rng, 2), (2, 2)), Sample(draw(rng), (2,))],
    ),
    Row("Tensor.tile", lambda rng: [Sample(draw(rng, 2), 2, 1), Sample(draw(rng, 2), dims=(2, 1))]),
]
