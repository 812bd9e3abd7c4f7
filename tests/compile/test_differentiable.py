"""Results of captured calls that can be differentiated, against the eager ones, in float64.

The first three calls of a kind run the forward in Python (as always, captured, compared), later ones do not:
``calls`` counts them.
"""

import gc

import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn, optim
from cnn_physics77.core.errors import GradientError
from tests.compile.modules import EAGER_CALLS, Calls, Counted, mlp, same, same_gradients, two

pytestmark = pytest.mark.usefixtures("in_double")


class Several(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.unused = nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(4, 3)
        self.calls = Calls()

    def forward(self, x, y, *, scale, flag=True):
        self.calls.append(1)
        first = self.a(x) * scale["by"]
        second = self.b(y[0]) + y[1]
        middle, rest = first.chunk(2, 1)
        return {"first": first.sum(), "pair": (second, [middle * 2, rest.detach()]), "flag": flag, "in": x}


def test_several_inputs_and_outputs():
    eager, compiled = two(Several)
    for k in range(6):
        x, u, v, s = torch.randn(5, 4), torch.randn(5, 4), torch.randn(5, 3), torch.randn(3)
        found = []
        for model in (eager, compiled):
            model.zero_grad()
            w = v.clone().requires_grad_()
            out = model(x, (u, w), scale={"by": s}, flag="a")
            assert list(out) == ["first", "pair", "flag", "in"] and out["flag"] == "a" and out["in"] is x
            second, (middle, rest) = out["pair"]
            assert not rest.requires_grad and isinstance(out["pair"][1], list)
            loss = (out["first"] if k % 2 else second.square().sum()) + middle.sum()
            loss.backward()
            found.append([out["first"], second, middle, rest, *([] if w.grad is None else [w.grad])])
        assert len(found[0]) == len(found[1])
        for a, b in zip(*found):
            same(a, b)
        same_gradients(eager, compiled)
    assert len(compiled.calls) == EAGER_CALLS


def test_outputs_backward_one_after_the_other():
    eager, compiled = two(Several)
    for _ in range(5):
        x, u, v, s = torch.randn(5, 4), torch.randn(5, 4), torch.randn(5, 3), torch.randn(3)
        for model in (eager, compiled):
            out = model(x, (u, v), scale={"by": s})
            out["first"].backward(retain_graph=True)
            out["pair"][0].sum().backward()
        same_gradients(eager, compiled)
    assert len(compiled.calls) == EAGER_CALLS


def test_the_same_result_twice_and_detached():
    weight = torch.randn(3).requires_grad_()
    calls = Calls()

    @torch.compile(fullgraph=True)
    def loss_of(x):
        calls.append(1)
        loss = (x * weight).sum()
        return loss, loss, loss.detach()

    for _ in range(6):
        weight.grad = None
        x = torch.randn(3)
        first, second, constant = loss_of(x)
        assert first is second and not constant.requires_grad
        assert constant.item() == first.item()
        (first + 2 * second).backward()
        same(weight.grad, 3 * x)
        with torch.no_grad():
            first.mul_(0)
        assert constant.item() == 0  # they share memory
    assert len(calls) == EAGER_CALLS


def test_results_that_wait_for_their_backward_pass():
    eager, compiled = two(mlp)
    x = [torch.randn(4, 6) for _ in range(20)]
    for model in (eager, compiled):
        for _ in range(3):
            model(x[0])
        waiting = [model(one).square().sum() for one in x]
        for k in (3, 0, 5, 19, 11):
            waiting[k].backward()
        sum(waiting[1:3]).backward()
    same_gradients(eager, compiled)
    assert len(compiled.calls) == EAGER_CALLS + 12  # those that got no memory
    assert len(compiled.forward.captures()) == 1


def test_memory_that_python_fills_at_each_call():
    weight = torch.randn(3).requires_grad_()

    @torch.compile(fullgraph=True)
    def f(x):
        table = torch.tensor([1.0, 2.0, 3.0])
        table.add_(x)
        return table * weight

    for _ in range(4):
        f(torch.randn(3))
    x = [torch.randn(3) for _ in range(3)]
    waiting = [f(one).sum() for one in x]
    for one, loss in zip(x, waiting):
        weight.grad = None
        loss.backward()
        same(weight.grad, torch.tensor([1.0, 2.0, 3.0]) + one)


def test_gradients_are_the_users_own():
    _, compiled = two(mlp)
    kept = []
    for _ in range(6):
        x = torch.randn(4, 6)
        compiled.zero_grad()
        compiled(x).sum().backward()
        gradients = [p.grad for p in compiled.parameters()]
        kept.append((gradients, [g.clone() for g in gradients]))
    for gradients, copies in kept:
        for gradient, value in zip(gradients, copies):
            same(gradient, value)


def test_results_are_the_users_own():
    eager, compiled = two(mlp)
    x = [torch.randn(4, 6) for _ in range(6)]
    results = []
    for one in x:
        y = compiled(one)
        y.sum().backward()
        results.append(y)
    for one, y in zip(x, results):
        same(eager(one), y)


def test_dropped_results_give_their_memory_back():
    _, compiled = two(mlp)
    x = torch.randn(4, 6)
    gc.disable()  # reference counts alone
    try:
        for _ in range(20):
            compiled(x)
    finally:
        gc.enable()
    assert len(compiled.calls) == EAGER_CALLS
    (captured,) = compiled.forward.captures()
    assert captured._memories == 1


def test_retained_graph():
    eager, compiled = two(lambda: Counted(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)))
    for _ in range(5):
        x = torch.randn(5, 6)
        for model in (eager, compiled):
            loss = model(x).square().sum()
            loss.backward(retain_graph=True)
            loss.backward(retain_graph=True)
            loss.backward()
            with pytest.raises(GradientError, match="a second time"):
                loss.backward()
        same_gradients(eager, compiled)


