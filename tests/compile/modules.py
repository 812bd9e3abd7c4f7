"""Modules that count their calls, and comparisons of eager ones with compiled ones, in float64.

The first three calls of a kind run the forward in Python (as always, captured, compared), later ones do not.
"""

import copy

import numpy as np

import cnn_physics77 as torch
from cnn_physics77 import nn

EAGER_CALLS = 3


class Calls:
    """Counts the calls of a function. A capture does not look into objects of the package."""

    __module__ = "cnn_physics77.tests"

    def __init__(self, number=0):
        self._number = number

    def __reduce__(self):
        return _calls, (self._number,)

    def append(self, item):
        self._number += 1

    def __len__(self):
        return self._number


def _calls(number):
    return Calls(number)


class Counted(nn.Module):
    """A module that counts the calls of its forward."""

    def __init__(self, *layers):
        super().__init__()
        self.body = nn.Sequential(*layers)
        self.calls = Calls()

    def forward(self, x):
        self.calls.append(1)
        return self.body(x)


class Branching(torch.autograd.Function):
    """A value decides in its backward pass."""

    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g * 2 if g.sum() > 0 else g * 3


def mlp():
    return Counted(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def two(make):
    """Two equal modules: an eager one, and a compiled one."""
    eager = make()
    return eager, torch.compile(copy.deepcopy(eager), fullgraph=True)


def same(a, b):
    a, b = (t.detach().numpy() if isinstance(t, torch.Tensor) else np.asarray(t) for t in (a, b))
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def same_gradients(a, b):
    for one, other in zip(a.parameters(), b.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            same(one.grad, other.grad)


def same_state(a, b):
    for one, other in zip(a.state_dict().values(), b.state_dict().values(), strict=True):
        same(one, other)
