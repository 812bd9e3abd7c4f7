"""Sparse tensors: values, gradients and text as PyTorch's, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, GradientError, LayoutError, ShapeError
from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck

pytestmark = [  # PyTorch's
    pytest.mark.filterwarnings("ignore:Sparse invariant checks"),
    pytest.mark.filterwarnings("ignore:torch.sparse.SparseTensor"),
]

PLACES = np.array([[0, 1, 1, 0, 3, 0, 3], [2, 0, 0, 2, 1, 0, 0]])  # some of them twice
SIZE = (4, 3)
RNG = np.random.default_rng(7)
VALUES, DENSE = RNG.standard_normal(7), RNG.standard_normal((3, 2))
both = pytest.mark.parametrize("t", [pytest.param(torch, marks=pytest.mark.needs_torch), ours])


def matrix(t, values=VALUES, size=SIZE, **named):
    values = t.tensor(values) if isinstance(values, np.ndarray) else values
    return t.sparse_coo_tensor(t.tensor(PLACES), values, size, **named)


def stored(x):
    """Places and elements, or the elements of a dense tensor."""
    return (x.coalesce().indices().tolist(), x.coalesce().values().tolist()) if x.is_sparse else x.tolist()


def in_place(x, other):
    """Of x and a tensor that stores all elements."""
    y = x
    y += other
    assert y.add_(other, alpha=2) is x and y.sub_(other) is x and y.mul_(2) is x and y.div_(3) is x
    y -= other * 3
    y *= other
    y /= 2
    assert y is x
    return y


RESULTS = {
    "to_dense": lambda t, a, b: a.to_dense(),
    "coalesce": lambda t, a, b: a.coalesce(),
    "t": lambda t, a, b: a.t(),
    "operator": lambda t, a, b: a @ b,
    "torch.mm": lambda t, a, b: t.mm(a, b),
    "torch.spmm": lambda t, a, b: t.spmm(a, b),
    "torch.sparse.mm": lambda t, a, b: t.sparse.mm(a, b),
    "torch.matmul": lambda t, a, b: t.matmul(a, b),
    "matmul of a vector": lambda t, a, b: a.matmul(b[:, 0]),
    "torch.mv": lambda t, a, b: t.mv(a, b[:, 1]),
    "strided": lambda t, a, b: a.t().coalesce().t() @ b.t().contiguous().t(),
    "a + b": lambda t, a, b: a + a.to_dense().exp().to_sparse(),
    "a - 2 b of merged": lambda t, a, b: a.coalesce().sub((a @ b @ b.t()).to_sparse(), alpha=2),
    "dense + a - dense": lambda t, a, b: (b @ b.t())[[0, 1, 2, 0]] + a - (b @ b.t())[[0, 1, 2, 0]],
    "2 a / 3": lambda t, a, b: -(2 * a) / 3,
    "dense a": lambda t, a, b: (b @ b.t())[[0, 1, 2, 0]].detach() * a.coalesce(),
    "a b": lambda t, a, b: a.coalesce() * (b @ b.t())[[0, 1, 2, 0]].tril().to_sparse(),
    "none in common": lambda t, a, b: a.coalesce() * (a.to_dense() == 0).double().to_sparse(),
    "a of dense elements": lambda t, a, b: (
        a.to_dense().to_sparse(1) * b[:, 0] * (2 * a.to_dense().to_sparse(1))
    ),
    "row a": lambda t, a, b: b[:, 0].detach() * a,
    "a column": lambda t, a, b: a * (b @ b.t())[[0, 1, 2, 0]][:, :1].detach() * b[0, :1].detach(),
    "in place": lambda t, a, b: in_place(a.coalesce() * 1, (b @ b.t())[[0, 1, 2, 0]].to_sparse()),
    "abs": lambda t, a, b: abs(a),
    "sum": lambda t, a, b: t.sparse.sum(a),
    "sum 0": lambda t, a, b: t.sparse.sum(a, 0),
    "sum -1": lambda t, a, b: t.sparse.sum(a, [-1]),
    "sum of both": lambda t, a, b: t.sparse.sum(a, (0, 1)),
    "softmax 0": lambda t, a, b: t.sparse.softmax(a, 0),
    "softmax 1": lambda t, a, b: t.sparse.softmax(a, 1),
    "log_softmax": lambda t, a, b: t.sparse.log_softmax(a, 1),
    "to_sparse": lambda t, a, b: b.to_sparse(),
    "to_sparse_coo": lambda t, a, b: b.to_sparse_coo(),
    "sparse_mask": lambda t, a, b: (b @ b.t()).sparse_mask((b @ b.t()).relu().to_sparse()),
    "to_sparse 1": lambda t, a, b: b.to_sparse(1),
}


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", RESULTS)
def test_values_and_gradients_are_pytorchs(name):
    found = []
    for t in (torch, ours):
        values, b = (t.tensor(x, requires_grad=True) for x in (VALUES, DENSE))
        y = RESULTS[name](t, matrix(t, values), b)
        out = y.to_dense() if y.is_sparse else y
        weights = t.tensor(np.random.default_rng(1).standard_normal(tuple(out.shape)))
        gradients = t.autograd.grad((out * weights).sum(), [values, b], allow_unused=True)
        kept = [None if g is None else (g.to_dense() if g.is_sparse else g).numpy() for g in gradients]
        found.append((y.is_sparse, tuple(y.shape), stored(y), kept))
    (kind, shape, elements, gradients), expected = found[1], found[0]
    assert (kind, shape) == expected[:2]
    for x, y in zip(elements if kind else [elements], expected[2] if kind else [expected[2]]):
        np.testing.assert_allclose(x, y, rtol=1e-13, atol=1e-14)
    for g, e in zip(gradients, expected[3]):
        assert (g is None) == (e is None)
        if e is not None:
            np.testing.assert_allclose(g, e, rtol=1e-12, atol=1e-13)


def attention(t, a, b):
    """The neighbours' features, weighted. PyTorch has no gradient of it; of softmax over -1, a wrong one."""
    return t.mm(t.sparse.softmax(a, -1), b)


