"""autograd.graph, anomaly_mode and forward_ad against PyTorch's."""

from __future__ import annotations

import threading
import warnings

import numpy as np
import pytest
import torch
import torch.autograd.forward_ad as their_forward

import cnn_physics77 as ours
import cnn_physics77.autograd.forward_ad as our_forward
from cnn_physics77.core.autograd import engine, graph

pytestmark = pytest.mark.filterwarnings("ignore")
A, B = np.array([0.5, -1.5, 2.0]), np.array([1.0, 3.0, -2.0])


def both(function):
    """The results of one function with both frameworks, as lists of numbers."""
    mine, theirs = function(ours), function(torch)
    np.testing.assert_allclose(np.array(mine, float), np.array(theirs, float), rtol=1e-12)
    return mine


def variables(framework):
    return framework.tensor(A, requires_grad=True), framework.tensor(B, requires_grad=True)


# --------------------------------------------------------------------------------------- saved tensors


@pytest.mark.parametrize(
    "formula",
    [
        lambda f, x, y: (x.exp() * y).sum(),
        lambda f, x, y: (x @ y) * x.sin().sum(),
        lambda f, x, y: f.stack([x, y]).softmax(0).prod(1).sum() + f.einsum("i,j->ij", x, y).pow(2).sum(),
        lambda f, x, y: f.nn.functional.conv1d(x.view(1, 1, 3), y.view(1, 1, 3), padding=1).pow(3).sum(),
    ],
)
def test_saved_tensors_are_packed_and_unpacked(formula):
    """The hooks double what is saved: only what comes back through them can be right."""

    def derivatives(f):
        x, y = variables(f)
        with f.autograd.graph.saved_tensors_hooks(lambda t: (t.detach() * 2,), lambda packed: packed[0] / 2):
            z = formula(f, x, y)
        first = f.autograd.grad(z, (x, y), create_graph=True)
        second = f.autograd.grad(first[0].pow(2).sum() + first[1].sum(), (x, y))
        return [*[t.tolist() for t in first], *[t.tolist() for t in second]]

    both(derivatives)


def test_hooks_see_what_is_saved():
    def sums(f):
        x, y = variables(f)
        packed, unpacked = [], []

        def unpack(value):
            unpacked.append(value.sum().item())
            return value

        with f.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t.sum().item()) or t, unpack):
            z = (x.exp() * y).sum()
        z.backward()
        return sorted(packed), sorted(unpacked)

    packed, unpacked = both(sums)
    assert len(packed) == len(unpacked) == 3


def test_hooks_of_user_functions_and_of_shapes_only():
    class Cube(ours.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x * x
            ctx.save_for_backward(x, y)
            return y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            return 3 * y / x * g

    x, _ = variables(ours)
    kept = []
    with ours.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or len(kept) - 1, kept.__getitem__):
        y = Cube.apply(x).sum()  # sum saves a shape, and stays as it is
    assert len(kept) == 2
    (first,) = ours.autograd.grad(y, x, create_graph=True)
    (second,) = ours.autograd.grad(first.sum(), x, retain_graph=True)
    np.testing.assert_allclose(first.tolist(), 3 * A**2)
    np.testing.assert_allclose(second.tolist(), 6 * A)
    y.backward()
    with pytest.raises(RuntimeError, match="freed the first time"):
        y.backward()


def test_innermost_hooks_count_and_threads_are_apart():
    def run(f):
        x, _ = variables(f)
        seen = []
        hooks = [lambda t, i=i: seen.append(i) or t for i in range(2)]
        outer, inner = (f.autograd.graph.saved_tensors_hooks(h, lambda t: t) for h in hooks)
        with outer:
            x.exp()
            with inner:
                x.exp()
            with f.autograd.graph.save_on_cpu():
                x.exp().sum().backward()
            thread = threading.Thread(target=lambda: x.exp())
            thread.start()
            thread.join()
            x.exp()
        x.exp()
        return seen

    assert both(run) == [0, 1, 0]


def test_wrong_hooks():
    for f in (ours, torch):
        x, _ = variables(f)
        hooks = f.autograd.graph.saved_tensors_hooks
        with hooks(lambda t: t, lambda t: 3):
            y = x.exp().sum()
        with pytest.raises(
            TypeError, match=r"unpack_hook expected to be a Tensor but got result of type.* int"
        ):
            y.backward()
        with pytest.raises(RuntimeError, match=r"in.?place"), hooks(lambda t: t.mul_(2), lambda t: t):
            x.exp().exp()
        with (
            f.autograd.graph.disable_saved_tensors_hooks("not here"),
            pytest.raises(RuntimeError, match="not here"),
            hooks(lambda t: t, lambda t: t),
        ):
            pass
        with hooks(lambda t: t, lambda t: t):
            assert x.exp().requires_grad


