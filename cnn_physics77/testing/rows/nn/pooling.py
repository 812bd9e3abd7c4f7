"""Rows: max and average pooling."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, distinct, draw

F = "nn.functional."

_BAD_WINDOWS = [
    Bad(RuntimeError, "batched", np.ones((4, 4)), 2),
    Bad(RuntimeError, "half of the kernel", np.ones((1, 4, 4)), 2, padding=2),
    Bad(RuntimeError, "too small", np.ones((1, 4, 4)), 5),
    Bad(RuntimeError, "stride (0, 0)", np.ones((1, 4, 4)), 2, 0),
    Bad(RuntimeError, "2 ints", np.ones((1, 4, 4)), (2, 2, 2)),
    Bad(TypeError, "kernel_size to be an int", np.ones((1, 4, 4)), "two"),
    Bad(TypeError, "real", np.ones((1, 4, 4), complex), 2),
]

rows = [
    Row(
        F + "max_pool1d",
        lambda rng: [
            Sample(distinct(rng, 2, 3, 8), 2),
            Sample(distinct(rng, 3, 7), 3, 1, 1, 2),
            Sample(distinct(rng, 2, 2, 7), 3, 2, ceil_mode=True, return_indices=True),
        ],
        bad=[Bad(RuntimeError, "at least one channel", np.ones((0, 10)), 2)],
    ),
    Row(
        F + "max_pool2d",
        lambda rng: [
            Sample(distinct(rng, 2, 3, 6, 4), 2),
            Sample(distinct(rng, 3, 5, 6), (2, 3), return_indices=True),
            Sample(distinct(rng, 2, 2, 7, 7), 3, 2, 1),
            Sample(distinct(rng, 2, 2, 7, 8), 3, (1, 2), (0, 1), (2, 1), return_indices=True),
            Sample(distinct(rng, 1, 2, 6, 7), 3, 2, 1, ceil_mode=True, return_indices=True),
            Sample(distinct(rng, 1, 2, 6, 7), kernel_size=2, stride=3, ceil_mode=True),
            Sample(np.zeros((1, 1, 4, 4)), 2, 1, return_indices=True),
            Sample(np.full((1, 1, 3, 3), -np.inf), 2, 1, 1, return_indices=True),
            Sample(np.array([[[np.nan, 1.0], [2.0, np.nan]]]), 2, return_indices=True),
            Sample(draw(rng, 0, 2, 4, 4), 2),
            Sample(np.arange(16).reshape(1, 4, 4), 2),
        ],
        bad=_BAD_WINDOWS,
    ),
    Row(
        F + "max_pool3d",
        lambda rng: [
            Sample(distinct(rng, 2, 2, 4, 4, 5), 2, return_indices=True),
            Sample(distinct(rng, 2, 5, 4, 5), (3, 2, 3), (1, 2, 2), 1, ceil_mode=True),
        ],
    ),
    Row(
        F + "max_unpool1d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 2), np.array([1, 2]) + np.zeros((2, 3, 1), int), 2),
            Sample(draw(rng, 3, 2), np.array([0, 3]) + np.zeros((3, 1), int), 3, 2, 1, output_size=(1, 3, 4)),
        ],
    ),
    Row(
        F + "max_unpool2d",
        lambda rng: [
            Sample(draw(rng, 2, 1, 2, 2), np.array([[0, 3], [9, 14]]) + np.zeros((2, 1, 1, 1), int), 2),
            Sample(draw(rng, 1, 2, 2), np.array([[[0, 3], [9, 24]]]), (2, 2), output_size=(5, 5)),
        ],
        bad=[
            Bad(RuntimeError, "invalid max index", np.ones((1, 1, 1)), np.full((1, 1, 1), 4), 2),
            Bad(RuntimeError, "shape of indices", np.ones((1, 1, 1)), np.zeros((1, 1, 2), int), 2),
            Bad(RuntimeError, "int64", np.ones((1, 1, 1)), np.zeros((1, 1, 1), np.int32), 2),
            Bad(
                ValueError, "output_size", np.ones((1, 1, 1)), np.zeros((1, 1, 1), int), 2, output_size=(4, 4)
            ),
        ],
    ),
    Row(
        F + "max_unpool3d",
        lambda rng: [Sample(draw(rng, 1, 2, 1, 1, 2), np.array([3, 9]) + np.zeros((1, 2, 1, 1, 1), int), 2)],
    ),
    Row(
        F + "avg_pool1d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 8), 2),
            Sample(draw(rng, 3, 7), 3, 2, 1, True, False),
            Sample(draw(rng, 3, 7), (3,), (1,), (1,)),
            Sample(rng.integers(-9, 10, (2, 3, 8)), 3, 2, 1),
        ],
    ),
    Row(
        F + "avg_pool2d",
        lambda rng: [
            Sample(draw(rng, 2, 3, 6, 4), 2),
            Sample(draw(rng, 3, 5, 6), (2, 3), (1, 2)),
            Sample(draw(rng, 2, 2, 7, 7), 3, 2, 1),
            Sample(draw(rng, 2, 2, 7, 7), 3, 2, 1, count_include_pad=False),
            Sample(draw(rng, 1, 2, 6, 7), 3, 2, 1, ceil_mode=True),
            Sample(draw(rng, 1, 2, 6, 7), 2, 3, 1, ceil_mode=True, count_include_pad=False),
            Sample(draw(rng, 1, 2, 6, 7), 2, divisor_override=3),
            Sample(draw(rng, 0, 2, 4, 4), 2),
            Sample(rng.integers(-9, 10, (2, 7, 7)) + (1 << 58), 3, 2, 1, count_include_pad=False),
            Sample(rng.integers(-9, 10, (1, 2, 6, 7)), 2, divisor_override=-3),
        ],
        bad=[
            *_BAD_WINDOWS[:-1],
            Bad(RuntimeError, "divisor", np.ones((1, 4, 4)), 2, divisor_override=0),
            Bad(RuntimeError, "torch.bool", np.ones((1, 4, 4), bool), 2),
        ],
    ),
    Row(
        F + "avg_pool3d",
        lambda rng: [
            Sample(draw(rng, 2, 2, 4, 4, 5), 2),
            Sample(draw(rng, 2, 5, 4, 5), (3, 2, 3), (1, 2, 2), 1, ceil_mode=True, count_include_pad=False),
            Sample(rng.integers(-9, 10, (2, 4, 4, 5)), 2, padding=1, ceil_mode=True),
        ],
    ),
]
