"""Rows: softmax and its relatives."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

F = "nn.functional."


def _samples(rng):
    return [
        Sample(draw(rng, 3, 4), 1),
        Sample(draw(rng, 3, 4), dim=0),
        Sample(draw(rng, 2, 3, 4), -2),
        Sample(draw(rng, 5), 0),
        Sample(draw(rng), 0),
        Sample(draw(rng), -1),
        Sample(draw(rng, 3, 1), 1),
        Sample(draw(rng, 0, 3), 1),
        Sample(draw(rng, 3, 0), 1),
        Sample(np.array([[1e3, 0.0, -1e3], [-1e4, -1e4, -1e4 + 1]]), 1),
        Sample(draw(rng, 2, 3), 1, dtype=np.float64),
        Sample(np.arange(3), 0, dtype=np.float64),
    ]


_BAD = [
    Bad(IndexError, "out of range", np.ones((2, 3)), 2),
    Bad(TypeError, "floating", np.ones((2, 3), int), 1),
    Bad(TypeError, "expected a tensor", [1.0], 0),
]

rows = [
    Row(F + "softmax", _samples, bad=_BAD),
    Row(F + "softmin", _samples, bad=_BAD),
    Row(F + "log_softmax", _samples, bad=_BAD),
    Row("softmax", _samples),
    Row("log_softmax", _samples),
    Row("Tensor.softmax", _samples),
    Row("Tensor.log_softmax", _samples),
]
