"""`import cnn_physics77` changes nothing in the process; `performance.apply()` what its status says."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

FACADES = (
    "cnn_physics77",
    "cnn_physics77.nn",
    "cnn_physics77.nn.functional",
    "cnn_physics77.nn.init",
    "cnn_physics77.nn.utils",
    "cnn_physics77.optim",
    "cnn_physics77.optim.lr_scheduler",
    "cnn_physics77.autograd",
    "cnn_physics77.autograd.forward_ad",
    "cnn_physics77.autograd.functional",
    "cnn_physics77.autograd.graph",
    "cnn_physics77.linalg",
    "cnn_physics77.special",
    "cnn_physics77.fft",
    "cnn_physics77.signal.windows",
    "cnn_physics77.sparse",
    "cnn_physics77.masked",
    "cnn_physics77.overrides",
    "cnn_physics77.types",
    "cnn_physics77.cuda",
    "cnn_physics77.cuda.amp",
    "cnn_physics77.accelerator",
    "cnn_physics77.backends.cudnn",
    "cnn_physics77.distributed",
    "cnn_physics77.distributions",
    "cnn_physics77.func",
    "cnn_physics77.functorch",
    "cnn_physics77.compiler",
    "cnn_physics77.fx",
    "cnn_physics77.nn.attention",
    "cnn_physics77.jit",
    "cnn_physics77.multiprocessing",
    "cnn_physics77.nn.modules",
    "cnn_physics77.nn.parallel",
    "cnn_physics77.onnx",
    "cnn_physics77.serialization",
    "cnn_physics77.utils.benchmark",
    "cnn_physics77.utils.checkpoint",
    "cnn_physics77.utils.tensorboard",
    "cnn_physics77.utils.data",
    "cnn_physics77.datasets",
    "cnn_physics77.performance",
)

PROGRAM = """
import atexit, importlib, locale, os, random, resource, signal, sys, threading, warnings
import numpy as np
import numpy.random, numpy.linalg, numpy.lib.stride_tricks  # NumPy loads them when first asked for

registered = []
for module, name in ((atexit, "register"), (os, "register_at_fork"), (threading, "_register_atexit")):
    original = getattr(module, name)
    def record(*arguments, name=name, original=original, **options):
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.partition(".")[0] == "cnn_physics77":
            registered.append((name, caller))
        return original(*arguments, **options)
    setattr(module, name, record)

def threads():
    return sorted(os.listdir("/proc/self/task"))

def faults():
    "Page faults of large arrays that are allocated and freed: glibc gives their memory back at once."
    def once():
        arrays = [np.ones(2_000_000, np.float32) for _ in range(8)]
    once()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        once()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def state():
    return {
        "threads": threads(),
        "affinity": sorted(os.sched_getaffinity(0)),
        "environment": dict(os.environ),
        "filters": list(warnings.filters),
        "numpy errors": np.geterr(),
        "numpy printing": np.get_printoptions(),
        "numpy random": np.random.get_state()[1].tolist(),
        "random": random.getstate(),
        "signals": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "recursion limit": sys.getrecursionlimit(),
        "switch interval": sys.getswitchinterval(),
        "hooks": [sys.excepthook, sys.displayhook, threading.excepthook, sys.getprofile(), sys.gettrace()],
        "paths": [*sys.path, os.getcwd(), locale.setlocale(locale.LC_ALL)],
        "limits": [resource.getrlimit(number) for number in range(resource.RLIM_NLIMITS)]
        if hasattr(resource, "RLIM_NLIMITS") else [],
    }

assert faults() > 10_000
before = state()

def compare():
    after = state()
    for key in before:
        assert after[key] == before[key], (key, before[key], after[key])
"""


def run(program: str, **variables: str) -> str:
    """What the program prints, in a process of its own."""
    own = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
    clean = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=clean | {"PYTHONPATH": str(ROOT)} | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


needs_linux = pytest.mark.skipif(
    not Path("/proc/self/task").exists()
    or not hasattr(os, "confstr")
    or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""),
    reason="reads Linux's threads and glibc's allocator",
)


@needs_linux
def test_importing_changes_nothing_in_the_process():
    run(
        PROGRAM
        + f"""
for name in {FACADES}:
    importlib.import_module(name)
assert registered == [], registered
compare()
assert faults() > 10_000, "freed memory is kept"

from cnn_physics77 import performance
found = performance.status()
assert found.allocator == "untouched" and found.workers == 0, found
assert registered == [], registered
compare()
""",
        OPENBLAS_NUM_THREADS="2",  # NumPy itself starts those
        OMP_NUM_THREADS="2",
    )


@needs_linux
def test_one_thread_after_the_import():
    found = run(
        f"import importlib, os\nfor name in {FACADES}: importlib.import_module(name)\n"
        "print(len(os.listdir('/proc/self/task')))",
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
    )
    assert found.split() == ["1"]


@needs_linux
def test_apply_changes_what_its_status_says():
    run(
        PROGRAM
        + """
