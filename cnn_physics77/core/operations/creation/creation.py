"""Creation of tensors with given values: zeros, full, eye, arange, linspace, ... The results are leaves.

All functions take ``dtype`` (by default the default dtype, see ``set_default_dtype``; int64 if all arguments
are integers), ``device`` (``"cpu"``) and ``requires_grad``.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.conversion import fitted
from cnn_physics77.core.backend.device import check_device
from cnn_physics77.core.backend.dtypes import default_dtype
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels.fused import fused_multiply_add
from cnn_physics77.core.kernels.runtime.layout import prototype
from cnn_physics77.core.operations.base.broadcasting import common_dtype
from cnn_physics77.core.operations.base.dimensions import sizes_of
from cnn_physics77.core.operations.indexing.cast import as_dtype, convert
from cnn_physics77.core.operations.indexing.clone import (
    asked_for,
    contiguous_format,
    laid_out,
    memory_format,
    preserve_format,
)
from cnn_physics77.core.tensor import Tensor, from_array, method, tensor


def sizes(function: str, size: tuple) -> tuple[int, ...]:
    """The shape of a call ``f(2, 3)`` or ``f((2, 3))``.

    Raises:
        ShapeError: a size is negative.
        DtypeError: a size is not an integer.
    """
    shape = sizes_of(function, size)
    for n in shape:
        if n < 0:
            raise ShapeError(f"{function}: expected non-negative sizes, found {shape}")
    return shape


def made(function: str, array: np.ndarray, device, requires_grad: bool) -> Tensor:
    """The array as a leaf."""
    if device is not None:
        check_device(function, device)
    made = from_array(array)
    return made.requires_grad_() if requires_grad else made


def in_format(made: Tensor, order) -> Tensor:
    """The new tensor in a memory format; None is the one that it has."""
    if order is not None and order is not preserve_format:
        made.array = laid_out("memory_format", made.array, order)
        asked_for(made, order)
    return made


def floating_or(function: str, dtype) -> np.dtype:
    """``dtype``, or the default one."""
    return default_dtype() if dtype is None else as_dtype(function, dtype)


# --------------------------------------------------------------------------------------------- filled


def zeros(*size, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Zeros of shape ``size``, given as integers or one tuple.

    Raises:
        ShapeError: a size is negative.

    >>> import cnn_physics77 as torch
    >>> torch.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    return made("zeros", np.zeros(sizes("zeros", size), floating_or("zeros", dtype)), device, requires_grad)


def ones(*size, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Ones of shape ``size``, given as integers or one tuple.

    Raises:
        ShapeError: a size is negative.

    >>> import cnn_physics77 as torch
    >>> torch.ones((2,))
    tensor([1., 1.])
    """
    return made("ones", np.ones(sizes("ones", size), floating_or("ones", dtype)), device, requires_grad)


def empty(
    *size,
    dtype=None,
    device=None,
    requires_grad: bool = False,
    memory_format: memory_format = contiguous_format,
) -> Tensor:
    """A tensor of shape ``size`` with uninitialized values, in row-major order or another memory format.

    Raises:
        ShapeError: a size is negative, or the memory format needs another number of sizes.

    >>> import cnn_physics77 as torch
    >>> torch.empty(2, 3).shape
    torch.Size([2, 3])
    """
    array = np.empty(sizes("empty", size), floating_or("empty", dtype))
    if memory_format is not contiguous_format:
        array = laid_out("empty", array, memory_format)
    return made("empty", array, device, requires_grad)