def test_attention_is_that_of_a_masked_matrix():
    weights = matrix(ours).to_dense()
    expected = weights.masked_fill(weights == 0, -np.inf)[[0, 1, 3]].softmax(1) @ ours.tensor(DENSE)
    found = attention(ours, matrix(ours), ours.tensor(DENSE))
    assert ours.allclose(found[[0, 1, 3]], expected, rtol=1e-14) and found[2].tolist() == [0, 0]
    large = attention(ours, matrix(ours, VALUES + np.where(PLACES[0] == 3, 1000, 0)), ours.tensor(DENSE))
    assert ours.allclose(large, found, rtol=1e-10)  # which exp alone would not give


REAL = ["attention", "softmax 1", "log_softmax"]
OF_NUMBERS = ["operator", "torch.mv", "coalesce", "sum 0", "a b"]


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(n, "float64") for n in REAL + OF_NUMBERS] + [(n, "complex128") for n in OF_NUMBERS],
)
def test_two_derivatives(name, dtype):
    def f(values, b):
        y = (RESULTS | {"attention": attention})[name](ours, matrix(ours, values), b)
        return (y.to_dense() if y.is_sparse else y) ** 2

    inputs = [ours.tensor(x.astype(dtype) * (1 if dtype == "float64" else 1 + 0.3j)) for x in (VALUES, DENSE)]
    for x in inputs:
        x.requires_grad_()
    assert gradcheck(f, inputs) and gradgradcheck(f, inputs)


@pytest.mark.needs_torch
@pytest.mark.parametrize("inner", [(), (2,)])
def test_dense_dimensions_and_no_elements(inner):
    for n in (7, 0):
        values = RNG.standard_normal((n, *inner))
        a, b = (t.sparse_coo_tensor(PLACES[:, :n], t.tensor(values), (*SIZE, *inner)) for t in (ours, torch))
        assert (a.sparse_dim(), a.dense_dim(), a._nnz()) == (b.sparse_dim(), b.dense_dim(), b._nnz())
        np.testing.assert_array_equal(a.to_dense().numpy(), b.to_dense().numpy())
        if not inner:
            np.testing.assert_allclose((a @ ours.tensor(DENSE)).numpy(), (b @ torch.tensor(DENSE)).numpy())
        for dim in range(2 + len(inner)):
            for function in ("softmax", "sum"):
                x, y = (getattr(t.sparse, function)(s, dim).to_dense() for t, s in ((ours, a), (torch, b)))
                np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-14, atol=1e-15)


