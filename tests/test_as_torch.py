"""A script runs under `as_torch` as by Python itself, except that ``import torch`` finds this package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from cnn_physics77.torch_version import TorchVersion

ROOT = Path(__file__).parents[1]
PATHS = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(PATHS)}


def python(*arguments, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=ENVIRONMENT,
        timeout=120,
    )


def under(*arguments, cwd=ROOT):
    return python("-m", "cnn_physics77.as_torch", *arguments, cwd=cwd)


def last(done):
    return done.stderr.strip().splitlines()[-1]


PLAIN = """
import os, sys, helper
print(sys.argv, __name__, __file__, sys.path[0], __package__, __spec__ is None, helper.VALUE)
print(sys.modules["__main__"].__dict__ is globals(), __builtins__ is __import__("builtins"), __doc__)
import pickle
class Mine: pass
assert type(pickle.loads(pickle.dumps(Mine()))) is Mine
def end():
    exec(sys.argv[1])
end()
"""
ENDS = {
    "nothing": "pass",
    "exit": "sys.exit(3)",
    "exit with text": "sys.exit('no data')",
    "exit with None": "sys.exit()",
    "error": "1 / 0",
    "error of a chain": "\ntry:\n    1 / 0\nexcept Exception:\n    [][1]",
    "missing library": "import no_such_library",
    "missing attribute": "[].nothing",
    "missing name of a library": "from os import nothing",
    "interrupted": "raise KeyboardInterrupt",
    "own hook": "\nsys.excepthook = lambda *_: print('mine')\nraise ValueError",
    "at exit": "\nimport atexit\natexit.register(print, 'end', sys.modules['__main__'].__file__)",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_program_without_torch_is_run_as_by_python(tmp_path, end):
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "script.py").write_text(PLAIN)
    (folder / "helper.py").write_text("VALUE = 7\n")
    paths = ["inside/script.py", "./inside/script.py", folder / "script.py"]
    for path in paths if end == "error" else paths[:1]:
        expected, found = (run(path, ENDS[end], "-m", "--x", cwd=tmp_path) for run in (python, under))
        assert (found.stdout, found.stderr, found.returncode) == (
            expected.stdout,
            expected.stderr,
            expected.returncode,
        )


def test_modules_are_run_as_by_python(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    body = "import sys\nprint(sys.argv, __name__, __package__, __spec__.name, sys.path[0])\n"
    (tmp_path / "package" / "__main__.py").write_text(body)
    (tmp_path / "package" / "other.py").write_text(body + "from . import __main__\nsys.exit(4)\n")
    (tmp_path / "module.py").write_text(body)
    for name in ("package", "package.other", "module"):
        expected, found = (run("-m", name, "a", "-b", cwd=tmp_path) for run in (python, under))
        assert (found.stdout, found.returncode) == (expected.stdout, expected.returncode)
        assert found.stderr == expected.stderr == ""


def test_what_cannot_be_run(tmp_path):
    (tmp_path / "wrong.py").write_text("x = = 3\n")
    expected, found = python("wrong.py", cwd=tmp_path), under("wrong.py", cwd=tmp_path)
    assert (found.stderr, found.returncode) == (expected.stderr, expected.returncode)
    for arguments in ((), ("-m",), ("--bogus",)):
        done = under(*arguments)
        assert done.returncode == 2 and done.stderr.startswith("usage: python -m cnn_physics77.as_torch")
    done = under("--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: ") and "PyTorch scripts run" in done.stdout
    done = under("nothing.py", cwd=tmp_path)
    assert done.returncode == 2 and "cannot run 'nothing.py': [Errno 2] No such file" in done.stderr
    done = under("-m", "nothing.at_all")
    assert done.returncode == 2 and last(done).startswith(
        "as_torch: cannot run 'nothing.at_all': No module named"
    )


SAME = """
import importlib, sys
import cnn_physics77
import torch, torch.nn as nn, torch.nn.functional as F, torch.utils.data
import torch.optim.lr_scheduler as schedules
import torch.backends.cudnn as cudnn
from torch.nn.modules.linear import Linear
from torch.utils.data import DataLoader
assert torch is cnn_physics77 and nn is cnn_physics77.nn is sys.modules["torch.nn"] is torch.nn
assert schedules is cnn_physics77.optim.lr_scheduler and Linear is nn.Linear is cnn_physics77.nn.Linear
assert importlib.import_module("torch.autograd.functional") is torch.autograd.functional
assert torch.__name__ == "torch" and nn.__spec__.name == torch.__spec__.name + ".nn" == "cnn_physics77.nn"
assert importlib.util.find_spec("torch") and not importlib.util.find_spec("torch.no_such_module")
assert torch.__version__ >= "1.6" and torch.__version__ > (2, 2) and torch.__version__ < "10"
major, minor = map(int, torch.__version__.split(".")[:2])
assert (major, minor) == (2, 13) and torch.version.cuda is None
assert torch.__version__.split("+")[0] == "2.13.0"
try:
    import torch._inductor
