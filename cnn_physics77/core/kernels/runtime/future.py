"""One call that a worker makes while the caller goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from cnn_physics77.core.kernels.runtime.pool import pool
from cnn_physics77.core.kernels.runtime.scratch import run_block


class Future:
    """The result of ``function()``, which a worker computes; or `result` does, if none has begun by then.

    The function may run in any thread. Parallel loops in it run in that thread alone.

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
        """Whether the function has returned, or raised."""
        return self._done.is_set()

    def _run(self) -> None:
        if not self._begun.acquire(blocking=False):
            return
        try:
            if self._function is not None:
                self._value = run_block(self._function)
        except BaseException as error:  # `result` raises it
            self._error = error
        self._function = None  # the future may still be in a worker's queue, and must not keep arrays alive
        self._done.set()

    def result(self) -> Any:
        """What the function returns, once it has.

        Raises:
            The exception of the function, once.
        """
        self._run()
        self._done.wait()
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # otherwise the error and its traceback refer to each other
        return self._value

    def cancel(self) -> None:
        """The result is not needed. A function that has not begun never runs; a running one is left alone."""
        if self._begun.acquire(blocking=False):
            self._function = None
