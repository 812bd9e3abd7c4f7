"""Replay: a trace as a Python function that makes the same NumPy calls on memory of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from cnn_physics77.compile.analysis import ALIGNMENT, lifetimes, needed, plan_memory
from cnn_physics77.compile.trace import (
    TEMPORARY,
    Buffer,
    Call,
    CaptureError,
    Guard,
    GuardFailed,
    Operand,
    Trace,
)

GIVES_OUT = {
    np.concatenate, np.take, np.ndarray.take, np.einsum, np.dot, np.cumsum, np.cumprod, np.stack, np.argmax,
    np.argmin, np.ndarray.argmax, np.ndarray.argmin, np.ndarray.cumsum, np.ndarray.cumprod,
}  # fmt: skip
"""Functions besides ufuncs that take ``out=``."""

OUT_BY_NAME = {np.maximum, np.minimum}
"""Ufuncs that must be given ``out`` by its name: NumPy 2.4 warns otherwise. Others are faster without it."""


class Program:
    """The needed steps of a trace, with their arrays bound to memory.

    Args:
        trace: what was captured.
        results: arrays that are read after the last step.

    Attributes:
        steps: the needed ones, in order.
        bytes: of the memory of all temporaries.
        source: the Python function that makes the calls.
    """

    def __init__(self, trace: Trace, results: list[Operand]) -> None:
        self.steps, unwritten = needed(trace.steps, results)
        self._check(unwritten)
        self._lives = lifetimes(self.steps, results)
        temporary = {
            buffer: life
            for buffer, life in self._lives.items()
            if buffer.kind == TEMPORARY or (buffer.initial is not None and buffer not in unwritten)
        }
        self._initial = [b for b in self._lives if b.initial is not None and b in unwritten]
        self._offsets, self.bytes = plan_memory(temporary)
        self._bind()

    def _bind(self) -> None:
        self.arena = np.empty(self.bytes + ALIGNMENT, np.uint8)
        self._start = -self.arena.__array_interface__["data"][0] % ALIGNMENT
        self._arrays: dict[Operand, np.ndarray] = {}
        self.source, self.run = _compiled(self)

    def rebound(self) -> Program:
        """The same program on new memory."""
        other: Program = object.__new__(Program)
        other.__dict__.update(self.__dict__)
        other._bind()
        return other

    def _check(self, unwritten: list[Buffer]) -> None:
        for step in self.steps:
            for operand in step.reads:
                if operand.buffer.kind == TEMPORARY and operand.buffer in unwritten:
                    raise CaptureError(
                        f"{step.operation or 'the function'} reads {operand.shape} {operand.dtype} of memory "
                        "that no captured call has written; a kernel computes where a capture does not see it"
                    )

    def array(self, operand: Operand) -> np.ndarray:
        """The array of an operand in the memory of the program."""
        array = self._arrays.get(operand)
        if array is None:
            array = self._arrays[operand] = self._bound(operand)
        return array

    def _bound(self, operand: Operand) -> np.ndarray:
        shape, strides, dtype = operand.shape, operand.strides, operand.dtype
        start = self._offsets.get(operand.buffer)
        if start is not None:
            return np.ndarray(shape, dtype, self.arena, self._start + start + operand.offset, strides)
        return array_at(operand.buffer, operand)


class _Place:
    """What NumPy makes an array of, which keeps ``owner`` alive."""

    def __init__(self, owner: np.ndarray, interface: dict[str, Any]) -> None:
        self.owner, self.__array_interface__ = owner, interface


def array_at(buffer: Buffer, operand: Operand) -> np.ndarray:
    """The array of an operand in the memory in which it was captured."""
    interface = {
        "version": 3,
        "data": (buffer.start + operand.offset, not buffer.owner.flags.writeable),
        "shape": operand.shape,
        "strides": operand.strides,
        "typestr": operand.dtype.str,
    }
    return np.asarray(_Place(buffer.owner, interface))


# ------------------------------------------------------------------------------------------- the function


class _Names:
    """Names for the values that a source text uses."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.values: dict[str, Any] = {"copyto": np.copyto, "GuardFailed": GuardFailed}
        self._names: dict[int, str] = {}

    def of(self, value: Any, hint: str) -> str:
        name = self._names.get(id(value))
        if name is None:
            name = self._names[id(value)] = f"{hint}{len(self._names)}"
            self.values[name] = value
        return name

    def text(self, value: Any) -> str:
        if isinstance(value, Operand):
            return self.of(self.program.array(value), "a")
        if value is None or value is ... or type(value) in (bool, int, str):
            return repr(value)
        if type(value) is tuple:
            return "(" + "".join(self.text(item) + ", " for item in value) + ")"
        if type(value) is list:
            return "[" + ", ".join(map(self.text, value)) + "]"
        return self.of(value, "c")


def _compiled(program: Program) -> tuple[str, Callable[[], None]]:
    names = _Names(program)
    lines = [
        f"copyto({names.of(buffer.owner, 'k')}, {names.of(buffer.initial, 'k')})"
        for buffer in program._initial
    ]
    lines += [line for step in program.steps for line in _lines(step, names)]
    source = "\n        ".join(
        [f"def bind({', '.join(names.values)}):\n    def run():", *(lines or ["pass"])]
    )
    source += "\n    return run\n"
    space: dict[str, Any] = {}
    exec(compile(source, "<captured program>", "exec"), space)
    return source, space["bind"](**names.values)


def _lines(step: Call | Guard, names: _Names) -> list[str]:
    text = names.text
    if isinstance(step, Guard):
        test = text(step.operand)
        return [f"if {'not ' if step.expected else ''}{test}:", "    raise GuardFailed"]
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
