"""Indexing, ``x[key]``, with every key that PyTorch accepts, and its adjoint, which adds values at a key.

A key has two parts, as in PyTorch. Integers, slices, None and Ellipsis are applied first and give a view;
index tensors and masks then pick elements of that view. Each part is an operation whose derivative is its
adjoint, and vice versa:

.. math:: y_j = x_{k(j)} \\qquad\\Longleftrightarrow\\qquad \\bar x_i = \\sum_{j:\\ k(j) = i} \\bar y_j
"""

from __future__ import annotations

import operator

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels import rows
from cnn_physics77.core.kernels.runtime.layout import empty
from cnn_physics77.core.kernels.scatter import add_at
from cnn_physics77.core.operations.base.dimensions import dimension
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.views import view_operation
from cnn_physics77.core.tensor import Tensor, from_array, method

# --------------------------------------------------------------------------------------------- the two parts


@view_operation(name="slice")
def _slice(x, *, key):
    """y = x[key], with a key of integers, slices and None."""
    return x[key]


@_slice.derivative("x")
def _(g, x_shape, key):
    return _put_slice(g, key=key, shape=x_shape)


@operation(name="put_slice")
def _put_slice(values, *, key, shape):
    """Zeros of the shape, with the values at the key. The memory order is that of the values, as in the
    gradients to which the result will be added."""
    if values.ndim == len(shape):
        out = empty(shape, like=values)
        out.fill(0)
    else:
        out = np.zeros(shape, values.dtype, like=values)
    out[key] = values
    return out


@_put_slice.derivative("values")
def _(g, key):
    return _slice(g, key=key)


@operation(name="pick")
def _pick(x, *, index):
    """y = x[index]. The index has an integer or boolean tensor for each dimension (one mask for several), or
    None for a full slice."""
    if index[-1] is not None and all(part is None for part in index[:-1]) and index[-1].array.dtype != bool:
        return rows.take_rows(x, index[-1].array, len(index) - 1)
    return x[_as_numpy(index)]


@_pick.derivative("x")
def _(g, x_shape, index):
    return _put_add(g, index=index, shape=x_shape)


@operation(name="put_add")
def _put_add(values, *, index, shape):
    """Zeros of the shape, with the values added at the index."""
    key = _as_numpy(index)
    if len(key) == 1 < len(shape) and key[0].dtype != bool:
        places = np.where(key[0] < 0, key[0] + shape[0], key[0]).reshape(-1)
        return rows.sum_rows(values.reshape(places.size, *shape[1:]), places, shape[0])
    out = np.zeros(shape, values.dtype, like=values)
    add_at(out, key, values)
    return out


@_put_add.derivative("values")
def _(g, index):
    return _pick(g, index=index)


def _as_numpy(index: tuple) -> tuple:
    return tuple(slice(None) if part is None else part.array for part in index)


# --------------------------------------------------------------------------------------------- reading a key


def parse(shape: tuple[int, ...], key) -> tuple[tuple, tuple]:
    """The two parts of a key for a tensor of this shape, each () if it is not needed.

    The first part contains integers, slices and None, the second one index tensors or None.

    Raises:
        ShapeError: too many indices, an index out of bounds, or a mask of another shape.
        DtypeError: a part of the key is not an index.

    >>> parse((4, 5), (1, slice(None)))
    ((1, slice(None, None, None), Ellipsis), ())
    """
    parts = [_part(p) for p in (key if type(key) is tuple else (key,))]
    taken = sum(_dimensions_of(p) for p in parts)
    if taken > len(shape):
        raise ShapeError(
            f"index: too many indices for tensor of dimension {len(shape)}, found {taken} for shape {shape}"
        )
    dots = [i for i, p in enumerate(parts) if p is Ellipsis]
    if len(dots) > 1:
        raise ShapeError("index: an index can only have a single ellipsis ('...'), found several")
    if dots:
        parts[dots[0] : dots[0] + 1] = [slice(None)] * (len(shape) - taken)
    basic: list = []
    index: list = []
    dim = 0
    plain = True
    for part in parts:
        if part is None:
            basic.append(None)
            index.append(None)
        elif type(part) is int:
            n = shape[dim]
            if not -n <= part < n:
                raise ShapeError(f"index: index {part} is out of bounds for dimension {dim} with size {n}")
            basic.append(part)
            plain = False
            dim += 1
        elif type(part) is slice:
            if not part.start and part.step in (None, 1) and (part.stop is None or part.stop >= shape[dim]):
                part = _ALL
            else:
                plain = False
            basic.append(part)
            index.append(None)
            dim += 1
        elif part.array.ndim == 0 and part.array.dtype.kind == "b":  # a new dimension of size 1 or 0
            basic.append(None)
            index.append(from_array(part.array.reshape(1)))
        else:
            _check_bounds(part.array, shape, dim)
            taken = _dimensions_of(part)
            basic += [_ALL] * taken
            index.append(part)
            dim += taken
    while index and index[-1] is None:
        index.pop()
    needed = not plain or None in basic
    if not needed and not index:
        return (Ellipsis,), ()  # x[...] and x[:] are views of all of x
    return (*basic, Ellipsis) if needed else (), tuple(index)


