"""``torch.autograd.anomaly_mode``: where the first NaN of a backward pass comes from."""

from __future__ import annotations

import os
import traceback
from contextlib import ContextDecorator
from typing import Any

import numpy as np

from cnn_physics77.core.autograd import engine, graph
from cnn_physics77.core.autograd.graph import Node
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import GradientError

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class _Mode:
    """Of the whole process, as in PyTorch."""

    enabled = False
    check_nan = True

    def set(self, enabled: bool, check_nan: bool) -> None:
        if enabled and not self.enabled:
            graph.watchers.append(_remember_place)
            engine.checks.append(_check)
        if self.enabled and not enabled:
            graph.watchers.remove(_remember_place)
            engine.checks.remove(_check)
        self.enabled, self.check_nan = enabled, check_nan


_mode = _Mode()


def _remember_place(node: Node) -> None:
    node.trace = traceback.extract_stack()  # type: ignore[attr-defined]


def _check(node: Node, edges: Any, results: Any) -> None:
    if not _mode.check_nan:
        return
    for index, (edge, result) in enumerate(zip(edges, results)):
        if edge is not None and result is not None and np.isnan(result.array).any():
            name = node.name()
            trace = getattr(node, "trace", None)
            where = (
                "it was recorded before detect_anomaly was entered; enter it before the forward pass"
                if trace is None
                else f"it was recorded at {_place(trace)}"
            )
            error = GradientError(f"Function '{name}' returned nan values in its {index}th output; {where}")
            if trace is not None:
                error.add_note("The call whose derivative it is:\n" + "".join(trace.format()))
            raise error


def _place(trace: traceback.StackSummary) -> str:
    """The innermost line outside this package."""
    outside = [frame for frame in trace if not os.path.abspath(frame.filename).startswith(_PACKAGE)]
    frame = (outside or trace)[-1]
    return f"{frame.filename}:{frame.lineno}" + (f": {frame.line}" if frame.line else "")


class set_detect_anomaly(ContextDecorator):
    """Switch the detection on or off immediately; as a context, until its end.

    Args:
        mode: whether derivatives are checked.
        check_nan: False only remembers where operations were called.

    >>> import cnn_physics77 as torch
    >>> with torch.autograd.set_detect_anomaly(True):
    ...     torch.is_anomaly_enabled()
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._new = bool(mode), bool(check_nan)
        self._before = _mode.enabled, _mode.check_nan
        _mode.set(*self._new)

    def __enter__(self) -> None:
        _mode.set(*self._new)

    def __exit__(self, *exception: Any) -> None:
        _mode.set(*self._before)


class detect_anomaly(set_detect_anomaly):
    """A context. A derivative that is NaN raises an error, which names the operation and the line that called
    it in the forward pass; notes to the error have the whole stack.

    Forward pass and backward pass belong in the context. Both become slow.

    Args:
        check_nan: False only remembers where operations were called.

    Raises:
        GradientError: at the end of a derivative that gives NaN.

    >>> import warnings
    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(1, requires_grad=True)
    >>> with warnings.catch_warnings(action="ignore"), torch.autograd.detect_anomaly():
    ...     y = x.sqrt() * 0
    ...     y.backward()
    Traceback (most recent call last):
        ...
    cnn_physics77.core.errors.GradientError: Function 'SqrtBackward0' returned nan values in its 0th output...
    """

    def __init__(self, check_nan: bool = True) -> None:
        warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be "
            "enabled for debugging."
        )
        self._new = True, bool(check_nan)
        self._before = _mode.enabled, _mode.check_nan


def is_anomaly_enabled() -> bool:
    """Whether derivatives are checked for NaN: see :class:`detect_anomaly`."""
    return _mode.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether :class:`detect_anomaly`, where it is on, checks for NaN."""
    return _mode.check_nan


__all__ = ["detect_anomaly", "set_detect_anomaly"]
