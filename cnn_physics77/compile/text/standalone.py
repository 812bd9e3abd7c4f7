"""A program as a Python module that needs NumPy alone, and gives the same bits.

Written by ``program.save("step.py")``. Its ``state`` holds the arrays that the calls use and change, by name;
``load`` fills them, for example from a ``state_dict``. ``step`` makes the calls; a program in two halves has
``forward`` and ``backward`` instead. What an optimizer computes anew before each step, such as the learning
rate and the corrections of Adam (``"optimizer.0.numbers"`` in the state), is up to the caller.
"""

from __future__ import annotations

import base64
import keyword
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from cnn_physics77.compile.capture.seams import Draw
from cnn_physics77.compile.capture.trace import (
    CONSTANT,
    EXTERNAL,
    INPUT,
    Buffer,
    CaptureError,
    Operand,
    Step,
    array_at,
)
from cnn_physics77.compile.text.listing import name_of, sections
from cnn_physics77.compile.text.source import lines_of, text_of

if TYPE_CHECKING:
    from cnn_physics77.compile.replay.program import Program

HEAD = '''"""{name}: {calls} NumPy calls, captured by cnn_physics77.

The bits are those of a replay where BLAS has one thread (OPENBLAS_NUM_THREADS=1).
"""

import base64

import numpy as np
from numpy import copyto, inf, nan


class GuardFailed(Exception):
    """A value differs on which the capture depends."""


def _bytes(size):
    memory = np.empty(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size]


def _constant(text):
    values = np.frombuffer(base64.b64decode(text), np.uint8)
    memory = _bytes(values.size)
    memory[:] = values
    return memory


def _array(memory, offset, shape, dtype, strides):
    return np.ndarray(shape, dtype, memory, offset, strides)

'''

LOAD = '''
def load(arrays):
    """Copy arrays into the state, by name."""
    for name, array in arrays.items():
        copyto(state[name], array)
'''


def module_of(program: Program) -> str:
    """The text of the module."""
    interface = program.interface
    steps = sections(program)
    calls = sum(len(part) for _, part in steps)
    names = Texts(program)
    bodies = [
        (name, [_commented(line, step) for step in part for line in lines_of(step, names)])
        for name, part in steps
    ]
    functions = [_function(name, body, names) for name, body in bodies]
    state = "".join(f"    {name!r}: {text},\n" for name, text in names.state().items())
    return (
        HEAD.format(name=interface.name, calls=calls)
        + "\n".join([f"_temporaries = _bytes({program.bytes})", *names.definitions])
        + f"\nstate = {{\n{state}}}\n\n"
        + LOAD
        + "".join(functions)
    )


def _function(name: str, body: list[str], names: Texts) -> str:
    interface = names.interface
    given, generators = interface.arguments, names.generators
    results = ["None" if o is None else f"{names.text(o)}.copy()" for o in interface.results]
    if name == "backward":
        given, generators, results = interface.tangents, [], []
    gradients = [f"{n!r}: {names.text(place)}.copy()" for n, place in interface.gradients]
    if name == "backward" or (not name and gradients):
        results.append("{" + ", ".join(gradients) + "}")
    lines = [*(f"copyto({names.text(place)}, {n})" for n, place in given), *body] or ["pass"]
    result = results[0] if len(results) == 1 else f"({', '.join(results)})"
    inside = "\n        ".join(["with np.errstate(all='ignore'):", *lines])
    parameters = ", ".join([*(n for n, _ in given), *generators])
    return f"\n\ndef {name or 'step'}({parameters}):\n    {inside}\n    return {result}\n"


def _commented(line: str, step: Step) -> str:
    return f"{line}  # {step.operation}" if step.operation else line


