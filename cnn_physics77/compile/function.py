"""``torch.compile``: a function that is captured once and replayed from then on."""

from __future__ import annotations

import functools
import math
import warnings
import weakref
from collections.abc import Callable
from operator import is_
from types import MethodType
from typing import Any

import numpy as np

from cnn_physics77.compile.analysis.compare import first_difference, first_other_step
from cnn_physics77.compile.capture.environment import Environment, foreign_random_state
from cnn_physics77.compile.capture.recorded import (
    DIFFERENTIABLE,
    aliases,
    call_and_record,
    has_graph,
    is_variable,
)
from cnn_physics77.compile.capture.seams import instances
from cnn_physics77.compile.capture.trace import CaptureError, GuardFailed, How, current, frame_of_user
from cnn_physics77.compile.capture.tree import flatten, others
from cnn_physics77.compile.capture.walk import FOREIGN_NUMBERS
from cnn_physics77.compile.interrupts import Busy, Turn
from cnn_physics77.compile.replay.captured import Captured, overlapping
from cnn_physics77.compile.replay.differentiable import Differentiable
from cnn_physics77.compile.replay.processes import can_use_processes, check_lanes, is_worth_it
from cnn_physics77.compile.replay.program import Program
from cnn_physics77.core.optim.optimizer import Optimizer
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor

MOST_CAPTURES = 8
"""Of one function; after that it runs eagerly. PyTorch's recompile limit."""

REPLAYS = 4
"""So many in a row are timed where lanes are chosen."""

MOST_KINDS = 256
"""Of calls that are remembered, captured or not."""

ATTEMPTS = 3
"""Calls of one kind that are tried while the problem may pass."""


_capturing = Turn()
"""A capture taps the whole framework, so only one thread captures at a time."""


