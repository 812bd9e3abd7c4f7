"""relu works in the memory of a temporary that nobody can see, and in no other."""

import sys

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
import cnn_physics77.nn.functional as F

VALUES = np.array([[-1.0, 2.0, np.nan], [np.inf, -np.inf, -0.0]])


def seen_in_place(make):
    """Whether relu of a temporary lies in the temporary's memory."""
    places = []

    def temporary():
        t = make()
        places.append(t.array.ctypes.data)
        return t

    y = F.relu(temporary())
    return y.array.ctypes.data == places[0]


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="a caller's variables are not counted there")
@pytest.mark.parametrize(
    "make",
    [
        lambda: ours.ones(3, 4) * 2,
        lambda: F.conv2d(ours.ones(2, 16, 8, 8), ours.ones(32, 16, 3, 3)),  # a view of channels-last memory
        lambda: ours.ones(3, 4, requires_grad=True) + 1,
        lambda: F.batch_norm(ours.ones(4, 3, 2, 2).requires_grad_(), None, None, training=True),
    ],
)
def test_the_memory_of_a_temporary_is_used(make):
    assert seen_in_place(make)


@pytest.mark.parametrize(
    "make",
    [
        lambda: KEPT,
        lambda: KEPT.detach(),
        lambda: KEPT[:, 1:],
        lambda: KEPT.T,
        lambda: KEPT.expand(2, 2, 3),
        lambda: ours.from_numpy(VALUES),
        lambda: F.max_pool2d(KEPT_IMAGE, 1),
        lambda: KEPT_IMAGE.view(1, 4),
    ],
)
def test_no_other_memory_is_written_into(make):
    before = [KEPT.array.copy(), KEPT_IMAGE.array.copy(), VALUES.copy()]
    F.relu(make())
    for kept, was in zip((KEPT.array, KEPT_IMAGE.array, VALUES), before):
        np.testing.assert_array_equal(kept, was)


KEPT = ours.tensor(VALUES)
KEPT_IMAGE = ours.tensor([[[[-1.0, 2.0], [3.0, -4.0]]]])


@pytest.mark.parametrize(
    "make",
    [
        lambda: ours.tensor(VALUES, requires_grad=True),  # a leaf
        lambda: ours.exp(ours.ones(3, requires_grad=True)),  # whose derivative needs its output
        lambda: ours.softmax(ours.ones(3, 4, requires_grad=True), 1),
        lambda: ours.ones(3).expand(4, 3),  # which repeats its numbers
    ],
)
def test_memory_that_is_needed_or_repeats_is_not_used(make):
    assert not seen_in_place(make)


def test_a_variable_of_the_callers_is_left_alone():
    h = KEPT * 1.0
    y = F.relu(h)
    np.testing.assert_array_equal(h.array, KEPT.array)
    assert not np.shares_memory(h.array, y.array)
    pair = (KEPT * 1.0, 0)
    F.relu(pair[0])
    np.testing.assert_array_equal(pair[0].array, KEPT.array)

    class Holder:
        tensor = KEPT * 1.0

    F.relu(Holder.tensor)
    np.testing.assert_array_equal(Holder.tensor.array, KEPT.array)
    for t in pair[:1]:
        np.testing.assert_array_equal(F.relu(t).array, y.array)
    np.testing.assert_array_equal(pair[0].array, KEPT.array)
    list(map(F.relu, pair[:1]))
    np.testing.assert_array_equal(pair[0].array, KEPT.array)


def test_what_a_hook_or_a_node_keeps_is_left_alone():
    kept = []
    layer = ours.nn.Conv2d(1, 2, 3)
    layer.register_forward_hook(lambda module, inputs, output: kept.append(output))
    F.relu(layer(ours.ones(1, 1, 4, 4) * -1))
    again = F.conv2d(ours.ones(1, 1, 4, 4) * -1, layer.weight, layer.bias)
    np.testing.assert_array_equal(kept[0].detach().numpy(), again.detach().numpy())


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "exp", "sqrt", "square", "softplus"])
def test_gradients_through_a_temporary_agree_with_torch(name):
    values = np.random.default_rng(5).random((4, 5)) + 0.1
    found = []
    for framework, functional in ((ours, F), (torch, torch.nn.functional)):
        x = framework.from_numpy(values.copy()).requires_grad_()
        function = getattr(framework, name, None) or getattr(functional, name)
        y = functional.relu(functional.relu(function(x)) * x - functional.relu(function(x) - 0.7))
        (first,) = framework.autograd.grad(y.sum(), x, create_graph=True)
        (second,) = framework.autograd.grad((first * first).sum(), x)
        found.append((y, first, second))
    for a, b in zip(*found):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)