# ---------------------------------------------------------------------------------------------- edges


def test_gradient_edges():
    def derivatives(f):
        x, y = variables(f)
        z = x * y
        of = f.autograd.graph.get_gradient_edge
        assert isinstance(z.grad_fn, f.autograd.graph.Node) and of(z).output_nr == 0
        values, _ = f.max(z.view(1, 3), 0)
        edges = [of(z), of(x), of(values)]
        node, number, _ = edges[2]
        assert node is values.grad_fn and number == 0
        w = values.exp().sum()
        found = f.autograd.grad(w, edges, retain_graph=True)
        return [t.tolist() for t in (*found, *f.autograd.grad(of(w), x))]

    both(derivatives)
    for f in (ours, torch):
        with pytest.raises(RuntimeError, match="require"):
            f.autograd.graph.get_gradient_edge(f.ones(1))


def test_hooks_of_nodes():
    def derivatives(f):
        x, y = variables(f)
        seen = []
        z = x * y.detach()
        assert z.grad_fn.metadata == {}
        z.grad_fn.metadata["mine"] = 3
        assert z.grad_fn.metadata == {"mine": 3}
        z.grad_fn.register_prehook(lambda g: seen.append(g[0].tolist()))
        z.grad_fn.register_prehook(lambda g: (g[0] * 2,))
        z.grad_fn.register_hook(lambda i, o: seen.append([i[0].tolist(), o[0].tolist()]) or (i[0] + 1, i[1]))
        removed = z.grad_fn.register_hook(lambda i, o: seen.append("never"))
        removed.remove()
        z.sum().backward()
        parts = x.view(1, 3).max(0)[0]
        parts.grad_fn.register_hook(lambda i, o: seen.append(len(o)))
        assert seen[1][1] == [2, 2, 2]
        return [seen[0], *seen[1], x.grad.tolist()]

    both(derivatives)
    x, _ = variables(ours)
    y = x.exp()
    y.grad_fn.register_prehook(lambda g: (g[0], g[0]))
    with pytest.raises(ValueError, match="register_prehook: expected a hook to return None or 1 gradients"):
        y.sum().backward()
    a, b = ours.unbind(ours.ones(2, requires_grad=True) * 2)
    a.grad_fn.register_prehook(lambda g: (g[0] * 3, g[1]))
    leaf = a.grad_fn.next_functions[0][0].next_functions[0][0].variable
    assert ours.autograd.grad(a + b, leaf)[0].tolist() == [6, 2]


def test_leaves_end_the_graph_of_next_functions():
    def walk(framework):
        x, y = variables(framework)
        found, left = [], [((x * y).sum() + x.sin().sum()).grad_fn]
        while left:
            node = left.pop()
            if hasattr(node, "variable"):
                found.append([node.variable is x, node.variable is y, node.next_functions == ()])
                assert node.name() == "torch::autograd::AccumulateGrad" and "AccumulateGrad" in repr(node)
            left += [function for function, _ in node.next_functions if function is not None]
        return found

    both(walk)
    x, y = variables(ours)
    (first, index), (second, _) = (x * y).grad_fn.next_functions
    assert (
        index == 0 and first == (x + 1).grad_fn.next_functions[0][0] != second and len({first, second}) == 2
    )


def test_changes_that_are_noted():
    for f in (ours, torch):
        x, y = f.ones(2), f.ones(2)
        f.autograd.graph.increment_version(x)
        f.autograd.graph.increment_version((x, y))
        assert (x._version, y._version) == (2, 1)


def test_hooks_on_several_tensors():
    def calls(f):
        x, y = variables(f)
        z, w = x * 2, f.ones(3, dtype=f.float64, requires_grad=True)
        seen = []
        register = f.autograd.graph.register_multi_grad_hook
        everything = register((x, z, w), lambda found: seen.append([g is not None for g in found]))
        first = register((x, z, w), lambda g: seen.append(len(g)), mode="any")
        (z * y).sum().backward(retain_graph=True)
        (z * w + x).sum().backward()
        first.remove()
        (x * w).sum().backward()
        everything.remove()
        everything.remove()
        x.sum().backward()
        return seen

    assert [str(s) for s in calls(ours)] == [str(s) for s in calls(torch)]
    for f in (ours, torch):
        with pytest.raises(ValueError, match=r"one of \('all', 'any'\) but got x"):
            f.autograd.graph.register_multi_grad_hook((f.ones(1, requires_grad=True),), print, mode="x")


# ------------------------------------------------------------------------------------------- anomalies


def test_the_first_nan_is_named():
    for f in (ours, torch):
        x = f.zeros(2, requires_grad=True)
        with f.autograd.detect_anomaly():
            y = (x.sqrt() * 0).sum()  # the marked line
            with pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th") as error:
                y.backward()
        if f is ours:
            assert "test_graph.py" in str(error.value) and "the marked line" in str(error.value)
            assert "test_the_first_nan_is_named" in error.value.__notes__[0]
        assert not f.is_anomaly_enabled()
    assert not engine.checks and not any("anomaly" in w.__module__ for w in graph.watchers)


