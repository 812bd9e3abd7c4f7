"""What the rows of the table cannot say of reductions, extremes, products and sorting."""

from itertools import combinations

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import cnn_physics77 as ours

REDUCTIONS = ["sum", "mean", "amax", "amin", "logsumexp", "var"]


@pytest.mark.parametrize("name", REDUCTIONS)
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_shape_and_dimensions(name, data):
    sizes = st.integers(1, 3)  # of no element, extremes have no value
    shape = tuple(data.draw(st.lists(sizes, min_size=1, max_size=4)))
    dims = data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1))
    dims = tuple(d - len(shape) if data.draw(st.booleans()) else d for d in dims)
    keepdim = data.draw(st.booleans())
    elements = st.integers(-3, 3).map(float)  # ties
    array = data.draw(hnp.arrays(np.float64, shape, elements=elements))
    order = data.draw(st.permutations(range(len(shape))))
    array = np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))
    more = {"correction": 0} if name == "var" else {}
    x, t = ours.from_numpy(array).requires_grad_(), torch.from_numpy(array.copy()).requires_grad_()
    y = getattr(ours, name)(x, dims, keepdim=keepdim, **more)
    expected = getattr(torch, name)(t, dims, keepdim=keepdim, **more)
    assert y.shape == tuple(expected.shape)
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-14)
    weights = np.arange(1, y.numel() + 1, dtype=np.float64).reshape(y.shape)
    (y * ours.from_numpy(weights)).sum().backward()
    (expected * torch.from_numpy(weights)).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-12, atol=1e-14)


def test_the_gradient_of_a_sum_copies_nothing():
    x = ours.ones(4, 5, requires_grad=True)
    assert not any(isinstance(s, ours.Tensor) for s in x.sum(1).grad_fn.saved)
    assert not any(isinstance(s, ours.Tensor) for s in x.mean().grad_fn.saved)
    (gradient,) = ours.autograd.grad((x * 2).sum(), x * 1, allow_unused=True)
    assert gradient is None
    y = x + 0
    (gradient,) = ours.autograd.grad(y.sum(1).sum(), y)
    assert gradient.array.strides == (0, 0)


def test_half_precision_is_summed_in_single():
    x = ours.tensor(np.full(4096, 1.0, np.float16))
    assert x.sum().dtype == np.float16
    assert x.sum().item() == 4096  # in half precision 2048 + 1 is 2048
    assert x.mean().item() == 1
    assert x.var().item() == 0


def test_a_large_mean_costs_the_variance_no_digits():
    values = np.array([1.0, 2.0, 3.0]) + 1e8
    assert ours.var(ours.from_numpy(values)).item() == 1


def test_named_tuples():
    x = ours.tensor([[1.0, 3.0, 2.0]])
    for found in (x.max(1), x.min(1), x.sort(), x.topk(2), x.median(1), x.kthvalue(1)):
        assert found.values is found[0]
        assert found.indices is found[1]
        assert found.indices.dtype == np.int64
    assert x.aminmax().max.item() == 3


def test_the_first_of_equal_extremes_also_in_strided_memory():
    array = np.asfortranarray([[2, 1], [2, 2], [1, 2]]).astype(float)
    x = ours.from_numpy(array)
    assert x.argmax(0).tolist() == [0, 1]
    assert x.argmax().item() == 0
    assert x.min(0).indices.tolist() == [2, 0]
    assert x.max(1).indices.tolist() == [0, 0, 1]


def test_gradient_of_an_extreme_along_a_dimension_goes_to_one_element():
    x = ours.tensor([[2.0, 2.0, 1.0]], requires_grad=True)
    x.max(1).values.sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 0.0]]
    x.grad = None
    x.amax(1).sum().backward()
    assert x.grad.tolist() == [[0.5, 0.5, 0.0]]


def brute_force_products(x):
    """Π, its gradient and Hessian by leaving factors out."""
    n = len(x)

    def without(*left_out):
        return np.prod([x[i] for i in range(n) if i not in left_out])

    gradient = np.array([without(i) for i in range(n)])
    hessian = np.array([[without(i, j) if i != j else 0.0 for j in range(n)] for i in range(n)])
    return gradient, hessian


@pytest.mark.parametrize("zeros", [(), (1,), (0, 3), (0, 1, 2), (0, 1, 2, 3)])
def test_derivatives_of_products_with_zeros(zeros):
    values = np.array([2.0, -3.0, 0.5, 4.0])
    values[list(zeros)] = 0
    gradient, hessian = brute_force_products(values)
    x = ours.from_numpy(values).requires_grad_()
    for product in (ours.prod(x), ours.cumprod(x, 0)[-1]):
        (first,) = ours.autograd.grad(product, x, create_graph=True)
        np.testing.assert_array_equal(first.detach().numpy(), gradient)
        rows = [ours.autograd.grad(first[i], x, retain_graph=True)[0].numpy() for i in range(4)]
        np.testing.assert_array_equal(rows, hessian)


