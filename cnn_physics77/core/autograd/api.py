"""What users call: ``backward`` and ``grad``, their arguments and their errors."""

from __future__ import annotations

from collections.abc import Iterator, ValuesView

import numpy as np

from cnn_physics77.core.autograd.engine import run_backward
from cnn_physics77.core.autograd.graph import edge_to
from cnn_physics77.core.errors import GradientError, ShapeError


def _as_tuple(value) -> tuple:
    if value is None:
        return ()
    if hasattr(value, "edge"):  # a tensor; the test below takes longer
        return (value,)
    return tuple(value) if isinstance(value, (tuple, list, Iterator, ValuesView)) else (value,)


def _initial_gradients(outputs, gradients, operation: str) -> list:
    """The gradients to start with: those given, or 1 for outputs of one element."""
    gradients = gradients or (None,) * len(outputs)
    if len(gradients) != len(outputs):
        raise ShapeError(
            f"{operation}: expected one gradient per output, found {len(gradients)} for {len(outputs)} "
            "outputs"
        )
    initial = []
    for output, gradient in zip(outputs, gradients):
        if output.edge is None:
            raise GradientError(
                f"{operation}: expected an output that depends on a variable, found one of shape "
                f"{output.shape} that does not require grad; set requires_grad=True on an input, and do not "
                "compute under no_grad()"
            )
        if gradient is None:
            if output.numel() != 1:
                raise GradientError(
                    f"{operation}: grad can be implicitly created only for scalar outputs, found shape "
                    f"{output.shape}; reduce it, e.g. with .sum(), or give the gradient"
                )
            if output.is_complex():
                raise GradientError(
                    f"{operation}: grad can be implicitly created only for real scalar outputs, found "
                    f"{output.dtype}; take a real value of it, e.g. with .abs(), or give the gradient"
                )
            gradient = output.data  # a constant, which gets memory of its own
            gradient.array = np.ones(output.shape, gradient.array.dtype)
        elif gradient.shape != output.shape:
            raise ShapeError(
                f"{operation}: expected a gradient of the output's shape {output.shape}, found "
                f"{gradient.shape}"
            )
        elif gradient.dtype != output.dtype:
            gradient = gradient.to(output.dtype)
        initial.append(gradient)
    return initial


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None) -> None:
    """Add :math:`\\partial L / \\partial x` into ``x.grad`` of every leaf x below ``tensors``.

    Args:
        tensors: a tensor or a sequence of them; one of more than one element needs its gradient in
            ``grad_tensors``.
        grad_tensors: :math:`\\partial L / \\partial y` for each of them, of its shape; None for 1.
        retain_graph: keep what the derivatives need for another backward pass. Default: ``create_graph``.
        create_graph: record the derivatives, so that they can be differentiated.
        inputs: add into the ``.grad`` of these tensors alone. Results among them retain their gradient, as
            after ``retain_grad()``.

    Raises:
        GradientError: there is nothing to differentiate; an output of several elements comes without a
            gradient; the graph was freed by a backward pass before; a tensor was changed in place since it
            was recorded.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> torch.autograd.backward((x * x).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    outputs = _as_tuple(tensors)
    initial = _initial_gradients(outputs, _as_tuple(grad_tensors), "backward")
    targets: dict | None = None
    if inputs is not None:
        inputs = _as_tuple(inputs)
        if not inputs:
            raise GradientError(
                "backward: expected at least one tensor in inputs, found none; leave inputs out for all "
                "leaves"
            )
        targets = {edge_to(tensor): tensor for tensor in inputs}
        if None in targets:
            raise GradientError("backward: expected inputs that require grad, found one that does not")
        for tensor in inputs:
            tensor.retain_grad()

    def deliver(edge, gradient, owned):
        tensor = edge if targets is None else targets[edge]
        if tensor.is_leaf:  # else the hook of retain_grad() has had the gradient
            tensor.accumulate_grad(gradient, owned, create_graph)

    retain = create_graph if retain_graph is None else retain_graph
    roots = [edge_to(output) for output in outputs]
    run_backward(roots, initial, deliver, None if targets is None else set(targets), retain, create_graph)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    allow_unused=None,
    materialize_grads=False,
) -> tuple:
    """The gradients of the sum of ``outputs`` with respect to ``inputs``; no ``.grad`` is touched.

    Args:
        outputs: a tensor or several.
        inputs: a tensor or several, ``module.parameters()`` too; leaves or results on the way.
        grad_outputs: :math:`\\partial L / \\partial y` for each output, of its shape; None for 1.
        retain_graph: keep what the derivatives need for another backward pass. Default: ``create_graph``.
        create_graph: record the derivatives, so that they can be differentiated.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.
        materialize_grads: give zeros for such an input.

    Returns:
        One tensor per input, of its shape.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> first, = torch.autograd.grad(x**3, x, create_graph=True)
    >>> second, = torch.autograd.grad(first, x)
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if allow_unused is None:
        allow_unused = materialize_grads
    elif materialize_grads and not allow_unused:
        raise ValueError(
            "grad: expected allow_unused to be True or left out when materialize_grads is True, found False"
        )
    for index, tensor in enumerate(inputs):
        if tensor.edge is None:
            raise GradientError(
                f"grad: expected inputs that require grad, found input {index} of shape {tensor.shape} that "
                "does not"
            )
    initial = _initial_gradients(outputs, _as_tuple(grad_outputs), "grad")
    found: dict = {}

    def deliver(edge, gradient, owned):
        found[edge] = gradient

    retain = create_graph if retain_graph is None else retain_graph
    roots = [edge_to(output) for output in outputs]
    run_backward(roots, initial, deliver, {edge_to(tensor) for tensor in inputs}, retain, create_graph)
    result = []
    for index, tensor in enumerate(inputs):
        gradient = found.get(edge_to(tensor))
        if gradient is None and not allow_unused:
            raise GradientError(
                "grad: expected the outputs to depend on every input, found that they do not on input "
                f"{index} of shape {tensor.shape}; give allow_unused=True to get None there"
            )
        if gradient is None and materialize_grads:
            gradient = tensor.detach().new_zeros(tensor.shape)
        result.append(gradient)
    return tuple(result)
