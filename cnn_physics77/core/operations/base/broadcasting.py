"""Type promotion and broadcasting of operands of different dtypes or shapes.

Casts and expansions are recorded as operations of their own, so no other derivative has to handle them.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_dtype, check_fits, promoted, wrapped
from cnn_physics77.core.backend.dtype import dtype, torch_dtype
from cnn_physics77.core.backend.dtypes import accumulator, default_dtype
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.backend.size import Size, size_of
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import half
from cnn_physics77.core.kernels.runtime.layout import copied
from cnn_physics77.core.kernels.sums import add_over
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.views import view_operation
from cnn_physics77.core.tensor import Tensor, from_array

# --------------------------------------------------------------------------------------------- dtypes


@operation(view=True)
def cast(x, *, dtype):
    """y = x in another dtype. Complex to real takes the real part; a boolean is x != 0."""
    if x.dtype.kind == "c" and dtype.kind not in "cb":
        x = x.real
    if x.dtype.char + dtype.char in ("ef", "fe") and 0 not in x.strides:
        return half.converted(x, dtype)
    return copied(x, dtype) if 0 in x.strides and x.dtype != dtype else x.astype(dtype, copy=False)


@cast.derivative("x")
def _(g, x_dtype):
    return cast(g, dtype=x_dtype)


RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
"""The order of the kinds of dtypes: boolean, integer, floating, complex."""


def promote_types(type1, type2) -> dtype:
    """The smallest dtype that both can be converted to. A floating dtype stays unchanged when it meets an
    integer one.

    Raises:
        DtypeError: no dtype holds both: uint64 and a signed integer dtype.

    >>> import cnn_physics77 as torch
    >>> torch.promote_types(torch.float32, torch.int64)
    torch.float32
    """
    return torch_dtype(promoted(type1, type2))


def can_cast(from_, to) -> bool:
    """Whether ``to`` is of the same kind of numbers or of a higher one: boolean, integer, floating, complex.
    Its range and precision do not matter.

    >>> import cnn_physics77 as torch
    >>> torch.can_cast(torch.float64, torch.float32), torch.can_cast(torch.float32, torch.int64)
    (True, False)
    """
    return RANK[as_dtype("can_cast", from_).kind] <= RANK[as_dtype("can_cast", to).kind]


def result_type(tensor1, tensor2) -> dtype:
    """The dtype of a result of two tensors or Python numbers.

    Tensors with dimensions decide. 0-d tensors, and after them Python numbers, only count if their kind
    (boolean < integer < floating < complex) is higher.

    >>> import cnn_physics77 as torch
    >>> torch.result_type(torch.ones(2), torch.tensor(1.0, dtype=torch.float64))
    torch.float32
    """
    return torch_dtype(common_dtype("result_type", tensor1, tensor2))


def common_dtype(function: str, *operands) -> np.dtype:
    """:func:`result_type` of any number of operands, as NumPy's dtype; errors name ``function``."""
    groups: list[list[np.dtype]] = [[], [], []]
    for operand in operands:
        if isinstance(operand, Tensor):
            groups[0 if operand.array.ndim else 1].append(operand.array.dtype)
        else:
            groups[2].append(_dtype_of_number(function, operand))
    result: np.dtype | None = None
    for group in groups:
        if not group:
            continue
        lower = group[0]
        for other in group[1:]:
            lower = promoted(lower, other)
        if result is None:
            result = lower
        elif RANK[lower.kind] > RANK[result.kind]:
            if lower.kind == "c" and result.kind == "f":
                lower = np.result_type(result, np.complex64)
            result = lower
            if group is groups[2] and result.kind == "i":
                _check_int64(function, operands)
    assert result is not None
    return result


def _check_int64(function: str, numbers) -> None:
    for number in numbers:
        if isinstance(number, (int, np.integer)):
            check_fits(function, np.asarray(number), np.dtype(np.int64))


def _dtype_of_number(function: str, number) -> np.dtype:
    if isinstance(number, (bool, np.bool_)):
        return np.dtype(bool)
    if isinstance(number, (int, np.integer)):
        return np.dtype(np.int64)
    if isinstance(number, (float, np.floating)):
        return default_dtype()
    if isinstance(number, (complex, np.complexfloating)):
        return np.result_type(default_dtype(), np.complex64)
    raise DtypeError(
        f"{function}: expected a tensor or a number, found {type(number).__name__}; use torch.tensor() first"
    )


