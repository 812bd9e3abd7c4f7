"""What the rows of the table cannot say of decompositions: degenerate cases, arbitrary phases, any size."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.autograd import gradcheck, gradgradcheck


def leaf(array):
    return ours.from_numpy(np.array(array)).requires_grad_()


def complex_numbers(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


# --------------------------------------------------------------------------------------------- determinants


@pytest.mark.parametrize(("n", "rank"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (4, 2)])
def test_derivatives_of_the_determinant_of_singular_matrices(n, rank):
    rng = np.random.default_rng(rank)
    a = complex_numbers(rng, n, rank) @ complex_numbers(rng, rank, n)
    for x in (leaf(a), leaf(np.array([a.real, np.eye(n)]))):
        assert gradcheck(ours.linalg.det, x)
        assert gradgradcheck(ours.linalg.det, x)


def test_third_derivative_of_the_determinant():
    """det of a 3 x 3 matrix is trilinear in its rows, also at zero."""
    x = leaf(np.zeros((3, 3)))
    y = ours.linalg.det(x)
    for i in range(3):
        (g,) = ours.autograd.grad(y, x, create_graph=True)
        y = g[i, i]
    assert y.item() == pytest.approx(1)


def test_logarithms_of_the_determinants_of_singular_matrices():
    x = leaf(np.zeros((2, 2)))
    sign, logarithm = ours.linalg.slogdet(x)
    assert (sign.item(), logarithm.item(), ours.logdet(x).item()) == (0, -np.inf, -np.inf)
    (g,) = ours.autograd.grad(logarithm, x)
    assert g.isnan().all()
    assert ours.logdet(ours.tensor([[-1.0]])).isnan()


# ------------------------------------------------------------------------------------------ degenerate values


def test_a_loss_of_equal_eigenvalues_alone_has_a_gradient():
    x = leaf(np.eye(3))
    for values in (
        ours.linalg.eigh(x)[0],
        ours.linalg.eigvalsh(x),
        ours.linalg.svd(x)[1],
        ours.linalg.svdvals(x),
    ):
        (g,) = ours.autograd.grad((values**2).sum(), x)
        np.testing.assert_allclose(g.numpy(), 2 * np.eye(3))
    (g,) = ours.autograd.grad(ours.linalg.eigvals(x).abs().sum(), x)
    np.testing.assert_allclose(g.numpy(), np.eye(3))


def test_eigenvectors_of_equal_eigenvalues_have_no_gradient():
    x = leaf(np.eye(2))
    (g,) = ours.autograd.grad((ours.linalg.eigh(x)[1] * ours.tensor([[1.0, 2], [3, 5]])).sum(), x)
    assert not g.isfinite().all()


# ------------------------------------------------------------------------------------------- arbitrary phases


@pytest.mark.parametrize("name", ["eigh", "eig", "svd"])
def test_a_loss_of_a_phase_is_refused(name):
    x = leaf(complex_numbers(np.random.default_rng(0), 3, 3))
    vectors = getattr(ours.linalg, name)(x)[0 if name == "svd" else 1]
    with pytest.raises(RuntimeError, match="phases"):
        (vectors * vectors).real.sum().backward()
    with pytest.raises(RuntimeError):
        t = torch.from_numpy(x.detach().numpy()).requires_grad_()
        v = getattr(torch.linalg, name)(t)[0 if name == "svd" else 1]
        (v * v).real.sum().backward()


@pytest.mark.parametrize("shape", [(4, 2), (2, 4)])
@pytest.mark.parametrize("make", [lambda rng, *s: rng.normal(size=s), complex_numbers])
def test_the_complement_of_the_singular_vectors(shape, make):
    """Projectors on it do not depend on its basis, and have a gradient; a single vector has none."""
    rng = np.random.default_rng(0)
    x = leaf(make(rng, *shape))
    weights = ours.from_numpy(make(rng, 4, 4))

    def projected(x):
        u, _, vh = ours.linalg.svd(x)
        rest = u[:, 2:] if x.shape[0] == 4 else vh[2:].mH
        return (rest @ rest.mH * weights).sum()

    assert gradcheck(projected, x)
    assert gradgradcheck(projected, x)
    u, _, vh = ours.linalg.svd(x)
    with pytest.raises(RuntimeError, match="basis"):
        ((u[:, 2:] if x.shape[0] == 4 else vh[2:].mH) * weights[:, :2]).abs().sum().backward()


@pytest.mark.parametrize("mode", ["complete", "r"])
def test_modes_of_qr_without_a_derivative(mode):
    for framework, x in ((ours, leaf(np.ones((3, 2)))), (torch, torch.ones(3, 2, requires_grad=True))):
        with pytest.raises(RuntimeError, match="mode="):
            framework.linalg.qr(x, mode).R.sum().backward()


# --------------------------------------------------------------------------------------------- consistency


def test_gradients_agree_with_finite_differences():
    rng = np.random.default_rng(0)
    a = complex_numbers(rng, 3, 3) + np.diag([0, 5, 10])
    functions = {
        "inv": lambda x: ours.linalg.inv(x),
        "solve": lambda x: ours.linalg.solve(x, x.mH, left=False),
        "cholesky": lambda x: ours.linalg.cholesky(x @ x.mH),
        "eigh": lambda x: abs(ours.linalg.eigh(x + x.mH)[1]),
        "eig": lambda x: abs(ours.linalg.eig(x)[1]),
        "svd": lambda x: abs(ours.linalg.svd(x)[0]),
        "qr": lambda x: ours.linalg.qr(x)[0],
        "slogdet": lambda x: ours.linalg.slogdet(x)[0],
        "triangular": lambda x: ours.linalg.solve_triangular(x, x, upper=True),
    }
    for name, function in functions.items():
        x = leaf(a)
        assert gradcheck(function, x), name
        assert gradgradcheck(function, x, atol=1e-4), name


def test_the_inputs_of_a_decomposition_may_be_changed_but_not_its_results():
    x = ours.eye(2, dtype=ours.float64, requires_grad=True) * 2
    values, vectors = ours.linalg.eigh(x)
    values.mul_(2)
    with pytest.raises(RuntimeError, match="its output"):
        vectors.abs().sum().backward()


def test_graphs_can_be_walked_twice():
    x = leaf(np.diag([1.0, 2.0]))
    values, vectors = ours.linalg.eigh(x)
    y = (values * vectors.abs().sum(0)).sum()
    first = ours.autograd.grad(y, x, retain_graph=True)[0]
    np.testing.assert_array_equal(ours.autograd.grad(y, x)[0].numpy(), first.numpy())
