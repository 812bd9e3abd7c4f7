"""Rows: distances and similarities."""

import numpy as np

from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."


def _pairs(*args, weighted=False, **kwargs):
    def samples(rng):
        found = [
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), **kwargs),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), reduction="sum", **kwargs),
            Sample(draw(rng, 5), draw(rng, 5), reduction="none", **kwargs),
            Sample(draw(rng), draw(rng), **kwargs),
            Sample(draw(rng, 0, 3), draw(rng, 0, 3), reduction="sum", **kwargs),
            Sample(np.array([1.0, 2.0]), np.array([1.0, 5.0]), reduction="none", **kwargs),
        ]
        if weighted:
            found += [
                Sample(
                    draw(rng, 3, 4), draw(rng, 3, 4), reduction=r, weight=draw(rng, 3, 4, low=0.5), **kwargs
                )
                for r in ("none", "sum", "mean")
            ]
        return found

    return samples


_BAD = [
    Bad(ValueError, "reduction", np.ones(2), np.ones(2), reduction="average"),
    Bad(TypeError, "floating", np.ones(2, int), np.ones(2, int)),
    Bad(TypeError, "expected a tensor", np.ones(2), 1.0),
]
_BAD_WEIGHT = [Bad(ValueError, "same size", np.ones((2, 3)), np.ones((2, 3)), weight=np.ones(3))]

rows = [
    Row(F + "mse_loss", _pairs(weighted=True), bad=_BAD + _BAD_WEIGHT),
    Row(
        F + "l1_loss",
        lambda rng: [*_pairs(weighted=True)(rng), Sample(complex_draw(rng, 3), complex_draw(rng, 3))],
        bad=_BAD + _BAD_WEIGHT,
    ),
    Row(
        F + "smooth_l1_loss",
        lambda rng: [*_pairs()(rng), *_pairs(beta=0.5)(rng), *_pairs(beta=0)(rng)],
        bad=[*_BAD, Bad(ValueError, "non-negative", np.ones(2), np.ones(2), beta=-1)],
    ),
    Row(
        F + "huber_loss",
        lambda rng: [*_pairs(weighted=True)(rng), *_pairs(delta=0.5)(rng)],
        bad=[*_BAD, *_BAD_WEIGHT, Bad(ValueError, "greater than 0", np.ones(2), np.ones(2), delta=0)],
    ),
    Row(
        F + "cosine_similarity",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 3, 4)),
            Sample(draw(rng, 3, 4), draw(rng, 3, 1, low=0.5), 0),
            Sample(draw(rng, 2, 3, 4), draw(rng, 3, 4), dim=-1),
            Sample(Constant(draw(rng, 2, 3, 4)), Constant(draw(rng, 4)), dim=1),
            Sample(Constant(draw(rng, 3, 4)), draw(rng, 2, 3, 4), dim=0),
            Sample(draw(rng, 3, 4), Constant(draw(rng, 4)), dim=0),
            Sample(draw(rng, 2, 3), Constant(np.zeros((2, 3)))),
            Sample(draw(rng, 2, 3), draw(rng, 2, 3), eps=2.5),
        ],
        bad=[Bad(IndexError, "range", np.ones(2), np.ones(2), 1)],
    ),
    Row(
        F + "pairwise_distance",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 3, 4)),
            Sample(draw(rng, 3, 4), draw(rng, 4), 3.0, keepdim=True),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), p=1.0, eps=0.0),
            Sample(np.array([1, 2, 3]), np.array([3, 4, 1])),
        ],
    ),
]
