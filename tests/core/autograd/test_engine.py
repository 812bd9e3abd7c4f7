"""The graph and the backward pass: any DAG, any depth, any order of derivative; memory and errors."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.autograd import Node
from cnn_physics77.core.errors import GradientError, ShapeError
from cnn_physics77.core.operations.base.operation import OPERATIONS, Operation


def variable(*values, dtype=np.float64):
    return ours.tensor(np.array(values, dtype=dtype), requires_grad=True)


# ------------------------------------------------------------------------------------------- any DAG


def test_chain_of_100_000_operations():
    x = variable(1.0, 2.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    y.backward(ours.ones(2, dtype=np.float64))
    assert x.grad.tolist() == [1.0, 1.0]
    del y  # the destruction of a deep graph must not recurse either


def test_destruction_of_a_deep_graph_without_a_backward_pass():
    y = x = variable(1.0)
    for _ in range(100_000):
        y = y + x
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


def test_sixty_doublings_visit_each_node_once():
    x = variable(1.0)
    y = x
    for _ in range(60):
        y = y + y
    visits = 0

    def count(gradient):
        nonlocal visits
        visits += 1

    z = y
    while isinstance(z, Node) or z.grad_fn is not None:
        node = z if isinstance(z, Node) else z.grad_fn
        node.hooks = {0: {0: count}}
        z = node.parents[0]
        if not isinstance(z, Node):
            break
    y.backward()
    assert x.grad.item() == 2.0**60
    assert visits == 60


def test_random_graphs_agree_with_torch():
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = rng.normal(size=(3, 4))
        a = [ours.tensor(v, requires_grad=True) for v in values]
        b = [torch.tensor(v, requires_grad=True) for v in values]
        leaves_a, leaves_b = list(a), list(b)
        for _ in range(30):
            i, j, kind = rng.integers(len(a)), rng.integers(len(a)), rng.integers(4)
            for nodes in (a, b):
                x, y = nodes[i], nodes[j]
                nodes.append([x + y, x * y * 0.3, x - 2.0 * y, (x * 0.5).tanh()][kind])
        for nodes in (a, b):
            sum(nodes, start=nodes[0] * 0.0).sum().backward()
        for x, y in zip(leaves_a, leaves_b):
            np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_any_order(order):
    x, t = variable(0.3, -1.2), torch.tensor([0.3, -1.2], dtype=torch.float64, requires_grad=True)
    y, s = ((x * x).tanh() * x).sum(), ((t * t).tanh() * t).sum()
    for _ in range(order):
        (y,) = ours.autograd.grad(y.sum(), x, create_graph=True)
        (s,) = torch.autograd.grad(s.sum(), t, create_graph=True)
    np.testing.assert_allclose(y.detach().numpy(), s.detach().numpy(), rtol=1e-10)


def test_backward_of_a_result_used_twice_as_root():
    x = variable(3.0)
    y = x * x
    z = y * x
    ours.autograd.backward([y, z])
    assert x.grad.item() == 6.0 + 27.0


# ------------------------------------------------------------------------------------------- accumulation


def test_gradients_accumulate_over_calls():
    x = variable(1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad
    (x * 3.0).sum().backward()
    assert x.grad is first
    assert x.grad.tolist() == [5.0, 7.0]


def test_two_leaves_never_share_the_memory_of_a_gradient():
    a, b = variable(1.0, 2.0), variable(3.0, 4.0)
    seed = ours.ones(2, dtype=np.float64)
    (a + b).backward(seed)
    assert not np.shares_memory(a.grad.array, b.grad.array)
    assert not np.shares_memory(a.grad.array, seed.array)
    a.grad.array[:] = 7
    assert b.grad.tolist() == [1.0, 1.0]
    assert seed.tolist() == [1.0, 1.0]


def test_the_seed_is_never_written_into():
    x = variable(1.0, 2.0)
    y = x * 1.0
    seed = ours.ones(2, dtype=np.float64)
    ours.autograd.backward([y, y], [seed, seed])
    assert seed.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [2.0, 2.0]


def test_a_gradient_that_nobody_else_sees_is_kept_without_a_copy():
    x = variable(*range(1000))
    kept = []
    y = x * 2.0
    y.sum().backward()
    kept.append(x.grad)
    assert x.grad.array.base is None and x.grad.array.flags.owndata


def test_broadcast_gradient_takes_memory_of_its_own():
    x = variable(1.0, 2.0, 3.0)
    x.sum().backward()
    assert x.grad.array.strides == x.array.strides
    x.grad.array[0] = 9
    assert x.grad.tolist() == [9.0, 1.0, 1.0]


def test_recorded_gradients_of_two_leaves_have_memories_of_their_own():
    a, b = variable(1.0, 2.0), variable(3.0, 4.0)
    given = ours.ones(2, dtype=np.float64)
    (a + b).backward(given, create_graph=True)
    (a + b).backward(given)
    assert a.grad.tolist() == b.grad.tolist() == [2.0, 2.0]
    assert given.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("t", [ours, torch])
def test_a_leaf_that_became_a_constant_before_backward_gets_no_gradient(t):
    a, b = t.tensor(2.0, requires_grad=True), t.tensor(3.0, requires_grad=True)
    y = a * b
    a.requires_grad_(False)
    y.backward()
    assert a.grad is None and b.grad.item() == 2.0


# ------------------------------------------------------------------------------------------- grad()


def test_grad_touches_no_grad_and_skips_what_is_not_needed():
    x, w = variable(2.0), variable(5.0)
    called = []
    side = w * w
    side.register_hook(called.append)
    y = x * x + side
    (gx,) = ours.autograd.grad(y, x)
    assert gx.item() == 4.0
    assert x.grad is None and w.grad is None and not called


def test_grad_with_respect_to_a_result_on_the_way():
    x = variable(2.0)
    h = x * x
    y = h * h
    gh, gx = ours.autograd.grad(y, [h, x])
    assert (gh.item(), gx.item()) == (8.0, 32.0)


def test_grad_of_an_output_with_respect_to_itself():
    x = variable(2.0)
    y = x * x
    (g,) = ours.autograd.grad(y, y)
    assert g.item() == 1.0


def test_unused_input():
    x, w = variable(2.0), variable(5.0)
    with pytest.raises(GradientError, match="allow_unused"):
        ours.autograd.grad(x * x, w)
    assert ours.autograd.grad(x * x, [x, w], allow_unused=True)[1] is None
    assert ours.autograd.grad(x * x, [w], materialize_grads=True)[0].item() == 0.0
    with pytest.raises(ValueError, match="materialize_grads"):
        ours.autograd.grad(x * x, [w], allow_unused=False, materialize_grads=True)


def test_backward_into_chosen_inputs_only():
    x, w = variable(2.0), variable(5.0)
    (x * w).backward(inputs=[w])
    assert x.grad is None and w.grad.item() == 2.0


@pytest.mark.parametrize("t", [ours, torch])
def test_a_result_that_backward_is_asked_for_retains_its_gradient(t):
    y = t.ones(2, requires_grad=True) * 2
    y.sum().backward(inputs=[y], retain_graph=True)
    assert y.retains_grad and y.grad.tolist() == [1, 1]
    y.sum().backward()
    assert y.grad.tolist() == [2, 2]


# ------------------------------------------------------------------------------------------- errors


def test_implicit_gradient_needs_one_element():
    with pytest.raises(GradientError, match="implicitly created only for scalar outputs"):
        (variable(1.0, 2.0) * 2).backward()


def test_an_output_that_is_complex_needs_its_gradient():
    x = ours.tensor(1 + 2j, requires_grad=True)
    with pytest.raises(
        GradientError, match=r"only for real scalar outputs, found torch.complex64; .*\.abs\(\)"
    ):
        (x * x).backward()
    (x * x).backward(ours.tensor(1 + 0j))
    assert x.grad.item() == 2 - 4j


def test_gradient_of_another_shape():
    with pytest.raises(ShapeError, match=r"2.*, found .*3"):
        (variable(1.0, 2.0) * 2).backward(ours.ones(3, dtype=np.float64))


def test_nothing_to_differentiate():
    with pytest.raises(GradientError, match="does not require grad"):
        ours.tensor(1.0).backward()


def test_second_backward_pass_through_a_freed_graph():
    x = variable(2.0)
    y = x * x
    y.backward()
    with pytest.raises(GradientError, match="second time"):
        y.backward()
    z = x * x
    z.backward(retain_graph=True)
    z.backward()
    assert x.grad.item() == 12.0


VALUELESS = {
    "a mean of slices": lambda t, x: x[..., :2].mean(),
    "parts": lambda t, x: x.split(1)[0].sum() - x.flip(0).roll(1).cumsum(0).sum(),
    "a view": lambda t, x: t.cat([x.view(-1), x.expand(2, 3)[0]]).double().sum(),
}


@pytest.mark.parametrize("t", [ours, torch])
@pytest.mark.parametrize("formula", VALUELESS)
def test_a_graph_that_saved_no_values_serves_again(formula, t):
    x = t.ones(3, requires_grad=True)
    y = VALUELESS[formula](t, x)
    y.backward()
    once = x.grad.clone()
    y.backward()
    assert t.equal(x.grad, 2 * once)


def test_changed_in_place_after_it_was_kept():
    x = variable(2.0, 3.0)
    h = x * 1.0
    y = h * h
    h.detach().zero_()
    with pytest.raises(GradientError, match="modified by an inplace operation"):
        y.sum().backward()


def test_changed_output_is_detected_too():
    x = variable(0.5)
    y = x.tanh()
    y.detach().zero_()
    with pytest.raises(GradientError, match="its output"):
        y.backward()


def test_change_before_recording_is_harmless():
    x = variable(2.0)
    c = ours.tensor([1.0], dtype=np.float64)
    c.zero_()
    (x * c).backward()
    assert x.grad.item() == 0.0


# ------------------------------------------------------------------------------------------- memory


def test_no_reference_cycles():
    gc.collect()
    gc.disable()
    try:
        x = variable(1.0, 2.0)
        for _ in range(3):
            y = (x * x).tanh().sum()
            y.retain_grad()
            y.backward()
        del y
        node = weakref.ref((x * x).tanh().grad_fn)
        assert node() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_the_backward_pass_frees_as_it_goes():
    x = variable(1.0, 2.0)
    h = x * x
    y = h.tanh()
    kept = weakref.ref(y.grad_fn.saved[1])
    z = y.sum()
    del y
    assert kept() is not None
    z.backward()
    assert kept() is None


def test_a_product_keeps_only_what_is_needed():
    x, c = variable(1.0, 2.0), ours.tensor([3.0, 4.0], dtype=np.float64)
    a, b, _ = (x * c).grad_fn.saved
    assert a is None and b is c


# ------------------------------------------------------------------------------------------- inspection


def test_parents_and_op():
    x, w = variable(1.0), variable(2.0)
    y = x * w
    z = y.tanh()
    assert y.op == "mul" and y.parents == (x, w)
    assert z.op == "tanh" and z.parents == (y.grad_fn,)
    assert z.parents[0].op.name == "mul"
    assert x.op is None and x.parents == ()
    assert repr(z.grad_fn) == "<TanhBackward0>"
    assert z.grad_fn.next_functions == ((y.grad_fn, 0),)
    leaf, constant = (x * 2).grad_fn.next_functions
    assert leaf[0].variable is x and leaf[0].name() == "torch::autograd::AccumulateGrad"
    assert leaf[0].next_functions == () and constant == (None, 0)
    assert leaf == (y * x).grad_fn.next_functions[1] and leaf != y.grad_fn.next_functions[1]


# ------------------------------------------------------------------------------------------- infinity


def test_backward_is_silent_where_gradients_are_infinite():
    """Infinite gradients that meet are NaN and overflow is infinite, without a warning, as in PyTorch."""
    x = variable(0.0, 1.0)
    y = x * 1.0
    a, b = (ours.tensor(v, dtype=np.float64) for v in ([0.0, 1e-300], [0.0, 1.0]))
    (y / a - y / b).backward(ours.tensor([1.0, 1e300], dtype=np.float64))
    assert np.isnan(x.grad.numpy()[0]) and x.grad.numpy()[1] == np.inf


# ------------------------------------------------------------------------------------------- declaration


def test_an_input_may_not_have_the_name_of_the_output():
    def ratio(x, y):
        return x / y

    with pytest.raises(ValueError, match=r"operation ratio: expected no input named 'y'.*rename"):
        Operation(ratio)
    assert "ratio" not in OPERATIONS
