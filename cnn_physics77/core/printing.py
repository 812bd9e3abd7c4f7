"""Formatting arrays as PyTorch prints tensors."""

from typing import Any

import numpy as np


def format_values(array: np.ndarray, prefix: str) -> str:
    """The values with four decimals, or none if all are integers; large arrays are abbreviated.

    Args:
        prefix: the text before them in the first line; the other lines are indented by its length.

    >>> format_values(np.array([[1.0, 2.5], [3.0, np.inf]]), "")
    '[[1.0000, 2.5000],\\n [3.0000,    inf]]'
    """
    options: dict[str, Any] = {}
    if array.dtype.kind in "fc":
        finite = array[np.isfinite(array)]
        whole = bool((finite == np.round(finite)).all())
        options = {"precision": 4, "floatmode": "maxprec" if whole else "fixed"}
    return np.array2string(array, separator=", ", prefix=prefix, threshold=1000, edgeitems=3, **options)
