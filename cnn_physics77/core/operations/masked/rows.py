"""Running sums and products, softmax and normalization of the elements that a mask selects.

They have the shape of the input. What they have at the elements that the mask leaves out means nothing. The
arguments are those of :mod:`.reductions`, with one ``dim``.
"""

from __future__ import annotations

from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.masked.fill import filled, highest, lowest
from cnn_physics77.core.operations.masked.reductions import norm
from cnn_physics77.core.operations.nn import softmax as without_mask
from cnn_physics77.core.operations.pointwise import exp_log_pow
from cnn_physics77.core.operations.pointwise.where_clamp import clamp
from cnn_physics77.core.operations.reduction import cumsum_prod
from cnn_physics77.core.tensor import Tensor


def cumsum(input: Tensor, dim: int, *, dtype=None, mask=None) -> Tensor:
    r"""The running sum of the selected elements; see :func:`torch.cumsum`.

    .. math:: y_i = \sum_{j \le i} m_j x_j

    Raises:
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.cumsum(torch.tensor([1.0, 2.0, 9.0]), 0, mask=torch.tensor([True, False, True]))
    tensor([ 1.,  1., 10.])
    """
    x = filled("masked.cumsum", input, mask, 0)
    return cumsum_prod.cumsum(x, dim, dtype=dtype or x.dtype)


def cumprod(input: Tensor, dim: int, *, dtype=None, mask=None) -> Tensor:
    r"""The running product of the selected elements; see :func:`torch.cumprod`.

    .. math:: y_i = \prod_{j \le i, \, m_j} x_j

    Raises:
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.cumprod(torch.tensor([2.0, 0.0, 3.0]), 0, mask=torch.tensor([True, False, True]))
    tensor([2., 2., 6.])
    """
    x = filled("masked.cumprod", input, mask, 1)
    return cumsum_prod.cumprod(x, dim, dtype=dtype or x.dtype)


def softmax(input: Tensor, dim: int, *, dtype=None, mask=None) -> Tensor:
    r"""Probabilities of the selected elements, 0 for the others, and NaN where none is selected; see
    :func:`torch.nn.functional.softmax`.

    .. math:: y_i = m_i e^{x_i} \Big/ \sum_j m_j e^{x_j}

    Raises:
        DtypeError: the numbers are not real floating ones, and ``dtype`` is not given.
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.softmax(torch.tensor([1.0, 1.0, 9.0]), 0, mask=torch.tensor([True, True, False]))
    tensor([0.5000, 0.5000, 0.0000])
    """
    least = lowest("masked.softmax", input)
    return without_mask.softmax(filled("masked.softmax", input, mask, least), dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int, *, dtype=None, mask=None) -> Tensor:
    """The logarithm of :func:`softmax`, -inf for what is not selected.

    >>> import cnn_physics77 as torch
    >>> torch.masked.log_softmax(torch.tensor([1.0, 1.0, 9.0]), 0, mask=torch.tensor([True, True, False]))
    tensor([-0.6931, -0.6931,    -inf])
    """
    least = lowest("masked.log_softmax", input)
    return without_mask.log_softmax(filled("masked.log_softmax", input, mask, least), dim, dtype=dtype)


def softmin(input: Tensor, dim: int, *, dtype=None, mask=None) -> Tensor:
    """The :func:`softmax` of -x.

    >>> import cnn_physics77 as torch
    >>> torch.masked.softmin(torch.tensor([1.0, 1.0, 9.0]), 0, mask=torch.tensor([True, True, False]))
    tensor([0.5000, 0.5000, 0.0000])
    """
    most = highest("masked.softmin", input)
    return without_mask.softmin(filled("masked.softmin", input, mask, most), dim, dtype=dtype)


def normalize(input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype=None, mask=None) -> Tensor:
    r"""The selected elements divided by their norm, and 0 for the others; see :func:`.reductions.norm`.

    .. math:: y_i = m_i x_i \Big/ \max\Big(\varepsilon, \Big(\sum_j m_j |x_j|^p\Big)^{1/p}\Big)

    Args:
        ord: p.
        eps: the least divisor.

    Raises:
        DtypeError: the numbers are neither floating nor complex.
        ShapeError: there is no such dimension, or the mask does not fit.

    >>> import cnn_physics77 as torch
    >>> torch.masked.normalize(torch.tensor([3.0, 4.0, 9.0]), 2, 0, mask=torch.tensor([True, True, False]))
    tensor([0.6000, 0.8000, 0.0000])
    """
    length = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return filled("masked.normalize", input, mask, 0) / clamp(length, min=eps)


def logaddexp(input: Tensor, other: Tensor, *, dtype=None, input_mask=None, other_mask=None) -> Tensor:
    """log(eˣ + eᶻ), where an element that its mask leaves out counts as -inf; see :func:`torch.logaddexp`.

    Args:
        dtype: that of the result; by default the input's.
        input_mask, other_mask: see ``mask`` in :mod:`.reductions`.

    Raises:
        DtypeError: the numbers are complex.
        ShapeError: the shapes do not broadcast, or a mask does not fit.

    >>> import cnn_physics77 as torch
    >>> x, mask = torch.tensor([0.0, 0.0]), torch.tensor([True, False])
    >>> torch.masked.logaddexp(x, x, other_mask=mask)
    tensor([0.6931, 0.0000])
    """
    input, other = (as_tensor_input("masked.logaddexp", x) for x in (input, other))
    x, z = (
        filled("masked.logaddexp", value, mask, lowest("masked.logaddexp", value))
        for value, mask in ((input, input_mask), (other, other_mask))
    )
    return exp_log_pow.logaddexp(x, z).to(dtype or input.dtype)


__all__ = ["cumprod", "cumsum", "log_softmax", "logaddexp", "normalize", "softmax", "softmin"]

complete_late(__name__)
