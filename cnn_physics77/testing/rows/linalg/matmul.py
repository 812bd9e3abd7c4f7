"""Rows of :mod:`cnn_physics77.core.operations.linalg.matmul`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw


def products(rng):
    shapes = [
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((3,), (3, 4)),
        ((2, 3), (3, 4)),
        ((5, 2, 3), (3,)),
        ((3,), (5, 3, 4)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((6, 1, 2, 3), (5, 3, 4)),
        ((1, 2, 3), (5, 3, 1)),
        ((2, 0), (0, 3)),
        ((0, 3), (3, 2)),
        ((0, 2, 3), (3, 2)),
        ((1, 1), (1, 1)),
        ((0,), (0,)),
    ]
    made = [Sample(draw(rng, *a), draw(rng, *b)) for a, b in shapes]
    return [
        *made,
        Sample(whole(rng, 2, 3), whole(rng, 3, 2)),
        Sample(complex_draw(rng, 2, 3), complex_draw(rng, 3, 2)),
        Sample(complex_draw(rng, 3), complex_draw(rng, 3)),
    ]


def matrices(rng):
    return [
        Sample(draw(rng, 2, 3), draw(rng, 3, 4)),
        Sample(draw(rng, 2, 0), draw(rng, 0, 4)),
        Sample(complex_draw(rng, 1, 2), complex_draw(rng, 2, 1)),
    ]


def batches(rng):
    return [Sample(draw(rng, 5, 2, 3), draw(rng, 5, 3, 4)), Sample(draw(rng, 0, 2, 3), draw(rng, 0, 3, 4))]


def with_input(samples, *shapes):
    def make(rng):
        made = samples(rng)
        first = made[0].args
        return [
            *[Sample(draw(rng, *shape), *first) for shape in shapes],
            Sample(draw(rng, *shapes[0]), *first, beta=0.5, alpha=2),
            Sample(Constant(draw(rng, *shapes[0])), *first, beta=0),
            Sample(draw(rng), *made[1].args),
            Sample(whole(rng, *shapes[0]), *(whole(rng, *x.shape) for x in first), beta=1.9, alpha=-2.5),
        ]

    return make


dtypes = Bad(DtypeError, "one dtype", np.ones((2, 2)), np.ones((2, 2), np.float32))
unequal = Bad(ShapeError, "found (2, 3) @ (4, 5); transpose", np.ones((2, 3)), np.ones((4, 5)))
vectors = [Sample(np.array([1.0, 2.0]), np.array([3.0, -1.0]))]

rows = [
    Row(
        "matmul",
        products,
        bad=[
            unequal,
            dtypes,
            Bad(ShapeError, "at least 1 dimension", np.ones(()), np.ones(2)),
            Bad(ShapeError, "(2, 3) @ (2,)", np.ones((2, 3)), np.ones(2)),
            Bad(ShapeError, "leading dimensions", np.ones((2, 3, 3)), np.ones((4, 3, 3))),
        ],
    ),
    Row(
        "mm",
        matrices,
        bad=[
            Bad(ShapeError, "mm: expected the last", np.ones((2, 3)), np.ones((2, 3))),
            dtypes,
            Bad(ShapeError, "two matrices", np.ones(2), np.ones((2, 2))),
        ],
    ),
    Row(
        "bmm",
        batches,
        bad=[
            Bad(ShapeError, "two batches of matrices", np.ones((2, 2)), np.ones((2, 2))),
            Bad(ShapeError, "batches of one size", np.ones((2, 2, 2)), np.ones((1, 2, 2))),
        ],
    ),
    Row(
        "mv",
        lambda rng: [Sample(draw(rng, 2, 3), draw(rng, 3)), Sample(draw(rng, 2, 0), draw(rng, 0))],
        bad=[Bad(ShapeError, "a matrix and a vector", np.ones(2), np.ones(2))],
    ),
    Row(
        "dot",
        lambda rng: [
            *vectors,
            Sample(draw(rng, 0), draw(rng, 0)),
            Sample(complex_draw(rng, 3), complex_draw(rng, 3)),
        ],
        bad=[
            Bad(ShapeError, "two vectors", np.ones((2, 2)), np.ones(2)),
            Bad(ShapeError, "dot: expected the last size", np.ones(2), np.ones(3)),
        ],
    ),
    Row(
        "outer",
        lambda rng: [*vectors, Sample(draw(rng, 2), draw(rng, 3)), Sample(draw(rng, 0), draw(rng, 3))],
        bad=[Bad(ShapeError, "two vectors", np.ones((2, 2)), np.ones(2))],
    ),
    Row("spmm", lambda rng: [Sample(draw(rng, 2, 3), draw(rng, 3, 2))]),
    Row("ger", lambda rng: [Sample(draw(rng, 2), draw(rng, 3))]),
    Row(
        "addmm",
        with_input(matrices, (2, 4), (4,), (2, 1), ()),
        bad=[Bad(ShapeError, "expands to", np.ones(3), np.ones((2, 2)), np.ones((2, 2)))],
    ),
    Row(
        "addmv",
        lambda rng: [
            Sample(draw(rng, 2), draw(rng, 2, 3), draw(rng, 3)),
            Sample(draw(rng, 1), draw(rng, 2, 3), draw(rng, 3), beta=0.5, alpha=2),
            Sample(Constant(draw(rng, 2)), draw(rng, 2, 3), draw(rng, 3), beta=0),
            Sample(complex_draw(rng, 2), complex_draw(rng, 2, 2), complex_draw(rng, 2)),
            Sample(whole(rng, 2), whole(rng, 2, 3), whole(rng, 3), beta=2, alpha=-1),
        ],
        bad=[Bad(ShapeError, "a matrix and a vector", np.ones(2), np.ones(2), np.ones(2))],
    ),
    Row(
        "addr",
        lambda rng: [
            Sample(draw(rng, 2, 3), draw(rng, 2), draw(rng, 3)),
            Sample(draw(rng, 3), draw(rng, 2), draw(rng, 3), beta=0.5, alpha=2),
            Sample(complex_draw(rng, 2, 1), complex_draw(rng, 2), complex_draw(rng, 2)),
            Sample(whole(rng, 2, 3), whole(rng, 2), whole(rng, 3), beta=2, alpha=-1),
            Sample(draw(rng, 0, 2), draw(rng, 0), draw(rng, 2)),
            *[
                Sample(
                    rng.random((2, 3)) < 0.3, np.array([True, False]), rng.random(3) < 0.6, beta=b, alpha=a
                )
                for b, a in ((1, 1), (2, 0), (0, 2), (False, True))
            ],
        ],
        bad=[
            Bad(ShapeError, "two vectors", np.ones(2), np.ones((2, 2)), np.ones(2)),
            Bad(DtypeError, "whole", np.ones(2, bool), np.ones(2, bool), np.ones(2, bool), beta=0.5),
        ],
    ),
    Row(
        "addbmm",
        with_input(batches, (2, 4), (4,)),
        bad=[Bad(ShapeError, "two batches", np.ones(2), np.ones((2, 2)), np.ones((2, 2)))],
    ),
    Row("baddbmm", with_input(batches, (5, 2, 4), (4,), (2, 1), (5, 1, 1))),
]
