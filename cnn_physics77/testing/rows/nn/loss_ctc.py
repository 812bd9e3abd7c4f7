"""Rows: connectionist temporal classification."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw


def _log_probs(rng, *shape):
    """Normalised, as PyTorch's formula of the gradient needs them."""
    x = draw(rng, *shape)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


_TARGETS = np.array([[1, 2, 2], [3, 1, 0]])

rows = [
    Row(
        "nn.functional.ctc_loss",
        lambda rng: [
            Sample(_log_probs(rng, 6, 2, 4), _TARGETS, np.array([6, 4]), np.array([3, 2])),
            Sample(_log_probs(rng, 5, 2, 4), np.array([0, 0, 2]), (5, 5), (2, 1), blank=3, reduction="none"),
            Sample(_log_probs(rng, 4, 4), np.array([1, 2]), np.array(4), np.array(2), reduction="sum"),
            Sample(
                _log_probs(rng, 3, 3, 4),
                np.array([[1, 1, 1], [2, 3, 0], [0, 0, 0]]),
                (3, 3, 2),
                (3, 2, 0),
                reduction="none",
                zero_infinity=True,
            ),
        ],
        order=1,  # PyTorch's has no second derivative
        bad=[
            Bad(RuntimeError, "(T, N, C)", np.ones(3), _TARGETS, (1,), (1,)),
            Bad(RuntimeError, "at most 6", np.ones((6, 2, 4)), _TARGETS, (7, 6), (1, 1)),
            Bad(RuntimeError, "one length for each", np.ones((6, 2, 4)), _TARGETS, (6,), (1, 1)),
            Bad(RuntimeError, "at least 0", np.ones((6, 2, 4)), _TARGETS, (6, 6), (-1, 1)),
            Bad(TypeError, "integral", np.ones((6, 2, 4)), _TARGETS, np.ones(2), (1, 1)),
            Bad(RuntimeError, "blank must be", np.ones((6, 2, 4)), _TARGETS, (6, 6), (3, 2), 4),
            Bad(RuntimeError, "sum of target", np.ones((6, 2, 4)), np.array([1, 2]), (6, 6), (3, 2)),
            Bad(RuntimeError, "at dimension 1", np.ones((6, 2, 4)), _TARGETS, (6, 6), (4, 2)),
            Bad(RuntimeError, "from 0 to 2", np.ones((6, 2, 3)), _TARGETS, (6, 6), (3, 2)),
            Bad(TypeError, "integral", np.ones((6, 2, 4)), np.ones((2, 3)), (6, 6), (3, 2)),
            Bad(ValueError, "reduction", np.ones((6, 2, 4)), _TARGETS, (6, 6), (3, 2), 0, "average"),
        ],
    ),
]
