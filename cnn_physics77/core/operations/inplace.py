"""In-place operations, ``x.add_(y)``, ``x += y``, ``x[key] = y``. One mechanism (:mod:`.base.inplace_base`)
makes each of them from the out-of-place operation.

With recording off, or if no operand requires grad, the values are written straight into the memory. Otherwise
the tensor gets the history of the new values, and its base and the other views of that base follow
(:mod:`.base.views`). A variable (a leaf that requires grad) cannot be changed while recording. If a
derivative needs values that were overwritten, the backward pass raises an error. The result must have the
shape of the tensor, and a dtype that is not of a higher kind.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.autograd import LEAF
from cnn_physics77.core.backend.conversion import assigned
from cnn_physics77.core.backend.fp_errors import SILENCE, enter_silence, restore, silent, state
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import DtypeError, GradientError, ShapeError
from cnn_physics77.core.operations.base import broadcasting
from cnn_physics77.core.operations.base.broadcasting import cast, expand_to
from cnn_physics77.core.operations.base.inplace_base import (
    apply_inplace,
    check_writable,
    copy_values,
    must_record,
    write,
)
from cnn_physics77.core.operations.base.keywords import number_first
from cnn_physics77.core.operations.base.operation import as_tensor_input, overrides
from cnn_physics77.core.operations.base.views import base_of, has_history
from cnn_physics77.core.operations.indexing import permute as permutation
from cnn_physics77.core.operations.indexing import shape
from cnn_physics77.core.operations.indexing.getitem import _as_numpy, _slice, parse
from cnn_physics77.core.operations.indexing.index_put import put_at, scalar_like
from cnn_physics77.core.operations.pointwise import arithmetic
from cnn_physics77.core.recording import recording, set_grad_enabled
from cnn_physics77.core.tensor import Tensor, from_array, method

# ------------------------------------------------------------------------------------------ the general form


def _in_place(name: str, ufunc: np.ufunc | None = None) -> Callable:
    """Add the method ``name_`` to Tensor, made from its method ``name``. The ufunc, if given, can write
    straight into the memory."""
    function = getattr(Tensor, name)
    label = f"{name}_"

    def change(self, *args, **parameters):
        if ufunc is not None and not parameters and _straight(ufunc, self, args):
            return self
        return apply_inplace(label, self, function, *args, **parameters)

    change.__name__ = change.__qualname__ = label
    change.__doc__ = f"``{name}``, in place."
    return method(label)(change)


def _straight(ufunc: np.ufunc, x: Tensor, args: tuple) -> bool:
    """Let the ufunc write into the memory of x, if nothing is recorded and no dtype changes. Return whether
    it did."""
    array = x.array
    if array.dtype.kind != "f" or (recording() and has_history(x)) or overrides:
        return False
    operands = []
    for value in args:
        if isinstance(value, Tensor):
            if value.array.dtype != array.dtype or (value.edge is not None and recording()):
                return False
            operands.append(value.array)
        elif type(value) in (int, float):
            operands.append(value)
        else:
            return False
    before = state()
    try:
        if before is not SILENCE:
            enter_silence()
        ufunc(array, *operands, out=array)
    except ValueError:  # shapes that do not fit, or read-only memory: the general form raises the error
        return False
    finally:
        if before is not SILENCE:
            restore(before)
    x.mark_changed()
    return True


for _name, _ufunc in (
    ("mul", np.multiply),
    ("div", np.true_divide),
    ("neg", np.negative),
    ("exp", np.exp),
    ("log", np.log),
    ("sqrt", np.sqrt),
    ("abs", np.absolute),
    ("square", np.square),
    ("tanh", np.tanh),
    ("sin", np.sin),
    ("cos", np.cos),
    ("reciprocal", np.reciprocal),
):
    _in_place(_name, _ufunc)

_IN_PLACE = """
absolute addcdiv addcmul ceil clamp clamp_max clamp_min clip copysign divide fix float_power floor
floor_divide fmod frac gcd heaviside hypot lcm ldexp lerp multiply nan_to_num negative nextafter pow
remainder renorm round sgn sign subtract true_divide trunc xlogy

acos acosh arccos arccosh arcsin arcsinh arctan arctan2 arctanh asin asinh atan atan2 atanh cosh
deg2rad digamma erf erfc erfinv exp2 expm1 i0 igamma igammac lgamma log10 log1p log2 logit mvlgamma
polygamma rad2deg relu rsqrt sigmoid sinc sinh tan

bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor eq ge greater
greater_equal gt le less less_equal logical_and logical_not logical_or logical_xor lt ne not_equal

