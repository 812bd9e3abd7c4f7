"""Random numbers from further distributions, in place: Cauchy, geometric, log-normal.

(L. Devroye, *Non-uniform random variate generation*, Springer 1986.)
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.backend.fp_errors import silent
from cnn_physics77.core.errors import ArgumentError, DtypeError
from cnn_physics77.core.operations.creation.draws import in_order_of, numbers_of
from cnn_physics77.core.operations.creation.random_in_place import refilled
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.random import Generator
from cnn_physics77.core.tensor import Tensor, method


def _check(function: str, tensor: Tensor, kinds: str, needed: str) -> None:
    if tensor.array.dtype.kind not in kinds:
        raise DtypeError(f"{function}: expected a {needed} dtype, found {tensor.dtype}; convert the tensor")


@method("cauchy_")
@silent
def _cauchy_(
    self: Tensor, median: float = 0, sigma: float = 1, *, generator: Generator | None = None
) -> Tensor:
    r"""Overwrite with numbers from the Cauchy distribution, whose density is

    .. math:: p(x) = \frac{1}{\pi} \frac{\sigma}{(x - median)^2 + \sigma^2}.

    It has neither mean nor variance.

    Raises:
        DtypeError: the dtype is not a real floating one.
        ArgumentError: sigma is not positive.

    >>> import cnn_physics77 as torch
    >>> torch.zeros(3).cauchy_().shape
    torch.Size([3])
    """
    _check("cauchy_", self, "f", "real floating")
    if not sigma > 0:
        raise ArgumentError(f"cauchy_: expected sigma > 0, found {sigma}")
    drawn = as_array(in_order_of(self.array, numbers_of(generator).random))
    return refilled("cauchy_", self, median + sigma * np.tan(math.pi * (drawn - 0.5)))


@method("geometric_")
def _geometric_(self: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    r"""Overwrite with the number of trials up to the first success, each with probability p: from the
    geometric distribution :math:`P(k) = (1 - p)^{k - 1} p` of k = 1, 2, ...

    Raises:
        DtypeError: the dtype is complex or bool.
        ArgumentError: p is not between 0 and 1 (exclusive).

    >>> import cnn_physics77 as torch
    >>> bool((torch.zeros(9).geometric_(0.5) >= 1).all())
    True
    """
    _check("geometric_", self, "fiu", "real floating or integer")
    if not 0 < p < 1:
        raise ArgumentError(f"geometric_: expected 0 < p < 1, found {p}")
    drawn = as_array(in_order_of(self.array, numbers_of(generator).random))
    trials = np.ceil(np.log(np.maximum(drawn, np.finfo(np.float64).tiny)) / math.log1p(-p))
    return refilled("geometric_", self, np.maximum(trials, 1))


@method("log_normal_")
@silent
def _log_normal_(
    self: Tensor, mean: float = 1, std: float = 2, *, generator: Generator | None = None
) -> Tensor:
    r"""Overwrite with numbers whose logarithms are from :math:`N(mean, std^2)`.

    Raises:
        DtypeError: the dtype is not a real floating one.
        ArgumentError: std is not positive.

    >>> import cnn_physics77 as torch
    >>> bool((torch.zeros(9).log_normal_() > 0).all())
    True
    """
    _check("log_normal_", self, "f", "real floating")
    if not std > 0:
        raise ArgumentError(f"log_normal_: expected std > 0, found {std}")
    drawn = as_array(in_order_of(self.array, numbers_of(generator).normal_one_by_one))
    return refilled("log_normal_", self, np.exp(mean + std * drawn))


complete_late(__name__)
