"""Rows: losses with a margin."""

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."


def _signs(rng, *shape):
    return rng.choice([-1, 1], shape)


def _all_reductions(*arguments, **settings):
    return [Sample(*arguments, reduction=kind, **settings) for kind in ("mean", "sum", "none")]


def _squared_distance(x, y):
    return ((x - y) ** 2).sum(-1)


_NO_REDUCTION = {"reduction": "average"}

rows = [
    Row(
        F + "margin_ranking_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 3, 4), draw(rng, 3, 4), _signs(rng, 3, 4), margin=0.5),
            Sample(draw(rng), draw(rng), draw(rng), 0.5),
            Sample(draw(rng, 3, 1), draw(rng, 1, 4), draw(rng, 3, 4), reduction="none"),
        ],
        bad=[
            Bad(RuntimeError, "same dimension", np.ones(2), np.ones((2, 2)), np.ones(2)),
            Bad(ValueError, "reduction", np.ones(2), np.ones(2), np.ones(2), **_NO_REDUCTION),
        ],
    ),
    Row(
        F + "hinge_embedding_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 3, 4), _signs(rng, 3, 4), margin=0.5),
            Sample(draw(rng, 3), Constant(np.array([1.0, -1.0, 0.5])), reduction="none"),
        ],
        bad=[Bad(ValueError, "reduction", np.ones(2), np.ones(2), **_NO_REDUCTION)],
    ),
    Row(
        F + "cosine_embedding_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 5, 4), draw(rng, 5, 4), _signs(rng, 5), margin=0.1),
            Sample(draw(rng, 4), draw(rng, 4), np.array(-1)),
        ],
        bad=[
            Bad(RuntimeError, "multi-target", np.ones((2, 2)), np.ones((2, 2)), np.ones((2, 2))),
            Bad(RuntimeError, "2D input", np.ones(2), np.ones(2), np.ones(2)),
            Bad(ValueError, "reduction", np.ones((2, 2)), np.ones((2, 2)), np.ones(2), **_NO_REDUCTION),
        ],
    ),
    Row(
        F + "triplet_margin_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 3, 4), swap=True),
            Sample(draw(rng, 4), draw(rng, 4), draw(rng, 4), 2.0, p=3, eps=0.01),
        ],
        bad=[
            Bad(ValueError, "greater than 0", np.ones(2), np.ones(2), np.ones(2), 0.0),
            Bad(RuntimeError, "same number", np.ones(2), np.ones(2), np.ones((2, 2))),
            Bad(ValueError, "reduction", np.ones(2), np.ones(2), np.ones(2), **_NO_REDUCTION),
        ],
    ),
    Row(
        F + "triplet_margin_with_distance_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 3, 4)),
            Sample(
                *(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 3, 4)),
                distance_function=_squared_distance,
                margin=0.5,
                swap=True,
            ),
        ],
        bad=[
            Bad(ValueError, "greater than 0", np.ones(2), np.ones(2), np.ones(2), margin=-1.0),
            Bad(RuntimeError, "same number", np.ones(2), np.ones(2), np.ones((2, 2))),
            Bad(ValueError, "reduction", np.ones(2), np.ones(2), np.ones(2), **_NO_REDUCTION),
        ],
    ),
    Row(
        F + "multi_margin_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 3, 4), np.array([3, 0, 0]), margin=0.5),
            Sample(draw(rng, 3, 4), np.array([3, 0, 1]), 2, weight=Constant(draw(rng, 4, low=0.1))),
            Sample(draw(rng, 4), np.array(2), reduction="none"),
            Sample(draw(rng, 4), np.array([2]), reduction="none"),
            Sample(draw(rng), np.array(0)),
        ],
        order=1,  # PyTorch's has no second derivative
        bad=[
            Bad(ValueError, "p == 1", np.ones((2, 3)), np.array([0, 1]), 3),
            Bad(ValueError, "one-dimensional", np.ones((2, 3)), np.array([0, 1]), weight=np.ones(2)),
            Bad(RuntimeError, "out of range", np.ones((2, 3)), np.array([0, 3])),
            Bad(RuntimeError, "target size", np.ones((2, 3)), np.array([0])),
            Bad(RuntimeError, "vector or matrix", np.ones((2, 3, 1)), np.array([0, 1])),
            Bad(TypeError, "int64", np.ones((2, 3)), np.ones(2)),
            Bad(TypeError, "floating", np.ones((2, 3), int), np.array([0, 1])),
            Bad(ValueError, "reduction", np.ones((2, 3)), np.array([0, 1]), **_NO_REDUCTION),
        ],
    ),
    Row(
        F + "multilabel_margin_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 2, 4), np.array([[3, 0, -1, 1], [2, 2, 1, -1]])),
            Sample(draw(rng, 4), np.array([-1, 0, 0, 0]), reduction="none"),
            Sample(draw(rng), np.array(0)),
        ],
        order=1,  # PyTorch's has no second derivative
        bad=[
            Bad(RuntimeError, "out of range", np.ones((1, 3)), np.array([[0, 3, 1]])),
            Bad(RuntimeError, "target size", np.ones((1, 3)), np.array([[0, 1]])),
            Bad(RuntimeError, "vector or matrix", np.ones((2, 3, 1)), np.ones((2, 3, 1), int)),
            Bad(TypeError, "int64", np.ones((1, 3)), np.ones((1, 3))),
            Bad(ValueError, "reduction", np.ones((1, 3)), np.ones((1, 3), int), **_NO_REDUCTION),
        ],
    ),
    Row(
        F + "multilabel_soft_margin_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 3, 4), rng.integers(0, 2, (3, 4))),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 4), reduction="none"),
            Sample(draw(rng, 4), draw(rng, 4), reduction="none"),
        ],
        bad=[Bad(ValueError, "reduction", np.ones((1, 2)), np.ones((1, 2)), **_NO_REDUCTION)],
    ),
    Row(
        F + "soft_margin_loss",
        lambda rng: [
            *_all_reductions(draw(rng, 3, 4), _signs(rng, 3, 4)),
            Sample(draw(rng, 3, 4), Constant(draw(rng, 3, 4))),
            Sample(draw(rng), Constant(draw(rng))),
        ],
        bad=[Bad(ValueError, "reduction", np.ones(2), np.ones(2), **_NO_REDUCTION)],
    ),
]
