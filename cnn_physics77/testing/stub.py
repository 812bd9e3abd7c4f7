"""``core/tensor.pyi``: the methods of Tensor, which operations hang onto the class when they are imported, as
editors and type checkers read them. To write the file anew after a method has changed::

    python -m cnn_physics77.testing.stub
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnn_physics77.core import operations, tensor
from cnn_physics77.core.tensor import Tensor

PATH = Path(tensor.__file__).with_suffix(".pyi")

HEADER = '''"""Tensor with the methods that the operations hang onto it. Written by ``python -m
cnn_physics77.testing.stub``: change the methods, not this file."""

import builtins
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnn_physics77.core.array_protocol import ArrayProtocol
from cnn_physics77.core.autograd import Node
from cnn_physics77.core.copying import Copying
from cnn_physics77.core.handles import RemovableHandle
'''

FUNCTIONS = ("from_array", "tensor", "from_numpy", "is_tensor", "method")

# The modules whose functions, made by others, say nothing of their result, which is a tensor.
_GIVE_TENSORS = ("arithmetic", "bitwise", "casting", "comparison", "elementwise", "inplace", "matrices")


def text() -> str:
    """What the file should be."""
    imports: dict[str, set[str]] = {}
    members = _members()
    lines = ["class Tensor(ArrayProtocol, Copying):", *_attributes(members)]
    for name, member in members.items():
        lines += [f"    {line}" for line in _member(name, member, imports)]
    lines.append("")
    for name in FUNCTIONS:
        lines += _definition(name, getattr(tensor, name), imports, None)
    found = (f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items()))
    return HEADER + "\n".join((*found, "", *lines)) + "\n"


def _attributes(members: dict[str, Any]) -> list[str]:
    """What stands on the class as data."""
    annotated = Tensor.__annotations__.items()
    return [f"    {name}: {_qualified(annotation)}" for name, annotation in annotated if name not in members]


def _members() -> dict[str, Any]:
    """All methods and properties, those of the class's own first, in the order in which they came to it."""
    members: dict[str, Any] = {}
    for kind in Tensor.__mro__[:-1]:
        for name, member in vars(kind).items():
            if (inspect.isfunction(member) or isinstance(member, property)) and name not in members:
                members[name] = member
    members["__hash__"] = lambda self: hash(self)
    members["__hash__"].__annotations__["return"] = "int"
    return members


def _member(name: str, member: Any, imports: dict[str, set[str]]) -> list[str]:
    if not isinstance(member, property):
        return _definition(name, member, imports, "self")
    lines = ["@property", *_definition(name, member.fget, imports, "self")]
    if member.fset is not None:
        lines += [f"@{name}.setter", *_definition(name, member.fset, imports, "self")]
    return lines


def _definition(name: str, function: Any, imports: dict[str, set[str]], first: str | None) -> list[str]:
    """One line that declares a function; ``first`` is the name of its first parameter if it is a method."""
    signature = inspect.signature(_signed(name, function))
    parameters = []
    star = False
    for number, parameter in enumerate(signature.parameters.values()):
        if number == 0 and first is not None:
            parameters.append(first)
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parameters.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        prefix = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        prefix = "**" if parameter.kind is parameter.VAR_KEYWORD else prefix
        written = f"{prefix}{parameter.name}: {_annotation(parameter.annotation, function, imports)}"
        parameters.append(written + ("" if parameter.default is parameter.empty else " = ..."))
    given = signature.return_annotation
    if name == "__init__":
        result = "None"
    elif given is not signature.empty:
        result = _annotation(given, function, imports)
    else:
        result = "Tensor" if first and _file(function) in _GIVE_TENSORS else "Any"
    excuse = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
    return [f"def {name}({', '.join(parameters)}) -> {result}: ...{excuse}"]


def _signed(name: str, function: Callable) -> Callable:
    """Where the parameters are written: those of an operation in place are the operation's."""
    if _file(function) == "inplace" and name.endswith("_") and not name.endswith("__"):
        parameters = inspect.signature(function).parameters.values()
        if any(p.kind is p.VAR_POSITIONAL for p in parameters):
            return getattr(Tensor, name[:-1], function)
    return function


def _file(function: Any) -> str:
    return Path(function.__code__.co_filename).stem


def _annotation(annotation: Any, function: Callable, imports: dict[str, set[str]]) -> str:
    """The annotation as text, its names imported from where the function's module has them."""
    if annotation is inspect.Signature.empty:
        return "Any"
    written = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    for name in re.findall(r"(?<![\w.])[A-Za-z_]\w*", written):
        value = inspect.unwrap(function).__globals__.get(name)
        module = getattr(value, "__module__", "") if isinstance(value, type) else ""
        if module.startswith("cnn_physics77") and name not in ("Tensor", "Node", "RemovableHandle"):
            imports.setdefault(module, set()).add(name)
    return _qualified(written)


def _qualified(annotation: str) -> str:
    """Within the class, ``int`` is the method."""
    return re.sub(r"(?<![\w.])(int|float|bool|type)(?!\w)", r"builtins.\1", annotation)


def main() -> None:
    """Write the file."""
    PATH.write_text(text())


if __name__ == "__main__":
    assert operations  # which have hung the methods onto the class
    main()
