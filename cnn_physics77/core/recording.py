"""Whether operations are being recorded: per thread or task, switched by context managers and decorators."""

from __future__ import annotations

from contextlib import ContextDecorator, suppress
from contextvars import ContextVar, Token
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import NamedTuple

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


class _Entry(NamedTuple):
    """One context manager that has been entered and not yet left, in this thread or task."""

    manager: _SwitchRecording
    before: bool
    outer: _Entry | None


_innermost: ContextVar[_Entry | None] = ContextVar("innermost", default=None)


class _SwitchRecording(ContextDecorator):
    """A context manager, and a decorator, within which recording is on or off.

    It nests, also with itself, and is local to the thread or task: what must be restored is kept there and
    not in the object, which therefore may be entered by several at once.
    """

    def __init__(self, enabled: bool):
        self._enabled = enabled

    def __call__(self, function):
        if isgeneratorfunction(function):
            return self._each_step_of(function)
        if isasyncgenfunction(function):
            return self._each_asynchronous_step_of(function)
        if iscoroutinefunction(function):
            return self._awaited(function)
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

    def _each_asynchronous_step_of(self, function):
        """The same of an asynchronous generator function."""

        @wraps(function)
        async def generator(*args, **kwargs):
            running = function(*args, **kwargs)
            resume, value = running.asend, None
            while True:
                with self._recreate_cm():
                    try:
                        produced = await resume(value)
                    except StopAsyncIteration:
                        return
                try:
                    resume, value = running.asend, (yield produced)
                except GeneratorExit:
                    with self._recreate_cm():
                        await running.aclose()
                    raise
                except BaseException as error:
                    resume, value = running.athrow, error

        return generator

    def _awaited(self, function):
        """The coroutine function, which runs within whenever it is awaited; other tasks do not."""

        @wraps(function)
        async def coroutine(*args, **kwargs):
            with self._recreate_cm():
                return await function(*args, **kwargs)

        return coroutine

    def _recreate_cm(self):
        return _SwitchRecording(self._enabled)

    def __enter__(self):
        _innermost.set(_Entry(self, recording(), _innermost.get()))
        switch.set(self._enabled)

    def __exit__(self, *exception):
        entry = _innermost.get()
        if entry is not None and entry.manager is self:
            switch.set(entry.before)
            _innermost.set(entry.outer)
        else:
            _innermost.set(self._left_before_others(entry))

    def _left_before_others(self, entry: _Entry | None) -> _Entry | None:
        """What is entered once this one is taken out from under others, as generators may leave it: recording
        stays as they want it, and the one above it restores what it would have restored. Nothing, where this
        one was entered by another task."""
        above = []
        while entry is not None and entry.manager is not self:
            above.append(entry)
            entry = entry.outer
        if entry is None:
            return _innermost.get()
        left, before = entry.outer, entry.before
        for other in reversed(above):
            left, before = _Entry(other.manager, before, left), other.manager._enabled
        return left


class no_grad(_SwitchRecording):
    """Operations within are not recorded: their results are constants.

    >>> import cnn_physics77 as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = 2 * x
    >>> y.requires_grad
    False

    As a decorator it may stand without parentheses; of a generator function, every step is within; of a
    coroutine function, what it awaits.

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

    def __new__(cls, mode=True):
        return cls()(mode) if callable(mode) else super().__new__(cls)

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
        self._before: Token | None = switch.set(self._enabled)

    def _undo(self) -> None:
        """Let recording be as it was before this object was made, if that was in this thread or task, and if
        it is for the first time."""
        token, self._before = self._before, None
        if token is not None:
            with suppress(ValueError):
                switch.reset(token)

    def __enter__(self):
        self._undo()
        super().__enter__()

    def __call__(self, function):  # as a decorator it acts within the function alone
        self._undo()
        return super().__call__(function)
