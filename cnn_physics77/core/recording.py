"""Whether operations are recorded: a switch per thread or task, with context managers and decorators."""

from __future__ import annotations

from contextlib import ContextDecorator, suppress
from contextvars import ContextVar, Token
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import NamedTuple

switch: ContextVar[bool] = ContextVar("recording", default=True)
recording = switch.get
"""``recording()``: whether operations of this thread (or task) are recorded. This is on the hot path."""


def is_grad_enabled() -> bool:
    """Whether operations are recorded in this thread.

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
    """A context manager and decorator that switches recording on or off.

    It can be nested, also in itself. The value to restore is local to the thread or task, not part of the
    object, so several of them may enter the same object at once.
    """

    def __init__(self, enabled: bool):
        self._enabled = enabled

    def __call__(self, function):
        if isgeneratorfunction(function):
            return self._wrap_generator(function)
        if isasyncgenfunction(function):
            return self._wrap_async_generator(function)
        if iscoroutinefunction(function):
            return self._wrap_coroutine(function)
        return super().__call__(function)

    def _wrap_generator(self, function):
        """The generator function with the switch set during each of its steps, not between them."""

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

    def _wrap_async_generator(self, function):
        """As :meth:`_wrap_generator`, for an asynchronous generator function."""

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

    def _wrap_coroutine(self, function):
        """The coroutine function with the switch set while it runs; other tasks are not affected."""

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
            _innermost.set(self._stack_without_self(entry))

    def _stack_without_self(self, entry: _Entry | None) -> _Entry | None:
        """The stack of entries without this manager, which was left before those above it.

        Generators may cause this. Recording keeps the value of the topmost entry, and the entry above this
        one restores what this one would have restored. If another task has entered this manager, the stack
        does not change.
        """
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
    """Operations inside are not recorded: their results are constants.

    >>> import cnn_physics77 as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = 2 * x
    >>> y.requires_grad
    False

    As a decorator it needs no parentheses. It applies to every step of a generator function, and to the body
    of a coroutine function.

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


def is_inference_mode_enabled() -> bool:
    """Whether the innermost :class:`inference_mode` around is one with ``mode=True``.

    >>> with inference_mode():
    ...     is_inference_mode_enabled()
    True
    """
    entry = _innermost.get()
    while entry is not None and not isinstance(entry.manager, inference_mode):
        entry = entry.outer
    return entry is not None and not entry.manager._enabled


class enable_grad(_SwitchRecording):
    """Operations inside are recorded, also inside :class:`no_grad`."""

    def __new__(cls, function=None):
        return super().__new__(cls) if function is None else cls()(function)

    def __init__(self):
        super().__init__(True)


class set_grad_enabled(_SwitchRecording):
    """Switch recording on or off immediately; as a context manager, until its end.

    >>> with set_grad_enabled(False):
    ...     is_grad_enabled()
    False
    """

    def __init__(self, mode: bool):
        super().__init__(bool(mode))
        self._before: Token | None = switch.set(self._enabled)

    def _undo(self) -> None:
        """Restore the value before this object was created, once, and only in the thread or task that did."""
        token, self._before = self._before, None
        if token is not None:
            with suppress(ValueError):
                switch.reset(token)

    def __enter__(self):
        self._undo()
        super().__enter__()

    def __call__(self, function):  # a decorator acts only while the function runs
        self._undo()
        return super().__call__(function)
