"""Values that decide in captured calls whose results can be differentiated."""

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn
from cnn_physics77.compile.analysis.needed import decided_early
from cnn_physics77.compile.capture.trace import TEMPORARY, Buffer, Call, Guard, Operand
from tests.compile.modules import EAGER_CALLS, Branching, Calls, same, same_gradients, same_state, two

pytestmark = pytest.mark.usefixtures("in_double")


class Decides(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3))
        self.norm = nn.BatchNorm1d(3)
        self.drop = nn.Dropout(0.5)
        self.calls = Calls()

    def forward(self, x):
        self.calls.append(1)
        return Branching.apply(self.drop(self.norm(x)) * self.weight)


def test_values_that_decide_in_the_backward_pass():
    eager, compiled = two(Decides)
    seen = []
    for model in (eager, compiled):
        torch.manual_seed(3)
        model.weight.register_hook(lambda g: seen.append(1))
        for sign in (1, 1, 1, 1, -1, 1, -1):
            x = torch.arange(12.0).reshape(4, 3).square()
            x.requires_grad_()
            y = model(x)
            torch.rand(3)  # somebody else draws meanwhile
            (y * torch.full((4, 3), float(sign))).sum().backward()
            seen.append(x.grad)
        seen.append(torch.rand(2))
    half = len(seen) // 2
    for a, b in zip(seen[:half], seen[half:], strict=True):
        same(a, b)
    same_gradients(eager, compiled)
    same_state(eager, compiled)
    assert len(eager.calls) == 7 and EAGER_CALLS < len(compiled.calls) < 7 + 3


def test_calls_that_may_not_be_made_early():
    """A decision is left in the backward half if its calls would overwrite what a call that stays reads."""
    scratch, result, given = (Buffer(np.empty(1), k, k + 8, TEMPORARY) for k in (0, 8, 16))
    a, b, g = (Operand(buffer, 0, (1,), (8,), np.dtype(float)) for buffer in (scratch, result, given))

    def call(reads, write):
        return Call(np.add, tuple(reads), {}, write, tuple(reads), (write,))

    fill, read, add, decide = call([], a), call([a], b), call([a], a), Guard(a, True)
    end = call([b, g], g)
    assert decided_early([], [fill, add, decide, read, end], [g]) == [fill, add, decide]
    assert decided_early([], [fill, read, add, decide, end], [g]) == []
    assert decided_early([], [fill, read, decide, end], [g]) == [fill, decide]
    assert decided_early([fill], [add, decide, end], [g]) == []
    assert decided_early([fill], [decide, end], [g]) == [decide]


class BranchingOnInput(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return None, (g * x * 2 if y.sum() > 0 else g * x * 3)


def test_values_of_the_forward_pass_that_decide_in_the_backward_pass():
    """They choose a capture: there is one for each decision, and no call of Python afterwards."""
    weight = torch.ones(3).requires_grad_()
    calls = Calls()

    @torch.compile(fullgraph=True)
    def f(x):
        calls.append(1)
        return BranchingOnInput.apply(x, weight)

    for k in range(12):
        with torch.no_grad():
            weight.fill_(1 if k % 2 else -1)
        weight.grad = None
        x = torch.randn(3)
        f(x).sum().backward()
        same(weight.grad, x * (2 if k % 2 else 3))
    assert len(calls) == 5


def test_values_that_decide_in_the_forward_pass():
    weight = torch.randn(3).requires_grad_()
    calls = Calls()

    @torch.compile(fullgraph=True)
    def f(x):
        calls.append(1)
        return x * weight if x.sum() > 0 else x - weight

    for k in range(12):
        x = torch.randn(3).abs() * (1 if k % 2 else -1)
        weight.grad = None
        f(x).sum().backward()
        same(weight.grad, x if k % 2 else -torch.ones(3))
    assert len(calls) == 5


def test_a_decision_that_comes_after_changes():
    """What was changed, and drawn, before a decision that fails is undone: the call is made once."""
    total, weight = torch.zeros(3), torch.randn(3).requires_grad_()

    def f(x):
        total.add_(x)
        y = x * weight * torch.rand(3)
        return y if total.sum() < 10 else y * 2

    calls, found = torch.compile(f, fullgraph=True), []
    for function in (f, calls):
        torch.manual_seed(2)
        total.zero_()
        for _ in range(12):
            weight.grad = None
            y = function(torch.ones(3))
            y.sum().backward()
            found += [y, weight.grad, total.clone()]
        found.append(torch.rand(3))
    for a, b in zip(found[:37], found[37:], strict=True):
        same(a, b)
    assert len(calls.captures()) == 2
