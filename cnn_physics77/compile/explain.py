"""What was captured, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from cnn_physics77.compile.capture.trace import Call, Choice, Guard, Step
from cnn_physics77.compile.capture.traced import Flattened
from cnn_physics77.compile.function import CompiledFunction
from cnn_physics77.compile.replay.captured import Captured
from cnn_physics77.compile.text.listing import sections
from cnn_physics77.core.layers.module import Module


def explain(function: Callable, *args: Any, **kwargs: Any) -> str:
    """What was captured of a function or module: its calls by operation, its memory, what it depends on, and
    what was not captured, and why.

    With arguments the function is called with them twice, so that it is captured if it can be.

    >>> import cnn_physics77 as torch
    >>> print(torch.compile.explain(lambda x: x * x + x, torch.ones(3)))
    <lambda>: 1 capture
    capture 1 (not compared with a call yet): 2 calls, 192 bytes of temporaries
      1 add
      1 mul
      holds while: gradients are recorded, the default dtype is torch.float32
    """
    compiled = _compiled(function)
    if args or kwargs:
        for _ in range(2):
            compiled(*args, **kwargs)
    captures = compiled.captures()
    lines = [f"{compiled.__name__}: {len(captures)} capture{'s' * (len(captures) != 1)}"]
    for number, captured in enumerate(captures, 1):
        lines += _lines(number, captured)
    for problem, count in Counter(compiled.problems()).items():
        lines.append(f"{count} kind{'s' * (count != 1)} of calls run eagerly: {problem}")
    return "\n".join(lines)


def _compiled(function: Callable) -> CompiledFunction:
    if isinstance(function, CompiledFunction):
        return function
    forward = getattr(function, "forward", None)
    if isinstance(forward, CompiledFunction):  # a compiled module
        return forward
    if isinstance(function, Module):
        return CompiledFunction(function.__call__, name=type(function).__name__)
    return CompiledFunction(function)


def _lines(number: int, captured: Captured) -> list[str]:
    program = captured.program
    proved = "" if captured.proved else " (not compared with a call yet)"
    parts = sections(program)
    counts = " + ".join(f"{len(steps)}{' ' + name if name else ''}" for name, steps in parts)
    lines = [f"capture {number}{proved}: {counts} calls, {program.bytes:,} bytes of temporaries"]
    steps = [step for _, part in parts for step in part]
    operations = Counter(step.operation or "the function" for step in steps if not isinstance(step, Guard))
    lines += [f"  {count} {name}" for name, count in sorted(operations.items(), key=lambda p: (-p[1], p[0]))]
    whole = Counter(
        step.operation for step in steps if isinstance(step, Call) and isinstance(step.function, Flattened)
    )
    lines += [f"  {name} reads a value: one call as a whole, {count} times" for name, count in whole.items()]
    return [*lines, f"  holds while: {', '.join(_conditions(captured, steps))}"]


def _conditions(captured: Captured, steps: list[Step]) -> list[str]:
    recorded, dtype = captured.guards.mode
    conditions = [
        f"gradients are {'' if recorded else 'not '}recorded",
        f"the default dtype is {dtype}",
    ]
    counts = captured.guards.counts()
    conditions += [f"{what} ({count})" for what, count in counts.items() if count]
    if chosen := sum(isinstance(step, Choice) for step in steps):
        conditions.append(f"{chosen} choices by values are made anew each time")
    values = Counter(step.operation or "the function" for step in steps if isinstance(step, Guard))
    return conditions + [f"values of {name} decide as before ({count})" for name, count in values.items()]
