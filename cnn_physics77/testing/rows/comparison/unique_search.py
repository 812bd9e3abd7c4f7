"""Rows of searching: one_hot, unique, searchsorted, bucketize, repeat_interleave, bincount."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

X, I = np.ones((2, 3)), np.array
SORTED = I([1.0, 2.0, 2.0, 5.0])
REPEATED = I([[3, 3, 1], [3, 3, 1], [0, 1, 1]])
SLICES = [
    Bad(RuntimeError, "are empty", np.ones((5, 0)), dim=0),
    Bad(RuntimeError, "are empty", np.ones((0, 0)), dim=0),
    Bad(IndexError, "has no dimensions", np.array(1.0), dim=0),
]

rows = [
    Row(
        "nn.functional.one_hot",
        lambda rng: [
            Sample(I([0, 2, 1])),
            Sample(I([[0, 2]]), 4),
            Sample(I(1), 3),
            Sample(np.zeros((0, 2), np.int64), 3),
        ],
        order=0,
        bad=[
            Bad(RuntimeError, "smaller than num_classes", I([3]), 3),
            Bad(RuntimeError, "non-negative", I([-1])),
            Bad(RuntimeError, "should be positive", I([0]), 0),
            Bad(RuntimeError, "empty tensor", np.zeros(0, np.int64)),
            Bad(TypeError, "int64", I([0.5])),
        ],
    ),
    Row(
        "unique",
        lambda rng: [
            Sample(I([3.0, 1.0, 3.0])),
            Sample(REPEATED, return_inverse=True, return_counts=True),
            Sample(REPEATED, True, True, True, 0),
            Sample(REPEATED, dim=-1),
            Sample(np.zeros(0)),
            Sample(np.zeros((5, 0, 2), int), dim=1),
        ],
        order=0,
        bad=SLICES,
    ),
    Row(
        "unique_consecutive",
        lambda rng: [
            Sample(I([1, 1, 2, 2, 1])),
            Sample(REPEATED, return_inverse=True, return_counts=True),
            Sample(REPEATED, return_inverse=True, return_counts=True, dim=0),
            *[
                Sample(np.zeros((5, 0, 2), int), return_inverse=True, return_counts=True, dim=d)
                for d in (1, None)
            ],
        ],
        order=0,
        bad=SLICES,
    ),
    Row(
        "searchsorted",
        lambda rng: [
            Sample(SORTED, I([[0.0, 2.0], [5.0, 6.0]])),
            Sample(SORTED, I([2.0]), right=True),
            Sample(SORTED, I([2.0]), side="right", out_int32=True),
            Sample(SORTED, 2.5),
            Sample(np.stack([SORTED, SORTED + 1]), I([[2.0, 3.0], [2.0, 3.0]])),
            Sample(SORTED[::-1].copy(), I([2.0]), sorter=I([3, 2, 1, 0])),
        ],
        order=0,
        bad=[
            Bad(RuntimeError, "first N-1 dimensions", np.ones((2, 3)), np.ones((3, 1))),
            Bad(ValueError, "side", SORTED, 1.0, side="middle"),
            Bad(ValueError, "opposites", SORTED, 1.0, side="left", right=True),
        ],
    ),
    Row(
        "bucketize",
        lambda rng: [
            Sample(I([[0.0, 2.0], [5.0, 6.0]]), SORTED),
            Sample(I([2.0]), SORTED, right=True),
            Sample(2.0, SORTED),
        ],
        order=0,
        bad=[Bad(RuntimeError, "1 dimension", 1.0, X)],
    ),
    Row(
        "repeat_interleave",
        lambda rng: [
            Sample(draw(rng, 2, 3), 2),
            Sample(draw(rng, 2, 3), 3, dim=-1),
            Sample(draw(rng, 2, 3), I([0, 2]), 0),
            Sample(draw(rng, 3), I([2])),
            Sample(I([0, 2, 1])),
            Sample(draw(rng), 2),
        ],
        bad=[
            Bad(RuntimeError, "same size as input along dim", X, I([1, 2, 3]), 0),
            Bad(RuntimeError, "negative", X, -1),
            Bad(TypeError, "int64", X, I([1.5])),
        ],
    ),
    Row(
        "bincount",
        lambda rng: [
            Sample(I([1, 1, 3])),
            Sample(I([1, 1, 3]), I([0.5, 1.0, 2.0]), 6),
            Sample(I([1]), I([2])),
            Sample(np.zeros(0, np.int64)),
        ],
        order=0,
        bad=[
            Bad(RuntimeError, "non-negative", I([-1])),
            Bad(RuntimeError, "same length", I([1]), np.ones(2)),
            Bad(TypeError, "int64", I([0.5])),
        ],
    ),
]
