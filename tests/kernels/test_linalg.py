"""The decompositions that NumPy does not have, at sizes of several blocks, against their definition."""

import numpy as np
import pytest
import torch

from cnn_physics77.core.errors import LinAlgError
from cnn_physics77.core.kernels.linalg import lapack
from cnn_physics77.core.kernels.linalg.ldl import ldl, ldl_solve
from cnn_physics77.core.kernels.linalg.lu import PANEL, lu
from cnn_physics77.core.kernels.linalg.triangular import BLOCK, solve_triangular

DTYPES = [np.float32, np.float64, np.complex64, np.complex128]


def numbers(rng, dtype, *shape):
    x = rng.normal(size=shape)
    return (x + 1j * rng.normal(size=shape) if np.dtype(dtype).kind == "c" else x).astype(dtype)


def precision(dtype):
    return 1e-4 if np.dtype(dtype).itemsize <= 4 or dtype == np.complex64 else 1e-11


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(2 * PANEL + 3, PANEL + 1), (PANEL, 3 * PANEL), (2, 3, 5, 5), (0, 2), (3, 0), (0, 2, 2)]
)
def test_lu_is_pytorchs(dtype, shape):
    a = numbers(np.random.default_rng(1), dtype, *shape)
    packed, pivots, info = lu(a, True)
    expected, their_pivots = torch.linalg.lu_factor(torch.from_numpy(a))
    np.testing.assert_array_equal(pivots, their_pivots.numpy())
    np.testing.assert_allclose(packed, expected.numpy(), rtol=0, atol=10 * precision(dtype))
    assert packed.dtype == dtype and pivots.dtype == info.dtype == np.int32 and not info.any()


def test_lu_without_pivots_and_of_singular_matrices():
    a = np.random.default_rng(0).normal(size=(40, 40)) + 40 * np.eye(40)
    packed, pivots, _ = lu(a, False)
    np.testing.assert_array_equal(pivots, np.arange(1, 41))
    np.testing.assert_allclose((np.tril(packed, -1) + np.eye(40)) @ np.triu(packed), a, rtol=1e-12)
    singular = np.array([np.eye(3), np.diag([1.0, 0, 1]), np.zeros((3, 3))])
    np.testing.assert_array_equal(lu(singular, True)[2], [0, 2, 1])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_triangular_systems_of_several_blocks(dtype, upper, unit):
    rng = np.random.default_rng(0)
    n = 2 * BLOCK + 5
    a = numbers(rng, dtype, n, n) / n + 2 * np.eye(n, dtype=dtype)
    b = numbers(rng, dtype, 2, n, 3)
    x = solve_triangular(a, b, upper, unit)
    triangle = np.triu(a) if upper else np.tril(a)
    if unit:
        np.fill_diagonal(triangle, 1)
    np.testing.assert_allclose(triangle @ x, b, rtol=0, atol=precision(dtype))
    assert x.dtype == dtype


def test_a_triangular_system_without_a_solution():
    a = np.array([[1.0, 5.0], [0.0, 0.0]])
    np.testing.assert_array_equal(solve_triangular(a, np.ones((2, 1)), False, True), [[1], [1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        x = solve_triangular(a, np.ones((2, 1)), True, False)
    np.testing.assert_array_equal(x, [[-np.inf], [np.inf]])


def test_what_fails_does_not_spoil_the_rest_of_the_batch():
    a = np.array([[2 * np.eye(2), np.ones((2, 2))], [np.zeros((2, 2)), np.eye(2)]])
    inverse, info = lapack.inv(a)
    np.testing.assert_array_equal(info, [[0, 2], [1, 0]])
    np.testing.assert_array_equal(inverse[0, 0], np.eye(2) / 2)
    assert np.isnan(inverse[0, 1]).all() and np.isnan(inverse[1, 0]).all()
    x, info = lapack.solve(a, np.ones((2, 1)))
    np.testing.assert_array_equal(info, [[0, 2], [1, 0]])
    np.testing.assert_array_equal(x[0, 0], [[0.5], [0.5]])
    bad = [np.diag([1.0, 1, -1]), np.diag([1, np.nan, 1]), np.diag([np.nan, 1, -1])]
    factor, info = lapack.cholesky(np.array([4 * np.eye(3), *bad]).reshape(2, 2, 3, 3))
    np.testing.assert_array_equal(info, [[0, 3], [2, 1]])
    np.testing.assert_array_equal(factor[0, 0], 2 * np.eye(3))
    assert np.isnan(lapack.cholesky(bad[1])[0]).all()


@pytest.mark.parametrize("function", [lapack.eig, lapack.eigvals, lapack.svdvals])
def test_infinite_elements_have_no_decomposition(function):
    with pytest.raises(LinAlgError, match="expected finite numbers"):
        function(np.array([[np.inf, 0], [0, 1]]))


def test_the_adjugate_is_the_matrix_of_cofactors():
    rng = np.random.default_rng(0)
    for n in (1, 2, 4):
        for rank in range(n + 1):
            a = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, n)) + 0j
            minors = [[np.delete(np.delete(a, i, 0), j, 1) for j in range(n)] for i in range(n)]
            cofactors = np.array(
                [[(-1) ** (i + j) * np.linalg.det(minors[i][j]) for j in range(n)] for i in range(n)]
            )
            np.testing.assert_allclose(lapack.adjugate(a), cofactors.T, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("hermitian", [False, True])
@pytest.mark.parametrize("n", [1, 2, 5, 70])
def test_ldl_is_pytorchs_and_solves(dtype, hermitian, n):
    rng = np.random.default_rng(n)
    a = numbers(rng, dtype, 3, n, n)
    a[2] -= 0.9 * np.eye(n) * a[2]  # small diagonals give blocks of size 2
    whole = np.tril(a) + np.swapaxes(np.tril(a, -1).conj() if hermitian else np.tril(a, -1), -1, -2)
    if hermitian:
        whole = whole - 1j * np.eye(n) * whole.imag if dtype == np.complex128 else whole
    factors, pivots, info = ldl(a, hermitian)
    expected, their_pivots = torch.linalg.ldl_factor(torch.from_numpy(a), hermitian=hermitian)
    np.testing.assert_array_equal(pivots, their_pivots.numpy())
    np.testing.assert_allclose(factors, expected.tril().numpy(), rtol=0, atol=1e-8)
    assert not info.any()
    b = numbers(rng, dtype, n, 2)
    np.testing.assert_allclose(
        whole @ ldl_solve(factors, pivots, b, hermitian), np.broadcast_to(b, (3, n, 2)), atol=1e-8
    )


def test_ldl_of_singular_matrices():
    a = np.array([np.diag([1.0, 0, 0]), np.zeros((3, 3)), np.eye(3)])
    np.testing.assert_array_equal(ldl(a, False)[2], [2, 1, 0])