addbmm addmm addmv addr baddbmm cumprod cumsum index_add index_copy index_fill index_put
index_reduce masked_fill masked_scatter put scatter scatter_add scatter_reduce tril triu
"""

for _name in _IN_PLACE.split():
    _in_place(_name)


# --------------------------------------------------------------------------------------------- sums


@method("add_")
@number_first("alpha")
def _add_(self, other, *, alpha=1) -> Tensor:
    """self + alpha other, in place.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0])
    >>> x.add_(1, alpha=10)
    tensor([11., 12.])
    """
    return _sum("add_", np.add, arithmetic.add, self, other, alpha)


@method("sub_")
@number_first("alpha")
def _sub_(self, other, *, alpha=1) -> Tensor:
    """self - alpha other, in place."""
    return _sum("sub_", np.subtract, arithmetic.sub, self, other, alpha)


def _sum(name: str, ufunc: np.ufunc, function: Callable, x: Tensor, other, alpha) -> Tensor:
    if alpha != 1:
        return apply_inplace(name, x, function, other, alpha=alpha)
    return x if _straight(ufunc, x, (other,)) else apply_inplace(name, x, function, other)


# --------------------------------------------------------------------------------------------- operators


def _operator(name: str, of: str) -> None:
    change = getattr(Tensor, of)

    def assign(self, other):
        if not isinstance(other, (Tensor, bool, int, float, complex, np.ndarray, np.generic)):
            return NotImplemented
        return change(self, from_array(plain_array(of, other)) if isinstance(other, np.ndarray) else other)

    assign.__doc__ = f"``{of}``."
    method(name)(assign)


for _name, _of in (
    ("add", "add_"),
    ("sub", "sub_"),
    ("mul", "mul_"),
    ("truediv", "div_"),
    ("floordiv", "floor_divide_"),
    ("mod", "remainder_"),
    ("pow", "pow_"),
    ("and", "bitwise_and_"),
    ("or", "bitwise_or_"),
    ("xor", "bitwise_xor_"),
    ("lshift", "bitwise_left_shift_"),
    ("rshift", "bitwise_right_shift_"),
):
    _operator(f"__i{_name}__", _of)


# ------------------------------------------------------------------------------------- new values altogether


@method("copy_")
def _copy_(self, src, non_blocking: bool = False) -> Tensor:
    """Copy the values of ``src``, broadcast and converted to this dtype. The gradient goes to ``src``.

    Raises:
        ShapeError: the shape of ``src`` does not broadcast to this one.

    >>> import cnn_physics77 as torch
    >>> torch.zeros(2, 2).copy_(torch.tensor([1, 2]))
    tensor([[1., 2.],
            [1., 2.]])
    """
    return _assign("copy_", self, as_tensor_input("copy_", src))


@silent
def _assign(function: str, target: Tensor, value: Tensor) -> Tensor:
    """Overwrite the target with the value, which may be broadcast. The target keeps its dtype."""
    size = target.array.shape
    if not broadcasting.expands_to(value.array.shape, size):
        raise ShapeError(
            f"{function}: expected values whose shape broadcasts to {size}, found {value.array.shape}; "
            "reshape them"
        )
    if must_record(target, (value,)):
        if value.array.dtype != target.array.dtype:
            value = cast(value, dtype=target.array.dtype)
        return apply_inplace(function, target, copy_values, expand_to(value, size))
    check_writable(function, target)
    source = value.array
    if source.dtype.kind == "c" and target.array.dtype.kind != "c":
        source = source.real
    np.copyto(target.array, source, casting="unsafe")
    target.mark_changed()
    return target


@method("fill_")
def _fill_(self, value) -> Tensor:
    """Set every element to a number or a 0-d tensor. The gradient of the 0-d tensor is the sum.

    Raises:
        ShapeError: a tensor with dimensions.
        DtypeError: a complex number for a real tensor.
        RangeError: a number outside of the range of the dtype.
    """
    return _assign("fill_", self, scalar_like("fill_", self, value))


@method("zero_")
def _zero_(self) -> Tensor:
    """Set every element to 0.

    >>> import cnn_physics77 as torch
    >>> torch.ones(2).zero_()
    tensor([0., 0.])
    """
    return _assign("zero_", self, from_array(np.zeros((), self.array.dtype)))


@method("fill_diagonal_")
def _fill_diagonal_(self, fill_value, wrap: bool = False) -> Tensor:
    """Set the elements with equal indices to a number.

    Args:
        wrap: whether the diagonal of a tall matrix starts again below its end.

    Raises:
        ShapeError: fewer than two dimensions, or more and not all equal.
    """
    sizes = self.array.shape
    if len(sizes) < 2 or (len(sizes) > 2 and len(set(sizes)) > 1):
        raise ShapeError(
            f"fill_diagonal_: expected a matrix, or more dimensions of equal sizes, found shape {sizes}"
        )
    n = min(sizes)
    index: list = [from_array(np.arange(n))] * len(sizes)
    if wrap and len(sizes) == 2 and sizes[0] > sizes[1]:
        places = np.arange(0, self.numel(), sizes[1] + 1)
        index = [from_array(places // sizes[1]), from_array(places % sizes[1])]
    value = scalar_like("fill_diagonal_", self, fill_value)
    return apply_inplace(
        "fill_diagonal_", self, lambda x, v: put_at("fill_diagonal_", x, tuple(index), v), value
    )


# --------------------------------------------------------------------------------------------- x[key] = value


@method("__setitem__")
def _setitem(self, key, value) -> None:
    """Overwrite the elements at ``key`` (see ``__getitem__``) with a tensor or number, broadcast, in place.

    If index tensors name an element several times, the last value counts.

    Raises:
        ShapeError: a key out of bounds, or values that do not broadcast to ``self[key]``.
        DtypeError: values of another dtype with index tensors, or values that are not numbers.
        RangeError: a number outside of the range of the dtype.
        GradientError: the change is recorded, and this is a variable.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(2, 2)
    >>> x[0, 1] = 5
    >>> x[x > 1] += 1
    >>> x
    tensor([[0., 6.],
            [0., 0.]])
    """
    basic, index = parse(self.array.shape, key)
    if not isinstance(value, Tensor):
        value = _number_like("__setitem__", self, value)
    if not must_record(self, (value,)):
        _put_values(self, basic, index, value)
        return
    target = _slice(self, key=basic) if basic else self
    if index:
        apply_inplace(
            "__setitem__", target, lambda x, v: put_at("__setitem__", x, index, v), _of_dtype(target, value)
        )
    elif not _same_place(target, value):
        _assign("__setitem__", target, _without_leading_ones(target, value))


def _put_values(x: Tensor, basic: tuple, index: tuple, value: Tensor) -> None:
    target = x.array[basic] if basic else x.array
    view = x.view_of_memory(target) if basic else x
    if index:
        check_writable("__setitem__", view)
        made = _of_dtype(view, value)
        if made.array.dtype == target.dtype:
            try:
                target[_as_numpy(index)] = made.array
            except (ValueError, IndexError, TypeError):  # NumPy raises any of them for other shapes
                pass
            else:
                view.mark_changed()
                return
        write("__setitem__", view, put_at("__setitem__", view, index, made).array)  # raises if it cannot
    else:
        _assign("__setitem__", view, _without_leading_ones(view, value))


def _without_leading_ones(target: Tensor, value: Tensor) -> Tensor:
    """The value without the first dimensions of size 1 that it has more than the target."""
    extra = value.array.ndim - target.array.ndim
    if extra > 0 and value.array.shape[:extra] == (1,) * extra:
        return shape.reshape(value, value.array.shape[extra:])
    return value


@silent
def _number_like(function: str, x: Tensor, value) -> Tensor:
    """A number or a NumPy array as a tensor of x's dtype."""
    if not isinstance(value, (bool, int, float, complex, np.ndarray, np.generic)):
        raise DtypeError(
            f"{function}: can't assign a {type(value).__name__} to a tensor; use torch.tensor() first"
        )
    if not isinstance(value, np.ndarray):
        return from_array(assigned(function, value, x.array.dtype))
    array = plain_array(function, value)
    if array.dtype.kind == "c" and x.array.dtype.kind != "c":
        raise DtypeError(f"{function}: value cannot be converted to type {x.dtype}, found a complex one")
    with np.errstate(all="ignore"):
        return from_array(array.astype(x.array.dtype, copy=False))


