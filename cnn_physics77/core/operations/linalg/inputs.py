"""What the functions of matrices expect of their arguments, and what they say where there is no result."""

from __future__ import annotations

from cnn_physics77.core.errors import DtypeError, LinAlgError, ShapeError
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.tensor import Tensor


def numbers(function: str, value) -> Tensor:
    """A tensor of float32, float64, complex64 or complex128.

    Raises:
        DtypeError: it is of another dtype.
    """
    x = as_tensor_input(function, value)
    kind = x.array.dtype
    if kind.kind not in "fc" or kind.char == "e":
        raise DtypeError(
            f"{function}: expected a floating point (float32 or float64) or complex tensor, found {x.dtype}; "
            "convert it, e.g. with .float()"
        )
    return x


def matrices(function: str, value, name: str = "A") -> Tensor:
    """Matrices (..., M, N) of such :func:`numbers`.

    Raises:
        ShapeError: there are fewer than 2 dimensions.
    """
    x = numbers(function, value)
    if x.array.ndim < 2:
        raise ShapeError(
            f"{function}: expected {name} of at least 2 dimensions, found shape {x.array.shape}; unsqueeze it"
        )
    return x


def square_matrices(function: str, value, name: str = "A") -> Tensor:
    """Square :func:`matrices`.

    Raises:
        ShapeError: they are not square.
    """
    x = matrices(function, value, name)
    m, n = x.array.shape[-2:]
    if m != n:
        raise ShapeError(f"{function}: expected square matrices {name}, found {m} by {n}; cut or pad them")
    return x


def raise_failure(function: str, info: Tensor, reason: str) -> None:
    """Raise a LinAlgError if a matrix has failed.

    Args:
        info: for each matrix 0, or the number that stands for ``{}`` in the reason.
        reason: what was expected and found, and what to do.
    """
    codes = info.array
    if not codes.any():
        return
    first = int(codes.ravel().nonzero()[0][0])
    where = f" (matrix {first} of the batch)" if codes.ndim else ""
    raise LinAlgError(f"{function}{where}: {reason.format(codes.ravel()[first])}")
