"""Rows: smooth activation functions."""

import numpy as np

from cnn_physics77.testing.rows.pointwise.arithmetic import complex_draw
from cnn_physics77.testing.table import Bad, Constant, Row, Sample, draw

F = "nn.functional."


def _shapes(rng, **kwargs):
    """A matrix, an empty tensor, a 0-d one, and numbers far out."""
    return [
        Sample(draw(rng, 3, 4), **kwargs),
        Sample(draw(rng, 2, 0), **kwargs),
        Sample(draw(rng), **kwargs),
        Sample(np.array([-700.0, -30.0, -1e-9, 1e-9, 25.0, 700.0]), **kwargs),
    ]


_NOT_REAL = [
    Bad(TypeError, "real floating", np.ones(2, complex)),
    Bad(TypeError, "floating", np.ones(2, int)),
]

rows = [
    Row(
        "sigmoid",
        lambda rng: [*_shapes(rng), Sample(draw(rng, 3) + 1j * draw(rng, 3)), Sample(np.arange(3))],
        bad=[Bad(TypeError, "sigmoid", "text")],
    ),
    Row("Tensor.sigmoid", lambda rng: [Sample(draw(rng, 3))]),
    Row(F + "logsigmoid", _shapes, bad=_NOT_REAL),
    Row(
        F + "softplus",
        lambda rng: [*_shapes(rng), *_shapes(rng, beta=2.5, threshold=1.0), Sample(draw(rng, 3), 0.5)],
        bad=_NOT_REAL,
    ),
    Row(F + "silu", lambda rng: [*_shapes(rng), Sample(Constant(complex_draw(rng, 3)))], bad=_NOT_REAL[1:]),
    Row(F + "mish", _shapes, bad=_NOT_REAL),
    Row(
        F + "gelu",
        lambda rng: [
            *_shapes(rng)[:3],
            *_shapes(rng, approximate="tanh")[:3],
            Sample(np.array([-38.0, -6.0, 6.0, 38.0])),
        ],
        bad=[*_NOT_REAL, Bad(ValueError, "'none' or 'tanh'", np.ones(2), "sigmoid")],
    ),
    Row(
        F + "softsign",
        lambda rng: [Sample(draw(rng, 3, 4, apart=0.1)), Sample(draw(rng, 2, 0)), Sample(draw(rng))],
    ),
    Row(F + "tanhshrink", lambda rng: [Sample(draw(rng, 3, 4)), Sample(draw(rng, 2, 0)), Sample(draw(rng))]),
    Row(
        F + "glu",
        lambda rng: [
            Sample(draw(rng, 3, 4)),
            Sample(draw(rng, 4, 3), 0),
            Sample(draw(rng, 2, 6, 3), dim=-2),
            Sample(draw(rng, 0, 2)),
            Sample(draw(rng, 3, 0)),
        ],
        bad=[
            Bad(RuntimeError, "must be even", np.ones(3)),
            Bad(IndexError, "out of range", np.ones(2), 1),
            Bad(RuntimeError, "0-dim", np.ones(())),
        ],
    ),
]
