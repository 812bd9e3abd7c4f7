"""What the rows of the table cannot say of least squares, condition numbers, exponentials and products."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.autograd import gradcheck, gradgradcheck


@pytest.mark.parametrize("driver", ["gels", "gelsy", "gelsd", "gelss", None])
@pytest.mark.parametrize("rank", [1, 2])
def test_all_results_of_least_squares(driver, rank):
    rng = np.random.default_rng(0)
    a, b = rng.integers(1, 5, (4, rank)) @ rng.integers(-3, 4, (rank, 2)) / 1.0, rng.normal(size=(4, 3))
    if driver == "gels" and rank == 1:
        return  # it requires full rank
    found = ours.linalg.lstsq(ours.from_numpy(a), ours.from_numpy(b), driver=driver)
    expected = torch.linalg.lstsq(torch.from_numpy(a), torch.from_numpy(b), driver=driver)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine.shape == tuple(theirs.shape) and str(mine.dtype) == str(theirs.dtype)
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-12)


def test_residuals_of_least_squares_have_a_gradient():
    rng = np.random.default_rng(0)
    a, b = (ours.from_numpy(rng.normal(size=size)).requires_grad_() for size in ((4, 2), (4, 1)))
    assert gradcheck(lambda a, b: ours.linalg.lstsq(a, b, driver="gels").residuals, (a, b))


def test_the_condition_of_singular_matrices_is_infinite():
    a = ours.tensor([[[1.0, 1.0], [1.0, 1.0]], [[2.0, 0.0], [0.0, 1.0]]], requires_grad=True)
    y = ours.linalg.cond(a, 1)
    assert y.tolist() == [np.inf, 2.0]
    (g,) = ours.autograd.grad(y[1], a)
    assert g[1].isfinite().all()
    assert ours.linalg.cond(ours.zeros(2, 2)).isnan()  # 0 / 0, as in PyTorch


@pytest.mark.parametrize("size", [1e-6, 1e-2, 1.0, 30.0])
def test_exponentials_of_any_size(size):
    """Against the eigenvalues of a normal matrix, and PyTorch."""
    rng = np.random.default_rng(0)
    a = size * rng.normal(size=(3, 5, 5))
    skew = a - np.swapaxes(a, -1, -2)
    values, vectors = np.linalg.eig(skew)
    exact = ((vectors * np.exp(values)[..., None, :]) @ np.linalg.inv(vectors)).real
    np.testing.assert_allclose(ours.matrix_exp(ours.from_numpy(skew)).numpy(), exact, atol=1e-12)
    expected = torch.matrix_exp(torch.from_numpy(a)).numpy()
    scale = np.abs(expected).max((-2, -1), keepdims=True)
    np.testing.assert_allclose(
        ours.matrix_exp(ours.from_numpy(a)).numpy() / scale, expected / scale, atol=1e-11
    )


def test_exponentials_without_a_value():
    y = ours.matrix_exp(ours.tensor([[[np.inf, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]))
    assert y[0].isnan().all() and ours.equal(y[1], ours.eye(2))


def test_third_derivative_of_the_exponential():
    x = ours.tensor([[0.5]], dtype=ours.float64, requires_grad=True)
    y = ours.matrix_exp(x).sum()
    for _ in range(3):
        (y,) = ours.autograd.grad(y.sum(), x, create_graph=True)
    assert y.item() == pytest.approx(np.exp(0.5))


def test_the_order_of_a_chain_is_the_cheapest():
    sizes = [30, 35, 15, 5, 10, 20, 25]  # the example of the source: ((A (B C)) ((D E) F))
    factors = [ours.ones(m, n, requires_grad=True) for m, n in pairwise(sizes)]

    def shape(node):
        if isinstance(node, ours.Tensor):
            return "ABCDEF"[next(i for i, f in enumerate(factors) if f is node)]
        return f"({''.join(map(shape, node.parents))})"

    assert shape(ours.linalg.multi_dot(factors).grad_fn) == "((A(BC))((DE)F))"


def test_gradients_agree_with_finite_differences():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4, 2)) + 1j * rng.normal(size=(4, 2))
    functions = {
        "pinv": ours.linalg.pinv,
        "pinv of a wide matrix": lambda x: ours.linalg.pinv(x.mT),
        "lu": lambda x: ours.linalg.lu(x)[1],
        "lu of a wide matrix": lambda x: ours.linalg.lu(x.mT)[2],
        "exp": lambda x: ours.matrix_exp(x[:2]),
        "reflections": lambda x: ours.linalg.householder_product(x, x[0]),
        "nuclear": lambda x: ours.linalg.matrix_norm(x, "nuc"),
        "cond": lambda x: ours.linalg.cond(x[:2], "fro"),
    }
    for name, function in functions.items():
        x = ours.from_numpy(z.copy()).requires_grad_()
        assert gradcheck(function, x), name
        assert gradgradcheck(function, x, atol=1e-4), name


def test_geqrf_has_no_derivative():
    for framework in (ours, torch):
        a = framework.geqrf(framework.ones(3, 2, requires_grad=True))[0]
        assert a.requires_grad
        with pytest.raises(RuntimeError, match="geqrf"):
            a.sum().backward()


def test_covariance_of_too_few_observations():
    for framework in (ours, torch):
        with pytest.warns(UserWarning):
            assert framework.cov(framework.ones(2, 1)).isnan().all()


def test_ldl_has_no_derivative():
    for framework in (ours, torch):
        a = framework.eye(2, requires_grad=True)
        factors, pivots = framework.linalg.ldl_factor(a.detach())
        with pytest.raises(RuntimeError, match="ldl_solve"):
            framework.linalg.ldl_solve(factors, pivots, a).sum().backward()


@pytest.mark.parametrize("order", [-0.5, -1, -2])
def test_norms_of_negative_order_of_vectors_with_zeros(order):
    """They are 0, and so is their gradient; PyTorch's second derivatives are NaN there."""
    array = np.array([[2.0, 0.0, -1.0], [1.0, -2.0, 3.0], [0.0, 0.0, 0.0]])
    results = []
    for framework in (ours, torch):
        x = framework.from_numpy(array.copy()).requires_grad_()
        y = framework.linalg.vector_norm(x, order, 1, keepdim=True)
        y.sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
