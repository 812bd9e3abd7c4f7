"""Rows of placing: index_select and index_add, take and put."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

X, I = np.ones((2, 3)), np.array

rows = [
    Row(
        "index_select",
        lambda rng: [
            Sample(draw(rng, 3, 4), 1, I([3, 0, 0])),
            Sample(draw(rng, 3, 4), -2, I(2)),
            Sample(draw(rng), 0, I([0])),
            Sample(draw(rng, 3), 0, I([], dtype=np.int64)),
        ],
        bad=[
            Bad(TypeError, "int64", X, 0, I([0.5])),
            Bad(IndexError, "vector", X, 0, I([[0]])),
            Bad(IndexError, "index -1 is out of bounds", X, 0, I([-1])),
        ],
    ),
    Row(
        "index_add",
        lambda rng: [
            Sample(draw(rng, 3, 4), 1, I([3, 0, 0]), draw(rng, 3, 3)),
            Sample(draw(rng, 3, 4), 0, I([2, 2]), draw(rng, 2, 4), alpha=-2),
            Sample(draw(rng, 2, 3, 2), 1, I([1]), draw(rng, 2, 1, 2)),
        ],
        bad=[
            Bad(RuntimeError, "same slice shapes", X, 0, I([0]), np.ones((1, 2))),
            Bad(RuntimeError, "same dtype", X, 0, I([0]), np.ones((1, 3), np.int64)),
        ],
    ),
    Row(
        "index_copy",
        lambda rng: [
            Sample(draw(rng, 3, 4), 1, I([3, 0]), draw(rng, 3, 2)),
            Sample(draw(rng, 3), 0, I([1]), draw(rng, 1)),
        ],
    ),
    Row(
        "index_fill",
        lambda rng: [
            Sample(draw(rng, 3, 4), 1, I([3, 0]), 2.5),
            Sample(draw(rng, 3), -1, I([1]), draw(rng)),
            Sample(draw(rng, 3, 4), -1, I([3, 0, 3, 3]), draw(rng)),
            Sample(draw(rng), 0, I([0, 0]), draw(rng)),
            Sample(draw(rng, 3), 0, I([], dtype=np.int64), draw(rng)),
            Sample(draw(rng, 3, 4), 1, I([-1, 3, -4]), 2.5),
        ],
        bad=[
            Bad(IndexError, "out of bounds", X, 0, I([-3]), 1),
            Bad(RuntimeError, "0-dimensional value", X, 0, I([0]), np.ones(1)),
            Bad(RuntimeError, "complex", X, 0, I([0]), 1j),
        ],
    ),
    Row(
        "index_put",
        lambda rng: [
            Sample(draw(rng, 3, 4), (I([0, 2]), I([1, 3])), draw(rng, 2)),
            Sample(draw(rng, 3, 4), (I([0, 2]),), draw(rng, 4)),
            Sample(draw(rng, 3, 4), (I([0, 0]), I([1, 1])), draw(rng, 2), True),
            Sample(draw(rng, 3, 4), (rng.random((3, 4)) > 0.5,), draw(rng)),
            Sample(draw(rng, 3, 4), (I([1, 2]),), draw(rng, 1, 4), accumulate=True),
        ],
        bad=[
            Bad(RuntimeError, "dtypes match", X, (I([0]),), I([1])),
            Bad(RuntimeError, "cannot be broadcast to indexing result", X, (I([0, 1]),), np.ones(2)),
            Bad(IndexError, "too many indices", np.ones(2), (I([0]), None, None), np.ones(1)),
        ],
    ),
    Row(
        "take",
        lambda rng: [Sample(draw(rng, 3, 4), I([[0, 11], [-1, 0]])), Sample(draw(rng, 3), I(1))],
        bad=[Bad(IndexError, "out of bounds", X, I([6])), Bad(TypeError, "int64", X, I([0.5]))],
    ),
    Row(
        "Tensor.put",
        lambda rng: [
            Sample(draw(rng, 3, 4), I([[0, 11], [2, -2]]), draw(rng, 2, 2)),
            Sample(draw(rng, 3), I([1, 1]), draw(rng, 2), True),
        ],
        bad=[
            Bad(RuntimeError, "same number of elements", X, I([0, 1]), np.ones(1)),
            Bad(RuntimeError, "same dtype", X, I([0]), I([1])),
        ],
    ),
]
