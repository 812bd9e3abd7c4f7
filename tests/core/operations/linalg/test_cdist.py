"""Distances of many vectors, which come from a matrix product, against those of the differences."""

import sys
import tracemalloc

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77.core.operations.linalg import cdist

F = torch.nn.functional


@pytest.fixture
def by_product(monkeypatch):
    """Few vectors count as many."""

    def choose(product):
        for module in (cdist, sys.modules["cnn_physics77.core.operations.nn.pdist"]):
            monkeypatch.setattr(module, "MOST_DIFFERENCES", 0 if product else 1 << 30)

    F.pdist(torch.ones(2, 2))
    return choose


def points(*shape, dtype=torch.float64, offset=0.0):
    x = np.random.default_rng(sum(shape)).standard_normal(shape) + offset
    return torch.tensor(x, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize(
    "distances",
    [
        lambda x: torch.cdist(x, x[..., ::2, :].detach() + 0.5),
        lambda x: torch.cdist(x, x.reshape(3, 1, 3, 3).expand(3, 2, 3, 3) + 0.5),
        lambda x: torch.cdist(x.reshape(3, 1, 3, 3), x.detach().reshape(1, 3, 3, 3) - 0.5),
        F.pdist,
    ],
)
def test_values_and_derivatives(by_product, distances):
    found = []
    for product in (True, False):
        by_product(product)
        x = points(9, 3)
        y = distances(x)
        (first,) = torch.autograd.grad(
            (y * torch.arange(y.numel()).reshape(y.shape)).sum(), x, create_graph=True
        )
        (second,) = torch.autograd.grad((first**2).sum(), x)
        found.append([v.detach().numpy() for v in (y, first, second)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_float32_far_from_zero(by_product):
    by_product(True)
    x = points(4, 20, 3, dtype=torch.float32, offset=1000.0)
    exact = x.detach().numpy().astype(np.float64)
    exact = np.sqrt(((exact[:, :, None] - exact[:, None]) ** 2).sum(-1))
    found = torch.cdist(x, x)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.detach(), exact, rtol=1e-6, atol=1e-6)
    found.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_rows_that_are_not_finite_change_no_others(by_product):
    by_product(True)
    x = points(5, 2).detach()
    x[1, 0], x[2, 0], x[3, 1], x[4, 1] = np.inf, np.nan, np.inf, -np.inf
    found, expected = torch.cdist(x, x), torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    finite = np.isfinite(expected.numpy())
    np.testing.assert_allclose(found.numpy()[finite], expected.numpy()[finite], atol=1e-7)
    assert not np.isfinite(found.numpy()[~finite]).any()


def test_memory_of_many_vectors():
    """The differences would take 1.2 GB, and 0.3 GB of few vectors with many batches."""
    x = points(1200, 200, dtype=torch.float32).detach()
    few, batches = points(36, 200, dtype=torch.float32).detach(), x.reshape(-1, 6, 200).repeat(10, 1, 1)
    tracemalloc.start()
    torch.cdist(x, x)
    torch.cdist(few, batches)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200e6
