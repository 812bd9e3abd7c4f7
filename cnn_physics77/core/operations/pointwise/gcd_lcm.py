"""Divisors and multiples of integers."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.operations.base.elementwise import binary, of_tensors
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import method


def _of_integers(ufunc: np.ufunc):
    def function(a, b):
        if a.dtype.kind not in "iu":
            raise TypeError
        return ufunc(a, b)

    return function


_gcd = binary(
    "gcd",
    _of_integers(np.gcd),
    """The greatest common divisor of integers, which is not negative; gcd(0, 0) = 0.

    Raises:
        DtypeError: floating or complex numbers, or booleans.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.gcd(torch.tensor([12, 0, -4]), torch.tensor([18, 5, 6]))
    tensor([6, 5, 2])
    """,
)
gcd = of_tensors(_gcd)

_lcm = binary(
    "lcm",
    _of_integers(np.lcm),
    """The least common multiple of integers, which is not negative; lcm(0, n) = 0.

    Raises:
        DtypeError: floating or complex numbers, or booleans.
        ShapeError: the shapes do not broadcast.

    >>> import cnn_physics77 as torch
    >>> torch.lcm(torch.tensor([4, 0]), torch.tensor([6, 3]))
    tensor([12,  0])
    """,
)
lcm = of_tensors(_lcm)

method("gcd")(gcd)
method("lcm")(lcm)

__all__ = ["gcd", "lcm"]

complete_late(__name__)
