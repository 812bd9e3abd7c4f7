"""``torch.autograd.grad`` with all of PyTorch's arguments, in its order."""

from __future__ import annotations

from cnn_physics77.core.autograd import grad as _grad
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.tensor import Tensor


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple:
    r"""The gradients of the sum of ``outputs`` with respect to ``inputs``; no ``.grad`` is touched.

    Args:
        outputs: a tensor or several, or their edges (:class:`.graph.GradientEdge`).
        inputs: as ``outputs``, ``module.parameters()`` too; leaves or results on the way.
        grad_outputs: :math:`\partial L / \partial y` for each output, of its shape; None for 1.
        retain_graph: keep what the derivatives need for another backward pass. Default: ``create_graph``.
        create_graph: record the derivatives, so that they can be differentiated.
        only_inputs: deprecated, and not used.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.
        is_grads_batched: the first dimension of each of ``grad_outputs`` counts vectors. The result has it
            too; one pass computes all, by :func:`torch.vmap`.
        materialize_grads: give zeros for an input that the outputs do not depend on.

    Returns:
        One tensor per input, of its shape.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> torch.autograd.grad((x * x).sum(), x, only_inputs=True)
    (tensor([2., 4.]),)
    >>> torch.autograd.grad(x * x, x, torch.eye(2), is_grads_batched=True)
    (tensor([[2., 0.],
            [0., 4.]]),)
    """
    if not only_inputs:
        warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate "
            "gradient for other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
        )
    if not is_grads_batched:
        return _grad(
            outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads
        )
    batches = grad_outputs if isinstance(grad_outputs, (tuple, list)) else (grad_outputs,)
    sizes = {g.shape[0] if isinstance(g, Tensor) and g.ndim else None for g in batches}
    if len(sizes) != 1 or None in sizes:
        raise ShapeError(
            "grad: expected grad_outputs that are all tensors with an equal first size when "
            "is_grads_batched=True, found "
            f"{[tuple(g.shape) if isinstance(g, Tensor) else type(g).__name__ for g in batches]}"
        )
    if sizes == {0}:
        raise ShapeError("grad: expected at least one vector when is_grads_batched=True, found none")

    from cnn_physics77.func.mapping import vmap  # late: importing the package does not need it

    def product(*vectors: Tensor) -> tuple:
        found = _grad(outputs, inputs, vectors, retain_graph, create_graph, allow_unused, materialize_grads)
        used.append([g is not None for g in found])
        return tuple(g for g in found if g is not None)

    used: list = []
    rows = iter(vmap(product)(*batches))
    return tuple(next(rows) if there else None for there in used[0])


__all__ = ["grad"]
