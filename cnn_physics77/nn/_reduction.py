"""``torch.nn._reduction``, which losses that others wrote import: the former arguments of a loss as one."""

from __future__ import annotations

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.operations.base.arguments import former_reduction

_NUMBERS = {"none": 0, "mean": 1, "sum": 2}


def get_enum(reduction: str) -> int:
    """The number that PyTorch gives a reduction.

    Raises:
        ValueError: it is not "none", "mean" or "sum".

    >>> get_enum("mean")
    1
    """
    if reduction not in _NUMBERS:
        raise ValueError(f"{reduction} is not a valid value for reduction, expected one of {[*_NUMBERS]}")
    return _NUMBERS[reduction]


def legacy_get_string(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> str:
    """The reduction that ``size_average`` and ``reduce`` mean; None is True.

    >>> legacy_get_string(False, None, emit_warning=False)
    'sum'
    """
    found = former_reduction(size_average, reduce)
    if emit_warning:
        warn(f"size_average and reduce args will be deprecated, please use reduction='{found}' instead.")
    return found


def legacy_get_enum(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> int:
    """The number of :func:`legacy_get_string`."""
    return get_enum(legacy_get_string(size_average, reduce, emit_warning))


__all__ = ["get_enum", "legacy_get_enum", "legacy_get_string"]