except ImportError as error:
    assert error.name == "torch._inductor"
try:
    torch.no_such_name
except AttributeError:
    print("alike")
"""


def test_torch_is_this_package(tmp_path):
    (tmp_path / "script.py").write_text(SAME)
    done = under(tmp_path / "script.py")
    assert (done.stdout, done.stderr) == ("alike\n", "")


LACKING = {
    "torch.nn.NoSuchLayer": "torch.nn.NoSuchLayer",
    "from torch.nn import NoSuchLayer": "torch.nn.NoSuchLayer",
    "import torch.nested.deep": "torch.nested",
    "import torch.nn.parallel.replicate": "torch.nn.parallel.replicate",
    "import torchvision.tv_tensors": "torchvision",
    "torch.ones(2).no_such_method()": "torch.Tensor.no_such_method",
    "torch.optim.SGD.nothing": "torch.optim.sgd.SGD.nothing",
    "torch.nn.functional.nothing(3)": "torch.nn.functional.nothing",
    "torch.no_such_function(3)": "torch.no_such_function",
}


@pytest.mark.parametrize("statement", LACKING)
def test_a_lacking_name_is_one_line(tmp_path, statement):
    (tmp_path / "script.py").write_text(f"import torch\n\ndef run():\n    {statement}\n\nrun()\n")
    done = under("script.py", cwd=tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    found, _, place = done.stderr.partition(" yet, asked for by ")
    assert found.startswith(f"cnn_physics77 has no {LACKING[statement]}") and place == "script.py line 4\n"


def test_what_is_imported_but_lacking_is_one_line_when_it_is_used(tmp_path):
    (tmp_path / "script.py").write_text("from torch.fx import symbolic_trace\nsymbolic_trace(3)\n")
    done = under("script.py", cwd=tmp_path)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("cnn_physics77 has no torch.fx.symbolic_trace: there is no graph")
    assert done.stderr.endswith(", asked for by script.py line 2\n")


def test_errors_of_the_users_own_names_keep_their_traceback(tmp_path):
    (tmp_path / "script.py").write_text(
        "import torch\nclass Net(torch.nn.Module): pass\nNet().missing\n",
    )
    done = under("script.py", cwd=tmp_path)
    assert (
        done.stderr.startswith("Traceback")
        and last(done) == "AttributeError: 'Net' object has no attribute 'missing'"
    )


INSTALL = """
import sys
import cnn_physics77
from cnn_physics77 import as_torch
version = cnn_physics77.__version__
with as_torch.install():
    import torch, torch.nn
    assert torch is cnn_physics77 and torch.__version__ > "2" and torch.__name__ == "torch"
    with as_torch.install():  # inside another one, it changes nothing
        pass
    assert sys.modules["torch.nn"] is torch.nn
    named = torch.Tensor, torch.Size, torch.float32.__class__, torch.nn.Parameter
    assert [str(kind)[8:-2] for kind in named] == [
        "torch.Tensor", "torch.Size", "torch.dtype", "torch.nn.parameter.Parameter"
    ]
