"""Rows: cross-entropies."""

import numpy as np

from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."


def _of_classes(rng):
    """Logits or log-probabilities with class indices, every argument, every shape."""
    weight = Constant(draw(rng, 4, low=0.5))
    t = np.array([0, 3, 1, 1, 2])
    plane = rng.integers(0, 4, (2, 3, 2))
    samples = [
        Sample(draw(rng, 5, 4), t),
        Sample(draw(rng, 5, 4), t, weight),
        Sample(draw(rng, 4), np.array(2)),
        Sample(draw(rng, 4), np.array(2), weight, reduction="none"),
        Sample(draw(rng, 5, 4), t, ignore_index=1),
        Sample(draw(rng, 5, 4), np.where(t == 3, -100, t), weight),
        Sample(draw(rng, 5, 4), np.where(t == 3, 17, t), weight, ignore_index=17, reduction="none"),
        Sample(draw(rng, 5, 4), t, weight, reduction="sum"),
        Sample(draw(rng, 2, 4, 3, 2), plane),
        Sample(draw(rng, 2, 4, 3, 2), plane, weight, ignore_index=2),
        Sample(draw(rng, 2, 4, 3, 2), plane, reduction="none"),
        Sample(draw(rng, 5, 1), np.zeros(5, int)),
        Sample(draw(rng, 0, 4), np.zeros(0, int), reduction="none"),
        Sample(draw(rng, 0, 4), np.zeros(0, int), reduction="sum"),
    ]
    return samples


_BAD_CLASSES = [
    Bad(IndexError, "Target 4 is out of bounds", np.ones((2, 4)), np.array([0, 4])),
    Bad(IndexError, "Target -1 is out of bounds", np.ones((2, 4)), np.array([0, -1])),
    Bad(ValueError, "batch_size (2) to match target batch_size (3)", np.ones((2, 4)), np.array([0, 1, 2])),
    Bad(RuntimeError, "Expected target size [2, 3], got [2, 2]", np.ones((2, 4, 3)), np.zeros((2, 2), int)),
    Bad(ValueError, "Expected 1 or more dimensions", np.ones(()), np.array([0])),
    Bad(TypeError, "expected target dtype to be Long", np.ones((2, 4)), np.array([True, False])),
    Bad(RuntimeError, "either for all 4 classes or no", np.ones((2, 4)), np.array([0, 1]), np.ones(3)),
    Bad(IndexError, "Target 0 is out of bounds", np.ones((2, 0)), np.array([0, 0])),
    Bad(ValueError, "reduction", np.ones((2, 4)), np.array([0, 1]), reduction="average"),
    Bad(TypeError, "one dtype", np.ones((2, 4)), np.array([0, 1]), np.ones(4, np.float32)),
]


def _smoothed(rng):
    weight = Constant(draw(rng, 4, low=0.5))
    t = np.array([0, 3, 1, 1, 2])
    return [
        Sample(draw(rng, 5, 4), t, label_smoothing=0.1),
        Sample(draw(rng, 5, 4), t, weight, label_smoothing=0.3, ignore_index=1),
        Sample(draw(rng, 5, 4), t, weight, label_smoothing=1.0, reduction="none"),
        Sample(draw(rng, 2, 4, 3), rng.integers(0, 4, (2, 3)), weight, label_smoothing=0.2),
        Sample(draw(rng, 2, 4, 3), rng.integers(0, 4, (2, 3)), label_smoothing=0.2, reduction="sum"),
    ]


def _of_probabilities(rng):
    def q(*shape, axis=1):
        p = np.exp(draw(rng, *shape))
        return p / p.sum(axis=axis, keepdims=True)

    weight = Constant(draw(rng, 4, low=0.5))
    return [
        Sample(draw(rng, 5, 4), q(5, 4)),
        Sample(draw(rng, 5, 4), q(5, 4), weight),
        Sample(draw(rng, 5, 4), Constant(q(5, 4)), weight, label_smoothing=0.3),
        Sample(draw(rng, 2, 4, 3), q(2, 4, 3), weight, reduction="none"),
        Sample(draw(rng, 4), q(4, axis=0), reduction="sum"),
        Sample(draw(rng, 0, 4), draw(rng, 0, 4), reduction="sum"),
    ]


def _events(rng):
    def p(*shape):
        return draw(rng, *shape, low=0.05, high=0.95)

    return [
        Sample(p(3, 4), p(3, 4)),
        Sample(p(3), p(3), Constant(draw(rng, 3))),
        Sample(p(3, 4), p(3, 4), Constant(draw(rng, 4)), reduction="sum"),
        Sample(p(), p(), reduction="none"),
        Sample(p(0, 2), p(0, 2), reduction="sum"),
    ]


_BAD_EVENTS = [
    Bad(ValueError, "size", np.ones((2, 3)), np.ones((2, 1))),
    Bad(ValueError, "reduction", np.ones(2), np.ones(2), reduction="average"),
    Bad(TypeError, "expected a floating", np.ones(2, int), np.ones(2)),
]

rows = [
    Row(F + "nll_loss", _of_classes, bad=_BAD_CLASSES),
    Row(
        F + "cross_entropy",
        lambda rng: [
            *_of_classes(rng),
            *_smoothed(rng),
            *_of_probabilities(rng),
            Sample(np.array([[1e3, -1e3]]), np.array([1])),
        ],
        bad=[
            *_BAD_CLASSES,
            Bad(ValueError, "label_smoothing", np.ones((2, 4)), np.array([0, 1]), label_smoothing=1.5),
            Bad(ValueError, "ignore_index", np.ones((2, 4)), np.ones((2, 4)), ignore_index=1),
            Bad(ValueError, "class probabilities", np.ones((2, 4)), np.ones((2, 3))),
            Bad(ValueError, "class probabilities", np.ones((2, 4)), np.ones((2, 4), int)),
            Bad(ValueError, "one weight per class", np.ones((2, 4)), np.ones((2, 4)), np.ones(3)),
            Bad(TypeError, "as target", np.ones((2, 4)), [0, 1]),
        ],
    ),
    Row(
        F + "binary_cross_entropy",
        lambda rng: [
            *_events(rng),
            Sample(
                Constant(np.array([0.0, 1.0, 0.0, 1.0])),
                Constant(np.array([0.0, 0.0, 1.0, 1.0])),
                reduction="none",
            ),
        ],
        bad=[*_BAD_EVENTS, Bad(RuntimeError, "between 0 and 1", np.array([0.5, 1.5]), np.ones(2))],
    ),
    Row(
        F + "binary_cross_entropy_with_logits",
        lambda rng: [
            *_events(rng),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), pos_weight=Constant(draw(rng, 4, low=0.5))),
            Sample(
                draw(rng, 3, 4),
                draw(rng, 3, 4),
                Constant(draw(rng, 3, 1)),
                pos_weight=Constant(draw(rng, 3, 4, low=0.5)),
            ),
            Sample(
                np.array([-800.0, -800.0, 800.0, 800.0]), np.array([0.0, 1.0, 0.0, 1.0]), reduction="none"
            ),
        ],
        bad=[
            *_BAD_EVENTS,
            Bad(RuntimeError, "pos_weight", np.ones((2, 3)), np.ones((2, 3)), pos_weight=np.ones(2)),
            Bad(RuntimeError, "pos_weight", np.ones(3), np.ones(3), pos_weight=np.ones((2, 3))),
        ],
    ),
]
