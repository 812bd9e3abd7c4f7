"""Rows of :mod:`cnn_physics77.core.operations.pointwise.arithmetic`."""

import numpy as np

from cnn_physics77.core.errors import DtypeError, IntegerDivisionError, ShapeError
from cnn_physics77.testing.table import Bad, Row, Sample, draw


def complex_draw(rng, *shape):
    return np.asarray(draw(rng, *shape) + 1j * draw(rng, *shape))


def whole(rng, *shape, low=1):
    return np.asarray(rng.integers(low, 5, shape))


def pairs(rng, apart=0.0):
    """Two operands: of one shape, broadcast, empty, with numbers, of other dtypes."""
    return [
        Sample(draw(rng, 3, 4), draw(rng, 3, 4, apart=apart)),
        Sample(draw(rng, 2, 1, 4), draw(rng, 3, 1, apart=apart)),
        Sample(draw(rng), draw(rng, 2, 0, 3, apart=apart)),
        Sample(draw(rng, 1), draw(rng, 3, apart=apart)),
        Sample(draw(rng, 3), 2.5),
        Sample(draw(rng, 3), 3),
        Sample(draw(rng, 3), whole(rng, 2, 3)),
        Sample(whole(rng, 3), draw(rng, 2, 3, apart=apart)),
    ]


def with_complex(rng):
    return [
        *pairs(rng, apart=0.1),
        Sample(complex_draw(rng, 3), complex_draw(rng, 2, 3) + 3),
        Sample(complex_draw(rng, 3), draw(rng, 2, 3, apart=0.1)),
        Sample(draw(rng, 3), complex_draw(rng, 2, 1) + 3),
        Sample(whole(rng, 3), whole(rng, 3)),
    ]


def reals(rng):
    return [Sample(draw(rng, 3, 4)), Sample(draw(rng, 0)), Sample(draw(rng)), Sample(whole(rng, 3, low=-3))]


def and_complex(rng):
    return [*reals(rng), Sample(complex_draw(rng, 3, 2)), Sample(complex_draw(rng))]


def off_the_jumps(rng):
    """Quotients are at least 0.1 from an integer."""
    b = draw(rng, 3, 4, apart=0.5)
    a = b * (np.round(draw(rng, 3, 4) * 3) + 0.1 + 0.8 * rng.uniform(size=(3, 4)))
    return [
        Sample(a, b),
        Sample(draw(rng, 2, 1, 3), draw(rng, 2, 1, apart=0.5)),
        Sample(draw(rng, 0), 2.0),
        Sample(a, 0.7),
        Sample(a, -3),
        Sample(whole(rng, 5, low=-5), whole(rng, 5)),
        Sample(whole(rng, 5, low=-5), -whole(rng, 2, 1)),
    ]


def three(rng, apart=0.0):
    return [
        Sample(draw(rng, 3, 4), draw(rng, 3, 4), draw(rng, 3, 4, apart=apart)),
        Sample(draw(rng, 4), draw(rng, 3, 1), draw(rng, 3, 1, apart=apart), value=0.5),
        Sample(draw(rng, 0), draw(rng, 0), draw(rng, 1, apart=apart), value=2),
        Sample(complex_draw(rng, 3), complex_draw(rng, 3), complex_draw(rng, 3) + 3, value=1.5),
    ]


mismatch = Bad(ShapeError, "shapes that broadcast", np.ones(3), np.ones(4))
by_zero = Bad(IntegerDivisionError, "ZeroDivisionError", np.array([1, 2]), np.array([1, 0]))
no_order = Bad(DtypeError, "complex", np.ones(2) * 1j, np.ones(2) * 1j)
number = Bad(DtypeError, "expected a tensor, found the number 2", np.ones(2), 2)
numbers = Bad(DtypeError, "found the number", 3, 2)
booleans = np.array([True, False])

rows = [
    Row(
        "add",
        lambda rng: [*with_complex(rng), Sample(draw(rng, 3), draw(rng, 2, 3), alpha=2.5)],
        bad=[mismatch],
    ),
    Row(
        "sub",
        lambda rng: [*with_complex(rng), Sample(draw(rng, 3), draw(rng, 2, 3), alpha=2.5)],
        bad=[mismatch, Bad(DtypeError, "bool", booleans, booleans)],
    ),
    Row("subtract", lambda rng: pairs(rng)),
    Row(
        "rsub",
        lambda rng: [
            *[s for s in with_complex(rng) if isinstance(s.args[0], np.ndarray)],
            Sample(draw(rng, 3), 2, alpha=2.5),
        ],
        bad=[
            mismatch,
            Bad(DtypeError, "bool", booleans, booleans),
            Bad(TypeError, "a tensor first", 2, np.ones(2)),
        ],
    ),
    Row(
        "Tensor.__rdiv__",
        lambda rng: [Sample(draw(rng, 3, low=0.5), draw(rng, 2, 3)), Sample(draw(rng, 3, low=0.5), 2)],
    ),
    Row("mul", with_complex, bad=[mismatch]),
    Row("multiply", lambda rng: pairs(rng)),
    Row(
        "div",
        lambda rng: [
            *with_complex(rng),
            *[Sample(*s.args, rounding_mode=mode) for mode in ("floor", "trunc") for s in off_the_jumps(rng)],
        ],
        bad=[mismatch, Bad(ValueError, "rounding_mode", np.ones(2), 2.0, rounding_mode="up")],
    ),
    Row("divide", lambda rng: pairs(rng, apart=0.1)),
    Row("true_divide", lambda rng: pairs(rng, apart=0.1)),
    Row("floor_divide", off_the_jumps, order=0, bad=[mismatch, by_zero, no_order]),
    Row("remainder", off_the_jumps, bad=[mismatch, by_zero, no_order], rtol=1e-9),
    Row("fmod", off_the_jumps, bad=[mismatch, by_zero, no_order, numbers], rtol=1e-9),
    Row("addcmul", three, bad=[Bad(ShapeError, "broadcast", np.ones(3), np.ones(4), np.ones(1))]),
    Row(
        "addcdiv",
        lambda rng: three(rng, 0.1),
        bad=[Bad(DtypeError, "integers", np.ones(2), np.ones(2, int), np.ones(2, int))],
    ),
    Row(
        "lerp",
        lambda rng: [
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), 0.3),
            Sample(draw(rng, 3, 4), draw(rng, 3, 4), 0.8),
            Sample(draw(rng, 3, 4), draw(rng, 4), draw(rng, 3, 1)),
            Sample(draw(rng, 0), draw(rng, 0), draw(rng)),
            Sample(complex_draw(rng, 3), complex_draw(rng, 3), 0.25),
        ],
        bad=[Bad(DtypeError, "one floating dtype", np.ones(2), np.ones(2, np.float32), 0.5)],
    ),
    Row("neg", and_complex, bad=[Bad(DtypeError, "bool", booleans)]),
    Row("negative", reals),
    Row("positive", and_complex, bad=[Bad(DtypeError, "booleans", booleans)]),
    Row("conj", and_complex),
    Row("abs", lambda rng: [*and_complex(rng), Sample(np.array([0.0, -0.0, 1.0]))]),
    Row("absolute", reals),
    Row(
        "sign",
        lambda rng: [*reals(rng), Sample(np.array([0.0, np.nan, -np.inf]))],
        bad=[Bad(DtypeError, "sgn", 1j * np.ones(2))],
    ),
    Row("sgn", and_complex),
]
