"""Products and sums with one rounding, against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.kernels.fused import fused_multiply_add


@pytest.mark.parametrize("scale", [1e-300, 1e-8, 1.0, 1e9, 1e150])
def test_the_result_is_rounded_once(scale):
    rng = np.random.default_rng(67)
    a = rng.normal(size=300) * scale
    b = float(rng.normal())
    for c in (0.0, -0.5, -b * float(a[0]), 1e5):  # the third one cancels
        exact = [float(Fraction(float(x)) * Fraction(b) + Fraction(c)) for x in a]
        found = fused_multiply_add(a, b, c)
        if scale == 1e-300:  # what is lost is below the smallest number
            np.testing.assert_allclose(found, exact, rtol=1e-15, atol=1e-307)
        else:
            np.testing.assert_array_equal(found, exact)


def test_special_values_and_single_precision():
    special = np.array([np.inf, -np.inf, np.nan, 1e308, 0.0])
    np.testing.assert_array_equal(
        fused_multiply_add(special, 10.0, 1.0), [np.inf, -np.inf, np.nan, np.inf, 1.0]
    )
    a = np.float32([0.1, 3.0])
    assert fused_multiply_add(a, 0.5, -0.5).dtype == np.float32


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 28, 101, 1000])
def test_linspace_is_exact(steps):
    for start, end in ((-1.0, 1.0), (0, 1), (3.5, -2.0), (0.0, 2 * np.pi)):
        found = ours.linspace(start, end, steps, dtype=ours.float64)
        expected = torch.linspace(start, end, steps, dtype=torch.float64)
        np.testing.assert_allclose(
            found.numpy(), expected.numpy(), rtol=0, atol=1e-15 * max(abs(start), abs(end))
        )
        step = Fraction((float(end) - float(start)) / max(steps - 1, 1))
        exact = [
            float(Fraction(start) + i * step if i < steps // 2 else Fraction(end) - (steps - 1 - i) * step)
            for i in range(steps)
        ]
        assert steps < 2 or found.tolist() == exact