class _Kind:
    """The calls whose arguments differ in nothing but the values of tensors.

    Attributes:
        differentiable: whether a result, or an argument of a call that is not recorded, has a history.
        changes: whether an argument is changed in place.
        captures: those that have been made, the proved ones first.
        problem: why they are not captured.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.differentiable = False
        self.changes = False
        self.attempts = 0
        self.captures: list[Captured] = []
        self.problem = ""


class CompiledFunction:
    """A function that runs eagerly at first, is captured, and is replayed from then on.

    The first call of each kind (structure, shapes and dtypes of the arguments) runs as always. The second one
    does too, and is captured. At the third the replay is compared with the call as always, which is what
    counts. All later ones are replays, as long as what the capture depends on is as it was.
    """

    def __init__(
        self, function: Callable, fullgraph: bool = False, name: str = "", lanes: str | int = "threads"
    ) -> None:
        check_lanes(lanes)
        functools.update_wrapper(self, function)  # first, as it copies attributes
        self._function = function
        self.fullgraph, self.lanes = fullgraph, lanes
        self._kinds: dict[Any, _Kind] = {}
        self._count = 0
        self._unsteady: set[str] = set()  # operations that decide by values, now so, now otherwise
        self._varying: set[tuple[str, int]] = set()  # settings of optimizers that have changed
        self._may_vary = True
        self._turn = Turn()
        self.__name__ = name or getattr(function, "__name__", type(function).__name__)
        _all.add(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current.trace is None:  # not part of another capture
            try:
                return self._turn.take(self._call, args, kwargs)
            except Busy:  # at work in another thread
                pass
        return self._function(*args, **kwargs)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        return self if owner is None else MethodType(self, owner)

    def __reduce__(self) -> tuple:
        return CompiledFunction, (self._function, self.fullgraph, self.__name__, self.lanes)

    def _call(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        given: list[Tensor] = []
        description = flatten((args, kwargs), given)
        if any(not isinstance(t.array, np.ndarray) for t in given):
            return self._function(*args, **kwargs)  # within vmap, say
        key = description, tuple(map(_kind_of, given)), aliases(given), recording()
        kind = self._kinds.get(key) or self._new_kind(key)
        try:
            for captured in kind.captures:
                if captured.is_for(given) and captured.holds():
                    if captured.meets(given):
                        raise Busy
                    try:
                        if captured.is_proved_for(given):
                            return captured.replay(given)
                        return _capturing.take(self._prove, captured, kind.captures, description, given)
                    except GuardFailed as failed:
                        self._unsteady.update(failed.args)
            return _capturing.take(self._learn, kind, description, given, args, kwargs)
        except Busy:
            pass
        return self._function(*args, **kwargs)

    def _new_kind(self, key: Any) -> _Kind:
        if len(self._kinds) == MOST_KINDS:  # the arguments may be objects, which the keys keep alive
            del self._kinds[next(old for old, kind in self._kinds.items() if not kind.captures)]
        return self._kinds.setdefault(key, _Kind())

    def _learn(
        self, kind: _Kind, description: Any, given: list[Tensor], args: tuple, kwargs: dict[str, Any]
    ) -> Any:
        """A call as always, from which a capture may be made."""
        if kind.changes and any(overlapping(given, index) for index in range(len(given))):
            return self._function(*args, **kwargs)  # a capture copies them
        kind.calls += 1
        if kind.calls > 1 and not kind.problem and self._count < MOST_CAPTURES:
            return self._capture(kind, description, given)
        versions, edges = [t._version for t in given], [t.edge for t in given]
        result = self._function(*args, **kwargs)
        if kind.calls == 1:
            now: list[Tensor] = []
            if flatten((args, kwargs), now) != description or not all(map(is_, now, given)):
                self._give_up(kind, "it changes a list or dict among its arguments; return what is new")
            if any(t.edge is not edge for t, edge in zip(given, edges)):
                self._give_up(kind, "it changes whether an argument requires grad; take x.detach() there")
            kind.changes = versions != [t._version for t in given]
            kind.differentiable = _has_history(result, given)
        return result

    def _capture(self, kind: _Kind, description: Any, given: list[Tensor]) -> Any:
        environment = Environment(self._function, others(description))
        again = next(filter(None, (captured.environment.changed() for captured in kind.captures[::-1])), "")
        for captured in kind.captures:
            self._varying |= captured.guards.changed_numbers()
        varying = self._varying if self._may_vary else ()
        how = How(
            kind.differentiable,
            () if kind.differentiable else _variables(given, environment),
            frozenset(self._unsteady - {""}),
            frozenset(varying),
        )
        drawn = foreign_random_state()
        modules = environment.modules.values()
        made = call_and_record(self._function, description, given, how, modules)
        changed = environment.changed()
        if changed and not made.problem:
            made.problem = f"it changes {changed!r}, which it reads; return what is new, or change it outside"
        changed = made.seen.attributes.changed(made.seen.parts())
        if changed and not made.problem:  # perhaps for this call alone, as a cache does
            made.problem, made.passing = f"it changes {changed!r}, an attribute of a module", True
        if foreign_random_state() != drawn:
            environment.problem = FOREIGN_NUMBERS
        made.problem = made.problem or environment.problem or made.hidden(environment.tensors())
        if made.problem:
            if made.problem == DIFFERENTIABLE and not kind.differentiable:
                kind.differentiable = True
                return made.result
            kind.attempts += 1
            if varying:  # an optimizer computes with a setting where a capture does not see it
                self._may_vary = False
                return made.result
            if not made.passing or kind.attempts >= ATTEMPTS:
                self._give_up(kind, made.problem)
            return made.result
        kind.attempts = 0
        most = 1 if self.lanes == 1 else None
        captured = (Differentiable if kind.differentiable else Captured)(made, environment, most)
        if environment.problem:  # of a module's forward, or a hook
            self._give_up(kind, environment.problem)
            return made.result
        kind.captures.append(captured)
        self._count += 1
        if self._count == MOST_CAPTURES:
            why = f", at last as {again!r} had changed; pass it as a tensor" if again else ""
            _warn(
                f"compile: {self.__name__} was captured {MOST_CAPTURES} times{why}. Other calls run eagerly. "
                "See compile.explain"
            )
        return made.result

    def _give_up(self, kind: _Kind, problem: str) -> None:
        kind.problem = problem
        message = f"compile: {self.__name__} cannot be captured: {problem}"
        if self.fullgraph:
            raise CaptureError(message)
        _warn(f"{message}. It runs eagerly")

    def _prove(
        self, captured: Captured, captures: list[Captured], description: Any, given: list[Tensor]
    ) -> Any:
        captured.program.bind()
        replayed = captured.rehearse(given)
        captured.program.unbind()  # not all at once: this memory, and that of the call as always
        made = call_and_record(self._function, description, given, captured.how)
        if made.passing:
            return made.result  # another thread's doing; the next call is compared
        problem = made.problem or first_other_step(captured.trace, made.trace)
        problem = problem or first_difference(captured.values_of(made, given), replayed)
        if problem:
            raise CaptureError(
                f"compile: a replay of {self.__name__} differs from the call itself: {problem}"
            )
        result = made.result
        del made, replayed  # before the program takes its memory
        captured.program.bind()
        if self.lanes in ("processes", "auto") and type(captured.program) is Program and can_use_processes():
            try:
                self._part(captured, given)
            except GuardFailed:  # another call is compared
                return result
            except BaseException:  # Ctrl-C, say: its memory may have moved in part
                captures.remove(captured)
                raise
        captured.prove(given)
        captures.sort(key=lambda one: not one.proved)
        return result

    def _part(self, captured: Captured, given: list[Tensor]) -> None:
        """Let two processes run the program, if that is worth it; what they give is compared first."""
        if captured.how.differentiable or not is_worth_it(captured.program):
            return
        whole = captured.rehearse(given)
        threads = captured.program
        threads.unbind()
        program = captured.use_processes()
        program.here = True
        cut = captured.rehearse(given)
        program.here = False
        results = len(captured.results)  # states: an optimizer may blow rounding errors up
        problem = first_difference(whole[:results], cut[:results], rounded=True)
        del whole
        try:
            if not problem and any(a.tobytes() != b.tobytes() for a, b in zip(cut, captured.rehearse(given))):
                problem = "the bits of two lanes are not those of one"
        except Busy:
            pass
        del cut
        if problem:
            raise CaptureError(f"compile: two processes differ from one in {self.__name__}: {problem}")
        if self.lanes == "auto":
            _choose_lanes(captured, threads, program, given)

    def captures(self) -> list[Captured]:
        """All captures, in order."""
        return [captured for kind in self._kinds.values() for captured in kind.captures]

    def problems(self) -> list[str]:
        """For each kind of calls that is not captured, why."""
        return [kind.problem for kind in self._kinds.values() if kind.problem]

    @property
    def program(self) -> Program:
        """The program of the latest capture."""
        captures = self.captures()
        if not captures:
            raise CaptureError(f"{self.__name__} has not been captured yet; call it twice")
        return captures[-1].program

    def reset(self) -> None:
        """Forget all captures, and what was learned from calls."""
        self._kinds.clear()
        self._unsteady.clear()
        self._varying.clear()
        self._may_vary, self._count = True, 0


def _warn(message: str) -> None:
    """At the line of the user's that calls, through modules or not."""
    _, level = frame_of_user()
    warnings.warn(message, RuntimeWarning, stacklevel=level)