def test_double_backward_is_refused():
    _, compiled = two(mlp)
    x = torch.randn(4, 6)
    for _ in range(4):
        y = compiled(x).sum()
    with pytest.raises(GradientError, match="does not currently support double backward"):
        torch.autograd.grad(y, list(compiled.parameters()), create_graph=True)


def test_gradients_of_some():
    eager, compiled = two(mlp)
    for _ in range(5):
        x = torch.randn(4, 6)
        found = []
        for model in (eager, compiled):
            leaf = x.clone().requires_grad_()
            weight = model.body[0].weight
            found.append(torch.autograd.grad(model(leaf).square().sum(), [weight, leaf]))
            assert weight.grad is None
        for a, b in zip(*found):
            same(a, b)


def change_weight(model, x, y):
    with torch.no_grad():
        model.body[2].weight.add_(1)


def change_input(model, x, y):
    x.mul_(2)


def change_result(model, x, y):
    y.mul_(2)


def step_first(model, x, y):
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    optim.SGD(model.parameters(), lr=0.1).step()


@pytest.mark.parametrize("change", [change_weight, change_input, change_result, step_first])
def test_what_is_changed_between_forward_and_backward(change):
    eager, compiled = two(lambda: Counted(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3), nn.Sigmoid()))
    for _ in range(5):
        for model in (eager, compiled):
            x = torch.randn(4, 6)
            y = model(x)
            change(model, x, y)
            with pytest.raises(GradientError, match="modified by an inplace operation"):
                y.sum().backward()
    assert len(compiled.calls) == EAGER_CALLS


def test_a_replay_counts_its_changes():
    """A derivative outside that needs the old values raises an error."""
    total, weight = torch.ones(3), torch.randn(3).requires_grad_()

    @torch.compile(fullgraph=True)
    def f(x):
        total.add_(1)
        return x * weight

    for _ in range(5):
        outside = (weight * total).sum()
        f(torch.ones(3)).sum().backward()
        with pytest.raises(GradientError, match="modified by an inplace operation"):
            outside.backward()


def test_what_may_be_changed_between_forward_and_backward():
    eager, compiled = two(lambda: Counted(nn.Linear(6, 3)))
    for _ in range(5):
        x = torch.randn(4, 6)
        for model in (eager, compiled):
            y = model(x)
            with torch.no_grad():
                model.body[0].bias.add_(1)  # which the backward pass does not read
            y.mul_(3)
            y.square().sum().backward()
        same_gradients(eager, compiled)


def test_a_step_that_returns_what_it_was_given():
    """Results that were there before need no backward pass of their own."""
    calls = Calls()

    @torch.compile(fullgraph=True)
    def step(x, y):
        calls.append(1)
        x.grad = None
        (x * y).sum().backward()
        return x, y

    x = torch.randn(3).requires_grad_()
    for _ in range(6):
        y = torch.randn(3)
        result, other = step(x, y)
        assert result is x and other is y
        same(x.grad, y)
    assert len(calls) == EAGER_CALLS


def test_a_penalty_of_a_gradient():
    """A gradient that is computed, and differentiated, inside."""
    eager, compiled = two(mlp)

    def loss_of(model, x):
        x = x.detach().requires_grad_()
        (g,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        return (g.square().sum(1).sqrt() - 1).square().mean()

    captured = torch.compile(loss_of, fullgraph=True)
    for _ in range(6):
        x = torch.randn(4, 6)
        loss_of(eager, x).backward()
        captured(compiled._orig_mod, x).backward()
        same_gradients(eager, compiled)
    assert len(compiled.calls) == EAGER_CALLS


def test_inputs_changed_by_the_function():
    @torch.compile(fullgraph=True)
    def f(x, weight):
        x.add_(1)
        return (x * weight).sum()

    for _ in range(6):
        x, weight = torch.randn(3), torch.randn(3).requires_grad_()
        before = x.clone()
        f(x, weight).backward()
        same(x, before + 1)
        same(weight.grad, x)
