"""Choices by a condition are bit for bit those of numpy.where, whatever the values that are not chosen."""

from __future__ import annotations

import numpy as np
import pytest

from cnn_physics77.core.kernels import piecewise, selection

SHAPE = (3, selection.LEAST // 2)
FEW = (slice(None), slice(5))


def drawn(seed: int, dtype: str) -> np.ndarray:
    """Numbers, some of which are NaN, infinite, or zero with a sign."""
    rng = np.random.default_rng(seed)
    x = (10 * rng.normal(size=SHAPE)).astype(dtype)
    if x.dtype.kind == "f":
        for value in (np.nan, np.inf, -np.inf, -0.0):
            x[rng.random(SHAPE) < 0.1] = value
    return x


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "bool", "complex64"])
def test_where_and_keep(dtype):
    a, b, condition = drawn(0, dtype), drawn(1, dtype), np.random.default_rng(2).random(SHAPE) < 0.5
    zero, one = a.dtype.type(0), a.dtype.type(1)
    strided = drawn(3, dtype)[:, ::-1]
    for x, y in [(a, b), (a, one), (one, b), (a.T.copy().T, b), (a, strided), (one, zero)]:
        expected = np.where(condition, x, y)
        found = selection.where(condition, x, y)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(np.ascontiguousarray(found).view("u1"), expected.view("u1"))
    found = selection.keep(a, condition)
    np.testing.assert_array_equal(found.view("u1"), np.where(condition, a, zero).view("u1"))


def test_shapes_broadcast():
    a, row = drawn(0, "float32"), np.arange(SHAPE[1]) % 2 == 0
    np.testing.assert_array_equal(selection.where(row, a, np.float32(0)), np.where(row, a, 0))
    np.testing.assert_array_equal(selection.where(np.array([[True], [False]]), a[0], a[1]), a[:2])
    np.testing.assert_array_equal(selection.keep(a, row), np.where(row, a, 0))


@pytest.mark.parametrize("slope", [-2.0, 0.1, 1.0, 3.0])
def test_leaky_relu(slope):
    x = drawn(0, "float64")
    expected = np.where(x > 0, x, slope * x)
    np.testing.assert_array_equal(piecewise.leaky_relu(x, slope), expected)
    np.testing.assert_array_equal(piecewise.leaky_relu(x[FEW], slope), expected[FEW])


@pytest.mark.parametrize("part", [(), FEW], ids=["many", "few"])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_pieces(part):
    x = drawn(0, "float64")[part]
    shrunk = np.where(x > 2, x - 2, np.where(x < -2, x + 2, x * 0))
    shrunk[np.isinf(x)] = x[np.isinf(x)]
    huber = np.where(np.abs(x) < 3, 0.5 * x * x, 3 * (np.abs(x) - 1.5))
    elu = np.where(x > 0, 2 * x, 3 * np.expm1(0.5 * np.minimum(x, 0)))
    step = np.where(x < -3, 0, np.where(x > 3, 1, (x + 3) / 6))
    np.testing.assert_array_equal(piecewise.soft_shrink(x, 2.0), shrunk)
    np.testing.assert_allclose(piecewise.huber(x, 3.0), huber, rtol=1e-15)
    np.testing.assert_array_equal(piecewise.elu(x, 1.5, 2.0, 0.5), elu)
    np.testing.assert_array_equal(piecewise.hard_sigmoid(x), step)
    np.testing.assert_allclose(piecewise.hard_swish(x), x * step, rtol=1e-15)
    np.testing.assert_array_equal(piecewise.limited(x, -1, 2), np.where(x < -1, -1, np.where(x > 2, 2, x)))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(
    "part", [(), FEW, (slice(None), slice(None, None, -3))], ids=["many", "few", "strided"]
)
def test_finite_and_angle(part, dtype):
    x = drawn(0, dtype)[part]
    limits = np.finfo(dtype)
    for posinf, neginf in ((None, None), (7.0, None), (None, -7.0), (-1.0, np.inf)):
        expected = x.copy()
        expected[np.isnan(x)] = 3
        expected[x == np.inf] = limits.max if posinf is None else posinf
        expected[x == -np.inf] = limits.min if neginf is None else neginf
        np.testing.assert_array_equal(piecewise.finite(x, 3.0, posinf, neginf), expected)
    expected = np.where(np.isnan(x), x, np.where(x < 0, x.dtype.type(np.pi), 0))
    found = piecewise.angle(x)
    np.testing.assert_array_equal(found, expected)
    assert not np.signbit(found[x == 0]).any()