def _has_history(result: Any, given: list[Tensor]) -> bool:
    """Whether a call must be captured with its backward pass: it made a result that can be differentiated, or
    it is not recorded and was given such a result."""
    if not recording():
        return any(t.edge is not None for t in given)
    returned: list[Tensor] = []
    flatten(result, returned)
    known = set(map(id, given))
    return any(not t.is_leaf and id(t) not in known and has_graph(t.edge) for t in returned)


def _variables(given: list[Tensor], environment: Environment) -> tuple[int, ...]:
    """The positions of leaves that the function knows as arguments alone, as far as can be seen."""
    candidates = [index for index, t in enumerate(given) if is_variable(t)]
    if not candidates:
        return ()
    groups = [group for o in instances(Optimizer) for group in o.__dict__.get("param_groups", ())]
    known = {id(t) for t in (*environment.tensors(), *(p for group in groups for p in group["params"]))}
    return tuple(index for index in candidates if id(given[index]) not in known)


def _choose_lanes(
    captured: Captured, threads: Program, processes: Program, given: list[Tensor], rounds: int = 3
) -> None:
    """Let the capture use the faster of two programs, by the best of some replays in turns."""
    threads.bind()  # the memory of others has moved
    threads.segments = processes.segments
    programs = {"threads": threads, "processes": processes}
    times: dict[str, float] = {}
    for _ in range(rounds):
        for name, program in programs.items():
            captured.use(program)
            try:
                for _ in range(REPLAYS):  # the first one wakes a process, and fills the caches
                    times[name] = min(times.get(name, math.inf), captured.seconds(given))
            except (GuardFailed, Busy):
                return
    faster = min(times, key=times.__getitem__)
    captured.use(programs[faster])
    said = ", ".join(f"{name} {1e3 * seconds:.3g} ms" for name, seconds in times.items())
    captured.program.note = f"lanes: {faster} ({said})"


_all: weakref.WeakSet[CompiledFunction] = weakref.WeakSet()


def reset() -> None:
    """Forget all captures of all functions, as if none had been called."""
    for function in tuple(_all):
        function.reset()


def _kind_of(t: Tensor) -> tuple:
    """What Python code may decide by: all of an argument but its values."""
    array = t.array
    return array.shape, array.dtype, array.strides, type(t), t.edge is None
