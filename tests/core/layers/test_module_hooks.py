"""Hooks of modules against torch.nn.Module's."""

import warnings

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import GradientError


def test_forward_hooks_see_and_replace():
    for framework in (ours, torch):
        log = []
        layer = framework.nn.Identity()
        x = framework.ones(2)
        first = layer.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
        layer.register_forward_pre_hook(lambda m, args, log=log: log.append("before"), prepend=True)
        layer.register_forward_pre_hook(lambda m, args, kwargs: ((args[0] + 1,), kwargs), with_kwargs=True)
        last = layer.register_forward_hook(lambda m, args, out: out * 10)
        layer.register_forward_hook(
            lambda m, args, kwargs, out, log=log: log.append(kwargs), with_kwargs=True
        )
        assert layer(x).tolist() == [30.0, 30.0]
        first.remove()
        assert layer(x).tolist() == [20.0, 20.0]
        with last:
            pass
        assert layer(x).tolist() == [2.0, 2.0]
        assert log == ["before", {}] * 3


def test_prepended_hooks_come_first():
    results = []
    for framework in (ours, torch):
        layer = framework.nn.Identity()
        layer.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
        layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,), prepend=True)
        layer.register_forward_hook(lambda m, args, out: out * 10)
        layer.register_forward_hook(lambda m, args, out: out + 5, prepend=True)
        layer.register_full_backward_hook(lambda m, g_in, g_out: (g_in[0] * 3,))
        layer.register_full_backward_hook(lambda m, g_in, g_out: (g_in[0] + 1,), prepend=True)
        x = framework.ones(1, requires_grad=True)
        y = layer(x)
        y.backward()
        results.append((y.item(), x.grad.item()))
    assert results[0] == results[1] == ((2 * (1 + 1) + 5) * 10, (10 + 1) * 3 * 2)


def test_always_call_and_bad_pre_hook():
    for framework in (ours, torch):
        nn = framework.nn

        class Failing(nn.Module):
            def forward(self, x):
                raise ArithmeticError

        log = []
        module = Failing()
        module.register_forward_hook(lambda m, a, out, log=log: log.append(out), always_call=True)
        with pytest.raises(ArithmeticError):
            module(1)
        assert log == [None]
        module.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
        with pytest.raises(RuntimeError, match="must return None or a tuple"):
            module(1)


ALWAYS = {"always_call": True}


def call_that_may_fail(framework, fail, hooks, before=None):
    """What a call gives, what it warns of, and with what its hooks were called: each gives a value to replace
    the output, or raises it."""

    class Plus(framework.nn.Module):
        def forward(self, x, fail=None):
            if fail is not None:
                raise fail
            return x + 1

    def give(value, *seen):
        log.append(seen)
        if isinstance(value, Exception):
            raise value
        return value

    log, module = [], Plus()
    if before is not None:
        module.register_forward_pre_hook(lambda module, args: give(before, "before", args))
    for number, (value, options) in enumerate(hooks):
        module.register_forward_hook(lambda m, *rest, n=number, v=value: give(v, n, *rest), **options)
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        try:
            result = module(1, fail=fail)
        except BaseException as error:
            result = error
    return result, [str(warning.message) for warning in noted], log


@pytest.mark.parametrize(
    ("fail", "hooks", "before"),
    [
        (ValueError("forward"), [(7, ALWAYS), (None, ALWAYS | {"with_kwargs": True}), (None, {})], None),
        (ValueError("forward"), [(KeyError("hook"), ALWAYS), (None, ALWAYS)], None),
        (None, [(KeyError("hook"), ALWAYS), (None, ALWAYS)], None),
        (None, [(5, ALWAYS), (KeyError("hook"), {}), (8, ALWAYS), (None, ALWAYS)], None),
        (None, [(5, {}), (5, ALWAYS)], KeyError("before")),
        (ValueError("forward"), [(5, ALWAYS)], (9,)),
        (KeyboardInterrupt("stop"), [(5, ALWAYS)], None),
    ],
)
def test_hooks_that_are_always_called_after_an_error_anywhere(fail, hooks, before):
    """The first error is raised. A hook that raises is not called again."""
    found, expected = (call_that_may_fail(T, fail, hooks, before) for T in (ours, torch))
    assert found == expected and isinstance(found[0], BaseException)


