"""Names of PyTorch that this package lacks: importing works, using says in one line what is lacking.

A script often imports more than it uses, or guards the use by a flag. Such a script runs here as long as it
does not use what is lacking.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from cnn_physics77.core.pytorch_names import theirs


class LackingError(NotImplementedError):
    """A name of PyTorch is used that this package lacks."""


class Lacking:
    """Stands for a function or class. Calling it, making an object of a class that is derived from it, or
    asking for an attribute raises :class:`LackingError`.

    No object is an instance of it.

    Args:
        name: its name in PyTorch.
        reason: what is lacking, and what to do instead.

    >>> export = Lacking("torch.onnx.export", "no ONNX; use torch.save")
    >>> isinstance(3, export)
    False
    >>> export(None)
    Traceback (most recent call last):
        ...
    cnn_physics77._lacking.LackingError: cnn_physics77 has no torch.onnx.export: no ONNX; use torch.save
    """

    def __init__(self, name: str, reason: str) -> None:
        self.__name__ = name
        self._message = f"cnn_physics77 has no {name}: {reason}"

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise LackingError(self._message)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying asks for them before there is a name
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        raise LackingError(self._message)

    def __getitem__(self, parameters: Any) -> Lacking:
        """As in ``Future[int]``, an annotation."""
        return self

    def __or__(self, other: Any) -> Lacking:
        """As in ``ProcessGroup | None``, an annotation."""
        return self

    __ror__ = __or__

    def __mro_entries__(self, bases: tuple) -> tuple[type, ...]:
        """Libraries derive classes of which few programs make objects: the class is defined, as a message."""
        options = {"__new__": self.__call__, "__init_subclass__": lambda cls, **options: None}
        return (type(self.__name__, (), options),)

    def __instancecheck__(self, instance: Any) -> bool:
        return False

    def __subclasscheck__(self, subclass: type) -> bool:
        return False

    def __repr__(self) -> str:
        return f"<{self._message}>"


def refuse(namespace: dict[str, Any], names: str, error: type[Exception], message: str) -> list[str]:
    """Give a module functions that raise an error, however they are called.

    Args:
        namespace: the module's ``globals()``.
        names: their names, separated by blanks.
        error: its class.
        message: what was expected and found, and what to do.

    Returns:
        The names, for the module's ``__all__``.

    >>> here = {"__name__": "cnn_physics77.mtia"}
    >>> refuse(here, "init synchronize", RuntimeError, "expected a device, found none")
    ['init', 'synchronize']
    >>> here["synchronize"](0)
    Traceback (most recent call last):
        ...
    RuntimeError: mtia.synchronize: expected a device, found none
    """
    module = theirs(namespace["__name__"]).removeprefix("torch.")
    for name in names.split():
        namespace[name] = _refusing(module, name, error, message)
    return names.split()


def _refusing(module: str, name: str, error: type[Exception], message: str) -> Callable[..., NoReturn]:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise error(f"{module}.{name}: {message}")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Raises {error.__name__}: {message}."
    return refuse


def attributes(
    namespace: dict[str, Any], names: str, reason: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a module that offers ``names`` without having them.

    Args:
        namespace: the module's ``globals()``.
        names: the names, separated by blanks.
        reason: see :class:`Lacking`.

    >>> here = {"__name__": "cnn_physics77.fx"}
    >>> get, _ = attributes(here, "Graph Node", "nothing is traced here")
    >>> get("Node")
    <cnn_physics77 has no torch.fx.Node: nothing is traced here>
    """
    module = namespace["__name__"]
    public = theirs(module)
    lacking = {name: Lacking(f"{public}.{name}", reason) for name in names.split()}

    def __getattr__(name: str) -> Any:
        if name not in lacking:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return lacking[name]

    def __dir__() -> list[str]:
        return sorted({*namespace, *lacking})

    return __getattr__, __dir__
