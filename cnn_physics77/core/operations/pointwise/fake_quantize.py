r"""Floating-point numbers rounded to those of a few integers, as quantized networks are trained.

.. math:: y = s \left(\min(\max(\mathrm{round}(x / s) + z, a), b) - z\right)

The derivative is 1 where the integer lies within [a, b], else 0, as if nothing were rounded (Y. Bengio et
al., arXiv:1308.3432).
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, from_array


def _integers(x, scale, zero_point):
    return np.rint(x * (1 / scale)) + zero_point


@operation(name="fake_quantize")
def _fake_quantize(x, scale, zero_point, *, quant_min, quant_max):
    """y = s (min(max(round(x / s) + z, a), b) - z); NaN counts as the smallest"""
    integers = np.fmax(_integers(x, scale, zero_point), quant_min)
    return ((np.minimum(integers, quant_max) - zero_point) * scale).astype(x.dtype)


@_fake_quantize.derivative("x")
def _(g, x, scale, zero_point, quant_min, quant_max):
    return g * _inside(x, scale, zero_point, quant_min, quant_max)


@silent
def _inside(x: Tensor, scale: Tensor, zero_point: Tensor, quant_min: int, quant_max: int) -> Tensor:
    integers = _integers(x.array, scale.array, zero_point.array)
    return from_array(((integers >= quant_min) & (integers <= quant_max)).astype(x.array.dtype))


def _check(function: str, zero_point: np.ndarray, quant_min: int, quant_max: int) -> None:
    if quant_min > quant_max:
        raise ArgumentError(
            f"{function}: `quant_min` should be less than or equal to `quant_max`, found {quant_min} and "
            f"{quant_max}"
        )
    if ((zero_point < quant_min) | (zero_point > quant_max)).any():
        raise ArgumentError(
            f"{function}: `zero_point` must be between `quant_min` and `quant_max`, {quant_min} and "
            f"{quant_max}"
        )


def fake_quantize_per_tensor_affine(
    input: Tensor, scale, zero_point, quant_min: int, quant_max: int
) -> Tensor:
    r"""The nearest numbers that integers from a to b stand for.

    .. math:: y = s \left(\min(\max(\mathrm{round}(x / s) + z, a), b) - z\right)

    The derivative is 1 where the integer lies within [a, b], else 0. Halves are rounded to even integers. NaN
    counts as the smallest number.

    Args:
        input: x, real and floating.
        scale: s, a number or a tensor of one.
        zero_point: z, an integer or a tensor of one, which stands for 0.
        quant_min, quant_max: a and b.

    Raises:
        ArgumentError: a is larger than b, or z lies outside.
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> torch.fake_quantize_per_tensor_affine(torch.tensor([0.3, 0.8, 9.0]), 0.5, 0, -4, 3)
    tensor([0.5000, 1.0000, 1.5000])
    """
    name = "fake_quantize_per_tensor_affine"
    check_tensors(name, input, kinds="f")
    zero = _values(zero_point)
    _check(name, zero, quant_min, quant_max)
    dtype = input.array.dtype
    factors = (from_array(_values(value).astype(dtype)) for value in (scale, zero))
    return _fake_quantize(input, *factors, quant_min=quant_min, quant_max=quant_max)


def fake_quantize_per_channel_affine(
    input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int, quant_max: int
) -> Tensor:
    """:func:`fake_quantize_per_tensor_affine`, with an s and a z for each index of a dimension.

    Args:
        scale, zero_point: (n,) where n is the size of the dimension.
        axis: the dimension.

    Raises:
        ArgumentError: as there.
        ShapeError: there is no such dimension, or not one s and z for each index.
        DtypeError: the input is not real and floating.

    >>> import cnn_physics77 as torch
    >>> scale, zero = torch.tensor([0.5, 1.0]), torch.zeros(2, dtype=torch.int32)
    >>> torch.fake_quantize_per_channel_affine(torch.tensor([[0.7], [0.7]]), scale, zero, 0, 0, 9)
    tensor([[0.5000],
            [1.0000]])
    """
    name = "fake_quantize_per_channel_affine"
    check_tensors(name, input, kinds="f")
    axis = dimension(name, axis, input.array.ndim)
    count = input.array.shape[axis]
    for what, vector in (("scale", scale), ("zero_point", zero_point)):
        if vector.array.shape != (count,):
            raise ShapeError(
                f"{name}: dimensions of scale and zero-point are not consistent with input tensor: expected "
                f"{what} of shape ({count},), found {vector.array.shape}"
            )
    _check(name, zero_point.array, quant_min, quant_max)
    shape = [count if i == axis else 1 for i in range(input.array.ndim)]
    factors = (from_array(v.array.astype(input.array.dtype).reshape(shape)) for v in (scale, zero_point))
    return _fake_quantize(input, *factors, quant_min=quant_min, quant_max=quant_max)


def _values(number) -> np.ndarray:
    return number.array if isinstance(number, Tensor) else np.array(number)


__all__ = ["fake_quantize_per_channel_affine", "fake_quantize_per_tensor_affine"]
complete_late(__name__)