def test_backward_hooks_see_the_gradients_of_all_inputs_and_outputs():
    seen = {}
    for framework in (ours, torch):
        nn = framework.nn

        class Two(nn.Module):
            def forward(self, x, y, number):
                return x * y * number, x + y

        module = Two()
        log = seen[framework] = []

        def note(m, grad_input, grad_output, log=log):
            log.append([None if g is None else g.tolist() for g in (*grad_input, *grad_output)])

        module.register_full_backward_hook(note)
        module.register_full_backward_pre_hook(lambda m, g, log=log: log.append([h.tolist() for h in g]))
        x = framework.tensor([1.0, 2.0], requires_grad=True)
        y = framework.tensor([3.0, 5.0], requires_grad=True)
        product, total = module(x, y, 2.0)
        (product.sum() + (total * total).sum()).backward()
        log.append([x.grad.tolist(), y.grad.tolist()])
    assert seen[ours] == seen[torch]
    assert len(seen[ours]) == 3


def test_backward_hooks_replace_gradients():
    for framework in (ours, torch):
        layer = framework.nn.Identity()
        layer.register_full_backward_pre_hook(lambda m, g: (g[0] * 10,))
        handle = layer.register_full_backward_hook(lambda m, g_in, g_out: (g_in[0] + 1,))
        x = framework.ones(2, requires_grad=True)
        layer(x).sum().backward()
        assert x.grad.tolist() == [11.0, 11.0]
        handle.remove()
        x.grad = None
        layer(x).sum().backward()
        assert x.grad.tolist() == [10.0, 10.0]


@pytest.mark.filterwarnings("ignore:Using .*non-full backward hook:FutureWarning")
def test_deprecated_backward_hooks_see_the_last_operation():
    seen = {}
    for framework in (ours, torch):
        nn, log = framework.nn, []

        class Two(nn.Module):
            def forward(self, x):
                return [{"y": (2 * x).relu(), "n": 3}, x]

        module = Two()
        handle = module.register_backward_hook(lambda m, g_in, g_out, log=log: log.append((g_in, g_out)))
        module.register_backward_hook(lambda m, g_in, g_out: (g_in[0] + 1,))
        x = framework.tensor([-1.0, 2.0], requires_grad=True)
        (3 * module(x)[0]["y"]).sum().backward()
        handle.remove()
        module(x)[0]["y"].sum().backward()
        with framework.no_grad():
            module(x)
        ((g_in,), (g_out,)) = log[0]
        seen[framework] = [len(log), g_in.tolist(), g_out.tolist(), x.grad.tolist()]
    assert seen[ours] == seen[torch] == [1, [0.0, 3.0], [3.0, 3.0], [4.0, 12.0]]


def test_backward_hook_without_input_gradients():
    for framework in (ours, torch):
        log = []
        layer = framework.nn.Linear(2, 1)
        layer.register_full_backward_hook(
            lambda m, g_in, g_out, log=log: log.append((g_in, g_out[0].tolist()))
        )
        with pytest.warns(UserWarning, match="no inputs require gradients"):
            layer(framework.ones(1, 2)).sum().backward()
        assert log == [((None,), [[1.0]])]
        layer.register_full_backward_hook(lambda m, g_in, g_out: (g_out[0],))
        with (
            pytest.warns(UserWarning, match="no inputs require gradients"),
            pytest.raises(RuntimeError, match="no input requires gradient"),
        ):
            layer(framework.ones(1, 2)).sum().backward()
        with framework.no_grad():
            layer(framework.ones(1, 2))


def test_backward_hooks_leave_second_derivatives_alone():
    layer = ours.nn.Tanh()
    layer.register_full_backward_hook(lambda m, g_in, g_out: None)
    x = ours.tensor([0.3], dtype=ours.float64, requires_grad=True)
    (first,) = ours.autograd.grad(layer(x * x).sum(), x, create_graph=True)
    (second,) = ours.autograd.grad(first.sum(), x)
    z = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad(torch.tanh(z * z).sum(), z, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), z)
    np.testing.assert_allclose(second.numpy(), h.numpy(), rtol=1e-12)


def test_wrong_number_of_gradients_from_a_hook():
    layer = ours.nn.Identity()
    layer.register_full_backward_hook(lambda m, g_in, g_out: (g_in[0], g_in[0]))
    with pytest.raises(GradientError, match="expected 1 gradients as grad_input, found 2"):
        layer(ours.ones(1, requires_grad=True)).sum().backward()


def test_a_change_in_place_of_what_passed_a_module_with_backward_hooks_is_refused():
    """The hooks' place in the graph cannot be repeated for the new values."""
    for framework, error in ((ours, GradientError), (torch, RuntimeError)):
        x = framework.tensor([1.0, -2.0], requires_grad=True)
        inside, outside = framework.nn.ReLU(inplace=True), framework.nn.Identity()
        for module in (inside, outside):
            module.register_full_backward_hook(lambda *_: None)
        h = x * 2
        with pytest.raises(error):
            inside(h)
        with pytest.raises(error):
            outside(h).mul_(5)
        assert h.tolist() == [2, -4]
        y = outside(h)
        h.mul_(5)
        with pytest.raises(error):
            y.sum().backward()
