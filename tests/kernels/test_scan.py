"""Accumulation against NumPy's in double precision, and records against a loop."""

from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.core.kernels import scan

SHAPES = [(9000,), (40, 300), (30, 300, 2), (3, 10, 300), (20, 9, 17), (0, 300), (300, 0), (5, 4)]


def drawn(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.random.default_rng(0).uniform(-2, 2, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "int64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_accumulate(shape, dtype):
    for x in (drawn(shape, dtype), drawn(shape[::-1], dtype).T):
        for axis in range(x.ndim):
            for ufunc in (np.add, np.multiply):
                wide = np.result_type(dtype, np.float64) if x.dtype.kind in "fc" else x.dtype
                expected = ufunc.accumulate(x.astype(wide), axis=axis)
                found = scan.accumulate(ufunc, x, axis)
                assert found.dtype == x.dtype
                # processors round products of complex numbers differently
                rtol = 1e-6 if x.dtype.kind == "c" else 0
                np.testing.assert_allclose(found, expected.astype(dtype), rtol=rtol)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("shape", [(500,), (30, 4), (4, 30), (2, 30, 3), (3, 20, 9), (0, 3), (3, 0)], ids=str)
def test_recurrence(shape, dtype):
    """Against a loop over all elements; what lies before the first is 0, whatever its factor."""
    numbers, strided = drawn(shape, dtype), drawn(shape[::-1], dtype).T
    for b, a in ((numbers, numbers[::-1] / 2), (strided, strided[::-1] / 2)):
        for axis in range(b.ndim):
            expected = np.empty(shape, np.result_type(dtype, np.float64))
            for place in np.ndindex(shape):
                before = tuple(n - (i == axis) for i, n in enumerate(place))
                expected[place] = b[place] + (a[place] * expected[before] if place[axis] else 0)
            factors = a.copy()
            factors[(slice(None),) * axis + (slice(1),)] = np.inf
            found = scan.recurrence(b, factors, axis)
            assert found.dtype == b.dtype
            rtol = 1e-6 if dtype == "float32" else 1e-13
            np.testing.assert_allclose(found, expected.astype(dtype), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("factor", [0.0, 1e-157, 1e-200, 1e200, -1.0, np.inf, np.nan])
def test_recurrence_whose_products_leave_the_range(factor):
    """The product of a row's factors is 0, subnormal for a while, or infinite although the sums are ordinary
    numbers."""
    b, a = np.zeros(500), np.full(500, 0.5)
    b[80] = 1e300
    a[100], a[101], a[104], a[105] = factor, factor, *[1 / factor if factor else 1.0] * 2
    with np.errstate(all="ignore"):
        expected = b.copy()
        for i in range(1, 500):
            expected[i] += a[i] * expected[i - 1]
        found = scan.recurrence(b, a, 0)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def looped(row: np.ndarray, better: Callable[[float, float], bool]) -> list[int]:
    """For each number the index of the last one that is not worse than all before, or NaN."""
    last, indices, values = 0, [], row.tolist()
    for i, value in enumerate(values):
        if value != value or (values[last] == values[last] and not better(values[last], value)):
            last = i
        indices.append(last)
    return indices


@pytest.mark.parametrize("shape", [(9000,), (31, 300), (3, 900, 4), (5, 4)], ids=str)
@pytest.mark.parametrize("ufunc, better", [(np.maximum, operator.gt), (np.minimum, operator.lt)])
def test_records(shape, ufunc, better):
    ties = np.rint(3 * drawn(shape, "float64"))
    gaps = ties.copy()
    gaps[np.random.default_rng(1).random(shape) < 0.001] = np.nan
    for x in (ties, gaps, np.sort(drawn(shape, "float64"))[..., ::-1]):
        for axis in range(x.ndim):
            found = scan.records(x, ufunc=ufunc, axis=axis)
            np.testing.assert_array_equal(found, np.apply_along_axis(looped, axis, x, better))
    assert scan.records(np.ones((0, 3)), ufunc=ufunc, axis=0).shape == (0, 3)


def test_gradient_of_a_product_that_underflows():
    x = torch.tensor([1e-30, 1e-30, 1e30, 2.0], requires_grad=True)
    x.prod().backward()
    np.testing.assert_allclose(x.grad.numpy(), [2, 2, 0, 1e-30], rtol=1e-6)
    x.grad = None
    x.cumprod(0)[2].backward()
    np.testing.assert_allclose(x.grad.numpy(), [1, 1, 0, 0], rtol=1e-6)
