"""PyTorch scripts run unchanged: ``import torch`` finds this package.

    python -m cnn_physics77.as_torch SCRIPT.py [ARGUMENT ...]
    python -m cnn_physics77.as_torch -m MODULE [ARGUMENT ...]

The script runs as by ``python SCRIPT.py``: with its arguments, its folder in ``sys.path``, as ``__main__``,
with its exit status and its tracebacks. If it asks for a name that the package lacks, one line says so.

:func:`install` does the same for a program of your own, and for the libraries that it imports.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import io
import os
import re
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import CodeType, ModuleType, TracebackType
from typing import Any

import cnn_physics77
from cnn_physics77 import _lazy
from cnn_physics77._lacking import LackingError
from cnn_physics77.core.pytorch_names import PACKAGES, ours, theirs
from cnn_physics77.torch_version import TorchVersion

LIKE = "2.13.0"
"""The version of PyTorch whose names and meaning the package has."""
USAGE = "usage: python -m cnn_physics77.as_torch [-m MODULE | SCRIPT.py] [ARGUMENT ...]"


# ------------------------------------------------------------------------------------------------- importing


class _Finder(MetaPathFinder):
    """Finds our modules under PyTorch's names."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        name = ours(fullname)
        try:
            found = None if name is None else importlib.util.find_spec(name)
        except ModuleNotFoundError:  # a package above it is missing
            found = None
        if found is None:
            if fullname in PACKAGES:
                raise ModuleNotFoundError(f"cnn_physics77 has no {fullname} yet", name=fullname)
            return None
        return ModuleSpec(fullname, _Alias(), is_package=found.submodule_search_locations is not None)