TEXTS = [
    lambda t: matrix(t),
    lambda t: matrix(t).coalesce().float(),
    lambda t: matrix(t, t.tensor(VALUES, requires_grad=True)),
    lambda t: matrix(t, t.tensor(VALUES.astype(np.float32), requires_grad=True)).coalesce(),
    lambda t: t.eye(1001).to_sparse(),
    lambda t: t.eye(2, 3).double().to_sparse(1),
    lambda t: t.sparse_coo_tensor((2, 3)),
    lambda t: t.zeros(0).to_sparse(),
    lambda t: t.tensor(2.5).to_sparse(),
    lambda t: t.sparse.FloatTensor(t.tensor(PLACES), t.ones(7), t.Size(SIZE)),
    lambda t: t.sparse_coo_tensor([[0, 1], [1, 0]], [1, 2]),
]


@pytest.mark.needs_torch
@pytest.mark.parametrize("index", range(len(TEXTS)))
def test_text(index):
    assert repr(TEXTS[index](ours)) == repr(TEXTS[index](torch))


@both
def test_description(t):
    a = matrix(t)
    assert a.is_sparse and a.layout is t.sparse_coo and repr(a.layout) == "torch.sparse_coo"
    assert isinstance(a, t.Tensor) and t.is_tensor(a) and a.device.type == "cpu" and a.dtype is t.float64
    assert a.shape == a.size() == SIZE and a.size(-1) == 3 and len(a) == 4
    assert a.dim() == a.ndim == a.ndimension() == 2 and a.numel() == a.nelement() == 12
    assert a.is_floating_point() and not a.is_complex() and not a.requires_grad and a.is_leaf
    assert (
        not a.is_coalesced() and not a.coalesce().t().is_coalesced() and t.eye(2).to_sparse().is_coalesced()
    )
    assert a.coalesce().coalesce().is_coalesced() and a.to_sparse() is a.cpu() is a.to("cpu") is a
    assert a._indices().tolist() == PLACES.tolist() and a._values().tolist() == VALUES.tolist()
    assert a.float().dtype is t.float32 and a.float().double().to(t.float16).dtype is t.float16
    b = matrix(t, t.tensor(VALUES, requires_grad=True))
    assert b.requires_grad and b.clone().requires_grad and b.T.requires_grad and not b.detach().requires_grad
    assert b.grad_fn is not None and not b.detach_().requires_grad and b.is_leaf
    assert t.ones(2).to_dense(t.float64).dtype is t.float64 and not t.ones(2).is_sparse
    i, v = t.tensor(PLACES), t.tensor([True, True, False, False, False, True, True])
    assert t.sparse_coo_tensor(i, v).coalesce().values().tolist() == [True, True, True, True, False]


@both
def test_a_sparse_graph_network_is_trained_as_a_dense_one(t):
    """Attention over the edges of a graph, by a Function that saves the sparse tensor as pyGAT's does."""

    class Product(t.autograd.Function):
        @staticmethod
        def forward(ctx, values, b):
            a = t.sparse_coo_tensor(t.tensor(PLACES), values, (4, 4))
            ctx.save_for_backward(a, b)
            return t.matmul(a, b)

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            i, j = a._indices()
            return (g @ b.t())[i, j], a.t().matmul(g)

    h, w = (t.tensor(RNG.standard_normal(s), requires_grad=True) for s in ((4, 2), (2, 3)))
    score = (h[PLACES[0]] * h[PLACES[1]]).sum(1)
    expected = matrix(t, score, (4, 4)).to_dense() @ (h @ w)
    found = Product.apply(score, h @ w)
    assert t.allclose(found, expected, rtol=1e-13)
    for x, y in zip(*(t.autograd.grad(z.pow(2).sum(), [h, w], retain_graph=True) for z in (found, expected))):
        assert t.allclose(x, y, rtol=1e-12)
    module = t.nn.Module()
    module.register_buffer("adjacency", matrix(t))
    module.float().to(t.device("cpu"))
    assert module.adjacency.is_sparse and module.adjacency.dtype is t.float32


@both
def test_memory_is_not_shared_with_later_changes(t):
    y = matrix(t)
    y.to_dense().zero_()
    assert y._values().tolist() == VALUES.tolist()
    values = t.tensor(VALUES, dtype=t.float32)
    y = matrix(t, values)
    same = y.detach()
    y *= 2
    y += same.double()
    assert y.dtype is t.float32 and y.to_dense().allclose(3 * same.to_dense())
    assert same._values().tolist() == values.tolist() == VALUES.astype(np.float32).tolist()


