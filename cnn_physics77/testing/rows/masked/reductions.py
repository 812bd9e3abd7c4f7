"""Rows of :mod:`cnn_physics77.core.operations.masked.reductions`."""

from math import inf

import numpy as np

from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw, whole
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, distinct, draw

MASK = np.array([[True, False, True, True], [False, True, True, False], [False] * 4])
"""Of the last row, nothing is selected."""


def several(rng, *first, numbers=draw):
    """Samples of reductions over several dimensions."""
    x = numbers(rng, 2, 3, 4)
    return [
        Sample(x, *first, mask=MASK),
        Sample(x, *first, dim=-1, keepdim=True, mask=MASK),
        Sample(x, *first, dim=(2, 0), mask=MASK[0]),
        Sample(x, *first, dim=1),
        Sample(numbers(rng, 3, 1), *first, dim=(), mask=MASK[:, :1].astype(np.int64)),
        Sample(np.asarray(numbers(rng)), *first, dim=0, mask=np.array(True)),
    ]


def sums(rng):
    return [
        *several(rng),
        Sample(complex_draw(rng, 3, 4), 0, mask=MASK),
        Sample(whole(rng, 3, 4), 0, mask=MASK),
        Sample(draw(rng, 0, 2), 0, mask=MASK[0, :2]),
        Sample(np.array(3, np.uint8), 0, mask=np.array(True)),
        Sample(Constant(draw(rng, 3, 4)), dtype=np.float32, mask=MASK),
    ]


def extrema(rng):
    return [
        *several(rng, numbers=distinct),
        Sample(np.array([1.0, 2, 2, 1]), mask=MASK[0]),  # ties
        Sample(np.arange(12).reshape(3, 4).astype(np.uint8), 1, mask=MASK),
        Sample(Constant(distinct(rng, 3, 4)), 1, dtype=np.float32, mask=MASK),
    ]


def one_dimension(rng):
    x = distinct(rng, 2, 3, 4)
    return [
        Sample(x, 1, mask=MASK),
        Sample(x, -1, keepdim=True, mask=MASK),
        Sample(distinct(rng, 4), 0),
        Sample(np.arange(12).reshape(3, 4), 0, mask=MASK),
    ]


def indices(rng):
    return [
        *one_dimension(rng),
        Sample(distinct(rng, 3, 4), mask=MASK),
        Sample(Constant(distinct(rng, 4)), dtype=np.int64, mask=MASK[0]),
    ]


def variances(rng):
    x = draw(rng, 3, 4)
    return [
        *several(rng),
        Sample(x, 1, False, mask=MASK),
        Sample(x, 0, True, mask=MASK),
        Sample(x, 1, correction=0.3, mask=MASK),
        Sample(whole(rng, 3, 4), 0, mask=MASK),
        Sample(Constant(x), dtype=np.float32, mask=MASK),
    ]


bad = [
    Bad(ShapeError, "out of range", np.ones((2, 2)), 2, mask=np.array(True)),
    Bad(ShapeError, "at most 1 dimensions", np.ones(2), 0, mask=np.array([[True, True]])),
    Bad(ShapeError, ": expected a mask that expands", np.ones(2), 0, mask=np.array([True] * 3)),
]
ordered = [*bad, Bad(DtypeError, "real numbers", 1j * np.ones(2), 0, mask=np.array(True))]

rows = [
    Row("masked.sum", sums, bad=bad),
    Row("masked.prod", sums, bad=bad),
    Row(
        "masked.mean",
        lambda rng: [*several(rng), Sample(complex_draw(rng, 3, 4), 0, mask=MASK)],
        bad=[*bad, Bad(ArgumentError, "floating or complex dtype", np.ones(2, int))],
    ),
    Row("masked.logsumexp", lambda rng: [*several(rng), Sample(complex_draw(rng, 2, 3), 1)], bad=bad),
    Row("masked.amax", extrema, bad=ordered),
    Row("masked.amin", extrema, bad=ordered),
    Row("masked.argmax", indices, order=0, bad=ordered),
    Row("masked.argmin", indices, order=0, bad=ordered),
    Row(
        "masked.median",
        one_dimension,
        bad=[*ordered, Bad(ArgumentError, "each row", np.ones((3, 4), int), 1, mask=MASK)],
    ),
    Row(
        "masked.norm",
        lambda rng: (
            [s for ord in (2, 1, 0, inf) for s in several(rng, ord)[:4]]
            + [
                Sample(draw(rng, 3, 4), -inf, 0, mask=MASK),
                Sample(draw(rng, 3, 4), 3.5, 1, mask=MASK[0]),
                Sample(complex_draw(rng, 3, 4), 2, 0, mask=MASK[:, :1]),
            ]
        ),
        bad=[
            Bad(ShapeError, "out of range", np.ones((2, 2)), 2, 2),
            Bad(ShapeError, "at most 1 dimensions", np.ones(2), mask=np.array([[True, True]])),
            Bad(DtypeError, "floating or complex", np.ones(2, int)),
        ],
    ),
    *[
        Row(
            f"masked.{name}",
            variances,
            bad=[*bad, Bad(ArgumentError, "found both", np.ones(2), 0, True, correction=1)],
        )
        for name in ("var", "std")
    ],
]
