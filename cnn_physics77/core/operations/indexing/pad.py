"""Padding and cropping. Constant padding and cropping are each other's derivatives. The other modes consist
of slices and flips of the tensor, joined by cat."""

from __future__ import annotations

from cnn_physics77.core.backend.conversion import fitted
from cnn_physics77.core.errors import ArgumentError, ShapeError
from cnn_physics77.core.kernels.runtime.layout import empty
from cnn_physics77.core.operations.base.broadcasting import expand_to
from cnn_physics77.core.operations.base.dimensions import sizes_of
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.operations.indexing.clone import clone
from cnn_physics77.core.operations.indexing.flip_roll import flip
from cnn_physics77.core.operations.indexing.getitem import _slice, slice_along
from cnn_physics77.core.tensor import Tensor


@operation
def _pad(x, *, widths, value):
    """x with a border of the value. The widths are (before, after) for each dimension."""
    out = empty(tuple(a + n + b for n, (a, b) in zip(x.shape, widths)), like=x)
    inner = _inside(x.shape, widths)
    out.fill(value)
    out[inner] = x
    return out


@_pad.derivative("x")
def _(g, x_shape, widths):
    return _slice(g, key=_inside(x_shape, widths))


def _inside(shape: tuple[int, ...], widths: tuple) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for n, (before, _) in zip(shape, widths))


def _replicate(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """... a a | a b c | c c ..."""
    shape = x.shape
    n = shape[dim]
    if n == 0 and (before or after):
        raise ShapeError(
            f"pad: expected dimension {dim} not to be empty for mode 'replicate', found shape {shape}"
        )
    edges = [(slice(0, 1), before), (slice(n - 1, n), after)]
    first, last = (
        [expand_to(slice_along(x, dim, at), (*shape[:dim], width, *shape[dim + 1 :]))] if width else []
        for at, width in edges
    )
    return cat([*first, x, *last], dim)


def _reflect(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """... c b | a b c | b a ..."""
    n = x.shape[dim]
    if before >= n or after >= n:
        raise ShapeError(
            "pad: Padding size should be less than the corresponding input dimension, but got: padding "
            f"({before}, {after}) at dimension {dim} of input {x.array.shape}"
        )
    first = [flip(slice_along(x, dim, slice(1, before + 1)), dim)] if before else []
    last = [flip(slice_along(x, dim, slice(n - 1 - after, n - 1)), dim)] if after else []
    return cat([*first, x, *last], dim)


def _circular(x: Tensor, dim: int, before: int, after: int) -> Tensor:
    """... b c | a b c | a b ..."""
    n = x.shape[dim]
    if before > n or after > n:
        raise ShapeError(
            f"pad: Padding value causes wrapping around more than once, found padding ({before}, {after}) at "
            f"dimension {dim} of input {x.array.shape}"
        )
    first = [slice_along(x, dim, slice(n - before, n))] if before else []
    last = [slice_along(x, dim, slice(0, after))] if after else []
    return cat([*first, x, *last], dim)


_BORDERS = {"replicate": _replicate, "reflect": _reflect, "circular": _circular}


def pad(input: Tensor, pad, mode: str = "constant", value: float | None = None) -> Tensor:
    """The input with a border.

    ==============  =========================================
    ``constant``    ``v v | a b c | v v``
    ``reflect``     ``c b | a b c | b a``
    ``replicate``   ``a a | a b c | c c``
    ``circular``    ``b c | a b c | a b``
    ==============  =========================================

    Args:
        pad: the widths, starting with the last dimension: (before, after) of the last one, (before, after) of
            the last but one, and so on. Negative widths crop the input, or, with ``reflect`` and
            ``replicate``, the result.
        mode: one of the above.
        value: v, 0 by default; for ``constant`` only.

    Returns:
        Tensor of size before + n + after along each padded dimension; never a view.

    Raises:
        ShapeError: an odd number of widths, more widths than two per dimension, a negative size (or 0, with
            ``reflect`` and ``replicate``), a reflected border as wide as the input, or a wider circular one.
        ArgumentError: another mode, or a value with another mode than ``constant``.
        RangeError: the value is outside of the range of the dtype.

    >>> import cnn_physics77 as torch
    >>> import cnn_physics77.nn.functional as F
    >>> x = torch.tensor([1.0, 2.0, 3.0])
    >>> F.pad(x, (2, 1)), F.pad(x, (2, 1), mode="reflect"), F.pad(x, (-1, 0))
    (tensor([0., 0., 1., 2., 3., 0.]), tensor([3., 2., 1., 2., 3., 2.]), tensor([2., 3.]))
    """
    if mode != "constant" and mode not in _BORDERS:
        raise ArgumentError(
            f"pad: expected mode 'constant', 'reflect', 'replicate' or 'circular', found {mode!r}"
        )
    if mode != "constant" and value is not None and value != 0:
        raise ArgumentError(f'pad: Padding mode "{mode}" doesn\'t take in value argument, found {value!r}')
    shape = input.array.shape
    widths = sizes_of("pad", (tuple(pad),))
    if len(widths) % 2:
        raise ShapeError(f"pad: Padding length must be divisible by 2, found {list(widths)}")
    if len(widths) > 2 * len(shape):
        raise ShapeError(
            "pad: Padding length should be less than or equal to two times the input dimension, found "
            f"{list(widths)} for shape {shape}"
        )
    pairs = [(0, 0)] * (len(shape) - len(widths) // 2) + list(zip(widths[-2::-2], widths[::-2]))
    of_whole = mode in ("reflect", "replicate")  # the border is made of the whole input, then cropped
    for dim, (n, (before, after)) in enumerate(zip(shape, pairs)):
        if before + n + after < 0 or (not of_whole and n + min(before, 0) + min(after, 0) < 0):
            raise ShapeError(
                f"pad: The input size {n}, plus negative padding {before} and {after}, resulted in a "
                f"negative output size, which is invalid. Check dimension {dim} of your input."
            )
        if of_whole and before + n + after == 0 and dim >= len(shape) - len(widths) // 2:
            raise ShapeError(
                f"pad: input of shape {shape} is too small. Calculated output size 0 for dimension {dim}, "
                f"padded by {before} and {after} with mode {mode!r}"
            )
    if of_whole:
        y = _bordered(input, pairs, mode, value)
        return y if all(a >= 0 and b >= 0 for a, b in pairs) else clone(_cropped(y, pairs))
    return _bordered(_cropped(input, pairs), pairs, mode, value)


def _cropped(x: Tensor, pairs: list[tuple[int, int]]) -> Tensor:
    """x, cropped by the negative widths."""
    if all(a >= 0 and b >= 0 for a, b in pairs):
        return x
    return _slice(x, key=tuple(slice(max(-a, 0), n + min(b, 0)) for n, (a, b) in zip(x.shape, pairs)))


def _bordered(x: Tensor, pairs: list[tuple[int, int]], mode: str, value) -> Tensor:
    """x, with the borders of the positive widths; never x itself."""
    widths = tuple((max(a, 0), max(b, 0)) for a, b in pairs)
    if not any(a or b for a, b in widths):
        return clone(x)
    if mode == "constant":
        return _pad(x, widths=widths, value=fitted("pad", value or 0, x.array.dtype))
    for dim in reversed(range(len(widths))):
        if widths[dim] != (0, 0):
            x = _BORDERS[mode](x, dim, *widths[dim])
    return x


__all__ = ["pad"]
