"""``torch.compile``: a function that is captured once and replayed from then on."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from typing import Any

from cnn_physics77.compile.captured import Captured, call_and_record
from cnn_physics77.compile.compare import difference
from cnn_physics77.compile.replay import Program
from cnn_physics77.compile.trace import CaptureError, GuardFailed, current
from cnn_physics77.compile.tree import flatten
from cnn_physics77.core.tensor import Tensor

MOST_CAPTURES = 8
"""Of one function; after that it runs eagerly. PyTorch's recompile limit."""

ATTEMPTS = 3
"""Calls of one kind that are tried while the problem may pass."""


class _Kind:
    """The calls whose arguments differ in nothing but the values of tensors."""

    def __init__(self) -> None:
        self.calls = 0
        self.attempts = 0
        self.problem = ""


class CompiledFunction:
    """A function that runs eagerly at first, is captured, and is replayed from then on.

    The first call of each kind (structure, shapes and dtypes of the arguments) runs as always. The second one
    does too, and is captured. At the third the replay is compared with the call as always, which is what
    counts. All later ones are replays, as long as what the capture depends on is as it was.
    """

    def __init__(self, function: Callable, fullgraph: bool = False) -> None:
        self.__name__ = "function"
        self._function = function
        self._fullgraph = fullgraph
        self._kinds: dict[Any, _Kind] = {}
        self._captures: dict[Any, list[Captured]] = {}
        self._count = 0
        self._busy = threading.Lock()
        functools.update_wrapper(self, function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current.trace is not None or not self._busy.acquire(blocking=False):
            return self._function(*args, **kwargs)  # part of another capture, or at work in another thread
        try:
            return self._call(args, kwargs)
        finally:
            self._busy.release()

    def _call(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        given: list[Tensor] = []
        description = flatten((args, kwargs), given)
        key = (
            description,
            tuple((t.array.shape, t.array.dtype, t.edge is None) for t in given),
            _aliases(given),
        )
        for captured in self._captures.get(key, ()):
            if captured.holds():
                try:
                    return (
                        captured.replay(given)
                        if captured.proved
                        else self._prove(captured, description, given)
                    )
                except GuardFailed:
                    continue
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = _Kind()
        kind.calls += 1
        if kind.calls == 1 or kind.problem or self._count >= MOST_CAPTURES:
            return self._function(*args, **kwargs)
        return self._capture(key, kind, description, given)

    def _capture(self, key: Any, kind: _Kind, description: Any, given: list[Tensor]) -> Any:
        made = call_and_record(self._function, description, given)
        if made.problem:
            kind.attempts += 1
            if not made.passing or kind.attempts >= ATTEMPTS:
                self._give_up(kind, made.problem)
            return made.result
        kind.attempts = 0
        self._captures.setdefault(key, []).append(Captured(made))
        self._count += 1
        if self._count == MOST_CAPTURES:
            warnings.warn(
                f"compile: {self.__name__} was captured {MOST_CAPTURES} times; other calls run eagerly. See "
                "compile.explain",
                RuntimeWarning,
                stacklevel=4,
            )
        return made.result

    def _give_up(self, kind: _Kind, problem: str) -> None:
        kind.problem = problem
        message = f"compile: {self.__name__} cannot be captured: {problem}"
        if self._fullgraph:
            raise CaptureError(message)
        warnings.warn(f"{message}. It runs eagerly", RuntimeWarning, stacklevel=5)

    def _prove(self, captured: Captured, description: Any, given: list[Tensor]) -> Any:
        replayed = captured.rehearse(given)
        made = call_and_record(self._function, description, given)
        problem = difference(captured, made, replayed)
        if problem:
            raise CaptureError(
                f"compile: a replay of {self.__name__} differs from the call itself: {problem}"
            )
        captured.proved = True
        return made.result

    @property
    def program(self) -> Program:
        """The program of the latest capture."""
        captures = [captured for of_kind in self._captures.values() for captured in of_kind]
        if not captures:
            raise CaptureError(f"{self.__name__} has not been captured yet; call it twice")
        return captures[-1].program

    def reset(self) -> None:
        """Forget all captures."""
        self._kinds.clear()
        self._captures.clear()
        self._count = 0


def _aliases(given: list[Tensor]) -> tuple[int, ...]:
    """For each tensor the position at which it is first given."""
    if len(given) < 2:
        return ()
    first: dict[int, int] = {}
    return tuple(first.setdefault(id(t), index) for index, t in enumerate(given))
