"""Whether elements are among others."""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.errors import DtypeError
from cnn_physics77.core.operations.base.operation import as_tensor_input
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.tensor import Tensor, from_array


def isin(elements, test_elements, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """For each element, whether it equals one of the test elements: booleans. NaN equals nothing.

    Args:
        elements, test_elements: tensors of real numbers; one of them may be a number.
        assume_unique: accepted for compatibility with PyTorch; repeated elements are allowed.
        invert: whether to tell instead which elements are not among the test elements.

    Raises:
        DtypeError: complex numbers or booleans.
        TypeError: both are numbers.

    >>> import cnn_physics77 as torch
    >>> torch.isin(torch.tensor([[1, 2], [3, 4]]), torch.tensor([2, 3]))
    tensor([[False,  True],
            [ True, False]])
    """
    if not (isinstance(elements, Tensor) or isinstance(test_elements, Tensor)):
        raise TypeError("isin: expected at least one tensor, found two numbers; use the operator ==")
    a, b = as_tensor_input("isin", elements).array, as_tensor_input("isin", test_elements).array
    for array in (a, b):
        if array.dtype.kind in "bc":
            raise DtypeError(f"isin: expected real numbers, found torch.{array.dtype}")
    return from_array(as_array(np.isin(a, b, invert=invert)))


__all__ = ["isin"]

complete_late(__name__)