_ALL = slice(None)


def _part(part):
    """One entry of a key as a Python int, a slice of ints, None, Ellipsis, a boolean tensor, or an integer
    tensor that is not 0-d."""
    if part is None or part is Ellipsis:
        return part
    if type(part) is int:
        return part
    if isinstance(part, slice):
        return _slice_of_ints(part)
    if isinstance(part, (bool, np.bool_)):
        return from_array(np.asarray(part))
    if isinstance(part, (list, tuple, range)):
        array = np.asarray([p.tolist() if isinstance(p, Tensor) else p for p in part])
        part = from_array(array if array.size else array.astype(np.int64))
    elif isinstance(part, np.ndarray):
        part = from_array(plain_array("index", part))
    elif not isinstance(part, Tensor):
        try:
            return operator.index(part)
        except TypeError:
            raise DtypeError(
                "index: only integers, slices (`:`), ellipsis (`...`), None and long or boolean tensors are "
                f"valid indices, found {type(part).__name__}"
            ) from None
    kind = part.array.dtype
    if kind == np.uint8:
        warn("indexing with dtype uint8 is deprecated, please use a bool mask or int64 indices")
        return from_array(part.array != 0)
    if kind.kind not in "biu":
        raise DtypeError(
            f"index: tensors used as indices must be of integer or boolean dtype, found {kind}; convert it, "
            "e.g. .long()"
        )
    if part.array.ndim == 0 and kind.kind != "b" and isinstance(part.array, np.ndarray):
        return int(part.array)
    return part


def _slice_of_ints(part: slice) -> slice:
    if part == _ALL:
        return _ALL
    start, stop, step = (None if p is None else operator.index(p) for p in (part.start, part.stop, part.step))
    if step is not None and step <= 0:
        raise ShapeError(f"index: slice step must be positive, found {step}; use flip for the reverse order")
    return slice(start, stop, step)


def _dimensions_of(part) -> int:
    """The number of the tensor's dimensions that an entry of a key indexes."""
    if part is None or part is Ellipsis:
        return 0
    return part.array.ndim if isinstance(part, Tensor) and part.array.dtype.kind == "b" else 1


def _check_bounds(index: np.ndarray, shape: tuple[int, ...], dim: int) -> None:
    if index.dtype.kind == "b":
        if index.shape != shape[dim : dim + index.ndim]:
            raise ShapeError(
                f"index: the shape of the mask {index.shape} does not match the shape of the indexed tensor "
                f"{shape} at dimension {dim}"
            )
    elif index.size:
        n = shape[dim]
        low, high = index.min(), index.max()
        if low < -n or high >= n:
            raise ShapeError(
                f"index: index {low if low < -n else high} is out of bounds for dimension {dim} with size {n}"
            )


# --------------------------------------------------------------------------------------------- x[key]


