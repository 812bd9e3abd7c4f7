"""Operations of the user's own, run by both frameworks from the same source."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError


def define(f):
    """The same classes for either framework."""

    class Norm(f.autograd.Function):
        @staticmethod
        def forward(ctx, x, y, power):
            ctx.power = power
            result = x**power + y.exp()
            ctx.save_for_backward(x, y, result)
            return result

        @staticmethod
        def backward(ctx, g):
            x, _, result = ctx.saved_tensors
            gx = g * ctx.power * x ** (ctx.power - 1) if ctx.needs_input_grad[0] else None
            gy = g * (result - x**ctx.power) if ctx.needs_input_grad[1] else None
            return gx, gy, None

    class TwoOutputs(f.autograd.Function):
        @staticmethod
        def forward(x):
            return x * x, x.exp(), (x > 1)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs, output[1])

        @staticmethod
        def backward(ctx, g_square, g_exp, _):
            x, e = ctx.saved_tensors
            return 2 * x * g_square + g_exp * e

    class Lazy(f.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            constant = x + 0
            ctx.mark_non_differentiable(constant)
            return x * 2, x * 3, constant

        @staticmethod
        def backward(ctx, a, b, c):
            assert b is None
            return a * 2

    class Doubled(f.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 2

    class Once(f.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @f.autograd.function.once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    return Norm, TwoOutputs, Lazy, Doubled, Once


OURS, THEIRS = define(ours), define(torch)


def same(function):
    results = []
    for f, classes in ((ours, OURS), (torch, THEIRS)):
        x = f.tensor([0.5, 1.0, 2.0], dtype=f.float64, requires_grad=True)
        y = f.tensor([0.3, 0.2, 0.1], dtype=f.float64, requires_grad=True)
        results.append([np.asarray(r.detach().numpy()) for r in function(f, classes, x, y)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_gradients_of_two_orders():
    def function(f, classes, x, y):
        z = classes[0].apply(x, y, 3)
        first = f.autograd.grad((z * z).sum(), (x, y), create_graph=True)
        return (z, *first, *f.autograd.grad((first[0] * first[1]).sum(), (x, y)))

    same(function)


def test_several_outputs_and_setup_context():
    def function(f, classes, x, y):
        square, e, mask = classes[1].apply(x)
        assert not mask.requires_grad
        (first,) = f.autograd.grad((square * e).sum(), x, create_graph=True)
        (only_one,) = f.autograd.grad(classes[1].apply(x)[1].sum(), x)
        return square, e, first, only_one, *f.autograd.grad(first.sum(), x)

    same(function)


def test_unmaterialized_and_constant_outputs():
    def function(f, classes, x, y):
        a, b, constant = classes[2].apply(x)
        assert b.requires_grad and not constant.requires_grad
        return f.autograd.grad(a.sum(), x)

    same(function)


def test_dirty_input():
    def function(f, classes, x, y):
        z = x * 1
        row = z[1:]
        out = classes[3].apply(z)
        assert out is z
        return z, row, *f.autograd.grad((z * y).sum() + row.sum(), (x, y))

    same(function)
    with pytest.raises(GradientError, match="leaf Variable"):
        OURS[3].apply(ours.ones(2, requires_grad=True))


def test_once_differentiable():
    def function(f, classes, x, y):
        (first,) = f.autograd.grad(
            classes[4].apply(x).sum(), x, f.ones(1, dtype=f.float64).sum(), create_graph=True
        )
        return (first,)

    same(function)
    x = ours.ones(2, requires_grad=True)
    (first,) = ours.autograd.grad(OURS[4].apply(x).sum(), x, create_graph=True)
    with pytest.raises(GradientError, match="once_differentiable"):
        first.sum().backward()


def test_an_input_handed_through_is_another_tensor():
    class Through(ours.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return g * 5

    x = ours.ones(2, requires_grad=True)
    y = Through.apply(x)
    assert y is not x and x.is_leaf and np.shares_memory(x.array, y.array)
    y.sum().backward()
    assert x.grad.tolist() == [5, 5]


def make(backward, forward=lambda ctx, x: x * 2):
    return type(
        "Bad",
        (ours.autograd.Function,),
        {"forward": staticmethod(forward), "backward": staticmethod(backward)},
    )


@pytest.mark.parametrize(
    ("backward", "error", "message"),
    [
        (lambda ctx, g: (g, g), GradientError, "incorrect number of gradients"),
        (lambda ctx, g: g[:1], ShapeError, "invalid gradient at index 0"),
        (lambda ctx, g: 1.0, DtypeError, "expected backward to return tensors"),
    ],
)
def test_wrong_backward(backward, error, message):
    x = ours.ones(3, requires_grad=True)
    with pytest.raises(error, match=message):
        make(backward).apply(x).sum().backward()


def test_larger_gradients_are_summed_and_trailing_nones_are_allowed():
    x = ours.ones(1, requires_grad=True)
    make(lambda ctx, g: (g.expand(4), None, None)).apply(x).sum().backward()
    assert x.grad.tolist() == [4]


def test_what_is_missing_or_misused_is_said():
    with pytest.raises(GradientError, match="apply"):
        OURS[0]()
    x = ours.ones(3, requires_grad=True)
    with pytest.raises(GradientError, match="static method forward"):
        type("Empty", (ours.autograd.Function,), {}).apply(x)
    only_forward = type("F", (ours.autograd.Function,), {"forward": staticmethod(lambda ctx, x: x * 1)})
    with pytest.raises(GradientError, match="static method backward"):
        only_forward.apply(x).sum().backward()
    with pytest.raises(DtypeError, match="save_for_backward"):
        make(lambda ctx, g: g, lambda ctx, x: ctx.save_for_backward(3)).apply(x)


def test_freed_and_changed_tensors_are_noticed():
    x = ours.ones(2, requires_grad=True)
    y = OURS[4].apply(x)
    y.sum().backward()
    with pytest.raises(GradientError, match="second time"):
        y.sum().backward()
    z = x * 1
    y = OURS[4].apply(z)
    z.add_(1)
    with pytest.raises(GradientError, match="modified by an inplace operation"):
        y.sum().backward()


def test_no_reference_cycle_and_nothing_recorded_without_need():
    gc.disable()
    try:
        x = ours.ones(2, requires_grad=True)
        y = OURS[0].apply(x, x, 2)
        array = weakref.ref(y.array)
        del y
        assert array() is None
    finally:
        gc.enable()
    assert OURS[0].apply(x.detach(), x.detach(), 2).grad_fn is None
    with ours.no_grad():
        assert OURS[0].apply(x, x, 2).grad_fn is None


@pytest.mark.parametrize("given", [lambda x: x, lambda x: x[:1], lambda x: x.view(-1)])
@pytest.mark.parametrize("change", ["output", "base", "nothing"])
def test_a_change_of_an_output_in_the_memory_of_the_input_is_refused(given, change):
    """The derivative of a Function cannot be repeated for the new values."""
    for framework, error in ((ours, GradientError), (torch, RuntimeError)):

        class Through(framework.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return given(x)

            @staticmethod
            def backward(ctx, g):
                return g.expand(2) * 5

        x = framework.ones(2, requires_grad=True)
        base = x * 2
        y = Through.apply(base)
        if change == "output":
            with pytest.raises(error):
                y.mul_(3)
        elif change == "base":
            base.mul_(3)
            with pytest.raises(error):
                y.sum().backward()
        else:
            (y * 1).mul_(3).sum().backward()
            assert x.grad.tolist() == [30, 30]


def test_a_variable_handed_through_is_not_changed():
    x = ours.ones(2, requires_grad=True)
    y = make(lambda ctx, g: g, lambda ctx, x: x).apply(x)
    with pytest.raises(GradientError, match="returned in the memory of its input"):
        y.mul_(3)
    assert x.tolist() == [1, 1]


def test_two_threads_may_be_in_one_backward():
    """The one that ends first takes nothing away from the other."""
    both_inside, first_is_done = threading.Barrier(2, timeout=60), threading.Event()

    def backward(ctx, g):
        both_inside.wait()
        if threading.current_thread().name == "last":
            assert first_is_done.wait(60)
        (x,) = ctx.saved_tensors
        return 2 * x * g

    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    x = ours.tensor([1.0, 2.0], requires_grad=True)
    y = make(backward, forward).apply(x).sum()
    found = {}

    def differentiate():
        name = threading.current_thread().name
        (found[name],) = ours.autograd.grad(y, x, retain_graph=True)
        if name == "first":
            first_is_done.set()

    threads = [threading.Thread(target=differentiate, name=name) for name in ("first", "last")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: g.tolist() for name, g in found.items()} == {"first": [2, 4], "last": [2, 4]}


def test_saved_tensors_can_be_asked_for_as_long_as_the_graph_lives():
    kept = []

    def forward(ctx, x):
        kept.append(ctx)
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    x = ours.ones(2, requires_grad=True)
    y = make(lambda ctx, g: g * ctx.saved_tensors[1], forward).apply(x)
    saved, output = kept[0].saved_tensors
    assert saved is x and output.grad_fn is y.grad_fn
    y.sum().backward()
    with pytest.raises(GradientError, match="second time"):
        _ = kept[0].saved_tensors
    del y, output
    with pytest.raises(GradientError, match="freed"):
        _ = kept[0].saved_tensors


@pytest.mark.parametrize("t", [ours, torch])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_an_input_that_forward_returns_is_another_tensor(requires_grad, t):
    class Identity(t.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

    x = t.ones(1, requires_grad=requires_grad)
    with t.no_grad():
        y = Identity.apply(x)
        assert y is not x and not y.requires_grad
        y.unsqueeze_(0).add_(1)
    assert x.shape == (1,) and x.item() == 2


@pytest.mark.parametrize("t", [ours, torch])
def test_named_arguments_and_defaults(t):
    class Plain(t.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor=2):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor, None

    class Split(t.autograd.Function):
        @staticmethod
        def forward(x, factor=2):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            _, ctx.factor = inputs

        @staticmethod
        def backward(ctx, g):
            return g * ctx.factor, None

    for function in (Plain, Split):
        for arguments, factor in (({"factor": 3}, 3), ({}, 2)):
            x = t.ones(1, requires_grad=True)
            y = function.apply(x, **arguments)
            y.backward()
            assert y.item() == x.grad.item() == factor


@pytest.mark.parametrize("value", [None, 300, "a"])
def test_an_argument_that_is_no_tensor_is_returned_as_it_is(value):
    for framework in (ours, torch):

        class WithValue(framework.autograd.Function):
            @staticmethod
            def forward(ctx, x, value):
                return 2 * x, value

            @staticmethod
            def backward(ctx, g, _):
                return 2 * g, None

        x = framework.ones(2, requires_grad=True)
        for given in (x, x.detach()):
            y, found = WithValue.apply(given, value)
            assert y.tolist() == [2.0, 2.0] and found is value
