"""Rows of shape: reshape, flatten, squeeze, expand."""

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

X = np.ones((2, 3))

rows = [
    Row(
        "reshape",
        lambda rng: [
            Sample(draw(rng, 2, 6), (3, 4)),
            Sample(draw(rng, 2, 6), (-1,)),
            Sample(draw(rng, 2, 6), [4, -1]),
            Sample(draw(rng), (1, 1)),
            Sample(draw(rng, 0, 3), (3, 0, 2)),
            Sample(draw(rng, 1), ()),
        ],
        bad=[
            Bad(RuntimeError, "invalid for input of size 6", X, (4, 2)),
            Bad(RuntimeError, "only one dimension can be inferred", X, (-1, -1)),
            Bad(RuntimeError, "invalid shape dimension", X, (-2, 3)),
            Bad(RuntimeError, "ambiguous", np.ones((0, 2)), (0, -1)),
            Bad(TypeError, "sizes as integers", X, (1.5, 4)),
        ],
    ),
    Row(
        "Tensor.reshape",
        lambda rng: [
            Sample(draw(rng, 2, 6), 3, 4),
            Sample(draw(rng, 2, 6), (4, -1)),
            Sample(draw(rng, 2, 6), shape=(3, 4)),
        ],
    ),
    Row("Tensor.reshape_as", lambda rng: [Sample(draw(rng, 2, 6), Constant(draw(rng, 4, 3)))]),
    Row(
        "flatten",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4)),
            Sample(draw(rng, 2, 3, 4), 1),
            Sample(draw(rng, 2, 3, 4), start_dim=-3, end_dim=-2),
            Sample(draw(rng, 2, 3), 1, 1),
            Sample(draw(rng)),
            Sample(draw(rng, 0, 3)),
        ],
        bad=[
            Bad(RuntimeError, "start_dim cannot come after end_dim", X, 1, 0),
            Bad(IndexError, "out of range", X, 2),
        ],
    ),
    Row("ravel", lambda rng: [Sample(draw(rng, 2, 3)), Sample(draw(rng)), Sample(draw(rng, 0))]),
    Row(
        "unflatten",
        lambda rng: [Sample(draw(rng, 2, 12), 1, (3, -1)), Sample(draw(rng, 12, 2), 0, (3, 4))],
        bad=[
            Bad(RuntimeError, "must multiply", X, 1, (2, 2)),
            Bad(RuntimeError, "must be non-empty", X, 1, ()),
        ],
    ),
    Row(
        "squeeze",
        lambda rng: [
            Sample(draw(rng, 1, 3, 1)),
            Sample(draw(rng, 1, 3, 1), -1),
            Sample(draw(rng, 1, 3, 1), 1),
            Sample(draw(rng, 1, 3, 1), dim=(0, 1)),
            Sample(draw(rng, 1, 3, 1), dim=()),
            Sample(draw(rng), 0),
            Sample(draw(rng, 1, 0)),
        ],
        bad=[Bad(IndexError, "out of range", X, 2), Bad(RuntimeError, "multiple times", X, (0, 0))],
    ),
    Row(
        "unsqueeze",
        lambda rng: [Sample(draw(rng, 2, 3), d) for d in (0, 1, 2, -1, -3)] + [Sample(draw(rng), 0)],
        bad=[Bad(IndexError, "out of range", X, 3)],
    ),
    *(
        Row(
            name,
            lambda rng: [
                Sample(draw(rng)),
                Sample(draw(rng, 2)),
                Sample(draw(rng, 2, 3), draw(rng)),
                Sample(draw(rng, 1, 2, 3, 1)),
            ],
        )
        for name in ("atleast_1d", "atleast_2d", "atleast_3d")
    ),
    Row(
        "broadcast_to",
        lambda rng: [
            Sample(draw(rng, 2, 1), (2, 3)),
            Sample(draw(rng, 3), (2, -1)),
            Sample(draw(rng), (2, 2)),
            Sample(draw(rng, 1), (0,)),
        ],
        bad=[Bad(RuntimeError, "must match the existing size (3)", X, (2, 4))],
    ),
    Row(
        "Tensor.expand",
        lambda rng: [
            Sample(draw(rng, 2, 1), 2, 3),
            Sample(draw(rng, 2, 1), (4, -1, 3)),
            Sample(draw(rng, 2, 1), size=(2, 3)),
        ],
        bad=[
            Bad(RuntimeError, "greater or equal to the number of dimensions", X, 3),
            Bad(RuntimeError, "-1 for existing dimensions", X, -1, 2, 3),
        ],
    ),
    Row(
        "Tensor.broadcast_to",
        lambda rng: [Sample(draw(rng, 2, 1), (2, 3)), Sample(draw(rng, 2, 1), size=(2, 3))],
    ),
    Row("Tensor.expand_as", lambda rng: [Sample(draw(rng, 2, 1), Constant(draw(rng, 3, 2, 2)))]),
    Row(
        "broadcast_tensors",
        lambda rng: [Sample(draw(rng, 3, 1), draw(rng, 4), draw(rng))],
        bad=[Bad(RuntimeError, "expected shapes that broadcast", X, np.ones((2, 4)))],
    ),
]
