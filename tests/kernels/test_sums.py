"""Sums over any axes, compared with sums in double precision."""

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.core.kernels.sums import add_over

F = torch.nn.functional


def layouts():
    rng = np.random.default_rng(0)
    rows = rng.random((5000, 3), np.float32)
    yield "rows", rows, (0,)
    yield "columns in memory", np.asfortranarray(rows), (0,)
    yield "every second row, from the last", rows[::-2], (0,)
    yield "padded rows, all of them", rows[:, :2], (0, 1)
    yield "repeated rows", np.broadcast_to(rows[0], (50000, 3)), (0,)
    yield "the axes around the one that stays", rng.random((40, 3, 500), np.float32), (0, 2)
    yield "the axes before the one that stays", rng.random((40, 30, 2, 2), np.float32), (0, 1, 2)
    yield "none", rows, ()
    yield "of no rows", rows[:0], (0,)
    yield "one number", rows[0, 0], ()
    yield "complex", (rows + 1j * rows).astype(np.complex64), (0,)


@pytest.mark.parametrize(("x", "axis"), [pytest.param(x, axis, id=name) for name, x, axis in layouts()])
@pytest.mark.parametrize("keepdims", [False, True])
def test_layouts(x, axis, keepdims):
    expected = np.add.reduce(x, axis=axis, keepdims=keepdims, dtype=np.result_type(x, np.float64))
    found = add_over(np.asarray(x), axis, keepdims=keepdims)
    assert found.shape == expected.shape and found.dtype == x.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_integers_are_added_as_they_are():
    x = np.full((5000, 2), 2**60)
    assert add_over(x, (0,)).tolist() == np.add.reduce(x, axis=0).tolist()


SUMS = {
    "sum": lambda x: x.sum(0),
    "mean": lambda x: x.mean(0),
    "nansum": lambda x: x.nansum(0),
    "einsum": lambda x: torch.einsum("ij->j", x),
    "std": lambda x: (x + torch.tensor([0.0, 1e-3])).std(0) / 1e-3,
    "logsumexp": lambda x: x.logsumexp(0),
    "softmax": lambda x: x.softmax(0)[0] * len(x),
    "adaptive_avg_pool1d": lambda x: F.adaptive_avg_pool1d(x.T.contiguous(), 1),
    "adaptive_avg_pool1d of channels last": lambda x: F.adaptive_avg_pool1d(x.T[None], 1),
    "gradient of a broadcast factor": lambda x: _gradient(lambda b: b * x),
    "gradient of an expanded one": lambda x: _gradient(lambda b: b.expand(x.shape) * x),
    "gradient of a bias": lambda x: _gradient(lambda b: F.linear(x, torch.eye(2), b) * x),
}


def _gradient(function):
    b = torch.ones(2, requires_grad=True)
    return torch.autograd.grad(function(b).sum(), b)[0]


@pytest.mark.parametrize("name", SUMS)
def test_many_equal_rows(name):
    """One after the other, 2**18 float32 numbers of 0.1 give 26182 instead of 26214.4."""
    x = torch.full((2**18, 2), 0.1)
    expected = {"mean": 0.1, "std": 0.0, "logsumexp": 0.1 + np.log(2**18), "softmax": 1.0}
    target = expected.get(name, 0.1 if "avg" in name else 0.1 * 2**18)
    np.testing.assert_allclose(SUMS[name](x).detach().numpy(), target, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dim", [0, 1])
def test_variance_of_numbers_far_from_zero(dim):
    """What the rounding of the mean leaves is subtracted too."""
    x = (np.random.default_rng(0).standard_normal((1000, 1000)) + 1e5).astype(np.float32)
    found = torch.tensor(x).var(dim).numpy()
    np.testing.assert_allclose(found, x.astype(np.float64).var(axis=dim, ddof=1), rtol=1e-6)
