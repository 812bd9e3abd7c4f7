"""``torch.nn.grad``: the gradients of a convolution with respect to its input, and to its weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnn_physics77.autograd.gradients import grad
from cnn_physics77.core.operations import conv1d, conv2d, conv3d, zeros
from cnn_physics77.core.recording import enable_grad, recording
from cnn_physics77.core.tensor import Tensor


def _gradient(
    convolve: Callable, input: Tensor, weight: Tensor, of: Tensor, g: Tensor, options: tuple
) -> Tensor:
    """A convolution is linear in each of the two, so the value of ``of``, one of them, does not matter."""
    recorded = recording()
    with enable_grad():
        y = convolve(input, weight, None, *options)
        return grad(y, of, g, create_graph=recorded)[0]


def _functions(convolve: Callable) -> tuple[Callable, Callable]:
    name = convolve.__name__

    def of_input(
        input_size: Sequence[int],
        weight: Tensor,
        grad_output: Tensor,
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
    ) -> Tensor:
        x = zeros(tuple(input_size), dtype=weight.dtype, requires_grad=True)
        return _gradient(convolve, x, weight, x, grad_output, (stride, padding, dilation, groups))

    def of_weight(
        input: Tensor,
        weight_size: Sequence[int],
        grad_output: Tensor,
        stride: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
    ) -> Tensor:
        w = zeros(tuple(weight_size), dtype=input.dtype, requires_grad=True)
        return _gradient(convolve, input, w, w, grad_output, (stride, padding, dilation, groups))

    for function, what in ((of_input, "input"), (of_weight, "weight")):
        function.__name__ = function.__qualname__ = f"{name}_{what}"
        function.__doc__ = f"""The gradient of ``{name}`` with respect to its {what}.

        Args:
            {what}_size: the shape of the {what}.
            grad_output: the gradient of the output.
            stride, padding, dilation, groups: see :func:`{name}`.
        """
    return of_input, of_weight


conv1d_input, conv1d_weight = _functions(conv1d)
conv2d_input, conv2d_weight = _functions(conv2d)
conv3d_input, conv3d_weight = _functions(conv3d)

__all__ = [
    "conv1d_input",
    "conv1d_weight",
    "conv2d_input",
    "conv2d_weight",
    "conv3d_input",
    "conv3d_weight",
]
