"""Whole quotients and remainders are bit for bit those of the C library."""

from __future__ import annotations

import numpy as np
import pytest

from cnn_physics77.core.kernels import division, gemm

N = 2 * division.SMALL


def numbers(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, N)).astype(np.float32)
    if kind == "whole":  # many quotients are whole, and many remainders zero
        a, b = np.rint(20 * a), np.rint(3 * b) + np.float32(0.5) * (np.rint(3 * b) == 0)
    elif kind == "near":  # one unit in the last place beside a multiple
        b = np.abs(b) + np.float32(1e-3)
        a = np.nextafter(np.rint(1e5 * a) * b, np.float32(0))
    elif kind == "wide":
        a, b = (
            a * np.float32(2) ** rng.integers(-100, 100, N),
            b * np.float32(2) ** rng.integers(-100, 100, N),
        )
    elif kind == "special":
        for x in (a, b):
            x[rng.integers(0, N, 300)] = rng.choice([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45], 300)
    return a.astype(np.float32), b.astype(np.float32)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", ["normal", "whole", "near", "wide", "special"])
def test_quotients_and_remainders(kind):
    a, b = numbers(kind)
    for divisor in (b, b[0], b[1], a.T[::-1], np.float32(2 * np.pi), np.float32(-0.5), np.float32(np.inf)):
        divisor = np.asarray(divisor)
        for found, expected in [
            (division.fmod(a, divisor), np.fmod(a, divisor)),
            (division.floor_divide(a, divisor), np.floor_divide(a, divisor)),
        ]:
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[found == 0]))
        found, expected = division.remainder(a, divisor), np.remainder(a, divisor)
        np.testing.assert_array_equal(found, expected)
        zero = found == 0
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(a[zero]))


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
@pytest.mark.parametrize(
    "shapes", [((40, 50), (50, 30)), ((3, 20, 50), (50, 8)), ((50, 50), (50,)), ((9, 0), (0, 9))]
)
def test_products_of_integers(dtype, shapes):
    rng, limits = np.random.default_rng(0), np.iinfo(dtype)
    for low, high in ((-9, 9), (-(2**20), 2**20), (-(2**40), 2**40)):
        low, high = max(low, limits.min), min(high, limits.max)
        a, b = (rng.integers(low, high, shape).astype(dtype) for shape in shapes)
        found = gemm.matmul(a, b)
        assert found.dtype == a.dtype
        np.testing.assert_array_equal(found, np.matmul(a, b))
    a[...], b[...] = limits.min, limits.max
    np.testing.assert_array_equal(gemm.matmul(a, b), np.matmul(a, b))
