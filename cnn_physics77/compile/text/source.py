"""The source text of a program, and the Python function of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from cnn_physics77.compile.capture.trace import Choice, Guard, GuardFailed, Operand, Step
from cnn_physics77.compile.schedule.loops import Loop
from cnn_physics77.core.kernels.runtime.parallel import HAND_OVER_MICROSECONDS, parallel_for

GIVES_OUT = {
    np.concatenate, np.take, np.ndarray.take, np.einsum, np.dot, np.cumsum, np.cumprod, np.stack, np.argmax,
    np.argmin, np.ndarray.argmax, np.ndarray.argmin, np.ndarray.cumsum, np.ndarray.cumprod,
}  # fmt: skip
"""Functions besides ufuncs that take ``out=``."""

OUT_BY_NAME = {np.maximum, np.minimum}
"""Ufuncs that must be given ``out`` by its name: NumPy 2.4 warns otherwise. Others are faster without it."""


class Names:
    """Names for the values that a source text uses: functions, constants, and operands for their arrays."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def of(self, value: Any, hint: str) -> str:
        """The name of a value, a new one that begins with ``hint`` if it has none."""
        key = value if type(value) is Operand else id(value)
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"{hint}{len(self._names)}"
            self.values[name] = value
        return name

    def text(self, value: Any) -> str:
        """The text of an argument."""
        if isinstance(value, Operand):
            return self.of(value, "a")
        return text_of(value, self.text) or self.of(value, "c")


def text_of(value: Any, text: Callable[[Any], str]) -> str:
    """The source text of a simple value; ``text`` gives those of items. "" for other values."""
    kind = type(value)
    if value is ...:
        return "..."
    if value is None or kind in (bool, int, str):
        return repr(value)
    if kind is tuple:
        return "(" + "".join(text(item) + ", " for item in value) + ")"
    return "[" + ", ".join(map(text, value)) + "]" if kind is list else ""


class Compiled:
    """A Python function that makes calls.

    Args:
        names: of the values in the lines.
        body: the lines of the function.
        functions: the texts of functions that the lines call.
        parameter: of the function.

    Attributes:
        source: the text of a function of ``values`` that returns the function.
        values: functions, constants, and operands for their arrays.
    """

    def __init__(
        self, names: Names, body: list[str], functions: Iterable[str] = (), parameter: str = ""
    ) -> None:
        run = _function(f"run({parameter})", body or ["pass"])
        head = f"def bind({', '.join(names.values)}):"
        self.source = "\n".join([head, *functions, run, "    return run", ""])
        self.values = list(names.values.values())
        self._code = compile(self.source, "<captured program>", "exec")

    def bound(self, array: Callable[[Operand], np.ndarray], **given: Any) -> Callable[..., None]:
        """The function, on the memory in which ``array`` places operands; ``given`` are further names."""
        space = {"copyto": np.copyto, "GuardFailed": GuardFailed, "parallel_for": parallel_for, **given}
        exec(self._code, space)
        return space["bind"](*(array(v) if type(v) is Operand else v for v in self.values))


def in_threads(items: Iterable[Step | Loop]) -> Compiled:
    """The function of steps, and of loops whose lanes run on the threads of the pool."""
    names, body = Names(), []
    functions: list[str] = []
    for item in items:
        if isinstance(item, Loop):
            lanes = [f"lane_{len(functions) + number}" for number in range(len(item.lanes))]
            for name, steps in zip(lanes, item.lanes):
                functions.append(_function(f"{name}()", [line for s in steps for line in lines_of(s, names)]))
            chosen = f"lambda lane: ({', '.join(lanes)})[lane]()"
            body.append(f"parallel_for({chosen}, {len(lanes)}, {HAND_OVER_MICROSECONDS})")
        else:
            body += lines_of(item, names)
    return Compiled(names, body, functions)


def _function(head: str, lines: list[str]) -> str:
    return "\n        ".join([f"    def {head}:", *lines])


def lines_of(step: Step, names: Any) -> list[str]:
    """The source text of a step; ``names`` gives the texts of functions and arguments."""
    text = names.text
    if isinstance(step, Choice):
        first, other = (
            [f"    {line}" for inner in steps for line in lines_of(inner, names)] or ["    pass"]
            for steps in (step.first, step.other)
        )
        return [f"if {text(step.condition)}:", *first, "else:", *other]
    if isinstance(step, Guard):
        test = text(step.operand)
        return [f"if {'not ' if step.expected else ''}{test}:", f"    raise GuardFailed({step.operation!r})"]
    function, out = step.function, step.out
    called = names.of(function, getattr(function, "__name__", "call").strip("<_>") + "_")
    arguments = [text(argument) for argument in step.arguments]
    options = [f"{name}={text(value)}" for name, value in step.options.items()]
    ufunc = function if isinstance(function, np.ufunc) else None
    if ufunc is not None and out is not None and ufunc not in OUT_BY_NAME:
        arguments += [text(one) for one in (out if type(out) is tuple else (out,))]
        out = None
    elif function is np.copyto and out is not None:
        arguments.insert(0, text(out))
        out = None
    elif out is not None and (
        ufunc is not None
        or isinstance(getattr(function, "__self__", None), np.ufunc)
        or function in GIVES_OUT
    ):
        options.append(f"out={text(out)}")
        out = None
    call = f"{called}({', '.join(arguments + options)})"
    if out is None:
        return [call]
    if type(out) is tuple:
        places = [(index, one) for index, one in enumerate(out) if one is not None]
        return [f"t = {call}", *(f"copyto({text(one)}, t[{index}])" for index, one in places)]
    return [f"copyto({text(out)}, {call})"]
