"""Covariance and correlation."""

from __future__ import annotations

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import prepare
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.diagonal import diagonal
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.operations.pointwise.complex import complex, imag, real
from cnn_physics77.core.operations.pointwise.exp_log_pow import sqrt
from cnn_physics77.core.operations.pointwise.where_clamp import clamp
from cnn_physics77.core.operations.reduction.sum_mean import sum
from cnn_physics77.core.tensor import Tensor, method


def _observations(function: str, input) -> Tensor:
    """Variables in rows, observations in columns; integers become the default dtype."""
    x = as_tensor_input(function, input)
    if x.array.ndim > 2:
        raise ShapeError(
            f"{function}: expected at most 2 dimensions (variables and observations), found shape "
            f"{x.array.shape}; choose two"
        )
    if x.array.dtype.kind == "b":
        raise DtypeError(f"{function}: expected numbers, found torch.bool; convert it, e.g. with .float()")
    (x,) = prepare(function, (x,), floating=True)
    return x.reshape((1, -1)) if x.array.ndim < 2 else x


def _weights(name: str, value, count: int, kinds: str) -> Tensor | None:
    if value is None:
        return None
    w = as_tensor_input("cov", value)
    if w.array.ndim > 1 or w.array.size != count:
        raise ShapeError(
            f"cov: expected {name} of shape ({count},), one for each observation, found {w.array.shape}"
        )
    if w.array.dtype.kind not in kinds:
        what = "integers" if kinds == "iu" else "real floating numbers"
        raise DtypeError(f"cov: expected {name} to be {what}, found {w.dtype}; convert it")
    if (w.array < 0).any():
        raise ArgumentError(f"cov: expected {name} that are not negative, found some that are")
    return w.reshape((-1,))


@method("cov")
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    r"""The covariance matrix of variables.

    .. math:: C_{ij} = \frac{\sum_k w_k (x_{ik} - \bar x_i) (x_{jk} - \bar x_j)^*}{\sum_k w_k - c
        \sum_k w_k a_k / \sum_k w_k}, \qquad \bar x_i = \frac{\sum_k w_k x_{ik}}{\sum_k w_k}, \qquad
        w_k = f_k a_k

    Args:
        input: x, a variable in each row and an observation in each column; a vector is one variable.
        correction: c, the difference of the number of observations and the divisor, if there are no weights.
        fweights: f, how often each observation was made: integers (N).
        aweights: a, how much each observation counts: floating (N).

    Returns:
        (number of variables)², 0-d for one variable. It is infinite or NaN where the divisor is not positive,
        with a warning.

    Raises:
        ShapeError: there are more than 2 dimensions, or the weights do not fit.
        DtypeError: the input is boolean, or the weights are of another kind.
        ArgumentError: a weight is negative.

    >>> import cnn_physics77 as torch
    >>> torch.cov(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    x = _observations("cov", input)
    count = x.array.shape[1]
    f, a = _weights("fweights", fweights, count, "iu"), _weights("aweights", aweights, count, "f")
    w = f if a is None else a if f is None else f * a
    total = count if w is None else sum(w)
    if w is None:
        mean = sum(x, 1, True) / count if count else sum(x, 1, True)
    else:
        mean = sum(x * w, 1, True) / total
    divisor = total - correction
    if a is not None and correction:
        assert w is not None
        divisor = total - correction * sum(w * a) / total
    if (divisor.array if isinstance(divisor, Tensor) else divisor) <= 0:
        warn(
            f"cov: expected more observations than the correction {correction}, as the result is otherwise "
            "infinite or NaN"
        )
        divisor = 0
    centred = x - mean
    weighted = centred if w is None else centred * w
    return matmul(centred, weighted.mH).div(divisor).squeeze()


@method("corrcoef")
def corrcoef(input: Tensor) -> Tensor:
    r"""The correlation coefficients of variables: the covariances, divided by the standard deviations.

    .. math:: R_{ij} = C_{ij} / \sqrt{C_{ii} C_{jj}}

    Args:
        input: as for :func:`cov`.

    Returns:
        (number of variables)², 0-d for one variable; real and imaginary parts are clamped to [-1, 1].

    >>> import cnn_physics77 as torch
    >>> torch.corrcoef(torch.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(input)
    if not c.array.ndim:
        return c / c
    deviation = sqrt(real(diagonal(c)))
    r = c / deviation.unsqueeze(1) / deviation
    if r.array.dtype.kind == "c":
        return complex(clamp(real(r), -1, 1), clamp(imag(r), -1, 1))
    return clamp(r, -1, 1)


__all__ = ["corrcoef", "cov"]

complete_late(__name__)
