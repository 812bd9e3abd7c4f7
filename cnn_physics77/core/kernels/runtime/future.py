"""One call that a worker makes while the caller goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from cnn_physics77.core.kernels.runtime.pool import pool
from cnn_physics77.core.kernels.runtime.scratch import run_block


class Future:
    """The result of ``function()``, which a worker computes, or `result` if none has begun.

    The function may run in any thread; parallel loops in it run in that thread alone.

    >>> Future(lambda: 6 * 7).result()
    42
    """

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function: Callable[[], Any] | None = function
        self._begun, self._done = threading.Lock(), threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None
        for worker in pool.helpers(1):
            worker.tasks.put(self._run)

    def done(self) -> bool:
        """Whether the result is there."""
        return self._done.is_set()

    def _run(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        try:
            self._value = run_block(self._function)
        except BaseException as error:  # raised by `result`
            self._error = error
        self._function = None  # and what it refers to
        self._done.set()

    def result(self) -> Any:
        """What the function returns.

        Raises:
            The exception of the function.
        """
        self._run()
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._value

    def cancel(self) -> None:
        """Nobody needs the result: a function that has not begun is dropped, a running one is not waited for."""
        if self._begun.acquire(blocking=False):
            self._function = None
