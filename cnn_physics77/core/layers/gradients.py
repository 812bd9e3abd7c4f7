"""The total norm of the gradients of all parameters, and gradient clipping."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.dtypes import accumulator
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.tensor import Tensor, from_array, tensor


def _tensors(tensors: Tensor | Iterable[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _norm(array: np.ndarray, p: float):
    flat = array.ravel()
    flat = flat.astype(accumulator(flat.dtype), copy=False)
    if p == 2 and flat.dtype.kind == "f":
        norm = np.sqrt(np.dot(flat, flat))
    else:
        norm = np.linalg.norm(flat, p)
    if (
        flat.dtype.itemsize < 8 and not 1e-15 < norm < 1e15
    ):  # the powers may have exceeded the range of float32
        return np.linalg.norm(flat.astype(np.result_type(flat.dtype, np.float64)), p)
    return norm.astype(np.float64)


@silent
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    r"""The p-norm of all elements of all tensors, as one vector: :math:`(\sum |x_i|^p)^{1/p}`.

    Args:
        norm_type: p; ``inf`` for the largest magnitude.
        error_if_nonfinite: raise if the norm is infinite or NaN.
        foreach: accepted for PyTorch's sake.

    Returns:
        A 0-d tensor of the first tensor's dtype.

    Raises:
        GradientError: the norm is not finite, and ``error_if_nonfinite`` is True.
    """
    tensors = _tensors(tensors)
    if not tensors:
        return tensor(0.0)
    p = float(norm_type)
    norms = [_norm(t.array, p) for t in tensors if t.array.size]
    total = np.linalg.norm(np.stack(norms) if norms else np.zeros(1), p)
    if error_if_nonfinite and not np.isfinite(total):
        raise GradientError(
            f"The total norm of order {p} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    dtype = tensors[0].array.real.dtype
    return from_array(as_array(total.astype(dtype)))


@silent
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply all gradients, in place, by max_norm / (total_norm + 1e-6) if that is less than 1."""
    factor = max_norm / (total_norm.array.astype(np.float64) + 1e-6)
    if factor < 1 or factor != factor:  # a NaN is passed on, as in PyTorch
        for parameter in _tensors(parameters):
            if parameter.grad is not None:
                gradient = parameter.grad.array
                np.multiply(gradient, factor.astype(gradient.dtype), out=gradient)
                parameter.grad.mark_changed()


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale all gradients together so that their norm is at most ``max_norm`` (Pascanu et al. 2013).

    Args:
        parameters: their ``grad`` is scaled in place; parameters without one are ignored.
        norm_type: p of the p-norm; ``inf`` for the largest magnitude.
        error_if_nonfinite: raise if the norm is infinite or NaN.
        foreach: accepted for PyTorch's sake.

    Returns:
        The norm before scaling.

    Raises:
        GradientError: the norm is not finite, and ``error_if_nonfinite`` is True.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(2, requires_grad=True)
    >>> x.grad = torch.tensor([3.0, 4.0])
    >>> torch.nn.utils.clip_grad_norm_([x], max_norm=1.0)
    tensor(5.)
    >>> x.grad
    tensor([0.6000, 0.8000])
    """
    parameters = _tensors(parameters)
    gradients = [p.grad for p in parameters if p.grad is not None]
    total = get_total_norm(gradients, norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clamp every element of all gradients to [-clip_value, clip_value], in place.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(2, requires_grad=True)
    >>> x.grad = torch.tensor([3.0, -0.5])
    >>> torch.nn.utils.clip_grad_value_([x], 1.0)
    >>> x.grad
    tensor([ 1.0000, -0.5000])
    """
    for parameter in _tensors(parameters):
        if parameter.grad is not None:
            gradient = parameter.grad.array
            np.clip(gradient, -clip_value, clip_value, out=gradient)
            parameter.grad.mark_changed()


__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]