@method("__getitem__")
def getitem(input: Tensor, key) -> Tensor:
    r"""The elements at ``key``: :math:`y_j = x_{key(j)}`.

    Integers, slices (of positive step), None, Ellipsis and 0-d integer tensors give a view. Integer tensors
    (arrays, lists), whose shapes broadcast, and boolean masks give a copy. If an element was picked several
    times, its gradients are summed.

    Raises:
        ShapeError: too many indices, an index out of bounds, index tensors that do not broadcast, or a mask
            of another shape.
        DtypeError: a part of the key is not an index.

    >>> import cnn_physics77 as torch
    >>> x = torch.arange(6).reshape(2, 3)
    >>> x[1, :2], x[:, [2, 0]], x[x > 3]
    (tensor([3, 4]), tensor([[2, 0],
            [5, 3]]), tensor([4, 5]))
    """
    if type(key) is int:  # the most frequent case
        shape = input.array.shape
        if shape and -shape[0] <= key < shape[0]:
            return named(_slice(input, key=(key, Ellipsis)), "SelectBackward0")
    basic, index = parse(input.array.shape, key)
    y = _slice(input, key=basic) if basic else input
    if index:
        return pick(y, index)
    if y.edge is None or not basic:
        return y
    return named(y, "SliceBackward0" if type(key) is slice else _last_view(basic))


def _last_view(key: tuple) -> str:
    """PyTorch's name of the last of the views that an index makes one after the other."""
    parts = [part for part in key if part is not Ellipsis and part != _ALL]
    if not parts:
        return "AliasBackward0"
    last = parts[-1]
    return f"{'Unsqueeze' if last is None else 'Slice' if isinstance(last, slice) else 'Select'}Backward0"


def pick(input: Tensor, index: tuple) -> Tensor:
    """The elements at an index that :func:`parse` returned."""
    try:
        return _pick(input, index=index)
    except IndexError as error:
        if isinstance(error, ShapeError):
            raise
        shapes = [part.shape for part in index if part is not None]
        raise ShapeError(
            f"index: shape mismatch: indexing tensors could not be broadcast together, found {shapes}"
        ) from None


def slice_along(input: Tensor, dim: int, part) -> Tensor:
    """The view x[:, ..., part], with ``part`` (an integer or a slice) for dimension ``dim``."""
    return _slice(input, key=(_ALL,) * dim + (part, Ellipsis))


# --------------------------------------------------------------------------------------------- views by name


@method("select")
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """The view ``x[:, ..., index]`` at one index of a dimension, which is removed.

    Raises:
        ShapeError: no such dimension, or the index is out of bounds.

    >>> import cnn_physics77 as torch
    >>> torch.select(torch.tensor([[1, 2], [3, 4]]), 1, 0)
    tensor([1, 3])
    """
    shape = input.array.shape
    if not shape:
        raise ShapeError("select: cannot be applied to a 0-dim tensor.")
    dim = dimension("select", dim, len(shape))
    if not -shape[dim] <= index < shape[dim]:
        raise ShapeError(
            f"select: index {index} out of range for tensor of size {list(shape)} at dimension {dim}"
        )
    return named(slice_along(input, dim, operator.index(index)), "SelectBackward0")


@method("narrow")
def narrow(input: Tensor, dim: int, start, length: int) -> Tensor:
    """The view ``x[:, ..., start : start + length]``.

    Raises:
        ShapeError: no such dimension, or the range exceeds it.

    >>> import cnn_physics77 as torch
    >>> torch.narrow(torch.tensor([1, 2, 3, 4]), 0, 1, 2)
    tensor([2, 3])
    """
    shape = input.array.shape
    if not shape:
        raise ShapeError("narrow: cannot be applied to a 0-dim tensor.")
    dim = dimension("narrow", dim, len(shape))
    if isinstance(start, Tensor) and (start.array.ndim or start.array.dtype.kind not in "iu"):
        raise ShapeError(f"narrow: start must be a 0-dim integral tensor, found {start!r}")
    start, n = int(start), shape[dim]
    if length < 0:
        raise ShapeError(f"narrow: length must be non-negative, found {length}")
    if not -n <= start <= n:
        raise ShapeError(
            f"narrow: start out of range (expected to be in range of [{-n}, {n}], but got {start})"
        )
    first = start + n if start < 0 else start
    if first + length > n:
        raise ShapeError(f"narrow: start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_along(input, dim, slice(first, first + length))


__all__ = ["narrow", "select"]
