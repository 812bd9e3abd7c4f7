"""Rows of gathering: gather and scatter, index_select and index_add, take and put."""

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, distinct, draw

X, I = np.ones((2, 3)), np.array
WRONG_INDEX = [
    Bad(TypeError, "int64", X, 0, np.ones((2, 3))),
    Bad(RuntimeError, "index 3 is out of bounds for dimension 1 with size 3", X, 1, I([[3], [0]])),
    Bad(RuntimeError, "index -1 is out of bounds", X, 1, I([[-1], [0]])),
    Bad(RuntimeError, "same number of dimensions", X, 1, I([0])),
    Bad(RuntimeError, "no larger than self", X, 1, I([[0], [0], [0]])),
]


def with_source(bad):
    return [Bad(b.error, b.message, *b.args, np.ones(b.args[2].shape)) for b in bad]


def index(rng, *shape, below, apart=None):
    """Random indices; along the dimension ``apart`` all different."""
    if apart is None:
        return rng.integers(0, below, shape)
    return np.argsort(
        rng.random(tuple(below if axis == apart else n for axis, n in enumerate(shape))), apart
    )[tuple(slice(n) for n in shape)]


def reductions(rng):
    made = []
    for reduce in ("sum", "mean", "amax", "amin", "prod"):
        for options in ({}, {"include_self": False}):
            x, src = distinct(rng, 3, 4), distinct(rng, 4, 3) + 0.05
            made.append(Sample(x, 1, index(rng, 2, 3, below=4), src, reduce, **options))
            made.append(
                Sample(draw(rng, 5), 0, index(rng, 7, below=5), draw(rng, 7), reduce=reduce, **options)
            )
    one_zero, two_zeros = I([2.0, 0.0, 3.0, 4.0]), I([2.0, 0.0, 0.0, 4.0])
    made.append(Sample(draw(rng, 2), 0, I([0, 0, 1, 1]), one_zero, "prod"))
    made.append(Sample(I([1.0, 0.0]), 0, I([0, 0, 1, 1]), Constant(two_zeros), "prod"))
    ties = I([1.0, 2.0, 2.0, 2.0])
    return [*made, Sample(I([2.0, 2.0]), 0, I([0, 0, 0, 1]), ties, "amax")]


rows = [
    Row(
        "gather",
        lambda rng: [
            Sample(draw(rng, 3, 4), 1, index(rng, 3, 6, below=4)),
            Sample(draw(rng, 3, 4), -2, index(rng, 2, 3, below=3)),
            Sample(draw(rng, 3), 0, I([0, 0, 2])),
            Sample(draw(rng), 0, I([0, 0])),
            Sample(draw(rng, 3), 0, I(1)),
            Sample(draw(rng, 3, 2), 0, np.zeros((0, 2), np.int64)),
        ],
        bad=WRONG_INDEX,
    ),
    Row(
        "take_along_dim",
        lambda rng: [
            Sample(draw(rng, 3, 4), index(rng, 3, 2, below=4), 1),
            Sample(draw(rng, 3, 4), index(rng, 1, 2, below=4), dim=1),
            Sample(draw(rng, 1, 4), index(rng, 3, 4, below=4), dim=1),
            Sample(draw(rng, 3, 4), I([0, 11, 5])),
            Sample(draw(rng, 3, 4), I([[-1, 0], [3, -4], [-2, -2]]), 1),
            Sample(draw(rng, 3, 1), I([[-1, -3, 0]]), 0),
        ],
        bad=[
            Bad(RuntimeError, "same number of dimensions", X, I([0]), 1),
            Bad(RuntimeError, "take_along_dim: index -4 is out of bounds", X, I([[-4]]), 1),
            Bad(RuntimeError, "take_along_dim: index 3 is out of bounds", X, I([[3]]), 1),
            Bad(RuntimeError, "take_along_dim: index -1 is out of bounds", X, I([-1])),
            Bad(RuntimeError, "take_along_dim: expected shapes that broadcast", X, I([[0, 0, 0, 0, 0]]), 0),
        ],
    ),
    Row(
        "scatter",
        lambda rng: [
            Sample(draw(rng, 3, 4), 1, index(rng, 3, 2, below=4, apart=1), draw(rng, 3, 2)),
            Sample(draw(rng, 3, 4), 0, index(rng, 2, 3, below=3, apart=0), draw(rng, 2, 3)),
            Sample(draw(rng, 3, 4), 1, I([[0, 0], [1, 3]]), 2.5),
            Sample(draw(rng, 3), 0, I([2]), value=1.0),
            Sample(draw(rng), 0, I(0), draw(rng)),
            Sample(Constant(draw(rng, 3)), 0, I([2, 2]), 3.0, reduce="add"),
            Sample(Constant(draw(rng, 3)), 0, I([2, 2]), 3.0, reduce="multiply"),
        ],
        bad=[
            *with_source(WRONG_INDEX),
            Bad(RuntimeError, "self.dtype to be equal to src.dtype", X, 0, I([[0]]), I([[1]])),
            Bad(RuntimeError, "no larger than src", X, 0, I([[0, 0]]), I([[1.0]])),
            Bad(ValueError, "either add or multiply", X, 0, I([[0]]), 1.0, reduce="max"),
        ],
    ),
    Row(
        "scatter_add",
        lambda rng: [
            Sample(draw(rng, 3, 4), 1, index(rng, 3, 6, below=4), draw(rng, 3, 6)),
            Sample(draw(rng, 3, 4), 0, index(rng, 5, 2, below=3), draw(rng, 5, 2)),
            Sample(draw(rng), 0, I([0, 0]), draw(rng, 2)),
        ],
        bad=with_source(WRONG_INDEX),
    ),
    # the gradient of a source longer than its index, which PyTorch does not give, is tested beside the table
    Row(
        "scatter_reduce",
        lambda rng: [
            Sample(
                s.args[0],
                s.args[1],
                s.args[2],
                s.args[3][tuple(slice(n) for n in s.args[2].shape)],
                *s.args[4:],
                **s.kwargs,
            )
            if isinstance(s.args[3], np.ndarray)
            else s
            for s in reductions(rng)
        ],
        bad=[
            *(Bad(b.error, b.message, *b.args, "sum") for b in with_source(WRONG_INDEX)),
            Bad(ValueError, "amax or amin", X, 0, I([[0]]), I([[1.0]]), "median"),
        ],
    ),
]
