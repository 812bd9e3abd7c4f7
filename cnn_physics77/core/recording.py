"""Whether operations are being recorded: per thread or task, switched by context managers and decorators."""

from __future__ import annotations

from contextlib import ContextDecorator
from contextvars import ContextVar
from functools import wraps
from inspect import isgeneratorfunction
from typing import Any

switch: ContextVar[bool] = ContextVar("recording", default=True)
recording = switch.get
"""``recording()`` is whether operations of this thread (or task) are being recorded: the hot path's one
question."""


def is_grad_enabled() -> bool:
    """Whether operations are being recorded in this thread.

    >>> is_grad_enabled()
    True
    """
    return recording()


class _SwitchRecording(ContextDecorator):
    """A context manager, and a decorator, within which recording is on or off. It nests and is local to the
    thread."""

    def __init__(self, enabled: bool):
        self._enabled = enabled
        self._token: Any = None

    def __call__(self, function):
        if isgeneratorfunction(function):
            return self._each_step_of(function)
        return super().__call__(function)

    def _each_step_of(self, function):
        """The generator function, which runs within, while its caller, between its steps, does not."""

        @wraps(function)
        def generator(*args, **kwargs):
            running = function(*args, **kwargs)
            resume, value = running.send, None
            while True:
                with self._recreate_cm():
                    try:
                        produced = resume(value)
                    except StopIteration as end:
                        return end.value
                try:
                    resume, value = running.send, (yield produced)
                except GeneratorExit:
                    with self._recreate_cm():
                        running.close()
                    raise
                except BaseException as error:
                    resume, value = running.throw, error

        return generator

    def _recreate_cm(self):  # a decorated function may be called recursively and from several threads
        return _SwitchRecording(self._enabled)

    def __enter__(self):
        self._token = switch.set(self._enabled)

    def __exit__(self, *exception):
        switch.reset(self._token)


class no_grad(_SwitchRecording):
    """Operations within are not recorded: their results are constants.

    >>> import cnn_physics77 as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = 2 * x
    >>> y.requires_grad
    False

    As a decorator it may stand without parentheses; of a generator function, every step is within.

    >>> @torch.no_grad
    ... def double(x):
    ...     return 2 * x
    >>> double(x).requires_grad
    False
    """

    def __new__(cls, function=None):
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self):
        super().__init__(False)


class inference_mode(_SwitchRecording):
    """As :class:`no_grad`; with ``mode=False`` as :class:`enable_grad`."""

    def __init__(self, mode: bool = True):
        super().__init__(not mode)


class enable_grad(_SwitchRecording):
    """Operations within are recorded, also inside :class:`no_grad`."""

    def __new__(cls, function=None):
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self):
        super().__init__(True)


class set_grad_enabled(_SwitchRecording):
    """Switch recording on or off, at once; used as a context manager, until its end.

    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, mode: bool):
        super().__init__(bool(mode))
        self._before = switch.set(self._enabled)

    def __enter__(self):
        self._token = self._before

    def __call__(self, function):  # as a decorator it acts within the function alone
        switch.reset(self._before)
        return super().__call__(function)
