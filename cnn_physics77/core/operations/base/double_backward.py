"""The derivative of a fused gradient, by automatic differentiation of the same formula in plain operations.

A fused operation (cross-entropy, batch normalization, ...) has a gradient that is one kernel and an operation
itself. The derivative of that gradient is seldom needed, so it need not be fast. It comes from a composition
of plain operations, which has derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnn_physics77.core.autograd import grad
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.recording import enable_grad, recording
from cnn_physics77.core.tensor import Tensor


@operation(name="identity", view=True)
def _identity(x):
    """y = x, as a separate node of the graph."""
    return x


@_identity.derivative("x")
def _(g):
    return g


def vjp(function: Callable, inputs: Sequence[Tensor], v, needed: Sequence[bool]) -> list[Tensor | None]:
    """The vector-Jacobian products Σ v ∂f/∂x_i of f = function: for each needed input x_i that f depends on,
    None for the rest.

    The inputs count as independent of one another, even if one was computed from another. With recording on,
    the result is a function of the inputs and of v, and can be differentiated again.

    Args:
        function: takes tensors; returns a tensor or a sequence of tensors.
        v: a tensor like the output, or a sequence of tensors like the outputs.
    """
    create_graph = recording()
    with enable_grad():
        variables = [_identity(x) if create_graph else x.detach() for x in inputs]
        for variable in variables:
            if variable.edge is None:
                variable.requires_grad_()
        y = function(*variables)
    wanted = [variable for variable, need in zip(variables, needed) if need]
    found = iter(grad(y, wanted, v, create_graph=create_graph, allow_unused=True))
    return [next(found) if need else None for need in needed]


def double_backward(
    function: Callable, g, inputs: Sequence[Tensor], v: Sequence[Tensor | None], needed: Sequence[bool]
) -> list[Tensor | None]:
    """The vector-Jacobian product of the gradient (g, *inputs) -> Σ g ∂f/∂inputs with v.

    What nothing was sent to is left out: zeros in its place would make NaN of infinite values.

    Args:
        function: f; takes tensors.
        g: the gradient of the output of f.
        v: the gradient of each input's gradient; None for one that was sent nothing.
        needed: for g and for each input, whether its gradient is needed.
    """

    def gradient(g, *inputs):
        wanted = [x for x, sent in zip(inputs, v) if sent is not None]
        return grad(function(*inputs), wanted, g, create_graph=True, materialize_grads=True)

    return vjp(gradient, (g, *inputs), [sent for sent in v if sent is not None], needed)
