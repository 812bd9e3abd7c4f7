"""`torch.library` against PyTorch: operations of one's own."""

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


def test_what_is_no_operation():
    with pytest.raises(
        ValueError, match="custom_op: expected a name such as 'mylib::square', found 'square'"
    ):
        ours.library.custom_op("square", lambda x: x, mutates_args=())
    with pytest.raises(RuntimeError, match="register_fake: expected an operation of custom_op, found none"):
        ours.library.register_fake("test_library::nothing", lambda x: x)
    with pytest.raises(AttributeError, match=r"no attribute 'no_such_library'"):
        ours.ops.no_such_library  # noqa: B018
