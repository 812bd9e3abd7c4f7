"""`torch.library` against PyTorch: operations of one's own."""

import copy
import pickle

import pytest
import torch

import cnn_physics77 as ours

PYTORCH = pytest.param(torch, marks=pytest.mark.needs_torch)


def cube_of(t, name):
    """x³ · factor, computed by NumPy, with a gradient of its own."""

    @t.library.custom_op(name, mutates_args=())
    def cube(x: t.Tensor, *, factor: float = 1.0) -> t.Tensor:
        return t.asarray(x.numpy() ** 3 * factor)

    @cube.register_fake
    def _(x, *, factor=1.0):
        return t.empty_like(x)

    return cube


@pytest.mark.parametrize("t", [ours, PYTORCH])
def test_an_operation_has_its_own_gradient(t):
    cube = cube_of(t, "test_library::cube")
    x = t.tensor([2.0, -1.0], dtype=t.float64, requires_grad=True)
    y = t.ops.test_library.cube(x, factor=2.0)
    assert (
        y.tolist() == cube(x, factor=2.0).tolist() == t.ops.test_library.cube.default(x, factor=2.0).tolist()
    )
    assert y.tolist() == [16.0, -2.0] and y.requires_grad and not cube(x.detach()).requires_grad
    with pytest.raises(RuntimeError, match=r"register_autograd|autograd formula"):
        y.sum().backward()

    def setup_context(ctx, inputs, keyword_only_inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.factor = keyword_only_inputs["factor"]

    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * ctx.factor * g * x**2

    t.library.register_autograd("test_library::cube", backward, setup_context=setup_context)
    (2 * cube(x, factor=2.0)).sum().backward()
    assert x.grad.tolist() == [48.0, 12.0]
    assert t.autograd.gradcheck(lambda x: cube(x, factor=0.5), x)
    cube.register_kernel("cpu")(lambda x, *, factor=1.0: t.zeros_like(x))
    assert cube(x).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("t", [ours, PYTORCH])
def test_lists_of_tensors_have_gradients(t):
    def combined(xs, y, weights):
        return [sum(w * x for w, x in zip(weights, xs)), 2 * y]

    combined.__annotations__ = {
        "xs": list[t.Tensor],
        "y": t.Tensor,
        "weights": list[float],
        "return": list[t.Tensor],
    }
    operation = t.library.custom_op("test_library::combined", combined, mutates_args=())
    needs = []

    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs[0])
        ctx.weights = inputs[2]

    def backward(ctx, grads):
        needs.append(ctx.needs_input_grad)
        assert len(ctx.saved_tensors) == 2
        return [w * grads[0] for w in ctx.weights], 2 * grads[1], None

    operation.register_autograd(backward, setup_context=setup_context)
    a, b, c = (t.tensor([k, 1.0], dtype=t.float64, requires_grad=True) for k in (2.0, 3.0, 5.0))
    assert t.autograd.gradcheck(lambda *xs: operation(list(xs[:2]), xs[2], [3.0, -1.0]), (a, b, c))
    needs.clear()
    first, second = operation([a, b.detach()], c.detach(), [3.0, -1.0])
    assert first.tolist() == [3.0, 2.0] and second.tolist() == [10.0, 2.0]
    first.sum().backward()
    assert a.grad.tolist() == [3.0, 3.0] and b.grad is None
    assert [(n[0], n[1]) for n in needs] == [([True, False], False)]
    operation.register_autograd(lambda ctx, grads: (grads[0], grads[1], None), setup_context=setup_context)
    with pytest.raises(RuntimeError, match=r"a list of 2 gradients at index 0|of the same structure"):
        operation([a, b], c, [3.0, -1.0])[0].sum().backward()


@pytest.mark.parametrize("t", [ours, PYTORCH])
def test_changed_arguments_are_known_to_autograd(t):
    @t.library.custom_op("test_library::fill", mutates_args={"xs", "y"})
    def fill(xs: list[t.Tensor], k: float, z: t.Tensor, y: t.Tensor) -> None:
        for x in (*xs, y):
            x.numpy()[...] = k

    a, b, c, z = (t.ones(2) for _ in range(4))
    assert fill([a, b], 3.0, z, y=c) is None
    assert [x._version for x in (a, b, c, z)] == [1, 1, 1, 0] and a.tolist() == c.tolist() == [3.0, 3.0]
    v = t.ones(2, requires_grad=True)
    product = v * a
    fill([], 3.0, z, y=a)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.sum().backward()
    with pytest.raises(RuntimeError, match=r"without mutates_args, found|non-functional operator"):
        fill.register_autograd(lambda ctx, g: None)
    for wrong in ({"nothing"}, "x"):
        with pytest.raises(ValueError, match="mutates_args"):
            t.library.custom_op("test_library::wrong", mutates_args=wrong)(_same(t))


@pytest.mark.parametrize("t", [ours, PYTORCH])
def test_a_kernel_of_another_device_is_not_run(t):
    operation = t.library.custom_op("test_library::of_cuda", _same(t), mutates_args=(), device_types="cuda")
    with pytest.raises(NotImplementedError, match="test_library::of_cuda"):
        operation(t.ones(2))
    operation.register_kernel("cpu")(lambda x: 5 * x)
    assert operation(t.ones(2)).tolist() == [5.0, 5.0]


def _same(t):
    def same(x):
        return x.clone()

    same.__annotations__ = {"x": t.Tensor, "return": t.Tensor}
    return same


def test_what_is_no_operation():
    with pytest.raises(
        ValueError, match="custom_op: expected a name such as 'mylib::square', found 'square'"
    ):
        ours.library.custom_op("square", lambda x: x, mutates_args=())
    with pytest.raises(RuntimeError, match="register_fake: expected an operation of custom_op, found none"):
        ours.library.register_fake("test_library::nothing", lambda x: x)
    by_keyword = ours.library.custom_op("test_library::k", lambda x, *, y: x * y, mutates_args=())
    with pytest.raises(NotImplementedError, match="as positional arguments, found one that is given"):
        by_keyword(ours.ones(2), y=ours.ones(2, requires_grad=True))
    two = ours.library.custom_op("test_library::two", lambda x, y: x * y, mutates_args=())
    two.register_autograd(lambda ctx, g: g)
    x = ours.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"expected a tuple of 2, one for each positional argument, got 1"):
        two(x, x).sum().backward()
    with pytest.raises(AttributeError, match=r"no attribute 'no_such_library'"):
        ours.ops.no_such_library  # noqa: B018


def test_a_namespace_can_be_copied():
    @ours.library.custom_op("copied::twice", mutates_args=())
    def twice(x: ours.Tensor) -> ours.Tensor:
        return 2 * x

    space = ours.ops.copied
    for copied in (copy.copy(space), copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert copied.twice is twice is space.twice