import cnn_physics77
from cnn_physics77 import performance
found = performance.apply(threads=3)
assert found == performance.status() and found.allocator == "keeps freed memory" and found.threads == 3
assert cnn_physics77.get_num_threads() == 3
assert faults() < 100
assert registered == [], registered
compare()  # nothing else

x = cnn_physics77.ones(600, 600)
x @ x
found = performance.status()
assert found.workers == 2 == len(threads()) - len(before["threads"])
assert found.processors == tuple(before["affinity"])
assert sorted(registered) == [
    ("register", "cnn_physics77.core.kernels.runtime.pool"),
    ("register_at_fork", "cnn_physics77.core.kernels.runtime.blas"),
    ("register_at_fork", "cnn_physics77.core.kernels.runtime.pool"),
], registered
"""
    )


def test_importing_loads_numpy_the_standard_library_and_this_package_alone():
    found = run(
        f"""
import sys, numpy
before = set(sys.modules)
import importlib
for name in {FACADES}:
    importlib.import_module(name)
print(*{{name.partition('.')[0] for name in set(sys.modules) - before if 'cython' not in name}})
"""  # numpy.random, which is loaded late, brings the names of its compiler
    )
    stdlib = set(sys.stdlib_module_names) | {"__mp_main__"}  # of multiprocessing
    assert set(found.split()) <= stdlib | {"cnn_physics77", "numpy"}


LATE = {
    "": (
        "performance",
        "utils",
        "testing",
        "linalg",
        "fft",
        "special",
        "lgamma",
        "cuda",
        "load",
        "save",
        "func",
        "vmap",
        "distributions",
    ),
    ".autograd": ("functional", "gradcheck", "gradgradcheck"),
    ".nn": ("LSTM", "LazyLinear", "PixelShuffle", "Transformer"),
    ".nn.functional": ("pixel_shuffle", "scaled_dot_product_attention"),
    ".nn.utils": ("rnn", "parametrize", "prune", "fuse_conv_bn_eval", "skip_init", "weight_norm"),
    ".optim": ("lr_scheduler", "lbfgs", "LBFGS", "RMSprop", "Muon"),
}
"""What each facade imports when it is asked for."""


def test_what_a_training_script_does_without_is_loaded_when_it_is_asked_for():
    found = run(
        f"""
import importlib, sys
import cnn_physics77
from cnn_physics77._lazy import present
late = "performance utils testing linalg cuda core.checkpoint core.loading core.optim.lr_cycle"
print(*[name for name in late.split() if "cnn_physics77." + name in sys.modules])
for facade, names in {LATE}.items():
    module = importlib.import_module("cnn_physics77" + facade)
    assert set(names) <= set(dir(module)) and not set(names) & set(present(module)), facade
    assert set(present(module)) < set(dir(module))
    assert facade == ".nn" or {{"performance", "utils"}}.isdisjoint(module.__all__)
    for name in names:
        found = getattr(module, name)
        assert present(module)[name] is found
        space = {{}}
        exec(f"from cnn_physics77{{facade}} import {{name}}", space)
        assert space[name] is found
    try:
        module.unknown
    except AttributeError as error:
        assert str(error) == f"module {{module.__name__!r}} has no attribute 'unknown'"
    else:
        raise AssertionError(facade)
print(cnn_physics77.performance.status().allocator)
"""
    )
    assert found.splitlines()[0] == ""


def test_no_late_module_is_imported_with_the_package():
    run(
        """
import sys
import cnn_physics77
from cnn_physics77 import _late
from cnn_physics77.nn import functional
from cnn_physics77.nn.modules._late import layers
package = "cnn_physics77.core.operations.nn."
late = {*_late.MODULES.values(), *layers().values(), *(package + name for name in functional._LATE)}
assert len(late) > 20 and not late & set(sys.modules), late & set(sys.modules)
"""
    )


def test_a_star_gives_what_is_loaded_later_too():
    run(
        """
from cnn_physics77 import *
save, load, nn.Linear, optim.SGD, linalg.matmul, cuda.is_available, relu
from cnn_physics77.optim import *
lr_scheduler.StepLR, SGD
from cnn_physics77.autograd import *
gradcheck, functional.jacobian
import cnn_physics77
assert "unknown" not in dir(cnn_physics77)
"""
    )


def test_a_function_of_two_modules_is_where_its_name_is_whichever_is_imported_first():
    run(
        """
import pickle
from cnn_physics77 import special
assert pickle.loads(pickle.dumps(special.gammainc)) is special.gammainc
"""
    )
