"""Losses: warnings, the mean of nothing, weights that are variables, infinities."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF

import cnn_physics77 as our
import cnn_physics77.nn.functional as F
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.operations.nn import loss_cross_entropy as losses

X = np.random.default_rng(0).normal(size=(3, 4))
T = np.array([1, 3, 0])


@pytest.mark.parametrize(
    ("old", "reduction"),
    [
        ({"size_average": False}, "sum"),
        ({"reduce": False}, "none"),
        ({"size_average": True}, "mean"),
        ({"reduce": True}, "mean"),
    ],
)
def test_older_forms_of_reduction(old, reduction):
    with pytest.warns(UserWarning, match=f"reduction='{reduction}'"):
        found = F.cross_entropy(our.tensor(X), our.tensor(T), **old)
    expected = TF.cross_entropy(torch.tensor(X), torch.tensor(T), reduction=reduction)
    np.testing.assert_allclose(found.numpy(), expected.numpy())


def test_divergence_warns_of_its_mean():
    with pytest.warns(UserWarning, match="batchmean"):
        found = F.kl_div(our.tensor(X), our.tensor(np.exp(X)))
    assert found.item() == pytest.approx((np.exp(X) * (X - X)).mean())


def test_unequal_shapes_are_warned_of():
    for loss in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss):
        with pytest.warns(UserWarning, match="^Using a target size"):
            loss(our.tensor(X), our.tensor(X[0]))


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_the_mean_of_nothing_is_nan_and_the_gradient_as_in_torch(name):
    ours, theirs = our.tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    ignored = np.full(3, -100)
    found = getattr(F, name)(ours, our.tensor(ignored))
    found.backward()
    getattr(TF, name)(theirs, torch.tensor(ignored)).backward()
    assert np.isnan(found.item())
    np.testing.assert_array_equal(np.isnan(ours.grad.numpy()), np.isnan(theirs.grad.numpy()))


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_one_sample_takes_its_class_with_a_dimension_too(name):
    x = our.tensor(X[0], requires_grad=True)
    found = getattr(F, name)(x, our.tensor([2]), reduction="none")  # PyTorch's own gradient is refused here
    expected = getattr(TF, name)(torch.tensor(X[0]), torch.tensor([2]), reduction="none")
    assert found.shape == tuple(expected.shape) == ()
    assert found.item() == pytest.approx(expected.item(), rel=1e-14)
    found.backward()
    np.testing.assert_allclose(x.grad.numpy().sum(), 0 if name == "cross_entropy" else -1, atol=1e-15)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_targets_are_checked_once(name, monkeypatch):
    """Neither the operation's gradient nor its kernel looks for wrong targets again."""
    x, checked = our.tensor(X, requires_grad=True), []
    check = losses._classes
    monkeypatch.setattr(losses, "_classes", lambda *args: checked.append(args[0]) or check(*args))
    getattr(F, name)(x, our.tensor(T)).backward()
    assert checked == [name]


def test_a_weight_that_is_a_variable_is_refused_by_name():
    w = our.ones(4, dtype=np.float64).requires_grad_()
    with pytest.raises(GradientError, match=r"cross_entropy.*'weight'"):
        F.cross_entropy(our.tensor(X), our.tensor(T), w)


def test_impossible_classes():
    x = np.array([[0.0, -np.inf, 1.0], [-np.inf, 0.0, -np.inf]])
    t = np.array([2, 1])
    ours, theirs = our.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    found, expected = F.cross_entropy(ours, our.tensor(t)), TF.cross_entropy(theirs, torch.tensor(t))
    found.backward()
    expected.backward()
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-12, atol=1e-15)


def test_softmax_without_dim_warns():
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        found = F.softmax(our.tensor(X))
    np.testing.assert_allclose(found.numpy(), TF.softmax(torch.tensor(X), 1).numpy())


def test_an_ignored_sample_counts_for_nothing_even_if_impossible():
    x = our.tensor(np.array([[-np.inf, 0.0], [0.0, -1.0]]))
    assert F.nll_loss(x, our.tensor([0, 1]), ignore_index=0).item() == 1.0
