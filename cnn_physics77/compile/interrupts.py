"""What Ctrl-C leaves neither taken nor half done.

Python runs the handler of a signal after a call of a function in C, and where a function of Python is entered
or a generator goes on. So KeyboardInterrupt may be raised between ``lock.acquire()`` and ``try``, at the
first call after ``finally``, and where the ``__enter__`` of a context manager has been left or its
``__exit__`` begins. The functions here have no such place; a second Ctrl-C finds one only within the few
instructions that begin a clean-up anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Busy(Exception):
    """What a capture or a replay needs is in use: the call runs eagerly."""


def unwind_protect(function: Callable[[], T], cleanup: Callable[[], object]) -> T:
    """``function()``; when it has been left, however, ``cleanup()`` runs to its end.

    Args:
        cleanup: is called again if Ctrl-C interrupts it, and also where ``function`` has not begun.

    >>> unwind_protect(lambda: print("work"), lambda: print("clean-up"))
    work
    clean-up
    """
    interrupt = None
    try:
        return function()
    finally:
        while True:
            try:
                cleanup()
                break
            except KeyboardInterrupt as pressed:
                interrupt = pressed
        if interrupt is not None:
            raise interrupt


class Turn:
    """Lets one call in at a time.

    >>> turn = Turn()
    >>> turn.take(abs, -1)
    1
    """

    def __init__(self) -> None:
        self._users: dict[str, object] = {}  # one at most

    @property
    def is_taken(self) -> bool:
        """Whether a call is inside."""
        return bool(self._users)

    def take(self, function: Callable[..., T], *arguments: Any) -> T:
        """``function(*arguments)``.

        Raises:
            Busy: another call is inside, of this thread or another one.
        """
        token, users = object(), self._users
        # no call between `try` and `setdefault`, nor between `finally` and `del`
        try:
            if users.setdefault("user", token) is not token:
                raise Busy
            return function(*arguments)
        finally:
            try:
                if users["user"] is token:
                    del users["user"]
            except KeyError:  # it was another thread's, which has given it back
                pass