def test_modes_of_detection():
    for f in (ours, torch):
        x = f.zeros(2, requires_grad=True)
        y = (x.sqrt() * 0).sum()
        with f.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="returned nan") as error:
            y.backward()
        assert f is torch or "before detect_anomaly was entered" in str(error.value)
        with f.autograd.set_detect_anomaly(True, check_nan=False):
            assert f.is_anomaly_enabled() and not f.is_anomaly_check_nan_enabled()
            (x.sqrt() * 0).sum().backward()
            with f.autograd.set_detect_anomaly(False):
                assert not f.is_anomaly_enabled()
            assert f.is_anomaly_enabled()
        f.autograd.set_detect_anomaly(True)
        assert f.is_anomaly_enabled() and f.is_anomaly_check_nan_enabled()
        (x + 1).sqrt().sum().backward()
        f.autograd.set_detect_anomaly(False)
        with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
            f.autograd.detect_anomaly()
    assert not engine.checks


# -------------------------------------------------------------------------------------- forward mode


def test_tangents():
    def tangents(f):
        forward = our_forward if f is ours else their_forward
        x, y = f.tensor(A), f.tensor(B)
        with warnings.catch_warnings(), forward.dual_level():
            warnings.simplefilter("ignore")
            dual = forward.make_dual(x, y)
            other = forward.make_dual(y, x * 2)
            results = [
                (dual * other).sin(),
                dual.sum() * f.ones(2),
                f.outer(dual, x),
                dual,
                other.exp().sum(),
            ]
            found = [part for r in results for part in forward.unpack_dual(r)]
            assert forward.unpack_dual(x).tangent is None
            assert not any(part.requires_grad for part in found)
        assert forward.unpack_dual(dual).tangent is None
        return [value for part in found for value in part.reshape(-1).tolist()]

    both(tangents)


def test_tangents_are_differentiable():
    def derivatives(f):
        forward = our_forward if f is ours else their_forward
        x, y = variables(f)
        with forward.dual_level():
            primal, tangent = forward.unpack_dual((forward.make_dual(x, y) ** 3).sum())
        assert primal.requires_grad
        return [g.tolist() for g in f.autograd.grad(tangent, (x, y))]

    both(derivatives)


def test_wrong_duals():
    for f, forward in ((ours, our_forward), (torch, their_forward)):
        x = f.ones(2)
        with pytest.raises(RuntimeError, match="level"):
            forward.make_dual(x, x)
        with pytest.raises(RuntimeError, match="level"):
            forward.exit_dual_level()
        with forward.dual_level():
            with pytest.raises(RuntimeError, match=r"[Nn]ested forward mode AD is not supported"):
                forward.enter_dual_level()
            with pytest.raises(RuntimeError):
                forward.make_dual(x, f.ones(3))
            with pytest.raises((ValueError, TypeError)):
                forward.make_dual(x.int(), x.int())
        assert f.is_grad_enabled()


@pytest.mark.parametrize("t", [ours, torch])
def test_what_a_node_saved_has_pytorchs_names(t):
    x = t.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    square, exp = x**2, x.exp()
    assert square.grad_fn._saved_self.tolist() == x.tolist() and square.grad_fn._saved_self.requires_grad
    assert exp.grad_fn._saved_result.tolist() == exp.tolist()
    assert type(exp.grad_fn._saved_result.grad_fn) is type(exp.grad_fn)
    product, matrix = x * exp, x @ square
    assert product.grad_fn._saved_self.tolist() == x.tolist()
    assert product.grad_fn._saved_other.tolist() == exp.tolist()
    assert matrix.grad_fn._saved_mat2.tolist() == square.tolist()
    assert not hasattr(exp.grad_fn, "_saved_other")
    exp.sum().backward()
    with pytest.raises(RuntimeError):
        exp.grad_fn._saved_result  # noqa: B018


@pytest.mark.parametrize("t", [ours, pytest.param(torch, marks=pytest.mark.needs_torch)])
def test_inputs_are_any_tensors_in_a_row(t):
    layer = t.nn.Linear(2, 1, bias=False)
    x = t.tensor([3.0, 4.0])
    named = dict(layer.named_parameters())
    for inputs in (layer.parameters(), iter([layer.weight]), named.values(), map(named.get, named)):
        (found,) = t.autograd.grad(layer(x), inputs)
        assert found.tolist() == [[3, 4]]
    t.autograd.backward((layer(x) for _ in range(2)), inputs=layer.parameters())
    layer(x).backward(inputs=layer.parameters())
    assert layer.weight.grad.tolist() == [[9, 12]]
