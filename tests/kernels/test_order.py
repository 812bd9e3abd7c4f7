"""Sorting and selecting give the indices of NumPy's stable sort, which the kernels avoid where they can."""

from __future__ import annotations

import numpy as np
import pytest

from cnn_physics77.core.kernels import order

SHAPES = [(3000,), (7, 300), (300, 5), (2, 3, 400), (3, 0), (0, 3), (5, 1)]
DTYPES = ["float16", "float32", "float64", "bool", "uint8", "int16", "int32", "int64", "uint64"]


@pytest.fixture(autouse=True)
def small_arrays_too(monkeypatch):
    monkeypatch.setattr(order, "SMALL", 0)


def stable(x: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    backwards = np.argsort(np.flip(x, axis), axis=axis, kind="stable")
    return x.shape[axis] - 1 - np.flip(backwards, axis)


def special(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Numbers of which some are infinite, NaN of both signs, or zeros of both signs."""
    x = rng.normal(size=shape).astype(dtype)
    for value in (np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0):
        x.reshape(-1)[rng.integers(0, max(x.size, 1), min(x.size, 5))] = value
    return x


def numbers(shape: tuple[int, ...], dtype: str) -> list[np.ndarray]:
    rng = np.random.default_rng(len(shape))
    tied = (20 * rng.normal(size=shape)).astype(dtype)
    if dtype == "bool":
        return [tied]
    distinct = rng.permutation(tied.size).reshape(shape)
    if np.dtype(dtype).kind != "f":
        limits = np.iinfo(dtype)
        full = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        return [tied, distinct.astype(dtype), full]
    last = distinct.astype(dtype)
    last[..., -1:] = np.nan
    halves = np.maximum(rng.normal(size=shape), 0).astype(dtype)
    return [tied, distinct.astype(dtype), last, halves, special(rng, shape, dtype)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orders(shape, dtype):
    for x in numbers(shape, dtype):
        x.flags.writeable = False
        for axis in range(x.ndim):
            n = x.shape[axis]
            for descending in (False, True):
                expected = stable(x, axis, descending)
                found = order.argsort(x, axis=axis, descending=descending)
                assert found.dtype == np.int64
                np.testing.assert_array_equal(found, expected)
                for k in {0, min(1, n), n // 40, n // 3, n}:
                    found = order.top(x, k=k, axis=axis, largest=descending)
                    np.testing.assert_array_equal(found, expected.take(range(k), axis))
            for place in {0, n // 2, n - 1} if n else ():
                found = order.nth(x, place=place, axis=axis)
                np.testing.assert_array_equal(found, stable(x, axis, False).take([place], axis))


@pytest.mark.parametrize(
    "x",
    [
        np.random.default_rng(0).integers(-(2**63), 2**63 - 1, 4000),
        np.random.default_rng(0).integers(0, 2**64 - 1, 4000, dtype=np.uint64),
        np.random.default_rng(0).integers(-(2**31), 2**31 - 1, 4000).astype(np.int32),
        np.random.default_rng(0).normal(size=(60, 90)).astype(np.float32)[::2, ::-1].T,
        np.repeat(np.arange(40.0, dtype=np.float32), 100),  # the largest are all in the last groups
        np.tile(np.arange(4000) % 125 == 3, (2, 1)).astype(np.float32),  # and all in one
    ],
    ids=["int64", "uint64", "int32", "strided", "ascending", "periodic"],
)
def test_wide_ranges_strides_and_patterns(x):
    for descending in (False, True):
        expected = stable(x, -1, descending)
        np.testing.assert_array_equal(order.argsort(x, descending=descending), expected)
        np.testing.assert_array_equal(order.top(x, k=7, largest=descending), expected[..., :7])