# --------------------------------------------------------------------------------------------- shapes


def sum_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The sum of x over the broadcast dimensions: the adjoint of :func:`expand_to`."""
    return x if x.array.shape == shape else _sum_to(x, shape=shape)


@operation(name="sum_to", view=True)
def _sum_to(x, *, shape):
    """y_j = Σ x_i over all i to which broadcasting maps j."""
    extra = x.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and x.shape[i + extra] != 1
    )
    if not axes:
        return x.reshape(shape)
    y = add_over(x, axes, dtype=accumulator(x.dtype), keepdims=True)
    return y.astype(x.dtype, copy=False).reshape(shape)


@_sum_to.derivative("x")
def _(g, x_shape):
    return expand_to(g, x_shape)


def expand_to(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """x repeated to a larger shape, without a copy."""
    return x if x.array.shape == shape else _expand(x, shape=shape)


@view_operation(name="expand")
def _expand(x, *, shape):
    """y_i = x_j, with j = i except 0 where x has size 1. It is writable if nothing is repeated."""
    once = (1,) * (len(shape) - x.ndim) + x.shape
    return x.reshape(shape) if shape == once else np.broadcast_to(x, shape)


@_expand.derivative("x")
def _(g, x_shape):
    return sum_to(g, x_shape)


def broadcast_shapes(*shapes) -> Size:
    """The common shape. Sizes are compared from the last one; a size that is 1 or missing is expanded.

    Raises:
        ShapeError: two sizes differ and neither is 1.

    >>> broadcast_shapes((3, 1), (4,))
    torch.Size([3, 4])
    """
    shapes = tuple((s,) if isinstance(s, int) else tuple(s) for s in shapes)
    return common_shape("broadcast_shapes", *shapes)


def common_shape(function: str, *shapes: tuple[int, ...]) -> Size:
    """:func:`broadcast_shapes`; the error names ``function``."""
    try:
        return size_of(np.broadcast_shapes(*shapes))
    except ValueError:
        found = " and ".join(str(tuple(shape)) for shape in shapes)
        raise ShapeError(
            f"{function}: expected shapes that broadcast (from the last dimension: equal, or 1, or missing), "
            f"found {found}; reshape or unsqueeze one of them"
        ) from None


def expands_to(shape: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    """Whether broadcasting repeats a shape to ``larger``.

    >>> expands_to((3, 1), (2, 3, 4)), expands_to((2, 3, 4), (3, 1))
    (True, False)
    """
    try:
        return np.broadcast_shapes(shape, larger) == larger
    except ValueError:
        return False


OPERANDS = (Tensor, bool, int, float, complex, np.generic, np.ndarray)
"""What operators take."""


@silent
def prepare(function: str, operands, floating: bool = False, broadcast: bool = True) -> list[Tensor]:
    """Tensors of one dtype from tensors, numbers and arrays. With an array, the dtype is NumPy's.

    Args:
        function: the name of the function, for errors.
        floating: whether integers and booleans become the default dtype.
        broadcast: whether operands that require grad are expanded to the common shape.
    """
    with_array = False
    for operand in operands:
        if isinstance(operand, np.ndarray):
            with_array = True
        elif not isinstance(operand, OPERANDS):
            raise DtypeError(
                f"{function}: expected tensors or numbers, found {type(operand).__name__}; use "
                "torch.tensor() first"
            )
    if with_array:
        operands = [
            from_array(plain_array(function, o)) if isinstance(o, np.ndarray) else o for o in operands
        ]
        dtype = np.result_type(*(o.array if isinstance(o, Tensor) else o for o in operands))
    else:
        dtype = common_dtype(function, *operands)
    if floating and dtype.kind in "biu":
        dtype = np.dtype(np.float64) if with_array else default_dtype()
    tensors = [
        (o if o.array.dtype == dtype else cast(o, dtype=dtype))
        if isinstance(o, Tensor)
        else from_array(wrapped(function, o, dtype))
        for o in operands
    ]
    if broadcast:
        shape = common_shape(function, *(t.array.shape for t in tensors))
        tensors = [t if t.edge is None else expand_to(t, shape) for t in tensors]
    return tensors