class _Alias(Loader):
    """Loads a module of PyTorch's: the very module of ours, which keeps what it says about itself."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(ours(spec.name) or spec.name)
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own
        # Submodules that are loaded are there too: loading one again would hide a function of its name.
        for name, child in tuple(sys.modules.items()):
            if name.rpartition(".")[0] == module.__name__:
                sys.modules.setdefault(theirs(name), child)


def _classes() -> list[type]:
    """The classes by whose module libraries tell whose tensors they were given: Tensor, dtype, and so on."""
    top = [kind for kind in _lazy.present(cnn_physics77).values() if isinstance(kind, type)]
    return [kind for kind in (*top, cnn_physics77.nn.Parameter) if theirs(kind.__module__) != kind.__module__]


class install:
    """``import torch`` finds this package from now on, in this process; as a context, until its end.

    ``torch.nn`` and ``cnn_physics77.nn`` are the same module, and so on; the package says that it is
    ``torch``, and the class of a tensor that it is ``torch.Tensor``. ``torch.__version__`` says of which
    version of PyTorch the names are. Libraries that import torch, such as einops, are to be imported after
    this.

    Raises:
        RuntimeError: PyTorch itself is imported already.

    >>> import sys
    >>> if "torch" not in sys.modules:
    ...     with install():
    ...         import torch.nn as nn
    ...         print(nn.Linear(2, 1))
    ... else:
    ...     print("Linear(in_features=2, out_features=1, bias=True)")
    Linear(in_features=2, out_features=1, bias=True)
    """

    def __init__(self) -> None:
        present = sys.modules.get("torch")
        if present not in (None, cnn_physics77):
            raise RuntimeError(
                "as_torch.install: expected that torch is not imported, found PyTorch itself; call it before "
                "anything that imports torch"
            )
        self._finder = None if present is cnn_physics77 else _Finder()
        if self._finder is not None:
            self._version = cnn_physics77.__version__
            cnn_physics77.__version__ = TorchVersion(f"{LIKE}+cnn_physics77.{self._version}")
            cnn_physics77.__name__ = "torch"
            self._renamed = {kind: kind.__module__ for kind in _classes()}
            for kind, name in self._renamed.items():
                kind.__module__ = theirs(name)
            sys.meta_path.insert(0, self._finder)
            importlib.import_module("torch")  # libraries look for it in sys.modules

    def uninstall(self) -> None:
        """Undo it. The outermost one counts where several are nested."""
        if self._finder is None:
            return
        sys.meta_path.remove(self._finder)
        for name in [name for name in sys.modules if ours(name) is not None]:
            del sys.modules[name]
        cnn_physics77.__version__, cnn_physics77.__name__ = self._version, "cnn_physics77"
        for kind, own in self._renamed.items():
            kind.__module__ = own
        self._finder = None

    def __enter__(self) -> install:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.uninstall()


# ------------------------------------------------------------------------------------------------- reporting


def _lacking(error: BaseException) -> str | None:
    """The sentence that says which name is lacking; None if the error says something else."""
    if isinstance(error, LackingError):
        return str(error)
    name = None
    if isinstance(error, ModuleNotFoundError):
        name = error.name if error.name and ours(error.name) else None
    elif isinstance(error, ImportError):
        missing = re.match(r"cannot import name '(\w+)' from '", str(error))
        name = f"{error.name}.{missing[1]}" if missing else None
    elif isinstance(error, AttributeError) and error.name is not None:
        asked = error.obj
        place = asked.__name__ if isinstance(asked, ModuleType) else _class_name(asked)
        name = f"{place}.{error.name}"
    if name is None or not (ours(name) or name.startswith("cnn_physics77.")):
        return None
    return f"cnn_physics77 has no {theirs(name)} yet"


def _class_name(asked: Any) -> str:
    kind = asked if isinstance(asked, type) else type(asked)
    return f"{kind.__module__}.{kind.__qualname__}"


def _asked_by(traceback: TracebackType | None) -> str:
    """The last place outside this package, and outside the machinery of importing."""
    own, found = os.path.dirname(os.path.abspath(__file__)) + os.sep, "?"
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith((own, "<frozen importlib")):
            found = f"{file.removeprefix(os.getcwd() + os.sep)} line {traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found


def _report_from(code: CodeType) -> Any:
    """The ``sys.excepthook`` of a program: its traceback begins at ``code``; a lacking name is one line."""

    def report(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        own = traceback
        while own is not None and own.tb_frame.f_code is not code:
            own = own.tb_next
        sentence = _lacking(error)
        if sentence is not None:
            print(f"{sentence}, asked for by {_asked_by(own or traceback)}", file=sys.stderr)
        else:
            sys.__excepthook__(kind, error.with_traceback(own or traceback), own or traceback)

    return report


# --------------------------------------------------------------------------------------------------- running


def _script(path: str) -> tuple[CodeType, dict[str, Any], str]:
    """The code of a script, what ``__main__`` says about it, and the folder for ``sys.path``."""
    path = os.path.join(os.getcwd(), path)
    with io.open_code(path) as file:
        source = file.read()
    about = {"__file__": path, "__loader__": SourceFileLoader("__main__", path)}
    return compile(source, path, "exec", dont_inherit=True), about, os.path.dirname(os.path.realpath(path))


def _module(name: str) -> tuple[CodeType, dict[str, Any], str]:
    """The same of a module, or of the ``__main__`` of a package."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    code = spec.loader.get_code(spec.name) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined]
    if spec is None or code is None:
        raise ImportError(f"No module named {name}")
    about = {"__file__": spec.origin, "__loader__": spec.loader, "__spec__": spec, "__package__": spec.parent}
    return code, about, os.getcwd()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a script or module; see the module's text.

    Args:
        arguments: as given after the command's name; None takes them from the command line.

    Returns:
        0, also after ``--help``; 2 if there is nothing to run; 1 if it is not Python. Exceptions of the
        program pass through, and with them its exit status.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    as_module = arguments[:1] == ["-m"]
    arguments = arguments[as_module:]
    if arguments[:1] in (["-h"], ["--help"]) and not as_module:
        print(f"{USAGE}\n\n{__doc__}", end="")
        return 0
    if not arguments or arguments[0].startswith("-"):
        print(USAGE, file=sys.stderr)
        return 2
    folder = 0 if sys.flags.safe_path else 1  # how many entries of sys.path are the interpreter's own
    if as_module:
        sys.path[:folder] = [os.getcwd()][:folder]
    install()
    try:
        code, about, path = _module(arguments[0]) if as_module else _script(arguments[0])
    except (ImportError, OSError) as error:
        print(f"as_torch: cannot run {arguments[0]!r}: {error}", file=sys.stderr)
        return 2
    except SyntaxError as error:
        sys.__excepthook__(SyntaxError, error.with_traceback(None), None)
        return 1
    sys.path[:folder] = [path][:folder]
    sys.argv[:] = [str(about["__file__"]) if as_module else arguments[0], *arguments[1:]]
    program = ModuleType("__main__")
    vars(program).update(about, __builtins__=builtins)
    sys.modules["__main__"] = program
    sys.excepthook = _report_from(code)
    exec(code, vars(program))
    return 0


if __name__ == "__main__":
    from cnn_physics77 import as_torch  # the module itself, not this copy of it

    sys.exit(as_torch.main())
