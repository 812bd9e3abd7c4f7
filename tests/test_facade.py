"""The public face: PyTorch's names, and a PyTorch script that runs after a change of its imports only."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77 import _native

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "mnist_pytorch_style.py"


def load_script(path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_a_pytorch_script_for_mnist_runs(tmp_path, capsys):
    path = tmp_path / "model.ckpt"
    accuracy = load_script(SCRIPT).main(
        ["--limit", "2000", "--epochs", "2", "--batch-size", "32", "--save", str(path)]
    )
    assert accuracy > 75  # 10 % by chance
    assert "epoch 2, step    0, loss" in capsys.readouterr().out
    assert set(ours.load(path)) == {
        f"{layer}.{p}" for layer in ("conv1", "conv2", "fc1", "fc2") for p in ("weight", "bias")
    }


def test_it_is_a_pytorch_script(tmp_path, capsys):
    """With ``import torch`` put back, and without ``performance``, it runs in PyTorch."""
    lines = [line for line in SCRIPT.read_text().splitlines() if "performance" not in line]
    text = "\n".join(lines).replace("import cnn_physics77 as torch", "import torch")
    body = text.partition("\nimport argparse")[2].replace("cnn_physics77", "torch")
    assert "cnn" not in body
    path = tmp_path / "in_pytorch.py"
    path.write_text("import argparse" + body)
    data = str(ROOT / "data" / "mnist")
    accuracy = load_script(path).main(["--limit", "500", "--epochs", "1", "--data", data])
    assert 0 <= accuracy <= 100
    assert "test: mean loss" in capsys.readouterr().out


def test_importing_loads_numpy_and_the_standard_library_alone():
    code = (  # numpy.random, which is loaded late, brings the names of its compiler
        "import sys, numpy; before = set(sys.modules); import cnn_physics77\n"
        "print(*{m.partition('.')[0] for m in set(sys.modules) - before if 'cython' not in m})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    foreign = set(run.stdout.split()) - set(sys.stdlib_module_names) - {"cnn_physics77", "numpy"}
    assert not foreign


MODULES = [
    ("", {"one_hot"}),
    (".nn", {"Conv2D", "LinearLayer"}),
    (".nn.functional", set()),
    (".nn.init", set()),
    (".nn.utils", set()),
    (".nn.utils.rnn", set()),
    (".optim", set()),
    (".optim.lr_scheduler", set()),
    (".autograd", {"is_grad_enabled"}),
    (".autograd.functional", {"hvp", "vhp"}),
    (".utils.data", {"WorkerInfo", "collate", "default_collate_fn_map", "read_idx"}),
    (".linalg", set()),
    (".special", set()),
    (".fft", set()),
    (".signal.windows", set()),
    (".sparse", set()),
    (".masked", set()),
    (".cuda", set()),
    (".distributions", set()),
    (".func", set()),
]
"""Our module, and what is in it that PyTorch does not have."""


def public(module):
    """The names that a module offers; not its own submodules, nor what it is made of."""
    names = getattr(module, "__all__", None) or {n for n in vars(module) if not n.startswith("_")}
    return {n for n in names if not inspect.ismodule(getattr(module, n))}


@pytest.mark.needs_torch
@pytest.mark.parametrize(("name", "own"), MODULES)
def test_names_are_pytorchs(name, own):
    mine = importlib.import_module("cnn_physics77" + name)
    theirs = importlib.import_module("torch" + name)
    assert {n for n in public(mine) if not hasattr(theirs, n)} - own == set()


@pytest.mark.needs_torch
def test_functions_are_in_the_modules_where_pytorch_has_them():
    """What ``torch.nn.functional`` and ``torch`` share is the same function, found in both, unless PyTorch's
    have other arguments."""
    for name in public(ours.nn.functional):
        function = getattr(ours.nn.functional, name)
        if callable(function) and hasattr(torch, name) and name not in _native.__all__:
            assert getattr(ours, name) is function


NEEDED = """
Tensor tensor from_numpy as_tensor is_tensor zeros ones empty full eye arange linspace rand randn
randint zeros_like ones_like full_like randperm manual_seed Generator device dtype finfo iinfo inf
nan pi e float16 float32 float64 complex64 complex128 uint8 int8 int16 int32 int64 bool long half
double add sub mul div pow exp log sqrt sin cos tanh sigmoid relu abs sign clamp where minimum
maximum sum mean var std max min argmax argmin amax amin prod cumsum norm all any topk sort argsort
reshape flatten squeeze unsqueeze transpose permute cat stack split chunk gather scatter
index_select matmul mm bmm mv dot einsum outer eq ne lt le gt ge allclose equal isnan isinf isfinite
no_grad enable_grad set_grad_enabled is_grad_enabled inference_mode save load set_num_threads
get_num_threads get_default_dtype set_default_dtype softmax log_softmax cuda.is_available nn.Module
nn.Parameter nn.Sequential nn.Linear nn.Conv2d nn.BatchNorm2d nn.CrossEntropyLoss
nn.functional.cross_entropy nn.functional.one_hot nn.functional.tanh nn.functional.dropout
nn.init.kaiming_uniform_ nn.utils.clip_grad_norm_ optim.SGD optim.Adam optim.AdamW optim.LBFGS
optim.RMSprop optim.Adadelta optim.Adagrad optim.Adamax optim.NAdam optim.RAdam optim.ASGD optim.Rprop
optim.Adafactor optim.Muon optim.SparseAdam
optim.lr_scheduler.OneCycleLR autograd.grad autograd.Function autograd.gradcheck
autograd.functional.hessian utils.data.DataLoader utils.data.TensorDataset
broadcast_shapes promote_types result_type
"""


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", NEEDED.split())
def test_what_scripts_need_is_there(name):
    mine, theirs = ours, torch
    for part in name.split("."):
        mine, theirs = getattr(mine, part), getattr(theirs, part)
    assert callable(mine) or not callable(theirs)


def test_there_is_no_cuda():
    assert not ours.cuda.is_available()
    assert ours.cuda.device_count() == 0
    ours.cuda.manual_seed_all(3)
    assert ours.device("cuda:1") == ours.device("cuda", 1) != ours.device("cpu")
    assert str(ours.device("cuda:1")) == str(torch.device("cuda:1"))
    assert repr(ours.device("cpu")) == repr(torch.device("cpu"))
    assert len({ours.device("cpu"), ours.device("cpu")}) == 1
    for bad in ("cuda:x", "", "3"):
        with pytest.raises(RuntimeError):
            ours.device(bad)
    with pytest.raises(AttributeError, match="nothing"):
        ours.nothing  # noqa: B018


def test_inference_mode():
    x = ours.ones(1, requires_grad=True)
    with ours.inference_mode():
        assert not (x * 2).requires_grad
        with ours.inference_mode(False):
            assert (x * 2).requires_grad


@pytest.mark.needs_torch
@pytest.mark.filterwarnings("ignore")
def test_functions_of_one_tensor_answer_in_pytorchs_dtype():
    """Of booleans and integers, wherever PyTorch answers with a tensor."""
    values = [np.array([True, False]), *(np.array([1, 2], kind) for kind in ("u1", "i1", "i2", "i4", "i8"))]
    compared = set()
    for name in sorted(set(dir(ours)) & set(dir(torch))):
        function = getattr(ours, name)
        if not inspect.isroutine(function) or name.startswith(("_", "set_")):
            continue
        for value in values:
            try:
                expected = getattr(torch, name)(torch.tensor(value))
            except (TypeError, RuntimeError, ValueError, IndexError, AttributeError):
                continue
            if isinstance(expected, torch.Tensor):
                result = function(ours.tensor(value))
                assert str(result.dtype) == str(expected.dtype), (name, value.dtype)
                compared.add(name)
    assert len(compared) > 90
