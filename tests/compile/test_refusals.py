"""What a capture refuses: such calls run eagerly. And a replay that differs from the call is an error."""

import copy
import itertools
import types

import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn
from cnn_physics77.compile import CaptureError
from cnn_physics77.compile.capture import places
from cnn_physics77.compile.function import MOST_CAPTURES
from cnn_physics77.core.errors import GradientError
from tests.compile.modules import Branching, Calls, same

pytestmark = pytest.mark.usefixtures("in_double")


class Draws(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * torch.rand(3)


class Counts(torch.autograd.Function):
    counter: torch.Tensor

    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        Counts.counter.add_(1)
        return g


@pytest.mark.parametrize("function", [Draws, Counts])
def test_a_backward_pass_with_effects_runs_eagerly(function):
    weight = torch.randn(3).requires_grad_()
    compiled = torch.compile(lambda x: function.apply(x * weight).sum())
    found = []
    Counts.counter = torch.zeros(1)
    for f in (lambda x: function.apply(x * weight).sum(), compiled):
        Counts.counter.zero_()
        torch.manual_seed(1)
        for k in range(5):
            weight.grad = None
            y = f(torch.ones(3))
            if f is compiled and k == 1:
                pytest.fail("it was captured without a warning")
            y.backward()
            found += [weight.grad, Counts.counter.clone()]
            if f is compiled and k == 0:
                break
        if f is compiled:
            with pytest.warns(RuntimeWarning, match="its backward pass draws random numbers, or changes"):
                y = f(torch.ones(3))
            for _ in range(4):
                weight.grad = None
                y.backward()
                found += [weight.grad, Counts.counter.clone()]
                y = f(torch.ones(3))
    for a, b in zip(found[:10], found[10:], strict=True):
        same(a, b)


def uses_a_result_from_outside():
    outer = (torch.ones(3).requires_grad_() * 2).exp()
    return lambda x: x * outer


def keeps_a_tensor():
    kept = []
    w = torch.ones(3).requires_grad_()

    def f(x):
        kept.append((x * w).detach().exp())
        return (x * w).sum()

    return f


def returns_a_view():
    w = torch.ones(3).requires_grad_()
    return lambda x: (x[1:], (x * w).sum())


def hooks_a_result():
    w = torch.ones(3).requires_grad_()

    def f(x):
        y = x * w
        y.register_hook(lambda g: g * 2)
        return y.sum()

    return f


def backward_and_result():
    w = torch.ones(3).requires_grad_()

    def f(x):
        w.grad = None
        (x * w).sum().backward()
        return (x * w).sum()

    return f


def shares_memory():
    w = torch.ones(3).requires_grad_()

    def f(x):
        y = x * w
        return y, y[1:]

    return f


@pytest.mark.parametrize(
    "make, problem",
    [
        (uses_a_result_from_outside, "pass it as an argument"),
        (keeps_a_tensor, "keeps a tensor of shape"),
        (returns_a_view, "a view of an argument"),
        (hooks_a_result, "a backward hook on the result of mul"),
        (backward_and_result, "calls backward and returns"),
        (shares_memory, "two tensors that share memory"),
    ],
)
def test_what_is_refused(make, problem):
    compiled = torch.compile(make(), fullgraph=True)
    with pytest.raises(CaptureError, match=problem):
        for _ in range(6):
            compiled(torch.ones(3))


def test_what_is_refused_with_gradients_may_be_captured_without():
    weight, calls = torch.ones(3).requires_grad_(), Calls()

    @torch.compile
    def f(x):
        calls.append(1)
        y = x * weight
        if y.requires_grad:
            y.register_hook(lambda g: g * 2)
        return y.sum()

    f(torch.ones(3))
    with pytest.warns(RuntimeWarning, match="a backward hook on the result of mul"):
        f(torch.ones(3))
    with torch.no_grad():
        for _ in range(6):
            assert f(torch.ones(3)).item() == 3
    f(torch.ones(3)).backward()
    same(weight.grad, 2 * torch.ones(3))
    assert len(calls) == 2 + 3 + 1


class Decides(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return Branching.apply(self.drop(self.layer(x)))


def change_mode(model):
    model.eval()


def change_values(model):
    with torch.no_grad():
        model.layer.bias.add_(1)


@pytest.mark.parametrize("change", [change_mode, change_values])
def test_a_call_that_can_no_longer_be_made_again(change):
    """A value decides otherwise in the backward pass, and what the call was made of has changed since."""
    model = torch.compile(Decides(), fullgraph=True)
    for sign in (1, 1, 1, 1):
        y = model(torch.ones(2, 3))
        y.backward(torch.full((2, 3), float(sign)))
    y = model(torch.ones(2, 3))
    change(model)
    with pytest.raises(GradientError, match=r"was changed between|modified by an inplace operation"):
        y.backward(torch.full((2, 3), -1.0))


def test_a_replay_that_differs_is_an_error():
    calls = Calls()
    weight = torch.randn(3).requires_grad_()

    def f(x):
        calls.append(1)
        return x * weight * len(calls)

    compiled = torch.compile(f)
    compiled(torch.ones(3)), compiled(torch.ones(3))
    with pytest.raises(CaptureError, match="differs from the call itself"):
        compiled(torch.ones(3))


def test_a_backward_pass_that_differs_is_an_error():
    calls = Calls()

    class Changes(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            calls.append(1)
            return g * len(calls)

    weight = torch.randn(3).requires_grad_()
    compiled = torch.compile(lambda x: Changes.apply(x * weight))
    compiled(torch.ones(3)), compiled(torch.ones(3))
    with pytest.raises(CaptureError, match="differs from the call itself"):
        compiled(torch.ones(3))


# ------------------------------------------------------------------------------------------------- warnings


class Reads(nn.Module):
    def forward(self, x):
        return x * x.sum().item()


class Doubles(nn.Module):
    def forward(self, x):
        return x * 2


def in_place(module):
    module = copy.copy(module)
    module.compile()
    return module


WAYS = {
    "a function": lambda module: torch.compile(module.forward),
    "a module": torch.compile,
    "in place": in_place,
    "inside of a module": lambda module: nn.Sequential(nn.Identity(), torch.compile(module)),
}


def taken_from(items):
    return torch.ones(2) * items.pop()


@pytest.mark.parametrize("way", WAYS)
def test_a_warning_is_about_the_line_of_the_user(way):
    """A different part of the package warns each time."""
    reads, doubles = WAYS[way](Reads()), WAYS[way](Doubles())
    with pytest.warns(RuntimeWarning) as warned:
        for _ in range(2):
            reads(torch.ones(2))
        for size in range(1, MOST_CAPTURES + 1):
            for _ in range(2):
                doubles(torch.ones(size))
        torch.compile(taken_from)([1.0, 2.0])
    said = ["read a value", f"was captured {MOST_CAPTURES} times", "changes a list or dict"]
    for warning, words in zip(warned, said, strict=True):
        assert words in str(warning.message) and warning.filename == __file__


def test_what_changes_again_and_again_is_named():
    """As a number of epochs, or a cache of the user's."""
    settings = {"epoch": 0}
    compiled = torch.compile(lambda x: x * settings["epoch"])
    with pytest.warns(RuntimeWarning, match="captured 8 times, at last as 'settings' had changed; pass it"):
        for call in range(3 * MOST_CAPTURES):
            settings["epoch"] = call // 2
            same(compiled(torch.ones(2)), torch.full((2,), float(call // 2)))
    assert len(compiled.captures()) == MOST_CAPTURES


def sets_a_seed(x):
    torch.manual_seed(1)
    return torch.rand(3) + x


def test_the_line_that_sets_a_seed_is_named():
    compiled = torch.compile(sets_a_seed, fullgraph=True)
    compiled(torch.ones(3))
    line = sets_a_seed.__code__.co_firstlineno + 1
    with pytest.raises(CaptureError, match=rf"generator, at test_refusals.py:{line}; do so outside"):
        compiled(torch.ones(3))


def test_a_refusal_says_where(monkeypatch):
    counter = itertools.count()
    boxes = [types.SimpleNamespace(scale=1.0, next=None) for _ in range(100)]

    def function(x):
        return x * next(counter)

    def other(x):
        return x * boxes[7].scale

    line = function.__code__.co_firstlineno + 1
    place = f"by the name 'counter' in function, at {__file__.rpartition('/')[2]}:{line}; call next"
    monkeypatch.setattr(places, "MOST_PLACES", 80)
    for refused, why in ((function, place), (other, "more than 80 variables and attributes, by the name")):
        compiled = torch.compile(refused, fullgraph=True)
        compiled(torch.ones(3))
        with pytest.raises(CaptureError, match=why):
            compiled(torch.ones(3))