@silent
def full(size, fill_value, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A tensor of shape ``size``, filled with ``fill_value``. Without ``dtype`` the dtype is bool, int64 or
    the default floating or complex dtype, according to the value.

    Raises:
        ShapeError: a size is negative.
        RangeError: the value is outside of the range of the dtype.
        DtypeError: a complex value for a real dtype.

    >>> import cnn_physics77 as torch
    >>> torch.full((2, 2), 7)
    tensor([[7, 7],
            [7, 7]])
    """
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    dtype = common_dtype("full", value) if dtype is None else as_dtype("full", dtype)
    array = np.full(sizes("full", (size,)), fitted("full", value, dtype))
    return made("full", array, device, requires_grad)


def _like(input: Tensor, dtype) -> np.dtype:
    return input.array.dtype if dtype is None else as_dtype("like", dtype)


def zeros_like(
    input: Tensor, *, dtype=None, device=None, requires_grad: bool = False, memory_format=preserve_format
) -> Tensor:
    """Zeros of the shape and dtype of ``input``, in its memory order or another one.

    >>> import cnn_physics77 as torch
    >>> torch.zeros_like(torch.tensor([1, 2]))
    tensor([0, 0])
    """
    array = np.zeros_like(prototype(input.array), _like(input, dtype))
    return in_format(made("zeros_like", array, device, requires_grad), memory_format)


def ones_like(
    input: Tensor, *, dtype=None, device=None, requires_grad: bool = False, memory_format=preserve_format
) -> Tensor:
    """Ones of the shape and dtype of ``input``, in its memory order or another one.

    >>> import cnn_physics77 as torch
    >>> torch.ones_like(torch.tensor([1.5, 2.5]))
    tensor([1., 1.])
    """
    array = np.ones_like(prototype(input.array), _like(input, dtype))
    return in_format(made("ones_like", array, device, requires_grad), memory_format)


def empty_like(
    input: Tensor, *, dtype=None, device=None, requires_grad: bool = False, memory_format=preserve_format
) -> Tensor:
    """A tensor of the shape and dtype of ``input``, in its memory order or another one, with uninitialized
    values.

    >>> import cnn_physics77 as torch
    >>> torch.empty_like(torch.ones(2, 3)).shape
    torch.Size([2, 3])
    """
    array = np.empty_like(prototype(input.array), _like(input, dtype))
    return in_format(made("empty_like", array, device, requires_grad), memory_format)


@silent
def full_like(
    input: Tensor,
    fill_value,
    *,
    dtype=None,
    device=None,
    requires_grad: bool = False,
    memory_format=preserve_format,
) -> Tensor:
    """A tensor of the shape and dtype of ``input``, in its memory order or another one, filled with
    ``fill_value``.

    Raises:
        RangeError: the value is outside of the range of the dtype.
        DtypeError: a complex value for a real dtype.

    >>> import cnn_physics77 as torch
    >>> torch.full_like(torch.ones(2), 7)
    tensor([7., 7.])
    """
    dtype = _like(input, dtype)
    array = np.empty_like(prototype(input.array), dtype)
    array[...] = fitted("full_like", fill_value, dtype)
    return in_format(made("full_like", array, device, requires_grad), memory_format)


@method("new_zeros")
def _new_zeros(self, *size, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Zeros of shape ``size`` in the dtype of this tensor."""
    return made("new_zeros", np.zeros(sizes("new_zeros", size), _like(self, dtype)), device, requires_grad)


@method("new_ones")
def _new_ones(self, *size, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """Ones of shape ``size`` in the dtype of this tensor."""
    return made("new_ones", np.ones(sizes("new_ones", size), _like(self, dtype)), device, requires_grad)


@method("new_empty")
def _new_empty(self, *size, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A tensor of shape ``size`` in the dtype of this one, with uninitialized values."""
    return made("new_empty", np.empty(sizes("new_empty", size), _like(self, dtype)), device, requires_grad)


@method("new_full")
@silent
def _new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A tensor of shape ``size`` in the dtype of this one, filled with ``fill_value``."""
    array = np.full(sizes("new_full", (size,)), fitted("new_full", fill_value, _like(self, dtype)))
    return made("new_full", array, device, requires_grad)


@method("new_tensor")
def _new_tensor(self, data, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A leaf with a copy of the data, in the dtype of this tensor."""
    check_device("new_tensor", device)
    return tensor(data, dtype=_like(self, dtype), requires_grad=requires_grad)


def eye(n: int, m: int | None = None, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """The n × m matrix with ones on the diagonal; m is n by default.

    Raises:
        ShapeError: a size is negative.

    >>> import cnn_physics77 as torch
    >>> torch.eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    n, m = sizes("eye", (n, n if m is None else m))
    return made("eye", np.eye(n, m, dtype=floating_or("eye", dtype)), device, requires_grad)


def as_tensor(data, dtype=None, device=None) -> Tensor:
    """The data as a tensor, which shares its memory if possible.

    A tensor or a NumPy array (or subclass) of the right dtype is not copied, and a tensor keeps its history.
    Arrays in a foreign byte order are copied.

    Raises:
        DtypeError, ShapeError, RangeError: as for :func:`tensor`.

    >>> import cnn_physics77 as torch
    >>> a = np.zeros(2)
    >>> torch.as_tensor(a).numpy() is a
    True
    """
    check_device("as_tensor", device)
    if isinstance(data, Tensor):
        return data if dtype is None else convert(data, as_dtype("as_tensor", dtype))
    if isinstance(data, np.ndarray) or (hasattr(data, "__array__") and not isinstance(data, np.generic)):
        array = data if isinstance(data, np.ndarray) else np.asarray(data)
        shared = from_array(plain_array("as_tensor", array))
        return shared if dtype is None else convert(shared, as_dtype("as_tensor", dtype))
    return tensor(data, dtype=dtype)


# ----------------------------------------------------------------------------------------- counted and spaced


@silent
def arange(start=None, end=None, step=1, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    r"""The numbers start, start + step, ... up to end (exclusive). ``arange(end)`` starts at 0.

    There are :math:`\lceil (\mathrm{end} - \mathrm{start}) / \mathrm{step} \rceil` numbers. The dtype is
    int64 if all arguments are integers, else the default dtype. For an integer dtype start and step are
    rounded towards 0; for int64 also end, before it decides the number.

    Raises:
        ArgumentError: step is 0, or has the wrong sign, or the range is infinite.

    >>> import cnn_physics77 as torch
    >>> torch.arange(5), torch.arange(1, 2, 0.5)
    (tensor([0, 1, 2, 3, 4]), tensor([1.0000, 1.5000]))
    """
    if start is None or end is None:  # arange(end), arange(end=end)
        start, end = 0, start if end is None else end
    if end is None:
        raise DtypeError("arange: expected an end, found none; call arange(end) or arange(start, end)")
    numbers = [x.item() if isinstance(x, Tensor) else x for x in (start, end, step)]
    start, end, step = numbers
    if dtype is None:
        integers = all(isinstance(x, (int, np.integer)) for x in numbers)
        dtype = np.dtype(np.int64) if integers else default_dtype()
    dtype = as_dtype("arange", dtype)
    whole = dtype.kind in "iu"
    if step == 0 or (whole and int(step) == 0):
        raise ArgumentError(f"arange: expected a nonzero step, found {step}")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise ArgumentError(f"arange: unsupported range: {start} -> {end}")
    if (end - start) / step < 0:
        raise ArgumentError(
            f"arange: expected a step towards the end, found start {start}, end {end}, step {step}; change "
            "its sign"
        )
    if whole and dtype.itemsize < 8:
        array = int(start) + int(step) * np.arange(math.ceil((end - start) / step))
    elif whole:
        array = np.arange(int(start), int(end), int(step), dtype=dtype)
    else:
        array = np.arange(start, end, step, dtype=np.float64)
    return made("arange", array.astype(dtype, copy=False), device, requires_grad)


@silent
def linspace(start, end, steps: int, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    r"""``steps`` evenly spaced numbers from start to end (inclusive).

    .. math:: x_i = \mathrm{start} + i \, \frac{\mathrm{end} - \mathrm{start}}{\mathrm{steps} - 1}

    Raises:
        ArgumentError: steps is negative.
        RangeError: start or end does not lie in the range of the dtype.

    >>> import cnn_physics77 as torch
    >>> torch.linspace(0, 1, 5)
    tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])
    """
    start, end = (x.item() if isinstance(x, Tensor) else x for x in (start, end))
    array = _linspace("linspace", start, end, steps, dtype)
    dtype = _spaced_dtype("linspace", dtype, array)
    for bound in (start, end):
        fitted("linspace", bound, dtype)
    return made("linspace", array.astype(dtype), device, requires_grad)


@silent
def logspace(
    start, end, steps: int, base: float = 10.0, *, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers from base^start to base^end (inclusive), evenly spaced on a logarithmic scale.

    Raises:
        ArgumentError: steps is negative.

    >>> import cnn_physics77 as torch
    >>> torch.logspace(0, 3, 4)
    tensor([   1.,   10.,  100., 1000.])
    """
    start, end = (x.item() if isinstance(x, Tensor) else x for x in (start, end))
    array = float(base) ** _linspace("logspace", start, end, steps, dtype)
    return made("logspace", array.astype(_spaced_dtype("logspace", dtype, array)), device, requires_grad)


def _linspace(function: str, start, end, steps: int, dtype) -> np.ndarray:
    """The numbers in double precision. For an integer dtype the bounds are rounded towards 0 first."""
    if steps < 0:
        raise ArgumentError(f"{function}: number of steps must be non-negative, found {steps}")
    if dtype is not None and as_dtype(function, dtype).kind in "iu":
        return np.linspace(int(start), int(end), steps)
    if steps < 2 or isinstance(start, complex) or isinstance(end, complex):
        return np.linspace(start, end, steps)
    step = (float(end) - float(start)) / (steps - 1)  # from the nearer end, rounded once, as PyTorch does
    first, last = np.arange(float(steps // 2)), np.arange(float(steps - steps // 2))[::-1]
    return np.concatenate(
        [fused_multiply_add(first, step, float(start)), fused_multiply_add(last, -step, float(end))]
    )


def _spaced_dtype(function: str, dtype, array: np.ndarray) -> np.dtype:
    if dtype is None and array.dtype.kind == "c":
        return np.result_type(default_dtype(), np.complex64)
    return floating_or(function, dtype)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype=np.int64, device=None) -> Tensor:
    """The indices (2, n), rows and columns, of the lower triangle of a row × col matrix, including the
    diagonal ``offset``.

    >>> import cnn_physics77 as torch
    >>> torch.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    row, col = sizes("tril_indices", (row, col))
    return made("tril_indices", np.stack(np.tril_indices(row, offset, col)).astype(dtype), device, False)


def triu_indices(row: int, col: int, offset: int = 0, *, dtype=np.int64, device=None) -> Tensor:
    """The indices (2, n), rows and columns, of the upper triangle of a row × col matrix, including the
    diagonal ``offset``.

    >>> import cnn_physics77 as torch
    >>> torch.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    row, col = sizes("triu_indices", (row, col))
    return made("triu_indices", np.stack(np.triu_indices(row, offset, col)).astype(dtype), device, False)


__all__ = [
    "arange",
    "as_tensor",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "tril_indices",
    "triu_indices",
    "zeros",
    "zeros_like",
]
