"""The arguments that the functions of neural networks have in common: how they are read and checked."""

from __future__ import annotations

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.kernels.windows import Size
from cnn_physics77.core.operations.base.names import named
from cnn_physics77.core.tensor import Tensor


def check_tensors(function: str, first: Tensor, *others: Tensor | None, kinds: str = "fc") -> None:
    """Raise a DtypeError unless all are tensors (or None) of one dtype, of these kinds.

    The default kinds are floating and complex.
    """
    try:
        dtype = first.array.dtype
        if dtype.kind in kinds:
            for other in others:
                if other is not None and other.array.dtype is not dtype and other.array.dtype != dtype:
                    raise DtypeError(
                        f"{function}: expected tensors of one dtype, found torch.{dtype} and {other.dtype}; "
                        "convert one of them, e.g. with .to(dtype)"
                    )
            return
    except AttributeError:
        for value in (first, *others):
            if value is not None and not isinstance(value, Tensor):
                raise DtypeError(
                    f"{function}: expected a tensor, found {type(value).__name__}; use torch.tensor() or "
                    "torch.from_numpy()"
                ) from None
        raise
    names = {"f": "floating" if "c" in kinds else "real floating", "c": "complex", "i": "integer"}
    expected = " or ".join(name for kind, name in names.items() if kind in kinds)
    raise DtypeError(
        f"{function}: expected a {expected} dtype, found torch.{dtype}; convert the input, e.g. with .float()"
    )


def per_dimension(function: str, name: str, value, dimensions: int) -> tuple[int, ...]:
    """One int for each spatial dimension. A single int, or a sequence of one, is repeated.

    >>> per_dimension("conv2d", "stride", 2, 2)
    (2, 2)
    """
    if type(value) is int:
        return (value,) * dimensions
    try:
        sizes = (int(value),) if not hasattr(value, "__len__") else tuple(int(v) for v in value)
    except (TypeError, ValueError):
        raise DtypeError(
            f"{function}: expected {name} to be an int or a tuple of ints, found {value!r}"
        ) from None
    if len(sizes) == 1:
        return sizes * dimensions
    if len(sizes) != dimensions:
        raise ShapeError(
            f"{function}: expected {name} to be an int or {dimensions} ints, found {value!r}; give one per "
            "spatial dimension"
        )
    return sizes


def check_window(function: str, kernel_size: Size, stride: Size, dilation: Size, padding: Size) -> None:
    """Raise a ShapeError unless the padding is not negative and all else is at least 1."""
    if min((*kernel_size, *stride, *dilation)) < 1 or min(padding) < 0:
        raise ShapeError(
            f"{function}: expected kernel_size, stride and dilation of at least 1 and padding of at least 0, "
            f"found kernel_size {kernel_size}, stride {stride}, dilation {dilation}, padding {padding}"
        )


def batched(function: str, input: Tensor, dimensions: int) -> bool:
    """Whether the input is (N, C, *size) rather than (C, *size).

    Raises:
        ShapeError: it is neither.
    """
    extra = input.array.ndim - dimensions
    if extra != 2 and extra != 1:
        raise ShapeError(
            f"{function}: expected {dimensions + 1}D (unbatched) or {dimensions + 2}D (batched) input, found "
            f"shape {input.array.shape}; reshape it to (N, C, *size)"
        )
    return extra == 2


def former_reduction(size_average: bool | None, reduce: bool | None) -> str:
    """The reduction that PyTorch's two deprecated arguments mean; None is True.

    >>> former_reduction(False, None)
    'sum'
    """
    if reduce is False:
        return "none"
    return "mean" if size_average is None or size_average else "sum"


def reduction_of(function: str, reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction, from ``reduction`` or from PyTorch's two deprecated arguments.

    Raises:
        ArgumentError: it is not "none", "mean" or "sum".
    """
    if size_average is not None or reduce is not None:
        reduction = former_reduction(size_average, reduce)
        warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.")
    elif reduction not in ("none", "mean", "sum"):
        raise ArgumentError(f"{function}: expected reduction 'none', 'mean' or 'sum', found {reduction!r}")
    return reduction


def reduced(losses: Tensor, weight: Tensor | None, reduction: str, name: str = "") -> Tensor:
    """The losses, times the weight if there is one, then their mean or sum according to the reduction.

    Args:
        name: PyTorch's of the whole, if it is one operation there: "MseLoss".
    """
    if weight is not None:
        losses = losses * weight
    result = losses.mean() if reduction == "mean" else losses.sum() if reduction == "sum" else losses
    return named(result, f"{name}Backward0") if name else result
