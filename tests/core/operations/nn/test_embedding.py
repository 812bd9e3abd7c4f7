"""Embedding: what has no second derivative in PyTorch, or changes the table."""

import numpy as np
import torch
import torch.nn.functional as TF

import cnn_physics77 as our
import cnn_physics77.nn.functional as F

T = np.array([[2, 0, 2], [1, 2, 0]])


def test_gradient_by_frequency_and_padding():
    w, g = (np.random.default_rng(i).normal(size=s) for i, s in enumerate([(4, 3), (2, 3, 3)]))
    ours, theirs = our.tensor(w, requires_grad=True), torch.tensor(w, requires_grad=True)
    F.embedding(our.tensor(T), ours, 1, scale_grad_by_freq=True).backward(our.tensor(g))
    TF.embedding(torch.tensor(T), theirs, 1, scale_grad_by_freq=True).backward(torch.tensor(g))
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-14)


def test_second_derivative_by_frequency_and_padding():
    """The gradient that is divided by the frequencies is a linear map, whose derivative divides by them as
    well: finite differences say so. PyTorch leaves the division out of its second derivative."""
    w, g = (np.random.default_rng(i).normal(size=s) for i, s in enumerate([(4, 3), (2, 3, 3)]))
    table, gradient = our.tensor(w, requires_grad=True), our.tensor(g, requires_grad=True)

    def by_table(gradient):
        y = F.embedding(our.tensor(T), table, 1, scale_grad_by_freq=True)
        return our.autograd.grad(y, table, gradient, create_graph=True)[0]

    assert our.autograd.gradcheck(by_table, (gradient,))
    (found,) = our.autograd.grad(by_table(gradient)[2, 0], gradient)
    np.testing.assert_allclose(found.numpy()[..., 0], (T == 2) / (T == 2).sum())


def test_long_rows_are_shortened_in_place():
    w = np.random.default_rng(0).normal(size=(4, 3)) * 3
    ours, theirs = our.tensor(w), torch.tensor(w)
    found = F.embedding(our.tensor(T), ours, max_norm=1.5, norm_type=1.0)
    expected = TF.embedding(torch.tensor(T), theirs, max_norm=1.5, norm_type=1.0)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)
    assert (ours.numpy()[3] == w[3]).all(), "a row that is not used was changed"


def test_no_indices():
    w = our.ones(4, 3, requires_grad=True)
    y = F.embedding(our.zeros(2, 0, dtype=np.int64), w)
    assert y.shape == (2, 0, 3)
    y.sum().backward()
    assert not w.grad.numpy().any()
