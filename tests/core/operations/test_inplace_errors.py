"""Changes in place that are refused, and those that make a derivative impossible, as in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError


def test_variables_cannot_be_changed():
    x = ours.ones(3, requires_grad=True)
    for change in (
        lambda: x.add_(1),
        lambda: x.zero_(),
        lambda: x.__setitem__(0, 1.0),
        lambda: x[1:].mul_(2),
        lambda: x.copy_(ours.zeros(3)),
        lambda: x.unsqueeze_(0),
    ):
        with pytest.raises(GradientError, match="leaf Variable that requires grad"):
            change()
    with ours.no_grad():
        x.add_(1)
        x[0] = 7
    assert x.tolist() == [7, 2, 2] and x.requires_grad and x.is_leaf


def test_views_of_several_outputs_and_of_no_grad_are_refused():
    x = ours.ones(4, requires_grad=True) * 1
    first, _ = x.split(2)
    with pytest.raises(GradientError, match="several outputs"):
        first.mul_(2)
    with pytest.raises(GradientError, match="several outputs"):
        x.unbind()[0].add_(1)
    with ours.no_grad():
        view = x[1:]
    with pytest.raises(GradientError, match="no_grad"):
        view.mul_(ours.ones(3, requires_grad=True))
    # a change of the base makes the gradient of such a view unknown, which is said when it is asked for
    parts = x.split(2)
    x.mul_(2)
    with pytest.raises(GradientError, match="split or unbind"):
        parts[0].sum().backward()


def test_overlapping_and_read_only_memory_is_refused():
    x = ours.ones(3)
    with pytest.raises(ShapeError, match="single memory location"):
        x.expand(2, 3).add_(1)
    with pytest.raises(ShapeError, match="single memory location"):
        x.expand(2, 3)[:, 0] = 1
    a = np.ones(3)
    a.flags.writeable = False
    for change in (
        lambda t: t.add_(1),
        lambda t: t.zero_(),
        lambda t: t.__setitem__(0, 1),
        lambda t: t.__setitem__([0], 1),
    ):
        with pytest.raises(ShapeError, match="read-only"):
            change(ours.from_numpy(a))


def test_results_must_fit():
    with pytest.raises(ShapeError, match="doesn't match the broadcast shape"):
        ours.ones(3).add_(ours.ones(2, 3))
    with pytest.raises(DtypeError, match="can't be cast"):
        ours.tensor([1, 2]).div_(2)
    with pytest.raises(DtypeError, match="can't be cast"):
        ours.tensor([1, 2]).add_(0.5)
    x = ours.ones(2).add_(ours.ones(2, dtype=ours.float64))
    assert x.dtype == ours.float32
    with pytest.raises(TypeError):
        x += "a"


def cases_that_torch_notices():
    def used_by_mul(f, x):
        a = x * 1
        y = a * a
        a.add_(1)
        return y

    def output_of_exp(f, x):
        y = x.exp()
        y.add_(1)
        return y

    def output_of_exp_through_a_view(f, x):
        y = x.exp()
        y[0].mul_(2)
        return y

    def weight_changed(f, x):
        w = f.ones(3, dtype=f.float64)
        y = x * w
        w.zero_()
        return y

    def through_detach(f, x):
        y = x.tanh()
        y.detach().zero_()
        return y

    def index_changed(f, x):
        i = f.tensor([0, 1])
        y = x[i]
        i[0] = 2
        return y

    return [
        used_by_mul,
        output_of_exp,
        output_of_exp_through_a_view,
        weight_changed,
        through_detach,
        index_changed,
    ]


@pytest.mark.parametrize("function", cases_that_torch_notices(), ids=lambda f: f.__name__)
def test_change_of_what_backward_needs_is_noticed(function):
    for framework in (ours, torch):
        x = framework.tensor([1.0, 2.0, 3.0], dtype=framework.float64, requires_grad=True)
        y = function(framework, x)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()


UNRECORDED_VIEWS = {
    "a slice": lambda y: y[:2],
    "a view": lambda y: y.view(4),
    "a transpose": lambda y: y.transpose(0, 1),
    "one of several": lambda y: y.unbind()[0],
    "a view of a view": lambda y: y.t()[0],
}


CHANGES = {
    "mul_": lambda t, v: v.mul_(3),
    "add_ a variable": lambda t, v: v.add_(t.ones(v.shape, dtype=t.float64, requires_grad=True)),
    "zero_": lambda t, v: v.zero_(),
    "copy_": lambda t, v: v.copy_(t.zeros(1, dtype=t.float64)),
    "masked_fill_": lambda t, v: v.masked_fill_(v > 0, 1.0),
    "an assignment": lambda t, v: v.__setitem__(0, 1.0),
    "random numbers": lambda t, v: v.uniform_(),
    "a view of it": lambda t, v: v[:1].mul_(3),
}


BASES = {
    "a result": lambda x: x * 2,
    "a variable": lambda x: x,
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("view", UNRECORDED_VIEWS)
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("context", ["no_grad", "inference_mode"])
def test_a_recorded_change_through_a_view_that_was_not_recorded_is_refused(context, base, view, change):
    """Its base has a history, and nothing says how the change would enter it."""
    for framework in (ours, torch):
        x = framework.ones(2, 2, dtype=framework.float64, requires_grad=True)
        y = BASES[base](x)
        with getattr(framework, context)():
            v = UNRECORDED_VIEWS[view](y)
        before = y.detach().clone()
        with pytest.raises(RuntimeError):
            CHANGES[change](framework, v)
        assert framework.equal(y, before)


def test_a_base_that_gets_a_history_later_forbids_the_change_too():
    base = ours.ones(4)
    with ours.no_grad():
        v = base[:2]
    v.mul_(2)  # nothing to follow yet
    base.mul_(ours.ones(4, requires_grad=True))
    with pytest.raises(GradientError, match="made under no_grad"):
        v.mul_(2)
    with ours.no_grad():
        v.mul_(2)
    np.testing.assert_array_equal(base.detach().numpy(), [4, 4, 1, 1])


@pytest.mark.parametrize("recorded", [False, True])
def test_an_assignment_alone_takes_values_of_more_dimensions(recorded):
    for framework in (ours, torch):
        x, values = framework.zeros(3), framework.ones(1, 1, 3, requires_grad=recorded)
        with pytest.raises(RuntimeError):
            x.copy_(values)
        assert x.tolist() == [0, 0, 0] and not x.requires_grad
        x[:] = values
        assert x.tolist() == [1, 1, 1] and x.requires_grad is recorded


OVERLAPPING = {
    "windows": lambda y: y.unfold(0, 2, 1),
    "strides": lambda y: y.as_strided((2, 2), (1, 1)),
}


@pytest.mark.parametrize("view", OVERLAPPING)
def test_a_recorded_change_of_elements_that_share_memory_is_refused(view):
    x = ours.arange(4.0, requires_grad=True)
    y = x * 1
    for change in (lambda v: v.mul_(2), lambda v: v.__setitem__(..., x[:2]), lambda v: v[:].add_(1)):
        with pytest.raises(ShapeError, match="overlapping windows"):
            change(OVERLAPPING[view](y))
    assert y.tolist() == [0, 1, 2, 3]
    OVERLAPPING[view](y).fill_(0)  # a constant has a derivative
    y.as_strided((2, 2), (1, 2)).mul_(3)  # strides that do not overlap, in another order
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 0 if view == "windows" else 3]