def test_third_derivative_of_a_product_of_zeros():
    x = ours.from_numpy(np.zeros(4)).requires_grad_()
    (first,) = ours.autograd.grad(ours.prod(x), x, create_graph=True)
    (second,) = ours.autograd.grad(first[0], x, create_graph=True)
    (third,) = ours.autograd.grad(second[1], x, create_graph=True)
    np.testing.assert_array_equal(third.detach().numpy(), np.zeros(4))
    (fourth,) = ours.autograd.grad(third[2], x)
    np.testing.assert_array_equal(fourth.numpy(), [0, 0, 0, 1])  # d⁴(abcd)/da db dc dd


@settings(max_examples=25, deadline=None)
@given(
    hnp.arrays(np.int64, hnp.array_shapes(max_dims=3, max_side=4), elements=st.integers(-2, 2)),
    st.booleans(),
    st.data(),
)
def test_sorting_is_stable(array, descending, data):
    dim = data.draw(st.integers(-array.ndim, array.ndim - 1))
    found = ours.sort(ours.from_numpy(array), dim, descending)
    expected = torch.sort(torch.from_numpy(array), dim=dim, descending=descending, stable=True)
    np.testing.assert_array_equal(found.values.numpy(), expected.values.numpy())
    np.testing.assert_array_equal(found.indices.numpy(), expected.indices.numpy())


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_einsum_of_drawn_equations(data):
    letters = "abcd"
    sizes = {letter: data.draw(st.integers(0, 3)) for letter in letters}
    term = st.text(letters, min_size=0, max_size=3)
    terms = data.draw(st.lists(term, min_size=1, max_size=3))
    known = sorted(set("".join(terms)))
    output = "".join(data.draw(st.permutations(known))[: data.draw(st.integers(0, len(known)))])
    equation = ",".join(terms) + "->" + output
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=[sizes[letter] for letter in t]) for t in terms]
    xs = [ours.from_numpy(a).requires_grad_() for a in arrays]
    y = ours.einsum(equation, *xs)
    expected = np.einsum(equation, *arrays)
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    seed = rng.normal(size=y.shape)
    y.backward(ours.from_numpy(seed))
    for index, (x, t) in enumerate(zip(xs, terms)):  # y is linear in every operand: differences are exact
        direction = rng.normal(size=x.shape)
        moved = [direction if i == index else a for i, a in enumerate(arrays)]
        change = (np.einsum(equation, *moved) * seed).sum()
        gradient = 0.0 if x.grad is None else (x.grad.numpy() * direction).sum()
        assert gradient == pytest.approx(change, rel=1e-9, abs=1e-9), t


def test_products_of_transposed_and_sliced_matrices():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 8, 4)), rng.normal(size=(4, 3, 6))
    for left, right in (
        (a[:, ::2], b.transpose(1, 0, 2)),
        (a[:, ::-1], b[::-1].transpose(1, 0, 2)[..., ::3]),
    ):
        expected = np.einsum("bij,bjk->bik", left, right)
        found = ours.from_numpy(left) @ ours.from_numpy(right)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_the_diagonal_is_a_view():
    x = ours.zeros(2, 3)
    x.diagonal().numpy()[:] = 1
    x.diagonal(1).numpy()[:] = 2
    assert x.tolist() == [[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]]


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, np.inf])
def test_norms_have_gradient_zero_at_zero(p):
    x = ours.zeros(3, requires_grad=True)
    ours.norm(x, p).backward()
    assert x.grad.tolist() == [0.0, 0.0, 0.0]


def test_gradients_of_norms_with_some_zeros():
    values = np.array([[0.0, 3.0, -4.0], [0.0, 0.0, 0.0]])
    for p in (1, 1.5, 2, 3):
        x, t = ours.from_numpy(values).requires_grad_(), torch.from_numpy(values.copy()).requires_grad_()
        ours.norm(x, p, 1).sum().backward()
        torch.norm(t, p, 1).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-12)


def test_kept_dimensions_and_their_absence_agree():
    x = ours.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 4)))
    for name in ("sum", "mean", "var", "std", "amax", "norm", "logsumexp", "all", "any"):
        for dims in (d for n in (1, 2) for d in combinations(range(3), n)):
            arguments = {"dim": dims}
            kept = getattr(x, name)(keepdim=True, **arguments)
            dropped = getattr(x, name)(**arguments)
            assert kept.shape == tuple(1 if i in dims else n for i, n in enumerate(x.shape)), name
            np.testing.assert_array_equal(kept.numpy().reshape(dropped.shape), dropped.numpy())
