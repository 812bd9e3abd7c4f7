"""Rows: activation functions made of pieces."""

import numpy as np

from cnn_physics77.testing.table import Bad, Row, Sample, draw

F = "nn.functional."


def _shapes(*args, kinks=(0.0,), **kwargs):
    """A matrix, the kinks themselves and their neighbourhood, an empty tensor, a 0-d one, infinities."""
    around = np.concatenate([[k - 1e-3, k, k + 1e-3] for k in kinks])
    return lambda rng: [
        Sample(draw(rng, 3, 4), *args, **kwargs),
        Sample(draw(rng, 5, low=-9, high=9), *args, **kwargs),
        Sample(around, *args, **kwargs),
        Sample(draw(rng, 2, 0), *args, **kwargs),
        Sample(draw(rng), *args, **kwargs),
        Sample(np.array([-800.0, 800.0]), *args, **kwargs),
    ]


_NOT_REAL = [
    Bad(TypeError, "real floating", np.ones(2, complex)),
    Bad(TypeError, "real floating", np.ones(2, int)),
]

rows = [
    Row(
        "relu",
        lambda rng: [*_shapes()(rng), Sample(np.arange(-2, 3)), Sample(np.array([-np.inf, np.nan, np.inf]))],
        bad=[
            Bad(TypeError, "real numbers", np.ones(2, complex)),
            Bad(TypeError, "real numbers", np.ones(2, bool)),
        ],
    ),
    Row(F + "relu", _shapes()),
    Row("Tensor.relu", _shapes()),
    Row(F + "relu6", _shapes(kinks=(0.0, 6.0)), bad=_NOT_REAL[:1]),
    Row(
        F + "leaky_relu",
        lambda rng: [*_shapes()(rng), *_shapes(0.3)(rng), *_shapes(negative_slope=-0.5)(rng)],
        bad=_NOT_REAL,
    ),
    Row(
        F + "prelu",
        lambda rng: [
            Sample(draw(rng, 2, 3, 4), draw(rng, 3)),
            Sample(draw(rng, 2, 3), draw(rng, 3)),
            Sample(draw(rng, 2, 3), draw(rng, 1)),
            Sample(draw(rng, 4), draw(rng, 1)),
            Sample(draw(rng), draw(rng, 1)),
            Sample(draw(rng, 2, 3, 2, 2), draw(rng)),
            Sample(draw(rng, 0, 3), draw(rng, 3)),
        ],
        bad=[
            Bad(RuntimeError, "channel size", np.ones((2, 3)), np.ones(2)),
            Bad(RuntimeError, "channel size", np.ones(3), np.ones(3)),
            Bad(RuntimeError, "scalar or 1D", np.ones((2, 3)), np.ones((3, 1))),
            Bad(TypeError, "promoting", np.ones((2, 3)), np.ones(3, np.float32)),
        ],
    ),
    Row(
        F + "elu",
        lambda rng: [*_shapes()(rng), *_shapes(0.7)(rng), *_shapes(alpha=-0.5)(rng)],
        bad=_NOT_REAL,
    ),
    Row(F + "selu", _shapes(), bad=_NOT_REAL),
    Row(
        F + "celu",
        lambda rng: [*_shapes()(rng), *_shapes(0.7)(rng)],
        bad=[*_NOT_REAL, Bad(ZeroDivisionError, "alpha", np.ones(2), 0.0)],
        rtol=1e-7,  # PyTorch rounds 1/alpha to single precision in the derivative
    ),
    Row(
        F + "hardtanh",
        lambda rng: [
            *_shapes(kinks=(-1.0, 1.0))(rng),
            *_shapes(-0.5, 1.5, kinks=(-0.5, 1.5))(rng),
            Sample(np.arange(-3, 3), -2, 1),
        ],
        bad=[
            _NOT_REAL[0],
            Bad(ValueError, "min_val cannot be greater", np.ones(2), 2.0, 1.0),
            Bad(RuntimeError, "min_val of at least 0", np.ones(2, np.uint8)),
        ],
    ),
    # PyTorch's derivative has the slope 1/6 in single precision, and no derivative of its own
    Row(F + "hardsigmoid", _shapes(kinks=(-3.0, 3.0)), bad=_NOT_REAL, order=1, rtol=1e-7),
    Row(F + "hardswish", _shapes(kinks=(-3.0, 3.0)), bad=_NOT_REAL),
    Row(
        F + "threshold",
        lambda rng: [
            *_shapes(0.5, 7.0, kinks=(0.5,))(rng),
            *_shapes(threshold=-1.0, value=3.0, kinks=(-1.0,))(rng),
            Sample(np.arange(3), 1, 7),
        ],
        bad=[Bad(TypeError, "floating or integer", np.ones(2, bool), 0.0, 0.0)],
    ),
    Row(
        F + "softshrink",
        lambda rng: [*_shapes(kinks=(-0.5, 0.5))(rng), *_shapes(1.5, kinks=(-1.5, 1.5))(rng)],
        bad=[
            *_NOT_REAL,
            *[Bad(ValueError, "must be in range", np.ones(2), number) for number in (-1.0, np.nan, np.inf)],
        ],
    ),
    Row(
        F + "hardshrink",
        lambda rng: [*_shapes(kinks=(-0.5, 0.5))(rng), *_shapes(1.5, kinks=(-1.5, 1.5))(rng)],
        bad=_NOT_REAL,
    ),
    Row("Tensor.hardshrink", _shapes()),
]
