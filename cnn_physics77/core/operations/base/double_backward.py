"""The derivative of a fused gradient, taken from the same mathematics written with plain operations.

A fused operation (cross-entropy, batch normalization...) has a gradient that is one kernel, itself an
operation. Where that one is differentiated in its turn, speed is no longer the point: the derivative of a
composition serves, to any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnn_physics77.core.autograd import grad
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.recording import enable_grad, recording
from cnn_physics77.core.tensor import Tensor


@operation(name="same", view=True)
def _same(x):
    """y = x, at a place of its own in the graph"""
    return x


@_same.derivative("x")
def _(g):
    return g


def gradients(function: Callable, inputs: Sequence[Tensor], v, needed: Sequence[bool]) -> list[Tensor | None]:
    """Σ v ∂f/∂x_i of function(*inputs), for each input x_i that is needed; None for the others.

    The inputs are taken as independent of one another, whatever they were computed from. Where derivatives
    are being recorded, the result depends on the inputs and on v, so that it can be differentiated again.

    Args:
        function: of tensors; gives a tensor or a sequence of them.
        v: a tensor like the output, or a sequence of them.
    """
    again = recording()
    with enable_grad():
        places = [_same(x) if again else x.detach() for x in inputs]
        for place in places:
            if place.edge is None:
                place.requires_grad_()
        y = function(*places)
    wanted = [place for place, need in zip(places, needed) if need]
    found = iter(grad(y, wanted, v, create_graph=again, materialize_grads=True))
    return [next(found) if need else None for need in needed]


def gradient_again(
    function: Callable, g, inputs: Sequence[Tensor], v, needed: Sequence[bool]
) -> list[Tensor | None]:
    """The derivative of the operation (g, *inputs) -> Σ g ∂f/∂inputs, in the direction v.

    Args:
        function: f, of tensors.
        g: the gradient of f's output.
        v: the gradient of the operation's results: one tensor, or one for each input.
        needed: for g and each input, whether its gradient is wanted.
    """

    def gradient(g, *inputs):
        return grad(function(*inputs), inputs, g, create_graph=True, materialize_grads=True)

    return gradients(gradient, (g, *inputs), v, needed)
