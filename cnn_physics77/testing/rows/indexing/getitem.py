"""Rows of indexing."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

X = np.ones((2, 3))
I = np.array


def keys(rng):
    mask = rng.random((4, 3)) > 0.5
    return [
        1,
        -1,
        slice(1, None, 2),
        None,
        Ellipsis,
        (0, 1, 1),
        (Ellipsis, 0),
        (slice(0), 0),
        (None, slice(1, 3), None, 1),
        I([0, 1, 1, -1]),
        I([[0, 1], [2, 0]]),
        (slice(None), I([0, 2, 2])),
        (I([0, 1, 1]), slice(None), I([1, 1, 0])),
        (I([[0], [3]]), I([0, 2])),
        (1, slice(None), I([1, 0])),
        (I([0, 1]), 1, I([1, 0])),
        (I([0, 1]), None, I([1, 0])),
        mask,
        (mask, 1),
        (slice(None), mask[0]),
        (I([True, False, True, True]), I([0, 1, 2])),
        I(2),
        (I([], dtype=np.int64), 1),
        ([0, 2], [True, False, True]),
        True,
        (False, 1),
    ]


rows = [
    Row(
        "Tensor.__getitem__",
        lambda rng: (
            [Sample(draw(rng, 4, 3, 2), key) for key in keys(rng)]
            + [Sample(draw(rng), ()), Sample(draw(rng), None)]
        ),
        bad=[
            Bad(IndexError, "too many indices", X, (0, 0, 0)),
            Bad(IndexError, "index 2 is out of bounds for dimension 0 with size 2", X, 2),
            Bad(IndexError, "index -4 is out of bounds for dimension 1 with size 3", X, (0, -4)),
            Bad(IndexError, "index 5 is out of bounds", X, I([0, 5])),
            Bad(IndexError, "could not be broadcast together", X, (I([0, 1]), I([0, 1, 1]))),
            Bad(IndexError, "shape of the mask", X, np.ones(3, bool)),
            Bad(IndexError, "single ellipsis", X, (Ellipsis, Ellipsis)),
            Bad(ValueError, "step must be positive", X, slice(None, None, -1)),
            Bad(TypeError, "valid indices", X, "a"),
            Bad(TypeError, "integer or boolean dtype", X, I([0.5])),
        ],
    ),
    Row(
        "select",
        lambda rng: [Sample(draw(rng, 2, 3), 1, -1), Sample(draw(rng, 2, 3), dim=0, index=1)],
        bad=[
            Bad(IndexError, "index 2 out of range", X, 0, 2),
            Bad(IndexError, "0-dim", np.ones(()), 0, 0),
        ],
    ),
    Row(
        "narrow",
        lambda rng: [
            Sample(draw(rng, 4, 3), 0, 1, 2),
            Sample(draw(rng, 4, 3), -1, -2, 1),
            Sample(draw(rng, 4), 0, 4, 0),
        ],
        bad=[
            Bad(RuntimeError, "exceeds dimension size", X, 1, 2, 2),
            Bad(RuntimeError, "0-dim integral tensor", X, 1, np.array([1]), 1),
            Bad(RuntimeError, "non-negative", X, 1, 0, -1),
            Bad(IndexError, "start out of range", X, 1, 4, 0),
            Bad(RuntimeError, "0-dim", np.ones(()), 0, 0, 0),
        ],
    ),
]