class Texts:
    """Texts for the values that a program uses, and the definitions of its arrays.

    Attributes:
        definitions: lines that define memory and arrays.
        generators: the names of the random number generators.
    """

    def __init__(self, program: Program) -> None:
        self.program, self.interface = program, program.interface
        self.definitions: list[str] = []
        self.generators: list[str] = []
        self._memory: dict[Buffer, str] = {}
        self._arrays: dict[Operand, str] = {}
        self._named: dict[str, str] = {}
        self._draws: dict[int, str] = {}
        self._taken = {"np", "base64", "copyto", "inf", "nan", "state", "load", "step", "forward", "backward"}
        self._taken |= {"t", *(name for name, _ in self.interface.arguments)}
        self._writers: dict[Buffer, str] = {}
        for step in program.steps:
            for operand in step.writes:
                self._writers.setdefault(operand.buffer, step.operation)

    def of(self, function: Any, hint: str) -> str:
        """The text of a function that a line calls."""
        if isinstance(function, Draw):
            key = id(function.generator)
            if key not in self._draws:
                self._draws[key] = self._new("rng")
                self.generators.append(self._draws[key])
            return f"{self._draws[key]}.{function.__name__}"
        name = name_of(function)
        for text in (f"np.{name}", f"np.ndarray.{name}", f"{getattr(function, '__module__', '')}.{name}"):
            text = text.replace("numpy.", "np.", 1)
            try:
                if eval(text, {"np": np}) == function:
                    return text
            except (AttributeError, NameError, SyntaxError):
                continue
        raise CaptureError(f"save: {name} is no function of NumPy; a program that calls it cannot be written")

    def text(self, value: Any) -> str:
        """The text of an argument."""
        if isinstance(value, Operand):
            return self._array(value)
        if simple := text_of(value, self.text):
            return simple
        if type(value) in (float, complex, slice):
            return repr(value)
        if isinstance(value, np.dtype):
            return f"np.dtype({value.str!r})"
        if isinstance(value, type) and issubclass(value, np.generic):
            return f"np.{value.__name__}"
        if isinstance(value, np.generic):
            return self._literal(np.asarray(value)) + "[()]"
        if isinstance(value, np.ndarray):
            return self._literal(value)
        raise CaptureError(f"save: {type(value).__name__} is an argument of a call; it cannot be written")

    def state(self) -> dict[str, str]:
        """The arrays of others that are used, by name."""
        for name, array in self.interface.arrays.items():
            for buffer in tuple(self._memory):
                start = array.__array_interface__["data"][0]
                if buffer.kind == EXTERNAL and buffer.start <= start < buffer.stop:
                    place = Operand(buffer, start - buffer.start, array.shape, array.strides, array.dtype)
                    self._named[name] = self._array(place)
        named = {operand.buffer for operand, text in self._arrays.items() if text in self._named.values()}
        for buffer, memory in self._memory.items():
            if buffer.kind == EXTERNAL and buffer not in named:
                owner = buffer.owner
                place = Operand(buffer, 0, owner.shape, owner.strides, owner.dtype)
                self._named[memory.lstrip("_")] = self._array(place)
        return self._named

    # -------------------------------------------------------------------------------------- definitions

    def _array(self, operand: Operand) -> str:
        name = self._arrays.get(operand)
        if name is None:
            memory, offset = self._place(operand)
            name = self._arrays[operand] = self._new(self._base(operand))
            self.definitions.append(
                f"{name} = _array({memory}, {offset}, {operand.shape}, {operand.dtype.str!r}, "
                f"{operand.strides})"
            )
        return name

    def _base(self, operand: Operand) -> str:
        buffer = operand.buffer
        if name := self.interface.name_of(operand)[0]:
            return f"{name}_given" if buffer.kind == INPUT else name
        if buffer.kind == CONSTANT and self.program.start_of(buffer) is None:
            return "constant"
        return self._writers.get(buffer) or "array"

    def _place(self, operand: Operand) -> tuple[str, int]:
        buffer = operand.buffer
        start = self.program.start_of(buffer)
        if start is not None:
            return "_temporaries", start + operand.offset
        memory = self._memory.get(buffer)
        if memory is None:
            memory = self._memory[buffer] = f"_memory_{len(self._memory)}"
            if buffer.kind == EXTERNAL:
                made = f"_bytes({buffer.size})"
            else:
                whole = Operand(buffer, 0, (buffer.size,), (1,), np.dtype(np.uint8))
                made = f"_constant({_encoded(array_at(whole))})"
            self.definitions.append(f"{memory} = {made}")
        return memory, operand.offset

    def _literal(self, array: np.ndarray) -> str:
        name = self._new("constant")
        values = np.ascontiguousarray(array)
        self.definitions.append(
            f"{name} = np.frombuffer(base64.b64decode({_encoded(values)}), {array.dtype.str!r})"
            f".reshape({array.shape})"
        )
        return name

    def _new(self, base: str) -> str:
        """An identifier that is not used yet."""
        base = re.sub(r"\W", "_", base)
        if not base.isidentifier() or keyword.iskeyword(base) or base.startswith("_"):
            base = f"p_{base.lstrip('_')}"
        name, number = base, 0
        while name in self._taken:
            number += 1
            name = f"{base}_{number}"
        self._taken.add(name)
        return name


def _encoded(array: np.ndarray) -> str:
    return repr(base64.b64encode(array.tobytes()).decode())
