"""Rows of joining: cat, stack and their kin; split, chunk, unbind."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

X = np.ones((2, 3))


def lists(rng):
    return [
        Sample([draw(rng, 2, 3), draw(rng, 1, 3)]),
        Sample((draw(rng, 2, 3), draw(rng, 2, 1), np.arange(8).reshape(2, 4)), 1),
        Sample([draw(rng, 2, 3), draw(rng, 0), draw(rng, 2, 0)], -1),
        Sample([draw(rng, 3)]),
    ]


WRONG_LISTS = [
    Bad(RuntimeError, "non-empty", []),
    Bad(TypeError, "tuple or list of tensors", X),
    Bad(TypeError, "tuple or list of tensors", [1, 2]),
    Bad(RuntimeError, "must match except in dimension 0", [X, np.ones((2, 4))]),
    Bad(RuntimeError, "zero-dimensional", [np.ones(()), np.ones(())]),
    Bad(IndexError, "out of range", [X, X], 2),
]

rows = [
    *(Row(name, lists, bad=WRONG_LISTS) for name in ("cat", "concat", "concatenate")),
    Row(
        "stack",
        lambda rng: [
            Sample([draw(rng, 2, 3), draw(rng, 2, 3)]),
            Sample((draw(rng, 2), np.arange(2)), -1),
            Sample([draw(rng), draw(rng)]),
            Sample([draw(rng, 0)], 1),
        ],
        bad=[
            Bad(RuntimeError, "equal size", [X, np.ones(3)]),
            Bad(RuntimeError, "non-empty", []),
            Bad(IndexError, "out of range", [X], 3),
        ],
    ),
    *(
        Row(
            name,
            lambda rng: [
                Sample((draw(rng, 2), draw(rng, 2))),
                Sample([draw(rng), draw(rng)]),
                Sample([draw(rng, 2, 2), draw(rng, 2, 2)]),
            ],
        )
        for name in ("hstack", "vstack", "row_stack", "dstack", "column_stack")
    ),
    Row(
        "meshgrid",
        lambda rng: [
            Sample(draw(rng, 2), draw(rng, 3), draw(rng), indexing="ij"),
            Sample(draw(rng, 2), draw(rng, 3), indexing="xy"),
            Sample(draw(rng, 2), draw(rng, 3), draw(rng, 4), indexing="xy"),
        ],
        bad=[
            Bad(RuntimeError, "0D or 1D", X),
            Bad(ValueError, "indexing", np.ones(2), indexing="yx"),
            Bad(RuntimeError, "non-empty"),
        ],
    ),
    Row(
        "split",
        lambda rng: [
            Sample(draw(rng, 5, 2), 2),
            Sample(draw(rng, 5, 2), [1, 0, 4]),
            Sample(draw(rng, 2, 4), 3, dim=-1),
            Sample(draw(rng, 0, 2), 3),
        ],
        bad=[
            Bad(RuntimeError, "sum exactly to 2", X, [1, 2]),
            Bad(RuntimeError, "non-negative", X, -1),
            Bad(RuntimeError, "at least a 1-dimensional", np.ones(()), 1),
        ],
    ),
    Row(
        "Tensor.split",
        lambda rng: [Sample(draw(rng, 5, 2), 2), Sample(draw(rng, 2, 5), split_size=[1, 4], dim=1)],
    ),
    Row("split_with_sizes", lambda rng: [Sample(draw(rng, 5, 2), [1, 4])]),
    Row(
        "chunk",
        lambda rng: [
            Sample(draw(rng, 5), 3),
            Sample(draw(rng, 2, 7), 4, -1),
            Sample(draw(rng, 2), 5),
            Sample(draw(rng, 0), 2),
        ],
        bad=[Bad(RuntimeError, "greater than 0", X, 0)],
    ),
    Row(
        "tensor_split",
        lambda rng: [
            Sample(draw(rng, 7), 3),
            Sample(draw(rng, 7), (1, 3)),
            Sample(draw(rng, 7), (-2, 9)),
            Sample(draw(rng, 7), (5, 2)),
            Sample(draw(rng, 2, 3), 2, dim=1),
            Sample(draw(rng, 7), np.array([2, 4])),
        ],
        bad=[Bad(RuntimeError, "larger than 0", X, 0)],
    ),
    Row(
        "hsplit",
        lambda rng: [Sample(draw(rng, 4), 2), Sample(draw(rng, 2, 4), (1, 2))],
        bad=[
            Bad(RuntimeError, "not divisible", X, 2),
            Bad(RuntimeError, "at least 1 dimension", np.ones(()), 1),
        ],
    ),
    Row(
        "vsplit",
        lambda rng: [Sample(draw(rng, 4, 2), 2)],
        bad=[Bad(RuntimeError, "at least 2", np.ones(3), 1)],
    ),
    Row("dsplit", lambda rng: [Sample(draw(rng, 1, 2, 4), 2)], bad=[Bad(RuntimeError, "at least 3", X, 1)]),
    Row(
        "unbind",
        lambda rng: [Sample(draw(rng, 2, 3)), Sample(draw(rng, 2, 3), -1)],
        bad=[Bad(RuntimeError, "at least a 1-dimensional", np.ones(()))],
    ),
]