def _of_dtype(x: Tensor, value: Tensor) -> Tensor:
    """A value of one element in x's dtype; other values unchanged."""
    return (
        cast(value, dtype=x.array.dtype)
        if value.array.size == 1 and value.array.dtype != x.array.dtype
        else value
    )


def _same_place(target: Tensor, value: Tensor) -> bool:
    """Whether the value is a view of exactly the target's elements. So it is in ``x[key] += 1``, which ends
    with ``x[key] = value``."""
    a, b = target.array, value.array
    return (
        value._view_of is not None
        and base_of(value) is base_of(target)
        and type(value._view_of[1]) is tuple
        and _address(a) == _address(b)
        and a.shape == b.shape
        and a.strides == b.strides
        and a.dtype == b.dtype
    )


def _address(array: np.ndarray) -> int:
    """Where the first element lies; an array of a transform knows it."""
    return array.__array_interface__["data"][0] if isinstance(array, np.ndarray) else array.address


# ------------------------------------------------------------------------------------- other shapes in place


def _reshape_in_place(name: str, function: Callable) -> None:
    def change(self, *args, **named):
        if self.edge is LEAF and recording():
            raise GradientError(
                f"{name}: a leaf Variable that requires grad is being used in an in-place operation; use "
                f"{name[:-1]}"
            )
        if self._view_of is None and any(view() is not None for view in self._views or ()):
            raise GradientError(
                f"{name}: expected a tensor without views, found one whose views would no longer match it; "
                f"use {name[:-1]}"
            )
        with set_grad_enabled(recording() or not self.is_leaf):
            y = function(self, *args, **named)
        if self._view_of is not None:
            self._view_of = y._view_of
        self.array = y.array
        if not self.is_leaf:
            self.move_edge(y.edge)
        self.mark_changed()
        return self

    change.__name__ = change.__qualname__ = name
    change.__doc__ = f"``{name[:-1]}``, in place."
    method(name)(change)


for _name, _function in (
    ("squeeze_", shape.squeeze),
    ("unsqueeze_", shape.unsqueeze),
    ("t_", permutation.t),
    ("transpose_", permutation.transpose),
    ("swapaxes_", permutation.swapaxes),
    ("swapdims_", permutation.transpose),
    ("as_strided_", lambda x, *args, **named: x.as_strided(*args, **named)),
):
    _reshape_in_place(_name, _function)