assert named[0].__module__ == cnn_physics77.__name__ == "cnn_physics77"
assert not [name for name in sys.modules if name.startswith("torch")] and cnn_physics77.__version__ == version
assert not any(type(finder).__module__ == as_torch.__name__ for finder in sys.meta_path)
as_torch.install()
import torch
assert torch is cnn_physics77
as_torch.install().uninstall()
assert sys.modules["torch"] is cnn_physics77
"""


def test_installing_for_a_program_of_ones_own():
    done = python("-c", INSTALL)
    assert done.returncode == 0, done.stderr


@pytest.mark.needs_torch
def test_it_does_not_replace_pytorch_that_is_imported():
    done = python("-c", "import torch; from cnn_physics77 import as_torch; as_torch.install()")
    assert last(done).startswith(
        "RuntimeError: as_torch.install: expected that torch is not imported, found PyTorch"
    )


def test_libraries_find_it():
    pytest.importorskip("einops")
    done = python(
        "-c",
        "from cnn_physics77 import as_torch; as_torch.install()\n"
        "import torch\nfrom einops import rearrange, reduce\nfrom einops.layers.torch import Rearrange\n"
        "x = torch.arange(24.0, requires_grad=True).reshape(2, 3, 4)\n"
        "y = rearrange(x, 'a b c -> a (b c)')\n"
        "assert type(y) is torch.Tensor and y.shape == (2, 12) and y.requires_grad\n"
        "assert reduce(x, 'a b c -> a', 'max').tolist() == [11, 23]\n"
        "assert torch.nn.Sequential(Rearrange('a b c -> c b a'))(x).shape == (4, 3, 2)\n",
    )
    assert done.returncode == 0, done.stderr


def test_safetensors_loads_files(tmp_path):
    pytest.importorskip("safetensors")
    done = python(
        "-c",
        "from cnn_physics77 import as_torch; as_torch.install()\n"
        "import torch\nfrom safetensors.torch import load_model, save_model\n"
        "one, two = torch.nn.Linear(2, 3), torch.nn.Linear(2, 3)\n"
        f"save_model(one, {str(tmp_path / 'model')!r}); load_model(two, {str(tmp_path / 'model')!r})\n"
        "assert torch.equal(one.weight, two.weight)\n",
    )
    assert done.returncode == 0, done.stderr


VERSIONS = [
    "2.13.0",
    "2.13",
    "2.13.0+cpu",
    "2.13.0+cnn.1",
    "1.6",
    "1.10.0a0",
    "10.0",
    "2.13.1",
    "2.13.0rc1",
    "2.13.0.dev3",
]


def test_versions_are_compared_as_packaging_does():
    for a in VERSIONS:
        for b in VERSIONS:
            for name in ("__lt__", "__le__", "__eq__", "__ne__", "__ge__", "__gt__"):
                expected = getattr(Version(a), name)(Version(b))
                for other in (b, Version(b)):
                    assert getattr(TorchVersion(a), name)(other) is expected, (a, name, b)
        assert hash(TorchVersion(a)) == hash(a) and str(TorchVersion(a)) == a


@pytest.mark.needs_torch
def test_versions_are_compared_as_in_pytorch():
    from torch.torch_version import TorchVersion as Theirs

    for other in ["2.13.0", "1.6", "parrot", "", (2, 2), (2, 13), (2, 13, 0), [10]]:
        for name in ("__lt__", "__le__", "__eq__", "__ge__", "__gt__"):
            for version in ("2.13.0", "2.13.0+cpu"):
                expected = getattr(Theirs(version), name)(other)
                assert getattr(TorchVersion(version), name)(other) is expected, (version, name, other)


def test_a_function_is_not_hidden_by_the_module_of_its_name():
    done = python(
        "-c",
        "from cnn_physics77 import as_torch; as_torch.install()\n"
        "from torchvision.ops.stochastic_depth import StochasticDepth\nimport torchvision.ops.roi_align\n"
        "import torch.nn.utils.weight_norm\nfrom torchvision import ops\n"
        "for found in (ops.stochastic_depth, ops.roi_align, torch.nn.utils.weight_norm):\n"
        "    assert callable(found), found\n",
    )
    assert done.returncode == 0, done.stderr
