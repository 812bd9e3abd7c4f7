r"""The affine map y = x Wᵀ + b, and its derivatives.

For x (..., I), W (O, I) and y (..., O), with the leading dimensions of x merged into rows, the three products

.. math:: y = x W^T \qquad \bar x = g \bar W \qquad \bar W = g^T \bar x

are each other's derivatives, so the derivatives of any order consist of these three and of sums over rows.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import gemm
from cnn_physics77.core.kernels.sums import LONGEST_PRODUCT, add_over
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.broadcasting import expand_to, expands_to
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.indexing.shape import squeeze, unsqueeze
from cnn_physics77.core.operations.pointwise.arithmetic import add, conj
from cnn_physics77.core.tensor import Tensor


def _rows(x: np.ndarray) -> np.ndarray:
    """(..., I) as a matrix (rows, I)."""
    return x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


@operation(name="linear")
def _linear(x, weight, bias):
    """y = x Wᵀ + b"""
    y = gemm.matmul(_rows(x), weight.T, bias=bias)
    return y if x.ndim == 2 else y.reshape(*x.shape[:-1], len(weight))


@operation(name="linear_input_gradient")
def _input_gradient(g, weight):
    """g W"""
    gx = gemm.matmul(_rows(g), weight)
    return gx if g.ndim == 2 else gx.reshape(*g.shape[:-1], weight.shape[1])


@operation(name="linear_weight_gradient")
def _weight_gradient(g, x):
    """gᵀ x, in the memory order of the weight."""
    return gemm.matmul(_rows(g).T, _rows(x))


@operation(name="linear_bias_gradient")
def _bias_gradient(g):
    """The sum over rows, as a product with ones, which is faster than a sum over a leading dimension. BLAS
    adds them one after the other, so very many are added in blocks."""
    rows = _rows(g)
    if len(rows) > LONGEST_PRODUCT:
        return add_over(rows, (0,))
    return gemm.matmul(np.ones(len(rows), g.dtype), rows)


@_linear.derivative("x")
def _(g, weight):
    return _input_gradient(g, conj(weight))


@_linear.derivative("weight")
def _(g, x):
    return _weight_gradient(g, conj(x))


@_linear.derivative("bias")
def _(g):
    return _bias_gradient(g)


@_input_gradient.derivative("g")
def _(v, weight):
    return _linear(v, conj(weight), None)


@_input_gradient.derivative("weight")
def _(v, g):
    return _weight_gradient(conj(g), v)


@_weight_gradient.derivative("g")
def _(v, x):
    return _linear(conj(x), v, None)


@_weight_gradient.derivative("x")
def _(v, g):
    return _input_gradient(conj(g), v)


@_bias_gradient.derivative("g")
def _(v, g_shape):
    return expand_to(v, g_shape)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    r"""The affine map.

    .. math:: y = x W^T + b

    Args:
        input: x, (..., in_features) or (in_features,).
        weight: W, (out_features, in_features); or (in_features,) for a single output without its dimension.
        bias: b, (out_features,), or a shape that broadcasts to y; or () with a 1-D weight. All have one
            floating, complex or integer dtype.

    Returns:
        y, (..., out_features), of the same dtype. If in_features = 0, it is the bias.

    Raises:
        ShapeError: sizes that do not fit.
        DtypeError: the dtypes differ.

    >>> import cnn_physics77 as torch
    >>> x, W = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> torch.nn.functional.linear(x, W, torch.tensor([0.0, 0.0, 10.0]))
    tensor([[ 1.,  2., 13.]])
    """
    check_tensors("linear", input, weight, bias, kinds="fciu")
    x, w = input.array, weight.array
    if w.ndim == 1 and x.ndim and x.shape[-1:] == w.shape and (bias is None or bias.array.ndim == 0):
        one = linear(input, unsqueeze(weight, 0), None if bias is None else unsqueeze(bias, 0))
        return squeeze(one, -1)
    if w.ndim != 2 or x.ndim == 0 or x.shape[-1] != w.shape[1]:
        raise ShapeError(
            f"linear: mat1 and mat2 shapes cannot be multiplied ({_sizes(_rows(x).shape if x.ndim else ())} "
            f"and {_sizes(w.shape[::-1])}): expected an input (..., in_features) and a weight (out_features, "
            f"in_features), found input {x.shape} and weight {w.shape}; check in_features, or flatten the "
            "input"
        )
    if bias is None or bias.array.shape == w.shape[:1]:
        return _linear(input, weight, bias)
    y = _linear(input, weight, None)
    if not expands_to(bias.array.shape, y.array.shape):
        raise ShapeError(
            f"linear: expected a bias of shape ({len(w)},), or one that expands to {y.array.shape}, found "
            f"{bias.array.shape} for a weight {w.shape}"
        )
    return add(y, bias)


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


__all__ = ["linear"]
