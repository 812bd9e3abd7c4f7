"""Public classes and functions say that they are where PyTorch has them; sources and pickles work."""

from __future__ import annotations

import copy
import importlib
import inspect
import io
import pickle
import typing

import pytest

import cnn_physics77 as ours
from cnn_physics77 import _places, nn

FACADES = (
    "",
    ".nn",
    ".nn.functional",
    ".nn.init",
    ".nn.utils",
    ".nn.utils.rnn",
    ".nn.modules",
    ".nn.parameter",
    ".optim",
    ".optim.lr_scheduler",
    ".autograd",
    ".utils.data",
    ".func",
    ".linalg",
    ".special",
    ".fft",
    ".masked",
    ".signal.windows",
    ".serialization",
)
ALIASES = {"true_divide"}
"""Functions with the name of another one."""


def public(facade):
    module = importlib.import_module("cnn_physics77" + facade)
    names = getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]
    for name in names:
        found = getattr(module, name)
        if inspect.isfunction(found) or inspect.isclass(found):
            yield name, found


@pytest.mark.parametrize("facade", FACADES)
def test_no_public_name_says_that_it_is_in_core(facade):
    for name, found in public(facade):
        assert not found.__module__.startswith("cnn_physics77.core"), name
        assert _places.origin(found).startswith(("cnn_physics77", "numpy", "builtins")), name


@pytest.mark.parametrize("facade", FACADES)
def test_pickles_name_the_place(facade):
    for name, found in public(facade):
        if name not in ALIASES:
            assert pickle.loads(pickle.dumps(found)) is found, name


def test_the_scheduler_is_where_a_script_asks_for_it():
    lr_scheduler = ours.optim.lr_scheduler  # a line of d2l's training loop
    for name in ("StepLR", "OneCycleLR", "ReduceLROnPlateau", "SequentialLR", "LRScheduler"):
        assert getattr(lr_scheduler, name).__module__ == lr_scheduler.__name__


def test_layers_keep_their_source():
    for name, layer in public(".nn.modules"):
        if name == "LinearCrossEntropyOptions":  # no layer: its code is that of the operation
            continue
        first = inspect.getsource(layer).splitlines()[0]
        other = name in ("Conv2D", "LinearLayer", "NonDynamicallyQuantizableLinear")
        assert other or first.startswith(f"class {name}("), name
    for kind in (
        ours.optim.Adam,
        ours.utils.data.DataLoader,
        ours.no_grad,
        ours.autograd.Function,
        nn.Parameter,
    ):
        assert inspect.getsource(kind).startswith(f"class {kind.__name__}")


def test_the_names_of_old_pickles_are_still_there():
    for kind in (ours.Tensor, nn.Linear, ours.optim.SGD):
        module = importlib.import_module(_places.origin(kind))
        assert getattr(module, kind.__name__) is kind


def test_whole_networks_are_copied_and_pickled():
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
    x = ours.rand(4, 2)
    for copied in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        assert ours.equal(copied(x), network(x))
    file = io.BytesIO()
    ours.save(network.state_dict(), file)
    file.seek(0)
    assert list(ours.load(file)) == list(network.state_dict())


@pytest.mark.parametrize("facade", FACADES)
def test_annotations_are_found(facade):
    """Also those of the classes that users derive from them, as data classes and transformers do."""
    for name, found in public(facade):
        if inspect.isclass(found):
            annotated = [inspect.get_annotations(kind) for kind in found.__mro__]
            assert set().union(*annotated) == set(typing.get_type_hints(found)), name