a = matrix(ours)
REFUSED = [
    (LayoutError, "not implemented; use .to_dense", lambda: a.exp()),
    (LayoutError, "use .to_dense", lambda: a + 1),
    (LayoutError, "use .to_dense", lambda: a[0]),
    (LayoutError, "use .to_dense", lambda: a.numpy()),
    (LayoutError, "use .to_dense", lambda: ours.ones(2, 4).double() @ a),
    (LayoutError, "use .to_dense", lambda: a @ a.t()),
    (LayoutError, "use .to_dense", lambda: a.sum()),
    (LayoutError, "use .to_dense", lambda: ours.bmm(a, a)),
    (LayoutError, "write dense \\+ sparse", lambda: a + 1),
    (LayoutError, "div: expected a number", lambda: a / ours.ones(4, 3)),
    (ShapeError, "add: expected sparse tensors of one shape", lambda: a + a.t()),
    (ShapeError, "mul: expected sparse tensors of one shape", lambda: a * a.t()),
    (ShapeError, "mul: expected a dense tensor that can be expanded", lambda: a * ours.ones(4)),
    (ShapeError, "mul: expected a dense tensor that can be expanded", lambda: a * ours.ones(2, 4, 3)),
    (DtypeError, "mul_: result type", lambda: ours.eye(2).long().to_sparse().mul_(0.5)),
    (LayoutError, "call .coalesce", lambda: a.indices()),
    (LayoutError, "call .coalesce", lambda: a.values()),
    (LayoutError, "sparse dimensions", lambda: ours.ones(2, 2, 2).to_sparse(2).transpose(0, 2)),
    (LayoutError, "data: expected", lambda: setattr(matrix(ours), "data", ours.ones(2))),
    (LayoutError, "to_sparse: expected sparse_dim=2", lambda: a.to_sparse(1)),
    (LayoutError, "sum: expected a sparse", lambda: ours.sparse.sum(ours.ones(2))),
    (LayoutError, "softmax: expected a sparse", lambda: ours.sparse.softmax(ours.ones(2), 0)),
    (LayoutError, "sparse_mask: expected a sparse", lambda: ours.ones(2).sparse_mask(ours.ones(2))),
    (DtypeError, "floating", lambda: ours.sparse.softmax(ours.eye(2).long().to_sparse(), 0)),
    (DtypeError, "one dtype", lambda: a @ ours.ones(3, 2)),
    (DtypeError, "mm: expected a tensor", lambda: a.mm(3)),
    (ShapeError, "first of size 3", lambda: a @ ours.ones(4, 2).double()),
    (ShapeError, "mm: expected 2", lambda: ours.mm(a, ours.ones(3).double())),
    (ShapeError, "sparse matrix", lambda: ours.ones(2, 2, 2).to_sparse() @ ours.ones(2, 2)),
    (ShapeError, "sparse_mask: expected", lambda: ours.ones(2).sparse_mask(ours.ones(3).to_sparse())),
    (ShapeError, "sparse_dim from 1", lambda: ours.ones(2).to_sparse(0)),
    (ShapeError, "sparse_dim from 1 to 1", lambda: ours.ones(2).to_sparse(2)),
    (ShapeError, "as many values", lambda: matrix(ours, VALUES[:3])),
    (ShapeError, "as many values", lambda: ours.sparse_coo_tensor([0, 1], [1.0, 2.0], (3,))),
    (ShapeError, "2 sparse dimensions", lambda: matrix(ours, size=(4, 3, 2))),
    (ShapeError, "inconsistent", lambda: matrix(ours, size=(4, 2))),
    (ShapeError, "inconsistent", lambda: ours.sparse_coo_tensor([[-1]], [1.0], (2,))),
    (ShapeError, "inconsistent", lambda: ours.sparse_coo_tensor((2, -3))),
    (ShapeError, "less than 2", lambda: ours.sparse_coo_tensor((2**32, 2**31))),
    (GradientError, "values that require grad", lambda: matrix(ours, requires_grad=True)),
    (GradientError, "values that require grad", lambda: matrix(ours).requires_grad_()),
]


@pytest.mark.parametrize("index", range(len(REFUSED)))
def test_refusals(index):
    error, message, call = REFUSED[index]
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert error is not LayoutError or isinstance(caught.value, NotImplementedError)
