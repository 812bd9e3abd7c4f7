"""The largest rows of bags: equal ones, NaN, and rows that are absent."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import cnn_physics77 as our
import cnn_physics77.nn.functional as F

TABLE = np.random.default_rng(0).integers(-2, 3, (20, 7)).astype(np.float64)
TABLE[3], TABLE[4, 2], TABLE[5, 1] = -np.inf, np.nan, np.inf
BAGS = np.random.default_rng(1).integers(0, 20, (30, 6))


@pytest.mark.parametrize("padding_idx", [None, 6])
@pytest.mark.parametrize("flat", [False, True])
def test_largest_rows(flat, padding_idx):
    def compute(library, functions):
        table = library.tensor(TABLE, requires_grad=True)
        bags = library.tensor(BAGS.ravel() if flat else BAGS)
        offsets = library.arange(0, BAGS.size, BAGS.shape[1]) if flat else None
        y = functions.embedding_bag(bags, table, offsets, mode="max", padding_idx=padding_idx)
        weights = library.arange(y.numel()).reshape(y.shape).double()
        (gradient,) = library.autograd.grad(y, table, weights)
        return y.detach().numpy(), gradient.numpy()

    found, expected = compute(our, F), compute(torch, TF)
    known = ~np.isnan(TABLE[BAGS]).any(1)  # PyTorch passes by NaN unless it is the first
    np.testing.assert_array_equal(found[0][known], expected[0][known])
    assert np.isnan(found[0][~known]).all()
    regular = ~np.isnan(TABLE).any(0)
    np.testing.assert_array_equal(found[1][:, regular], expected[1][:, regular])


@pytest.mark.parametrize("shape", [(0, 3), (2, 3)])
def test_number_of_bags(shape):
    bags = np.zeros(shape, np.int64)
    found = F.embedding_bag(our.tensor(bags), our.tensor(TABLE), mode="max")
    expected = TF.embedding_bag(torch.tensor(bags), torch.tensor(TABLE), mode="max")
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
