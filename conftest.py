"""Options of the tests: their order, and doing without PyTorch.

It also loads the package before pytest collects the examples of its modules one by one: an operation module
imported first, by itself, would declare its operations twice. The examples of a public class or function are
those of the module that holds its code, not of the facade where it says that it is.
"""

import doctest
import importlib.machinery
import importlib.util
import pkgutil
import random
import signal
import sys
import types

import pytest

from cnn_physics77 import _places, core

if importlib.util.find_spec("jax") is None:  # an extra, which the examples in its modules need
    collect_ignore = ["cnn_physics77/benchmarks/CNN_jax.py", "cnn_physics77/benchmarks/adapters/jax.py"]

for module in pkgutil.walk_packages(core.__path__, f"{core.__name__}."):
    importlib.import_module(module.name)

_from_module = doctest.DocTestFinder._from_module


def _from_module_of_code(self, module, object):
    if isinstance(object, type | types.FunctionType) and module is not None:
        return _places.origin(object) == module.__name__
    return _from_module(self, module, object)


doctest.DocTestFinder._from_module = _from_module_of_code


def pytest_addoption(parser):
    parser.addoption("--order", help="'reversed', or the seed of a random order of the tests")
    parser.addoption(
        "--without-torch",
        action="store_true",
        help="replace PyTorch by a stub that skips each test that calls it, whether it is installed or not",
    )


def pytest_configure(config):
    # a shell lets its background jobs ignore Ctrl-C; the tests of it must not, nor the processes they start
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("--without-torch"):
        sys.meta_path.insert(0, StubFinder())


def pytest_collection_modifyitems(config, items):
    if "torch" in sys.modules and not config.getoption("--without-torch"):
        # workers share the cores: its threads would spin until one that another worker holds up has come
        sys.modules["torch"].set_num_threads(1)
    order = config.getoption("--order")
    if order == "reversed":
        items.reverse()
    elif order is not None:
        random.Random(int(order)).shuffle(items)
    if config.getoption("--without-torch"):
        for item in items:
            if item.get_closest_marker("needs_torch"):
                item.add_marker(pytest.mark.skip(reason="needs PyTorch"))


class Stub(types.ModuleType):
    """Stands for PyTorch and all in it. Names are looked up freely. The first call or operator in a test
    skips the test, and in the body of a test module the whole module.
    """

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Stub(f"{self.__name__}.{name}")

    def __call__(self, *args, **kwargs):
        pytest.skip("needs PyTorch", allow_module_level=True)

    __mro_entries__ = __getitem__ = __or__ = __ror__ = __call__

    def __instancecheck__(self, instance):
        return False  # SciPy asks this of every array, once PyTorch is loaded

    __subclasscheck__ = __instancecheck__


class StubFinder:
    """Finds a stub for every module of PyTorch."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return Stub(spec.name)

    def exec_module(self, module):
        pass
