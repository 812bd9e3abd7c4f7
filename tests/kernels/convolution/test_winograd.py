"""The matrices of Winograd's algorithms, exactly; and the float32 errors that the docstring states."""

from fractions import Fraction

import numpy as np
import pytest

from cnn_physics77.core.kernels.convolution import convolution
from cnn_physics77.core.kernels.convolution.dispatch import override
from cnn_physics77.core.kernels.convolution.toom_cook import POINTS, inverse, matrices, vandermonde


@pytest.mark.parametrize("n, r", [(n, r) for n in POINTS for r in (2, 3, 4, 5) if n >= r])
def test_the_matrices_give_a_correlation(n, r):
    m = n - r + 1
    a_t, g, b_t = matrices(m, np.dtype(float), r)
    generator = np.random.default_rng(0)
    d, taps = generator.standard_normal(n), generator.standard_normal(r)
    y = a_t @ ((g @ taps) * (b_t @ d))
    np.testing.assert_allclose(y, [taps @ d[i : i + r] for i in range(m)], rtol=1e-11, atol=1e-11)
    assert a_t.shape == (m, n) and g.shape == (n, r) and b_t.shape == (n, n)
    assert not a_t.flags.writeable


def test_f2_is_lavins_up_to_the_scale_of_its_rows():
    a_t, g, b_t = matrices(2, np.dtype(float))
    scale = np.array([1, 2, 2, 1])  # between G and B^T, where it cancels
    np.testing.assert_allclose(a_t, [[1, 1, 1, 0], [0, 1, -1, 1]])
    np.testing.assert_allclose(g / scale[:, None], [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
    lavin = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]]
    np.testing.assert_allclose(b_t * scale[:, None], lavin)


def test_the_inverse_is_exact():
    matrix = vandermonde(POINTS[7], 7)
    product = [
        [sum(a * b for a, b in zip(row, column)) for column in zip(*inverse(matrix))] for row in matrix
    ]
    assert product == [[Fraction(i == j) for j in range(7)] for i in range(7)]


@pytest.mark.parametrize(
    "algorithm, stated",
    [
        ("F(2x2, 3x3)", 2.0e-7),
        ("F(4x4, 3x3)", 5.7e-7),
        ("F(5x5, 3x3)", 1.2e-6),
        ("F(6x6, 3x3)", 2.4e-6),
        ("F(4x1, 3x1)", 3.7e-7),
        ("F(5x1, 3x1)", 5.6e-7),
        ("F(6x1, 3x1)", 7.8e-7),
        ("F(7x1, 3x1)", 1.2e-6),
        ("F(8x1, 3x1)", 1.8e-6),
    ],
)
def test_the_float32_error_is_the_one_stated(algorithm, stated):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((4, 32, 20, 20)).astype(np.float32)
    weight = generator.standard_normal((32, 32, 3, 3)).astype(np.float32)
    rest = ((1, 1), (1, 1), (1, 1), 1)
    exact = convolution(x.astype(np.float64), weight.astype(np.float64), *rest)
    with override(algorithm):
        error = np.sqrt(np.mean((convolution(x, weight, *rest) - exact) ** 2)) / exact.std()
    assert 0.6 * stated < error < 1.4 * stated
